#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# bench/event_flatten/run.sh [NDJSON file]: speed of the flattening scanner.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
libs=()
for room in engine_event base_json base_file base_text base_uuid base_clock base_str; do libs+=("$build/lib$room.a"); done
ninja -C "$build" --quiet "${libs[@]##*/}"
${CC:-cc} -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$out/bench" "$top/bench/event_flatten/bench.c" "${libs[@]}" -lutf8proc
"$out/bench" "$@"
