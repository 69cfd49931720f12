/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The jobs' door. */
#include "engine/rulebook/rulebook_internal.h"

#define HEAD_MAX ((size_t)16 << 20)

static int read_head(struct rulebook_input *in, struct str input, struct err *err)
{
	size_t end = str_find_char(input, '\n');
	if (end == SIZE_MAX || end > HEAD_MAX || json_parse(in->arena, str_sub(input, 0, end), NULL, &in->head, NULL) < 0 ||
	    in->head->type != JSON_OBJECT)
		return err_set(err, -EINVAL, "rulebook.malformed");
	in->payload = str_sub(input, end + 1, input.n);
	return 0;
}

int rulebook_run(enum rulebook_job job, struct str input, struct buf *out, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)1 << 30);
	struct rulebook_input in = {.arena = arena};
	int r = read_head(&in, input, err);
	if (r < 0)
		return r;
	switch (job) {
	case RULEBOOK_READ:
		return rulebook_read(&in, out, err);
	case RULEBOOK_CHECK:
		return rulebook_check(&in, out, err);
	case RULEBOOK_REPLAY:
		return rulebook_replay(&in, out, err);
	case RULEBOOK_INDICATORS:
		return rulebook_indicators(&in, out, err);
	case RULEBOOK_JOB__COUNT:
		break;
	}
	return err_set(err, -EINVAL, "rulebook.malformed");
}
