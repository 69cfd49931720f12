/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rows for people: pages newest first, the live tail in order of receipt, one event with everything. */
#include "engine/event/event.h"
#include "service/event/event_internal.h"

#define TEXT_SHOWN "200"
/* The order of receipt is that of the spool up to threads that overtook each other. */
#define SETTLED (2 * USEC_PER_SEC)
#define QUIET (5 * USEC_PER_SEC)
#define TAIL_MOST 2000

static void put(struct event_ask *a, const char *literal)
{
	buf_append_c(&a->sql.text, literal);
}

#define ROW                                                                                                             \
	"SELECT toString(event_id), toUnixTimestamp64Micro(time), toUnixTimestamp64Micro(received), toString(unit_id),"  \
	" toString(endpoint_id), source, toValidUTF8(substring(if(text != '', text, raw), 1, " TEXT_SHOWN "))"
#define ROW_CELLS 7

/* The values of ?field= after the row's own cells. */
static int put_row(struct event_ask *a, const struct str *fields, size_t count, struct err *err)
{
	put(a, ROW);
	for (size_t i = 0; i < count; i++) {
		put(a, ", toValidUTF8(");
		int r = event_query_value_of(fields[i], &a->sql, err);
		if (r < 0)
			return r;
		put(a, ")");
	}
	return 0;
}

static int read_fields(const struct api_request *req, struct str fields[EVENT_FIELDS_MOST], size_t *ret, struct err *err)
{
	*ret = http_query_all(req->http, "field", fields, EVENT_FIELDS_MOST);
	for (size_t i = 0; i < *ret; i++)
		if (fields[i].n == 0 || fields[i].n > 200)
			return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "field"), ARG_CSTR("expected", "field"));
	return 0;
}

static usec_t time_of(const struct json *cell)
{
	usec_t t = 0;
	(void)str_parse_i64(cell->text, INT64_MIN, INT64_MAX, &t);
	return t;
}

static struct uuid uuid_of(const struct json *cell)
{
	struct uuid id = {{0}};
	(void)uuid_parse(cell->text, &id);
	return id;
}

static void write_ref(struct json_writer *w, const struct event_ask *a, const struct uuid *unit)
{
	api_member_ref(w, "unit", unit, event_scope_name(&a->scope, unit));
}

/* One row's object; *ret is its place by the order asked for. */
static void write_row(struct json_writer *w, const struct event_ask *a, const struct json *row, const struct str *fields,
                      size_t count, bool by_receipt, struct event_cursor *ret)
{
	const struct json *c = row->child;
	struct uuid id = uuid_of(c), unit, endpoint;
	json_object(w);
	api_member_uuid(w, "id", &id);
	usec_t time = time_of(c = c->next), received = time_of(c = c->next);
	api_member_time(w, "time", time);
	api_member_time(w, "received", received);
	unit = uuid_of(c = c->next);
	endpoint = uuid_of(c = c->next);
	write_ref(w, a, &unit);
	api_member_uuid(w, "endpoint_id", &endpoint);
	json_member_str(w, "source", (c = c->next)->text);
	json_member_str(w, "text", (c = c->next)->text);
	json_name(w, "fields");
	json_object(w);
	for (size_t i = 0; i < count && (c = c->next) != NULL; i++) {
		json_name_str(w, fields[i]);
		json_str(w, c->text);
	}
	json_object_end(w);
	json_object_end(w);
	*ret = (struct event_cursor){by_receipt ? received : time, id};
}

struct page {
	const struct str *fields;
	size_t count;
	bool by_receipt;
	int64_t limit;
	int64_t rows;
	struct event_cursor last;
	bool more;
};

static int write_rows(struct json_writer *w, struct event_ask *a, struct page *p, struct err *err)
{
	struct str rest = buf_str(&a->answer);
	const struct json *row;
	int r;
	while ((r = event_db_next(a, &rest, &row, err)) > 0) {
		if (p->rows == p->limit) {
			p->more = true;
			break;
		}
		if (row->count != ROW_CELLS + p->count)
			return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
		write_row(w, a, row, p->fields, p->count, p->by_receipt, &p->last);
		p->rows++;
	}
	return r < 0 ? r : 0;
}

/* What of a list's page has been found so far. */
struct list {
	struct page *page;
	const struct event_cursor *after; /* NULL: from the newest */
	struct json_writer *w;
};

