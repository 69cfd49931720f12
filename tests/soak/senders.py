# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Senders of every kind at once, each a numbered stream, and the exact comparison of three sets: what was sent or acknowledged,
what stood in the spool, what stands in the event store. What is promised is in docs/faults.md."""
import gzip
import http.client
import json
import os
import re
import socket
import threading
import time
import uuid
import zlib

from city import PATIENCE, Failure, eventually, free_port

ROUND_MESSAGES = 20000      # LISTEN_ROUND_MESSAGES: what a listener's thread may have read and not yet written
READ_BUFFERS = 5 << 18      # a connection's own: EVENT_LINE_LIMIT + 4 * READ_BYTES
RESTING = {0, 200, 408, 429, 503, 507}


def free_udp():
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def listening_city(bench, name, settings=''):
    """A city that takes syslog from this machine by a registered source."""
    if name in bench.cities:
        return bench.cities[name]
    udp, tcp, tls = free_udp(), free_port(), free_port()
    city = bench.city(name, settings=f'syslog_udp_port = {udp}\nsyslog_tcp_port = {tcp}\nsyslog_tls_port = {tls}\n{settings}')
    city.syslog = {'udp': udp, 'tcp': tcp, 'tls': tls}
    city.source = city.api('POST', '/api/v1/sources', {'name': 'soak', 'unit_id': city.unit, 'addresses': ['127.0.0.1']})['id']

    def is_known():
        with socket.create_connection(('127.0.0.1', tcp), timeout=0.5) as s:
            s.sendall(b'<134>1 - - - - - - who is there\n')
            try:
                return s.recv(1) != b''
            except TimeoutError:
                return True
            except OSError:
                return False
    eventually('the source is known', is_known, pause=0.2)
    return city


# ---- what is sent

class Stream(threading.Thread):
    """One sender of share events n = 0 … share - 1. sent: handed to the protocol; crc: of what stands in the store as raw."""
    is_acknowledged = True
    format = 'json'

    def __init__(self, load, k):
        super().__init__(daemon=True)
        self.load, self.city, self.k, self.share = load, load.city, k, load.share
        self.sent = self.crc = self.again = 0
        self.sessions = []  # syslog: (first, end, broken, bytes of the socket)
        self.problem = ''

    def lines(self, first, end):
        head, pads, k = f'soak_run={self.load.run} k={self.k} n=', self.load.pads, self.k
        if self.format == 'json':
            start = '{"@timestamp":"2026-11-21T08:00:00Z","host":{"name":"%s-%d"},"message":"%s' % (self.load.run, k, head)
            return [f'{start}{n}; {pads[n & 15]}"}}'.encode() for n in range(first, end)]
        start = f'<134>1 2026-11-21T08:00:00Z {self.load.run}-{k} soak 77 - - {head}'
        return [f'{start}{n}; {pads[n & 15]}'.encode() for n in range(first, end)]

    def crc_of(self, first, end):
        return sum(map(zlib.crc32, self.lines(first, end)))

    def next(self):
        """The end of the chunk that may be sent now."""
        while self.sent >= min(self.load.gate, self.share) and not self.load.problem():
            time.sleep(0.01)
        return min(self.sent + self.load.chunk, max(self.load.gate, self.sent + 1), self.share)

    def run(self):
        try:
            self.send_all()
        except (OSError, http.client.HTTPException, Failure) as e:
            self.problem = f'{type(self).__name__} {self.k}: {type(e).__name__} {e}'


class Numbered(Stream):
    """POST /api/v1/events with Luytre-Batch. Every seventh batch comes twice, as after an answer that was lost."""
    packed = True

    def request(self, first, lines):
        return '/api/v1/events', b'\n'.join(lines) + b'\n', {'Luytre-Batch': f'{self.epoch}:{first}'}

    def is_taken(self, status, answer):
        return status == 200

    def send_all(self):
        self.epoch, self.connection = uuid.uuid4(), None
        count = 0
        while self.sent < self.share and not self.load.problem():
            end = self.next()
            lines = self.lines(self.sent, end)
            path, body, headers = self.request(self.sent, lines)
            headers['Authorization'] = f'Bearer {self.city.token}'
            if self.packed:
                body, headers['Content-Encoding'] = gzip.compress(body, 1), 'gzip'
            for _ in range(2 if count % 7 == 0 else 1):
                self.deliver(path, body, headers)
            self.crc += sum(map(zlib.crc32, lines))
            self.sent, count = end, count + 1

    def deliver(self, path, body, headers):
        end = time.monotonic() + self.load.patience
        while not self.load.problem():
            status, answer = 0, b''
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPSConnection('127.0.0.1', self.city.events, timeout=60, context=self.city.context())
                self.connection.request('POST', path, body, headers)
                r = self.connection.getresponse()
                status, answer = r.status, r.read()
            except (OSError, http.client.HTTPException):
                if self.connection is not None:
                    self.connection.close()
                self.connection = None
            self.load.statuses[status] = self.load.statuses.get(status, 0) + 1
            if status not in RESTING or time.monotonic() > end or (status == 200 and not self.is_taken(status, answer)):
                raise Failure(f'{status} {answer[:300]!r}')
            if status == 200:
                return
            self.again += 1
            time.sleep(0.1)


class Keyed(Numbered):
    """Idempotency-Key of each batch instead of numbers."""
    packed = False

    def request(self, first, lines):
        return '/api/v1/events', b'\n'.join(lines) + b'\n', {'Idempotency-Key': f'{self.load.run}-{self.k}-{first}'}


class Bulk(Numbered):
    """_bulk with an _id of each document."""

    def request(self, first, lines):
        pairs = [b'{"create":{"_index":"soak","_id":"%s-%d-%d"}}\n%s\n' % (self.load.run.encode(), self.k, first + i, line)
                 for i, line in enumerate(lines)]
        return '/_bulk', b''.join(pairs), {'Content-Type': 'application/x-ndjson'}

    def is_taken(self, status, answer):
        return b'"errors":false' in answer.replace(b' ', b'')


class Syslog(Stream):
    """Lines over TCP. Nobody acknowledges: what was handed to the kernel is not sent again, so that nothing is doubled."""
    is_acknowledged = False
    format = 'syslog'
    counted = False
    over = 'tcp'

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.city.syslog[self.over]), timeout=self.load.patience)

    def say_end(self, s):
        s.shutdown(socket.SHUT_WR)

    def frame(self, lines):
        return [b'%d %s' % (len(line), line) for line in lines] if self.counted else [line + b'\n' for line in lines]

    def hand_over(self, s, framed):
        """How many whole ones the kernel has; the rest was never sent. Says whether the connection held."""
        data, at = memoryview(b''.join(framed)), 0
        try:
            while at < len(data):
                at += s.send(data[at:at + 65536])
            return len(framed), True
        except OSError:
            count = 0
            for f in framed:
                at -= len(f)
                if at < 0:
                    break
                count += 1
            return count, False

    def session(self):
        lives = self.load.kills['pipeline']
        try:
            s = self.connect()
        except OSError:
            time.sleep(0.02)
            return
        first, holds = self.sent, True
        room = s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        while holds and self.sent < self.share and not self.load.problem():
            lines = self.lines(self.sent, self.next())
            count, holds = self.hand_over(s, self.frame(lines))
            self.crc += sum(map(zlib.crc32, lines[:count]))
            self.sent += count
        if holds:
            holds = self.end_in_order(s)
        s.close()
        if not holds and lives == self.load.kills['pipeline']:
            raise Failure(f'the connection broke at {self.sent} and pipeline was not killed')
        self.sessions.append((first, self.sent, not holds, room))

    def end_in_order(self, s):
        """The server closes when it has read everything; a moment later that is written."""
        lives = self.load.kills['pipeline']
        try:
            self.say_end(s)
            while s.recv(4096):
                pass
        except OSError:
            return False
        time.sleep(1)
        return lives == self.load.kills['pipeline']

    def send_all(self):
        while self.sent < self.share and not self.load.problem():
            self.session()


class SyslogCounted(Syslog):
    """The same with octet counts."""
    counted = True


class SyslogTls(Syslog):
    """RFC 5425."""
    counted = True
    over = 'tls'

    def connect(self):
        plain = super().connect()
        try:
            return self.city.context().wrap_socket(plain)
        except OSError:
            plain.close()
            raise

    def say_end(self, s):
        try:
            s.unwrap().close()
        except OSError:
            pass  # the server need not answer a close_notify

    def end_in_order(self, s):
        lives = self.load.kills['pipeline']
        self.say_end(s)
        time.sleep(2)
        return lives == self.load.kills['pipeline']


KINDS = (Numbered, Keyed, Bulk, Numbered, Syslog, SyslogCounted, SyslogTls, SyslogTls)


class Load:
    """All streams. gate: so far may each go."""

    def __init__(self, city, run, count, steps=1, kinds=KINDS, pad=60):
        self.city, self.run = city, run
        self.share = max(1, count // len(kinds))
        self.count = self.share * len(kinds)
        self.chunk = max(20, min(2000, self.share // (steps * 10)))
        self.gate = self.share
        self.patience = PATIENCE * 2
        self.pads = [(f'đăng nhập thất bại {i:x} ' + 'x' * pad) for i in range(16)]
        self.kills = {'pipeline': 0, 'core': 0, 'eventdb': 0}
        self.statuses = {}
        self.streams = [kind(self, k) for k, kind in enumerate(kinds)]

    def start(self):
        self.begun = time.monotonic()
        for s in self.streams:
            s.start()
        return self

    def sent(self):
        return sum(s.sent for s in self.streams)

    def problem(self):
        return next((s.problem for s in self.streams if s.problem), '')

    def reached(self, n):
        if self.problem():
            raise Failure(self.problem())
        return self.sent() >= n

    def told(self):
        return ', '.join(f'{type(s).__name__} {s.k}: {s.sent}' for s in self.streams) + f' of {self.share}; answers {self.statuses}'

    def goes_on(self, count):
        try:
            eventually('the senders go on', lambda: self.reached(count), self.patience, 0.005)
        except Failure as e:
            raise Failure(f'{e}; {self.told()}') from e

    def finish(self):
        self.gate = self.share
        for s in self.streams:
            s.join(self.patience * 2)
        if self.problem() or self.sent() != self.count:
            raise Failure(f'{self.problem()}; {self.told()}')


# ---- what stood in the spool

class Spool(threading.Thread):
    """Keeps a second name of each segment before it is removed, and notes which numbers stand in it."""

    def __init__(self, city, load):
        super().__init__(daemon=True)
        self.folder, self.kept = f'{city.data}/pipeline/spool', f'{city.work}/kept-{load.run}'
        self.pattern = re.compile(rb'soak_run=%s k=(\d+) n=(\d+);' % load.run.encode())
        self.runs = {k: [] for k in range(len(load.streams))}  # [first, end) as they stand there
        self.seen, self.stopping, self.largest, self.problem = set(), False, 0, ''
        os.makedirs(self.kept)

    def look(self):
        names, size = [], 0
        for entry in os.scandir(self.folder):
            if not entry.name.endswith('.seg'):
                continue
            try:
                size += entry.stat().st_size
                if entry.name not in self.seen:
                    os.link(entry.path, f'{self.kept}/{entry.name}')
                    self.seen.add(entry.name)
            except FileNotFoundError:
                continue
            names.append(entry.name)
        self.largest = max(self.largest, size)
        return max(names, default='')

    def read(self, name):
        path = f'{self.kept}/{name}'
        with open(path, 'rb') as f:
            for k, n in self.pattern.findall(f.read()):
                runs, n = self.runs[int(k)], int(n)
                if runs and runs[-1][1] == n:
                    runs[-1][1] = n + 1
                else:
                    runs.append([n, n + 1])
        os.unlink(path)

    def run(self):
        try:
            while not self.stopping:
                last = self.look()
                for name in sorted(os.listdir(self.kept)):
                    if name < last:
                        self.read(name)
                time.sleep(0.02)
        except OSError as e:
            self.problem = str(e)

    def finish(self):
        """The rest; nothing is written any more. Returns stream -> sorted [first, end), each number once."""
        self.stopping = True
        self.join()
        self.look()
        for name in sorted(os.listdir(self.kept)):
            self.read(name)
        numbers = sorted(int(name[:16], 16) for name in self.seen)
        if self.problem or numbers[-1] - numbers[0] != len(numbers) - 1:
            raise Failure(f'the test missed a segment of the spool: {self.problem or numbers}')
        sets = {}
        for k, runs in self.runs.items():
            whole = []
            for first, end in sorted(runs):
                if whole and first < whole[-1][1]:
                    raise Failure(f'stream {k}: number {first} stands in the spool twice')
                if whole and first == whole[-1][1]:
                    whole[-1][1] = end
                else:
                    whole.append([first, end])
            sets[k] = whole
        return sets


# ---- the comparison

def size(ranges):
    return sum(end - first for first, end in ranges)


def gaps(ranges, share):
    at = 0
    for first, end in [*ranges, (share, share)]:
        if first > at:
            yield at, first
        at = end


def check_lost(stream, ranges, pad_bytes):
    """What is lost of a stream without acknowledgements: of each session that a kill ended only its end, within the bound.
    Returns how many lines, and the most of one session."""
    lost = most = 0
    with open('/proc/sys/net/ipv4/tcp_rmem', encoding='ascii') as f:
        receive = int(f.read().split()[2])
    sessions = [s for s in stream.sessions if s[1] > s[0]]
    for first, end in gaps(ranges, stream.share):
        of = [s for s in sessions if s[0] < end and first < s[1]]
        # One gap may join the end of a session with the whole of the next, when that was too short to leave anything.
        for s_first, s_end, broken, room in of:
            lo, hi = max(first, s_first), min(end, s_end)
            bound = room + receive + READ_BUFFERS + ROUND_MESSAGES * pad_bytes
            if not broken or hi != s_end or (hi - lo) * pad_bytes > bound:
                raise Failure(f'{type(stream).__name__} {stream.k}: {lo}…{hi} of the session {s_first}…{s_end} is lost '
                              f'({"ended by a kill" if broken else "ended in order"}; at most {bound} bytes at its end may be)')
            lost, most = lost + hi - lo, max(most, hi - lo)
    return lost, most


def stored(city, run, timeout=1800):
    """stream -> [count, distinct, sum of CRCs]"""
    rows = city.query(f"SELECT k, count(), groupBitmap(n), sum(crc) FROM (SELECT toUInt32(extract(raw, 'soak_run={run} k=([0-9]+) ')) AS k, "
                      f"toUInt32(extract(raw, ' k=[0-9]+ n=([0-9]+);')) AS n, toUInt64(CRC32(raw)) AS crc FROM event "
                      f"WHERE raw LIKE '%soak_run={run} k=%') GROUP BY k", timeout, 'hunt')
    return {int(r.split('\t')[0]): [int(v) for v in r.split('\t')[1:]] for r in rows.splitlines() if r}


def wait_stored(city, run, count, patience):
    begun, last, moved = time.monotonic(), -1, time.monotonic()
    while True:
        asked = time.monotonic()
        try:
            n = int(city.query(f"SELECT count() FROM event WHERE startsWith(host_name, '{run}-')", 120))
        except (OSError, ValueError):
            n = -1
        now = time.monotonic()
        if n >= count:
            return now - begun
        if n != last:
            last, moved = n, now
        if now - moved > patience:
            raise Failure(f'{n} of {count} stored, and no more for {patience:.0f} s')
        time.sleep(max(0.2, 2 * (now - asked)))


def compare(load, spool):
    """Everything acknowledged, everything in the spool: once in the store, byte for byte. Returns words."""
    time.sleep(0.5)
    took = wait_stored(load.city, load.run, size(sum((merged(r) for r in spool.runs.values()), [])), load.patience)
    sets = spool.finish()
    took += wait_stored(load.city, load.run, sum(size(r) for r in sets.values()), load.patience)
    got = stored(load.city, load.run)
    lost, most, without = 0, 0, 0
    for s in load.streams:
        ranges, name = sets[s.k], f'{type(s).__name__} {s.k}'
        missing = list(gaps(ranges, s.share))
        if s.is_acknowledged and missing:
            raise Failure(f'{name}: {missing[:5]} were acknowledged and are not in the spool')
        if not s.is_acknowledged:
            length = len(s.frame(s.lines(s.share - 1, s.share))[0])
            here, longest = check_lost(s, ranges, length)
            lost, most, without = lost + here, max(most, longest), without + s.share
        want = [size(ranges), size(ranges), s.crc - sum(s.crc_of(*gap) for gap in missing)]
        if got.get(s.k, [0, 0, 0]) != want:
            raise Failure(f'{name}: stored (count, distinct, sum of CRCs) {got.get(s.k)}, in the spool {want}')
    return f'{load.count - without} acknowledged events and the {without - lost} syslog messages that reached the spool stored once each, ' \
           f'{took:.1f} s after the last; {lost} of {without} syslog messages were on their way at a kill of pipeline (at most {most} of a ' \
           f'connection); {sum(s.again for s in load.streams)} sent again'


def merged(runs):
    return [tuple(r) for r in runs]


# ---- the faults

def every_kind(bench):
    """kill -9 of pipeline, core and eventdb in turn; senders by HTTP, _bulk, syslog TCP and TLS at once"""
    city = listening_city(bench, 'senders')
    kills = bench.kills or max(3, bench.rounds)
    load = Load(city, bench.next('mixed'), max(24000, bench.events), kills)
    spool = Spool(city, load)
    load.gate = load.share // kills
    spool.start()
    load.start()
    times = {}
    for i in range(kills):
        role = ('pipeline', 'core', 'eventdb')[i % 3]
        load.gate = load.share * (i + 1) // kills
        target = load.count * (i + bench.random.uniform(0.1, 0.8)) / kills
        load.goes_on(target)
        if role == 'pipeline':
            load.kills[role] += 1
        times.setdefault(role, []).append(city.kill(role))
    load.finish()
    sending = time.monotonic() - load.begun
    told = compare(load, spool)
    city.check_audit()
    back = ', '.join(f'{role} {min(t):.2f}–{max(t):.2f} s' for role, t in times.items())
    return f'{kills} kills (back after: {back}); {load.count} events in {sending:.0f} s; {told}'
