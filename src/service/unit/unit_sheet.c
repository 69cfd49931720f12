/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Units from a spreadsheet: what each row would do, and doing all of it or nothing. The preview is the import itself,
 * rolled back, so that it can promise nothing else.
 */
#include "engine/table/table.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit_internal.h"

#define ROWS_MAX 20000
#define PACKED_MAX ((size_t)16 << 20)
#define REASON_MAX 2000

enum column { COLUMN_CODE, COLUMN_KIND, COLUMN_NAME, COLUMN_PARENT, COLUMN__COUNT };
static const char *const column_names[] = {"code", "kind", "name", "parent"};

enum fate { FATE_CREATED, FATE_CHANGED, FATE_UNCHANGED, FATE_REFUSED, FATE__COUNT };
static const char *const fate_names[] = {"created", "changed", "unchanged", "refused"};

struct line {
	uint32_t number;
	struct str cells[COLUMN__COUNT]; /* borrow from the packed rows, but the name's NFC */
	enum fate fate;
	enum column at;    /* of a refusal */
	struct str reason; /* of a refusal, in the reader's language */
};

struct sheet {
	struct api_request *req;
	struct str packed;
	bool apply;
	struct arena *arena; /* of one run */
	size_t columns[COLUMN__COUNT];
	struct line *lines;
	size_t count, fates[FATE__COUNT];
	uint32_t heading;
};

/* By the name that the API has, or by what it is called in either language. */
static bool is_heading(const struct sheet *s, struct str cell, enum column c)
{
	const struct msg_catalogue *texts = s->req->service->messages;
	char key[64];
	struct buf name = BUF_FIXED(key, sizeof key);
	buf_printf(&name, "unit.column_%s", column_names[c]);
	bool found = str_eq_nocase(cell, str_c(column_names[c]));
	for (int lang = 0; lang < MSG_LANG__COUNT && !found; lang++) {
		cleanup_buf struct buf text = BUF_INIT(1024);
		msg_append(texts, (enum msg_lang)lang, key, NULL, &text);
		found = str_eq_nocase(cell, buf_str(&text));
	}
	return found;
}

static int read_heading(struct sheet *s, struct table_rows *rows, struct err *err)
{
	int r = table_rows_next(rows, err);
	if (r < 0)
		return r;
	s->heading = rows->number;
	for (int c = 0; c < COLUMN__COUNT; c++) {
		s->columns[c] = SIZE_MAX;
		for (size_t i = 0; i < rows->count; i++)
			if (s->columns[c] == SIZE_MAX && is_heading(s, str_trim(rows->cells[i].text), (enum column)c))
				s->columns[c] = i;
		if (s->columns[c] == SIZE_MAX)
			return err_set(err, -EINVAL, "unit.column_missing", ARG_CSTR("column", column_names[c]));
	}
	return 0;
}

/* Which cell is to blame, by what was wrong. */
static enum column blamed(const char *key, enum column otherwise)
{
	static const struct {
		const char *key;
		enum column column;
	} table[] = {{"unit.name", COLUMN_NAME},       {"unit.code", COLUMN_CODE},           {"unit.code_taken", COLUMN_CODE},
	             {"unit.kind_unknown", COLUMN_KIND}, {"unit.parent_kind", COLUMN_KIND}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].key, key) == 0)
			return table[i].column;
	return otherwise;
}

/* 0 when the row is to blame and not the server. */
static int refuse(struct sheet *s, struct line *line, int r, const struct err *why, enum column otherwise)
{
	if (r != -EINVAL && r != -ENOENT && r != -EEXIST && r != -EBUSY && r != -EACCES)
		return r;
	cleanup_buf struct buf text = BUF_INIT(REASON_MAX);
	msg_append_err(s->req->service->messages, s->req->access->lang, why, &text);
	line->reason = arena_str(s->arena, buf_str(&text));
	line->at = blamed(why->key, otherwise);
	line->fate = FATE_REFUSED;
	return 0;
}

