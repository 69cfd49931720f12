#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# bench/shift/run.sh: eight hours of a city of 20,000 machines in 130 units with one attack in them: how many lines the queue has, and where the
# attack stands. First as an archive of rules is imported, then with every rule on; after 30 days, and as imported on the first day too. What is assumed: plan.py.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
data=${LUYTRE_SHARED:-$top/../shared}/data
if [ ! -f "$data/sigma/rules/rules.tar.gz" ]; then
	echo "SKIPPED: no rules and events in $data"
	exit 0
fi
# In memory where it can be: how fast the disk commits is not asked here.
out=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" luytre-shift.XXXXXX)
trap 'rm -rf "$out"' EXIT
rooms=()
for lib in "$build"/lib{base,platform,engine,service}_*.a; do rooms+=("$lib"); done
ninja -C "$build" --quiet $(for lib in "${rooms[@]}"; do basename "$lib"; done)
${CC:-cc} -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$out/shift" "$top/bench/shift/shift.c" -Wl,--start-group "${rooms[@]}" -Wl,--end-group \
	-lcurl -lssl -lcrypto -lsodium -lmicrohttpd -lgnutls -lutf8proc -lsqlite3 -lpq -lfyaml -lzstd -lz -loath -lfido2 -lqrencode -lhs -lpcre2-8 -larchive -lcmocka -lpthread -lm
tar xzf "$data/sigma/rules/rules.tar.gz" -C "$out" sigma/rules sigma/rules-emerging-threats sigma/rules-threat-hunting
for rules in ${LUYTRE_SHIFT_ONLY:-default all}; do
	LUYTRE_SHIFT_RULES=$rules /usr/bin/python3 "$top/bench/shift/plan.py" "$data" "$out/sigma" "$out"
	for before in ${LUYTRE_SHIFT_BEFORE:-history new}; do
		# 69,000 alerts that are all in the queue take a quarter of an hour and show nothing new.
		[ "$rules-$before" != all-new ] || [ -n "${LUYTRE_SHIFT_ONLY:-}" ] || continue
		echo "-- rules: $rules; before: $([ $before = history ] && echo "30 days" || echo nothing)"
		rm -f "$out"/*.db*
		LUYTRE_SOURCE=$top "$out/shift" "$out" "$before"
	done
done
