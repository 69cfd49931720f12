#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre backup and restore: taken from a running server while events and records are written, restored into an empty folder, and
# the server there has the same audit head, the same counts, the same keys, every acknowledged event, and none twice.
# Needs curl, sqlite3, openssl, python3. Programs: $LUYTRE_BIN, or build/bin. Without libchdb the event store is left out.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-backup-test.XXXXXX)
chmod 755 "$work"
export LUYTRE_LANG=en
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
		printf 'ok    %s\n' "$what"
	else
		cat "$work/said"
		printf 'FAIL  %s\n' "$what"
		failures=$((failures + 1))
	fi
}
console=$(free_port) events=$(free_port) agent=$(free_port)
library=$(find "$top/node_modules/@chdb" -name libchdb.so 2>/dev/null | head -1)
# conf NAME: settings of a server over $work/NAME.
conf() {
	server_conf "$work/$1" "$console" "$events" "$agent" >"$work/$1.conf"
	cat >>"$work/$1.conf" <<-EOT
		sample_dir = $top/packs/vn/sample/cantho
		sample_password = mot-mat-khau-mau-1
	EOT
	if [ -n "$library" ]; then echo "eventdb_library = $library"; else echo 'eventdb = none'; fi >>"$work/$1.conf"
}
answers() { curl -ksS --fail -o /dev/null "https://127.0.0.1:$console/healthz" && curl -ksS --fail -o /dev/null "https://127.0.0.1:$events/healthz"; }
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
ask() {
	curl -sS --fail-with-body -k -b "$work/jar" -c "$work/jar" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' \
		-H "Origin: https://127.0.0.1:$console" "$@"
}
field() { python3 -c 'import json,sys; v=json.load(sys.stdin)
for k in sys.argv[1].split("."): v=v[int(k)] if k.isdigit() else v[k]
print(v)' "$1"; }
sign_in() { ask -o /dev/null -d '{"login":"quantri","password":"mot-mat-khau-mau-1"}' "https://127.0.0.1:$console/api/v1/login"; }
query() { curl -sS --fail --unix-socket "$work/$1/run/eventdb.sock" 'http://localhost/?database=luytre' --data-binary "$2"; }
store_answers() { [ "$(query "$1" 'SELECT count() >= 0 FROM event')" = 1 ]; }
# Ours only: the server's own events come besides.
count_is() { [ "$(query "$1" "SELECT count() FROM event WHERE JSONExtractString(raw, 'n') != ''")" = "$2" ]; }
# n of the events in the batch numbered from $1; each 50th is malware, so that alerts travel too.
batch() { python3 -c '
import json, sys
first, n = int(sys.argv[1]), int(sys.argv[2])
for i in range(first, first + n):
    d = {"@timestamp": "2026-11-21T08:00:00Z", "event.kind": "event", "host.name": "pc%d" % (i % 50), "n": str(i)}
    if i % 50 == 0:
        d.update({"event.kind": "alert", "event.category": "malware", "event.action": "reported", "threat.name": "T%d" % i})
    print(json.dumps(d))' "$1" "$2"; }
epoch=0193a5f0-0000-7000-8000-000000000001
send() { batch "$1" "$2" | curl -sS --fail -k -H "Authorization: Bearer $token" -H "Luytre-Batch: $epoch:$1" --data-binary @- "https://127.0.0.1:$events/api/v1/events" 2>/dev/null | grep -q "\"taken\":$2,"; }
# Writes without a pause until it is ended; what was acknowledged is noted.
write_on() {
	local n=$1
	while :; do
		send "$n" 40 || { sleep 0.2; continue; }
		n=$((n + 40))
		echo "$n" >"$work/acknowledged.new" && mv "$work/acknowledged.new" "$work/acknowledged"
		curl -ksS -o /dev/null -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' -d '{"login":"x","password":"nobody-has-this"}' "https://127.0.0.1:$console/api/v1/login"
	done
}
state() { sqlite3 "file:$1?mode=ro" "$2"; }
counts() {
	state "$1" "SELECT (SELECT count(*) FROM unit), (SELECT count(*) FROM account), (SELECT count(*) FROM endpoint), (SELECT count(*) FROM endpoint_certificate),
	(SELECT count(*) FROM alert), (SELECT count(*) FROM incident), (SELECT number FROM audit_head), (SELECT lower(hex(hash)) FROM audit_head)"
}
# fails CODE TEXT COMMAND…: ends with the code and says the text.
fails() {
	local code=$1 text=$2
	shift 2
	"$@" >"$work/out" 2>&1
	[ $? = "$code" ] && grep -qF "$text" "$work/out" || { cat "$work/out"; return 1; }
}
backup() { "$bin/luytre" backup --passphrase-file "$work/pass" "$@"; }
restore() { "$bin/luytre" restore --passphrase-file "$work/pass" "$@"; }

(umask 077 && echo 'một cụm mật khẩu đủ dài' >"$work/pass" && echo 'một cụm mật khẩu khác hẳn' >"$work/wrong")
conf first
conf second

# --- a server with an agent, events and people at work
check 'the server starts' start first
[ $failures = 0 ] || exit 1
check 'sign in' sign_in
unit=$(ask "https://127.0.0.1:$console/api/v1/units?limit=1" | field items.0.id)
token=$(ask -d "{\"name\":\"fw\",\"role\":\"log_sender\",\"unit_id\":\"$unit\",\"expires_at\":\"$(date -u -d '+1 day' +%FT%TZ)\"}" "https://127.0.0.1:$console/api/v1/tokens" | field token)
enrolment=$(ask -d "{\"unit_id\":\"$unit\"}" "https://127.0.0.1:$console/api/v1/enrolment-tokens" | field token)
check 'an agent enrols' "$bin/luytre-agent" enrol --server "https://127.0.0.1:$agent" --events "https://127.0.0.1:$events" --token "$enrolment" --state "$work/agent"
python3 - "$work/agent/identity.json" "$work/agent.pem" <<-'EOT'
	import json, sys
	kept = json.load(open(sys.argv[1]))
	open(sys.argv[2], "w").write(kept["certificate"] + kept["key"])
EOT
checks_in() {
	curl -sS --fail --cacert "$work/ca.pem" --cert "$work/agent.pem" -H 'Content-Type: application/json' -o "$work/desired" \
		-d '{"agent_version":"0.1.0","protocol":1,"boot_id":"b","protection":{"bundle_version":0}}' "https://127.0.0.1:$agent/agent/v1/checkin"
}
cp "$work/first/key/ca.pem" "$work/ca.pem"
check 'it checks in' checks_in
bundle_of() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["bundle"])' "$work/desired"; }
bundle=$(bundle_of)
check 'events are taken' eventually 20 send 0 1000
[ -z "$library" ] || check 'and stored' eventually 60 count_is first 1000

# What other rooms keep in core beside the database.
[ -e "$work/first/core/account-key" ] || (umask 077 && head -c 32 /dev/urandom >"$work/first/core/account-key")
[ "$(id -u)" != 0 ] || chown nobody "$work/first/core/account-key"

# --- the backup, while writing goes on
write_on 1000 &
writer=$!
eventually 20 [ -s "$work/acknowledged" ]
before=$(cat "$work/acknowledged")
check 'backup while writing' backup --config "$work/first.conf" "$work/one.backup"
[ $failures = 0 ] || exit 1
after=$(cat "$work/acknowledged")
check 'no half file is left' [ "$(ls "$work" | grep -c part)" = 0 ]
check 'only its owner reads it' [ "$(stat -c %a "$work/one.backup")" = 600 ]
frozen() { [ -n "$(find "$work/first/eventdb/shadow" -name 'luytre_backup*' 2>/dev/null)" ]; }
not_frozen() { ! frozen; }
check 'nothing of it stays in the event store' not_frozen
goes_on() { [ "$(cat "$work/acknowledged")" -gt "$after" ]; }
check 'the server takes events as before' eventually 20 goes_on
kill "$writer"
wait "$writer" 2>/dev/null
writer=
check 'the file is whole' backup verify "$work/one.backup"
head=$(backup verify "$work/one.backup" | sed -n 's/.*head \([0-9a-f]\{64\}\).*/\1/p')
check 'its audit head is in the log of the server that went on' fails 0 'The noted hash' "$bin/luytre" audit verify --data "$work/first" --head "$head"
private() { tar --zstd -xOf "$work/one.backup" | grep -a 'PRIVATE KEY' | grep -v '^ *#' | grep -c 'BEGIN'; }
check 'no private key is readable in it' [ "$(private)" = 0 ]
named_keys() { tar --zstd -tf "$work/one.backup" | grep -E '^(core|pipeline|key)/' | grep -cE 'key|secret|code'; }
check 'and no file is named like one' [ "$(named_keys)" = 0 ]
check 'a file that is there is not overwritten' fails 2 'not overwritten' backup --config "$work/first.conf" "$work/one.backup"
chmod 644 "$work/wrong"
check 'a passphrase that others read is refused' fails 2 'chmod 600' "$bin/luytre" backup --passphrase-file "$work/wrong" --config "$work/first.conf" "$work/x.backup"
chmod 600 "$work/wrong"
check 'restore beside a running server is refused' fails 2 'is not empty' restore --config "$work/first.conf" "$work/one.backup"
# It waits for its turn at the event store, and is killed there.
exec 9<>"$work/first/pipeline/store.lock"
flock -x 9
"$bin/luytre" backup --passphrase-file "$work/pass" --config "$work/first.conf" "$work/killed.backup" >/dev/null 2>&1 9>&- &
killed=$!
eventually 30 [ -e "$work/killed.backup.part" ]
kill -KILL "$killed"
wait "$killed" 2>/dev/null
exec 9>&-
check 'a backup that was killed leaves no file of its name' [ ! -e "$work/killed.backup" ]
check 'and does not stand in the way of the next' backup --config "$work/first.conf" "$work/killed.backup"
check 'which takes away what it left' [ "$(find "$work" -maxdepth 1 -name 'killed*' | wc -l)" = 1 ]
check 'in the event store too' not_frozen
mkdir "$work/many"
check 'into a folder it gets its own name' backup --config "$work/first.conf" "$work/many"
check 'one file' [ "$(find "$work/many" -name 'luytre-*.backup' | wc -l)" = 1 ]
stop
check 'of a stopped server too' backup --config "$work/first.conf" "$work/stopped.backup"

# --- what must not be restored
damage() { # damage FROM TO OFFSET
	cp "$1" "$2"
	python3 - "$2" "$3" <<-'EOT'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 0x40]))
	EOT
}
size=$(stat -c %s "$work/one.backup")
nothing_there() { [ ! -e "$work/second" ] && [ -z "$(find "$work" -maxdepth 1 -name 'second.restore*')" ]; }
check 'a wrong passphrase' fails 2 'passphrase is wrong' "$bin/luytre" restore --passphrase-file "$work/wrong" --config "$work/second.conf" "$work/one.backup"
check 'leaves nothing' nothing_there
for at in 100 $((size / 3)) $((size / 2)) $((size - 2000)); do
	damage "$work/one.backup" "$work/bad.backup" "$at"
	check "a changed byte at $at is found" fails 1 '' backup verify "$work/bad.backup"
	check 'and not restored' fails 2 '' restore --config "$work/second.conf" "$work/bad.backup"
	check 'leaves nothing' nothing_there
