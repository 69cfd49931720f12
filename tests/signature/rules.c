/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rule by rule and match by match: what libyara finds and what an image of the same rules finds. */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yara.h>

#include "base/err/err.h"
#include "engine/signature/signature.h"
#include "generate.h"

#define RULES        32
#define TEXT_MAX     ((size_t)1 << 20)
#define FINDINGS_MAX 8192

static const char prelude[] = "import \"pe\"\nimport \"elf\"\nimport \"math\"\nimport \"hash\"\n"
			      "rule base0 { strings: $a = \"abc\" condition: $a }\n"
			      "rule base1 { condition: filesize > 200 }\n";

static const struct signature_external externals[] = {{"filename", SIGNATURE_EXTERNAL_STRING},
						      {"extension", SIGNATURE_EXTERNAL_STRING},
						      {"en", SIGNATURE_EXTERNAL_INTEGER},
						      {"be", SIGNATURE_EXTERNAL_BOOLEAN}};
static const struct signature_given given[] = {{.text = {"dir/abc.exe", 11}}, {.text = {".exe", 4}}, {.integer = 7}, {.integer = 1}};

/* What matched: rules and places of strings, as lines, so that they can be sorted, compared and shown. */
struct findings {
	unsigned count;
	bool failed; /* a limit, an error: nothing is said */
	char lines[FINDINGS_MAX][64];
};

static void note(struct findings *f, const char *rule, const char *string, uint64_t offset, uint64_t length)
{
	if (f->count == FINDINGS_MAX) {
		f->failed = true;
		return;
	}
	if (string == NULL)
		snprintf(f->lines[f->count++], 64, "%s", rule);
	else
		snprintf(f->lines[f->count++], 64, "%s %s %llu+%llu", rule, string, (unsigned long long)offset, (unsigned long long)length);
}

