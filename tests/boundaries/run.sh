#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Every boundary between the processes, tried from within. The same ways are tried without the walls first, so that each
# test shows that it would notice a wall that is gone. Then the really running server: what the kernel says of its
# processes, and an event store that outlives bad queries.
# LUYTRE_BUILD: a build without sanitizers (they need what the filters forbid). Default: build/release.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
build=${LUYTRE_BUILD:-$top/build/release}
bin=${LUYTRE_BIN:-$top/build/bin}
export LUYTRE_SERVER=$bin/luytre-server
export LUYTRE_CHDB=${LUYTRE_CHDB:-$top/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so}
work=$(mktemp -d /tmp/luytre-boundaries.XXXXXX)
chmod 755 "$work"

clean_up() {
	trap - EXIT
	[ -n "$server" ] && kill -KILL "$server" 2>/dev/null
	[ $failures = 0 ] || tail -n 20 "$work/log" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT

[ -f "$LUYTRE_CHDB" ] || { echo "libchdb.so is not installed: run ./dev setup" >&2; exit 1; }

# --- each sandbox, without and with
check 'the ways out of a sandbox, by wall' "$build/src/program/server/sandbox_boundary_test"
check 'the ways out of each role, by wall' "$build/src/program/server/server_privilege_test"
check 'the key process answers its three requests only' "$build/src/program/server/key_boundary_test" 2>/dev/null
check 'the event store reaches nothing outside, and lives' "$build/src/program/eventdb/eventdb_boundary_test"

# --- the running server
server_conf "$work/data" "$(free_port)" "$(free_port)" "$(free_port)" >"$work/server.conf"
printf 'eventdb_library = %s\neventdb_memory_mb = 512\n' "$LUYTRE_CHDB" >>"$work/server.conf"
"$LUYTRE_SERVER" --config "$work/server.conf" 2>"$work/log" &
server=$!
pid_of() { sed -n "s/.*\"message\":\"process started\",\"process\":\"$1\",\"pid\":\([0-9]*\).*/\1/p" "$work/log" | tail -1; }
socket=$work/data/run/eventdb.sock
ask() { curl -s --max-time 120 --unix-socket "$socket" "http://localhost/?$1" --data-binary "$2"; }
answers() { [ "$(ask '' 'SELECT sum(number) FROM numbers(1000)')" = 499500 ]; }
all_ready() { for role in key worker core pipeline; do grep -q "\"process is ready\",\"process\":\"$role\"" "$work/log" || return 1; done; }
check 'the server starts' eventually 60 all_ready
check 'the event store answers' eventually 60 answers

of() { awk -v k="$2:" '$1 == k {print $2}' "/proc/$1/status"; }
for process in key worker core pipeline eventdb; do
	pid=$(pid_of $process)
	check "$process has a call filter" [ "$(of "$pid" Seccomp)" = 2 ]
	check "$process gains no privileges" [ "$(of "$pid" NoNewPrivs)" = 1 ]
	check "$process has no capability" [ "$(of "$pid" CapEff)$(of "$pid" CapPrm)" = 00000000000000000000000000000000 ]
	wrong=0
	for task in /proc/"$pid"/task/*/status; do [ "$(awk '/^Seccomp:/ {print $2}' "$task")" = 2 ] || wrong=1; done
	check "so has every thread of $process" [ $wrong = 0 ]
done
check 'the supervisor has a call filter' [ "$(of $server Seccomp)" = 2 ]
if [ "$(id -u)" = 0 ]; then
	# setpcap, setuid, setgid, kill, net_bind_service, dac_override, dac_read_search: no sys_admin, no sys_ptrace.
	check 'the supervisor keeps few privileges' [ $((0x$(of $server CapEff) & ~0x5e6)) = 0 ]
	for process in key worker core pipeline; do
		check "only root reads the memory of $process" [ "$(stat -c %u "/proc/$(pid_of $process)/mem")" = 0 ]
	done
fi
sockets_of() { find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n'; }
inet_sockets() {
	for inode in $(sockets_of "$1"); do awk -v i="$inode" '$10 == i' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6; done | wc -l
}
for process in key worker eventdb; do check "$process has no network socket" [ "$(inet_sockets "$(pid_of $process)")" = 0 ]; done

# --- the event store over its socket: refused in front, alive behind
before=$(pid_of eventdb)
echo LUYTRE-CANARY >"$work/canary"
chmod 644 "$work/canary"
refused() { ! ask "$1" "$2" | grep -q LUYTRE-CANARY && [ ! -e "$work/made" ]; }
for readonly in 0 1; do
	for sql in "SELECT * FROM file('$work/canary','LineAsString')" "SELECT * FROM \`$work/canary\`" \
		"INSERT INTO FUNCTION file('$work/made','CSV','a UInt8') SELECT 1" "SELECT 1 INTO OUTFILE '$work/made'" \
		"SELECT * FROM executable('cat $work/canary','LineAsString','a String')" \
		"SELECT * FROM url('file://$work/canary','LineAsString','a String')" \
		"SELECT * FROM remote('127.0.0.1:9','system','one')"; do
		check "readonly=$readonly refuses: ${sql//$work\//}" refused "readonly=$readonly" "$sql"
	done
done
says() { ask "$1" "$2" | grep -q "Code: $3\."; }
check 'an error is told' says '' 'SELECT nothing' 47
check 'an exception in the middle of a query is told' says '' 'SELECT throwIf(number = 100000) FROM numbers(200000)' 395
check 'the memory limit is told' says '' 'SELECT length(groupArray(number)) FROM numbers(2000000000)' 241
check 'the time limit is told' says 'max_execution_time=1' 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1' 159
curl -s --max-time 1 --unix-socket "$socket" http://localhost/ --data-binary 'SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 2' >/dev/null
check 'a client that hangs up leaves it answering' eventually 60 answers
check 'it is still the same process' [ "$(pid_of eventdb)" = "$before" ]
check 'nobody was ended by a sandbox' [ "$(grep -c 'sandbox forbids' "$work/log")" = 0 ]

kill "$server"
wait "$server"
check 'the server ends in order' [ $? = 0 ]
server=
grep -o '"lacks":"[^"]*"' "$work/log" | sort -u
echo "$failures failures"
[ $failures = 0 ]
