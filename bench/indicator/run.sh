#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# bench/indicator/run.sh [ENTRIES]: build time, size and time a question of a set of indicators (10 million when not told).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
libs=()
for room in engine_indicator base_file base_text base_uuid base_clock base_str; do libs+=("$build/lib$room.a"); done
${CC:-cc} -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$out/bench" "$top/bench/indicator/bench.c" -Wl,--start-group "${libs[@]}" -Wl,--end-group -lutf8proc
"$out/bench" "$out" "${1:-10000000}"
