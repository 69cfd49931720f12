/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Which JSON keys lead to which field: a tree of tables. A name with dots is tried as one literal key first, then along
 * objects, each step again by the longest literal key (R leaves it open; docs/sigma.md): every way to cut it is a path,
 * ranked in that order.
 */
#include "engine/sigma/sigma_build.h"

#define SEGMENTS_MAX 10
#define CUT_MAX 7 /* joints that may be either; names with more have the two extremes only */
#define RANKS_A_HOME 1024

struct key {
	struct str name;
	struct branch *inside;
	struct sg_hit hits[8];
	size_t hit_count;
	struct key *next;
};

struct branch {
	struct key *keys;
	struct branch *any;
	bool blanks;
	size_t count;
};

struct path {
	struct str segments[SEGMENTS_MAX];
	size_t count;
	struct str text; /* further key inside the value */
	bool blanks;
	size_t prefix_count;
};

static struct key *key_of(struct sg_builder *b, struct branch *branch, struct str name)
{
	struct key **at = &branch->keys;
	for (; *at != NULL; at = &(*at)->next)
		if (str_eq((*at)->name, name))
			return *at;
	*at = ARENA_NEW(b->arena, struct key);
	(*at)->name = name;
	branch->count++;
	return *at;
}

static struct branch *inside_of(struct sg_builder *b, struct branch *branch, struct str name)
{
	if (str_eq_c(name, "*")) {
		if (branch->any == NULL)
			branch->any = ARENA_NEW(b->arena, struct branch);
		return branch->any;
	}
	struct key *key = key_of(b, branch, name);
	if (key->inside == NULL)
		key->inside = ARENA_NEW(b->arena, struct branch);
	return key->inside;
}

static void add_hit(struct key *key, uint32_t field, uint32_t rank)
{
	for (size_t i = 0; i < key->hit_count; i++)
		if (key->hits[i].field == field) {
			if (rank < key->hits[i].rank)
				key->hits[i].rank = rank;
			return;
		}
	if (key->hit_count < ARRAY_LEN(key->hits))
		key->hits[key->hit_count++] = (struct sg_hit){field, rank};
}

static bool split_path(struct path *p, struct str dotted)
{
	struct str part;
	while (dotted.n > 0 && str_split(&dotted, '.', &part)) {
		if (p->count == SEGMENTS_MAX)
			return false;
		p->segments[p->count++] = part;
	}
	return true;
}

/* cuts: bit j set: an object begins after segment j. The first joint is the highest bit, so that the number orders. */
static void add_cut(struct sg_builder *b, struct branch *root, const struct path *p, uint32_t cuts, uint32_t field, uint32_t rank)
{
	struct branch *at = root;
	struct buf name cleanup_buf = BUF_INIT(4096);
	size_t joints = p->count - 1;
	for (size_t i = 0; i < p->count; i++) {
		bool star = str_eq_c(p->segments[i], "*"), last = i + 1 == p->count;
		if (name.n > 0)
			buf_append_char(&name, '.');
		buf_append(&name, p->segments[i]);
		bool cut = last || cuts >> (joints - 1 - i) & 1;
		if (star && (!cut || name.n != 1))
			return;
		if (!cut)
			continue;
		struct str key = arena_str(b->arena, buf_str(&name));
		buf_clear(&name);
		if (last) {
			struct key *leaf = key_of(b, at, key);
			add_hit(leaf, field, rank + 1);
			if (p->text.n > 0)
				add_hit(key_of(b, inside_of(b, at, key), p->text), field, rank);
			return;
		}
		at = inside_of(b, at, key);
		if (p->blanks && i + 1 == p->prefix_count)
			at->blanks = true;
	}
}

static void add_path(struct sg_builder *b, struct branch *root, const struct path *p, uint32_t field, uint32_t rank)
{
	size_t joints = p->count - 1;
	uint32_t all = joints < 32 ? (1u << joints) - 1 : 0;
	if (p->count == 0)
		return;
	if (joints > CUT_MAX) {
		add_cut(b, root, p, 0, field, rank);
		add_cut(b, root, p, all, field, rank + 2);
		return;
	}
	for (uint32_t cuts = 0; cuts <= all; cuts++)
		add_cut(b, root, p, cuts, field, rank + cuts * 2);
}

static void add_field(struct sg_builder *b, struct branch *root, uint32_t field)
{
	struct str name = sg_str(&b->image, b->image.fields[field].name);
	uint32_t rank = 0;
	for (const struct sigma_prefix *prefix = b->mapping->prefixes; prefix != NULL; prefix = prefix->next, rank += RANKS_A_HOME) {
		struct path p = {.text = prefix->text, .blanks = prefix->blanks};
		if (!split_path(&p, prefix->path))
			continue;
		p.prefix_count = p.count;
		if (!split_path(&p, name)) {
			p.count = p.prefix_count;
			p.segments[p.count++] = name;
		}
		add_path(b, root, &p, field, rank);
	}
	for (const struct sigma_home *home = b->mapping->homes; home != NULL; home = home->next, rank += RANKS_A_HOME) {
		struct path p = {.count = 0};
		if (str_eq(home->field, name) && split_path(&p, home->path))
			add_path(b, root, &p, field, rank);
	}
}

static uint32_t flatten(struct sg_builder *b, const struct branch *branch)
{
	uint32_t node = SG_PUSH(b, nodes, (struct sg_node){.any = SG_NONE, .blanks = branch->blanks});
	size_t slots = 4;
	while (slots < branch->count * 2)
		slots *= 2;
	uint32_t at = (uint32_t)b->image.keys_count;
	for (size_t i = 0; i < slots; i++)
		(void)SG_PUSH(b, keys, (struct sg_key){.hash = 0});
	b->image.nodes[node].slots = (struct sg_range){at, (uint32_t)slots};
	for (const struct key *key = branch->keys; key != NULL; key = key->next) {
		struct sg_key row = {.hash = sg_hash(key->name.p, key->name.n), .name = sg_text_add(b, key->name), .node = SG_NONE,
		                     .hits = {(uint32_t)b->image.hits_count, (uint32_t)key->hit_count}};
		for (size_t i = 0; i < key->hit_count; i++)
			(void)SG_PUSH(b, hits, key->hits[i]);
		if (key->inside != NULL)
			row.node = flatten(b, key->inside);
		size_t slot = row.hash & (slots - 1);
		while (b->image.keys[at + slot].hash != 0)
			slot = (slot + 1) & (slots - 1);
		b->image.keys[at + slot] = row;
	}
	if (branch->any != NULL) {
		uint32_t any = flatten(b, branch->any);
		b->image.nodes[node].any = any;
	}
	return node;
}

void sg_keys_make(struct sg_builder *b)
{
	struct branch root = {0};
	for (uint32_t field = 0; field < b->image.fields_count; field++)
		add_field(b, &root, field);
	b->image.known[0].root = flatten(b, &root);
}
