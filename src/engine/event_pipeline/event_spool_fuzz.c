/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A segment file of any bytes: opens or is refused; what is read decodes or is refused; a new record is found behind it. */
#include <assert.h>

#include "engine/event_pipeline/event_fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[200];
	(void)snprintf(path, sizeof path, "%s/0000000000000001.seg", fuzz_dir());
	if (file_write(path, str_n(data, size), 0600, NULL) < 0)
		abort();
	struct event_spool_config c = {.dir = fuzz_dir()};
	struct event_spool *s;
	if (event_spool_open(&c, &s, NULL) == 0) {
		struct event_spool_block block = {.bytes = BUF_INIT((size_t)64 << 20)};
		struct event_spool_position at = {0};
		while (event_spool_read(s, at, NULL, 4096, 16, &block, NULL) > 0) {
			struct str payload;
			struct event_record r;
			for (size_t walk = 0; event_spool_next(&block, &walk, &payload);)
				if (event_record_decode(payload, &r, NULL) == 0)
					assert(r.raw.n <= payload.n);
			assert(event_spool_position_cmp(block.to, at) > 0);
			at = block.to;
		}
		buf_done(&block.bytes);
		event_spool_close(s);
	}
	(void)snprintf(path, sizeof path, "%s/0000000000000002.seg", fuzz_dir());
	(void)unlink(path);
	return 0;
}
