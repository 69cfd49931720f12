/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_literal.h"
#include "engine/signature/signature_pattern_scan.h"

/* So much longer does a short file look when work is counted. */
#define FREE_BYTES ((uint64_t)1 << 20)

static bool bytes_equal(const struct signature_part *part, const uint8_t *text, const uint8_t *data, size_t step, uint8_t key)
{
	bool nocase = (part->flags & SIGNATURE_PATTERN_NOCASE) != 0;
	for (size_t i = 0; i < part->text_len; i++) {
		uint8_t c = data[i * step] ^ key;
		if ((nocase ? signature_lower(c) : c) != text[i] || (step == 2 && data[i * 2 + 1] != key))
			return false;
	}
	return true;
}

/* Whether the text stands at an offset, `step` 2: wide. */
static bool text_at(const struct signature_scan *s, const struct signature_part *part, uint64_t start, unsigned step)
{
	const uint8_t *text = &s->bytes[part->text], *data = &s->data[start];
	uint8_t key = 0;
	if ((part->flags & (step == 2 ? SIGNATURE_PATTERN_WIDE : SIGNATURE_PATTERN_ASCII)) == 0 || part->text_len > (s->len - start) / step)
		return false;
	if ((part->flags & SIGNATURE_PATTERN_XOR) != 0) {
		key = data[0] ^ text[0];
		if (key < part->xor_min || key > part->xor_max)
			return false;
	}
	return bytes_equal(part, text, data, step, key);
}

static bool stands_alone(const struct signature_scan *s, uint64_t start, uint64_t length, bool wide)
{
	const uint8_t *d = s->data;
	uint64_t end = start + length;
	if (wide)
		return !(start >= 2 && d[start - 1] == 0 && signature_is_alnum(d[start - 2])) &&
		       !(end + 1 < s->len && d[end + 1] == 0 && signature_is_alnum(d[end]));
	return !(start >= 1 && signature_is_alnum(d[start - 1])) && !(end < s->len && signature_is_alnum(d[end]));
}

static bool masked_at(const struct signature_scan *s, const struct signature_part *part, uint64_t start, unsigned step)
{
	const uint8_t *value = &s->bytes[part->text], *mask = &s->bytes[part->text + part->text_len], *data = &s->data[start];
	if ((part->flags & (step == 2 ? SIGNATURE_PATTERN_WIDE : SIGNATURE_PATTERN_ASCII)) == 0 || part->text_len > (s->len - start) / step)
		return false;
	for (size_t i = 0; i < part->text_len; i++)
		if ((data[i * step] & mask[i]) != value[i] || (step == 2 && data[i * 2 + 1] != 0))
			return false;
	return true;
}

void signature_scan_found(struct signature_scan *s, const struct signature_part *part, uint64_t start, uint64_t length, bool wide)
{
	if ((part->flags & SIGNATURE_PATTERN_FULLWORD) != 0 && !stands_alone(s, start, length, wide))
		return;
	if ((part->flags & SIGNATURE_PART_LINKED) != 0)
		signature_scan_chain(s, part, start, (uint32_t)length);
	else
		signature_scratch_add(s->scratch, part->head, start, (uint32_t)length, (part->flags & SIGNATURE_PART_GREEDY) != 0);
}

/*
 * Which of plain and wide counts where both stand at one offset: the plain one, of xor the wide one. It is the only one
 * looked at, but for what fits in libyara's atoms of four bytes: there each is judged (fullword) by itself, the plain one first.
 */
static void fixed_check(struct signature_scan *s, const struct signature_part *part, uint64_t start)
{
	bool both = (part->flags & SIGNATURE_PATTERN_WIDE) != 0 && part->text_len <= 2;
	unsigned first = (part->flags & SIGNATURE_PATTERN_XOR) != 0 && !both ? 2 : 1;
	for (unsigned i = 0, step = first; i < 2; i++, step = 3 - step) {
		if (part->kind == SIGNATURE_PART_TEXT ? !text_at(s, part, start, step) : !masked_at(s, part, start, step))
			continue;
		bool word = (part->flags & SIGNATURE_PATTERN_FULLWORD) == 0 || stands_alone(s, start, (uint64_t)part->text_len * step, step == 2);
		if (word)
			signature_scan_found(s, part, start, (uint64_t)part->text_len * step, step == 2);
		if (word || !both)
			return;
	}
}

static void atom_check(struct signature_scan *s, const struct signature_atom *atom, uint64_t offset)
{
	if (atom->len > s->len - offset || atom->back > offset)
		return;
	if (atom->kind == SIGNATURE_ATOM_REGEX) {
		signature_scan_regex(s, &s->targets[atom->target], offset - atom->back);
		return;
	}
	const struct signature_part *part = &s->parts[atom->target];
	if (!signature_scan_is_done(s, part))
		fixed_check(s, part, offset - atom->back);
}

static uint64_t load_near_end(const struct signature_scan *s, uint64_t offset)
{
	uint8_t bytes[8] = {0};
	memcpy(bytes, &s->data[offset], s->len - offset);
	return signature_load64(bytes);
}

static void bucket_check(struct signature_scan *s, const struct signature_atom *atoms, uint32_t from, uint32_t to, uint64_t offset)
{
	uint64_t eight = s->len - offset >= 8 ? signature_load64(&s->data[offset]) : load_near_end(s, offset);
	if (to > from && !signature_scan_work(s, 1 + (to - from) / 4))
		return;
	for (uint32_t i = from; i < to; i++)
		if (((eight ^ atoms[i].value) & atoms[i].mask) == 0)
			atom_check(s, &atoms[i], offset);
}

