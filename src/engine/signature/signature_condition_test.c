/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Conditions with the answer that yara 4.2.3 gives (E: it refuses them), through text, trees, code, image and machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/signature/signature.h"

static const struct {
	char expected;
	const char *condition;
} cases[] = {
	{'T', "for 0 i in (1,2) : (false)"},
	{'T', "for 0 i in (1,2) : (true)"},
	{'F', "0 of ($a,$b)"},
	{'T', "0 of ($b,$b)"},
	{'F', "none of ($a,$b)"},
	{'T', "none of ($b)"},
	{'T', "for none of ($b) : ($)"},
	{'T', "for none of ($a,$b) : ($)"},
	{'T', "for 3 i in (1..2) : (5)"},
	{'T', "for 10 i in (1..2) : (5)"},
	{'F', "for 11 i in (1..2) : (5)"},
	{'T', "for 12 i in (1..1) : (filesize or false)"},
	{'F', "for 1 i in (2..1) : (true)"},
	{'T', "not (for all i in (2..1) : (true))"},
	{'F', "for all i in (1..@b) : (true)"},
	{'T', "not (for any i in (1..@b) : (true))"},
	{'T', "for any i in (1,@b,3) : (i==3)"},
	{'F', "for all i in (1,@b,3) : (i==3 or i==1)"},
	{'T', "for @b i in (1..2) : (true)"},
	{'F', "for @b i in (1..2) : (i==1)"},
	{'F', "for 0 i in (2..1) : (true)"},
	{'T', "for -1 i in (1..2) : (false)"},
	{'T', "for all of ($a,$b) : (#)"},
	{'T', "for 3 of ($a,$c) : (#)"},
	{'F', "for 4 of ($a,$c) : (#)"},
	{'F', "@a[0] == 0"},
	{'F', "@a[3] == 1"},
	{'F', "not @b == 1"},
	{'T', "not $b at @b"},
	{'F', "not $a in (@b..3)"},
	{'T', "#a in (0..5) == 1"},
	{'F', "not (1 of ($b) in (@b..3))"},
	{'T', "50% of ($a,$b)"},
	{'F', "51% of ($a,$b)"},
	{'T', "(#a-1)% of ($a,$b)"},
	{'F', "not (@b)% of ($a,$b)"},
	{'E', "150% of ($a,$b)"},
	{'E', "0% of ($a,$b)"},
	{'E', "50% of ($a,$b) in (0..3)"},
	{'T', "-1 of ($a)"},
	{'F', "@b of ($a,$b)"},
	{'T', "@b of ($a,$c)"},
	{'F', "1.5 of ($a)"},
	{'F', "\"x\" of ($a)"},
	{'T', "1 + 1 of ($a,$c)"},
	{'T', "all of ($a,$c) in (0..20)"},
	{'T', "2 of ($a,$c) in (0..6)"},
	{'T', "any of them in (0..1)"},
	{'T', "2 of ($a,$a)"},
	{'T', "2 of ($a*,$a)"},
	{'T', "any of (p,q)"},
	{'F', "all of (p,q)"},
	{'T', "any of (p*)"},
	{'T', "none of (q)"},
	{'T', "2 of (p,p)"},
	{'E', "any of (z*)"},
	{'E', "for any of (p,q) : (true)"},
	{'E', "p == 1"},
	{'E', "1 \\ 0 == 1"},
	{'E', "1 % 0 == 0"},
	{'F', "not (1 \\ #b == 1)"},
	{'T', "not defined (#a % #b)"},
	{'T', "1.0"},
	{'F', "0.0"},
	{'T', "/a/"},
	{'T', "\"a\""},
	{'F', "\"\""},
	{'F', "not \"a\""},
	{'T', "\"abc\" matches /b/"},
	{'F', "\"\" matches /b*/"},
	{'T', "\"A\" matches /a/i"},
	{'F', "\"a\\nb\" matches /a.b/"},
	{'T', "\"a\\nb\" matches /a.b/s"},
	{'F', "\"ab\" matches /^b/"},
	{'E', "1 matches /a/"},
	{'T', "1 << 64 == 0"},
	{'T', "1 << 63 < 0"},
	{'T', "#a << 70 == 0"},
	{'F', "not (#a << (#b-1) == 0)"},
	{'T', "(#b - 8) >> 1 == -4"},
	{'E', "1 << (0-1) == 0"},
	{'T', "-7 \\ 2 == -3"},
	{'T', "-7 % 3 == -1"},
	{'E', "0x7fffffffffffffff + 1 > 0"},
	{'T', "9223372036854775807 > 0"},
	{'E', "9223372036854775808 > 0"},
	{'T', "1KB == 1024"},
	{'T', "1MB == 1048576"},
	{'E', "1kb == 1"},
	{'T', "0o17 == 15"},
	{'E', "0x10KB == 16384"},
	{'E', "1. == 1"},
	{'T', "1 == 1.0"},
	{'T', "0.1+0.2 == 0.3"},
	{'F', "1.0 == 1.000000000000001"},
	{'T', "#a * 1.5 == 3.0"},
	{'T', "#a \\ 0.0 > 0"},
	{'E', "5 % 1.5 == 1"},
	{'E', "1.5 | 1 == 1"},
	{'E', "~1.5 == 1"},
	{'E', "-\"a\" == 1"},
	{'T', "7 \\ 2 == 3"},
	{'T', "7.0 \\ 2 == 3.5"},
	{'T', "not (!b < 0.0)"},
	{'F', "not (!b <= 0.0)"},
	{'F', "not (0.0 > !b)"},
	{'T', "\"a\" < \"b\""},
	{'T', "\"\\x80\" < \"a\""},
	{'T', "\"ab\" < \"abc\""},
	{'F', "\"a\\x00b\" == \"a\\x00c\""},
	{'E', "\"a\" == 1"},
	{'E', "1 == 1 == 1"},
	{'E', "(#a == 2) == 1"},
	{'E', "true == true"},
	{'T', "not 1 == 2"},
	{'F', "not @b == 1 or false"},
	{'T', "not (@b == 1 and true)"},
	{'T', "not (true and @b == 1)"},
	{'T', "not (@b == 1 or false)"},
	{'F', "defined @b"},
	{'F', "defined @b == 1"},
	{'F', "defined uint8(-1)"},
	{'F', "defined uint8(filesize)"},
	{'T', "!a == 5"},
	{'T', "!a[2] == 5"},
	{'F', "!b == 5"},
	{'F', "!a[3] == 5"},
	{'T', "filesize == 17"},
	{'F', "entrypoint == 1"},
	{'F', "not entrypoint == 1"},
	{'T', "uint8(0) == 0x68"},
	{'T', "uint32be(0) == 0x68656c6c"},
	{'T', "uint32(0) == 0x6c6c6568"},
	{'T', "int8(0) == 104"},
	{'F', "uint16(16) == 1"},
	{'F', "not uint16(16) == 1"},
	{'T', "for any of ($a,$b) : (# == 2)"},
	{'T', "for any of ($a) : ($ at 12)"},
	{'T', "for any of ($a) : (@[2] == 12)"},
	{'T', "for any of ($a) : (![2] == 5)"},
	{'T', "for any of ($a) : (# in (0..5) == 1)"},
	{'E', "for any of ($a) : (for any of ($b) : ($))"},
	{'T', "for any i in (1) : (for any of ($a) : (@[i] == 0))"},
	{'E', "for any i in (0..2) : (for any i in (1) : (true))"},
	{'E', "for any i,j in (1,2) : (true)"},
	{'E', "for any i in (\"a\",\"b\") : (true)"},
	{'T', "for any p in (1,2) : (p == 1)"},
	{'T', "for any i in (1,2) : (for any j in (1,2) : (for any k in (1,2) : (for any l in (1,2) : (true))))"},
	{'E', "for any i in (1) : (for any j in (1) : (for any k in (1) : (for any l in (1) : (for any m in (1) : (true)))))"},
	{'T', "~1 == -2"},
	{'T', "1 ^ 3 == 2"},
	{'T', "1 | 2 & 3 == 3"},
	{'T', "2 + 3 * 4 == 14"},
	{'T', "1 << 2 + 1 == 8"},
	{'T', "\"ABC\" icontains \"b\""},
	{'F', "\"ABC\" contains \"b\""},
	{'T', "\"ABC\" iequals \"abc\""},
	{'T', "\"abc\" startswith \"ab\""},
	{'T', "\"aBc\" istartswith \"Ab\""},
	{'T', "\"abc\" endswith \"\""},
	{'T', "\"aBC\" iendswith \"bc\""},
	{'T', "\"\" contains \"\""},
	{'E', "\"a\" contains 1"},
	{'E', "@ == 1"},
	{'E', "$"},
	{'E', "$ at 0"},
	{'F', "all of ($*)"},
	{'E', "any of ($d*)"},
	{'E', "any of ($)"},
	{'F', "$a at -1"},
	{'F', "$a in (5..1)"},
	{'T', "$a in (12..12)"},
	{'F', "$a in (13..20)"},
	{'T', "$a in (-1..5)"},
	{'E', "$a > 0"},
	{'E', "i == 1"},
	{'E', "pe.is_pe"},
	{'E', "p.x"},
	{'E', "filename"},
	{'T', "true or false and false"},
	{'T', "(1) of them"},
	{'T', "#a of ($a,$c)"},
	{'F', "$a at entrypoint"},
	{'F', "3 of them"},
	{'T', "not 3 of them"},
	{'F', "all of them"},
	{'T', "-1 == - 1"},
	{'T', "--5 == 5"},
	{'F', "1 \\ (1>>1) == 1"},
	{'E', "1 \\ (1<<64) == 1"},
	{'F', "\"abc\" matches /x*$/"},
	{'F', "\"abc\" matches /$/"},
	{'T', "\"abc\" matches /c?$/"},
	{'T', "\"abc\" matches /bc$/"},
	{'T', "\"abc\" matches /x*/"},
};

