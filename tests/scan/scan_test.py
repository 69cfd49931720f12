#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""luytre scan beside clamscan and yara; bundles; hostile trees; a scanner that is killed."""
import hashlib
import io
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile

LUYTRE = os.path.join(os.environ["LUYTRE_BIN"], "luytre")
SHARED = os.environ.get("LUYTRE_SHARED", "")
# Never whole in a file of ours: every scanner in the world would take this file away.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!" + b"$H+H*"
NOBODY = 65534

YARA = """
rule Text_Rule { strings: $a = "hello-evil-world" condition: $a }
rule Hex_Rule { strings: $a = { 4c 54 ?? 99 aa [2-4] bb cc } condition: $a }
rule Regex_Rule { strings: $a = /key=[0-9]{6}z/ condition: $a }
rule Size_Rule { strings: $a = "abcabc" condition: $a and filesize < 30 }
"""

failures = []


def check(what, ok, detail=""):
    print(("ok    " if ok else "FAIL  ") + what)
    if not ok:
        failures.append(what)
        print("      " + str(detail)[:3000].replace("\n", "\n      "))


def run(arguments, **options):
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, **options)
    return done.returncode, done.stdout, done.stderr


def luytre(*arguments, **options):
    return run([LUYTRE, *arguments], env={**os.environ, "LUYTRE_LANG": "en"}, **options)


def make_tree(top):
    rng = random.Random(20261121)
    top.mkdir()
    (top / "sub" / "deeper").mkdir(parents=True)
    (top / "eicar.com").write_bytes(EICAR)
    (top / "sub" / "eicar copy.txt").write_bytes(EICAR)
    (top / "sha256.bin").write_bytes(b"known by its sha-256 " * 10)
    (top / "sha1.bin").write_bytes(b"known by its sha-1 " * 10)
    (top / "almost.bin").write_bytes(b"known by its sha-256 " * 10 + b".")
    (top / "text").write_bytes(b"\x00\x01 hello-evil-world \x02")
    (top / "sub" / "hex").write_bytes(rng.randbytes(3000) + bytes.fromhex("4c540199aa000102bbcc") + rng.randbytes(3000))
    (top / "sub" / "deeper" / "regex").write_bytes(b"\x00\xff key=123456z \x00")
    (top / "sub" / "deeper" / "noregex").write_bytes(b"\x00\xff key=12345z \x00")
    (top / "size").write_bytes(b"\x00abcabc\x01abcabc\x02")
    (top / "oversize").write_bytes(b"\x00abcabc\x01abcabc\x02abcabc\x03 and more of it")
    for i in range(60):
        (top / "sub" / f"noise{i}").write_bytes(rng.randbytes(rng.randrange(10, 60000)))
    (top / "empty").write_bytes(b"")
    (top / "link to file").symlink_to("eicar.com")
    (top / "link to folder").symlink_to("sub")
    (top / "dangling").symlink_to("nowhere")
    os.mkfifo(top / "fifo")
    (top / "newline\nname").write_bytes(b"\x00 hello-evil-world")
    with open(os.fsencode(top) + b"/bad\xff\xfeutf8", "wb") as f:
        f.write(b"\x00 hello-evil-world")


def make_signatures(top):
    top.mkdir()
    (top / "own.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test\n")
    sha256 = hashlib.sha256(b"known by its sha-256 " * 10).hexdigest()
    sha1 = hashlib.sha1(b"known by its sha-1 " * 10).hexdigest()
    (top / "own.hsb").write_text(f"{sha256}:210:Known.Sha256\n{sha1}:*:Known.Sha1:73\n")
    (top / "own.yar").write_text(YARA)
    return ["--hashes", str(top / "own.hdb"), "--hashes", str(top / "own.hsb"), "--yara", str(top / "own.yar")]


def as_ours(output):
    """clamscan's lines with our names for signatures."""
    output = re.sub(rb": YARA\.(\S+)\.UNOFFICIAL FOUND", rb": \1 FOUND", output)
    return re.sub(rb": (\S+)\.UNOFFICIAL FOUND", rb": \1 FOUND", output)


