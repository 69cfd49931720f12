/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Routes of bundles: release, rollout, files for people and for machines. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "engine/distribution/distribution.h"
#include "engine/malware/malware_bundle.h"
#include "engine/malware/malware_keys.h"
#include "platform/job/job.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection_http.h"

const struct json_field protection_reason_fields[] = {
	{"reason", JSON_FIELD_STR, offsetof(struct protection_reason_body, reason), true, 1, 1000},
	{.name = NULL},
};

const struct json_field protection_release_fields[] = {
	{"note", JSON_FIELD_STR, offsetof(struct protection_release_body, note), false, 0, 1000},
	{"yara", JSON_FIELD_STR, offsetof(struct protection_release_body, yara), false, 0, (int64_t)PROTECTION_UPLOAD_MAX},
	{"hashes_csv", JSON_FIELD_STR, offsetof(struct protection_release_body, hashes_csv), false, 0, (int64_t)PROTECTION_UPLOAD_MAX},
	{"at_once", JSON_FIELD_BOOL, offsetof(struct protection_release_body, at_once)},
	{.name = NULL},
};

/* Outlives the request. */
struct release_job {
	const struct service_context *sc;
	struct arena *arena;
	struct access access;
	struct protection_release release;
};

static int run_release(struct job *job, void *ctx, struct err *err)
{
	(void)job;
	const struct release_job *j = ctx;
	int64_t version = 0;
	int r = protection_release_bundle(j->sc, &j->access, &j->release, &version, err);
	if (r < 0)
		log_err(LOG_LEVEL_ERROR, "signature bundle could not be released", err);
	return r;
}

static void end_release(void *ctx)
{
	struct release_job *j = ctx;
	arena_free(j->arena);
	mem_free(j);
}

/* A bundle goes to every machine of the city: the right over one unit is not enough. */
static int check_release(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct uuid whole = {.b = {0}};
	return api_require_unit(tx, ctx, "protection.release", &whole, err);
}

int protection_bundle_create(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct protection_release_body *body = req->fields;
	if (req->service->jobs == NULL)
		return err_set(err, -EAGAIN, "protection.no_jobs");
	int r = db_read(req->service->db, check_release, req, err);
	if (r < 0)
		return r;
	struct release_job *j = MEM_NEW(struct release_job);
	j->sc = req->service;
	j->arena = arena_new(4 * PROTECTION_UPLOAD_MAX);
	j->access = *req->access;
	j->access.name = arena_str(j->arena, req->access->name);
	j->access.peer = arena_str(j->arena, req->access->peer);
	j->release = (struct protection_release){.note = arena_str(j->arena, body->note),
	                                         .yara = arena_str(j->arena, body->yara),
	                                         .hashes_csv = arena_str(j->arena, body->hashes_csv),
	                                         .at_once = body->at_once,
	                                         .author = j->access.name};
	struct uuid id = job_start(req->service->jobs, "bundle", run_release, j, end_release);
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	api_member_uuid(&w, "job_id", &id);
	json_object_end(&w);
	return 0;
}

/* ---- files ---- */

struct fetch {
	struct api_request *req;
	int64_t version;
	struct protection_bundle bundle;
};

static int read_bundle(struct db_tx *tx, struct fetch *f, struct err *err)
{
	int r = protection_db_bundle_get(tx, f->version, &f->bundle, err);
	return r == 0 ? err_set(err, -ENOENT, "protection.no_such_bundle") : r;
}

static int read_for_agent(struct db_tx *tx, void *ctx, struct err *err)
{
	struct fetch *f = ctx;
	struct endpoint_identity identity;
	int r = endpoint_authenticate(tx, f->req->http->client_cert_der, api_now(f->req), &identity, err);
	return r < 0 ? r : read_bundle(tx, f, err);
}

static int read_for_person(struct db_tx *tx, void *ctx, struct err *err)
{
	struct fetch *f = ctx;
	int r = check_release(tx, f->req, err);
	return r < 0 ? r : read_bundle(tx, f, err);
}

static int find(struct fetch *f, db_fn read, struct err *err)
{
	if (!str_parse_i64(http_param(f->req->http, "version"), 1, INT64_MAX, &f->version))
		return err_set(err, -ENOENT, "protection.no_such_bundle");
	return db_read(f->req->service->db, read, f, err);
}

static int send_file(struct http_response *res, const char *path, struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? err_set(err, -ENOENT, "protection.no_such_bundle") : err_errno(err, errno, "open", str_c(path));
	(void)api_reply_empty(res, 200);
	res->content_type = "application/octet-stream";
	res->file_size_bytes = (uint64_t)st.st_size;
	res->file_fd = file_take(&fd);
	return 0;
}

/* Whole, in format 1: agents of protocol 1. */
int protection_agent_bundle(struct api_request *req, struct http_response *res, struct err *err)
{
	struct fetch f = {.req = req};
	cleanup_buf struct buf path = BUF_INIT(4096);
	int r = find(&f, read_for_agent, err);
	if (r < 0)
		return r;
	protection_bundle_path(req->service, f.bundle.sha256, &path);
	return send_file(res, path.p, err);
}

