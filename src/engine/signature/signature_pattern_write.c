/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pattern_set.h"

/* The filter has this many bits for each atom, so that one in this many foreign offsets passes. */
#define FILTER_BITS_PER_ATOM 24

/* An atom in one bucket: what may be in its first bytes is looked up by each value of them. */
struct entry {
	uint32_t bucket, atom;
};

static uint8_t atom_value(const struct signature_atom *a, unsigned i)
{
	return (uint8_t)(a->value >> (8 * i));
}

static uint8_t atom_mask(const struct signature_atom *a, unsigned i)
{
	return (uint8_t)(a->mask >> (8 * i));
}

static bool is_allowed(unsigned v, uint8_t value, uint8_t mask)
{
	return ((v ^ value) & mask) == 0;
}

/* The next value of a byte after `v` that the mask allows, of those that folding leaves as they are when `folded`; -1 at the end. */
static int next_value(uint8_t value, uint8_t mask, int v, bool folded)
{
	for (v++; v < 256; v++) {
		if (folded && signature_fold((unsigned)v) != (unsigned)v)
			continue;
		if (is_allowed((unsigned)v, value, mask) || (folded && (v & 0x40) != 0 && is_allowed((unsigned)v ^ 0x20u, value, mask)))
			return v;
	}
	return -1;
}

struct layout {
	struct buf out; /* struct entry */
	uint32_t *filter;
	unsigned filter_bits, bucket_bits;
	uint32_t factor;
};

static int next_of(const struct signature_atom *a, unsigned i, int v)
{
	return next_value(atom_value(a, i), i < a->len ? atom_mask(a, i) : 0, v, true);
}

static void atom_place(struct layout *l, const struct signature_atom *a, uint32_t index)
{
	for (int x = next_of(a, 0, -1); x >= 0; x = next_of(a, 0, x))
		for (int y = next_of(a, 1, -1); y >= 0; y = next_of(a, 1, y))
			for (int z = next_of(a, 2, -1); z >= 0; z = next_of(a, 2, z))
				for (int w = next_of(a, 3, -1); w >= 0; w = next_of(a, 3, w)) {
					uint32_t hash = signature_hash4((uint32_t)x | (uint32_t)y << 8 | (uint32_t)z << 16 | (uint32_t)w << 24, l->factor);
					const struct entry e = {hash >> (32 - l->bucket_bits), index};
					l->filter[hash >> (32 - l->filter_bits) >> 5] |= 1u << (hash >> (32 - l->filter_bits) & 31);
					buf_append(&l->out, str_n(&e, sizeof(e)));
				}
}

static void pair_place(struct layout *l, uint8_t *bitmap, const struct signature_atom *a, uint32_t index)
{
	for (int x = next_value(atom_value(a, 0), atom_mask(a, 0), -1, false); x >= 0; x = next_value(atom_value(a, 0), atom_mask(a, 0), x, false)) {
		uint8_t mask = a->len > 1 ? atom_mask(a, 1) : 0;
		for (int y = next_value(atom_value(a, 1), mask, -1, false); y >= 0; y = next_value(atom_value(a, 1), mask, y, false)) {
			unsigned pair = (unsigned)x | (unsigned)y << 8;
			bitmap[pair >> 3] |= (uint8_t)(1u << (pair & 7));
		}
		const struct entry e = {(uint32_t)x, index};
		buf_append(&l->out, str_n(&e, sizeof(e)));
	}
}

static struct signature_array section_add(struct buf *out, size_t begin, const void *p, size_t n, size_t size)
{
	while ((out->n - begin) % 8 != 0)
		buf_append_char(out, '\0');
	struct signature_array a = {(uint32_t)(out->n - begin), (uint32_t)(n / size)};
	buf_append(out, str_n(p, n));
	return a;
}

static uint32_t link_resolve(const struct signature_section *head, uint32_t part)
{
	bool is_link = part != SIGNATURE_NONE && (part & SIGNATURE_LINK(0)) != 0;
	return is_link ? head->pattern_count + (part & ~SIGNATURE_LINK(0)) : part;
}