static int list_window(struct event_ask *a, void *ctx, struct err *err)
{
	struct list *l = ctx;
	struct page *p = l->page;
	char id[UUID_TEXT_SIZE];
	int r = put_row(a, p->fields, p->count, err);
	if (r >= 0)
		r = event_db_from(a, err);
	if (r < 0)
		return r;
	if (l->after != NULL)
		buf_printf(&a->sql.text, " AND (time, event_id) < (fromUnixTimestamp64Micro(%lld, 'UTC'), toUUID('%s'))",
		           (long long)l->after->at, uuid_text(&l->after->id, id));
	/* Not in the order of the table: it would be read from every part at once, with a block of each in memory. */
	buf_printf(&a->sql.text, " ORDER BY time DESC, event_id DESC LIMIT %lld FORMAT JSONCompactEachRow",
	           (long long)p->limit - (long long)p->rows + 1);
	r = event_db_run(a, err);
	if (r >= 0)
		r = write_rows(l->w, a, p, err);
	return r < 0 ? r : p->more;
}

/* Where the next page begins: after the last row, or where time was over. The null id is before every other of its time. */
static void write_next(struct json_writer *w, const struct page *p, usec_t from, usec_t reached)
{
	const struct event_cursor there = {.at = reached};
	if (p->more)
		event_cursor_write(w, "next", &p->last);
	else if (reached > from)
		event_cursor_write(w, "next", &there);
	json_member_bool(w, "out_of_time", !p->more && reached > from);
	api_member_time(w, "searched_to", p->more ? p->last.at : reached);
}

#define LIST_WAIT 4
#define LIST_WAIT_MOST 25
int event_db_list(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	struct str fields[EVENT_FIELDS_MOST];
	struct event_cursor cursor;
	struct event_range asked = a->range;
	struct page p = {.fields = fields, .limit = 100};
	int64_t wait = LIST_WAIT;
	usec_t reached = asked.from;
	int r = read_fields(req, fields, &p.count, err), after = 0;
	if (r >= 0)
		r = api_query_int(req, "limit", 1, EVENT_LIST_MOST, &p.limit, err);
	if (r >= 0)
		r = api_query_int(req, "wait", 1, LIST_WAIT_MOST, &wait, err);
	if (r >= 0)
		after = r = event_cursor_read(req, "cursor", &cursor, err);
	if (r < 0)
		return r;
	if (after > 0 && cursor.at < a->range.to)
		a->range.to = cursor.at + 1;
	struct json_writer w = api_reply(res, 200);
	struct list l = {&p, after > 0 ? &cursor : NULL, &w};
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	if (a->range.from < a->range.to)
		r = event_walk(a, &(struct event_walk){wait * USEC_PER_SEC, true}, list_window, &l, &reached, err);
	json_array_end(&w);
	write_next(&w, &p, asked.from, reached);
	api_member_time(&w, "from", asked.from);
	api_member_time(&w, "to", asked.to);
	json_object_end(&w);
	return r < 0 ? r : 0;
}

/* ---- live ---- */

static int newest(const struct event_ask *like, usec_t *ret, struct err *err)
{
	struct event_ask a;
	const struct json *row;
	event_ask_init(&a, like->sc, like->arena);
	a.http = like->http;
	a.scope.all = like->scope.all || like->scope.count > 0;
	/* Of all events, whoever's: how far the store has come. Only compared, never shown. */
	buf_append_c(&a.sql.text, "SELECT toUnixTimestamp64Micro(max(received)) FROM event FORMAT JSONCompactEachRow");
	int r = event_db_run(&a, err);
	struct str rest = buf_str(&a.answer);
	if (r >= 0)
		r = event_db_next(&a, &rest, &row, err);
	*ret = r > 0 && row->child != NULL ? time_of(row->child) : 0;
	event_ask_done(&a);
	return r;
}

/*
 * In order of receipt after the cursor. What came in the last moments waits until something later is there or all is quiet,
 * so that an event that was overtaken on its way into the store is not passed over.
 */
