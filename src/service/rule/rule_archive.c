/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Editions of archives: brought in by a job, looked at, put in force, taken back. */
#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/crypto/crypto.h"
#include "service/outbox/outbox.h"
#include "service/rule/rule_archive.h"

#define EDITION_MAX ((size_t)128 << 20)
#define SHOWN 500

void rule_edition_path(const struct service_context *sc, const struct uuid *id, struct buf *out)
{
	char text[UUID_TEXT_SIZE];
	buf_printf(out, "%s/rule-editions/%s.ndjson", sc->data_dir, uuid_text(id, text));
}

static int read_edition(const struct service_context *sc, const struct uuid *id, struct buf *out, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	rule_edition_path(sc, id, &path);
	return file_read(path.p, EDITION_MAX, out, err);
}

/* ---- bringing in ---- */

struct bringing {
	const struct service_context *sc;
	const struct rule_import *import;
	struct arena *arena;
	struct rule_edition edition;
	struct uuid old[64];
	size_t old_count;
};

static int keep_edition(struct db_tx *tx, void *ctx, struct err *err)
{
	struct bringing *b = ctx;
	struct rule_archive a;
	usec_t now = b->sc->now();
	int r = rule_db_archive_get(tx, b->arena, &b->import->archive_id, &a, err);
	if (r < 0)
		return r;
	a.waiting_id = b->edition.id;
	a.checked_at = now;
	if (b->import->etag.n > 0)
		a.etag = b->import->etag;
	r = rule_db_edition_insert(tx, &b->edition, err);
	if (r >= 0)
		r = rule_db_archive_update(tx, &a, err);
	if (r >= 0)
		r = rule_db_archive_problem(tx, &a.id, STR(""), now, err);
	if (r >= 0)
		r = rule_db_editions_old(tx, &a, b->old, ARRAY_LEN(b->old), &b->old_count, err);
	return r < 0 ? r : rule_emit(tx, "archive", err);
}

static void drop_old(const struct bringing *b)
{
	for (size_t i = 0; i < b->old_count; i++) {
		cleanup_buf struct buf path = BUF_INIT(4096);
		struct err err = {0};
		rule_edition_path(b->sc, &b->old[i], &path);
		if (file_remove(path.p, &err) < 0)
			log_err(LOG_LEVEL_WARN, "an old edition of rules stays behind", &err);
	}
}

static int bring(const struct service_context *sc, const struct rule_import *import, struct str bytes, struct arena *arena, struct err *err)
{
	cleanup_buf struct buf read = BUF_INIT(EDITION_MAX), path = BUF_INIT(4096), folder = BUF_INIT(4096);
	struct bringing b = {.sc = sc, .import = import, .arena = arena};
	struct rule_reader reader = {.arena = arena};
	struct rule_file file;
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	int r = rule_worker_read(sc, import->file, bytes, &read, err);
	if (r >= 0)
		r = rule_reader_begin(&reader, buf_str(&read), err);
	/* Every line is read once before it is believed. */
	while (r >= 0 && (r = rule_reader_next(&reader, &file, err)) > 0)
		;
	if (r < 0)
		return r;
	arena_clear(arena);
	sha256(bytes, digest);
	b.edition = (struct rule_edition){.id = uuid_new(), .archive_id = import->archive_id, .label = import->label, .at = sc->now(),
	                                  .sha256 = str_c(sha256_hex(digest, hex)), .by = import->access.name, .files = reader.files,
	                                  .documents = reader.documents, .refused = reader.refused, .skipped = reader.skipped};
	rule_edition_path(sc, &b.edition.id, &path);
	buf_printf(&folder, "%s/rule-editions", sc->data_dir);
	r = file_make_dirs(folder.p, 0750, err);
	if (r >= 0)
		r = file_write(path.p, buf_str(&read), 0640, err);
	if (r >= 0)
		r = db_write(sc->db, keep_edition, &b, err);
	if (r >= 0)
		drop_old(&b);
	return r;
}

struct problem {
	const struct service_context *sc;
	const struct uuid *archive_id;
	const struct err *err;
};

static int keep_problem(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct problem *p = ctx;
	cleanup_buf struct buf json = BUF_INIT(8192);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	json_member_cstr(&w, "key", p->err->key);
	json_member_cstr(&w, "place", p->err->place);
	json_name(&w, "args");
	json_object(&w);
	for (unsigned i = 0; i < p->err->arg_count; i++)
		json_member_cstr(&w, p->err->args[i].name, p->err->args[i].value);
	json_object_end(&w);
	json_object_end(&w);
	int r = rule_db_archive_problem(tx, p->archive_id, buf_str(&json), p->sc->now(), err);
	return r < 0 ? r : rule_emit(tx, "archive", err);
}

