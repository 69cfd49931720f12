#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""real.py LUYTRE DATA: what luytre parse makes of real logs, against labels that others made by hand.

The shares are floors: less than that is a failure. docs/formats.md explains what is not 100."""
import csv
import datetime
import json
import pathlib
import re
import subprocess
import sys

luytre, data = sys.argv[1], pathlib.Path(sys.argv[2])
failures = []
HOUR = datetime.timedelta(hours=7)


def parse(source, form="text", received="2026-11-21T07:00:00Z"):
    """Each line's fields, in order; empty lines are left out."""
    out = subprocess.run([luytre, "parse", "--format", form, "--received", received, "-"], stdin=source, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False)
    if out.returncode == 2:
        failures.append("luytre parse failed")
    return [json.loads(line) for line in out.stdout.splitlines()]


def check(what, good, total, floor):
    share = 100 * good / total if total else 0
    word = "ok  " if total and share >= floor else "FAIL"
    if word == "FAIL":
        failures.append(what)
    print(f"{word} {what}: {good}/{total} = {share:.1f} % (floor {floor})")


def local(event):
    text = event.get("@timestamp", "")
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) + HOUR) if text else None


def clock_of(row):
    found = re.search(r"\d\d[:.]?\d\d[:.]?\d\d(?!.*\d\d:\d\d:\d\d)", row["Time"])
    return re.sub(r"\D", "", found.group(0)) if found else ""


# file: label's column → field, floor in percent. "time": clock time of the event in Vietnam.
LOGHUB = {
    "Linux": {"Level": ("host.name", 100), "Component": ("process.name", 99), "PID": ("process.pid", 99), "Content": ("message", 99), "time": 100},
    "OpenSSH": {"Component": ("host.name", 100), "Pid": ("process.pid", 100), "Content": ("message", 100), "time": 100},
    "Mac": {"User": ("host.name", 99), "Component": ("process.name", 90), "PID": ("process.pid", 95), "Content": ("message", 85), "time": 100},
    "Thunderbird": {"Location": ("host.name", 99), "Component": ("process.name", 95), "PID": ("process.pid", 99), "Content": ("message", 95), "time": 100},
    "Apache": {"Level": ("log.level", 100), "Content": ("message", 98), "time": 100},
    "Android": {"Pid": ("process.pid", 99), "Tid": ("process.thread.id", 99), "Level": ("log.level", 99), "Component": ("log.logger", 99), "Content": ("message", 99), "time": 99},
    "Hadoop": {"Level": ("log.level", 99), "Process": ("process.thread.name", 99), "Component": ("log.logger", 99), "Content": ("message", 99), "time": 99},
    "HDFS": {"Pid": ("process.pid", 100), "Level": ("log.level", 100), "Component": ("log.logger", 100), "Content": ("message", 100), "time": 100},
    "Spark": {"Level": ("log.level", 100), "Component": ("log.logger", 100), "Content": ("message", 100), "time": 100},
    "Zookeeper": {"Level": ("log.level", 99), "Id": ("log.origin.file.line", 95), "Content": ("message", 95), "time": 100},
    "OpenStack": {"Pid": ("process.pid", 99), "Level": ("log.level", 99), "Component": ("log.logger", 99), "ADDR": ("trace.id", 99), "Content": ("message", 99), "time": 99},
    "Proxifier": {"Program": ("process.name", 99), "Content": ("message", 99), "time": 100},
    "Windows": {"Level": ("log.level", 99), "Component": ("log.logger", 99), "Content": ("message", 99), "time": 99},
}


def same(label, value):
    # The label's own reader joined runs of blanks and dropped empty columns.
    label = "" if label == "-" else label
    return " ".join(str(label).split()) == " ".join(str(value).split())


def loghub():
    for name, columns in LOGHUB.items():
        events = parse(open(data / "syslog" / f"{name}.log", "rb"))
        rows = list(csv.DictReader(open(data / "syslog" / f"{name}.structured.csv", encoding="utf-8", newline="")))
        if len(rows) != len(events):
            failures.append(name)
            print(f"FAIL {name}: {len(events)} events of {len(rows)} lines")
            continue
        check(f"{name} parsed", sum("event.parsed" not in e for e in events), len(events), 99)
        for column, want in columns.items():
            if column == "time":
                good = sum((local(e) or HOUR + datetime.datetime.min).strftime("%H%M%S") == clock_of(r) for e, r in zip(events, rows))
                check(f"{name} time", good, len(rows), want)
                continue
            field, floor = want
            bad = [(r[column], e.get(field, "")) for e, r in zip(events, rows) if not same(r[column], e.get(field, ""))]
            check(f"{name} {column} = {field}", len(rows) - len(bad), len(rows), floor)
            if "-v" in sys.argv:
                for label, got in bad[:3]:
                    print(f"       label {label!r}\n       got   {got!r}")


def expected(path):
    with open(path, encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def feeds():
    for row in expected(data / "feeds/eve/expected.tsv"):
        events = parse(open(data / "feeds" / row["file"], "rb"), "json")
        kinds = {}
        for e in events:
            kind = e.get("event.dataset", "").removeprefix("suricata.")
            kinds[kind] = kinds.get(kind, 0) + 1
        want = dict((k, int(v)) for k, v in (part.rsplit(":", 1) for part in row["by event_type"].split()))
        check(f"{row['file']} by type", sum(min(kinds.get(k, 0), n) for k, n in want.items()), int(row["events"]), 85)
        timed = [e for e in events if "timestamp" in e]
        check(f"{row['file']} time", sum("@timestamp" in e for e in timed), len(timed), 100)
        severities = dict((k, int(v)) for k, v in (part.rsplit(":", 1) for part in row["by alert.severity"].split()))
        alerts = [e for e in events if e.get("event.kind") == "alert"]
        check(f"{row['file']} severities", sum(str(e["event.severity"]) in severities for e in alerts), sum(severities.values()), 100)
        check(f"{row['file']} signatures", len({e["rule.id"] for e in alerts}), int(row["distinct signature ids"]), 100)
    for row in expected(data / "feeds/zeek/expected.tsv"):
        events = parse(open(data / "feeds" / row["file"], "rb"), "json")
        good = sum(e.get("event.dataset") == "zeek." + row["log"] and "@timestamp" in e for e in events)
        check(f"{row['file']} log and time", good, int(row["lines"]), 100)


# corpus: fields that every event must have, floor in percent.
CORPORA = {
    "windows": {"@timestamp": 100, "host.name": 100, "event.code": 100, "event.provider": 99},
    "winlogbeat6": {"@timestamp": 100, "host.name": 100, "event.code": 100, "event.provider": 100},
    "evtx": {"@timestamp": 100, "host.name": 99, "event.code": 100, "event.provider": 99},
    "linux-sysmon": {"@timestamp": 100, "host.name": 100, "event.code": 100, "event.action": 100},
    "cloudtrail": {"@timestamp": 100, "event.action": 100, "event.provider": 100, "user_agent.original": 95},
    "m365": {"@timestamp": 100, "event.action": 100, "event.provider": 100, "user.name": 99},
    "zeek": {"@timestamp": 100, "host.name": 100, "event.dataset": 100},
}


def corpora():
    for name, fields in CORPORA.items():
        command = f"zstd -dcq '{data}/events/{name}.jsonl.zst' 2>/dev/null | head -n 20000"
        with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as lines:
            events = parse(lines.stdout, "json")
        for field, floor in fields.items():
            check(f"{name} {field}", sum(field in e for e in events), len(events), floor)


loghub()
feeds()
corpora()
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