def body(output):
    return sorted(output.split(b"\n----------- SCAN SUMMARY -----------")[0].split(b"\n"))


def summary(output):
    lines = output.decode(errors="replace").split("----------- SCAN SUMMARY -----------")[-1].splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def compare_with_clamscan(work):
    tree, signatures = work / "tree", work / "signatures"
    make_tree(tree)
    ours = make_signatures(signatures)
    cases = [
        ("recursive", ["-r", "tree"]),
        ("one folder", ["tree"]),
        ("infected only", ["-r", "-i", "tree"]),
        ("quiet", ["-r", "--quiet", "tree"]),
        ("no summary", ["-r", "--no-summary", "tree"]),
        ("clean file", ["tree/almost.bin"]),
        ("link given", ["tree/link to file", "tree/link to folder"]),
        ("special file given", ["tree/fifo", "tree/almost.bin"]),
        ("missing path", ["tree/none", "tree/almost.bin"]),
        ("missing path and a finding", ["tree/none", "tree/text"]),
        ("exclude", ["-r", "--exclude=eicar", "--exclude-dir=deeper", "tree"]),
        ("empty file", ["tree/empty"]),
        ("folder with slash", ["-r", "tree/sub/"]),
    ]
    for name, arguments in cases:
        a_code, a_out, a_err = run(["clamscan", "-d", str(signatures), *arguments], cwd=work)
        b_code, b_out, b_err = luytre("scan", *ours, *arguments, cwd=work)
        check(f"clamscan, {name}: same exit code", a_code == b_code, f"{a_code} {b_code} {b_err}")
        check(f"clamscan, {name}: same lines", body(as_ours(a_out)) == body(b_out),
              f"{sorted(set(body(as_ours(a_out))) ^ set(body(b_out)))}")
        check(f"clamscan, {name}: same warnings", sorted(a_err.split(b"\n")) == sorted(b_err.split(b"\n")), f"{a_err} {b_err}")
        if b"SCAN SUMMARY" in a_out:
            a, b = summary(a_out), summary(b_out)
            check(f"clamscan, {name}: summary has the same lines", list(a) == list(b), f"{list(a)} {list(b)}")
            same = ["Known viruses", "Scanned directories", "Scanned files", "Infected files", "Total errors"]
            check(f"clamscan, {name}: same counts", [a.get(k) for k in same] == [b.get(k) for k in same], f"{a} {b}")
    # clamscan says nothing at all about a dangling link and ends with 0; we think that a path that cannot be scanned is an error.
    code, _, err = luytre("scan", *ours, "tree/dangling", cwd=work)
    check("a dangling link given is an error", code == 2 and b"No such file" in err, err)
    found = [line for line in body(luytre("scan", *ours, "-r", "tree", cwd=work)[1]) if line.endswith(b"FOUND")]
    check("the tree's ten findings", len(found) == 10, found)

    os.chmod(tree / "sub" / "noise1", 0)
    os.chmod(tree / "sub" / "deeper", 0)
    os.chmod(work, 0o755)
    if os.geteuid() == 0:
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        a_code, a_out, _ = run(["clamscan", "-d", str(signatures), "-r", "tree"], cwd=work, **as_nobody)
        b_code, b_out, _ = luytre("scan", *ours, "-r", "tree", cwd=work, **as_nobody)
        found = lambda out: [line for line in body(as_ours(out)) if line.endswith((b"FOUND", b"OK"))]
        check("unreadable: same findings", found(a_out) == found(b_out))
        check("unreadable: same exit code and errors", a_code == b_code and
              summary(a_out).get("Total errors") == summary(b_out).get("Total errors"), f"{a_code} {b_code} {summary(b_out)}")
    os.chmod(tree / "sub" / "deeper", 0o755)


