#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# "Who has had this file?": an agent tells its programs, a new signature is looked up in what all machines told.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
exec /usr/bin/python3 -B "$top/tests/looking_back/looking_back_test.py" "$@"
