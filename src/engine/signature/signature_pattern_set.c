/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pattern_set.h"

#define SET_LIMIT ((size_t)1 << 30)

struct key {
	uint64_t hash;
	uint32_t at, len;
};

int signature_pattern_set_new(struct signature_pattern_set **ret, struct err *err)
{
	(void)err;
	struct signature_pattern_set *set = MEM_NEW(struct signature_pattern_set);
	struct buf *all[] = {&set->keys,     &set->index, &set->parts,   &set->links, &set->bytes, &set->atoms, &set->targets,
	                     &set->programs, &set->steps, &set->classes, &set->every, &set->fixed};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		*all[i] = BUF_INIT(SET_LIMIT);
	set->slot_count = 1024;
	set->slots = mem_alloc_array(set->slot_count, sizeof(*set->slots));
	*ret = set;
	return 0;
}

void signature_pattern_set_free(struct signature_pattern_set *set)
{
	if (set == NULL)
		return;
	struct buf *all[] = {&set->keys,     &set->index, &set->parts,   &set->links, &set->bytes, &set->atoms, &set->targets,
	                     &set->programs, &set->steps, &set->classes, &set->every, &set->fixed};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		buf_done(all[i]);
	mem_free(set->slots);
	mem_free(set);
}

uint32_t signature_pattern_set_count(const struct signature_pattern_set *set)
{
	return signature_set_count(&set->parts, sizeof(struct signature_part));
}

static uint64_t hash_of(struct str s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
	return h ^ h >> 32;
}

static void slot_put(struct signature_pattern_set *set, uint64_t hash, uint32_t id)
{
	uint32_t i = (uint32_t)hash & (set->slot_count - 1);
	while (set->slots[i] != 0)
		i = (i + 1) & (set->slot_count - 1);
	set->slots[i] = id + 1;
}

static void slots_grow(struct signature_pattern_set *set)
{
	const struct key *keys = (const void *)set->index.p;
	uint32_t count = signature_pattern_set_count(set);
	mem_free(set->slots);
	set->slot_count *= 2;
	set->slots = mem_alloc_array(set->slot_count, sizeof(*set->slots));
	for (uint32_t id = 0; id < count; id++)
		slot_put(set, keys[id].hash, id);
}

static bool key_find(const struct signature_pattern_set *set, struct str key, uint64_t hash, uint32_t *ret_id)
{
	const struct key *keys = (const void *)set->index.p;
	for (uint32_t i = (uint32_t)hash & (set->slot_count - 1); set->slots[i] != 0; i = (i + 1) & (set->slot_count - 1)) {
		uint32_t id = set->slots[i] - 1;
		if (keys[id].hash == hash && str_eq(key, str_n(&set->keys.p[keys[id].at], keys[id].len))) {
			*ret_id = id;
			return true;
		}
	}
	return false;
}

static void key_of(const struct signature_pattern *p, struct buf *ret)
{
	const uint32_t head[3] = {(uint32_t)p->kind, p->flags,
	                          (p->flags & SIGNATURE_PATTERN_XOR) != 0 ? p->xor_min | (uint32_t)p->xor_max << 8 : 0};
	buf_append(ret, str_n(head, sizeof(head)));
	if ((p->flags & SIGNATURE_PATTERN_FIXED) != 0)
		buf_append(ret, str_n(&p->at, sizeof(p->at)));
	if ((p->flags & (SIGNATURE_PATTERN_BASE64 | SIGNATURE_PATTERN_BASE64WIDE)) != 0 && p->base64_alphabet != NULL)
		buf_append(ret, str_n(p->base64_alphabet, 64));
	buf_append(ret, str_n(p->text, p->text_len));
}

