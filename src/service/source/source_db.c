/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rows and claims of sources, and what the pipeline must know of them. */
#include "base/text/text.h"
#include "service/account/account.h"
#include "service/source/source_internal.h"

int source_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct source_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT unit_id, name, system_name, system_level, kind, addresses, fingerprint, token_id, format, retention,"
	                 " rate_per_s, silence_s, enabled, note, created_at, enabled_at, version, time_zone FROM source WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct source_row){.id = *id, .unit_id = db_uuid(rows, 0), .name = arena_str(arena, db_text(rows, 1)),
	                           .system_name = arena_str(arena, db_text(rows, 2)), .system_level = db_int(rows, 3),
	                           .kind = arena_str(arena, db_text(rows, 4)), .addresses = arena_str(arena, db_text(rows, 5)),
	                           .fingerprint = arena_str(arena, db_text(rows, 6)), .token_id = db_uuid(rows, 7),
	                           .retention = arena_str(arena, db_text(rows, 9)), .rate_per_s = db_int(rows, 10),
	                           .silence_s = db_int(rows, 11), .enabled = db_int(rows, 12) != 0,
	                           .note = arena_str(arena, db_text(rows, 13)), .created_at = db_int(rows, 14),
	                           .enabled_at = db_int(rows, 15), .version = db_int(rows, 16),
	                           .time_zone = arena_str(arena, db_text(rows, 17))};
	for (int f = 0; source_formats[f] != NULL; f++)
		if (str_eq_c(db_text(rows, 8), source_formats[f]))
			ret->format = f;
	return 0;
}

int source_db_find(struct db_tx *tx, struct str name, struct uuid *ret_id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id FROM source WHERE name = $1", DB_TEXT(name));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret_id = db_uuid(rows, 0);
	return r;
}

static void keys_of(const struct source_row *row, struct buf *search, struct buf *sort)
{
	cleanup_buf struct buf all = BUF_INIT(SOURCE_TEXT_MAX + 1024);
	buf_printf(&all, "%.*s %.*s %.*s", STR_FMT(row->name), STR_FMT(row->system_name), STR_FMT(row->addresses));
	text_search_key(buf_str(&all), search);
	text_sort_key(row->name, sort);
}

int source_db_insert(struct db_tx *tx, const struct source_row *s, struct err *err)
{
	cleanup_buf struct buf search = BUF_INIT(SOURCE_TEXT_MAX + 4096), sort = BUF_INIT(4096);
	keys_of(s, &search, &sort);
	int r = db_exec(tx, err,
	                "INSERT INTO source (id, unit_id, name, search_key, sort_key, system_name, system_level, kind, addresses, fingerprint,"
	                " token_id, format, retention, rate_per_s, silence_s, enabled, note, created_at, enabled_at, version, time_zone)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
	                DB_UUID(&s->id), DB_UUID(&s->unit_id), DB_TEXT(s->name), DB_TEXT(buf_str(&search)), DB_BLOB(buf_str(&sort)),
	                DB_TEXT(s->system_name), DB_INT(s->system_level), DB_TEXT(s->kind), DB_TEXT(s->addresses), DB_TEXT(s->fingerprint),
	                DB_UUID_OR_NULL(&s->token_id), DB_CSTR(source_formats[s->format]), DB_TEXT(s->retention), DB_INT(s->rate_per_s),
	                DB_INT(s->silence_s), DB_INT(s->enabled), DB_TEXT(s->note), DB_INT(s->created_at), DB_INT(s->enabled_at),
	                DB_INT(s->version), DB_TEXT(s->time_zone));
	return r < 0 ? r : 0;
}

int source_db_update(struct db_tx *tx, const struct source_row *s, struct err *err)
{
	cleanup_buf struct buf search = BUF_INIT(SOURCE_TEXT_MAX + 4096), sort = BUF_INIT(4096);
	keys_of(s, &search, &sort);
	int r = db_exec(tx, err,
	                "UPDATE source SET unit_id = $2, name = $3, search_key = $4, sort_key = $5, system_name = $6, system_level = $7,"
	                " kind = $8, addresses = $9, fingerprint = $10, token_id = $11, format = $12, retention = $13, rate_per_s = $14,"
	                " silence_s = $15, enabled = $16, note = $17, enabled_at = $18, version = $19, time_zone = $20 WHERE id = $1",
	                DB_UUID(&s->id), DB_UUID(&s->unit_id), DB_TEXT(s->name), DB_TEXT(buf_str(&search)), DB_BLOB(buf_str(&sort)),
	                DB_TEXT(s->system_name), DB_INT(s->system_level), DB_TEXT(s->kind), DB_TEXT(s->addresses), DB_TEXT(s->fingerprint),
	                DB_UUID_OR_NULL(&s->token_id), DB_CSTR(source_formats[s->format]), DB_TEXT(s->retention), DB_INT(s->rate_per_s),
	                DB_INT(s->silence_s), DB_INT(s->enabled), DB_TEXT(s->note), DB_INT(s->enabled_at), DB_INT(s->version),
	                DB_TEXT(s->time_zone));
	return r < 0 ? r : 0;
}

int source_db_delete(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM source_state WHERE source_id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM source WHERE id = $1", DB_UUID(id));
	return r < 0 ? r : 0;
}

int source_db_unclaim(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM source_claim WHERE source_id = $1", DB_UUID(id));
	return r < 0 ? r : 0;
}