done
head -c $((size / 2)) "$work/one.backup" >"$work/short.backup"
check 'half a file' fails 2 '' restore --config "$work/second.conf" "$work/short.backup"
check 'another file' fails 2 'not a backup' restore --config "$work/second.conf" "$work/first.conf"
check 'leaves nothing' nothing_there
mkdir -p "$work/second" && touch "$work/second/mine"
check 'a folder that is not empty' fails 2 'is not empty' restore --config "$work/second.conf" "$work/one.backup"
check 'stays as it was' [ -f "$work/second/mine" ]
rm -rf "$work/second"
# A part and its sum changed alike, by somebody without the passphrase.
mkdir "$work/forge" && tar --zstd -xf "$work/one.backup" -C "$work/forge"
python3 - "$work/forge" "$work/forged.backup" <<-'EOT'
	import hashlib, io, json, subprocess, sys, tarfile
	top, out = sys.argv[1:]
	manifest = json.load(open(top + "/manifest.json"))
	state = open(top + "/state/state.db", "rb").read() + b"\0" * 4096
	for part in manifest["parts"]:
	    if part["name"] == "state/state.db":
	        part.update(size=len(state), sha256=hashlib.sha256(state).hexdigest())
	data = io.BytesIO()
	with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
	    def add(name, body, mode=0o600):
	        info = tarfile.TarInfo(name); info.size, info.mode = len(body), mode
	        tar.addfile(info, io.BytesIO(body))
	    add("LUYTRE-BACKUP", open(top + "/LUYTRE-BACKUP", "rb").read())
	    for part in manifest["parts"]:
	        body = state if part["name"] == "state/state.db" else open(top + "/" + part["name"], "rb").read()
	        add(part["name"], body, part["mode"])
	    add("manifest.json", json.dumps(manifest).encode())
	    add("manifest.hmac", open(top + "/manifest.hmac", "rb").read())
	subprocess.run(["zstd", "-q", "-o", out], input=data.getvalue(), check=True)
