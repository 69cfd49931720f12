#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""clang-tidy over the rooms: tidy.py BUILD_DIR [-j JOBS] [--stamps DIR] [PATH…]

BUILD_DIR holds compile_commands.json and the generated headers. A file found clean leaves a stamp named by the hash of all that
was read for it (its own text, every header's, its flags, .clang-tidy, clang-tidy's version), so a second run, or one that was
stopped, looks only at what changed. PATHs (files or folders) narrow the run, in the order given. Exit 1: something was found."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time

TIDY = 'clang-tidy-19'
# Windows code is not Debian's to parse; a fuzz target is fifteen lines of glue.
SKIP = re.compile(r'windows|winhttp|cng|_fuzz\.c$')
# A failed cmocka assertion leaves the test by a longjmp that the analyzer does not see: all it tells of tests comes after one.
TEST = re.compile(r'_test\.c$|_test_support\.')
NOT_IN_TESTS = '--checks=-clang-analyzer-*'
FINDING = re.compile(r'^\S+:\d+:\d+: (?:warning|error): ', re.M)
DEPENDENCY = re.compile(r'(?:\\\n|\s)+')


class Hasher:
    def __init__(self, top):
        version = subprocess.run([TIDY, '--version'], capture_output=True, check=True).stdout
        with open(os.path.join(top, '.clang-tidy'), 'rb') as config:
            self.rules = version + config.read()
        self.contents = {}

    def content(self, path):
        if path not in self.contents:
            with open(path, 'rb') as file:
                self.contents[path] = hashlib.sha256(file.read()).digest()
        return self.contents[path]

    def key(self, entry):
        """None when the file does not even preprocess; clang-tidy then says why."""
        words = shlex.split(entry['command'])
        if os.path.basename(words[0]) == 'ccache':
            words = words[1:]
        flags = words[1:words.index('-MD')]  # what follows names outputs
        listed = subprocess.run([words[0], *flags, '-M', entry['file']], cwd=entry['directory'], capture_output=True, text=True)
        if listed.returncode != 0:
            return None
        digest = hashlib.sha256(self.rules + ' '.join(words).encode())
        for path in DEPENDENCY.split(listed.stdout.strip())[1:]:
            digest.update(path.encode() + self.content(os.path.join(entry['directory'], path)))
        return digest.hexdigest()


def look(build, stamps, hasher, name, entry):
    key = hasher.key(entry)
    stamp = os.path.join(stamps, key) if key else None
    if stamp and os.path.exists(stamp):
        return name, 'known', ''
    command = [TIDY, '-p', build, '--quiet', *([NOT_IN_TESTS] if TEST.search(name) else []), entry['file']]
    run = subprocess.run(command, cwd=entry['directory'], capture_output=True, text=True)
    if run.returncode != 0 or FINDING.search(run.stdout):
        return name, 'found', run.stdout or run.stderr
    if stamp:
        with open(stamp, 'w', encoding='utf-8') as file:
            file.write(name + '\n')
    return name, 'clean', ''


def wanted(top, build, paths):
    """[(name, entry)] of the repository's own sources, in the order of `paths`."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        commands = json.load(file)
    entries = {}
    for entry in commands:
        name = os.path.relpath(os.path.join(entry['directory'], entry['file']), top)
        if name.startswith('src/') and not SKIP.search(name):
            entries.setdefault(name, entry)
    kept = subprocess.run(['git', '-C', top, 'ls-files', 'src/*.c'], capture_output=True, check=True, text=True).stdout.split()
    missing = [name for name in kept if not SKIP.search(name) and name not in entries]
    if missing:
        sys.exit('not in ' + build + '/compile_commands.json: ' + ' '.join(missing))
    ordered = {}
    for path in paths or ['src']:
        inside = sorted(name for name in entries if name == path or name.startswith(path.rstrip('/') + '/'))
        if not inside:
            sys.exit('no source is called ' + path)
        ordered.update((name, entries[name]) for name in inside)
    return list(ordered.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('-j', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--stamps', default='build/tidy')
    parser.add_argument('paths', nargs='*')
    options = parser.parse_intermixed_args()
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build, stamps = os.path.abspath(options.build), os.path.abspath(options.stamps)
    os.makedirs(stamps, exist_ok=True)
    files = wanted(top, build, options.paths)
    hasher, begun, counts, findings = Hasher(top), time.monotonic(), {'clean': 0, 'known': 0, 'found': 0}, []
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        runs = [pool.submit(look, build, stamps, hasher, name, entry) for name, entry in files]
        for done, run in enumerate(concurrent.futures.as_completed(runs), 1):
            name, outcome, text = run.result()
            counts[outcome] += 1
            if outcome == 'found':
                findings.append(name)
                print(text.rstrip(), flush=True)
            if outcome != 'known' and (done % 20 == 0 or done == len(runs)):
                print(f'    {done} of {len(runs)} files, {time.monotonic() - begun:.0f} s', flush=True)
    print(f'    {counts["clean"]} files clean, {counts["known"]} unchanged since they were, {counts["found"]} with findings'
          f'{": " + " ".join(sorted(findings)) if findings else ""}')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main())
