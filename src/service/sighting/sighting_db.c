/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Questions to the history, and the room's own row. Ids and hashes are written from bytes of ours; nothing else enters the SQL. */
#include "service/sighting/sighting_internal.h"

#include <stdio.h>

#define SQL_LIMIT ((size_t)1 << 20)
#define ANSWER_LIMIT ((size_t)64 << 20)
#define CELLS 8

static void put_u32(struct buf *out, uint64_t v)
{
	if (v > UINT32_MAX)
		v = UINT32_MAX;
	for (unsigned i = 0; i < 4; i++)
		buf_append_char(out, (char)(unsigned char)(v >> (8 * i)));
}

static void put_u64(struct buf *out, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		buf_append_char(out, (char)(unsigned char)(v >> (8 * i)));
}

/* Two words of eight bytes, each from its last byte on. */
static void put_uuid(struct buf *out, const struct uuid *u)
{
	for (size_t i = 0; i < 16; i++)
		buf_append_char(out, (char)u->b[(i & 8) + 7 - (i & 7)]);
}

static void put_text(struct buf *out, struct str s)
{
	size_t n = s.n;
	for (; n >= 0x80; n >>= 7)
		buf_append_char(out, (char)(unsigned char)(n | 0x80));
	buf_append_char(out, (char)(unsigned char)n);
	buf_append(out, s);
}

static uint64_t seconds(usec_t t)
{
	return t > 0 ? (uint64_t)(t / USEC_PER_SEC) : 0;
}

void sighting_db_row(const struct sighting *s, struct buf *out)
{
	buf_append(out, str_n(s->sha256, SHA256_SIZE));
	put_uuid(out, &s->endpoint_id);
	put_text(out, s->path);
	put_uuid(out, &s->unit_id);
	put_text(out, s->host);
	put_u64(out, s->size_bytes);
	put_u32(out, seconds(s->first_seen));
	put_u32(out, seconds(s->last_seen));
}

int sighting_db_insert(struct event_store *store, struct str rows, struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	char token[SHA256_HEX_SIZE];
	sha256(rows, digest);
	enum event_store_verdict v = event_store_insert(
		store, "file_history (sha256, endpoint_id, path, unit_id, host, size_bytes, first_seen, last_seen) FORMAT RowBinary",
		sha256_hex(digest, token), rows, NULL);
	return v == EVENT_STORE_TAKEN ? 0 : err_set(err, -EAGAIN, "event.search_away");
}

static void put_scope(const struct event_scope *scope, const char *column, struct buf *sql)
{
	char text[UUID_TEXT_SIZE];
	if (scope->all || scope->count == 0) {
		buf_append_c(sql, scope->all ? "1" : "0");
		return;
	}
	buf_printf(sql, "%s IN (", column);
	for (size_t i = 0; i < scope->count; i++)
		buf_printf(sql, "%s'%s'", i > 0 ? "," : "", uuid_text(&scope->units[i], text));
	buf_append_c(sql, ")");
}

static void put_hash(const unsigned char sha256[SHA256_SIZE], struct buf *sql)
{
	buf_append_c(sql, "toFixedString(unhex('");
	buf_append_hex(sql, sha256, SHA256_SIZE);
	buf_append_c(sql, "'), 32)");
}

static int ask(const struct service_context *sc, const struct buf *sql, struct buf *answer, struct err *err)
{
	struct err why = {.code = 0};
	if (sc->events == NULL)
		return err_set(err, -EAGAIN, "event.search_away");
	if (sql->overflow)
		return err_set(err, -E2BIG, "event.search_too_big");
	int r = event_store_query(sc->events, sql->p, NULL, 0, false, answer, &why);
	if (r == -ETIMEDOUT)
		return err_set(err, r, "event.search_slow");
	if (r == -E2BIG)
		return err_set(err, r, "event.search_too_big");
	if (r == -EAGAIN)
		return err_set(err, r, "event.search_away");
	return r < 0 ? err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", err_arg(&why, "reason"))) : 0;
}

static usec_t at_second(const struct json *cell)
{
	int64_t t = 0;
	return cell != NULL && str_parse_i64(cell->text, 0, UINT32_MAX, &t) ? t * USEC_PER_SEC : 0;
}

static bool read_row(const struct json *row, struct sighting *ret)
{
	const struct json *c[CELLS] = {NULL};
	size_t n = 0;
	json_each(cell, row) {
		if (n < CELLS)
			c[n++] = cell;
	}
	*ret = (struct sighting){.size_bytes = 0};
	if (n != CELLS || !str_parse_hex(c[0]->text, ret->sha256, SHA256_SIZE) || !uuid_parse(c[1]->text, &ret->endpoint_id) ||
	    !uuid_parse(c[2]->text, &ret->unit_id))
		return false;
	ret->host = c[3]->text;
	ret->path = c[4]->text;
	ret->first_seen = at_second(c[6]);
	ret->last_seen = at_second(c[7]);
	return str_parse_u64(c[5]->text, 0, UINT64_MAX, &ret->size_bytes);
}

