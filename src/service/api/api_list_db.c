/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Pages by key, not by offset: a cursor is the sort value and the id of the last row shown, so that rows that come or
 * go meanwhile neither repeat nor hide others. Its text is ours alone: base64url of "name:type value:type value".
 */
#include <assert.h>
#include <stdio.h>

#include "base/text/text.h"
#include "service/api/api.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MOST 500
#define SQL_MAX 12288
#define CURSOR_MAX 4096
#define SEARCH_MAX 200
#define SEARCH_WORDS 8

static struct buf arena_buf(struct arena *arena, size_t size)
{
	return buf_fixed(arena_alloc(arena, size), size);
}

static int bad_cursor(struct err *err)
{
	return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "cursor"), ARG_CSTR("expected", "cursor"));
}

static void put_value(struct buf *out, const struct db_value *v)
{
	if (v->type == DB_TYPE_INT) {
		buf_printf(out, ":i%lld", (long long)v->i);
	} else {
		buf_append_c(out, v->type == DB_TYPE_TEXT ? ":t" : ":b");
		buf_append_hex(out, v->s.p, v->s.n);
	}
}

static bool get_value(struct arena *arena, struct str part, struct db_value *ret)
{
	if (part.n < 1)
		return false;
	struct str rest = str_sub(part, 1, part.n);
	if (part.p[0] == 'i') {
		ret->type = DB_TYPE_INT;
		return str_parse_i64(rest, INT64_MIN, INT64_MAX, &ret->i);
	}
	if (part.p[0] != 't' && part.p[0] != 'b')
		return false;
	ret->type = part.p[0] == 't' ? DB_TYPE_TEXT : DB_TYPE_BLOB;
	char *bytes = arena_alloc(arena, rest.n / 2 + 1);
	ret->s = str_n(bytes, rest.n / 2);
	return rest.n % 2 == 0 && str_parse_hex(rest, bytes, rest.n / 2) &&
	       (ret->type == DB_TYPE_BLOB || text_is_utf8(ret->s));
}

static int read_cursor(const struct api_request *req, struct api_list *list, struct err *err)
{
	struct str given = req->page != NULL ? req->page->cursor : http_query(req->http, "cursor");
	if (given.n == 0)
		return 0;
	cleanup_buf struct buf text = BUF_INIT(CURSOR_MAX);
	if (given.n > CURSOR_MAX || !buf_append_base64_decoded(&text, given))
		return bad_cursor(err);
	struct str rest = buf_str(&text), name, sort, id;
	if (!str_split(&rest, ':', &name) || !str_split(&rest, ':', &sort) || !str_split(&rest, ':', &id))
		return bad_cursor(err);
	if (!str_eq_c(name, list->sort->name) || !get_value(list->arena, sort, &list->after_sort) ||
	    !get_value(list->arena, id, &list->after_id) || list->after_sort.type != list->sort->type)
		return bad_cursor(err);
	list->after = true;
	return 0;
}

static int read_sort(const struct api_request *req, const struct api_sort *sorts, struct api_list *list,
                     struct err *err)
{
	list->sort = sorts;
	list->descending = sorts->newest_first;
	struct str wanted = http_query(req->http, "sort");
	if (wanted.n == 0)
		return 0;
	list->descending = wanted.p[0] == '-';
	struct str name = str_sub(wanted, list->descending, wanted.n);
	for (list->sort = sorts; list->sort->name != NULL; list->sort++) {
		if (str_eq_c(name, list->sort->name))
			return 0;
	}
	char known[128];
	struct buf names = BUF_FIXED(known, sizeof known);
	for (const struct api_sort *s = sorts; s->name != NULL; s++)
		buf_printf(&names, "%s%s", s == sorts ? "" : "|", s->name);
	return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "sort"), ARG_CSTR("expected", known));
}

int api_list_begin(const struct api_request *req, const struct api_sort *sorts, struct api_list *list,
                   struct err *err)
{
	*list = (struct api_list){.arena = req->arena, .limit = LIMIT_DEFAULT};
	list->from = arena_buf(req->arena, SQL_MAX);
	int r = 0;
	if (req->page != NULL) {
		list->limit = req->page->limit;
		list->counted = req->page->total >= 0;
		list->total = list->counted ? req->page->total : 0;
	} else {
		r = api_query_int(req, "limit", 1, LIMIT_MOST, &list->limit, err);
	}
	if (r >= 0)
		r = read_sort(req, sorts, list, err);
	return r < 0 ? r : read_cursor(req, list, err);
}

/* "?" becomes "$n" for the n-th value. */
static void append_numbered(struct api_list *list, struct buf *out, const char *sql, const struct db_value *values,
                            size_t count)
{
	size_t used = 0;
	for (const char *p = sql; *p != '\0'; p++) {
		if (*p != '?') {
			buf_append_char(out, *p);
			continue;
		}
		assert(used < count && list->value_count < API_LIST_VALUES);
		list->values[list->value_count++] = values[used++];
		buf_printf(out, "$%u", list->value_count);
	}
	assert(used == count && !out->overflow);
}

void api_list_add_values(struct api_list *list, const char *sql, const struct db_value *values, size_t count)
{
	append_numbered(list, &list->from, sql, values, count);
}

