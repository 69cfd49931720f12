#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The unit and corpus tests of what Windows agents are made of, as the mingw build, under Wine (no display, no network of its own).
# Arguments: names of tests; without them all of the Windows build.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD_WINDOWS:-$top/build/windows}
wine=$(command -v wine || true)
if [ -z "$wine" ]; then
	echo "SKIPPED: Wine is not installed (apt-get install wine wine64), nothing was run as Windows runs it"
	exit 0
fi
[ -f "$build/build.ninja" ] || meson setup "$build" --cross-file "$top/cross/mingw-w64-x86_64.ini" -Dbuildtype=release >/dev/null
ninja -C "$build" --quiet
exec /usr/bin/python3 -B "$top/tests/wine/wine_test.py" "$wine" "$build" "$@"
