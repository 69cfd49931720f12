# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# shellcheck shell=bash
# What test scripts share; sourced with $top and, where a server is started, $work set. `failures` counts what did not hold.
failures=0 server=

say_ok() { printf 'ok    %s\n' "$*"; }
say_fail() {
	printf 'FAIL  %s\n' "$*"
	failures=$((failures + 1))
}
# check WHAT COMMAND…
check() {
	local what=$1
	shift
	if "$@"; then say_ok "$what"; else say_fail "$what"; fi
}
# must COMMAND…: without it the rest says nothing.
must() {
	"$@" && return
	say_fail "$*"
	exit 1
}
# eventually SECONDS COMMAND…
eventually() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
free_port() { /usr/bin/python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
free_udp() { /usr/bin/python3 -c 'import socket; s=socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
# json EXPRESSION: of d, what stands on standard input.
json() { /usr/bin/python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }

# ---- processes of this test

# end PID: also one that is stopped; waits for it.
end() {
	[ -n "$1" ] || return 0
	kill -CONT "$1" 2>/dev/null
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}
children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
# child_of PID WORD: the child with that word in its command line.
child_of() {
	local child
	for child in $(children "$1"); do
		tr '\0' ' ' <"/proc/$child/cmdline" | grep -q -- "$2" && echo "$child" && return
	done
	return 1
}
# hold WORD: keeps that process of the server stopped. One that hangs is replaced after half a minute; so the next one, too.
holder=
hold() {
	while sleep 0.1; do
		kill -STOP "$(child_of "$server" "$1")"
	done 2>/dev/null &
	holder=$!
}
let_go() {
	end "$holder"
	holder=
	kill -CONT "$(child_of "$server" "$1")"
}

# ---- a server: $work/server.conf, log in $work/log

# server_conf DATA CONSOLE-PORT EVENTS-PORT AGENT-PORT: the settings that every server of a test needs, printed.
server_conf() {
	cat <<-EOT
		data_dir = $1
		listen_address = 127.0.0.1
		console_port = $2
		events_port = $3
		agent_port = $4
		public_names = localhost, 127.0.0.1
		packs_dir = $top/packs
		web_dir = $top/web
		messages_dir = ${LUYTRE_MESSAGES:-$top/build/messages}
	EOT
	if [ "$(id -u)" = 0 ]; then echo 'user = nobody'; fi
}
# server_start PROGRAM: and waits until it is ready.
server_start() {
	"$1" --config "$work/server.conf" 2>>"$work/log" &
	server=$!
	eventually 60 server_is_ready
}
server_is_ready() {
	local role
	for role in key core pipeline; do grep -q "\"process is ready\",\"process\":\"$role\"" "$work/log" || return 1; done
}
# server_set_up URL: the first account; afterwards `api` is signed in. Sets base, ca and unit, the id of the city.
server_set_up() {
	base=$1 ca=$work/data/key/ca.pem
	unit=$(api /api/v1/setup -d "{\"code\":\"$(cat "$work/data/core/setup-code")\",\"login\":\"admin\",\"display_name\":\"A\",\"password\":\"mật khẩu dài của tôi\",\"city_name\":\"Cần Thơ\"}" |
		json 'd["account"]["unit"]["id"]')
	[ -n "$unit" ]
}
# api PATH [curl's arguments]
api() {
	local path=$1
	shift
	curl -s --cacert "$ca" -c "$work/jar" -b "$work/jar" -H "Origin: $base" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@" "$base$path"
}
# ask SQL: of the event store.
ask() { curl -s --max-time 60 --unix-socket "$work/data/run/eventdb.sock" "http://localhost/?database=luytre&default_format=TSV" --data-binary "$1"; }
