# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Rules and events in, alerts out: what the state database holds is compared with what must come, by rule and machine, with counts."""
import collections
import gzip
import hashlib
import http.client
import json
import os
import pathlib
import signal
import sqlite3
import ssl
import struct
import subprocess
import sys
import tarfile
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'soak'))
from city import City, eventually  # noqa: E402

RULE, EXCLUSIONS, INDICATORS = 1, 2, 4
BATCH = 4 << 20


# ---- the set of rules: src/engine/detect/detect_set.h

def entry(kind, name, body):
    return struct.pack('<IIQ', kind, len(name), len(body)) + name + body


def make_set(entries):
    data = b'LTRULES1' + b''.join(entry(*e) for e in entries) + struct.pack('<IIQ', 0, 0, 32)
    return data + hashlib.sha256(data).digest()


class Run:
    def __init__(self, work):
        settings = 'eventdb = none\nsecond_factor = 0\nspool_limit_mb = 4096\ncanary_interval_s = 5\n' + ('user = nobody\n' if os.getuid() == 0 else '')
        self.city = City(work, settings=settings)
        self.rules = f'{self.city.data}/rules'

    def start(self, entries):
        self.city.start_first()
        self.put_set(entries)

    def put_set(self, entries):
        """In place of what the server's own keeper of rules writes: the folder is taken from it."""
        os.chown(self.rules, os.getuid(), os.getgid())
        os.chmod(self.rules, 0o755)
        data = make_set(entries)
        with open(f'{self.rules}/test.set', 'wb') as f:
            f.write(data)
        os.chmod(f'{self.rules}/test.set', 0o644)
        os.rename(f'{self.rules}/test.set', f'{self.rules}/current.set')
        if os.getuid() != 0:
            os.chmod(self.rules, 0o555)
        self.kill_pipeline()
        eventually('the pipeline uses the new set', lambda: self.digest_in_use() == data[-32:], 300)

    def digest_in_use(self):
        try:
            return pathlib.Path(f'{self.city.data}/pipeline/detect/last.set').read_bytes()[-32:]
        except OSError:
            return None

    def kill_pipeline(self):
        pid = self.city.roles()['pipeline']
        os.kill(pid, signal.SIGKILL)
        eventually('the pipeline is back', lambda: self.city.is_back('pipeline', pid), 60)
        eventually('the events listener answers', lambda: self.city.healthy(self.city.events), 60)

    def send(self, body):
        """A batch until it is taken: refused or cut off, it comes again with the same numbers, and is taken once."""
        count = body.count(b'\n')
        packed = gzip.compress(body, 1)
        for _ in range(600):
            try:
                c = http.client.HTTPSConnection('127.0.0.1', self.city.events, context=ssl._create_unverified_context(), timeout=120)
                c.request('POST', '/api/v1/events', packed, {'Authorization': f'Bearer {self.city.token}', 'Content-Encoding': 'gzip',
                                                             'Luytre-Batch': f'{self.epoch}:{self.first}'})
                answer = c.getresponse()
                status, said = answer.status, answer.read(500)
            except (OSError, http.client.HTTPException):
                status, said = 0, b''
            if 400 <= status < 429:
                break
            if status == 200:
                self.first += count
                return
            time.sleep(0.1)
        raise SystemExit(f'events are not taken: {status} {said}')

    def play(self, lines, kill_at=()):
        """Sends all, kills the pipeline at these places, waits until all is examined and handed over. Seconds it took."""
        self.before, self.groups_before = self.alerts()
        self.epoch, self.first = str(uuid.uuid4()), 0
        begun = time.monotonic()
        batch, size, at = [], 0, 0
        for line in lines:
            batch.append(line)
            size += len(line) + 1
            at += 1
            if size >= BATCH or at in kill_at:
                self.send(b'\n'.join(batch) + b'\n')
                batch, size = [], 0
            if at in kill_at:
                self.kill_pipeline()
        if batch:
            self.send(b'\n'.join(batch) + b'\n')
        eventually('all is examined', self.is_settled, 600)
        took = time.monotonic() - begun
        return at, took

    def is_settled(self):
        s = self.city.api('GET', '/api/v1/status')['pipeline']
        # The server's own canary passes now and then.
        waiting = sum(name.endswith('.alert') for name in os.listdir(f'{self.city.data}/pipeline/outbox'))
        return s['detect_lag'] == 0 and waiting <= 1

    def alerts(self):
        db = sqlite3.connect(f'file:{self.city.data}/core/state.db?mode=ro', uri=True)
        found = collections.Counter()
        rows = db.execute('SELECT rule_id, host, entity, count FROM alert WHERE kind <> \'\' AND sample = 0').fetchall()
        db.close()
        for rule, host, _, count in rows:
            found[(rule, host)] += count
        return found, len(rows)


def differ(name, wanted, found):
    wrong = 0
    for key in sorted(set(wanted) | set(found)):
        if wanted[key] != found[key]:
            wrong += 1
            if wrong <= 20:
                print(f'  {name}: {key}: wanted {wanted[key]}, found {found[key]}')
    return wrong


