#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The console: texts and weight without a browser, then pages in Chromium against invented data. Chromium runs as an
# ordinary user in its own sandbox; where the kernel gives no sandbox (some containers), this says so and goes without.
# Against a running server: LUYTRE_URL=https://127.0.0.1:8443 and the names in e2e.mjs; then only that is run.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d /tmp/luytre-console-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
node "$top/web/vendor.mjs"

as_user() { "$@"; }
if [ "$(id -u)" = 0 ]; then
	chown nobody "$work"
	as_user() { runuser -u nobody -- "$@"; }
fi
in_home() { as_user env HOME="$work" TMPDIR="$work" XDG_CONFIG_HOME="$work" XDG_CACHE_HOME="$work" "$@"; }

if ! in_home timeout 60 /usr/bin/chromium --headless --disable-gpu --dump-dom about:blank >"$work/sandbox.log" 2>&1; then
	echo "Chromium has no sandbox here, it runs without: $(tail -1 "$work/sandbox.log")"
	export LUYTRE_NO_SANDBOX=1
fi
if [ -n "${LUYTRE_URL:-}" ]; then
	if [ -n "${LUYTRE_WATCHED:-}" ] && [ "$(id -u)" = 0 ]; then
		# The browser's user drops the test files; the agent watches the folder with all below it.
		mkdir -p "$LUYTRE_WATCHED/console"
		chown nobody "$LUYTRE_WATCHED/console"
		export LUYTRE_WATCHED=$LUYTRE_WATCHED/console
	fi
	in_home node --test "$top/tests/console/e2e.mjs"
	exit
fi
node --test "$top/tests/console/static_test.mjs"
in_home node --test "$top/tests/console/ui_test.mjs"
in_home node --test "$top/tests/console/alerts_test.mjs"
in_home node --test "$top/tests/console/states_test.mjs"
in_home node --test "$top/tests/console/axe_test.mjs"
