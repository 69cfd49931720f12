/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Microsoft Defender's state, from the registry and the service manager: the
 * agent reads it and does not fight it.
 */
#include <windows.h>

#include "base/clock/clock.h"
#include "base/json/json.h"
#include "base/mem/mem.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_windows.h"

#define DEFENDER L"SOFTWARE\\Microsoft\\Windows Defender"
#define DEFENDER_POLICY L"SOFTWARE\\Policies\\Microsoft\\Windows Defender"
#define FILETIME_1970 116444736000000000LL /* 100 ns steps from 1601 to 1970 */

static bool read_number(const wchar_t *path, const wchar_t *name, DWORD *ret)
{
	DWORD size = sizeof *ret;
	return RegGetValueW(HKEY_LOCAL_MACHINE, path, name, RRF_RT_REG_DWORD, NULL, ret, &size) == ERROR_SUCCESS;
}

static const char *service_state(const wchar_t *name)
{
	const char *state = "absent";
	SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
	SC_HANDLE service = manager != NULL ? OpenServiceW(manager, name, SERVICE_QUERY_STATUS) : NULL;
	SERVICE_STATUS status;
	if (service != NULL && QueryServiceStatus(service, &status))
		state = status.dwCurrentState == SERVICE_RUNNING ? "running" : "stopped";
	if (service != NULL)
		(void)CloseServiceHandle(service);
	if (manager != NULL)
		(void)CloseServiceHandle(manager);
	return state;
}

static void write_signatures(struct json_writer *w)
{
	wchar_t version[64];
	DWORD size = sizeof version;
	if (RegGetValueW(HKEY_LOCAL_MACHINE, DEFENDER L"\\Signature Updates", L"AVSignatureVersion", RRF_RT_REG_SZ, NULL, version,
	                 &size) == ERROR_SUCCESS) {
		char *text = agent_windows_utf8(version, -1);
		json_member_cstr(w, "signature_version", text);
		mem_free(text);
	}
	FILETIME t;
	size = sizeof t;
	if (RegGetValueW(HKEY_LOCAL_MACHINE, DEFENDER L"\\Signature Updates", L"SignaturesLastUpdated", RRF_RT_REG_BINARY, NULL, &t,
	                 &size) == ERROR_SUCCESS && size == sizeof t) {
		char text[CLOCK_ISO_SIZE];
		int64_t ticks = (int64_t)(((uint64_t)t.dwHighDateTime << 32) | t.dwLowDateTime);
		json_member_cstr(w, "signatures_updated_at", clock_iso((ticks - FILETIME_1970) / 10, text));
	}
}

void agent_os_extra_facts(struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	DWORD off = 0, policy_off = 0, realtime_off = 0, policy_realtime_off = 0;
	(void)read_number(DEFENDER, L"DisableAntiSpyware", &off);
	(void)read_number(DEFENDER_POLICY, L"DisableAntiSpyware", &policy_off);
	(void)read_number(DEFENDER L"\\Real-Time Protection", L"DisableRealtimeMonitoring", &realtime_off);
	(void)read_number(DEFENDER_POLICY L"\\Real-Time Protection", L"DisableRealtimeMonitoring", &policy_realtime_off);
	json_object(&w);
	json_name(&w, "defender");
	json_object(&w);
	json_member_cstr(&w, "service", service_state(L"WinDefend"));
	json_member_bool(&w, "switched_off", off != 0 || policy_off != 0);
	json_member_bool(&w, "real_time_off", realtime_off != 0 || policy_realtime_off != 0);
	write_signatures(&w);
	json_object_end(&w);
	json_object_end(&w);
}