def own_events():
    at = '2026-11-20T08:%02d:%02d.000Z'
    sysmon = {'Channel': 'Microsoft-Windows-Sysmon/Operational', 'EventID': 1}
    for i in range(3):
        yield {**sysmon, 'Computer': 'pc-1', 'User': 'lan', 'Image': 'C:\\x\\tool.exe', '@timestamp': at % (0, i)}
    for i in range(1500):
        yield {**sysmon, 'Computer': 'pc-2', 'User': 'minh', 'Image': 'C:\\x\\TOOL.EXE', '@timestamp': at % (1, i % 60)}
        yield {**sysmon, 'Computer': 'pc-2', 'User': 'minh', 'Image': 'C:\\x\\tools.exe', '@timestamp': at % (1, i % 60)}
    for user, times in (('a', 5), ('b', 4), ('c', 9)):
        for i in range(times):
            yield {'Channel': 'Security', 'EventID': 4625, 'Computer': 'dc', 'TargetUserName': user, '@timestamp': at % (2, i)}
    for name in ('x.bad.example', 'bad.example', 'notbad.example'):
        yield {'Channel': 'Microsoft-Windows-Sysmon/Operational', 'EventID': 22, 'Computer': 'pc-3', 'QueryName': name, '@timestamp': at % (3, 0)}
    yield {'Computer': 'pc-3', 'DestinationIp': '198.51.100.77', '@timestamp': at % (3, 1)}
    yield {'Computer': 'pc-3', 'sha256': '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '@timestamp': at % (3, 2)}


def own(work):
    wanted = collections.Counter()
    for line in (HERE / 'expected.tsv').read_text().splitlines():
        if not line.startswith('#'):
            rule, host, count = line.split('\t')
            wanted[(rule, host)] = int(count)
    run = Run(work)
    try:
        run.start([(RULE, b'own/rules.yml', (HERE / 'rules.yml').read_bytes()),
                   (EXCLUSIONS, b'', (HERE / 'exclusions.yml').read_bytes()),
                   (INDICATORS, b'feed', (HERE / 'indicators.tsv').read_bytes())])
        lines = [json.dumps(e).encode() for e in own_events()]
        run.play(lines, kill_at=(700, 1900, 3010))
        return finish(run, 'own rules and events', wanted)
    finally:
        run.city.stop()


def host_of(e):
    """As the dictionary and detection name the machine."""
    for path in (('Event', 'System', 'Computer'), ('winlog', 'computer_name'), ('Computer',), ('computer_name',), ('Hostname',),
                 ('ComputerName',), ('host', 'name'), ('host.name',)):
        v = e
        for p in path:
            v = v.get(p) if isinstance(v, dict) else None
        if isinstance(v, str) and v not in ('', '-'):
            return v
    return ''


def finish(run, name, wanted, took=None, events=0):
    """Counts that are held back come with the next minute: what the canaries bring about."""
    total = sum(wanted.values()) + sum(run.before.values())
    end = time.monotonic() + 180
    while sum(run.alerts()[0].values()) < total and time.monotonic() < end:
        time.sleep(1)
    time.sleep(3)
    found, groups = run.alerts()
    found, groups = found - run.before, groups - run.groups_before
    wrong = differ(name, wanted, found)
    rate = f', {events / took:,.0f} events/s end to end' if took else ''
    print(f'{"FAIL" if wrong else "ok  "} {name}: {len(found)} of rule and machine, {groups} alerts, {sum(found.values())} findings{rate}')
    return wrong


def all_rules(data):
    with tarfile.open(f'{data}/sigma/rules/rules.tar.gz') as tar:
        members = [m for m in tar.getmembers() if m.isfile() and m.name.endswith('.yml') and m.name.split('/')[1] in
                   ('rules', 'rules-emerging-threats', 'rules-threat-hunting')]
        return [(RULE, m.name.encode(), tar.extractfile(m).read()) for m in sorted(members, key=lambda m: m.name)]


def corpus(run, data, name):
    lines = subprocess.run(['zstd', '-dc', f'{data}/events/{name}.jsonl.zst'], capture_output=True, check=True).stdout.splitlines()
    wanted = collections.Counter()
    for row in pathlib.Path(f'{data}/events/{name}.matches.tsv').read_text().splitlines()[1:]:
        line, rule = row.split('\t')[:2]
        wanted[(rule, host_of(json.loads(lines[int(line) - 1])))] += 1
    count, took = run.play(lines)
    return finish(run, name, wanted, took, count)


def main():
    work, data = sys.argv[1:3]
    os.mkdir(f'{work}/own')
    os.chmod(f'{work}/own', 0o755)
    wrong = own(f'{work}/own')
    if not os.path.isdir(f'{data}/events'):
        print(f"SKIPPED: SigmaHQ's rules over the real corpora ({data}/events is not there)")
        return wrong
    os.mkdir(f'{work}/all')
    os.chmod(f'{work}/all', 0o755)
    run = Run(f'{work}/all')
    try:
        run.start(all_rules(data))
        for name in os.environ.get('LUYTRE_CORPORA', 'evtx winlogbeat6 cloudtrail m365 zeek linux-sysmon').split():
            wrong += corpus(run, data, name)
    finally:
        run.city.stop()
    return wrong


sys.exit(1 if main() else 0)
