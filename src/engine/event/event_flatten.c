/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/text/text.h"
#include "engine/event/event.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define DEPTH_DEFAULT 32
#define FIELDS_DEFAULT 2000
#define NAME_DEFAULT 512
#define FIRST_FIELDS 64
#define STEP 16
#define MACHINE_DIGITS 19 /* numbers with fewer are read alike by everybody */

/*
 * The hot path of ingest: the cursor is a pair of pointers here, not base/cursor, because a call a byte
 * would cost more than the work. Every read is guarded by p < end.
 */
struct scan {
	const char *begin, *p, *end;
	struct arena *arena;
	struct event_field *fields;
	size_t count, capacity;
	char *decoded; /* room for all decoded texts, which are no longer than the event, and STEP bytes over */
	size_t decoded_used;
	unsigned depth_left, depth_top;
	unsigned arrays, dotted; /* around p: arrays, names with a dot or none at all */
	bool check;       /* nothing is kept: no fields, no decoded texts */
	struct event_field scratch; /* check: the field at hand */
	bool peculiar;    /* has what other readers refuse: half a surrogate pair, a number that no machine word holds */
	size_t max_fields, max_name;
	struct err *err;
};

static int fail(struct scan *s, int code, const char *key)
{
	return err_set(s->err, code, key, ARG_U64("byte", s->p - s->begin));
}

static int syntax(struct scan *s)
{
	return fail(s, -EINVAL, "event.syntax");
}

