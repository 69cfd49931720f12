#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# What agents of each protocol that must still be served said, said again (vN.jsonl, recorded by record.py): the answers have the
# recorded shape. And what an agent hears whose protocol the server does not speak. Needs curl, openssl, python3.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-protocol-test.XXXXXX)
chmod 755 "$work"

clean_up() {
	trap - EXIT
	[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
	[ $failures = 0 ] || tail -n 20 "$work"/log 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
console=$(free_port) events=$(free_port) agent=$(free_port)
server_conf "$work/data" "$console" "$events" "$agent" >"$work/server.conf"
cat >>"$work/server.conf" <<EOT
sample_dir = $top/packs/vn/sample/cantho
sample_password = mot-mat-khau-mau-1
eventdb = none
EOT
answers() { curl -ksS --fail -o /dev/null "https://127.0.0.1:$console/healthz" && curl -ksS --fail -o /dev/null "https://127.0.0.1:$events/healthz"; }
ask() { curl -sS --fail-with-body -k -b "$work/jar" -c "$work/jar" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }
"$bin/luytre-server" --config "$work/server.conf" 2>"$work/log" &
server=$!
check 'the server starts' eventually 90 answers
check 'sign in' ask -o /dev/null -d '{"login":"quantri","password":"mot-mat-khau-mau-1"}' "https://127.0.0.1:$console/api/v1/login"
has_bundle() { ask "https://127.0.0.1:$console/api/v1/bundles" | grep -q '"version":1'; }
check 'there are signatures to fetch' eventually 90 has_bundle
unit=$(ask "https://127.0.0.1:$console/api/v1/units?limit=1" | python3 -c 'import json,sys; print(json.load(sys.stdin)["items"][0]["id"])')
[ $failures = 0 ] || exit 1

for file in "$here"/v*.jsonl; do
	mkdir "$work/agent"
	check "$(basename "$file" .jsonl)" python3 "$here/replay.py" --ca "$work/data/key/ca.pem" --work "$work/agent" --agent-port "$agent" --events-port "$events" \
		--console-port "$console" --cookies "$work/jar" --unit "$unit" "$file"
	mv "$work/agent" "$work/last"
done

# --- protocols that are not spoken
# says STATUS KEY BODY HEADER…: a check-in is answered so.
says() {
	local status=$1 key=$2 body=$3
	shift 3
	[ "$(curl -sS -o "$work/out" -w '%{http_code}' --cacert "$work/data/key/ca.pem" --cert "$work/last/a.pem" --key "$work/last/a.key" \
		-H 'Content-Type: application/json' "$@" -d "$body" "https://127.0.0.1:$agent/agent/v1/checkin")" = "$status" ] && grep -q "\"key\":\"$key\"" "$work/out" || {
		cat "$work/out"
		return 1
	}
}
now='{"agent_version":"9","protocol":1,"boot_id":"b","protection":{}}'
later='{"agent_version":"9","protocol":99,"boot_id":"b","protection":{},"something_later":1}'
check 'a later protocol in the header is told, whatever its body holds' says 400 endpoint.protocol_newer "$later" -H 'Luytre-Protocol: 99'
check 'the answer names the newest that is spoken' grep -q '"newest":"1"' "$work/out"
check 'a later protocol in the body is told' says 400 endpoint.protocol_newer "${now/\"protocol\":1/\"protocol\":99}"
check 'an earlier one than any is told' says 426 endpoint.protocol_old "$now" -H 'Luytre-Protocol: 0'
check 'a header that is no number is told' says 400 endpoint.protocol_malformed "$now" -H 'Luytre-Protocol: x'
check 'today’s is taken with its header' curl -sS --fail -o /dev/null --cacert "$work/data/key/ca.pem" --cert "$work/last/a.pem" --key "$work/last/a.key" -H 'Content-Type: application/json' \
	-H 'Luytre-Protocol: 1' -d "$now" "https://127.0.0.1:$agent/agent/v1/checkin"
echo "$failures failures"
[ $failures = 0 ]
