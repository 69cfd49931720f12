#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Rules from an archive to an alert, through a real server: import, preview, in force in the pipeline, event, alert; a second
# edition and the way back; hostile archives; what a replay over known history finds; own rules over the own log; indicators.
# LUYTRE_SHARED: a folder with data/sigma and data/events; then SigmaHQ's rules too. LUYTRE_NO_PAGE=1 leaves the browser out.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
cd "$top"
work=$(mktemp -d /tmp/luytre-rules-test.XXXXXX)
chmod 755 "$work"
console=$(free_port) events=$(free_port) agents=$(free_port)
url=https://127.0.0.1:$console
clean_up() {
	trap - EXIT
	[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
	[ $failures = 0 ] || tail -n 30 "$work/server.log"
	rm -rf "$work"
}
trap clean_up EXIT
ask() { curl -ksS -b "$work/cookies" -c "$work/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }
field() { /usr/bin/python3 -c 'import json,sys
v=json.load(sys.stdin)
for k in sys.argv[1].split("."): v=v[int(k)] if k.isdigit() else v[k]
print("" if v is None else v)' "$1"; }
is() { [ "$1" = "$2" ] || { printf '      %s, expected %s\n' "$1" "$2"; return 1; }; }

password=thu-nghiem-rules-1
(umask 077 && cat >"$work/server.conf" <<-EOT
	data_dir = $work/server
	listen_address = 127.0.0.1
	console_port = $console
	events_port = $events
	agent_port = $agents
	public_names = 127.0.0.1
	packs_dir = $top/packs
	web_dir = $top/web
	messages_dir = $top/build/messages
	sample_dir = $top/packs/vn/sample/cantho
	sample_password = $password
	second_factor = 0
EOT
)
build/bin/luytre-server --config "$work/server.conf" >"$work/server.log" 2>&1 &
server=$!
check 'the server starts' eventually 60 curl -ksSf -o /dev/null "$url/healthz"
ask -o /dev/null -d "{\"login\":\"quantri\",\"password\":\"$password\"}" "$url/api/v1/login"

in_force() { [ "$(ask "$url/api/v1/rules/state" | field current)" = True ]; }
check 'the own rules are in force' eventually 60 in_force
job_state() { ask "$url/api/v1/jobs/$1" | field state; }
job_ended() { case $(job_state "$1") in done | failed) ;; *) return 1 ;; esac; }
# upload FILE NAME: the state its job ends in.
upload() {
	local job
	job=$(curl -ksS -b "$work/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/octet-stream' --data-binary "@$1" \
		"$url/api/v1/rule-archives/upload?name=$2&file=$(basename "$1")" | field job_id) || return 1
	eventually 120 job_ended "$job" || return 1
	job_state "$job"
}
archive() { ask "$url/api/v1/rule-archives" | /usr/bin/python3 -c 'import json,sys; print(next(a for a in json.load(sys.stdin)["items"] if a["name"]==sys.argv[1])[sys.argv[2]] or "")' "$1" "$2"; }
counts() { ask "$url/api/v1/rule-archives/$(archive "$1" id)/difference" | /usr/bin/python3 -c 'import json,sys; c=json.load(sys.stdin)["counts"]; print(c["new"],c["changed"],c["gone"],c["refused"],c["same"])'; }
apply() {
	local id edition
	id=$(archive "$1" id)
	edition=$(ask "$url/api/v1/rule-archives/$id/difference" | field edition_id)
	ask -f -o /dev/null -d "{\"edition_id\":\"$edition\"}" "$url/api/v1/rule-archives/$id/apply"
}

rule() { # TITLE LAST-DIGITS MARKER
	printf 'title: %s\nid: 00000000-0000-4000-8000-0000000000%s\nstatus: test\nlevel: high\nlogsource: {product: windows, category: process_creation}\ndetection:\n  s: {CommandLine|contains: %s}\n  condition: s\n' "$1" "$2" "$3"
}
mkdir -p "$work/one/r" "$work/two/r"
rule 'Alpha' 01 marker-alpha >"$work/one/r/a.yml"
rule 'Beta' 02 marker-beta >"$work/one/r/b.yml"
printf 'title: Bad\nlogsource: {product: x}\ndetection:\n  s: {A|nomod: 1}\n  condition: s\n' >"$work/one/r/bad.yml"
rule 'Alpha' 01 marker-alpha >"$work/two/r/moved.yml"
rule 'Beta' 02 marker-gamma >"$work/two/r/b.yml"
rule 'Delta' 03 marker-delta >"$work/two/r/d.yml"
(cd "$work/one" && bsdtar -czf ../one.tar.gz r)
(cd "$work/two" && bsdtar --format zip -cf ../two.zip r)

check 'an archive is read by the worker' is "$(upload "$work/one.tar.gz" Test)" done
check 'its preview: new, changed, gone, refused, same' is "$(counts Test)" '3 0 0 1 0'
check 'it is put in force' apply Test
check 'detection takes it' eventually 60 in_force

unit=$(ask "$url/api/v1/units?q=Ninh+Ki%E1%BB%81u&limit=1" | field items.0.id)
token=$(ask -d "{\"name\":\"nhat-ky\",\"role\":\"log_sender\",\"unit_id\":\"$unit\"}" "$url/api/v1/tokens" | field token)
event() { printf '{"@timestamp":"%s","Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"Computer":"%s","User":"%s","CommandLine":"x %s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" "$3" "$1"; }
send() { curl -ksSf -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/x-ndjson' --data-binary @- "https://127.0.0.1:$events/api/v1/events"; }
alerts() { ask "$url/api/v1/alerts?limit=500" | /usr/bin/python3 -c 'import json,sys; print(sum(a["count"] for a in json.load(sys.stdin)["items"] if a["rule_id"]==sys.argv[1]))' "$1"; }
alerted() { [ "$(alerts "$1")" = "$2" ]; }
check 'the sender is known' eventually 20 bash -c "printf '{\"a\":1}\n' | curl -ksSf -o /dev/null -H 'Authorization: Bearer $token' -H 'Content-Type: application/x-ndjson' --data-binary @- https://127.0.0.1:$events/api/v1/events"
for i in 1 2 3; do event marker-alpha "PC-0$i" lan; done | send
event luytre-thu-nghiem PC-09 lan | send
alpha=00000000-0000-4000-8000-000000000001
check 'a match becomes an alert' eventually 40 alerted "$alpha" 3
check 'the first-hour rule fires' eventually 40 alerted 6c757974-7265-4001-8000-000000000001 1

check 'a second edition is read' is "$(upload "$work/two.zip" Test)" done
check 'what it would change' is "$(counts Test)" '1 1 1 0 1'
check 'it is put in force' apply Test
check 'one step back' ask -f -o /dev/null -X POST "$url/api/v1/rule-archives/$(archive Test id)/back"
check 'the gone rule is there again' is "$(ask "$url/api/v1/rules?q=Bad&state=refused" | field total)" 1

# Hostile ones: refused as a whole, the reason told, nothing changed.
/usr/bin/python3 - "$work" <<'EOT'
import io, sys, tarfile, zipfile
work, rule = sys.argv[1], open(sys.argv[1] + '/one/r/a.yml').read()
with zipfile.ZipFile(work + '/slip.zip', 'w') as z: z.writestr('../../../etc/x.yml', rule)
with zipfile.ZipFile(work + '/bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    for i in range(8): z.writestr(f'{i}.yml', b'\0' * (30 << 20))
with zipfile.ZipFile(work + '/many.zip', 'w') as z:
    for i in range(100100): z.writestr(f'{i}.txt', '')
with tarfile.open(work + '/link.tar.gz', 'w:gz') as t:
    i = tarfile.TarInfo('x.yml'); i.type = tarfile.SYMTYPE; i.linkname = '/etc/passwd'; t.addfile(i)
open(work + '/noise.zip', 'wb').write(b'PK\x03\x04' + bytes(range(256)) * 64)
EOT
before=$(ask "$url/api/v1/rules?limit=1" | field total)
for bad in slip.zip bomb.zip many.zip link.tar.gz noise.zip; do
	check "refused: $bad" is "$(upload "$work/$bad" Hostile)" failed
	check "  and says why" test -n "$(archive Hostile problem)"
done
check 'nothing of them counts' is "$(ask "$url/api/v1/rules?limit=1" | field total)" "$before"

# History: three known events, one of them excluded.
replay() { # BODY: prints matched
	local id
	id=$(ask -d "{$1,\"from\":\"$(date -u -d '-2 hours' +%Y-%m-%dT%H:%M:%SZ)\",\"to\":\"$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)\"}" "$url/api/v1/rule-replays" | field id) || return 1
	eventually 60 bash -c "! curl -ksS -b '$work/cookies' '$url/api/v1/rule-replays/$id' | grep -q '\"state\":\"running\"'" || return 1
	ask "$url/api/v1/rule-replays/$id" | /usr/bin/python3 -c 'import json,sys; r=json.load(sys.stdin)["result"]; print(r["matched"], r["unit_count"], r["host_count"], len(r["sample"]))'
}
text=$(rule Try 77 marker-alpha | /usr/bin/python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()))')
stored() { [ "$(replay "\"text\":$text")" = '3 1 3 3' ]; }
check 'a replay finds the known history' eventually 30 stored
id=$(ask "$url/api/v1/rules?q=Alpha&limit=1" | field items.0.id)
check 'an exclusion with reason and end' ask -f -o /dev/null -d "{\"reason\":\"máy của đội ứng cứu\",\"expires_at\":\"$(date -u -d '+10 days' +%Y-%m-%dT%H:%M:%SZ)\",\"condition\":\"User: hai\"}" "$url/api/v1/rules/$id/exclusions"
check 'detection takes it' eventually 60 in_force
{ event marker-alpha PC-04 hai && event marker-alpha PC-05 lan; } | send
check 'what is excluded makes no alert' eventually 40 alerted "$alpha" 4

printf 'evil-luytre.example\n192.0.2.0/24\n' >"$work/list.txt"
job=$(curl -ksS -b "$work/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/octet-stream' --data-binary "@$work/list.txt" "$url/api/v1/indicators?name=Thu&source=test" | field job_id)
check 'a list of indicators is read' eventually 30 job_ended "$job"
check 'a value is found in it' is "$(ask "$url/api/v1/indicators/find?value=www.evil-luytre.example" | field items.0.list.name)" Thu
check 'detection takes it' eventually 60 in_force

for _ in 1 2 3 4 5; do curl -ksS -o /dev/null -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' -d '{"login":"truc","password":"sai"}' "$url/api/v1/login"; done
check 'own rule: sign-ins that fail in series' eventually 40 bash -c "curl -ksS -b '$work/cookies' '$url/api/v1/alerts?limit=500' | grep -q 6c757974-7265-4001-8000-000000000011"

# In a browser: tuning a rule from its alert. Chromium runs as an ordinary user, in its own sandbox where the kernel gives one.
if [ -z "${LUYTRE_NO_PAGE:-}" ]; then
	mkdir "$work/home"
	as_user() { "$@"; }
	if [ "$(id -u)" = 0 ]; then
		chown nobody "$work/home"
		as_user() { runuser -u nobody -- "$@"; }
	fi
	in_home() { as_user env HOME="$work/home" TMPDIR="$work/home" XDG_CONFIG_HOME="$work/home" XDG_CACHE_HOME="$work/home" "$@"; }
	in_home timeout 60 /usr/bin/chromium --headless --disable-gpu --dump-dom about:blank >"$work/sandbox.log" 2>&1 || export LUYTRE_NO_SANDBOX=1
	LUYTRE_URL=$url LUYTRE_PASSWORD=$password LUYTRE_EVENTS=https://127.0.0.1:$events LUYTRE_TOKEN=$token
	export LUYTRE_URL LUYTRE_PASSWORD LUYTRE_EVENTS LUYTRE_TOKEN
	check 'too much noise: tuned from the alert, in a browser' in_home node --test tests/rules/tune.mjs
fi

if [ -n "${LUYTRE_SHARED:-}" ] && [ -f "$LUYTRE_SHARED/data/sigma/rules/rules.tar.gz" ]; then
	check 'SigmaHQ is read' is "$(upload "$LUYTRE_SHARED/data/sigma/rules/rules.tar.gz" SigmaHQ)" done
	check 'SigmaHQ is put in force' apply SigmaHQ
	check 'detection takes SigmaHQ' eventually 240 in_force
fi
echo "$failures failures"
[ $failures = 0 ]
