/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The console's files: read once at start, kept with their gzip form and their
 * digest as ETag. Every answer says "ask again" (no-cache) so that a new release
 * is seen at once; unchanged files cost a 304.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file/file.h"
#include "platform/crypto/crypto.h"
#include "service/gate/gate_internal.h"

#define FILE_MAX ((size_t)16 << 20)
#define FILES_MAX 4000
#define DEPTH_MAX 8

struct file {
	char *path; /* "/lib/app.js" */
	const char *type;
	struct buf plain, gzip; /* gzip empty: not worth it */
	char etag[24], etag_gzip[24];
};

#define FOLDERS_MAX 8

struct gate_files {
	struct {
		char *prefix, *dir;
	} folders[FOLDERS_MAX];
	size_t folder_count;
	bool reload;
	struct file *files;
	size_t count, capacity;
};

static const struct {
	struct str ending;
	const char *type;
	bool compress;
} types[] = {
	{STR(".html"), "text/html; charset=utf-8", true},
	{STR(".js"), "text/javascript; charset=utf-8", true},
	{STR(".mjs"), "text/javascript; charset=utf-8", true},
	{STR(".css"), "text/css; charset=utf-8", true},
	{STR(".json"), "application/json", true},
	{STR(".svg"), "image/svg+xml", true},
	{STR(".webmanifest"), "application/manifest+json", true},
	{STR(".txt"), "text/plain; charset=utf-8", true},
	{STR(".png"), "image/png", false},
	{STR(".ico"), "image/x-icon", false},
	{STR(".woff2"), "font/woff2", false},
};

/* NULL: not a kind of file that is served. */
static const char *type_of(struct str name, bool *ret_compress)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (str_ends_with(name, types[i].ending)) {
			*ret_compress = types[i].compress;
			return types[i].type;
		}
	}
	return NULL;
}

static void compress_file(struct file *f)
{
	z_stream z = {.next_in = (unsigned char *)f->plain.p, .avail_in = (uInt)f->plain.n};
	/* 15 + 16: a gzip wrapper around the largest window. */
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	f->gzip = BUF_INIT(FILE_MAX + 4096);
	size_t bound = deflateBound(&z, f->plain.n);
	if (buf_reserve(&f->gzip, bound)) {
		z.next_out = (unsigned char *)f->gzip.p;
		z.avail_out = (uInt)bound;
		if (deflate(&z, Z_FINISH) == Z_STREAM_END)
			f->gzip.n = z.total_out;
	}
	(void)deflateEnd(&z);
	if (f->gzip.n + 64 > f->plain.n)
		buf_done(&f->gzip);
}

static void file_done(struct file *f)
{
	mem_free(f->path);
	buf_done(&f->plain);
	buf_done(&f->gzip);
}

static int read_one(const char *disk, struct str url, struct file *ret, struct err *err)
{
	bool compress = false;
	struct file f = {.type = type_of(url, &compress), .plain = BUF_INIT(FILE_MAX)};
	if (f.type == NULL)
		return err_set(err, -ENOENT, "gate.no_route");
	int r = file_read(disk, FILE_MAX, &f.plain, err);
	if (r < 0) {
		buf_done(&f.plain);
		return r;
	}
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	sha256(buf_str(&f.plain), digest);
	(void)sha256_hex(digest, hex);
	(void)snprintf(f.etag, sizeof f.etag, "\"%.16s\"", hex);
	(void)snprintf(f.etag_gzip, sizeof f.etag_gzip, "\"%.16s-gz\"", hex);
	if (compress)
		compress_file(&f);
	f.path = mem_strdup(url);
	*ret = f;
	return 0;
}

static int add_file(struct gate_files *files, const char *disk, struct str url, struct err *err)
{
	bool compress;
	if (type_of(url, &compress) == NULL)
		return 0;
	if (files->count == FILES_MAX)
		return err_set(err, -E2BIG, "gate.too_many_files", ARG_I64("most", FILES_MAX));
	if (files->count == files->capacity) {
		files->capacity = files->capacity > 0 ? 2 * files->capacity : 64;
		files->files = mem_realloc_array(files->files, files->capacity, sizeof *files->files);
	}
	int r = read_one(disk, url, &files->files[files->count], err);
	files->count += r >= 0;
	return r;
}