int event_db_tail(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	struct str fields[EVENT_FIELDS_MOST];
	struct event_cursor cursor = {.at = 0};
	char id[UUID_TEXT_SIZE];
	usec_t now = api_now(req), end = 0;
	struct page p = {.fields = fields, .limit = TAIL_MOST, .by_receipt = true};
	int r = read_fields(req, fields, &p.count, err), after = 0;
	if (r >= 0)
		after = r = event_cursor_read(req, "after", &cursor, err);
	if (r >= 0)
		r = newest(a, &end, err);
	if (r < 0)
		return r;
	if (now - end < QUIET)
		end -= SETTLED;
	if (after == 0)
		cursor.at = end;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	p.last = cursor;
	json_name(&w, "items");
	json_array(&w);
	if (after > 0 && end > cursor.at) {
		/* The range is that of receipt here; events may be as old as they like. */
		a->range = (struct event_range){cursor.at - 366 * USEC_PER_DAY, now + 2 * USEC_PER_HOUR};
		r = put_row(a, fields, p.count, err);
		if (r >= 0)
			r = event_db_from(a, err);
		if (r < 0)
			return r;
		buf_printf(&a->sql.text, " AND received >= fromUnixTimestamp64Micro(%lld, 'UTC')"
		                         " AND received <= fromUnixTimestamp64Micro(%lld, 'UTC')"
		                         " AND (received, event_id) > (fromUnixTimestamp64Micro(%lld, 'UTC'), toUUID('%s'))"
		                         " ORDER BY received, event_id LIMIT %d FORMAT JSONCompactEachRow",
		           (long long)cursor.at, (long long)end, (long long)cursor.at, uuid_text(&cursor.id, id), TAIL_MOST + 1);
		r = event_db_run(a, err);
		if (r >= 0)
			r = write_rows(&w, a, &p, err);
		/* Up to here everything was told. */
		if (r >= 0 && !p.more && p.last.at < end)
			p.last = (struct event_cursor){end, {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}};
	} else if (after == 0) {
		(void)memset(p.last.id.b, 0xff, sizeof p.last.id.b);
	}
	json_array_end(&w);
	event_cursor_write(&w, "next", &p.last);
	json_member_bool(&w, "more", p.more);
	json_object_end(&w);
	return r;
}

/* ---- one ---- */

#define TERMS_MOST EVENT_QUERY_TERMS
#define FIELDS_SHOWN 1000

/* The terms of the query that an event may owe its place to. */
static void collect(const struct event_query *q, const struct event_query **terms, size_t *count)
{
	if (q->kind == EVENT_QUERY_AND || q->kind == EVENT_QUERY_OR) {
		collect(q->left, terms, count);
		collect(q->right, terms, count);
	} else if (q->kind != EVENT_QUERY_NOT && q->kind != EVENT_QUERY_ALL && *count < TERMS_MOST) {
		terms[(*count)++] = q;
	}
}

static int put_terms(struct event_ask *a, const struct event_query *const *terms, size_t count, struct err *err)
{
	put(a, ", [");
	for (size_t i = 0; i < count; i++) {
		put(a, i > 0 ? ", toUInt8(" : "toUInt8(");
		int r = event_query_compile(terms[i], &a->sql, err);
		if (r < 0)
			return r;
		put(a, ")");
	}
	put(a, "]");
	return 0;
}

/* The fields of an event: its columns, the map (further values, one a line), and of a JSON text what is only there. */
struct gathered {
	struct str names[FIELDS_SHOWN], values[FIELDS_SHOWN];
	size_t count;
};

static void gather(struct gathered *g, struct arena *arena, struct str name, struct str value)
{
	if (value.n == 0)
		return;
	for (size_t i = 0; i < g->count; i++) {
		if (!str_eq(g->names[i], name))
			continue;
		if (!str_eq(g->values[i], value))
			g->values[i] = arena_printf(arena, "%.*s\n%.*s", STR_FMT(g->values[i]), STR_FMT(value));
		return;
	}
	if (g->count == FIELDS_SHOWN)
		return;
	g->names[g->count] = name;
	g->values[g->count++] = value;
}

static void gather_pairs(struct gathered *g, struct arena *arena, const struct json *names, const struct json *values)
{
	const struct json *v = values->child;
	json_each(name, names)
	{
		if (v == NULL)
			break;
		gather(g, arena, name->text, v->text);
		v = v->next;
	}
}

static bool has(const struct gathered *g, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(g->names[i], name))
			return true;
	return false;
}

