# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Faults × invariants: see docs/faults.md.

    soak.py [--rounds N] [--events N] [--files N] [--kills N] [--seconds N] [--list] [FAULT…]
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import faults
from city import Failure


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--rounds', type=int, default=20)
    options.add_argument('--events', type=int, default=100000, help='a fault of the server')
    options.add_argument('--files', type=int, default=1000, help='a scan')
    options.add_argument('--kills', type=int, default=0, help='of senders; 0: rounds, at least 3')
    options.add_argument('--seconds', type=int, default=0, help='of store-down; 0: as long as it takes to see everything')
    options.add_argument('--seed', type=int, default=None)
    options.add_argument('--keep', action='store_true', help='the folder of a failed run')
    options.add_argument('--list', action='store_true')
    options.add_argument('faults', nargs='*')
    o = options.parse_args()
    if o.list:
        for name, fault in faults.TABLE.items():
            print(f'{name:20} {fault.__doc__}')
        return 0
    unknown = [name for name in o.faults if name not in faults.TABLE]
    if unknown:
        print(f'no such fault: {" ".join(unknown)}; there are {" ".join(faults.TABLE)}', file=sys.stderr)
        return 2
    seed = o.seed if o.seed is not None else int.from_bytes(os.urandom(4), 'big')
    print(f'seed {seed}, {o.rounds} rounds, {o.events} events, {o.files} files', flush=True)
    random.seed(seed)
    work = tempfile.mkdtemp(prefix='luytre-soak.', dir='/tmp')
    os.chmod(work, 0o755)
    bench = faults.Bench(work, o.rounds, o.events, o.files, o.kills, o.seconds)
    failed = []
    try:
        for name in o.faults or faults.TABLE:
            begun = time.monotonic()
            try:
                told = faults.TABLE[name](bench)
                word = 'skip ' if told.startswith('skipped') else 'ok   '
            except (Failure, OSError, subprocess.SubprocessError) as e:
                word, told = 'FAIL ', f'{type(e).__name__}: {e}'
                failed.append(name)
                bench.show_logs()
                bench.abandon()
            print(f'{word} {name:16} {time.monotonic() - begun:6.1f} s  {told}', flush=True)
    finally:
        bench.close()
        if not (failed and o.keep):
            shutil.rmtree(work, ignore_errors=True)
    print(f'{len(failed)} failures', *failed, *([work] if failed and o.keep else []))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
