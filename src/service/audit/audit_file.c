/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The audit log as a file, out and checked. */
#include "service/audit/audit_internal.h"

#define LINE_LIMIT ((size_t)8 << 20)

static void member_id(struct json_writer *w, const char *name, const struct uuid *id)
{
	cleanup_buf struct buf hex = BUF_INIT(64);
	if (!uuid_is_null(id))
		buf_append_hex(&hex, id->b, sizeof id->b);
	json_member_str(w, name, buf_str(&hex));
}

static void write_row(const struct audit_row *row, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	char hex[SHA256_HEX_SIZE];
	json_object(&w);
	json_member_int(&w, "number", row->number);
	json_member_int(&w, "at", row->at);
	member_id(&w, "account_id", &row->account_id);
	json_member_str(&w, "account_name", row->account_name);
	json_member_str(&w, "kind", row->kind);
	json_member_str(&w, "peer", row->peer);
	json_member_str(&w, "action", row->action);
	json_member_str(&w, "object_type", row->object_type);
	member_id(&w, "object_id", &row->object_id);
	member_id(&w, "unit_id", &row->unit_id);
	json_member_str(&w, "details", row->details);
	json_member_cstr(&w, "hash", sha256_hex(row->hash, hex));
	json_object_end(&w);
	buf_append_char(out, '\n');
}

struct exporting {
	struct audit_walk walk;
	struct buf lines;
};

/* May run again from the start: what it writes is its own. */
static int export_on(struct db_tx *tx, void *ctx, struct err *err)
{
	struct exporting *x = ctx;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct audit_row *rows = arena_alloc(arena, AUDIT_WALK_ROWS * sizeof *rows);
	size_t count = 0;
	buf_clear(&x->lines);
	int r = audit_db_walk(tx, arena, x->walk.verdict.records, AUDIT_WALK_ROWS, rows, &count, err);
	for (size_t i = 0; i < count && r >= 0 && !x->walk.done; i++) {
		audit_walk_check(&x->walk, &rows[i]);
		write_row(&rows[i], &x->lines);
	}
	if (count < AUDIT_WALK_ROWS)
		x->walk.done = true;
	return r;
}

int audit_export(const struct service_context *sc, int (*put)(void *ctx, struct str bytes, struct err *err), void *ctx,
                 struct audit_verdict *ret, struct err *err)
{
	struct exporting x = {.lines = BUF_INIT(AUDIT_WALK_ROWS * LINE_LIMIT)};
	char end[160], head[SHA256_HEX_SIZE];
	audit_walk_begin(&x.walk, NULL);
	int r = put(ctx, STR("{\"luytre\":\"audit log\",\"format\":1}\n"), err);
	while (r >= 0 && !x.walk.done) {
		r = db_read(sc->db, export_on, &x, err);
		if (r >= 0)
			r = put(ctx, buf_str(&x.lines), err);
	}
	buf_done(&x.lines);
	if (r >= 0 && !x.walk.verdict.ok)
		r = err_set(err, -EBADMSG, "audit.moving", ARG_I64("number", x.walk.verdict.bad_number));
	if (r < 0)
		return r;
	struct buf text = buf_fixed(end, sizeof end);
	buf_printf(&text, "{\"end\":%lld,\"head\":\"%s\"}\n", (long long)x.walk.verdict.records, sha256_hex(x.walk.verdict.head, head));
	*ret = x.walk.verdict;
	return put(ctx, buf_str(&text), err);
}

static bool read_id(const struct json *j, const char *name, struct uuid *ret)
{
	struct str hex = json_get_str(j, name, STR("-"));
	*ret = (struct uuid){0};
	return hex.n == 0 || str_parse_hex(hex, ret->b, sizeof ret->b);
}

static bool read_text(const struct json *j, const char *name, struct str *ret)
{
	const struct json *v = json_get(j, name);
	if (v == NULL || v->type != JSON_STRING)
		return false;
	*ret = v->text;
	return true;
}

static bool read_row(const struct json *j, struct audit_row *row)
{
	*row = (struct audit_row){.number = json_get_int(j, "number", -1), .at = json_get_int(j, "at", -1)};
	return read_id(j, "account_id", &row->account_id) && read_text(j, "account_name", &row->account_name) &&
	       read_text(j, "kind", &row->kind) && read_text(j, "peer", &row->peer) && read_text(j, "action", &row->action) &&
	       read_text(j, "object_type", &row->object_type) && read_id(j, "object_id", &row->object_id) &&
	       read_id(j, "unit_id", &row->unit_id) && read_text(j, "details", &row->details) &&
	       str_parse_hex(json_get_str(j, "hash", STR_EMPTY), row->hash, sizeof row->hash);
}

/* true: the last line came. */
static bool read_line(struct audit_walk *w, struct arena *arena, struct str line)
{
	static const struct json_limits limits = {.depth = 4, .nodes = 64};
	const struct json *j = NULL;
	struct audit_row row;
	if (line.n > LINE_LIMIT || json_parse(arena, line, &limits, &j, NULL) < 0 || j->type != JSON_OBJECT) {
		audit_walk_bad(w, w->verdict.records + 1, "form");
	} else if (json_get(j, "end") != NULL) {
		unsigned char head[SHA256_SIZE];
		w->head_number = json_get_int(j, "end", -1);
		audit_walk_end(w);
		if (w->verdict.ok && (w->head_number != w->verdict.records || !str_parse_hex(json_get_str(j, "head", STR_EMPTY), head, sizeof head) ||
		                      memcmp(head, w->verdict.head, sizeof head) != 0))
			audit_walk_bad(w, w->verdict.records, "head");
		return true;
	} else if (!read_row(j, &row)) {
		audit_walk_bad(w, w->verdict.records + 1, "form");
	} else {
		audit_walk_check(w, &row);
	}
	return false;
}

int audit_verify_file(struct str text, const unsigned char *noted, struct audit_verdict *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct audit_walk w;
	struct str line;
	bool ended = false;
	if (!str_starts_with(text, AUDIT_FILE_START) || !str_split(&text, '\n', &line))
		return err_set(err, -EINVAL, "audit.not_a_log");
	audit_walk_begin(&w, noted);
	while (!w.done && str_split(&text, '\n', &line)) {
		arena_clear(arena);
		if (line.n > 0)
			ended = read_line(&w, arena, line);
	}
	if (!w.done && !ended)
		audit_walk_bad(&w, w.verdict.records + 1, "gap");
	/* Something behind the end. */
	if (w.verdict.ok && str_trim(text).n > 0)
		audit_walk_bad(&w, w.verdict.records + 1, "form");
	*ret = w.verdict;
	return 0;
}