int protection_bundle_export(struct api_request *req, struct http_response *res, struct err *err)
{
	struct fetch f = {.req = req};
	cleanup_buf struct buf path = BUF_INIT(4096);
	int r = find(&f, read_for_person, err);
	if (r < 0)
		return r;
	protection_bundle_path(req->service, f.bundle.container_sha256[0] != '\0' ? f.bundle.container_sha256 : f.bundle.sha256, &path);
	r = send_file(res, path.p, err);
	if (r >= 0)
		http_response_header(res, "Content-Disposition",
		                     arena_printf(req->arena, "attachment; filename=\"luytre-signatures-%lld.ltbundle\"", (long long)f.version).p);
	return r;
}

#define HEAD_LIMIT ((size_t)9 << 20)

/* The signed head: small, and only for machines of ours. Who has it can name the chunks. */
int protection_agent_head(struct api_request *req, struct http_response *res, struct err *err)
{
	struct fetch f = {.req = req};
	cleanup_buf struct buf path = BUF_INIT(4096);
	int r = find(&f, read_for_agent, err);
	if (r >= 0 && f.bundle.manifest_sha256[0] == '\0')
		r = err_set(err, -ENOENT, "protection.no_such_bundle");
	if (r < 0)
		return r;
	buf_printf(&path, "%s/bundles/%s.head", req->service->data_dir, f.bundle.manifest_sha256);
	return send_file(res, path.p, err);
}

/* A chunk is known by the SHA-256 of its bytes, which only a head tells: a plain file that every cache may keep for ever. */
int protection_agent_chunk(struct api_request *req, struct http_response *res, struct err *err)
{
	cleanup_buf struct buf dir = BUF_INIT(4096), path = BUF_INIT(4096);
	protection_chunks_dir(req->service, &dir);
	if (!distribution_path(dir.p, http_param(req->http, "name"), &path))
		return err_set(err, -ENOENT, "protection.no_such_chunk");
	int r = send_file(res, path.p, err);
	if (r >= 0)
		http_response_header(res, "Cache-Control", "public, max-age=31536000, immutable");
	return r;
}

int protection_agent_bundle_keys(struct api_request *req, struct http_response *res, struct err *err)
{
	cleanup_buf struct buf dir = BUF_INIT(4096), path = BUF_INIT(4096);
	uint64_t number;
	if (!str_parse_u64(http_param(req->http, "number"), 1, MALWARE_KEYS_LISTS, &number))
		return err_set(err, -ENOENT, "protection.no_such_keys");
	buf_printf(&dir, "%s/bundles", req->service->data_dir);
	malware_keys_path(dir.p, number, &path);
	int r = send_file(res, path.p, err);
	return r == -ENOENT ? err_set(err, -ENOENT, "protection.no_such_keys") : r;
}

int protection_agent_bundle_key(struct api_request *req, struct http_response *res, struct err *err)
{
	(void)api_reply_empty(res, 200);
	res->content_type = "application/x-pem-file";
	return req->service->keys->bundle_public_pem(req->service->keys->ctx, &res->body, err);
}


/* ---- rollout ---- */

struct order {
	struct api_request *req;
	int64_t version;
	enum rollout_step step;
};

static int write_order(struct db_tx *tx, void *ctx, struct err *err)
{
	struct order *o = ctx;
	const struct protection_reason_body *body = o->req->fields;
	int r = check_release(tx, o->req, err);
	return r < 0 ? r : protection_rollout_order(tx, o->req->service, o->req->access, o->version, o->step, body->reason, err);
}

static int order(struct api_request *req, struct http_response *res, enum rollout_step step, struct err *err)
{
	struct order o = {.req = req, .step = step};
	if (!str_parse_i64(http_param(req->http, "version"), 1, INT64_MAX, &o.version))
		return err_set(err, -ENOENT, "protection.no_such_bundle");
	int r = api_typed_text(req, &((struct protection_reason_body *)req->fields)->reason, err);
	if (r >= 0)
		r = db_write(req->service->db, write_order, &o, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return api_reply_empty(res, 204);
}

int protection_bundle_halt(struct api_request *req, struct http_response *res, struct err *err)
{
	return order(req, res, ROLLOUT_HALT, err);
}

int protection_bundle_resume(struct api_request *req, struct http_response *res, struct err *err)
{
	return order(req, res, ROLLOUT_RESUME, err);
}

int protection_bundle_finish(struct api_request *req, struct http_response *res, struct err *err)
{
	return order(req, res, ROLLOUT_FINISH, err);
}

static int look_release(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	static const struct uuid whole = {.b = {0}};
	const struct protection_release_body *body = req->fields;
	int r = check_release(tx, req, err);
	if (r >= 0)
		*ret = (struct service_deed){true, "bundle", whole, whole, arena_str(req->arena, str_sub(body->note, 0, 200))};
	return r;
}

const struct service_four_eyes protection_eyes_release = {"bundle.release", look_release};