def compare_clamav_inside(work):
    """libclamav in our child: archives too."""
    folder, signatures = work / "archives", work / "clamav"
    folder.mkdir()
    signatures.mkdir()
    (signatures / "own.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test\n")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("inner/eicar.com", EICAR)
    with tarfile.open(folder / "b.tar.gz", "w:gz") as t:
        t.add(folder / "a.zip", "a.zip")
    (folder / "clean.txt").write_text("nothing here, nothing at all")
    a_code, a_out, _ = run(["clamscan", "-d", str(signatures), "-r", str(folder)])
    b_code, b_out, b_err = luytre("scan", "--clamav", str(signatures), "-r", str(folder))
    ours = re.sub(rb"\.UNOFFICIAL FOUND", b" FOUND", b_out)
    check("ClamAV: same findings in archives", body(as_ours(a_out)) == body(ours), f"{a_out} {b_out} {b_err}")
    check("ClamAV: same exit code", a_code == b_code == 1, f"{a_code} {b_code}")
    left = [p for p in pathlib.Path("/tmp").glob("luytre-scand.*")]
    check("ClamAV: no temporary files are left", not left, left)


def compare_with_yara(work):
    """The rules that analysts really use, matched on their own sources, which are full of their strings."""
    archive = pathlib.Path(SHARED) / "data" / "yara" / "signature-base.tar.gz"
    if not SHARED or not archive.exists():
        print("skip  signature-base is not there")
        return
    with tarfile.open(archive) as t:
        t.extractall(work / "sb")
    rules = sorted((work / "sb").rglob("*.yar"))
    outer = re.compile(r"\b(filename|filepath|extension|filetype|owner)\b")
    chosen = work / "chosen"
    chosen.mkdir()
    for i, rule in enumerate(r for r in rules if not outer.search(r.read_text(errors="replace"))):
        shutil.copy(rule, chosen / f"{i:04d}.yar")
    sources = [f"r{p.stem}:{p}" for p in sorted(chosen.glob("*.yar"))]
    # yara's own order of folders: one thread, files of the folder.
    a_code, a_out, a_err = run(["yara", "-w", "-p", "1", "-r", *sources, str(work / "sb")])
    a = {line.split(b" ", 1)[1] for line in a_out.splitlines() if b" " in line}
    b_code, b_out, b_err = luytre("scan", "--yara", str(chosen), "-r", "-i", "--no-summary", str(work / "sb"))
    b = {line.rsplit(b": ", 1)[0] for line in b_out.splitlines()}
    check(f"yara: same files found with {len(sources)} rule files ({len(a)})", a_code == 0 and a == b and len(a) > 100,
          f"{a_err[-300:]} {b_err[-300:]} {sorted(a ^ b)[:5]}")
    code, out, err = luytre("signatures", "check", "--yara", str(work / "sb"))
    check(f"all {len(rules)} rule files load", code == 0, err)


