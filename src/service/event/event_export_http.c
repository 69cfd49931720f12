/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Events as evidence, however many: a tar that is made while it is sent. First the rows in files that are each whole
 * (events-00001.jsonl …; one file alone is events.jsonl), then manifest.json that says what they are, then SHA256SUMS over all
 * of them, which `sha256sum -c` reads. The sum of SHA256SUMS stands in the audit chain, so that what was taken out can be told
 * from what was changed later. What breaks off has no SHA256SUMS, and the connection is cut.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>

#include "base/log/log.h"
#include "platform/crypto/crypto.h"
#include "service/audit/audit.h"
#include "service/event/event_export.h"

#define SUMS_MOST ((size_t)32 << 20)
/* For the first part, before anything is answered: so long errors still have their status. */
#define FIRST_MOST (15 * USEC_PER_SEC)

static const struct {
	const char *word, *format, *suffix;
} kinds[] = {
	{"jsonl", "JSONEachRow", "jsonl"},
	{"parquet", "Parquet", "parquet"},
};
static const char *const words[] = {"jsonl", "parquet", NULL};

struct export {
	struct arena *arena;
	const struct service_context *sc;
	struct access access;
	struct event_ask ask;
	struct event_parts parts;
	int kind;
	usec_t begun;
	int64_t pending; /* rows of the part in ask.answer that is still to be written; 0: none */
	bool ended;      /* there is no other part */
	unsigned files;
	int64_t events;
	uint64_t bytes;
	struct buf list, sums; /* members of the manifest's files; lines of SHA256SUMS */
	struct archive *tar;
	struct buf *out; /* where the tar goes now */
	bool finished;
};

static usec_t now_of(const struct service_context *sc)
{
	return sc->now != NULL ? sc->now() : clock_now();
}

/* ---- what is written down ---- */

static int record(struct export *e, const char *action, const char *sum, const char *reason, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)32 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "query", e->ask.text);
	json_member_cstr(&w, "as", kinds[e->kind].word);
	api_member_time(&w, "from", e->parts.all.from);
	api_member_time(&w, "to", e->parts.all.to);
	json_member_int(&w, "events", e->events);
	json_member_int(&w, "size_bytes", (int64_t)e->bytes);
	json_member_int(&w, "files", e->files);
	if (sum != NULL)
		json_member_cstr(&w, "sha256_of_sums", sum);
	if (reason != NULL)
		json_member_cstr(&w, "reason", reason);
	json_object_end(&w);
	struct audit_entry entry = {.action = action, .object_type = "event", .object_id = e->ask.endpoint_id, .details = buf_str(&details)};
	return audit_record(e->sc, &e->access, &entry, err);
}

/* ---- the tar ---- */

static la_ssize_t to_piece(struct archive *tar, void *ctx, const void *bytes, size_t n)
{
	struct export *e = ctx;
	(void)tar;
	if (e->out == NULL || !buf_reserve(e->out, n))
		return -1;
	buf_append(e->out, str_n(bytes, n));
	return (la_ssize_t)n;
}

static int failed(const struct export *e, struct err *err)
{
	return err_set(err, -EIO, "event.export_failed", ARG_CSTR("reason", e->tar != NULL ? archive_error_string(e->tar) : "libarchive"));
}

static int open_tar(struct export *e, struct err *err)
{
	e->tar = archive_write_new();
	return e->tar != NULL && archive_write_set_format_ustar(e->tar) == ARCHIVE_OK &&
	               archive_write_set_bytes_per_block(e->tar, 0) == ARCHIVE_OK &&
	               archive_write_open(e->tar, e, NULL, to_piece, NULL) == ARCHIVE_OK
	           ? 0
	           : failed(e, err);
}

