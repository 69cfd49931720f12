/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "base/text/text.h"

static void utf8(void **state)
{
	(void)state;
	static const struct {
		struct str s;
		size_t bad; /* SIZE_MAX: fine */
	} cases[] = {
		{STR(""), SIZE_MAX},
		{STR("abc"), SIZE_MAX},
		{STR("Nguyễn Văn Hải"), SIZE_MAX},
		{STR("\xF0\x9F\x98\x80"), SIZE_MAX},
		{STR("\xF4\x8F\xBF\xBF"), SIZE_MAX}, /* U+10FFFF */
		{STR("\xED\x9F\xBF"), SIZE_MAX},     /* U+D7FF */
		{STR("\xEE\x80\x80"), SIZE_MAX},     /* U+E000 */
		{STR("\xEF\xBF\xBF"), SIZE_MAX},     /* U+FFFF, a noncharacter but well-formed */
		{STR("a\0b"), 1},
		{STR("\x80"), 0},
		{STR("a\xC0\x80"), 1},         /* overlong NUL */
		{STR("\xC1\xBF"), 0},          /* overlong */
		{STR("\xE0\x9F\xBF"), 0},      /* overlong */
		{STR("\xF0\x8F\xBF\xBF"), 0},  /* overlong */
		{STR("\xED\xA0\x80"), 0},      /* surrogate */
		{STR("\xED\xBF\xBF"), 0},      /* surrogate */
		{STR("\xF4\x90\x80\x80"), 0},  /* past U+10FFFF */
		{STR("\xF5\x80\x80\x80"), 0},
		{STR("\xFF"), 0},
		{STR("\xC3"), 0},
		{STR("ab\xE1\xBA"), 2},
		{STR("\xE1\xBA\x41"), 0},
		{STR("\xF0\x9F\x98"), 0},
		{STR("\xF0\x9F\x98\x41"), 0},
		{STR("\xC3\xA0\xA0"), 2},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (text_utf8_error(cases[i].s) != cases[i].bad)
			fail_msg("case %zu", i);
		assert_int_equal(text_is_utf8(cases[i].s), cases[i].bad == SIZE_MAX);
	}
	assert_int_equal(text_length(STR("Nguyễn")), 6);
	assert_int_equal(text_length(STR("")), 0);
	for (int32_t code = 1; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 97) {
		if (code >= 0xD800 && code <= 0xDFFF)
			continue;
		char bytes[8];
		struct buf out = BUF_FIXED(bytes, sizeof bytes);
		size_t at = 0;
		text_append_code(&out, code);
		assert_int_equal(text_utf8_next(buf_str(&out), &at), code);
		assert_int_equal(at, out.n);
	}
}

static void nfc(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"abc", "abc"},
		{"Việt Nam", "Việt Nam"},
		{"Vie\u0302\u0323t Nam", "Việt Nam"},
		{"Vie\u0323\u0302t Nam", "Việt Nam"}, /* marks in the other order */
		{"Vi\u00EA\u0323t Nam", "Việt Nam"},
		{"Vi\u1EB9\u0302t Nam", "Việt Nam"},
		{"u\u031B\u0301ng", "ứng"},
		{"D\u0303", "D\u0303"}, /* no composed form */
		{"\u212B", "\u00C5"},   /* Angstrom sign */
		{"\u0340", "\u0300"},
		{"\u1112\u1161\u11AB", "\uD55C"}, /* Hangul */
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT(1000);
		assert_int_equal(text_nfc(str_c(cases[i].in), &out, NULL), 0);
		if (!str_eq_c(buf_str(&out), cases[i].out))
			fail_msg("case %zu: %s", i, out.p);
	}
}

static void nfc_refuses(void **state)
{
	(void)state;
	struct buf out cleanup_buf = BUF_INIT(1000), marks cleanup_buf = BUF_INIT(1000);
	struct err err = {0};
	assert_int_equal(text_nfc(STR("ab\xFF"), &out, &err), -EINVAL);
	assert_string_equal(err.key, "text.utf8");
	assert_string_equal(err_arg(&err, "byte"), "2");
	assert_int_equal(text_nfc(STR("a\0b"), &out, &err), -EINVAL);
	buf_append_char(&marks, 'e');
	for (int i = 0; i < 30; i++)
		buf_append_c(&marks, i % 2 != 0 ? "\u0301" : "\u0323");
	assert_int_equal(text_nfc(buf_str(&marks), &out, &err), 0);
	buf_append_c(&marks, "\u0301");
	assert_int_equal(text_nfc(buf_str(&marks), &out, &err), -EINVAL);
	assert_string_equal(err.key, "text.marks");
	struct buf small cleanup_buf = BUF_INIT(3);
	assert_int_equal(text_nfc(STR("abcd"), &small, &err), -E2BIG);
}

