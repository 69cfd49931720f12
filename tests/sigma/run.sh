#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre hunt and luytre sigma from end to end: our own small rules and events always; all SigmaHQ rules over the real event
# corpora with their expected matches when $LUYTRE_SHARED has them.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
luytre=${LUYTRE_BIN:-$top/build/bin}/luytre
work=$(mktemp -d /tmp/luytre-sigma-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
export LUYTRE_LANG=en XDG_CACHE_HOME=$work/cache
failed=0

# expect NAME WANTED GOT
expect() {
	if [ "$2" = "$3" ]; then
		echo "ok   $1"
	else
		failed=$((failed + 1))
		printf 'FAIL %s\n  wanted: %s\n  got:    %s\n' "$1" "$2" "$3"
	fi
}

mkdir "$work/rules"
cat >"$work/rules/a.yml" <<'YAML'
title: Found
id: 11111111-1111-4111-8111-111111111111
author: An
level: high
logsource: {category: test}
detection: {s: {A|contains: x}, condition: s}
---
title: Broken
logsource: {category: test}
detection: {s: {A|contain: x}, condition: s}
YAML
printf '{"A":"axb"}\n{"A":"b"}\n\n{"A":"X"}\n' >"$work/e.jsonl"
cp "$work/e.jsonl" "$work/plain"
gzip -k "$work/plain" && zstd -q "$work/plain" -o "$work/plain.zst"
printf '[{"A":"b"},\n {"A":"x"}]' >"$work/array.json"
printf '{\n "Records": [ {"A":"x"}, {"A":"b"}, {"A":"}{x"} ]\n}\n' >"$work/records.json"
printf '{\n "A": "x"\n}\n{\n "A": "b"\n}\n' >"$work/pretty.json"
printf '{"A":"x"}\n{"A":\n{"A":"x"}' >"$work/bad.jsonl"
printf 'ElfFile\0\0' >"$work/log.evtx"

lines() { "$luytre" hunt --rules "$work/rules" --format jsonl --quiet "$@" 2>"$work/err" | grep -o '"line":[0-9]*' | cut -d: -f2 | tr '\n' ' '; }
expect lines "1 4 " "$(lines "$work/e.jsonl")"
expect two-threads "1 4 " "$(lines --threads 2 "$work/e.jsonl")"
expect gzip "1 4 " "$(lines "$work/plain.gz")"
expect zstd "1 4 " "$(lines "$work/plain.zst")"
expect standard-input "1 4 " "$(lines - <"$work/plain.zst")"
expect array "2 " "$(lines "$work/array.json")"
expect records "1 3 " "$(lines "$work/records.json")"
expect pretty "1 " "$(lines "$work/pretty.json")"
expect bad-line "1 3 " "$(lines "$work/bad.jsonl")"
expect bad-line-told "1" "$(grep -c 'bad.jsonl:2' "$work/err")"
expect two-files "1 4 2 " "$(lines "$work/e.jsonl" "$work/array.json")"
expect told-source "1 4 " "$(lines --logsource category=test "$work/e.jsonl")"
expect other-source "" "$(lines --logsource category=other "$work/e.jsonl")"
expect any-source "1 4 " "$(lines --logsource category=other --any-logsource "$work/e.jsonl")"
expect object '{"rule":"11111111-1111-4111-8111-111111111111","title":"Found","level":"high","author":"An","file":"e.jsonl","line":1}' \
	"$(cd "$work" && "$luytre" hunt --rules rules --format jsonl --quiet e.jsonl | head -1)"
"$luytre" hunt --rules "$work/rules" --format jsonl --quiet "$work/e.jsonl" >/dev/null 2>&1
expect exit-matches 1 $?
"$luytre" hunt --rules "$work/rules" --logsource category=other --quiet "$work/e.jsonl" >/dev/null 2>&1
expect exit-none 0 $?
"$luytre" hunt --rules "$work/rules" --quiet "$work/none.jsonl" >/dev/null 2>&1
expect exit-error 2 $?
"$luytre" hunt --rules "$work/rules" --quiet "$work/log.evtx" >/dev/null 2>"$work/err"
expect exit-evtx 2 $?
expect evtx-told 1 "$(grep -c evtx_dump "$work/err")"
printf 'root:x:0\n' >"$work/no.jsonl"
"$luytre" hunt --rules "$work/rules" --quiet "$work/no.jsonl" >/dev/null 2>&1
expect exit-nothing-read 2 $?
"$luytre" hunt --rules "$work/nowhere" "$work/e.jsonl" >/dev/null 2>&1
expect exit-no-rules 2 $?
(sleep 8) | timeout --preserve-status -s INT 2 "$luytre" hunt --rules "$work/rules" --quiet - >/dev/null 2>"$work/err"
expect exit-interrupted 130 ${PIPESTATUS[1]}
expect interrupted-told 1 "$(grep -c 'not complete' "$work/err")"
expect check "$work/rules/a.yml:10:17: There is no modifier “contain”; did you mean “contains”?  [Broken]" "$("$luytre" sigma check "$work/rules" | head -1)"
expect explain 1 "$("$luytre" sigma explain --rules "$work/rules" Found "$work/e.jsonl" 2>/dev/null | head -1 | grep -c '"matches":true')"

data=${LUYTRE_SHARED:-$top/../shared}/data
if [ ! -f "$data/sigma/check.py" ]; then
	echo "SKIPPED: SigmaHQ's rules over the real corpora ($data/sigma is not there)"
	[ $failed = 0 ]
	exit
fi
mkdir "$work/hq"
tar xzf "$data/sigma/rules/rules.tar.gz" -C "$work/hq" sigma/rules sigma/rules-emerging-threats sigma/rules-threat-hunting
check=(/usr/bin/python3 "$data/sigma/check.py")
hunt=("$luytre" hunt --rules "$work/hq/sigma" --format jsonl --quiet)
verify() { # NAME check's arguments
	local name=$1
	shift
	if "${check[@]}" "$@" >"$work/check" 2>&1; then
		echo "ok   $name: $(tail -1 "$work/check")"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
		cat "$work/check"
	fi
}
"${hunt[@]}" "$data"/sigma/regression/events/*.jsonl >"$work/o"
verify regression matches "$data/sigma/regression/all_matches.tsv" "$work/o"
"${hunt[@]}" "$data/sigma/regression/winlogbeat8.jsonl" >"$work/o"
verify winlogbeat8 matches "$data/sigma/regression/winlogbeat8.matches.tsv" "$work/o"
"${hunt[@]}" "$data/sigma/witness/windows.jsonl" >"$work/o"
for file in "$data"/sigma/witness/*__*.jsonl; do
	name=$(basename "$file" .jsonl)
	rest=${name#*__}
	"${hunt[@]}" --logsource "product=${name%%__*},category=${rest%%__*},service=${rest#*__}" "$file" >>"$work/o"
done
verify witness witness "$data/sigma/witness" "$work/o"
for name in evtx winlogbeat6 cloudtrail m365 zeek linux-sysmon windows; do
	"${hunt[@]}" "$data/events/$name.jsonl.zst" >"$work/o"
	verify "$name" matches "$data/events/$name.matches.tsv" "$work/o"
done
one="$luytre hunt --no-cache --rules {rules} --format jsonl {events}"
verify conformance cases "$data/sigma/conformance/cases.jsonl" --cmd "$one"
verify correlations corr "$data/sigma/conformance/correlation_cases.jsonl" --cmd "$one"
verify filters filters "$data/sigma/conformance/filter_cases.jsonl" --cmd "$one"
for name in evtx windows; do
	"${hunt[@]}" --rules "$data/sigma/correlation/real_rules.yml" "$data/sigma/correlation/real_$name.jsonl.zst" >"$work/o"
	verify "correlations on $name" realcorr "$data/sigma/correlation/real_$name.expected.tsv" "$work/o"
done
[ $failed = 0 ]
