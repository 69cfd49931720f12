#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Listeners into the spool, beside rsyslog and syslog-ng into a file. Never fails. LUYTRE_BENCH_LINES: default 2,000,000.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
lines=${LUYTRE_BENCH_LINES:-2000000}
ninja -C "$build" --quiet src/program/server/listen_bench
echo "load of the machine before: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) cores"
for way in "tcp 1" "tcp 8" "udp 1"; do
	work=$(mktemp -d /tmp/luytre-bench-listen.XXXXXX)
	read -r protocol connections <<<"$way"
	"$build/src/program/server/listen_bench" "$work" "$lines" "$protocol" "$connections"
	rm -rf "$work"
done
bash "$top/bench/events/others.sh" "$lines"
