#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# engine/signature against libyara (module values, generated rules) and clamscan (generated signatures). run.sh [PAIRS [SEED]]: the long form, 1000000 pairs.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
pairs=${1:-8000} seed=${2:-1}
work=$(mktemp -d /tmp/luytre-signature-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
# Nothing is built here: other tests run the same programs meanwhile.
differ=$build/src/program/cli/signature_differ
[ -x "$differ" ] || { echo "$differ is not built: run ./dev build" >&2; exit 1; }
python3 "$top/tests/signature/make_pe.py" "$work" || exit 1
copies=$((pairs / 400))
failed=0
# A signed file's certificate, broken, may be read by us and refused by OpenSSL; all else is equal. So: signed ones as they are.
"$differ" values "$seed" 0 "$work"/*signed* 2>/dev/null || failed=1
"$differ" values "$seed" "$copies" "$work"/32.exe "$work"/32-old-delay.exe "$work"/64.dll "$top"/fuzz/corpus/signature_elf/* 2>/dev/null || failed=1
"$differ" rules "$seed" "$pairs" "$work"/*.exe "$work"/*.dll "$top"/fuzz/corpus/signature_elf/* 2>/dev/null || failed=1
LUYTRE_BUILD=$build "$top/tests/signature/patterns.sh" 5 25 || failed=1
if command -v clamscan >/dev/null; then
	python3 "$top/tests/signature/clamav.py" "$differ" "$seed" $((pairs / 4000 + 1)) "$work"/32.exe "$work"/64.dll "$top/fuzz/corpus/signature_elf/exec-64" || failed=1
else
	echo "SKIPPED: clamscan is not installed"
fi
"$top/tests/signature/image.sh" || failed=1
exit $failed