/* A file of the tar, with its line in SHA256SUMS. */
static int put_file(struct export *e, const char *name, struct str bytes, char ret_sum[SHA256_HEX_SIZE], struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0440);
	archive_entry_set_mtime(entry, (time_t)(e->begun / USEC_PER_SEC), 0);
	archive_entry_set_size(entry, (la_int64_t)bytes.n);
	bool ok = archive_write_header(e->tar, entry) == ARCHIVE_OK &&
	          (bytes.n == 0 || archive_write_data(e->tar, bytes.p, bytes.n) == (la_ssize_t)bytes.n);
	archive_entry_free(entry);
	sha256(bytes, digest);
	buf_printf(&e->sums, "%s  %s\n", sha256_hex(digest, ret_sum), name);
	return ok && !e->sums.overflow ? 0 : failed(e, err);
}

static int put_part(struct export *e, struct err *err)
{
	char name[40], sum[SHA256_HEX_SIZE];
	struct str bytes = buf_str(&e->ask.answer);
	e->files++;
	if (e->files == 1 && e->ended)
		(void)snprintf(name, sizeof name, "events.%s", kinds[e->kind].suffix);
	else
		(void)snprintf(name, sizeof name, "events-%05u.%s", e->files, kinds[e->kind].suffix);
	int r = put_file(e, name, bytes, sum, err);
	struct json_writer w = json_writer_init(&e->list);
	buf_append_c(&e->list, e->files > 1 ? "," : "");
	json_object(&w);
	json_member_cstr(&w, "name", name);
	json_member_int(&w, "events", e->pending);
	json_member_int(&w, "size_bytes", (int64_t)bytes.n);
	json_member_cstr(&w, "sha256", sum);
	json_object_end(&w);
	e->events += e->pending;
	e->bytes += bytes.n;
	e->pending = 0;
	return r;
}

static void write_manifest(struct export *e, struct buf *out)
{
	char id[UUID_TEXT_SIZE];
	const struct event_ask *a = &e->ask;
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_cstr(&w, "luytre", "event export");
	json_member_int(&w, "format", 2);
	api_member_time(&w, "begun_at", e->begun);
	api_member_time(&w, "made_at", now_of(e->sc));
	json_member_str(&w, "made_by", e->access.name);
	json_member_str(&w, "query", a->text);
	api_member_time(&w, "from", e->parts.all.from);
	api_member_time(&w, "to", e->parts.all.to);
	json_member_bool(&w, "every_unit", a->scope.all);
	json_name(&w, "units");
	json_array(&w);
	for (size_t i = 0; !a->scope.all && i < a->scope.count && i < 500; i++)
		json_cstr(&w, uuid_text(&a->scope.units[i], id));
	json_array_end(&w);
	api_member_uuid(&w, "endpoint_id", &a->endpoint_id);
	json_member_int(&w, "events", e->events);
	json_member_int(&w, "size_bytes", (int64_t)e->bytes);
	json_name(&w, "files");
	json_array(&w);
	json_raw(&w, buf_str(&e->list));
	json_array_end(&w);
	json_object_end(&w);
	buf_append_char(out, '\n');
}

/* What stands behind the rows. */
static int finish(struct export *e, struct err *err)
{
	cleanup_buf struct buf manifest = BUF_INIT(SUMS_MOST), sums = BUF_INIT(SUMS_MOST);
	char sum[SHA256_HEX_SIZE];
	write_manifest(e, &manifest);
	int r = manifest.overflow ? failed(e, err) : put_file(e, "manifest.json", buf_str(&manifest), sum, err);
	buf_append(&sums, buf_str(&e->sums));
	if (r >= 0)
		r = put_file(e, "SHA256SUMS", buf_str(&sums), sum, err);
	if (r >= 0 && archive_write_close(e->tar) != ARCHIVE_OK)
		r = failed(e, err);
	/* Before the end is sent: what went out whole is in the audit log. */
	if (r >= 0)
		r = record(e, "event.exported", sum, NULL, err);
	e->finished = r >= 0;
	return r;
}

/* ---- pieces ---- */

