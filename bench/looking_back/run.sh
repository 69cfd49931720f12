#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The city's history of files: size, and how long "who has had this file?" and a look back take. Never fails.
#   MACHINES (default 20000), FILES a machine (default 1000)
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
exec /usr/bin/python3 -B "$top/bench/looking_back/looking_back_bench.py" "${MACHINES:-20000}" "${FILES:-1000}"
