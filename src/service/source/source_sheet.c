/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Sources from a spreadsheet: what each row would do, and doing all of it or nothing; the preview is the import itself,
 * rolled back. A source is known by its name.
 */
#include "engine/table/table.h"
#include "service/outbox/outbox.h"
#include "service/source/source_internal.h"
#include "service/unit/unit.h"

#define ROWS_MAX   5000
#define PACKED_MAX ((size_t)16 << 20)
#define REASON_MAX 2000

enum column { COLUMN_NAME, COLUMN_UNIT, COLUMN_ADDRESSES, COLUMN_SYSTEM, COLUMN_LEVEL, COLUMN_KIND, COLUMN_FORMAT, COLUMN_SILENCE,
              COLUMN_RATE, COLUMN_FINGERPRINT, COLUMN_NOTE, COLUMN_ZONE, COLUMN__COUNT };
#define COLUMNS_NEEDED 3 /* the first ones; others may be missing, and an empty cell leaves what is there */
static const char *const column_names[] = {"name",    "unit",       "addresses",  "system_name", "system_level", "kind",
                                           "format",  "silence_s",  "rate_per_s", "fingerprint", "note", "time_zone"};

enum fate { FATE_CREATED, FATE_CHANGED, FATE_REFUSED, FATE__COUNT };
static const char *const fate_names[] = {"created", "changed", "refused"};

struct line {
	uint32_t number;
	struct str cells[COLUMN__COUNT]; /* borrow from the packed rows */
	enum fate fate;
	enum column at; /* of a refusal */
	struct str reason;
};

struct sheet {
	struct api_request *req;
	struct str packed;
	bool apply;
	struct arena *arena; /* of one run */
	size_t columns[COLUMN__COUNT];
	struct line *lines;
	size_t count, fates[FATE__COUNT];
};

/* By the name that the API has, or by what it is called in either language. */
static bool is_heading(const struct sheet *s, struct str cell, enum column c)
{
	cleanup_buf struct buf key = BUF_INIT(64);
	buf_printf(&key, "source.column_%s", column_names[c]);
	bool found = str_eq_nocase(cell, str_c(column_names[c]));
	for (int lang = 0; lang < MSG_LANG__COUNT && !found; lang++) {
		cleanup_buf struct buf text = BUF_INIT(1024);
		msg_append(s->req->service->messages, (enum msg_lang)lang, key.p, NULL, &text);
		found = str_eq_nocase(cell, buf_str(&text));
	}
	return found;
}

static int read_heading(struct sheet *s, struct table_rows *rows, struct err *err)
{
	int r = table_rows_next(rows, err);
	if (r < 0)
		return r;
	for (int c = 0; c < COLUMN__COUNT; c++) {
		s->columns[c] = SIZE_MAX;
		for (size_t i = 0; i < rows->count; i++)
			if (s->columns[c] == SIZE_MAX && is_heading(s, str_trim(rows->cells[i].text), (enum column)c))
				s->columns[c] = i;
		if (s->columns[c] == SIZE_MAX && c < COLUMNS_NEEDED)
			return err_set(err, -EINVAL, "source.column_missing", ARG_CSTR("column", column_names[c]));
	}
	return 0;
}

static enum column blamed(const char *key, enum column otherwise)
{
	static const struct {
		const char *key;
		enum column column;
	} table[] = {{"source.name", COLUMN_NAME},           {"event.bad_address", COLUMN_ADDRESSES},   {"source.everybody", COLUMN_ADDRESSES},
	             {"source.address_taken", COLUMN_ADDRESSES}, {"source.no_match", COLUMN_ADDRESSES}, {"source.too_many_addresses", COLUMN_ADDRESSES},
	             {"source.fingerprint", COLUMN_FINGERPRINT}, {"source.time_zone", COLUMN_ZONE}, {"source.fingerprint_taken", COLUMN_FINGERPRINT}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].key, key) == 0)
			return table[i].column;
	return otherwise;
}

static int put_number(struct line *line, enum column c, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	if (line->cells[c].n == 0 || str_parse_i64(line->cells[c], min, max, ret))
		return 0;
	line->at = c;
	return err_set(err, -EINVAL, "source.cell_number", ARG_I64("min", min), ARG_I64("max", max));
}

