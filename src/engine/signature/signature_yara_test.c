/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules: what is taken, what is refused with which key and where; namespaces, globals, private rules, metas, fallback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/signature/signature.h"

static const struct signature_build_options usual = {.externals = signature_externals_usual, .external_count = SIGNATURE_EXTERNALS_USUAL};

static struct signature_build *build_of(const char *text)
{
	struct signature_build *b = signature_build_new(&usual);
	assert_int_equal(signature_build_yara(b, STR("s"), "t.yar", str_c(text), NULL), 0);
	return b;
}

static void faults_have_their_place(void **state)
{
	static const struct {
		const char *text, *place, *key;
	} faults[] = {
		{"rule a { condition: }", "t.yar:1:21", "signature.unexpected"},
		{"rule a {\n condition:\n  $x }", "t.yar:3:3", "signature.undefined_string"},
		{"rule a { strings: $x = \"a\\q\" condition: $x }", "t.yar:1:26", "signature.escape"},
		{"rule a { strings: $x = \"abc\n\" condition: $x }", "t.yar:1:24", "signature.text_end"},
		{"rule a { strings: $x = /abc\n/ condition: $x }", "t.yar:1:24", "signature.regex_end"},
		{"rule a { strings: $x = { 01 02 condition: $x", "t.yar:1:24", "signature.hex_end"},
		{"rule a { strings: $x = \"\" condition: $x }", "t.yar:1:24", "signature.empty_string"},
		{"rule a { strings: $x = \"abc\" condition: true }", "t.yar:1:19", "signature.unused_string"},
		{"rule a { strings: $_x = \"abc\" condition: true }", "t.yar:1:19", "signature.unused_string"},
		{"rule a { strings: $x = \"abc\" $x = \"d\" condition: $x }", "t.yar:1:30", "signature.string_twice"},
		{"rule a { strings: $x = \"abc\" wide wide condition: $x }", "t.yar:1:35", "signature.modifier_twice"},
		{"rule a { strings: $x = \"abc\" xor(5-3) condition: $x }", "t.yar:1:36", "signature.xor_range"},
		{"rule a { strings: $x = \"abc\" base64(\"x\") condition: $x }", "t.yar:1:37", "signature.alphabet"},
		{"rule a { strings: $x = { 01 } wide condition: $x }", "t.yar:1:31", "signature.unexpected"},
		{"rule a : t t { condition: true }", "t.yar:1:12", "signature.tag_twice"},
		{"rule a { condition: true } rule a { condition: true }", "t.yar:1:33", "signature.rule_twice"},
		{"rule filename { condition: true }", "t.yar:1:6", "signature.rule_twice"},
		{"rule a { condition: 99999999999999999999 }", "t.yar:1:21", "signature.integer_overflow"},
		{"rule a { condition: pe.is_pe }", "t.yar:1:21", "signature.not_imported"},
		{"import \"pe\" rule a { condition: pe.nothing }", "t.yar:1:36", "signature.field"},
		{"import \"pe\" rule a { condition: pe.sections }", "t.yar:1:33", "signature.no_value"},
		{"import \"pe\" rule a { condition: pe.imports(1) }", "t.yar:1:33", "signature.arguments"},
		{"import \"cuckoo\" rule a { condition: true }", "t.yar:1:8", "signature.module"},
		{"include \"other.yar\"", "t.yar:1:9", "signature.include"},
		{"/* no end", "t.yar:1:10", "signature.comment_end"},
		{"@ garbage rule a { condition: true }", "t.yar:1:1", "signature.unexpected"},
		{"rule for { condition: true }", "t.yar:1:6", "signature.unexpected"},
		{"rule a { condition: true", "t.yar:1:25", "signature.unexpected_end"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct signature_build *b cleanup(signature_build) = build_of(faults[i].text);
		if (signature_build_refused_count(b) != 1)
			fail_msg("%s: %zu faults", faults[i].text, signature_build_refused_count(b));
		const struct err *err = &signature_build_refused(b, 0)->err;
		if (strcmp(err->key, faults[i].key) != 0 || strcmp(err->place, faults[i].place) != 0)
			fail_msg("%s: %s %s", faults[i].text, err->place, err->key);
	}
}

static void the_text_goes_on_behind_a_fault(void **state)
{
	static const char text[] = "rule a { strings: $x = \"}\" $y = /}/ $z = { 01 /* } */ 02 } condition: 1 + }\n"
				   "garbage ( \"\n"
				   "rule b { condition: true }\n"
				   "rule c { condition: /* } */ false or }\n"
				   "private rule d { condition: b }\n";
	struct signature_build *b cleanup(signature_build) = build_of(text);
	(void)state;
	assert_int_equal(signature_build_refused_count(b), 3);
	assert_true(str_eq_c(signature_build_refused(b, 0)->rule, "a"));
	assert_true(str_eq_c(signature_build_refused(b, 1)->rule, ""));
	assert_true(str_eq_c(signature_build_refused(b, 2)->rule, "c"));
	assert_string_equal(signature_build_refused(b, 2)->err.place, "t.yar:4:38");
}

static void deep_and_long_texts_are_bounded(void **state)
{
	struct buf text cleanup_buf = BUF_INIT(1 << 24);
	(void)state;
	buf_append_c(&text, "rule deep { condition: ");
	for (unsigned i = 0; i < 100000; i++)
		buf_append_char(&text, '(');
	buf_append_c(&text, " }\nrule nots { condition: ");
	for (unsigned i = 0; i < 100000; i++)
		buf_append_c(&text, "not ");
	buf_append_c(&text, "true }\nrule sums { condition: filesize");
	for (unsigned i = 0; i < 50000; i++)
		buf_append_c(&text, "+filesize");
	buf_append_c(&text, " == 1 }\nrule ors { condition: filesize == 0");
	for (unsigned i = 0; i < 20000; i++)
		buf_append_c(&text, " or filesize == 1");
	buf_append_c(&text, " }\n");
	struct signature_build *b cleanup(signature_build) = build_of(text.p);
	assert_int_equal(signature_build_refused_count(b), 3);
	assert_string_equal(signature_build_refused(b, 0)->err.key, "signature.too_deep");
	assert_string_equal(signature_build_refused(b, 1)->err.key, "signature.too_deep");
	assert_string_equal(signature_build_refused(b, 2)->err.key, "signature.condition_size");
}

struct names {
	struct buf text;
};

static bool on_hit(void *ctx, const struct signature_hit *hit)
{
	struct signature_rule rule;
	struct names *n = ctx;
	assert_true(signature_image_rule(hit->image, hit->rule, &rule));
	buf_printf(&n->text, "%.*s:%.*s ", STR_FMT(rule.space), STR_FMT(rule.name));
	return true;
}

static struct signature_image *image_of(struct signature_build *b, struct buf *out)
{
	struct signature_image *image;
	assert_int_equal(signature_build_finish(b, out, NULL), 0);
	assert_int_equal(signature_image_open(out->p, out->n, &image, NULL), 0);
	return image;
}

static void expect_hits(const struct signature_image *image, const char *data, const struct signature_given *given, const char *names)
{
	struct names n = {.text = BUF_INIT(1 << 16)};
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	buf_append_c(&n.text, "");
	assert_int_equal(signature_scan(scanner, (const uint8_t *)data, strlen(data), given, SIGNATURE_EXTERNALS_USUAL, on_hit, &n), SIGNATURE_DONE);
	assert_string_equal(n.text.p != NULL ? n.text.p : "", names);
	buf_done(&n.text);
}

static void spaces_globals_privates_externals(void **state)
{
	struct signature_build *b cleanup(signature_build) = build_of(
		"private rule hidden { strings: $a = \"abc\" condition: $a }\n"
		"rule seen { condition: hidden and filename matches /\\.exe$/i }\n"
		"rule any_hidden { condition: any of (hid*) }");
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	struct signature_given given[SIGNATURE_EXTERNALS_USUAL] = {{.text = STR("x.EXE")}};
	(void)state;
	assert_int_equal(signature_build_yara(b, STR("g"), "g.yar", STR("rule early { condition: true } global rule big { condition: filesize > 3 } "
									"global private rule small { condition: filesize < 9 } rule seen { condition: early }"), NULL), 0);
	assert_int_equal(signature_build_refused_count(b), 0);
	image = image_of(b, &out);
	expect_hits(image, "abc", given, "s:seen s:any_hidden ");
	expect_hits(image, "abcd", given, "s:seen s:any_hidden g:early g:big g:seen ");
	expect_hits(image, "0123456789", given, "");
	expect_hits(image, "abcd", NULL, "s:any_hidden g:early g:big g:seen ");
}

static void what_a_rule_says_of_itself(void **state)
{
	struct signature_build *b cleanup(signature_build) = build_of(
		"private rule p { condition: true } rule r : one two { meta: a = \"x\\ty\" n = -5 t = true strings: $s = \"bc\" private $ = \"ab\" condition: all of them }");
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	struct signature_rule rule;
	struct signature_meta meta;
	(void)state;
	image = image_of(b, &out);
	assert_int_equal(signature_image_find(image, STR("s"), STR("r")), 1);
	assert_int_equal(signature_image_find(image, STR("t"), STR("r")), UINT32_MAX);
	assert_true(signature_image_rule(image, 1, &rule));
	assert_int_equal(rule.tags, 2);
	assert_true(str_eq_c(signature_image_tag(image, 1, 1), "two"));
	assert_true(signature_image_meta(image, 1, 0, &meta) && str_eq_c(meta.text, "x\ty"));
	assert_true(signature_image_meta(image, 1, 1, &meta) && meta.integer == -5 && meta.kind == SIGNATURE_META_KIND_INTEGER);
	assert_true(signature_image_meta(image, 1, 2, &meta) && meta.integer == 1 && meta.kind == SIGNATURE_META_KIND_BOOLEAN);
	assert_false(signature_image_meta(image, 1, 3, &meta));
	assert_false(signature_image_rule(image, 2, &rule));
}

/* What libyara is to run instead: the refused rules, what they name hidden, imports, global rules. */
static void the_rest_is_for_libyara(void **state)
{
	struct signature_build *b cleanup(signature_build) = build_of(
		"import \"console\"\nimport \"pe\"\nrule base { condition: pe.is_pe }\nrule other { condition: true }\n"
		"rule talks { condition: base and console.log(\"x\") }\nrule after { condition: talks }\nrule wrong { condition: nowhere }\n"
		"global rule g { condition: filesize > 0 }");
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	struct signature_rest rest;
	struct str space, text;
	(void)state;
	image = image_of(b, &out);
	assert_true(signature_image_rest(image, 1, &rest) && str_eq_c(rest.rule, "talks") && rest.for_libyara);
	assert_true(signature_image_rest(image, 2, &rest) && str_eq_c(rest.rule, "after") && str_eq_c(rest.key, "signature.rule_refused"));
	assert_true(signature_image_rest(image, 3, &rest) && str_eq_c(rest.rule, "wrong") && !rest.for_libyara);
	assert_false(signature_image_rest(image, 4, &rest));
	assert_true(signature_image_fallback(image, 0, &space, &text));
	assert_true(str_eq_c(text, "import \"console\"\nimport \"pe\"\nprivate rule base { condition: pe.is_pe }\nprivate rule other { condition: true }\n"
				   "rule talks { condition: base and console.log(\"x\") }\nrule after { condition: talks }\n"
				   "private global rule g { condition: filesize > 0 }\n"));
	assert_false(signature_image_fallback(image, 1, &space, &text));
}

static int give_include(void *ctx, struct str name, struct str *ret_text, struct err *err)
{
	(void)ctx;
	if (!str_eq_c(name, "again.yar") && !str_eq_c(name, "good.yar"))
		return err_set(err, -ENOENT, "signature.include", ARG_STR("name", name));
	*ret_text = str_eq_c(name, "good.yar") ? STR("rule inner { condition: nothing }") : STR("include \"again.yar\"");
	return 0;
}

static void includes_are_asked_for(void **state)
{
	const struct signature_build_options options = {.include = give_include};
	struct signature_build *b cleanup(signature_build) = signature_build_new(&options);
	(void)state;
	assert_int_equal(signature_build_yara(b, STR("s"), "t.yar", STR("include \"good.yar\" include \"again.yar\" include \"no.yar\" rule r { condition: true }"), NULL), 0);
	assert_int_equal(signature_build_refused_count(b), 3);
	assert_string_equal(signature_build_refused(b, 0)->err.place, "good.yar:1:25");
	assert_string_equal(signature_build_refused(b, 1)->err.key, "signature.too_deep");
	assert_int_equal(signature_build_refused(b, 2)->err.code, -ENOENT);
}

static void an_explanation_names_what_failed(void **state)
{
	struct signature_build *b cleanup(signature_build) = build_of(
		"rule base { condition: filesize > 2 } rule r { strings: $a = \"abc\" $b = \"zz\" condition: base and uint8(0) == 0x61 and for any i in (1..#a) : (@a[i] == 4) and all of them }");
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	(void)state;
	image = image_of(b, &out);
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	assert_int_equal(signature_explain(scanner, 1, (const uint8_t *)"abc abc", 7, NULL, 0, &text, NULL), 0);
	static const char *const lines[] = {"r: false\n", "  $a: 0x0+3", "  $b: -\n", "  true   base\n", "  true   uint8(0) ⟨97 (0x61)⟩ == 97 (0x61)\n",
					    "  false  all of (+$a, -$b)\n"};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (strstr(text.p, lines[i]) == NULL)
			fail_msg("no \"%s\" in\n%s", lines[i], text.p);
	assert_int_equal(signature_explain(scanner, 9, (const uint8_t *)"", 0, NULL, 0, &text, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_have_their_place),
		cmocka_unit_test(the_text_goes_on_behind_a_fault),
		cmocka_unit_test(deep_and_long_texts_are_bounded),
		cmocka_unit_test(spaces_globals_privates_externals),
		cmocka_unit_test(what_a_rule_says_of_itself),
		cmocka_unit_test(the_rest_is_for_libyara),
		cmocka_unit_test(includes_are_asked_for),
		cmocka_unit_test(an_explanation_names_what_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
