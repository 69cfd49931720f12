/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * ReadDirectoryChangesW, one a watched folder, all on one completion port.
 * Windows tells of every write and of no close, so a file waits until nothing
 * has happened to it for SETTLE (at most SETTLE_MAX after its first change).
 */
#include <windows.h>

#include <pthread.h>

#include "base/clock/clock.h"
#include "base/log/log.h"
#include "program/agent/agent_watch.h"
#include "program/agent/agent_windows.h"

#define NOTIFY_SIZE ((DWORD)64 << 10) /* more is refused for network drives */
#define PENDING_MAX 4096
#define SETTLE (400 * USEC_PER_MS)
#define SETTLE_MAX (10 * USEC_PER_SEC)
#define TICK_MS 200
#define KEY_STOP ((ULONG_PTR)-1)

struct root {
	OVERLAPPED overlapped;
	HANDLE folder;
	const char *path;
	DWORD *buffer; /* must be aligned for DWORD */
};

struct pending {
	char *path;
	usec_t first, last;
};

struct agent_watch {
	struct agent_watch_config config;
	HANDLE port;
	struct root *roots;
	size_t root_count;
	struct pending pending[PENDING_MAX]; /* the thread's */
	size_t pending_count;
	const char *reason;
	bool running;
	pthread_t thread;
};

static bool ask(struct root *r)
{
	memset(&r->overlapped, 0, sizeof r->overlapped);
	return ReadDirectoryChangesW(r->folder, r->buffer, NOTIFY_SIZE, TRUE,
	                             FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME | FILE_NOTIFY_CHANGE_LAST_WRITE |
	                                     FILE_NOTIFY_CHANGE_SIZE,
	                             NULL, &r->overlapped, NULL) != 0;
}

static void note(struct agent_watch *w, const struct root *r, char *path)
{
	usec_t now = clock_monotonic();
	if (agent_paths_above(w->config.excluded, str_c(path)) != NULL) {
		mem_free(path);
		return;
	}
	for (size_t i = 0; i < w->pending_count; i++) {
		if (strcmp(w->pending[i].path, path) == 0) {
			w->pending[i].last = now;
			mem_free(path);
			return;
		}
	}
	if (w->pending_count == PENDING_MAX) {
		w->config.on_lost(w->config.ctx, r->path);
		mem_free(path);
		return;
	}
	w->pending[w->pending_count++] = (struct pending){path, now, now};
}

static void on_change(struct agent_watch *w, const struct root *r, const FILE_NOTIFY_INFORMATION *info)
{
	if (info->Action != FILE_ACTION_ADDED && info->Action != FILE_ACTION_MODIFIED &&
	    info->Action != FILE_ACTION_RENAMED_NEW_NAME)
		return;
	char *name = agent_windows_utf8(info->FileName, (int)(info->FileNameLength / sizeof(wchar_t)));
	if (name == NULL)
		return;
	struct buf path = BUF_INIT(128 << 10);
	buf_printf(&path, "%s\\%s", r->path, name);
	mem_free(name);
	wchar_t *wide = agent_windows_wide(path.p);
	DWORD attributes = wide != NULL ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
	mem_free(wide);
	if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
		/* A folder moved in brings its files without events of their own. */
		if (info->Action != FILE_ACTION_MODIFIED && agent_paths_above(w->config.excluded, buf_str(&path)) == NULL)
			w->config.on_lost(w->config.ctx, path.p);
	} else if (attributes != INVALID_FILE_ATTRIBUTES) {
		note(w, r, mem_strdup(buf_str(&path)));
	}
	buf_done(&path);
}

static void read_changes(struct agent_watch *w, struct root *r, DWORD bytes)
{
	if (bytes == 0) {
		w->config.on_lost(w->config.ctx, r->path); /* more happened than the buffer holds */
	} else {
		const char *at = (const char *)r->buffer, *end = at + bytes;
		while (at + offsetof(FILE_NOTIFY_INFORMATION, FileName) <= end) {
			const FILE_NOTIFY_INFORMATION *info = (const FILE_NOTIFY_INFORMATION *)(const void *)at;
			on_change(w, r, info);
			if (info->NextEntryOffset == 0)
				break;
			at += info->NextEntryOffset;
		}
	}
	if (!ask(r))
		log_warn("a watched folder cannot be watched any more", ARG_CSTR("path", r->path));
}

