/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What was built becomes one file. */
#include "engine/signature/signature_build_internal.h"

#define PATTERN_ALIGN 64

struct writer {
	const struct signature_build *b;
	struct buf sections[SIGNATURE_SECTION__COUNT];
};

static struct image_text text_of(struct writer *w, struct str s)
{
	struct buf *texts = &w->sections[SIGNATURE_SECTION_TEXTS];
	struct image_text t = {(uint32_t)texts->n, (uint32_t)s.n};
	buf_append(texts, s);
	return t;
}

static void put(struct writer *w, enum signature_section_kind kind, const void *p, size_t n)
{
	buf_append(&w->sections[kind], str_n(p, n));
}

static void put_u32(struct writer *w, enum signature_section_kind kind, uint32_t v)
{
	put(w, kind, &v, sizeof v);
}

static void write_rules(struct writer *w)
{
	for (uint32_t i = 0; i < w->b->rule_count; i++) {
		const struct built_rule *r = &w->b->rules[i];
		const struct image_rule out = {.at = r->body, .size = r->body_size, .first = r->first, .space = r->space, .flags = r->flags};
		put(w, SIGNATURE_SECTION_RULES, &out, sizeof out);
		if (r->always)
			put_u32(w, SIGNATURE_SECTION_ALWAYS, i);
	}
	buf_append(&w->sections[SIGNATURE_SECTION_BODIES], buf_str(&w->b->bodies));
	buf_append(&w->sections[SIGNATURE_SECTION_NUMBERS], buf_str(&w->b->numbers));
}

static void write_names(struct writer *w)
{
	for (uint32_t i = 0; i < w->b->space_count; i++) {
		struct image_text t = text_of(w, w->b->spaces[i].name);
		put(w, SIGNATURE_SECTION_SPACES, &t, sizeof t);
	}
	for (size_t i = 0; i < w->b->options.external_count; i++) {
		const struct image_external out = {.name = text_of(w, str_c(w->b->externals[i].name)), .type = w->b->externals[i].type};
		put(w, SIGNATURE_SECTION_EXTERNALS, &out, sizeof out);
	}
}

/* From each rule's patterns to each pattern's rules. */
static void write_wanted(struct writer *w, uint32_t pattern_count)
{
	uint32_t *first = mem_alloc_array((size_t)pattern_count + 2, sizeof(*first));
	for (uint32_t i = 0; i < w->b->rule_count; i++)
		for (uint32_t k = 0; k < w->b->rules[i].want_count; k++)
			first[w->b->rules[i].wants[k] + 1]++;
	for (uint32_t i = 0; i < pattern_count; i++)
		first[i + 1] += first[i];
	put(w, SIGNATURE_SECTION_WANTED, first, ((size_t)pattern_count + 1) * sizeof(*first));
	uint32_t *rules = mem_alloc_array((size_t)first[pattern_count] + 1, sizeof(*rules)), total = first[pattern_count];
	for (uint32_t i = 0; i < w->b->rule_count; i++)
		for (uint32_t k = 0; k < w->b->rules[i].want_count; k++)
			rules[first[w->b->rules[i].wants[k]]++] = i;
	put(w, SIGNATURE_SECTION_WANTING, rules, (size_t)total * sizeof(*rules));
	mem_free(first);
	mem_free(rules);
}

static void write_reason(struct writer *w, const struct built_refusal *r)
{
	struct buf reason cleanup_buf = BUF_INIT(1 << 16);
	for (unsigned i = 0; i < r->public.err.arg_count && i < ERR_ARGS; i++)
		buf_printf(&reason, "%s%s=%s", i > 0 ? " " : "", r->public.err.args[i].name, r->public.err.args[i].value);
	const struct image_rest out = {.space = r->space, .for_libyara = r->for_libyara, .rule = text_of(w, r->public.rule),
				       .place = text_of(w, str_c(r->public.err.place)), .key = text_of(w, str_c(r->public.err.key)),
				       .reason = text_of(w, buf_str(&reason))};
	put(w, SIGNATURE_SECTION_RESTS, &out, sizeof out);
}

/* Which of the rules before a refused one its text needs: those it names, what these name, and global ones. */
static void mark_needed(const struct signature_build *b, const struct built_refusal *r, uint8_t *needed)
{
	for (uint32_t i = 0; i < r->rule_count; i++)
		needed[r->rules[i]] = 1;
	for (uint32_t i = r->rules_then; i > 0; i--) {
		const struct built_rule *rule = &b->rules[i - 1];
		if (rule->space == r->space && (r->all_before || (rule->flags & IMAGE_GLOBAL) != 0))
			needed[i - 1] = 1;
		for (uint32_t k = 0; needed[i - 1] != 0 && k < rule->rule_count; k++)
			needed[rule->rules[k]] = 1;
	}
}

/* Global rules count wherever they stand. */
static void mark_globals(const struct signature_build *b, uint32_t space, uint8_t *needed)
{
	for (uint32_t i = b->rule_count; i > 0; i--) {
		const struct built_rule *rule = &b->rules[i - 1];
		if (rule->space == space && (rule->flags & IMAGE_GLOBAL) != 0)
			needed[i - 1] = 1;
		for (uint32_t k = 0; needed[i - 1] != 0 && rule->space == space && k < rule->rule_count; k++)
			needed[rule->rules[k]] = 1;
	}
}

