# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev package [--no-chdb] [--no-windows]: .deb files (and the Windows installer) into build/packages/.
# LUYTRE_PACKAGE_VERSION overrules the version; LUYTRE_BUILT=1 takes the programs as they are.
chdb=1 windows=1
for option in "$@"; do
	case $option in
	--no-chdb) chdb= ;;
	--no-windows) windows= ;;
	*) die "package takes --no-chdb and --no-windows, not $option" ;;
	esac
done
[ -n "${LUYTRE_BUILT:-}" ] || (. tools/dev/build.sh)
export LUYTRE_TOP LUYTRE_BUILD=$BUILD
version=${LUYTRE_PACKAGE_VERSION:-$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)}
# The same commit gives the same bytes.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
out=$BUILD/packages tree=$BUILD/package/luytre
mkdir -p "$out"

say "Packages of version $version"
rm -rf "$tree" "$BUILD/package/man"
mkdir -p "$tree"
cp -r packaging/debian "$tree/debian"
cat >"$tree/debian/changelog" <<-EOT
	luytre ($version) unstable; urgency=medium

	  * Commit $(git rev-parse HEAD).

	 -- Lũy Tre maintainers <luytre@localhost>  $(LC_ALL=C date -R -u -d "@$SOURCE_DATE_EPOCH")
EOT
rm -f "$BUILD"/package/luytre*_"$version"_*
(cd "$tree" && DEB_BUILD_OPTIONS="noautodbgsym nocheck parallel=$(jobs_count)" dpkg-buildpackage -b -us -uc -d) >"$BUILD/package.log" 2>&1 || {
	tail -40 "$BUILD/package.log" >&2
	die "building the packages failed; the whole log is build/package.log"
}
mv "$BUILD"/package/luytre*_"$version"_*.deb "$out/"

# Half a gigabyte that never changes: made once for each version of the library.
package_chdb() {
	local from=node_modules/@chdb/lib-linux-x64-gnu root=$BUILD/package/chdb version deb
	version=$(node -p "require('./$from/package.json').version")-1
	deb=$out/luytre-chdb_${version}_amd64.deb
	[ ! -f "$deb" ] || [ packaging/chdb/control.in -nt "$deb" ] || return 0
	rm -rf "$root"
	mkdir -p "$root/DEBIAN" "$root/usr/lib/luytre" "$root/usr/share/doc/luytre-chdb" "$BUILD/package/shlibs/debian"
	ln -f "$from/libchdb.so" "$root/usr/lib/luytre/libchdb.so" 2>/dev/null || cp "$from/libchdb.so" "$root/usr/lib/luytre/"
	chmod 644 "$root/usr/lib/luytre/libchdb.so"
	cp packaging/chdb/copyright "$root/usr/share/doc/luytre-chdb/"
	printf 'luytre-chdb (%s) unstable; urgency=medium\n\n  * libchdb.so %s, unchanged.\n\n -- Lũy Tre maintainers <luytre@localhost>  %s\n' "$version" "${version%-1}" \
		"$(LC_ALL=C date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$root/usr/share/doc/luytre-chdb/changelog.gz"
	printf 'Source: luytre-chdb\n\nPackage: luytre-chdb\nArchitecture: amd64\n' >"$BUILD/package/shlibs/debian/control"
	local depends
	depends=$(cd "$BUILD/package/shlibs" && dpkg-shlibdeps -O --ignore-missing-info "$root/usr/lib/luytre/libchdb.so" 2>/dev/null | sed 's/^shlibs:Depends=//')
	sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$(du -sk "$root/usr" | cut -f1)/" -e "s/@DEPENDS@/$depends/" packaging/chdb/control.in >"$root/DEBIAN/control"
	(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
	# zstd: xz would take minutes here and seconds of every installation.
	dpkg-deb --root-owner-group -Zzstd -z9 --build "$root" "$deb" >>"$BUILD/package.log" 2>&1
	rm -rf "$root"
}
[ -z "$chdb" ] || package_chdb

package_windows() {
	meson_build "$BUILD/windows" --cross-file cross/mingw-w64-x86_64.ini -Dbuildtype=release
	x86_64-w64-mingw32-strip -o "$BUILD/package/luytre-agent.exe" "$BUILD/windows/src/program/agent/luytre-agent.exe"
	makensis -V2 -NOCD -DVERSION="$version" -DAGENT="$BUILD/package/luytre-agent.exe" -DOUT="$out/luytre-agent-$version.exe" \
		packaging/windows/agent.nsi >>"$BUILD/package.log" 2>&1 || { tail "$BUILD/package.log" >&2; die 'the Windows installer failed'; }
}
[ -z "$windows" ] || [ ! -f packaging/windows/agent.nsi ] || package_windows
(cd "$out" && ls -l | awk 'NR > 1 {printf "    build/packages/%-44s %9.1f KB\n", $9, $5 / 1024}')
