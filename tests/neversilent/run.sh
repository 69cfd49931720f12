#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Never silent: each point of the chain is broken for real while an analyst and a unit officer have a page open; it must stand
# in their health strip within 60 s, and go when it is mended. LUYTRE_SHOTS: a folder for pictures.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=../lib.sh
. "$top/tests/lib.sh"
work=$(mktemp -d /tmp/luytre-silent-test.XXXXXX)
chmod 755 "$work"
export LUYTRE_RUN=$work/run LUYTRE_BUILT=1
agent= proxy= watcher= locker=
WITHIN=60 # what is promised

LUYTRE_CONSOLE_PORT=$(free_port)
LUYTRE_EVENTS_PORT=$(free_port) # where agents send: the proxy, once it stands before the server
LUYTRE_AGENT_PORT=$(free_port)
behind_port=$(free_port)
export LUYTRE_CONSOLE_PORT LUYTRE_EVENTS_PORT LUYTRE_AGENT_PORT
url=https://127.0.0.1:$LUYTRE_CONSOLE_PORT

clean_up() {
	trap - EXIT
	end "$holder"
	[ -z "$server" ] || for child in $(children "$server"); do kill -CONT "$child" 2>/dev/null; done
	end "$locker"
	end "$watcher"
	end "$proxy"
	end "$agent"
	end "$server"
	[ $failures = 0 ] || { tail -n 30 "$LUYTRE_RUN"/log/*.log; cat "$work/watch.log"; }
	[ -z "${LUYTRE_SHOTS:-}" ] || { mkdir -p "$LUYTRE_SHOTS" && cp "$work"/seen/*.png "$LUYTRE_SHOTS"; }
	rm -rf "$work"
}
trap clean_up EXIT

# A strip that nobody writes down any more says nothing.
seen() {
	/usr/bin/python3 - "$work/seen/seen.json" "$1" "$2" <<'EOT'
import json, sys, time
seen = json.load(open(sys.argv[1]))
sys.exit(not (time.time() - seen['at'] / 1000 < 5 and any(line['what'] == sys.argv[3] for line in seen[sys.argv[2]])))
EOT
}
unseen() {
	/usr/bin/python3 - "$work/seen/seen.json" "$1" "$2" <<'EOT'
import json, sys, time
seen = json.load(open(sys.argv[1]))
sys.exit(not (time.time() - seen['at'] / 1000 < 5 and all(line['what'] != sys.argv[3] for line in seen[sys.argv[2]])))
EOT
}
shot() {
	[ -n "${LUYTRE_SHOTS:-}" ] || return 0
	echo "$1" >"$work/seen/shot.want"
	eventually 20 test ! -e "$work/seen/shot.want"
}
# shows WHO WHAT SINCE: within what is promised, counted from the break.
shows() {
	if eventually $(($3 + WITHIN - SECONDS)) seen "$1" "$2"; then
		printf 'ok    %-14s shows to the %s after %d s\n' "$2" "$1" $((SECONDS - $3))
	else
		printf 'FAIL  %-14s does not show to the %s within %d s: %s\n' "$2" "$1" $WITHIN "$(cat "$work/seen/seen.json")"
		failures=$((failures + 1))
	fi
}
goes() {
	local from=$SECONDS
	if eventually 90 unseen "$1" "$2"; then
		printf 'ok    %-14s is gone for the %s %d s after it was mended\n' "$2" "$1" $((SECONDS - from))
	else
		printf 'FAIL  %-14s does not go: %s\n' "$2" "$(cat "$work/seen/seen.json")"
		failures=$((failures + 1))
	fi
}
ask() { curl -ksS --fail -b "$work/cookies" -c "$work/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }
sql() { sqlite3 -cmd '.timeout 10000' "$LUYTRE_RUN/server/core/state.db" "$1"; }

# ---- the stack, with a proxy before the events port and a clock that can be put wrong ----

must ./dev run --until-ready --fresh >"$work/setup.log" 2>&1
sed -i -e "s/^\tevents_port = .*/events_port = $behind_port/; s/^events_port = .*/events_port = $behind_port/" "$LUYTRE_RUN/server.conf"
printf 'canary_interval_s = 5\nspool_limit_mb = 64\n' >>"$LUYTRE_RUN/server.conf"
build/bin/luytre-server --config "$LUYTRE_RUN/server.conf" >>"$LUYTRE_RUN/log/server.log" 2>&1 &
server=$!
must eventually 60 curl -ksS --fail -o /dev/null "$url/healthz"
start_proxy() {
	/usr/bin/python3 - "$LUYTRE_EVENTS_PORT" "$behind_port" <<'EOT' &
import socket, sys, threading
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try: s.shutdown(socket.SHUT_RDWR)
        except OSError: pass
front = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    client, _ = front.accept()
    try:
        back = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
    except OSError:
        client.close()
        continue
    for pair in ((client, back), (back, client)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
EOT
	proxy=$!
}
start_proxy
mkdir "$work/bin" "$work/seen"
cp "$(readlink -f build/bin/luytre-scand)" "$work/bin/luytre-scand"
echo 0 >"$work/clock"
must ${CC:-gcc} -shared -fPIC -O1 -o "$work/clock.so" tests/neversilent/clock_shim.c
LD_PRELOAD=$work/clock.so LUYTRE_CLOCK_FILE=$work/clock build/bin/luytre-agent run --state "$LUYTRE_RUN/agent" \
	--scand "$work/bin/luytre-scand" >>"$LUYTRE_RUN/log/agent.log" 2>&1 &
agent=$!
must eventually 30 build/bin/luytre-agent status --state "$LUYTRE_RUN/agent" >/dev/null

node web/vendor.mjs
as_user=()
if [ "$(id -u)" = 0 ]; then
	chown nobody "$work/seen"
	as_user=(runuser -u nobody --)
fi
in_home=("${as_user[@]}" env HOME="$work/seen" TMPDIR="$work/seen" XDG_CONFIG_HOME="$work/seen" XDG_CACHE_HOME="$work/seen")
timeout 60 "${in_home[@]}" /usr/bin/chromium --headless --disable-gpu --dump-dom about:blank >/dev/null 2>&1 || export LUYTRE_NO_SANDBOX=1
LUYTRE_URL=$url LUYTRE_PASSWORD=$(cat "$LUYTRE_RUN/password") LUYTRE_SEEN=$work/seen \
	"${in_home[@]}" node tests/neversilent/watch.mjs >"$work/watch.log" 2>&1 &
watcher=$!
all_well() {
	/usr/bin/python3 -c 'import json,sys; s=json.load(open(sys.argv[1])); sys.exit(bool(s["analyst"] or s["officer"]))' "$work/seen/seen.json"
}
must eventually 90 all_well
echo "ok    all is well and nothing shows"
# Every stage has seen this unit's canary.
canaries() {
	ask -o /dev/null -d "{\"login\":\"truc\",\"password\":\"$(cat "$LUYTRE_RUN/password")\"}" "$url/api/v1/login" || return 1
	ask "$url/api/v1/status" | /usr/bin/python3 -c '
import json, sys
units = [c for c in json.load(sys.stdin)["canaries"] if c["unit"]]
sys.exit(not (units and all(units[0][stage] for stage in ("handed_at", "stored_at", "scanned_at"))))'
}
must eventually 60 canaries
echo "ok    a unit's canary was handed over, stored and found, and the scanner found its sample"

# ---- five at once that do not touch one another ----

key=$(child_of "$server" '--role key')
broken=$SECONDS
kill -STOP "$key"
hold eventdb
mv "$work/bin/luytre-scand" "$work/bin/away"
for p in /proc/[0-9]*; do
	case $(readlink "$p/exe") in "$work"/bin/*) kill -KILL "${p#/proc/}" 2>/dev/null ;; esac
done
released=$(sql "SELECT value FROM endpoint_setting WHERE name = 'bundle_released_at'")
sql "UPDATE endpoint_setting SET value = $((released - 30 * 86400 * 1000000)) WHERE name = 'bundle_released_at'"
echo 600 >"$work/clock"
for what in key eventdb scanner bundle agent_clock; do shows analyst $what $broken; done
shows officer scanner $broken
shows officer central $broken
shot five
kill -CONT "$key" 2>/dev/null # the supervisor may have put another in its place
mv "$work/bin/away" "$work/bin/luytre-scand"
sql "UPDATE endpoint_setting SET value = $released WHERE name = 'bundle_released_at'"
echo 0 >"$work/clock"
for what in key scanner bundle agent_clock; do goes analyst $what; done

# ---- the spool, full because nothing is stored ----

ask -o /dev/null -d "{\"login\":\"quantri\",\"password\":\"$(cat "$LUYTRE_RUN/password")\"}" "$url/api/v1/login"
unit=$(ask "$url/api/v1/units?limit=1" | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["items"][0]["id"])')
token=$(ask -d "{\"name\":\"flood\",\"role\":\"log_sender\",\"unit_id\":\"$unit\"}" "$url/api/v1/tokens" |
	/usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["token"])')
/usr/bin/python3 -c 'print("\n".join("{\"message\":\"%s %d\"}" % ("x" * 900, n) for n in range(15000)))' >"$work/flood"
full() {
	[ "$(curl -ks -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" --data-binary "@$work/flood" "https://127.0.0.1:$behind_port/api/v1/events")" = 503 ]
}
must eventually 60 full
broken=$SECONDS
shows analyst spool $broken
let_go eventdb
goes analyst spool
goes analyst eventdb

# ---- detection: its outbox is not where it was ----

outbox=$LUYTRE_RUN/server/pipeline/outbox
mv "$outbox" "$outbox.away"
broken=$SECONDS
shows analyst detect $broken
mv "$outbox.away" "$outbox"
goes analyst detect

# ---- rules: a set that cannot be used; rules that do not see the canary

again() { # the pipeline, which reads the set when it starts
	local old
	old=$(child_of "$server" '--role pipeline') && kill -KILL "$old"
	eventually 30 replaced "$old"
}
replaced() { [ "$(child_of "$server" '--role pipeline' || echo "$1")" != "$1" ]; }
set_file=$LUYTRE_RUN/server/rules/current.set
cp "$set_file" "$work/set"
# Not its digest: core writes a set with another one anew within seconds.
printf 'damaged' | dd of="$set_file" bs=1 seek=$(($(stat -c %s "$set_file") / 2)) conv=notrunc status=none
must again
broken=$SECONDS
shows analyst rules $broken
cat "$work/set" >"$set_file"
must again
goes analyst rules

# Somebody's filter keeps more away from the rules than was meant.
/usr/bin/python3 - >"$work/filter" <<'EOT'
import json
print(json.dumps({'text': '''title: Nothing of note
id: 0e0e0e0e-0000-4000-8000-0000000000f1
status: test
level: low
logsource: {product: luytre, service: canary}
detection: {nothing: {event.dataset: luytre.no_such}, condition: nothing}
---
title: Quieter
id: 0e0e0e0e-0000-4000-8000-0000000000f2
logsource: {product: luytre, service: canary}
filter:
  rules: [6c757974-7265-4000-8000-000000000001]
  selection: {event.dataset: luytre.canary}
  condition: not selection
'''}))
EOT
rule=$(ask -d "@$work/filter" "$url/api/v1/rules" | json 'd["id"]')
broken=$SECONDS
shows analyst rules $broken
must ask -o /dev/null -d "{\"enabled\":false,\"ids\":[\"$rule\"]}" "$url/api/v1/rules/switch"
goes analyst rules

# ---- the database, locked by somebody else, while an alert is on its way ----

/usr/bin/python3 - "$LUYTRE_RUN/server/core/state.db" "$work/locked" <<'EOT' &
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute('BEGIN IMMEDIATE')
open(sys.argv[2], 'w').close()
time.sleep(600)
EOT
locker=$!
must eventually 60 test -e "$work/locked"
broken=$SECONDS
printf '%s%s%*s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD' '-ANTIVIRUS-TEST-FILE!$H+H*' 9 '' >"$LUYTRE_RUN/watched/eicar.txt"
shows analyst database $broken
shows analyst handover $broken
end "$locker"
locker=
goes analyst database
goes analyst handover

# ---- the way of the agent's events ----

end "$proxy"
broken=$SECONDS
shows analyst agent_events $broken
shows officer agent_events $broken
start_proxy
goes analyst agent_events

# ---- the agent itself ----

kill -STOP "$agent"
broken=$SECONDS
shows analyst agent_silent $broken
shows officer agent_silent $broken
shot agent
kill -CONT "$agent"
goes analyst agent_silent
goes officer agent_silent

# ---- the pipeline, and the server itself ----

pipeline=$(child_of "$server" '--role pipeline')
kill -STOP "$pipeline"
broken=$SECONDS
shows analyst pipeline $broken
shows officer central $broken
shot pipeline
kill -CONT "$pipeline"
goes analyst pipeline
goes officer central
hold '--role core'
broken=$SECONDS
shows analyst server $broken
shows officer server $broken
let_go '--role core'
goes analyst server
goes officer server

# ---- metrics: for the token of a monitoring system and nobody else, and readable by the parser that others wrote ----

token=$(ask -d "{\"name\":\"prometheus\",\"role\":\"metrics\",\"unit_id\":\"$unit\"}" "$url/api/v1/tokens" |
	/usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["token"])')
scraped() {
	[ "$(curl -ks -o /dev/null -w '%{http_code}' "$url/metrics")" = 401 ] || return 1
	[ "$(curl -ks -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$url/api/v1/status")" = 403 ] || return 1
	curl -ksS --fail -H "Authorization: Bearer $token" "$url/metrics" >"$work/metrics" && /usr/bin/python3 - "$work/metrics" <<'EOT'
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1], encoding='utf-8').read())}
assert len(families) > 25, len(families)
assert families['luytre_process_up'].samples and families['luytre_http_request_duration_seconds'].type == 'histogram'
assert all(s.value == 1 for s in families['luytre_process_up'].samples)
EOT
}
if scraped; then
	echo "ok    metrics: $(grep -c '^# TYPE' "$work/metrics") families"
else
	echo 'FAIL  metrics'
	failures=$((failures + 1))
fi

# ---- our own log is events ----

logged() {
	curl -s --unix-socket "$LUYTRE_RUN/server/run/eventdb.sock" "http://localhost/?database=luytre" \
		-d "SELECT count() FROM event WHERE source = 'luytre' AND event_dataset = 'luytre.log' AND JSONExtractString(raw, 'message') = 'blind'" | grep -qv '^0$'
}
if eventually 30 logged; then
	echo 'ok    the log says in the event store what was blind'
else
	echo 'FAIL  the own log is not in the event store'
	failures=$((failures + 1))
fi
eventually 60 all_well || { echo "FAIL  something is left: $(cat "$work/seen/seen.json")"; failures=$((failures + 1)); }
echo "$failures failures, $SECONDS s"
[ $failures = 0 ]
