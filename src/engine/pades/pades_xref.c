/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Cross-references: tables (7.5.4), streams (7.5.8), both along /Prev; and objects by their numbers. */
#include "base/text/text.h"
#include "engine/inflate/inflate.h"
#include "engine/pades/pades_internal.h"

#define OBJECTS_MAX ((int64_t)1000000)
#define SECTIONS_MAX 256
#define INFLATED_MAX ((size_t)128 << 20)
#define TAIL 2048

static int malformed(struct pades_file *f, const char *what)
{
	return err_set(f->err, -EINVAL, "pades.malformed", ARG_CSTR("what", what));
}

static struct cursor at(struct pades_file *f, uint64_t offset)
{
	struct cursor c = cursor_of(f->bytes);
	c.at = offset < f->bytes.n ? (size_t)offset : f->bytes.n;
	return c;
}

/* The first section that names an object is the newest. */
static void set_entry(struct pades_file *f, int64_t number, struct pades_entry entry)
{
	if (number >= 0 && (size_t)number < f->count && f->entries[number].kind == PADES_UNSET)
		f->entries[number] = entry;
}

/* Bytes behind the keyword `stream`. */
static bool read_stream(struct pades_file *f, struct cursor *c, struct pades_object *o)
{
	const struct pades_object *length = pades_get(f, o, "Length");
	if (length == NULL || length->type != PADES_INTEGER || length->integer < 0)
		return false;
	(void)cursor_accept(c, '\r');
	if (!cursor_accept(c, '\n'))
		return false;
	o->stream = cursor_take(c, (size_t)length->integer);
	o->is_stream = !c->failed;
	return o->is_stream;
}

/* "12 0 obj …"; the number must be the one that was asked for (-1: any). */
static struct pades_object *read_indirect(struct pades_file *f, uint64_t offset, int64_t number)
{
	struct cursor c = at(f, offset);
	uint64_t found, generation;
	pades_skip_blank(&c);
	if (!cursor_u64(&c, 0, (uint64_t)OBJECTS_MAX, &found) || (number >= 0 && (int64_t)found != number))
		return NULL;
	pades_skip_blank(&c);
	if (!cursor_u64(&c, 0, 65535, &generation))
		return NULL;
	pades_skip_blank(&c);
	if (!cursor_accept_str(&c, STR("obj")))
		return NULL;
	struct pades_object *o = pades_parse(f, &c, false, 0);
	if (o == NULL)
		return NULL;
	pades_skip_blank(&c);
	if (o->type == PADES_DICT && cursor_accept_str(&c, STR("stream")) && !read_stream(f, &c, o))
		return NULL;
	return o;
}

/* PNG predictors (RFC 2083, 6): what a row adds to the one above and to its left. */
static bool unpredict(struct pades_file *f, struct str rows, size_t columns, struct str *ret)
{
	size_t width = columns + 1, count = rows.n / width;
	unsigned char *out = ARENA_ARRAY(f->arena, count * columns + 1, unsigned char);
	if (out == NULL)
		return false;
	for (size_t r = 0; r < count; r++) {
		const struct str row = str_sub(rows, r * width + 1, (r + 1) * width);
		char kind = rows.p[r * width];
		unsigned char *here = &out[r * columns];
		for (size_t i = 0; i < columns; i++) {
			unsigned char up = r > 0 ? out[(r - 1) * columns + i] : 0, left = i > 0 ? here[i - 1] : 0;
			unsigned add = kind == 1 ? left : kind == 2 ? up : kind == 3 ? (unsigned)(left + up) / 2 : 0;
			if (kind < 0 || kind > 3)
				return false;
			here[i] = (unsigned char)((unsigned char)row.p[i] + add);
		}
	}
	*ret = str_n(out, count * columns);
	return true;
}

