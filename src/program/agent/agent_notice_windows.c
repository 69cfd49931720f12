/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <windows.h>
#include <wtsapi32.h>

#include "base/mem/mem.h"
#include "program/agent/agent_notice.h"
#include "program/agent/agent_windows.h"

/* A window on each desktop in use; nobody waits for its button. */
void agent_notice(const char *text)
{
	wchar_t title[] = L"L\u0169y Tre", *wide = text[0] != '\0' ? agent_windows_wide(text) : NULL;
	WTS_SESSION_INFOW *sessions = NULL;
	DWORD count = 0, answer = 0;
	if (wide != NULL && WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &sessions, &count)) {
		for (DWORD i = 0; i < count; i++)
			if (sessions[i].State == WTSActive)
				(void)WTSSendMessageW(WTS_CURRENT_SERVER_HANDLE, sessions[i].SessionId, title, sizeof title - sizeof title[0], wide,
				                      (DWORD)(wcslen(wide) * sizeof *wide), MB_OK | MB_ICONWARNING | MB_SETFOREGROUND, 0,
				                      &answer, FALSE);
		WTSFreeMemory(sessions);
	}
	mem_free(wide);
}
