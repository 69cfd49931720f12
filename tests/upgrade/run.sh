#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Today's server on the data of each earlier release (README.md): it starts, migrates, keeps every count, the audit chain goes on
# from the recorded head, the spool is taken on, the old agent checks in. And it refuses data of a later release, changing nothing.
# Needs curl, sqlite3, openssl, zstd. Programs: $LUYTRE_BIN, or build/bin. Without libchdb the event store is left out.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-upgrade-test.XXXXXX)
chmod 755 "$work"
export LUYTRE_LANG=en

clean_up() {
	trap - EXIT
	[ -n "$server" ] && kill -KILL "$server" 2>/dev/null && wait "$server" 2>/dev/null
	[ $failures = 0 ] || tail -n 20 "$work"/log 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
console=$(free_port) events=$(free_port) agent=$(free_port)
library=$(find "$top/node_modules/@chdb" -name libchdb.so 2>/dev/null | head -1)
data=$work/data
server_conf "$data" "$console" "$events" "$agent" >"$work/server.conf"
if [ -n "$library" ]; then echo "eventdb_library = $library"; else echo 'eventdb = none'; fi >>"$work/server.conf"

answers() { curl -ksS --fail -o /dev/null "https://127.0.0.1:$console/healthz" && curl -ksS --fail -o /dev/null "https://127.0.0.1:$events/healthz"; }
start() {
	"$bin/luytre-server" --config "$work/server.conf" 2>"$work/log" &
	server=$!
	eventually 90 answers
}
stop() {
	kill -TERM "$server"
	wait "$server"
	server=
}
unpack() {
	rm -rf "$data" && mkdir -p "$work/unpacked" && tar --zstd -xf "$here/$1" -C "$work/unpacked" && mv "$work/unpacked/data" "$data"
	[ "$(id -u)" != 0 ] || chown -R nobody "$data"
}
sql() { sqlite3 "file:$data/core/state.db?mode=ro" "$1"; }
checks_in() {
	curl -sS --fail --cacert "$data/key/ca.pem" --cert "$work/unpacked/agent.pem" -H 'Content-Type: application/json' -o "$work/desired" \
		-d '{"agent_version":"0.1.0","protocol":1,"boot_id":"b","protection":{"bundle_version":1,"watch_mode":"inotify","scanner":"ready"}}' \
		"https://127.0.0.1:$agent/agent/v1/checkin"
}
# Those of that time: the server's own events come besides.
stored() { [ "$(curl -sS --fail --unix-socket "$data/run/eventdb.sock" 'http://localhost/?database=luytre' --data-binary "SELECT count(), uniqExact(event_id) FROM event WHERE received < '$recorded'")" = "$(printf '%s\t%s' "$1" "$1")" ]; }
# fails TEXT COMMAND…: does not end well and says the text.
says() {
	local text=$1
	shift
	! "$@" >"$work/out" 2>&1 && grep -qF "$text" "$work/out" || { cat "$work/out"; return 1; }
}

while IFS=$'\t' read -r file units accounts machines alerts incidents detections stored_events records head recorded; do
	case $file in \#* | '') continue ;; esac
	echo "--- $file"
	rm -rf "$work/unpacked"
	check 'unpack' unpack "$file"
	check 'the chain as it was recorded' grep -qF "$records records, head $head" <<<"$("$bin/luytre" audit verify --data "$data")"
	before=$(sql 'SELECT count(*) FROM schema_migration')
	check 'today’s server starts on it' start
	[ $failures = 0 ] || exit 1
	check 'no migration is lost' [ "$(sql 'SELECT count(*) FROM schema_migration')" -ge "$before" ]
	check 'units' [ "$(sql 'SELECT count(*) FROM unit')" = "$units" ]
	check 'accounts' [ "$(sql 'SELECT count(*) FROM account')" = "$accounts" ]
	check 'machines' [ "$(sql 'SELECT count(*) FROM endpoint')" = "$machines" ]
	check 'alerts' [ "$(sql 'SELECT count(*) FROM alert')" = "$alerts" ]
	check 'incidents' [ "$(sql 'SELECT count(*) FROM incident')" = "$incidents" ]
	check 'detections' [ "$(sql 'SELECT count(*) FROM detection')" = "$detections" ]
	check 'the audit chain goes on from the recorded head' grep -qF "The noted hash is that of record $records." \
		<<<"$("$bin/luytre" audit verify --data "$data" --head "$head")"
	[ -z "$library" ] || check 'events of the store and of the spool, each once' eventually 60 stored "$stored_events"
	check 'the CA is the recorded one' openssl verify -CAfile "$data/key/ca.pem" "$data/core/server.pem"
	if openssl x509 -in "$work/unpacked/agent.pem" -noout -checkend 0 >/dev/null; then
		check 'the agent of that time checks in' checks_in
		check 'and is told its signatures' grep -q '"bundle":{"version":1,' "$work/desired"
	fi
	check 'an account of that time signs in' curl -ksS --fail -o /dev/null -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' \
		-d '{"login":"quantri","password":"mat-khau-mau-01"}' "https://127.0.0.1:$console/api/v1/login"
	check 'it can be backed up' sh -c "umask 077; echo 'cum mat khau de thu' >'$work/pass'; rm -f '$work/b'; '$bin/luytre' backup --config '$work/server.conf' --passphrase-file '$work/pass' '$work/b' >/dev/null"
	stop

	# --- a later release was here
	sqlite3 "$data/core/state.db" "INSERT INTO schema_migration (room, number, applied_at) VALUES ('unit', 9999, 0)" >/dev/null
	counts=$(sql 'SELECT (SELECT count(*) FROM schema_migration), (SELECT count(*) FROM audit)')
	"$bin/luytre-server" --config "$work/server.conf" 2>"$work/log" &
	server=$!
	check 'data of a later release are refused' eventually 30 grep -q '"key":"db.schema_newer"' "$work/log"
	check 'the console does not come up' sh -c "! curl -ksS --fail -o /dev/null https://127.0.0.1:$console/healthz 2>/dev/null"
	check '--check-config says so' says 'newer version' "$bin/luytre-server" --config "$work/server.conf" --check-config
	stop
	check 'and nothing was changed' [ "$(sql 'SELECT (SELECT count(*) FROM schema_migration), (SELECT count(*) FROM audit)')" = "$counts" ]
	[ "$(id -u)" != 0 ] || chown -R nobody "$data"
	"$bin/luytre" backup --config "$work/server.conf" --passphrase-file "$work/pass" "$work/newer" >/dev/null
	mv "$data" "$work/old.$$"
	check 'a backup of such data is not restored' says 'newer version' "$bin/luytre" restore --config "$work/server.conf" --passphrase-file "$work/pass" "$work/newer"
	check 'and nothing is left' [ ! -e "$data" ]
	rm -rf "$work/old.$$" "$work/newer"
done <"$here/expected.tsv"
echo "$failures failures"
[ $failures = 0 ]
