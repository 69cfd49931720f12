/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <windows.h>

#include "base/mem/mem.h"
#include "program/agent/agent_walk.h"
#include "program/agent/agent_windows.h"

#define DEPTH_MAX 64

struct walk {
	struct malware_scanner *scanner;
	const struct agent_walk_options *options;
	struct agent_walk_totals totals;
	bool ended;
};

static void scan_one(struct walk *w, const char *path)
{
	struct malware_verdict v;
	malware_scan_path(w->scanner, path, &v);
	w->totals.files++;
	if (v.status == MALWARE_STATUS_FOUND) {
		w->totals.found++;
		w->options->on_found(w->options->ctx, path);
	} else if (v.status == MALWARE_STATUS_ERROR) {
		w->totals.errors++;
	}
	if (!w->options->on_progress(w->options->ctx, w->totals.files, w->totals.files, str_c(path)))
		w->ended = true;
}

static void walk_folder(struct walk *w, const char *path, unsigned depth);

static void walk_entry(struct walk *w, const char *folder, const WIN32_FIND_DATAW *entry, unsigned depth)
{
	if (wcscmp(entry->cFileName, L".") == 0 || wcscmp(entry->cFileName, L"..") == 0 ||
	    (entry->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
		return;
	char *name = agent_windows_utf8(entry->cFileName, -1);
	struct buf path = BUF_INIT(128 << 10);
	buf_printf(&path, "%s\\%s", folder, name != NULL ? name : "");
	if (name != NULL && !path.overflow && !w->options->exclude(w->options->ctx, buf_str(&path))) {
		if ((entry->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
			walk_folder(w, path.p, depth + 1);
		else
			scan_one(w, path.p);
	}
	buf_done(&path);
	mem_free(name);
}

static void walk_folder(struct walk *w, const char *path, unsigned depth)
{
	struct buf pattern = BUF_INIT(128 << 10);
	buf_printf(&pattern, "%s\\*", path);
	wchar_t *wide = agent_windows_wide(pattern.p);
	WIN32_FIND_DATAW entry;
	HANDLE h = wide != NULL && depth <= DEPTH_MAX ? FindFirstFileW(wide, &entry) : INVALID_HANDLE_VALUE;
	if (h == INVALID_HANDLE_VALUE) {
		w->totals.errors++;
	} else {
		do
			walk_entry(w, path, &entry, depth);
		while (!w->ended && FindNextFileW(h, &entry));
		(void)FindClose(h);
	}
	mem_free(wide);
	buf_done(&pattern);
}

int agent_walk(struct malware_scanner *scanner, const char *path, const struct agent_walk_options *options,
               struct agent_walk_totals *ret, struct err *err)
{
	struct walk w = {.scanner = scanner, .options = options};
	wchar_t *wide = agent_windows_wide(path);
	DWORD attributes = wide != NULL ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
	mem_free(wide);
	if (attributes == INVALID_FILE_ATTRIBUTES)
		return err_set(err, -ENOENT, "agent.scan_missing", ARG_CSTR("path", path));
	if ((attributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
		walk_folder(&w, path, 0);
	else
		scan_one(&w, path);
	*ret = w.totals;
	return w.ended ? err_set(err, -ECANCELED, "agent.scan_cancelled") : 0;
}
