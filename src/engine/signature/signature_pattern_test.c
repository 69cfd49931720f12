/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/signature/signature_pattern.h"

enum {
	N = SIGNATURE_PATTERN_NOCASE,
	A = SIGNATURE_PATTERN_ASCII,
	W = SIGNATURE_PATTERN_WIDE,
	F = SIGNATURE_PATTERN_FULLWORD,
	X = SIGNATURE_PATTERN_XOR,
	B = SIGNATURE_PATTERN_BASE64,
	BW = SIGNATURE_PATTERN_BASE64WIDE,
	S = SIGNATURE_PATTERN_DOT_ALL
};
#define TEXT SIGNATURE_PATTERN_TEXT
#define HEX SIGNATURE_PATTERN_HEX
#define REGEX SIGNATURE_PATTERN_REGEX

/* A section and what it takes to scan with it. */
struct ready {
	struct buf section;
	struct signature_patterns patterns;
	void *scratch;
};

static void ready_make(struct ready *r, struct signature_pattern_set *set)
{
	struct err err = {0};
	r->section = BUF_INIT(1 << 28);
	assert_int_equal(signature_pattern_set_write(set, &r->section, &err), 0);
	assert_int_equal(signature_patterns_open(&r->patterns, r->section.p, r->section.n, &err), 0);
	size_t size = signature_patterns_scratch_size(&r->patterns);
	r->scratch = aligned_alloc(64, size);
	assert_non_null(r->scratch);
	memset(r->scratch, 0, size);
}

static void ready_done(struct ready *r)
{
	free(r->scratch);
	buf_done(&r->section);
}

/* "offset:length offset:length …" */
static void matches_say(const struct signature_matches *m, uint32_t id, char *out, size_t size)
{
	struct buf b = BUF_FIXED(out, size);
	for (uint32_t i = 0; i < signature_matches_count(m, id); i++) {
		uint64_t offset;
		uint32_t length;
		assert_int_equal(signature_matches_at(m, id, i, &offset, &length), 0);
		buf_printf(&b, "%s%llu:%u", i > 0 ? " " : "", (unsigned long long)offset, length);
	}
	buf_append_c(&b, "");
}

struct sample {
	enum signature_pattern_kind kind;
	unsigned flags;
	const char *text;
	struct str data;
	const char *matches; /* as libyara 4.2.3 finds them */
};

static void samples_check(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sample *t = &samples[i];
		cleanup(signature_pattern_set) struct signature_pattern_set *set = NULL;
		assert_int_equal(signature_pattern_set_new(&set, NULL), 0);
		const struct signature_pattern p = {.kind = t->kind, .flags = t->flags, .text = (const uint8_t *)t->text,
		                                    .text_len = strlen(t->text), .xor_min = 0, .xor_max = 255};
		uint32_t id = 0;
		struct err err = {0};
		char line[512], said[512] = "";
		if (signature_pattern_set_add(set, &p, &id, &err) < 0)
			fail_msg("%zu: %s: %s", i, t->text, err_line(&err, line, sizeof(line)));
		struct ready r;
		ready_make(&r, set);
		struct signature_matches m;
		assert_int_equal(signature_patterns_scan(&r.patterns, (const uint8_t *)t->data.p, t->data.n, r.scratch, &m), 0);
		matches_say(&m, id, said, sizeof(said));
		if (strcmp(said, t->matches) != 0)
			fail_msg("%zu: %s: found %s, not %s", i, t->text, said, t->matches);
		ready_done(&r);
	}
}

static void test_text(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{TEXT, 0, "abc", STR("xabcabc"), "1:3 4:3"},
		{TEXT, N, "aBc", STR("xAbCabc"), "1:3 4:3"},
		{TEXT, 0, "aBc", STR("xAbCabc"), ""},
		{TEXT, 0, "aaa", STR("aaaaa"), "0:3 1:3 2:3"},
		{TEXT, W, "ab", STR("ab a\0b\0"), "3:4"},
		{TEXT, A | W, "ab", STR("ab a\0b\0"), "0:2 3:4"},
		{TEXT, A | W | F, "ab", STR("abc a\0b\0c\0 ab.a\0b\0"), "11:2 14:4"},
		{TEXT, F, "ab", STR("cab ab!ab"), "4:2 7:2"},
		{TEXT, F | W, "a", STR("a\0b\0 \0a\0"), "6:2"},
		{TEXT, X, "abcd", STR("`cbe..abcd"), "0:4 6:4"},
		{TEXT, X | W, "ab", STR("`\1c\1 a\0b\0"), "0:4 5:4"},
		{TEXT, 0, "a", STR("banana"), "1:1 3:1 5:1"},
		{TEXT, N, "A", STR("bAna"), "1:1 3:1"},
		{TEXT, 0, "ab", STR("abxab"), "0:2 3:2"},
	};
	samples_check(samples, ARRAY_LEN(samples));
}

