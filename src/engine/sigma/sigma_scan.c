/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Reads one event in two steps: the places of all quotation marks that no backslash escapes (64 bytes at a time), then a
 * walk from mark to mark that follows the tree of keys and passes over everything that no rule names. Values stay as
 * written; only those that a rule of the event's source asks for are decoded.
 * The hot path of the room: pointers instead of base/cursor; every read is guarded by p < end or by the number of marks.
 */
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "engine/sigma/sigma_run.h"

/* One bit a byte. */
struct block {
	uint64_t slashes, quotes, us, high;
};

#ifdef __x86_64__
__attribute__((target("avx2"))) static inline uint64_t equal_avx2(__m256i a, __m256i b, char c)
{
	const __m256i wanted = _mm256_set1_epi8(c);
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, wanted)) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, wanted)) << 32;
}

__attribute__((target("avx2"))) static inline struct block look_avx2(const char *p)
{
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p), b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
	return (struct block){equal_avx2(a, b, '\\'), equal_avx2(a, b, '"'), equal_avx2(a, b, 'u'),
	                      (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_or_si256(a, b))};
}
#endif

static inline struct block look(const char *p)
{
	struct block block = {0};
#ifdef __x86_64__
	const __m128i slash = _mm_set1_epi8('\\'), quote = _mm_set1_epi8('"'), u = _mm_set1_epi8('u');
	for (unsigned i = 0; i < 4; i++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i * 16));
		block.slashes |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash)) << (i * 16);
		block.quotes |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote)) << (i * 16);
		block.us |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, u)) << (i * 16);
		block.high |= (uint64_t)(uint32_t)_mm_movemask_epi8(v);
	}
#else
	for (unsigned i = 0; i < 64; i++) {
		block.slashes |= (uint64_t)(p[i] == '\\') << i;
		block.quotes |= (uint64_t)(p[i] == '"') << i;
		block.us |= (uint64_t)(p[i] == 'u') << i;
		block.high |= (uint64_t)((unsigned char)p[i] >> 7) << i;
	}
#endif
	return block;
}

/* Which bytes follow an odd run of backslashes (the carry trick of simdjson, Langdale and Lemire 2019, section 3.1.1). */
static inline uint64_t escaped_bytes(uint64_t slashes, uint64_t *carry)
{
	const uint64_t even = 0x5555555555555555u;
	if (slashes == 0) {
		uint64_t first = *carry;
		*carry = 0;
		return first;
	}
	slashes &= ~*carry;
	uint64_t follows = slashes << 1 | *carry, odd_starts = slashes & ~even & ~follows, even_ends;
	*carry = __builtin_add_overflow(odd_starts, slashes, &even_ends);
	return (even ^ even_ends << 1) & follows;
}

struct marker {
	uint32_t *out;
	size_t n;
	uint64_t carry;
	uint64_t codes; /* not 0: there is an escape \u */
	bool letters;   /* a byte that begins one of the letters of may_hide */
};

/* E2 begins the Kelvin sign, C5 the long s. */
static bool has_letters(const char *p)
{
	return memchr(p, 0xe2, 64) != NULL || memchr(p, 0xc5, 64) != NULL;
}

static inline void mark(struct marker *m, struct block block, const char *p, uint32_t at)
{
	if (block.high != 0 && !m->letters)
		m->letters = has_letters(p);
	uint64_t escaped = escaped_bytes(block.slashes, &m->carry), quotes = block.quotes & ~escaped;
	m->codes |= block.us & escaped;
	while (quotes != 0) {
		m->out[m->n++] = at + (uint32_t)__builtin_ctzll(quotes);
		quotes &= quotes - 1;
	}
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void mark_blocks_avx2(struct marker *m, const char *p, size_t n)
{
	for (size_t i = 0; i + 64 <= n; i += 64)
		mark(m, look_avx2(p + i), p + i, (uint32_t)i);
}
#endif

static void mark_blocks(struct marker *m, const char *p, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2")) {
		mark_blocks_avx2(m, p, n);
		return;
	}
#endif
	for (size_t i = 0; i + 64 <= n; i += 64)
		mark(m, look(p + i), p + i, (uint32_t)i);
}

