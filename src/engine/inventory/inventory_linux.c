/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/inventory/inventory_internal.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <mntent.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "base/uuid/uuid.h"

#define STATUS_LIMIT ((size_t)64 << 20)
#define INTERFACES_MAX 64
#define DISKS_MAX 128
#define USERS_MAX 1000

void inventory_hostname(char *buf, size_t size)
{
	if (gethostname(buf, size) < 0)
		buf[0] = '\0';
	buf[size - 1] = '\0';
}

void inventory_boot_id(char *buf, size_t size)
{
	struct buf text = BUF_INIT(128);
	inventory_read_line("", "/proc/sys/kernel/random/boot_id", &text);
	str_copy_c(buf_str(&text), buf, size);
	buf_done(&text);
}

static void read_whole(const char *root, const char *path, size_t limit, struct buf *out)
{
	struct buf name = BUF_INIT(4096);
	buf_append_c(&name, root);
	buf_append_c(&name, path);
	if (file_read(name.p, limit, out, NULL) < 0)
		buf_clear(out);
	buf_done(&name);
}

static void write_release(struct json_writer *w, struct str release, const char *variable, const char *member)
{
	struct buf value = BUF_INIT(512);
	inventory_os_release(release, variable, &value);
	inventory_member(w, member, buf_str(&value));
	buf_done(&value);
}

void inventory_write_os(const char *root, struct json_writer *w)
{
	struct buf release = BUF_INIT((size_t)64 << 10);
	read_whole(root, "/etc/os-release", (size_t)64 << 10, &release);
	if (release.n == 0)
		read_whole(root, "/usr/lib/os-release", (size_t)64 << 10, &release);
	json_name(w, "os");
	json_object(w);
	json_member_cstr(w, "family", "linux");
	write_release(w, buf_str(&release), "ID", "id");
	write_release(w, buf_str(&release), "NAME", "name");
	write_release(w, buf_str(&release), "VERSION_ID", "version");
	write_release(w, buf_str(&release), "PRETTY_NAME", "pretty_name");
	struct utsname u;
	if (uname(&u) == 0) {
		json_member_cstr(w, "kernel", u.release);
		json_member_cstr(w, "architecture", u.machine);
	}
	json_object_end(w);
	buf_done(&release);
}

/* Empty for loopback, link-local and other families. */
static void address_text(const struct sockaddr *a, char text[INET6_ADDRSTRLEN])
{
	text[0] = '\0';
	if (a != NULL && a->sa_family == AF_INET) {
		const struct in_addr *v4 = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
		uint32_t n = ntohl(v4->s_addr);
		if (n >> 24 != 127 && n >> 16 != 0xa9fe)
			(void)inet_ntop(AF_INET, v4, text, INET6_ADDRSTRLEN);
	} else if (a != NULL && a->sa_family == AF_INET6) {
		const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
		if (!IN6_IS_ADDR_LOOPBACK(v6) && !IN6_IS_ADDR_LINKLOCAL(v6))
			(void)inet_ntop(AF_INET6, v6, text, INET6_ADDRSTRLEN);
	}
}

/* Of all interfaces when name is NULL. */
static void write_addresses(struct json_writer *w, const struct ifaddrs *list, const char *name)
{
	json_name(w, "addresses");
	json_array(w);
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		if (name != NULL && strcmp(name, i->ifa_name) != 0)
			continue;
		address_text(i->ifa_addr, text);
		if (text[0] != '\0')
			json_cstr(w, text);
	}
	json_array_end(w);
}

static bool link_address(const struct ifaddrs *i, char text[18])
{
	if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_PACKET || (i->ifa_flags & IFF_LOOPBACK) != 0)
		return false;
	const struct sockaddr_ll *l = (const struct sockaddr_ll *)(const void *)i->ifa_addr;
	if (l->sll_halen != 6)
		return false;
	(void)snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", l->sll_addr[0], l->sll_addr[1], l->sll_addr[2],
	               l->sll_addr[3], l->sll_addr[4], l->sll_addr[5]);
	return true;
}

