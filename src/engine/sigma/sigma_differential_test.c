/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Random rules and random events: the compiled matcher and the naive interpreter must agree. LUYTRE_SIGMA_CASES sets how
 * many pairs are compared (default 15,000), LUYTRE_SIGMA_SEED the sequence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/sigma/sigma.h"
#include "engine/sigma/sigma_naive_test_support.h"

#define RULES_A_SET 60
#define EVENTS_A_SET 300

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *d, unsigned n)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(d->state >> 33) % n;
}

static const char *const fields[] = {"f0", "f1", "f2", "n.a", "n.b.c", "f0"};
/* Few letters, so that patterns and values meet. */
static const char *const atoms[] = {"a", "b", "A", "B", "ab", "\\", "\\\\", "/", "-a", " ", "é", "É", ".", "1", "12", "\"", "ſ", "k", "\xe2\x80\x93", "-"};

/* Long enough for the quick look before Hyperscan, and for windows of a hash. */
static const char *const words[] = {"powershell", "Invoke-Katz", "UNKNOWN(", "kernel32", "new-object", "a1b2c3d4e5f60718293a4b5c6d7e8f90", "A1B2C3D4E5F60718293A4B5C6D7E8F91"};

static void put_text(struct dice *d, struct buf *out, bool rule)
{
	if (roll(d, 8) == 0)
		buf_append_c(out, words[roll(d, ARRAY_LEN(words))]);
	for (unsigned i = !rule && roll(d, 6) == 0 ? 8 + roll(d, 12) : 0; i > 0; i--)
		buf_printf(out, "%u, Lorem: ipsum ", roll(d, 1000));
	/* More wildcards than Hyperscan is given; two "*", since the naive interpreter tries every way. */
	for (unsigned i = rule && roll(d, 20) == 0 ? 14 + roll(d, 6) : 0; i > 0; i--)
		buf_append_c(out, i == 3 ? "*a" : i == 9 ? "*" : "?");
	unsigned n = roll(d, 5);
	for (unsigned i = 0; i < n; i++) {
		if (rule && roll(d, 6) == 0)
			buf_append_c(out, (const char *[]){"*", "?", "\\*", "\\?"}[roll(d, 4)]);
		else
			buf_append_c(out, atoms[roll(d, ARRAY_LEN(atoms))]);
	}
}

static void put_yaml_text(struct dice *d, struct buf *out)
{
	struct buf text cleanup_buf = BUF_INIT(1000);
	put_text(d, &text, true);
	buf_append_char(out, '\'');
	buf_append(out, buf_str(&text));
	buf_append_char(out, '\'');
}

static void put_entry(struct dice *d, struct buf *out)
{
	static const char *const chains[] = {"", "", "|contains", "|contains", "|startswith", "|endswith", "|contains|all", "|all", "|cased",
	                                     "|cased|contains", "|cased|startswith", "|windash|contains", "|windash", "|neq", "|contains|neq",
	                                     "|base64offset|contains", "|fieldref", "|fieldref|contains", "|exists", "|gt", "|lte", "|re",
	                                     "|re|i", "|cidr", "|wide|base64offset|contains", "|windash|contains|all", "|fieldref|endswith|cased"};
	static const char *const regexes[] = {"a.b", "^a", "b$", "[ab]{2,}", "a?", "(a|1)2*", "^.{2}$", "\\\\\\\\", "é+", "(?i)AB", "\\\\d\\\\b", "^$"};
	const char *chain = chains[roll(d, ARRAY_LEN(chains))];
	struct str c = str_c(chain);
	buf_printf(out, "\"%s%s\": ", fields[roll(d, ARRAY_LEN(fields))], chain);
	bool list = roll(d, 3) == 0 && !str_eq_c(c, "|exists");
	unsigned n = list ? 1 + roll(d, 3) : 1;
	buf_append_c(out, list ? "[" : "");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_append_c(out, ", ");
		if (str_eq_c(c, "|exists"))
			buf_append_c(out, roll(d, 2) ? "true" : "false");
		else if (str_eq_c(c, "|gt") || str_eq_c(c, "|lte") || (c.n == 0 && roll(d, 4) == 0))
			buf_printf(out, "%u", roll(d, 15));
		else if (str_starts_with(c, STR("|re")))
			buf_printf(out, "\"%s\"", regexes[roll(d, ARRAY_LEN(regexes))]);
		else if (str_eq_c(c, "|cidr"))
			buf_append_c(out, roll(d, 2) ? "10.0.0.0/8" : "'fe80::/10'");
		else if (str_starts_with(c, STR("|fieldref")))
			buf_append_c(out, fields[roll(d, ARRAY_LEN(fields))]);
		else if (str_starts_with(c, STR("|base64")) || str_starts_with(c, STR("|wide")))
			buf_append_c(out, atoms[roll(d, 4)]);
		else if (c.n == 0 && roll(d, 12) == 0)
			buf_append_c(out, "null");
		else
			put_yaml_text(d, out);
	}
	buf_append_c(out, list ? "]" : "");
}

