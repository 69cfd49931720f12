/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Archives: uploaded or fetched, compared, put in force, taken back. */
#include "base/file/file.h"
#include "base/log/log.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/rule/rule_archive.h"

#define FETCH_EVERY USEC_PER_DAY
#define DUE_MOST 16

const struct json_field rule_archive_fields[] = {
	{"name", JSON_FIELD_STR, offsetof(struct rule_archive_body, name), true, 1, RULE_NAME_MAX},
	{"url", JSON_FIELD_STR, offsetof(struct rule_archive_body, url), true, 1, 1000},
	{"keep_updated", JSON_FIELD_BOOL, offsetof(struct rule_archive_body, keep_updated)},
	{.name = NULL},
};
const struct json_field rule_archive_change_fields[] = {
	{"url", JSON_FIELD_STR, offsetof(struct rule_archive_body, url), false, 0, 1000},
	{.name = "keep_updated", .type = JSON_FIELD_BOOL, .offset = offsetof(struct rule_archive_body, keep_updated),
	 .present_offset = offsetof(struct rule_archive_body, has_keep) + 1},
	{.name = NULL},
};
const struct json_field rule_apply_fields[] = {
	{"edition_id", JSON_FIELD_UUID, offsetof(struct rule_apply_body, edition_id), true},
	{.name = NULL},
};

static int audit_archive(struct db_tx *tx, const struct api_request *req, const char *action, const struct uuid *id, struct str name,
                         struct str label, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)16 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "name", name);
	json_member_str(&w, "edition", label);
	json_object_end(&w);
	const struct audit_entry e = {.action = action, .object_type = "rule_archive", .object_id = *id, .details = buf_str(&details)};
	return audit_write(tx, req->access, api_now(req), &e, err);
}

struct listing {
	struct api_request *req;
	struct http_response *res;
};

static int list(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct listing *l = ctx;
	buf_clear(&l->res->body);
	struct json_writer w = api_reply(l->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	int r = rule_db_archive_list(tx, l->req, &w, err);
	json_array_end(&w);
	json_object_end(&w);
	return r;
}

int rule_get_archives(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, list, &(struct listing){req, res}, err);
}

/* ---- jobs: they outlive the request ---- */

struct bringing {
	const struct service_context *sc;
	struct arena *arena;
	struct rule_import import;
	struct buf bytes;
	struct str url, etag; /* url empty: the bytes are here */
};

static int run_import(struct job *job, void *ctx, struct err *err)
{
	struct bringing *b = ctx;
	bool unchanged = false;
	(void)job;
	int r = 0;
	if (b->url.n > 0) {
		struct err own = {0};
		r = rule_fetch(b->sc, b->arena, b->url, b->etag, &b->bytes, &b->import.etag, &unchanged, &own);
		if (r < 0) {
			rule_archive_failed(b->sc, &b->import.archive_id, &own);
			if (err != NULL)
				*err = own;
			return r;
		}
	}
	return unchanged ? rule_archive_unchanged(b->sc, &b->import.archive_id, err) : rule_archive_import(b->sc, &b->import, buf_str(&b->bytes), err);
}

static void end_import(void *ctx)
{
	struct bringing *b = ctx;
	arena_free(b->arena);
	buf_done(&b->bytes);
	mem_free(b);
}

static struct bringing *new_import(const struct service_context *sc, const struct access *access, const struct uuid *archive_id, struct str file,
                                   struct str label)
{
	struct bringing *b = MEM_NEW(struct bringing);
	b->sc = sc;
	b->arena = arena_new((size_t)16 << 20);
	b->bytes = BUF_INIT(RULEBOOK_FILE_MAX);
	b->import = (struct rule_import){.archive_id = *archive_id, .file = arena_str(b->arena, file), .label = arena_str(b->arena, label), .access = *access};
	b->import.access.name = arena_str(b->arena, access->name);
	b->import.access.peer = arena_str(b->arena, access->peer);
	return b;
}

static int answer_job(struct http_response *res, const struct uuid *job, const struct uuid *archive)
{
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	api_member_uuid(&w, "job_id", job);
	api_member_uuid(&w, "archive_id", archive);
	json_object_end(&w);
	return 0;
}

/* ---- uploads ---- */