static void tell_settled(struct agent_watch *w)
{
	usec_t now = clock_monotonic();
	for (size_t i = 0; i < w->pending_count;) {
		struct pending *p = &w->pending[i];
		if (now - p->last < SETTLE && now - p->first < SETTLE_MAX) {
			i++;
			continue;
		}
		w->config.on_file(w->config.ctx, p->path);
		mem_free(p->path);
		*p = w->pending[--w->pending_count];
	}
}

static void *watch_main(void *arg)
{
	struct agent_watch *w = arg;
	for (;;) {
		DWORD bytes = 0;
		ULONG_PTR key = 0;
		OVERLAPPED *done = NULL;
		DWORD wait = w->pending_count > 0 ? TICK_MS : INFINITE;
		BOOL ok = GetQueuedCompletionStatus(w->port, &bytes, &key, &done, wait);
		if (key == KEY_STOP)
			break;
		if (done != NULL && key < w->root_count && ok)
			read_changes(w, &w->roots[key], bytes);
		tell_settled(w);
	}
	return NULL;
}

static bool open_root(struct agent_watch *w, const char *path)
{
	struct root *r = &w->roots[w->root_count];
	wchar_t *wide = agent_windows_wide(path);
	r->path = path;
	r->folder = wide == NULL ? INVALID_HANDLE_VALUE
	                         : CreateFileW(wide, FILE_LIST_DIRECTORY, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
	                                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OVERLAPPED, NULL);
	mem_free(wide);
	if (r->folder == INVALID_HANDLE_VALUE)
		return false;
	r->buffer = mem_alloc(NOTIFY_SIZE);
	if (CreateIoCompletionPort(r->folder, w->port, (ULONG_PTR)w->root_count, 0) == NULL || !ask(r)) {
		(void)CloseHandle(r->folder);
		mem_free(r->buffer);
		return false;
	}
	w->root_count++;
	return true;
}

struct agent_watch *agent_watch_start(const struct agent_watch_config *config)
{
	struct agent_watch *w = MEM_NEW(struct agent_watch);
	w->config = *config;
	w->reason = config->watched->count == 0 ? "no_paths" : "";
	w->roots = mem_alloc_array(config->watched->count + 1, sizeof *w->roots);
	w->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	for (size_t i = 0; w->port != NULL && i < config->watched->count; i++)
		if (!open_root(w, config->watched->items[i]))
			w->reason = "system";
	if (w->root_count > 0)
		w->running = pthread_create(&w->thread, NULL, watch_main, w) == 0;
	return w;
}

void agent_watch_stop(struct agent_watch *w)
{
	if (w == NULL)
		return;
	if (w->running) {
		(void)PostQueuedCompletionStatus(w->port, 0, KEY_STOP, NULL);
		(void)pthread_join(w->thread, NULL);
	}
	for (size_t i = 0; i < w->root_count; i++) {
		struct root *r = &w->roots[i];
		DWORD bytes;
		/* The buffer is the system's until the cancelled call has ended. */
		if (CancelIoEx(r->folder, &r->overlapped) || GetLastError() != ERROR_NOT_FOUND)
			(void)GetOverlappedResult(r->folder, &r->overlapped, &bytes, TRUE);
		(void)CloseHandle(r->folder);
		mem_free(r->buffer);
	}
	for (size_t i = 0; i < w->pending_count; i++)
		mem_free(w->pending[i].path);
	if (w->port != NULL)
		(void)CloseHandle(w->port);
	mem_free(w->roots);
	mem_free(w);
}

const char *agent_watch_mode(const struct agent_watch *w)
{
	return w->running ? "directory_changes" : "none";
}

const char *agent_watch_reason(const struct agent_watch *w)
{
	return w->reason;
}
