# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# What the commands of ./dev share.

BUILD=$LUYTRE_TOP/build

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() {
	printf './dev: %s\n' "$*" >&2
	exit 1
}

usage() {
	cat <<-'EOT'
	./dev COMMAND
	  run            build and start everything with the sample city at https://127.0.0.1:8443, an agent of this machine enrolled
	  test           everything that must pass before a change lands (build, sanitizers, both databases, Windows build, end to end)
	  check [STAGE…]  test, and what takes longer: clang-tidy, ThreadSanitizer, fuzzing, faults, fresh Debian roots
	  build          the programs, into build/bin/
	  package        .deb files and the Windows installer, into build/packages/
	  bench [NAME]   benchmarks; each prints a ratio, none fails
	  fuzz [NAME] [SECONDS]   libFuzzer targets, 60 s each unless told
	  soak [ROUNDS] [FAULT…]  kills, full disks, wrong clocks under load: counts what is lost or doubled (nothing may be)
	  format         clang-format over the C sources
	  new service NAME   a new capability from the template: folder, build line, service table line
	  setup          installs what building and testing need (called by the others)
	EOT
}

# Runs as root where the step needs it.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "this needs root, and there is no sudo: $*"
	fi
}

jobs_count() { nproc; }

# meson_build DIR [meson options…]: configures once, then builds.
meson_build() {
	local dir=$1
	shift
	if [ ! -f "$dir/build.ninja" ]; then
		rm -rf "$dir"
		meson setup "$dir" "$@" >"$dir.setup.log" 2>&1 || {
			cat "$dir.setup.log" >&2
			die "configuring $dir failed"
		}
	fi
	ninja -C "$dir" --quiet
}

compiler() { if command -v ccache >/dev/null 2>&1; then echo "ccache $1"; else echo "$1"; fi; }
