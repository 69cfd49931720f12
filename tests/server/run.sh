#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre-server as a program: settings, first and second start, roles that die, orderly and disorderly ends.
# Needs curl and openssl. Programs: $LUYTRE_BIN, or build/bin.
# Runs with SQLite, then with PostgreSQL on a private socket.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-server-test.XXXXXX)
chmod 755 "$work"

clean_up() {
	trap - EXIT
	[ -n "$server" ] && kill -KILL "$server" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT

console=$(free_port) events=$(free_port) agent=$(free_port)
data=$work/data
conf=$work/server.conf
log=$work/log
user=
[ "$(id -u)" = 0 ] && user=nobody
cat >"$conf" <<EOT
# for this test
data_dir = $data
listen_address = 127.0.0.1
console_port = $console
events_port = $events
agent_port = $agent
public_names = localhost, 127.0.0.1
packs_dir = $top/packs
web_dir = $top/web
messages_dir = ${LUYTRE_MESSAGES:-$top/build/messages}
eventdb = none
second_factor = 0
user = $user
database = ${LUYTRE_TEST_PG:-}
EOT

start() {
	: >"$log"
	"$bin/luytre-server" --config "$conf" 2>>"$log" &
	server=$!
}
# The newest pid of a process by the supervisor's log.
pid_of() { sed -n "s/.*\"message\":\"process started\",\"process\":\"$1\",\"pid\":\([0-9]*\).*/\1/p" "$log" | tail -1; }
ready_count() { grep -c "\"process is ready\",\"process\":\"$1\"" "$log"; }
is_ready() { [ "$(ready_count "$1")" -ge "$2" ]; }
all_ready() { is_ready key 1 && is_ready worker 1 && is_ready core 1 && is_ready pipeline 1; }
answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$data/key/ca.pem" "https://$1:$2$3")" = "$4" ]; }
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(awk '{print $3}' "/proc/$1/stat" 2>/dev/null)" = Z ]; }
stop() {
	kill -TERM "$server"
	wait "$server"
}

# --- settings
printf 'console_port = 1\nevent_port = 2\n' >"$work/bad.conf"
LC_ALL=en_US.UTF-8 "$bin/luytre-server" --config "$work/bad.conf" --check-config >"$work/out" 2>&1
check 'an unknown setting ends with code 2' [ $? = 2 ]
check 'it is told with file, line and the nearest name' grep -q "bad.conf:2: .*“event_port”.*“events_port”" "$work/out"
check 'a good configuration is called good' "$bin/luytre-server" --config "$conf" --check-config >/dev/null
check 'looking at it made nothing' [ ! -e "$data" ]
# refuses STEP SED-EXPRESSION: --check-config of the changed file ends with 1, and the step's line says so.
refuses() {
	sed "$2" "$conf" >"$work/refused.conf"
	LUYTRE_LANG=en "$bin/luytre-server" --config "$work/refused.conf" --check-config >"$work/out" 2>&1
	[ $? = 1 ] && grep -q "^FAILED $1" "$work/out" && grep -q '^       → ' "$work/out"
}
sed 's|^eventdb.*|eventdb = embedded|' "$conf" >"$work/embedded.conf"
check 'the embedded event store can be loaded' "$bin/luytre-server" --config "$work/embedded.conf" --check-config >/dev/null
check 'an address of another machine fails' refuses 'Port 192.0.2.1' 's/^listen_address.*/listen_address = 192.0.2.1/'
check 'packs that are not there fail' refuses 'Trial start' 's|^packs_dir.*|packs_dir = /nowhere|'
check 'a console that is not there fails' refuses 'Console' 's|^web_dir.*|web_dir = /nowhere|'
check 'a user that is not there fails' refuses 'User' 's/^user.*/user = nobody-of-that-name/'
check 'a database that is not there fails' refuses 'Database' 's|^database.*|database = postgresql://localhost:1/x|'
check 'an event store that does not answer fails' refuses 'Event store' 's|^eventdb.*|eventdb = unix:/nowhere|'
check 'a library that cannot be loaded fails' refuses 'Event store' 's|^eventdb.*|eventdb = embedded\neventdb_library = /nowhere|'
check 'a data folder that is a file fails' refuses 'Data folder' 's|^data_dir.*|data_dir = /etc/passwd|'
"$bin/luytre-server" --help >"$work/out"
for name in $(sed -n 's/^SETTING(\([a-z_]*\),.*/\1/p' "$top/src/program/server/server_settings.def"); do
	grep -q "^  $name = " "$work/out" || say_fail "--help tells of $name"
done
"$bin/luytre-server" --role key --config "$conf" 2>"$work/out"
check 'a role does not run by itself' [ $? = 1 ]

# --- first start
start
check 'all roles become ready' eventually 20 all_ready
[ $failures = 0 ] || cat "$log"
check 'the CA key is only its owner’s' [ "$(stat -c %a "$data/key/ca.key.pem")" = 600 ]
lasts() { openssl x509 -in "$data/key/ca.pem" -noout -checkend $((3600 * 86400)) >/dev/null; }
check 'the CA lasts ten years' lasts
check 'the server certificate is the CA’s' openssl verify -CAfile "$data/key/ca.pem" "$data/core/server.pem" >/dev/null
check 'events listener answers by name' answers localhost "$events" /healthz 200
check 'events listener answers by address' answers 127.0.0.1 "$events" /healthz 200
check 'events of strangers are refused' [ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$data/key/ca.pem" -d '{}' "https://localhost:$events/api/v1/events")" = 401 ]
check 'console answers' answers localhost "$console" /healthz 200
check 'agents get the CA' answers localhost "$agent" /agent/v1/ca 200
for role in key core pipeline; do
	status=/proc/$(pid_of $role)/status
	check "$role has no new privileges" grep -q '^NoNewPrivs:.*1' "$status"
	[ -n "$user" ] && check "$role runs as $user" [ "$(awk '/^Uid/ {print $2 $3 $4}' "$status")" = "$(printf '%s%s%s' $(id -u nobody) $(id -u nobody) $(id -u nobody))" ]
done
LC_ALL=en_US "$bin/luytre-server" --config "$conf" 2>"$work/out"
check 'a second server over the same data refuses' [ $? = 1 ]
check 'and says why' grep -q server.already_running "$work/out"

# The running server writes its spool and its database meanwhile, so of those only that they are there.
state_of_data() {
	find "$data" -path "$data/pipeline" -prune -o -printf '%p %i %m %u\n' 2>/dev/null | grep -v -e -shm -e -wal | sort
	find "$data/key" "$data/core" -name '*.pem' -exec sha256sum {} + | sort
}
state_of_data >"$work/before"
LUYTRE_LANG=en "$bin/luytre-server" --config "$conf" --check-config >"$work/out"
check '--check-config is content while a server runs' [ $? = 0 ]
check 'and says whose the ports are' [ "$(grep -c 'held by the server that is running' "$work/out")" = 3 ]
state_of_data >"$work/after"
check 'it changed no file' cmp -s "$work/before" "$work/after"

# --- set-up, a token, events, one alert
api() {
	local path=$1
	shift
	curl -s --cacert "$data/key/ca.pem" -c "$work/jar" -b "$work/jar" -H "Origin: https://localhost:$console" \
		-H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@" "https://localhost:$console$path"
}
json() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
malware='{"@timestamp":"2026-11-21T08:00:00Z","event.kind":"alert","event.category":"malware","event.action":"reported","threat.name":"Test.Virus","file.path":"/tmp/x"}'
send_malware() {
	curl -s --cacert "$data/key/ca.pem" -H "Authorization: Bearer $token" -H "Luytre-Batch: $1" \
		"https://localhost:$events/api/v1/events" --data-binary "$malware
" | grep -q "$2"
}
alerts() { [ "$(api /api/v1/alerts | json 'sum(a["count"] for a in d["items"])')" = "$1" ]; }
check 'the set-up code is only its owner’s' [ "$(stat -c %a "$data/core/setup-code")" = 600 ]
unit=$(api /api/v1/setup -d "{\"code\":\"$(cat "$data/core/setup-code")\",\"login\":\"admin\",\"display_name\":\"A\",\"password\":\"mật khẩu dài của tôi\",\"city_name\":\"Cần Thơ\"}" | json 'd["account"]["unit"]["id"]')
answer=$(api /api/v1/tokens -d "{\"name\":\"fw\",\"role\":\"log_sender\",\"unit_id\":\"$unit\",\"expires_at\":\"$(date -u -d '+1 day' +%FT%TZ)\"}")
token=$(json 'd["token"]' <<<"$answer")
token_id=$(json 'd["id"]' <<<"$answer")
epoch=0193a5f0-0000-7000-8000-000000000001
check 'the pipeline knows the new token' eventually 3 send_malware $epoch:0 '"taken":1'
check 'the same batch again is a duplicate' send_malware $epoch:0 '"taken":0,"duplicates":1'
check 'one alert arrives' eventually 5 alerts 1
counted() { api /api/v1/status | grep -q '"received":[1-9]'; } # with the server's own canaries
check 'the status page counts it' eventually 5 counted
kill -KILL "$(pid_of core)"
check 'events are taken while core is away' send_malware $epoch:1 '"taken":1'
check 'core is back' eventually 5 is_ready core 2
check 'the alert of that time arrives, once' eventually 15 alerts 2
api /api/v1/tokens/$token_id -X DELETE >/dev/null
refused() { ! send_malware $epoch:1 '"taken"'; } # a duplicate while it is taken: makes no finding
check 'a revoked token is refused' eventually 3 refused
check 'there are still two findings' alerts 2

# --- each role dies
for role in key worker core pipeline; do
	before=$(ready_count $role)
	kill -KILL "$(pid_of $role)"
	check "$role comes back within 2 s of kill -9" eventually 2 is_ready $role $((before + 1))
	check "events are taken after $role died" eventually 5 answers localhost "$events" /healthz 200
	check "the console answers after $role died" eventually 5 answers localhost "$console" /healthz 200
done

# --- orderly end
stop
check 'SIGTERM ends with code 0' [ $? = 0 ]
order=$(sed -n 's/.*"message":"process stopped","process":"\([a-z]*\)".*/\1/p' "$log" | tr '\n' ' ')
check 'processes stop in order' [ "$order" = 'pipeline core worker key ' ]
check 'none had to be killed' [ "$(grep -c 'did not stop in time' "$log")" = 0 ]
check 'no sanitizer complained' [ "$(grep -c 'Sanitizer\|runtime error' "$log")" = 0 ]

# --- second start
sha256sum "$data"/key/* "$data"/core/server* "$data"/pipeline/server* >"$work/sums"
start
check 'all roles become ready again' eventually 20 all_ready
check 'keys and certificates are kept' sha256sum --quiet -c "$work/sums"
pids="$(pid_of key) $(pid_of core) $(pid_of pipeline)"
kill -KILL "$server"
wait "$server" 2>/dev/null
for pid in $pids; do
	check 'children die with the supervisor' eventually 2 gone "$pid"
done

# --- a key that was lost is not replaced
mv "$data/key/ca.key.pem" "$work/"
check '--check-config tells of it' refuses 'Keys' ''
start
check 'a lost CA key is told' eventually 5 grep -q server.key_missing "$log"
check 'and not made anew' [ ! -e "$data/key/ca.key.pem" ]
stop
mv "$work/ca.key.pem" "$data/key/"

# --- other names, other certificate
sed -i 's/^public_names.*/public_names = localhost, 127.0.0.1, other.example/' "$conf"
start
check 'all roles become ready with other names' eventually 20 all_ready
check 'the new name is in the certificate' sh -c "openssl x509 -in '$data/core/server.pem' -noout -ext subjectAltName | grep -q other.example"
check 'the CA is the same' sh -c "grep '/ca.pem' '$work/sums' | sha256sum --quiet -c"

# --- settings read again while all roles run
names_on() { openssl s_client -connect "127.0.0.1:$1" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName 2>/dev/null; }
has_name() { names_on "$1" | grep -q "$2"; }
hang_up() { kill -HUP "$server"; }
running="$(pid_of key) $(pid_of core) $(pid_of pipeline)"
sed -i -e 's/^public_names.*/public_names = localhost, 127.0.0.1, reload.example/' "$conf"
echo 'workers = 3' >>"$conf"
hang_up
check 'SIGHUP: the console has the new name' eventually 20 has_name "$console" reload.example
check 'SIGHUP: the agents’ port has it' eventually 20 has_name "$agent" reload.example
check 'SIGHUP: the events port has it' eventually 20 has_name "$events" reload.example
check 'what needs a restart is named' eventually 5 grep -q '"settings wait for a restart","settings":"workers"' "$log"
sed -i 's/^public_names.*/public_name = localhost, 127.0.0.1, refused.example/' "$conf"
hang_up
line=$(grep -n '^public_name ' "$conf" | cut -d: -f1)
check 'a bad file is refused with its place' eventually 5 grep -q "settings were refused.*server.config_unknown_near.*server.conf:$line" "$log"
kill -KILL "$(pid_of core)"
check 'a role that dies then comes back' eventually 10 is_ready core 2
check 'with the settings in force' eventually 10 has_name "$console" reload.example
sed -i -e 's/^public_name .*/public_names = localhost, 127.0.0.1/' -e 's/^workers.*/log_level = warn/' "$conf"
hang_up
check 'a good file is taken again' eventually 20 has_name "$events" 'DNS:localhost, IP Address:127.0.0.1$'
check 'key and pipeline were never restarted' [ "$(pid_of key) $(pid_of pipeline)" = "$(cut -d' ' -f1,3 <<<"$running")" ]
kill -KILL "$(pid_of pipeline)"
check 'a restarted pipeline answers' eventually 10 answers localhost "$events" /healthz 200
check 'and keeps to the new log level' [ "$(grep -c '"events are taken"' "$log")" = 1 ]
sed -i '/^log_level/d' "$conf"
stop
server=

[ $failures = 0 ] || { echo "$failures failed"; tail -20 "$log"; exit 1; }
if [ -n "${LUYTRE_TEST_PG:-}" ]; then database=PostgreSQL; else database=SQLite; fi
echo "all passed with $database"
clean_up
[ -n "${LUYTRE_TEST_PG:-}" ] || exec "$top/tools/with_postgres.sh" bash "$0"
