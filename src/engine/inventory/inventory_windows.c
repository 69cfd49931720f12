/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <winsock2.h>
#include <windows.h>
#include <iphlpapi.h>
#include <lm.h>
#include <stdio.h>
#include <ws2tcpip.h>

#include "base/mem/mem.h"
#include "base/uuid/uuid.h"
#include "engine/inventory/inventory_internal.h"

#define CURRENT_VERSION L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
#define UNINSTALL L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
#define BIOS L"HARDWARE\\DESCRIPTION\\System\\BIOS"
#define PROCESSOR L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0"
#define PACKAGES_MAX 5000

static void append_wide(struct buf *out, const wchar_t *text)
{
	char utf8[2048];
	int n = WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, sizeof utf8, NULL, NULL);
	if (n > 1)
		buf_append(out, str_n(utf8, (size_t)n - 1));
}

static void write_wide(struct json_writer *w, const char *name, const wchar_t *text)
{
	struct buf value = BUF_INIT(2048);
	append_wide(&value, text);
	inventory_member(w, name, str_trim(buf_str(&value)));
	buf_done(&value);
}

/* false: there is no such text value. */
static bool registry_text(HKEY root, const wchar_t *path, const wchar_t *name, wchar_t *out, DWORD chars)
{
	DWORD size = chars * (DWORD)sizeof *out;
	out[0] = L'\0';
	return RegGetValueW(root, path, name, RRF_RT_REG_SZ, NULL, out, &size) == ERROR_SUCCESS;
}

static void write_registry(struct json_writer *w, const char *member, const wchar_t *path, const wchar_t *name)
{
	wchar_t value[512];
	if (registry_text(HKEY_LOCAL_MACHINE, path, name, value, ARRAY_LEN(value)))
		write_wide(w, member, value);
}

void inventory_hostname(char *buf, size_t size)
{
	wchar_t name[256];
	DWORD n = ARRAY_LEN(name);
	struct buf text = BUF_INIT(1024);
	if (GetComputerNameExW(ComputerNameDnsHostname, name, &n))
		append_wide(&text, name);
	str_copy_c(buf_str(&text), buf, size);
	buf_done(&text);
}

void inventory_boot_id(char *buf, size_t size)
{
	/* Windows has none; one a process is as good for telling two machines with one certificate apart. */
	static struct uuid id;
	static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
	char text[UUID_TEXT_SIZE];
	BOOL pending = FALSE;
	if (InitOnceBeginInitialize(&once, 0, &pending, NULL) && pending) {
		id = uuid_new();
		(void)InitOnceComplete(&once, 0, NULL);
	}
	str_copy_c(str_c(uuid_text(&id, text)), buf, size);
}

void inventory_write_os(const char *root, struct json_writer *w)
{
	(void)root;
	wchar_t product[128], release[64], build[32];
	json_name(w, "os");
	json_object(w);
	json_member_cstr(w, "family", "windows");
	json_member_cstr(w, "id", "windows");
	(void)registry_text(HKEY_LOCAL_MACHINE, CURRENT_VERSION, L"ProductName", product, ARRAY_LEN(product));
	if (!registry_text(HKEY_LOCAL_MACHINE, CURRENT_VERSION, L"DisplayVersion", release, ARRAY_LEN(release)) &&
	    !registry_text(HKEY_LOCAL_MACHINE, CURRENT_VERSION, L"ReleaseId", release, ARRAY_LEN(release)))
		(void)registry_text(HKEY_LOCAL_MACHINE, CURRENT_VERSION, L"CSDVersion", release, ARRAY_LEN(release));
	(void)registry_text(HKEY_LOCAL_MACHINE, CURRENT_VERSION, L"CurrentBuild", build, ARRAY_LEN(build));
	write_wide(w, "name", product);
	write_wide(w, "version", build);
	struct buf pretty = BUF_INIT(512);
	append_wide(&pretty, product);
	buf_append_char(&pretty, ' ');
	append_wide(&pretty, release);
	buf_append_c(&pretty, " (");
	append_wide(&pretty, build);
	buf_append_char(&pretty, ')');
	json_member_str(w, "pretty_name", buf_str(&pretty));
	buf_done(&pretty);
	SYSTEM_INFO info;
	GetNativeSystemInfo(&info);
	json_member_cstr(w, "architecture", info.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_AMD64 ? "x86_64" : "x86");
	json_object_end(w);
}

