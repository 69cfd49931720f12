/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What agents ask, on the listener with client certificates: CA, enrolment, check-in, renewal. */
#include "base/log/log.h"
#include "base/text/text.h"
#include "service/endpoint/endpoint_http.h"
#include "service/endpoint/endpoint_isolation_internal.h"
#include "service/outbox/outbox.h"

#define CSR_MAX 8192

const struct json_field endpoint_enrol_fields[] = {
	{"token", JSON_FIELD_STR, offsetof(struct endpoint_enrol_body, token), true, 1, ENDPOINT_TOKEN_MAX},
	{"csr", JSON_FIELD_STR, offsetof(struct endpoint_enrol_body, csr), true, 1, CSR_MAX},
	{"hostname", JSON_FIELD_STR, offsetof(struct endpoint_enrol_body, hostname), true, 1, 255},
	{"agent_version", JSON_FIELD_STR, offsetof(struct endpoint_enrol_body, agent_version), false, 0, 64},
	{"machine", JSON_FIELD_ANY, offsetof(struct endpoint_enrol_body, machine)},
	{.name = NULL},
};

const struct json_field endpoint_renew_fields[] = {
	{"csr", JSON_FIELD_STR, offsetof(struct endpoint_renew_body, csr), true, 1, CSR_MAX},
	{.name = NULL},
};

const struct json_field endpoint_checkin_fields[] = {
	{"agent_version", JSON_FIELD_STR, offsetof(struct endpoint_checkin_body, agent_version), true, 1, 64},
	{"protocol", JSON_FIELD_INT, offsetof(struct endpoint_checkin_body, protocol), true, 0, INT32_MAX},
	{"boot_id", JSON_FIELD_STR, offsetof(struct endpoint_checkin_body, boot_id), true, 1, 128},
	{"inventory_hash", JSON_FIELD_STR, offsetof(struct endpoint_checkin_body, inventory_hash), false, 0, 128},
	{"inventory", JSON_FIELD_ANY, offsetof(struct endpoint_checkin_body, inventory)},
	{"protection", JSON_FIELD_ANY, offsetof(struct endpoint_checkin_body, protection), true},
	{"answered", JSON_FIELD_ANY, offsetof(struct endpoint_checkin_body, answered)},
	{.name = NULL},
};

int endpoint_protocol_check(int64_t given, int64_t newest, struct err *err)
{
	int64_t oldest = newest > 2 ? newest - 2 : 1;
	if (given > newest)
		return err_set(err, -EINVAL, "endpoint.protocol_newer", ARG_I64("given", given), ARG_I64("newest", newest));
	if (given < oldest)
		return err_set(err, -EINVAL, "endpoint.protocol_old", ARG_I64("given", given), ARG_I64("oldest", oldest));
	return 0;
}

int endpoint_protocol_of_request(const struct http_request *http, struct err *err)
{
	struct str text = http_header(http, ENDPOINT_PROTOCOL_HEADER);
	uint64_t given = 1;
	if (text.p != NULL && !str_parse_u64(text, 0, INT32_MAX, &given))
		return err_set(err, -EINVAL, "endpoint.protocol_malformed");
	return endpoint_protocol_check((int64_t)given, ENDPOINT_PROTOCOL, err);
}

static void snapshot_changed(const struct service_context *sc)
{
	if (sc->snapshot_changed != NULL)
		sc->snapshot_changed(sc->snapshot_changed_ctx);
}

int endpoint_agent_ca(struct api_request *req, struct http_response *res, struct err *err)
{
	(void)api_reply_empty(res, 200);
	res->content_type = "application/x-pem-file";
	return req->service->keys->ca_pem(req->service->keys->ctx, &res->body, err);
}

/* ---- enrolment ---- */

struct enrolment {
	struct api_request *req;
	const struct endpoint_enrol_body *body;
	unsigned char token_hash[SHA256_SIZE];
	struct uuid token_id, unit_id;
	struct endpoint_new machine;
	struct endpoint_policy policy;
	struct crypto_cert_info certificate;
};

static int check_token(struct db_tx *tx, void *ctx, struct err *err)
{
	struct enrolment *e = ctx;
	int r = endpoint_db_token_check(tx, e->token_hash, api_now(e->req), &e->token_id, &e->unit_id, err);
	return r < 0 ? r : endpoint_db_policy(tx, e->req->arena, &e->policy, err);
}

