#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""A signed file is changed in every way that a forger may think of; luytre verify must never call it valid."""
import random
import re
import subprocess
import sys
import tempfile

LUYTRE, SIGNED, CA = sys.argv[1:]
original = open(SIGNED, "rb").read()
failures = 0


def verify(data):
    with tempfile.NamedTemporaryFile(suffix=".pdf") as f:
        f.write(data)
        f.flush()
        run = subprocess.run([LUYTRE, "verify", "--ca-government", CA, f.name], capture_output=True, text=True)
    return run.returncode, run.stdout


def expect(what, data, wanted=(1, 2)):
    global failures
    code, out = verify(data)
    if code not in wanted:
        failures += 1
        print(f"{what}: exit code {code}\n{out}")


def update(data, objects, root=None):
    """An incremental update in the manner of any PDF program."""
    previous = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    size = max(int(x) for x in re.findall(rb"/Size (\d+)", data))
    top = max([size - 1, *objects]) + 1
    trailer = re.findall(rb"/Root (\d+ \d+ R)", data)[-1] if root is None else root
    out, table = data, b"xref\n"
    for number, body in sorted(objects.items()):
        table += b"%d 1\n%010d 00000 n \n" % (number, len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    at = len(out)
    return out + table + b"trailer\n<< /Size %d /Prev %d /Root %s >>\nstartxref\n%d\n%%%%EOF\n" % (top, previous, trailer, at)


def newest(number):
    return re.findall(rb"(?:^|\n)%d 0 obj\n(.*?)\nendobj" % number, original, re.S)[-1]


expect("as it was", original, (0,))
rng = random.Random(7)
gaps = [(int(b), int(b) + int(c) - int(b)) for b, c in re.findall(rb"/ByteRange \[0 (\d+) (\d+) \d+\]", original)]
signed = [i for i in range(len(original)) if not any(a <= i < c for a, c in gaps)]
for i in rng.sample(signed, 60):
    expect(f"byte {i}", original[:i] + bytes([original[i] ^ 1]) + original[i + 1:])
for a, c in gaps:  # within the CMS itself
    for i in rng.sample(range(a + 1, a + 3000), 6):
        changed = b"0" if original[i:i + 1] != b"0" else b"1"
        expect(f"signature byte {i}", original[:i] + changed + original[i + 1:])

root = int(re.findall(rb"/Root (\d+) 0 R", original)[-1])
page = int(re.findall(rb"/P (\d+) 0 R", original)[-1])
free = max(int(x) for x in re.findall(rb"/Size (\d+)", original))
content = re.search(rb"/Contents (\d+) 0 R", newest(page)).group(1)
expect("something behind the end", original + b"% more\n")
expect("the page's content replaced", update(original, {int(content): b"<< /Length 0 >>\nstream\n\nendstream"}))
expect("the page shows other content", update(original, {page: newest(page).replace(b"/Contents " + content + b" 0 R", b"/Contents %d 0 R" % free), free: b"<< /Length 0 >>\nstream\n\nendstream"}))
expect("an action at opening", update(original, {root: newest(root)[:-2] + b"/OpenAction << /S /JavaScript /JS (1) >> >>"}))
expect("a note over the text", update(original, {page: re.sub(rb"/Annots \[", b"/Annots [%d 0 R " % free, newest(page)), free: b"<< /Type /Annot /Subtype /FreeText /Rect [0 0 600 800] >>"}))
expect("a field that is no signature", update(original, {page: re.sub(rb"/Annots \[(.*?)\]", rb"/Annots [\1 %d 0 R]" % free, newest(page), flags=re.S),
                                                         free: b"<< /Type /Annot /Subtype /Widget /FT /Tx /Rect [0 0 9 9] >>"}))
expect("a widget that hides the page", update(original, {page: re.sub(rb"/Annots \[(.*?)\]", rb"/Annots [\1 %d 0 R]" % free, newest(page), flags=re.S),
                                                         free: b"<< /Type /Annot /Subtype /Widget /FT /Sig /Rect [0 0 600 800] >>"}))
expect("another catalog", update(original, {free: newest(root)}, b"%d 0 R" % free))
code, out = verify(update(original, {free: b"<< /Nothing true >>"}))
if code != 0 or "only signatures" not in out:
    failures += 1
    print("an object that nothing shows is no change:", code, out)
# The older revision is the older document: valid, with one signature.
expect("the first revision", original[:int(re.findall(rb"/ByteRange \[0 \d+ (\d+) \d+\]", original)[0]) + int(re.findall(rb"/ByteRange \[0 \d+ \d+ (\d+)\]", original)[0])], (0,))
for n in (100, len(original) // 2, len(original) - 40):
    expect(f"cut after {n}", original[:n])
print(f"changes: {failures} failures")
sys.exit(failures > 0)