static int by_line(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool same(struct findings *a, struct findings *b)
{
	if (a->count != b->count)
		return false;
	qsort(a->lines, a->count, sizeof(a->lines[0]), by_line);
	qsort(b->lines, b->count, sizeof(b->lines[0]), by_line);
	for (unsigned i = 0; i < a->count; i++)
		if (strcmp(a->lines[i], b->lines[i]) != 0)
			return false;
	return true;
}

static void quiet(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
	(void)file, (void)line, (void)rule;
	if (level == YARA_ERROR_LEVEL_ERROR && user != NULL)
		snprintf(user, 200, "%s", message);
}

static YR_RULES *compile(const char *text, char error[200])
{
	YR_COMPILER *c = NULL;
	YR_RULES *rules = NULL;

	if (yr_compiler_create(&c) != ERROR_SUCCESS)
		return NULL;
	yr_compiler_set_callback(c, quiet, error);
	yr_compiler_define_string_variable(c, "filename", given[0].text.p);
	yr_compiler_define_string_variable(c, "extension", given[1].text.p);
	yr_compiler_define_integer_variable(c, "en", 7);
	yr_compiler_define_boolean_variable(c, "be", 1);
	if (yr_compiler_add_string(c, text, NULL) == 0 && yr_compiler_get_rules(c, &rules) != ERROR_SUCCESS)
		rules = NULL;
	yr_compiler_destroy(c);
	return rules;
}

static int on_theirs(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	struct findings *f = user;
	YR_STRING *string;
	YR_MATCH *match;

	if (message == CALLBACK_MSG_TOO_MANY_MATCHES)
		f->failed = true;
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	YR_RULE *rule = data;
	note(f, rule->identifier, NULL, 0, 0);
	yr_rule_strings_foreach(rule, string)
		yr_string_matches_foreach(context, string, match)
			note(f, rule->identifier, string->identifier, (uint64_t)(match->base + match->offset), (uint64_t)match->match_length);
	return CALLBACK_CONTINUE;
}

static bool on_ours(void *ctx, const struct signature_hit *hit)
{
	struct findings *f = ctx;
	struct signature_rule rule;
	struct signature_found found;
	char name[32], string[16];

	(void)signature_image_rule(hit->image, hit->rule, &rule);
	str_copy_c(rule.name, name, sizeof(name));
	note(f, name, NULL, 0, 0);
	for (uint32_t s = 0; s < rule.strings; s++)
		for (uint32_t m = 0; signature_hit_string(hit, s, m, &found); m++) {
			snprintf(string, sizeof(string), "%s%.*s", found.name.n > 0 && found.name.p[0] == '$' ? "" : "$", STR_FMT(found.name));
			note(f, name, string, found.offset, found.length);
		}
	return true;
}

struct pair {
	YR_RULES *theirs;
	struct buf bytes;
	struct signature_image *ours;
	struct signature_scanner *scanner;
	size_t refused;
};

static void pair_done(struct pair *p)
{
	signature_scanner_free(p->scanner);
	signature_image_free(p->ours);
	buf_done(&p->bytes);
	if (p->theirs != NULL)
		yr_rules_destroy(p->theirs);
}

/* Compiles the text on both sides. false: libyara does not take it, or the image does not at all. */
static bool pair_make(struct pair *p, const char *text, char error[200])
{
	const struct signature_build_options options = {.externals = externals, .external_count = 4, .all_matches = true};
	struct err err = {0};
	char line[400];

	*p = (struct pair){.bytes = BUF_INIT((size_t)64 << 20)};
	p->theirs = compile(text, error);
	struct signature_build *build = signature_build_new(&options);
	bool fine = signature_build_yara(build, STR("default"), "generated", str_c(text), &err) >= 0;
	p->refused = signature_build_refused_count(build);
	if (p->refused > 0)
		snprintf(error, 200, "%.199s", err_line(&signature_build_refused(build, 0)->err, line, sizeof(line)));
	fine = fine && p->theirs != NULL && signature_build_finish(build, &p->bytes, &err) >= 0 &&
	       signature_image_open(p->bytes.p, p->bytes.n, &p->ours, &err) >= 0;
	signature_build_free(build);
	if (fine)
		p->scanner = signature_scanner_new(p->ours);
	return fine;
}

static struct findings theirs, ours;
static struct rules_result *shared;

/* true: the findings differ. */
static bool differ(struct pair *p, const uint8_t *data, size_t len)
{
	theirs.count = ours.count = 0;
	theirs.failed = ours.failed = false;
	shared->at_work = RULES_LIBYARA;
	const int result = yr_rules_scan_mem(p->theirs, data, len, 0, on_theirs, &theirs, 30);
	shared->at_work = RULES_OURS;
	if (result != ERROR_SUCCESS)
		return false;
	if (signature_scan(p->scanner, data, len, given, 4, on_ours, &ours) != SIGNATURE_DONE)
		ours.failed = true;
	return !theirs.failed && !ours.failed && !same(&theirs, &ours);
}

/* Takes pieces out of the file as long as the findings still differ. */
static void shrink(struct pair *p, struct sample *s)
{
	static uint8_t kept[1 << 20];

	for (size_t piece = s->len / 2; piece > 0; piece /= 2)
		for (size_t at = 0; at + piece <= s->len && s->len <= sizeof(kept);) {
			memcpy(kept, s->data, s->len);
			memmove(s->data + at, s->data + at + piece, s->len - at - piece);
			s->len -= piece;
			if (!differ(p, s->data, s->len)) {
				s->len += piece;
				memcpy(s->data, kept, s->len);
				at += piece;
			}
		}
	(void)differ(p, s->data, s->len);
}

static void show_difference(const char *rule, const struct sample *s)
{
	unsigned i = 0, k = 0;

	printf("DIFFERS\n%sfile of %zu bytes:", rule, s->len);
	for (size_t n = 0; n < s->len && n < 400; n++)
		printf(" %02x", s->data[n]);
	printf("\n");
	for (unsigned shown = 0; shown < 12 && (i < theirs.count || k < ours.count);) {
		const int order = i == theirs.count ? 1 : k == ours.count ? -1 : strcmp(theirs.lines[i], ours.lines[k]);
		if (order < 0)
			printf("  only libyara: %s\n", theirs.lines[i]);
		else if (order > 0)
			printf("  only ours:    %s\n", ours.lines[k]);
		shown += order != 0;
		i += order <= 0;
		k += order >= 0;
	}
	fflush(stdout);
}

/* The rule alone, and a file made small. true: it is this rule. */
static bool explain(const char *rule, const struct sample *s)
{
	bool shown = false;
	struct pair p;
	struct sample copy;
	char error[200] = "";
	char *text = malloc(TEXT_MAX);

	snprintf(text, TEXT_MAX, "%s%s", prelude, rule);
	if (sample_new(&copy, s->capacity) && pair_make(&p, text, error)) {
		memcpy(copy.data, s->data, s->len);
		copy.len = s->len;
		if (differ(&p, copy.data, copy.len)) {
			shrink(&p, &copy);
			show_difference(rule, &copy);
			shown = true;
		}
		pair_done(&p);
	}
	free(text);
	return shown;
}

/* A rule that both take, appended to the text of the round. */
static bool add_rule(struct generator *g, unsigned number, struct buf *all, struct buf *one, struct rules_result *result)
{
	char name[16], error[200] = "";
	struct pair p;
	struct buf alone = BUF_INIT(TEXT_MAX);

	snprintf(name, sizeof(name), "r%u", number);
	buf_clear(one);
	generate_rule(g, name, one);
	buf_append_c(&alone, prelude);
	buf_append(&alone, buf_str(one));
	const bool fine = pair_make(&p, alone.p, error);
	if (p.theirs != NULL && p.refused > 0) {
		result->refused++;
		if (result->refused <= 5)
			printf("NOT TAKEN %s\n%s", error, one->p);
	}
	if (p.theirs == NULL && p.refused == 0) {
		result->taken_more++;
		if (result->taken_more <= 5)
			printf("TAKEN, NOT BY LIBYARA (%s)\n%s", error, one->p);
	}
	const bool both = fine && p.refused == 0;
	pair_done(&p);
	buf_done(&alone);
	if (both)
		buf_append(all, buf_str(one));
	return both;
}

static void one_file(struct pair *p, struct buf rules[RULES], unsigned count, const struct sample *s, struct rules_result *result)
{
	static bool explained[RULES];

	result->pairs += count;
	const bool different = differ(p, s->data, s->len);
	result->undecided += ours.failed;
	result->hits += theirs.count;
	if (!different)
		return;
	result->differences++;
	for (unsigned i = 0; i < count; i++)
		explained[i] = explained[i] || explain(rules[i].p, s);
}

void rules_round(uint64_t seed, unsigned files, const struct sample *bases, unsigned base_count, struct rules_result *result)
{
	static struct generator g;
	struct buf all = BUF_INIT(TEXT_MAX), rules[RULES];
	struct pair p;
	struct sample s;
	char error[200] = "";
	unsigned count = 0;

	shared = result;
	g.random.state = seed * 7919 + 1;
	g.piece_count = 0;
	buf_append_c(&all, prelude);
	for (unsigned tries = 0; tries < 2 * RULES && count < RULES; tries++) {
		rules[count] = BUF_INIT(TEXT_MAX);
		if (add_rule(&g, count, &all, &rules[count], result))
			count++;
		else
			buf_done(&rules[count]);
	}
	if (!sample_new(&s, (size_t)1 << 20))
		return;
	if (pair_make(&p, all.p, error))
		for (unsigned i = 0; i < files; i++) {
			generate_file(&g, base_count > 0 && i % 4 == 0 ? &bases[(seed + i / 4) % base_count] : NULL, &s);
			one_file(&p, rules, count, &s, result);
		}
	else
		printf("ROUND seed %llu: the rules together are not taken: %s\n", (unsigned long long)seed, error);
	pair_done(&p);
	for (unsigned i = 0; i < count; i++)
		buf_done(&rules[i]);
	buf_done(&all);
	sample_free(&s);
}
