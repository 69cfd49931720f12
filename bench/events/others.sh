#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# others.sh LINES: rsyslog and syslog-ng, when installed, take as many lines over TCP into a file: CPU seconds per million lines.
# They write without fdatasync, index nothing and parse the header only.
set -u
lines=${1:-1000000}
work=$(mktemp -d /tmp/luytre-bench-others.XXXXXX)
trap 'rm -rf "$work"' EXIT
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
cat >"$work/send.py" <<'EOT'
import socket, sys
port, lines = int(sys.argv[1]), int(sys.argv[2])
s = socket.create_connection(('127.0.0.1', port))
for n in range(0, lines, 1000):
    s.sendall(b''.join(b'<38>1 2026-11-21T00:00:00Z host-%d sshd %d ID47 - Failed password for user%d from 10.0.%d.%d port %d ssh2 seq=%d\n'
                       % (i % 500, i % 32768, i % 900, i % 251, i % 241, i % 65521, i) for i in range(n, n + 1000)))
EOT
measure() {
	local name=$1 pid=$2 ticks before after
	for _ in $(seq 100); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		sleep 0.1
	done
	before=$(awk '{print $14 + $15}' "/proc/$pid/stat")
	python3 "$work/send.py" "$port" "$lines"
	for _ in $(seq 600); do
		[ "$(wc -l <"$work/$name.log" 2>/dev/null || echo 0)" -ge "$lines" ] && break
		sleep 0.1
	done
	after=$(awk '{print $14 + $15}' "/proc/$pid/stat")
	ticks=$(getconf CLK_TCK)
	echo "$name: TCP to file, $(wc -l <"$work/$name.log") lines, $(awk -v a="$after" -v b="$before" -v t="$ticks" -v n="$lines" \
		'BEGIN {printf "%.2f", (a - b) / t / n * 1e6}') CPU seconds per million"
	kill "$pid"
	wait "$pid" 2>/dev/null
}
if command -v rsyslogd >/dev/null; then
	printf 'module(load="imtcp")\ninput(type="imtcp" port="%s")\n*.* action(type="omfile" file="%s")\n' "$port" "$work/rsyslog.log" >"$work/rsyslog.conf"
	rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" 2>/dev/null &
	measure rsyslog $!
else
	echo "rsyslog is not installed"
fi
if command -v syslog-ng >/dev/null; then
	printf '@version: 3.38\nsource s { syslog(transport("tcp") ip(127.0.0.1) port(%s)); network(transport("tcp") ip(127.0.0.1) port(%s) flags(syslog-protocol)); };\ndestination d { file("%s"); };\nlog { source(s); destination(d); };\n' \
		"$((port + 1))" "$port" "$work/syslog-ng.log" >"$work/syslog-ng.conf"
	syslog-ng -F -f "$work/syslog-ng.conf" -R "$work/persist" -p "$work/pid" -c "$work/ctl" 2>/dev/null &
	measure syslog-ng $!
else
	echo "syslog-ng is not installed"
fi
