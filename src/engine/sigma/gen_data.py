#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""A file as a C byte array: gen_data.py NAME INPUT OUTPUT."""
import pathlib
import sys


def main():
    name, source, target = sys.argv[1:4]
    data = pathlib.Path(source).read_bytes()
    rows = [", ".join(str(b) for b in data[i : i + 24]) for i in range(0, len(data), 24)]
    pathlib.Path(target).write_text(
        "/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */\n#include <stddef.h>\n"
        f"extern const unsigned char {name}[];\nextern const size_t {name}_size;\n"
        f"const unsigned char {name}[] = {{\n" + ",\n".join(rows) + f"}};\nconst size_t {name}_size = sizeof {name};\n"
    )


main()
