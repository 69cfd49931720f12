/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Fields as one JSON object, for rules, which read every event that is no JSON itself through it: so it is made in one
 * pass, texts sixteen bytes at a time, without a call a byte.
 */
#include "base/text/text.h"
#include "engine/event/event_dictionary_internal.h"
#include "engine/event/event_parse.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define JSON_LIMIT ((size_t)16 << 20)
#define ESCAPE_BYTES 6 /* of one byte, at most: \u0000 */
#define STEP 16
#define SLOTS_SMALL 128

/* Members by name: the first field of each, and what follows it under the same name. */
struct members {
	uint16_t *slots;  /* index + 1 of a first field, by the hash of its name; 0: free */
	size_t mask;
	uint16_t *next;   /* index + 1 of the next field of that name */
	uint16_t *last;   /* of a first field: index + 1 of the last one; 0: not a first one */
};

static bool fits(const struct event *e)
{
	return e->count < UINT16_MAX / 2;
}

static void join(struct members *m, const struct event *e, size_t i)
{
	struct str name = e->fields[i].name;
	size_t at = event_name_hash(name) & m->mask;
	while (m->slots[at] != 0 && !str_eq(e->fields[m->slots[at] - 1U].name, name))
		at = (at + 1) & m->mask;
	uint16_t self = (uint16_t)(i + 1);
	if (m->slots[at] == 0) {
		m->slots[at] = m->last[i] = self;
		return;
	}
	size_t first = m->slots[at] - 1U;
	m->next[m->last[first] - 1U] = self;
	m->last[first] = self;
}

/* Zeroed memory is what it begins with. */
static bool gather(struct arena *arena, const struct event *e, struct members *m)
{
	size_t slots = SLOTS_SMALL;
	while (slots < 2 * e->count)
		slots *= 2;
	uint16_t *all = ARENA_ARRAY(arena, slots + 2 * e->count, uint16_t);
	if (all == NULL)
		return false;
	*m = (struct members){.slots = all, .mask = slots - 1, .next = all + slots, .last = all + slots + e->count};
	for (size_t i = 0; i < e->count; i++)
		if (e->fields[i].type != EVENT_TYPE_NULL)
			join(m, e, i);
	return true;
}

/* ---- texts ---- */