struct receiving {
	struct api_request *req;
	struct rule_archive archive;
	struct str name, url, label;
	bool keep_updated;
	bool must_be_new;
};

static int find_or_make(struct db_tx *tx, void *ctx, struct err *err)
{
	struct receiving *x = ctx;
	int r = rule_require_write(tx, x->req, err);
	if (r >= 0)
		r = rule_db_archive_find(tx, x->req->arena, x->name, &x->archive, err);
	if (r > 0 && x->must_be_new)
		return err_set(err, -EEXIST, "rule.archive_there", ARG_STR("name", x->name));
	if (r == 0) {
		x->archive = (struct rule_archive){.id = uuid_new(), .name = x->name, .url = x->url, .keep_updated = x->keep_updated};
		r = rule_db_archive_insert(tx, &x->archive, x->req->access->name, api_now(x->req), err);
	}
	return r < 0 ? r : audit_archive(tx, x->req, "rule.archive_received", &x->archive.id, x->name, x->label, err);
}

/* "sigma_all_rules.zip" is an archive "sigma_all_rules". */
static struct str stem(struct str file)
{
	static const struct str ends[] = {STR(".tar.gz"), STR(".tar.zst"), STR(".tgz"), STR(".zip"), STR(".yml"), STR(".yaml"), STR(".tar")};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (str_ends_with(file, ends[i]))
			return str_sub(file, 0, file.n - ends[i].n);
	return file;
}

int rule_post_upload(struct api_request *req, struct http_response *res, struct err *err)
{
	struct str file = http_query(req->http, "file");
	struct receiving x = {.req = req, .name = http_query(req->http, "name"), .label = http_query(req->http, "label"), .url = STR("")};
	if (file.n == 0)
		file = STR("rules.yml");
	if (x.name.n == 0)
		x.name = stem(file);
	if (x.label.n == 0)
		x.label = file;
	if (x.name.n == 0 || x.name.n > RULE_NAME_MAX || x.label.n > 200 || file.n > 200)
		return err_set(err, -EINVAL, "rule.archive_name", ARG_U64("limit", RULE_NAME_MAX));
	if (req->http->body.n == 0)
		return err_set(err, -EINVAL, "rule.empty_file");
	if (req->service->jobs == NULL)
		return err_set(err, -EAGAIN, "api.no_worker");
	int r = api_typed_text(req, &x.name, err);
	if (r >= 0)
		r = api_typed_text(req, &x.label, err);
	if (r >= 0)
		r = db_write(req->service->db, find_or_make, &x, err);
	if (r < 0)
		return r;
	struct bringing *b = new_import(req->service, req->access, &x.archive.id, file, x.label);
	buf_append(&b->bytes, req->http->body);
	struct uuid job = job_start(req->service->jobs, "rule_import", run_import, b, end_import);
	return answer_job(res, &job, &x.archive.id);
}

/* ---- addresses ---- */

static struct uuid start_fetch(const struct service_context *sc, const struct access *access, const struct rule_archive *a)
{
	struct str rest = a->url, part, last = STR("archive");
	char label[32];
	struct clock_date d = clock_civil(sc->now(), CLOCK_VN_OFFSET_USEC);
	while (str_split(&rest, '/', &part))
		if (part.n > 0)
			last = part;
	struct buf text = BUF_FIXED(label, sizeof label);
	buf_printf(&text, "%04d-%02u-%02u", d.year, d.month, d.day);
	struct bringing *b = new_import(sc, access, &a->id, str_sub(last, 0, 200), buf_str(&text));
	b->url = arena_str(b->arena, a->url);
	/* What waits came after what is in force: its tag is the one to ask with. */
	b->etag = arena_str(b->arena, a->etag);
	return job_start(sc->jobs, "rule_fetch", run_import, b, end_import);
}

int rule_post_archive(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct rule_archive_body *body = req->fields;
	struct receiving x = {.req = req, .name = body->name, .url = body->url, .keep_updated = body->keep_updated, .must_be_new = true,
	                      .label = body->url};
	int r = rule_check_write(req, err);
	if (r >= 0 && req->service->jobs == NULL)
		r = err_set(err, -EAGAIN, "api.no_worker");
	if (r >= 0)
		r = rule_url_check(body->url, err);
	if (r >= 0)
		r = api_typed_text(req, &x.name, err);
	if (r >= 0)
		r = db_write(req->service->db, find_or_make, &x, err);
	if (r < 0)
		return r;
	struct uuid job = start_fetch(req->service, req->access, &x.archive);
	return answer_job(res, &job, &x.archive.id);
}