static int each_row(struct arena *arena, struct str answer, sighting_fn fn, void *ctx, struct err *err)
{
	struct str line;
	while (str_split(&answer, '\n', &line)) {
		const struct json *row = NULL;
		struct sighting s;
		if (line.n == 0)
			continue;
		if (json_parse(arena, arena_str(arena, line), NULL, &row, err) < 0 || !read_row(row, &s))
			return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
		fn(ctx, &s);
	}
	return 0;
}

/* A machine that went to another unit tells its files anew: the newest telling counts. */
#define FACTS                                                                                                          \
	" argMax(unit_id, last_seen) AS unit, argMax(host, last_seen) AS name, max(size_bytes) AS size,"               \
	" min(first_seen) AS first, max(last_seen) AS last"
#define SHOWN(path)                                                                                                    \
	"SELECT lower(hex(sha256)), toString(endpoint_id), toString(unit), name, " path ", toString(size),"            \
	" toString(toUnixTimestamp(first)), toString(toUnixTimestamp(last))"

static void put_places(struct buf *sql, const struct event_scope *scope, const unsigned char sha256[SHA256_SIZE])
{
	buf_append_c(sql, " FROM (SELECT sha256, endpoint_id, path," FACTS " FROM file_history WHERE sha256 = ");
	put_hash(sha256, sql);
	buf_append_c(sql, " GROUP BY sha256, endpoint_id, path HAVING ");
	put_scope(scope, "unit", sql);
	buf_append_c(sql, ")");
}

static int read_sum(struct arena *arena, struct str answer, struct sighting_sum *ret, struct err *err)
{
	const struct json *row = NULL;
	if (json_parse(arena, arena_str(arena, str_trim(answer)), NULL, &row, err) < 0 || row->type != JSON_ARRAY || row->count != 4)
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "sum"));
	const struct json *c = row->child;
	*ret = (struct sighting_sum){.machines = 0};
	(void)str_parse_i64(c->text, 0, INT64_MAX, &ret->machines);
	(void)str_parse_i64(c->next->text, 0, INT64_MAX, &ret->places);
	ret->first_seen = at_second(c->next->next);
	ret->last_seen = at_second(c->next->next->next);
	return 0;
}

int sighting_db_of_hash(const struct service_context *sc, struct arena *arena, const struct event_scope *scope,
                        const unsigned char sha256[SHA256_SIZE], int64_t limit, int64_t skip, struct sighting_sum *ret_sum,
                        sighting_fn fn, void *ctx, struct err *err)
{
	cleanup_buf struct buf sql = BUF_INIT(SQL_LIMIT), answer = BUF_INIT(ANSWER_LIMIT);
	*ret_sum = (struct sighting_sum){.machines = 0};
	buf_append_c(&sql, "SELECT toString(uniqExact(endpoint_id)), toString(count()), toString(toUnixTimestamp(min(first))),"
	                   " toString(toUnixTimestamp(max(last)))");
	put_places(&sql, scope, sha256);
	buf_append_c(&sql, " FORMAT JSONCompactEachRow");
	int r = ask(sc, &sql, &answer, err);
	if (r == 0)
		r = read_sum(arena, buf_str(&answer), ret_sum, err);
	if (r < 0 || ret_sum->places == 0)
		return r;
	buf_clear(&sql);
	buf_clear(&answer);
	buf_append_c(&sql, SHOWN("path"));
	put_places(&sql, scope, sha256);
	buf_printf(&sql, " ORDER BY last DESC, endpoint_id, path LIMIT %lld OFFSET %lld FORMAT JSONCompactEachRow", (long long)limit,
	           (long long)skip);
	r = ask(sc, &sql, &answer, err);
	return r < 0 ? r : each_row(arena, buf_str(&answer), fn, ctx, err);
}

int sighting_db_of_hashes(const struct service_context *sc, struct arena *arena, const unsigned char (*sha256)[SHA256_SIZE],
                          size_t count, sighting_fn fn, void *ctx, struct err *err)
{
	cleanup_buf struct buf sql = BUF_INIT(SQL_LIMIT), answer = BUF_INIT(ANSWER_LIMIT);
	buf_append_c(&sql, SHOWN("place") " FROM (SELECT sha256, endpoint_id, argMax(path, last_seen) AS place," FACTS
	                   " FROM file_history WHERE sha256 IN (");
	for (size_t i = 0; i < count; i++) {
		buf_append_c(&sql, i > 0 ? ", " : "");
		put_hash(sha256[i], &sql);
	}
	buf_printf(&sql, ") GROUP BY sha256, endpoint_id ORDER BY last DESC LIMIT %d BY sha256) FORMAT JSONCompactEachRow",
	           SIGHTING_ALERTS_MOST);
	int r = ask(sc, &sql, &answer, err);
	return r < 0 ? r : each_row(arena, buf_str(&answer), fn, ctx, err);
}

int sighting_db_looked(struct db_tx *tx, int64_t *ret_version, struct err *err)
{
	*ret_version = 0;
	return db_query_int(tx, ret_version, err, "SELECT COALESCE(max(bundle_version), 0) FROM sighting_look");
}

int sighting_db_set_looked(struct db_tx *tx, int64_t version, usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO sighting_look (id, bundle_version, at) VALUES (1, $1, $2) ON CONFLICT (id) DO UPDATE"
	                " SET bundle_version = $1, at = $2",
	                DB_INT(version), DB_INT(now));
	return r < 0 ? r : 0;
}
