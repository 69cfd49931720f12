/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/container/container_fuzz_support.h"

static const unsigned char key[32] = "a key of thirty-two bytes, right";

static int make(int fd, bool finished)
{
	cleanup(container_writer) struct container_writer *w = NULL;
	int r = container_writer_new(fd, &w, NULL);
	if (r == 0)
		r = container_bytes(w, "core/one.txt", STR("một"), 0600, NULL);
	if (r == 0)
		r = container_bytes(w, "core/empty", STR_EMPTY, 0640, NULL);
	if (r == 0)
		r = container_begin(w, "core/two", 8, 0600, NULL);
	if (r == 0)
		r = container_data(w, STR("fo"), NULL);
	if (r == 0)
		r = container_data(w, STR("ur-byt"), NULL);
	if (r == 0)
		r = container_end(w, NULL);
	return r == 0 && finished ? container_finish(w, STR("{\"made\":\"now\"}"), key, NULL) : r;
}

static void slurp(int fd, struct buf *out)
{
	char chunk[4096];
	ssize_t n;
	off_t at = 0;
	while ((n = pread(fd, chunk, sizeof chunk, at)) > 0) {
		buf_append(out, str_n(chunk, (size_t)n));
		at += n;
	}
}

static int read_all(struct str bytes, const struct container_sink *sink, struct arena *arena, struct container_manifest *m,
                    struct err *err)
{
	struct str left = bytes;
	const struct container_source source = {.ctx = &left, .read = fuzz_read};
	return container_read(&source, sink, arena, m, err);
}

struct seen {
	char names[200], bytes[200];
};

static int see_begin(void *ctx, const struct container_part *part, struct err *err)
{
	struct seen *s = ctx;
	(void)err;
	size_t n = strlen(s->names);
	(void)snprintf(s->names + n, sizeof s->names - n, "%.*s:%u:%llu ", STR_FMT(part->name), part->mode,
	               (unsigned long long)part->size);
	return 0;
}

static int see_data(void *ctx, struct str bytes, struct err *err)
{
	struct seen *s = ctx;
	(void)err;
	size_t n = strlen(s->bytes);
	(void)snprintf(s->bytes + n, sizeof s->bytes - n, "%.*s", STR_FMT(bytes));
	return 0;
}

static void there_and_back(void **state)
{
	(void)state;
	int fd = memfd_create("container", MFD_CLOEXEC);
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct container_manifest m;
	struct seen seen = {0};
	const struct container_sink sink = {.ctx = &seen, .begin = see_begin, .data = see_data};
	assert_int_equal(make(fd, true), 0);
	slurp(fd, &bytes);
	assert_int_equal(read_all(buf_str(&bytes), &sink, arena, &m, NULL), 0);
	assert_string_equal(seen.names, "core/one.txt:384:5 core/empty:416:0 core/two:384:8 ");
	assert_string_equal(seen.bytes, "mộtfour-byt");
	assert_int_equal(m.parts, 3);
	assert_int_equal(m.bytes, 13);
	assert_true(str_eq_c(json_get_str(m.about, "made", STR_EMPTY), "now"));
	assert_true(container_mac_is_good(&m, key));
	unsigned char other[32];
	memcpy(other, key, 32);
	other[31] ^= 1;
	assert_false(container_mac_is_good(&m, other));
	(void)close(fd);
}

/* Every truncation is refused; a changed byte is refused (by the sums or the MAC) or changes nothing that anybody reads. */
static void damage(void **state)
{
	(void)state;
	int fd = memfd_create("container", MFD_CLOEXEC);
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	assert_int_equal(make(fd, true), 0);
	slurp(fd, &bytes);
	unsigned refused = 0;
	for (size_t i = 0; i < bytes.n; i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct container_manifest m;
		struct seen seen = {0};
		struct err err = {0};
		const struct container_sink sink = {.ctx = &seen, .begin = see_begin, .data = see_data};
		if (i < bytes.n - 16) /* the tar's own padding may be missing, compressed to a few bytes */
			assert_true(read_all(str_sub(buf_str(&bytes), 0, i), NULL, arena, &m, NULL) < 0);
		bytes.p[i] ^= 0x55;
		int r = read_all(buf_str(&bytes), &sink, arena, &m, &err);
		bytes.p[i] ^= 0x55;
		if (r < 0) {
			assert_true(err.key[0] != '\0');
			refused++;
		} else if (!container_mac_is_good(&m, key)) {
			refused++; /* the manifest's own words */
		} else {
			assert_string_equal(seen.bytes, "mộtfour-byt");
		}
	}
	assert_true(refused > bytes.n / 2);
	(void)close(fd);
}

static void half(void **state)
{
	(void)state;
	int fd = memfd_create("container", MFD_CLOEXEC);
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct container_manifest m;
	struct err err = {0};
	assert_int_equal(make(fd, false), 0);
	slurp(fd, &bytes);
	assert_int_equal(read_all(buf_str(&bytes), NULL, arena, &m, &err), -EBADMSG);
	assert_int_equal(read_all(STR("something else"), NULL, arena, &m, &err), -EBADMSG);
	assert_string_equal(err.key, "container.not_ours");
	assert_int_equal(read_all(STR_EMPTY, NULL, arena, &m, &err), -EBADMSG);
	assert_string_equal(err.key, "container.not_ours");
	(void)close(fd);
}

static void names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} rows[] = {
		{"a", true},        {"a/b.c-d_e%20@+=,~", true}, {"", false},     {"/a", false},   {"a/", false},  {"a//b", false},
		{"../a", false},    {"a/../b", false},           {"a/./b", false}, {"a b", false}, {"a\nb", false}, {"a\\b", false},
		{"...", true},      {"ấ", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(container_name_is_good(str_c(rows[i].name)), rows[i].good);
}

static void shrunk(void **state)
{
	(void)state;
	int fd = memfd_create("container", MFD_CLOEXEC), file = memfd_create("file", MFD_CLOEXEC);
	cleanup(container_writer) struct container_writer *w = NULL;
	struct err err = {0};
	assert_int_equal(write(file, "12345", 5), 5);
	assert_int_equal(container_writer_new(fd, &w, NULL), 0);
	assert_int_equal(container_file(w, "good", file, 3, 0600, &err), 0);
	assert_int_equal(container_file(w, "short", file, 6, 0600, &err), -EIO);
	assert_string_equal(err.key, "container.shrunk");
	(void)close(file);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(damage), cmocka_unit_test(half),
		cmocka_unit_test(names),          cmocka_unit_test(shrunk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
