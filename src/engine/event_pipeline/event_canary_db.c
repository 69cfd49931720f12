/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_canary.h"
#include "engine/event_store/event_store.h"

/* "unit\tmicroseconds" */
static bool read_line(struct str line, struct uuid *ret_unit, usec_t *ret_at)
{
	struct str rest = line, unit;
	uint64_t at;
	bool good = str_split(&rest, '\t', &unit) && uuid_parse(unit, ret_unit) && str_parse_u64(str_trim(rest), 1, INT64_MAX, &at);
	if (good)
		*ret_at = (usec_t)at;
	return good;
}

int event_store_canaries(struct event_store *s, event_canary_fn fn, void *ctx, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)1 << 20);
	struct str line;
	int r = event_store_query(s,
	                          "SELECT unit_id, toUnixTimestamp64Micro(max(received)) FROM event"
	                          " WHERE event_dataset = '" EVENT_CANARY_DATASET "' AND time > now() - INTERVAL 15 MINUTE"
	                          " GROUP BY unit_id FORMAT TabSeparated",
	                          NULL, 0, false, &out, err);
	struct str rest = buf_str(&out);
	while (r >= 0 && str_split(&rest, '\n', &line)) {
		struct uuid unit;
		usec_t at;
		if (read_line(line, &unit, &at))
			fn(ctx, &unit, at);
	}
	return r < 0 ? r : 0;
}
