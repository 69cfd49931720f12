#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""PE files with everything that rules ask about: make_pe.py DIRECTORY. The machine's compilers make few of these: Rich
record, delayed imports, resources with version information, debug paths, forwarders, Authenticode certificates (openssl)."""
import os
import struct
import subprocess
import sys

RVA, RAW, SIZE = 0x1000, 0x400, 0x3000


class Body:
    """One section; places are addresses."""

    def __init__(self):
        self.bytes = bytearray(SIZE)
        self.at = 0

    def put(self, data, align=4):
        self.at = (self.at + align - 1) & -align
        at = self.at
        self.bytes[at:at + len(data)] = data
        self.at += len(data)
        return RVA + at


def thunks(body, wide, functions):
    entries = []
    for f in functions:
        if isinstance(f, int):
            entries.append(f | (1 << (63 if wide else 31)))
        else:
            entries.append(body.put(struct.pack('<H', 0) + f + b'\0', 2))
    return body.put(struct.pack('<%d%s' % (len(entries) + 1, 'Q' if wide else 'I'), *entries, 0), 8)


def imports(body, wide, libraries):
    table = b''
    for name, functions in libraries:
        at = thunks(body, wide, functions)
        table += struct.pack('<5I', at, 0, 0, body.put(name + b'\0', 1), at)
    return body.put(table + bytes(20))


def delayed(body, wide, libraries, base):
    table = b''
    for name, functions in libraries:
        names, addresses = thunks(body, wide, functions), body.put(b'\1' * (8 * len(functions)) + bytes(8), 8)
        table += struct.pack('<8I', 0 if base else 1, base + body.put(name + b'\0', 1), 0, base + addresses, base + names, 0, 0, 0)
    return body.put(table + bytes(32))


def exports(body, names, count):
    here = (body.at + 3) & -4
    functions = [0x1100 + 16 * i for i in range(count)]
    functions[count - 1] = RVA + here + 44  # a forwarder: points into the directory
    body.put(bytes(40) + b'\0\0\0\0' + b'OTHER.Function\0\0')
    name_rvas = [body.put(n + b'\0', 1) for n in names]
    at_functions = body.put(struct.pack('<%dI' % count, *functions))
    at_names = body.put(struct.pack('<%dI' % len(names), *name_rvas))
    at_ordinals = body.put(struct.pack('<%dH' % count, *[(2 * i) % count if i < len(names) else i for i in range(count)]))
    library = body.put(b'made.dll\0', 1)
    struct.pack_into('<IIHHIIIIIII', body.bytes, here, 0, 0x5f000000, 1, 2, library, 5, count, len(names), at_functions, at_names,
                     at_ordinals)
    return RVA + here, 40 + 4 + 20


def wide_text(s):
    return s.encode('utf-16le') + b'\0\0'


def version_block(key, value, children=b'', kind=1):
    head = wide_text(key)
    body = head + bytes(-(6 + len(head)) % 4) + value
    body += bytes(-(6 + len(body)) % 4) + children
    return struct.pack('<HHH', 6 + len(body), len(value) // 2 if kind else len(value), kind) + body


def version_info(pairs):
    strings = b''
    for key, value in pairs:
        block = version_block(key, wide_text(value))
        strings += block + bytes(-len(block) % 4)
    table = version_block('040904b0', b'', strings)
    info = version_block('StringFileInfo', b'', table)
    fixed = struct.pack('<13I', 0xfeef04bd, 0x10000, *([1] * 11))
    return version_block('VS_VERSION_INFO', fixed, info, 0)


def resources(body):
    """{type: {id: {language: bytes}}}; texts are named."""
    tree = {3: {1: {1033: b'icon' * 10}, 2: {0: b'x'}}, 10: {'DATA': {1066: b'MZ payload', 9: b'yy'}},
            'OWN': {7: {1033: b'own'}}, 16: {1: {1033: version_info([('CompanyName', 'Công ty'), ('FileVersion', '1.2.3'), (
                'InternalName', 'made'), ('CompanyName', 'Second'), ('Empty', ''), ('OriginalFilename', 'made.exe')])}}}
    body.at = (body.at + 15) & -16
    base = body.at
    later = []

    def directory(node):
        names = sorted((k for k in node if isinstance(k, str))) + sorted(k for k in node if isinstance(k, int))
        at = body.put(struct.pack('<IIHHHH', 0, 0x5e000000, 4, 1, sum(isinstance(k, str) for k in names),
                                  sum(isinstance(k, int) for k in names)) + bytes(8 * len(names))) - RVA
        for i, k in enumerate(names):
            later.append((at + 16 + 8 * i, k, node[k]))
        return at

    directory(tree)
    while later:
        at, key, node = later.pop(0)
        name = key if isinstance(key, int) else 0x80000000 | (
            body.put(struct.pack('<H', len(key)) + key.encode('utf-16le'), 2) - RVA - base)
        if isinstance(node, dict):
            to = 0x80000000 | (directory(node) - base)
        else:
            data = body.put(node)
            to = body.put(struct.pack('<4I', data, len(node), 0, 0)) - RVA - base
        struct.pack_into('<II', body.bytes, at, name, to)
    return RVA + base


def rich(key):
    words = [0x536e6144 ^ key, key, key, key]
    for tool, version, times in ((0x105, 0x6b14, 3), (0x104, 0x6b14, 10), (0x105, 0x1234, 1)):
        words += [(tool << 16 | version) ^ key, times ^ key]
    return struct.pack('<%dI' % (len(words) + 2), *words, 0x68636952, key)


def debug(body, mark):
    record = {b'RSDS': b'RSDS' + bytes(16) + bytes(4), b'NB10': b'NB10' + bytes(12), b'MTOC': b'MTOC' + bytes(16)}[mark]
    at = body.put(record + b'C:\\work\\made.pdb\0')
    entry = struct.pack('<IIHHIIII', 0, 0, 0, 0, 2, 40, at, at - RVA + RAW)
    return body.put(struct.pack('<IIHHIIII', 0, 0, 0, 0, 13, 4, 0, 0) + entry), 56


def image(wide, mark, base, signature=b''):
    body = Body()
    directories = [(0, 0)] * 16
    names = [b'Alpha', b'beta', b'DllMain', b'gamma_load']
    directories[0] = exports(body, names, 7)
    directories[1] = (imports(body, wide, [(b'KERNEL32.dll', [b'Sleep', b'VirtualAlloc', 300]), (b'WS2_32.dll', [23, b'send', 999]),
                                           (b'a.b.dll', [b'f']), (b'OLEAUT32.DLL', [2, 6])]), 100)
    directories[13] = (delayed(body, wide, [(b'DELAYED.dll', [b'late', 9, b'later']), (b'advapi32.dll', [b'RegOpenKeyA'])], base), 96)
    directories[2] = (resources(body), 0x800)
    directories[6] = debug(body, mark)
    nt = 0x100
    head = bytearray(RAW)
    head[0:2] = b'MZ'
    struct.pack_into('<I', head, 0x3c, nt)
    record = rich(0x3c1f07d6)
    head[0x80:0x80 + len(record)] = record
    size = 240 if wide else 224
    struct.pack_into('<4sHHIIIHH', head, nt, b'PE\0\0', 0x8664 if wide else 0x14c, 2, 0x60000000, 0, 0, size, 0x2102)
    opt = nt + 24
    struct.pack_into('<HBBIIIII', head, opt, 0x20b if wide else 0x10b, 14, 2, 0x1000, 0x200, 0, RVA + 0x10, RVA)
    if wide:
        struct.pack_into('<Q', head, opt + 24, 0x140000000)
        struct.pack_into('<QQQQII', head, opt + 72, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    else:
        struct.pack_into('<II', head, opt + 24, RVA, 0x400000)
        struct.pack_into('<IIIIII', head, opt + 72, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    struct.pack_into('<IIHHHHHHIIIIHH', head, opt + 32, 0x1000, 0x200, 6, 0, 1, 2, 6, 1, 0, 0x10000, RAW, 0x1234, 2, 0x8140)
    end = RAW + SIZE
    if signature:
        certificate = struct.pack('<IHH', 8 + len(signature), 0x0200, 2) + signature
        certificate += bytes(-len(certificate) % 8)
        directories[4] = (end, len(certificate))
    for i, (rva, length) in enumerate(directories):
        struct.pack_into('<II', head, opt + (112 if wide else 96) + 8 * i, rva, length)
    for i, (name, rva, raw) in enumerate(((b'.text', RVA, RAW), (b'.rsrc', RVA + SIZE, end))):
        struct.pack_into('<8sIIIIIIHHI', head, opt + size + 40 * i, name, SIZE, rva, SIZE if i == 0 else 0, raw, 0, 0, 0, 0, 0x60000020)
    return bytes(head) + bytes(body.bytes) + (certificate if signature else b'') + (b'' if signature else b'overlay!')


def sign(folder, names):
    """A PKCS#7 over nothing in particular: only who signed is read."""
    run = lambda *a: subprocess.run(a, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key', '-out', 'crt',
        '-days', '3000', '-set_serial', '0x00f1e2d3c4b5a697', '-subj', names, '-utf8')
    with open(os.path.join(folder, 'content'), 'wb') as f:
        f.write(b'content')
    run('openssl', 'smime', '-sign', '-in', 'content', '-signer', 'crt', '-inkey', 'key', '-outform', 'DER', '-out', 'p7', '-binary')
    with open(os.path.join(folder, 'p7'), 'rb') as f:
        signature = f.read()
    for name in ('key', 'crt', 'content', 'p7'):
        os.unlink(os.path.join(folder, name))
    return signature


def main():
    folder = sys.argv[1]
    signature = sign(folder, '/C=VN/ST=Đà Nẵng/O=Công ty "Thử" + Co/OU=a=b,c/CN=Signer/emailAddress=a@b.vn/1.2.3.4.5=odd')
    for name, data in (('32.exe', image(False, b'RSDS', 0)), ('32-old-delay.exe', image(False, b'NB10', 0x400000)),
                       ('64.dll', image(True, b'MTOC', 0)), ('32-signed.exe', image(False, b'RSDS', 0, signature)),
                       ('64-signed.dll', image(True, b'RSDS', 0, signature))):
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(data)


main()
