#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# bench/agents/run.sh [COUNT] [ROUNDS]: simulated agents against a real server with the sample city, their return after its end,
# and what an idle agent takes. Ten thousand: bench/agents/run.sh 10000 3
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
count=${1:-1000} rounds=${2:-10}
build=${LUYTRE_BUILD:-$top/build/release}
work=$(mktemp -d /tmp/luytre-bench.XXXXXX)
chmod 755 "$work"
server= agent=
clean_up() {
	kill $server $agent 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT

libs=()
for room in platform_http platform_crypto base_json base_file base_log base_text base_uuid base_clock base_str; do libs+=("$build/lib$room.a"); done
ninja -C "$build" --quiet "${libs[@]##*/}"
${CC:-cc} -std=gnu17 -O2 -D_GNU_SOURCE -Isrc -o "$work/agents" bench/agents/agents.c -Wl,--start-group "${libs[@]}" -Wl,--end-group \
	$(pkg-config --libs libcurl libcrypto libsodium libmicrohttpd gnutls libutf8proc) -lpthread

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
export LUYTRE_RUN=$work/run LUYTRE_BUILT=1
LUYTRE_CONSOLE_PORT=$(free_port)
LUYTRE_EVENTS_PORT=$(free_port)
LUYTRE_AGENT_PORT=$(free_port)
export LUYTRE_CONSOLE_PORT LUYTRE_EVENTS_PORT LUYTRE_AGENT_PORT
./dev run --until-ready --fresh >"$work/setup.log" 2>&1 || { tail -20 "$work/setup.log"; exit 1; }
build/bin/luytre-server --config "$work/run/server.conf" >"$work/server.log" 2>&1 &
server=$!
url=https://127.0.0.1:$LUYTRE_CONSOLE_PORT
for _ in $(seq 300); do curl -ksS --fail -o /dev/null "$url/healthz" 2>/dev/null && break; sleep 0.2; done
build/bin/luytre-agent run --state "$work/run/agent" >"$work/agent.log" 2>&1 &
agent=$!
ask() { curl -ksS --fail-with-body -b "$work/cookies" -c "$work/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }
ask -o /dev/null -d "{\"login\":\"quantri\",\"password\":\"$(cat "$work/run/password")\"}" "$url/api/v1/login"
unit=$(ask "$url/api/v1/units?limit=1&q=Ninh+Ki%E1%BB%81u" | python3 -c 'import json,sys; print(json.load(sys.stdin)["items"][0]["id"])')
token=$(ask -d "{\"unit_id\":\"$unit\",\"uses\":$count}" "$url/api/v1/enrolment-tokens" | python3 -c 'import json,sys; print(json.load(sys.stdin)["token"])')
core=$(pgrep -P "$server" -f -- '--role core')
ulimit -n "$(ulimit -Hn)"
"$work/agents" "https://127.0.0.1:$LUYTRE_AGENT_PORT" "$work/run/ca.pem" "$token" "$count" "$rounds" "$core"
awk '/VmRSS/ {printf "resident memory agent %10.1f MiB idle (of 15 MiB promised)\n", $2 / 1024}' "/proc/$agent/status"
awk '/RssAnon/ {printf "  of it its own       %10.1f MiB, the rest is shared libraries\n", $2 / 1024}' "/proc/$agent/status"
