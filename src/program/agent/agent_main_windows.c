/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The Windows service "LuytreAgent"; started by hand, `run` works on the console. */
#include <windows.h>

#include <stdio.h>

#include "base/log/log.h"
#include "base/mem/mem.h"
#include "program/agent/agent_args.h"
#include "program/agent/agent_notice.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_run.h"
#include "program/agent/agent_windows.h"

#define SERVICE_NAME L"LuytreAgent"

/* ServiceMain gets no context of its own. Set before the dispatcher starts. */
static struct agent_args args;
static SERVICE_STATUS_HANDLE status_handle;

static void set_status(DWORD state, DWORD exit_code)
{
	SERVICE_STATUS status = {
		.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
		.dwCurrentState = state,
		.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN : 0,
		.dwWin32ExitCode = exit_code,
		.dwWaitHint = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING ? 30000 : 0,
	};
	(void)SetServiceStatus(status_handle, &status);
}

static DWORD WINAPI on_control(DWORD control, DWORD type, void *data, void *context)
{
	(void)type;
	(void)data;
	(void)context;
	switch (control) {
	case SERVICE_CONTROL_STOP:
	case SERVICE_CONTROL_SHUTDOWN:
		set_status(SERVICE_STOP_PENDING, NO_ERROR);
		if (control == SERVICE_CONTROL_SHUTDOWN)
			agent_windows_shut_down();
		else
			agent_windows_stop();
		return NO_ERROR;
	case SERVICE_CONTROL_INTERROGATE:
		return NO_ERROR;
	default:
		return ERROR_CALL_NOT_IMPLEMENTED;
	}
}

static BOOL WINAPI on_console(DWORD type)
{
	(void)type;
	agent_windows_stop();
	return TRUE;
}

static int run(struct err *err)
{
	return agent_run(&(struct agent_core_options){.state_dir = args.state_dir, .scand_path = args.scand_path, 
	                                                .wake = agent_os_wake, .notice = agent_notice},
	                 err);
}

static void WINAPI service_main(DWORD argc, LPWSTR *argv)
{
	(void)argc;
	(void)argv;
	struct err err = {0};
	status_handle = RegisterServiceCtrlHandlerExW(SERVICE_NAME, on_control, NULL);
	if (status_handle == NULL)
		return;
	set_status(SERVICE_RUNNING, NO_ERROR);
	int r = run(&err);
	if (r < 0)
		log_err(LOG_LEVEL_ERROR, "luytre-agent failed", &err);
	set_status(SERVICE_STOPPED, r < 0 ? ERROR_SERVICE_SPECIFIC_ERROR : NO_ERROR);
}

static int run_somehow(struct err *err)
{
	wchar_t name[] = SERVICE_NAME;
	SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
	agent_os_wait_setup();
	if (StartServiceCtrlDispatcherW(table))
		return 0;
	if (GetLastError() != ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
		char reason[32];
		(void)snprintf(reason, sizeof reason, "%lu", (unsigned long)GetLastError());
		return err_set(err, -EIO, "agent.service_failed", ARG_CSTR("reason", reason));
	}
	(void)SetConsoleCtrlHandler(on_console, TRUE);
	return run(err);
}

int wmain(int argc, wchar_t **wide);

int wmain(int argc, wchar_t **wide)
{
	char **argv = mem_alloc_array((size_t)argc + 1, sizeof *argv);
	struct err err = {0};
	int r = 0;
	for (int i = 0; i < argc; i++) {
		argv[i] = agent_windows_utf8(wide[i], -1);
		if (argv[i] == NULL)
			argv[i] = mem_strdup(STR(""));
	}
	if (!agent_args_parse(argc, argv, &args) || args.verb == AGENT_VERB_STATUS) {
		agent_args_usage(stderr);
		return 2;
	}
	log_setup("luytre-agent", args.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, false);
	if (args.verb == AGENT_VERB_ENROL)
		r = agent_enrol(&args.enrol, &err);
	else if (args.verb == AGENT_VERB_RUN)
		r = run_somehow(&err);
	else if (args.verb == AGENT_VERB_RESTORE_ISOLATION)
		r = agent_isolation_restore(args.state_dir, &err);
	else if (args.verb == AGENT_VERB_LIFT_ISOLATION)
		r = agent_isolation_release(args.state_dir, &err);
	else
		(void)printf("%s\n", AGENT_VERSION);
	if (r < 0)
		log_err(LOG_LEVEL_ERROR, "luytre-agent failed", &err);
	return r < 0 ? 1 : 0;
}