static void gather_raw(struct gathered *g, struct arena *arena, struct str raw)
{
	struct event e;
	size_t known = g->count;
	if (event_flatten(arena, raw, NULL, &e, NULL) < 0)
		return;
	for (size_t i = 0; i < e.count; i++)
		if (!has(g, known, e.fields[i].name))
			gather(g, arena, e.fields[i].name, e.fields[i].value);
}

static void write_fields(struct json_writer *w, struct arena *arena, const struct json *const cells[5])
{
	struct gathered *g = ARENA_NEW(arena, struct gathered);
	gather_pairs(g, arena, cells[0], cells[1]);
	gather_pairs(g, arena, cells[2], cells[3]);
	gather_raw(g, arena, cells[4]->text);
	json_name(w, "fields");
	json_object(w);
	for (size_t i = 0; i < g->count; i++) {
		json_name_str(w, g->names[i]);
		json_str(w, g->values[i]);
	}
	json_object_end(w);
}

static void write_why(struct json_writer *w, const struct event_query *const *terms, const struct json *hits)
{
	size_t i = 0;
	json_name(w, "why");
	json_array(w);
	json_each(hit, hits)
	{
		const struct event_query *q = terms[i++];
		if (!str_eq_c(hit->text, "1"))
			continue;
		cleanup_buf struct buf term = BUF_INIT(8 << 10);
		event_query_print(q, &term);
		json_object(w);
		json_member_str(w, "term", buf_str(&term));
		json_member_str(w, "field", q->field);
		json_member_int(w, "at", (int64_t)q->at);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_all_columns(struct event_ask *a)
{
	const struct event_query_field *f;
	put(a, ", [");
	for (size_t i = 0; (f = event_query_field_at(i)) != NULL; i++)
		if (f->kind != EVENT_QUERY_UUID && !str_eq_c(str_c(f->name), "raw") && !str_eq_c(str_c(f->name), "source"))
			buf_printf(&a->sql.text, "%s'%s'", i > 0 ? ", " : "", f->name);
	put(a, "], [");
	for (size_t i = 0; (f = event_query_field_at(i)) != NULL; i++)
		if (f->kind != EVENT_QUERY_UUID && !str_eq_c(str_c(f->name), "raw") && !str_eq_c(str_c(f->name), "source"))
			buf_printf(&a->sql.text, "%stoValidUTF8(ifNull(toString(%s), ''))", i > 0 ? ", " : "", f->column);
	put(a, "], arrayMap(x -> toValidUTF8(x), mapKeys(fields)), arrayMap(x -> toValidUTF8(x), mapValues(fields)), toValidUTF8(raw)");
}

int event_db_one(struct event_ask *a, const struct uuid *id, usec_t at, struct http_response *res, struct err *err)
{
	const struct event_query *terms[TERMS_MOST], *asked = a->query;
	size_t count = 0;
	const struct json *row = NULL;
	struct event_cursor ignored;
	char text[UUID_TEXT_SIZE];
	collect(asked, terms, &count);
	a->query = NULL;
	a->range = at > 0 ? (struct event_range){at, at + 1} : (struct event_range){0, api_now(&(struct api_request){.service = a->sc}) + USEC_PER_DAY};
	put(a, ROW);
	put_all_columns(a);
	int r = put_terms(a, terms, count, err);
	if (r >= 0)
		r = event_db_from(a, err);
	if (r < 0)
		return r;
	buf_printf(&a->sql.text, " AND event_id = '%s' LIMIT 1 FORMAT JSONCompactEachRow", uuid_text(id, text));
	r = event_db_run(a, err);
	struct str rest = buf_str(&a->answer);
	if (r >= 0)
		r = event_db_next(a, &rest, &row, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	if (row->count != ROW_CELLS + 6)
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
	const struct json *more[6], *c = row->child;
	for (unsigned i = 0; i < ROW_CELLS; i++)
		c = c->next;
	for (unsigned i = 0; i < 6; i++, c = c->next)
		more[i] = c;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_name(&w, "event");
	write_row(&w, a, row, NULL, 0, false, &ignored);
	write_fields(&w, a->arena, more);
	json_member_str(&w, "raw", more[4]->text);
	write_why(&w, terms, more[5]);
	json_object_end(&w);
	return 0;
}
