#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre audit verify, audit export: beside a running server, after it ended, and on a log that somebody changed, shortened or cut off.
# Needs curl and sqlite3. Programs: $LUYTRE_BIN, or build/bin.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-audit-test.XXXXXX)
chmod 755 "$work"
export LUYTRE_LANG=en

clean_up() {
	trap - EXIT
	[ -n "$server" ] && kill -KILL "$server" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT

data=$work/data
console=$(free_port)
server_conf "$data" "$console" "$(free_port)" "$(free_port)" >"$work/server.conf"
echo 'eventdb = none' >>"$work/server.conf"

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
	[ $? = "$code" ] && grep -qF -- "$text" "$work/out" || { cat "$work/out"; return 1; }
}
head_of() { sed -n 's/.*head.* \([0-9a-f]\{64\}\).*/\1/p' "$work/out"; }
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

# --- the same without database and server: an exported log
"$bin/luytre" audit export --database "sqlite:$data/core/state.db" "$work/log.jsonl" >"$work/out" 2>&1
check 'the log is exported' [ $? = 0 ]
check 'with its head' [ "$(head_of)" = "$newest" ]
check 'an export does not overwrite' [ "$("$bin/luytre" audit export --database "sqlite:$data/core/state.db" "$work/log.jsonl" >/dev/null 2>&1; echo $?)" = 2 ]
# offline CODE TEXT FILE OPTION…: audit verify --file and verify agree.
offline() {
	local code=$1 text=$2 file=$3
	shift 3
	verify "$code" "$text" --file "$file" "$@" || return 1
	[ $# -gt 0 ] && return 0
	"$bin/luytre" verify "$file" >"$work/out" 2>&1
	[ $? = "$code" ] && grep -qF -- "$text" "$work/out" || { cat "$work/out"; return 1; }
}
check 'an exported log is good' offline 0 "$last records, head $newest" "$work/log.jsonl"
check 'a noted head is found in it' offline 0 "record $noted_at." "$work/log.jsonl" --head "$noted"
# edit EXPRESSION: on the list of lines L (0: what it is, 1…: records, last: the end).
edit() {
	python3 -c '
import sys
L = open(sys.argv[1]).read().splitlines()
exec(sys.argv[3])
open(sys.argv[2], "w").write("\n".join(L) + "\n")' "$work/log.jsonl" "$work/edited.jsonl" "$1"
}
edit 'L[2] = L[2].replace("\"account_name\":\"", "\"account_name\":\"x", 1)'
check 'a changed record is named' offline 1 'Record 2 of the audit log was changed' "$work/edited.jsonl"
edit 'L[3] = L[3].replace("\"at\":1", "\"at\":2", 1)'
check 'a changed time is named' offline 1 'Record 3 of the audit log was changed' "$work/edited.jsonl"
edit 'del L[2]'
check 'a missing record is named' offline 1 'Record 2 of the audit log is missing' "$work/edited.jsonl"
edit 'L[1], L[2] = L[2], L[1]'
check 'changed order is named' offline 1 'Record 1 of the audit log is missing' "$work/edited.jsonl"
edit 'del L[-2]'
check 'a missing last record is named' offline 1 "Record $last of the audit log is missing" "$work/edited.jsonl"
edit 'del L[-1]'
check 'a missing end is named' offline 1 'is missing' "$work/edited.jsonl"
edit 'L.append(L[1])'
check 'something behind the end is named' offline 1 'cannot be read' "$work/edited.jsonl"
edit 'L[2] = L[2][:-5]'
check 'a broken line is named' offline 1 'Record 2 of the audit log cannot be read' "$work/edited.jsonl"
edit 'L[1:] = L[1:-2]; import json; L.append(json.dumps({"end": len(L) - 1, "head": json.loads(L[-1])["hash"]}))'
check 'an end cut off with care looks good by itself' offline 0 'in order' "$work/edited.jsonl"
check 'the noted head tells' offline 1 'cut off or replaced' "$work/edited.jsonl" --head "$newest"
harm "UPDATE audit SET details = '{\"x\":1}' WHERE number = 2"
check 'a log that was changed is not exported' [ "$("$bin/luytre" audit export --database "sqlite:$work/harmed.db" "$work/no.jsonl" >/dev/null 2>&1; echo $?)" = 2 ]
check 'and leaves no file' [ ! -e "$work/no.jsonl" ]

check 'no such database: could not be checked' verify 2 '' --database "sqlite:$work/none.db"
check 'and none was made' [ ! -e "$work/none.db" ]
sqlite3 "$work/empty.db" 'CREATE TABLE t (a)'
check 'no audit log in it: could not be checked' verify 2 'no such table' --database "sqlite:$work/empty.db"
check 'not a hash' verify 2 '64 hexadecimal' --data "$data" --head abc
check 'a wrong use' verify 2 '' --data "$data" --database "sqlite:$work/harmed.db"
echo "$failures failures"
[ $failures = 0 ]