struct one {
	struct api_request *req;
	struct rule_archive archive;
	struct rule_edition edition;
	struct buf bytes;
};

static int get_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	int r = rule_require_write(tx, o->req, err);
	return r < 0 ? r : rule_db_archive_get(tx, o->req->arena, &o->archive.id, &o->archive, err);
}

int rule_post_fetch(struct api_request *req, struct http_response *res, struct err *err)
{
	struct one o = {.req = req};
	int r = api_param_uuid(req, "id", &o.archive.id, err);
	if (r >= 0)
		r = db_read(req->service->db, get_one, &o, err);
	if (r >= 0 && o.archive.url.n == 0)
		r = err_set(err, -EBUSY, "rule.no_url");
	if (r >= 0 && req->service->jobs == NULL)
		r = err_set(err, -EAGAIN, "api.no_worker");
	if (r < 0)
		return r;
	struct uuid job = start_fetch(req->service, req->access, &o.archive);
	return answer_job(res, &job, &o.archive.id);
}

static int change(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	const struct rule_archive_body *body = o->req->fields;
	int r = get_one(tx, o, err);
	if (r >= 0)
		r = api_if_match(o->req, o->archive.version, err);
	if (r < 0)
		return r;
	if (body->url.p != NULL) {
		if (!str_eq(o->archive.url, body->url))
			o->archive.etag = STR("");
		o->archive.url = body->url;
	}
	if (body->has_keep)
		o->archive.keep_updated = body->keep_updated;
	r = rule_db_archive_update(tx, &o->archive, err);
	if (r >= 0)
		r = audit_archive(tx, o->req, "rule.archive_changed", &o->archive.id, o->archive.name, STR(""), err);
	return r < 0 ? r : rule_emit(tx, "archive", err);
}

