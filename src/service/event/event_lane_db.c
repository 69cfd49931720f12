/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What goes beside the list: letters that the store would not take, SQL of people. */
#include "engine/clickhouse/clickhouse.h"
#include "service/event/event_internal.h"

/* The store's own words, and ours where there are some. */
static void write_why(struct json_writer *w, const struct api_request *req, struct str reason)
{
	const char *key = clickhouse_exception_key(reason);
	json_member_str(w, "reason", reason);
	json_name(w, "why");
	if (key == NULL) {
		json_null(w);
		return;
	}
	cleanup_buf struct buf text = BUF_INIT(1024);
	msg_append(req->service->messages, req->access->lang, key, NULL, &text);
	json_str(w, buf_str(&text));
}

#define DEAD_CELLS 7
int event_db_dead(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	struct event_cursor cursor, last = {.at = 0};
	char id[UUID_TEXT_SIZE];
	int64_t limit = 100, seen = 0;
	bool more = false;
	int r = api_query_int(req, "limit", 1, 500, &limit, err), after = 0;
	if (r >= 0)
		after = r = event_cursor_read(req, "cursor", &cursor, err);
	if (r < 0)
		return r;
	struct buf *sql = &a->sql.text;
	buf_append_c(sql, "SELECT toString(event_id), toUnixTimestamp64Micro(received), toString(unit_id), toString(endpoint_id),"
	                  " source, toValidUTF8(reason), toValidUTF8(substring(raw, 1, 4000))");
	if ((r = event_db_from_dead(a, err)) < 0)
		return r;
	if (after > 0)
		buf_printf(sql, " AND (received, event_id) < (fromUnixTimestamp64Micro(%lld, 'UTC'), toUUID('%s'))", (long long)cursor.at,
		           uuid_text(&cursor.id, id));
	buf_printf(sql, " ORDER BY received DESC, event_id DESC LIMIT %lld FORMAT JSONCompactEachRow", (long long)limit + 1);
	if ((r = event_db_run(a, err)) < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	struct str rest = buf_str(&a->answer);
	const struct json *row;
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while ((r = event_db_next(a, &rest, &row, err)) > 0 && row->count == DEAD_CELLS) {
		more = seen++ == limit;
		if (more)
			break;
		const struct json *c = row->child;
		struct uuid unit;
		json_object(&w);
		(void)uuid_parse(c->text, &last.id);
		api_member_uuid(&w, "id", &last.id);
		(void)str_parse_i64((c = c->next)->text, 0, INT64_MAX, &last.at);
		api_member_time(&w, "received", last.at);
		if (!uuid_parse((c = c->next)->text, &unit))
			unit = (struct uuid){{0}};
		api_member_ref(&w, "unit", &unit, event_scope_name(&a->scope, &unit));
		json_member_str(&w, "endpoint_id", (c = c->next)->text);
		json_member_str(&w, "source", (c = c->next)->text);
		write_why(&w, req, (c = c->next)->text);
		json_member_str(&w, "raw", c->next->text);
		json_object_end(&w);
	}
	json_array_end(&w);
	if (more)
		event_cursor_write(&w, "next", &last);
	json_object_end(&w);
	return r < 0 ? r : 0;
}

static int in_words(int r, struct err *err)
{
	char reason[256];
	str_copy_c(str_c(err != NULL ? err_arg(err, "reason") : ""), reason, sizeof reason);
	const char *key = clickhouse_exception_key(str_c(reason));
	return key == NULL ? r : err_set(err, r, key, ARG_CSTR("reason", reason));
}

/* A SELECT is put around with a limit; other statements that read (SHOW, DESCRIBE, EXPLAIN) are short as they are. */
int event_db_sql(struct event_ask *a, struct str sql, int64_t limit, struct err *err)
{
	struct clickhouse_statement s;
	int r = clickhouse_statement_read(sql, true, &s, err);
	if (r < 0)
		return r;
	if (!s.reads_only)
		return err_set(err, -EINVAL, "event.sql_reads_only");
	if (s.placeholder_count > 0)
		return err_set(err, -EINVAL, "event.sql_no_parameters");
	if (s.format.p != NULL)
		return err_set(err, -EINVAL, "event.sql_no_format");
	struct str first = str_trim(s.head);
	bool select = first.n > 6 && (str_eq_nocase(str_sub(first, 0, 6), STR("select")) || str_eq_nocase(str_sub(first, 0, 4), STR("with")));
	if (select)
		buf_append_c(&a->sql.text, "SELECT * FROM (\n");
	buf_append(&a->sql.text, s.head);
	if (select)
		buf_printf(&a->sql.text, "\n) LIMIT %lld", (long long)limit);
	buf_append_c(&a->sql.text, "\nFORMAT JSONCompact");
	struct event_store_search what = {.sql = a->sql.text.p, .hunt = a->hunt, .gone = event_asker_gone, .gone_ctx = a->http};
	if (a->sc->events == NULL)
		return err_set(err, -EAGAIN, "event.search_away");
	r = event_store_search(a->sc->events, &what, &a->answer, err);
	/* Refusals are for whoever wrote the statement, in words and with the engine's own reason. */
	return r == -ETIMEDOUT || r == -E2BIG || r == -EAGAIN || r == -ECANCELED ? event_search_explain(r, err) : r < 0 ? in_words(r, err) : r;
}
