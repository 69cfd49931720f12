#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# From a line of a log to a Sigma match, end to end: luytre parse --sigma into luytre hunt, with own lines always; the labelled
# logs and corpora, and SigmaHQ's rules over syslog, when $LUYTRE_SHARED has them.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
luytre=${LUYTRE_BIN:-$top/build/bin}/luytre
work=$(mktemp -d /tmp/luytre-formats-test.XXXXXX)
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

cp "$top/tests/formats/rules.yml" "$work/rules.yml"
grep -v '^#' "$top/tests/formats/lines.tsv" | cut -f2- >"$work/lines"
grep -v '^#' "$top/tests/formats/lines.tsv" | cut -f1 >"$work/want"
# Line and title of every match; "-" in the table: no rule matches.
"$luytre" parse --sigma --received 2026-11-21T07:00:00Z "$work/lines" 2>/dev/null |
	"$luytre" hunt --rules "$work/rules.yml" --format jsonl --quiet - 2>"$work/err" |
	sed -E 's/.*"title":"([^"]*)".*"line":([0-9]+).*/\2 \1/' | sort -n >"$work/got"
awk '$1 != "-" {n = split($1, rule, ","); for (i = 1; i <= n; i++) print NR, rule[i]}' "$work/want" | sort -n >"$work/all"
expect "rules see texts" "$(cat "$work/all")" "$(cat "$work/got")"

cat >"$work/own.yaml" <<'YAML'
shapes:
  - {name: ours, when: {so_ho_so: []}, fields: [[can_bo, user.name], [so_ho_so, event.code]]}
messages:
  - programs: [motcua]
    patterns:
      - {like: "hồ sơ {event.code:int} do {user.name} nhận", set: {event.action: received}}
YAML
printf '<13>Nov 21 13:56:35 h motcua: hồ sơ 12 do Nguyễn Văn An nhận\nso_ho_so=7 can_bo="Trần Thị Bé" x=1\n' >"$work/own.log"
"$luytre" parse --dictionary "$work/own.yaml" "$work/own.log" >"$work/o" 2>/dev/null
expect own-exit 0 $?
expect own-pattern 1 "$(grep -c '"user.name":"Nguyễn Văn An".*"event.action":"received"' "$work/o")"
expect own-shape 1 "$(grep -c '"user.name":"Trần Thị Bé","event.code":"7"' "$work/o")"
printf 'shapes: [{name: x, when: {a: []}, fields: [[a, b, no_such]]}]\n' >"$work/bad.yaml"
"$luytre" parse --dictionary "$work/bad.yaml" "$work/own.log" >/dev/null 2>"$work/err"
expect bad-exit 2 $?
expect bad-told 1 "$(grep -c 'bad.yaml:1:.*no_such' "$work/err")"
printf 'neither this\n' | "$luytre" parse - >"$work/o" 2>/dev/null
expect unparsed-exit 1 $?
expect unparsed '{"message":"neither this","event.parsed":"false"}' "$(cat "$work/o")"

data=${LUYTRE_SHARED:-$top/../shared}/data
if [ ! -d "$data/syslog" ]; then
	echo "SKIPPED: labelled logs and corpora ($data/syslog is not there)"
	[ $failed = 0 ]
	exit
fi
/usr/bin/python3 "$top/tests/formats/real.py" "$luytre" "$data" || failed=$((failed + 1))
mkdir "$work/hq"
tar xzf "$data/sigma/rules/rules.tar.gz" -C "$work/hq" sigma/rules sigma/rules-emerging-threats sigma/rules-threat-hunting
for name in Apache Linux OpenSSH Thunderbird auditd_arp; do
	"$luytre" parse --sigma "$data/syslog/$name.log" 2>/dev/null |
		"$luytre" hunt --rules "$work/hq/sigma" --format jsonl --quiet - >"$work/o" 2>"$work/err"
	sed -E 's/.*"rule":"([^"]*)".*"line":([0-9]+).*/\2\t\1/' "$work/o" | sort -n >"$work/got"
	tail -n +2 "$data/syslog/$name.matches.tsv" | sort -n >"$work/want"
	expect "SigmaHQ on $name" "$(cat "$work/want")" "$(cat "$work/got")"
done
[ $failed = 0 ]