bool pades_unpack(struct pades_file *f, const struct pades_object *stream, struct str *ret)
{
	const struct pades_object *filter = pades_get(f, stream, "Filter"), *parms = pades_get(f, stream, "DecodeParms");
	if (filter != NULL && filter->type == PADES_ARRAY)
		filter = filter->child != NULL && filter->child->next == NULL ? pades_resolve(f, filter->child) : NULL;
	if (parms != NULL && parms->type == PADES_ARRAY)
		parms = pades_resolve(f, parms->child);
	*ret = stream->stream;
	if (pades_entry(stream, "Filter") == NULL)
		return true;
	if (!pades_is_name(filter, "FlateDecode"))
		return false;
	struct buf out = BUF_INIT(INFLATED_MAX);
	bool good = inflate_body(STR("deflate"), stream->stream, &out, NULL) == 0 && f->inflated + out.n <= INFLATED_MAX;
	f->inflated += out.n;
	good = good && pades_keep(f, buf_str(&out), ret);
	buf_done(&out);
	const struct pades_object *predictor = pades_get(f, parms, "Predictor"), *columns = pades_get(f, parms, "Columns");
	if (!good || predictor == NULL || predictor->integer < 10)
		return good && (predictor == NULL || predictor->integer == 1);
	int64_t width = columns != NULL ? columns->integer : 1;
	return width > 0 && width < 1 << 16 && unpredict(f, *ret, (size_t)width, ret);
}

/* ---- sections ---- */

static bool grow(struct pades_file *f, int64_t size)
{
	if (size < 0 || size > OBJECTS_MAX)
		return false;
	if ((size_t)size > f->capacity) {
		size_t capacity = (size_t)size > 2 * f->capacity ? (size_t)size : 2 * f->capacity;
		struct pades_entry *more = ARENA_ARRAY(f->arena, capacity, struct pades_entry);
		if (more == NULL)
			return false;
		for (size_t i = 0; i < f->count; i++)
			more[i] = f->entries[i];
		f->entries = more;
		f->capacity = capacity;
	}
	f->count = (size_t)size > f->count ? (size_t)size : f->count;
	return true;
}

static bool read_table_part(struct pades_file *f, struct cursor *c)
{
	uint64_t first, count;
	if (!cursor_u64(c, 0, (uint64_t)OBJECTS_MAX, &first))
		return false;
	pades_skip_blank(c);
	if (!cursor_u64(c, 0, (uint64_t)OBJECTS_MAX, &count) || !grow(f, (int64_t)(first + count)))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t offset, generation;
		pades_skip_blank(c);
		if (!cursor_u64(c, 0, UINT64_C(9999999999), &offset))
			return false;
		pades_skip_blank(c);
		if (!cursor_u64(c, 0, 65535, &generation))
			return false;
		pades_skip_blank(c);
		int kind = cursor_next(c);
		if (kind != 'n' && kind != 'f')
			return false;
		set_entry(f, (int64_t)(first + i), (struct pades_entry){.kind = kind == 'n' ? PADES_PLAIN : PADES_FREE, .at = offset, .extra = (uint32_t)generation});
	}
	return true;
}

static const struct pades_object *read_table(struct pades_file *f, struct cursor *c)
{
	for (;;) {
		pades_skip_blank(c);
		if (cursor_accept_str(c, STR("trailer")))
			return pades_parse(f, c, false, 0);
		if (!read_table_part(f, c))
			return NULL;
	}
}

static uint64_t field(struct cursor *c, int64_t width, uint64_t fallback)
{
	uint64_t value = width > 0 ? 0 : fallback;
	for (int64_t i = 0; i < width; i++)
		value = value << 8 | cursor_u8(c);
	return value;
}