/* Counting sort: equal buckets stay in the order they were made. */
static void entries_write(struct buf *out, size_t begin, const struct layout *l, uint32_t bucket_count, const struct signature_atom *atoms,
                          const struct signature_section *head, struct signature_array *ret_buckets, struct signature_array *ret_atoms)
{
	const struct entry *entries = (const void *)l->out.p;
	uint32_t count = signature_set_count(&l->out, sizeof(*entries));
	uint32_t *buckets = mem_alloc_array((size_t)bucket_count + 1, sizeof(*buckets));
	uint32_t *next = mem_alloc_array((size_t)bucket_count + 1, sizeof(*next));
	struct signature_atom *sorted = mem_alloc_array((size_t)count + 1, sizeof(*sorted));
	for (uint32_t i = 0; i < count; i++)
		buckets[entries[i].bucket + 1]++;
	for (uint32_t i = 0; i < bucket_count; i++)
		buckets[i + 1] += buckets[i];
	memcpy(next, buckets, ((size_t)bucket_count + 1) * sizeof(*next));
	for (uint32_t i = 0; i < count; i++) {
		struct signature_atom *atom = &sorted[next[entries[i].bucket]++];
		*atom = atoms[entries[i].atom];
		if (atom->kind == SIGNATURE_ATOM_MASKED)
			atom->target = link_resolve(head, atom->target);
	}
	*ret_buckets = section_add(out, begin, buckets, ((size_t)bucket_count + 1) * sizeof(*buckets), sizeof(*buckets));
	*ret_atoms = section_add(out, begin, sorted, count * sizeof(*sorted), sizeof(*sorted));
	mem_free(buckets);
	mem_free(next);
	mem_free(sorted);
}

static unsigned bits_for(uint64_t n, unsigned from, unsigned to)
{
	unsigned bits = from;
	while (bits < to && (uint64_t)1 << bits < n)
		bits++;
	return bits;
}

/* Links get their place after the patterns. */
static void parts_write(struct signature_pattern_set *set, struct buf *out, size_t begin, struct signature_section *head)
{
	cleanup_buf struct buf all = BUF_INIT(set->parts.n + set->links.n + 16);
	buf_append(&all, buf_str(&set->parts));
	buf_append(&all, buf_str(&set->links));
	struct signature_part *parts = (void *)all.p;
	uint32_t count = signature_set_count(&all, sizeof(*parts));
	for (uint32_t i = 0; i < count; i++)
		parts[i].previous = link_resolve(head, parts[i].previous);
	head->parts = section_add(out, begin, all.p, all.n, sizeof(*parts));
	cleanup_buf struct buf targets = BUF_INIT(set->targets.n + 16);
	buf_append(&targets, buf_str(&set->targets));
	struct signature_target *t = (void *)targets.p;
	for (uint32_t i = 0; i < signature_set_count(&targets, sizeof(*t)); i++)
		t[i].part = link_resolve(head, t[i].part);
	head->targets = section_add(out, begin, targets.p, targets.n, sizeof(*t));
}

static bool filter_has(const struct layout *l, uint8_t byte)
{
	uint32_t hash = signature_hash4(byte * 0x01010101u, l->factor) >> (32 - l->filter_bits);
	return (l->filter[hash >> 5] >> (hash & 31) & 1) != 0;
}

/* How much what is common in files (zeros first of all) would be taken for an atom. */
static unsigned filter_badness(const struct layout *l)
{
	unsigned sum = 0;
	for (unsigned b = 0; b < 256; b++)
		if (filter_has(l, (uint8_t)b))
			sum += b == 0 || b == ' ' ? 1000 : b == 0xff ? 100 : 1;
	return sum;
}

static void filter_fill(struct layout *l, const struct signature_atom *atoms, uint32_t count)
{
	buf_clear(&l->out);
	memset(l->filter, 0, (size_t)1 << (l->filter_bits - 3));
	for (uint32_t i = 0; i < count; i++)
		if (atoms[i].len > 2)
			atom_place(l, &atoms[i], i);
}

#define FACTOR_FIRST 0x9e3779b1u
#define FACTOR_TRIES 16