def bundles(work):
    signatures, key, public, bundle = work / "signatures", work / "key.pem", work / "key.pub", work / "b.ltb"
    check("a key is made", luytre("signatures", "key", "--out", str(key), "--public", str(public))[0] == 0)
    check("and not overwritten", luytre("signatures", "key", "--out", str(key), "--public", str(public))[0] == 2)
    sources = ["--hashes", str(signatures / "own.hdb"), "--yara", str(signatures)]
    code, out, err = luytre("signatures", "build", "--out", str(bundle), "--version", "5", "--key", str(key), *sources)
    check("a bundle is built", code == 0 and b"version 5" in out, out + err)
    check("and verified", luytre("verify", "--key", str(public), str(bundle))[0] == 0)
    code, out, err = luytre("scan", "--bundle", str(bundle), "--key", str(public), "-i", "--no-summary", str(work / "tree" / "text"))
    check("and scanned with", code == 1 and out.endswith(b": Text_Rule FOUND\n"), out + err)
    check("without its key it is refused", luytre("scan", "--bundle", str(bundle), "--key", str(key) + ".none", str(work))[0] == 2)
    other = work / "other.pem"
    luytre("signatures", "key", "--out", str(other), "--public", str(other) + ".pub")
    code, _, err = luytre("verify", "--key", str(other) + ".pub", str(bundle))
    check("nobody else's key will do", code == 1 and b"No trusted key" in err, err)
    whole = bundle.read_bytes()
    for name, bytes_ in (("cut", whole[:-1]), ("longer", whole + b"x"), ("changed", whole[:-3] + b"???")):
        bundle.write_bytes(bytes_)
        check(f"a {name} bundle is refused", luytre("verify", "--key", str(public), str(bundle))[0] == 1)
    bad = work / "bad"
    bad.mkdir()
    (bad / "one.yar").write_text("rule ok { condition: true }\n\nrule broken {\n condition: nothing_of_the_kind\n}\n")
    (bad / "two.yar").write_text("rule broken2 { strings: $a = \"unused\" condition: true }\n")
    (bad / "list.hdb").write_text("zz:1:name\n")
    code, _, err = luytre("signatures", "check", "--yara", str(bad))
    check("faulty rules are told by file and line", code == 2 and b"one.yar:4: " in err and b"two.yar:1: " in err, err)
    code, _, err = luytre("signatures", "check", "--hashes", str(bad / "list.hdb"))
    check("so are faulty hash lists", code == 2 and b"list.hdb:1: " in err, err)


def hostile(work):
    folder = work / "hostile"
    folder.mkdir()
    deep = str(folder)
    for _ in range(90):
        deep += "/d"
        os.mkdir(deep)
    pathlib.Path(deep, "evil").write_text("\0hello-evil-world")
    with open(folder / "sparse", "wb") as f:
        f.truncate(4 << 30)
    (folder / "loop").symlink_to(".")
    rules = ["--yara", str(work / "signatures" / "own.yar")]
    begin = time.monotonic()
    code, out, _ = luytre("scan", *rules, "-r", str(folder))
    check("a sparse file of 4 GB, a loop and 90 folders deep: found, quickly",
          code == 1 and b"/d/evil: Text_Rule FOUND" in out and time.monotonic() - begin < 20, out[-500:])
    check("what was not scanned is said", b"sparse: Not scanned" in out and summary(out).get("Not scanned", "").strip() == "1", out)

    shaky = work / "shaky"
    shaky.mkdir()
    stop = threading.Event()

    def shake():
        n = 0
        while not stop.is_set():
            n += 1
            for i in range(20):
                path = shaky / f"f{i}"
                if n % 3 == 0:
                    path.unlink(missing_ok=True)
                elif n % 3 == 1:
                    path.write_bytes(b"\0hello-evil-world" * 1000)
                else:
                    path.unlink(missing_ok=True)
                    path.symlink_to("/etc/passwd")

    thread = threading.Thread(target=shake)
    thread.start()
    codes = {luytre("scan", *rules, "-r", "--no-summary", str(shaky))[0] for _ in range(15)}
    stop.set()
    thread.join()
    check("files that come, go and turn into links while scanned", codes <= {0, 1, 2} and len(codes) > 0, codes)


