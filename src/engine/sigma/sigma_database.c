/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * How values find predicates: equal texts, beginnings and ends by hash tables, equal numbers by a sorted list, all other
 * patterns of a field by one Vectorscan database over the folded value (and one over the value as it is, for `re` and
 * `cased`). Beginnings and ends in Vectorscan took 2 s a field to compile and twice the time to search.
 * Folding happens before, so databases are case-sensitive on bytes and Unicode folding costs ASCII events nothing.
 */
#include <stdlib.h>

#include "engine/sigma/sigma_build.h"
#include "engine/sigma/sigma_regex.h"

/* Larger ones go to PCRE2, whose compile time is bounded. */
#define HS_PATTERN_MAX 2048
/* In keyword sets all values of an event lie in one buffer, parted by this byte, which no UTF-8 text has. */
#define SEPARATOR "\\xff"

/* The patterns of one database. */
struct patterns {
	char **texts;
	unsigned *flags, *ids;
	size_t count, text_capacity, flag_capacity, id_capacity;
};

static void patterns_add(struct patterns *p, struct str text, unsigned flags, uint32_t id)
{
	p->texts = sg_grow(p->texts, &p->text_capacity, p->count, sizeof *p->texts);
	p->flags = sg_grow(p->flags, &p->flag_capacity, p->count, sizeof *p->flags);
	p->ids = sg_grow(p->ids, &p->id_capacity, p->count, sizeof *p->ids);
	p->texts[p->count] = mem_strdup(text);
	p->flags[p->count] = flags;
	p->ids[p->count++] = id;
}

static void patterns_clear(struct patterns *p)
{
	for (size_t i = 0; i < p->count; i++)
		mem_free(p->texts[i]);
	p->count = 0;
}

static void patterns_done(struct patterns *p)
{
	patterns_clear(p);
	mem_free(p->texts);
	mem_free(p->flags);
	mem_free(p->ids);
}

static void put_literal(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (plain)
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "\\x%02x", c);
	}
}

/* One code point by its bytes: the pattern runs on valid UTF-8. */
#define ONE_CHARACTER "(?:[\\x00-\\x7f]|[\\xc0-\\xf7][\\x80-\\xbf]{1,3})"
#define ONE_DASH "(?:[\\x2d\\x2f]|\\xe2\\x80[\\x93-\\x95])"

static void put_pattern(struct buf *out, const struct sigma_pattern *p, bool keyword)
{
	const struct sigma_piece *piece = p->first;
	if (piece == NULL || piece->kind != SIGMA_PIECE_ANY_RUN)
		buf_append_c(out, keyword ? SEPARATOR : "^");
	for (; piece != NULL; piece = piece->next) {
		bool outer = piece == p->first || piece->next == NULL;
		switch (piece->kind) {
		case SIGMA_PIECE_TEXT:
			put_literal(out, piece->text);
			break;
		case SIGMA_PIECE_ANY_RUN:
			if (!outer)
				buf_append_c(out, keyword ? "[^" SEPARATOR "]*" : ".*");
			break;
		case SIGMA_PIECE_ANY_ONE:
			buf_append_c(out, ONE_CHARACTER);
			break;
		case SIGMA_PIECE_DASH:
			buf_append_c(out, ONE_DASH);
			break;
		}
		if (piece->next == NULL && piece->kind != SIGMA_PIECE_ANY_RUN)
			buf_append_c(out, keyword ? SEPARATOR : "\\z");
	}
	if (p->first == NULL)
		buf_append_c(out, keyword ? SEPARATOR : "\\z");
}

/* Too much for Vectorscan: tested alone, when a condition asks. */
static void use_pcre(struct sg_builder *b, uint32_t pred)
{
	const struct sigma_pred *p = b->plans[pred].pred;
	struct sg_regex row = {.text = sg_text_add(b, p->text), .flags = p->re_flags};
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	if (p->op != SIGMA_OP_REGEX) {
		put_pattern(&text, &p->pattern, false);
		row = (struct sg_regex){.text = sg_text_add(b, buf_str(&text)), .flags = SIGMA_RE_BYTES | SIGMA_RE_DOTALL};
	}
	b->image.preds[pred].engine = 0;
	b->image.preds[pred].arg = SG_PUSH(b, regexes, row);
}

static int on_found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	*(bool *)user = true;
	return 0;
}

/* Whether `wanted` is found at every place of every length around a vector's. */
static bool finds(const char *wanted, const hs_database_t *db, hs_scratch_t *scratch)
{
	char text[200];
	size_t n = strlen(wanted);
	for (size_t length = n; length <= sizeof text; length++)
		for (size_t at = 0; at + n <= length; at++) {
			bool found = false;
			(void)memset(text, 'q', sizeof text);
			(void)memcpy(text + at, wanted, n);
			(void)hs_scan(db, text, (unsigned)length, 0, scratch, on_found, &found);
			if (!found)
				return false;
		}
	return true;
}