static void find_quotes(struct sigma_matcher *m)
{
	char tail[64] = {0};
	size_t whole = m->json.n / 64 * 64;
	if (m->json.n + 1 > m->quote_capacity) {
		m->quote_capacity = m->json.n + m->json.n / 2 + 4096;
		m->quotes = mem_realloc_array(m->quotes, m->quote_capacity, sizeof *m->quotes);
	}
	struct marker marker = {.out = m->quotes};
	mark_blocks(&marker, m->json.p, whole);
	if (whole < m->json.n) {
		(void)memcpy(tail, m->json.p + whole, m->json.n - whole);
		mark(&marker, look(tail), tail, (uint32_t)whole);
	}
	m->quote_count = marker.n;
	m->has_codes = marker.codes != 0;
	m->has_letters = marker.letters;
}

struct walk {
	struct sigma_matcher *m;
	const struct sg_image *image;
	const char *begin, *p, *end;
	const uint32_t *quote, *quote_end; /* the next mark at or behind p */
	unsigned depth;
	void (*take)(void *user, const struct sg_value *value);
	void *user;
	struct err *err;
};

static int bad(struct walk *w)
{
	return err_set(w->err, -EINVAL, "sigma.event_syntax", ARG_U64("byte", w->p - w->begin));
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline void skip_blanks(struct walk *w)
{
	while (w->p < w->end && is_blank(*w->p))
		w->p++;
}

/* At a quotation mark outside strings, which is the next mark: the text up to its partner. */
static inline bool take_string(struct walk *w, struct sg_value *v)
{
	if (w->quote_end - w->quote < 2)
		return false;
	const char *open = w->begin + w->quote[0], *close = w->begin + w->quote[1];
	*v = (struct sg_value){.p = open + 1, .n = (uint32_t)(close - open - 1), .next = SG_NONE, .type = SG_VALUE_TEXT};
	w->quote += 2;
	w->p = close + 1;
	return true;
}

/* Bytes of numbers and of true, false, null. */
static bool is_scalar_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

static bool ends_scalar(char c)
{
	return c == ',' || c == '}' || c == ']' || is_blank(c);
}

/* A number, true, false or null: up to the next structural character. */
static bool take_scalar(struct walk *w, struct sg_value *v)
{
	const char *from = w->p;
	for (; w->p < w->end && !ends_scalar(*w->p); w->p++)
		if (!is_scalar_byte(*w->p))
			return false;
	*v = (struct sg_value){.p = from, .n = (uint32_t)(w->p - from), .next = SG_NONE, .type = SG_VALUE_SCALAR};
	if (v->n == 0)
		return false;
	char first = *from;
	if ((first >= '0' && first <= '9') || first == '-')
		return true;
	struct str word = str_n(from, v->n);
	if (str_eq_c(word, "null"))
		v->type = SG_VALUE_NULL;
	return v->type == SG_VALUE_NULL || str_eq_c(word, "true") || str_eq_c(word, "false");
}

/* Over a container whose inside nobody names: brackets are counted, strings jumped over. */
static int skip_container(struct walk *w)
{
	uint64_t kinds = 0; /* one bit a level: 1 object */
	unsigned depth = 0;
	do {
		if (w->p >= w->end)
			return bad(w);
		char c = *w->p;
		if (c == '"') {
			struct sg_value v;
			if (!take_string(w, &v))
				return bad(w);
			continue;
		}
		if (c == '{' || c == '[') {
			if (++depth + w->depth > SIGMA_EVENT_DEPTH_MAX)
				return err_set(w->err, -E2BIG, "sigma.event_too_deep", ARG_U64("limit", SIGMA_EVENT_DEPTH_MAX));
			kinds = kinds << 1 | (c == '{');
		} else if (c == '}' || c == ']') {
			if ((kinds & 1) != (c == '}'))
				return bad(w);
			kinds >>= 1;
			depth--;
		}
		w->p++;
	} while (depth > 0);
	return 0;
}

static uint32_t add_value(struct sigma_matcher *m, const struct sg_value *v)
{
	if (m->value_count == m->value_capacity) {
		m->value_capacity = m->value_capacity > 0 ? m->value_capacity * 2 : 1024;
		m->values = mem_realloc_array(m->values, m->value_capacity, sizeof *m->values);
	}
	m->values[m->value_count] = *v;
	return (uint32_t)m->value_count++;
}

static void record(struct walk *w, const struct sg_key *key, const struct sg_value *v, bool in_array)
{
	struct sigma_matcher *m = w->m;
	for (uint32_t i = 0; i < key->hits.n; i++) {
		const struct sg_hit *hit = &w->image->hits[key->hits.at + i];
		struct sg_slot *slot = &m->slots[hit->field];
		bool fresh = slot->epoch != m->epoch || hit->rank < slot->rank;
		if (!fresh && hit->rank > slot->rank)
			continue;
		uint32_t index = add_value(m, v);
		/* A key that stands twice: the last one counts, as in most readers. Members of an array are all kept. */
		if (fresh || !in_array)
			*slot = (struct sg_slot){m->epoch, hit->rank, index, index};
		else {
			m->values[slot->last].next = index;
			slot->last = index;
		}
	}
}

/* Names are short: without a call. */
static inline bool same_name(const char *a, const char *b, size_t n)
{
	uint64_t x, y;
	for (; n >= 8; a += 8, b += 8, n -= 8) {
		(void)memcpy(&x, a, 8);
		(void)memcpy(&y, b, 8);
		if (x != y)
			return false;
	}
	for (; n > 0; n--)
		if (a[n - 1] != b[n - 1])
			return false;
	return true;
}

static const struct sg_key *find_key(const struct sg_image *image, const struct sg_node *node, const char *p, size_t n)
{
	uint64_t hash = sg_hash(p, n);
	uint32_t mask = node->slots.n - 1;
	for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
		const struct sg_key *key = &image->keys[node->slots.at + at];
		if (key->hash == 0)
			return NULL;
		if (key->hash == hash && key->name.n == n && same_name(image->text + key->name.at, p, n))
			return key;
	}
}

