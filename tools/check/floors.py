#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""A file includes headers of its own room, of rooms listed before its own on its floor, or of floors below; never above.

Private headers (*_internal.h, *_private.h, *_driver.h, *_db.h) stay in their room. libmicrohttpd's header appears in one file.
"""
import pathlib
import re
import subprocess
import sys

FLOORS = ["base", "platform", "engine", "service", "program"]
PRIVATE = re.compile(r"_(internal|private|driver|db)\.h$")
# base/{mem,arg,err,cursor} are one library with base/str.
BOTTOM = {"str", "mem", "arg", "err", "cursor"}


def room_order(floor):
    text = pathlib.Path(f"src/{floor}/meson.build").read_text()
    return re.findall(r"^\s*subdir\('([^']+)'\)", text, re.M)


def place(path):
    parts = pathlib.PurePath(path).parts
    if parts and parts[0] == "src":
        parts = parts[1:]
    if not parts or parts[0] not in FLOORS:
        return None
    return parts[0], parts[1] if len(parts) > 2 else ""


def main():
    orders = {floor: room_order(floor) for floor in FLOORS}
    faults = []
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "src"], capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        if not name.endswith((".c", ".h")) or not pathlib.Path(name).exists():
            continue
        here = place(name)
        if here is None:
            continue
        test = name.endswith(("_test.c", "_test_support.h", "_fuzz.c"))
        for number, line in enumerate(pathlib.Path(name).read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                if re.match(r"\s*#\s*include\s+<microhttpd\.h>", line) and name != "src/platform/http/http_internal.h":
                    faults.append(f"{name}:{number}: microhttpd.h belongs to src/platform/http/http_internal.h alone")
                continue
            included = match.group(1)
            there = place(included)
            if there is None:
                if not pathlib.Path(name).parent.joinpath(included).exists() and not included.endswith((".gen.h", ".def", "config.h")):
                    faults.append(f"{name}:{number}: {included} is in no floor")
                continue
            if there == here:
                continue
            if PRIVATE.search(included) and not test:
                faults.append(f"{name}:{number}: {included} is private to its room")
            up = FLOORS.index(there[0]) - FLOORS.index(here[0])
            if up > 0:
                faults.append(f"{name}:{number}: {here[0]} includes {included}, a floor above")
            elif up == 0 and here[0] != "program" and not test:
                order = orders[here[0]]
                if here[0] == "base" and here[1] in BOTTOM and there[1] in BOTTOM:
                    continue
                later = there[1] in order and here[1] in order and order.index(there[1]) > order.index(here[1])
                if later:
                    faults.append(f"{name}:{number}: room {here[1]} includes {included}, a room after it")
            elif up == 0 and here[0] == "program" and there[1] and there[1] != here[1]:
                faults.append(f"{name}:{number}: programs share nothing with each other: {included}")
    print("\n".join(faults) or "floors: every include goes down")
    return 1 if faults else 0


sys.exit(main())
