#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Each header (but those of tests) compiles alone, begins with its licence and says in its first comment what lives there."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys


def check(name):
    text = pathlib.Path(name).read_text()
    faults = []
    if not text.startswith("/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */\n"):
        faults.append(f"{name}:1: no SPDX line")
    if "/*" not in text.split("*/", 1)[1][:60] and "_internal.h" not in name:
        faults.append(f"{name}:2: no comment that says what lives here")
    if text.count("\n") > 330:
        faults.append(f"{name}: more than 330 lines; a public face is shorter")
    for_windows = "#include <windows.h>" in text and "_WIN32" not in text
    program = ["x86_64-w64-mingw32-gcc", "-D_WIN32_WINNT=0x0601"] if for_windows else ["gcc"]
    # Pango's headers lie in folders of their own.
    flags = subprocess.run(["pkg-config", "--cflags", "pangocairo"], capture_output=True, text=True).stdout.split() if "<pango/" in text else []
    compiler = [*program, *flags, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Werror", "-Isrc", "-fsyntax-only", "-include", name, "-x", "c", "/dev/null"]
    run = subprocess.run(compiler, capture_output=True, text=True)
    if run.returncode != 0:
        faults.append(f"{name}: does not compile alone:\n{run.stderr}")
    return faults


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "src/*.h"], capture_output=True, text=True, check=True)
    names = [n for n in listed.stdout.split() if os.path.exists(n) and "_test_" not in n]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [f for found in pool.map(check, names) for f in found]
    print("\n".join(faults) or f"headers: {len(names)} compile alone")
    return 1 if faults else 0


sys.exit(main())
