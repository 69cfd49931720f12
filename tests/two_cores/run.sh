#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Two whole servers on one PostgreSQL: a session of one is a session of the other, writes of both interleave without loss, the
# audit chain stays whole, and the stream of one tells what the other did.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
if [ -z "${LUYTRE_TEST_PG:-}" ]; then
	exec "$top/tools/with_postgres.sh" bash "$0"
fi
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-two-cores.XXXXXX)
chmod 755 "$work"
servers=()
clean_up() {
	trap - EXIT
	kill "${servers[@]}" 2>/dev/null
	wait 2>/dev/null
	[ $failures = 0 ] || tail -n 20 "$work"/log*
	rm -rf "$work"
}
trap clean_up EXIT

field() { python3 -c 'import json,sys; v=json.load(sys.stdin)
for k in sys.argv[1].split("."): v=v[int(k)] if k.isdigit() else v[k]
print(v)' "$1"; }
ask() { curl -ksS --fail-with-body -b "$work/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }

url=()
for n in 0 1; do
	port=$(free_port)
	url[n]=https://127.0.0.1:$port
	cat >"$work/server$n.conf" <<-EOT
		data_dir = $work/data$n
		listen_address = 127.0.0.1
		console_port = $port
		events_port = 0
		agent_port = 0
		public_names = 127.0.0.1 localhost
		packs_dir = $top/packs
		web_dir = $top/web
		messages_dir = $top/build/messages
		eventdb = none
		database = $LUYTRE_TEST_PG
		sample_dir = $top/packs/vn/sample/cantho
		sample_password = Mot-hai-ba-4
	EOT
	"$bin/luytre-server" --config "$work/server$n.conf" >"$work/log$n" 2>&1 &
	servers+=($!)
done
for n in 0 1; do check "server $n is up, both migrating at once" eventually 60 curl -ks --fail -o /dev/null "${url[n]}/healthz"; done
check 'signed in at the first' ask -c "$work/cookies" -o /dev/null -d '{"login":"quantri","password":"Mot-hai-ba-4"}' "${url[0]}/api/v1/login"
check 'known to the second' ask -o /dev/null "${url[1]}/api/v1/session"

curl -ksN -b "$work/cookies" "${url[1]}/api/v1/stream" >"$work/stream" 2>/dev/null &
listener=$!
sleep 1
root=$(ask "${url[0]}/api/v1/units?limit=1&kind=city" | field items.0.id)
posts=()
for i in $(seq 20); do
	ask -o /dev/null -d "{\"code\":\"TWO-$i\",\"kind\":\"department\",\"name\":\"Zyx $i\",\"parent_id\":\"$root\"}" "${url[i % 2]}/api/v1/units" &
	posts+=($!)
done
made=0
for post in "${posts[@]}"; do wait "$post" && made=$((made + 1)); done
check 'twenty units made through both at once' [ $made = 20 ]
for n in 0 1; do check "server $n lists all of them" [ "$(ask "${url[n]}/api/v1/units?q=zyx&limit=1" | field total)" = 20 ]; done
twenty_told() { [ "$(grep -c '^event: unit\.' "$work/stream")" = 20 ]; }
check 'the stream of the second tells of all twenty, once each' eventually 20 twenty_told
kill $listener 2>/dev/null
check 'the audit chain is whole' [ "$(ask -X POST "${url[1]}/api/v1/audit/verify" | field ok)" = True ]
echo "$failures failures"
[ $failures = 0 ]
