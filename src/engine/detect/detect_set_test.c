/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Whole files, in and out; anything that was changed, cut or too large is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/detect/detect_set.h"

static char path[256];

static void write_some(char digest[DETECT_DIGEST_SIZE])
{
	struct detect_set_writer *w;
	assert_int_equal(detect_set_create(path, &w, NULL), 0);
	assert_int_equal(detect_set_add(w, DETECT_SET_RULE, STR("a.yml"), STR("title: a"), NULL), 0);
	assert_int_equal(detect_set_add(w, DETECT_SET_INDICATORS, STR("list"), STR("domain\txấu.vn\n"), NULL), 0);
	assert_int_equal(detect_set_add(w, DETECT_SET_EXCLUSIONS, STR_EMPTY, STR(""), NULL), 0);
	assert_int_equal(detect_set_commit(w, digest, NULL), 0);
}

static void test_round(void **state)
{
	char digest[DETECT_DIGEST_SIZE], again[DETECT_DIGEST_SIZE];
	struct detect_set *s;
	(void)state;
	write_some(digest);
	write_some(again);
	assert_string_equal(digest, again);
	assert_int_equal(detect_set_open(path, &s, NULL), 0);
	assert_int_equal(detect_set_count(s), 3);
	assert_string_equal(detect_set_digest(s), digest);
	struct detect_set_entry e = detect_set_entry(s, 1);
	assert_int_equal(e.kind, DETECT_SET_INDICATORS);
	assert_true(str_eq_c(e.name, "list") && str_eq_c(e.body, "domain\txấu.vn\n"));
	assert_int_equal(detect_set_count_of(s, DETECT_SET_RULE), 1);
	detect_set_free(s);
	assert_true(detect_set_peek(path, again));
	assert_string_equal(digest, again);
}

/* Each byte changed, each cut: refused, never taken for something else. */
static void test_damage(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT(1 << 16);
	struct detect_set *s;
	(void)state;
	write_some(NULL);
	assert_int_equal(file_read(path, 1 << 16, &bytes, NULL), 0);
	for (size_t i = 0; i < bytes.n; i++) {
		assert_true(detect_set_parse(str_sub(buf_str(&bytes), 0, i), &s, NULL) < 0);
		bytes.p[i] ^= 0x10;
		assert_true(detect_set_parse(buf_str(&bytes), &s, NULL) < 0);
		bytes.p[i] ^= 0x10;
	}
	assert_int_equal(detect_set_parse(buf_str(&bytes), &s, NULL), 0);
	detect_set_free(s);
	buf_append_char(&bytes, '\0');
	assert_int_equal(detect_set_parse(buf_str(&bytes), &s, NULL), -EBADMSG);
}

static void test_refused(void **state)
{
	struct detect_set_writer *w;
	struct err err = {0};
	(void)state;
	cleanup_buf struct buf large = BUF_INIT(DETECT_SET_RULE_MAX + 10);
	assert_true(buf_reserve(&large, DETECT_SET_RULE_MAX + 1));
	assert_int_equal(detect_set_create(path, &w, NULL), 0);
	assert_int_equal(detect_set_add(w, DETECT_SET_END, STR("x"), STR(""), &err), -EINVAL);
	assert_int_equal(detect_set_add(w, DETECT_SET_RULE, STR("a\0b"), STR(""), &err), -EINVAL);
	assert_int_equal(detect_set_add(w, DETECT_SET_RULE, STR("x"), str_n(large.p, DETECT_SET_RULE_MAX + 1), &err), -E2BIG);
	assert_int_equal(detect_set_add(w, DETECT_SET_EXCLUSIONS, STR("x"), STR(""), &err), 0);
	assert_int_equal(detect_set_add(w, DETECT_SET_EXCLUSIONS, STR("x"), STR(""), &err), -EINVAL);
	detect_set_abandon(w);
	char digest[DETECT_DIGEST_SIZE];
	(void)unlink(path);
	assert_false(detect_set_peek(path, digest));
	struct detect_set *s;
	assert_int_equal(detect_set_open(path, &s, &err), -ENOENT);
}

int main(void)
{
	char dir[] = "/tmp/detect-set-XXXXXX";
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_damage), cmocka_unit_test(test_refused)};
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof path, "%s/x.set", dir);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}
