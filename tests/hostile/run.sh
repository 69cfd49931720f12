#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Files made to stop, leave, slow or blind the scanner. As root also sockets, devices, other people's folders.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
exec /usr/bin/python3 -B "$top/tests/hostile/hostile_test.py" "$@"
