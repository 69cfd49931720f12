#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre audit verify: beside a running server, after it ended, and on a log that somebody changed, shortened or cut off.
# Needs curl and sqlite3. Programs: $LUYTRE_BIN, or build/bin.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-audit-test.XXXXXX)
chmod 755 "$work"
export LUYTRE_LANG=en
failures=0
server=

clean_up() {
	trap - EXIT
	[ -n "$server" ] && kill -KILL "$server" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT

check() {
	local what=$1
	shift
	if "$@"; then
		printf 'ok    %s\n' "$what"
	else
		printf 'FAIL  %s\n' "$what"
		failures=$((failures + 1))
	fi
}
eventually() {
	local end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
data=$work/data
console=$(free_port)
cat >"$work/server.conf" <<EOT
data_dir = $data
listen_address = 127.0.0.1
console_port = $console
events_port = $(free_port)
agent_port = $(free_port)
public_names = localhost, 127.0.0.1
packs_dir = $top/packs
web_dir = $top/web
messages_dir = ${LUYTRE_MESSAGES:-$top/build/messages}
eventdb = none
EOT
[ "$(id -u)" = 0 ] && echo 'user = nobody' >>"$work/server.conf"

answers() { curl -ksS --fail -o /dev/null "https://127.0.0.1:$console/healthz" 2>/dev/null; }
# A sign-in that fails is audited; after the third one has to wait.
fail_to_sign_in() {
	curl -ksS -o /dev/null -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' \
		-d "{\"login\":\"nobody$1\",\"password\":\"wrong-password-$1\"}" "https://127.0.0.1:$console/api/v1/login"
}
# verify CODE TEXT OPTION…: the exit code is CODE and what is printed holds TEXT.
verify() {
	local code=$1 text=$2
	shift 2
	"$bin/luytre" audit verify "$@" >"$work/out" 2>&1
	[ $? = "$code" ] && grep -qF "$text" "$work/out" || { cat "$work/out"; return 1; }
}
head_of() { sed -n 's/.*head \([0-9a-f]\{64\}\).*/\1/p' "$work/out"; }
records() { sqlite3 "$data/core/state.db" 'SELECT count(*) FROM audit'; }
# harm SQL: on a copy, so that each check begins with the good log.
harm() {
	cp "$data/core/state.db" "$work/harmed.db"
	sqlite3 "$work/harmed.db" "$1" >/dev/null
}

"$bin/luytre-server" --config "$work/server.conf" 2>"$work/log" &
server=$!
check 'the server starts' eventually 60 answers
[ $failures = 0 ] || cat "$work/log"
for i in 1 2; do fail_to_sign_in "$i"; done
check 'good while the server runs' verify 0 'in order' --data "$data"
noted=$(head_of)
noted_at=$(records)
check 'there are records' [ "$noted_at" -ge 2 ]
fail_to_sign_in 3
check 'the server still writes' [ "$(records)" -gt "$noted_at" ]
check 'a head noted earlier is found in the longer log' verify 0 "record $noted_at." --data "$data" --head "$noted"
kill -TERM "$server"
wait "$server"
server=
before=$(sha256sum <"$data/core/state.db")
check 'good after the server ended' verify 0 "$(records) records" --database "sqlite:$data/core/state.db"
newest=$(head_of)
check 'nothing was written' [ "$before" = "$(sha256sum <"$data/core/state.db")" ]

last=$(records)
harm "UPDATE audit SET account_name = 'somebody else' WHERE number = 2"
check 'a changed record is named' verify 1 'Record 2 ' --database "sqlite:$work/harmed.db"
harm 'DELETE FROM audit WHERE number = 2'
check 'a missing record is named' verify 1 'Record 2 of the audit log is missing' --database "sqlite:$work/harmed.db"
harm "DELETE FROM audit WHERE number = $last"
check 'a missing end is named' verify 1 "Record $last of the audit log is missing" --database "sqlite:$work/harmed.db"
harm "DELETE FROM audit WHERE number = $last; UPDATE audit_head SET number = $last - 1, hash = (SELECT hash FROM audit WHERE number = $last - 1)"
check 'an end cut off with care looks good by itself' verify 0 'in order' --database "sqlite:$work/harmed.db"
check 'the noted head tells' verify 1 'cut off or replaced' --database "sqlite:$work/harmed.db" --head "$newest"
check 'an older noted head does not' verify 0 "record $noted_at." --database "sqlite:$work/harmed.db" --head "$noted"

check 'no such database: could not be checked' verify 2 '' --database "sqlite:$work/none.db"
check 'and none was made' [ ! -e "$work/none.db" ]
sqlite3 "$work/empty.db" 'CREATE TABLE t (a)'
check 'no audit log in it: could not be checked' verify 2 'no such table' --database "sqlite:$work/empty.db"
check 'not a hash' verify 2 '64 hexadecimal' --data "$data" --head abc
check 'a wrong use' verify 2 '' --data "$data" --database "sqlite:$work/harmed.db"
echo "$failures failures"
[ $failures = 0 ]
