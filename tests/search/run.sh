#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Searches over a real luytre-eventdb: what is found, that nothing of another unit comes out by any route, that the live
# tail leaves nothing out. Then the page in a browser on a server of its own (LUYTRE_PAGE= leaves it out; LUYTRE_PAGE=. also measures a table of 20,000 rows).
# LUYTRE_BUILD: a build without sanitizers (ASan and libchdb do not live in one process).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
build=${LUYTRE_BUILD:-$top/build/release}
page=${LUYTRE_PAGE-typed|shown at its place|facets|live|becomes a rule|evidence|saved|SQL|English}
export LUYTRE_EVENTDB=${LUYTRE_EVENTDB:-$build/src/program/eventdb/luytre-eventdb}
export LUYTRE_CHDB=${LUYTRE_CHDB:-$top/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so}
export LUYTRE_SOURCE=$top
if [ ! -f "$LUYTRE_CHDB" ]; then
	echo "libchdb.so is not installed: run ./dev setup" >&2
	exit 1
fi
LUYTRE_TEST_DIR=$(mktemp -d /tmp/luytre-search-test.XXXXXX)
export LUYTRE_TEST_DIR
server=
clean_up() {
	trap - EXIT
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
	rm -rf "$LUYTRE_TEST_DIR"
}
trap clean_up EXIT
"$build/src/program/eventdb/search_live_test"
[ -n "$page" ] || exit 0

work=$LUYTRE_TEST_DIR
LUYTRE_CONSOLE_PORT=$(free_port)
LUYTRE_EVENTS_PORT=$(free_port)
LUYTRE_AGENT_PORT=$(free_port)
export LUYTRE_CONSOLE_PORT LUYTRE_EVENTS_PORT LUYTRE_AGENT_PORT LUYTRE_BUILT=1 LUYTRE_RUN=$work/run
chmod 755 "$work"
"$top/dev" run >"$work/run.log" 2>&1 &
server=$!
until grep -q "is running" "$work/run.log"; do
	kill -0 "$server" 2>/dev/null || { cat "$work/run.log" >&2; exit 1; }
	sleep 0.2
done
LUYTRE_PASSWORD=$(cat "$work/run/password")
export LUYTRE_PASSWORD LUYTRE_URL=https://127.0.0.1:$LUYTRE_CONSOLE_PORT
python3 "$top/tests/search/seed.py" "$LUYTRE_URL" "https://127.0.0.1:$LUYTRE_EVENTS_PORT" "$LUYTRE_PASSWORD" 800

mkdir "$work/home"
as_user() { "$@"; }
if [ "$(id -u)" = 0 ]; then
	chown nobody "$work/home"
	as_user() { runuser -u nobody -- "$@"; }
fi
in_home() { as_user env HOME="$work/home" TMPDIR="$work/home" XDG_CONFIG_HOME="$work/home" XDG_CACHE_HOME="$work/home" "$@"; }
if ! in_home timeout 60 /usr/bin/chromium --headless --disable-gpu --dump-dom about:blank >"$work/sandbox.log" 2>&1; then
	echo "Chromium has no sandbox here, it runs without: $(tail -1 "$work/sandbox.log")"
	export LUYTRE_NO_SANDBOX=1
fi
in_home node --test --test-name-pattern="$page" "$top/tests/search/page.mjs"
