/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* First byte: Content-Encoding; then a batch header to the first line break, then the body. */
#include <assert.h>

#include "engine/event_pipeline/event_fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const encodings[] = {"", "gzip", "zstd", "deflate"};
	struct str rest = str_n(data, size), header = STR_EMPTY;
	struct event_batch b = {.encoding = str_c(encodings[size > 0 ? data[0] & 3 : 0])};
	rest = str_sub(rest, 1, rest.n);
	(void)str_split(&rest, '\n', &header);
	if (event_batch_parse(header, &b, NULL) < 0)
		b.epoch = (struct uuid){0};
	b.body = rest;
	struct event_sender s = {.source = "fuzz"};
	struct event_ingested got;
	if (event_ingest_accept(fuzz_ingest(), &s, &b, 1, &got, NULL) == 0)
		assert(got.shown_count <= got.rejected);
	return 0;
}
