/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Events as evidence: a tar with the rows (events.jsonl or events.parquet), manifest.json that says what they are, and
 * SHA256SUMS over both, which `sha256sum -c` reads. The sums also stand in the audit chain, so that what was taken out can
 * be told from what was changed later.
 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file/file.h"
#include "platform/crypto/crypto.h"
#include "service/audit/audit.h"
#include "service/event/event_internal.h"

#define EXPORT_MOST 200000
#define MANIFEST_MOST ((size_t)64 << 10)

static const struct {
	const char *word, *format, *file;
} kinds[] = {
	{"jsonl", "JSONEachRow", "events.jsonl"},
	{"parquet", "Parquet", "events.parquet"},
};
static const char *const words[] = {"jsonl", "parquet", NULL};

struct export {
	struct api_request *req;
	struct event_ask ask;
	int kind;
	int64_t count;
	char sum[SHA256_HEX_SIZE];
	struct buf manifest;
	int fd;
};

static int count_rows(struct export *e, struct err *err)
{
	struct event_commonness found;
	struct event_ask a;
	event_ask_init(&a, e->req->service, e->req->arena);
	a.http = e->ask.http;
	a.scope = e->ask.scope;
	a.range = e->ask.range;
	a.query = e->ask.query;
	a.endpoint_id = e->ask.endpoint_id;
	int r = event_db_count(&a, 25 * USEC_PER_SEC, &found, err);
	event_ask_done(&a);
	if (r < 0)
		return r;
	e->count = found.events;
	if (e->count == 0)
		return err_set(err, -EINVAL, "event.export_nothing");
	if (e->count > EXPORT_MOST)
		return err_set(err, -E2BIG, "event.export_too_many", ARG_I64("count", e->count), ARG_I64("limit", EXPORT_MOST));
	return 0;
}

static void write_manifest(struct export *e)
{
	char sum[UUID_TEXT_SIZE];
	unsigned char digest[SHA256_SIZE];
	const struct event_ask *a = &e->ask;
	sha256(buf_str(&a->answer), digest);
	(void)sha256_hex(digest, e->sum);
	struct json_writer w = json_writer_init(&e->manifest);
	json_object(&w);
	json_member_cstr(&w, "luytre", "event export");
	json_member_int(&w, "format", 1);
	api_member_time(&w, "made_at", api_now(e->req));
	json_member_str(&w, "made_by", e->req->access->name);
	json_member_str(&w, "query", a->text);
	api_member_time(&w, "from", a->range.from);
	api_member_time(&w, "to", a->range.to);
	json_member_bool(&w, "every_unit", a->scope.all);
	json_name(&w, "units");
	json_array(&w);
	for (size_t i = 0; !a->scope.all && i < a->scope.count && i < 500; i++)
		json_cstr(&w, uuid_text(&a->scope.units[i], sum));
	json_array_end(&w);
	api_member_uuid(&w, "endpoint_id", &a->endpoint_id);
	json_member_int(&w, "events", e->count);
	json_name(&w, "file");
	json_object(&w);
	json_member_cstr(&w, "name", kinds[e->kind].file);
	json_member_int(&w, "size_bytes", (int64_t)a->answer.n);
	json_member_cstr(&w, "sha256", e->sum);
	json_object_end(&w);
	json_object_end(&w);
	buf_append_char(&e->manifest, '\n');
}

static int put_file(struct archive *tar, const char *name, struct str bytes, usec_t at, struct err *err)
{
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0440);
	archive_entry_set_mtime(entry, (time_t)(at / USEC_PER_SEC), 0);
	archive_entry_set_size(entry, (la_int64_t)bytes.n);
	bool ok = archive_write_header(tar, entry) == ARCHIVE_OK &&
	          (bytes.n == 0 || archive_write_data(tar, bytes.p, bytes.n) == (la_ssize_t)bytes.n);
	archive_entry_free(entry);
	return ok ? 0 : err_set(err, -EIO, "event.export_failed", ARG_CSTR("reason", archive_error_string(tar)));
}

static int write_tar(struct export *e, struct err *err)
{
	usec_t now = api_now(e->req);
	char sums[512], manifest[SHA256_HEX_SIZE];
	unsigned char digest[SHA256_SIZE];
	sha256(buf_str(&e->manifest), digest);
	(void)snprintf(sums, sizeof sums, "%s  %s\n%s  manifest.json\n", e->sum, kinds[e->kind].file, sha256_hex(digest, manifest));
	e->fd = memfd_create("events", MFD_CLOEXEC);
	if (e->fd < 0)
		return err_errno(err, errno, "memfd_create", STR_EMPTY);
	struct archive *tar = archive_write_new();
	int r = tar != NULL && archive_write_set_format_ustar(tar) == ARCHIVE_OK && archive_write_open_fd(tar, e->fd) == ARCHIVE_OK
	            ? 0
	            : err_set(err, -EIO, "event.export_failed", ARG_CSTR("reason", "libarchive"));
	if (r >= 0)
		r = put_file(tar, "manifest.json", buf_str(&e->manifest), now, err);
	if (r >= 0)
		r = put_file(tar, "SHA256SUMS", str_c(sums), now, err);
	if (r >= 0)
		r = put_file(tar, kinds[e->kind].file, buf_str(&e->ask.answer), now, err);
	if (tar != NULL && archive_write_free(tar) != ARCHIVE_OK && r >= 0)
		r = err_set(err, -EIO, "event.export_failed", ARG_CSTR("reason", "libarchive"));
	return r;
}

/* What goes out without its line in the audit log does not go out. */
static int audit(struct export *e, struct err *err)
{
	struct audit_entry entry = {.action = "event.exported", .object_type = "event", .details = str_trim(buf_str(&e->manifest))};
	return audit_record(e->req->service, e->req->access, &entry, err);
}

static int answer(struct export *e, struct http_response *res, struct err *err)
{
	off_t size = lseek(e->fd, 0, SEEK_END);
	if (size < 0 || lseek(e->fd, 0, SEEK_SET) != 0)
		return err_errno(err, errno, "lseek", STR_EMPTY);
	struct clock_date d = clock_civil(api_now(e->req), CLOCK_VN_OFFSET_USEC);
	http_response_header(res, "Content-Disposition",
	                     arena_printf(e->req->arena, "attachment; filename=\"luytre-events-%04d%02u%02u-%02u%02u%02u.tar\"", d.year,
	                                  d.month, d.day, d.hour, d.minute, d.second).p);
	http_response_header(res, "X-Luytre-SHA256", arena_cstr(e->req->arena, str_c(e->sum)));
	res->status = 200;
	res->content_type = "application/x-tar";
	res->file_fd = e->fd;
	res->file_size_bytes = (uint64_t)size;
	e->fd = -1;
	return 0;
}

int event_export(struct api_request *req, struct http_response *res, struct err *err)
{
	struct export e = {.req = req, .fd = -1, .manifest = BUF_INIT(MANIFEST_MOST)};
	int r = event_ask_of_request(&e.ask, req, "event.read", true, err);
	if (r >= 0)
		r = api_query_enum(req, "as", words, &e.kind, err);
	if (r >= 0)
		r = count_rows(&e, err);
	if (r >= 0)
		r = event_db_export(&e.ask, kinds[e.kind].format, EXPORT_MOST, err);
	if (r >= 0) {
		write_manifest(&e);
		r = write_tar(&e, err);
	}
	if (r >= 0)
		r = audit(&e, err);
	if (r >= 0)
		r = answer(&e, res, err);
	file_close(&e.fd);
	buf_done(&e.manifest);
	event_ask_done(&e.ask);
	return r;
}
