# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# What must pass before a change lands.
. tools/dev/setup.sh
export LUYTRE_SHARED=${LUYTRE_SHARED:-$LUYTRE_TOP/../shared}
passed=0
failed=0
failures=

mkdir -p "$BUILD/log"

# tell NAME STATUS SECONDS: one line, and of a failure the end of what it said.
tell() {
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		printf '    %-28s ok    %4d s\n' "$1" "$3"
	else
		failed=$((failed + 1))
		failures="$failures $1"
		printf '    %-28s FAIL  %4d s\n' "$1" "$3"
		tail -60 "$BUILD/log/$1.log" | sed 's/^/        /'
	fi
}

# step NAME COMMAND…: runs it, keeps its output in build/log/NAME.log, goes on after a failure.
step() {
	local name=$1 start=$SECONDS status=0
	shift
	"$@" >"$BUILD/log/$name.log" 2>&1 || status=$?
	tell "$name" $status $((SECONDS - start))
}

# Tests that start servers wait more than they work: two at a time. Those with a line "# alone" measure time and run by themselves.
declare -A lane_name=() lane_start=()
finish_one() {
	local pid status=0
	wait -n -p pid "${!lane_name[@]}" || status=$?
	tell "${lane_name[$pid]}" $status $((SECONDS - lane_start[$pid]))
	unset "lane_name[$pid]" "lane_start[$pid]"
}
in_lanes() {
	local script name
	for script; do
		[ ${#lane_name[@]} -lt 2 ] || finish_one
		name=$(basename "$(dirname "$script")")
		bash "$script" >"$BUILD/log/$name.log" 2>&1 &
		lane_name[$!]=$name lane_start[$!]=$SECONDS
	done
	while [ ${#lane_name[@]} -gt 0 ]; do finish_one; done
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
alone=()
together=()
for script in tests/*/run.sh; do
	if grep -q '^# alone' "$script"; then alone+=("$script"); else together+=("$script"); fi
done
in_lanes "${together[@]}"
for script in "${alone[@]}"; do
	step "$(basename "$(dirname "$script")")" bash "$script"
done

echo
echo "$passed passed, $failed failed"
[ $failed = 0 ] || die "failed:$failures (logs in build/log/)"
