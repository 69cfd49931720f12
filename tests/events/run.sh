#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Events in over HTTP, alerts out exactly as expected: our own small rules, indicators and events always; all SigmaHQ rules over the
# real corpora when $LUYTRE_SHARED has them (LUYTRE_CORPORA: which ones). Also after kill -9 of the pipeline in the middle.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d /tmp/luytre-events-test.XXXXXX)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
LUYTRE_BIN=${LUYTRE_BIN:-$top/build/bin} /usr/bin/python3 "$top/tests/events/events.py" "$work" "${LUYTRE_SHARED:-$top/../shared}/data"
