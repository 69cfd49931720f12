/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/log/log.h"
#include "service/audit/audit_internal.h"

#include <stdio.h>

#include "service/audit/audit_sql.gen.h"

const char *audit_access_kind(enum access_kind kind)
{
	switch (kind) {
	case ACCESS_ANONYMOUS:
		return "anonymous";
	case ACCESS_ACCOUNT:
		return "account";
	case ACCESS_TOKEN:
		return "token";
	case ACCESS_ENDPOINT:
		return "endpoint";
	case ACCESS_SYSTEM:
		return "system";
	}
	return "";
}

static void hash_text(struct sha256 *h, struct str s)
{
	char length[24];
	(void)snprintf(length, sizeof length, "%zu:", s.n);
	sha256_update(h, str_c(length));
	sha256_update(h, s);
	sha256_update(h, STR(","));
}

static void hash_number(struct sha256 *h, int64_t v)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%lld", (long long)v);
	hash_text(h, str_c(text));
}

static void hash_uuid(struct sha256 *h, const struct uuid *id)
{
	cleanup_buf struct buf hex = BUF_INIT(64);
	if (!uuid_is_null(id))
		buf_append_hex(&hex, id->b, sizeof id->b);
	hash_text(h, buf_str(&hex));
}

void audit_hash(const unsigned char previous[SHA256_SIZE], const struct audit_row *row, unsigned char out[SHA256_SIZE])
{
	struct sha256 *h = sha256_new();
	sha256_update(h, str_n(previous, SHA256_SIZE));
	hash_number(h, row->number);
	hash_number(h, row->at);
	hash_uuid(h, &row->account_id);
	hash_text(h, row->account_name);
	hash_text(h, row->kind);
	hash_text(h, row->peer);
	hash_text(h, row->action);
	hash_text(h, row->object_type);
	hash_uuid(h, &row->object_id);
	hash_uuid(h, &row->unit_id);
	hash_text(h, row->details);
	sha256_final(h, out);
}

/* Two persons did it: both names stand in the one record. */
static struct str with_approver(const struct access *access, struct str details, struct buf *out)
{
	if (access->approved_by.n == 0 || details.n < 2 || details.p[details.n - 1] != '}')
		return details;
	struct str members = str_sub(details, 1, details.n - 1);
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_str(&w, "approved_by", access->approved_by);
	json_object_end(&w);
	if (str_trim(members).n == 0)
		return buf_str(out);
	out->n--;
	buf_append_char(out, ',');
	buf_append(out, members);
	buf_append_char(out, '}');
	return out->overflow ? details : buf_str(out);
}

int audit_write(struct db_tx *tx, const struct access *access, usec_t now, const struct audit_entry *e, struct err *err)
{
	unsigned char previous[SHA256_SIZE];
	cleanup_buf struct buf both = BUF_INIT((size_t)128 << 10);
	struct audit_row row = {
		.at = now,
		.account_id = access->kind == ACCESS_ENDPOINT ? access->endpoint_id : access->account_id,
		.object_id = e->object_id,
		.unit_id = e->unit_id,
		.account_name = access->name,
		.kind = str_c(audit_access_kind(access->kind)),
		.peer = access->peer,
		.action = str_c(e->action),
		.object_type = str_c(e->object_type),
		.details = with_approver(access, e->details.n > 0 ? e->details : STR("{}"), &both),
	};
	int r = audit_db_head(tx, &row.number, previous, err);
	if (r < 0)
		return r;
	row.number++;
	audit_hash(previous, &row, row.hash);
	return audit_db_append(tx, &row, err);
}

struct recording {
	const struct access *access;
	const struct audit_entry *entry;
	usec_t now;
};

static int record(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct recording *r = ctx;
	return audit_write(tx, r->access, r->now, r->entry, err);
}

int audit_record(const struct service_context *sc, const struct access *access, const struct audit_entry *e,
                 struct err *err)
{
	struct recording r = {access, e, sc->now != NULL ? sc->now() : clock_now()};
	return db_write(sc->db, record, &r, err);
}

void audit_walk_bad(struct audit_walk *w, int64_t number, const char *reason)
{
	w->verdict.ok = false;
	w->verdict.bad_number = number;
	w->verdict.reason = reason;
	w->done = true;
}

