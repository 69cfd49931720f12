#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""forge.py KEY.pem GOOD.ltbundle OLD.ltbundle OUT: bundles that must be refused, made from good ones: each file's name is the key of its refusal."""
import hashlib
import json
import struct
import subprocess
import sys

key, good_path, old_path, out = sys.argv[1:]
MAGIC = b'LTBNDL1\n'


def split(container):
    assert container[:8] == MAGIC
    manifest, signature = struct.unpack_from('<II', container, 8)
    end = 16 + manifest
    return container[16:end], container[end:end + signature], container[end + signature:]


def signed(manifest, body):
    signature = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', key], input=b'luytre-bundle-v1\n' + manifest,
                               stdout=subprocess.PIPE, check=True).stdout
    return MAGIC + struct.pack('<II', len(manifest), len(signature)) + manifest + signature + body


def write(name, data):
    with open(f'{out}/{name}', 'wb') as f:
        f.write(data)


good, old = open(good_path, 'rb').read(), open(old_path, 'rb').read()
manifest, signature, body = split(good)
_, _, old_body = split(old)
tree = json.loads(manifest)
next_version = tree['version'] + 1

write('malware.bundle_part', good[:-5] + bytes([good[-5] ^ 1]) + good[-4:])
write('malware.bundle_truncated', good[:-1000])
write('malware.bundle_trailing', good + b'x')
write('malware.bundle_signature', good.replace(b'"version":%d' % tree['version'], b'"version":%d' % next_version, 1))
write('malware.bundle_rollback', old)
# The new head over the old parts, and the same filled up to the length that the head promises.
write('mixed-malware.bundle_part', good[:len(good) - len(body)] + (old_body + bytes(len(body)))[:len(body)])
expired = dict(tree, version=next_version, expires='2020-01-01T00:00:00Z')
write('malware.bundle_expired', signed(json.dumps(expired).encode(), body))
endless = dict(tree, version=next_version, parts=[dict(p, size=500 << 20) for p in tree['parts']] * 2)
write('malware.bundle_endless', signed(json.dumps(endless).encode(), body))
assert hashlib.sha256(body).digest()