static void test_regex(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{REGEX, 0, "a{b", STR("a{b"), "0:3"},
		{REGEX, 0, "a{,2}b", STR("aab"), "0:3 1:2 2:1"},
		{REGEX, 0, "a{2}?b", STR("aab"), "0:3"},
		{REGEX, 0, "(a|)b", STR("aab"), "1:2 2:1"},
		{REGEX, 0, "(a*)*b", STR("aab"), "0:3 1:2 2:1"},
		{REGEX, 0, "\\bb", STR(" bcd b\n"), "1:1 5:1"},
		{REGEX, 0, "\\b ", STR(" bcd b\n"), "0:1 4:1"},
		{REGEX, 0, "b\\b", STR(" bcd b"), "5:1"},
		{REGEX, 0, "b\\B", STR(" bcd b"), "1:1"},
		{REGEX, 0, "\\Bb", STR("b bcd ab"), "7:1"},
		{REGEX, 0, " \\b", STR(" bcd b "), "0:1 4:1 6:1"},
		{REGEX, 0, "[a-c-e]x", STR("ax-xdxex"), "0:2 2:2 6:2"},
		{REGEX, 0, "[]a]x", STR("]xax"), "0:2 2:2"},
		{REGEX, 0, "[^]a]x", STR("]xaxbx"), "4:2"},
		{REGEX, 0, "[\\d-z]x", STR("1x-xzxbx"), "4:2"},
		{REGEX, 0, "[a\\]]x", STR("1x-xzx]x"), "6:2"},
		{REGEX, N, "[^a]b", STR("AbabCb"), "4:2"},
		{REGEX, W, "[^a]bcd", STR("a\0b\0c\0d\0x\0b\0c\0d\0"), "8:8"},
		{REGEX, W, "^abc", STR("a\0b\0c\0d\0x\0a\0b\0c\0d\0"), "0:6"},
		{REGEX, W, "abc$", STR("a\0b\0c\0d\0x\0a\0b\0c\0"), "10:6"},
		{REGEX, 0, "abc$", STR("abcabc"), "3:3"},
		{REGEX, 0, "abc$", STR("abcabc\n"), ""},
		{REGEX, 0, "a*", STR("xaab"), "1:2 2:1"},
		{REGEX, 0, "a*?b*?", STR("xaab"), ""},
		{REGEX, F, "(ab|a)(bc|c)?", STR("abcd abc ab"), "5:3 9:2"},
		{REGEX, F, "ab+", STR("abbb abbbx"), "0:4"},
		{REGEX, 0, "a.{0,300}?b", STR("aaxb\nab\na\nb"), "0:4 1:3 5:2 8:3"},
		{REGEX, 0, "a.{0,300}b", STR("aaxb\nab\na\nb"), "0:4 1:3 5:2"},
		{REGEX, 0, "a\\/b.c", STR("a/b\nca/bxc"), "5:5"},
		{REGEX, S, "a\\/b.c", STR("a/b\nca/bxc"), "0:5 5:5"},
	};
	samples_check(samples, ARRAY_LEN(samples));
}

static void test_hex(void **state)
{
	(void)state;
	static const struct sample samples[] = {
		{HEX, 0, "61 [0-300] 62", STR("aabxbb"), "0:3 1:2"},
		{HEX, 0, "61 [1-2] 62 [0-] 63", STR("aabxbbccaxbc"), "0:7 1:6 8:4"},
		{HEX, 0, "61 [ 0 - 2 ] 62", STR("ab"), "0:2"},
		{HEX, 0, "?? 41 42 ??", STR("AABBB"), "0:4"},
		{HEX, 0, "41 [1] [2] 42", STR("A123B"), "0:5"},
		{HEX, 0, "41 /* x */ 42 // y\n", STR("AB"), "0:2"},
		{HEX, 0, "(41|(42|43)44) 42", STR("ACDB"), "1:3"},
		{HEX, 0, "4? ?2 43", STR("ABCA2CQBC"), "0:3 3:3"},
		{HEX, 0, "41 ~42 43", STR("ABCADC"), "3:3"},
	};
	samples_check(samples, ARRAY_LEN(samples));
}