def children_of(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
        except OSError:
            pass
    return found


def crashed_scanner(work):
    """Ended as by a fault of its own; SIGKILL comes from outside and has the file scanned once more (malware_scan_test)."""
    folder = work / "killed"
    folder.mkdir()
    rules = work / "slow.yar"
    rules.write_text(YARA + 'rule Slow { condition: filename == "slow" and for any i in (1..100000000000) : (uint8(i) == 999) }\n')
    # What a file may cost is bounded: an archive of such files costs as often as much.
    with tarfile.open(folder / "slow", "w") as tar:
        for i in range(300):
            tar.addfile(tarfile.TarInfo(f"{i}/slow"), None)
            slow = tarfile.TarInfo(f"{i}/slow")
            slow.size = 14
            tar.addfile(slow, io.BytesIO(b"whatever it is"))
    for i in range(20):
        (folder / f"evil{i}").write_bytes(b"\0hello-evil-world")
    process = subprocess.Popen([LUYTRE, "scan", "--jobs", "1", "--yara", str(rules), str(folder)], stdout=subprocess.PIPE)
    killed, end = False, time.monotonic() + 30
    while not killed and time.monotonic() < end:
        time.sleep(0.5)
        for child in children_of(process.pid):
            for worker in children_of(child):
                times = pathlib.Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()
                if int(times[11]) > 20:  # busy for 0.2 s: it is at the slow file
                    os.kill(worker, signal.SIGABRT)
                    killed = True
    out = process.communicate(timeout=60)[0]
    check("a crashed scanner is a finding", killed and b"slow: scanner.crash FOUND" in out, out)
    check("and the scan goes on", out.count(b": Text_Rule FOUND") == 20 and process.returncode == 1, out)
    time.sleep(0.3)
    left = [p for p in pathlib.Path("/proc").glob("[0-9]*/comm") if p.read_text() == "luytre-scand\n"
            and str(process.pid) in (p.parent / "stat").read_text().split()]
    check("no child is left", not left, left)


def rescan(work):
    folder, cache = work / "rescan", work / "cache"
    folder.mkdir()
    for i in range(300):
        (folder / f"f{i}").write_bytes(os.urandom(20000))
    time.sleep(1.2)
    arguments = ["scan", "--cache", str(cache), "--yara", str(work / "signatures" / "own.yar"), "-r", str(folder)]
    first, second = luytre(*arguments), luytre(*arguments)
    check("a second scan reads nothing", summary(first[1])["Data scanned"].strip() != "0.00 MB" and
          summary(second[1])["Data scanned"].strip() == "0.00 MB" and body(first[1]) == body(second[1]), second[1][-400:])
    (folder / "f7").write_bytes(b"\0hello-evil-world")
    code, out, _ = luytre(*arguments)
    check("but sees what changed", code == 1 and b"f7: Text_Rule FOUND" in out)


def licences(work):
    """libclamav is GPL-2.0-only: luytre-scand itself links nothing under Apache-2.0 (libyara does what its own licence lets it)."""
    scand = os.path.join(os.path.dirname(os.path.realpath(LUYTRE)), "luytre-scand")
    if not os.path.exists(scand):
        scand = os.path.join(os.path.dirname(os.path.realpath(LUYTRE)), "..", "scand", "luytre-scand")
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", run(["readelf", "-d", scand])[1].decode())
    allowed = re.compile(r"lib(yara|archive|seccomp|c|dl|m|asan|ubsan)\.so")
    check("luytre-scand links libyara, libarchive, libseccomp and the C library only", needed and all(allowed.match(n) for n in needed), needed)


def command_line(work):
    (work / "q").mkdir()
    for arguments, code in ((["scan", "--badoption"], 2), (["nosuchverb"], 2), ([], 2), (["help"], 0), (["scan", "--help"], 0),
                            (["scan", "--jobs", "0"], 2), (["scan", "--exclude", "(", "."], 2), (["quarantine"], 2),
                            (["quarantine", "list", "--store", str(work / "q")], 0),
                            (["quarantine", "list", "--store", str(work / "nowhere")], 2),
                            (["quarantine", "restore", "--store", str(work / "q"), "01930000-0000-7000-8000-000000000000"], 2),
                            (["quarantine", "restore", "--store", str(work / "q"), "nonsense"], 2),
                            (["verify", "/etc/passwd"], 2), (["signatures", "build"], 2)):
        got, out, err = luytre(*arguments)
        check(f"luytre {' '.join(arguments[:3])}: exit code {code}", got == code and (out or err or arguments[1:2] == ["list"]), out + err)


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="luytre-scan-test."))
    try:
        compare_with_clamscan(work)
        compare_clamav_inside(work)
        bundles(work)
        hostile(work)
        crashed_scanner(work)
        rescan(work)
        command_line(work)
        licences(work)
        compare_with_yara(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
