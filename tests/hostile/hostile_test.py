# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""The scanner over the hostile set: it ends, in time, with what is hidden found, and says what it did not look into."""
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LUYTRE = os.path.join(os.environ.get('LUYTRE_BIN', os.path.join(TOP, 'build/bin')), 'luytre')
RULES = 'rule Text_Rule { strings: $a = "hello-evil-world" condition: $a }\n'
# A generous bound for a busy machine; each file's own limit is 60 s.
LIMIT_S = 240
failures = []


def check(what, ok, told=b''):
    print(f'{"ok  " if ok else "FAIL"} {what}', flush=True)
    if not ok:
        failures.append(what)
        print('    ', told[-3000:] if isinstance(told, (bytes, str)) else told)


def scan(work, *paths, jobs='2'):
    begun = time.monotonic()
    r = subprocess.run([LUYTRE, 'scan', '--jobs', jobs, '--yara', f'{work}/rules.yar', '-r', *paths], capture_output=True, timeout=LIMIT_S, check=False)
    return r.returncode, r.stdout, r.stderr, time.monotonic() - begun


def races(work):
    """Names that change their meaning, files that shrink and grow, while they are scanned."""
    folder = pathlib.Path(work, 'races')
    folder.mkdir()
    stop = threading.Event()
    outside = pathlib.Path(work, 'outside')
    outside.write_bytes(make.EVIL)

    def shake():
        n = 0
        while not stop.is_set():
            n += 1
            for i in range(12):
                path = folder / f'f{i}'
                try:
                    if (n + i) % 6 == 0:
                        path.unlink(missing_ok=True)
                        path.symlink_to(outside)
                    elif (n + i) % 6 == 1:
                        path.unlink(missing_ok=True)
                        os.mkfifo(path)
                    elif (n + i) % 6 == 2:
                        new = folder / f'new{i}'
                        new.write_bytes(bytes(4 << 20))
                        new.rename(path)
                    elif path.is_file() and not path.is_symlink():
                        # Cut off below what was mapped, then longer again.
                        os.truncate(path, 0 if n % 2 else 8 << 20)
                except OSError:
                    pass

    thread = threading.Thread(target=shake)
    thread.start()
    try:
        results = [scan(work, str(folder)) for _ in range(12)]
    finally:
        stop.set()
        thread.join()
    check('files that are cut off, swapped, renamed while scanned: every scan ends', all(r[0] in (0, 1, 2) for r in results), results)
    crashes = [r[1] for r in results if b'scanner.crash' in r[1]]
    check('none of them kills the scanner', not crashes, crashes[:1])
    check('a link is never followed out', all(b'Text_Rule' not in r[1] for r in results), results)


def main():
    work = tempfile.mkdtemp(prefix='luytre-hostile.', dir='/tmp')
    os.chmod(work, 0o755)
    try:
        pathlib.Path(work, 'rules.yar').write_text(RULES)
        hidden = make.main(f'{work}/set')
        size = int(subprocess.run(['du', '-s', '-B1', f'{work}/set'], capture_output=True, check=False).stdout.split()[0])
        check(f'the set is small on the disk ({size >> 20} MiB)', size < 64 << 20, size)

        code, out, err, took = scan(work, f'{work}/set/hidden')
        check('what is hidden in archives is found', code == 1 and all(f'{path}: Text_Rule FOUND'.encode() in out for path in hidden), out + err)

        code, out, err, took = scan(work, f'{work}/set/bombs')
        check(f'bombs end in time ({took:.1f} s)', code == 0 and took < LIMIT_S, (code, out, err))
        check('and are not called clean: what was not looked into is said', out.count(b': Not scanned') == 7, out)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        check(f'with bounded memory ({peak} MiB)', peak < 700, peak)

        code, out, err, took = scan(work, f'{work}/set/malformed')
        check(f'malformed files end in time ({took:.1f} s), and none kills the scanner', code == 0 and b'FOUND' not in out, out + err)

        code, out, err, took = scan(work, f'{work}/set/special')
        check(f'FIFO, socket, devices, links, 4 GB sparse: passed over or told ({took:.1f} s)', took < LIMIT_S and b'sparse' in out and b'/fifo: ' not in out, out + err)
        if os.geteuid() != 0:
            check('an unreadable file is told', code == 2 and b'unreadable' in out + err, out + err)

        code, out, err, took = scan(work, f'{work}/set/names')
        found = out.count(b': Text_Rule FOUND')
        check('odd names and deep folders: found', code in (1, 2) and found == 9, out + err)
        races(work)

        # Quiet afterwards: a plain file is still scanned as ever.
        pathlib.Path(work, 'plain').write_bytes(make.EVIL)
        code, out, err, _ = scan(work, f'{work}/plain', f'{work}/set/bombs/bomb-nested.zip', f'{work}/set/hidden', jobs='1')
        check('with one worker, beside bombs: everything is still found', code == 1 and out.count(b': Text_Rule FOUND') == 1 + len(hidden), out)
    finally:
        subprocess.run(['rm', '-rf', work], check=False)
        shutil.rmtree(work, ignore_errors=True)
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