static int add_folder(struct gate_files *files, const char *disk, struct str url, unsigned depth, struct err *err)
{
	DIR *dir = depth <= DEPTH_MAX ? opendir(disk) : NULL;
	if (dir == NULL)
		return err_errno(err, errno, "opendir", str_c(disk));
	int r = 0;
	for (struct dirent *e; r >= 0 && (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		cleanup_buf struct buf path = BUF_INIT(4096), inner = BUF_INIT(4096);
		struct stat st;
		file_join(&path, str_c(disk), str_c(e->d_name));
		buf_printf(&inner, "%.*s%s", STR_FMT(url), e->d_name);
		if (stat(path.p, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			buf_append_char(&inner, '/');
			r = add_folder(files, path.p, buf_str(&inner), depth + 1, err);
		} else if (S_ISREG(st.st_mode)) {
			r = add_file(files, path.p, buf_str(&inner), err);
		}
	}
	(void)closedir(dir);
	return r;
}

int gate_files_new(const struct gate_folder *folders, bool reload, struct gate_files **ret, struct err *err)
{
	struct gate_files *f = MEM_NEW(struct gate_files);
	f->reload = reload;
	for (const struct gate_folder *d = folders; d != NULL && d->dir != NULL && f->folder_count < FOLDERS_MAX; d++) {
		f->folders[f->folder_count].prefix = mem_strdup(str_c(d->prefix));
		f->folders[f->folder_count++].dir = mem_strdup(str_c(d->dir));
		int r = reload ? 0 : add_folder(f, d->dir, str_c(d->prefix), 0, err);
		if (r < 0) {
			gate_files_free(f);
			return r;
		}
	}
	*ret = f;
	return 0;
}

void gate_files_free(struct gate_files *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		file_done(&f->files[i]);
	for (size_t i = 0; i < f->folder_count; i++) {
		mem_free(f->folders[i].prefix);
		mem_free(f->folders[i].dir);
	}
	mem_free(f->files);
	mem_free(f);
}

/* No part may be empty or begin with a dot: neither ".." nor hidden files. */
static bool is_plain_path(struct str path)
{
	struct str rest = str_sub(path, 1, path.n), part;
	if (path.n == 0 || path.p[0] != '/' || str_find_char(path, '\\') != SIZE_MAX || memchr(path.p, 0, path.n) != NULL)
		return false;
	while (str_split(&rest, '/', &part)) {
		if (part.n == 0 || part.p[0] == '.')
			return false;
	}
	return true;
}

/* Development: straight from the disk. */
static bool read_now(const struct gate_files *f, struct str url, struct file *ret)
{
	for (size_t i = 0; i < f->folder_count; i++) {
		struct str prefix = str_c(f->folders[i].prefix);
		if (!str_starts_with(url, prefix))
			continue;
		cleanup_buf struct buf disk = BUF_INIT(8192);
		file_join(&disk, str_c(f->folders[i].dir), str_sub(url, prefix.n, url.n));
		if (!disk.overflow && read_one(disk.p, url, ret, NULL) == 0)
			return true;
	}
	return false;
}

static const struct file *find_kept(const struct gate_files *f, struct str url)
{
	for (size_t i = 0; i < f->count; i++) {
		if (str_eq_c(url, f->files[i].path))
			return &f->files[i];
	}
	return NULL;
}

static bool accepts_gzip(const struct http_request *http)
{
	struct str rest = http_header(http, "Accept-Encoding"), part;
	while (str_split(&rest, ',', &part)) {
		struct str name = STR_EMPTY, parameters = part;
		(void)str_split(&parameters, ';', &name);
		if (str_eq_nocase(str_trim(name), STR("gzip")))
			return str_find(part, STR("q=0")) == SIZE_MAX || str_find(part, STR("q=0.")) != SIZE_MAX;
	}
	return false;
}

static bool has_tag(struct str tags, const char *tag)
{
	struct str part;
	while (str_split(&tags, ',', &part)) {
		part = str_trim(part);
		if (str_starts_with(part, STR("W/")))
			part = str_sub(part, 2, part.n);
		if (str_eq_c(part, tag) || str_eq(part, STR("*")))
			return true;
	}
	return false;
}

static void answer(const struct file *f, struct http_request *http, struct http_response *res)
{
	bool gzip = f->gzip.n > 0 && accepts_gzip(http);
	const char *tag = gzip ? f->etag_gzip : f->etag;
	bool same = has_tag(http_header(http, "If-None-Match"), tag);
	(void)api_reply_empty(res, same ? 304 : 200);
	http_response_header(res, "ETag", arena_cstr(http->arena, str_c(tag)));
	http_response_header(res, "Vary", "Accept-Encoding");
	http_response_header(res, "Cache-Control", "no-cache");
	http_response_header(res, "Referrer-Policy", "same-origin");
	http_response_header(res, "Cross-Origin-Opener-Policy", "same-origin");
	http_response_header(res, "Content-Security-Policy",
	                     "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
	                     "frame-ancestors 'none'");
	if (same)
		return;
	res->content_type = f->type;
	if (gzip)
		http_response_header(res, "Content-Encoding", "gzip");
	buf_append(&res->body, buf_str(gzip ? &f->gzip : &f->plain));
}

static bool answer_path(struct gate_files *f, struct str url, struct http_request *http, struct http_response *res)
{
	if (!f->reload) {
		const struct file *kept = find_kept(f, url);
		if (kept != NULL)
			answer(kept, http, res);
		return kept != NULL;
	}
	struct file now;
	if (!read_now(f, url, &now))
		return false;
	answer(&now, http, res);
	file_done(&now);
	return true;
}

bool gate_files_answer(struct gate_files *f, struct http_request *http, struct http_response *res)
{
	struct str path = http->path;
	if (str_eq(path, STR("/")))
		return answer_path(f, STR("/index.html"), http, res);
	if (!is_plain_path(path))
		return false;
	if (answer_path(f, path, http, res))
		return true;
	/* Pages of the console have addresses of their own; a missing file is a missing file. */
	struct str last = path;
	for (struct str rest = path, part; str_split(&rest, '/', &part);)
		last = part;
	return str_find_char(last, '.') == SIZE_MAX && answer_path(f, STR("/index.html"), http, res);
}
