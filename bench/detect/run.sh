#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# All SigmaHQ rules (and 900,000 indicators) over the windows corpus and over syslog lines as the detect stage runs them.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
data=${LUYTRE_SHARED:-$top/../shared}/data
work=$(mktemp -d /tmp/luytre-detect-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
if [ ! -f "$data/sigma/rules/rules.tar.gz" ]; then
	echo "SKIPPED: no rules and events in $data"
	exit 0
fi
libs=()
for room in engine_detect engine_detect_set engine_indicator engine_sigma engine_event_record engine_event platform_pack platform_crypto base_log \
	base_json base_file base_text base_uuid base_clock base_str; do libs+=("$build/lib$room.a"); done
ninja -C "$build" --quiet "${libs[@]##*/}"
cc -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$work/bench" "$top/bench/detect/bench.c" -Wl,--start-group "${libs[@]}" -Wl,--end-group \
	-lhs -lpcre2-8 -lfyaml -lutf8proc -lcrypto -lsodium -lpthread || exit 0
tar xzf "$data/sigma/rules/rules.tar.gz" -C "$work" sigma/rules sigma/rules-emerging-threats sigma/rules-threat-hunting
zstd -qdc "$data/events/windows.jsonl.zst" 2>/dev/null | head -n "${LUYTRE_BENCH_EVENTS:-259063}" >"$work/windows.jsonl"
find "$work/sigma" -name '*.yml' | LC_ALL=C sort | "$work/bench" "$work" "$work/windows.jsonl"
