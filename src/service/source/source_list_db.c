/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What pages read about sources: rows, and what is counted of them. */
#include "service/source/source_internal.h"

#define COLUMNS                                                                                                                      \
	"s.unit_id, u.name, s.name, s.system_name, s.system_level, s.kind, s.addresses, s.fingerprint, s.token_id, s.format, s.retention,"  \
	" s.rate_per_s, s.silence_s, s.enabled, s.note, s.created_at, s.version,"                                                          \
	" (SELECT max(c.days) FROM source_retention c WHERE (s.retention <> '' AND c.class = s.retention)"                                 \
	" OR (s.retention = '' AND c.level = s.system_level)), s.time_zone"

static void write_state(struct json_writer *w, const struct api_request *req, const struct uuid *id, bool enabled)
{
	struct source_state s;
	bool known = req->service->sources != NULL && source_watch_get(req->service->sources, id, &s);
	json_name(w, "state");
	if (!known) {
		json_object(w);
		json_member_cstr(w, "condition", source_condition_name(enabled ? SOURCE_WAITING : SOURCE_DISABLED));
		json_object_end(w);
		return;
	}
	json_object(w);
	json_member_cstr(w, "condition", source_condition_name(enabled ? s.condition : SOURCE_DISABLED));
	for (int i = 0; i < SOURCE_COUNT__COUNT; i++)
		json_member_int(w, source_count_names[i], (int64_t)s.counts[i]);
	api_member_time(w, "first_at", s.first_at);
	api_member_time(w, "last_at", s.last_at);
	api_member_time(w, "silent_since", s.silent_since);
	api_member_time(w, "clock_since", s.clock_since);
	json_member_int(w, "lost", (int64_t)s.lost);
	api_member_time(w, "lost_since", s.lost_since);
	json_name(w, "skew_s");
	if (s.has_skew)
		json_int(w, s.skew_s);
	else
		json_null(w);
	json_member_cstr(w, "via", s.last_at > 0 ? event_via_name(s.via) : NULL);
	json_member_cstr(w, "unparsed_sample", s.unparsed_sample[0] != '\0' ? s.unparsed_sample : NULL);
	json_name(w, "rejected_why");
	if (s.rejected_key[0] != '\0') {
		cleanup_buf struct buf text = BUF_INIT(2000);
		struct err why = {.code = -EINVAL};
		str_copy_c(str_c(s.rejected_key), why.key, sizeof(why.key));
		msg_append_err(req->service->messages, req->access->lang, &why, &text);
		json_str(w, buf_str(&text));
	} else {
		json_null(w);
	}
	json_object_end(w);
}

static void write_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req, const struct uuid *id, unsigned f)
{
	struct uuid unit = db_uuid(rows, f), token = db_uuid(rows, f + 8);
	struct str addresses = db_text(rows, f + 6), one;
	api_member_uuid(w, "id", id);
	api_member_ref(w, "unit", &unit, db_text(rows, f + 1));
	json_member_str(w, "name", db_text(rows, f + 2));
	json_member_str(w, "system_name", db_text(rows, f + 3));
	json_member_int(w, "system_level", db_int(rows, f + 4));
	json_member_str(w, "kind", db_text(rows, f + 5));
	json_name(w, "addresses");
	json_array(w);
	while (addresses.n > 0 && str_split(&addresses, '\n', &one))
		json_str(w, one);
	json_array_end(w);
	api_member_text_or_null(w, "fingerprint", db_text(rows, f + 7));
	api_member_uuid(w, "token_id", &token);
	json_member_str(w, "format", db_text(rows, f + 9));
	json_member_str(w, "retention", db_text(rows, f + 10));
	json_member_int(w, "retention_days", db_int(rows, f + 17));
	json_member_int(w, "rate_per_s", db_int(rows, f + 11));
	json_member_int(w, "silence_s", db_int(rows, f + 12));
	json_member_bool(w, "enabled", db_int(rows, f + 13) != 0);
	json_member_str(w, "time_zone", db_text(rows, f + 18));
	json_member_str(w, "note", db_text(rows, f + 14));
	api_member_time(w, "created_at", db_int(rows, f + 15));
	write_state(w, req, id, db_int(rows, f + 13) != 0);
	api_member_etag(w, db_int(rows, f + 16));
}

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	struct uuid id = db_uuid(rows, 1);
	write_row(w, rows, req, &id, API_LIST_FIRST);
}