/*
 * Vectorscan 5.4.9 on AVX-512 misses single bytes and what its accelerated automata look for, near the end of a text
 * (docs/sigma.md); Hyperscan 5.4.0 does not. Where that is seen, only plain texts are given to it.
 */
static bool automata_work(void)
{
	static const char *const probes[][2] = {{"\\.", "."}, {"a[a-c]", "ab"}, {"a.?b", "ab"}};
	bool fine = true;
	for (size_t i = 0; i < ARRAY_LEN(probes) && fine; i++) {
		hs_database_t *db = NULL;
		hs_scratch_t *scratch = NULL;
		hs_compile_error_t *error = NULL;
		fine = hs_compile(probes[i][0], HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH, HS_MODE_BLOCK, NULL, &db, &error) == HS_SUCCESS &&
		       hs_alloc_scratch(db, &scratch) == HS_SUCCESS && finds(probes[i][1], db, scratch);
		(void)hs_free_compile_error(error);
		(void)hs_free_scratch(scratch);
		(void)hs_free_database(db);
	}
	return fine;
}

/* "*text*", of which the library finds the text itself. */
static bool is_plain(const struct sigma_pred *pred)
{
	const struct sigma_piece *a = pred->pattern.first, *b = a != NULL ? a->next : NULL, *c = b != NULL ? b->next : NULL;
	if (pred->op == SIGMA_OP_EXACT)
		return true;
	return pred->op == SIGMA_OP_PATTERN && c != NULL && c->next == NULL && a->kind == SIGMA_PIECE_ANY_RUN && b->kind == SIGMA_PIECE_TEXT &&
	       c->kind == SIGMA_PIECE_ANY_RUN && b->text.n > 1;
}

/* Whether Vectorscan can take the expression: no look-around, no back-references, not too large. */
static bool hs_takes(const struct sigma_pred *p, unsigned flags)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	char *text = mem_strdup(p->text);
	bool fine = p->text.n <= HS_PATTERN_MAX && memchr(p->text.p, '\0', p->text.n) == NULL &&
	            hs_expression_info(text, flags, &info, &error) == HS_SUCCESS;
	(void)hs_free_compile_error(error);
	free(info);
	mem_free(text);
	return fine;
}

static void add_regex(struct sg_builder *b, struct patterns *p, uint32_t pred)
{
	const struct sigma_pred *re = b->plans[pred].pred;
	unsigned flags = HS_FLAG_UTF8 | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;
	flags |= re->re_flags & SIGMA_RE_CASELESS ? HS_FLAG_CASELESS : 0;
	flags |= re->re_flags & SIGMA_RE_MULTILINE ? HS_FLAG_MULTILINE : 0;
	flags |= re->re_flags & SIGMA_RE_DOTALL ? HS_FLAG_DOTALL : 0;
	if (hs_takes(re, flags))
		patterns_add(p, re->text, flags, pred);
	else
		use_pcre(b, pred);
}

/* Compiles and appends; patterns that Vectorscan finds too large after all go to PCRE2. *ret is SG_NONE without patterns. */
static int make_database(struct sg_builder *b, struct patterns *p, struct str name, uint32_t *ret, struct err *err)
{
	hs_database_t *db = NULL;
	hs_compile_error_t *error = NULL;
	char *bytes = NULL;
	size_t n = 0;
	*ret = SG_NONE;
	while (p->count > 0 && db == NULL) {
		const char *const *texts = (const char *const *)p->texts;
		if (hs_compile_multi(texts, p->flags, p->ids, (unsigned)p->count, HS_MODE_BLOCK, NULL, &db, &error) == HS_SUCCESS)
			break;
		int at = error != NULL ? error->expression : -1;
		int r = at >= 0 ? 0 : err_set(err, -EINVAL, "sigma.compile", ARG_STR("name", name),
		                              ARG_CSTR("reason", error != NULL ? error->message : ""));
		(void)hs_free_compile_error(error);
		error = NULL;
		if (at < 0)
			return r;
		use_pcre(b, p->ids[at]);
		mem_free(p->texts[at]);
		p->count--;
		p->texts[at] = p->texts[p->count];
		p->flags[at] = p->flags[p->count];
		p->ids[at] = p->ids[p->count];
	}
	if (db == NULL)
		return 0;
	if (hs_serialize_database(db, &bytes, &n) != HS_SUCCESS) {
		(void)hs_free_database(db);
		return err_set(err, -EIO, "sigma.compile", ARG_STR("name", name), ARG_CSTR("reason", "serialize"));
	}
	size_t at = (b->image.database_bytes_count + 63) / 64 * 64;
	b->image.database_bytes = mem_realloc_array(b->image.database_bytes, at + n, 1);
	(void)memset(b->image.database_bytes + b->image.database_bytes_count, 0, at - b->image.database_bytes_count);
	(void)memcpy(b->image.database_bytes + at, bytes, n);
	b->image.database_bytes_count = at + n;
	*ret = SG_PUSH(b, databases, (struct sg_database){at, n});
	free(bytes);
	(void)hs_free_database(db);
	return 0;
}

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