static bool read_rows(struct pades_file *f, struct cursor *c, int64_t first, int64_t count, const int64_t widths[3])
{
	if (first < 0 || count < 0 || first > OBJECTS_MAX || count > OBJECTS_MAX || !grow(f, first + count))
		return false;
	for (int64_t i = 0; i < count && !cursor_at_end(c); i++) {
		uint64_t kind = field(c, widths[0], 1), offset = field(c, widths[1], 0), extra = field(c, widths[2], 0);
		struct pades_entry e = {.kind = kind == 1 ? PADES_PLAIN : kind == 2 ? PADES_PACKED : PADES_FREE, .at = offset, .extra = (uint32_t)extra};
		if (!c->failed)
			set_entry(f, first + i, e);
	}
	return true;
}

static const struct pades_object *read_stream_section(struct pades_file *f, uint64_t offset)
{
	const struct pades_object *o = read_indirect(f, offset, -1), *w = pades_get(f, o, "W"), *index = pades_get(f, o, "Index"), *size = pades_get(f, o, "Size");
	int64_t widths[3] = {0};
	struct str rows;
	size_t n = 0;
	if (o == NULL || !o->is_stream || !pades_is_name(pades_get(f, o, "Type"), "XRef") || w == NULL || w->type != PADES_ARRAY || size == NULL)
		return NULL;
	for (const struct pades_object *i = w->child; i != NULL && n < 3; i = i->next, n++)
		if ((widths[n] = i->integer) < 0 || widths[n] > 8)
			return NULL;
	if (!pades_unpack(f, o, &rows))
		return NULL;
	struct cursor c = cursor_of(rows);
	if (index == NULL)
		return read_rows(f, &c, 0, size->integer, widths) ? o : NULL;
	for (const struct pades_object *i = index->child; i != NULL && i->next != NULL; i = i->next->next)
		if (!read_rows(f, &c, i->integer, i->next->integer, widths))
			return NULL;
	return o;
}

static const struct pades_object *read_section(struct pades_file *f, uint64_t offset, bool *ret_is_stream)
{
	struct cursor c = at(f, offset);
	pades_skip_blank(&c);
	*ret_is_stream = !cursor_accept_str(&c, STR("xref"));
	if (*ret_is_stream)
		return read_stream_section(f, offset);
	const struct pades_object *trailer = read_table(f, &c), *hybrid = pades_entry(trailer, "XRefStm");
	if (hybrid != NULL && hybrid->type == PADES_INTEGER && read_stream_section(f, (uint64_t)hybrid->integer) == NULL)
		return NULL;
	return trailer;
}

int pades_read_xref(struct pades_file *f)
{
	uint64_t offset = f->newest_xref, seen[SECTIONS_MAX];
	for (size_t n = 0; n < SECTIONS_MAX; n++) {
		bool is_stream;
		for (size_t i = 0; i < n; i++)
			if (seen[i] == offset)
				return malformed(f, "xref: /Prev");
		seen[n] = offset;
		const struct pades_object *trailer = read_section(f, offset, &is_stream);
		if (trailer == NULL || trailer->type != PADES_DICT)
			return malformed(f, "xref");
		if (n == 0) {
			f->trailer = trailer;
			f->xref_is_stream = is_stream;
		}
		const struct pades_object *previous = pades_entry(trailer, "Prev");
		if (previous == NULL)
			return 0;
		if (previous->type != PADES_INTEGER || previous->integer < 0)
			return malformed(f, "xref: /Prev");
		offset = (uint64_t)previous->integer;
	}
	return malformed(f, "xref: /Prev");
}

/* ---- objects ---- */