static int over(struct scan *s, const char *key, uint64_t limit)
{
	return err_set(s->err, -E2BIG, key, ARG_U64("limit", limit), ARG_U64("byte", s->p - s->begin));
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool next_is(struct scan *s, char c)
{
	if (s->p < s->end && *s->p == c) {
		s->p++;
		return true;
	}
	return false;
}

#if defined(__SSE2__)
/* Where the first quote, backslash or byte below 0x20 stands in 16 bytes; STEP: nowhere. The bytes are copied to `to`. */
static unsigned plain_run(const char *p, char *to)
{
	__m128i w = _mm_loadu_si128((const __m128i_u *)p);
	__m128i found = _mm_or_si128(_mm_cmpeq_epi8(w, _mm_set1_epi8('"')), _mm_cmpeq_epi8(w, _mm_set1_epi8('\\')));
	found = _mm_or_si128(found, _mm_cmpeq_epi8(_mm_min_epu8(w, _mm_set1_epi8(0x1f)), w));
	unsigned bits = (unsigned)_mm_movemask_epi8(found);
	if (to != NULL)
		_mm_storeu_si128((__m128i_u *)to, w);
	return bits != 0 ? (unsigned)__builtin_ctz(bits) : STEP;
}
#else
static unsigned plain_run(const char *p, char *to)
{
	unsigned n = 0;
	while (n < STEP && p[n] != '"' && p[n] != '\\' && (unsigned char)p[n] >= 0x20)
		n++;
	if (to != NULL)
		(void)memcpy(to, p, STEP);
	return n;
}
#endif

/* Moves to the first quote, backslash or control byte. */
static void skip_plain(struct scan *s)
{
	while (s->end - s->p >= STEP) {
		unsigned n = plain_run(s->p, NULL);
		s->p += n;
		if (n < STEP)
			return;
	}
	while (s->p < s->end && *s->p != '"' && *s->p != '\\' && (unsigned char)*s->p >= 0x20)
		s->p++;
}

/* The same, copying what it passes. `to` has room for STEP bytes over. */
static void copy_plain(struct scan *s, char *to)
{
	const char *from = s->p;
	while (s->end - s->p >= STEP) {
		unsigned n = plain_run(s->p, to + (s->p - from));
		s->p += n;
		if (n < STEP)
			return;
	}
	for (; s->p < s->end && *s->p != '"' && *s->p != '\\' && (unsigned char)*s->p >= 0x20; s->p++)
		to[s->p - from] = *s->p;
}

static bool hex4(struct scan *s, uint32_t *ret)
{
	if (s->end - s->p < 4)
		return false;
	uint32_t v = 0;
	for (unsigned i = 0; i < 4; i++) {
		char c = s->p[i];
		uint32_t d;
		if (c >= '0' && c <= '9')
			d = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			d = (uint32_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			d = (uint32_t)(c - 'A') + 10;
		else
			return false;
		v = v << 4 | d;
	}
	s->p += 4;
	*ret = v;
	return true;
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* After "\u". A surrogate without its other half becomes U+FFFD. */
static bool unicode_escape(struct scan *s, uint32_t *ret)
{
	uint32_t c, low;
	if (!hex4(s, &c))
		return false;
	if (c >= 0xdc00 && c <= 0xdfff) {
		c = 0xfffd;
		s->peculiar = true;
	}
	if (c >= 0xd800 && c <= 0xdbff) {
		const char *after = s->p;
		if (s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u') {
			s->p += 2;
			if (!hex4(s, &low))
				return false;
			if (low >= 0xdc00 && low <= 0xdfff) {
				*ret = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				return true;
			}
			s->p = after;
		}
		c = 0xfffd;
		s->peculiar = true;
	}
	*ret = c;
	return true;
}

/* What stands for the letter behind a backslash; '\0': nothing. */
static const char escapes[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};

/* After "\\": the bytes it stands for. 0: not an escape. */
static size_t read_escape(struct scan *s, char *out)
{
	uint32_t u;
	if (s->p >= s->end)
		return 0;
	char c = *s->p++;
	if (c == 'u')
		return unicode_escape(s, &u) ? put_utf8(out, u) : 0;
	*out = escapes[(unsigned char)c];
	return *out != '\0';
}

/* The string from `begin` (after its quote) has an escape at s->p: it is decoded behind those decoded before. */
static int read_escaped(struct scan *s, const char *begin, struct str *ret)
{
	char escape[4], *out = NULL;
	size_t n = (size_t)(s->p - begin);
	if (!s->check) {
		if (s->decoded == NULL && (s->decoded = arena_try(s->arena, (size_t)(s->end - s->begin) + STEP, 1)) == NULL)
			return over(s, "event.too_many_fields", s->max_fields);
		out = s->decoded + s->decoded_used;
		(void)memcpy(out, begin, n);
	}
	for (;;) {
		const char *plain = s->p;
		if (out != NULL)
			copy_plain(s, out + n);
		else
			skip_plain(s);
		n += (size_t)(s->p - plain);
		if (next_is(s, '"'))
			break;
		size_t more = next_is(s, '\\') ? read_escape(s, out != NULL ? out + n : escape) : 0;
		if (more == 0)
			return syntax(s);
		n += more;
	}
	s->decoded_used += n;
	*ret = str_n(out, n);
	return 0;
}

/* After the opening quote. */
static int read_string(struct scan *s, struct str *ret)
{
	const char *begin = s->p;
	skip_plain(s);
	if (s->p < s->end && *s->p == '\\')
		return read_escaped(s, begin, ret);
	if (!next_is(s, '"'))
		return syntax(s);
	*ret = str_n(begin, (size_t)(s->p - begin) - 1);
	return 0;
}

static bool skip_digits(struct scan *s)
{
	const char *begin = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > begin;
}

static int read_number(struct scan *s, struct event_field *f)
{
	const char *begin = s->p;
	bool whole = true;
	(void)next_is(s, '-');
	if (!next_is(s, '0') && !skip_digits(s))
		return syntax(s);
	if (next_is(s, '.')) {
		whole = false;
		if (!skip_digits(s))
			return syntax(s);
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		whole = false;
		s->p++;
		if (!next_is(s, '+'))
			(void)next_is(s, '-');
		if (!skip_digits(s))
			return syntax(s);
	}
	f->value = str_n(begin, (size_t)(s->p - begin));
	f->type = EVENT_TYPE_NUMBER;
	if (whole && str_parse_i64(f->value, INT64_MIN, INT64_MAX, &f->integer))
		f->type = EVENT_TYPE_INT;
	else if (f->value.n >= MACHINE_DIGITS)
		s->peculiar = true;
	return 0;
}

static bool word(struct scan *s, const char *text, size_t n)
{
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
		return false;
	s->p += n;
	return true;
}

static int add_field(struct scan *s, struct event_field **ret)
{
	if (s->count == s->max_fields)
		return over(s, "event.too_many_fields", s->max_fields);
	if (s->check) {
		s->count++;
		*ret = &s->scratch;
		return 0;
	}
	if (s->count == s->capacity) {
		size_t capacity = s->capacity > 0 ? s->capacity * 2 : FIRST_FIELDS;
		struct event_field *more = ARENA_ARRAY(s->arena, capacity, struct event_field);
		if (more == NULL)
			return over(s, "event.too_many_fields", s->count);
		if (s->count > 0)
			(void)memcpy(more, s->fields, s->count * sizeof *more);
		s->fields = more;
		s->capacity = capacity;
	}
	*ret = &s->fields[s->count++];
	return 0;
}

static int read_scalar(struct scan *s, struct str name)
{
	struct event_field *f = NULL;
	int r = add_field(s, &f);
	if (r < 0 || f == NULL)
		return r;
	*f = (struct event_field){.name = name, .pathless = s->arrays > 0 || (s->dotted > 0 && s->depth_left < s->depth_top)};
	const char *begin = s->p;
	if (next_is(s, '"')) {
		f->type = EVENT_TYPE_STR;
		return read_string(s, &f->value);
	}
	if (word(s, "null", 4))
		return 0;
	if (word(s, "true", 4) || word(s, "false", 5)) {
		f->type = EVENT_TYPE_BOOL;
		f->value = str_n(begin, (size_t)(s->p - begin));
		return 0;
	}
	return read_number(s, f);
}

/* prefix "." key, in the arena; top-level names borrow. */
static int join_name(struct scan *s, struct str prefix, struct str key, struct str *ret)
{
	size_t n = prefix.n > 0 ? prefix.n + 1 + key.n : key.n;
	if (n > s->max_name)
		return over(s, "event.name_too_long", s->max_name);
	*ret = s->check ? str_n(NULL, n) : key;
	if (prefix.n == 0 || s->check)
		return 0;
	char *p = arena_try(s->arena, n, 1);
	if (p == NULL)
		return over(s, "event.too_many_fields", s->max_fields);
	(void)memcpy(p, prefix.p, prefix.n);
	p[prefix.n] = '.';
	if (key.n > 0)
		(void)memcpy(p + prefix.n + 1, key.p, key.n);
	*ret = str_n(p, n);
	return 0;
}

static int read_value(struct scan *s, struct str name);

/* After "{". */
static int read_object(struct scan *s, struct str prefix)
{
	skip_space(s);
	if (next_is(s, '}'))
		return 0;
	for (;;) {
		struct str key = STR_EMPTY, name = STR_EMPTY;
		skip_space(s);
		if (!next_is(s, '"'))
			return syntax(s);
		int r = read_string(s, &key);
		if (r == 0)
			r = join_name(s, prefix, key, &name);
		if (r < 0)
			return r;
		skip_space(s);
		if (!next_is(s, ':'))
			return syntax(s);
		unsigned dotted = s->dotted;
		s->dotted += s->check || key.n == 0 || (key.p != NULL && memchr(key.p, '.', key.n) != NULL);
		if ((r = read_value(s, name)) < 0)
			return r;
		s->dotted = dotted;
		skip_space(s);
		if (next_is(s, '}'))
			return 0;
		if (!next_is(s, ','))
			return syntax(s);
	}
}

/* After "[". */
static int read_array(struct scan *s, struct str name)
{
	skip_space(s);
	if (next_is(s, ']'))
		return 0;
	for (;;) {
		int r = read_value(s, name);
		if (r < 0)
			return r;
		skip_space(s);
		if (next_is(s, ']'))
			return 0;
		if (!next_is(s, ','))
			return syntax(s);
	}
}

/* Recursion is bounded by depth_left. */
static int read_value(struct scan *s, struct str name)
{
	skip_space(s);
	bool object = next_is(s, '{');
	if (!object && !next_is(s, '['))
		return read_scalar(s, name);
	if (s->depth_left == 0)
		return fail(s, -E2BIG, "event.too_deep");
	s->depth_left--;
	s->arrays += !object;
	int r = object ? read_object(s, name) : read_array(s, name);
	s->arrays -= !object;
	s->depth_left++;
	return r;
}

/* ret NULL: only to check. */
static int scan(struct arena *arena, struct str json, const struct event_limits *limits, struct event *ret, struct err *err)
{
	static const struct event_limits none;
	const struct event_limits *l = limits != NULL ? limits : &none;
	struct scan s = {
		.begin = json.p,
		.p = json.p,
		.end = json.p + json.n,
		.arena = arena,
		.check = ret == NULL,
		.depth_left = (l->depth > 0 ? l->depth : DEPTH_DEFAULT) - 1,
		.max_fields = l->fields > 0 ? l->fields : FIELDS_DEFAULT,
		.max_name = l->name_bytes > 0 ? l->name_bytes : NAME_DEFAULT,
		.err = err,
	};
	s.depth_top = s.depth_left;
	if (json.n == 0)
		return err_set(err, -EINVAL, "event.syntax", ARG_U64("byte", 0));
	size_t bad = text_utf8_error(json);
	if (bad != SIZE_MAX)
		return err_set(err, -EINVAL, "event.not_utf8", ARG_U64("byte", bad));
	skip_space(&s);
	if (!next_is(&s, '{'))
		return syntax(&s);
	int r = read_object(&s, STR_EMPTY);
	if (r < 0)
		return r;
	skip_space(&s);
	if (s.p != s.end)
		return syntax(&s);
	if (ret != NULL)
		*ret = (struct event){.raw = json, .fields = s.fields, .count = s.count, .in_raw = s.peculiar ? 0 : s.count};
	return 0;
}

int event_flatten(struct arena *arena, struct str json, const struct event_limits *limits, struct event *ret,
                  struct err *err)
{
	return scan(arena, json, limits, ret, err);
}

int event_check(struct str json, const struct event_limits *limits, struct err *err)
{
	return scan(NULL, json, limits, NULL, err);
}

const struct event_field *event_find(const struct event *e, const char *name)
{
	struct str n = str_c(name);
	for (size_t i = 0; i < e->count; i++)
		if (str_eq(e->fields[i].name, n))
			return &e->fields[i];
	return NULL;
}

struct str event_get(const struct event *e, const char *name)
{
	const struct event_field *f = event_find(e, name);
	if (f == NULL || f->type == EVENT_TYPE_NULL)
		return STR_EMPTY;
	return f->value.p != NULL ? f->value : STR("");
}
