#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# with_postgres.sh COMMAND…: runs COMMAND with LUYTRE_TEST_PG naming a throw-away PostgreSQL on a private Unix socket
# (no TCP). Everything is stopped and removed afterwards. As root the server runs as user postgres, because it refuses root.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: $0 COMMAND…" >&2; exit 2; }

bin=${PG_BIN:-}
for dir in /usr/lib/postgresql/*/bin; do
	if [ -z "$bin" ] && [ -x "$dir/initdb" ]; then bin=$dir; fi
done
[ -n "$bin" ] || { echo "$0: no PostgreSQL server found (apt install postgresql-15)" >&2; exit 1; }

# Short, because a socket's path has at most 107 bytes.
dir=$(mktemp -d /tmp/luytre-pg.XXXXXX)
as_server() { "$@"; }
if [ "$(id -u)" = 0 ]; then
	chown postgres "$dir"
	as_server() { runuser -u postgres -- "$@"; }
fi
clean_up() {
	as_server "$bin/pg_ctl" -D "$dir/data" -m immediate -s stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

cd "$dir"
chmod 755 "$dir"
mkdir "$dir/sock" && chmod 777 "$dir/sock"
as_server "$bin/initdb" -D "$dir/data" -U luytre --auth=trust --encoding=UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 ||
	{ cat "$dir/initdb.log" >&2; exit 1; }
# Durability off: the data dies with the test.
cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir/sock'
max_connections = 200
fsync = off
full_page_writes = off
shared_buffers = 64MB
autovacuum = on
CONF
as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/log" -w -s start || { cat "$dir/data/log" >&2; exit 1; }
as_server "$bin/createdb" -h "$dir/sock" -U luytre luytre
cd "$OLDPWD"

status=0
LUYTRE_TEST_PG="postgresql://luytre@/luytre?host=$dir/sock" "$@" || status=$?
if [ "$status" != 0 ] && [ -n "${LUYTRE_PG_LOG:-}" ]; then cp "$dir/data/log" "$LUYTRE_PG_LOG"; fi
exit "$status"