#define KEY_MAX 512

/* A key with escapes by its decoded text; with blanks by its text without them, where the place wants it. */
static const struct sg_key *find_odd_key(struct walk *w, const struct sg_node *node, const struct sg_value *name, bool blanks)
{
	char text[KEY_MAX];
	size_t n = 0;
	struct str raw = sg_decode_raw(w->m, name, 0);
	for (size_t i = 0; i < raw.n && n < KEY_MAX; i++)
		if (!blanks || raw.p[i] != ' ')
			text[n++] = raw.p[i];
	return find_key(w->image, node, text, n);
}

static int walk_value(struct walk *w, const struct sg_key *key, const struct sg_key *also, uint32_t inside, bool in_array);

static const struct sg_node no_node = {.any = SG_NONE};

static int walk_members(struct walk *w, const struct sg_node *node, bool in_array)
{
	const struct sg_image *image = w->image;
	w->p++;
	skip_blanks(w);
	if (w->p < w->end && *w->p == '}') {
		w->p++;
		return 0;
	}
	for (;;) {
		struct sg_value name;
		if (w->p >= w->end || *w->p != '"' || !take_string(w, &name))
			return bad(w);
		const struct sg_key *key = NULL, *also = NULL;
		if (node->slots.n > 0) {
			key = find_key(image, node, name.p, name.n);
			if (key == NULL && memchr(name.p, '\\', name.n) != NULL)
				key = find_odd_key(w, node, &name, false);
			if (node->blanks && memchr(name.p, ' ', name.n) != NULL)
				also = find_odd_key(w, node, &name, true);
		}
		skip_blanks(w);
		if (w->p >= w->end || *w->p != ':')
			return bad(w);
		w->p++;
		skip_blanks(w);
		uint32_t inside = key != NULL ? key->node : node->any;
		int r = walk_value(w, key, also, inside, in_array);
		if (r < 0)
			return r;
		skip_blanks(w);
		if (w->p >= w->end)
			return bad(w);
		if (*w->p == '}') {
			w->p++;
			return 0;
		}
		if (*w->p != ',')
			return bad(w);
		w->p++;
		skip_blanks(w);
	}
}

