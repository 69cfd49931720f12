#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre backup and restore with the state in PostgreSQL; run by run.sh through tools/with_postgres.sh.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-backup-pg-test.XXXXXX)
chmod 755 "$work"
export LUYTRE_LANG=en
failures=0
server= writer=

clean_up() {
	trap - EXIT
	[ -n "$writer" ] && kill "$writer" 2>/dev/null
	[ -n "$server" ] && kill -KILL "$server" 2>/dev/null && wait "$server" 2>/dev/null
	[ $failures = 0 ] || tail -n 20 "$work"/log* 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
check() {
	local what=$1
	shift
	if "$@" >"$work/said"; then
		printf 'ok    PostgreSQL: %s\n' "$what"
	else
		cat "$work/said"
		printf 'FAIL  PostgreSQL: %s\n' "$what"
		failures=$((failures + 1))
	fi
}
eventually() {
	local end=$(($(date +%s) + $1))
	shift
	until "$@" 2>/dev/null; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.2
	done
}
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
console=$(free_port) events=$(free_port) agent=$(free_port)
second_url=$(sed 's,/luytre?,/second?,' <<<"$LUYTRE_TEST_PG")
conf() { # conf NAME DATABASE
	cat >"$work/$1.conf" <<-EOT
		data_dir = $work/$1
		listen_address = 127.0.0.1
		console_port = $console
		events_port = $events
		agent_port = $agent
		public_names = localhost, 127.0.0.1
		packs_dir = $top/packs
		web_dir = $top/web
		messages_dir = ${LUYTRE_MESSAGES:-$top/build/messages}
		sample_dir = $top/packs/vn/sample/cantho
		sample_password = mot-mat-khau-mau-1
		eventdb = none
		database = $2
	EOT
	if [ "$(id -u)" = 0 ]; then echo 'user = nobody' >>"$work/$1.conf"; fi
}
answers() { curl -ksS --fail -o /dev/null "https://127.0.0.1:$console/healthz"; }
start() {
	"$bin/luytre-server" --config "$work/$1.conf" 2>>"$work/log-$1" &
	server=$!
	eventually 90 answers
}
stop() {
	kill -TERM "$server"
	wait "$server"
	server=
}
fails() {
	local text=$1
	shift
	"$@" >"$work/out" 2>&1
	[ $? = 2 ] && grep -qF "$text" "$work/out" || { cat "$work/out"; return 1; }
}
counts() {
	psql -qAt "$1" -c "SELECT (SELECT count(*) FROM unit), (SELECT count(*) FROM account), (SELECT count(*) FROM endpoint), (SELECT count(*) FROM alert),
		(SELECT count(*) FROM incident), (SELECT number FROM audit_head), (SELECT encode(hash, 'hex') FROM audit_head)"
}
write_on() {
	for i in $(seq 200); do
		curl -ksS -o /dev/null -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' -d "{\"login\":\"x$i\",\"password\":\"nobody-has-this\"}" "https://127.0.0.1:$console/api/v1/login"
	done
}
backup() { "$bin/luytre" backup --passphrase-file "$work/pass" "$@"; }
restore() { "$bin/luytre" restore --passphrase-file "$work/pass" "$@"; }

(umask 077 && echo 'một cụm mật khẩu đủ dài' >"$work/pass")
conf first "$LUYTRE_TEST_PG"
conf second "$second_url"
conf sqlite ''
check 'the server starts' start first
[ $failures = 0 ] || exit 1
write_on &
writer=$!
check 'backup while writing' backup --config "$work/first.conf" "$work/one.backup"
kill "$writer"
wait "$writer" 2>/dev/null
writer=
check 'the file is whole' "$bin/luytre" backup verify --passphrase-file "$work/pass" "$work/one.backup"
stop
check 'not into SQLite' fails 'PostgreSQL' restore --config "$work/sqlite.conf" "$work/one.backup"
mv "$work/first" "$work/away"
check 'not into a database that is in use' fails 'is not empty' restore --config "$work/first.conf" "$work/one.backup"
check 'nothing is left' [ ! -e "$work/first" ]
psql -q "$LUYTRE_TEST_PG" -c 'CREATE DATABASE second'
check 'restore' restore --config "$work/second.conf" "$work/one.backup"
expected=$(tar --zstd -xOf "$work/one.backup" manifest.json | python3 -c '
import json, sys
a = json.load(sys.stdin)["about"]; c = a["counts"]
print("|".join(str(v) for v in (c["unit"], c["account"], c["endpoint"], c["alert"], c["incident"], a["audit"]["records"], a["audit"]["head"])))')
check 'counts and audit head are those of the manifest' [ "$(counts "$second_url")" = "$expected" ]
check 'the restored server starts' start second
check 'the old password is right' curl -ksS --fail -o /dev/null -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' \
	-d '{"login":"quantri","password":"mot-mat-khau-mau-1"}' "https://127.0.0.1:$console/api/v1/login"
check 'the audit chain is in order' "$bin/luytre" audit verify --database "$second_url" --head "${expected##*|}"
stop
echo "$failures failures"
[ $failures = 0 ]
