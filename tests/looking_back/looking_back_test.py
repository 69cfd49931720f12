# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""A whole server with one agent; a second machine's history is written into the store as its agent would have told it."""
import hashlib
import http.client
import json
import os
import shutil
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../soak'))
from city import PASSWORD, City, Failure, eventually  # noqa: E402


def check(what, ok, told=''):
    print(f'{"ok  " if ok else "FAIL"} {what}', flush=True)
    if not ok:
        raise Failure(f'{what}: {told}')


def as_officer(city, path):
    """What ninhkieu, an officer of one ward, is answered."""
    admin, city.cookie = city.cookie, None
    try:
        status, _ = city.ask('POST', '/api/v1/login', {'login': 'ninhkieu', 'password': PASSWORD})
        check('the officer signs in', status in (200, 201, 204), status)
        return city.ask('GET', path)
    finally:
        city.cookie = admin


def store(city, sql):
    from city import UnixConnection
    c = UnixConnection(f'{city.data}/run/eventdb.sock', 60)
    c.request('POST', '/?database=luytre', sql.encode())
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    if r.status != 200:
        raise Failure(text)


def bundle(city, digest, name, note):
    job = city.api('POST', '/api/v1/bundles', {'note': note, 'hashes_csv': f'{digest},{name}\n'})['job_id']
    state = eventually('the bundle is released', lambda: (lambda j: j if j['state'] not in ('waiting', 'running') else None)(
        city.api('GET', f'/api/v1/jobs/{job}')), pause=0.3)
    check('a bundle with a hash is released', state['state'] == 'done', state)


def main():
    work = tempfile.mkdtemp(prefix='luytre-looking-back.', dir='/tmp')
    os.chmod(work, 0o755)
    city = City(work, env={'LUYTRE_SOAK': work})
    try:
        city.start_first()
        city.enrol()
        program = f'{city.watched}/công cụ\n.sh'
        body = b'#!/bin/sh\necho ' + uuid.uuid4().hex.encode() + b'\n'
        digest = hashlib.sha256(body).hexdigest()
        with open(program, 'wb') as f:
            f.write(body)
        with open(f'{city.watched}/plain.txt', 'wb') as f:
            f.write(b'no program ' + body[2:])
        path = f'/api/v1/files/{digest}'
        had = eventually('the program is in the history', lambda: (lambda a: a if a['machines'] == 1 else None)(city.api('GET', path)), pause=1)
        row = had['items'][0]
        check('who has had it: the machine, the place, from when to when', row['endpoint']['id'] == city.endpoint and
              row['path'] == program.replace('\n', '�') and row['first_seen'] <= row['last_seen'] and row['size_bytes'] == len(body) and
              row['unit']['id'] == city.unit and had['total'] == 1, had)
        check('what is no program is not told', city.api('GET', f'/api/v1/files/{hashlib.sha256(b"no program " + body[2:]).hexdigest()}')['total'] == 0)
        check('a bad hash is refused', city.ask('GET', '/api/v1/files/xyz')[0] == 400)

        # Another machine had it in another unit, and no longer has it: one of the sample city's.
        other = next(e for e in city.pages('/api/v1/endpoints') if e['unit']['id'] != city.unit and e['id'] != city.endpoint)
        store(city, f"INSERT INTO file_history SELECT unhex('{digest}'), toUUID('{other['id']}'), 'C:\\\\Tools\\\\x.exe', "
                    f"toUUID('{other['unit']['id']}'), '{other['hostname']}', {len(body)}, now() - 864000, now() - 86400")
        had = city.api('GET', path)
        check('both machines are told', had['machines'] == 2 and had['total'] == 2 and had['items'][0]['endpoint']['id'] == city.endpoint, had)
        status, seen = as_officer(city, path)
        check('an officer sees the machines of the own unit only', status == 200 and seen['machines'] == 1 and
              seen['items'][0]['endpoint']['id'] == city.endpoint, seen)
        one = city.api('GET', path + '?limit=1')
        two = city.api('GET', path + f'?limit=1&cursor={one["next"]}')
        check('page by page', len(one['items']) == len(two['items']) == 1 and two['next'] is None and
              {i['endpoint']['id'] for i in one['items'] + two['items']} == {city.endpoint, other['id']}, (one, two))

        bundle(city, digest, 'Look.Back.Test', 'looking back')
        found = eventually('each machine that had it is an alert', lambda: (lambda d: d if len(d) >= 2 else None)(
            [d for d in city.pages('/api/v1/detections') if d['sha256'] == digest and d['action'] == 'seen']), pause=1)
        check('with the machine, the threat and the place', {d['endpoint']['id'] for d in found} == {city.endpoint, other['id']} and
              all(d['threat'] == 'Look.Back.Test' and d['engine'] == 'hash' for d in found), found)
        alert = city.api('GET', f'/api/v1/alerts/{next(d["alert_id"] for d in found if d["endpoint"]["id"] == other["id"])}')
        why = json.dumps(alert)
        check('the alert says from when to when', 'file.first_seen' in why and 'file.last_seen' in why, why[:800])
        eventually('the machine that still has it looks for it and takes it away', lambda: not os.path.exists(program), pause=0.5)
        check('what is no such file stays', os.path.exists(f'{city.watched}/plain.txt'))
        before = len([d for d in city.pages('/api/v1/detections') if d['sha256'] == digest and d['action'] == 'seen'])
        time.sleep(1)
        check('nothing is told twice', before == 2, before)
    except (Failure, OSError, http.client.HTTPException) as e:
        print(f'FAIL {type(e).__name__}: {e}')
        for name in ('server', 'agent'):
            if os.path.exists(f'{work}/{name}.log'):
                with open(f'{work}/{name}.log', errors='replace') as f:
                    print(f'--- {name}.log', ''.join(f.readlines()[-25:]), sep='\n')
        return 1
    finally:
        city.stop()
        shutil.rmtree(work, ignore_errors=True)
    return 0


sys.exit(main())
