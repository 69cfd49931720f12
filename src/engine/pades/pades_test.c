/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/file/file.h"
#include "engine/pades/pades_internal.h"

static struct pades_object *parse(struct pades_file *f, struct arena *arena, const char *text)
{
	struct cursor c = cursor_of(str_c(text));
	*f = (struct pades_file){.arena = arena};
	return pades_parse(f, &c, false, 0);
}

static void objects(void **state)
{
	static const struct {
		const char *text;
		enum pades_type type;
		int64_t integer;
		const char *decoded, *raw;
	} cases[] = {
		{" % note\n 12", PADES_INTEGER, 12, "", "12"},
		{"-3]", PADES_INTEGER, -3, "", "-3"},
		{"+.5 ", PADES_REAL, 0, "", "+.5"},
		{"12 0 R/", PADES_REF, 12, "", "12 0 R"},
		{"12 0 Rx", PADES_INTEGER, 12, "", "12"},
		{"/A#42c#zz/", PADES_NAME, 0, "ABc#zz", "/A#42c#zz"},
		{"(a(b)\\)\\101\\n\\\n.)", PADES_STRING, 0, "a(b))A\n.", "(a(b)\\)\\101\\n\\\n.)"},
		{"<48 656c6C 6f7>", PADES_STRING, 0, "Hellop", "<48 656c6C 6f7>"},
		{"true", PADES_BOOL, 1, "", "true"},
		{"null", PADES_NULL, 0, "", "null"},
		{"[1 [2] /x]", PADES_ARRAY, 0, "", "[1 [2] /x]"},
		{"<< /A 1 /B<</C(d)>>>>", PADES_DICT, 0, "", "<< /A 1 /B<</C(d)>>>>"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct pades_file f;
		const struct pades_object *o = parse(&f, arena, cases[i].text);
		if (o == NULL || o->type != cases[i].type || o->integer != cases[i].integer || !str_eq_c(o->text, cases[i].decoded) || !str_eq_c(o->raw, cases[i].raw))
			fail_msg("%s", cases[i].text);
	}
}

static void broken_objects(void **state)
{
	static const char *const cases[] = {"", "(a", "<41", "[1 2", "<< /A", "<< A 1 >>", "<< /A 1 ", "-", "nul", "99999999999999999999", ")", "R"};
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf deep = BUF_INIT(1 << 20);
	struct pades_file f;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (parse(&f, arena, cases[i]) != NULL)
			fail_msg("%s: taken", cases[i]);
	for (int i = 0; i < 100000; i++)
		buf_append_char(&deep, '[');
	assert_null(parse(&f, arena, deep.p));
}

static void texts(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	(void)state;
	assert_true(str_eq_c(pades_text(arena, str_n("\xfe\xff\x00L\x01\x69\x00y\xd8\x3d\xde\x00", 12)), "Lũy😀"));
	assert_true(str_eq_c(pades_text(arena, STR("Th\xc3\xb4n")), "Thôn"));
	assert_true(str_eq_c(pades_text(arena, STR("\xef\xbb\xbfTre")), "Tre"));
	assert_true(str_eq_c(pades_text(arena, STR("caf\xe9")), "café"));
	assert_true(str_eq_c(pades_text(arena, str_n("\xfe\xff\xd8", 3)), "\xef\xbf\xbd"));
}

static void read_sample(const char *name, struct buf *out)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	buf_printf(&path, "%s/fuzz/corpus/pades/%s", getenv("LUYTRE_SOURCE"), name);
	assert_int_equal(file_read(path.p, PADES_FILE_MAX, out, NULL), 0);
}

/* Signed by this program, by poppler's reader agreed to (tests/documents): a table, and streams of cross-references. */
static void samples(void **state)
{
	static const struct {
		const char *name;
		size_t signatures;
		bool streams;
	} cases[] = {{"two_signers.pdf", 2, false}, {"streams.pdf", 1, true}, {"unsigned.pdf", 0, false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		cleanup_buf struct buf pdf = BUF_INIT(PADES_FILE_MAX + 1);
		struct pades_file f;
		struct pades_report report;
		const struct pades_trust trust = {.now = 1800000000 * USEC_PER_SEC};
		read_sample(cases[i].name, &pdf);
		assert_int_equal(pades_file_open(arena, buf_str(&pdf), &f, NULL), 0);
		assert_int_equal(f.xref_is_stream, cases[i].streams);
		assert_int_equal(pades_verify(arena, buf_str(&pdf), &trust, &report, NULL), 0);
		assert_int_equal(report.count, cases[i].signatures);
		for (size_t k = 0; k < report.count; k++) {
			const struct pades_signature *s = &report.signatures[k];
			assert_true(s->intact);
			assert_int_equal(s->change, k + 1 == report.count ? PADES_CHANGE_NONE : PADES_CHANGE_SIGNED);
			assert_int_equal(s->chain, PADES_CHAIN_UNKNOWN);
			assert_false(pades_is_good(s));
		}
	}
}

static void refused(void **state)
{
	static const struct {
		const char *pdf, *key;
	} cases[] = {
		{"", "pades.malformed"},
		{"%PDF-1.5\n", "pades.malformed"},
		{"%PDF-1.5\nstartxref\n9\n%%EOF", "pades.malformed"},
		{"%PDF-1.5\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Prev 9 >>\nstartxref\n9\n%%EOF", "pades.malformed"},
		{"%PDF-1.5\nxref\n0 99999999\ntrailer\n<< >>\nstartxref\n9\n%%EOF", "pades.malformed"},
		{"%PDF-1.5\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Encrypt 1 0 R >>\nstartxref\n9\n%%EOF", "pades.encrypted"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct pades_report report;
		struct err err = {0};
		const struct pades_trust trust = {.now = 0};
		assert_int_equal(pades_verify(arena, str_c(cases[i].pdf), &trust, &report, &err), -EINVAL);
		assert_string_equal(err.key, cases[i].key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(objects), cmocka_unit_test(broken_objects), cmocka_unit_test(texts), cmocka_unit_test(samples), cmocka_unit_test(refused)};
	return cmocka_run_group_tests_name("pades", tests, NULL, NULL);
}
