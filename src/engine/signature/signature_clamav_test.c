/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Expected: what clamscan 1.4.6 finds of the same lines; tests/signature/clamav.py compares many more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/signature/signature_clamav.h"

static bool note(void *ctx, const struct signature_hit *hit)
{
	(void)hit;
	++*(unsigned *)ctx;
	return true;
}

/* Findings of one line in one file; -1: the line is not taken, -2: for another release. */
static int found(const char *file, const char *line, const char *text, size_t n)
{
	const struct signature_build_options options = {0};
	struct signature_build *build = signature_build_new(&options);
	struct signature_clamav_result result;
	struct signature_image *image = NULL;
	struct buf bytes = BUF_INIT((size_t)1 << 24);
	unsigned count = 0;
	int r = -1;

	assert_int_equal(signature_build_clamav(build, STR("c"), file, str_c(line), &result, NULL), 0);
	if (result.other_level > 0)
		r = -2;
	if (result.taken > 0) {
		assert_int_equal(signature_build_finish(build, &bytes, NULL), 0);
		assert_int_equal(signature_image_open(bytes.p, bytes.n, &image, NULL), 0);
		struct signature_scanner *scanner = signature_scanner_new(image);
		assert_int_equal(signature_scan(scanner, (const uint8_t *)text, n, NULL, 0, note, &count), SIGNATURE_DONE);
		signature_scanner_free(scanner);
		signature_image_free(image);
		r = (int)count;
	}
	assert_int_equal(signature_build_refused_count(build), result.refused);
	signature_build_free(build);
	buf_done(&bytes);
	return r;
}

struct one {
	const char *line, *text;
	int wanted;
};

static void check(const char *file, const struct one *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (found(file, cases[i].line, cases[i].text, strlen(cases[i].text)) != cases[i].wanted)
			fail_msg("%s in %s", cases[i].line, cases[i].text);
}

static void ndb_lines(void **state)
{
	static const struct one cases[] = {
		{"A:0:*:616e7931??78", "..any1Ax", 1},
		{"A:0:10,5:726e6730", "xxxxxxxxxxxxxxxrng0", 1},
		{"A:0:10,5:726e6730", "xxxxxxxxxxxxxxxxrng0", 0},
		{"A:0:EOF-8:656f6630", "xxxxeof0xxxx", 1},
		{"A:0:EOF-8:656f6630", "xxxxeof0xxxxx", 0},
		{"A:0:EOF-20,6:656f6652", "xxxxxxeofRxxxxxxxxxx", 1},
		{"A:0:*:6a6d7030{2-4}6a6d7031", "jmp0xxxxjmp1", 1},
		{"A:0:*:6a6d7030{2-4}6a6d7031", "jmp0xxxxxjmp1", 0},
		{"A:0:*:616c7430(6161|6262)7a", "alt0bbz", 1},
		{"A:10:*:706466626f6479", "xxxx%PDF-1.4 pdfbody", 1},
		{"A:10:*:706466626f6479", "pdfbody", 0},
		{"A:1:*:7065626f6479", "MZ pebody", 1},
		{"A:0:*:6162636465", "abcde", 0}, /* too small a file */
		{"A:0:*:6162:300", "abcdef", -2},
		{"A:3:*:6162", "abcdef", -1},
		{"A:0:VI:6162", "abcdef", -1},
		{"A:0:*:61626", "abcdef", -1},
		{"A:0:*:(B)6162", "abcdef", -1},
	};
	(void)state;
	check("x/t.ndb", cases, sizeof(cases) / sizeof(cases[0]));
}

static void ldb_lines(void **state)
{
	static const struct one cases[] = {
		/* Operators bind to the right. */
		{"A;Engine:51-255,Target:0;0|1&2;6d6978616161;6d6978626262;6d6978636363", "mixaaa", 1},
		{"A;Engine:51-255,Target:0;0&1|2;6d6979616161;6d6979626262;6d6979636363", "miyccc", 0},
		{"A;Engine:51-255,Target:0;0&1|2;6d6979616161;6d6979626262;6d6979636363", "miyaaamiyccc", 1},
		/* Overlapping matches count. */
		{"A;Engine:51-255,Target:0;0=3;7a7a7a7a", "zzzzzz", 1},
		{"A;Engine:51-255,Target:0;0=3;7a7a7a7a", "zzzzzzz", 0},
		{"A;Engine:51-255,Target:0;(0|1)>2,2;67727031;67727032", "grp1grp1grp1", 0},
		{"A;Engine:51-255,Target:0;(0|1)>2,2;67727031;67727032", "grp1grp1grp2", 1},
		{"A;Engine:51-255,Target:0;0&1=0;6e6f7430;6e6f7431", "not0not1", 0},
		{"A;Engine:51-255,Target:0;0&1=0;6e6f7430;6e6f7431", "not0xxxx", 1},
		{"A;Engine:51-255,Target:0;0;6e6f6361::i", "xNoCax", 1},
		{"A;Engine:51-255,Target:0;0;4:6f666673", "xxxxoffs", 1},
		{"A;Engine:51-255,Target:0;0;4:6f666673", "xxxxxoffs", 0},
		{"A;Engine:51-255,FileSize:1-6,Target:0;0;6f666673", "xxoffsx", 0},
		{"A;Engine:300-400,Target:0;0;6f666673", "xxoffsx", -2},
		{"A;Engine:51-255,Container:CL_TYPE_ZIP,Target:0;0;6f666673", "xxoffsx", -1},
		{"A;Engine:51-255,Target:0;0;/offs/", "xxoffsx", -1},
		{"A;Engine:51-255,Target:0;0&;6f666673", "xxoffsx", -1},
		{"A;Engine:51-255,Target:0;0&1;6f666673", "xxoffsx", -1},
	};
	(void)state;
	check("x/t.ldb", cases, sizeof(cases) / sizeof(cases[0]));
}

static void names_may_come_again(void **state)
{
	(void)state;
	assert_int_equal(found("t.ndb", "A:0:*:616263\nA:0:*:626364\nA:0:*:787979", "xabcdx", 6), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ndb_lines),
		cmocka_unit_test(ldb_lines),
		cmocka_unit_test(names_may_come_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
