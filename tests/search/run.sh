#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Searches over a real luytre-eventdb: what is found, that nothing of another unit comes out by any route, that the live
# tail leaves nothing out. LUYTRE_BUILD: a build without sanitizers (ASan and libchdb do not live in one process).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
export LUYTRE_EVENTDB=${LUYTRE_EVENTDB:-$build/src/program/eventdb/luytre-eventdb}
export LUYTRE_CHDB=${LUYTRE_CHDB:-$top/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so}
export LUYTRE_SOURCE=$top
if [ ! -f "$LUYTRE_CHDB" ]; then
	echo "libchdb.so is not installed: run ./dev setup" >&2
	exit 1
fi
LUYTRE_TEST_DIR=$(mktemp -d /tmp/luytre-search-test.XXXXXX)
export LUYTRE_TEST_DIR
trap 'rm -rf "$LUYTRE_TEST_DIR"' EXIT
"$build/src/program/eventdb/search_live_test"
