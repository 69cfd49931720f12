# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# What must pass before a change lands.
. tools/dev/setup.sh
export LUYTRE_SHARED=${LUYTRE_SHARED:-$LUYTRE_TOP/../shared}
passed=0
failed=0
failures=

# step NAME COMMAND…: runs it, keeps its output in build/log/NAME.log, goes on after a failure.
step() {
	local name=$1 start=$SECONDS
	shift
	mkdir -p "$BUILD/log"
	if "$@" >"$BUILD/log/$name.log" 2>&1; then
		passed=$((passed + 1))
		printf '    %-28s ok    %4d s\n' "$name" $((SECONDS - start))
	else
		failed=$((failed + 1))
		failures="$failures $name"
		printf '    %-28s FAIL  %4d s\n' "$name" $((SECONDS - start))
		tail -60 "$BUILD/log/$name.log" | sed 's/^/        /'
	fi
}

build_sanitized() {
	CC=$(compiler gcc) meson_build "$BUILD/asan" -Db_sanitize=address,undefined -Doptimization=1
}
unit_tests() {
	ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
		tools/with_postgres.sh meson test -C "$BUILD/asan" --no-rebuild --print-errorlogs
}
build_windows() { meson_build "$BUILD/windows" --cross-file cross/mingw-w64-x86_64.ini -Dbuildtype=release; }
build_release() { (. tools/dev/build.sh); }

say "Checks"
for check in tools/check/*.py; do
	step "check-$(basename "$check" .py)" /usr/bin/python3 "$check"
done
say "Builds"
step build-release build_release
step build-sanitized build_sanitized
step build-windows build_windows
say "Tests"
step unit unit_tests
for script in tests/*/run.sh; do
	[ -f "$script" ] || continue
	step "$(basename "$(dirname "$script")")" bash "$script"
done

echo
echo "$passed passed, $failed failed"
[ $failed = 0 ] || die "failed:$failures (logs in build/log/)"
