/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <windows.h>
#include <aclapi.h>
#include <io.h>
#include <sddl.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_windows.h"

const bool agent_os_backslash = true;

/* Made by agent_os_wait_setup before any thread. */
static HANDLE stop_event, wake_event;

wchar_t *agent_windows_wide(const char *text)
{
	int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
	if (n <= 0)
		return NULL;
	wchar_t *out = mem_alloc_array((size_t)n, sizeof *out);
	(void)MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, out, n);
	return out;
}

char *agent_windows_utf8(const wchar_t *text, int chars)
{
	int n = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, text, chars, NULL, 0, NULL, NULL);
	if (n <= 0)
		return NULL;
	char *out = mem_alloc((size_t)n + 1);
	(void)WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, text, chars, out, n, NULL, NULL);
	return out;
}

int agent_os_sync(int fd)
{
	return _commit(fd);
}

int agent_os_sync_data(int fd)
{
	return _commit(fd);
}

void agent_os_sleep(usec_t t)
{
	Sleep((DWORD)(t / USEC_PER_MS));
}

usec_t agent_os_uptime(void)
{
	return (usec_t)GetTickCount64() * USEC_PER_MS;
}

const char *agent_os_state_dir(void)
{
	return "C:\\ProgramData\\Luytre";
}

int agent_os_lock(const char *state_dir, struct err *err)
{
	struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(state_dir), STR("lock"));
	wchar_t *wide = agent_windows_wide(path.p);
	/* Not shared, closed by the end of the process. */
	HANDLE h = wide != NULL ? CreateFileW(wide, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL)
	                        : INVALID_HANDLE_VALUE;
	DWORD code = GetLastError();
	mem_free(wide);
	buf_done(&path);
	if (h != INVALID_HANDLE_VALUE)
		return 0;
	if (code == ERROR_SHARING_VIOLATION)
		return err_set(err, -EBUSY, "agent.already_running", ARG_CSTR("dir", state_dir));
	return err_errno(err, code == ERROR_ACCESS_DENIED ? EACCES : EIO, "CreateFileW", str_c(state_dir));
}

int agent_os_make_private_dir(const char *path, struct err *err)
{
	int r = file_make_dirs(path, 0700, err);
	if (r < 0)
		return r;
	/* The system and administrators, nobody inherited. */
	PSECURITY_DESCRIPTOR sd = NULL;
	wchar_t *wide = agent_windows_wide(path);
	bool ok = wide != NULL &&
	          ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)",
	                                                               SDDL_REVISION_1, &sd, NULL) &&
	          SetFileSecurityW(wide, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, sd);
	DWORD code = GetLastError();
	if (sd != NULL)
		(void)LocalFree(sd);
	mem_free(wide);
	return ok ? 0 : err_errno(err, code == ERROR_ACCESS_DENIED ? EACCES : EIO, "SetFileSecurityW", str_c(path));
}

void agent_os_owner(int fd, char *buf, size_t size)
{
	PSID owner = NULL;
	PSECURITY_DESCRIPTOR sd = NULL;
	wchar_t name[256], domain[256];
	DWORD name_size = ARRAY_LEN(name), domain_size = ARRAY_LEN(domain);
	SID_NAME_USE use;
	buf[0] = '\0';
	if (GetSecurityInfo((HANDLE)_get_osfhandle(fd), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL,
	                    &sd) != ERROR_SUCCESS)
		return;
	if (LookupAccountSidW(NULL, owner, name, &name_size, domain, &domain_size, &use)) {
		char *text = agent_windows_utf8(name, -1);
		if (text != NULL)
			str_copy_c(str_c(text), buf, size);
		mem_free(text);
	}
	(void)LocalFree(sd);
}

int agent_os_open_for_scan(const char *path)
{
	wchar_t *wide = agent_windows_wide(path);
	if (wide == NULL)
		return -EINVAL;
	/* READ_CONTROL: the owner is asked for. A reparse point is opened itself and refused. */
	HANDLE h = CreateFileW(wide, GENERIC_READ | READ_CONTROL, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
	                       OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_SEQUENTIAL_SCAN, NULL);
	DWORD code = GetLastError();
	mem_free(wide);
	if (h == INVALID_HANDLE_VALUE)
		return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND ? -ENOENT
		       : code == ERROR_SHARING_VIOLATION                            ? -EBUSY
		                                                                    : -EACCES;
	BY_HANDLE_FILE_INFORMATION info;
	if (!GetFileInformationByHandle(h, &info) ||
	    (info.dwFileAttributes & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DIRECTORY)) != 0) {
		(void)CloseHandle(h);
		return -ELOOP;
	}
	return _open_osfhandle((intptr_t)h, _O_RDONLY | _O_BINARY);
}

char *agent_os_real_path(const char *path)
{
	wchar_t *wide = agent_windows_wide(path), full[4096];
	DWORD n = wide != NULL ? GetFullPathNameW(wide, ARRAY_LEN(full), full, NULL) : 0;
	mem_free(wide);
	return n > 0 && n < ARRAY_LEN(full) ? agent_windows_utf8(full, -1) : NULL;
}

void agent_os_wait_setup(void)
{
	stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
	wake_event = CreateEventW(NULL, FALSE, FALSE, NULL);
}

enum agent_wake agent_os_wait(usec_t timeout)
{
	HANDLE events[] = {stop_event, wake_event};
	DWORD why = WaitForMultipleObjects(2, events, FALSE, (DWORD)(timeout / USEC_PER_MS) + 1);
	if (why == WAIT_OBJECT_0)
		return AGENT_WAKE_STOP;
	return why == WAIT_OBJECT_0 + 1 ? AGENT_WAKE_ASKED : AGENT_WAKE_TIME;
}

void agent_os_wake(void)
{
	(void)SetEvent(wake_event);
}

static LONG shutting_down;

void agent_windows_shut_down(void)
{
	(void)InterlockedExchange(&shutting_down, 1);
	agent_windows_stop();
}

bool agent_os_shutting_down(void)
{
	return InterlockedCompareExchange(&shutting_down, 0, 0) != 0;
}

void agent_windows_stop(void)
{
	(void)SetEvent(stop_event);
}
