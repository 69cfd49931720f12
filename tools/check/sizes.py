#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Files over 900 lines and functions over 100 lines or of complexity over 20 fail; over 600 / 60 they are named.

Exempt by name only: *_table.c (data) and *.gen.c (generated). The complexity is pmccabe's modified McCabe number,
in which a whole switch counts once.
"""
import os
import pathlib
import subprocess
import sys


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h", "*.js", "*.mjs", "*.py", "*.sh"], capture_output=True, text=True, check=True)
    names = [n for n in listed.stdout.split() if os.path.exists(n) and not n.endswith(("_table.c", ".gen.c", ".gen.h"))]
    faults, looks = [], []
    for name in names:
        lines = pathlib.Path(name).read_text(errors="replace").count("\n")
        if lines > 900:
            faults.append(f"{name}: {lines} lines")
        elif lines > 600:
            looks.append(f"{name}: {lines} lines")
    sources = [n for n in names if n.endswith(".c") and not n.endswith("_test.c")]
    if sources:
        table = subprocess.run(["pmccabe", *sources], capture_output=True, text=True, check=True).stdout
        for row in table.splitlines():
            modified, _, _, _, lines, where = row.split("\t", 5)
            if int(modified) > 20:
                faults.append(f"{where}: complexity {modified}")
            if int(lines) > 100:
                faults.append(f"{where}: {lines} lines")
            elif int(lines) > 60:
                looks.append(f"{where}: {lines} lines")
    for look in looks:
        print(f"look again: {look}")
    for fault in faults:
        print(f"too big: {fault}")
    print(f"sizes: {len(names)} files, {len(looks)} to look at, {len(faults)} too big")
    return 1 if faults else 0


sys.exit(main())
