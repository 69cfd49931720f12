/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file/file.h"
#include "program/cli/cli_hunt.h"

#define CHUNK ((size_t)256 << 10)
#define WHOLE_MAX ((size_t)4 << 30)
#define ITEMS_A_BATCH 4096

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };
enum form { FORM_UNKNOWN, FORM_LINES, FORM_WHOLE };

struct hunt_input {
	const char *path;
	int fd;
	enum packing packing;
	enum form form;
	bool ended;
	uint64_t position, line;
	struct buf packed; /* read, not yet unpacked */
	size_t packed_at;
	z_stream z;
	ZSTD_DStream *zstd;
	struct buf text; /* unpacked, not yet handed out */
	size_t text_at;  /* FORM_WHOLE: parsed so far */
	bool in_array;
	uint64_t number;
};

static int broken(struct hunt_input *in, const char *key, struct err *err)
{
	return err_at(err, str_c(in->path)) < 0 ? err_set(err, -EINVAL, key, ARG_CSTR("path", in->path)) : -EINVAL;
}

static int read_chunk(struct hunt_input *in, struct err *err)
{
	if (!buf_reserve(&in->packed, CHUNK))
		return err_set(err, -E2BIG, "cli.hunt.too_big", ARG_CSTR("path", in->path));
	ssize_t n = read(in->fd, in->packed.p + in->packed.n, CHUNK);
	if (n < 0)
		return err_errno(err, errno, "read", str_c(in->path));
	in->packed.n += (size_t)n;
	in->position += (uint64_t)n;
	in->ended = n == 0;
	return 0;
}

static int inflate_some(struct hunt_input *in, struct err *err)
{
	in->z.next_in = (unsigned char *)in->packed.p + in->packed_at;
	in->z.avail_in = (unsigned)(in->packed.n - in->packed_at);
	while (in->z.avail_in > 0) {
		if (!buf_reserve(&in->text, CHUNK))
			return err_set(err, -E2BIG, "cli.hunt.too_big", ARG_CSTR("path", in->path));
		in->z.next_out = (unsigned char *)in->text.p + in->text.n;
		in->z.avail_out = (unsigned)CHUNK;
		int e = inflate(&in->z, Z_NO_FLUSH);
		in->text.n += CHUNK - in->z.avail_out;
		if (e == Z_STREAM_END)
			e = inflateReset(&in->z); /* gzip allows members one after another */
		if (e != Z_OK && e != Z_BUF_ERROR)
			return broken(in, "cli.hunt.broken", err);
	}
	return 0;
}

static int unzstd_some(struct hunt_input *in, struct err *err)
{
	ZSTD_inBuffer source = {in->packed.p + in->packed_at, in->packed.n - in->packed_at, 0};
	bool full = true;
	while (source.pos < source.size || full) {
		if (!buf_reserve(&in->text, CHUNK))
			return err_set(err, -E2BIG, "cli.hunt.too_big", ARG_CSTR("path", in->path));
		ZSTD_outBuffer out = {in->text.p + in->text.n, CHUNK, 0};
		if (ZSTD_isError(ZSTD_decompressStream(in->zstd, &out, &source)))
			return broken(in, "cli.hunt.broken", err);
		in->text.n += out.pos;
		full = out.pos == out.size;
	}
	return 0;
}

/* More unpacked text, or `ended`. */
static int more(struct hunt_input *in, struct err *err)
{
	int r = 0;
	if (in->packing == PACKING_NONE) {
		struct buf packed = in->packed;
		in->packed = in->text;
		r = read_chunk(in, err);
		in->text = in->packed;
		in->packed = packed;
		return r;
	}
	buf_clear(&in->packed);
	in->packed_at = 0;
	r = read_chunk(in, err);
	if (r < 0 || in->ended)
		return r;
	return in->packing == PACKING_GZIP ? inflate_some(in, err) : unzstd_some(in, err);
}

static int find_packing(struct hunt_input *in, struct err *err)
{
	in->packed.n = 0;
	int r = read_chunk(in, err);
	if (r < 0)
		return r;
	struct str head = buf_str(&in->packed);
	if (str_starts_with(head, STR("\x1f\x8b"))) {
		in->packing = PACKING_GZIP;
		if (inflateInit2(&in->z, 15 + 16) != Z_OK)
			return broken(in, "cli.hunt.broken", err);
		return inflate_some(in, err);
	}
	if (str_starts_with(head, STR("\x28\xb5\x2f\xfd"))) {
		in->packing = PACKING_ZSTD;
		in->zstd = ZSTD_createDStream();
		return in->zstd != NULL ? unzstd_some(in, err) : broken(in, "cli.hunt.broken", err);
	}
	if (str_starts_with(head, STR("ElfFile")))
		return err_set(err, -ENOTSUP, "cli.hunt.evtx", ARG_CSTR("path", in->path));
	struct buf text = in->text;
	in->text = in->packed;
	in->packed = text;
	return 0;
}

int hunt_input_open(const char *path, struct hunt_input **ret, struct err *err)
{
	struct hunt_input *in = MEM_NEW(struct hunt_input);
	*in = (struct hunt_input){.path = path, .packed = BUF_INIT(WHOLE_MAX), .text = BUF_INIT(WHOLE_MAX), .line = 1};
	in->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	int r = in->fd < 0 ? err_errno(err, errno, "open", str_c(path)) : find_packing(in, err);
	if (r < 0) {
		hunt_input_close(in);
		return r;
	}
	*ret = in;
	return 0;
}

void hunt_input_close(struct hunt_input *in)
{
	if (in == NULL)
		return;
	file_close(&in->fd);
	buf_done(&in->packed);
	buf_done(&in->text);
	if (in->packing == PACKING_GZIP)
		(void)inflateEnd(&in->z);
	(void)ZSTD_freeDStream(in->zstd);
	mem_free(in);
}

