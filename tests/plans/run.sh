#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The regulation data as it is shipped: luytre pack check takes it and names faults; each duty is proved by something. Where the
# printed plans are at hand (LUYTRE_SHARED): every text stands in the print, and every obligation of the reference is there.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-plans-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
export LUYTRE_LANG=en

"$bin/luytre" pack check --coverage "$top/packs" >"$work/out" 2>&1
check 'the packs are good' [ $? = 0 ]
check 'all 193 duties' grep -q '^193 duties: ' "$work/out"
check 'each with what proves it' [ "$(grep -c '^- K' "$work/out")" = 193 ]
# A duty line that is followed by no proof line.
check 'and none with nothing' [ -z "$(awk '/^- K/ {if (open != "") print open; open = $2} /^· / {open = ""} END {if (open != "") print open}' "$work/out")" ]

cp -r "$top/packs" "$work/packs"
harm() {
	cp -r "$top/packs/vn/." "$work/packs/vn/"
	sed -i "$2" "$work/packs/vn/$1"
}
refused() {
	"$bin/luytre" pack check "$work/packs" >"$work/out" 2>&1
	[ $? = 2 ] && grep -q "$1:[0-9]*:[0-9]*" "$work/out" || { cat "$work/out"; return 1; }
}
harm plans/cantho_2026_tasks.yaml 's/proves: \["measure:system.monitored"\]/proves: []/'
check 'a duty that nothing proves is named with its place' refused plans/cantho_2026_tasks.yaml
harm plans/proofs.yaml '0,/waits_for: registry/s//waits_for: nobody/'
check 'an unknown part of the platform is named with its place' refused plans/proofs.yaml
harm levels/r2026.yaml '0,/is: internal/s//is: inside/'
check 'an unknown value in a level rule is named with its place' refused levels/r2026.yaml
harm holidays.yaml '0,/2026-01-01/s//2026-01-32/'
check 'a day that is none is named with its place' refused holidays.yaml

if [ -d "${LUYTRE_SHARED:-}/seeds" ]; then
	check 'the texts stand in the printed plans' /usr/bin/python3 "$top/tests/plans/printed.py" "$LUYTRE_SHARED" "$top/packs/vn/plans"
else
	echo 'SKIPPED  the printed plans are not at hand (LUYTRE_SHARED)'
fi
echo "$failures failures"
[ $failures = 0 ]