void inventory_write_network(struct json_writer *w, bool interfaces_too)
{
	struct ifaddrs *list = NULL;
	if (getifaddrs(&list) < 0)
		return;
	write_addresses(w, list, NULL);
	if (interfaces_too) {
		unsigned count = 0;
		json_name(w, "interfaces");
		json_array(w);
		for (const struct ifaddrs *i = list; i != NULL && count < INTERFACES_MAX; i = i->ifa_next) {
			char mac[18];
			if (!link_address(i, mac))
				continue;
			count++;
			json_object(w);
			json_member_cstr(w, "name", i->ifa_name);
			json_member_cstr(w, "mac", mac);
			write_addresses(w, list, i->ifa_name);
			json_object_end(w);
		}
		json_array_end(w);
	}
	freeifaddrs(list);
}

void inventory_write_packages(const char *root, struct json_writer *w)
{
	struct buf status = BUF_INIT(STATUS_LIMIT);
	uint64_t left_out = 0;
	read_whole(root, "/var/lib/dpkg/status", STATUS_LIMIT, &status);
	json_member_cstr(w, "package_manager", status.n > 0 ? "dpkg" : "none");
	json_name(w, "packages");
	json_array(w);
	inventory_dpkg(buf_str(&status), w, INVENTORY_LIMIT / 2, &left_out);
	json_array_end(w);
	json_member_int(w, "packages_left_out", (int64_t)left_out);
	buf_done(&status);
}

