/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "base/json/json.h"
#include "engine/rulebook/rulebook.h"
#include "engine/sigma/sigma.h"

/* What a job is told before its payload. */
struct rulebook_input {
	struct arena *arena;
	const struct json *head;
	struct str payload;
};

/* ---- rulebook_archive.c ---- */

struct rulebook_file {
	const char *path;
	struct str text;
};
/* Everything lives in the arena. `skipped`: files that are no rules. */
struct rulebook_files {
	struct arena *arena;
	struct rulebook_file *items;
	size_t count, capacity, skipped;
	uint64_t unpacked;
};
int rulebook_unpack(struct str name, struct str bytes, struct rulebook_files *files, struct err *err) WARN_UNUSED;

/* ---- rulebook_read.c ---- */

void rulebook_write_info(struct json_writer *w, const struct sigma_info *info);
/* {"key","place","args":{…}} */
void rulebook_write_error(struct json_writer *w, const struct err *err);

/* ---- rulebook_check.c ---- */

/* An event of any form as Sigma reads it; in the arena or the text itself. */
int rulebook_event_json(struct arena *arena, struct str raw, struct str *ret, struct err *err) WARN_UNUSED;

/* ---- the jobs ---- */

int rulebook_read(const struct rulebook_input *in, struct buf *out, struct err *err) WARN_UNUSED;
int rulebook_check(const struct rulebook_input *in, struct buf *out, struct err *err) WARN_UNUSED;
int rulebook_replay(const struct rulebook_input *in, struct buf *out, struct err *err) WARN_UNUSED;
int rulebook_indicators(const struct rulebook_input *in, struct buf *out, struct err *err) WARN_UNUSED;