/* Token, machine and certificate in one transaction: all or nothing, and a token's last use is taken by one only. */
static int write_enrolment(struct db_tx *tx, void *ctx, struct err *err)
{
	struct enrolment *e = ctx;
	usec_t now = api_now(e->req);
	int r = endpoint_db_token_take(tx, e->token_hash, now, err);
	if (r >= 0)
		r = endpoint_db_insert(tx, &e->machine, now, err);
	if (r >= 0)
		r = endpoint_db_certificate_insert(tx, &e->machine.id, &e->certificate, now, err);
	if (r >= 0)
		r = endpoint_db_timeline_add(tx, &e->machine.id, now, "enrolled", STR("{}"), err);
	if (r >= 0)
		r = endpoint_emit_changed(tx, &e->machine.id, &e->unit_id, e->machine.hostname,
		                          (struct endpoint_judgement){ENDPOINT_STATE_UNPROTECTED, "no_bundle"}, err);
	if (r >= 0)
		r = endpoint_audit(tx, e->req, "endpoint.enrol", &e->machine.id, &e->unit_id, e->machine.hostname, err);
	return r;
}

struct refusal {
	struct api_request *req;
	const struct err *reason;
	struct str hostname;
	const struct uuid *unit_id;
};

static int write_refusal(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct refusal *f = ctx;
	cleanup_buf struct buf text = BUF_INIT(1024);
	buf_printf(&text, "%s %.*s", f->reason->key, STR_FMT(f->hostname));
	return endpoint_audit(tx, f->req, "endpoint.enrol_refused", NULL, f->unit_id, buf_str(&text), err);
}

static int enrol(struct enrolment *e, struct buf *ret_certificate, struct err *err)
{
	struct api_request *req = e->req;
	char id[UUID_TEXT_SIZE];
	int r = endpoint_token_hash(e->body->token, e->token_hash, err);
	if (r >= 0)
		r = db_read(req->service->db, check_token, e, err);
	if (r < 0)
		return r;
	e->machine = (struct endpoint_new){.id = uuid_new(), .unit_id = e->unit_id, .hostname = e->body->hostname,
	                                   .agent_version = e->body->agent_version,
	                                   .machine_key = endpoint_machine_key(req->arena, e->body->machine)};
	endpoint_describe(req->arena, e->body->machine, &e->machine.description);
	usec_t not_after = api_now(req) + e->policy.certificate_days * USEC_PER_DAY;
	const struct service_keys *keys = req->service->keys;
	r = keys->sign_csr(keys->ctx, e->body->csr, uuid_text(&e->machine.id, id), true, NULL, not_after, ret_certificate, err);
	if (r >= 0)
		r = crypto_cert_info(buf_str(ret_certificate), &e->certificate, err);
	return r < 0 ? r : db_write(req->service->db, write_enrolment, e, err);
}

int endpoint_agent_enrol(struct api_request *req, struct http_response *res, struct err *err)
{
	struct enrolment e = {.req = req, .body = req->fields};
	cleanup_buf struct buf certificate = BUF_INIT((size_t)64 << 10), ca = BUF_INIT((size_t)64 << 10);
	struct err problem = {.code = 0};
	int r = enrol(&e, &certificate, &problem);
	if (r >= 0)
		r = req->service->keys->ca_pem(req->service->keys->ctx, &ca, &problem);
	if (r < 0) {
		struct refusal refusal = {req, &problem, e.body->hostname, uuid_is_null(&e.unit_id) ? NULL : &e.unit_id};
		struct err second = {.code = 0};
		if (db_write(req->service->db, write_refusal, &refusal, &second) < 0)
			log_err(LOG_LEVEL_ERROR, "refused enrolment could not be audited", &second);
		if (err != NULL)
			*err = problem;
		return r;
	}
	outbox_wake(req->service);
	snapshot_changed(req->service);
	struct json_writer w = api_reply(res, 201);
	json_object(&w);
	api_member_uuid(&w, "endpoint_id", &e.machine.id);
	json_member_str(&w, "certificate", buf_str(&certificate));
	json_member_str(&w, "ca", buf_str(&ca));
	json_member_int(&w, "interval_s", e.policy.checkin_interval / USEC_PER_SEC);
	json_object_end(&w);
	return 0;
}

