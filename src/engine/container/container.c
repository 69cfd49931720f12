/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/container/container_internal.h"

#define LIST_ARENA ((size_t)1 << 30)
#define COPY_CHUNK ((size_t)256 << 10)

bool container_name_is_good(struct str name)
{
	static const char others[] = "._-%@+=,~/";
	if (name.n == 0 || name.n > CONTAINER_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!plain && (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	struct str rest = name, part;
	while (str_split(&rest, '/', &part))
		if (part.n == 0 || str_eq_c(part, ".") || str_eq_c(part, ".."))
			return false;
	return true;
}

void container_list_add(struct container_list *list, struct str name, uint64_t size, unsigned mode,
                        const unsigned char digest[SHA256_SIZE])
{
	if (list->arena == NULL)
		list->arena = arena_new(LIST_ARENA);
	if (list->count == list->capacity) {
		list->capacity = list->capacity > 0 ? list->capacity * 2 : 256;
		list->items = mem_realloc_array(list->items, list->capacity, sizeof *list->items);
	}
	struct container_listed *item = &list->items[list->count++];
	*item = (struct container_listed){.name = arena_cstr(list->arena, name), .size = size, .mode = mode};
	(void)sha256_hex(digest, item->sha256_hex);
}

void container_list_done(struct container_list *list)
{
	arena_free(list->arena);
	mem_free(list->items);
}

struct container_writer {
	int fd;
	struct archive *archive;
	struct container_list list;
	struct sha256 *hash; /* of the part that is open */
	char name[CONTAINER_NAME_MAX + 1];
	unsigned mode;
	uint64_t size, left, total;
	struct err disk; /* why the file could not be written */
};

static la_ssize_t write_out(struct archive *a, void *ctx, const void *p, size_t n)
{
	struct container_writer *w = ctx;
	if (file_write_all(w->fd, str_n(p, n), &w->disk) < 0) {
		archive_set_error(a, EIO, "write");
		return -1;
	}
	return (la_ssize_t)n;
}

/* libarchive's own words only where the disk did not say why. */
static int failed(struct container_writer *w, struct err *err)
{
	if (w->disk.code != 0) {
		if (err != NULL)
			*err = w->disk;
		return w->disk.code;
	}
	return err_set(err, -EIO, "container.library", ARG_CSTR("reason", archive_error_string(w->archive)));
}

void container_writer_free(struct container_writer *w)
{
	if (w == NULL)
		return;
	if (w->archive != NULL)
		(void)archive_write_free(w->archive);
	if (w->hash != NULL)
		sha256_free(w->hash);
	container_list_done(&w->list);
	mem_free(w);
}

/* An entry that is not in the list: the first, the manifest, its MAC. */
static int put_plain(struct container_writer *w, const char *name, struct str bytes, struct err *err)
{
	int r = container_begin(w, name, bytes.n, 0600, err);
	if (r == 0)
		r = container_data(w, bytes, err);
	if (r == 0)
		r = container_end(w, err);
	if (r == 0)
		w->list.count--;
	return r;
}

int container_writer_new(int fd, struct container_writer **ret, struct err *err)
{
	cleanup(container_writer) struct container_writer *w = MEM_NEW(struct container_writer);
	char first[64];
	w->fd = fd;
	w->archive = archive_write_new();
	if (w->archive == NULL || archive_write_set_format_pax_restricted(w->archive) != ARCHIVE_OK ||
	    archive_write_add_filter_zstd(w->archive) != ARCHIVE_OK ||
	    /* No zeroes behind the compressed stream: they are no frame. */
	    archive_write_set_bytes_in_last_block(w->archive, 1) != ARCHIVE_OK ||
	    archive_write_open(w->archive, w, NULL, write_out, NULL) != ARCHIVE_OK)
		return failed(w, err);
	(void)snprintf(first, sizeof first, CONTAINER_FIRST_TEXT "%d\n", CONTAINER_FORMAT);
	int r = put_plain(w, CONTAINER_FIRST, str_c(first), err);
	if (r < 0)
		return r;
	*ret = TAKE(w);
	return 0;
}

int container_begin(struct container_writer *w, const char *name, uint64_t size, unsigned mode, struct err *err)
{
	assert(w->hash == NULL);
	if (!container_name_is_good(str_c(name)))
		return err_set(err, -EINVAL, "container.bad_name", ARG_CSTR("name", name));
	if (w->list.count >= CONTAINER_PARTS_MAX)
		return err_set(err, -E2BIG, "container.too_many", ARG_I64("limit", CONTAINER_PARTS_MAX));
	struct archive_entry *e = archive_entry_new();
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, mode & 0777);
	archive_entry_set_size(e, (la_int64_t)size);
	int r = archive_write_header(w->archive, e) == ARCHIVE_OK ? 0 : failed(w, err);
	archive_entry_free(e);
	if (r < 0)
		return r;
	str_copy_c(str_c(name), w->name, sizeof w->name);
	w->mode = mode & 0777;
	w->size = w->left = size;
	w->hash = sha256_new();
	return 0;
}

int container_data(struct container_writer *w, struct str bytes, struct err *err)
{
	assert(w->hash != NULL && bytes.n <= w->left);
	sha256_update(w->hash, bytes);
	w->left -= bytes.n;
	w->total += bytes.n;
	while (bytes.n > 0) {
		la_ssize_t n = archive_write_data(w->archive, bytes.p, bytes.n);
		if (n <= 0)
			return failed(w, err);
		bytes = str_sub(bytes, (size_t)n, bytes.n);
	}
	return 0;
}

int container_end(struct container_writer *w, struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	assert(w->hash != NULL);
	if (w->left > 0)
		return err_set(err, -EIO, "container.shrunk", ARG_CSTR("name", w->name));
	sha256_final(TAKE(w->hash), digest);
	container_list_add(&w->list, str_c(w->name), w->size, w->mode, digest);
	return archive_write_finish_entry(w->archive) == ARCHIVE_OK ? 0 : failed(w, err);
}

int container_bytes(struct container_writer *w, const char *name, struct str bytes, unsigned mode, struct err *err)
{
	int r = container_begin(w, name, bytes.n, mode, err);
	if (r == 0)
		r = container_data(w, bytes, err);
	return r < 0 ? r : container_end(w, err);
}

int container_file(struct container_writer *w, const char *name, int fd, uint64_t size, unsigned mode, struct err *err)
{
	char *chunk = mem_alloc(COPY_CHUNK);
	uint64_t at = 0;
	int r = container_begin(w, name, size, mode, err);
	while (r == 0 && at < size) {
		size_t want = size - at < COPY_CHUNK ? (size_t)(size - at) : COPY_CHUNK;
		ssize_t n = pread(fd, chunk, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? err_errno(err, errno, "pread", str_c(name))
			          : err_set(err, -EIO, "container.shrunk", ARG_CSTR("name", name));
			break;
		}
		r = container_data(w, str_n(chunk, (size_t)n), err);
		at += (uint64_t)n;
	}
	mem_free(chunk);
	return r < 0 ? r : container_end(w, err);
}

uint64_t container_written(const struct container_writer *w)
{
	return w->total;
}

static void write_manifest(const struct container_writer *w, struct str about, struct buf *out)
{
	struct json_writer j = json_writer_init(out);
	json_object(&j);
	json_member_int(&j, "format", CONTAINER_FORMAT);
	json_name(&j, "about");
	json_raw(&j, about);
	json_name(&j, "parts");
	json_array(&j);
	for (size_t i = 0; i < w->list.count; i++) {
		const struct container_listed *item = &w->list.items[i];
		json_object(&j);
		json_member_cstr(&j, "name", item->name);
		json_name(&j, "size");
		json_u64(&j, item->size);
		json_member_int(&j, "mode", item->mode);
		json_member_cstr(&j, "sha256", item->sha256_hex);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
}

int container_finish(struct container_writer *w, struct str about, const unsigned char mac_key[32], struct err *err)
{
	cleanup_buf struct buf manifest = BUF_INIT((size_t)512 << 20);
	unsigned char mac[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	write_manifest(w, about, &manifest);
	if (manifest.overflow)
		return err_set(err, -E2BIG, "container.too_many", ARG_I64("limit", CONTAINER_PARTS_MAX));
	hmac_sha256(str_n(mac_key, 32), buf_str(&manifest), mac);
	int r = put_plain(w, CONTAINER_MANIFEST, buf_str(&manifest), err);
	if (r == 0)
		r = put_plain(w, CONTAINER_MAC, str_c(sha256_hex(mac, hex)), err);
	if (r == 0 && archive_write_close(w->archive) != ARCHIVE_OK)
		r = failed(w, err);
	return r;
}
