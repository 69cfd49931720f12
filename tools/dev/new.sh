# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# ./dev new service NAME: a working room from tools/template_service, one subdir line, one service table line.
[ "${1:-}" = service ] && [ -n "${2:-}" ] || die "usage: ./dev new service NAME"
name=$2
case $name in *[!a-z_]* | _* | *_) die "a room's name is lower-case letters and underscores: $name" ;; esac
room=src/service/$name
[ ! -e "$room" ] || die "$room is already there"
upper=$(tr '[:lower:]' '[:upper:]' <<<"$name")
mkdir -p "$room"
for source in tools/template_service/*; do
	target=$room/$(basename "$source" | sed "s/template/$name/")
	sed -e "s/template/$name/g" -e "s/TEMPLATE/$upper/g" "$source" >"$target"
done
echo "subdir('$name')" >>src/service/meson.build
echo "SERVICE($name)" >>src/service/service.def
say "New room $room; docs/adding-a-service.md explains each file"
ls "$room"
