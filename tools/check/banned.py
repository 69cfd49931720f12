#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Calls that have no bounds, hidden state or a shell; SQL outside *_db.c; things that must not be in the repository."""
import os
import pathlib
import re
import subprocess
import sys

CALLS = re.compile(
    r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atoll|strtol|strtoul|strtoll|strtoull|sscanf|gets|"
    r"alloca|gmtime|localtime|rand|srand|system|popen|mktemp|tmpnam)\s*\("
)
SQL = re.compile(r'"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE)\s')
SQL_HOME = re.compile(r"(_db\.c|_store\w*\.c|_test\.c|_test_support\.h|_bench\.c)$|platform/db/|program/eventdb/|^tests/|^bench/")
TODO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception"


def strip_comments(text):
    keep_lines = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r"/\*.*?\*/|//[^\n]*", keep_lines, text, flags=re.S)


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True)
    faults = []
    for name in listed.stdout.split("\n"):
        if not name or not os.path.isfile(name):
            continue
        if name.endswith((".c", ".h")):
            text = pathlib.Path(name).read_text()
            if SPDX not in text.split("\n", 1)[0]:
                faults.append(f"{name}:1: no SPDX line")
            code = strip_comments(text)
            without_strings = re.sub(r'"(\\.|[^"\\\n])*"', '""', code)
            for number, line in enumerate(without_strings.split("\n"), 1):
                for match in CALLS.finditer(line):
                    faults.append(f"{name}:{number}: banned call {match.group(1)}")
            if not SQL_HOME.search(name):
                for number, line in enumerate(code.split("\n"), 1):
                    if SQL.search(line):
                        faults.append(f"{name}:{number}: SQL outside *_db.c")
        if name.endswith((".c", ".h", ".js", ".mjs", ".py", ".sh")) and name != "tools/check/banned.py":
            for number, line in enumerate(pathlib.Path(name).read_text(errors="replace").split("\n"), 1):
                if TODO.search(line):
                    faults.append(f"{name}:{number}: unfinished work belongs in an issue, not in the source")
    print("\n".join(faults) or "banned: none found")
    return 1 if faults else 0


sys.exit(main())