/* Fills the filter with the factor that meets the least. */
static void filter_choose(struct layout *l, const struct signature_atom *atoms, uint32_t count)
{
	uint32_t best = FACTOR_FIRST;
	unsigned least = UINT32_MAX;
	for (uint32_t i = 0; i < FACTOR_TRIES && least >= 100; i++) {
		l->factor = FACTOR_FIRST + i * 0x61c88646u;
		filter_fill(l, atoms, count);
		unsigned badness = filter_badness(l);
		if (badness < least) {
			least = badness;
			best = l->factor;
		}
	}
	l->factor = best;
	filter_fill(l, atoms, count);
}

static void tables_write(struct signature_pattern_set *set, struct buf *out, size_t begin, struct signature_section *head)
{
	const struct signature_atom *atoms = (const void *)set->atoms.p;
	uint32_t count = signature_set_count(&set->atoms, sizeof(*atoms));
	struct layout big = {.out = BUF_INIT((size_t)1 << 30)}, small = {.out = BUF_INIT((size_t)1 << 30)};
	uint8_t *bitmap = mem_alloc(SIGNATURE_PAIR_BITMAP);
	big.filter_bits = bits_for((uint64_t)count * FILTER_BITS_PER_ATOM, SIGNATURE_FILTER_BITS_MIN, SIGNATURE_FILTER_BITS_MAX);
	big.bucket_bits = bits_for(count, 8, SIGNATURE_BUCKET_BITS_MAX);
	size_t filter_size = (size_t)1 << (big.filter_bits - 3);
	big.filter = mem_alloc(filter_size);
	filter_choose(&big, atoms, count);
	/* Of two at one offset libyara comes upon the shorter one first. */
	for (unsigned len = 1; len <= 2; len++)
		for (uint32_t i = 0; i < count; i++)
			if (atoms[i].len == len)
				pair_place(&small, bitmap, &atoms[i], i);
	head->filter_bits = big.filter_bits;
	head->factor = big.factor;
	head->bucket_bits = big.bucket_bits;
	head->filter = section_add(out, begin, big.filter, filter_size, sizeof(*big.filter));
	entries_write(out, begin, &big, 1u << big.bucket_bits, atoms, head, &head->buckets, &head->atoms);
	head->pair_bitmap = section_add(out, begin, bitmap, SIGNATURE_PAIR_BITMAP, 1);
	uint8_t nibbles[64];
	signature_filter_nibbles(bitmap, nibbles);
	head->pair_nibbles = section_add(out, begin, nibbles, sizeof(nibbles), 1);
	entries_write(out, begin, &small, 256, atoms, head, &head->pair_buckets, &head->pairs);
	head->pair_atoms = head->pairs.count;
	mem_free(big.filter);
	mem_free(bitmap);
	buf_done(&big.out);
	buf_done(&small.out);
}

int signature_pattern_set_write(struct signature_pattern_set *set, struct buf *out, struct err *err)
{
	struct signature_section head = {.magic = SIGNATURE_SECTION_MAGIC, .pattern_count = signature_pattern_set_count(set),
	                                 .longest_program = set->longest_program, .waiting = set->waiting};
	size_t begin = out->n;
	buf_append(out, str_n(&head, sizeof(head)));
	parts_write(set, out, begin, &head);
	tables_write(set, out, begin, &head);
	head.bytes = section_add(out, begin, set->bytes.p, set->bytes.n, 1);
	head.programs = section_add(out, begin, set->programs.p, set->programs.n, sizeof(struct signature_program));
	head.steps = section_add(out, begin, set->steps.p, set->steps.n, sizeof(struct signature_step));
	head.classes = section_add(out, begin, set->classes.p, set->classes.n, 32);
	head.every = section_add(out, begin, set->every.p, set->every.n, sizeof(uint32_t));
	head.fixed = section_add(out, begin, set->fixed.p, set->fixed.n, sizeof(uint32_t));
	section_add(out, begin, NULL, 0, 1);
	if (out->overflow || out->n - begin > UINT32_MAX)
		return err_set(err, -E2BIG, "signature.pattern_section_long");
	head.size = (uint32_t)(out->n - begin);
	memcpy(&out->p[begin], &head, sizeof(head));
	return 0;
}
