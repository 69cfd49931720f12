/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A list as a file. The list's own handler makes page after page, as for a
 * reader who scrolls to the end; each page's items become rows, rows go to a
 * file without a name, and the file is the answer: memory holds one page.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file/file.h"
#include "service/api/api.h"

/* A new way to write rows is a line here and a file beside api_export_csv.c. */
static const struct api_export_format *const formats[] = {&api_export_csv, &api_export_xlsx, NULL};

#define PAGE_ROWS 500
#define MOST_ROWS 200000
#define COLUMNS_MAX 40
#define RENDERED_MAX ((size_t)64 << 20)
#define HEADING_MAX 200
#define CELL_MAX ((size_t)32 << 10)
#define FLUSH_BYTES ((size_t)256 << 10)
/* One row of the longest cells, each of whose letters may be doubled, beyond what is waiting. */
#define SINK_MAX (FLUSH_BYTES + COLUMNS_MAX * (2 * CELL_MAX + 8))

struct column {
	struct str path, texts, heading; /* in the request's arena */
};

struct export {
	struct api_request *req;
	const struct api_export_format *format;
	struct column columns[COLUMNS_MAX];
	size_t column_count;
	struct api_export_sink sink;
	int fd;
	int64_t rows;
	bool is_time; /* what was put last */
	struct buf cells[COLUMNS_MAX];
};

bool api_export_wanted(const struct api_request *req)
{
	struct str format = http_query(req->http, "format");
	return strcmp(req->http->method, "GET") == 0 && format.n > 0 && !str_eq(format, STR("json"));
}

static int find_format(struct export *e, struct err *err)
{
	struct str wanted = http_query(e->req->http, "format");
	char known[64];
	struct buf names = BUF_FIXED(known, sizeof known);
	buf_append_c(&names, "json");
	for (size_t i = 0; formats[i] != NULL; i++) {
		if (str_eq_c(wanted, formats[i]->name)) {
			e->format = formats[i];
			return 0;
		}
		buf_printf(&names, "|%s", formats[i]->name);
	}
	return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "format"), ARG_CSTR("expected", known));
}

static bool is_path(struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
			return false;
	}
	return path.n > 0 && path.n <= 120;
}

/* "path~text.group=Heading" */
static bool parse_column(struct str given, struct column *ret)
{
	size_t at = str_find_char(given, '=');
	struct str left = at == SIZE_MAX ? given : str_sub(given, 0, at);
	ret->heading = at == SIZE_MAX ? STR_EMPTY : str_sub(given, at + 1, given.n);
	at = str_find_char(left, '~');
	ret->path = at == SIZE_MAX ? left : str_sub(left, 0, at);
	ret->texts = at == SIZE_MAX ? STR_EMPTY : str_sub(left, at + 1, left.n);
	if (ret->heading.n == 0)
		ret->heading = ret->path;
	return is_path(ret->path) && (ret->texts.n == 0 || is_path(ret->texts)) && ret->heading.n <= HEADING_MAX;
}

static int read_columns(struct export *e, struct err *err)
{
	struct str given[COLUMNS_MAX + 1];
	size_t count = http_query_all(e->req->http, "column", given, ARRAY_LEN(given));
	for (size_t i = 0; i < count; i++) {
		if (i == COLUMNS_MAX || !parse_column(given[i], &e->columns[i]))
			return err_set(err, -EINVAL, "api.export_column", ARG_STR("column", str_sub(given[i], 0, 200)),
			               ARG_I64("most", COLUMNS_MAX));
	}
	e->column_count = count;
	return 0;
}

/* Without a choice: what the first row has, objects one level deep. */
static void add_member(struct export *e, struct str prefix, const struct json *member)
{
	if (member->type == JSON_OBJECT && prefix.n == 0) {
		json_each(inner, member)
			add_member(e, member->name, inner);
		return;
	}
	if (member->type == JSON_OBJECT || member->type == JSON_ARRAY || e->column_count == COLUMNS_MAX)
		return;
	struct str path = prefix.n == 0 ? arena_str(e->req->arena, member->name)
	                                : arena_printf(e->req->arena, "%.*s.%.*s", STR_FMT(prefix), STR_FMT(member->name));
	e->columns[e->column_count++] = (struct column){.path = path, .heading = path};
}

static void put_text(struct export *e, const struct column *column, struct str value, struct buf *out)
{
	usec_t t;
	if (column->texts.n > 0) {
		char key[260];
		struct buf name = BUF_FIXED(key, sizeof key);
		buf_printf(&name, "%.*s.%.*s", STR_FMT(column->texts), STR_FMT(value));
		if (!name.overflow && msg_find(e->req->service->messages, key) != NULL) {
			msg_append(e->req->service->messages, e->req->access->lang, key, NULL, out);
			return;
		}
	}
	if (value.n >= 20 && value.n < CLOCK_ISO_SIZE && value.p[10] == 'T' && str_ends_with(value, STR("Z")) &&
	    clock_parse_iso(value, &t, NULL) == 0) {
		struct clock_date d = clock_civil(t, CLOCK_VN_OFFSET_USEC);
		e->is_time = out->n == 0;
		buf_printf(out, "%04d-%02u-%02u %02u:%02u:%02u", d.year, d.month, d.day, d.hour, d.minute, d.second);
		return;
	}
	buf_append(out, value);
}

