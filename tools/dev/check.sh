# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev check [STAGE…]: what must hold before a capability is called done, and takes too long for every change.
# Stages: test tidy tsan fuzz soak rooms office; all of them without a name. A failed stage does not stop the others; the end names it.
. tools/dev/setup.sh
stages=${*:-test tidy tsan fuzz soak rooms office}
begun=$SECONDS
passed=0
failures=

# Each stage is its own process or a chain of &&: a command that fails must end it.
stage_test() { ./dev test; }
stage_tidy() {
	if ! command -v clang-tidy-19 >/dev/null 2>&1; then
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends clang-tidy-19 >/dev/null || return
	fi
	# It reads the flags and the generated headers of a build.
	CC=$(compiler gcc) meson_build "$BUILD/asan" -Db_sanitize=address,undefined -Doptimization=1 &&
		/usr/bin/python3 tools/tidy.py "$BUILD/asan" -j "$(jobs_count)" --stamps "$BUILD/tidy"
}
stage_tsan() {
	CC=$(compiler gcc) meson_build "$BUILD/tsan" -Db_sanitize=thread -Doptimization=1 &&
		TSAN_OPTIONS="suppressions=$LUYTRE_TOP/tools/tsan.supp" \
			tools/with_postgres.sh meson test -C "$BUILD/tsan" --no-rebuild --print-errorlogs --timeout-multiplier 4
}
stage_fuzz() { ./dev fuzz; }
stage_soak() { ./dev soak; }
stage_rooms() {
	local failed=0 script
	for script in tests/*/soak.sh; do
		bash "$script" || failed=1
	done
	bash tools/dev/clean_room.sh || failed=1
	return $failed
}
# LibreOffice opens the DOCX that we write.
stage_office() {
	if ! command -v soffice >/dev/null 2>&1; then
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends libreoffice-writer-nogui >/dev/null || return
	fi
	LUYTRE_OFFICE=1 bash tests/documents/run.sh
}

for stage in $stages; do
	declare -F "stage_$stage" >/dev/null || die "check has no stage $stage; it has: test tidy tsan fuzz soak rooms office"
done
mkdir -p "$BUILD/log"
for stage in $stages; do
	start=$SECONDS
	say "check: $stage (the output is kept in build/log/check-$stage.log)"
	if "stage_$stage" 2>&1 | tee "$BUILD/log/check-$stage.log"; then
		passed=$((passed + 1))
		printf '    %-28s ok    %4d s\n' "check $stage" $((SECONDS - start))
	else
		failures="$failures $stage"
		printf '    %-28s FAIL  %4d s\n' "check $stage" $((SECONDS - start))
	fi
done
printf '\n%d of %d stages passed in %d min %d s\n' "$passed" "$(wc -w <<<"$stages")" $(((SECONDS - begun) / 60)) $(((SECONDS - begun) % 60))
[ -z "$failures" ] || die "failed:$failures (build/log/check-NAME.log)"
