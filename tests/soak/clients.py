# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Slow and lying clients. The others are served meanwhile, and memory stays bounded."""
import gzip
import json
import socket
import ssl
import threading
import time
import uuid

from city import Failure, eventually, memory_kib
from load import Upload

SLOW = 120
MEMORY_MIB = 300


def connect(city, port, tls=True):
    s = socket.create_connection(('127.0.0.1', port), timeout=20)
    return city.context().wrap_socket(s) if tls else s


class Slow(threading.Thread):
    """Connections that say something from time to time and never come to an end."""

    def __init__(self, city):
        super().__init__(daemon=True)
        self.city, self.stopping, self.open, self.cut = city, False, 0, 0

    def begin(self, i):
        port = (self.city.console, self.city.events, self.city.agents)[i % 3]
        s = connect(self.city, port, tls=i % 4 != 3)
        if i % 4 == 0:
            s.sendall(b'POST /api/v1/events HTTP/1.1\r\nHost: x\r\n')
        elif i % 4 == 1:
            s.sendall(b'POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{')
        elif i % 4 == 2:
            s.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' * 200)  # and never reads
        s.setblocking(False)
        return s

    def run(self):
        sockets = []
        for i in range(SLOW):
            try:
                sockets.append(self.begin(i))
            except OSError:
                self.cut += 1
        self.open = len(sockets)
        while not self.stopping:
            for i, s in enumerate(sockets):
                try:
                    if s is not None:
                        s.send(b'x' if i % 4 == 1 else b'X: y\r\n')
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    pass
                except OSError:
                    self.cut += 1
                    sockets[i] = None
            time.sleep(0.2)
        for s in sockets:
            if s is not None:
                s.close()


def raw(city, head, body=b'', port=None):
    """The status of the answer; 0 when there is none."""
    try:
        s = connect(city, port or city.events)
        s.sendall(head + body)
        answer = s.recv(4096)
        s.close()
        return int(answer.split(b' ')[1]) if answer.startswith(b'HTTP/1.1 ') else 0
    except (OSError, IndexError, ValueError):
        return 0


def lies(city):
    """Requests that contradict themselves: (name, got, wanted statuses)."""
    post = f'POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {city.token}\r\n'.encode()

    def say(extra, body=b'{}'):
        return raw(city, post + extra + b'\r\n', body)
    bomb = gzip.compress(bytes(300 << 20), 9)
    rows = [
        ('two lengths', say(b'Content-Length: 2\r\nContent-Length: 3\r\n'), (0, 400)),
        ('length and chunks', say(b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'), (0, 400)),
        ('a negative length', say(b'Content-Length: -1\r\n'), (0, 400)),
        ('a length past all limits', say(b'Content-Length: 99999999999999999999\r\n'), (0, 400, 413)),
        ('more than the limit', say(b'Content-Length: 999999999\r\n'), (0, 413)),
        ('a gzip bomb', say(f'Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n'.encode(), bomb), (400, 413)),
        ('not gzip', say(b'Content-Encoding: gzip\r\nContent-Length: 2\r\n'), (400,)),
        ('a batch number that is none', say(b'Luytre-Batch: x:-1\r\nContent-Length: 2\r\n'), (400,)),
        ('no sender', raw(city, b'POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n', b'{}'), (401,)),
        ('a check-in without certificate', raw(city, b'POST /agent/v1/checkin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                                               b'Content-Length: 2\r\n\r\n', b'{}', city.agents), (401, 403)),
    ]
    return [f'{name}: {got}, not {wanted}' for name, got, wanted in rows if got not in wanted]


def post(city, run, epoch, numbers, extra=None):
    lines = [json.dumps({'soak_run': run, 'soak_n': str(n), **(extra or {})}).encode() for n in numbers]
    body = b'\n'.join(lines) + b'\n'
    c = Upload(city, run, 4)
    import http.client
    h = http.client.HTTPSConnection('127.0.0.1', city.events, timeout=30, context=city.context())
    status, answer = c.post(h, epoch, numbers[0], gzip.compress(body))
    h.close()
    if status != 200:
        raise Failure(f'events: {status} {answer[:200]}')
    return json.loads(answer)['taken']


def sequences(city, run):
    """Batches again, out of order, rewound, overlapping: each number once."""
    epoch = uuid.uuid4()
    taken = [post(city, run, epoch, range(0, 100)),    # new
             post(city, run, epoch, range(0, 100)),    # again
             post(city, run, epoch, range(50, 150)),   # overlapping
             post(city, run, epoch, range(200, 250)),  # with a gap: taken, the gap is the sender's
             post(city, run, epoch, range(0, 10))]     # rewound
    if taken != [100, 0, 50, 50, 0]:
        raise Failure(f'sequence numbers: {taken}')
    stranger = '0193a5f0-0000-7000-8000-00000000abcd'
    post(city, run, uuid.uuid4(), range(1000, 1001), {'endpoint_id': stranger, 'luytre.endpoint_id': stranger, 'endpoint.id': stranger})
    eventually('stored', lambda: city.query(f"SELECT count() FROM event WHERE JSONExtractString(raw, 'soak_run') = '{run}'") == '201')
    if city.query(f"SELECT count() FROM event WHERE JSONExtractString(raw, 'soak_run') = '{run}' AND endpoint_id = '{stranger}'") != '0':
        raise Failure('an event stands under another machine than its sender')


def bad_clients(bench):
    """slow clients, lying clients, repeated and rewound numbers"""
    city = bench.city()
    pids = {role: pid for role, pid in city.roles().items() if role in ('core', 'pipeline')}
    before = {role: memory_kib(pid) for role, pid in pids.items()}
    slow = Slow(city)
    slow.start()
    eventually('slow clients are there', lambda: slow.open)
    waits = []
    upload = Upload(city, bench.next('clients'), max(2000, bench.events // 20)).start()
    wrong = lies(city)
    sequences(city, bench.next('lies'))
    end = time.monotonic() + min(60, 3 * bench.rounds)
    while time.monotonic() < end:
        begun = time.monotonic()
        if not (city.healthy(city.console) and city.healthy(city.events) and city.api('GET', '/api/v1/session')):
            raise Failure('others are not served')
        waits.append(time.monotonic() - begun)
        time.sleep(0.2)
    upload.finish()
    upload.verify()
    grown = {role: (memory_kib(pid) - before[role]) // 1024 for role, pid in pids.items()}
    slow.stopping = True
    slow.join()
    if city.roles().get('core') != pids['core'] or city.roles().get('pipeline') != pids['pipeline']:
        raise Failure('a role died')
    if wrong or max(grown.values()) > MEMORY_MIB:
        raise Failure(f'{wrong}, memory grew by {grown} MiB')
    return f'{slow.open} slow connections ({slow.cut} were cut), others answered within {max(waits):.2f} s; memory grew by {grown} MiB'
