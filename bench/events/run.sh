#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# From the socket to the event store: speed, CPU, memory, bytes on disk, searches. Never fails.
#   LUYTRE_BENCH_LINES   syslog lines over TCP (default 2,000,000)
#   LUYTRE_BENCH_ROWS    rows in the store when it is searched (default 10,000,000; the figures of docs/event-store.md: 100,000,000)
#   LUYTRE_BENCH_DISTINCT  of which are made, each with a text of its own; the others are the same days linked in again (default 2,000,000)
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
data=${LUYTRE_SHARED:-$top/../shared}/data/events
library=$(find "$top/node_modules/@chdb" -name libchdb.so 2>/dev/null | head -1)
[ -n "$library" ] || { echo "SKIPPED: libchdb.so is not installed (./dev setup)"; exit 0; }
work=$(mktemp -d /tmp/luytre-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
ninja -C "$build" --quiet src/program/eventdb/luytre-eventdb src/program/eventdb/events_bench
windows=
if [ -f "$data/windows.jsonl.zst" ]; then
	zstd -qdc "$data/windows.jsonl.zst" >"$work/windows.jsonl"
	windows=$work/windows.jsonl
fi
rules=()
if [ -f "$data/../sigma/rules/rules.tar.gz" ]; then
	tar xzf "$data/../sigma/rules/rules.tar.gz" -C "$work" sigma/rules sigma/rules-emerging-threats sigma/rules-threat-hunting
	find "$work/sigma" -name "*.yml" >"$work/rules.list"
	rules=("$work/rules.list")
fi
echo "load of the machine before: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) cores"
"$build/src/program/eventdb/events_bench" "$work" "$build/src/program/eventdb/luytre-eventdb" "$library" "$windows" \
	"${LUYTRE_BENCH_LINES:-2000000}" "${LUYTRE_BENCH_ROWS:-10000000}" "${LUYTRE_BENCH_DISTINCT:-2000000}" ${rules[@]+"${rules[@]}"}
bash "$top/bench/events/others.sh" "${LUYTRE_BENCH_LINES:-2000000}"