static void test_base64(void **state)
{
	(void)state;
	/* "xThis program cannot", with one and two bytes before it, and wide. */
	static const struct sample samples[] = {
		{TEXT, B, "This program cannot", STR("VGhpcyBwcm9ncmFtIGNhbm5vdA=="), "0:25"},
		{TEXT, B, "This program cannot", STR("eFRoaXMgcHJvZ3JhbSBjYW5ub3Q="), "2:24"},
		{TEXT, B, "This program cannot", STR("eHhUaGlzIHByb2dyYW0gY2Fubm90"), "3:25"},
		{TEXT, BW, "This", STR("V\0G\0h\0p\0c\0w\0"), "0:10"},
		{TEXT, B, "This", STR("V\0G\0h\0p\0c\0w\0"), ""},
	};
	samples_check(samples, ARRAY_LEN(samples));
}

static void test_equal_patterns_share(void **state)
{
	(void)state;
	cleanup(signature_pattern_set) struct signature_pattern_set *set = NULL;
	assert_int_equal(signature_pattern_set_new(&set, NULL), 0);
	uint32_t a, b;
	for (unsigned i = 0; i < 5000; i++) {
		char text[32];
		int n = snprintf(text, sizeof(text), "text %u", i);
		struct signature_pattern p = {.kind = TEXT, .text = (const uint8_t *)text, .text_len = (size_t)n};
		assert_int_equal(signature_pattern_set_add(set, &p, &a, NULL), 0);
		assert_int_equal(a, i);
		p.flags = A;
		assert_int_equal(signature_pattern_set_add(set, &p, &b, NULL), 0);
		assert_int_equal(a, b);
	}
	struct ready r;
	ready_make(&r, set);
	/* Across the ends of blocks. */
	cleanup_buf struct buf data = BUF_INIT(1 << 20);
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&data, "text %u\n", i);
	struct signature_matches m;
	assert_int_equal(signature_patterns_scan(&r.patterns, (const uint8_t *)data.p, data.n, r.scratch, &m), 0);
	for (unsigned i = 1000; i < 5000; i++)
		assert_int_equal(signature_matches_count(&m, i), 1);
	assert_int_equal(signature_matches_count(&m, 1), 1111);
	assert_int_equal(signature_matches_count_in(&m, 1, 0, UINT64_MAX), 1111);
	assert_int_equal(signature_matches_count_in(&m, 1, 7, 7), 1);
	assert_int_equal(signature_matches_count_in(&m, 1, 8, 69), 0);
	assert_int_equal(signature_patterns_scan(&r.patterns, (const uint8_t *)"", 0, r.scratch, &m), 0);
	assert_false(signature_matches_any(&m, 1));
	ready_done(&r);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		enum signature_pattern_kind kind;
		unsigned flags;
		const char *text;
	} refused[] = {{TEXT, 0, ""}, {TEXT, N | X, "abcd"}, {TEXT, B | F, "abcd"}, {TEXT, X | B, "abcd"},
	               {REGEX, 0, "a{3,2}b"}, {REGEX, 0, "a{0}b"}, {REGEX, 0, "(|a)b"}, {REGEX, 0, "()b"}, {REGEX, 0, "a**b"}, {REGEX, 0, "^*b"},
	               {REGEX, 0, "[a"}, {REGEX, 0, "a)"}, {REGEX, 0, "(a"}, {REGEX, 0, "[z-a]"}, {REGEX, 0, "\\xg"}, {REGEX, 0, "a{2}b+?"},
	               {REGEX, 0, "(?:a)"}, {HEX, 0, "41 [0] 42"}, {HEX, 0, "41 [-2] 42"}, {HEX, 0, "41 ( [0-2] 43 | 42 ) 42"},
	               {HEX, 0, "41 ( 43 [300] 44 | 42 ) 42"}, {HEX, 0, "[1] 41 42"}, {HEX, 0, "4 1"}, {HEX, 0, "41 () 42"}, {HEX, 0, "(41|42|) 42"},
	               {HEX, 0, "41 [1]"}, {HEX, 0, "41 /* 42"}, {HEX, 0, "~?? 41"}};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		cleanup(signature_pattern_set) struct signature_pattern_set *set = NULL;
		assert_int_equal(signature_pattern_set_new(&set, NULL), 0);
		const struct signature_pattern p = {.kind = refused[i].kind, .flags = refused[i].flags, .xor_max = 255,
		                                    .text = (const uint8_t *)refused[i].text, .text_len = strlen(refused[i].text)};
		uint32_t id;
		assert_int_equal(signature_pattern_set_add(set, &p, &id, NULL), -EINVAL);
		assert_int_equal(signature_pattern_set_count(set), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_regex),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_equal_patterns_share),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