static int walk_elements(struct walk *w, const struct sg_key *key, const struct sg_key *also, uint32_t inside)
{
	static const struct sg_value empty = {.next = SG_NONE, .type = SG_VALUE_EMPTY};
	w->p++;
	skip_blanks(w);
	if (w->p < w->end && *w->p == ']') {
		w->p++;
		if (key != NULL)
			record(w, key, &empty, true);
		if (also != NULL)
			record(w, also, &empty, true);
		return 0;
	}
	for (;;) {
		int r = walk_value(w, key, also, inside, true);
		if (r < 0)
			return r;
		skip_blanks(w);
		if (w->p >= w->end)
			return bad(w);
		if (*w->p == ']') {
			w->p++;
			return 0;
		}
		if (*w->p != ',')
			return bad(w);
		w->p++;
		skip_blanks(w);
	}
}

static int walk_container(struct walk *w, const struct sg_key *key, const struct sg_key *also, uint32_t inside, bool in_array)
{
	const char *from = w->p;
	int r;
	bool named = (key != NULL && key->hits.n > 0) || also != NULL;
	if (inside == SG_NONE && w->take == NULL && (!named || *from == '{')) {
		r = skip_container(w);
	} else if (w->depth >= SIGMA_EVENT_DEPTH_MAX) {
		return err_set(w->err, -E2BIG, "sigma.event_too_deep", ARG_U64("limit", SIGMA_EVENT_DEPTH_MAX));
	} else {
		w->depth++;
		r = *from == '{' ? walk_members(w, inside != SG_NONE ? &w->image->nodes[inside] : &no_node, in_array)
		                 : walk_elements(w, key, also, inside);
		w->depth--;
	}
	if (r < 0 || *from == '[' || !named)
		return r;
	const struct sg_value object = {.p = from, .n = (uint32_t)(w->p - from), .next = SG_NONE, .type = SG_VALUE_OBJECT};
	if (key != NULL)
		record(w, key, &object, in_array);
	if (also != NULL)
		record(w, also, &object, in_array);
	return 0;
}

/* Recursion is bounded by SIGMA_EVENT_DEPTH_MAX. */
static int walk_value(struct walk *w, const struct sg_key *key, const struct sg_key *also, uint32_t inside, bool in_array)
{
	struct sg_value v;
	if (w->p >= w->end)
		return bad(w);
	if (*w->p == '"') {
		if (!take_string(w, &v))
			return bad(w);
	} else if (*w->p == '{' || *w->p == '[') {
		return walk_container(w, key, also, inside, in_array);
	} else if (!take_scalar(w, &v)) {
		return bad(w);
	}
	if (key != NULL)
		record(w, key, &v, in_array);
	if (also != NULL)
		record(w, also, &v, in_array);
	if (w->take != NULL)
		w->take(w->user, &v);
	return 0;
}

static struct walk walk_of(struct sigma_matcher *m, struct err *err)
{
	return (struct walk){.m = m, .image = m->image, .begin = m->json.p, .p = m->json.p, .end = m->json.p + m->json.n,
	                     .quote = m->quotes, .quote_end = m->quotes + m->quote_count, .depth = 1, .err = err};
}

int sg_scan(struct sigma_matcher *m, struct err *err)
{
	find_quotes(m);
	struct walk w = walk_of(m, err);
	skip_blanks(&w);
	if (w.p >= w.end || *w.p != '{')
		return bad(&w);
	int r = walk_members(&w, &m->image->nodes[m->image->known[0].root], false);
	if (r < 0)
		return r;
	skip_blanks(&w);
	return w.p == w.end ? 0 : bad(&w);
}

void sg_scan_scalars(struct sigma_matcher *m, void (*take)(void *user, const struct sg_value *value), void *user)
{
	struct walk w = walk_of(m, NULL);
	w.take = take;
	w.user = user;
	skip_blanks(&w);
	(void)walk_members(&w, &no_node, false);
}
