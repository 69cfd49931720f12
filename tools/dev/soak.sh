# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev soak [ROUNDS] [FAULT…]: processes are killed, disks filled, clocks set while clients work; nothing may be lost or doubled.
(. tools/dev/build.sh)
rounds=20
case ${1:-} in
[0-9]*)
	rounds=$1
	shift
	;;
esac
bash tests/soak/run.sh --rounds "$rounds" "$@"
# Ten agents' deaths to a server's: 200 by default.
[ $# -gt 0 ] || LUYTRE_ROUNDS=$((rounds * 10)) bash tests/distribution/run.sh
