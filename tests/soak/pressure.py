# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""More than can be stored: an event store that is away, a burst of datagrams."""
import os
import signal
import socket
import threading
import time

import senders
from city import Failure, eventually

LIMIT_MB = 64
TOLD_WITHIN = 60  # what is promised of the health strip


class Down(threading.Thread):
    """The event store is killed as often as it is started again."""

    def __init__(self, city):
        super().__init__(daemon=True)
        self.city, self.stopping, self.deaths = city, False, 0

    def run(self):
        while not self.stopping:
            pid = self.city.roles().get('eventdb')
            if pid is not None:
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.deaths += 1
                except ProcessLookupError:
                    pass
            time.sleep(0.1)

    def end(self):
        self.stopping = True
        self.join()


def blind(city):
    return {line['what'] for line in city.api('GET', '/api/v1/health')['blind']}


def store_down(bench):
    """the event store is away while senders go on (--seconds); the spool fills up to its bound"""
    city = senders.listening_city(bench, 'down', f'spool_limit_mb = {LIMIT_MB}\ncanary_interval_s = 5\n')
    # Long enough that the spool fills, so that its bound is seen, too.
    pad = 2000
    load = senders.Load(city, bench.next('down'), max(int(LIMIT_MB * 1.2e6 / pad), bench.events), pad=pad)
    load.patience += bench.seconds
    spool = senders.Spool(city, load)
    load.gate = load.share // 20
    spool.start()
    load.start()
    load.goes_on(load.gate * len(load.streams))
    down, begun, told = Down(city), time.monotonic(), {}
    down.start()
    try:
        while {'eventdb', 'spool'} - told.keys() or time.monotonic() - begun < bench.seconds:
            now = time.monotonic() - begun
            for what in blind(city) - told.keys():
                told[what] = now
            if now > TOLD_WITHIN and 'eventdb' not in told:
                raise Failure(f'after {now:.0f} s the strip says nothing of the event store')
            if now > load.patience:
                raise Failure(f'the spool does not fill: {load.told()}')
            # Evenly over the time it is away, and in the end more than there is room for.
            load.gate = load.share if now > bench.seconds * 0.8 else load.share // 20 + int(load.share * 0.2 * now / max(1, bench.seconds))
            time.sleep(0.5)
    finally:
        down.end()
    away, sent, answers = time.monotonic() - begun, load.sent(), dict(load.statuses)
    begun = time.monotonic()
    if sent >= load.count or not answers.keys() & {429, 503}:
        raise Failure(f'nothing was refused: {load.told()}')
    eventually('the event store is told to be back', lambda: 'eventdb' not in blind(city), load.patience, 0.5)
    seen = time.monotonic() - begun
    load.finish()
    words = senders.compare(load, spool)
    if spool.largest > LIMIT_MB << 20:
        raise Failure(f'the spool took {spool.largest} bytes, {LIMIT_MB << 20} are its bound')
    eventually('nothing is told any more', lambda: not blind(city) & {'eventdb', 'spool'}, load.patience, 0.5)
    return f'away for {away:.0f} s ({down.deaths} deaths), told after {told["eventdb"]:.0f} s, the full spool (at most {spool.largest >> 20} of ' \
           f'{LIMIT_MB} MiB) after {told["spool"]:.0f} s; {sent} of {load.count} events taken meanwhile, answers {answers}; told to be back ' \
           f'after {seen:.0f} s; {words}'


# ---- datagrams

def kernel_drops(port):
    with open('/proc/net/udp', encoding='ascii') as f:
        return sum(int(line.split()[-1]) for line in f if line.split()[1].endswith(f':{port:04X}'))


def burst(bench):
    """a hundred times what comes otherwise, over UDP; what is lost is counted to the last one"""
    city = senders.listening_city(bench, 'senders')
    run, count = bench.next('burst'), max(20000, bench.events)

    def dropped():
        row = next(r for r in city.pages('/api/v1/sources') if r['id'] == city.source)
        return row['state'].get('dropped', 0)
    before = kernel_drops(city.syslog['udp']), dropped()
    begun = time.monotonic()
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', city.syslog['udp']))
        head = f'<134>1 2026-11-21T08:00:00Z soak soak 77 - - soak_run={run} k=0 n='
        for n in range(count):
            s.send(f'{head}{n}; quá tải'.encode())
    took = time.monotonic() - begun

    def rows():
        try:
            return senders.stored(city, run).get(0, [0, 0])
        except OSError:
            return [0, 0]

    def accounted():
        lost = kernel_drops(city.syslog['udp']) - before[0] + dropped() - before[1]
        here = rows()
        accounted.told = f'{here[0]} stored ({here[1]} different), {lost} counted lost, {count} sent'
        return here[0] == here[1] and here[0] + lost == count
    try:
        eventually('stored and lost together are what was sent', accounted, pause=1)
    except Failure as e:
        raise Failure(f'{e}: {accounted.told}') from e
    return f'{count} datagrams in {took:.1f} s: {accounted.told}'
