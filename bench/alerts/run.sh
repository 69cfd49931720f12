#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# bench/alerts/run.sh [DATABASE URL]: a queue of 20,000 alerts in SQLite (or an empty PostgreSQL database): p50 and p99 of its routes.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
rooms=()
for lib in "$build"/lib{base,platform,engine,service}_*.a; do rooms+=("$lib"); done
ninja -C "$build" --quiet $(for lib in "${rooms[@]}"; do basename "$lib"; done)
${CC:-cc} -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$out/bench" "$top/bench/alerts/bench.c" -Wl,--start-group "${rooms[@]}" -Wl,--end-group \
	-lcurl -lssl -lcrypto -lsodium -lmicrohttpd -lgnutls -lutf8proc -lsqlite3 -lpq -lfyaml -lzstd -lz -loath -lfido2 -lqrencode -lhs -lpcre2-8 -larchive -lcmocka -lpthread -lm
cd "$out"
LUYTRE_SOURCE=$top ./bench "$@"