/* ---- check-in ---- */

struct checkin {
	struct api_request *req;
	struct endpoint_report report;
	struct endpoint_identity identity;
	struct endpoint_policy policy;
	struct endpoint_plan plan;
	struct buf commands;
	unsigned command_count;
	struct endpoint_isolation isolation;
	bool windows;
};

static int read_checkin(struct db_tx *tx, void *ctx, struct err *err)
{
	struct checkin *c = ctx;
	struct endpoint_row row;
	usec_t now = api_now(c->req);
	int r = endpoint_authenticate(tx, c->req->http->client_cert_der, now, &c->identity, err);
	if (r >= 0)
		r = endpoint_db_policy(tx, c->req->arena, &c->policy, err);
	if (r >= 0)
		r = endpoint_db_get(tx, c->req->arena, &c->identity.id, &row, err);
	if (r < 0)
		return r;
	c->windows = str_starts_with(row.os, STR("windows")) || str_starts_with(row.os, STR("Windows"));
	c->plan = endpoint_plan_checkin(&row, &c->policy, &c->report, now);
	if (row.isolation == ENDPOINT_ISOLATION_NONE)
		return 0;
	struct endpoint_isolation_word word;
	endpoint_isolation_read_word(c->req->arena, c->report.isolation, &word);
	r = endpoint_db_isolation(tx, c->req->arena, &row.id, &c->isolation, err);
	c->plan.write |= r > 0 && endpoint_isolation_has_news(&c->isolation, &word, now);
	return r < 0 ? r : 0;
}

static int write_checkin(struct db_tx *tx, void *ctx, struct err *err)
{
	struct checkin *c = ctx;
	return endpoint_report_apply(tx, c->req->arena, &c->identity.id, &c->policy, &c->report, api_now(c->req), &c->plan,
	                             err);
}

/* After the answers are taken in, so that an answered command is not handed out again. */
static int read_commands(struct db_tx *tx, void *ctx, struct err *err)
{
	struct checkin *c = ctx;
	int r = 0;
	buf_clear(&c->commands);
	struct json_writer w = json_writer_init(&c->commands);
	if (c->isolation.state != ENDPOINT_ISOLATION_NONE)
		r = endpoint_db_isolation(tx, c->req->arena, &c->identity.id, &c->isolation, err);
	return r < 0 ? r : endpoint_db_commands(tx, &c->identity.id, &w, &c->command_count, err);
}

/* What leaves the house can no longer be taken back, and what was taken back meanwhile does not leave it. */
static int hand_out_commands(struct db_tx *tx, void *ctx, struct err *err)
{
	struct checkin *c = ctx;
	int r = read_commands(tx, ctx, err);
	return r < 0 ? r : endpoint_db_commands_fetched(tx, &c->identity.id, api_now(c->req), err);
}

/* Older agents know nothing of canaries, so they are not waited for. */
static int64_t canary_of(const struct checkin *c)
{
	const struct service_context *sc = c->req->service;
	return sc->canary != NULL ? sc->canary(sc->canary_ctx, &c->identity.id, &c->identity.unit_id, c->report.sings) : 0;
}

static void write_bundle(struct json_writer *w, const struct checkin *c)
{
	const struct endpoint_policy *p = &c->policy;
	bool tries = p->trial.version > p->bundle.version && endpoint_in_trial(&c->identity.id, p->trial.version, p->trial_permille);
	const struct endpoint_bundle *b = tries ? &p->trial : &p->bundle;
	json_name(w, "bundle");
	if (b->version == 0) {
		json_null(w);
		return;
	}
	json_object(w);
	json_member_int(w, "version", b->version);
	json_member_str(w, "sha256", b->sha256);
	json_member_int(w, "size_bytes", b->size_bytes);
	if (b->manifest_sha256.n > 0)
		json_member_str(w, "manifest_sha256", b->manifest_sha256);
	if (p->bundle_keys > 0)
		json_member_int(w, "keys", p->bundle_keys);
	json_object_end(w);
}

