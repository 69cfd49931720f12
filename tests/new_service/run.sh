#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# docs/adding-a-service.md, followed to the letter: in a copy of the tree, ./dev new service makes a room, which is
# compiled and whose tests pass on both databases. The copy stays in build/new_service, so that the next run is quick.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
copy=${LUYTRE_NEW_SERVICE:-$top/build/new_service}
name=meeting

mkdir -p "$copy/tree"
# What the last run made or changed comes anew; unchanged files keep their time stamps.
rm -rf "$copy/tree/src/service/$name" "$copy/tree/src/service/meson.build" "$copy/tree/src/service/service.def"
cd "$top"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do if [ -f "$file" ]; then printf '%s\0' "$file"; fi; done |
	xargs -0 cp -pu --parents -t "$copy/tree"

cd "$copy/tree"
[ -d .git ] || git init -q # the checks list files by git
bash ./dev new service "$name"
grep -qx "subdir('$name')" src/service/meson.build
grep -qx "SERVICE($name)" src/service/service.def
if grep -rl template "src/service/$name"; then
	echo "the template's name is left over in these files" >&2
	exit 1
fi
if [ ! -f "$copy/build/build.ninja" ]; then
	CC=${CC:-$(command -v ccache >/dev/null 2>&1 && echo 'ccache gcc' || echo gcc)} meson setup "$copy/build" . >"$copy/setup.log" 2>&1 ||
		{ cat "$copy/setup.log" >&2; exit 1; }
fi
# The server too: it links every service without being told.
ninja -C "$copy/build" --quiet "${name}_test" src/program/server/luytre-server
for check in floors banned; do
	/usr/bin/python3 "tools/check/$check.py" >"$copy/$check.log" 2>&1 || true
	if grep "service/$name" "$copy/$check.log"; then exit 1; fi
done
LUYTRE_SOURCE=$copy/tree LUYTRE_BUILD=$copy/build tools/with_postgres.sh "$copy/build/${name}_test"
