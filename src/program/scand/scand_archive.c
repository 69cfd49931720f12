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

/* Only what looks like one is opened: libarchive's own guess would try each format on each file. */
static bool looks_like_one(const uint8_t *data, size_t len, bool *ret_one_file)
{
	static const struct {
		struct str start;
		size_t at;
		bool one_file; /* a filter: without an archive inside it is one file */
	} table[] = {
		{STR("PK\3\4"), 0, false},           {STR("PK\5\6"), 0, false}, {STR("PK00PK\3\4"), 0, false}, {STR("7z\xbc\xaf\x27\x1c"), 0, false},
		{STR("Rar!\x1a\x07"), 0, false},     {STR("MSCF"), 0, false},   {STR("ustar"), 257, false},    {STR("070701"), 0, false},
		{STR("070702"), 0, false},           {STR("070707"), 0, false}, {STR("!<arch>\n"), 0, false},   {STR("\x1f\x8b"), 0, true},
		{STR("BZh"), 0, true},               {STR("\xfd" "7zXZ"), 0, true}, {STR("\x28\xb5\x2f\xfd"), 0, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (begins(data, len, table[i].at, table[i].start)) {
			*ret_one_file = table[i].one_file;
			return true;
		}
	return false;
}

static struct archive *open_archive(const uint8_t *data, size_t len, bool one_file)
{
	struct archive *r = archive_read_new();
	if (r == NULL)
		return NULL;
	bool ok = archive_read_support_filter_gzip(r) == ARCHIVE_OK && archive_read_support_filter_bzip2(r) == ARCHIVE_OK &&
	          archive_read_support_filter_xz(r) == ARCHIVE_OK && archive_read_support_filter_zstd(r) == ARCHIVE_OK;
	ok = ok && archive_read_support_format_zip(r) == ARCHIVE_OK && archive_read_support_format_tar(r) == ARCHIVE_OK &&
	     archive_read_support_format_7zip(r) == ARCHIVE_OK && archive_read_support_format_rar(r) == ARCHIVE_OK &&
	     archive_read_support_format_rar5(r) == ARCHIVE_OK && archive_read_support_format_cab(r) == ARCHIVE_OK &&
	     archive_read_support_format_cpio(r) == ARCHIVE_OK && archive_read_support_format_ar(r) == ARCHIVE_OK;
	if (ok && one_file)
		ok = archive_read_support_format_raw(r) == ARCHIVE_OK;
	if (ok && archive_read_open_memory(r, data, len) == ARCHIVE_OK)
		return r;
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
	bool one_file = false, go_on = true;
	if (!looks_like_one(data, len, &one_file))
		return true;
	if (level->depth >= SCAND_ARCHIVE_DEPTH) {
		a->too_much = true;
		return true;
	}
	struct archive *r = open_archive(data, len, one_file);
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
			go_on = one_member(level, r, archive_entry_pathname(entry));
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
