#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Signing in with more than a password, helping others to, four eyes: a server of its own (sample city, SQLite) and Chromium
# with a virtual authenticator. `localhost` stands in for the server's name: a passkey belongs to a name, not to an address.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/lib.sh"
bin=${LUYTRE_BIN:-$top/build/bin}
work=$(mktemp -d /tmp/luytre-accounts-test.XXXXXX)
chmod 755 "$work"
server=
clean_up() {
	trap - EXIT
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT
port=$(free_port)
user=
[ "$(id -u)" = 0 ] && user=nobody
cat >"$work/server.conf" <<EOT
data_dir = $work/data
listen_address = 127.0.0.1
console_port = $port
events_port = 0
agent_port = 0
public_names = localhost 127.0.0.1
packs_dir = $top/packs
web_dir = $top/web
messages_dir = $top/build/messages
eventdb = none
sample_dir = $top/packs/vn/sample/cantho
sample_password = Mot-hai-ba-4
user = $user
key_user = $user
EOT
"$bin/luytre-server" --config "$work/server.conf" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do
	curl -ks --fail -o /dev/null "https://127.0.0.1:$port/healthz" && break
	sleep 0.2
done
export LUYTRE_URL=https://localhost:$port LUYTRE_PASSWORD=Mot-hai-ba-4
# The browser must take the certificate for good, or it refuses passkeys.
LUYTRE_SPKI=$(openssl s_client -connect "127.0.0.1:$port" -servername localhost </dev/null 2>/dev/null | openssl x509 -pubkey -noout |
	openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
export LUYTRE_SPKI
as_user() { "$@"; }
if [ "$(id -u)" = 0 ]; then
	mkdir "$work/home"
	chown nobody "$work/home"
	as_user() { runuser -u nobody -- "$@"; }
fi
as_user env HOME="$work/home" TMPDIR="$work/home" XDG_CONFIG_HOME="$work/home" XDG_CACHE_HOME="$work/home" node --test ${LUYTRE_ONLY:+--test-name-pattern="$LUYTRE_ONLY"} "$top/tests/accounts/e2e.mjs" || { tail -20 "$work/log"; exit 1; }
