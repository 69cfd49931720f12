#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# luytre scan as a program: beside clamscan and yara on the same files and rules, and on hostile trees.
# Needs clamav (clamscan) and yara. Programs: $LUYTRE_BIN, or build/bin.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
export LUYTRE_BIN=${LUYTRE_BIN:-$top/build/bin}
exec /usr/bin/python3 "$top/tests/scan/scan_test.py"
