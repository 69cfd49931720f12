/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/file/file_map.h"

static char dir[64];

static int enter(void **state)
{
	(void)state;
	str_copy_c(STR("/tmp/file_test.XXXXXX"), dir, sizeof dir);
	return mkdtemp(dir) == NULL || chdir(dir) < 0;
}

static int leave(void **state)
{
	(void)state;
	static const char *const made[] = {"a/b/c", "a/b", "a", "file", "Tệp có dấu", "link", "target"};
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
		(void)remove(made[i]);
	return chdir("/") < 0 || rmdir(dir);
}

static size_t entries(const char *path)
{
	size_t n = 0;
	DIR *d = opendir(path);
	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static void writes_and_reads(void **state)
{
	(void)state;
	struct err err = {0};
	struct buf big cleanup_buf = BUF_INIT(1 << 20);
	for (int i = 0; i < 200000; i++)
		buf_append_char(&big, (char)i);
	assert_int_equal(file_write("file", STR("old"), 0600, &err), 0);
	assert_int_equal(file_write("file", buf_str(&big), 0644, &err), 0);
#ifndef _WIN32
	struct stat st;
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
#endif
	struct buf back cleanup_buf = BUF_INIT(1 << 20);
	assert_int_equal(file_read("file", 200000, &back, &err), 0);
	assert_true(str_eq(buf_str(&big), buf_str(&back)));
	assert_int_equal(entries("."), 1); /* no temporary left */
	assert_int_equal(file_write("Tệp có dấu", STR(""), 0600, &err), 0);
	buf_clear(&back);
	assert_int_equal(file_read("Tệp có dấu", 0, &back, &err), 0);
	assert_int_equal(back.n, 0);
	assert_true(file_exists("file"));
	assert_int_equal(file_remove("file", &err), 0);
	assert_int_equal(file_remove("file", &err), 0);
	assert_false(file_exists("file"));
}

static void limits(void **state)
{
	(void)state;
	struct err err = {0};
	struct buf out cleanup_buf = BUF_INIT(100), small cleanup_buf = BUF_INIT(5), exact cleanup_buf = BUF_INIT(6);
	assert_int_equal(file_write("file", STR("abcdef"), 0600, &err), 0);
	assert_int_equal(file_read("file", 5, &out, &err), -E2BIG);
	assert_string_equal(err.key, "file.too_big");
	assert_string_equal(err_arg(&err, "limit"), "5");
	assert_int_equal(file_read("file", 6, &out, &err), 0);
	assert_int_equal(file_read("file", 100, &small, &err), -E2BIG);
	assert_int_equal(file_read("file", SIZE_MAX, &exact, &err), 0);
	assert_string_equal(exact.p, "abcdef");
#ifndef _WIN32
	/* Files without a size: read until the limit. */
	struct buf zero cleanup_buf = BUF_INIT(1 << 20);
	assert_int_equal(file_read("/dev/zero", 100000, &zero, &err), -E2BIG);
	buf_clear(&zero);
	assert_int_equal(file_read("/proc/self/status", 100000, &zero, &err), 0);
	assert_true(zero.n > 100);
#endif
}

static void failures(void **state)
{
	(void)state;
	struct err err = {0};
	struct buf out cleanup_buf = BUF_INIT(100);
	assert_int_equal(file_read("missing", 10, &out, &err), -ENOENT);
	assert_string_equal(err_arg(&err, "object"), "missing");
#ifdef _WIN32
	assert_int_equal(file_read(".", 10, &out, &err), -EACCES);
#else
	assert_int_equal(file_read(".", 10, &out, &err), -EISDIR);
#endif
	assert_int_equal(file_write("missing/file", STR("x"), 0600, &err), -ENOENT);
	assert_int_equal(file_make_dirs("a", 0700, &err), 0);
	assert_true(file_write("a", STR("x"), 0600, &err) < 0); /* a folder is not replaced */
	assert_int_equal(entries("."), 1);
	assert_int_equal(entries("a"), 0);
#ifndef _WIN32
	/* A link is replaced, not followed. */
	assert_int_equal(file_write("target", STR("t"), 0600, &err), 0);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(file_write("link", STR("new"), 0600, &err), 0);
	assert_int_equal(file_read("target", 10, &out, &err), 0);
	assert_string_equal(out.p, "t");
#endif
}

static void folders(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(file_make_dirs("a//b/c/", 0700, &err), 0);
	assert_int_equal(file_make_dirs("a/b/c", 0700, &err), 0);
	assert_int_equal(file_make_dirs("/", 0700, &err), 0);
	assert_true(file_exists("a/b/c"));
	assert_int_equal(file_write("file", STR("x"), 0600, &err), 0);
	assert_int_equal(file_make_dirs("file/x", 0700, &err), -ENOTDIR);
	assert_int_equal(file_sync_dir("a", &err), 0);
#ifndef _WIN32
	assert_int_equal(file_sync_dir("nothing", &err), -ENOENT);
#endif
}

static void joins(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a//", "/b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}, {"a", "b/c", "a/b/c"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out cleanup_buf = BUF_INIT(100);
		file_join(&out, str_c(cases[i][0]), str_c(cases[i][1]));
		assert_string_equal(out.p, cases[i][2]);
	}
}

static void maps(void **state)
{
	(void)state;
	struct file_map map = {.handle = NULL};
	struct err err = {0};
	char path[128];
	(void)snprintf(path, sizeof path, "%s/mapped", dir);
	assert_int_equal(file_write(path, STR_EMPTY, 0600, NULL), 0);
	assert_int_equal(file_map(path, 100, &map, NULL), 0);
	assert_true(map.bytes.p != NULL && map.bytes.n == 0);
	assert_int_equal(file_write(path, STR("seven b"), 0600, NULL), 0);
	assert_int_equal(file_map(path, 7, &map, NULL), 0);
	assert_true(str_eq(map.bytes, STR("seven b")));
	file_unmap(&map);
	file_unmap(&map);
	assert_int_equal(file_map(path, 6, &map, &err), -E2BIG);
	assert_int_equal(file_remove(path, NULL), 0);
	assert_int_equal(file_map(path, 6, &map, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_and_reads, enter, leave),
		cmocka_unit_test_setup_teardown(limits, enter, leave),
		cmocka_unit_test_setup_teardown(failures, enter, leave),
		cmocka_unit_test_setup_teardown(folders, enter, leave),
		cmocka_unit_test(joins),
		cmocka_unit_test_setup_teardown(maps, enter, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
