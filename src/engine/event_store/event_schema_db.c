/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_store/event_schema.h"

#include <stdio.h>

#include "base/mem/mem.h"
#include "engine/event_store/event_store.h"

#define TYPE_LOW "LowCardinality(String)"
#define TYPE_TEXT "String CODEC(ZSTD(1))"
#define TYPE_UINT "Nullable(UInt32)"

static const char *const first_tables[] = {
	"CREATE TABLE IF NOT EXISTS " EVENT_DATABASE ".event ("
	" event_id UUID, received DateTime64(6, 'UTC'), time DateTime64(6, 'UTC'), unit_id UUID, endpoint_id UUID,"
	" source LowCardinality(String), retention_days UInt16,"
#define COLUMN(column, field, kind) " " #column " " TYPE_##kind ","
#include "engine/event_store/event_columns.def"
#undef COLUMN
	" fields Map(LowCardinality(String), String) CODEC(ZSTD(1)), raw String CODEC(ZSTD(3)),"
	" INDEX raw_tokens lower(raw) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 1,"
	" INDEX field_names mapKeys(fields) TYPE bloom_filter(0.01) GRANULARITY 4,"
	" INDEX event_ids event_id TYPE bloom_filter(0.01) GRANULARITY 4,"
	" INDEX times time TYPE minmax GRANULARITY 1"
	") ENGINE = MergeTree PARTITION BY toYYYYMMDD(received) ORDER BY (toStartOfHour(time), unit_id, endpoint_id, time)"
	" TTL toDateTime(received) + toIntervalDay(retention_days)"
	" SETTINGS non_replicated_deduplication_window = " EVENT_DEDUPLICATION_WINDOW ", fsync_after_insert = 1, fsync_part_directory = 1",
	"CREATE TABLE IF NOT EXISTS " EVENT_DATABASE ".event_dead ("
	" event_id UUID, received DateTime64(6, 'UTC'), unit_id UUID, endpoint_id UUID, source LowCardinality(String),"
	" token String, reason String, raw String CODEC(ZSTD(3))"
	") ENGINE = MergeTree PARTITION BY toYYYYMM(received) ORDER BY received"
	" TTL toDateTime(received) + toIntervalDay(90)"
	" SETTINGS non_replicated_deduplication_window = " EVENT_DEDUPLICATION_WINDOW ", fsync_after_insert = 1, fsync_part_directory = 1",
	NULL,
};

/*
 * Added with searches in mind. Of an original text 4 MiB are packed together: like lines stand in one block, and a search
 * reads whole granules anyway. Parts written before keep their packing until they are merged. The message of a JSON text is
 * in raw only; `text` has it, wherever it is.
 */
static const char *const search_columns[] = {
	"ALTER TABLE " EVENT_DATABASE ".event"
	" ADD COLUMN IF NOT EXISTS source_id UUID, ADD COLUMN IF NOT EXISTS system_level UInt8,"
	" ADD COLUMN IF NOT EXISTS event_parsed Bool DEFAULT true"
#define COLUMN(column, field, kind) ", ADD COLUMN IF NOT EXISTS " #column " " TYPE_##kind
#include "engine/event_store/event_columns.def"
#undef COLUMN
	,
	"ALTER TABLE " EVENT_DATABASE ".event ADD COLUMN IF NOT EXISTS text String ALIAS if(message != '' OR NOT startsWith(raw, '{'),"
	" message, if(JSONExtractString(raw, 'message') != '', JSONExtractString(raw, 'message'), JSONExtractString(raw, 'Message')))",
	"ALTER TABLE " EVENT_DATABASE ".event MODIFY COLUMN raw String CODEC(ZSTD(1))",
	"ALTER TABLE " EVENT_DATABASE ".event MODIFY COLUMN raw MODIFY SETTING max_compress_block_size = 4194304,"
	" min_compress_block_size = 4194304",
	"ALTER TABLE " EVENT_DATABASE ".event MODIFY COLUMN received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),"
	" MODIFY COLUMN time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1))",
	"ALTER TABLE " EVENT_DATABASE ".event_dead"
	" ADD COLUMN IF NOT EXISTS source_id UUID, ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 90,"
	" ADD COLUMN IF NOT EXISTS system_level UInt8, ADD COLUMN IF NOT EXISTS format UInt8",
	NULL,
};

/* Inserted parts are one file each: with a file a column, sixty files were made and synced for each block, at twice the cost,
 * and merging them took ten times the memory. */
static const char *const compact_parts[] = {
	"ALTER TABLE " EVENT_DATABASE ".event MODIFY SETTING min_bytes_for_wide_part = 67108864",
	NULL,
};

/*
 * Like beside like: within an hour and a unit rows are in the order of what wrote them, so that the store packs a text with those that
 * are almost the same. Sorting keys cannot be changed: the new table takes the old one's place at once, rows follow in
 * the background (event_move.h). A text behind its head is not stored twice: `message_at` is where in raw it begins, from 1 on. Everything
 * is packed by ZSTD, the index of tokens too; nothing reads the statistics that the store would make of each column in each merge.
 */
