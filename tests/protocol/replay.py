#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Says to a server what an agent of an earlier protocol said (vN.jsonl) and compares the answers.

    replay.py --ca FILE --work DIR --agent-port N --events-port N --console-port N --cookies FILE --unit UUID FILE.jsonl

Status and content type must be equal; every recorded member must be there with its type (null is taken where the record has
null, or where it says "null|type"). More members may come: agents pass over what they do not know. One line a step.
"""
import argparse
import http.client
import json
import os
import ssl
import subprocess
import sys
import time

TYPES = {bool: "bool", int: "number", float: "number", str: "text", type(None): "null"}


def differs(shape, value, place=""):
    """Where the answer is not what was recorded, or None."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{place or '/'}: no object"
        for name, inner in shape.items():
            if name not in value:
                return f"{place}/{name}: missing"
            found = differs(inner, value[name], f"{place}/{name}")
            if found:
                return found
        return None
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{place}: no list"
        if shape and not value:
            return f"{place}: empty"
        for item in value if shape else []:
            found = differs(shape[0], item, place + "/*")
            if found:
                return found
        return None
    kind = TYPES.get(type(value), "object")
    return None if kind in shape.split("|") else f"{place}: {kind}, recorded {shape}"


class Replay:
    def __init__(self, options):
        self.o = options
        self.values = {}
        self.make_key()

    def make_key(self):
        key, csr = os.path.join(self.o.work, "a.key"), os.path.join(self.o.work, "a.csr")
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=may-01",
                        "-keyout", key, "-out", csr], check=True, capture_output=True)
        self.key = key
        with open(csr) as f:
            self.values["csr_json"] = json.dumps(f.read())[1:-1]

    def console(self, path, body):
        done = subprocess.run(["curl", "-sS", "--fail-with-body", "-k", "-b", self.o.cookies, "-H", "X-Luytre-Request: 1", "-H",
                               "Content-Type: application/json", "-d", json.dumps(body),
                               f"https://127.0.0.1:{self.o.console_port}{path}"], check=True, capture_output=True)
        return json.loads(done.stdout)

    def context(self, certificate):
        context = ssl.create_default_context(cafile=self.o.ca)
        if certificate:
            context.load_cert_chain(os.path.join(self.o.work, "a.pem"), self.key)
        return context

    def fill(self, text):
        for name, value in self.values.items():
            text = text.replace("{{" + name + "}}", str(value))
        return text

    def ask(self, row):
        port = self.o.agent_port if row["listener"] == "agent" else self.o.events_port
        peer = http.client.HTTPSConnection("localhost", port, context=self.context(row["certificate"] or row["listener"] == "events"))
        peer.request(row["method"], self.fill(row["path"]), body=self.fill(row["body"]).encode(), headers=row["headers"])
        answer = peer.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()

    def learn(self, answer):
        """What the agent would remember."""
        if "certificate" in answer:
            with open(os.path.join(self.o.work, "a.pem"), "w") as f:
                f.write(answer["certificate"])
        if "endpoint_id" in answer:
            self.values["endpoint_id"] = answer["endpoint_id"]
        if isinstance(answer.get("bundle"), dict):
            self.values["bundle_version"] = answer["bundle"]["version"]

    def step(self, row):
        if row.get("do") == "command":
            self.values["command_id"] = self.console(f"/api/v1/endpoints/{self.values['endpoint_id']}/scan", {"path": "/srv/chung"})["command_id"]
            return None
        status, kind, body = self.ask(row)
        # Who may send is told to the events listener at most once a second; agents come again, so does this.
        end = time.monotonic() + 30
        while status == 401 and row["status"] == 200 and time.monotonic() < end:
            time.sleep(0.5)
            status, kind, body = self.ask(row)
        if status != row["status"]:
            return f"status {status}, recorded {row['status']}: {body[:300]!r}"
        if kind != row["answer_type"]:
            return f"content type {kind}, recorded {row['answer_type']}"
        if "shape" not in row:
            return None if body else "empty answer"
        answer = json.loads(body)
        self.learn(answer)
        return differs(row["shape"], answer)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--ca", "--work", "--agent-port", "--events-port", "--console-port", "--cookies", "--unit"):
        parser.add_argument(name, required=True)
    parser.add_argument("file")
    options = parser.parse_args()
    replay = Replay(options)
    replay.values["token"] = replay.console("/api/v1/enrolment-tokens", {"unit_id": options.unit})["token"]
    failures = 0
    with open(options.file) as f:
        for number, line in enumerate(f, 1):
            row = json.loads(line)
            try:
                fault = replay.step(row)
            except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as e:
                fault = f"{type(e).__name__}: {e}"
            what = f"{row.get('method', '')} {row.get('path', row.get('do'))}"
            print(f"{'FAIL' if fault else 'ok  '}  {os.path.basename(options.file)}:{number} {what}{': ' + fault if fault else ''}")
            failures += bool(fault)
    sys.exit(1 if failures else 0)


main()
