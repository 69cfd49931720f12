# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""The hostile file set, small on the disk: python3 make.py FOLDER. Each function makes one kind; names say what."""
import bz2
import gzip
import io
import lzma
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib

EVIL = b'\0hello-evil-world'


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


def zipped(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', method) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def tarred(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def flat_bomb(size):
    """`size` zero bytes, about a thousandth of them packed."""
    return zipped([('zeros', b'\0' * size)])


def nested_bomb(levels, width):
    data = zipped([('zeros', b'\0' * (1 << 20))])
    for _ in range(levels):
        data = zipped([(f'{i}.zip', data) for i in range(width)])
    return data


def overlapping_bomb(count, size):
    """Many entries of the central directory that all point at one piece of packed data (D. Fifield's idea, the simple form)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b'\0' * size) + packer.flush()
    crc = zlib.crc32(b'\0' * size)
    head = struct.pack('<4s5H3I2H', b'PK\3\4', 20, 0, 8, 0, 0, crc, len(packed), size, 1, 0) + b'a'
    body, directory = head + packed, b''
    for i in range(count):
        name = f'{i}'.encode()
        directory += struct.pack('<4s6H3I5H2I', b'PK\1\2', 20, 20, 0, 8, 0, 0, crc, len(packed), size, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack('<4s4H2IH', b'PK\5\6', 0, 0, count & 0xffff, count & 0xffff, len(directory), len(body), 0)
    return body + directory + end


def quine_like(levels):
    data = gzip.compress(EVIL)
    for _ in range(levels):
        data = gzip.compress(data)
    return data


def mutated(rng, data, count):
    data = bytearray(data)
    for _ in range(count):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def bombs(folder):
    write(f'{folder}/bomb-flat.zip', flat_bomb(96 << 20))
    write(f'{folder}/bomb-nested.zip', nested_bomb(5, 12))
    write(f'{folder}/bomb-overlapping.zip', overlapping_bomb(30000, 4 << 20))
    write(f'{folder}/bomb-deep.gz', quine_like(60))
    write(f'{folder}/bomb.gz', gzip.compress(b'\0' * (96 << 20)))
    write(f'{folder}/bomb.bz2', bz2.compress(b'\0' * (64 << 20)))
    write(f'{folder}/bomb.xz', lzma.compress(bytes(64 << 20), preset=0))
    write(f'{folder}/bomb-members.zip', zipped([(f'{i}', b'') for i in range(12000)], zipfile.ZIP_STORED))


def malformed(folder, rng):
    with open('/bin/true', 'rb') as f:
        elf = f.read()
    pe = b'MZ' + bytes(58) + struct.pack('<I', 64) + b'PE\0\0' + struct.pack('<HHIIIHH', 0x8664, 0xffff, 0, 0xffffffff, 0xffffffff, 240, 0x22)
    pe += bytes(range(256)) * 8
    pdf = b'%PDF-1.7\n1 0 obj<</Length 99999999999/Filter[/FlateDecode/FlateDecode]>>stream\n' + os.urandom(2000) + b'\nendstream'
    kinds = {'elf': elf[:60000], 'exe': pe, 'pdf': pdf, 'zip': zipped([(f'{i}', os.urandom(50)) for i in range(40)]),
             'tar': tarred([(f'{i}', os.urandom(50)) for i in range(40)]), 'gz': gzip.compress(os.urandom(3000)), 'xz': lzma.compress(os.urandom(3000)),
             '7z': b"7z\xbc\xaf\x27\x1c" + os.urandom(3000), 'rar': b'Rar!\x1a\x07\x00' + os.urandom(3000), 'rar5': b'Rar!\x1a\x07\x01\x00' + os.urandom(3000),
             'cab': b'MSCF' + os.urandom(3000), 'ar': b'!<arch>\n' + os.urandom(3000), 'cpio': b'070701' + os.urandom(3000)}
    for name, data in kinds.items():
        for i in range(12):
            write(f'{folder}/broken-{i}.{name}', mutated(rng, data, rng.randrange(1, 40)))
        write(f'{folder}/cut.{name}', data[:rng.randrange(1, len(data))])


def special(folder):
    with open(f'{folder}/sparse', 'wb') as f:
        f.truncate(4 << 30)
    os.mkfifo(f'{folder}/fifo')
    s = socket.socket(socket.AF_UNIX)
    s.bind(f'{folder}/socket')
    s.close()
    os.symlink('fifo', f'{folder}/link-to-fifo')
    os.symlink('/dev/zero', f'{folder}/link-to-zero')
    os.symlink('.', f'{folder}/loop')
    os.symlink('nowhere', f'{folder}/dangling')
    if os.geteuid() == 0:
        for name, number in (('zero', os.makedev(1, 5)), ('random', os.makedev(1, 8))):
            try:
                os.mknod(f'{folder}/device-{name}', 0o666 | stat.S_IFCHR, number)
            except OSError:
                pass
    write(f'{folder}/unreadable', EVIL)
    os.chmod(f'{folder}/unreadable', 0)


def names(folder):
    for name in (b'new\nline', b'bad-\xff\xfe-utf8', b'esc-\x1b[2J', b'-r', b'%s%n', b' ', b'x' * 255, 'tiếng Việt'.encode()):
        write(os.fsencode(folder) + b'/' + name, EVIL)
    deep = folder
    for _ in range(90):
        deep += '/d'
        os.mkdir(deep)
    write(f'{deep}/evil', EVIL)
    # Longer than a path may be: reached folder by folder.
    here = os.open(folder, os.O_RDONLY)
    for _ in range(30):
        os.mkdir('y' * 200, dir_fd=here)
        below = os.open('y' * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def hidden(folder):
    """What must be found all the same. Returned: path -> where in it."""
    # Packed, so that only who unpacks sees it.
    inner = zipped([('readme', b'nothing'), ('dir/evil.exe', EVIL + bytes(100))])
    made = {
        'in.zip': (inner, 'dir/evil.exe'),
        'in.tar.gz': (gzip.compress(tarred([('a', b'x'), ('b/evil', EVIL)])), 'b/evil'),
        'in.zip.zip': (zipped([('x/in.zip', inner)]), 'x/in.zip/dir/evil.exe'),
        'one.gz': (gzip.compress(EVIL * 3), None),
        'in.tar.xz': (lzma.compress(tarred([('evil', EVIL)])), 'evil'),
        'in.tar.bz2': (bz2.compress(tarred([('evil', EVIL)])), 'evil'),
        'before-it-breaks.zip': (zipped([('evil', EVIL + bytes(3000))])[:-30], 'evil'),
        'odd-names.zip': (zipped([('../../etc/\x1b[2Jpasswd\n', EVIL + bytes(3000))]), None),
        'beside-a-bomb.zip': (zipped([('evil', EVIL + bytes(3000)), ('zeros', b'\0' * (64 << 20))]), 'evil'),
    }
    if shutil.which('bsdtar'):
        with open(f'{folder}/evil', 'wb') as f:
            f.write(EVIL + bytes(3000))
        subprocess.run(['bsdtar', '-cf', 'in.7z', '--format', '7zip', 'evil'], cwd=folder, check=True)
        with open(f'{folder}/in.7z', 'rb') as f:
            made['in.7z'] = (f.read(), 'evil')
        os.unlink(f'{folder}/evil')
    for name, (data, _) in made.items():
        write(f'{folder}/{name}', data)
    return {f'{folder}/{name}': where for name, (_, where) in made.items()}


def main(folder):
    rng = random.Random(6)
    for kind in ('bombs', 'malformed', 'special', 'names', 'hidden'):
        os.makedirs(f'{folder}/{kind}')
    bombs(f'{folder}/bombs')
    malformed(f'{folder}/malformed', rng)
    special(f'{folder}/special')
    names(f'{folder}/names')
    return hidden(f'{folder}/hidden')


if __name__ == '__main__':
    print(main(sys.argv[1]))
