#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The main job through all floors, on what `./dev run` sets up: a file lands on a machine, is found, quarantined, reported, seen
# in the browser and given back; the same with the server away. Needs root for fanotify (inotify does otherwise).
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
cd "$top"
work=$(mktemp -d /tmp/luytre-path-test.XXXXXX)
chmod 755 "$work"
export LUYTRE_RUN=$work LUYTRE_BUILT=1
agent=

LUYTRE_CONSOLE_PORT=$(free_port)
LUYTRE_EVENTS_PORT=$(free_port)
LUYTRE_AGENT_PORT=$(free_port)
export LUYTRE_CONSOLE_PORT LUYTRE_EVENTS_PORT LUYTRE_AGENT_PORT
url=https://127.0.0.1:$LUYTRE_CONSOLE_PORT

start_server() {
	build/bin/luytre-server --config "$work/server.conf" >>"$work/log/server.log" 2>&1 &
	server=$!
	eventually 60 curl -ksS --fail -o /dev/null "$url/healthz"
}
start_agent() {
	build/bin/luytre-agent run --state "$work/agent" >>"$work/log/agent.log" 2>&1 &
	agent=$!
	eventually 30 build/bin/luytre-agent status --state "$work/agent" >/dev/null
}
clean_up() {
	trap - EXIT
	end "$agent"
	end "$server"
	[ $failures = 0 ] || tail -n 30 "$work"/log/*.log
	rm -rf "$work"
}
trap clean_up EXIT

gone() { [ ! -e "$1" ]; }

# A file of its own each time: EICAR's definition allows white space after the string. Put together here, so that no
# scanner takes this script for the real thing.
eicar() { printf '%s%s%*s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD' '-ANTIVIRUS-TEST-FILE!$H+H*' "$1" ''; }

sign_in() {
	curl -ksS --fail -o /dev/null -c "$work/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' \
		-d "{\"login\":\"truc\",\"password\":\"$(cat "$work/password")\"}" "$url/api/v1/login"
}
# Detections of the file with this SHA-256.
detections() {
	curl -ksS --fail -b "$work/cookies" "$url/api/v1/detections?limit=500" |
		python3 -c 'import json,sys; print(sum(i["sha256"] == sys.argv[1] for i in json.load(sys.stdin)["items"]))' "$1"
}
detected_once() { [ "$(detections "$1")" = 1 ]; }
hash_of() { sha256sum "$1" | cut -d' ' -f1; }

given_back() {
	local file=$work/watched/back.txt keep=$work/keep.txt
	eicar 3 >"$keep"
	chmod 0640 "$keep"
	touch -d '2021-02-03 04:05:06.789' "$keep"
	setfattr -n user.luytre -v test "$keep" 2>/dev/null
	cp -a "$keep" "$file"
	eventually 15 gone "$file" || return 1
	eventually 15 detected_once "$(hash_of "$keep")" || return 1
	local id
	id=$(build/bin/luytre quarantine list --store "$work/agent/quarantine" | grep -F "$file" | grep -oE '[0-9a-f]{8}-[0-9a-f-]{27}' | head -1)
	[ -n "$id" ] || return 1
	build/bin/luytre quarantine restore --store "$work/agent/quarantine" "$id" || return 1
	sleep 2 # time enough for the watch to take it away again, if it wanted to
	cmp "$keep" "$file" && [ "$(stat -c '%a %u %g %y' "$keep")" = "$(stat -c '%a %u %g %y' "$file")" ]
}

found_while_server_is_away() {
	local file=$work/watched/away.txt hash
	eicar 7 >"$work/away.txt"
	hash=$(hash_of "$work/away.txt")
	end "$server"
	cp "$work/away.txt" "$file"
	eventually 15 gone "$file" || return 1
	start_server || return 1
	sign_in || return 1
	eventually 30 detected_once "$hash" || return 1
	sleep 5 # a second copy would come with the next sending
	detected_once "$hash"
}

found_by_yara_rule() {
	local file=$work/watched/rule.txt hash
	printf 'LUYTRE-HARMLESS-TEST%s %s' '-FILE-7d1f3c' "$RANDOM" >"$work/rule.txt"
	hash=$(hash_of "$work/rule.txt")
	cp "$work/rule.txt" "$file"
	eventually 15 gone "$file" && eventually 15 detected_once "$hash"
}

check 'dev run sets everything up' ./dev run --until-ready --fresh >"$work.setup.log" 2>&1
[ $failures = 0 ] || { tail -30 "$work.setup.log"; exit 1; }
rm -f "$work.setup.log"
check 'server starts again with its data' start_server
check 'agent starts again with its identity' start_agent
check 'sign in' sign_in
check 'a file that a YARA rule tells is quarantined and reported once' found_by_yara_rule
check 'quarantine gives a file back: bytes, mode, owner, times' given_back
check 'a file found while the server is away is reported once' found_while_server_is_away
check 'the console, in a browser' env LUYTRE_URL="$url" LUYTRE_PASSWORD="$(cat "$work/password")" LUYTRE_WATCHED="$work/watched" bash tests/console/run.sh
echo "$failures failures"
[ $failures = 0 ]
