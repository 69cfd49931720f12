#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Records what an agent and a server say to each other: a proxy between the two, on a test server's own certificate.

    record.py --data SERVER_DATA --agent-state DIR --agent PORT:PORT --events PORT:PORT --out FILE

PORT:PORT is where the agent is told to go and where the server listens. One JSON object a line: method, path, headers that
matter, body, and the answer. Run once for each protocol version, by hand; run.sh replays what was kept of it.
"""
import argparse
import http.client
import http.server
import json
import os
import ssl
import tempfile
import threading

KEPT = ("content-type", "content-encoding", "luytre-batch", "luytre-protocol", "authorization")


def text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"bytes": len(data)}


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def upstream(self):
        context = ssl.create_default_context(cafile=os.path.join(self.server.options.data, "key/ca.pem"))
        identity = os.path.join(self.server.options.agent_state, "identity.json")
        if os.path.exists(identity):
            with open(identity) as f:
                kept = json.load(f)
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
                pem.write(next(v for v in kept.values() if "PRIVATE KEY" in str(v)))
                pem.write(next(v for k, v in kept.items() if k.startswith("cert")))
                pem.flush()
                context.load_cert_chain(pem.name)
        return http.client.HTTPSConnection("localhost", self.server.upstream_port, context=context)

    def relay(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sent = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "content-length")}
        peer = self.upstream()
        peer.request(self.command, self.path, body=body, headers=sent)
        answer = peer.getresponse()
        data = answer.read()
        row = {"listener": self.server.listener, "method": self.command, "path": self.path,
               "headers": {k: v for k, v in self.headers.items() if k.lower() in KEPT}, "body": text(body),
               "status": answer.status, "answer_type": answer.getheader("Content-Type"), "answer": text(data)}
        with self.server.lock, open(self.server.options.out, "a") as f:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.send_response(answer.status)
        for name in ("Content-Type", "Retry-After"):
            if answer.getheader(name):
                self.send_header(name, answer.getheader(name))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = relay


def serve(options, listener, ports, lock):
    ours, theirs = (int(p) for p in ports.split(":"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", ours), Proxy)
    server.options, server.listener, server.upstream_port, server.lock = options, listener, theirs, lock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(options.data, "core/server.pem"), os.path.join(options.data, "core/server.key.pem"))
    context.load_verify_locations(os.path.join(options.data, "key/ca.pem"))
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return threading.Thread(target=server.serve_forever)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--data", "--agent-state", "--agent", "--events", "--out"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    lock = threading.Lock()
    threads = [serve(options, "agent", options.agent, lock), serve(options, "events", options.events, lock)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