static bool is_disk(const char *type)
{
	static const char *const types[] = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "vfat", "exfat", "ntfs", "ntfs3",
	                                    "fuseblk", "f2fs", "overlay", "nfs", "nfs4", "cifs", NULL};
	for (size_t i = 0; types[i] != NULL; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

void inventory_write_disks(const char *root, struct json_writer *w)
{
	struct buf path = BUF_INIT(4096);
	buf_append_c(&path, root);
	buf_append_c(&path, "/proc/self/mounts");
	FILE *f = setmntent(path.p, "re");
	buf_done(&path);
	json_name(w, "disks");
	json_array(w);
	struct mntent entry;
	static const size_t line_size = 8192;
	char *line = mem_alloc(line_size);
	unsigned count = 0;
	char previous[256] = "";
	while (f != NULL && count < DISKS_MAX && getmntent_r(f, &entry, line, (int)line_size) != NULL) {
		struct statvfs st;
		/* Network file systems may hang in statvfs: named, not measured. Bind mounts of one device are told once in a row. */
		bool remote = strncmp(entry.mnt_type, "nfs", 3) == 0 || strcmp(entry.mnt_type, "cifs") == 0;
		if (!is_disk(entry.mnt_type) || (previous[0] == '/' && strcmp(previous, entry.mnt_fsname) == 0))
			continue;
		str_copy_c(str_c(entry.mnt_fsname), previous, sizeof previous);
		count++;
		json_object(w);
		json_member_cstr(w, "mount", entry.mnt_dir);
		json_member_cstr(w, "device", entry.mnt_fsname);
		json_member_cstr(w, "type", entry.mnt_type);
		if (!remote && statvfs(entry.mnt_dir, &st) == 0 && st.f_blocks > 0) {
			json_member_int(w, "size_bytes", (int64_t)(st.f_blocks * st.f_frsize));
			json_member_int(w, "used_percent", (int64_t)((st.f_blocks - st.f_bfree) * 100 / st.f_blocks / 5 * 5));
		}
		json_object_end(w);
	}
	json_array_end(w);
	mem_free(line);
	if (f != NULL)
		(void)endmntent(f);
}

/* Members of the groups that may become root. */
static bool is_admin(struct str group_file, struct str user)
{
	static const char *const groups[] = {"sudo", "wheel", "admin", NULL};
	struct str rest = group_file, line;
	while (str_split(&rest, '\n', &line)) {
		struct str fields = line, name = STR_EMPTY, ignored, members = STR_EMPTY, member;
		if (!str_split(&fields, ':', &name) || !str_split(&fields, ':', &ignored) || !str_split(&fields, ':', &ignored) ||
		    !str_split(&fields, ':', &members))
			continue;
		bool admins = false;
		for (size_t i = 0; groups[i] != NULL; i++)
			admins = admins || str_eq_c(name, groups[i]);
		while (admins && str_split(&members, ',', &member))
			if (str_eq(member, user))
				return true;
	}
	return false;
}

static void write_user(struct json_writer *w, struct str line, struct str group_file)
{
	struct str f[7], rest = line;
	size_t n = 0;
	while (n < 7 && str_split(&rest, ':', &f[n]))
		n++;
	uint64_t uid = 0;
	if (n < 7 || !str_parse_u64(f[2], 0, UINT32_MAX, &uid) || (uid != 0 && uid < 1000) || uid == 65534)
		return;
	json_object(w);
	json_member_str(w, "name", str_sub(f[0], 0, 64));
	json_member_int(w, "uid", (int64_t)uid);
	json_member_str(w, "home", str_sub(f[5], 0, 256));
	json_member_str(w, "shell", str_sub(f[6], 0, 256));
	json_member_bool(w, "admin", uid == 0 || is_admin(group_file, f[0]));
	json_object_end(w);
}

void inventory_write_users(const char *root, struct json_writer *w)
{
	struct buf passwd = BUF_INIT((size_t)1 << 20), group = BUF_INIT((size_t)1 << 20);
	read_whole(root, "/etc/passwd", (size_t)1 << 20, &passwd);
	read_whole(root, "/etc/group", (size_t)1 << 20, &group);
	struct str rest = buf_str(&passwd), line;
	json_name(w, "users");
	json_array(w);
	for (unsigned i = 0; i < USERS_MAX && str_split(&rest, '\n', &line); i++)
		write_user(w, line, buf_str(&group));
	json_array_end(w);
	buf_done(&passwd);
	buf_done(&group);
}

static void write_line(const char *root, struct json_writer *w, const char *name, const char *path)
{
	struct buf text = BUF_INIT(1024);
	inventory_read_line(root, path, &text);
	inventory_member(w, name, buf_str(&text));
	buf_done(&text);
}

static void write_processor(const char *root, struct json_writer *w)
{
	struct buf info = BUF_INIT((size_t)1 << 20);
	read_whole(root, "/proc/cpuinfo", (size_t)1 << 20, &info);
	struct str rest = buf_str(&info), line, model = STR_EMPTY;
	int64_t count = 0;
	while (str_split(&rest, '\n', &line)) {
		size_t colon = str_find_char(line, ':');
		struct str name = colon == SIZE_MAX ? STR_EMPTY : str_trim(str_sub(line, 0, colon));
		if (str_eq(name, STR("processor")))
			count++;
		else if (str_eq(name, STR("model name")) && model.n == 0)
			model = str_trim(str_sub(line, colon + 1, line.n));
	}
	inventory_member(w, "processor", str_sub(model, 0, 128));
	json_member_int(w, "processors", count);
	buf_done(&info);
}

static void write_memory(const char *root, struct json_writer *w)
{
	struct buf info = BUF_INIT((size_t)64 << 10);
	read_whole(root, "/proc/meminfo", (size_t)64 << 10, &info);
	struct str rest = buf_str(&info), line;
	uint64_t kib = 0;
	while (str_split(&rest, '\n', &line)) {
		if (!str_starts_with(line, STR("MemTotal:")) || !str_ends_with(line, STR(" kB")))
			continue;
		if (str_parse_u64(str_trim(str_sub(line, 9, line.n - 3)), 0, INT64_MAX / 1024, &kib))
			json_member_int(w, "memory_bytes", (int64_t)kib * 1024);
		break;
	}
	buf_done(&info);
}

void inventory_write_machine(const char *root, struct json_writer *w)
{
	json_name(w, "machine");
	json_object(w);
	write_line(root, w, "id", "/etc/machine-id");
	write_line(root, w, "serial", "/sys/class/dmi/id/product_serial");
	write_line(root, w, "vendor", "/sys/class/dmi/id/sys_vendor");
	write_line(root, w, "product", "/sys/class/dmi/id/product_name");
	write_processor(root, w);
	write_memory(root, w);
	json_object_end(w);
}

void inventory_write_identity(const char *root, struct json_writer *w)
{
	struct ifaddrs *list = NULL;
	char mac[18];
	write_line(root, w, "id", "/etc/machine-id");
	write_line(root, w, "serial", "/sys/class/dmi/id/product_serial");
	if (getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (link_address(i, mac)) {
			json_member_cstr(w, "mac", mac);
			break;
		}
	}
	freeifaddrs(list);
}
