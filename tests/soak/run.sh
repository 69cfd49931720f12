#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Every fault, a few rounds each. See docs/faults.md. The long form is ./dev soak. Arguments go to soak.py.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${LUYTRE_TEST_PG:-}" ]; then
	exec "$top/tools/with_postgres.sh" bash "$0" "$@"
fi
[ $# -gt 0 ] || set -- --rounds 2 --events 6000 --files 120
exec /usr/bin/python3 -B "$top/tests/soak/soak.py" "$@"
