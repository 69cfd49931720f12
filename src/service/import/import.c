/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/import/import.h"

#include "engine/table/table.h"
#include "service/outbox/outbox.h"

#define PACKED_MAX ((size_t)16 << 20)
#define REASON_MAX 2000

static const char *const fate_names[IMPORT_FATE__COUNT] = {"created", "changed", "unchanged", "refused"};

struct import {
	const struct import_kind *kind;
	struct import_work work;
	struct str packed;
	bool apply;
	size_t columns[IMPORT_COLUMNS_MAX]; /* where each stands; SIZE_MAX: nowhere */
	struct import_row *rows;
	size_t count, fates[IMPORT_FATE__COUNT];
};

/* By the name that the API has, or by what it is called in either language. */
static bool is_heading(const struct import *im, struct str cell, const char *column)
{
	cleanup_buf struct buf key = BUF_INIT(128);
	buf_printf(&key, "%s.column_%s", im->kind->room, column);
	bool found = str_eq_nocase(cell, str_c(column));
	for (int lang = 0; lang < MSG_LANG__COUNT && !found; lang++) {
		cleanup_buf struct buf text = BUF_INIT(1024);
		msg_append(im->work.req->service->messages, (enum msg_lang)lang, key.p, NULL, &text);
		found = str_eq_nocase(cell, buf_str(&text));
	}
	return found;
}

static int read_heading(struct import *im, struct table_rows *rows, struct err *err)
{
	int r = table_rows_next(rows, err);
	if (r < 0)
		return r;
	for (size_t c = 0; im->kind->columns[c] != NULL; c++) {
		im->columns[c] = SIZE_MAX;
		for (size_t i = 0; i < rows->count && im->columns[c] == SIZE_MAX; i++)
			if (is_heading(im, str_trim(rows->cells[i].text), im->kind->columns[c]))
				im->columns[c] = i;
		if (im->columns[c] == SIZE_MAX && c < im->kind->needed)
			return err_set(err, -EINVAL, "import.column_missing", ARG_CSTR("column", im->kind->columns[c]));
	}
	return 0;
}

static int add_row(struct import *im, const struct table_rows *rows, struct err *err)
{
	if (im->count == im->kind->rows_max)
		return err_set(err, -E2BIG, "table.too_many_rows", ARG_U64("limit", im->kind->rows_max));
	struct import_row *row = &im->rows[im->count++];
	*row = (struct import_row){.number = rows->number};
	for (size_t c = 0; im->kind->columns[c] != NULL; c++)
		row->cells[c] = im->columns[c] == SIZE_MAX ? STR_EMPTY : str_trim(table_rows_cell(rows, im->columns[c]));
	return 0;
}

static int read_rows(struct import *im, struct err *err)
{
	struct table_rows *rows = MEM_NEW(struct table_rows);
	int r = table_rows_begin(rows, im->packed, err);
	im->count = 0;
	if (r >= 0)
		r = read_heading(im, rows, err);
	while (r >= 0 && (r = table_rows_next(rows, err)) > 0)
		r = add_row(im, rows, err);
	mem_free(rows);
	return r;
}

static unsigned blamed(const struct import_kind *kind, const char *key, unsigned otherwise)
{
	for (const struct import_blame *b = kind->blame; b->key != NULL; b++)
		if (strcmp(b->key, key) == 0)
			return b->column;
	return otherwise;
}

/* Negative only when the server is to blame and not the row. */
static int do_row(struct import *im, struct import_row *row, struct err *err)
{
	struct err why = {0};
	int r = im->kind->row(&im->work, row, &why);
	if (r >= 0)
		return 0;
	if (r != -EINVAL && r != -ENOENT && r != -EEXIST && r != -EBUSY && r != -EACCES) {
		if (err != NULL)
			*err = why;
		return r;
	}
	const struct api_request *req = im->work.req;
	cleanup_buf struct buf text = BUF_INIT(REASON_MAX);
	msg_append_err(req->service->messages, req->access->lang, &why, &text);
	row->reason = arena_str(im->work.arena, buf_str(&text));
	row->at = blamed(im->kind, why.key, row->at);
	row->fate = IMPORT_REFUSED;
	return 0;
}

/* Rolled back by -ECANCELED: a preview, or a row that is refused. */
static int run(struct db_tx *tx, void *ctx, struct err *err)
{
	struct import *im = ctx;
	arena_clear(im->work.arena);
	memset(im->fates, 0, sizeof im->fates);
	im->work.tx = tx;
	int r = read_rows(im, err);
	for (size_t i = 0; i < im->count && r >= 0; i++) {
		r = do_row(im, &im->rows[i], err);
		im->fates[im->rows[i].fate]++;
	}
	if (r >= 0 && (!im->apply || im->fates[IMPORT_REFUSED] > 0))
		return err_set(err, -ECANCELED, "import.preview");
	return r;
}

static void write_row(struct json_writer *w, const struct import *im, const struct import_row *row)
{
	const struct import_kind *kind = im->kind;
	json_object(w);
	json_member_int(w, "row", row->number);
	for (size_t i = 0; i < kind->shown_count; i++)
		json_member_str(w, kind->columns[kind->shown[i]], row->cells[kind->shown[i]]);
	json_member_cstr(w, "fate", fate_names[row->fate]);
	if (row->fate == IMPORT_REFUSED) {
		json_member_cstr(w, "column", kind->columns[row->at]);
		if (im->columns[row->at] != SIZE_MAX) {
			char place[TABLE_PLACE_SIZE];
			json_member_cstr(w, "cell", table_place(row->number, im->columns[row->at], place));
		}
		json_member_str(w, "reason", row->reason);
	}
	json_object_end(w);
}

static void write_answer(struct http_response *res, const struct import *im, bool applied)
{
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_bool(&w, "applied", applied);
	json_name(&w, "counts");
	json_object(&w);
	for (int f = 0; f < IMPORT_FATE__COUNT; f++)
		json_member_int(&w, fate_names[f], (int64_t)im->fates[f]);
	json_object_end(&w);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < im->count; i++)
		write_row(&w, im, &im->rows[i]);
	json_array_end(&w);
	json_object_end(&w);
}

int import_sheet(const struct import_kind *kind, struct api_request *req, struct http_response *res, bool *ret_applied,
                 struct err *err)
{
	static const char *const modes[] = {"preview", "apply", NULL};
	cleanup_buf struct buf packed = BUF_INIT(PACKED_MAX);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct import im = {.kind = kind, .work = {.req = req, .arena = arena}};
	int mode = 0;
	int r = api_query_enum(req, "mode", modes, &mode, err);
	if (r >= 0 && req->service->worker == NULL)
		r = err_set(err, -EAGAIN, "api.no_worker");
	if (r >= 0)
		r = req->service->worker->table_read(req->service->worker->ctx, req->http->body, &packed, err);
	if (r < 0)
		return r;
	im.packed = buf_str(&packed);
	im.apply = mode == 1;
	im.rows = mem_alloc_array(kind->rows_max, sizeof *im.rows);
	r = db_write(req->service->db, run, &im, err);
	*ret_applied = r >= 0;
	if (*ret_applied)
		outbox_wake(req->service);
	if (*ret_applied || r == -ECANCELED) {
		write_answer(res, &im, *ret_applied);
		r = 0;
	}
	mem_free(im.rows);
	return r;
}
