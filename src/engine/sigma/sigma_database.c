/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * How values find predicates: equal texts, beginnings and ends by hash tables, equal numbers by a sorted list, all other
 * patterns of a field by one Hyperscan database over the folded value (and one over the value as it is, for `re` and
 * `cased`). Beginnings and ends in the database took 2 s a field to compile and twice the time to search.
 * Folding happens before, so databases are case-sensitive on bytes and Unicode folding costs ASCII events nothing.
 */
#include <stdlib.h>

#include "engine/sigma/sigma_build.h"

static int compare_numbers(const void *a, const void *b)
{
	const struct sg_number *x = a, *y = b;
	return (x->value > y->value) - (x->value < y->value);
}

static void make_numbers(struct sg_builder *b, struct sg_field *field, const struct sg_uses *preds)
{
	uint32_t at = (uint32_t)b->image.numbers_count;
	for (size_t i = 0; i < preds->count; i++)
		(void)SG_PUSH(b, numbers, (struct sg_number){.value = b->plans[preds->items[i]].pred->number, .pred = preds->items[i]});
	field->numbers = (struct sg_range){at, (uint32_t)preds->count};
	if (preds->count > 1)
		qsort(b->image.numbers + at, preds->count, sizeof(struct sg_number), compare_numbers);
}

enum end { END_NONE, END_BEGIN, END_END };

/* "text*" and "*text" are looked up by hash. */
static enum end end_of(const struct sigma_pred *pred, struct str *ret_text)
{
	const struct sigma_piece *a = pred->pattern.first, *b = a != NULL ? a->next : NULL;
	if (pred->op != SIGMA_OP_PATTERN || pred->cased || b == NULL || b->next != NULL)
		return END_NONE;
	enum end end = a->kind == SIGMA_PIECE_TEXT && b->kind == SIGMA_PIECE_ANY_RUN   ? END_BEGIN
	               : a->kind == SIGMA_PIECE_ANY_RUN && b->kind == SIGMA_PIECE_TEXT ? END_END
	                                                                               : END_NONE;
	*ret_text = end == END_BEGIN ? a->text : b->text;
	return ret_text->n <= SG_ENDS_MAX ? end : END_NONE;
}

uint32_t sg_engine_for(const struct sigma_pred *pred)
{
	struct str text;
	switch (pred->op) {
	case SIGMA_OP_EXACT:
		return pred->cased && pred->text.n > 0 ? SG_ENGINE_RAW : SG_ENGINE_TABLES;
	case SIGMA_OP_PATTERN:
		if (pred->field.n > 0 && end_of(pred, &text) != END_NONE)
			return SG_ENGINE_TABLES;
		return pred->cased ? SG_ENGINE_RAW : SG_ENGINE_FOLDED;
	case SIGMA_OP_REGEX:
		return SG_ENGINE_RAW;
	case SIGMA_OP_EQ:
		return pred->part == SIGMA_PART_NONE ? SG_ENGINE_TABLES : 0;
	case SIGMA_OP_PRESENT:
	case SIGMA_OP_NULL:
	case SIGMA_OP_EXISTS:
	case SIGMA_OP_CIDR:
	case SIGMA_OP_LT:
	case SIGMA_OP_LTE:
	case SIGMA_OP_GT:
	case SIGMA_OP_GTE:
	case SIGMA_OP_FIELDREF:
	case SIGMA_OP__COUNT:
		break;
	}
	return 0;
}

static uint32_t roll_text(struct str s, bool backwards)
{
	uint64_t h = 0;
	for (size_t i = 0; i < s.n; i++)
		h = sg_roll(h, s.p[backwards ? s.n - 1 - i : i]);
	return sg_rolled(h);
}

static void make_ends(struct sg_builder *b, struct sg_ends *ends, const struct sg_uses *preds, bool backwards)
{
	uint32_t at = (uint32_t)b->image.exacts_count, slots = 2;
	if (preds->count == 0)
		return;
	while (slots < preds->count * 4)
		slots *= 2;
	for (uint32_t i = 0; i < slots; i++)
		(void)SG_PUSH(b, exacts, (struct sg_exact){.hash = 0});
	for (size_t i = 0; i < preds->count; i++) {
		struct str text = STR_EMPTY;
		(void)end_of(b->plans[preds->items[i]].pred, &text);
		uint32_t hash = roll_text(text, backwards), slot = hash >> 1 & (slots - 1);
		while (b->image.exacts[at + slot].hash != 0)
			slot = (slot + 1) & (slots - 1);
		b->image.exacts[at + slot] = (struct sg_exact){hash, preds->items[i], sg_text_add(b, text)};
		ends->lengths[text.n / 64] |= UINT64_C(1) << (text.n % 64);
		if (text.n > ends->longest)
			ends->longest = (uint32_t)text.n;
	}
	ends->table = (struct sg_range){at, slots};
}

