#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The packages' whole life in a Debian 12 root made by debootstrap: installed, started as the units would, set up, an agent
# enrolled, EICAR found, upgraded while all of it runs, removed, purged. Part of ./dev check; needs root, the Debian mirror, and 1 GB.
# The ports are the usual ones: nothing else may listen on 8443 to 8445.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
base=$top/build/package-room-base
room=$top/build/package-room
jar=$(mktemp /tmp/luytre-packages-jar.XXXXXX)
log=$top/build/package-room.log
failures=0
mirror=$(awk '/^URIs:/ {print $2; exit} /^deb / {print $2; exit}' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1)

check() {
	local what=$1
	shift
	if "$@" >>"$log" 2>&1; then
		printf 'ok    %s\n' "$what"
	else
		printf 'FAIL  %s\n' "$what"
		failures=$((failures + 1))
	fi
}
eventually() {
	local end=$(($(date +%s) + $1))
	shift
	until "$@" 2>/dev/null; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.5
	done
}
# What runs inside the room; nothing else on this machine has that root.
in_room_pids() {
	local p
	for p in /proc/[0-9]*; do [ "$(readlink "$p/root" 2>/dev/null)" = "$room" ] && basename "$p"; done
	return 0
}
pids_of() { for p in $(in_room_pids); do [ "$(basename "$(tr '\0' '\n' <"/proc/$p/cmdline" | head -1)")" = "$1" ] && echo "$p"; done; }
stop() { # PROGRAM: as systemd would
	local first
	first=$(pids_of "$1" | sort -n | head -1)
	[ -z "$first" ] || kill "$first"
	eventually 60 not_running "$1" || true
}
not_running() { [ -z "$(pids_of "$1")" ]; }
leave() {
	trap - EXIT
	for p in $(in_room_pids); do kill "$p" 2>/dev/null; done
	sleep 2
	for p in $(in_room_pids); do kill -KILL "$p" 2>/dev/null; done
	for mount in dev/shm dev/pts dev proc sys ''; do mountpoint -q "$room/$mount" && umount -l "$room/$mount"; done
	rm -f "$jar"
}
trap leave EXIT

: >"$log"
if [ ! -f "$base/.complete" ]; then
	rm -rf "$base"
	debootstrap --variant=minbase bookworm "$base" "$mirror" >>"$log" 2>&1 || { tail "$log"; exit 1; }
	touch "$base/.complete"
fi
rm -rf "$room"
mkdir -p "$room"
cp -a "$base/." "$room/"
cp /etc/apt/sources.list.d/debian.sources "$room/etc/apt/sources.list.d/" 2>/dev/null && : >"$room/etc/apt/sources.list"
cp /etc/resolv.conf "$room/etc/resolv.conf"
# A mount of its own, so that the agent's watch ends at the room's walls.
mount --bind "$room" "$room"
for mount in proc sys dev dev/pts; do mount --bind "/$mount" "$room/$mount"; done
mount -t tmpfs -o mode=1777 tmpfs "$room/dev/shm"
run() { env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy=$http_proxy} chroot "$room" "$@"; }

build_all() {
	LUYTRE_BUILT=${LUYTRE_BUILT:-} LUYTRE_PACKAGE_VERSION=0.0.7 ./dev package --no-windows && LUYTRE_BUILT=1 LUYTRE_PACKAGE_VERSION=0.0.8 ./dev package --no-windows --no-chdb &&
		mkdir -p "$room/root/packages" && cp build/packages/luytre*_0.0.[78]_*.deb build/packages/luytre-chdb_*.deb "$room/root/packages/" && rm -f build/packages/luytre*_0.0.[78]_*.deb
}
check 'two versions are built' build_all
install_version() {
	run apt-get install -y --no-install-recommends /root/packages/luytre_"$1"_amd64.deb /root/packages/luytre-server_"$1"_amd64.deb \
		/root/packages/luytre-agent_"$1"_amd64.deb /root/packages/luytre-scand_"$1"_amd64.deb "${@:2}"
}
check 'apt knows the mirror' run apt-get update -q
chdb=$(cd "$room/root/packages" && echo luytre-chdb_*.deb)
check 'apt installs them' install_version 0.0.7 "/root/packages/$chdb"
[ $failures = 0 ] || { tail -30 "$log"; exit 1; }

