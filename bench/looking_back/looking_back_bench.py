# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Half of a machine's files are common to all, the others are of 200,000 that few have. Rows are made by the store itself; questions go
through the API. Beside it a twentieth of the same rows in SQLite, as the state database would keep them."""
import hashlib
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tests/soak'))
from city import City, UnixConnection  # noqa: E402

MACHINES, FILES = int(sys.argv[1]), int(sys.argv[2])
COMMON = FILES // 2
HASH = f"SHA256(if(k < {COMMON}, concat('c', toString(k)), concat('r', toString(cityHash64(e, k) % 200000))))"


def sql(city, text, timeout=3600):
    c = UnixConnection(f'{city.data}/run/eventdb.sock', timeout)
    c.request('POST', '/?database=luytre', text.encode())
    r = c.getresponse()
    out = r.read().decode()
    c.close()
    if r.status != 200:
        raise OSError(out)
    return out.strip()


def ask(city, digest):
    times = []
    for _ in range(7):
        begun = time.monotonic()
        answer = city.api('GET', f'/api/v1/files/{digest}')
        times.append(time.monotonic() - begun)
    return answer, statistics.median(times) * 1000, max(times) * 1000


def sqlite(work):
    db = sqlite3.connect(f'{work}/history.db')
    db.execute('PRAGMA journal_mode = WAL')
    db.execute('CREATE TABLE h (sha256 BLOB, endpoint BLOB, path TEXT, unit BLOB, host TEXT, size INT, first INT, last INT,'
               ' PRIMARY KEY (sha256, endpoint, path)) WITHOUT ROWID')
    begun, n = time.monotonic(), 0
    for e in range(MACHINES // 20):
        rows = []
        for k in range(FILES):
            name = f'c{k}' if k < COMMON else f'r{(e * 7919 + k * 104729) % 200000}'
            rows.append((hashlib.sha256(name.encode()).digest(), e.to_bytes(16, 'big'), f'C:\\Program Files\\{name}.exe', bytes(16),
                         f'PC-{e}', 1000 + k, 1, 2))
        db.executemany('INSERT OR REPLACE INTO h VALUES (?,?,?,?,?,?,?,?)', rows)
        db.commit()
        n += len(rows)
        if time.monotonic() - begun > 60:
            break
    took = time.monotonic() - begun
    db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    size = os.path.getsize(f'{work}/history.db')
    print(f'SQLite, {n} rows (a report a transaction): {n / took:.0f} rows/s, {size / n:.0f} bytes a row')
    db.close()


def main():
    work = tempfile.mkdtemp(prefix='luytre-looking-back-bench.', dir='/tmp')
    os.chmod(work, 0o755)
    city = City(work)
    try:
        sqlite(work)
        city.start_first()
        unit = city.unit
        begun = time.monotonic()
        step = max(1, MACHINES // 40)
        for first in range(0, MACHINES, step):
            sql(city, f"INSERT INTO file_history SELECT {HASH}, reinterpretAsUUID(toFixedString(concat('machine', leftPad(toString(e), 9, '0')), 16)),"
                      f" concat('C:\\\\Program Files\\\\', toString(k), '.exe'), toUUID('{unit}'), concat('PC-', toString(e)), 1000 + k,"
                      f" now() - 86400 * (k % 300), now() - 3600 * (k % 48)"
                      f" FROM (SELECT intDiv(number, {FILES}) + {first} AS e, number % {FILES} AS k FROM numbers({min(step, MACHINES - first) * FILES}))")
        took = time.monotonic() - begun
        rows = int(sql(city, 'SELECT count() FROM file_history'))
        size = int(sql(city, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'luytre' AND table = 'file_history'"))
        parts = sql(city, "SELECT count() FROM system.parts WHERE active AND database = 'luytre' AND table = 'file_history'")
        print(f'event store, {rows} rows of {MACHINES} machines: {rows / took:.0f} rows/s, {size / rows:.1f} bytes a row ({size >> 20} MiB, {parts} parts)')
        for what, name in (('a file that all have', 'c7'), ('a file that few have', 'r777'), ('a file that nobody has', 'x')):
            answer, median, worst = ask(city, hashlib.sha256(name.encode()).hexdigest())
            print(f'{what:24} {answer["machines"]:6} machines: median {median:.0f} ms, worst {worst:.0f} ms')
        for count in (100, 2000):
            digests = [hashlib.sha256(f'r{i * 37}' .encode() if i % 100 == 0 else f'nobody{i}'.encode()).hexdigest() for i in range(count)]
            text = ', '.join(f"toFixedString(unhex('{d}'), 32)" for d in digests)
            begun = time.monotonic()
            found = sql(city, f'SELECT count() FROM (SELECT sha256, endpoint_id, argMax(path, last_seen) FROM file_history WHERE sha256 IN ({text})'
                              ' GROUP BY sha256, endpoint_id)')
            print(f'{count} new hashes looked up at once: {(time.monotonic() - begun) * 1000:.0f} ms, {found} machines found')
        pid = city.roles()['eventdb']
        with open(f'/proc/{pid}/status') as f:
            print('resident memory of luytre-eventdb:', next(line.split()[1] for line in f if line.startswith('VmRSS')), 'KiB')
    finally:
        city.stop()
        shutil.rmtree(work, ignore_errors=True)


main()