void rule_archive_failed(const struct service_context *sc, const struct uuid *archive_id, const struct err *why)
{
	struct problem p = {.sc = sc, .archive_id = archive_id, .err = why};
	struct err err = {0};
	log_err(LOG_LEVEL_WARN, "an archive of rules could not be brought in", why);
	if (db_write(sc->db, keep_problem, &p, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "and that could not be noted", &err);
	outbox_wake(sc);
}

int rule_archive_import(const struct service_context *sc, const struct rule_import *import, struct str bytes, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)512 << 20);
	struct err own = {0};
	int r = bring(sc, import, bytes, arena, &own);
	if (r < 0) {
		rule_archive_failed(sc, &import->archive_id, &own);
		if (err != NULL)
			*err = own;
		return r;
	}
	outbox_wake(sc);
	return 0;
}

/* ---- what would change ---- */

struct known {
	struct str key, sha256, title, level;
	bool seen;
};
struct comparing {
	struct arena *arena;
	struct known *list;
	size_t count, capacity;
};

static void on_known(struct str key, struct str sha256, struct str title, struct str level, void *ctx)
{
	struct comparing *c = ctx;
	if (c->count == c->capacity) {
		c->capacity = c->capacity > 0 ? c->capacity * 2 : 1024;
		c->list = mem_realloc_array(c->list, c->capacity, sizeof *c->list);
	}
	c->list[c->count++] = (struct known){arena_str(c->arena, key), arena_str(c->arena, sha256), arena_str(c->arena, title),
	                                     arena_str(c->arena, level), false};
}

/* The database's order may be another than ours. */
static int by_key(const void *a, const void *b)
{
	return str_cmp(((const struct known *)a)->key, ((const struct known *)b)->key);
}

enum fate { FATE_NEW, FATE_CHANGED, FATE_GONE, FATE_REFUSED, FATE_SAME, FATE__COUNT };
static const char *const fate_names[] = {"new", "changed", "gone", "refused", "same"};

struct difference {
	struct api_request *req;
	struct rule_archive archive;
	struct rule_edition edition;
	struct comparing known;
	struct buf lists[FATE_SAME];
	int64_t counts[FATE__COUNT];
};

static void list_one(struct difference *d, enum fate fate, struct str title, struct str level, struct str path, struct str refused)
{
	if (d->counts[fate]++ >= SHOWN || fate == FATE_SAME)
		return;
	struct buf *out = &d->lists[fate];
	struct json_writer w = json_writer_init(out);
	if (out->n > 0)
		buf_append_char(out, ',');
	json_object(&w);
	json_member_str(&w, "title", title);
	json_member_str(&w, "level", level);
	json_member_str(&w, "path", path);
	if (refused.n > 0) {
		cleanup_buf struct buf text = BUF_INIT(4096);
		struct err why = {0};
		(void)!rule_refusal(refused, &why);
		msg_append_err(d->req->service->messages, d->req->access->lang, &why, &text);
		json_member_str(&w, "reason", buf_str(&text));
	}
	json_object_end(&w);
}

static void compare_file(struct difference *d, const struct rule_file *file)
{
	char id[UUID_TEXT_SIZE];
	cleanup_buf struct buf key = BUF_INIT(1024);
	buf_printf(&key, "%s:", uuid_text(&d->archive.id, id));
	buf_append(&key, file->key);
	const struct known wanted = {.key = buf_str(&key)};
	struct known *k = d->known.count > 0 ? bsearch(&wanted, d->known.list, d->known.count, sizeof wanted, by_key) : NULL;
	enum fate fate = k == NULL ? FATE_NEW : str_eq(k->sha256, file->sha256) ? FATE_SAME : FATE_CHANGED;
	if (k != NULL)
		k->seen = true;
	list_one(d, fate, file->title, file->level, file->path, STR_EMPTY);
	if (file->refused.n > 0)
		list_one(d, FATE_REFUSED, file->title, file->level, file->path, file->refused);
}

static int compare(struct difference *d, struct err *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(EDITION_MAX);
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct rule_reader reader = {.arena = arena};
	struct rule_file file;
	int r = read_edition(d->req->service, &d->edition.id, &bytes, err);
	if (d->known.count > 1)
		qsort(d->known.list, d->known.count, sizeof *d->known.list, by_key);
	if (r >= 0)
		r = rule_reader_begin(&reader, buf_str(&bytes), err);
	while (r >= 0 && (r = rule_reader_next(&reader, &file, err)) > 0)
		compare_file(d, &file);
	for (size_t i = 0; r >= 0 && i < d->known.count; i++)
		if (!d->known.list[i].seen)
			list_one(d, FATE_GONE, d->known.list[i].title, d->known.list[i].level, STR_EMPTY, STR_EMPTY);
	return r;
}