static void write_desired(struct json_writer *w, const struct checkin *c)
{
	const struct endpoint_policy *p = &c->policy;
	json_object(w);
	json_member_int(w, "interval_s", p->checkin_interval / USEC_PER_SEC);
	json_member_bool(w, "want_inventory", c->plan.want_inventory);
	write_bundle(w, c);
	json_member_bool(w, "site_sharing", p->site_sharing);
	json_name(w, "watch_paths");
	json_raw(w, p->watch_paths_json[c->windows]);
	json_name(w, "excluded_paths");
	json_raw(w, p->excluded_paths_json[c->windows]);
	json_name(w, "commands");
	json_raw(w, buf_str(&c->commands));
	json_member_int(w, "canary_s", canary_of(c));
	endpoint_isolation_write_desired(w, &c->isolation, api_now(c->req));
	api_member_time(w, "time", api_now(c->req));
	json_object_end(w);
}

int endpoint_agent_checkin(struct api_request *req, struct http_response *res, struct err *err)
{
	struct checkin c = {.req = req, .commands = BUF_INIT((size_t)1 << 20)};
	const struct endpoint_checkin_body *body = req->fields;
	int r = endpoint_protocol_check(body->protocol, ENDPOINT_PROTOCOL, err);
	if (r >= 0)
		r = endpoint_report_read(req->arena, req->body, &c.report, err);
	if (r >= 0)
		r = db_read(req->service->db, read_checkin, &c, err);
	/* Most check-ins say nothing new and write nothing. */
	if (r >= 0 && c.plan.write) {
		r = db_write(req->service->db, write_checkin, &c, err);
		if (r >= 0 && (c.plan.state_changed || c.report.answer_count > 0 || c.isolation.state != ENDPOINT_ISOLATION_NONE))
			outbox_wake(req->service);
	}
	if (r >= 0)
		r = db_read(req->service->db, read_commands, &c, err);
	if (r >= 0 && c.command_count > 0)
		r = db_write(req->service->db, hand_out_commands, &c, err);
	if (r >= 0) {
		struct json_writer w = api_reply(res, 200);
		write_desired(&w, &c);
	}
	buf_done(&c.commands);
	return r;
}

/* ---- renewal ---- */

struct renewal {
	struct api_request *req;
	struct endpoint_identity identity;
	struct endpoint_policy policy;
	struct crypto_cert_info certificate;
};

static int read_renewal(struct db_tx *tx, void *ctx, struct err *err)
{
	struct renewal *n = ctx;
	int r = endpoint_authenticate(tx, n->req->http->client_cert_der, api_now(n->req), &n->identity, err);
	return r < 0 ? r : endpoint_db_policy(tx, n->req->arena, &n->policy, err);
}

static int write_renewal(struct db_tx *tx, void *ctx, struct err *err)
{
	struct renewal *n = ctx;
	struct endpoint_identity again;
	usec_t now = api_now(n->req);
	/* Retired between reading and writing: the new certificate must not count. */
	int r = endpoint_authenticate(tx, n->req->http->client_cert_der, now, &again, err);
	if (r >= 0)
		r = endpoint_db_certificate_insert(tx, &n->identity.id, &n->certificate, now, err);
	if (r >= 0)
		r = endpoint_db_timeline_add(tx, &n->identity.id, now, "renewed", STR("{}"), err);
	if (r >= 0)
		r = endpoint_audit(tx, n->req, "endpoint.renew", &n->identity.id, &n->identity.unit_id,
		                   str_c(n->identity.hostname), err);
	return r;
}

int endpoint_agent_renew(struct api_request *req, struct http_response *res, struct err *err)
{
	struct renewal n = {.req = req};
	const struct endpoint_renew_body *body = req->fields;
	const struct service_keys *keys = req->service->keys;
	cleanup_buf struct buf certificate = BUF_INIT((size_t)64 << 10);
	char id[UUID_TEXT_SIZE];
	int r = db_read(req->service->db, read_renewal, &n, err);
	if (r < 0)
		return r;
	usec_t not_after = api_now(req) + n.policy.certificate_days * USEC_PER_DAY;
	r = keys->sign_csr(keys->ctx, body->csr, uuid_text(&n.identity.id, id), true, NULL, not_after, &certificate, err);
	if (r >= 0)
		r = crypto_cert_info(buf_str(&certificate), &n.certificate, err);
	if (r >= 0)
		r = db_write(req->service->db, write_renewal, &n, err);
	if (r < 0)
		return r;
	snapshot_changed(req->service);
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_str(&w, "certificate", buf_str(&certificate));
	json_object_end(&w);
	return 0;
}