static void put_rule(struct dice *d, struct buf *out)
{
	static const char *const conditions[] = {"s0", "s0 and s1", "s0 or s1", "s0 and not s1", "not s0", "1 of s*", "all of them",
	                                         "not 1 of s*", "s0 and (s1 or not s2)", "not (s0 and s1) or s2", "not not s0"};
	buf_append_c(out, "title: t\nlogsource: {category: test}\ndetection:\n");
	for (unsigned s = 0; s < 3; s++) {
		unsigned kind = roll(d, 8), n = 1 + roll(d, 3);
		if (kind == 0) {
			buf_printf(out, "  s%u: [", s);
			for (unsigned i = 0; i < n; i++) {
				buf_append_c(out, i > 0 ? ", " : "");
				put_yaml_text(d, out);
			}
			buf_append_c(out, "]\n");
		} else {
			/* A field may stand once in a map. */
			buf_printf(out, "  s%u:\n", s);
			for (unsigned i = 0; i < n; i++) {
				buf_append_c(out, "    - {");
				put_entry(d, out);
				buf_append_c(out, "}\n");
			}
		}
	}
	buf_printf(out, "  condition: %s\n", conditions[roll(d, ARRAY_LEN(conditions))]);
}

static void put_json_text(struct dice *d, struct buf *out)
{
	struct buf text cleanup_buf = BUF_INIT(1000);
	put_text(d, &text, false);
	buf_append_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (roll(d, 12) == 0 && (unsigned char)text.p[i] < 0x80) {
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)text.p[i]);
			continue;
		}
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, text.p[i]);
	}
	buf_append_char(out, '"');
}

static void put_value(struct dice *d, struct buf *out, unsigned depth)
{
	unsigned kind = roll(d, 12);
	if (kind < 6)
		put_json_text(d, out);
	else if (kind < 8)
		buf_printf(out, "%u", roll(d, 15));
	else if (kind == 8)
		buf_append_c(out, (const char *[]){"null", "true", "false", "1.0", "1e1", "\"10.1.2.3\"", "\"fe80::1\"", "\"YWI=\"", "\"xYWFh\"", "\"YQBhAA\""}[roll(d, 10)]);
	else if (kind == 9 || depth > 2)
		buf_append_c(out, "\"\"");
	else {
		unsigned n = roll(d, 3);
		buf_append_char(out, '[');
		for (unsigned i = 0; i < n; i++) {
			buf_append_c(out, i > 0 ? "," : "");
			put_value(d, out, depth + 1);
		}
		buf_append_char(out, ']');
	}
}

static void put_event(struct dice *d, struct buf *out)
{
	bool some = false;
	buf_append_char(out, '{');
	for (unsigned i = 0; i < 3; i++)
		if (roll(d, 4) > 0) {
			buf_printf(out, "%s\"f%u\":", some ? "," : "", i);
			put_value(d, out, 0);
			some = true;
		}
	static const char *const nests[] = {"\"n.a\":", "\"n\":{\"a\":", "\"n\":{\"b\":{\"c\":", "\"n.b\":{\"c\":", "\"n\":{\"b.c\":"};
	static const char *const closes[] = {"", "}", "}}", "}", "}"};
	unsigned nest = roll(d, 7);
	if (nest < ARRAY_LEN(nests)) {
		buf_printf(out, "%s%s", some ? "," : "", nests[nest]);
		put_value(d, out, 0);
		buf_append_c(out, closes[nest]);
	}
	buf_append_char(out, '}');
}

