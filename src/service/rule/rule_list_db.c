/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules for people: the list without texts, one with everything. */
#include "service/rule/rule_internal.h"

#define COLUMNS                                                                                                        \
	"r.origin, r.archive_id, a.name, r.path, r.sigma_id, r.kind, r.title, r.level, r.status, r.category, r.product," \
	" r.service, r.tags, r.documents, r.refused, r.enabled, r.gone, r.changed_at, r.hits_per_day, r.replayed_at, r.version," \
	" (SELECT count(*) FROM rule_exclusion x WHERE x.rule_id = r.id AND x.ended_at IS NULL), r.chosen"
#define TABLES " FROM rule r LEFT JOIN rule_archive a ON a.id = r.archive_id"
#define WIDTH 23
/* More a day than anybody looks at. */
#define NOISY_PER_DAY 100

static void write_words(struct json_writer *w, const char *name, struct str words)
{
	struct str word;
	json_name(w, name);
	json_array(w);
	while (str_split(&words, ' ', &word))
		if (word.n > 0)
			json_str(w, word);
	json_array_end(w);
}

/* Why it is refused, in the reader's language. */
static void write_refused(struct json_writer *w, const struct api_request *req, struct str json)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	struct err err = {0};
	json_name(w, "refused");
	if (json.n == 0) {
		json_null(w);
		return;
	}
	(void)!rule_refusal(json, &err);
	char place[ERR_PLACE_SIZE];
	str_copy_c(str_c(err.place), place, sizeof place);
	err.place[0] = '\0';
	msg_append_err(req->service->messages, req->access->lang, &err, &text);
	json_object(w);
	json_member_cstr(w, "key", err.key);
	json_member_cstr(w, "place", place);
	json_member_str(w, "text", buf_str(&text));
	json_object_end(w);
}

static void write_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req, const struct uuid *id, unsigned f)
{
	static const char *const texts[] = {"path", "sigma_id", "kind", "title", "level", "status", "category", "product", "service"};
	struct uuid archive = db_uuid(rows, f + 1);
	api_member_uuid(w, "id", id);
	json_member_cstr(w, "origin", rule_origin_names[db_int(rows, f)]);
	api_member_ref(w, "archive", &archive, db_text(rows, f + 2));
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
		json_member_str(w, texts[i], db_text(rows, f + 3 + i));
	write_words(w, "tags", db_text(rows, f + 12));
	json_member_int(w, "documents", db_int(rows, f + 13));
	write_refused(w, req, db_text(rows, f + 14));
	json_member_bool(w, "enabled", db_int(rows, f + 15) != 0);
	json_member_bool(w, "gone", db_int(rows, f + 16) != 0);
	const char *state = db_int(rows, f + 16) != 0 ? "gone" : db_int(rows, f + 13) == 0 ? "refused" : db_int(rows, f + 15) != 0 ? "on" : "off";
	json_member_cstr(w, "state", state);
	/* Off without anybody having said so. */
	const char *why = strcmp(state, "off") == 0 && db_int(rows, f + 22) == 0
	                          ? rule_off_why((enum rule_origin)db_int(rows, f), db_text(rows, f + 7), db_text(rows, f + 8)) : NULL;
	json_name(w, "off_why");
	if (why != NULL)
		json_cstr(w, why);
	else
		json_null(w);
	api_member_time(w, "changed_at", db_int(rows, f + 17));
	json_name(w, "hits_per_day");
	if (db_is_null(rows, f + 18))
		json_null(w);
	else
		json_int(w, db_int(rows, f + 18));
	json_member_bool(w, "noisy", db_int(rows, f + 18) > NOISY_PER_DAY);
	api_member_time(w, "replayed_at", db_int(rows, f + 19));
	json_member_int(w, "exclusions", db_int(rows, f + 21));
	api_member_etag(w, db_int(rows, f + 20));
}

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	struct uuid id = db_uuid(rows, 1);
	write_row(w, rows, req, &id, API_LIST_FIRST);
}

static void filter_text(struct api_list *list, const struct api_request *req, const char *name, const char *sql)
{
	struct str value = http_query(req->http, name);
	if (value.n > 0)
		api_list_add_values(list, sql, &DB_TEXT(value), 1);
}