static const char *const sorted_by_kind[] = {
	"CREATE TABLE IF NOT EXISTS " EVENT_DATABASE ".event_before ("
	" event_id UUID, received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)), time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),"
	" unit_id UUID, endpoint_id UUID, source LowCardinality(String), source_id UUID, retention_days UInt16, system_level UInt8,"
	" event_parsed Bool DEFAULT true, message_at UInt32,"
	" fields Map(LowCardinality(String), String),"
	" raw String CODEC(ZSTD(3)) SETTINGS (max_compress_block_size = 4194304, min_compress_block_size = 4194304),"
#undef TYPE_TEXT
#define TYPE_TEXT "String"
#define COLUMN(column, field, kind) " " #column " " TYPE_##kind ","
#include "engine/event_store/event_columns.def"
#undef COLUMN
	" text String ALIAS if(message_at > 0, substring(raw, message_at), if(message != '' OR NOT startsWith(raw, '{'), message,"
	" if(JSONExtractString(raw, 'message') != '', JSONExtractString(raw, 'message'), JSONExtractString(raw, 'Message')))),"
	" INDEX raw_tokens lower(raw) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 1,"
	" INDEX field_names mapKeys(fields) TYPE bloom_filter(0.01) GRANULARITY 4,"
	" INDEX event_ids event_id TYPE bloom_filter(0.025) GRANULARITY 4,"
	" INDEX times time TYPE minmax GRANULARITY 1"
	") ENGINE = MergeTree PARTITION BY toYYYYMMDD(received)"
	" ORDER BY (toStartOfHour(time), unit_id, event_provider, event_code, host_name, time)"
	" TTL toDateTime(received) + toIntervalDay(retention_days)"
	" SETTINGS non_replicated_deduplication_window = " EVENT_DEDUPLICATION_WINDOW ", fsync_after_insert = 1, fsync_part_directory = 1,"
	" min_bytes_for_wide_part = 67108864, default_compression_codec = 'ZSTD(1)', auto_statistics_types = ''",
	"EXCHANGE TABLES " EVENT_DATABASE ".event AND " EVENT_DATABASE ".event_before",
	NULL,
};
static const char is_sorted_by_kind[] = "SELECT count() FROM system.tables WHERE database = '" EVENT_DATABASE "' AND name = 'event'"
                                        " AND position(sorting_key, 'event_code') > 0 FORMAT TabSeparated";

/* Which machine had which file, by its hash (service/sighting): a row a place, however often it is told. A question reads the granules of
 * one hash, so they are small. Insert tokens as of `event`: a report that is repeated is one block. */
static const char *const file_history[] = {
	"CREATE TABLE IF NOT EXISTS " EVENT_DATABASE ".file_history (sha256 FixedString(32), endpoint_id UUID, path String CODEC(ZSTD(1)),"
	" unit_id SimpleAggregateFunction(anyLast, UUID), host SimpleAggregateFunction(anyLast, String),"
	" size_bytes SimpleAggregateFunction(max, UInt64), first_seen SimpleAggregateFunction(min, DateTime('UTC')),"
	" last_seen SimpleAggregateFunction(max, DateTime('UTC'))"
	") ENGINE = AggregatingMergeTree ORDER BY (sha256, endpoint_id, path) TTL last_seen + toIntervalDay(400)"
	" SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1,"
	" min_bytes_for_wide_part = 67108864, default_compression_codec = 'ZSTD(1)', auto_statistics_types = ''",
	NULL,
};

const struct event_migration event_migrations[] = {
	{1, first_tables, NULL}, {2, search_columns, NULL}, {3, compact_parts, NULL}, {4, sorted_by_kind, is_sorted_by_kind},
	{5, file_history, NULL}};
const size_t event_migration_count = ARRAY_LEN(event_migrations);

static int applied_number(struct event_store *s, uint64_t *ret, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	int r = event_store_query(s, "SELECT max(number) FROM schema_migration FORMAT TabSeparated", NULL, 0, false, &out, err);
	if (r < 0)
		return r;
	if (!str_parse_u64(str_trim(buf_str(&out)), 0, UINT32_MAX, ret))
		return err_set(err, -EPROTO, "event.store_refused", ARG_I64("code", 0), ARG_STR("reason", buf_str(&out)));
	return 0;
}

static int is_done(struct event_store *s, const struct event_migration *m, bool *ret, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	int r = m->done != NULL ? event_store_query(s, m->done, NULL, 0, false, &out, err) : 0;
	*ret = r == 0 && str_eq_c(str_trim(buf_str(&out)), "1");
	return r;
}

static int run_migration(struct event_store *s, const struct event_migration *m, struct err *err)
{
	bool done;
	char note[160];
	int r = is_done(s, m, &done, err);
	for (const char *const *sql = m->statements; r == 0 && !done && *sql != NULL; sql++)
		r = event_store_exec(s, *sql, err);
	if (r < 0)
		return r;
	(void)snprintf(note, sizeof note, "INSERT INTO " EVENT_DATABASE ".schema_migration VALUES (%u, now())", m->number);
	return event_store_exec(s, note, err);
}

int event_store_migrate(struct event_store *s, struct err *err)
{
	uint64_t applied = 0;
	int r = event_store_exec(s, "CREATE DATABASE IF NOT EXISTS " EVENT_DATABASE " ENGINE = Atomic", err);
	if (r == 0)
		r = event_store_exec(s, "CREATE TABLE IF NOT EXISTS " EVENT_DATABASE ".schema_migration (number UInt32, applied DateTime)"
		                        " ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1", err);
	if (r == 0)
		r = applied_number(s, &applied, err);
	if (r < 0)
		return r;
	if (applied > event_migrations[event_migration_count - 1].number)
		return err_set(err, -ESTALE, "event.store_newer", ARG_U64("found", applied),
		               ARG_U64("known", event_migrations[event_migration_count - 1].number));
	for (size_t i = 0; r == 0 && i < event_migration_count; i++)
		if (event_migrations[i].number > applied)
			r = run_migration(s, &event_migrations[i], err);
	return r;
}
