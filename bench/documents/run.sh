#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# bench/documents/run.sh [ROUNDS]: the annual report with its 31 rows as PDF (wanted: below 300 ms), DOCX, HTML.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
libs=()
for room in "$build"/libengine_document.a "$build"/libbase_*.a; do libs+=("$room"); done
# shellcheck disable=SC2046
${CC:-cc} -std=gnu17 -O2 -D_GNU_SOURCE -I"$top/src" -o "$out/bench" "$top/bench/documents/bench.c" -Wl,--start-group "${libs[@]}" -Wl,--end-group \
	$(pkg-config --libs pangocairo libcmark-gfm libzip) -lcmark-gfm-extensions -lutf8proc -lm -pthread
"$out/bench" "$top/packs/vn/documents/annual_report.md" "$top/tests/documents/annual_report.json" "${1:-20}"