static IP_ADAPTER_ADDRESSES *read_adapters(void)
{
	ULONG size = 64 << 10;
	for (int i = 0; i < 3; i++) {
		IP_ADAPTER_ADDRESSES *list = mem_alloc(size);
		ULONG code = GetAdaptersAddresses(AF_UNSPEC, GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER,
		                                  NULL, list, &size);
		if (code == NO_ERROR)
			return list;
		mem_free(list);
		if (code != ERROR_BUFFER_OVERFLOW)
			break;
	}
	return NULL;
}

static void write_adapter_addresses(struct json_writer *w, const IP_ADAPTER_ADDRESSES *adapter)
{
	if (adapter->IfType == IF_TYPE_SOFTWARE_LOOPBACK)
		return;
	for (const IP_ADAPTER_UNICAST_ADDRESS *a = adapter->FirstUnicastAddress; a != NULL; a = a->Next) {
		char text[64];
		if (getnameinfo(a->Address.lpSockaddr, a->Address.iSockaddrLength, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0 &&
		    strncmp(text, "fe80:", 5) != 0 && strncmp(text, "169.254.", 8) != 0)
			json_cstr(w, text);
	}
}

static bool adapter_mac(const IP_ADAPTER_ADDRESSES *a, char text[18])
{
	const BYTE *m = a->PhysicalAddress;
	if (a->PhysicalAddressLength != 6 || a->IfType == IF_TYPE_SOFTWARE_LOOPBACK)
		return false;
	(void)snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return true;
}

void inventory_write_network(struct json_writer *w, bool interfaces_too)
{
	WSADATA wsa;
	bool started = WSAStartup(MAKEWORD(2, 2), &wsa) == 0; /* getnameinfo needs it */
	IP_ADAPTER_ADDRESSES *list = read_adapters();
	json_name(w, "addresses");
	json_array(w);
	for (const IP_ADAPTER_ADDRESSES *a = list; a != NULL; a = a->Next)
		write_adapter_addresses(w, a);
	json_array_end(w);
	if (interfaces_too) {
		json_name(w, "interfaces");
		json_array(w);
		for (const IP_ADAPTER_ADDRESSES *a = list; a != NULL; a = a->Next) {
			char mac[18];
			if (!adapter_mac(a, mac))
				continue;
			json_object(w);
			write_wide(w, "name", a->FriendlyName);
			json_member_cstr(w, "mac", mac);
			json_name(w, "addresses");
			json_array(w);
			write_adapter_addresses(w, a);
			json_array_end(w);
			json_object_end(w);
		}
		json_array_end(w);
	}
	mem_free(list);
	if (started)
		(void)WSACleanup();
}

static void write_uninstall_entry(struct json_writer *w, HKEY list, const wchar_t *key, const char *architecture)
{
	wchar_t name[256], version[128];
	DWORD system = 0, size = sizeof system;
	DWORD name_size = sizeof name, version_size = sizeof version;
	if (RegGetValueW(list, key, L"DisplayName", RRF_RT_REG_SZ, NULL, name, &name_size) != ERROR_SUCCESS || name[0] == L'\0')
		return;
	if (RegGetValueW(list, key, L"SystemComponent", RRF_RT_REG_DWORD, NULL, &system, &size) == ERROR_SUCCESS && system == 1)
		return;
	if (RegGetValueW(list, key, L"DisplayVersion", RRF_RT_REG_SZ, NULL, version, &version_size) != ERROR_SUCCESS)
		version[0] = L'\0';
	json_object(w);
	write_wide(w, "name", name);
	write_wide(w, "version", version);
	json_member_cstr(w, "architecture", architecture);
	json_object_end(w);
}

static void write_uninstall_list(struct json_writer *w, REGSAM view, const char *architecture)
{
	HKEY list = NULL;
	if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, UNINSTALL, 0, KEY_READ | view, &list) != ERROR_SUCCESS)
		return;
	for (DWORD i = 0; i < PACKAGES_MAX && w->out->n < INVENTORY_LIMIT / 2; i++) {
		wchar_t key[256];
		DWORD n = ARRAY_LEN(key);
		if (RegEnumKeyExW(list, i, key, &n, NULL, NULL, NULL, NULL) != ERROR_SUCCESS)
			break;
		write_uninstall_entry(w, list, key, architecture);
	}
	(void)RegCloseKey(list);
}