/* The value at the path; of an array that of each element, joined. */
static void put_value(struct export *e, const struct column *column, const struct json *value, struct str path, struct buf *out)
{
	struct str name;
	if (value == NULL)
		return;
	if (value->type == JSON_ARRAY) {
		bool first = true;
		json_each(element, value) {
			if (!first)
				buf_append_c(out, "; ");
			first = false;
			if (element->type != JSON_ARRAY)
				put_value(e, column, element, path, out);
		}
		return;
	}
	if (path.n > 0 && str_split(&path, '.', &name)) {
		const struct json *found = NULL;
		json_each(member, value) {
			if (value->type == JSON_OBJECT && str_eq(member->name, name))
				found = member;
		}
		put_value(e, column, found, path, out);
	} else if (value->type == JSON_BOOL && column->texts.n == 0) {
		msg_append(e->req->service->messages, e->req->access->lang, value->boolean ? "api.yes" : "api.no", NULL, out);
	} else if (value->type == JSON_BOOL) {
		put_text(e, column, value->boolean ? STR("true") : STR("false"), out);
	} else if (value->type == JSON_STRING || value->type == JSON_NUMBER) {
		put_text(e, column, value->text, out);
	}
}

static bool is_number_at(const struct json *item, struct str path)
{
	struct str name;
	while (item != NULL && item->type == JSON_OBJECT && path.n > 0 && str_split(&path, '.', &name)) {
		const struct json *found = NULL;
		json_each(member, item) {
			if (str_eq(member->name, name))
				found = member;
		}
		item = found;
	}
	return item != NULL && path.n == 0 && item->type == JSON_NUMBER;
}

static int flush(struct export *e, size_t least, struct err *err)
{
	if (e->sink.out.overflow)
		return err_set(err, -ENOMEM, "gate.internal");
	if (e->sink.out.n < least || e->sink.out.n == 0)
		return 0;
	int r = file_write_all(e->fd, buf_str(&e->sink.out), err);
	buf_clear(&e->sink.out);
	return r;
}

static int write_headings(struct export *e, struct err *err)
{
	struct api_cell cells[COLUMNS_MAX];
	for (size_t i = 0; i < e->column_count; i++)
		cells[i] = (struct api_cell){.text = e->columns[i].heading};
	int r = e->format->begin != NULL ? e->format->begin(&e->sink, err) : 0;
	e->sink.rows++;
	return r < 0 || e->column_count == 0 ? r : e->format->row(&e->sink, cells, e->column_count, err);
}

static int write_item(struct export *e, const struct json *item, struct err *err)
{
	struct api_cell cells[COLUMNS_MAX];
	for (size_t i = 0; i < e->column_count; i++) {
		buf_clear(&e->cells[i]);
		e->is_time = false;
		put_value(e, &e->columns[i], item, e->columns[i].path, &e->cells[i]);
		cells[i] = (struct api_cell){.text = buf_str(&e->cells[i]),
		                             .is_time = e->is_time,
		                             .is_number = e->columns[i].texts.n == 0 && is_number_at(item, e->columns[i].path)};
	}
	e->rows++;
	e->sink.rows++;
	int r = e->format->row(&e->sink, cells, e->column_count, err);
	return r < 0 ? r : flush(e, FLUSH_BYTES, err);
}

static int write_items(struct export *e, const struct json *items, struct err *err)
{
	int r = 0;
	if (e->rows == 0) {
		if (e->column_count == 0 && items->child != NULL) {
			json_each(member, items->child)
				add_member(e, STR_EMPTY, member);
		}
		r = write_headings(e, err);
	}
	json_each(item, items) {
		if (r >= 0 && item->type == JSON_OBJECT)
			r = write_item(e, item, err);
	}
	return r;
}

