# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev bench [NAME]: runs bench/NAME/run.sh (all of them without a name).
(. tools/dev/build.sh)
for script in bench/*/run.sh; do
	name=$(basename "$(dirname "$script")")
	[ -z "${1:-}" ] || [ "$1" = "$name" ] || continue
	say "bench $name"
	bash "$script"
done
