#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre signatures image and explain: what is taken, what is told of the rest, and why a rule matches or not.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
luytre=${LUYTRE_BUILD:-$top/build/release}/src/program/cli/luytre
work=$(mktemp -d /tmp/luytre-signature-image.XXXXXX)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8 LANG=en_US.UTF-8 LANGUAGE=en
failed=0

# expect NAME CODE PATTERN COMMAND…: the exit code, and a line of the output.
expect() {
	local name=$1 code=$2 pattern=$3
	shift 3
	"$@" >"$work/out" 2>&1
	local got=$?
	if [ "$got" != "$code" ] || ! grep -qF -- "$pattern" "$work/out"; then
		echo "signature image: $name: exit $got, not $code, or no \"$pattern\" in:"
		cat "$work/out"
		failed=1
	fi
}

mkdir "$work/rules"
printf 'rule one { strings: $a = "abc" condition: #a == 2 and filesize < 100 }\n' >"$work/rules/one.yar"
printf 'import "cuckoo"\nrule two { condition: cuckoo.x }\nrule three { condition: true }\nrule four { condition: }\n' >"$work/rules/two.yara"
printf 'Test.Body:0:*:616263\n' >"$work/body.ndb"
printf 'abc, not abd' >"$work/sample"

expect 'an image' 0 '[two]' "$luytre" signatures image --out "$work/image" --yara "$work/rules" --clamav "$work/body.ndb"
expect 'the faulty rule' 0 'two.yara:4:24' "$luytre" signatures image --out "$work/image" --yara "$work/rules" --clamav "$work/body.ndb"
expect 'an explanation' 0 'false  #a ⟨1⟩ == 2' "$luytre" signatures explain --image "$work/image" one "$work/sample"
expect 'by namespace' 0 'one: false' "$luytre" signatures explain --image "$work/image" "$work/rules/one.yar:one" "$work/sample"
expect 'without an image' 0 '$a: 0x0+3' "$luytre" signatures explain --yara "$work/rules/one.yar" one "$work/sample"
expect 'a ClamAV signature' 0 'Test.Body: true' "$luytre" signatures explain --image "$work/image" Test.Body "$work/sample"
expect 'no such rule' 2 'nothing' "$luytre" signatures explain --image "$work/image" nothing "$work/sample"
printf 'x' | dd of="$work/image" bs=1 seek=5000 conv=notrunc status=none
expect 'a damaged image' 2 'checksum' "$luytre" signatures explain --image "$work/image" one "$work/sample"
exit "$failed"
