#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# patterns.sh [SEED] [SETS]: strings of signatures against libyara, offset by offset and length by length.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
work=$(mktemp -d /tmp/luytre-patterns.XXXXXX)
trap 'rm -rf "$work"' EXIT
libs=()
for room in engine_signature platform_crypto base_file base_text base_uuid base_clock base_str; do libs+=("$build/lib$room.a"); done
[ -f "${libs[0]}" ] || { echo "${libs[0]} is not built: run ./dev build" >&2; exit 1; }
sanitize=()
grep -q "b_sanitize.*address" "$build/meson-info/intro-buildoptions.json" && nm "$build/libbase_str.a" 2>/dev/null | grep -q __asan_init && sanitize=(-fsanitize=address,undefined)
cc -std=gnu17 -O2 -g -D_GNU_SOURCE "${sanitize[@]}" -I"$top/src" -o "$work/patterns_diff" "$top/tests/signature/patterns_diff.c" \
	-Wl,--start-group "${libs[@]}" -Wl,--end-group -lyara -lcrypto -lutf8proc -lm -lpthread
"$work/patterns_diff" "$@"
