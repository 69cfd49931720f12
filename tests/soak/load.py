# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Clients that send events and remember what was acknowledged; and the comparison with what is kept."""
import gzip
import http.client
import json
import threading
import time
import uuid
import zlib

from city import PATIENCE, Failure, eventually

BATCH = 500


class Upload:
    """count events from some threads. Each batch is sent until it is acknowledged; some come again all the same (their
    answers were lost on the way). gate: nothing past this number is sent yet."""

    def __init__(self, city, run, count, threads=4, alerts_every=0, batch=BATCH):
        self.city, self.run, self.batch, self.alerts_every = city, run, batch, alerts_every
        self.count = count // threads * threads
        self.share = self.count // threads
        self.gate = self.count
        self.lock = threading.Lock()
        self.acked = self.crc = self.alerts = self.retries = 0
        self.statuses, self.problems = {}, []
        self.threads = [threading.Thread(target=self.send_all, args=(t,), daemon=True) for t in range(threads)]

    def line(self, t, i):
        n = t * self.share + i
        event = {'@timestamp': '2026-11-21T08:00:00Z', 'soak_run': self.run, 'soak_n': str(n), 'message': f'Sự kiện thử số {n}'}
        if self.alerts_every and n % self.alerts_every == 0:
            event.update({'event.kind': 'alert', 'event.category': 'malware', 'event.action': 'reported',
                          'threat.name': f'Soak.{self.run}', 'file.path': f'/tmp/{self.run}'})
        return json.dumps(event, ensure_ascii=False).encode()

    def post(self, connection, epoch, first, body):
        connection.request('POST', '/api/v1/events', body, {
            'Authorization': f'Bearer {self.city.token}', 'Luytre-Batch': f'{epoch}:{first}', 'Content-Encoding': 'gzip'})
        r = connection.getresponse()
        return r.status, r.read()

    def is_held(self, i):
        """A thread that has sent i waits: its next batch would be past the gate. The first is never held."""
        return min(i + self.batch, self.share) > max(self.gate // len(self.threads), self.batch)

    def rests(self):
        """Everything that the gate lets through is acknowledged."""
        each = max(self.gate // len(self.threads), self.batch)
        return self.reached((self.share if each >= self.share else each // self.batch * self.batch) * len(self.threads))

    def send_all(self, t):
        epoch, connection, i = uuid.uuid4(), None, 0
        while i < self.share and not self.problems:
            while self.is_held(i):
                time.sleep(0.02)
            lines = [self.line(t, k) for k in range(i, min(i + self.batch, self.share))]
            body = gzip.compress(b'\n'.join(lines) + b'\n', 1)
            connection = self.deliver(connection, epoch, i, body)
            with self.lock:
                self.acked += len(lines)
                self.crc += sum(zlib.crc32(line) for line in lines)
                self.alerts += sum(b'"threat.name"' in line for line in lines)
            if (i // self.batch) % 7 == 0:
                connection = self.deliver(connection, epoch, i, body)
            i += len(lines)

    def deliver(self, connection, epoch, first, body):
        end = time.monotonic() + PATIENCE
        while True:
            status, answer = 0, b''
            try:
                if connection is None:
                    connection = http.client.HTTPSConnection('127.0.0.1', self.city.events, timeout=30, context=self.city.context())
                status, answer = self.post(connection, epoch, first, body)
            except (OSError, http.client.HTTPException) as e:
                answer = str(e).encode()
                if connection is not None:
                    connection.close()
                connection = None
            with self.lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
                if status not in (0, 200, 408, 429, 503, 507) or time.monotonic() > end:
                    self.problems.append(f'batch {first}: {status} {answer[:300]!r}')
            if status == 200 or self.problems:
                return connection
            self.retries += 1
            time.sleep(0.05)

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def reached(self, n):
        return self.acked >= n or bool(self.problems)

    def finish(self):
        self.gate = self.count
        for t in self.threads:
            t.join(PATIENCE * 2)
        if self.problems or self.acked != self.count:
            raise Failure(f'{self.acked} of {self.count} acknowledged; {self.problems[:3]}')

    def stored(self):
        try:
            return self.city.query(f"SELECT count(), uniqExact(event_id), uniqExact(JSONExtractString(raw, 'soak_n')), sum(CRC32(raw)) FROM event "
                                   f"WHERE JSONExtractString(raw, 'soak_run') = '{self.run}'").split('\t')
        except OSError:
            return ['-1']

    def verify(self):
        """Everything acknowledged is stored once, byte for byte, and made its alert once."""
        begun = time.monotonic()
        want = [str(self.count)] * 3 + [str(self.crc)]
        try:
            eventually('stored', lambda: int(self.stored()[0]) >= self.count, PATIENCE * 2, 0.3)
        except Failure as e:
            raise Failure(f'stored {self.stored()}, acknowledged {want}') from e
        took = time.monotonic() - begun
        got = self.stored()
        if got != want:
            raise Failure(f'stored {got}, acknowledged {want}')
        if self.alerts:
            eventually(f'{self.alerts} alerts of {self.run} (there are {self.count_alerts()})',
                       lambda: self.count_alerts() >= self.alerts, pause=0.3)
            if self.count_alerts() != self.alerts:
                raise Failure(f'{self.count_alerts()} alerts, {self.alerts} events')
        return took

    def count_alerts(self):
        return sum(a['count'] for a in self.city.pages('/api/v1/alerts') if a['threat'] == f'Soak.{self.run}')