void audit_walk_begin(struct audit_walk *w, const unsigned char *noted)
{
	*w = (struct audit_walk){.verdict.ok = true, .noted = noted};
	w->verdict.noted_number = noted != NULL && memcmp(noted, w->verdict.head, SHA256_SIZE) == 0 ? 0 : -1;
}

void audit_walk_check(struct audit_walk *w, const struct audit_row *row)
{
	unsigned char expected[SHA256_SIZE];
	if (row->number != w->verdict.records + 1) {
		audit_walk_bad(w, w->verdict.records + 1, "gap");
		return;
	}
	audit_hash(w->verdict.head, row, expected);
	if (memcmp(expected, row->hash, SHA256_SIZE) != 0) {
		audit_walk_bad(w, row->number, "hash");
		return;
	}
	(void)memcpy(w->verdict.head, expected, SHA256_SIZE);
	w->verdict.records = row->number;
	if (w->noted != NULL && memcmp(expected, w->noted, SHA256_SIZE) == 0)
		w->verdict.noted_number = row->number;
	if (row->number == w->head_number && memcmp(expected, w->head_hash, SHA256_SIZE) != 0)
		audit_walk_bad(w, row->number, "head");
}

void audit_walk_end(struct audit_walk *w)
{
	/* The end was cut off. */
	if (!w->done && w->verdict.records < w->head_number)
		audit_walk_bad(w, w->verdict.records + 1, "gap");
	w->done = true;
}

static int read_head(struct db_tx *tx, void *ctx, struct err *err)
{
	struct audit_walk *w = ctx;
	return audit_db_head(tx, &w->head_number, w->head_hash, err);
}

/* Many short reads, so that a long walk holds no snapshot open. */
static int walk_on(struct db_tx *tx, void *ctx, struct err *err)
{
	struct audit_walk *w = ctx;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct audit_row *rows = arena_alloc(arena, AUDIT_WALK_ROWS * sizeof *rows);
	size_t count = 0;
	int r = audit_db_walk(tx, arena, w->verdict.records, AUDIT_WALK_ROWS, rows, &count, err);
	for (size_t i = 0; i < count && r >= 0 && !w->done; i++)
		audit_walk_check(w, &rows[i]);
	if (count < AUDIT_WALK_ROWS)
		audit_walk_end(w);
	return r;
}

int audit_verify_noted(const struct service_context *sc, const unsigned char noted[SHA256_SIZE], struct audit_verdict *ret,
                       struct err *err)
{
	struct audit_walk w;
	audit_walk_begin(&w, noted);
	int r = db_read(sc->db, read_head, &w, err);
	while (r >= 0 && !w.done)
		r = db_read(sc->db, walk_on, &w, err);
	if (r < 0)
		return r;
	*ret = w.verdict;
	return 0;
}

int audit_verify(const struct service_context *sc, struct audit_verdict *ret, struct err *err)
{
	return audit_verify_noted(sc, NULL, ret, err);
}

static int post_verify(struct api_request *req, struct http_response *res, struct err *err)
{
	struct audit_verdict v;
	int r = audit_verify(req->service, &v, err);
	if (r < 0)
		return r;
	/* For rules over the own log. */
	if (!v.ok)
		log_error("the audit log does not verify", ARG_I64("number", v.bad_number), ARG_CSTR("reason", v.reason));
	char head[SHA256_HEX_SIZE], details[128];
	(void)snprintf(details, sizeof details, "{\"ok\":%s,\"records\":%lld}", v.ok ? "true" : "false",
	               (long long)v.records);
	r = audit_record(req->service, req->access,
	                 &(struct audit_entry){.action = "audit.verified", .details = str_c(details)}, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_bool(&w, "ok", v.ok);
	json_member_int(&w, "records", v.records);
	json_member_cstr(&w, "head", sha256_hex(v.head, head));
	if (!v.ok) {
		json_member_int(&w, "bad_number", v.bad_number);
		json_member_cstr(&w, "reason", v.reason);
	}
	json_object_end(&w);
	return 0;
}

static const struct service_route routes[] = {
	{"GET", "/api/v1/audit", "audit.read", audit_db_list, "audit.route_list"},
	{"POST", "/api/v1/audit/verify", "audit.read", post_verify, "audit.route_verify"},
	{.method = NULL},
};
static const char *const permissions[] = {"audit.read", NULL};

const struct service audit_service = {
	.name = "audit",
	.routes = routes,
	.permissions = permissions,
	.migrations = audit_migrations,
	.migration_count = AUDIT_MIGRATION_COUNT,
};
