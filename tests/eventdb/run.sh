#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre-eventdb with the real libchdb: the pipeline over it, then a client that others wrote.
# LUYTRE_BUILD: a build without sanitizers (ASan and libchdb do not live in one process). Default: build/release.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
export LUYTRE_EVENTDB=${LUYTRE_EVENTDB:-$build/src/program/eventdb/luytre-eventdb}
# The build folder need not lie below the checkout, where the program finds the library by itself.
export LUYTRE_CHDB=${LUYTRE_CHDB:-$top/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so}
if [ ! -f "$LUYTRE_CHDB" ]; then
	echo "libchdb.so is not installed: run ./dev setup" >&2
	exit 1
fi
"$build/src/program/eventdb/eventdb_live_test"
node --test "$top/tests/eventdb/client.test.mjs"
