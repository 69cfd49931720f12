#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""ClamAV signatures made at random, files made of what they look for, clamscan --allmatch beside an image of the same
databases: clamav.py DIFFER SEED ROUNDS [PE-FILE...]. Exit 1: a difference."""
import os
import random
import subprocess
import sys
import tempfile

differ, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
bases = [open(p, 'rb').read() for p in sys.argv[4:]]
r = random.Random(seed)


def piece(n):
    """Bytes that libclamav takes as they are: no letter twice, so that no part is all alike."""
    return bytes(r.choice(b'abcdefghijkmnopqrstuvwxyz0123456789') for _ in range(n))


def body():
    """A body and some bytes that it matches."""
    start = piece(r.randint(4, 8))
    text, match = start.hex(), bytearray(start)
    for _ in range(r.choice((0, 0, 1, 1, 2))):
        kind = r.randint(0, 6)
        if kind == 0:
            text += '??'
            match += piece(1)
        elif kind == 1:
            b = piece(1)
            text += r.choice((b.hex()[0] + '?', '?' + b.hex()[1]))
            match += b
        elif kind == 2:
            low = r.randint(0, 3)
            high = low + r.randint(1, 4)
            text += r.choice(('{%d-%d}' % (low, high), '{-%d}' % high, '{%d-}' % low))
            match += piece(r.randint(low, high))
        elif kind == 3:
            text += '*'
            match += piece(r.randint(0, 9))
        elif kind == 4:
            a, b = piece(2), piece(2)
            text += '(%s|%s)' % (a.hex(), b.hex())
            match += r.choice((a, b))
        elif kind == 5:
            text += '!(21)'
            match += piece(1)
        else:
            text += '{3}'
            match += piece(3)
        end = piece(r.randint(4, 6))
        text += end.hex()
        match += end
    return text, bytes(match)


def offset(target):
    choices = ['*', '*', '*', '%d' % r.randint(0, 60), '%d,%d' % (r.randint(0, 60), r.randint(1, 60)), 'EOF-%d' % r.randint(8, 90),
               'EOF-%d,%d' % (r.randint(40, 90), r.randint(1, 40))]
    if target == 1:
        choices += ['EP+%d,%d' % (r.randint(0, 9), r.randint(1, 2000)), 'S1+%d,%d' % (r.randint(0, 9), r.randint(1, 9000)), 'SE0',
                    'SL+0,9000', 'S0+16,4000', 'EP-10,3000']
    return r.choice(choices)


def logic(n):
    """Every subsignature must be named."""
    left = list(range(n))

    def leaf():
        k = left.pop() if left else r.randrange(n)
        return str(k) + r.choice(('', '', '', '', '>1', '=2', '<2', '=0', '>0'))

    def item():
        kind = r.randint(0, 4)
        if kind == 0 and n > 1:
            subs = sorted(r.sample(range(n), r.randint(2, n)))
            for k in subs:
                if k in left:
                    left.remove(k)
            return '(' + '|'.join(map(str, subs)) + ')' + r.choice(('>1', '>0', '>1,1', '>2,2'))
        if kind == 1:
            return '(' + leaf() + r.choice('&|') + leaf() + ')'
        return leaf()

    text = item()
    while left or r.random() < 0.3:
        text += r.choice('&|') + item()
    return text


def databases(folder):
    pieces, ndb, ldb = [], [], []
    for i in range(30):
        target = r.choice((0, 0, 1, 6, 10, 2))
        text, match = body()
        pieces.append(match)
        ndb.append('N%d:%d:%s:%s' % (i, target, offset(target), text))
    for i in range(30):
        target = r.choice((0, 0, 0, 1))
        n = r.randint(1, 4)
        subs = []
        for _ in range(n):
            text, match = body()
            pieces.append(match)
            place = offset(target) if r.random() < 0.3 else '*'
            text = (place + ':' if place != '*' else '') + text
            if r.random() < 0.2:
                match = piece(r.randint(5, 9))
                text = match.hex() + '::' + r.choice(('i', 'w', 'wa', 'iw'))
                pieces.append(match.upper() if 'i' in text else match)
                if 'w' in text.split('::')[1]:  # else clamscan may find it in what it decodes UTF-16 to
                    pieces.append(b''.join(bytes((c, 0)) for c in match))
            subs.append(text)
        extra = r.choice(('', '', ',FileSize:%d-%d' % (r.randint(0, 50), r.randint(100, 20000))))
        ldb.append('L%d;Engine:51-255,Target:%d%s;%s;%s' % (i, target, extra, logic(n), ';'.join(subs)))
    for name, lines in (('t.ndb', ndb), ('t.ldb', ldb)):
        with open(os.path.join(folder, 'db', name), 'w') as f:
            f.write('\n'.join(lines) + '\n')
    return pieces


def files(folder, pieces):
    # Broken ELF files are no heads here: libclamav then knows no offsets from the end, in no signature.
    heads = [b'', b'', b'', b'%PDF-1.4 ', b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1']
    for i in range(60):
        if bases and i % 4 == 0:
            data = bytearray(r.choice(bases))
            for _ in range(r.randint(1, 8)):
                p = r.choice(pieces)
                at = r.choice((r.randint(0x400, len(data) - 300), r.randint(0x400, 0x500)))
                data[at:at + len(p)] = p
        else:
            data = bytearray(r.choice(heads) + b'!' * r.randint(0, 40))
        for _ in range(r.randint(0, 6)):
            data += r.choice(pieces) + b'#' * r.randint(0, 12)
        with open(os.path.join(folder, 'f', '%03d' % i), 'wb') as f:
            f.write(data)


def found_by_clamscan(folder):
    out = subprocess.run(['clamscan', '-d', os.path.join(folder, 'db'), '--allmatch', '--no-summary', '--infected', '--scan-archive=no',
                          '--scan-pe=yes', os.path.join(folder, 'f')], capture_output=True, text=True, errors='replace')
    if 'rror' in out.stderr and 'Malformed' in out.stderr:
        print('clamscan does not take the database: ' + out.stderr.splitlines()[0])
        return None
    lines = [l[:-len(' FOUND')].replace('.UNOFFICIAL', '') for l in out.stdout.splitlines() if l.endswith(' FOUND')]
    return {tuple(l.rsplit(': ', 1)) for l in lines}


def found_by_us(folder):
    names = [os.path.join(folder, 'db', n) for n in ('t.ndb', 't.ldb')]
    names += sorted(os.path.join(folder, 'f', n) for n in os.listdir(os.path.join(folder, 'f')))
    out = subprocess.run([differ, 'clamav'] + names, capture_output=True, text=True, errors='replace')
    refused = {l.split()[2] for l in out.stderr.splitlines() if l.startswith('not taken: ')}
    for l in out.stderr.splitlines():
        if l.startswith('not taken: '):
            reasons[l.split()[4] if len(l.split()) > 4 else l] = reasons.get(l.split()[4] if len(l.split()) > 4 else l, 0) + 1
    return {tuple(l.split(' ', 1)) for l in out.stdout.splitlines()}, refused


reasons = {}
compared = findings = different = skipped = 0
for number in range(rounds):
    with tempfile.TemporaryDirectory(prefix='luytre-clamav.') as folder:
        os.mkdir(os.path.join(folder, 'db'))
        os.mkdir(os.path.join(folder, 'f'))
        pieces = databases(folder)
        files(folder, pieces)
        theirs = found_by_clamscan(folder)
        if theirs is None:
            skipped += 1
            continue
        ours, refused = found_by_us(folder)
        theirs = {t for t in theirs if t[1] not in refused}
        compared += 60 * 60
        findings += len(theirs)
        for f, name in sorted(theirs ^ ours)[:6]:
            lines = open(os.path.join(folder, 'db', 't.ndb')).read() + open(os.path.join(folder, 'db', 't.ldb')).read()
            line = [l for l in lines.splitlines() if l.startswith((name + ':', name + ';'))]
            print('only %s: %s in %r' % ('clamscan' if (f, name) in theirs else 'ours', line[0][:200] if line else name,
                                         open(f, 'rb').read()[-260:] if os.path.getsize(f) < 2000 else f))
        different += len(theirs ^ ours)
print('clamav: %d pairs of signature and file, %d findings, %d differences, %d databases that clamscan refuses, not taken: %s' % (
    compared, findings, different, skipped, reasons or 'none'))
sys.exit(different > 0)
