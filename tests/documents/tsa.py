#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""A time-stamp authority (RFC 3161) over HTTP, by openssl ts, with tsa.key and tsa.pem of the working folder."""
import http.server
import subprocess
import sys

CONFIG = """
[tsa]
default_tsa = t
[t]
dir = .
serial = ./tsa.serial
signer_cert = tsa.pem
certs = gov.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
open("tsa.cnf", "w").write(CONFIG)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open("tsa.req", "wb").write(body)
        subprocess.run(["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "tsa.req", "-out", "tsa.resp"], check=True, capture_output=True)
        answer = open("tsa.resp", "rb").read()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