/* LIKE's own letters lose their meaning. */
static struct str like_pattern(struct arena *arena, struct str word)
{
	struct buf out = arena_buf(arena, 2 * word.n + 3);
	buf_append_char(&out, '%');
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] == '%' || word.p[i] == '_' || word.p[i] == '!')
			buf_append_char(&out, '!');
		buf_append_char(&out, word.p[i]);
	}
	buf_append_char(&out, '%');
	return buf_str(&out);
}

void api_list_search(struct api_list *list, const struct api_request *req, const char *column)
{
	struct str q = str_sub(http_query(req->http, "q"), 0, SEARCH_MAX);
	cleanup_buf struct buf folded = BUF_INIT(16 * SEARCH_MAX);
	text_search_key(q, &folded);
	struct str rest = buf_str(&folded), word;
	for (unsigned n = 0; n < SEARCH_WORDS && str_split(&rest, ' ', &word); n++) {
		if (word.n == 0)
			continue;
		buf_printf(&list->from, " AND %s", column);
		api_list_add(list, " LIKE ? ESCAPE '!'", DB_TEXT(like_pattern(list->arena, word)));
	}
}

int api_list_unit_filter(struct api_list *list, const struct api_request *req, const char *column, struct err *err)
{
	struct uuid *unit = ARENA_NEW(list->arena, struct uuid);
	int r = api_query_uuid(req, "unit", unit, err);
	if (r <= 0)
		return r;
	buf_printf(&list->from, " AND %s", column);
	api_list_add(list, " IN (SELECT fs.id FROM unit fs JOIN unit ft ON substr(fs.path, 1, length(ft.path)) = ft.path"
	                   " WHERE ft.id = ?)", DB_UUID(unit));
	return 0;
}

static int count_all(struct api_list *list, struct db_tx *tx, struct err *err)
{
	struct buf sql = arena_buf(list->arena, SQL_MAX + 32);
	buf_append_c(&sql, "SELECT count(*)");
	buf_append(&sql, buf_str(&list->from));
	return db_query_int_values(tx, &list->total, err, sql.p, list->values, list->value_count);
}

int api_list_query(struct api_list *list, struct db_tx *tx, const char *columns, const char *id,
                   struct db_rows **ret, struct err *err)
{
	int r = list->counted ? 0 : count_all(list, tx, err);
	if (r < 0)
		return r;
	struct buf sql = arena_buf(list->arena, SQL_MAX + 4096);
	buf_printf(&sql, "SELECT %s, %s, %s%s", list->sort->column, id, columns, list->from.p);
	const char *column = list->sort->column, *beyond = list->descending ? "<" : ">";
	if (list->after) {
		char text[512];
		(void)snprintf(text, sizeof text, " AND (%s %s ? OR (%s = ? AND %s %s ?))", column, beyond, column, id,
		               beyond);
		const struct db_value values[] = {list->after_sort, list->after_sort, list->after_id};
		append_numbered(list, &sql, text, values, ARRAY_LEN(values));
	}
	const char *direction = list->descending ? "DESC" : "ASC";
	buf_printf(&sql, " ORDER BY %s %s, %s %s", column, direction, id, direction);
	/* One more than shown tells whether there is a next page. */
	append_numbered(list, &sql, " LIMIT ?", &DB_INT(list->limit + 1), 1);
	return db_query_values(tx, ret, err, sql.p, list->values, list->value_count);
}

static struct db_value keep(struct api_list *list, const struct db_rows *rows, unsigned column, enum db_type type)
{
	if (type == DB_TYPE_INT)
		return DB_INT(db_int(rows, column));
	return (struct db_value){.type = type, .s = arena_str(list->arena, db_text(rows, column))};
}

int api_list_next(struct api_list *list, struct db_rows *rows, struct err *err)
{
	int r = db_next(rows, err);
	if (r <= 0)
		return r;
	if (list->seen == list->limit) {
		list->more = true;
		return 0;
	}
	if (++list->seen == list->limit) {
		list->last_sort = keep(list, rows, 0, list->sort->type);
		list->last_id = keep(list, rows, 1, db_text(rows, 1).n > 0 ? DB_TYPE_BLOB : DB_TYPE_INT);
	}
	return 1;
}

void api_list_members(const struct api_list *list, struct json_writer *w)
{
	json_member_int(w, "total", list->total);
	json_name(w, "next");
	if (!list->more) {
		json_null(w);
		return;
	}
	cleanup_buf struct buf plain = BUF_INIT(CURSOR_MAX), coded = BUF_INIT(2 * CURSOR_MAX);
	buf_append_c(&plain, list->sort->name);
	put_value(&plain, &list->last_sort);
	put_value(&plain, &list->last_id);
	buf_append_base64url(&coded, plain.p, plain.n);
	json_str(w, buf_str(&coded));
}

struct answer {
	struct api_request *req;
	struct http_response *res;
	struct api_list *list;
	const struct api_list_reply *how;
};

static int write_answer(struct db_tx *tx, void *ctx, struct err *err)
{
	struct answer *a = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = api_list_query(a->list, tx, a->how->columns, a->how->id, &rows, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(a->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while ((r = api_list_next(a->list, rows, err)) > 0) {
		json_object(&w);
		a->how->row(&w, rows, a->req);
		json_object_end(&w);
	}
	json_array_end(&w);
	api_list_members(a->list, &w);
	json_object_end(&w);
	return r;
}

int api_list_answer(struct api_request *req, struct http_response *res, struct api_list *list,
                    const struct api_list_reply *how, struct err *err)
{
	struct answer a = {req, res, list, how};
	return db_read(req->service->db, write_answer, &a, err);
}