static void make_exacts(struct sg_builder *b, struct sg_field *field, const struct sg_uses *preds)
{
	uint32_t at = (uint32_t)b->image.exacts_count, slots = 2;
	if (preds->count == 0)
		return;
	while (slots < preds->count * 2)
		slots *= 2;
	for (uint32_t i = 0; i < slots; i++)
		(void)SG_PUSH(b, exacts, (struct sg_exact){.hash = 0});
	for (size_t i = 0; i < preds->count; i++) {
		struct str text = b->plans[preds->items[i]].pred->text;
		uint32_t hash = sg_hash32(text.p, text.n), slot = hash & (slots - 1);
		while (b->image.exacts[at + slot].hash != 0)
			slot = (slot + 1) & (slots - 1);
		b->image.exacts[at + slot] = (struct sg_exact){hash, preds->items[i], sg_text_add(b, text)};
		if (text.n > field->exact_longest)
			field->exact_longest = (uint32_t)text.n;
	}
	field->exact = (struct sg_range){at, slots};
}

struct field_work {
	struct sg_uses exact, number, begins, ends, folded, raw, windows;
};

/* "*text*" long enough for a window. */
static bool is_window(const struct sigma_pred *pred, struct str *ret_text)
{
	const struct sigma_piece *a = pred->pattern.first, *b = a != NULL ? a->next : NULL, *c = b != NULL ? b->next : NULL;
	if (c == NULL || c->next != NULL || a->kind != SIGMA_PIECE_ANY_RUN || b->kind != SIGMA_PIECE_TEXT || c->kind != SIGMA_PIECE_ANY_RUN)
		return false;
	*ret_text = b->text;
	return b->text.n >= SG_WINDOW_BYTES;
}

/* Below this many, Hyperscan has them nearly for nothing. */
#define WINDOWS_MIN 500

static void split_windows(struct sg_builder *b, struct field_work *w)
{
	struct sg_uses rest = {0};
	struct str text;
	for (size_t i = 0; i < w->folded.count; i++)
		sg_uses_add(is_window(b->plans[w->folded.items[i]].pred, &text) ? &w->windows : &rest, w->folded.items[i]);
	if (w->windows.count < WINDOWS_MIN) {
		w->windows.count = 0;
		mem_free(rest.items);
		return;
	}
	mem_free(w->folded.items);
	w->folded = rest;
}

static void make_windows(struct sg_builder *b, struct sg_windows *windows, const struct sg_uses *preds)
{
	uint32_t bits = (uint32_t)b->image.words_count, at = (uint32_t)b->image.exacts_count, slots = 2;
	if (preds->count == 0)
		return;
	for (unsigned i = 0; i < SG_WINDOW_BITS / 64; i++)
		(void)SG_PUSH(b, words, 0);
	while (slots < preds->count * 4)
		slots *= 2;
	for (uint32_t i = 0; i < slots; i++)
		(void)SG_PUSH(b, exacts, (struct sg_exact){.hash = 0});
	for (size_t i = 0; i < preds->count; i++) {
		struct str text = STR_EMPTY;
		(void)is_window(b->plans[preds->items[i]].pred, &text);
		uint64_t h = sg_window_first(text.p);
		uint32_t hash = sg_rolled(h), slot = hash >> 1 & (slots - 1);
		b->image.words[bits + (h >> 48) / 64] |= UINT64_C(1) << ((h >> 48) % 64);
		while (b->image.exacts[at + slot].hash != 0)
			slot = (slot + 1) & (slots - 1);
		b->image.exacts[at + slot] = (struct sg_exact){hash, preds->items[i], sg_text_add(b, text)};
	}
	*windows = (struct sg_windows){{bits, SG_WINDOW_BITS / 64}, {at, slots}};
}

static void sort_out(struct sg_builder *b, struct field_work *work)
{
	for (uint32_t id = 0; id < b->image.preds_count; id++) {
		const struct sg_pred *row = &b->image.preds[id];
		const struct sigma_pred *pred = b->plans[id].pred;
		struct str text;
		if (row->field == SG_NONE || row->engine == 0)
			continue;
		struct field_work *w = &work[row->field];
		if (row->engine == SG_ENGINE_RAW)
			sg_uses_add(&w->raw, id);
		else if (row->engine == SG_ENGINE_FOLDED)
			sg_uses_add(&w->folded, id);
		else if (pred->op == SIGMA_OP_EQ)
			sg_uses_add(&w->number, id);
		else if (pred->op == SIGMA_OP_EXACT)
			sg_uses_add(&w->exact, id);
		else
			sg_uses_add(end_of(pred, &text) == END_BEGIN ? &w->begins : &w->ends, id);
	}
}