/* One page: 1 when there is another, whose cursor is then in *cursor. */
static int write_page(struct export *e, struct http_response *res, struct api_page *page, struct buf *cursor, struct err *err)
{
	static const struct json_limits limits = {.depth = 32, .nodes = 2000000};
	const struct json *tree = NULL;
	e->req->page = page;
	int r = e->req->route->handler(e->req, res, err);
	e->req->page = NULL;
	if (r >= 0)
		r = json_parse(e->req->arena, buf_str(&res->body), &limits, &tree, err);
	if (r < 0)
		return r;
	const struct json *items = json_get(tree, "items");
	if (items == NULL || items->type != JSON_ARRAY)
		return err_set(err, -EINVAL, "api.export_no_list");
	page->total = json_get_int(tree, "total", -1);
	if (page->total > MOST_ROWS)
		return err_set(err, -E2BIG, "api.export_too_many", ARG_I64("total", page->total), ARG_I64("most", MOST_ROWS));
	r = write_items(e, items, err);
	struct str next = json_get_str(tree, "next", STR_EMPTY);
	/* A handler that knows no pages gives all at once. */
	bool more = next.n > 0 && !str_eq(next, buf_str(cursor)) && e->rows < MOST_ROWS;
	buf_clear(cursor);
	buf_append(cursor, next);
	page->cursor = buf_str(cursor);
	return r < 0 ? r : more;
}

static int write_pages(struct export *e, struct http_response *res, struct err *err)
{
	struct arena *whole = e->req->arena;
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf cursor = BUF_INIT(8192);
	struct api_page page = {.limit = PAGE_ROWS, .total = -1};
	int r;
	do {
		/* The first page may name the columns, which stay. */
		e->req->arena = e->rows == 0 ? whole : arena;
		r = write_page(e, res, &page, &cursor, err);
		arena_clear(arena);
	} while (r > 0);
	e->req->arena = whole;
	return r;
}

static int open_unnamed(const struct service_context *sc, struct err *err)
{
	int fd = sc->data_dir != NULL ? open(sc->data_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		fd = memfd_create("export", MFD_CLOEXEC);
	return fd >= 0 ? fd : err_errno(err, errno, "memfd_create", STR_EMPTY);
}

static void name_answer(struct export *e, struct http_response *res)
{
	struct str path = e->req->http->path, last = path;
	for (struct str rest = path, part; str_split(&rest, '/', &part);)
		last = part;
	struct clock_date d = clock_civil(api_now(e->req), CLOCK_VN_OFFSET_USEC);
	struct str value = arena_printf(e->req->arena, "attachment; filename=\"%.*s-%04d%02u%02u-%02u%02u.%s\"", STR_FMT(last),
	                                d.year, d.month, d.day, d.hour, d.minute, e->format->name);
	http_response_header(res, "Content-Disposition", arena_cstr(e->req->arena, value));
	res->content_type = e->format->content_type;
}

/* The file's bytes become those that the format makes of them. */
static int render(struct export *e, struct err *err)
{
	cleanup_buf struct buf rendered = BUF_INIT(RENDERED_MAX);
	off_t size = lseek(e->fd, 0, SEEK_END);
	void *written = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, e->fd, 0) : MAP_FAILED;
	if (written == MAP_FAILED)
		return err_errno(err, errno, "mmap", STR_EMPTY);
	int r = e->format->render(e->req->service, str_n(written, (size_t)size), &rendered, err);
	(void)munmap(written, (size_t)size);
	if (r >= 0 && (ftruncate(e->fd, 0) < 0 || lseek(e->fd, 0, SEEK_SET) != 0))
		r = err_errno(err, errno, "ftruncate", STR_EMPTY);
	return r < 0 ? r : file_write_all(e->fd, buf_str(&rendered), err);
}

static int answer(struct export *e, struct http_response *res, struct err *err)
{
	int r = write_pages(e, res, err);
	if (r >= 0 && e->format->end != NULL)
		r = e->format->end(&e->sink, err);
	if (r >= 0)
		r = flush(e, 0, err);
	if (r >= 0 && e->format->render != NULL)
		r = render(e, err);
	off_t size = r >= 0 ? lseek(e->fd, 0, SEEK_END) : -1;
	if (r >= 0 && (size < 0 || lseek(e->fd, 0, SEEK_SET) != 0))
		r = err_errno(err, errno, "lseek", STR_EMPTY);
	buf_done(&res->body);
	if (r < 0)
		return r;
	name_answer(e, res);
	res->status = 200;
	res->file_fd = e->fd;
	res->file_size_bytes = (uint64_t)size;
	e->fd = -1;
	return 0;
}

int api_export(struct api_request *req, struct http_response *res, int64_t *ret_rows, struct err *err)
{
	struct export *e = ARENA_NEW(req->arena, struct export);
	*e = (struct export){.req = req, .fd = -1, .sink = {.out = BUF_INIT(SINK_MAX)}};
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		e->cells[i] = BUF_INIT(CELL_MAX);
	int r = find_format(e, err);
	if (r >= 0)
		r = read_columns(e, err);
	if (r >= 0)
		r = e->fd = open_unnamed(req->service, err);
	if (r >= 0)
		r = answer(e, res, err);
	file_close(&e->fd);
	buf_done(&e->sink.out);
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		buf_done(&e->cells[i]);
	*ret_rows = e->rows;
	return r;
}
