#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# bench/event_parse/run.sh [NDJSON files]: parsing and dictionary, in events/s on one core. Without files: real Windows events of
# $LUYTRE_SHARED when they are there.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
data=${LUYTRE_SHARED:-$top/../shared}/data/events
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
libs=()
for room in engine_event_record engine_event platform_pack base_json base_file base_text base_uuid base_clock base_str; do libs+=("$build/lib$room.a"); done
ninja -C "$build" --quiet "${libs[@]##*/}"
${CC:-cc} -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$out/bench" "$top/bench/event_parse/bench.c" -Wl,--start-group "${libs[@]}" -Wl,--end-group -lutf8proc -lfyaml -lpthread
if [ $# = 0 ] && [ -f "$data/windows.jsonl.zst" ]; then
	for name in windows winlogbeat6 evtx zeek; do
		# The first lines of a file are enough for a figure.
		zstd -dcq "$data/$name.jsonl.zst" 2>/dev/null | head -n 40000 >"$out/$name" || true
		set -- "$@" "$out/$name"
	done
fi
"$out/bench" "$@"