/* Below this many, Vectorscan has them nearly for nothing. */
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

static void add_patterns(struct sg_builder *b, const struct sg_uses *preds, struct patterns *p, bool keyword)
{
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	for (size_t i = 0; i < preds->count; i++) {
		uint32_t id = preds->items[i];
		if (b->plain_only && !is_plain(b->plans[id].pred)) {
			use_pcre(b, id);
			continue;
		}
		if (b->image.preds[id].op == SIGMA_OP_REGEX) {
			add_regex(b, p, id);
			continue;
		}
		buf_clear(&text);
		put_pattern(&text, &b->plans[id].pred->pattern, keyword);
		patterns_add(p, buf_str(&text), HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH, id);
	}
}

static int make_field(struct sg_builder *b, uint32_t index, struct field_work *work, struct patterns *p, struct err *err)
{
	struct sg_field field = b->image.fields[index];
	struct str name = sg_str(&b->image, field.name);
	make_exacts(b, &field, &work->exact);
	make_numbers(b, &field, &work->number);
	split_windows(b, work);
	make_windows(b, &field.windows, &work->windows);
	make_ends(b, &field.begins, &work->begins, false);
	make_ends(b, &field.ends, &work->ends, true);
	patterns_clear(p);
	add_patterns(b, &work->folded, p, false);
	int r = make_database(b, p, name, &field.folded_db, err);
	if (r < 0)
		return r;
	patterns_clear(p);
	add_patterns(b, &work->raw, p, false);
	r = make_database(b, p, name, &field.raw_db, err);
	b->image.fields[index] = field;
	return r;
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

static int make_keywords(struct sg_builder *b, uint32_t source, struct patterns *p, struct err *err)
{
	const struct sg_uses *preds = &b->keyword_preds[source];
	struct sg_keywords row = {.folded_db = SG_NONE, .raw_db = SG_NONE};
	struct sg_uses folded = {0}, raw = {0};
	if (preds->count == 0)
		return 0;
	for (size_t i = 0; i < preds->count; i++) {
		size_t known = 0;
		while (known < i && preds->items[known] != preds->items[i])
			known++;
		const struct sigma_pred *pred = b->plans[preds->items[i]].pred;
		if (known == i && b->image.preds[preds->items[i]].engine != 0)
			sg_uses_add(pred->cased ? &raw : &folded, preds->items[i]);
	}
	make_probe(b, preds, &row);
	patterns_clear(p);
	add_patterns(b, &folded, p, true);
	int r = make_database(b, p, STR("keywords"), &row.folded_db, err);
	patterns_clear(p);
	add_patterns(b, &raw, p, false);
	if (r == 0)
		r = make_database(b, p, STR("keywords"), &row.raw_db, err);
	mem_free(folded.items);
	mem_free(raw.items);
	if (r == 0)
		b->image.sources[source].keywords = SG_PUSH(b, keywords, row);
	return r;
}

int sg_databases_make(struct sg_builder *b, struct err *err)
{
	struct patterns p = {0};
	struct field_work *work = mem_alloc_array(b->image.fields_count, sizeof *work);
	int r = 0;
	b->plain_only = !automata_work();
	sort_out(b, work);
	for (uint32_t i = 0; i < b->image.fields_count; i++) {
		b->image.known[0].string_count += (uint32_t)(work[i].exact.count + work[i].begins.count + work[i].ends.count + work[i].folded.count);
		b->image.known[0].regex_count += (uint32_t)work[i].raw.count;
		if (r == 0)
			r = make_field(b, i, &work[i], &p, err);
		mem_free(work[i].exact.items);
		mem_free(work[i].number.items);
		mem_free(work[i].begins.items);
		mem_free(work[i].ends.items);
		mem_free(work[i].windows.items);
		mem_free(work[i].folded.items);
		mem_free(work[i].raw.items);
	}
	for (uint32_t i = 0; i < b->image.sources_count && r == 0; i++)
		r = make_keywords(b, i, &p, err);
	patterns_done(&p);
	mem_free(work);
	return r;
}
