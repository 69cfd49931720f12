/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_walk.h"

#include <stdatomic.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "engine/malware/malware_walk.h"

struct walk {
	const struct agent_walk_options *options;
	atomic_bool ended;
};

static bool exclude(void *ctx, struct str path, bool is_folder)
{
	(void)is_folder;
	const struct walk *w = ctx;
	return w->options->exclude(w->options->ctx, path);
}

static bool on_file(void *ctx, const struct malware_walk_file *file)
{
	struct walk *w = ctx;
	if (file->kind == MALWARE_WALK_SCANNED && file->verdict->status == MALWARE_STATUS_FOUND) {
		char *path = mem_strdup(file->path);
		w->options->on_found(w->options->ctx, path);
		mem_free(path);
	}
	return !atomic_load(&w->ended);
}

static void on_progress(void *ctx, uint64_t done, uint64_t listed, uint64_t bytes, struct str path)
{
	(void)bytes;
	struct walk *w = ctx;
	if (!w->options->on_progress(w->options->ctx, done, listed, path))
		atomic_store(&w->ended, true);
}

int agent_walk(struct malware_scanner *scanner, const char *path, const struct agent_walk_options *options,
               struct agent_walk_totals *ret, struct err *err)
{
	if (!file_exists(path))
		return err_set(err, -ENOENT, "agent.scan_missing", ARG_CSTR("path", path));
	struct walk w = {.options = options};
	struct malware_walk_options walk_options = {
		.recursive = true,
		.exclude = exclude,
		.on_file = on_file,
		.on_progress = on_progress,
		.ctx = &w,
	};
	const char *const paths[] = {path, NULL};
	struct malware_walk_totals totals = {0};
	int r = malware_walk(scanner, paths, &walk_options, &totals, err);
	*ret = (struct agent_walk_totals){totals.files, totals.found, totals.errors};
	return r;
}
