# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""The table of faults. Each does its harm while clients work, then the invariants are counted; returns what it saw."""
import os
import random
import signal
import subprocess
import time

import clients
import disk
import pressure
import senders
import steps
from city import PATIENCE, City, Failure, alive, eventually, make_files, sha256_of
from load import Upload


class Bench:
    """The cities that faults are done to; one serves many."""

    def __init__(self, work, rounds, events, files, kills=0, seconds=0):
        self.work, self.rounds, self.events, self.files = work, rounds, events, files
        self.kills, self.seconds, self.random = kills, seconds, random
        self.cities, self.serial, self.evil, self.lives = {}, 0, 0, 0

    def city(self, name='plain', agent=False, **how):
        if name not in self.cities:
            self.lives += 1
            work = f'{self.work}/{name}-{self.lives}'
            os.makedirs(work)
            city = City(work, env={'LUYTRE_SOAK': work, **how.pop('env', {})}, **how)
            self.cities[name] = city
            city.start_first()
        city = self.cities[name]
        if agent and city.agent is None:
            city.enrol()
        return city

    def next(self, name):
        self.serial += 1
        return f'{name}-{self.serial}'

    def bad_files(self, city, folder, count, bad):
        first = self.evil
        self.evil += bad
        return make_files(folder, count, bad, first)

    def show_logs(self):
        for city in self.cities.values():
            for name in ('server', 'agent'):
                path = f'{city.work}/{name}.log'
                if os.path.exists(path):
                    print(f'--- {path}')
                    with open(path, errors='replace') as f:
                        print(''.join(f.readlines()[-25:]))

    def abandon(self):
        for city in self.cities.values():
            city.stop()
        self.cities = {}

    def close(self):
        self.abandon()
        disk.unmount_all()


def spread(times):
    return f'back after {min(times):.2f}–{max(times):.2f} s (median {sorted(times)[len(times) // 2]:.2f})'


