#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Real senders against a real server on loopback: logger, rsyslog, syslog-ng, a client that speaks _bulk as Filebeat does and
# Elasticsearch's own, curl with an Idempotency-Key, log files that rotate, a journal. Every message must stand in the event store once.
# rsyslog and syslog-ng run with settings, ports and folders of this test's own, never as services. What is not installed is
# told as SKIPPED. Where no journald runs, root starts one that only this test sees: own /run, nothing of the kernel or of audit.
# LUYTRE_OTHER_NODE: a second Node.js for Elasticsearch's client. LUYTRE_SYSLOG_NG: a folder into which syslog-ng-core (which apt will not install beside rsyslog) was unpacked.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../lib.sh
. "$top/tests/lib.sh"
journald=/lib/systemd/systemd-journald
if [ -z "${LUYTRE_OWN_JOURNAL:-}" ] && [ ! -S /run/systemd/journal/socket ] && [ "$(id -u)" = 0 ] && [ -x $journald ] && [ -s /etc/machine-id ] &&
	unshare --mount true 2>/dev/null; then
	LUYTRE_OWN_JOURNAL=1 exec unshare --mount --propagation private bash "$0" "$@"
fi
server_program=${LUYTRE_SERVER:-$top/build/bin/luytre-server}
chdb=${LUYTRE_CHDB:-$top/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so}
[ -f "$chdb" ] || { echo "libchdb.so is not installed: run ./dev setup" >&2; exit 1; }
work=$(mktemp -d /tmp/luytre-senders-test.XXXXXX)
chmod 755 "$work"
mkdir -p "$work/logs" "$work/rsyslog" "$work/ng"
helpers=()
clean_up() {
	trap - EXIT
	end "$holder"
	for pid in "${helpers[@]}" $server; do kill "$pid" 2>/dev/null; done
	wait
	[ $failures = 0 ] || tail -n 30 "$work/log"
	rm -rf "$work"
}
trap clean_up EXIT
lines() { # CASE COUNT
	for ((n = 0; n < $2; n++)); do echo "case=$1 n=$n; đăng nhập thất bại"; done
}

console=$(free_port) events=$(free_port) udp=$(free_udp) tcp=$(free_port) tls=$(free_port)
user= journal=0
[ "$(id -u)" = 0 ] && user=nobody
readable() { chmod -R a+rX /run/log/journal; } # the test's server is no member of systemd-journal
if [ -n "${LUYTRE_OWN_JOURNAL:-}" ]; then
	mount -t tmpfs tmpfs /run
	mkdir -p /run/systemd/journald.conf.d
	printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n' >/run/systemd/journald.conf.d/test.conf
	$journald 2>"$work/journald" &
	helpers+=($!)
	check 'a journald of this test starts' eventually 20 test -S /run/systemd/journal/socket -a -S /run/systemd/journal/io.systemd.journal
	echo 'before the server' | systemd-cat
	check 'and writes a journal' eventually 20 grep -rq 'before the server' /run/log/journal
	readable
fi
[ -S /run/systemd/journal/socket ] && journal=1
cat >"$work/server.conf" <<EOT
data_dir = $work/data
listen_address = 127.0.0.1
console_port = $console
events_port = $events
agent_port = $(free_port)
syslog_udp_port = $udp
syslog_tcp_port = $tcp
syslog_tls_port = $tls
syslog_unknown = accept
log_files = $work/logs/app.log $work/logs/eve.json $work/logs/zeek.json
journal = $journal
public_names = localhost, 127.0.0.1
packs_dir = $top/packs
web_dir = $top/web
messages_dir = ${LUYTRE_MESSAGES:-$top/build/messages}
eventdb_library = $chdb
eventdb_memory_mb = 512
spool_limit_mb = 64
second_factor = 0
user = $user
EOT
"$server_program" --config "$work/server.conf" --check-config >"$work/checked" 2>&1
check '--check-config has tried the ports and files' grep -q "$udp/udp" "$work/checked"
check 'the server starts' server_start "$server_program"
must server_set_up "https://localhost:$console"
cp "$ca" "$work/ca.pem"
chmod 644 "$work/ca.pem"
token=$(api /api/v1/tokens -d "{\"name\":\"fw\",\"role\":\"log_sender\",\"unit_id\":\"$unit\",\"expires_at\":\"$(date -u -d '+1 day' +%FT%TZ)\"}" | json 'd["token"]')

# ---- senders; WANT collects "case count" ----
want=()
expect() { want+=("$1 $2"); }

# Few enough that the kernel's smallest receive buffer holds them all.
lines logger_udp 150 >"$work/udp"
logger --server 127.0.0.1 --port "$udp" --udp --tag luytre -f "$work/udp" && expect logger_udp 150
lines logger_tcp 1000 >"$work/in"
logger --server 127.0.0.1 --port "$tcp" --tcp --tag luytre -f "$work/in" && expect logger_tcp 1000
lines logger_counted 1000 >"$work/in"
logger --server 127.0.0.1 --port "$tcp" --tcp --octet-count --tag luytre -f "$work/in" && expect logger_counted 1000
lines logger_3164 500 >"$work/in"
logger --server 127.0.0.1 --port "$tcp" --tcp --rfc3164 --tag luytre -f "$work/in" && expect logger_3164 500

