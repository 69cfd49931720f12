/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What pages read about units. */
#include "base/text/text.h"
#include "service/unit/unit_internal.h"

#define COLUMNS                                                                                                        \
	"u.code, u.kind, u.name, u.parent_id, u.path, u.closed_at, u.version, u.sample, p.name, k.label_vi, k.label_en"

/* Names by path, in path order: ancestors are prefixes. */
struct names {
	struct {
		struct str path, name;
	} *items;
	size_t count;
};

static int load_names(struct db_tx *tx, struct arena *arena, struct names *ret, struct err *err)
{
	int64_t total = 0;
	int r = db_query_int(tx, &total, err, "SELECT count(*) FROM unit");
	if (r < 0)
		return r;
	ret->items = arena_alloc(arena, ((size_t)total + 1) * sizeof *ret->items);
	cleanup_rows struct db_rows *rows = NULL;
	/* Hex digits: every collation orders them alike. */
	r = db_query(tx, &rows, err, "SELECT path, name FROM unit ORDER BY path");
	while (r >= 0 && ret->count < (size_t)total && (r = db_next(rows, err)) > 0) {
		ret->items[ret->count].path = arena_str(arena, db_text(rows, 0));
		ret->items[ret->count++].name = arena_str(arena, db_text(rows, 1));
	}
	return r < 0 ? r : 0;
}

static struct str name_at(const struct names *names, struct str path)
{
	size_t from = 0, to = names->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = str_cmp(names->items[middle].path, path);
		if (order == 0)
			return names->items[middle].name;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return STR("");
}

static void write_unit(struct json_writer *w, const struct db_rows *rows, const struct uuid *id, unsigned at,
                       const struct names *names, enum msg_lang lang)
{
	struct uuid parent = db_uuid(rows, at + 3);
	struct str path = db_text(rows, at + 4);
	api_member_uuid(w, "id", id);
	json_member_str(w, "code", db_text(rows, at));
	json_member_str(w, "kind", db_text(rows, at + 1));
	json_member_str(w, "kind_label", db_text(rows, lang == MSG_LANG_VI ? at + 9 : at + 10));
	json_member_str(w, "name", db_text(rows, at + 2));
	api_member_uuid(w, "parent_id", &parent);
	api_member_text_or_null(w, "parent_name", db_text(rows, at + 8));
	json_name(w, "path_names");
	json_array(w);
	for (size_t n = UNIT_LABEL; n < path.n; n += UNIT_LABEL)
		json_str(w, name_at(names, str_sub(path, 0, n)));
	json_array_end(w);
	api_member_time(w, "closed_at", db_int(rows, at + 5));
	json_member_bool(w, "sample", db_int(rows, at + 7) != 0);
	api_member_etag(w, db_int(rows, at + 6));
}

struct listing {
	struct api_request *req;
	struct http_response *res;
	struct api_list *list;
};

static int answer_list(struct db_tx *tx, void *ctx, struct err *err)
{
	struct listing *l = ctx;
	struct names names = {.count = 0};
	int r = load_names(tx, l->req->arena, &names, err);
	cleanup_rows struct db_rows *rows = NULL;
	if (r >= 0)
		r = api_list_query(l->list, tx, COLUMNS, "u.id", &rows, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(l->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while ((r = api_list_next(l->list, rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 1);
		json_object(&w);
		write_unit(&w, rows, &id, API_LIST_FIRST, &names, l->req->access->lang);
		json_object_end(&w);
	}
	json_array_end(&w);
	api_list_members(l->list, &w);
	json_object_end(&w);
	return r;
}

int unit_db_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"path", "u.path", DB_TYPE_TEXT, false},
	                                        {"name", "u.sort_key", DB_TYPE_BLOB, false},
	                                        {"code", "u.code", DB_TYPE_TEXT, false},
	                                        {.name = NULL}};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM unit u LEFT JOIN unit p ON p.id = u.parent_id LEFT JOIN unit_kind k ON k.kind = u.kind"
	                    " WHERE 1 = 1");
	api_list_scope(&list, "u.id", req, "unit.read");
	struct str kind = http_query(req->http, "kind");
	if (kind.n > 0 && text_is_utf8(kind))
		api_list_add(&list, " AND u.kind = ?", DB_TEXT(kind));
	struct uuid *parent = ARENA_NEW(req->arena, struct uuid);
	r = api_query_uuid(req, "parent", parent, err);
	if (r > 0)
		api_list_add(&list, " AND u.parent_id = ?", DB_UUID(parent));
	if (!str_eq(http_query(req->http, "closed"), STR("1")))
		api_list_add(&list, " AND u.closed_at IS NULL");
	if (r >= 0)
		r = api_list_unit_filter(&list, req, "u.id", err);
	api_list_search(&list, req, "u.search_key");
	struct listing l = {req, res, &list};
	return r < 0 ? r : db_read(req->service->db, answer_list, &l, err);
}