#define DATA "hello world hello"

static bool on_hit(void *ctx, const struct signature_hit *hit)
{
	struct signature_rule rule;
	assert_true(signature_image_rule(hit->image, hit->rule, &rule));
	if (str_eq_c(rule.name, "r"))
		*(bool *)ctx = true;
	return true;
}

/* T, F or E. */
static char answer(const char *condition, bool all_matches)
{
	const struct signature_build_options options = {.all_matches = all_matches};
	struct signature_build *build cleanup(signature_build) = signature_build_new(&options);
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf text cleanup_buf = BUF_INIT(1 << 16);
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	bool found = false;
	buf_printf(&text, "rule q { condition: false } rule p { condition: true } rule r { strings: $a=\"hello\" $b=\"zzz\" $c=\"world\" "
			  "condition: (any of them or true) and (%s) }", condition);
	assert_int_equal(signature_build_yara(build, STR("default"), "t.yar", buf_str(&text), NULL), 0);
	if (signature_build_refused_count(build) > 0)
		return 'E';
	assert_int_equal(signature_build_finish(build, &out, NULL), 0);
	assert_int_equal(signature_image_open(out.p, out.n, &image, NULL), 0);
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	/* Twice: nothing of the first file is left over. */
	assert_int_equal(signature_scan(scanner, (const uint8_t *)"zzz", 3, NULL, 0, on_hit, &found), SIGNATURE_DONE);
	found = false;
	assert_int_equal(signature_scan(scanner, (const uint8_t *)DATA, sizeof DATA - 1, NULL, 0, on_hit, &found), SIGNATURE_DONE);
	return found ? 'T' : 'F';
}

