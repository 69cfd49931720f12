# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev fuzz [NAME] [SECONDS]: libFuzzer over each target, starting from fuzz/corpus/NAME; a finding is kept in build/fuzz/.
. tools/dev/setup.sh
if ! command -v clang >/dev/null 2>&1 || ! ls /usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a >/dev/null 2>&1; then
	say "Installing clang and its fuzzer runtime"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends clang libclang-rt-14-dev >/dev/null
fi
wanted=${1:-}
seconds=${2:-60}
case $wanted in '' | *[!0-9]*) ;; *) seconds=$wanted wanted= ;; esac
CC=clang meson_build "$BUILD/fuzz" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1
findings=0
for target in "$BUILD"/fuzz/*_fuzz "$BUILD"/fuzz/src/program/*/*_fuzz; do
	[ -f "$target" ] && [ -x "$target" ] || continue
	name=$(basename "$target" _fuzz)
	[ -z "$wanted" ] || [ "$wanted" = "$name" ] || continue
	mkdir -p "$BUILD/fuzz-corpus/$name"
	printf '    %-24s %s s ' "$name" "$seconds"
	if (cd "$BUILD/fuzz" && "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix="finding-$name-" "$BUILD/fuzz-corpus/$name" "$LUYTRE_TOP/fuzz/corpus/$name") >"$BUILD/fuzz/$name.log" 2>&1; then
		printf 'ok, %s runs\n' "$(awk '/stat::number_of_executed_units/ {print $2}' "$BUILD/fuzz/$name.log")"
	else
		findings=$((findings + 1))
		printf 'FINDING: build/fuzz/%s.log\n' "$name"
	fi
done
[ $findings = 0 ] || die "$findings fuzz targets found something"