static void search_keys(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"Nguyễn Văn Hải", "nguyen van hai"},
		{"NGUYỄN VĂN HẢI", "nguyen van hai"},
		{"nguyen van hai", "nguyen van hai"},
		{"Nguye\u0302\u0303n Va\u0306n Ha\u0309i", "nguyen van hai"}, /* NFD */
		{"Nguyê\u0303n Văn Ha\u0309i", "nguyen van hai"},             /* half composed */
		{"Đặng Đình Đức", "dang dinh duc"},
		{"ĐẶNG ĐÌNH ĐỨC", "dang dinh duc"},
		{"đường", "duong"},
		{"Phường Cái Khế", "phuong cai khe"},
		{"Xã Ơ Môn", "xa o mon"},
		{"Ô Môn", "o mon"},
		{"ưu", "uu"},
		{"Ưu tiên", "uu tien"},
		{"ƯU TIÊN", "uu tien"},
		{"u\u031Bu", "uu"},
		{"o\u031B\u0323", "o"},
		{"hòa", "hoa"},
		{"hoà", "hoa"},
		{"quý", "quy"},
		{"kỹ thuật", "ky thuat"},
		{"Ủy ban nhân dân", "uy ban nhan dan"},
		{"UBND  phường\t An   Bình ", "ubnd phuong an binh"},
		{"  hai  ", "hai"},
		{" \t\n ", ""},
		{"a\u00A0b", "a b"},      /* no-break space */
		{"a\u3000b", "a b"},      /* ideographic space */
		{"a\u200Bb", "ab"},       /* zero width space is nothing */
		{"a\u00ADb", "ab"},       /* soft hyphen */
		{"Cần Thơ 2026", "can tho 2026"},
		{"TLS 1.3 / SSH-2", "tls 1.3 / ssh-2"},
		{"Straße", "strasse"},
		{"ÀÁẢÃẠ", "aaaaa"},
		{"ĂẰẮẲẴẶ", "aaaaaa"},
		{"ÂẦẤẨẪẬ", "aaaaaa"},
		{"ÊỀẾỂỄỆ", "eeeeee"},
		{"ÌÍỈĨỊ", "iiiii"},
		{"ÔỒỐỔỖỘ", "oooooo"},
		{"ƠỜỚỞỠỢ", "oooooo"},
		{"ÙÚỦŨỤ", "uuuuu"},
		{"ƯỪỨỬỮỰ", "uuuuuu"},
		{"ỲÝỶỸỴ", "yyyyy"},
		{"\xFF" "a", "\uFFFD" "a"},
		{"中文", "中文"},
		{"МОСКВА", "москва"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT(1000);
		text_search_key(str_c(cases[i].in), &out);
		if (!str_eq_c(buf_str(&out), cases[i].out))
			fail_msg("%s: %s, not %s", cases[i].in, out.p, cases[i].out);
	}
}

/* Each stands before the next. */
static const char *const in_order[] = {
	"", "1", "2", "9", "10", "99", "100", "999999999999999999999999999999999999999999999999999999999999",
	"a", "a 1", "a 2", "a 10", "a b", "a2", "a10", "à", "à b", "ả", "ã", "á", "ạ", "ac", "an", "án", "anh", "ă", "ằ", "ẳ",
	"ẵ", "ắ", "ặ", "ăn", "â", "ầ", "ẩ", "ẫ", "ấ", "ậ", "ân",
	"ba", "ba ba", "ba kích", "bà", "bà ba", "bà con", "bả", "bã", "bá", "bạ", "bác", "băng", "bằng", "bâng",
	"ca", "Cái Khế", "Cái Răng", "Cần Thơ", "cô", "cơ", "Cờ Đỏ", "da", "dương", "Dương Văn A", "đa", "đương", "e", "ê",
	"f", "g", "h", "hoa", "hòa bình", "i", "j", "k", "l", "m", "n", "Nguyễn An", "Nguyễn Ánh", "Nguyễn Văn Ba",
	"Nguyễn Văn Bá", "o", "ó", "ô", "ố", "ơ", "ớ", "p", "Phường 2", "Phường 10", "q", "r", "s", "t", "u", "ú", "ư", "ứ", "v",
	"w", "x", "y", "ý", "z", "Москва", "中",
};

static void sort_order(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(in_order); i++) {
		struct buf a cleanup_buf = BUF_INIT(1000), b cleanup_buf = BUF_INIT(1000);
		text_sort_key(str_c(in_order[i - 1]), &a);
		text_sort_key(str_c(in_order[i]), &b);
		if (str_cmp(buf_str(&a), buf_str(&b)) >= 0)
			fail_msg("%s (%.*s) before %s (%s)", in_order[i - 1], STR_FMT(buf_str(&a)), in_order[i], b.p);
		for (size_t k = 0; k < b.n; k++)
			assert_in_range((unsigned char)b.p[k], 0x20, 0x7E);
	}
}

static void sort_equal(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"hoà", "hòa"},
		{"HẢI", "hải"},
		{"Đức", "đức"},
		{"Nguyễn", "Nguye\u0302\u0303n"},
		{"ặ", "a\u0323\u0306"},
		{"ặ", "a\u0306\u0323"},
		{"ợ", "o\u0323\u031B"},
		{"ự", "u\u031B\u0323"},
		{"  an   bình ", "an bình"},
		{"an-bình", "an bình"},
		{"007", "7"},
		{"0", "00"},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct buf a cleanup_buf = BUF_INIT(1000), b cleanup_buf = BUF_INIT(1000);
		text_sort_key(str_c(pairs[i][0]), &a);
		text_sort_key(str_c(pairs[i][1]), &b);
		if (!str_eq(buf_str(&a), buf_str(&b)))
			fail_msg("%s %s: %s %s", pairs[i][0], pairs[i][1], a.p, b.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8),        cmocka_unit_test(nfc),        cmocka_unit_test(nfc_refuses),
		cmocka_unit_test(search_keys), cmocka_unit_test(sort_order), cmocka_unit_test(sort_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
