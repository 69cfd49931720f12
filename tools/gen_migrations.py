#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Turns a room's numbered migrations (x.sql) into a C header with one string a migration, new lines kept.

    gen_migrations.py ROOM IN.sql OUT.gen.h

Each migration begins with a line "-- migration N", from 1 without gaps. Other comment lines stay out of the program.
The header defines `static const struct db_migration ROOM_migrations[]`.
"""
import pathlib
import re
import sys


def fail(path, number, text):
    sys.exit(f"{path}:{number}: {text}")


def read(path):
    migrations = []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        mark = re.fullmatch(r"-- migration (\d+)", line)
        if mark:
            if int(mark.group(1)) != len(migrations) + 1:
                fail(path, number, f"expected migration {len(migrations) + 1}")
            migrations.append([])
        elif line.strip() and not line.lstrip().startswith("--"):
            if not migrations:
                fail(path, number, "a statement before the first “-- migration 1”")
            if not line.isascii():
                fail(path, number, "schema text is ASCII")
            migrations[-1].append(line)
    for number, lines in enumerate(migrations, 1):
        if not lines or not lines[-1].endswith(";"):
            fail(path, 1, f"migration {number} does not end with “;”")
    if not migrations:
        fail(path, 1, "no migration")
    return migrations


def main():
    room, source, target = sys.argv[1:]
    out = [
        "/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */",
        f"/* Generated from {pathlib.Path(source).name}. */",
        "#pragma once",
        '#include "platform/db/db.h"',
        f"static const struct db_migration {room}_migrations[] = {{",
    ]
    for number, lines in enumerate(read(source), 1):
        out.append(f'\t{{"{room}", {number},')
        for line in lines:
            text = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", " ")
            out.append(f'\t "{text}\\n"')
        out.append("\t},")
    out += ["};", f"#define {room.upper()}_MIGRATION_COUNT (sizeof {room}_migrations / sizeof {room}_migrations[0])", ""]
    pathlib.Path(target).write_text("\n".join(out))


main()
