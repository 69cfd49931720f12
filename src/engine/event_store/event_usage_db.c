/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_store/event_usage.h"

#include <stdio.h>

#include "base/cursor/cursor.h"
#include "base/mem/mem.h"
#include "engine/event/event_parse.h"
#include "engine/event_store/event_schema.h"

#define RETRY_AT_ONCE 1000
#define ROWS_LIMIT ((size_t)56 << 20)

/* ---- usage ---- */

int event_store_usage(struct event_store *s, struct event_usage *ret, struct err *err)
{
	/* Of whole days the days that had any, as long as there is one. */
	static const char sql[] =
		"WITH parts AS (SELECT table, rows, bytes_on_disk AS b, data_uncompressed_bytes AS u, partition AS p FROM system.parts"
		" WHERE active AND database = '" EVENT_DATABASE "'),"
		" toString(toYYYYMMDD(today())) AS t, toString(toYYYYMMDD(today() - 7)) AS f,"
		" (SELECT (sum(b), uniqExact(p)) FROM parts WHERE table IN ('event', 'event_before') AND p < t AND p >= f) AS whole,"
		" (SELECT sum(b) FROM parts WHERE table IN ('event', 'event_before') AND p >= t) AS now"
		" SELECT sumIf(rows, table IN ('event', 'event_before')), sumIf(rows, table = 'event_dead'), sum(b), sum(u),"
		" (SELECT min(free_space) FROM system.disks), (SELECT min(total_space) FROM system.disks),"
		" if(whole.2 > 0, intDiv(whole.1, whole.2), now) FROM parts FORMAT TabSeparated";
	cleanup_buf struct buf out = BUF_INIT(1 << 16);
	uint64_t n[7];
	struct str rest, word;
	int r = event_store_query(s, sql, NULL, 0, false, &out, err);
	if (r < 0)
		return r;
	rest = str_trim(buf_str(&out));
	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		if (!str_split(&rest, '\t', &word) || !str_parse_u64(word, 0, UINT64_MAX, &n[i]))
			return err_set(err, -EPROTO, "event.store_refused", ARG_I64("code", 0), ARG_STR("reason", buf_str(&out)));
	*ret = (struct event_usage){.rows = n[0], .dead_rows = n[1], .bytes = n[2], .plain_bytes = n[3], .free_bytes = n[4],
	                            .disk_bytes = n[5], .day_bytes = n[6], .days_left = n[6] > 0 ? n[4] / n[6] : UINT64_MAX};
	return 0;
}

static int query_days(struct event_store *s, const char *sql, unsigned days, bool hunt, struct buf *out, struct err *err)
{
	char text[16];
	(void)snprintf(text, sizeof text, "%u", days);
	struct event_store_param p = {"days", str_c(text)};
	return event_store_query(s, sql, &p, 1, hunt, out, err);
}

int event_store_usage_days(struct event_store *s, unsigned days, struct buf *out, struct err *err)
{
	return query_days(s, "SELECT partition AS day, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, sum(data_uncompressed_bytes) AS plain_bytes"
	                     " FROM system.parts WHERE active AND database = '" EVENT_DATABASE "' AND table IN ('event', 'event_before') GROUP BY partition"
	                     " ORDER BY partition DESC LIMIT {days:UInt32}", days, false, out, err);
}

int event_store_usage_sources(struct event_store *s, unsigned days, struct buf *out, struct err *err)
{
	return query_days(s, "WITH (SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '" EVENT_DATABASE "' AND table IN ('event', 'event_before')"
	                     " AND partition >= toString(toYYYYMMDD(today() - {days:UInt32}))) AS disk"
	                     " SELECT source_id, source, count() AS rows, toUInt64(disk * sum(length(raw)) / sum(sum(length(raw))) OVER ()) AS bytes"
	                     " FROM event WHERE received >= toStartOfDay(now('UTC') - toIntervalDay({days:UInt32}))"
	                     " GROUP BY source_id, source ORDER BY bytes DESC LIMIT 1000", days, true, out, err);
}

/* ---- dead letters ---- */

int event_dead_list(struct event_store *s, usec_t before, unsigned limit, struct buf *out, struct err *err)
{
	char at[24], most[16];
	(void)snprintf(at, sizeof at, "%lld", before > 0 ? (long long)before : INT64_MAX / 2);
	(void)snprintf(most, sizeof most, "%u", limit < RETRY_AT_ONCE ? limit : RETRY_AT_ONCE);
	struct event_store_param params[] = {{"before", str_c(at)}, {"limit", str_c(most)}};
	return event_store_query(s, "SELECT event_id, toUnixTimestamp64Micro(received) AS received, unit_id, endpoint_id, source,"
	                            " toValidUTF8(reason) AS reason, toValidUTF8(substring(raw, 1, 10000)) AS raw FROM event_dead AS d"
	                            " WHERE toUnixTimestamp64Micro(d.received) < {before:Int64} ORDER BY d.received DESC LIMIT {limit:UInt32}",
	                         params, 2, false, out, err);
}