/* Index of a word, 0 when the cell is empty. */
static int put_word(struct line *line, enum column c, const char *const *words, int *ret, struct err *err)
{
	if (line->cells[c].n == 0)
		return 0;
	for (int i = 0; words[i] != NULL; i++)
		if (str_eq_nocase(line->cells[c], str_c(words[i]))) {
			*ret = i;
			return 0;
		}
	line->at = c;
	return err_set(err, -EINVAL, "source.cell_word", ARG_STR("value", line->cells[c]));
}

static int put_cells(struct sheet *s, struct line *line, struct source_row *row, struct err *err)
{
	int kind = -1;
	int r = put_number(line, COLUMN_LEVEL, 0, SOURCE_LEVEL_MAX, &row->system_level, err);
	if (r >= 0)
		r = put_number(line, COLUMN_SILENCE, SOURCE_SILENCE_MIN, SOURCE_SILENCE_MAX, &row->silence_s, err);
	if (r >= 0)
		r = put_number(line, COLUMN_RATE, 0, SOURCE_RATE_MAX, &row->rate_per_s, err);
	if (r >= 0)
		r = put_word(line, COLUMN_KIND, source_kinds, &kind, err);
	if (r >= 0)
		r = put_word(line, COLUMN_FORMAT, source_formats, &row->format, err);
	if (r < 0)
		return r;
	const struct {
		enum column c;
		struct str *to;
	} texts[] = {{COLUMN_NAME, &row->name}, {COLUMN_ADDRESSES, &row->addresses}, {COLUMN_SYSTEM, &row->system_name},
	             {COLUMN_FINGERPRINT, &row->fingerprint}, {COLUMN_NOTE, &row->note}, {COLUMN_ZONE, &row->time_zone}};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (line->cells[texts[i].c].n > 0)
			*texts[i].to = line->cells[texts[i].c];
	if (kind >= 0)
		row->kind = str_c(source_kinds[kind]);
	line->at = COLUMN_NAME;
	r = api_typed_text(s->req, &row->note, err);
	return r < 0 ? r : source_check(s->arena, row, err);
}

static int do_row(struct sheet *s, struct db_tx *tx, struct line *line, struct err *err)
{
	struct source_row before, row = {.enabled = true, .kind = str_c(source_kinds[0])};
	struct str name = line->cells[COLUMN_NAME];
	struct uuid id, unit;
	line->at = COLUMN_NAME;
	int r = api_typed_text(s->req, &name, err);
	int found = r < 0 ? r : source_db_find(tx, name, &id, err);
	if (found > 0 && (r = source_db_get(tx, s->arena, &id, &before, err)) >= 0) {
		row = before;
		r = api_require_unit(tx, s->req, "source.write", &before.unit_id, err);
	}
	if (found < 0 || r < 0)
		return found < 0 ? found : r;
	line->at = COLUMN_UNIT;
	r = unit_find(tx, line->cells[COLUMN_UNIT], &unit, err);
	if (r >= 0)
		r = api_require_unit(tx, s->req, "source.write", &unit, err);
	if (r < 0)
		return r;
	row.unit_id = unit;
	r = put_cells(s, line, &row, err);
	if (r < 0)
		return r;
	line->fate = found > 0 ? FATE_CHANGED : FATE_CREATED;
	return found > 0 ? source_change(tx, s->req->service, s->req->access, &before, &row, err)
	                 : source_create(tx, s->req->service, s->req->access, &row, err);
}

/* Negative only when the server is to blame and not the row. */
static int do_line(struct sheet *s, struct db_tx *tx, struct line *line, struct err *err)
{
	struct err why = {0};
	int r = do_row(s, tx, line, &why);
	if (r >= 0)
		return 0;
	if (r != -EINVAL && r != -ENOENT && r != -EEXIST && r != -EACCES) {
		*err = why;
		return r;
	}
	cleanup_buf struct buf text = BUF_INIT(REASON_MAX);
	msg_append_err(s->req->service->messages, s->req->access->lang, &why, &text);
	line->reason = arena_str(s->arena, buf_str(&text));
	line->at = blamed(why.key, line->at);
	line->fate = FATE_REFUSED;
	return 0;
}

