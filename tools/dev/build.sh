# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
. tools/dev/setup.sh
say "Building the programs"
CC=$(compiler gcc) meson_build "$BUILD/release" -Dbuildtype=debugoptimized -Dtests=false
mkdir -p "$BUILD/bin"
for program in "$BUILD"/release/src/program/*/luytre*; do
	[ -f "$program" ] && [ -x "$program" ] && ln -sfn "$program" "$BUILD/bin/$(basename "$program")"
done
if [ -f tools/gen_messages.py ]; then
	/usr/bin/python3 tools/gen_messages.py --json "$BUILD/messages"
fi
[ ! -f web/vendor.mjs ] || node web/vendor.mjs
ls "$BUILD/bin" | sed 's/^/    build\/bin\//'
