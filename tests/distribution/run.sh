#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Signatures reach a site: two agents in network name spaces of their own, one line from their site to the server, counted. Needs root
# and ip (iproute2); says so where they are missing. LUYTRE_ROUNDS: how often the agent is killed during updates (3).
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
rounds=${LUYTRE_ROUNDS:-3}
id=$$
S=ltS$id W=ltW$id A=ltA$id B=ltB$id

skip() {
	echo "SKIPPED  distribution in network name spaces: $1"
	exit 0
}
[ "$(id -u)" = 0 ] || skip 'needs root'
command -v ip >/dev/null || skip 'ip (package iproute2) is not installed'
ip netns add "$S" 2>/dev/null || skip 'network name spaces cannot be made here'

work=$(mktemp -d /tmp/luytre-distribution-test.XXXXXX)
chmod 755 "$work"
declare -A agent=([a]= [b]=)
stop() {
	[ -z "$1" ] && return 0
	kill "${2:--TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}
clean_up() {
	trap - EXIT
	stop "${agent[a]}"
	stop "${agent[b]}"
	stop "$server"
	[ $failures = 0 ] || tail -n 40 "$work"/*.log
	local n
	for n in "$A" "$B" "$W" "$S"; do ip netns del "$n" 2>/dev/null; done
	rm -rf "$work"
}
trap clean_up EXIT
not() { ! "$@"; }

# --- a site: two machines on a switch, whose router has the line to the server
for n in "$W" "$A" "$B"; do ip netns add "$n" || exit 1; done
for n in "$S" "$W" "$A" "$B"; do ip -n "$n" link set lo up; done
ip -n "$W" link add br0 type bridge
ip -n "$W" addr add 10.99.0.254/24 dev br0
ip -n "$W" link set br0 up
ip netns exec "$W" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip link add line netns "$W" type veth peer name eth0 netns "$S"
ip -n "$W" addr add 10.98.0.2/24 dev line
ip -n "$W" link set line up
ip -n "$S" addr add 10.98.0.1/24 dev eth0
ip -n "$S" link set eth0 up
ip -n "$S" route add 10.99.0.0/24 via 10.98.0.2
cable() {
	ip link add "p$1$id" netns "$W" type veth peer name eth0 netns "$2"
	ip -n "$W" link set "p$1$id" master br0 up
	ip -n "$2" addr add "10.99.0.$3/24" brd + dev eth0
	ip -n "$2" link set eth0 up
	ip -n "$2" route add default via 10.99.0.254
}
cable a "$A" 2
cable b "$B" 3
line_bytes() { ip netns exec "$W" cat /sys/class/net/line/statistics/rx_bytes; }

# --- the server; check-ins every five seconds, one folder watched
mkdir "$work/packs"
cp -r "$top/packs/." "$work/packs"
sed -i -e 's/^checkin_interval:.*/checkin_interval: 5s/' -e 's|^  linux: \[/home.*|  linux: [/srv]|' "$work/packs/vn/endpoint_states.yaml"
cat >"$work/server.conf" <<EOT
data_dir = $work/data
listen_address = 0.0.0.0
public_names = 10.98.0.1
packs_dir = $work/packs
web_dir = $top/web
messages_dir = ${LUYTRE_MESSAGES:-$top/build/messages}
sample_dir = $top/packs/vn/sample/cantho
sample_password = mot-mat-khau-mau-1
eventdb = none
user = nobody
EOT
url=https://10.98.0.1:8443
in_server() { ip netns exec "$S" "$@"; }
answers() { in_server curl -ksS --fail -m 5 -o /dev/null "$url/healthz"; }
ip netns exec "$S" "$bin/luytre-server" --config "$work/server.conf" 2>>"$work/server.log" &
server=$!
ask() { in_server curl -sS --fail-with-body -m 20 -k -b "$work/jar" -c "$work/jar" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }
check 'the server starts' eventually 60 answers
ask -o /dev/null -d '{"login":"quantri","password":"mot-mat-khau-mau-1"}' "$url/api/v1/login"
unit=$(ask "$url/api/v1/units?limit=1" | json 'd["items"][0]["id"]')

start_agent() {
	local n=$A
	[ "$1" = b ] && n=$B
	ip netns exec "$n" unshare -m sh -c "mount --bind $work/srv-$1 /srv && exec \"\$@\"" sh "$bin/luytre-agent" run --state "$work/$1" --inotify 2>>"$work/agent-$1.log" &
	agent[$1]=$!
}
enrol() {
	local n=$A token
	[ "$1" = b ] && n=$B
	token=$(ask -d "{\"unit_id\":\"$unit\"}" "$url/api/v1/enrolment-tokens" | json 'd["token"]')
	mkdir "$work/srv-$1"
	ip netns exec "$n" unshare -u sh -c "hostname may-$1 && exec \"\$@\"" sh "$bin/luytre-agent" enrol --server https://10.98.0.1:8445 --events https://10.98.0.1:8444 \
		--token "$token" --state "$work/$1" >/dev/null
}
status() { "$bin/luytre-agent" status --state "$work/$1"; }
has() { [ "$(status "$1" | json 'd["bundle_version"]')" = "$2" ]; }
both_have() { has a "$1" && has b "$1"; }
total() { echo $(($(status a | json "d['update']['$1']") + $(status b | json "d['update']['$1']"))); }
newest() { ask "$url/api/v1/bundles" | json 'd["items"][0]["version"]'; }
# hashes SEED COUNT: lines of a list that does not pack well; the sample's among them.
hashes() {
	/usr/bin/python3 - "$@" <<'EOT'
import hashlib, json, sys
seed, count, note = sys.argv[1], int(sys.argv[2]), sys.argv[3]
lines = ['sha256,threat'] + [f'{hashlib.sha256(f"{seed} {i}".encode()).hexdigest()},Test.Family_{i % 90}' for i in range(count)]
lines.append(f'{hashlib.sha256(("mau " + seed).encode()).hexdigest()},Test.Mau_{seed}')
print(json.dumps({'note': note, 'hashes_csv': '\n'.join(lines) + '\n'}))
EOT
}
release() {
	local before
	before=$(newest)
	hashes "$1" "$2" "$1" >"$work/release.json"
	ask -o /dev/null -d "@$work/release.json" "$url/api/v1/bundles" || return 1
	eventually 60 newer_than "$before"
}
newer_than() { [ "$(newest)" -gt "$1" ]; }

check 'the first machine is enrolled' enrol a
check 'the second machine is enrolled' enrol b
start_agent a
start_agent b
check 'both have the first signatures' eventually 60 both_have 1
neighbours() { [ "$(status a | json 'd["update"]["peers"]')" = 1 ] && [ "$(status b | json 'd["update"]["peers"]')" = 1 ]; }
check 'they have found each other' eventually 60 neighbours

# --- a large list: over the line once
before=$(line_bytes) centre=$(total centre_bytes)
check 'a list of 20,000 hashes is released' release mot 20000
check 'both have it' eventually 90 both_have 2
moved=$(($(line_bytes) - before)) once=$(($(total centre_bytes) - centre)) site=$(total site_bytes)
echo "      over the line: $moved bytes; asked of the server: $once; from neighbours: $site"
check 'only one of them asked the server' [ "$(status a | json 'd["update"]["centre_bytes"]')" -lt $((once / 4)) -o "$(status b | json 'd["update"]["centre_bytes"]')" -lt $((once / 4)) ]
check 'the other got the same from its neighbour' [ "$site" -gt $((once / 2)) ]
check 'the line carried it once' [ "$moved" -lt $((once * 3 / 2)) ]
printf 'mau mot' >"$work/srv-a/mau.bin"
printf 'mau mot' >"$work/srv-b/mau.bin"
found() { [ "$(ask "$url/api/v1/detections?q=Test.Mau_mot" | json 'd["total"]')" = 2 ]; }
check 'both find the new sample, and the server hears it' eventually 60 found

# --- some more hashes: what changed, not everything
core=$work/data/core
install -d -o nobody "$core/clean"
printf 'mau hai' >"$core/clean/letter.txt"
before=$(line_bytes)
check 'a few more hashes are released' release hai 200
held() { ask "$url/api/v1/bundles" | json 'd["items"][0]["held"][0]["path"]' | grep -q 'clean/letter.txt$'; }
check 'the one that hits a clean file is held back and named' held
check 'both have them' eventually 90 both_have 3
moved=$(($(line_bytes) - before))
echo "      over the line: $moved bytes"
check 'only what changed crossed the line' [ "$moved" -lt 150000 ]

# --- what must be refused, each for its reason
"$bin/luytre" signatures export --state "$work/a" --out "$work/good" >/dev/null
mkdir "$work/forged"
key=$(grep -l 'PRIVATE KEY' "$work"/data/key/*bundle* | head -1)
for old in "$core"/bundles/*.ltbundle; do grep -qa '"version":1,' "$old" && break; done
must /usr/bin/python3 "$here/forge.py" "$key" "$work/good" "$old" "$work/forged"
import() { "$bin/luytre" signatures import --state "$work/a" "$1"; }
refused() {
	local reason=${1##*/}
	reason=${reason#mixed-}
	ip netns exec "$A" curl -sS --unix-socket "$work/a/control.sock" -H 'Content-Type: application/json' -d "{\"path\":\"$1\"}" http://localhost/bundles |
		grep -q "\"key\":\"$reason\""
}
for forged in "$work"/forged/*; do check "refused: ${forged##*/}" refused "$forged"; done
check 'and the machine keeps what it had' has a 3
check 'a good one from a stick is taken' import "$work/good"

# --- a server (or a cache before it) that gives something else
problem() { [ "$(status "$1" | json 'd["update"]["problem"]')" = "$2" ]; }
both_refuse() { problem a "$1" && problem b "$1"; }
stop "${agent[a]}"
stop "${agent[b]}"
check 'another release, while the machines are off' release ba 300
cp -a "$core/bundles/chunks" "$work/chunks"
find "$core/bundles/chunks" -type f -mmin -1 -exec sh -c 'for f; do printf x | dd of="$f" bs=1 seek=20 conv=notrunc status=none; done' sh {} +
start_agent a
start_agent b
refuse_chunks() { status "$1" | json 'd["update"]["problem"]' | grep -q '^distribution.chunk_'; }
check 'spoilt chunks are refused by the first' eventually 60 refuse_chunks a
check 'and by the second' eventually 60 refuse_chunks b
check 'both keep what they had' both_have 3
stop "${agent[a]}"
stop "${agent[b]}"
rm -rf "$core/bundles/chunks" && mv "$work/chunks" "$core/bundles/chunks"
heads=$(ls -t "$core"/bundles/*.head)
new_head=$(echo "$heads" | head -1) old_head=$(echo "$heads" | head -2 | tail -1)
cp "$new_head" "$work/head"
head -c 300 "$work/head" >"$new_head"
start_agent a
check 'a truncated head is refused' eventually 60 problem a malware.bundle_truncated
stop "${agent[a]}"
cat "$old_head" >"$new_head"
start_agent a
check 'the head of another version is refused' eventually 60 problem a malware.bundle_mixed
stop "${agent[a]}"
cat "$work/head" >"$new_head"
start_agent a
start_agent b
check 'mended, both have it' eventually 90 both_have 4

# --- kill -9 in the middle, again and again
whole() { # what the next start loads is a whole bundle, old or new
	local have
	have=$(status a | json 'd["bundle_version"]')
	[ "$have" -ge "$((version - 1))" ] && [ "$(status a | json 'd["scanner"]')" = ready ]
}
for round in $(seq "$rounds"); do
	stop "${agent[a]}"
	release "vong $round" 3000 || say_fail "release of round $round"
	version=$(newest)
	start_agent a
	eventually 30 test -S "$work/a/control.sock"
	# Anywhere between its start and the end of the update.
	sleep "0.$((RANDOM % 900 + 100))"
	stop "${agent[a]}" -KILL
	start_agent a
	eventually 60 whole || say_fail "round $round: no protection after kill -9"
	eventually 90 has a "$version" || say_fail "round $round: the update does not come to its end"
done
say_ok "killed $rounds times during updates: never without signatures, each update came to its end"

# --- a second release key, which lives elsewhere
"$bin/luytre" signatures key --out "$work/offline.pem" --public "$work/offline.pub"
printf 'sha256,threat\n%064d,Test.Elsewhere\n' 7 >"$work/elsewhere.csv"
next=$(($(newest) + 1))
must "$bin/luytre" signatures build --key "$work/offline.pem" --version "$next" --hashes "$work/elsewhere.csv" --out "$work/malware.bundle_signature" >/dev/null
check 'a bundle of an unknown key is refused' refused "$work/malware.bundle_signature"
check 'the key in use signs a list with both' "$bin/luytre" signatures keys --version 1 --key "$key" --trust "$key" --trust "$work/offline.pub" --out "$work/keys"
install -o nobody -m 644 "$work/keys" "$core/bundles/keys-1"
check 'the machine takes the list' eventually 90 test -f "$work/a/bundles/keys-1"
check 'and then the bundle that was signed elsewhere' import "$work/malware.bundle_signature"
echo "$failures failures"
[ $failures = 0 ]