# --- as the unit would: its capabilities, its umask
bounding() { sed -n 's/^CapabilityBoundingSet=//p' "$room/lib/systemd/system/$1.service" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g'; }
start() { # UNIT
	local command
	command=$(sed -n 's/^ExecStart=//p' "$room/lib/systemd/system/$1.service")
	(
		umask 0077
		# shellcheck disable=SC2086
		run setpriv --bounding-set "-all,$(bounding "$1")" --no-new-privs $command >>"$room.$1.log" 2>&1 &
	)
}
rm -f "$room".luytre-*.log
check 'systemd would start the server' run test -e /etc/systemd/system/multi-user.target.wants/luytre-server.service
check 'and the agent when it is enrolled' run test -e /etc/systemd/system/multi-user.target.wants/luytre-agent.path
check 'the users are there' run getent passwd luytre luytre-key
# One factor is enough for a script.
echo 'second_factor = 0' >>"$room/etc/luytre/server.conf"
check '--check-config is content' run luytre-server --check-config
url=https://127.0.0.1:8443
answers() { curl -ksS --fail -o /dev/null "$url/healthz"; }
start luytre-server
check 'the server comes up' eventually 60 answers
role_user() { for p in $(in_room_pids); do tr '\0' ' ' <"/proc/$p/cmdline" | grep -q -- "--role $1" && awk '/^Uid/ {print $2}' "/proc/$p/status"; done | sort -u; }
check 'the key process has a user of its own' [ "$(role_user key)" = "$(run id -u luytre-key)" ]
check 'the core has not' [ "$(role_user core)" = "$(run id -u luytre)" ]

api() { curl -ksS --fail-with-body -c "$jar" -b "$jar" -H "Origin: $url" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "${@:2}" "$url/api/v1$1"; }
field() { /usr/bin/python3 -c 'import json,sys
v=json.load(sys.stdin)
for k in sys.argv[1].split("."): v=v[int(k)] if k.isdigit() else v[k]
print(v)' "$1"; }
unit=$(api /setup -d "{\"code\":\"$(cat "$room/var/lib/luytre/core/setup-code")\",\"login\":\"admin\",\"display_name\":\"A\",\"password\":\"mật khẩu dài của tôi\",\"city_name\":\"Cần Thơ\"}" | field account.unit.id)
check 'the set-up makes an administrator' [ -n "$unit" ]
check 'the event store is ready' eventually 60 sh -c "curl -ksS -b '$jar' '$url/api/v1/status' | grep -q '\"state\":\"ready\"'"
command=$(api /enrolment-tokens -d "{\"unit_id\":\"$unit\"}" | field command)
# shellcheck disable=SC2086
check 'the command of the console enrols this machine' run $command
start luytre-agent
scanner_is_ready() { run luytre-agent status | grep -q '"scanner":"ready"'; }
check 'the scanner of the agent becomes ready' eventually 150 scanner_is_ready
eicar() { mkdir -p "$room/home/an" && printf '%s%s%*s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD' '-ANTIVIRUS-TEST-FILE!$H+H*' "$1" '' >"$room/home/an/eicar.txt"; }
gone() { cat "$room/home/an/eicar.txt" >/dev/null; [ ! -e "$room/home/an/eicar.txt" ]; }
found() { [ "$(api /detections | field total)" = "$1" ]; }
eicar 0
check 'EICAR is taken away' eventually 30 gone
check 'and seen on the server' eventually 30 found 1

# --- the nightly backup, as its unit runs it, while all of it runs
(umask 077 && echo 'một câu dài để khóa bản sao lưu' >"$room/etc/luytre/backup.passphrase")
backup_now() { (umask 0077 && run sh -c "$(sed -n 's/^ExecStartPre=//p' "$room/lib/systemd/system/luytre-backup.service")" && run setpriv --bounding-set "-all,$(bounding luytre-backup)" --no-new-privs $(sed -n 's/^ExecStart=//p' "$room/lib/systemd/system/luytre-backup.service")); }
check 'the backup is made' backup_now
backup_is_good() { run sh -c 'luytre backup verify --passphrase-file /etc/luytre/backup.passphrase /var/backups/luytre/*'; }
check 'and good' backup_is_good
rm -rf "$room/etc/luytre/backup.passphrase" "$room/var/backups/luytre"

# --- upgrade while all of it runs
identity=$(sha256sum <"$room/var/lib/luytre-agent/identity.json")
keys=$(cat "$room"/var/lib/luytre/key/* | sha256sum)
echo '# changed by hand' >>"$room/etc/luytre/server.conf"
check 'apt upgrades' install_version 0.0.8
stop luytre-agent
stop luytre-server
start luytre-server
check 'the server comes up again' eventually 60 answers
start luytre-agent
check 'the agent is still who it was' [ "$identity" = "$(sha256sum <"$room/var/lib/luytre-agent/identity.json")" ]
check 'the keys are the same' [ "$keys" = "$(cat "$room"/var/lib/luytre/key/* | sha256sum)" ]
check 'what was changed in server.conf is kept' grep -q 'changed by hand' "$room/etc/luytre/server.conf"
check 'records are kept' eventually 30 found 1
check 'the scanner is ready again' eventually 150 scanner_is_ready
eicar 3
check 'EICAR is taken away again' eventually 30 gone
check 'and seen' eventually 30 found 2
stop luytre-agent
stop luytre-server

# --- removed: data stays; purged: nothing stays but users and what Debian keeps
check 'apt removes them' run apt-get remove -y luytre luytre-server luytre-agent luytre-scand luytre-chdb
check 'no program is left' sh -c "! ls $room/usr/bin/luytre* $room/usr/lib/luytre 2>/dev/null"
check 'data stay' test -s "$room/var/lib/luytre/core/state.db" -a -s "$room/var/lib/luytre-agent/identity.json" -a -s "$room/etc/luytre/server.conf"
check 'apt purges them' run apt-get purge -y luytre luytre-server luytre-agent luytre-scand luytre-chdb
left() { find "$room" -xdev \( -path "$room/root/packages" -o -path "$room/proc" -o -path "$room/sys" -o -path "$room/dev" \) -prune -o -name '*luytre*' -print; }
check 'nothing is left' [ -z "$(left)" ]
left
[ $failures = 0 ] || { tail -n 15 "$log"; grep -hE '"(warn|error)"' "$room".luytre-*.log | tail -5; }
echo "$failures failures"
[ $failures = 0 ]
