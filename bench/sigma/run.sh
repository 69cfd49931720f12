#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# All SigmaHQ rules over the windows corpus: events/s beside only parsing, beside twice the rules' half (cost of doubling the
# set), beside grep -F with the rules' strings, beside Zircolite when it is installed. Prints ratios, never fails.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
data=${LUYTRE_SHARED:-$top/../shared}/data
work=$(mktemp -d /tmp/luytre-sigma-bench.XXXXXX)
export TMPDIR=$work
trap 'rm -rf "$work"' EXIT
if [ ! -f "$data/sigma/rules/rules.tar.gz" ]; then
	echo "SKIPPED: no rules and events in $data"
	exit 0
fi
libs=()
for room in engine_sigma platform_pack platform_crypto base_log base_json base_file base_text base_uuid base_clock base_str; do libs+=("$build/lib$room.a"); done
ninja -C "$build" --quiet "${libs[@]##*/}"
cc -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$work/bench" "$top/bench/sigma/bench.c" -Wl,--start-group "${libs[@]}" -Wl,--end-group \
	-lhs -lpcre2-8 -lfyaml -lutf8proc -lcrypto -lsodium -lpthread || exit 0
tar xzf "$data/sigma/rules/rules.tar.gz" -C "$work" sigma/rules sigma/rules-emerging-threats sigma/rules-threat-hunting
zstd -qdc "$data/events/windows.jsonl.zst" >"$work/windows.jsonl"

"$work/bench" "$work/sigma" -- "$work/windows.jsonl"
mkdir "$work/half"
find "$work/sigma" -name '*.yml' | LC_ALL=C sort | awk 'NR % 2' | while read -r f; do cp "$f" "$work/half/"; done
echo "half of the rules:"
"$work/bench" "$work/half" -- "$work/windows.jsonl" | grep -E '^(rules|all rules, one)' | sed 's/^/  /'
grep -rhoE "^ +- '[^']{4,}'" "$work/sigma" | sed "s/^ *- '//; s/'\$//" | sort -u >"$work/strings"
head -c 50000000 "$work/windows.jsonl" >"$work/part.jsonl"
begun=$(date +%s%N)
LC_ALL=C grep -cF -f "$work/strings" "$work/part.jsonl" >/dev/null
took=$(($(date +%s%N) - begun))
echo "grep -F, $(wc -l <"$work/strings") strings      $(($(wc -l <"$work/part.jsonl") * 1000000000 / took)) events/s"
command -v zircolite >/dev/null 2>&1 && time zircolite --events "$work/windows.jsonl" --ruleset "$work/sigma" --jsonl >/dev/null || echo "Zircolite is not installed"