static struct str take_text(struct cursor *c)
{
	uint64_t n = 0;
	for (unsigned shift = 0; shift < 63; shift += 7) {
		struct str b = cursor_take(c, 1);
		unsigned v = b.n == 1 ? (unsigned char)b.p[0] : 0;
		n |= (uint64_t)(v & 0x7f) << shift;
		if (v < 0x80)
			break;
	}
	return cursor_take(c, n);
}

static struct uuid take_uuid(struct cursor *c)
{
	struct uuid u = {0};
	struct str s = cursor_take(c, sizeof u.b);
	for (size_t i = 0; i < s.n; i++)
		u.b[i] = (unsigned char)s.p[(i & 8) + 7 - (i & 7)];
	return u;
}

/* A row of the query below, in RowBinary. */
static bool take_dead(struct cursor *c, struct event_record *ret)
{
	*ret = (struct event_record){.id = take_uuid(c)};
	ret->received = (usec_t)cursor_u64_le(c);
	ret->unit = take_uuid(c);
	ret->endpoint = take_uuid(c);
	ret->source = take_text(c);
	ret->sender = take_uuid(c);
	ret->retention_days = cursor_u16_le(c);
	struct str small = cursor_take(c, 2);
	ret->raw = take_text(c);
	if (c->failed)
		return false;
	ret->system_level = (unsigned char)small.p[0];
	unsigned format = (unsigned char)small.p[1];
	ret->format = format < EVENT_FORMAT__COUNT ? (enum event_format)format : EVENT_FORMAT_TEXT;
	return true;
}

/* 1: it is in the store now; 0: refused again. */
static int retry_one(struct event_store *s, struct event_row_maker *maker, const struct event_record *record, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf block = BUF_INIT(ROWS_LIMIT);
	char id[UUID_TEXT_SIZE], text[160];
	struct event e;
	if (event_parse_record(arena, record, &e, NULL) < 0)
		return 0;
	event_row_add(maker, record, &e);
	event_row_take(maker, &block);
	(void)snprintf(text, sizeof text, "dead-%s", uuid_text(&record->id, id));
	enum event_store_verdict v = block.overflow ? EVENT_STORE_BAD_ROWS : event_store_insert(s, event_row_into, text, buf_str(&block), err);
	if (v == EVENT_STORE_BAD_ROWS)
		return 0;
	if (v != EVENT_STORE_TAKEN)
		return -EAGAIN;
	(void)snprintf(text, sizeof text, "DELETE FROM " EVENT_DATABASE ".event_dead WHERE event_id = '%s'", id);
	int r = event_store_exec(s, text, err);
	return r < 0 ? r : 1;
}

int event_dead_retry(struct event_store *s, struct event_dead_place *after, unsigned *ret_seen, unsigned *ret_taken, struct err *err)
{
	char at[24], id[UUID_TEXT_SIZE];
	cleanup_buf struct buf rows = BUF_INIT((size_t)64 << 20);
	(void)snprintf(at, sizeof at, "%lld", (long long)after->received);
	struct event_store_param params[] = {{"after", str_c(at)}, {"id", str_c(uuid_text(&after->id, id))}};
	int r = event_store_query(s, "SELECT event_id, received, unit_id, endpoint_id, toString(source), source_id, retention_days, system_level, format, raw"
	                             " FROM event_dead WHERE (toUnixTimestamp64Micro(received), event_id) > ({after:Int64}, {id:UUID})"
	                             " ORDER BY received, event_id LIMIT 1000 FORMAT RowBinary", params, ARRAY_LEN(params), true, &rows, err);
	if (r < 0)
		return r;
	cleanup(event_row_maker) struct event_row_maker *maker = event_row_maker_new(ROWS_LIMIT);
	struct cursor c = cursor_of(buf_str(&rows));
	struct event_record record;
	*ret_seen = *ret_taken = 0;
	while (!cursor_at_end(&c) && take_dead(&c, &record)) {
		if ((r = retry_one(s, maker, &record, err)) < 0)
			return r;
		++*ret_seen;
		*ret_taken += (unsigned)r;
		*after = (struct event_dead_place){record.received, record.id};
	}
	return 0;
}
