#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Makes a blue "signature" and a red "seal"; of a file, tells whether both stand where the decree wants them."""
import re
import struct
import subprocess
import sys
import zlib


def png(name, width, height, colour, inside):
    rows = b"".join(b"\0" + b"".join(bytes([*colour, 255 if inside(x, y) else 0]) for x in range(width)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def word(page, text):
    m = re.search(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">' + text + "<", page)
    return [float(x) for x in m.groups()]


def colours(path, page, test):
    """The box, in points, of the pixels that pass."""
    raw = subprocess.run(["pdftoppm", "-r", "72", "-f", str(page), "-l", str(page), path], check=True, capture_output=True).stdout
    _, size, _, pixels = raw.split(b"\n", 3)
    width, height = map(int, size.split())
    hits = [(i % width, i // width) for i in range(width * height) if test(*pixels[3 * i:3 * i + 3])]
    return min(x for x, _ in hits), min(y for _, y in hits), max(x for x, _ in hits), max(y for _, y in hits)


if len(sys.argv) == 1:
    png("person.png", 300, 120, (0, 0, 200), lambda x, y: abs(y - 60 - 40 * ((x // 30) % 2 * 2 - 1) * (x % 30 - 15) / 15) < 4)
    png("seal.png", 200, 200, (210, 0, 0), lambda x, y: 88 ** 2 < (x - 100) ** 2 + (y - 100) ** 2 < 98 ** 2)
    sys.exit(0)
path = sys.argv[1]
pages = re.findall(r"<page .*?</page>", subprocess.run(["pdftotext", "-bbox", path, "-"], check=True, capture_output=True, text=True).stdout, re.S)
number = next(i for i, p in enumerate(pages) if ">ĐỐC<" in p)
position, name = word(pages[number], "ĐỐC"), word(pages[number], "Mẫu")
blue = colours(path, number + 1, lambda r, g, b: b > 150 and r < 100)
red = colours(path, number + 1, lambda r, g, b: r > 150 and b < 100)
person_width = blue[2] - blue[0]
print("position", position, "name", name, "person", blue, "seal", red)
# Between position and name; the seal reaches a third into the person's image, from its left.
assert position[3] - 2 <= blue[1] and blue[3] <= name[1] + 2
assert red[0] < blue[0] < red[2]
assert abs((red[2] - blue[0]) / person_width - 1 / 3) < 0.08
