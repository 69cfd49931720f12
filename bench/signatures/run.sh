#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The signature image beside yara (same rules) and clamscan (same database) on the same files, one thread each, warm and cold;
# look-ups among 10 M hashes. Prints ratios (above 1: the image is faster) and findings that differ; never fails.
# MEGABYTES: size of the files (default 200, from /usr). HASHES (default 10000000).
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LUYTRE_BUILD:-$top/build/release}
data=${LUYTRE_SHARED:-$top/../shared}/data
work=$(mktemp -d /tmp/luytre-signatures-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
ninja -C "$build" --quiet src/program/cli/signatures_bench || exit 0
bench=$build/src/program/cli/signatures_bench
TIMEFORMAT='%U %S %R'

size=0 limit=$((${MEGABYTES:-200} * 1000000))
while IFS=' ' read -r bytes path; do
	[ $((size + bytes)) -le $limit ] || break
	size=$((size + bytes))
	echo "$path"
done < <(find /usr/bin /usr/lib /usr/share -type f -size +0 -size -30M -printf '%s %p\n' 2>/dev/null | LC_ALL=C sort -k2 | awk 'NR % 5 == 0') >"$work/list"
echo "files: $(wc -l <"$work/list"), $((size / 1000000)) MB"
xargs -d '\n' cat <"$work/list" >/dev/null 2>&1

# cpu COMMAND…: user + system seconds of it; output to $work/out.
cpu() {
	{ time "$@" >"$work/out" 2>"$work/err"; } 2>&1 | awk '{printf "%.2f %.2f", $1 + $2, $3}'
}

if [ -f "$data/yara/signature-base.tar.gz" ] && command -v yara >/dev/null; then
	mkdir "$work/rules"
	tar xzf "$data/yara/signature-base.tar.gz" -C "$work/rules"
	find "$work/rules" \( -name '*.yar' -o -name '*.yara' \) | sort >"$work/rulefiles"
	mapfile -t rulefiles <"$work/rulefiles"
	externals=(-d filename= -d filepath= -d extension= -d filetype= -d owner=)
	n=0
	spaces=()
	for f in "${rulefiles[@]}"; do spaces+=("n$((n += 1)):$f"); done
	yarac -w "${externals[@]}" "${spaces[@]}" "$work/rules.yarc" 2>/dev/null
	"$bench" build "$work/yara.image" "${rulefiles[@]}"
	for state in warm cold; do
		[ $state = warm ] || "$bench" evict "$work/list"
		echo "$state"
		"$bench" scan "$work/yara.image" "$work/list" 2>"$work/ours.err" | LC_ALL=C sort >"$work/ours"
		ours=$(grep -oE 'in [0-9.]+ CPU' "$work/ours.err" | grep -oE '[0-9.]+')
		cat "$work/ours.err"
		[ $state = warm ] || "$bench" evict "$work/list"
		read -r theirs wall < <(cpu yara -p 1 -w -C "${externals[@]}" --scan-list "$work/rules.yarc" "$work/list")
		LC_ALL=C sort "$work/out" >"$work/theirs"
		echo "yara:  $theirs CPU s ($wall s), $(awk -v s="$size" -v t="$theirs" 'BEGIN{printf "%.1f", s / 1e6 / t}') MB per CPU s; image/yara: $(awk -v a="$theirs" -v b="$ours" 'BEGIN{printf "%.2f", a / b}')"
	done
	echo "findings: ours $(wc -l <"$work/ours"), yara $(wc -l <"$work/theirs"), different $(comm -3 "$work/ours" "$work/theirs" | wc -l)"
	comm -3 "$work/ours" "$work/theirs" | head -10
	command -v /usr/bin/time >/dev/null && /usr/bin/time -f "yara resident: %M KB" yara -p 1 -w -C "${externals[@]}" "$work/rules.yarc" /bin/true >/dev/null
else
	echo "SKIPPED: yara or its rules are not there"
fi

if command -v clamscan >/dev/null; then
	mkdir "$work/db"
	python3 - "$work/db" <<'PY'
import random
import sys
r = random.Random(7)
with open(sys.argv[1] + '/bench.ndb', 'w') as f:
    for i in range(20000):
        a, b = r.randbytes(r.randint(8, 20)).hex(), r.randbytes(r.randint(6, 12)).hex()
        f.write('B.%d:%d:*:%s\n' % (i, r.choice((0, 0, 1)), a + r.choice(('', '', '??', '{2-6}', '*')) + b))
with open(sys.argv[1] + '/bench.ldb', 'w') as f:
    for i in range(3000):
        f.write('L.%d;Engine:51-255,Target:%d;%s;%s;%s;%s\n' % (i, r.choice((0, 1)), r.choice(('0&1&2', '0|1|2', '0&(1|2)', '(0|1|2)>1,2')),
                                                           *[r.randbytes(r.randint(6, 14)).hex() for _ in range(3)]))
PY
	"$bench" build "$work/clamav.image" "$work/db/bench.ndb" "$work/db/bench.ldb"
	echo /bin/true >"$work/one"
	"$bench" scan "$work/clamav.image" "$work/list" 2>"$work/ours.err" >/dev/null
	cat "$work/ours.err"
	ours=$(grep -oE 'in [0-9.]+ CPU' "$work/ours.err" | grep -oE '[0-9.]+')
	read -r load _ < <(cpu clamscan -d "$work/db" --no-summary -f "$work/one")
	read -r theirs wall < <(cpu clamscan -d "$work/db" --no-summary --scan-archive=no -f "$work/list")
	echo "clamscan: $theirs CPU s ($wall s), $load of it loading; $(awk -v s="$size" -v t="$theirs" -v l="$load" 'BEGIN{printf "%.1f", s / 1e6 / (t - l)}') MB per CPU s; image/clamscan without loading: $(awk -v a="$theirs" -v l="$load" -v b="$ours" 'BEGIN{printf "%.2f", (a - l) / b}')"
else
	echo "SKIPPED: clamscan is not installed"
fi
"$bench" hashes "${HASHES:-10000000}"
