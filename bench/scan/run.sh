#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Throughput of luytre scan beside yara and clamscan on the same files with the same rules, and of a second scan with a
# cache. Prints ratios (above 1: luytre is faster), never fails. MEGABYTES: size of the files (default 120, from /usr).
# Rules: $LUYTRE_SHARED/data/yara/signature-base.tar.gz when it is there, else a few of our own.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
luytre=${LUYTRE_BIN:-$top/build/bin}/luytre
work=$(mktemp -d /tmp/luytre-scan-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
limit=$((${MEGABYTES:-120} * 1000000))
processors=$(nproc)

mkdir "$work/files" "$work/rules" "$work/clam"
size=0 count=0
while IFS=' ' read -r bytes path; do
	[ $((size + bytes)) -le $limit ] || break
	size=$((size + bytes)) count=$((count + 1))
	cp "$path" "$work/files/$count-$(basename "$path")"
done < <(find /usr/bin /usr/lib /usr/share -type f -size +0 -size -8M -printf '%s %p\n' 2>/dev/null | LC_ALL=C sort -k2 | awk 'NR % 7 == 0')
for _ in 1 2; do cat "$work"/files/* >/dev/null; done
sleep 1.2 # younger files are not cached by their stat

archive=${LUYTRE_SHARED:-$top/../shared}/data/yara/signature-base.tar.gz
if [ -f "$archive" ]; then
	tar xzf "$archive" -C "$work/rules"
	grep -rlwE 'filename|filepath|extension|filetype|owner' "$work/rules" --include='*.yar' | xargs rm -f
else
	for i in $(seq 200); do
		echo "rule r$i { strings: \$a = \"marker-number-$i\" \$b = { 4d 5a $(printf %02x "$i") ?? 9$((i % 10)) } condition: any of them }"
	done >"$work/rules/own.yar"
fi
find "$work/rules" -name '*.yar' | sort >"$work/list"
sources=()
n=0
while read -r rule; do
	n=$((n + 1))
	sources+=("r$n:$rule")
done <"$work/list"

# ClamAV does not take all YARA rules: hashes and plain texts, which both can.
/usr/bin/python3 - "$work/clam" <<'EOF'
import random, sys
rng = random.Random(1)
with open(sys.argv[1] + "/own.hdb", "w") as f:
    for i in range(100000):
        f.write(f"{rng.randbytes(16).hex()}:{rng.randrange(1, 5000000)}:Bench.{i}\n")
with open(sys.argv[1] + "/own.yar", "w") as f:
    for i in range(500):
        f.write(f'rule B{i} {{ strings: $a = "{rng.randbytes(12).hex()}" condition: $a }}\n')
EOF

# seconds COMMAND…: wall time, the better of two.
seconds() {
	local best=999999999999 begin end
	for _ in 1 2; do
		begin=$(date +%s%N)
		"$@" >/dev/null 2>&1
		end=$(date +%s%N)
		[ $(((end - begin) / 1000)) -lt "$best" ] && best=$(((end - begin) / 1000))
	done
	awk -v t="$best" 'BEGIN { printf "%.3f", t / 1000000 }'
}
row() { # WHAT OURS THEIRS
	awk -v w="$1" -v a="$2" -v b="$3" -v s=$size 'BEGIN {
		printf "%-46s luytre %7.2f s %7.1f MB/s   other %7.2f s %7.1f MB/s   ratio %.2f\n", w, a, s / a / 1e6, b, s / b / 1e6, b / a }'
}

mb=$((size / 1000000))
echo "$count files, $mb MB, $n rule files, $processors processors"
yara_rules=(--yara "$work/rules")
for jobs in 1 "$processors"; do
	ours=$(seconds "$luytre" scan "${yara_rules[@]}" --jobs "$jobs" -r "$work/files")
	theirs=$(seconds yara -w -p "$jobs" -r "${sources[@]}" "$work/files")
	row "beside yara, threads: $jobs" "$ours" "$theirs"
done
# Loading the rules is the same work in both; without it the engines alone are compared.
mkdir "$work/none"
echo "nothing at all" >"$work/none/file"
load_ours=$(seconds "$luytre" scan "${yara_rules[@]}" "$work/none")
load_theirs=$(seconds yara -w -r "${sources[@]}" "$work/none")
echo "loading the rules: luytre $load_ours s, yara $load_theirs s"

clam_rules=(--hashes "$work/clam/own.hdb" --yara "$work/clam/own.yar")
ours=$(seconds "$luytre" scan "${clam_rules[@]}" --jobs 1 -r "$work/files")
theirs=$(seconds clamscan -d "$work/clam" -r "$work/files")
row "beside clamscan (hashes, texts), threads: 1" "$ours" "$theirs"
ours=$(seconds "$luytre" scan --clamav "$work/clam" --jobs 1 -r "$work/files")
row "the same with libclamav in our child" "$ours" "$theirs"

"$luytre" scan "${yara_rules[@]}" --cache "$work/cache" -r "$work/files" >/dev/null 2>&1
again=$(seconds "$luytre" scan "${yara_rules[@]}" --cache "$work/cache" -r "$work/files")
first=$(seconds "$luytre" scan "${yara_rules[@]}" -r "$work/files")
awk -v f="$first" -v a="$again" -v l="$load_ours" -v n=$count 'BEGIN {
	x = a - l > 0.001 ? a - l : 0.001
	printf "second scan of unchanged files                 first %.2f s, second %.2f s (of that %.2f s loading rules): ratio %.1f, files alone %.0f; %.1f µs a file\n",
		f, a, l, f / a, (f - l) / x, x * 1e6 / n }'