int source_db_claim(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str claim, struct str *ret_name,
                    struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_exec(tx, err, "INSERT INTO source_claim (claim, source_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", DB_TEXT(claim),
	                DB_UUID(id));
	if (r != 0)
		return r < 0 ? r : 0;
	r = db_query(tx, &rows, err, "SELECT s.name FROM source_claim c JOIN source s ON s.id = c.source_id WHERE c.claim = $1 AND s.id <> $2",
	             DB_TEXT(claim), DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret_name = arena_str(arena, db_text(rows, 0));
	return r;
}

struct token_search {
	const struct uuid *id;
	bool found;
};

static void look_at_token(const struct account_token_info *t, void *ctx)
{
	struct token_search *s = ctx;
	s->found = s->found || uuid_eq(&t->token_id, s->id);
}

int source_db_token_exists(struct db_tx *tx, const struct uuid *token_id, struct err *err)
{
	struct token_search s = {.id = token_id};
	int r = account_each_token(tx, "event.send", clock_now(), look_at_token, &s, err);
	return r < 0 ? r : s.found;
}

/* ---- for the pipeline ---- */

static void set_format(struct event_sender *s, struct str format)
{
	static const struct {
		enum source_format name;
		enum event_format format;
	} table[] = {{SOURCE_FORMAT_JSON, EVENT_FORMAT_JSON}, {SOURCE_FORMAT_SYSLOG, EVENT_FORMAT_SYSLOG}, {SOURCE_FORMAT_TEXT, EVENT_FORMAT_TEXT}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq_c(format, source_formats[table[i].name])) {
			s->has_format = true;
			s->format = table[i].format;
		}
}

static void each_way(const struct event_sender *source, struct str addresses, struct str fingerprint, const struct uuid *token_id,
                     source_sender_fn fn, void *ctx)
{
	struct str one;
	while (addresses.n > 0 && str_split(&addresses, '\n', &one)) {
		struct event_sender s = *source;
		if (event_address_parse(one, &s.address, NULL) == 0)
			fn(&s, NULL, ctx);
	}
	if (fingerprint.n == sizeof(source->credential) - 1) {
		struct event_sender s = *source;
		str_copy_c(fingerprint, s.credential, sizeof(s.credential));
		fn(&s, NULL, ctx);
	}
	if (!uuid_is_null(token_id))
		fn(source, token_id, ctx);
}

int source_each_sender(struct db_tx *tx, source_sender_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT s.id, s.unit_id, s.name, s.addresses, s.fingerprint, s.token_id, s.format, s.rate_per_s, s.silence_s,"
	                 " (SELECT max(c.days) FROM source_retention c WHERE (s.retention <> '' AND c.class = s.retention)"
	                 " OR (s.retention = '' AND c.level = s.system_level)), s.system_level, s.time_zone FROM source s WHERE s.enabled = 1 ORDER BY s.id");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		char id[UUID_TEXT_SIZE];
		struct uuid token = db_uuid(rows, 5);
		int64_t days = db_int(rows, 9);
		struct event_sender s = {.id = db_uuid(rows, 0), .unit = db_uuid(rows, 1), .rate_per_s = (unsigned)db_int(rows, 7),
		                         .silence_s = (unsigned)db_int(rows, 8), .retention_days = days > 0 ? (unsigned)days : 0,
		                         .system_level = (unsigned)db_int(rows, 10)};
		struct buf label = BUF_FIXED(s.source, sizeof(s.source));
		buf_printf(&label, SOURCE_LABEL "%s", uuid_text(&s.id, id));
		str_copy_c(db_text(rows, 2), s.name, sizeof(s.name));
		str_copy_c(db_text(rows, 11), s.time_zone, sizeof(s.time_zone));
		set_format(&s, db_text(rows, 6));
		each_way(&s, db_text(rows, 3), db_text(rows, 4), &token, fn, ctx);
	}
	return r;
}

static bool is_registered(struct str event_source, struct uuid *ret_id)
{
	return str_starts_with(event_source, STR(SOURCE_LABEL)) &&
	       uuid_parse(str_sub(event_source, sizeof(SOURCE_LABEL) - 1, event_source.n), ret_id);
}

int source_level(struct db_tx *tx, struct str event_source, int64_t *ret, struct err *err)
{
	struct uuid id;
	cleanup_rows struct db_rows *rows = NULL;
	*ret = 0;
	if (!is_registered(event_source, &id))
		return 0;
	int r = db_query(tx, &rows, err, "SELECT system_level FROM source WHERE id = $1", DB_UUID(&id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = db_int(rows, 0);
	return r < 0 ? r : 0;
}

int source_since(struct db_tx *tx, struct str event_source, usec_t *ret, struct err *err)
{
	struct uuid id;
	*ret = 0;
	return !is_registered(event_source, &id)
	           ? 0
	           : db_query_int(tx, ret, err, "SELECT COALESCE(MIN(enabled_at), 0) FROM source WHERE id = $1", DB_UUID(&id));
}

int source_name(struct db_tx *tx, struct arena *arena, struct str event_source, struct str *ret, struct err *err)
{
	struct uuid id;
	cleanup_rows struct db_rows *rows = NULL;
	*ret = STR_EMPTY;
	if (!is_registered(event_source, &id))
		return 0;
	int r = db_query(tx, &rows, err, "SELECT name FROM source WHERE id = $1", DB_UUID(&id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = arena_str(arena, db_text(rows, 0));
	return r < 0 ? r : 0;
}

int source_networks(struct db_tx *tx, struct arena *arena, struct str event_source, struct str *ret, struct err *err)
{
	struct uuid id;
	cleanup_rows struct db_rows *rows = NULL;
	*ret = STR_EMPTY;
	if (!is_registered(event_source, &id))
		return 0;
	int r = db_query(tx, &rows, err, "SELECT addresses FROM source WHERE id = $1", DB_UUID(&id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = arena_str(arena, db_text(rows, 0));
	return r < 0 ? r : 0;
}
