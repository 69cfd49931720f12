/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reading a container: a foreign file until its last byte agreed with the manifest. */
#include <archive.h>
#include <archive_entry.h>

#include "engine/container/container_internal.h"

#define MANIFEST_LIMIT ((size_t)512 << 20)
#define CHUNK ((size_t)256 << 10)

struct reading {
	const struct container_source *source;
	const struct container_sink *sink;
	struct archive *archive;
	struct container_list list; /* what came, to compare with the manifest */
	struct buf manifest, mac;
	uint64_t bytes;
	char *source_chunk, *chunk;
	int source_failed; /* negative errno class of the source */
};

static la_ssize_t read_in(struct archive *a, void *ctx, const void **ret)
{
	struct reading *r = ctx;
	ssize_t n = r->source->read(r->source->ctx, r->source_chunk, CHUNK);
	if (n < 0) {
		r->source_failed = (int)n;
		archive_set_error(a, EIO, "read");
		return -1;
	}
	*ret = r->source_chunk;
	return (la_ssize_t)n;
}

static int broken(const struct reading *r, struct err *err)
{
	if (r->source_failed < 0)
		return err_errno(err, -r->source_failed, "read", STR_EMPTY);
	const char *reason = archive_error_string(r->archive);
	return err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", reason != NULL ? reason : "format"));
}

static int cut_off(struct err *err)
{
	return err_set(err, -EBADMSG, "container.cut_off");
}

/* All bytes of the current entry, to `take`. */
static int each_block(struct reading *r, int (*take)(void *ctx, struct str bytes, struct err *err), void *ctx, struct err *err)
{
	for (;;) {
		la_ssize_t n = archive_read_data(r->archive, r->chunk, CHUNK);
		if (n == 0)
			return 0;
		if (n < 0)
			return broken(r, err);
		int e = take(ctx, str_n(r->chunk, (size_t)n), err);
		if (e < 0)
			return e;
	}
}

static int keep(void *ctx, struct str bytes, struct err *err)
{
	struct buf *out = ctx;
	buf_append(out, bytes);
	return out->overflow ? err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", "size")) : 0;
}

struct part {
	struct reading *r;
	struct sha256 *hash;
	uint64_t size;
};

static int take_data(void *ctx, struct str bytes, struct err *err)
{
	struct part *p = ctx;
	sha256_update(p->hash, bytes);
	p->size += bytes.n;
	const struct container_sink *sink = p->r->sink;
	return sink != NULL && sink->data != NULL ? sink->data(sink->ctx, bytes, err) : 0;
}

static int read_part(struct reading *r, struct str name, uint64_t size, unsigned mode, struct err *err)
{
	const struct container_sink *sink = r->sink;
	const struct container_part part = {.name = name, .size = size, .mode = mode};
	struct part p = {.r = r};
	unsigned char digest[SHA256_SIZE];
	if (r->list.count >= CONTAINER_PARTS_MAX)
		return err_set(err, -E2BIG, "container.too_many", ARG_I64("limit", CONTAINER_PARTS_MAX));
	int e = sink != NULL && sink->begin != NULL ? sink->begin(sink->ctx, &part, err) : 0;
	if (e < 0)
		return e;
	p.hash = sha256_new();
	e = each_block(r, take_data, &p, err);
	sha256_final(p.hash, digest);
	if (e == 0 && p.size != size)
		e = broken(r, err);
	if (e < 0)
		return e;
	container_list_add(&r->list, name, size, mode, digest);
	r->bytes += size;
	return sink != NULL && sink->end != NULL ? sink->end(sink->ctx, err) : 0;
}

static int read_first(struct reading *r, struct err *err)
{
	struct archive_entry *e;
	cleanup_buf struct buf text = BUF_INIT(4096);
	uint64_t format = 0;
	if (archive_read_next_header(r->archive, &e) != ARCHIVE_OK)
		return r->source_failed < 0 ? broken(r, err) : err_set(err, -EBADMSG, "container.not_ours");
	const char *name = archive_entry_pathname(e);
	if (name == NULL || !str_eq(str_c(name), STR(CONTAINER_FIRST)))
		return err_set(err, -EBADMSG, "container.not_ours");
	int n = each_block(r, keep, &text, err);
	if (n < 0)
		return n;
	struct str s = str_trim(buf_str(&text));
	if (!str_starts_with(s, STR(CONTAINER_FIRST_TEXT)) ||
	    !str_parse_u64(str_sub(s, strlen(CONTAINER_FIRST_TEXT), s.n), 1, UINT32_MAX, &format))
		return err_set(err, -EBADMSG, "container.not_ours");
	return format == CONTAINER_FORMAT ? 0 : err_set(err, -ESTALE, "container.newer", ARG_U64("format", format));
}