static char *escape(char *to, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	static const char letters[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	*to++ = '\\';
	if (c == '"' || c == '\\') {
		*to++ = (char)c;
	} else if (c < 0x20 && letters[c] != '\0') {
		*to++ = letters[c];
	} else {
		(void)memcpy(to, "u00", 3);
		to[3] = digits[c >> 4];
		to[4] = digits[c & 15];
		to += 5;
	}
	return to;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#if defined(__SSE2__)
/* Those that are not plain: as signed bytes those above 0x7f are below the blank too. */
static inline __m128i other_bytes(__m128i w)
{
	__m128i other = _mm_or_si128(_mm_cmplt_epi8(w, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(w, _mm_set1_epi8(0x7f)));
	return _mm_or_si128(other, _mm_or_si128(_mm_cmpeq_epi8(w, _mm_set1_epi8('"')), _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'))));
}
#endif

/* Of eight bytes: 0 when all are plain. A borrow or carry can only come from one that is not. */
static uint64_t not_plain(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
	uint64_t quote = w ^ '"' * ones, slash = w ^ '\\' * ones;
	return (w | (w + ones) | (w - 0x20 * ones) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops;
}

/* Most names and values are short: eight to fifteen bytes are two words that overlap, four to seven two halves of one. */
static bool copy_short(char *to, struct str s)
{
	uint64_t first = 0, last = 0;
	uint32_t low, high;
	if (s.n >= 8) {
		(void)memcpy(&first, s.p, 8);
		(void)memcpy(&last, s.p + s.n - 8, 8);
		(void)memcpy(to, &first, 8);
		(void)memcpy(to + s.n - 8, &last, 8);
	} else {
		(void)memcpy(&low, s.p, 4);
		(void)memcpy(&high, s.p + s.n - 4, 4);
		(void)memcpy(to, &low, 4);
		(void)memcpy(to + s.n - 4, &high, 4);
		first = last = (uint64_t)high << 32 | low;
	}
	return (not_plain(first) | not_plain(last)) == 0;
}

/* Copies printable ASCII without quotation mark and backslash; how many bytes. Up to STEP more are written behind them. */
static size_t copy_plain(char *to, struct str s)
{
	size_t i = 0;
	if (s.n >= 4 && s.n < STEP && copy_short(to, s))
		return s.n;
#if defined(__SSE2__)
	for (; s.n - i >= STEP; i += STEP) {
		__m128i w = _mm_loadu_si128((const __m128i_u *)(s.p + i));
		_mm_storeu_si128((__m128i_u *)(to + i), w);
		unsigned bits = (unsigned)_mm_movemask_epi8(other_bytes(w));
		if (bits != 0)
			return i + (unsigned)__builtin_ctz(bits);
	}
	/* The last sixteen, some of them once more. */
	if (s.n > STEP) {
		size_t from = s.n - STEP;
		__m128i w = _mm_loadu_si128((const __m128i_u *)(s.p + from));
		if (_mm_movemask_epi8(other_bytes(w)) == 0) {
			_mm_storeu_si128((__m128i_u *)(to + from), w);
			return s.n;
		}
	}
#endif
	for (; i < s.n && is_plain((unsigned char)s.p[i]); i++)
		to[i] = s.p[i];
	return i;
}

/* Letters of other scripts as they are; what is no UTF-8, and NUL, as U+FFFD and its escape. */
static char *put_other(char *to, struct str s)
{
	size_t at = 0;
	while (at < s.n) {
		unsigned char c = (unsigned char)s.p[at];
		size_t from = at;
		if (c < 0x80) {
			to = is_plain(c) ? (*to = (char)c, to + 1) : escape(to, c);
			at++;
		} else if (text_utf8_next(s, &at) > 0) {
			(void)memcpy(to, s.p + from, at - from);
			to += at - from;
		} else {
			(void)memcpy(to, "\xEF\xBF\xBD", 3);
			to += 3;
			at = from + 1;
		}
	}
	return to;
}

/* There is room for ESCAPE_BYTES a byte, two quotation marks and STEP. */
static char *put_quoted(char *to, struct str s)
{
	*to++ = '"';
	for (;;) {
		size_t n = copy_plain(to, s);
		to += n;
		if (n == s.n)
			break;
		unsigned char c = (unsigned char)s.p[n];
		s = str_n(s.p + n + 1, s.n - n - 1);
		if (c < 0x80) {
			to = escape(to, c);
			continue;
		}
		to = put_other(to, str_n(s.p - 1, s.n + 1));
		break;
	}
	*to++ = '"';
	return to;
}

/* ---- members ---- */

static char *put_value(char *to, const struct event_field *f)
{
	if (f->type != EVENT_TYPE_INT)
		return put_quoted(to, f->value);
	/* As it was written: JSON has one way to write a number but for the zero with a sign. */
	struct str digits = f->integer != 0 ? f->value : STR("0");
	(void)memcpy(to, digits.p, digits.n);
	return to + digits.n;
}

static size_t room_for(struct str s)
{
	return ESCAPE_BYTES * s.n + 4 + STEP;
}

/* A member of all values of the name; false: there is no room for it. */
static bool put_member(struct buf *out, const struct event *e, const struct members *m, size_t first)
{
	const struct event_field *f = &e->fields[first];
	bool several = m->next[first] != 0;
	if (!buf_reserve(out, room_for(f->name) + room_for(f->value)))
		return false;
	char *to = out->p + out->n;
	if (out->n > 1)
		*to++ = ',';
	to = put_quoted(to, f->name);
	*to++ = ':';
	if (several)
		*to++ = '[';
	to = put_value(to, f);
	out->n = (size_t)(to - out->p);
	for (size_t i = m->next[first]; i != 0; i = m->next[i - 1]) {
		f = &e->fields[i - 1];
		if (!buf_reserve(out, room_for(f->value)))
			return false;
		to = out->p + out->n;
		*to++ = ',';
		out->n = (size_t)(put_value(to, f) - out->p);
	}
	if (several)
		out->p[out->n++] = ']';
	return true;
}

static size_t size_of(const struct event *e)
{
	size_t n = 64;
	for (size_t i = 0; i < e->count; i++)
		n += e->fields[i].name.n + e->fields[i].value.n + 6;
	return n;
}

static struct str fields_json(struct arena *arena, const struct event *e, bool for_rules)
{
	/* The last resort of packs/sigma/mapping.yaml: a text of unknown source is no concern of rules for Windows. */
	static const struct str form = STR("\"log.form\":\"text\"");
	cleanup_buf struct buf out = BUF_INIT(ESCAPE_BYTES * JSON_LIMIT);
	struct members m;
	if (!fits(e) || !gather(arena, e, &m) || !buf_reserve(&out, size_of(e)))
		return STR("{}");
	out.p[out.n++] = '{';
	for (size_t i = 0; i < e->count; i++)
		if (m.last[i] != 0 && !put_member(&out, e, &m, i))
			return STR("{}");
	if (for_rules) {
		if (out.n > 1)
			buf_append_char(&out, ',');
		buf_append(&out, form);
	}
	buf_append_char(&out, '}');
	return out.overflow || out.n > JSON_LIMIT ? STR("{}") : arena_str(arena, buf_str(&out));
}

struct str event_fields_json(struct arena *arena, const struct event *e)
{
	return fields_json(arena, e, false);
}

struct str event_json(struct arena *arena, enum event_format format, const struct event *e)
{
	if (format == EVENT_FORMAT_JSON || e->in_raw > 0)
		return e->raw;
	return fields_json(arena, e, true);
}