static int create(struct sheet *s, struct db_tx *tx, struct line *line, const struct uuid *parent, struct err *err)
{
	struct uuid id;
	const struct unit_new n = {.code = line->cells[COLUMN_CODE], .kind = line->cells[COLUMN_KIND],
	                           .name = line->cells[COLUMN_NAME], .parent_id = *parent};
	line->fate = FATE_CREATED;
	if (uuid_is_null(parent))
		return err_set(err, -EINVAL, "unit.parent_missing", ARG_STR("kind", n.kind));
	int r = api_require_unit(tx, s->req, "unit.manage", parent, err);
	return r < 0 ? r : unit_create(s->req->service, tx, s->req->access, &n, &id, err);
}

static int change(struct sheet *s, struct db_tx *tx, struct line *line, const struct uuid *id, const struct uuid *parent,
                  struct err *err)
{
	struct unit_row before;
	struct unit_change c = {.kind = line->cells[COLUMN_KIND], .name = line->cells[COLUMN_NAME]};
	int r = api_require_visible(tx, s->req, "unit.read", id, err);
	if (r >= 0)
		r = api_require_unit(tx, s->req, "unit.manage", id, err);
	if (r >= 0)
		r = unit_db_get(tx, s->arena, id, &before, err);
	if (r < 0)
		return r;
	/* An empty cell leaves the unit where it is. */
	c.has_parent = !uuid_is_null(parent) && !uuid_eq(parent, &before.parent_id);
	c.parent_id = *parent;
	line->fate = FATE_UNCHANGED;
	if (!c.has_parent && str_eq(c.kind, before.kind) && str_eq(c.name, before.name))
		return 0;
	line->fate = FATE_CHANGED;
	r = c.has_parent ? api_require_unit(tx, s->req, "unit.manage", parent, err) : 0;
	return r < 0 ? r : unit_change(s->req->service, tx, s->arena, s->req->access, &before, &c, err);
}

static int do_line(struct sheet *s, struct db_tx *tx, struct line *line, struct err *err)
{
	struct err why = {0};
	struct uuid id = {{0}}, parent = {{0}};
	struct str above = line->cells[COLUMN_PARENT];
	int r = api_typed_text(s->req, &line->cells[COLUMN_NAME], &why);
	if (r < 0)
		r = refuse(s, line, r, &why, COLUMN_NAME);
	else if (above.n > 0 && (r = unit_find(tx, above, &parent, &why)) < 0)
		r = refuse(s, line, r, &why, COLUMN_PARENT);
	else if ((r = unit_find(tx, line->cells[COLUMN_CODE], &id, &why)) == -ENOENT)
		r = create(s, tx, line, &parent, &why) < 0 ? refuse(s, line, why.code, &why, COLUMN_PARENT) : 0;
	else if (r >= 0)
		r = change(s, tx, line, &id, &parent, &why) < 0 ? refuse(s, line, why.code, &why, COLUMN_CODE) : 0;
	if (r < 0 && err != NULL)
		*err = why;
	return r;
}

static int add_line(struct sheet *s, const struct table_rows *rows, struct err *err)
{
	struct line *line = &s->lines[s->count];
	if (s->count == ROWS_MAX)
		return err_set(err, -E2BIG, "table.too_many_rows", ARG_I64("limit", ROWS_MAX));
	*line = (struct line){.number = rows->number};
	for (int c = 0; c < COLUMN__COUNT; c++)
		line->cells[c] = str_trim(table_rows_cell(rows, s->columns[c]));
	s->count++;
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
		return err_set(err, -ECANCELED, "unit.preview");
	return r;
}

static void write_line(struct json_writer *w, const struct sheet *s, const struct line *line)
{
	char place[TABLE_PLACE_SIZE];
	json_object(w);
	json_member_int(w, "row", line->number);
	json_member_str(w, "code", line->cells[COLUMN_CODE]);
	json_member_str(w, "name", line->cells[COLUMN_NAME]);
	json_member_cstr(w, "fate", fate_names[line->fate]);
	if (line->fate == FATE_REFUSED) {
		json_member_cstr(w, "column", column_names[line->at]);
		json_member_cstr(w, "cell", table_place(line->number, s->columns[line->at], place));
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

int unit_post_sheet(struct api_request *req, struct http_response *res, struct err *err)
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
	if (applied)
		outbox_wake(req->service);
	if (applied || r == -ECANCELED) {
		write_answer(res, &s, applied);
		r = 0;
	}
	mem_free(s.lines);
	return r;
}
