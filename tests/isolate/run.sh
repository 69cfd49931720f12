#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# A machine is cut off from the network and given back, for real: an agent in a network name space of its own, the server in
# another, and a third machine. Needs root, ip (iproute2), nft (nftables) and a kernel with both; says so where they are missing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
id=$$
S=ltS$id A=ltA$id T=ltT$id

skip() {
	echo "SKIPPED  isolation in a network name space: $1"
	exit 0
}
[ "$(id -u)" = 0 ] || skip 'needs root'
command -v ip >/dev/null || skip 'ip (package iproute2) is not installed'
[ -x /usr/sbin/nft ] || skip 'nft (package nftables) is not installed'
ip netns add "$A" 2>/dev/null || skip 'network name spaces cannot be made here'
ip netns exec "$A" nft list ruleset >/dev/null 2>&1 || { ip netns del "$A"; skip 'this kernel has no nftables'; }

work=$(mktemp -d /tmp/luytre-isolate-test.XXXXXX)
chmod 755 "$work"
agent= third=
stop() {
	[ -z "$1" ] && return 0
	kill "${2:--TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}
clean_up() {
	trap - EXIT
	stop "$agent"
	stop "$server"
	stop "$third"
	[ $failures = 0 ] || tail -n 30 "$work"/*.log
	ip netns del "$A" 2>/dev/null
	ip netns del "$T" 2>/dev/null
	ip netns del "$S" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
not() { ! "$@"; }

# --- three machines on one switch, which is the server's
ip netns add "$S" && ip netns add "$T" || exit 1
ip -n "$S" link add br0 type bridge
ip -n "$S" addr add 10.99.0.1/24 dev br0
ip -n "$S" link set br0 up
ip -n "$S" link set lo up
cable() {
	ip link add "p$1$id" netns "$S" type veth peer name eth0 netns "$2"
	ip -n "$S" link set "p$1$id" master br0 up
	ip -n "$2" addr add "10.99.0.$3/24" dev eth0
	ip -n "$2" link set eth0 up
	ip -n "$2" link set lo up
}
cable a "$A" 2
cable t "$T" 3
serve() { exec ip netns exec "$1" python3 -m http.server --bind "$2" --directory "$work/empty" 8080 >/dev/null 2>&1; }
mkdir "$work/empty"
serve "$T" 10.99.0.3 &
third=$!

# --- the server; check-ins every five seconds
mkdir "$work/packs"
cp -r "$top/packs/." "$work/packs"
sed -i 's/^checkin_interval:.*/checkin_interval: 5s/' "$work/packs/vn/endpoint_states.yaml"
cat >"$work/server.conf" <<EOT
data_dir = $work/data
listen_address = 0.0.0.0
public_names = 10.99.0.1
packs_dir = $work/packs
web_dir = $top/web
messages_dir = ${LUYTRE_MESSAGES:-$top/build/messages}
sample_dir = $top/packs/vn/sample/cantho
sample_password = mot-mat-khau-mau-1
hotline = 0292 0000 113 (trực an toàn thông tin)
eventdb = none
user = nobody
EOT
url=https://10.99.0.1:8443
in_server() { ip netns exec "$S" "$@"; }
answers() { in_server curl -ksS --fail -m 5 -o /dev/null "$url/healthz"; }
start_server() {
	ip netns exec "$S" "$bin/luytre-server" --config "$work/server.conf" 2>>"$work/server.log" &
	server=$!
	eventually 60 answers
}
ask() { in_server curl -sS --fail-with-body -m 10 -k -b "$work/jar" -c "$work/jar" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }
member() { python3 -c 'import json,sys
j = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    j = j[int(name)] if isinstance(j, list) else j[name]
print(j)' "$1"; }
sign_in() { ask -o /dev/null -d "{\"login\":\"$1\",\"password\":\"mot-mat-khau-mau-1\"}" "$url/api/v1/login"; }

check 'the server starts' start_server
sign_in quantri
unit=$(ask "$url/api/v1/units?limit=1" | member items.0.id)
token=$(ask -d "{\"unit_id\":\"$unit\"}" "$url/api/v1/enrolment-tokens" | member token)

# --- the machine; its /run is its own, so that no notice reaches the people of this one
start_agent() {
	ip netns exec "$A" unshare -m sh -c 'mount -t tmpfs tmpfs /run && exec "$@"' sh "$bin/luytre-agent" run --state "$work/agent" --inotify 2>>"$work/agent.log" &
	agent=$!
}
check 'the machine is enrolled' ip netns exec "$A" "$bin/luytre-agent" enrol --server https://10.99.0.1:8445 --events https://10.99.0.1:8444 \
	--token "$token" --state "$work/agent" >/dev/null
start_agent
sign_in truc
endpoint=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["endpoint_id"])' "$work/agent/identity.json")
isolation() { ask "$url/api/v1/endpoints/$endpoint/isolation"; }
can() { [ "$(isolation | member can)" = True ]; }
is() { [ "$(isolation | member state)" = "$1" ]; }
in_machine() { ip netns exec "$A" "$@"; }
# A new connection each time; -m: what is dropped does not answer.
reaches() { in_machine curl -ksS -m 2 -o /dev/null "$1" 2>/dev/null; }
server_port=https://10.99.0.1:8445/agent/v1/ca
other=http://10.99.0.3:8080/
free() { reaches "$server_port" && reaches "$other"; }
cut_off() { reaches "$server_port" && not reaches "$other"; }
serve "$A" 10.99.0.2 &
listener=$!

check 'the console knows that the machine can be isolated' eventually 40 can
check 'before: it reaches the server and a third machine' eventually 10 free
check 'before: the third machine reaches it' eventually 10 ip netns exec "$T" curl -sS -m 2 -o /dev/null http://10.99.0.2:8080/
isolate() { ask -o "$work/out" -d "{\"cause\":\"malware\",\"reason\":\"thử cô lập\"$1}" "$url/api/v1/endpoints/$endpoint/isolation"; }
check 'an analyst isolates it' isolate ''
check 'the machine says that it is done' eventually 30 is on
check 'isolated: it reaches the server and nobody else' cut_off
check 'isolated: nobody else reaches it' not ip netns exec "$T" curl -sS -m 2 -o /dev/null http://10.99.0.2:8080/ 2>/dev/null
check 'isolated: of the server only the ports of agents' not reaches "$url/healthz"
notice() { grep -q "ngắt khỏi mạng.*0292 0000 113" "/proc/$agent/root/run/motd.d/50-luytre-isolation"; }
check 'the person at the machine is told, with the hotline' notice
check 'the same text stands in the console' [ "$(isolation | member order.message)" = "$(cat "/proc/$agent/root/run/motd.d/50-luytre-isolation")" ]
stop "$agent" -KILL
check 'the agent is killed: still cut off' cut_off
in_machine nft flush ruleset
check 'the rules are removed while no agent runs' free
start_agent
check 'the agent starts and puts them back first of all' eventually 5 cut_off
in_machine nft flush ruleset
check 'removed while it runs: back again' eventually 15 cut_off
tampered() { [ "$(isolation | member order.repaired)" -ge 1 ]; }
check 'and the console tells it' eventually 15 tampered
check 'the analyst lifts it' ask -o /dev/null -X DELETE "$url/api/v1/endpoints/$endpoint/isolation"
check 'the machine says that it is lifted' eventually 30 is lifted
check 'lifted: it reaches everybody' free
check 'lifted: nothing of it stays' not in_machine nft list table inet luytre_isolation 2>/dev/null
check 'isolated for some seconds' isolate ',"duration_s":8'
check 'cut off again' eventually 20 cut_off
stop "$server"
server=
check 'the server is away: free when the time is over' eventually 25 reaches "$other"
check 'the server is back' start_server
check 'and hears that the time was over' eventually 40 is expired
stop "$listener"
echo "$failures failures"
[ $failures = 0 ]
