# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev check: what must hold before a capability is called done, and takes too long for every change.
(. tools/dev/test.sh)

say "clang-tidy"
if ! command -v clang-tidy-19 >/dev/null 2>&1; then
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends clang-tidy-19 >/dev/null
fi
git ls-files 'src/*.c' | grep -vE 'windows|winhttp|cng|_fuzz\.c' | xargs -P "$(jobs_count)" -n 4 clang-tidy-19 -p "$BUILD/asan" --quiet 2>/dev/null | tee "$BUILD/clang-tidy.log" | grep -E 'warning:|error:' && die "clang-tidy found something (build/clang-tidy.log)"

say "ThreadSanitizer"
CC=$(compiler gcc) meson_build "$BUILD/tsan" -Db_sanitize=thread -Doptimization=1
TSAN_OPTIONS="suppressions=$LUYTRE_TOP/tools/tsan.supp" tools/with_postgres.sh meson test -C "$BUILD/tsan" --no-rebuild --print-errorlogs

say "Fuzzing, 60 s a target"
(. tools/dev/fuzz.sh)

for script in tests/*/soak.sh; do
	[ -f "$script" ] || continue
	say "$(basename "$(dirname "$script")") soak"
	bash "$script"
done

say "Clean Debian 12 root"
bash tools/dev/clean_room.sh
