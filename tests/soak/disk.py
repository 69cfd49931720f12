# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""A full disk, a disk that cannot be written, a clock that jumps, and files that were cut off in the middle."""
import errno
import glob
import mmap
import os
import random
import struct
import subprocess
import threading
import time

from city import PATIENCE, Failure, eventually
from load import Upload

mounts = []


def mount(path, megabytes):
    os.makedirs(path)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={megabytes}m,mode=755', 'tmpfs', path], check=True, capture_output=True)
    mounts.append(path)


def unmount_all():
    while mounts:
        subprocess.run(['umount', '-l', mounts.pop()], check=False)


class Shim:
    """The switches of shim.c."""

    def __init__(self, folder, below):
        library, state = f'{folder}/shim.so', f'{folder}/shim.state'
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'shim.c')
        subprocess.run([*os.environ.get('CC', 'cc').split(), '-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library, source], check=True)
        with open(state, 'wb') as f:
            f.write(bytes(4096))
        os.chmod(state, 0o644)
        with open(state, 'r+b') as f:
            self.map = mmap.mmap(f.fileno(), 4096)
        self.env = {'LD_PRELOAD': library, 'LUYTRE_SHIM_STATE': state, 'LUYTRE_SHIM_BELOW': below}

    def set(self, offset_s=0, disk_errno=0):
        self.map[:12] = struct.pack('<qi', int(offset_s), disk_errno)


def small_city(bench):
    """Its data on a disk of its own, its clock and disk in our hand."""
    if 'small' not in bench.cities:
        folder = f'{bench.work}/small-disk-{bench.lives}'
        bench.disk = f'{folder}/disk'
        mount(f'{folder}/disk', 600)
        bench.shim = Shim(folder, f'{folder}/disk')
        return bench.city('small', agent=True, data=f'{folder}/disk/data', env=bench.shim.env)
    return bench.city('small', agent=True)


class Writes:
    """Units that were made, one after the other, while things go wrong."""

    def __init__(self, city, name):
        self.city, self.name, self.number = city, name, 0
        self.made, self.uncertain, self.statuses = [], [], {}
        self.root = city.api('GET', '/api/v1/units?limit=1&kind=city')['items'][0]['id']

    def one(self):
        self.number += 1
        code = f'{self.name}-{self.number}'
        try:
            status, answer = self.city.ask('POST', '/api/v1/units', {'code': code, 'kind': 'department',
                                                                     'name': f'{self.name} {self.number}', 'parent_id': self.root})
        except OSError:
            status, answer = 0, None
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 201:
            self.made.append(code)
        elif status in (0, 500, 503, 507):
            self.uncertain.append(code)
        elif status == 401:
            self.city.sign_in()
        else:
            raise Failure(f'making a unit: {status} {answer}')
        return status, answer

    def verify(self):
        got = [u['code'] for u in self.city.pages(f'/api/v1/units?q={self.name.lower()}') if u['code'].startswith(self.name + '-')]
        if len(set(got)) != len(got) or not set(self.made) <= set(got) or not set(got) <= set(self.made) | set(self.uncertain):
            raise Failure(f'{len(self.made)} units acknowledged, {len(got)} there')


def during(bench, name, begin, end, seconds=5):
    """Events and writes go on while the disk is out of order; afterwards by themselves. What finds room in the write-ahead
    log as it is goes on being written, so it is tried until both have been refused."""
    city = small_city(bench)
    upload = Upload(city, bench.next(name), max(4000, bench.events // 10), alerts_every=200)
    writes = Writes(city, bench.next(name).upper())
    upload.gate = upload.count // 2
    upload.start()
    eventually('the upload comes to its gate', upload.rests)
    writes.one()
    begin(city)
    upload.gate = upload.count
    began, refused = time.monotonic(), set()

    def goes_on():
        wanted = (not refused or 503 not in upload.statuses) and not upload.problems
        return time.monotonic() < began + (PATIENCE if wanted else seconds)
    while goes_on():
        status, answer = writes.one()
        if status in (503, 507, 500):
            refused.add(f'{status} {answer.get("key") if isinstance(answer, dict) else answer}')
        time.sleep(0.1 if refused else 0.01)
    meanwhile = dict(upload.statuses)
    end(city)
    if not refused or 503 not in meanwhile:
        raise Failure(f'the fault did no harm: writes {writes.statuses}, events {meanwhile}')
    recovered = time.monotonic()
    eventually('writes work again', lambda: writes.one()[0] == 201, pause=0.2)
    recovered = time.monotonic() - recovered
    upload.finish()
    upload.verify()
    writes.verify()
    city.check_audit()
    return f'{len(writes.made)} of {writes.number} writes acknowledged and there; refused as {", ".join(sorted(refused)) or "nothing"}; ' \
           f'events answered {meanwhile}; writes work {recovered:.1f} s after; {upload.acked} events, {upload.alerts} alerts once each'


def disk_full(bench):
    """no room on the disk of the server's data"""
    if os.getuid() != 0:
        return 'skipped: mounting a small disk needs root'
    small_city(bench)
    ballast, stop = f'{bench.disk}/ballast', threading.Event()

    def keep_full(first):
        with open(ballast, 'wb', buffering=0) as f:
            while not stop.is_set():
                try:
                    f.write(bytes(65536))
                except OSError as e:
                    first.set()
                    if e.errno != errno.ENOSPC:
                        raise
                    time.sleep(0.005)  # what others give back is taken, too
        os.unlink(ballast)

    def fill(_city):
        first = threading.Event()
        fill.thread = threading.Thread(target=keep_full, args=(first,), daemon=True)
        fill.thread.start()
        first.wait()

    def make_room(_city):
        stop.set()
        fill.thread.join()
    return during(bench, 'full', fill, make_room)


def read_only(bench):
    """the disk of the server's data cannot be written (EROFS), then fails (EIO)"""
    if os.getuid() != 0:
        return 'skipped: mounting a small disk needs root'
    told = []
    for code in (errno.EROFS, errno.EIO):
        told.append(f'{errno.errorcode[code]}: ' + during(bench, 'ro', lambda _, c=code: bench.shim.set(disk_errno=c), lambda _: bench.shim.set()))
    return '; '.join(told)


def clock_jumps(bench):
    """the wall clock jumps by hours, back and forth"""
    import faults
    if os.getuid() != 0:
        return 'skipped: mounting a small disk needs root'
    city = small_city(bench)
    jumps = [3, -5, 26, -26, 0]
    writes = Writes(city, bench.next('clock').upper())
    bad = {}
    for n, hours in enumerate(jumps):
        bench.shim.set(offset_s=hours * 3600)
        upload = Upload(city, bench.next('clock'), max(2000, bench.events // 50), alerts_every=100).start()
        if n == 3:
            city.kill('core')
            city.kill('pipeline')
            city.kill_agent()
        upload.finish()
        upload.verify()
        eventually('writes work', lambda: writes.one()[0] == 201, pause=0.2)
        _, evil = bench.bad_files(city, f'{city.watched}/{bench.next("clock")}', 20, 2)
        bad.update(evil)
        faults.check_found(city, evil)
        city.check_audit()
    writes.verify()
    bench.shim.set()
    return f'{", ".join(f"{h:+d} h" for h in jumps)}: events, alerts, {len(writes.made)} writes, {len(bad)} detections once each'


# ---- half-written files

def last(pattern):
    return sorted(glob.glob(pattern))[-1]


def append(path, data):
    with open(path, 'ab') as f:
        f.write(data)


def put(path, data, like):
    with open(path, 'wb') as f:
        f.write(data)
    st = os.stat(like)
    os.chmod(path, 0o600)
    os.chown(path, st.st_uid, st.st_gid)


def damage(city, kind):
    """What a machine that lost its power may leave: of what was not synced anything may be there. Returns what was done."""
    spool, agent = f'{city.data}/pipeline/spool', f'{city.work}/agent'
    segment = last(f'{spool}/*.seg')
    with open(segment, 'rb') as f:
        frame = f.read(4096)[40:]
    if kind == 0:
        append(segment, random.choice([frame[:random.randrange(1, 60)], bytes(random.randrange(1, 5000)), os.urandom(33)]))
        return 'a torn record at the end of the spool'
    if kind == 1:
        number = int(os.path.basename(segment)[:16], 16) + 1
        put(f'{spool}/{number:016x}.seg', random.choice([b'', b'LTSPOOL1', bytes(40), bytes(4096)]), segment)
        return 'a torn segment of the spool'
    if kind == 2:
        put(f'{city.data}/pipeline/outbox/0000000000000001-{"0" * 64}.alert.tmp', b'{"key":', segment)
        put(f'{spool}/stored.cursor.0123456789abcdef.tmp', b'{', segment)
        put(f'{city.data}/core/server.pem.0123456789abcdef.tmp', b'---', segment)
        return 'temporary files'
    if kind == 3:
        for path in glob.glob(f'{agent}/spool/*.seg')[-1:]:
            append(path, os.urandom(random.randrange(1, 100)))
        put(f'{agent}/spool/99999999999999999999.seg'.replace('9' * 20, '00000000000099999999'), b'LTSPO', segment)
        return 'a torn record and a torn segment in the spool of the agent'
    if kind == 4:
        append(f'{city.data}/core/state.db-wal', os.urandom(random.randrange(1, 9000)))
        return 'a torn transaction in the log of the state database'
    put(f'{spool}/marks', b'12 40 ', segment)
    put(f'{spool}/detected.cursor', b'{"spool', segment)
    put(f'{agent}/spool/acked', b'0193', segment)
    put(f'{agent}/desired.json', b'{"interval_s', segment)
    put(f'{agent}/scan-cache', b'LT', segment)
    return 'damaged cursors, marks and caches'