if command -v rsyslogd >/dev/null; then
	lines rsyslog_tcp 2000 >"$work/rsyslog/tcp.in"
	lines rsyslog_tls 2000 >"$work/rsyslog/tls.in"
	cat >"$work/rsyslog/conf" <<EOT
global(workDirectory="$work/rsyslog" defaultNetstreamDriverCAFile="$work/ca.pem")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" file="$work/rsyslog/tcp.in" tag="tcp" ruleset="tcp")
input(type="imfile" file="$work/rsyslog/tls.in" tag="tls" ruleset="tls")
ruleset(name="tcp") { action(type="omfwd" target="127.0.0.1" port="$tcp" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format") }
ruleset(name="tls") { action(type="omfwd" target="localhost" port="$tls" protocol="tcp" TCP_Framing="octet-counted" StreamDriver="gtls"
	StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost") }
EOT
	rsyslogd -n -f "$work/rsyslog/conf" -i "$work/rsyslog/pid" >"$work/rsyslog/out" 2>&1 &
	helpers+=($!)
	expect rsyslog_tcp 2000
	if ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1; then expect rsyslog_tls 2000; else echo 'SKIPPED: rsyslog-gnutls is not installed'; fi
else
	echo 'SKIPPED: rsyslog is not installed'
fi

# syslog-ng: installed, unpacked where we were told, or unpacked here.
ng=$(command -v syslog-ng) ng_root=
if [ -z "$ng" ]; then
	ng_root=${LUYTRE_SYSLOG_NG:-${XDG_CACHE_HOME:-$HOME/.cache}/luytre/syslog-ng}
	if [ ! -x "$ng_root/usr/sbin/syslog-ng" ] && [ -z "${LUYTRE_SYSLOG_NG:-}" ]; then
		mkdir -p "$ng_root" && (cd "$work" && apt-get download syslog-ng-core >/dev/null 2>&1 && dpkg -x syslog-ng-core_*.deb "$ng_root")
	fi
	[ -x "$ng_root/usr/sbin/syslog-ng" ] && ng=$ng_root/usr/sbin/syslog-ng
fi
if [ -n "$ng" ]; then
	lines ng_tcp 2000 >"$work/ng/tcp.in"
	lines ng_tls 2000 >"$work/ng/tls.in"
	cat >"$work/ng/conf" <<EOT
@version: 3.38
options { stats-freq(0); };
source s_tcp { file("$work/ng/tcp.in" flags(no-parse) follow-freq(1)); };
source s_tls { file("$work/ng/tls.in" flags(no-parse) follow-freq(1)); };
destination d_tcp { network("127.0.0.1" port($tcp) transport("tcp")); };
destination d_tls { syslog("localhost" port($tls) transport("tls") ip-protocol(4) tls(ca-file("$work/ca.pem") peer-verify(required-trusted))); };
log { source(s_tcp); destination(d_tcp); };
log { source(s_tls); destination(d_tls); };
EOT
	args=()
	if [ -n "$ng_root" ]; then
		lib=$(find "$ng_root" -name 'libsyslog-ng-*.so.*' -printf '%h\n' -quit)
		args=(--module-path="$(find "$ng_root" -name 'libafsocket.so' -printf '%h\n' -quit)")
		export LD_LIBRARY_PATH=$lib:$(echo "$ng_root"/usr/lib/*-linux-gnu)
	fi
	"$ng" -F -f "$work/ng/conf" -R "$work/ng/persist" -p "$work/ng/pid" -c "$work/ng/ctl" --no-caps "${args[@]}" >"$work/ng/out" 2>&1 &
	helpers+=($!)
	unset LD_LIBRARY_PATH
	expect ng_tcp 2000
	expect ng_tls 2000
else
	echo 'SKIPPED: syslog-ng is not installed'
fi

check 'a client that speaks _bulk as Filebeat does' python3 "$top/tests/senders/bulk.py" "https://localhost:$events" "$ca" "$token" 3000
expect bulk 3000

python3 -c 'print("\n".join("{\"message\":\"case=keyed n=%d;\"}" % n for n in range(1000)))' >"$work/keyed"
for key in one one one; do
	curl -s -o /dev/null --cacert "$ca" -H "Authorization: Bearer $token" -H "Idempotency-Key: $key" --data-binary "@$work/keyed" \
		"https://localhost:$events/api/v1/events"
done
expect keyed 1000

# A log file: before, rotated by renaming while it is written to, truncated.
followed() { [ "$(stored file)" -ge "$1" ]; }
stored() { ask "SELECT count() FROM event WHERE raw LIKE '%case=$1 n=%'" | grep -E '^[0-9]+$' || echo 0; }
lines file 3000 | split -l 1000 - "$work/part."
head -n 500 "$work/part.aa" >"$work/logs/app.log"
check 'a log file is followed' eventually 30 followed 500
tail -n +501 "$work/part.aa" >>"$work/logs/app.log"
mv "$work/logs/app.log" "$work/logs/app.log.1" && cat "$work/part.ab" >"$work/logs/app.log"
expect file 3000
check 'through a rotation' eventually 30 followed 2000
: >"$work/logs/app.log"
cat "$work/part.ac" >>"$work/logs/app.log"

feeds=${LUYTRE_SHARED:-}/data/feeds
if [ -f "$feeds/eve/suricata-guide-events.ndjson" ]; then
	head -n 500 "$feeds/eve/suricata-guide-events.ndjson" >"$work/logs/eve.json"
	cat "$feeds"/zeek/*.ndjson | head -n 500 >"$work/logs/zeek.json"
	for name in eve zeek; do
		n=$(grep -c . "$work/logs/$name.json")
		there() { [ "$(ask "SELECT count() FROM event WHERE source = 'file:$work/logs/$name.json'")" = "$n" ]; }
		check "all $n records of $name are there" eventually 30 there
	done
else
	echo 'SKIPPED: no feeds of Suricata and Zeek (LUYTRE_SHARED)'
fi
if [ $journal = 1 ]; then
	lines journal_log 200 >"$work/in"
	logger --socket /run/systemd/journal/dev-log -f "$work/in" && expect journal_log 200
	lines journal_out 400 | split -l 200 - "$work/out."
	systemd-cat -t luytre <"$work/out.aa"
	# The native protocol, with a line end inside of a message.
	for ((n = 0; n < 20; n++)); do
		printf 'MESSAGE=first\nMESSAGE=case=journal_native n=%d;\nPRIORITY=4\nLUYTRE_UNIT=Ninh Kiều\n' $n | logger --journald || break
	done && expect journal_native 20
	if [ -n "${LUYTRE_OWN_JOURNAL:-}" ]; then
		check 'the journal is rotated' journalctl --rotate
		readable
	fi
	systemd-cat -t luytre <"$work/out.ab" && expect journal_out 400
else
	echo 'SKIPPED: no journald runs here, and one of the test needs root, systemd, a machine id and a mount namespace'
fi

# ---- Elasticsearch's own client, also while there is no room ----
nodes=(node ${LUYTRE_OTHER_NODE:+"$LUYTRE_OTHER_NODE"})
for i in "${!nodes[@]}"; do
	check "Elasticsearch's client on Node $("${nodes[i]}" --version)" "${nodes[i]}" "$top/tests/senders/elastic.mjs" "https://localhost:$events" "$work/ca.pem" "$token" "elastic_$i" 1000
	expect "elastic_$i" 1000
	expect "elastic_${i}_plain" 1000
done
python3 -c 'print("\n".join("{\"message\":\"%s %d\"}" % ("x" * 900, n) for n in range(15000)))' >"$work/flood"
full() { # LINES: there is no room even for so few
	[ "$(head -n "$1" "$work/flood" | curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" -H "Authorization: Bearer $token" --data-binary @- "https://localhost:$events/api/v1/events")" = 503 ]
}
hold eventdb
for n in 15000 1000 50; do check "the spool has no room for $n while nothing is stored" eventually 60 full $n; done
pressed=()
for i in "${!nodes[@]}"; do
	"${nodes[i]}" "$top/tests/senders/elastic.mjs" "https://localhost:$events" "$work/ca.pem" "$token" "pressed_$i" 500 "$work/refused_$i" &
	pressed+=($!)
	expect "pressed_$i" 500
done
for i in "${!nodes[@]}"; do check 'it is told 429' eventually 30 test -e "$work/refused_$i"; done
let_go eventdb
for pid in "${pressed[@]}"; do check 'and is through when there is room' wait "$pid"; done

# ---- every message once ----
counts="SELECT what, count(), uniqExact(n) FROM (SELECT extract(raw, 'case=([a-z0-9_]+) n=') AS what, extract(raw, 'case=[a-z0-9_]+ n=([0-9]+);') AS n
	FROM event WHERE raw LIKE '%case=% n=%') GROUP BY what FORMAT TSV"
right() { # CASE COUNT
	ask "$counts" | awk -v c="$1" -v n="$2" '$1 == c && $2 == n && $3 == n {found = 1} END {exit !found}'
}
for row in "${want[@]}"; do
	read -r name count <<<"$row"
	check "$name: $count messages, each once" eventually 30 right "$name" "$count"
done
sleep 1 # what came twice would show now
ask "$counts" >"$work/counts"
for row in "${want[@]}"; do right ${row} || check "$row stays so" false; done
[ $failures = 0 ] || cat "$work/counts" "$work"/rsyslog/out "$work"/ng/out 2>/dev/null
kill "$server" && wait "$server"
check 'the server ends in order' [ $? = 0 ]
server=
exit $((failures > 0))
