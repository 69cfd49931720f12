/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Shared by the Windows files of the agent. */
#pragma once
#include <wchar.h>

/* Copies to free with mem_free; NULL when the text is not well formed. chars -1: NUL-terminated. */
wchar_t *agent_windows_wide(const char *text);
char *agent_windows_utf8(const wchar_t *text, int chars);
/* Ends agent_os_wait with AGENT_WAKE_STOP. */
void agent_windows_stop(void);
/* The same, because Windows shuts down. */
void agent_windows_shut_down(void);
