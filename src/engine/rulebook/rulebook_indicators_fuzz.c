/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Any bytes as a list: what is taken is taken again as the same. */
#include <assert.h>

#include "engine/rulebook/rulebook_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf input = BUF_INIT((size_t)1 << 20), once = BUF_INIT((size_t)4 << 20), value = BUF_INIT(8192);
	buf_append_c(&input, "{}\n");
	buf_append(&input, str_n(data, size));
	if (rulebook_run(RULEBOOK_INDICATORS, buf_str(&input), &once, NULL) < 0)
		return 0;
	struct str rest = buf_str(&once), line;
	(void)str_split(&rest, '\n', &line);
	while (str_split(&rest, '\n', &line) && line.n > 0) {
		int type = -1;
		bool taken = rulebook_indicator(str_sub(line, str_find_char(line, '\t') + 1, line.n), &type, &value);
		assert(taken && type >= 0);
	}
	return 0;
}
