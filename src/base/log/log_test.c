/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json/json.h"
#include "base/log/log.h"

static FILE *capture;
static int kept_stderr;

/* What was written to standard error since the last call. */
static void take_output(struct buf *out)
{
	char chunk[4096];
	size_t n;
	buf_clear(out);
	(void)fseek(capture, 0, SEEK_SET);
	while ((n = fread(chunk, 1, sizeof chunk, capture)) > 0)
		buf_append(out, str_n(chunk, n));
	(void)fseek(capture, 0, SEEK_SET);
	assert_int_equal(ftruncate(fileno(capture), 0), 0);
	(void)lseek(STDERR_FILENO, 0, SEEK_SET);
}

static int redirect(void **state)
{
	(void)state;
	capture = tmpfile();
	kept_stderr = dup(STDERR_FILENO);
	return capture == NULL || dup2(fileno(capture), STDERR_FILENO) < 0;
}

static int restore(void **state)
{
	(void)state;
	(void)dup2(kept_stderr, STDERR_FILENO);
	(void)close(kept_stderr);
	return fclose(capture);
}

static void json_lines(void **state)
{
	(void)state;
	struct buf out cleanup_buf = BUF_INIT(1 << 20);
	struct arena *arena cleanup(arena) = arena_new(0);
	struct err err = {0};
	const struct json *j;
	(void)err_set(&err, -EINVAL, "json.type", ARG_CSTR("field", "a\nb"));
	(void)err_at(&err, STR("x.yaml:1:2"));
	log_setup("luytre-test", LOG_LEVEL_INFO, true);
	log_err(LOG_LEVEL_WARN, "pack refused", &err, ARG_STR("path", STR("/a\"b\xFF")), ARG_I64("n", -5));
	take_output(&out);
	assert_int_equal(str_find_char(buf_str(&out), '\n'), out.n - 1);
	assert_int_equal(json_parse(arena, buf_str(&out), NULL, &j, NULL), 0);
	assert_true(str_eq_c(json_get_str(j, "message", STR("")), "pack refused"));
	assert_true(str_eq_c(json_get_str(j, "level", STR("")), "warn"));
	assert_true(str_eq_c(json_get_str(j, "program", STR("")), "luytre-test"));
	assert_true(str_eq_c(json_get_str(j, "path", STR("")), "/a\"b\uFFFD"));
	assert_int_equal(json_get_int(j, "n", 0), -5);
	assert_true(str_eq_c(json_get_str(json_get(j, "error"), "key", STR("")), "json.type"));
	assert_true(str_eq_c(json_get_str(json_get(j, "error"), "place", STR("")), "x.yaml:1:2"));
	assert_true(str_eq_c(json_get_str(json_get(j, "error"), "field", STR("")), "a\nb"));
}

static void levels(void **state)
{
	(void)state;
	struct buf out cleanup_buf = BUF_INIT(1 << 20);
	log_setup("luytre-test", LOG_LEVEL_WARN, true);
	log_info("not seen");
	log_debug("not seen either");
	take_output(&out);
	assert_int_equal(out.n, 0);
	log_error("seen");
	take_output(&out);
	assert_true(out.n > 0);
}

static void long_values_stay_json(void **state)
{
	(void)state;
	struct buf out cleanup_buf = BUF_INIT(1 << 20), value cleanup_buf = BUF_INIT(1 << 20);
	struct arena *arena cleanup(arena) = arena_new(0);
	const struct json *j;
	for (int i = 0; i < 100000; i++)
		buf_append_char(&value, '\x01');
	struct str v = buf_str(&value);
	log_setup("luytre-test", LOG_LEVEL_INFO, true);
	log_info("long", ARG_STR("a", v), ARG_STR("b", v), ARG_STR("c", v), ARG_STR("d", v), ARG_STR("e", v), ARG_STR("f", v));
	take_output(&out);
	assert_int_equal(json_parse(arena, str_trim(buf_str(&out)), NULL, &j, NULL), 0);
	assert_non_null(json_get(j, "a"));
	assert_null(json_get(j, "f"));
}

static void repeats_are_swallowed(void **state)
{
	(void)state;
	struct buf out cleanup_buf = BUF_INIT(1 << 20);
	log_setup("luytre-test", LOG_LEVEL_INFO, true);
	for (int i = 0; i < 100; i++)
		log_info("again and again", ARG_I64("i", i));
	log_info("something else");
	take_output(&out);
	size_t lines = 0;
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	assert_int_equal(lines, 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(json_lines, redirect, restore),
		cmocka_unit_test_setup_teardown(levels, redirect, restore),
		cmocka_unit_test_setup_teardown(long_values_stay_json, redirect, restore),
		cmocka_unit_test_setup_teardown(repeats_are_swallowed, redirect, restore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
