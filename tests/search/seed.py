#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Sends events of several units and forms to a server that ./dev run set up.

    seed.py CONSOLE_URL EVENTS_URL PASSWORD COUNT

Makes a sender's token in each of three units by the API, then sends NDJSON: Windows events, a firewall's, a web
server's. Prints the units' ids.
"""
import datetime
import json
import random
import ssl
import sys
import urllib.parse
import urllib.request
import uuid

console, events, password, count = sys.argv[1:4] + [int(sys.argv[4])]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def call(method, url, body=None, headers=None):
    request = urllib.request.Request(url, method=method, data=body, headers=headers or {})
    with urllib.request.urlopen(request, context=context, timeout=60) as answer:
        return answer.headers, answer.read()


def api(cookie, method, path, body=None):
    headers = {"Cookie": cookie, "X-Luytre-Request": "1", "Content-Type": "application/json"}
    return json.loads(call(method, console + "/api/v1" + path, json.dumps(body).encode() if body else None, headers)[1])


login = json.dumps({"login": "quantri", "password": password}).encode()
cookie = call("POST", console + "/api/v1/login", login, {"X-Luytre-Request": "1", "Content-Type": "application/json"})[0]["Set-Cookie"].split(";")[0]
random.seed(7)
now = datetime.datetime.now(datetime.timezone.utc)
for name in ("Phường Ninh Kiều", "Phường Cái Răng", "Sở"):
    found = api(cookie, "GET", "/units?limit=5&q=" + urllib.parse.quote(name))["items"]
    unit = found[0]
    token = api(cookie, "POST", "/tokens", {"name": "nhat-ky", "role": "log_sender", "unit_id": unit["id"]})["token"]
    lines = []
    for i in range(count):
        at = now - datetime.timedelta(seconds=random.expovariate(1 / 20000) if i % 5 else random.uniform(0, 86400))
        stamp = at.isoformat()
        host = f"PC-{unit['code']}-{random.randrange(12):02}"
        if i % 3 == 0:
            lines.append({"@timestamp": stamp, "host": {"name": host}, "event": {"code": random.choice(["4624", "4625", "4688", "4672", "1102"]),
                          "provider": "Microsoft-Windows-Security-Auditing", "action": "logged-in", "severity": random.randrange(1, 6)},
                          "user": {"name": random.choice(["an.nguyen", "binh.tran", "cuong.le", "SYSTEM"])},
                          "process": {"name": random.choice(["cmd.exe", "powershell.exe", "winword.exe"]), "command_line": f"C:\\Windows\\System32\\cmd.exe /c whoami {i}"},
                          "source": {"ip": f"10.{random.randrange(4)}.0.{random.randrange(250)}"}, "message": f"Đăng nhập của người dùng {i}"})
        elif i % 3 == 1:
            lines.append({"@timestamp": stamp, "host": {"name": "tuong-lua"}, "event": {"action": random.choice(["deny", "allow"]), "dataset": "firewall"},
                          "source": {"ip": f"198.51.100.{random.randrange(250)}", "port": random.randrange(1024, 65000)},
                          "destination": {"ip": "10.0.0.5", "port": random.choice([22, 80, 443, 3389])}, "message": f"{random.choice(['deny', 'allow'])} tcp {i}"})
        else:
            lines.append({"@timestamp": stamp, "host": {"name": "web-01"}, "url": {"full": f"https://dichvucong.example/ho-so/{i}?x='1'"},
                          "http": {"request": {"method": "GET"}, "response": {"status_code": random.choice([200, 200, 404, 500])}}, "nghiepVu": {"loai": "ho-so"}})
    for at in range(0, len(lines), 500):
        body = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines[at:at + 500]).encode()
        call("POST", events + "/api/v1/events", body, {"Authorization": "Bearer " + token, "Content-Type": "application/x-ndjson", "Idempotency-Key": str(uuid.uuid4())})
    print(unit["id"], unit["name"])