def pace(upload, rounds):
    """Each round: the upload may go on by its share, and is in the middle of it at a random moment."""
    for i in range(rounds):
        upload.gate = upload.count * (i + 1) // rounds
        eventually('the upload goes on', lambda n=upload.count * i // rounds: upload.reached(n), PATIENCE * 2)
        time.sleep(random.random() * 0.4)
        yield i


def killing(role):
    def fault(bench):
        city = bench.city(agent=True)
        upload = Upload(city, bench.next(role), bench.events, alerts_every=max(1, bench.events // 200)).start()
        folder = f'{city.watched}/{bench.next("drop")}'
        times, bad = [], {}
        for i in pace(upload, bench.rounds):
            clean, evil = bench.bad_files(city, f'{folder}-{i}', max(4, bench.files // bench.rounds), 2)
            bad.update(evil)
            times.append(city.kill(role))
        upload.finish()
        took = upload.verify()
        check_found(city, bad)
        city.check_audit()
        return f'{bench.rounds} kills, {spread(times)}; {upload.acked} events and {upload.alerts} alerts once each, ' \
               f'stored {took:.1f} s after the last was sent; {upload.retries} sent again'
    fault.__doc__ = f'kill -9 of {role} during an upload, while files are scanned'
    return fault


def check_found(city, bad):
    """Each bad file is gone, in quarantine once with its bytes, and reported once."""
    eventually('bad files are gone', lambda: not any(os.path.exists(p) for p in bad))
    wanted = {(p, h): 1 for p, h in bad.items()}

    def kept():
        got = {}
        for item in city.quarantine():
            key = (item['path_shown'], item['sha256'])
            if key in wanted:
                got[key] = got.get(key, 0) + 1
        return got

    def reported():
        got = {}
        for d in city.pages('/api/v1/detections'):
            key = (d['path'], d['sha256'])
            if key in wanted:
                got[key] = got.get(key, 0) + 1
        return got
    if kept() != wanted:
        raise Failure(f'quarantine: {len(kept())} of {len(wanted)} items, {sum(kept().values())} in all')
    eventually(f'{len(wanted)} reports (there are {len(reported())})', lambda: len(reported()) >= len(wanted), pause=0.5)
    if reported() != wanted:
        raise Failure(f'{sum(reported().values())} reports of {len(wanted)} files')


def check_clean(clean):
    for path, digest in clean.items():
        if not os.path.exists(path) or sha256_of(path) != digest:
            raise Failure(f'{path} is not what it was')


def scan_round(bench, city, kill):
    """A scan of many files by command; kill() in its middle."""
    folder = f'{city.work}/{bench.next("scan")}'
    clean, bad = bench.bad_files(city, folder, bench.files, max(2, bench.files // 50))
    before = city.status()['files_scanned']
    city.api('POST', f'/api/v1/endpoints/{city.endpoint}/scan', {'path': folder})
    eventually('the scan has begun', lambda: (city.status() or {'files_scanned': 0})['files_scanned'] > before, pause=0.01)
    time.sleep(random.random() * bench.files / 2000)
    took = kill()
    eventually('the scan is through', lambda: not any(os.path.exists(p) for p in bad))
    left = [name for name in os.listdir(folder) if name.startswith('.')]
    if left:
        raise Failure(f'left behind in the scanned folder: {left}')
    check_clean(clean)
    return took, bad


def kill_agent(bench):
    """kill -9 of the agent during a scan, quarantine moves included"""
    city = bench.city(agent=True)
    times, bad = [], {}
    for _ in range(bench.rounds):
        took, evil = scan_round(bench, city, city.kill_agent)
        times.append(took)
        bad.update(evil)
    check_found(city, bad)
    return f'{bench.rounds} scans of {bench.files} files, {spread(times)}; {len(bad)} bad files in quarantine and reported once each'


def kill_scand(bench):
    """kill -9 of luytre-scand (parent or worker) during a scan"""
    city = bench.city(agent=True)

    def kill():
        begun = time.monotonic()
        for pid in random.sample(city.scanners(), k=1):
            os.kill(pid, signal.SIGKILL)
        n = (city.status() or {}).get('files_scanned', 0)
        eventually('files are scanned again', lambda: (city.status() or {}).get('files_scanned', 0) > n or
                   not (city.status() or {}).get('files_waiting', 1), pause=0.02)
        return time.monotonic() - begun
    times, bad = [], {}
    for _ in range(bench.rounds):
        took, evil = scan_round(bench, city, kill)
        times.append(took)
        bad.update(evil)
    check_found(city, bad)
    crashes = [d for d in city.pages('/api/v1/detections') if d['threat'] == 'scanner.crash']
    if crashes:
        raise Failure(f'{len(crashes)} files are blamed for the death of the scanner')
    return f'{bench.rounds} scans of {bench.files} files, {spread(times)}; {len(bad)} bad files in quarantine and reported once each'


def store_hangs(bench):
    """the event store stands still, then dies"""
    city, holds = bench.city(), 2
    # Small batches: what a gate lets through must be more than what is on its way when the store is held.
    upload = Upload(city, bench.next('hang'), bench.events, batch=max(10, min(500, bench.events // 200)))
    step = upload.count // (2 * holds)
    upload.gate = step
    upload.start()
    for i in range(holds):
        eventually('the upload comes to its gate', upload.rests)
        pid = city.roles()['eventdb']
        os.kill(pid, signal.SIGSTOP)
        reached = upload.acked
        upload.gate = step * (2 * i + 2)
        eventually('events are taken meanwhile', upload.rests)
        if upload.acked - reached < step // 2:
            raise Failure(f'{upload.acked - reached} of {step} events were taken while the store was held')
        time.sleep(3)
        os.kill(pid, signal.SIGCONT if random.random() < 0.5 else signal.SIGKILL)
        upload.gate = step * (2 * i + 3)
    # Only one that has answered is known to be silent; the pings are 5 s apart.
    eventually('the event store answers', lambda: upload.stored() != ['-1'])
    time.sleep(12)
    hung, begun = city.roles()['eventdb'], time.monotonic()
    os.kill(hung, signal.SIGSTOP)
    eventually('one that stays silent is replaced', lambda: city.roles().get('eventdb', hung) != hung, pause=0.5)
    took = time.monotonic() - begun
    upload.finish()
    return f'events were taken meanwhile; one that stayed silent was replaced after {took:.0f} s; {upload.acked} stored once each, ' \
           f'{upload.verify():.1f} s after the last'


def postgresql(bench):
    """PostgreSQL dies and stays away for seconds"""
    url = os.environ.get('LUYTRE_TEST_PG', '')
    if not url:
        return 'skipped: no PostgreSQL (LUYTRE_TEST_PG)'
    home = url.split('host=')[1].rsplit('/', 1)[0]
    tools = sorted(p for p in os.listdir('/usr/lib/postgresql'))[-1]

    def pg(*args):
        who = ['runuser', '-u', 'postgres', '--'] if os.getuid() == 0 else []
        subprocess.run([*who, f'/usr/lib/postgresql/{tools}/bin/pg_ctl', '-D', f'{home}/data', '-s', '-w', '-l',
                        f'{home}/data/log', *args], check=True, cwd='/')
    city = bench.city('postgresql', database=url)
    root = city.api('GET', '/api/v1/units?limit=1&kind=city')['items'][0]['id']
    upload = Upload(city, bench.next('pg'), max(2000, bench.events // 10), alerts_every=50).start()
    made, refused, uncertain, number = [], 0, [], 0
    for _ in pace(upload, max(1, bench.rounds // 5)):
        away = [0.0, 2.0]
        end, down = time.monotonic() + 4, False
        while time.monotonic() < end:
            if not down and time.monotonic() > end - 3.5:
                pg('stop', '-m', 'immediate')
                down, away[0] = True, time.monotonic()
            if down and time.monotonic() > away[0] + away[1]:
                pg('start')
                down, away[1] = False, 1e9
            number += 1
            code = f'PG-{number}'
            try:
                status, answer = city.ask('POST', '/api/v1/units', {'code': code, 'kind': 'department', 'name': f'Qwx {number}', 'parent_id': root})
            except OSError:
                status, answer = 0, None
            if status == 201:
                made.append(code)
            elif status in (500, 502, 503, 504):
                refused += 1
                uncertain.append(code)
            else:
                raise Failure(f'making a unit: {status} {answer}')
        if down:
            pg('start')
        eventually('writes work again', lambda: city.ask('GET', '/api/v1/session')[0] == 200)
    upload.finish()
    upload.verify()
    got = [u['code'] for u in city.pages('/api/v1/units?q=qwx')]
    if len(set(got)) != len(got) or not set(made) <= set(got) or not set(got) <= set(made) | set(uncertain):
        raise Failure(f'{len(made)} units acknowledged, {len(got)} there')
    city.check_audit()
    return f'{len(made)} writes acknowledged and there, {refused} refused meanwhile, none doubled; {upload.alerts} alerts once each'


def half_written(bench):
    """files cut off in the middle, when all dies at once"""
    city = bench.city('half', agent=True)
    told = []
    # In the short form several at once.
    plan = [[n % 6] for n in range(bench.rounds)] if bench.rounds >= 6 else [[0, 2, 3], [1, 4, 5]]
    for kinds in plan:
        upload = Upload(city, bench.next('half'), max(4000, bench.events // 20)).start()
        eventually('the upload goes on', lambda: upload.reached(upload.count // 2))
        children = city.roles()
        city.server.kill()
        city.server.wait()
        city.agent.kill()
        city.agent.wait()
        eventually('all are dead', lambda: not any(alive(p) for p in children.values()))
        told += [disk.damage(city, kind) for kind in kinds]
        city.start()
        city.start_agent()
        city.wait_up()
        upload.finish()
        upload.verify()
        eventually('the agent is back', city.status)
    city.check_audit()
    _, bad = bench.bad_files(city, f'{city.watched}/after', 10, 2)
    check_found(city, bad)
    return f'{len(plan)} starts with {", ".join(sorted(set(told)))}: all there, once'


TABLE = {f'kill-{role}': killing(role) for role in ('key', 'worker', 'core', 'pipeline', 'eventdb', 'supervisor')}
TABLE.update({
    'kill-agent': kill_agent,
    'kill-scand': kill_scand,
    'kill-steps': steps.kill_steps,
    'store-hangs': store_hangs,
    'postgresql': postgresql,
    'half-written': half_written,
    'disk-full': disk.disk_full,
    'read-only': disk.read_only,
    'clock': disk.clock_jumps,
    'clients': clients.bad_clients,
    'senders': senders.every_kind,
    'burst': pressure.burst,
    'store-down': pressure.store_down,
})