struct round {
	struct arena *arena;
	struct sigma_parsed parsed;
	struct sigma_ruleset *set;
	struct sigma_matcher *matcher;
};

/* Thousands of hashes in one field have a table of their own; this many are enough for it. */
static void put_hashes(struct dice *d, struct buf *out)
{
	buf_append_c(out, "title: hashes\nlogsource: {category: test}\ndetection:\n  s:\n    f0|contains: [");
	for (unsigned i = 0; i < 520; i++)
		buf_printf(out, "%s%08x%08x%08x%04x", i > 0 ? ", x" : "x", roll(d, 1u << 31), roll(d, 1u << 31), roll(d, 1u << 31), i);
	buf_printf(out, ", %s, %s]\n  condition: s\n", words[5], words[6]);
}

static void begin_round(struct round *r, struct dice *d)
{
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	struct sigma_loader *loader cleanup(sigma_loader) = sigma_loader_new(NULL);
	r->arena = arena_new(0);
	sigma_parsed_init(&r->parsed, r->arena);
	for (unsigned i = 0; i < RULES_A_SET; i++) {
		const struct pack_doc *doc;
		struct err err = {0};
		buf_clear(&text);
		if (i == 0 && roll(d, 4) == 0)
			put_hashes(d, &text);
		else
			put_rule(d, &text);
		if (pack_parse_foreign(r->arena, "r", buf_str(&text), &doc, &err) < 0 || sigma_parse_doc(&r->parsed, doc, &err) < 0)
			continue;
		assert_int_equal(sigma_loader_add_text(loader, "r", buf_str(&text), NULL), 0);
	}
	assert_int_equal(sigma_loader_compile(loader, &r->set, NULL), 0);
	assert_int_equal(sigma_loader_refused_count(loader), 0);
	assert_int_equal(sigma_ruleset_count(r->set), r->parsed.rule_count);
	r->matcher = sigma_matcher_new(r->set, NULL);
}

static void end_round(struct round *r)
{
	sigma_matcher_free(r->matcher);
	(void)sigma_ruleset_unref(r->set);
	arena_free(r->arena);
}

static void compare(struct round *r, struct str event, uint64_t *cases, uint64_t *hits)
{
	const struct sigma_match *matches;
	struct err err = {0};
	int n = sigma_matcher_run(r->matcher, event, &matches, &err);
	assert_true(n >= 0);
	uint32_t index = 0;
	int next = 0;
	for (const struct sigma_rule *rule = r->parsed.rules; rule != NULL; rule = rule->next, index++) {
		bool compiled = next < n && matches[next].rule == index;
		next += compiled;
		int naive = naive_holds(rule->condition, event);
		*cases += 1;
		*hits += compiled;
		if (naive == compiled)
			continue;
		struct buf why cleanup_buf = BUF_INIT(1 << 20);
		(void)!sigma_explain(r->matcher, index, event, &why, &err);
		/* cmocka's own printing cuts long texts. */
		(void)fprintf(stderr, "event %.*s\ncompiled %d, naive %d\n%.*s\n", STR_FMT(event), compiled, naive, STR_FMT(buf_str(&why)));
		fail();
	}
}

static uint64_t setting(const char *name, uint64_t fallback)
{
	uint64_t v;
	return str_parse_u64(str_c(getenv(name)), 0, UINT64_MAX, &v) ? v : fallback;
}

static void agree(void **state)
{
	(void)state;
	struct dice d = {setting("LUYTRE_SIGMA_SEED", 20261121)};
	uint64_t wanted = setting("LUYTRE_SIGMA_CASES", 15000), cases = 0, hits = 0;
	while (cases < wanted) {
		struct round r = {0};
		begin_round(&r, &d);
		for (unsigned i = 0; i < EVENTS_A_SET && cases < wanted; i++) {
			struct buf event cleanup_buf = BUF_INIT(1 << 16);
			put_event(&d, &event);
			compare(&r, buf_str(&event), &cases, &hits);
		}
		end_round(&r);
	}
	print_message("%llu cases, %llu of them matches\n", (unsigned long long)cases, (unsigned long long)hits);
	assert_true(hits > cases / 50 && hits < cases / 50 * 49);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(agree)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