static int read_difference(struct db_tx *tx, void *ctx, struct err *err)
{
	struct difference *d = ctx;
	d->known.count = 0;
	int r = rule_db_archive_get(tx, d->req->arena, &d->archive.id, &d->archive, err);
	if (r < 0)
		return r;
	if (uuid_is_null(&d->edition.id))
		d->edition.id = d->archive.waiting_id;
	if (uuid_is_null(&d->edition.id))
		return err_set(err, -ENOENT, "rule.nothing_waits");
	r = rule_db_edition_get(tx, d->req->arena, &d->edition.id, &d->edition, err);
	if (r >= 0 && !uuid_eq(&d->edition.archive_id, &d->archive.id))
		r = err_set(err, -ENOENT, "rule.no_edition");
	return r < 0 ? r : rule_db_archive_known(tx, &d->archive.id, on_known, &d->known, err);
}

static void write_difference(const struct difference *d, struct http_response *res)
{
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	api_member_uuid(&w, "edition_id", &d->edition.id);
	json_member_str(&w, "label", d->edition.label);
	json_member_int(&w, "files", d->edition.files);
	json_member_int(&w, "skipped", d->edition.skipped);
	json_name(&w, "counts");
	json_object(&w);
	for (int f = 0; f < FATE__COUNT; f++)
		json_member_int(&w, fate_names[f], d->counts[f]);
	json_object_end(&w);
	for (int f = 0; f < FATE_SAME; f++) {
		json_name(&w, fate_names[f]);
		cleanup_buf struct buf list = BUF_INIT((size_t)8 << 20);
		buf_append_char(&list, '[');
		buf_append(&list, buf_str(&d->lists[f]));
		buf_append_char(&list, ']');
		json_raw(&w, buf_str(&list));
	}
	json_object_end(&w);
}

int rule_get_difference(struct api_request *req, struct http_response *res, struct err *err)
{
	struct difference d = {.req = req, .known = {.arena = req->arena}};
	for (int f = 0; f < FATE_SAME; f++)
		d.lists[f] = BUF_INIT((size_t)4 << 20);
	int r = api_param_uuid(req, "id", &d.archive.id, err);
	if (r >= 0)
		r = api_query_uuid(req, "edition", &d.edition.id, err);
	if (r >= 0)
		r = db_read(req->service->db, read_difference, &d, err);
	if (r >= 0)
		r = compare(&d, err);
	if (r >= 0)
		write_difference(&d, res);
	for (int f = 0; f < FATE_SAME; f++)
		buf_done(&d.lists[f]);
	mem_free(d.known.list);
	return r;
}

/* ---- putting in force ---- */

static int put_edition(struct db_tx *tx, struct rule_applying *x, struct err *err)
{
	struct rule_place place = {.origin = RULE_ORIGIN_ARCHIVE, .archive_id = x->archive.id, .edition_id = x->edition_id,
	                           .by = x->by, .now = x->sc->now()};
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct rule_reader reader = {.arena = arena};
	struct rule_file file;
	int r = rule_reader_begin(&reader, x->bytes, err);
	while (r >= 0 && (r = rule_reader_next(&reader, &file, err)) > 0)
		r = rule_db_put(tx, &place, &file, err);
	if (r >= 0)
		r = rule_db_sweep(tx, &place, err);
	return r < 0 ? r : rule_db_touch(tx, place.now, err);
}

int rule_archive_apply(struct db_tx *tx, struct rule_applying *x, struct err *err)
{
	int r = put_edition(tx, x, err);
	if (r < 0)
		return r;
	struct rule_archive a = x->archive;
	a.former_id = a.edition_id;
	a.edition_id = x->edition_id;
	if (uuid_eq(&a.waiting_id, &x->edition_id))
		a.waiting_id = (struct uuid){.b = {0}};
	r = rule_db_archive_update(tx, &a, err);
	if (r >= 0)
		r = rule_db_edition_applied(tx, &x->edition_id, x->sc->now(), err);
	return r < 0 ? r : rule_emit(tx, "archive", err);
}

int rule_edition_read(const struct service_context *sc, const struct uuid *id, struct buf *out, struct err *err)
{
	return read_edition(sc, id, out, err);
}
