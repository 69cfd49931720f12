#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# The long form: a million pairs of generated rule and file. SEED chooses others.
exec bash "$(dirname "$0")/run.sh" "${PAIRS:-1000000}" "${SEED:-1000}"