/* One more entry. 1: there may be more, 0: the MAC came, which is the last. */
static int read_entry(struct reading *r, struct err *err)
{
	struct archive_entry *e;
	int n = archive_read_next_header(r->archive, &e);
	if (n == ARCHIVE_EOF)
		return cut_off(err);
	if (n != ARCHIVE_OK)
		return broken(r, err);
	struct str name = str_c(archive_entry_pathname(e));
	bool file = archive_entry_filetype(e) == AE_IFREG && archive_entry_hardlink(e) == NULL && archive_entry_size_is_set(e);
	if (!container_name_is_good(name) || !file || archive_entry_size(e) < 0)
		return err_set(err, -EBADMSG, "container.bad_name", ARG_STR("name", str_sub(name, 0, 200)));
	if (str_eq(name, STR(CONTAINER_MAC))) {
		n = each_block(r, keep, &r->mac, err);
		return n < 0 ? n : 0;
	}
	if (r->manifest.n > 0)
		return err_set(err, -EBADMSG, "container.bad_name", ARG_STR("name", name));
	if (str_eq(name, STR(CONTAINER_MANIFEST)))
		n = each_block(r, keep, &r->manifest, err);
	else
		n = read_part(r, name, (uint64_t)archive_entry_size(e), (unsigned)archive_entry_perm(e) & 0777, err);
	return n < 0 ? n : 1;
}

static bool agrees(const struct json *j, const struct container_listed *item)
{
	return str_eq_c(json_get_str(j, "name", STR_EMPTY), item->name) && json_get_int(j, "size", -1) == (int64_t)item->size &&
	       json_get_int(j, "mode", -1) == (int64_t)item->mode &&
	       str_eq_c(json_get_str(j, "sha256", STR_EMPTY), item->sha256_hex);
}

static int compare(const struct reading *r, const struct json *parts, struct err *err)
{
	size_t i = 0;
	json_each(j, parts) {
		if (i >= r->list.count || !agrees(j, &r->list.items[i]))
			return err_set(err, -EBADMSG, "container.part_differs",
			               ARG_CSTR("name", i < r->list.count ? r->list.items[i].name : ""));
		i++;
	}
	if (i < r->list.count)
		return err_set(err, -EBADMSG, "container.part_differs", ARG_CSTR("name", r->list.items[i].name));
	return 0;
}

static int read_manifest(struct reading *r, struct arena *arena, struct container_manifest *ret, struct err *err)
{
	const struct json_limits limits = {.depth = 16, .nodes = (size_t)CONTAINER_PARTS_MAX * 6};
	const struct json *j = NULL;
	if (r->manifest.n == 0 || !str_parse_hex(buf_str(&r->mac), ret->mac, sizeof ret->mac))
		return cut_off(err);
	ret->text = arena_str(arena, buf_str(&r->manifest));
	int e = json_parse(arena, ret->text, &limits, &j, err);
	if (e < 0)
		return e;
	const struct json *parts = json_get(j, "parts");
	ret->about = json_get(j, "about");
	if (json_get_int(j, "format", 0) != CONTAINER_FORMAT || parts == NULL || parts->type != JSON_ARRAY || ret->about == NULL ||
	    ret->about->type != JSON_OBJECT)
		return err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", CONTAINER_MANIFEST));
	ret->parts = r->list.count;
	ret->bytes = r->bytes;
	return compare(r, parts, err);
}

int container_read(const struct container_source *source, const struct container_sink *sink, struct arena *arena,
                   struct container_manifest *ret, struct err *err)
{
	struct reading r = {.source = source, .sink = sink, .manifest = BUF_INIT(MANIFEST_LIMIT), .mac = BUF_INIT(256)};
	r.source_chunk = mem_alloc(CHUNK);
	r.chunk = mem_alloc(CHUNK);
	r.archive = archive_read_new();
	int e;
	if (r.archive == NULL || archive_read_support_filter_zstd(r.archive) != ARCHIVE_OK ||
	    archive_read_support_format_tar(r.archive) != ARCHIVE_OK)
		e = err_set(err, -EIO, "container.library", ARG_CSTR("reason", "archive_read"));
	else if (archive_read_open(r.archive, &r, NULL, read_in, NULL) != ARCHIVE_OK)
		e = r.source_failed < 0 ? broken(&r, err) : err_set(err, -EBADMSG, "container.not_ours");
	else
		e = read_first(&r, err);
	if (e == 0)
		do
			e = read_entry(&r, err);
		while (e > 0);
	if (e == 0)
		e = read_manifest(&r, arena, ret, err);
	if (r.archive != NULL)
		(void)archive_read_free(r.archive);
	container_list_done(&r.list);
	buf_done(&r.manifest);
	buf_done(&r.mac);
	mem_free(r.source_chunk);
	mem_free(r.chunk);
	return e;
}

bool container_mac_is_good(const struct container_manifest *m, const unsigned char mac_key[32])
{
	unsigned char mac[SHA256_SIZE];
	hmac_sha256(str_n(mac_key, 32), m->text, mac);
	return str_eq_constant_time(str_n(mac, sizeof mac), str_n(m->mac, sizeof m->mac));
}