static void append_hidden(struct buf *text, const struct built_rule *rule)
{
	if ((rule->flags & IMAGE_PRIVATE) == 0)
		buf_append_c(text, "private ");
	buf_append(text, rule->text);
	buf_append_char(text, '\n');
}

static void write_fallback(struct writer *w, uint32_t space, uint8_t *needed)
{
	const struct signature_build *b = w->b;
	struct buf text cleanup_buf = BUF_INIT(SIGNATURE_IMAGE_MAX);
	uint32_t rule = 0;
	bool some = false;
	memset(needed, 0, b->rule_count);
	for (size_t i = 0; i < b->refused_count; i++)
		if (b->refused[i].space == space && b->refused[i].for_libyara) {
			mark_needed(b, &b->refused[i], needed);
			some = true;
		}
	if (!some)
		return;
	mark_globals(b, space, needed);
	buf_append(&text, buf_str(&b->spaces[space].imports));
	for (size_t i = 0; i < b->refused_count; i++) {
		if (b->refused[i].space != space || !b->refused[i].for_libyara)
			continue;
		for (; rule < b->refused[i].rules_then; rule++)
			if (needed[rule] != 0)
				append_hidden(&text, &b->rules[rule]);
		buf_append(&text, b->refused[i].text);
		buf_append_char(&text, '\n');
	}
	for (; rule < b->rule_count; rule++)
		if (needed[rule] != 0)
			append_hidden(&text, &b->rules[rule]);
	const struct image_fallback out = {.space = space, .text = text_of(w, buf_str(&text))};
	put(w, SIGNATURE_SECTION_FALLBACKS, &out, sizeof out);
}

static void write_rests(struct writer *w)
{
	const struct signature_build *b = w->b;
	uint8_t *needed = mem_alloc((size_t)b->rule_count + 1);
	for (size_t i = 0; i < b->refused_count; i++)
		write_reason(w, &b->refused[i]);
	for (uint32_t i = 0; i < b->space_count; i++)
		write_fallback(w, i, needed);
	mem_free(needed);
}

static void pad_to(struct buf *out, size_t from, size_t align)
{
	while ((out->n - from) % align != 0 && !out->overflow)
		buf_append_char(out, '\0');
}

uint64_t signature_image_checksum(struct str bytes)
{
	uint64_t lanes[4] = {1, 2, 3, 4}, word, sum = bytes.n;
	size_t i = 0;
	for (; i + 32 <= bytes.n; i += 32)
		for (unsigned k = 0; k < 4; k++) {
			memcpy(&word, bytes.p + i + 8 * k, 8);
			lanes[k] = (lanes[k] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
			lanes[k] ^= lanes[k] >> 29;
		}
	for (; i < bytes.n; i++)
		sum = (sum ^ (unsigned char)bytes.p[i]) * UINT64_C(0x100000001b3);
	for (unsigned k = 0; k < 4; k++)
		sum = (sum ^ lanes[k] ^ sum >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

static int assemble(struct writer *w, struct buf *out, struct err *err)
{
	const size_t from = out->n;
	struct image_head head = {.version = SIGNATURE_IMAGE_VERSION, .section_count = SIGNATURE_SECTION__COUNT};
	struct image_section table[SIGNATURE_SECTION__COUNT] = {0};
	memcpy(head.magic, SIGNATURE_IMAGE_MAGIC, sizeof head.magic);
	buf_append(out, str_n(&head, sizeof head));
	buf_append(out, str_n(table, sizeof table));
	bool over = false;
	for (unsigned i = 0; i < SIGNATURE_SECTION__COUNT; i++) {
		pad_to(out, from, i == SIGNATURE_SECTION_PATTERNS ? PATTERN_ALIGN : 8);
		table[i] = (struct image_section){.kind = i, .offset = out->n - from, .length = w->sections[i].n};
		buf_append(out, buf_str(&w->sections[i]));
		over = over || w->sections[i].overflow;
	}
	pad_to(out, from, 8);
	if (over || out->overflow || out->n - from > SIGNATURE_IMAGE_MAX)
		return err_set(err, -E2BIG, "signature.image_size", ARG_U64("limit", SIGNATURE_IMAGE_MAX));
	head.size = out->n - from;
	memcpy(out->p + from + sizeof head, table, sizeof table);
	head.checksum = signature_image_checksum(str_sub(buf_str(out), from + sizeof head, out->n));
	memcpy(out->p + from, &head, sizeof head);
	return 0;
}

int signature_build_finish(struct signature_build *b, struct buf *out, struct err *err)
{
	struct writer w = {.b = b};
	for (unsigned i = 0; i < SIGNATURE_SECTION__COUNT; i++)
		w.sections[i] = BUF_INIT(SIGNATURE_IMAGE_MAX);
	int r = signature_pattern_set_write(b->patterns, &w.sections[SIGNATURE_SECTION_PATTERNS], err);
	if (r == 0) {
		write_rules(&w);
		write_names(&w);
		write_wanted(&w, signature_pattern_set_count(b->patterns));
		write_rests(&w);
		buf_append(&w.sections[SIGNATURE_SECTION_HASHES], buf_str(&b->sections[SIGNATURE_SECTION_HASHES]));
		r = assemble(&w, out, err);
	}
	for (unsigned i = 0; i < SIGNATURE_SECTION__COUNT; i++)
		buf_done(&w.sections[i]);
	return r;
}