int source_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"name", "s.sort_key", DB_TYPE_BLOB, false},
	                                        {"created_at", "s.created_at", DB_TYPE_INT, true},
	                                        {"system_level", "s.system_level", DB_TYPE_INT, true},
	                                        {.name = NULL}};
	static const struct api_list_reply how = {COLUMNS, "s.id", list_row};
	static const char *const yes_no[] = {"0", "1", NULL};
	struct api_list list;
	int enabled = -1;
	int64_t level = -1;
	int r = api_list_begin(req, sorts, &list, err);
	if (r >= 0)
		r = api_query_enum(req, "enabled", yes_no, &enabled, err);
	bool by_state = r > 0;
	if (r >= 0)
		r = api_query_int(req, "level", 0, SOURCE_LEVEL_MAX, &level, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM source s JOIN unit u ON u.id = s.unit_id WHERE 1 = 1");
	api_list_scope(&list, "s.unit_id", req, "source.read");
	if (by_state)
		api_list_add(&list, " AND s.enabled = ?", DB_INT(enabled));
	if (r > 0)
		api_list_add(&list, " AND s.system_level = ?", DB_INT(level));
	api_list_search(&list, req, "s.search_key");
	r = api_list_unit_filter(&list, req, "s.unit_id", err);
	return r < 0 ? r : api_list_answer(req, res, &list, &how, err);
}

struct showing {
	struct api_request *req;
	struct http_response *res;
	const struct uuid *id;
	int status;
};

static int answer_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct showing *s = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " COLUMNS " FROM source s JOIN unit u ON u.id = s.unit_id WHERE s.id = $1", DB_UUID(s->id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	struct uuid unit = db_uuid(rows, 0);
	r = api_require_visible(tx, s->req, "source.read", &unit, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(s->res, s->status);
	json_object(&w);
	write_row(&w, rows, s->req, s->id, 0);
	api_reply_etag(s->req, s->res, db_int(rows, 16));
	json_object_end(&w);
	return 0;
}

int source_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id, struct err *err)
{
	struct showing s = {req, res, id, status};
	return db_read(req->service->db, answer_one, &s, err);
}

/* ---- who knocks ---- */

static int may_see_all(struct db_tx *tx, void *ctx, struct err *err)
{
	static const struct uuid everywhere = {{0}};
	return api_require_unit(tx, ctx, "source.read", &everywhere, err);
}

/* What the kernel dropped of UDP is of no sender either. */
static void write_listener_loss(struct json_writer *w, struct source_watch *watch)
{
	struct source_listener_loss loss = {0};
	if (watch != NULL)
		source_watch_listener_loss(watch, &loss);
	json_name(w, "listeners");
	json_object(w);
	json_member_int(w, "kernel_dropped", (int64_t)loss.total);
	api_member_time(w, "last_at", loss.last_at);
	json_member_int(w, "lost", (int64_t)loss.lost);
	api_member_time(w, "lost_since", loss.lost_since);
	json_object_end(w);
}

int source_list_strangers(struct api_request *req, struct http_response *res, struct err *err)
{
	/* They are of no unit yet: for those who look after the whole city. */
	int r = db_read(req->service->db, may_see_all, req, err);
	if (r < 0)
		return r;
	struct event_stranger *all = ARENA_ARRAY(req->arena, EVENT_STRANGERS_MAX, struct event_stranger);
	size_t n = req->service->sources != NULL ? source_watch_strangers(req->service->sources, all, EVENT_STRANGERS_MAX) : 0;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < n; i++) {
		char address[EVENT_ADDRESS_TEXT];
		json_object(&w);
		json_member_cstr(&w, "address", all[i].address.set ? event_address_text(&all[i].address, address) : NULL);
		json_member_cstr(&w, "fingerprint", all[i].credential[0] != '\0' ? all[i].credential : NULL);
		json_member_cstr(&w, "via", event_via_name(all[i].via));
		json_member_int(&w, "count", (int64_t)all[i].count);
		api_member_time(&w, "first_at", all[i].first);
		api_member_time(&w, "last_at", all[i].last);
		json_member_cstr(&w, "sample", all[i].sample);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_member_int(&w, "total", (int64_t)n);
	json_name(&w, "next");
	json_null(&w);
	write_listener_loss(&w, req->service->sources);
	json_object_end(&w);
	return 0;
}