int rule_patch_archive(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct rule_archive_body *body = req->fields;
	struct one o = {.req = req};
	int r = api_param_uuid(req, "id", &o.archive.id, err);
	if (r >= 0 && body->url.n > 0)
		r = rule_url_check(body->url, err);
	if (r >= 0)
		r = db_write(req->service->db, change, &o, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_get_archives(req, res, err);
}

static int remove_archive(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	int r = get_one(tx, o, err);
	if (r >= 0)
		r = api_if_match(o->req, o->archive.version, err);
	if (r >= 0)
		r = rule_db_archive_remove(tx, &o->archive.id, err);
	if (r >= 0)
		r = audit_archive(tx, o->req, "rule.archive_removed", &o->archive.id, o->archive.name, STR(""), err);
	if (r >= 0)
		r = rule_db_touch(tx, api_now(o->req), err);
	return r < 0 ? r : rule_emit(tx, "archive", err);
}

int rule_delete_archive(struct api_request *req, struct http_response *res, struct err *err)
{
	struct one o = {.req = req};
	int r = api_param_uuid(req, "id", &o.archive.id, err);
	if (r >= 0)
		r = db_write(req->service->db, remove_archive, &o, err);
	if (r < 0)
		return r;
	const struct uuid editions[] = {o.archive.edition_id, o.archive.former_id, o.archive.waiting_id};
	for (size_t i = 0; i < ARRAY_LEN(editions); i++) {
		cleanup_buf struct buf path = BUF_INIT(4096);
		rule_edition_path(req->service, &editions[i], &path);
		if (!uuid_is_null(&editions[i]))
			(void)!file_remove(path.p, NULL);
	}
	outbox_wake(req->service);
	return api_reply_empty(res, 204);
}

/* ---- putting in force ---- */

static int apply(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	struct rule_archive now;
	int r = rule_require_write(tx, o->req, err);
	if (r >= 0)
		r = rule_db_archive_get(tx, o->req->arena, &o->archive.id, &now, err);
	/* Somebody else may have put another one in force since the edition was read. */
	if (r >= 0 && now.version != o->archive.version)
		r = err_set(err, -ESTALE, "api.stale");
	struct rule_applying x = {.sc = o->req->service, .archive = now, .edition_id = o->edition.id, .bytes = buf_str(&o->bytes),
	                          .by = o->req->access->name};
	if (r >= 0)
		r = rule_archive_apply(tx, &x, err);
	return r < 0 ? r : audit_archive(tx, o->req, "rule.archive_applied", &now.id, now.name, o->edition.label, err);
}

static int get_edition(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	struct uuid wanted = o->edition.id;
	int r = get_one(tx, o, err);
	if (r < 0)
		return r;
	if (uuid_is_null(&wanted))
		wanted = o->archive.former_id;
	if (uuid_is_null(&wanted))
		return err_set(err, -EBUSY, "rule.no_former");
	r = rule_db_edition_get(tx, o->req->arena, &wanted, &o->edition, err);
	return r >= 0 && !uuid_eq(&o->edition.archive_id, &o->archive.id) ? err_set(err, -ENOENT, "rule.no_edition") : r;
}

/* `edition` null: the former one. */
static int put_in_force(struct api_request *req, struct http_response *res, struct uuid edition, struct err *err)
{
	struct one o = {.req = req, .edition = {.id = edition}, .bytes = BUF_INIT((size_t)128 << 20)};
	int r = api_param_uuid(req, "id", &o.archive.id, err);
	if (r >= 0)
		r = db_read(req->service->db, get_edition, &o, err);
	if (r >= 0)
		r = rule_edition_read(req->service, &o.edition.id, &o.bytes, err);
	if (r >= 0)
		r = db_write(req->service->db, apply, &o, err);
	buf_done(&o.bytes);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_get_archives(req, res, err);
}

int rule_post_apply(struct api_request *req, struct http_response *res, struct err *err)
{
	return put_in_force(req, res, ((const struct rule_apply_body *)req->fields)->edition_id, err);
}

int rule_post_back(struct api_request *req, struct http_response *res, struct err *err)
{
	return put_in_force(req, res, (struct uuid){.b = {0}}, err);
}

static int discard(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	int r = get_one(tx, o, err);
	if (r < 0)
		return r;
	if (uuid_is_null(&o->archive.waiting_id))
		return err_set(err, -ENOENT, "rule.nothing_waits");
	o->archive.waiting_id = (struct uuid){.b = {0}};
	r = rule_db_archive_update(tx, &o->archive, err);
	if (r >= 0)
		r = audit_archive(tx, o->req, "rule.archive_discarded", &o->archive.id, o->archive.name, STR(""), err);
	return r < 0 ? r : rule_emit(tx, "archive", err);
}

int rule_post_discard(struct api_request *req, struct http_response *res, struct err *err)
{
	struct one o = {.req = req};
	int r = api_param_uuid(req, "id", &o.archive.id, err);
	if (r >= 0)
		r = db_write(req->service->db, discard, &o, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_get_archives(req, res, err);
}

/* ---- what is kept up to date ---- */

struct due {
	const struct service_context *sc;
	struct arena *arena;
	struct uuid ids[DUE_MOST];
	struct rule_archive list[DUE_MOST];
	size_t count;
};

/* Marked as looked at before the fetch, so that a bad address is asked once a day and not twice a minute. */
static int take_due(struct db_tx *tx, void *ctx, struct err *err)
{
	struct due *d = ctx;
	usec_t now = d->sc->now();
	int r = rule_db_archives_due(tx, now - FETCH_EVERY, d->ids, DUE_MOST, &d->count, err);
	for (size_t i = 0; r >= 0 && i < d->count; i++) {
		r = rule_db_archive_get(tx, d->arena, &d->ids[i], &d->list[i], err);
		d->list[i].checked_at = now;
		if (r >= 0)
			r = rule_db_archive_update(tx, &d->list[i], err);
	}
	return r;
}

int rule_archives_tick(const struct service_context *sc, struct err *err)
{
	static const struct access self = {.kind = ACCESS_SYSTEM, .name = {"luytre", 6}};
	cleanup(arena) struct arena *arena = arena_new(0);
	struct due d = {.sc = sc, .arena = arena};
	if (sc->jobs == NULL)
		return 0;
	int r = db_write(sc->db, take_due, &d, err);
	for (size_t i = 0; r >= 0 && i < d.count; i++)
		(void)start_fetch(sc, &self, &d.list[i]);
	return r;
}
