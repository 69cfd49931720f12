/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Classes of retention: a person may set another figure than the pack's, and says why. */
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/source/source_internal.h"

struct putting {
	const struct source_class *classes;
	size_t count;
};

static int put_classes(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct putting *p = ctx;
	int r = 0;
	for (size_t i = 0; i < p->count && r >= 0; i++) {
		const struct source_class *c = &p->classes[i];
		r = db_exec(tx, err,
		            "INSERT INTO source_retention (class, position, level, label_vi, label_en, basis_vi, basis_en, confidence, pack_days,"
		            " days, corrected, reason, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 0, '', 1)"
		            " ON CONFLICT (class) DO UPDATE SET position = $2, level = $3, label_vi = $4, label_en = $5, basis_vi = $6,"
		            " basis_en = $7, confidence = $8, pack_days = $9,"
		            " days = CASE WHEN source_retention.corrected = 1 THEN source_retention.days ELSE $9 END",
		            DB_TEXT(c->class_name), DB_INT(c->position), DB_INT(c->level), DB_TEXT(c->label_vi), DB_TEXT(c->label_en),
		            DB_TEXT(c->basis_vi), DB_TEXT(c->basis_en), DB_TEXT(c->confidence), DB_INT(c->days));
	}
	return r < 0 ? r : 0;
}

int source_db_put_classes(struct db *db, const struct source_class *classes, size_t count, struct err *err)
{
	struct putting p = {classes, count};
	return db_write(db, put_classes, &p, err);
}

int source_db_class_exists(struct db_tx *tx, struct str class_name, struct err *err)
{
	int64_t n = 0;
	int r = db_query_int(tx, &n, err, "SELECT count(*) FROM source_retention WHERE class = $1", DB_TEXT(class_name));
	return r < 0 ? r : n > 0;
}

struct showing {
	struct api_request *req;
	struct http_response *res;
};

static int answer_list(struct db_tx *tx, void *ctx, struct err *err)
{
	struct showing *s = ctx;
	bool vi = s->req->access->lang == MSG_LANG_VI;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT class, level, label_vi, label_en, basis_vi, basis_en, confidence, pack_days, days, corrected, reason, version"
	                 " FROM source_retention ORDER BY position");
	struct json_writer w = api_reply(s->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		json_object(&w);
		json_member_str(&w, "class", db_text(rows, 0));
		json_name(&w, "level");
		if (db_int(rows, 1) >= 0)
			json_int(&w, db_int(rows, 1));
		else
			json_null(&w);
		json_member_str(&w, "label", db_text(rows, vi ? 2 : 3));
		json_member_str(&w, "basis", db_text(rows, vi ? 4 : 5));
		json_member_str(&w, "confidence", db_text(rows, 6));
		json_member_int(&w, "pack_days", db_int(rows, 7));
		json_member_int(&w, "days", db_int(rows, 8));
		json_member_bool(&w, "corrected", db_int(rows, 9) != 0);
		json_member_str(&w, "reason", db_text(rows, 10));
		api_member_etag(&w, db_int(rows, 11));
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return r;
}

int source_list_retention(struct api_request *req, struct http_response *res, struct err *err)
{
	struct showing s = {req, res};
	return db_read(req->service->db, answer_list, &s, err);
}

struct correction {
	struct api_request *req;
	struct str class_name;
	int64_t days;
	struct str reason;
};

static int tell(struct db_tx *tx, const struct correction *c, int64_t before, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(16384);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	json_member_str(&w, "class", c->class_name);
	json_member_int(&w, "days_before", before);
	json_member_int(&w, "days", c->days);
	json_member_str(&w, "reason", c->reason);
	json_object_end(&w);
	struct audit_entry entry = {.action = "source.retention", .object_type = "source_retention", .details = buf_str(&json)};
	struct service_event event = {.name = "source.retention_changed", .permission = "source.read", .json = buf_str(&json)};
	int r = audit_write(tx, c->req->access, c->req->service->now(), &entry, err);
	return r < 0 ? r : outbox_write(tx, &event, err);
}

static int correct(struct db_tx *tx, void *ctx, struct err *err)
{
	static const struct uuid everywhere = {{0}};
	struct correction *c = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = api_require_unit(tx, c->req, "source.write", &everywhere, err);
	if (r >= 0)
		r = db_query(tx, &rows, err, "SELECT days, pack_days, version FROM source_retention WHERE class = $1", DB_TEXT(c->class_name));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	int64_t before = db_int(rows, 0), pack_days = db_int(rows, 1), version = db_int(rows, 2);
	r = api_if_match(c->req, version, err);
	if (r >= 0)
		r = db_exec(tx, err, "UPDATE source_retention SET days = $2, corrected = $3, reason = $4, version = version + 1 WHERE class = $1",
		            DB_TEXT(c->class_name), DB_INT(c->days), DB_INT(c->days != pack_days), DB_TEXT(c->reason));
	return r < 0 ? r : tell(tx, c, before, err);
}

int source_patch_retention(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct source_retention_body *body = req->fields;
	struct correction c = {.req = req, .class_name = http_param(req->http, "class"), .days = body->days, .reason = body->reason};
	int r = api_typed_text(req, &c.reason, err);
	if (r >= 0)
		r = db_write(req->service->db, correct, &c, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	if (req->service->snapshot_changed != NULL)
		req->service->snapshot_changed(req->service->snapshot_changed_ctx);
	return source_list_retention(req, res, err);
}
