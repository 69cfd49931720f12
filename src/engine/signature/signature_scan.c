/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * One file: strings first, then the conditions of those rules that can be true at all. A file in which nothing is found costs
 * the search and the few rules that need no string.
 */
#include "engine/signature/signature_scan.h"

struct signature_scanner *signature_scanner_new(const struct signature_image *image)
{
	struct signature_scanner *s = MEM_NEW(struct signature_scanner);
	const size_t scratch = signature_patterns_scratch_size(&image->patterns);
	s->image = image;
	s->memory = mem_alloc(scratch + 64);
	s->pattern_scratch = (void *)(((uintptr_t)s->memory + 63) & ~(uintptr_t)63);
	s->words = image->rule_count / 64 + 1;
	s->candidates = mem_alloc_array(s->words, sizeof(uint64_t));
	s->always = mem_alloc_array(s->words, sizeof(uint64_t));
	s->space_blocked = mem_alloc_array((size_t)image->space_count + 1, sizeof(bool));
	for (uint32_t i = 0; i < image->always_count; i++)
		s->always[image->always[i] / 64] |= UINT64_C(1) << image->always[i] % 64;
	s->run.results = mem_alloc_array(s->words, sizeof(uint64_t));
	s->run.module_memory = mem_alloc(signature_module_state_size());
	s->run.patterns = &image->patterns;
	s->run.pattern_scratch = s->pattern_scratch;
	s->run.given_types = image->external_types;
	return s;
}

void signature_scanner_free(struct signature_scanner *s)
{
	if (s == NULL)
		return;
	mem_free(s->memory);
	mem_free(s->candidates);
	mem_free(s->always);
	mem_free(s->space_blocked);
	mem_free(s->run.results);
	mem_free(s->run.module_memory);
	mem_free(s);
}

bool signature_scan_begin(struct signature_scanner *s, const uint8_t *data, size_t len, const struct signature_given *given, size_t given_count)
{
	struct signature_run *r = &s->run;
	r->data = data;
	r->len = len;
	r->given = given;
	r->given_count = given != NULL ? (uint32_t)given_count : 0;
	r->module_state = NULL;
	r->steps = SIGNATURE_STEPS_MAX;
	memset(r->results, 0, s->words * sizeof(uint64_t));
	if (signature_patterns_scan(&s->image->patterns, data, len, s->pattern_scratch, &r->matches) < 0)
		return false;
	return !r->matches.too_many && !r->matches.gave_up;
}

int signature_scan_rule(struct signature_scanner *s, uint32_t rule)
{
	struct image_body_view v;
	signature_image_body(s->image, rule, &v);
	int r = signature_condition_run(&s->run, &v.code, rule);
	if (r == 1)
		s->run.results[rule / 64] |= UINT64_C(1) << rule % 64;
	return r;
}

static void mark_candidates(struct signature_scanner *s)
{
	const struct signature_image *m = s->image;
	const uint32_t *ids;
	const uint32_t n = signature_matches_hits(&s->run.matches, &ids);
	memcpy(s->candidates, s->always, s->words * sizeof(uint64_t));
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = m->wanted[ids[i]]; k < m->wanted[ids[i] + 1]; k++)
			s->candidates[m->wanting[k] / 64] |= UINT64_C(1) << m->wanting[k] % 64;
}

static bool run_candidates(struct signature_scanner *s)
{
	bool decided = true;
	for (size_t w = 0; w < s->words; w++)
		for (uint64_t bits = s->candidates[w]; bits != 0; bits &= bits - 1)
			if (signature_scan_rule(s, (uint32_t)(w * 64 + (unsigned)__builtin_ctzll(bits))) < 0)
				decided = false;
	return decided;
}

static bool is_true(const struct signature_scanner *s, uint32_t rule)
{
	return (s->run.results[rule / 64] >> rule % 64 & 1) != 0;
}

/* A global rule that is false silences its namespace. */
static void block_spaces(struct signature_scanner *s)
{
	const struct signature_image *m = s->image;
	for (uint32_t i = 0; i < m->global_count; i++)
		s->space_blocked[m->rules[m->globals[i]].space] = false;
	for (uint32_t i = 0; i < m->global_count; i++)
		if (!is_true(s, m->globals[i]))
			s->space_blocked[m->rules[m->globals[i]].space] = true;
}

static bool report(struct signature_scanner *s, signature_on_hit on_hit, void *ctx)
{
	const struct signature_image *m = s->image;
	for (size_t w = 0; w < s->words; w++)
		for (uint64_t bits = s->run.results[w]; bits != 0; bits &= bits - 1) {
			const uint32_t rule = (uint32_t)(w * 64 + (unsigned)__builtin_ctzll(bits));
			const struct signature_hit hit = {.image = m, .rule = rule, .scanner = s};
			if ((m->rules[rule].flags & IMAGE_PRIVATE) == 0 && !s->space_blocked[m->rules[rule].space] && !on_hit(ctx, &hit))
				return false;
		}
	return true;
}

enum signature_result signature_scan(struct signature_scanner *s, const uint8_t *data, size_t len, const struct signature_given *given,
				     size_t given_count, signature_on_hit on_hit, void *ctx)
{
	bool decided = signature_scan_begin(s, data, len, given, given_count);
	mark_candidates(s);
	decided = run_candidates(s) && decided;
	block_spaces(s);
	if (!report(s, on_hit, ctx))
		return SIGNATURE_STOPPED;
	return decided ? SIGNATURE_DONE : SIGNATURE_UNDECIDED;
}

bool signature_hit_string(const struct signature_hit *hit, uint32_t string, uint32_t match, struct signature_found *ret)
{
	struct image_body_view v;
	uint64_t offset;
	uint32_t length;
	signature_image_body(hit->image, hit->rule, &v);
	if (string >= v.body->strings ||
	    signature_matches_at(&hit->scanner->run.matches, v.code.patterns[string], match, &offset, &length) < 0)
		return false;
	*ret = (struct signature_found){.name = str_n(v.code.texts + v.strings[string].name_at, v.strings[string].name_n),
					.is_private = (v.strings[string].flags & IMAGE_PRIVATE) != 0, .offset = offset, .length = length};
	return true;
}