static void make_field(struct sg_builder *b, uint32_t index, struct field_work *work)
{
	struct sg_field field = b->image.fields[index];
	struct str name = sg_str(&b->image, field.name);
	make_exacts(b, &field, &work->exact);
	make_numbers(b, &field, &work->number);
	split_windows(b, work);
	make_windows(b, &field.windows, &work->windows);
	make_ends(b, &field.begins, &work->begins, false);
	make_ends(b, &field.ends, &work->ends, true);
	field.folded_db = sg_patterns_add(b, &work->folded, false, name);
	field.raw_db = sg_patterns_add(b, &work->raw, false, name);
	b->image.fields[index] = field;
}

/*
 * The longest run of a keyword's text that JSON never writes another way but by \u: no quote, backslash, slash or control
 * character, ASCII only. Found in the raw bytes or else the keyword cannot be there.
 */
struct str sg_plain_run(const struct sigma_pred *pred)
{
	struct str best = STR_EMPTY;
	for (const struct sigma_piece *piece = pred->op == SIGMA_OP_PATTERN ? pred->pattern.first : NULL; piece != NULL; piece = piece->next) {
		struct str s = piece->kind == SIGMA_PIECE_TEXT ? piece->text : STR_EMPTY;
		size_t from = 0;
		for (size_t i = 0; i <= s.n; i++) {
			bool plain = i < s.n && (unsigned char)s.p[i] >= 0x20 && (unsigned char)s.p[i] < 0x7f && s.p[i] != '"' &&
			             s.p[i] != '\\' && s.p[i] != '/';
			if (plain)
				continue;
			if (i - from > best.n)
				best = str_sub(s, from, i);
			from = i + 1;
		}
	}
	return best;
}

static void make_probe(struct sg_builder *b, const struct sg_uses *preds, struct sg_keywords *row)
{
	sg_probe_init(&row->probe);
	for (size_t i = 0; i < preds->count && !row->always_full; i++) {
		const struct sg_text run = b->image.preds[preds->items[i]].run;
		row->always_full = run.n < SG_PROBE_WINDOW || !sg_probe_add(&row->probe, b->image.text, run.at, run.n);
	}
	sg_probe_ready(&row->probe);
}

static void make_keywords(struct sg_builder *b, uint32_t source)
{
	const struct sg_uses *preds = &b->keyword_preds[source];
	struct sg_keywords row = {.folded_db = SG_NONE, .raw_db = SG_NONE};
	struct sg_uses folded = {0}, raw = {0};
	if (preds->count == 0)
		return;
	for (size_t i = 0; i < preds->count; i++) {
		size_t known = 0;
		while (known < i && preds->items[known] != preds->items[i])
			known++;
		const struct sigma_pred *pred = b->plans[preds->items[i]].pred;
		if (known == i && b->image.preds[preds->items[i]].engine != 0)
			sg_uses_add(pred->cased ? &raw : &folded, preds->items[i]);
	}
	make_probe(b, preds, &row);
	row.folded_db = sg_patterns_add(b, &folded, true, STR("keywords"));
	row.raw_db = sg_patterns_add(b, &raw, false, STR("keywords"));
	mem_free(folded.items);
	mem_free(raw.items);
	b->image.sources[source].keywords = SG_PUSH(b, keywords, row);
}

int sg_databases_make(struct sg_builder *b, struct err *err)
{
	struct field_work *work = mem_alloc_array(b->image.fields_count, sizeof *work);
	sort_out(b, work);
	for (uint32_t i = 0; i < b->image.fields_count; i++) {
		b->image.known[0].string_count += (uint32_t)(work[i].exact.count + work[i].begins.count + work[i].ends.count + work[i].folded.count);
		b->image.known[0].regex_count += (uint32_t)work[i].raw.count;
		make_field(b, i, &work[i]);
		mem_free(work[i].exact.items);
		mem_free(work[i].number.items);
		mem_free(work[i].begins.items);
		mem_free(work[i].ends.items);
		mem_free(work[i].windows.items);
		mem_free(work[i].folded.items);
		mem_free(work[i].raw.items);
	}
	mem_free(work);
	for (uint32_t i = 0; i < b->image.sources_count; i++)
		make_keywords(b, i);
	return sg_patterns_compile(b, err);
}
