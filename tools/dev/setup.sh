# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Installs what is missing, saying what and why. Quick when nothing is.

packages() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' tools/dev/packages.txt | awk '{print $1}'
}

missing_packages() {
	local have
	have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | awk '$1 == "installed" {print $2}')
	for package in $(packages); do
		# Any Node 18 or newer will do, wherever it came from.
		case $package in
		nodejs) command -v node >/dev/null 2>&1 && continue ;;
		npm) command -v npm >/dev/null 2>&1 && continue ;;
		esac
		grep -qx -- "$package" <<<"$have" || echo "$package"
	done
}

install_packages() {
	local missing
	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	say "Installing $(wc -w <<<"$missing") Debian packages (what for: tools/dev/packages.txt)"
	for package in $missing; do
		awk -v name="$package" '$1 == name {print "    " $0}' tools/dev/packages.txt
	done
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
	# The two exclude each other, and apt removes the other one only when told to.
	if grep -qx libhyperscan-dev <<<"$missing"; then
		for package in libvectorscan-dev libvectorscan5; do
			[ "$(dpkg-query -W -f='${db:Status-Status}' $package 2>/dev/null)" != installed ] || missing+=" $package-"
		done
	fi
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$BUILD/apt.log" 2>&1 || {
		tail -30 "$BUILD/apt.log" >&2
		die "apt-get install failed; the whole log is build/apt.log"
	}
}

install_node_modules() {
	[ -f package-lock.json ] || return 0
	if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.luytre-stamp ]; then
		say "Fetching npm packages by package-lock.json (chDB event store, console libraries, browser driver)"
		npm ci --no-audit --no-fund --loglevel=error >"$BUILD/npm.log" 2>&1 || {
			tail -30 "$BUILD/npm.log" >&2
			die "npm ci failed; the whole log is build/npm.log"
		}
		touch node_modules/.luytre-stamp
	fi
}

mkdir -p "$BUILD"
install_packages
install_node_modules
