/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* However a stream is cut into pieces, the same messages come out of it. */
#include "engine/listen/listen_frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t run(struct str all, size_t piece)
{
	struct listen_framer f = {0};
	uint64_t sum = 0;
	size_t at = 0;
	for (size_t have = 0; have <= all.n; have += piece) {
		struct str message;
		enum listen_step step;
		size_t end = have + piece < all.n ? have + piece : all.n;
		while ((step = listen_frame_next(&f, str_sub(all, 0, end), &at, end == all.n, &message, NULL)) == LISTEN_STEP_MESSAGE ||
		       step == LISTEN_STEP_REFUSED)
			sum = sum * 31 + (step == LISTEN_STEP_MESSAGE ? message.n + (unsigned char)message.p[0] : 7);
		if (at > end || f.passed != at)
			abort();
		if (step == LISTEN_STEP_BROKEN || end == all.n)
			return sum * 31 + step;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_n(data, size);
	if (size > 0 && size < 4096 && run(all, 1) != run(all, size))
		abort();
	(void)run(all, 4096);
	return 0;
}