static uint32_t bucket_of(const struct signature_scan *s, const uint8_t *window, unsigned at)
{
	return signature_hash4(signature_load32(&window[at]), s->p->head->factor) >> (32 - s->p->head->bucket_bits);
}

/* Buckets and their atoms are megabytes: all that a block needs is asked for before the first is looked at. */
static void longs_prefetch(const struct signature_scan *s, const uint8_t *window, const uint16_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&s->buckets[bucket_of(s, window, at[i])]);
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&s->atoms[s->buckets[bucket_of(s, window, at[i])]]);
}

static void long_check(struct signature_scan *s, const uint8_t *window, uint64_t from, unsigned at)
{
	uint32_t bucket = bucket_of(s, window, at);
	bucket_check(s, s->atoms, s->buckets[bucket], s->buckets[bucket + 1], from + at);
}

static void pair_check(struct signature_scan *s, const uint8_t *window, uint64_t from, unsigned at)
{
	uint8_t first = window[at];
	bucket_check(s, s->pairs, s->pair_buckets[first], s->pair_buckets[first + 1], from + at);
}

/* One block of offsets; `window` is the data at `from`, readable SIGNATURE_SLACK bytes past the block. In the order of
 * the offsets, because the parts of chains must turn up in order. */
static void block_scan(struct signature_scan *s, const uint8_t *window, uint64_t from, size_t count)
{
	const struct signature_section *h = s->p->head;
	const uint16_t *longs = s->scratch->candidates, *pairs = s->scratch->pairs;
	size_t long_count = h->atoms.count > 0 ? signature_filter_longs(s->filter, h->filter_bits, h->factor, window, count, s->scratch->candidates) : 0;
	size_t pair_count = h->pair_atoms > 0 ? s->pairs_fn(s->pair_bitmap, s->pair_nibbles, window, count, s->scratch->pairs) : 0;
	size_t i = 0, j = 0;
	longs_prefetch(s, window, longs, long_count);
	if (s->every_linked) {
		for (unsigned at = 0; at < count; at++) {
			if (j < pair_count && pairs[j] == at)
				pair_check(s, window, from, pairs[j++]);
			if (i < long_count && longs[i] == at)
				long_check(s, window, from, longs[i++]);
			signature_scan_every_at(s, from + at);
		}
		return;
	}
	while (i < long_count || j < pair_count) {
		if (j < pair_count && (i == long_count || pairs[j] <= longs[i]))
			pair_check(s, window, from, pairs[j++]);
		else
			long_check(s, window, from, longs[i++]);
	}
}

static void blocks_scan(struct signature_scan *s)
{
	uint64_t at = 0;
	for (; s->len - at >= SIGNATURE_BLOCK + SIGNATURE_SLACK; at += SIGNATURE_BLOCK)
		block_scan(s, &s->data[at], at, SIGNATURE_BLOCK);
	while (at < s->len) {
		size_t left = (size_t)(s->len - at), count = left < SIGNATURE_BLOCK ? left : SIGNATURE_BLOCK;
		size_t have = left < sizeof(s->scratch->tail) ? left : sizeof(s->scratch->tail);
		memcpy(s->scratch->tail, &s->data[at], have);
		memset(&s->scratch->tail[have], 0, sizeof(s->scratch->tail) - have);
		block_scan(s, s->scratch->tail, at, count);
		at += count;
	}
}

static void fixed_scan(struct signature_scan *s)
{
	const uint32_t *ids = signature_array_of(s->p, s->p->head->fixed);
	for (uint32_t i = 0; i < s->p->head->fixed.count; i++)
		if (s->parts[ids[i]].at < s->len)
			fixed_check(s, &s->parts[ids[i]], s->parts[ids[i]].at);
}

int signature_patterns_scan(const struct signature_patterns *p, const uint8_t *data, size_t len, void *scratch, struct signature_matches *ret)
{
	const struct signature_section *h = p->head;
	struct signature_scan s = {
		.p = p,
		.data = data,
		.len = len,
		.scratch = signature_scratch_begin(p, scratch),
		.pairs_fn = signature_filter_pairs_best(),
		.bytes = signature_array_of(p, h->bytes),
		.parts = signature_array_of(p, h->parts),
		.filter = signature_array_of(p, h->filter),
		.buckets = signature_array_of(p, h->buckets),
		.atoms = signature_array_of(p, h->atoms),
		.pair_bitmap = signature_array_of(p, h->pair_bitmap),
		.pair_nibbles = signature_array_of(p, h->pair_nibbles),
		.pair_buckets = signature_array_of(p, h->pair_buckets),
		.pairs = signature_array_of(p, h->pairs),
		.targets = signature_array_of(p, h->targets),
		.programs = signature_array_of(p, h->programs),
		.steps = signature_array_of(p, h->steps),
		.classes = signature_array_of(p, h->classes),
	};
	if (s.scratch == NULL)
		return -EINVAL;
	s.scratch->machine.work = ((uint64_t)len + FREE_BYTES) * SIGNATURE_WORK_PER_BYTE;
	s.every_linked = signature_scan_every_is_linked(&s);
	fixed_scan(&s);
	blocks_scan(&s);
	signature_scan_every(&s);
	signature_scratch_finish(s.scratch);
	*ret = (struct signature_matches){s.scratch, h->pattern_count, s.scratch->too_many, s.scratch->machine.work == 0};
	return 0;
}
