# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Runs each test that meson knows of in the Windows build under Wine, in a prefix and a folder of their own."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

wine, build, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
LIMIT_S = 300


def main():
    listed = subprocess.run(['meson', 'introspect', '--tests', build], capture_output=True, check=True, text=True)
    tests = [t for t in json.loads(listed.stdout) if t['cmd'][0].endswith('.exe') and (not wanted or t['name'] in wanted)]
    if not tests:
        print('no test in the Windows build')
        return 1
    work = tempfile.mkdtemp(prefix='luytre-wine.')
    # Wine keeps its registry in the prefix; a display is not asked for.
    env = {**os.environ, 'WINEPREFIX': f'{work}/prefix', 'WINEARCH': 'win64', 'WINEDEBUG': '-all', 'WINEDLLOVERRIDES': 'mscoree,mshtml=',
           'HOME': work}
    env.pop('DISPLAY', None)
    failed = []
    try:
        subprocess.run(['wineboot', '-i'], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LIMIT_S, check=True)
        # Wine takes "/tmp/x" for this machine's where it is there, else for the current drive's: so the current drive is Z:, this machine.
        os.makedirs(f'{work}/run')
        for t in tests:
            begun = time.monotonic()
            arguments = [a if not a.startswith('/') else 'Z:' + a.replace('/', '\\') for a in t['cmd'][1:]]
            try:
                r = subprocess.run([wine, t['cmd'][0], *arguments], env={**env, **t['env']}, cwd=f'{work}/run',
                                   stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S)
                code, told = r.returncode, (r.stdout + r.stderr).decode(errors='replace')
            except subprocess.TimeoutExpired as e:
                code, told = 'too slow', ((e.stdout or b'') + (e.stderr or b'')).decode(errors='replace')
            print(f"{'ok  ' if code == 0 else 'FAIL'} {t['name']} {time.monotonic() - begun:.1f} s", flush=True)
            if code != 0:
                failed.append(t['name'])
                print('    ' + '\n    '.join([*told.splitlines()[-20:], f'exit: {code}']), flush=True)
    finally:
        # Only this prefix's.
        subprocess.run(['wineserver', '-k'], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # this prefix's
        shutil.rmtree(work, ignore_errors=True)
    print(f'{len(tests) - len(failed)} of {len(tests)} tests passed under Wine')
    return 1 if failed else 0


sys.exit(main())
