# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev run [--until-ready] [--fresh]: everything on this machine, with the sample city and an agent of this very machine.
# State lives in build/run (or $LUYTRE_RUN) and is kept until --fresh; LUYTRE_BUILT=1 takes the programs as they are. The agent watches build/run/watched only: nobody wants a first try
# to put files of their own home into quarantine.
until_ready= fresh=
for option in "$@"; do
	case $option in
	--until-ready) until_ready=1 ;; # for tests: start, check, stop
	--fresh) fresh=1 ;;
	*) die "run takes --fresh and --until-ready, not $option" ;;
	esac
done
[ -n "${LUYTRE_BUILT:-}" ] || (. tools/dev/build.sh)

run=${LUYTRE_RUN:-$BUILD/run}
[ -z "$fresh" ] || rm -rf "$run"
mkdir -p "$run/watched" "$run/server" "$run/log"
url=https://127.0.0.1:${LUYTRE_CONSOLE_PORT:-8443}
events_port=${LUYTRE_EVENTS_PORT:-8444}
agent_port=${LUYTRE_AGENT_PORT:-8445}

# A password of this installation's own, so that no two sample cities share one.
if [ ! -f "$run/password" ]; then
	(umask 077 && head -c 9 /dev/urandom | base64 | tr '+/' 'xy' >"$run/password")
fi
password=$(cat "$run/password")

# The packs as they are, but watching one folder and asking more often, so that a first try shows at once.
rm -rf "$run/packs"
cp -r packs "$run/packs"
sed -i -e "s|^  linux: \[/home.*|  linux: ['$run/watched']|" -e 's/^checkin_interval: .*/checkin_interval: 10s/' "$run/packs/vn/endpoint_states.yaml"
(umask 077 && cat >"$run/server.conf" <<-EOT
	data_dir = $run/server
	listen_address = 127.0.0.1
	console_port = ${LUYTRE_CONSOLE_PORT:-8443}
	events_port = $events_port
	agent_port = $agent_port
	public_names = 127.0.0.1 localhost
	packs_dir = $run/packs
	web_dir = $LUYTRE_TOP/web
	messages_dir = $BUILD/messages
	sample_dir = $run/packs/vn/sample/cantho
	sample_password = $password
EOT
)
ca_file=$run/ca.pem

server= agent=
stop_all() {
	trap - EXIT INT TERM
	[ -z "$agent" ] || kill "$agent" 2>/dev/null || true
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait 2>/dev/null || true
}
trap stop_all EXIT
trap 'exit 0' INT TERM

# wait_for SECONDS WHAT COMMAND…
wait_for() {
	local seconds=$1 what=$2
	shift 2
	for _ in $(seq $((seconds * 5))); do
		"$@" >/dev/null 2>&1 && return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.2
	done
	tail -20 "$run/log/server.log" "$run/log/agent.log" >&2 2>/dev/null || true
	die "$what did not come up in $seconds s (logs in build/run/log)"
}
ask() { curl -sS --fail-with-body --cacert "$ca_file" -b "$run/cookies" -c "$run/cookies" -H 'X-Luytre-Request: 1' -H 'Content-Type: application/json' "$@"; }
field() { /usr/bin/python3 -c 'import json,sys; v=json.load(sys.stdin)
for k in sys.argv[1].split("."): v=v[int(k)] if k.isdigit() else v[k]
print(v)' "$1"; }

say "Starting the server"
"$BUILD/bin/luytre-server" --config "$run/server.conf" >"$run/log/server.log" 2>&1 &
server=$!
wait_for 60 "the console" curl -ksS --fail "$url/healthz"
# The CA as the agents see it; what comes later is checked against it.
curl -ksS --fail -o "$ca_file" "https://127.0.0.1:$agent_port/agent/v1/ca"

if [ ! -f "$run/agent/identity.json" ] && [ -z "$(ls "$run/agent" 2>/dev/null)" ]; then
	say "Enrolling an agent of this machine"
	ask -o /dev/null -d "{\"login\":\"quantri\",\"password\":\"$password\"}" "$url/api/v1/login"
	unit=$(ask "$url/api/v1/units?q=Ninh+Ki%E1%BB%81u&limit=1" | field items.0.id)
	token=$(ask -d "{\"unit_id\":\"$unit\"}" "$url/api/v1/enrolment-tokens" | field token)
	"$BUILD/bin/luytre-agent" enrol --server "https://127.0.0.1:$agent_port" --events "https://127.0.0.1:$events_port" \
		--token "$token" --state "$run/agent"
fi
rm -f "$run/cookies"
"$BUILD/bin/luytre-agent" run --state "$run/agent" >"$run/log/agent.log" 2>&1 &
agent=$!
wait_for 30 "the agent" "$BUILD/bin/luytre-agent" status --state "$run/agent"

cat <<-EOT

	Lũy Tre is running.

	  $url
	    trực giám sát / duty analyst      truc      $password
	    quản trị / administrator          quantri   $password
	    cán bộ phường / unit officer      ninhkieu  $password
	    lãnh đạo / leader                 lanhdao   $password
	  The certificate is signed by this installation's own CA: $ca_file

	  Watched folder: $run/watched
	    printf '%s' 'X5O!P%@AP[4\\PZX54(P^)7CC)7}\$EICAR-STANDARD-''ANTIVIRUS-TEST-FILE!\$H+H*' > $run/watched/eicar.txt
	  and look at $url/#/alerts

	  Ctrl+C stops it; ./dev run starts it again with what it had; --fresh begins anew.
EOT
[ -n "$until_ready" ] || wait "$server"