static int add_line(struct sheet *s, const struct table_rows *rows, struct err *err)
{
	if (s->count == ROWS_MAX)
		return err_set(err, -E2BIG, "table.too_many_rows", ARG_I64("limit", ROWS_MAX));
	struct line *line = &s->lines[s->count++];
	*line = (struct line){.number = rows->number};
	for (int c = 0; c < COLUMN__COUNT; c++)
		line->cells[c] = s->columns[c] == SIZE_MAX ? STR_EMPTY : str_trim(table_rows_cell(rows, s->columns[c]));
	return 0;
}

static int read_lines(struct sheet *s, struct err *err)
{
	struct table_rows *rows = MEM_NEW(struct table_rows);
	int r = table_rows_begin(rows, s->packed, err);
	s->count = 0;
	if (r >= 0)
		r = read_heading(s, rows, err);
	while (r >= 0 && (r = table_rows_next(rows, err)) > 0)
		r = add_line(s, rows, err);
	mem_free(rows);
	return r;
}

/* Rolled back by -ECANCELED: a preview, or a row that is refused. */
static int run(struct db_tx *tx, void *ctx, struct err *err)
{
	struct sheet *s = ctx;
	arena_clear(s->arena);
	memset(s->fates, 0, sizeof s->fates);
	int r = read_lines(s, err);
	for (size_t i = 0; i < s->count && r >= 0; i++) {
		r = do_line(s, tx, &s->lines[i], err);
		s->fates[s->lines[i].fate]++;
	}
	if (r >= 0 && (!s->apply || s->fates[FATE_REFUSED] > 0))
		return err_set(err, -ECANCELED, "source.preview");
	return r;
}

static void write_line(struct json_writer *w, const struct sheet *s, const struct line *line)
{
	json_object(w);
	json_member_int(w, "row", line->number);
	json_member_str(w, "name", line->cells[COLUMN_NAME]);
	json_member_str(w, "addresses", line->cells[COLUMN_ADDRESSES]);
	json_member_cstr(w, "fate", fate_names[line->fate]);
	if (line->fate == FATE_REFUSED) {
		json_member_cstr(w, "column", column_names[line->at]);
		if (s->columns[line->at] != SIZE_MAX) {
			char place[TABLE_PLACE_SIZE];
			json_member_cstr(w, "cell", table_place(line->number, s->columns[line->at], place));
		}
		json_member_str(w, "reason", line->reason);
	}
	json_object_end(w);
}

static void write_answer(struct http_response *res, const struct sheet *s, bool applied)
{
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_bool(&w, "applied", applied);
	json_name(&w, "counts");
	json_object(&w);
	for (int f = 0; f < FATE__COUNT; f++)
		json_member_int(&w, fate_names[f], (int64_t)s->fates[f]);
	json_object_end(&w);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < s->count; i++)
		write_line(&w, s, &s->lines[i]);
	json_array_end(&w);
	json_object_end(&w);
}

int source_post_sheet(struct api_request *req, struct http_response *res, struct err *err)
{
	static const char *const modes[] = {"preview", "apply", NULL};
	cleanup_buf struct buf packed = BUF_INIT(PACKED_MAX);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct sheet s = {.req = req, .arena = arena};
	int mode = 0;
	int r = api_query_enum(req, "mode", modes, &mode, err);
	if (r >= 0 && req->service->worker == NULL)
		r = err_set(err, -EAGAIN, "api.no_worker");
	if (r >= 0)
		r = req->service->worker->table_read(req->service->worker->ctx, req->http->body, &packed, err);
	if (r < 0)
		return r;
	s.packed = buf_str(&packed);
	s.apply = mode == 1;
	s.lines = mem_alloc_array(ROWS_MAX, sizeof *s.lines);
	r = db_write(req->service->db, run, &s, err);
	bool applied = r >= 0;
	if (applied) {
		outbox_wake(req->service);
		if (req->service->snapshot_changed != NULL)
			req->service->snapshot_changed(req->service->snapshot_changed_ctx);
	}
	if (applied || r == -ECANCELED) {
		write_answer(res, &s, applied);
		r = 0;
	}
	mem_free(s.lines);
	return r;
}
