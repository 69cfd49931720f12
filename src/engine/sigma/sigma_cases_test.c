/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* tests/sigma/cases.txt through the compiled matcher and through the naive interpreter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/sigma/sigma.h"
#include "engine/sigma/sigma_naive_test_support.h"

static struct str star_values[] = {{"a*b", 3}}, name_values[] = {{"admin", 5}, {"root", 4}};
static struct sigma_placeholder stars = {.name = {"stars", 5}, .values = star_values, .count = 1};
static const struct sigma_placeholder names = {.name = {"names", 5}, .values = name_values, .count = 2, .next = &stars};

struct block {
	struct str clause;
	struct buf rule; /* YAML */
	bool begun, whole;
	struct sigma_ruleset *set;
	struct sigma_matcher *matcher;
	struct arena *arena;
	struct sigma_parsed parsed;
	struct err refused;
};

static unsigned done, wrong;

static void say(const struct block *b, const char *what, struct str line)
{
	wrong++;
	print_error("%.*s: %s: %.*s\n%.*s", STR_FMT(b->clause), what, STR_FMT(line), STR_FMT(buf_str(&b->rule)));
}

static void compile(struct block *b)
{
	const char *source = getenv("LUYTRE_SOURCE");
	struct buf path cleanup_buf = BUF_INIT(4096);
	struct buf text cleanup_buf = BUF_INIT(1 << 16);
	const struct pack_doc *doc;
	struct err err = {0};
	buf_printf(&path, "%s/tests/sigma/placeholders.yaml", source != NULL ? source : ".");
	const struct sigma_options options = {.placeholders = path.p};
	struct sigma_loader *loader cleanup(sigma_loader) = sigma_loader_new(&options);
	buf_append_c(&text, "title: t\nlogsource: {category: test}\ndetection:\n");
	struct str rest = buf_str(&b->rule), line;
	if (!b->whole)
		buf_append_c(&text, "  sel:\n");
	while (str_split(&rest, '\n', &line))
		if (line.n > 0)
			buf_printf(&text, "%s%.*s\n", b->whole ? "  " : "    ", STR_FMT(line));
	if (!b->whole)
		buf_append_c(&text, "  condition: sel\n");
	assert_int_equal(sigma_loader_add_text(loader, "rule.yml", buf_str(&text), &err), 0);
	if (sigma_loader_compile(loader, &b->set, &err) < 0)
		fail_msg("%.*s: %s %s %s", STR_FMT(b->clause), err.place, err.key, err_arg(&err, "reason"));
	b->matcher = sigma_matcher_new(b->set, NULL);
	b->refused = (struct err){0};
	if (sigma_loader_refused_count(loader) > 0)
		b->refused = sigma_loader_refused(loader, 0)->err;
	b->arena = arena_new(0);
	sigma_parsed_init(&b->parsed, b->arena);
	b->parsed.placeholders = &names;
	if (pack_parse_foreign(b->arena, "rule.yml", buf_str(&text), &doc, &err) == 0)
		(void)!sigma_parse_doc(&b->parsed, doc, &err);
	b->begun = true;
}

static void end_block(struct block *b)
{
	sigma_matcher_free(b->matcher);
	b->set = b->set != NULL ? sigma_ruleset_unref(b->set) : NULL;
	arena_free(b->arena);
	buf_done(&b->rule);
	*b = (struct block){.rule = BUF_INIT(1 << 16)};
}

static void run_event(struct block *b, bool expected, struct str event)
{
	const struct sigma_match *matches;
	struct err err = {0};
	done++;
	if (sigma_ruleset_count(b->set) == 0) {
		say(b, b->refused.key, event);
		return;
	}
	int n = sigma_matcher_run(b->matcher, event, &matches, &err);
	if (n != expected)
		say(b, expected ? "should match" : "should not match", event);
	int naive = naive_holds(b->parsed.rules->condition, event);
	if (naive >= 0 && naive != expected)
		say(b, "the naive interpreter disagrees", event);
}

static void take_line(struct block *b, struct str line)
{
	char mark = line.n > 2 && line.p[1] == ' ' ? line.p[0] : '\0';
	struct str rest = str_sub(line, 2, line.n);
	if (str_starts_with(line, STR("== "))) {
		end_block(b);
		b->clause = str_sub(line, 3, line.n);
		return;
	}
	if (b->clause.n == 0 || line.n == 0)
		return;
	if (mark != '+' && mark != '-' && mark != '!') {
		b->whole |= str_starts_with(line, STR("condition:"));
		buf_append(&b->rule, line);
		buf_append_char(&b->rule, '\n');
		return;
	}
	if (!b->begun)
		compile(b);
	if (mark != '!') {
		run_event(b, mark == '+', rest);
		return;
	}
	done++;
	if (!str_eq_c(rest, b->refused.key) || sigma_ruleset_count(b->set) != 0 || str_find(str_c(b->refused.place), STR("rule.yml:")) != 0)
		say(b, b->refused.key, rest);
}

static void cases(void **state)
{
	(void)state;
	struct buf path cleanup_buf = BUF_INIT(4096);
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	struct block b = {.rule = BUF_INIT(1 << 16)};
	struct str line;
	const char *source = getenv("LUYTRE_SOURCE");
	buf_printf(&path, "%s/tests/sigma/cases.txt", source != NULL ? source : ".");
	assert_int_equal(file_read(path.p, 1 << 20, &text, NULL), 0);
	struct str rest = buf_str(&text);
	while (str_split(&rest, '\n', &line))
		take_line(&b, line);
	end_block(&b);
	buf_done(&b.rule);
	print_message("%u cases, %u wrong\n", done, wrong);
	assert_int_equal(wrong, 0);
	assert_true(done >= 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(cases)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