static int add_filters(struct api_list *list, const struct api_request *req, struct err *err)
{
	static const char *const states[] = {"on", "off", "refused", "gone", NULL};
	int state = -1, origin = -1;
	struct uuid *archive = ARENA_NEW(req->arena, struct uuid);
	filter_text(list, req, "level", " AND r.level = ?");
	filter_text(list, req, "status", " AND r.status = ?");
	filter_text(list, req, "product", " AND r.product = ?");
	filter_text(list, req, "category", " AND r.category = ?");
	filter_text(list, req, "service", " AND r.service = ?");
	struct str tag = http_query(req->http, "tag");
	if (tag.n > 0)
		api_list_add(list, " AND ' ' || r.tags || ' ' LIKE ?", DB_TEXT(arena_printf(req->arena, "%% %.*s %%", STR_FMT(tag))));
	int r = api_query_enum(req, "origin", rule_origin_names, &origin, err);
	if (r > 0)
		api_list_add(list, " AND r.origin = ?", DB_INT(origin));
	if (r >= 0 && (r = api_query_uuid(req, "archive", archive, err)) > 0)
		api_list_add(list, " AND r.archive_id = ?", DB_UUID(archive));
	if (r >= 0 && (r = api_query_enum(req, "state", states, &state, err)) > 0) {
		static const char *const sql[] = {" AND r.gone = 0 AND r.enabled = 1", " AND r.gone = 0 AND r.enabled = 0 AND r.documents > 0",
		                                  " AND r.gone = 0 AND r.refused <> ''", " AND r.gone = 1"};
		api_list_add_values(list, sql[state], NULL, 0);
	} else if (r >= 0) {
		api_list_add_values(list, " AND r.gone = 0", NULL, 0);
	}
	return r;
}

int rule_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {
		{"title", "r.sort_key", DB_TYPE_BLOB, false},   {"level", "r.level_rank", DB_TYPE_INT, true},
		{"changed_at", "r.changed_at", DB_TYPE_INT, true}, {.name = NULL},
	};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add_values(&list, TABLES " WHERE 1 = 1", NULL, 0);
	api_list_search(&list, req, "r.search_key");
	r = add_filters(&list, req, err);
	return r < 0 ? r : api_list_answer(req, res, &list, &(struct api_list_reply){COLUMNS, "r.id", list_row}, err);
}

/* ---- one ---- */

struct one {
	struct api_request *req;
	struct http_response *res;
	const struct uuid *id;
	int status;
	int64_t version;
};

static int write_exclusions(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT x.id, x.author_name, x.reason, x.condition, x.unit_id, u.name, x.created_at, x.expires_at, x.ended_at, x.ended_by,"
	                 " x.version FROM rule_exclusion x LEFT JOIN unit u ON u.id = x.unit_id WHERE x.rule_id = $1 ORDER BY x.created_at DESC LIMIT 200",
	                 DB_UUID(id));
	json_name(w, "exclusion_list");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid own = db_uuid(rows, 0), unit = db_uuid(rows, 4);
		bool ended = !db_is_null(rows, 8), expired = db_int(rows, 7) <= api_now(req);
		json_object(w);
		api_member_uuid(w, "id", &own);
		json_member_str(w, "author", db_text(rows, 1));
		json_member_str(w, "reason", db_text(rows, 2));
		json_member_str(w, "condition", db_text(rows, 3));
		api_member_ref(w, "unit", &unit, db_text(rows, 5));
		api_member_time(w, "created_at", db_int(rows, 6));
		api_member_time(w, "expires_at", db_int(rows, 7));
		json_member_cstr(w, "state", ended ? "ended" : expired ? "expired" : "active");
		json_member_str(w, "ended_by", db_text(rows, 9));
		api_member_etag(w, db_int(rows, 10));
		json_object_end(w);
	}
	json_array_end(w);
	return r;
}

static int read_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " COLUMNS ", r.text, r.author, r.ids, r.created_at, r.changed_by, r.sha256" TABLES " WHERE r.id = $1",
	                 DB_UUID(o->id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "rule.unknown");
	buf_clear(&o->res->body);
	struct json_writer w = api_reply(o->res, o->status);
	json_object(&w);
	write_row(&w, rows, o->req, o->id, 0);
	json_member_str(&w, "text", db_text(rows, WIDTH));
	json_member_str(&w, "author", db_text(rows, WIDTH + 1));
	write_words(&w, "ids", db_text(rows, WIDTH + 2));
	api_member_time(&w, "created_at", db_int(rows, WIDTH + 3));
	json_member_str(&w, "changed_by", db_text(rows, WIDTH + 4));
	json_member_str(&w, "sha256", db_text(rows, WIDTH + 5));
	o->version = db_int(rows, WIDTH - 3);
	r = write_exclusions(tx, &w, o->req, o->id, err);
	json_object_end(&w);
	return r;
}

int rule_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id, struct err *err)
{
	struct one o = {.req = req, .res = res, .id = id, .status = status};
	int r = db_read(req->service->db, read_one, &o, err);
	if (r >= 0)
		api_reply_etag(req, res, o.version);
	return r;
}
