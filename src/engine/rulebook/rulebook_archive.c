/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Archives through libarchive, from memory and into memory: nothing of theirs ever becomes a file. */
#include <archive.h>
#include <archive_entry.h>

#include "base/text/text.h"
#include "engine/rulebook/rulebook_internal.h"

#define CHUNK      ((size_t)64 << 10)
#define RATIO_FREE ((uint64_t)16 << 20) /* small archives may pack as well as they like */

struct reading {
	struct archive *archive;
	struct rulebook_files *files;
	uint64_t packed;
	size_t entries;
	struct buf text; /* of the current entry */
	char *chunk;
};

static int refuse_library(struct archive *a, struct err *err)
{
	const char *reason = archive_error_string(a);
	return err_set(err, -EINVAL, "rulebook.archive", ARG_CSTR("reason", reason != NULL ? reason : "libarchive"));
}

/* Relative, without "..", and text: what does not hold this was made by somebody with an aim. */
static bool path_is_good(struct str path)
{
	struct str rest = path, part;
	if (path.n == 0 || path.n > RULEBOOK_PATH_MAX || path.p[0] == '/' || !text_is_utf8(path))
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == '\\' || path.p[i] == ':' || path.p[i] == 0x7f)
			return false;
	while (str_split(&rest, '/', &part))
		if (str_eq_c(part, "..") || str_eq_c(part, "."))
			return false;
	return true;
}

static bool is_rule_file(struct str path)
{
	struct str rest = path, part;
	while (str_split(&rest, '/', &part))
		if (part.n > 0 && part.p[0] == '.')
			return false;
	return str_ends_with(path, STR(".yml")) || str_ends_with(path, STR(".yaml"));
}

/* A rule has one of these at the beginning of a line; other YAML files of a repository do not. */
static bool looks_like_rule(struct str text)
{
	static const char *const keys[] = {"detection:", "correlation:", "filter:"};
	struct str line;
	while (str_split(&text, '\n', &line))
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (str_starts_with(line, str_c(keys[i])))
				return true;
	return false;
}

static int add_file(struct rulebook_files *files, struct str path, struct str text, struct err *err)
{
	if (!looks_like_rule(text)) {
		files->skipped++;
		return 0;
	}
	if (files->count == RULEBOOK_RULES_MAX)
		return err_set(err, -E2BIG, "rulebook.too_many", ARG_U64("limit", RULEBOOK_RULES_MAX));
	if (files->count == files->capacity) {
		files->capacity = files->capacity > 0 ? files->capacity * 2 : 256;
		struct rulebook_file *items = ARENA_ARRAY(files->arena, files->capacity, struct rulebook_file);
		if (items == NULL)
			return err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", RULEBOOK_UNPACKED_MAX >> 20));
		if (files->count > 0)
			memcpy(items, files->items, files->count * sizeof *items);
		files->items = items;
	}
	files->items[files->count++] = (struct rulebook_file){arena_cstr(files->arena, path), arena_str(files->arena, text)};
	return 0;
}

/* Counts what comes out, kept or not. */
static int count_bytes(struct reading *r, size_t n, struct err *err)
{
	r->files->unpacked += n;
	if (r->files->unpacked > RULEBOOK_UNPACKED_MAX)
		return err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", RULEBOOK_UNPACKED_MAX >> 20));
	if (r->files->unpacked > RATIO_FREE && r->files->unpacked / RULEBOOK_RATIO_MAX > r->packed)
		return err_set(err, -E2BIG, "rulebook.bomb", ARG_U64("ratio", RULEBOOK_RATIO_MAX));
	return 0;
}

static int read_entry(struct reading *r, struct err *err)
{
	buf_clear(&r->text);
	for (;;) {
		la_ssize_t n = archive_read_data(r->archive, r->chunk, CHUNK);
		if (n < 0)
			return refuse_library(r->archive, err);
		if (n == 0)
			return 0;
		int e = count_bytes(r, (size_t)n, err);
		if (e < 0)
			return e;
		buf_append(&r->text, str_n(r->chunk, (size_t)n));
	}
}

static int take_entry(struct reading *r, struct archive_entry *e, struct err *err)
{
	/* Without a locale the library converts nothing: names that zip marks as UTF-8 are asked for as such. */
	const char *name = archive_entry_pathname(e);
	struct str path = str_c(name != NULL ? name : archive_entry_pathname_utf8(e));
	if (++r->entries > RULEBOOK_ENTRIES_MAX)
		return err_set(err, -E2BIG, "rulebook.too_many", ARG_U64("limit", RULEBOOK_ENTRIES_MAX));
	if (!path_is_good(path))
		return err_set(err, -EINVAL, "rulebook.path", ARG_STR("path", str_sub(path, 0, 200)));
	if (archive_entry_is_encrypted(e) > 0)
		return err_set(err, -EINVAL, "rulebook.encrypted");
	/* Links and devices have no bytes of their own, and nothing is ever unpacked to where they lead. */
	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) != NULL) {
		r->files->skipped += archive_entry_filetype(e) != AE_IFDIR;
		return 0;
	}
	int n = read_entry(r, err);
	if (n < 0)
		return n;
	if (!is_rule_file(path) || r->text.overflow) {
		r->files->skipped++;
		return 0;
	}
	return add_file(r->files, path, buf_str(&r->text), err);
}

static int read_all(struct reading *r, struct err *err)
{
	for (;;) {
		struct archive_entry *e = NULL;
		int n = archive_read_next_header(r->archive, &e);
		if (n == ARCHIVE_EOF)
			return 0;
		if (n < ARCHIVE_WARN)
			return refuse_library(r->archive, err);
		n = take_entry(r, e, err);
		if (n < 0)
			return n;
	}
}

static bool is_archive(struct str b)
{
	return str_starts_with(b, STR("PK\x03\x04")) || str_starts_with(b, STR("PK\x05\x06")) || str_starts_with(b, STR("\x1f\x8b")) ||
	       str_starts_with(b, STR("\x28\xb5\x2f\xfd")) || str_eq(str_sub(b, 257, 262), STR("ustar"));
}

int rulebook_unpack(struct str name, struct str bytes, struct rulebook_files *files, struct err *err)
{
	if (bytes.n > RULEBOOK_FILE_MAX)
		return err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", RULEBOOK_FILE_MAX >> 20));
	if (!is_archive(bytes)) {
		files->unpacked = bytes.n;
		if (bytes.n > RULEBOOK_RULE_MAX)
			return err_set(err, -EINVAL, "rulebook.archive", ARG_CSTR("reason", "zip, tar.gz, tar.zst, yml"));
		return add_file(files, name.n > 0 && name.n <= RULEBOOK_PATH_MAX && text_is_utf8(name) ? name : STR("rule.yml"), bytes, err);
	}
	struct reading r = {.files = files, .packed = bytes.n, .text = BUF_INIT(RULEBOOK_RULE_MAX), .archive = archive_read_new()};
	r.chunk = mem_alloc(CHUNK);
	int e;
	if (r.archive == NULL || archive_read_support_filter_gzip(r.archive) < ARCHIVE_WARN ||
	    archive_read_support_filter_zstd(r.archive) < ARCHIVE_WARN || archive_read_support_format_zip(r.archive) < ARCHIVE_WARN ||
	    archive_read_support_format_tar(r.archive) < ARCHIVE_WARN ||
	    archive_read_open_memory(r.archive, bytes.p, bytes.n) != ARCHIVE_OK)
		e = refuse_library(r.archive, err);
	else
		e = read_all(&r, err);
	(void)archive_read_free(r.archive);
	buf_done(&r.text);
	mem_free(r.chunk);
	return e;
}
