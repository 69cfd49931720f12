/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Archives by libarchive, from memory into memory: no name of theirs ever becomes a path, nothing is written. Only formats and
 * filters that run within the process are switched on.
 */
#include <archive.h>
#include <archive_entry.h>
#include <iconv.h>
#include <locale.h>
#include <string.h>

#include "base/mem/mem.h"
#include "program/scand/scand.h"

#define PATH_MOST 1000
#define SPARE (UINT64_C(1) << 20)
#define BLOCK ((size_t)64 << 10)

struct level {
	struct scand_archive *a;
	const char *path; /* of the archive within the file; "": the file itself */
	unsigned depth;
};

static bool begins(const uint8_t *data, size_t len, size_t at, struct str with)
{
	return len >= at + with.n && memcmp(data + at, with.p, with.n) == 0;
}

/* Only what looks like one is opened, and only as what it looks like: libarchive's own guess would try each format on each file, take a
 * stream that begins with zeros for an empty tar, and go through any number of filters. */
typedef int (*support)(struct archive *);
static const struct form {
	struct str start;
	size_t at;
	support format, filter; /* with a filter: one file, which is looked at like any other */
} forms[] = {
	{STR("PK\3\4"), 0, archive_read_support_format_zip, NULL},
	{STR("PK\5\6"), 0, archive_read_support_format_zip, NULL},
	{STR("PK00PK\3\4"), 0, archive_read_support_format_zip, NULL},
	{STR("7z\xbc\xaf\x27\x1c"), 0, archive_read_support_format_7zip, NULL},
	{STR("Rar!\x1a\x07\x01"), 0, archive_read_support_format_rar5, NULL},
	{STR("Rar!\x1a\x07"), 0, archive_read_support_format_rar, NULL},
	{STR("MSCF"), 0, archive_read_support_format_cab, NULL},
	{STR("ustar"), 257, archive_read_support_format_tar, NULL},
	{STR("070701"), 0, archive_read_support_format_cpio, NULL},
	{STR("070702"), 0, archive_read_support_format_cpio, NULL},
	{STR("070707"), 0, archive_read_support_format_cpio, NULL},
	{STR("!<arch>\n"), 0, archive_read_support_format_ar, NULL},
	{STR("\x1f\x8b"), 0, archive_read_support_format_raw, archive_read_support_filter_gzip},
	{STR("BZh"), 0, archive_read_support_format_raw, archive_read_support_filter_bzip2},
	{STR("\xfd" "7zXZ"), 0, archive_read_support_format_raw, archive_read_support_filter_xz},
	{STR("\x28\xb5\x2f\xfd"), 0, archive_read_support_format_raw, archive_read_support_filter_zstd},
};

static const struct form *form_of(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (begins(data, len, forms[i].at, forms[i].start))
			return &forms[i];
	return NULL;
}

static struct archive *open_archive(const struct form *form, const uint8_t *data, size_t len, bool *ret_too_deep)
{
	struct archive *r = archive_read_new();
	if (r != NULL && form->format(r) == ARCHIVE_OK && (form->filter == NULL || form->filter(r) == ARCHIVE_OK) &&
	    archive_read_open_memory(r, data, len) == ARCHIVE_OK)
		return r;
	/* One kind of filter may be stacked 25 times; its words are the only sign. */
	if (r != NULL && archive_error_string(r) != NULL)
		*ret_too_deep = *ret_too_deep || strstr(archive_error_string(r), "too many filters") != NULL;
	(void)archive_read_free(r);
	return NULL;
}

static uint64_t allowed(const struct scand_archive *a)
{
	uint64_t by_ratio = a->packed * SCAND_ARCHIVE_RATIO + SPARE;
	uint64_t most = by_ratio < SCAND_ARCHIVE_UNPACKED ? by_ratio : SCAND_ARCHIVE_UNPACKED;
	return a->unpacked < most ? most - a->unpacked : 0;
}

/* Unpacks one member as far as it may go. */
static void read_member(struct archive *r, struct scand_archive *a, struct buf *out)
{
	for (;;) {
		uint64_t left = allowed(a), room = a->member_most - out->n;
		size_t want = left < BLOCK ? (size_t)left : BLOCK;
		if (left == 0 || room == 0) {
			a->too_much = true;
			return;
		}
		if (want > room)
			want = (size_t)room;
		if (!buf_reserve(out, want + 1))
			return;
		la_ssize_t n = archive_read_data(r, out->p + out->n, want);
		if (n <= 0)
			return; /* the end, or it breaks here: what came so far is looked at */
		out->n += (size_t)n;
		out->p[out->n] = '\0';
		a->unpacked += (uint64_t)n;
	}
}

static bool walk(const struct level *level, const uint8_t *data, size_t len);

static void member_path(const struct level *level, const char *name, struct buf *out)
{
	if (level->path[0] != '\0')
		buf_printf(out, "%s/", level->path);
	buf_append(out, str_sub(str_c(name != NULL ? name : "?"), 0, PATH_MOST));
}

static bool one_member(const struct level *level, struct archive *r, const char *name)
{
	cleanup_buf struct buf bytes = BUF_INIT((size_t)SCAND_ARCHIVE_MEMBER + 2 * BLOCK), path = BUF_INIT((size_t)(SCAND_ARCHIVE_DEPTH + 1) * (PATH_MOST + 2));
	read_member(r, level->a, &bytes);
	member_path(level, name, &path);
	if (bytes.n == 0)
		return true;
	if (!level->a->on_member(level->a->ctx, (const uint8_t *)bytes.p, bytes.n, buf_str(&path)))
		return false;
	return walk(&(struct level){level->a, path.p, level->depth + 1}, (const uint8_t *)bytes.p, bytes.n);
}

static bool walk(const struct level *level, const uint8_t *data, size_t len)
{
	struct scand_archive *a = level->a;
	const struct form *form = form_of(data, len);
	bool go_on = true;
	if (form == NULL)
		return true;
	if (level->depth >= SCAND_ARCHIVE_DEPTH) {
		a->too_much = true;
		return true;
	}
	struct archive *r = open_archive(form, data, len, &a->too_much);
	struct archive_entry *entry;
	while (go_on && r != NULL) {
		int code = archive_read_next_header(r, &entry);
		if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
			break;
		if (a->members >= SCAND_ARCHIVE_MEMBERS || allowed(a) == 0) {
			a->too_much = true;
			break;
		}
		a->members++;
		if (archive_entry_filetype(entry) == AE_IFREG || archive_entry_filetype(entry) == 0)
			go_on = one_member(level, r, form->filter != NULL ? "-" : archive_entry_pathname(entry));
	}
	if (r != NULL)
		(void)archive_read_free(r);
	return go_on;
}

bool scand_archive_walk(struct scand_archive *a, const uint8_t *data, size_t len)
{
	return walk(&(struct level){a, "", 0}, data, len);
}

/* Names in archives are converted: the tables for that are read when first asked for. */
void scand_archive_start(void)
{
	static const char *const sets[] = {"UTF-8", "UTF-16LE", "UTF-16BE", "CP437", "CP1252", "ISO-8859-1"};
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		iconv_t c = iconv_open("UTF-8", sets[i]);
		if (c != (iconv_t)-1)
			(void)iconv_close(c);
	}
}