struct showing {
	struct api_request *req;
	struct http_response *res;
	const struct uuid *id;
	int status;
};

static int write_past(struct db_tx *tx, struct json_writer *w, const struct uuid *id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT h.code, h.kind, h.name, h.parent_id, p.name, h.valid_from, h.valid_to FROM unit_past h"
	                 " LEFT JOIN unit p ON p.id = h.parent_id WHERE h.unit_id = $1 ORDER BY h.valid_from DESC LIMIT 100",
	                 DB_UUID(id));
	json_name(w, "past");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid parent = db_uuid(rows, 3);
		json_object(w);
		json_member_str(w, "code", db_text(rows, 0));
		json_member_str(w, "kind", db_text(rows, 1));
		json_member_str(w, "name", db_text(rows, 2));
		api_member_ref(w, "parent", &parent, db_text(rows, 4));
		api_member_time(w, "valid_from", db_int(rows, 5));
		api_member_time(w, "valid_to", db_int(rows, 6));
		json_object_end(w);
	}
	json_array_end(w);
	return r;
}

static int answer_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct showing *s = ctx;
	int r = api_require_visible(tx, s->req, "unit.read", s->id, err);
	if (r < 0)
		return r;
	struct names names = {.count = 0};
	cleanup_rows struct db_rows *rows = NULL;
	r = load_names(tx, s->req->arena, &names, err);
	if (r >= 0)
		r = db_query(tx, &rows, err,
		             "SELECT " COLUMNS " FROM unit u LEFT JOIN unit p ON p.id = u.parent_id"
		             " LEFT JOIN unit_kind k ON k.kind = u.kind WHERE u.id = $1", DB_UUID(s->id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	struct json_writer w = api_reply(s->res, s->status);
	json_object(&w);
	write_unit(&w, rows, s->id, 0, &names, s->req->access->lang);
	api_reply_etag(s->req, s->res, db_int(rows, 6));
	r = write_past(tx, &w, s->id, err);
	json_object_end(&w);
	return r;
}

int unit_db_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id, struct err *err)
{
	struct showing s = {req, res, id, status};
	return db_read(req->service->db, answer_one, &s, err);
}

static int answer_kinds(struct db_tx *tx, void *ctx, struct err *err)
{
	struct showing *s = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT kind, label_vi, label_en, parents FROM unit_kind ORDER BY position");
	struct json_writer w = api_reply(s->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		json_object(&w);
		json_member_str(&w, "kind", db_text(rows, 0));
		json_member_str(&w, "label", db_text(rows, s->req->access->lang == MSG_LANG_VI ? 1 : 2));
		json_name(&w, "parents");
		json_array(&w);
		struct str rest = db_text(rows, 3), part;
		while (str_split(&rest, ' ', &part))
			if (part.n > 0)
				json_str(&w, part);
		json_array_end(&w);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return r;
}

int unit_db_list_kinds(struct api_request *req, struct http_response *res, struct err *err)
{
	struct showing s = {req, res, NULL, 200};
	return db_read(req->service->db, answer_kinds, &s, err);
}
