#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# What ./dev package makes, looked at from outside: contents, lintian, units, manual pages, completion. Installing,
# upgrading and removing them in a Debian root is soak.sh, in ./dev check.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
work=$(mktemp -d /tmp/luytre-packages-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
failures=0
check() {
	local what=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		printf 'ok    %s\n' "$what"
	else
		printf 'FAIL  %s\n' "$what"
		sed 's/^/      /' "$work/said" | head -20
		failures=$((failures + 1))
	fi
}

check 'docs/settings.md is what the rows say' /usr/bin/python3 tools/gen_reference.py --check
export LUYTRE_BUILT=1 LUYTRE_PACKAGE_VERSION=0.0.9
rm -f build/packages/luytre*_0.0.9_*.deb
check 'the packages are made' ./dev package --no-chdb --no-windows
[ $failures = 0 ] || exit 1

# --- contents: every file a package must have, and none that two have
for deb in build/packages/luytre*_0.0.9_*.deb; do
	name=$(basename "$deb" | cut -d_ -f1)
	dpkg-deb -c "$deb" | awk '$1 !~ /^d/ {sub("^\\./", "/", $6); print $6}' | sort >"$work/$name.list"
	dpkg-deb -x "$deb" "$work/root"
done
has() { grep -qx -- "$2" "$work/$1.list"; }
while read -r package file; do
	check "$package has $file" has "$package" "$file"
done <<-'EOT'
	luytre /usr/bin/luytre
	luytre /usr/share/man/man1/luytre.1.gz
	luytre /usr/share/man/vi/man1/luytre.1.gz
	luytre /usr/share/bash-completion/completions/luytre
	luytre /usr/share/luytre/packs/sigma/mapping.yaml
	luytre-server /usr/bin/luytre-server
	luytre-server /usr/lib/luytre/luytre-eventdb
	luytre-server /etc/luytre/server.conf
	luytre-server /lib/systemd/system/luytre-server.service
	luytre-server /lib/systemd/system/luytre-backup.service
	luytre-server /lib/systemd/system/luytre-backup.timer
	luytre-server /usr/lib/sysusers.d/luytre-server.conf
	luytre-server /usr/share/luytre/web/index.html
	luytre-server /usr/share/luytre/web/vendor/preact.mjs
	luytre-server /usr/share/luytre/messages/vi.json
	luytre-server /usr/share/luytre/packs/vn/roles.yaml
	luytre-server /usr/share/man/man8/luytre-server.8.gz
	luytre-server /usr/share/man/vi/man5/luytre-server.conf.5.gz
	luytre-agent /usr/bin/luytre-agent
	luytre-agent /lib/systemd/system/luytre-agent.service
	luytre-agent /lib/systemd/system/luytre-agent.path
	luytre-agent /lib/systemd/system/luytre-agent-isolation.service
	luytre-agent /usr/share/man/vi/man8/luytre-agent.8.gz
	luytre-scand /usr/lib/luytre/luytre-scand
EOT
no_file_twice() { [ -z "$(sort "$work"/*.list | uniq -d | grep -v '^/usr/share/doc/')" ]; }
check 'no file is in two packages' no_file_twice
all_of() { # what git has below a folder lies below /usr/share/luytre
	local missing=
	for file in $(git ls-files "$1" | grep -v -e gitignore -e vendor.mjs -e _messages.yaml); do
		[ -f "$work/root/usr/share/luytre/$file" ] || missing="$missing $file"
	done
	[ -z "$missing" ] || { echo "missing:$missing"; return 1; }
}
check 'all packs are there' all_of packs
check 'all of the console is there' all_of web
check 'server.conf may be read by root only' [ "$(dpkg-deb -c build/packages/luytre-server_0.0.9_*.deb | awk '/server.conf$/ && /etc/ {print $1}')" = -rw-r----- ]
check 'server.conf is a conffile' sh -c "dpkg-deb --ctrl-tarfile build/packages/luytre-server_0.0.9_*.deb | tar -xO ./conffiles | grep -qx /etc/luytre/server.conf"
sed '/^\(key_\)\?user = /d' "$work/root/etc/luytre/server.conf" >"$work/server.conf"
conf_is_good() { "$work/root/usr/bin/luytre-server" --config "$1" --help && ! "$work/root/usr/bin/luytre-server" --config "$1" --check-config 2>&1 | grep -F "$1:"; }
check 'the settings it brings are understood' conf_is_good "$work/server.conf"
sed -i 's/^#\([a-z_]* = .\)/\1/' "$work/server.conf"
check 'also with every comment taken away' conf_is_good "$work/server.conf"
check 'luytre-scand has no business with OpenSSL' sh -c "! dpkg-deb -f build/packages/luytre-scand_0.0.9_*.deb Depends | grep -q libssl"

# --- lintian: nothing but the address of maintainers, which a distributor puts in
lintian_is_content() {
	lintian --allow-root --fail-on error,warning --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog build/packages/luytre*_0.0.9_*.deb
}
check 'lintian' lintian_is_content

# --- units
units_verify() {
	mkdir -p "$work/units"
	for unit in "$work"/root/lib/systemd/system/luytre-*; do
		# The programs are not installed here.
		sed "s|=/usr/bin/luytre|=$work/root/usr/bin/luytre|" "$unit" >"$work/units/$(basename "$unit")"
	done
	systemd-analyze verify --man=no "$work"/units/luytre-server.service "$work"/units/luytre-agent.service "$work"/units/luytre-agent.path "$work"/units/luytre-agent-isolation.service "$work"/units/luytre-backup.service "$work"/units/luytre-backup.timer 2>&1 | grep "luytre" >"$work/complaints"
	cat "$work/complaints"
	[ ! -s "$work/complaints" ]
}
exposure() { systemd-analyze security --offline=true --no-pager "$work/units/$1" 2>/dev/null | sed -n 's/.*exposure level for.*: \([0-9.]*\).*/\1/p'; }
at_most() { awk -v is="$(exposure "$1")" -v limit="$2" 'BEGIN {print is; exit !(is != "" && is + 0 <= limit)}'; }
if command -v systemd-analyze >/dev/null; then
	check 'systemd understands the units' units_verify
	check 'the server is exposed at most 3.5 of 10' at_most luytre-server.service 3.5
	check 'the agent, which must reach every file, at most 7' at_most luytre-agent.service 7
fi

# --- manual pages and completion
pages_are_well_formed() {
	local bad=0
	for page in "$work"/root/usr/share/man/*/*.gz "$work"/root/usr/share/man/vi/*/*.gz; do
		[ -z "$(LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)" ] || { echo "$page"; bad=1; }
		zcat "$page" | grep -q '@' && zcat "$page" | grep -qE '@(SETTINGS|VERBS)@' && { echo "$page: a place was not filled"; bad=1; }
	done
	return $bad
}
command -v man >/dev/null && check 'manual pages are well formed' pages_are_well_formed
in_manual() { zcat "$work/root/usr/share/man/man5/luytre-server.conf.5.gz" | grep -qF "$(sed 's/_/\\_/g' <<<"$1")" || zcat "$work/root/usr/share/man/man5/luytre-server.conf.5.gz" | grep -qF "$1"; }
for name in $(sed -n 's/^SETTING(\([a-z_]*\),.*/\1/p' src/program/server/server_settings.def); do
	in_manual "$name" || check "the manual tells of $name" false
done
completes() { # WORDS… EXPECTED: the last but one word completes to it
	bash -c 'source "$1"; COMP_WORDS=("${@:3:$#-3}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "$2"; printf "%s\n" "${COMPREPLY[@]}" | grep -qx -- "${@: -1}"' - "$@"
}
completions=$work/root/usr/share/bash-completion/completions
check 'bash completes a verb' completes "$completions/luytre" _luytre luytre quar quarantine
check 'bash completes an option of a verb' completes "$completions/luytre" _luytre luytre scan --inf --infected
check 'bash completes --check-config' completes "$completions/luytre-server" _luytre_server luytre-server --ch --check-config
check 'bash completes enrol' completes "$completions/luytre-agent" _luytre_agent luytre-agent en enrol

# --- the same commit, the same bytes
sha256sum build/packages/luytre*_0.0.9_*.deb >"$work/sums"
check 'made again' ./dev package --no-chdb --no-windows
check 'the bytes are the same' sha256sum --quiet -c "$work/sums"
rm -f build/packages/luytre*_0.0.9_*.deb
echo "$failures failures"
[ $failures = 0 ]
