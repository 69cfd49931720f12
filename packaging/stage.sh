#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# stage.sh DIR: what the packages hold, below DIR as it will lie in the system. Called by debian/rules.
# $LUYTRE_TOP: the source tree; $LUYTRE_BUILD: its build folder, with the programs of ./dev build.
set -euo pipefail
to=$(readlink -m "$1")
top=${LUYTRE_TOP:?} build=${LUYTRE_BUILD:?}
for name in luytre luytre-server luytre-agent; do install -Dm755 "$build/bin/$name" "$to/usr/bin/$name"; done
for name in luytre-eventdb luytre-scand; do install -Dm755 "$build/bin/$name" "$to/usr/lib/luytre/$name"; done

mkdir -p "$to/usr/share/luytre" "$to/etc/luytre"
# Only what belongs to the project, whatever else lies in the folders.
(cd "$top" && git ls-files -z packs web) | while IFS= read -r -d '' file; do
	case $file in web/vendor.mjs | */.gitignore | *_messages.yaml) continue ;; esac
	install -Dm644 "$top/$file" "$to/usr/share/luytre/$file"
done
node "$top/web/vendor.mjs" "$to/usr/share/luytre/web/vendor"
rm -f "$to"/usr/share/luytre/web/vendor/*.LICENSE # in debian/copyright
cp -r "$build/messages" "$to/usr/share/luytre/messages"

/usr/bin/python3 "$top/tools/gen_reference.py" --conf "$to/etc/luytre/server.conf" --man "$build/package/man" \
	--completion "$to/usr/share/bash-completion/completions"
for page in "$build"/package/man/*/*.scd; do
	name=$(basename "$page" .scd)
	lang=$(basename "$(dirname "$page")")
	[ "$lang" = en ] && lang=
	mkdir -p "$to/usr/share/man/$lang/man${name##*.}"
	scdoc <"$page" >"$to/usr/share/man/$lang/man${name##*.}/$name"
done
install -Dm644 "$top/docs/licences.md" "$to/usr/share/doc/luytre/licences.md"
install -Dm644 "$top/docs/settings.md" "$to/usr/share/doc/luytre-server/settings.md"
install -Dm644 "$top/docs/agent.md" "$to/usr/share/doc/luytre-agent/agent.md"