void inventory_write_packages(const char *root, struct json_writer *w)
{
	(void)root;
	json_member_cstr(w, "package_manager", "registry");
	json_name(w, "packages");
	json_array(w);
	write_uninstall_list(w, KEY_WOW64_64KEY, "x86_64");
	write_uninstall_list(w, KEY_WOW64_32KEY, "x86");
	json_array_end(w);
}

void inventory_write_disks(const char *root, struct json_writer *w)
{
	(void)root;
	DWORD drives = GetLogicalDrives();
	json_name(w, "disks");
	json_array(w);
	for (unsigned i = 0; i < 26; i++) {
		wchar_t path[] = {(wchar_t)(L'A' + i), L':', L'\\', L'\0'};
		if ((drives & (1u << i)) == 0 || GetDriveTypeW(path) != DRIVE_FIXED)
			continue;
		wchar_t type[64] = L"";
		ULARGE_INTEGER free_bytes, total;
		(void)GetVolumeInformationW(path, NULL, 0, NULL, NULL, NULL, type, ARRAY_LEN(type));
		json_object(w);
		write_wide(w, "mount", path);
		write_wide(w, "type", type);
		if (GetDiskFreeSpaceExW(path, NULL, &total, &free_bytes) && total.QuadPart > 0) {
			json_member_int(w, "size_bytes", (int64_t)total.QuadPart);
			json_member_int(w, "used_percent", (int64_t)((total.QuadPart - free_bytes.QuadPart) / (total.QuadPart / 100 + 1) / 5 * 5));
		}
		json_object_end(w);
	}
	json_array_end(w);
}

void inventory_write_users(const char *root, struct json_writer *w)
{
	(void)root;
	USER_INFO_1 *users = NULL;
	DWORD count = 0, total = 0;
	json_name(w, "users");
	json_array(w);
	NET_API_STATUS status = NetUserEnum(NULL, 1, FILTER_NORMAL_ACCOUNT, (LPBYTE *)&users, 256 << 10, &count, &total, NULL);
	for (DWORD i = 0; (status == NERR_Success || status == ERROR_MORE_DATA) && i < count; i++) {
		if ((users[i].usri1_flags & UF_ACCOUNTDISABLE) != 0)
			continue;
		json_object(w);
		write_wide(w, "name", users[i].usri1_name);
		json_member_bool(w, "admin", users[i].usri1_priv == USER_PRIV_ADMIN);
		json_object_end(w);
	}
	json_array_end(w);
	if (users != NULL)
		(void)NetApiBufferFree(users);
}

void inventory_write_machine(const char *root, struct json_writer *w)
{
	(void)root;
	SYSTEM_INFO info;
	MEMORYSTATUSEX memory = {.dwLength = sizeof memory};
	json_name(w, "machine");
	json_object(w);
	write_registry(w, "id", L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid");
	write_registry(w, "vendor", BIOS, L"SystemManufacturer");
	write_registry(w, "product", BIOS, L"SystemProductName");
	write_registry(w, "processor", PROCESSOR, L"ProcessorNameString");
	GetNativeSystemInfo(&info);
	json_member_int(w, "processors", info.dwNumberOfProcessors);
	if (GlobalMemoryStatusEx(&memory))
		json_member_int(w, "memory_bytes", (int64_t)memory.ullTotalPhys);
	json_object_end(w);
}

void inventory_write_identity(const char *root, struct json_writer *w)
{
	(void)root;
	write_registry(w, "id", L"SOFTWARE\\Microsoft\\Cryptography", L"MachineGuid");
	IP_ADAPTER_ADDRESSES *list = read_adapters();
	for (const IP_ADAPTER_ADDRESSES *a = list; a != NULL; a = a->Next) {
		char mac[18];
		if (adapter_mac(a, mac)) {
			json_member_cstr(w, "mac", mac);
			break;
		}
	}
	mem_free(list);
}