/* The next part into ask.answer. 1: there, or none yet; 0: no more. */
static int fetch(struct export *e, struct err *err)
{
	int r = event_parts_next(&e->parts, &e->pending, err);
	e->ended = r == 0 || (r > 0 && e->parts.at >= e->parts.all.to);
	return r < 0 ? r : r > 0;
}

static int more(void *ctx, struct buf *out)
{
	struct export *e = ctx;
	struct err err = {.code = 0};
	int r = 1;
	e->out = out;
	if (e->pending > 0)
		r = put_part(e, &err);
	else if (!e->ended)
		r = fetch(e, &err);
	else
		r = finish(e, &err);
	e->out = NULL;
	if (r < 0) {
		struct err ignored;
		if (r != -EBUSY) /* the client hung up */
			log_err(LOG_LEVEL_WARN, "an export broke off", &err);
		(void)record(e, "event.export_stopped", NULL, err.key, &ignored);
		e->finished = true;
	}
	return r < 0 ? r : !e->finished;
}

static void done(void *ctx)
{
	struct export *e = ctx;
	struct err err;
	if (!e->finished)
		(void)record(e, "event.export_stopped", NULL, "event.store_cancelled", &err);
	if (e->tar != NULL) {
		(void)archive_write_fail(e->tar);
		(void)archive_write_free(e->tar);
	}
	event_parts_done(&e->parts);
	event_ask_done(&e->ask);
	buf_done(&e->list);
	buf_done(&e->sums);
	arena_free(e->arena);
}

/* ---- the route ---- */

static struct export *export_new(const struct api_request *req)
{
	struct arena *arena = arena_new(0);
	struct export *e = ARENA_NEW(arena, struct export);
	e->arena = arena;
	e->sc = req->service;
	e->begun = now_of(req->service);
	e->access = *req->access;
	e->access.name = arena_str(arena, req->access->name);
	e->access.peer = arena_str(arena, req->access->peer);
	e->access.approved_by = arena_str(arena, req->access->approved_by);
	e->list = BUF_INIT(SUMS_MOST);
	e->sums = BUF_INIT(SUMS_MOST);
	return e;
}

/* Something is there, or the search for it goes on while the answer waits. */
static int first_part(struct export *e, struct err *err)
{
	usec_t until = clock_monotonic() + FIRST_MOST;
	int r = 1;
	while (r > 0 && e->pending == 0 && !e->ended && clock_monotonic() < until)
		r = fetch(e, err);
	return r < 0 ? r : e->ended && e->pending == 0 ? err_set(err, -EINVAL, "event.export_nothing") : 0;
}

int event_export(struct api_request *req, struct http_response *res, struct err *err)
{
	struct export *e = export_new(req);
	int r = event_ask_of_request(&e->ask, req, "event.read", true, err);
	if (r >= 0)
		r = api_query_enum(req, "as", words, &e->kind, err);
	event_parts_begin(&e->parts, &e->ask, kinds[e->kind].format);
	if (r >= 0)
		r = first_part(e, err);
	if (r >= 0)
		r = open_tar(e, err);
	/* What goes out without its line in the audit log does not go out. */
	if (r >= 0)
		r = record(e, "event.export_begun", NULL, NULL, err);
	const struct http_pull pull = {more, done, e};
	if (r >= 0)
		r = http_response_pull(req->http, res, "application/x-tar", &pull, err);
	if (r < 0) {
		e->finished = true;
		done(e);
		return r;
	}
	e->parts.patient = true;
	struct clock_date d = clock_civil(e->begun, CLOCK_VN_OFFSET_USEC);
	http_response_header(res, "Content-Disposition",
	                     arena_printf(req->arena, "attachment; filename=\"luytre-events-%04d%02u%02u-%02u%02u%02u.tar\"", d.year,
	                                  d.month, d.day, d.hour, d.minute, d.second).p);
	res->status = 200;
	return 0;
}