static void conditions_are_yaras(void **state)
{
	unsigned wrong = 0;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (unsigned all = 0; all < 2; all++) {
			const char got = answer(cases[i].condition, all);
			if (got != cases[i].expected) {
				print_error("%s: %c instead of %c\n", cases[i].condition, got, cases[i].expected);
				wrong++;
			}
		}
	assert_int_equal(wrong, 0);
}

/* Without the "or true" in front: a rule that needs a string is not asked when it is not there, and says the same. */
static void the_filter_changes_nothing(void **state)
{
	static const struct {
		const char *condition;
		unsigned always;
		bool found; /* in a file without any of its strings */
	} filtered[] = {
		{"$a", 0, false},
		{"not $a", 1, true},
		{"$a and not $b", 0, false},
		{"$a or filesize == 3", 1, true},
		{"2 of them", 0, false},
		{"0 of them", 1, true},
		{"none of them", 1, true},
		{"#a > 0", 0, false},
		{"#a == 0", 1, true},
		{"#a < 1", 1, true},
		{"@a < 5", 0, false},
		{"not (@a < 5)", 0, false},
		{"defined @a", 0, false},
		{"not defined @a", 1, true},
		{"for any of ($a, $b) : (# > 2)", 0, false},
		{"for any of ($a, $b) : (# == 0)", 1, true},
		{"for any i in (1..3) : (@a[i] < 10)", 0, false},
		{"for all i in (1..#a) : ($b)", 0, false},
		{"for 0 i in (1..3) : ($b)", 1, true},
		{"false and $a", 0, false},
		{"filesize == 3 and (uint8(@a) == 1 or $b)", 0, false},
		{"not (@a < 1.5)", 1, true},
		{"50% of them", 0, false},
		{"p", 1, true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(filtered); i++) {
		const struct signature_build_options options = {0};
		struct signature_build *build cleanup(signature_build) = signature_build_new(&options);
		struct signature_image *image cleanup(signature_image) = NULL;
		struct signature_image_info info;
		struct buf text cleanup_buf = BUF_INIT(1 << 16);
		struct buf out cleanup_buf = BUF_INIT(1 << 24);
		bool found = false;
		buf_printf(&text, "rule p { condition: true } rule r { strings: $a=\"hello\" $b=\"world\" condition: %s and (any of them or true) }",
			   filtered[i].condition);
		assert_int_equal(signature_build_yara(build, STR("default"), "t.yar", buf_str(&text), NULL), 0);
		assert_int_equal(signature_build_refused_count(build), 0);
		assert_int_equal(signature_build_finish(build, &out, NULL), 0);
		assert_int_equal(signature_image_open(out.p, out.n, &image, NULL), 0);
		signature_image_info(image, &info);
		struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
		assert_int_equal(signature_scan(scanner, (const uint8_t *)"abc", 3, NULL, 0, on_hit, &found), SIGNATURE_DONE);
		if (info.always != filtered[i].always + 1 || found != filtered[i].found)
			fail_msg("%s: always %u, found %d", filtered[i].condition, info.always - 1, found);
	}
}

static void endless_conditions_end(void **state)
{
	bool found = false;
	const struct signature_build_options options = {0};
	struct signature_build *build cleanup(signature_build) = signature_build_new(&options);
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	(void)state;
	assert_int_equal(signature_build_yara(build, STR("n"), "t.yar",
					      STR("rule slow { condition: for any i in (0..9223372036854775807) : (i < 0) } rule r { condition: true }"), NULL), 0);
	assert_int_equal(signature_build_finish(build, &out, NULL), 0);
	assert_int_equal(signature_image_open(out.p, out.n, &image, NULL), 0);
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	assert_int_equal(signature_scan(scanner, (const uint8_t *)"abc", 3, NULL, 0, on_hit, &found), SIGNATURE_UNDECIDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_yaras),
		cmocka_unit_test(the_filter_changes_nothing),
		cmocka_unit_test(endless_conditions_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