static const struct pades_object *load_packed(struct pades_file *f, const struct pades_entry *e, int64_t number)
{
	const struct pades_object *holder = e->at < f->count && f->entries[e->at].kind == PADES_PLAIN ? pades_load(f, (int64_t)e->at) : NULL;
	const struct pades_object *first = pades_get(f, holder, "First"), *count = pades_get(f, holder, "N");
	uint64_t found = 0, offset = 0;
	if (holder == NULL || !holder->is_stream || first == NULL || count == NULL || first->integer < 0)
		return NULL;
	struct pades_entry *kept = &f->entries[e->at];
	if (kept->unpacked.p == NULL && !pades_unpack(f, holder, &kept->unpacked))
		return NULL;
	struct str bytes = kept->unpacked;
	struct cursor c = cursor_of(bytes);
	for (int64_t i = 0; i < count->integer && (i == 0 || (int64_t)found != number); i++) {
		pades_skip_blank(&c);
		if (!cursor_u64(&c, 0, (uint64_t)OBJECTS_MAX, &found))
			return NULL;
		pades_skip_blank(&c);
		if (!cursor_u64(&c, 0, INFLATED_MAX, &offset))
			return NULL;
	}
	if ((int64_t)found != number)
		return NULL;
	offset += (uint64_t)first->integer;
	c.at = offset < bytes.n ? (size_t)offset : bytes.n;
	return pades_parse(f, &c, true, 0);
}

const struct pades_object *pades_load(struct pades_file *f, int64_t number)
{
	struct pades_entry *e = number >= 0 && (size_t)number < f->count ? &f->entries[number] : NULL;
	if (e == NULL || e->loading || e->kind == PADES_UNSET || e->kind == PADES_FREE)
		return NULL;
	if (e->loaded != NULL)
		return e->loaded;
	e->loading = true;
	const struct pades_object *o = e->kind == PADES_PLAIN ? read_indirect(f, e->at, number) : load_packed(f, e, number);
	/* The table may have grown meanwhile. */
	f->entries[number].loading = false;
	f->entries[number].loaded = o;
	return o;
}

int pades_file_open(struct arena *arena, struct str bytes, struct pades_file *ret, struct err *err)
{
	*ret = (struct pades_file){.arena = arena, .bytes = bytes, .err = err};
	if (bytes.n > PADES_FILE_MAX)
		return err_set(err, -E2BIG, "pades.too_big", ARG_U64("limit_mb", PADES_FILE_MAX >> 20));
	if (str_find(str_sub(bytes, 0, 1024), STR("%PDF-")) == SIZE_MAX)
		return malformed(ret, "%PDF");
	struct str tail = str_sub(bytes, bytes.n > TAIL ? bytes.n - TAIL : 0, bytes.n), rest = tail;
	size_t last = SIZE_MAX, from = 0;
	for (size_t next; (next = str_find(rest, STR("startxref"))) != SIZE_MAX; rest = str_sub(tail, from, tail.n)) {
		last = from + next;
		from = last + 1;
	}
	struct cursor c = cursor_of(str_sub(tail, last == SIZE_MAX ? tail.n : last + 9, tail.n));
	pades_skip_blank(&c);
	if (!cursor_u64(&c, 0, bytes.n, &ret->newest_xref))
		return malformed(ret, "startxref");
	int r = pades_read_xref(ret);
	if (r == 0 && pades_entry(ret->trailer, "Encrypt") != NULL)
		return err_set(err, -EINVAL, "pades.encrypted");
	return r;
}

struct str pades_text(struct arena *arena, struct str text)
{
	struct buf out = BUF_INIT((size_t)1 << 20);
	struct cursor c = cursor_of(text);
	bool wide = cursor_accept_str(&c, STR("\xfe\xff"));
	bool utf8 = cursor_accept_str(&c, STR("\xef\xbb\xbf")) || (!wide && text_is_utf8(text));
	while (!cursor_at_end(&c) && !c.failed && out.n < 4000) {
		int32_t code = cursor_u8(&c);
		if (wide) {
			code = code << 8 | cursor_u8(&c);
			if (code >= 0xD800 && code < 0xDC00) {
				int32_t low = cursor_u8(&c) << 8;
				low |= cursor_u8(&c);
				code = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
			}
		}
		if (utf8)
			buf_append_char(&out, (char)code);
		else
			text_append_code(&out, code >= 0x20 && code < 0x10FFFF && (code < 0xD800 || code > 0xDFFF) ? code : 0xFFFD);
	}
	struct str made = arena_str(arena, buf_str(&out));
	buf_done(&out);
	return made;
}