static int combination_check(const struct signature_pattern *p, unsigned flags, struct err *err)
{
	static const struct {
		int kind; /* -1: any */
		unsigned all;
		const char *name;
	} refused[] = {
		{-1, SIGNATURE_PATTERN_NOCASE | SIGNATURE_PATTERN_XOR, "nocase xor"},
		{-1, SIGNATURE_PATTERN_NOCASE | SIGNATURE_PATTERN_BASE64, "nocase base64"},
		{-1, SIGNATURE_PATTERN_NOCASE | SIGNATURE_PATTERN_BASE64WIDE, "nocase base64wide"},
		{-1, SIGNATURE_PATTERN_FULLWORD | SIGNATURE_PATTERN_BASE64, "fullword base64"},
		{-1, SIGNATURE_PATTERN_FULLWORD | SIGNATURE_PATTERN_BASE64WIDE, "fullword base64wide"},
		{-1, SIGNATURE_PATTERN_XOR | SIGNATURE_PATTERN_BASE64, "xor base64"},
		{-1, SIGNATURE_PATTERN_XOR | SIGNATURE_PATTERN_BASE64WIDE, "xor base64wide"},
		{SIGNATURE_PATTERN_REGEX, SIGNATURE_PATTERN_XOR, "xor"},
		{SIGNATURE_PATTERN_REGEX, SIGNATURE_PATTERN_BASE64, "base64"},
		{SIGNATURE_PATTERN_REGEX, SIGNATURE_PATTERN_BASE64WIDE, "base64wide"},
		{SIGNATURE_PATTERN_HEX, SIGNATURE_PATTERN_NOCASE, "nocase"},
		{SIGNATURE_PATTERN_HEX, SIGNATURE_PATTERN_WIDE, "wide"},
		{SIGNATURE_PATTERN_HEX, SIGNATURE_PATTERN_FULLWORD, "fullword"},
		{SIGNATURE_PATTERN_HEX, SIGNATURE_PATTERN_XOR, "xor"},
		{SIGNATURE_PATTERN_HEX, SIGNATURE_PATTERN_BASE64, "base64"},
		{SIGNATURE_PATTERN_HEX, SIGNATURE_PATTERN_BASE64WIDE, "base64wide"},
		{SIGNATURE_PATTERN_TEXT, SIGNATURE_PATTERN_VALUE, "value"},
		{SIGNATURE_PATTERN_HEX, SIGNATURE_PATTERN_VALUE, "value"},
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if ((refused[i].kind < 0 || refused[i].kind == (int)p->kind) && (flags & refused[i].all) == refused[i].all)
			return err_set(err, -EINVAL, "signature.pattern_modifiers", ARG_STR("modifiers", str_c(refused[i].name)));
	return 0;
}

static int pattern_check(const struct signature_pattern *p, struct err *err)
{
	if (p->text_len == 0)
		return err_set(err, -EINVAL, "signature.pattern_empty");
	if (p->text_len > SIGNATURE_PATTERN_TEXT_LIMIT)
		return err_set(err, -E2BIG, "signature.pattern_long", ARG_I64("limit", SIGNATURE_PATTERN_TEXT_LIMIT));
	if ((p->flags & SIGNATURE_PATTERN_XOR) != 0 && p->xor_min > p->xor_max)
		return err_set(err, -EINVAL, "signature.pattern_xor_range");
	return combination_check(p, p->flags, err);
}

void signature_set_atom(struct signature_pattern_set *set, const uint8_t *value, const uint8_t *mask, struct signature_window w,
                        enum signature_atom_kind kind, uint32_t target)
{
	struct signature_atom atom = {.target = target, .back = (uint16_t)w.at, .kind = (uint8_t)kind, .len = (uint8_t)w.len};
	for (size_t i = 0; i < w.len; i++) {
		atom.value |= (uint64_t)(value[w.at + i] & mask[w.at + i]) << (8 * i);
		atom.mask |= (uint64_t)mask[w.at + i] << (8 * i);
	}
	signature_set_append(&set->atoms, &atom, sizeof(atom));
}

#define CLASSES_SHARED 512u

uint32_t signature_set_class(struct signature_pattern_set *set, const uint8_t *class)
{
	uint32_t count = signature_set_count(&set->classes, 32);
	for (uint32_t i = 0; i < count && i < CLASSES_SHARED; i++)
		if (memcmp(&set->classes.p[(size_t)i * 32], class, 32) == 0)
			return i;
	signature_set_append(&set->classes, class, 32);
	return count;
}

void signature_set_window(struct signature_pattern_set *set, const uint8_t *value, const uint8_t *mask, size_t n, bool wide,
                          enum signature_atom_kind kind, uint32_t target)
{
	if (!wide) {
		signature_set_atom(set, value, mask, signature_window_choose(value, mask, n, NULL), kind, target);
		return;
	}
	uint8_t *wide_value = mem_alloc(n * 2), *wide_mask = mem_alloc(n * 2);
	for (size_t i = 0; i < n; i++) {
		wide_value[i * 2] = value[i];
		wide_mask[i * 2] = mask[i];
		wide_mask[i * 2 + 1] = 0xff;
	}
	signature_set_atom(set, wide_value, wide_mask, signature_window_choose(wide_value, wide_mask, n * 2, NULL), kind, target);
	mem_free(wide_value);
	mem_free(wide_mask);
}

static int part_make(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t id, struct signature_part *part,
                     struct err *err)
{
	bool base64 = (p->flags & (SIGNATURE_PATTERN_BASE64 | SIGNATURE_PATTERN_BASE64WIDE)) != 0;
	if (p->kind == SIGNATURE_PATTERN_TEXT && !base64)
		return signature_set_text(set, p, id, part, err);
	return signature_set_regex(set, p, id, part, err);
}

/* A pattern that is refused leaves nothing behind. */
struct kept {
	size_t links, bytes, atoms, targets, programs, steps, classes, every, fixed;
	uint32_t waiting;
};

static struct kept set_keep(const struct signature_pattern_set *set)
{
	return (struct kept){set->links.n, set->bytes.n,   set->atoms.n, set->targets.n, set->programs.n,
	                     set->steps.n, set->classes.n, set->every.n, set->fixed.n,   set->waiting};
}

static void set_return(struct signature_pattern_set *set, const struct kept *k)
{
	set->links.n = k->links;
	set->bytes.n = k->bytes;
	set->atoms.n = k->atoms;
	set->targets.n = k->targets;
	set->programs.n = k->programs;
	set->steps.n = k->steps;
	set->classes.n = k->classes;
	set->every.n = k->every;
	set->fixed.n = k->fixed;
	set->waiting = k->waiting;
}

int signature_pattern_set_add(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t *ret_id, struct err *err)
{
	cleanup_buf struct buf key = BUF_INIT((size_t)SIGNATURE_PATTERN_TEXT_LIMIT + 128);
	int r = pattern_check(p, err);
	if (r < 0)
		return r;
	struct signature_pattern given = *p;
	if ((given.flags & (SIGNATURE_PATTERN_WIDE | SIGNATURE_PATTERN_BASE64 | SIGNATURE_PATTERN_BASE64WIDE)) == 0)
		given.flags |= SIGNATURE_PATTERN_ASCII;
	key_of(&given, &key);
	uint64_t hash = hash_of(buf_str(&key));
	if (key_find(set, buf_str(&key), hash, ret_id))
		return 0;
	uint32_t id = signature_pattern_set_count(set);
	if (id >= SIGNATURE_PATTERN_LIMIT)
		return err_set(err, -E2BIG, "signature.pattern_many", ARG_I64("limit", SIGNATURE_PATTERN_LIMIT));
	struct signature_part part = {.flags = given.flags, .head = id, .previous = SIGNATURE_NONE, .program = SIGNATURE_NONE,
	                              .backward = SIGNATURE_NONE, .waiting = SIGNATURE_NONE, .xor_min = given.xor_min, .xor_max = given.xor_max, .at = given.at};
	struct kept kept = set_keep(set);
	if ((r = part_make(set, &given, id, &part, err)) < 0) {
		set_return(set, &kept);
		return r;
	}
	signature_set_append(&set->parts, &part, sizeof(part));
	const struct key entry = {hash, (uint32_t)set->keys.n, (uint32_t)key.n};
	signature_set_append(&set->index, &entry, sizeof(entry));
	buf_append(&set->keys, buf_str(&key));
	if ((id + 1) * 2 > set->slot_count)
		slots_grow(set);
	else
		slot_put(set, hash, id);
	*ret_id = id;
	return 0;
}