uint64_t hunt_input_position(const struct hunt_input *in)
{
	return in->position;
}

/* The end of the JSON value at `at`, or 0 when it does not end within the text. */
static size_t value_end(struct str s, size_t at)
{
	unsigned depth = 0;
	bool inside = false;
	for (size_t i = at; i < s.n; i++) {
		char c = s.p[i];
		if (inside) {
			i += c == '\\';
			inside = c != '"';
		} else if (c == '"') {
			inside = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (depth <= 1)
				return i + 1;
			depth--;
		}
	}
	return 0;
}

static size_t skip_blanks(struct str s, size_t at)
{
	while (at < s.n && strchr(" \t\r\n", s.p[at]) != NULL && s.p[at] != '\0')
		at++;
	return at;
}

/* The place behind `{"Records":[` (CloudTrail's files), or 0. */
static size_t records_array(struct str s, size_t at)
{
	static const char *const words[] = {"{", "\"Records\"", ":", "["};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		at = skip_blanks(s, at);
		if (!str_starts_with(str_sub(s, at, s.n), str_c(words[i])))
			return 0;
		at += strlen(words[i]);
	}
	return at;
}

/* One object a line, unless the text begins an array, a Records object, or an object that does not end on its line. */
static int find_form(struct hunt_input *in, struct err *err)
{
	int r = 0;
	while (r == 0 && !in->ended && str_find_char(buf_str(&in->text), '\n') == SIZE_MAX)
		r = more(in, err);
	if (r < 0)
		return r;
	if (str_starts_with(buf_str(&in->text), STR("\xef\xbb\xbf")))
		buf_consume(&in->text, 3);
	struct str s = buf_str(&in->text);
	size_t at = skip_blanks(s, 0);
	size_t end = at < s.n && s.p[at] == '{' ? value_end(s, at) : 0, line = str_find_char(str_sub(s, at, s.n), '\n');
	bool on_its_line = end > 0 && (line == SIZE_MAX || end <= at + line);
	bool whole = at < s.n && (s.p[at] == '[' || records_array(s, at) > 0 || (s.p[at] == '{' && !on_its_line && line != SIZE_MAX && line < 200));
	in->form = whole ? FORM_WHOLE : FORM_LINES;
	while (r == 0 && whole && !in->ended)
		r = more(in, err);
	return r;
}

static int next_lines(struct hunt_input *in, struct hunt_batch *batch, struct err *err)
{
	size_t last = SIZE_MAX;
	while (!in->ended && (in->text.n < HUNT_BATCH_BYTES || last == SIZE_MAX)) {
		int r = more(in, err);
		if (r < 0)
			return r;
		const char *newline = in->text.n >= HUNT_BATCH_BYTES ? memrchr(in->text.p, '\n', in->text.n) : NULL;
		last = newline != NULL ? (size_t)(newline - in->text.p) + 1 : SIZE_MAX;
	}
	if (in->text.n == 0)
		return 0;
	const char *newline = memrchr(in->text.p, '\n', in->text.n);
	size_t n = in->ended || newline == NULL ? in->text.n : (size_t)(newline - in->text.p) + 1;
	batch->first_line = in->line;
	/* The buffers change places: the batch gets the text, the input what is behind its last whole line. */
	struct buf rest = batch->bytes;
	buf_clear(&rest);
	buf_append(&rest, str_sub(buf_str(&in->text), n, in->text.n));
	batch->bytes = in->text;
	batch->bytes.n = n;
	in->text = rest;
	for (const char *p = batch->bytes.p, *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		in->line++;
	return 1;
}

static void add_item(struct hunt_batch *batch, struct str item, uint64_t number)
{
	if (batch->item_count == batch->item_capacity) {
		batch->item_capacity = batch->item_capacity > 0 ? batch->item_capacity * 2 : 256;
		batch->items = mem_realloc_array(batch->items, batch->item_capacity, sizeof *batch->items);
	}
	batch->items[batch->item_count++] = (struct hunt_item){batch->bytes.n, item.n, number};
	buf_append(&batch->bytes, item);
}

static int next_items(struct hunt_input *in, struct hunt_batch *batch, struct err *err)
{
	struct str s = buf_str(&in->text);
	while (batch->item_count < ITEMS_A_BATCH && batch->bytes.n < HUNT_BATCH_BYTES) {
		size_t at = in->text_at = skip_blanks(s, in->text_at);
		if (at >= s.n)
			break;
		if (s.p[at] == '[' && !in->in_array) {
			in->in_array = true;
			in->text_at++;
		} else if (s.p[at] == '{') {
			size_t inside = in->in_array ? 0 : records_array(s, at), end = inside > 0 ? inside : value_end(s, at);
			if (end == 0)
				return broken(in, "cli.hunt.json", err);
			in->in_array |= inside > 0;
			if (inside == 0)
				add_item(batch, str_sub(s, at, end), ++in->number);
			in->text_at = end;
		} else if (strchr(",]}", s.p[at]) != NULL && s.p[at] != '\0') {
			in->in_array = in->in_array && s.p[at] != ']';
			in->text_at++;
		} else {
			return broken(in, "cli.hunt.json", err);
		}
	}
	return batch->item_count > 0;
}

int hunt_input_next(struct hunt_input *in, struct hunt_batch *batch, struct err *err)
{
	batch->item_count = 0;
	buf_clear(&batch->bytes);
	if (in->form == FORM_UNKNOWN) {
		int r = find_form(in, err);
		if (r < 0)
			return r;
	}
	return in->form == FORM_LINES ? next_lines(in, batch, err) : next_items(in, batch, err);
}
