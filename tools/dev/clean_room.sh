# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
# Proves the README: in a Debian 12 root made by debootstrap, on a fresh clone, `./dev test` and `./dev run` work with
# nothing installed by hand. Run as: bash tools/dev/clean_room.sh (as root; some minutes and 6 GB in build/).
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
root=${CLEAN_ROOM:-$top/build/clean-room}
mirror=$(awk '/^URIs:/ {print $2; exit} /^deb / {print $2; exit}' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1)

leave() {
	for mount in dev/shm dev/pts dev proc sys; do mountpoint -q "$root/$mount" && umount -l "$root/$mount"; done
	return 0
}
trap leave EXIT

command -v debootstrap >/dev/null || apt-get install -y -q --no-install-recommends debootstrap
if [ ! -f "$root/.complete" ]; then
	leave
	rm -rf "$root"
	mkdir -p "$root"
	debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" 2>&1 || { tail "$root.log"; exit 1; }
	# A person gets Debian's security updates too; otherwise packages of the two archives do not fit together.
	cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null && : >"$root/etc/apt/sources.list"
	# Only what a fresh installation would have: how to get the clone.
	chroot "$root" apt-get update -q >/dev/null
	chroot "$root" apt-get install -y -q --no-install-recommends git ca-certificates >/dev/null
	touch "$root/.complete"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
# A network may have a certificate authority of its own in front of the registries: what this machine trusts, the room trusts.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/outside.crt"
in_room() {
	env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
		NODE_EXTRA_CA_CERTS=/etc/ssl/certs/outside.crt ${http_proxy:+http_proxy=$http_proxy} ${https_proxy:+https_proxy=$https_proxy} \
		chroot "$root" bash -c "cd /home/luytre && $1"
}
for mount in proc sys dev dev/pts; do mountpoint -q "$root/$mount" || mount --bind "/$mount" "$root/$mount"; done
mountpoint -q "$root/dev/shm" || mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
rm -rf "$root/home/luytre"
git clone -q "$top" "$root/home/luytre"
echo "==> clean room: ./dev test"
in_room './dev test'
echo "==> clean room: ./dev run"
in_room 'timeout 300 ./dev run --until-ready'
echo "==> clean room: passed"