EOT
check 'a forged part with a forged sum passes the sums' fails 0 'passphrase was not checked' backup verify --no-passphrase "$work/forged.backup"
check 'and is found with the passphrase' fails 2 'somebody changed' restore --config "$work/second.conf" "$work/forged.backup"
check 'leaves nothing' nothing_there

# --- restored on an empty machine
check 'restore' restore --config "$work/second.conf" "$work/one.backup"
expected=$(tar --zstd -xOf "$work/one.backup" manifest.json | python3 -c '
import json, sys
a = json.load(sys.stdin)["about"]; c = a["counts"]
print("|".join(str(v) for v in (c["unit"], c["account"], c["endpoint"], c["certificate"], c["alert"], c["incident"], a["audit"]["records"], a["audit"]["head"])))')
check 'counts and audit head are those of the manifest' [ "$(counts "$work/second/core/state.db")" = "$expected" ]
[ "$(id -u)" != 0 ] || check 'everything belongs to the server' [ "$(find "$work/second" -mindepth 1 ! -user nobody | wc -l)" = 0 ]
check 'keys are their owner’s only' [ "$(stat -c %a "$work/second/key/ca.key.pem")" = 600 ]
same_key() { cmp -s "$work/first/key/$1" "$work/second/key/$1"; }
for key in ca.key.pem ca.pem bundle.key.pem bundle.pem document.key.pem document.pem; do check "$key is the same" same_key $key; done
check 'keys of accounts’ second factors are the same' cmp "$work/first/core/account-key" "$work/second/core/account-key"
check 'the restored server starts' start second
check 'the agent’s certificate is accepted' checks_in
check 'and it is to have the same signatures' [ "$(bundle_of)" = "$bundle" ]
check 'the old password is right' sign_in
check 'the audit chain is in order' fails 0 'in order' "$bin/luytre" audit verify --data "$work/second" --head "$head"
if [ -n "$library" ]; then
	check 'the event store answers' eventually 60 store_answers second
	settled() { ! grep -q '"store_lag":[1-9]' <<<"$(ask "https://127.0.0.1:$console/api/v1/status")" && [ "$(query second "SELECT count(DISTINCT JSONExtractString(raw, 'n')) >= $before FROM event WHERE JSONExtractString(raw, 'n') != ''")" = 1 ]; }
	check 'every acknowledged event is there' eventually 60 settled
	sleep 3 # whatever waits in the spool comes too
	check 'none is there twice' [ "$(query second "SELECT count() = uniqExact(JSONExtractString(raw, 'n')) FROM event WHERE JSONExtractString(raw, 'n') != ''")" = 1 ]
	gaps() { query second "SELECT max(toUInt64(JSONExtractString(raw, 'n'))) + 1 = count() FROM event WHERE JSONExtractString(raw, 'n') != ''"; }
	check 'none in between is missing' [ "$(gaps)" = 1 ]
fi
wanted_alerts() { [ "$(state "$work/second/core/state.db" "SELECT count(DISTINCT threat) >= $before / 50 FROM alert WHERE threat LIKE 'T%'")" = 1 ]; }
check 'every alert is there' eventually 30 wanted_alerts
check 'new events are taken' eventually 20 send 100000 10
stop
"$top/tools/with_postgres.sh" bash "$top/tests/backup/postgresql.sh" || failures=$((failures + 1))
echo "$failures failures"
[ $failures = 0 ]
