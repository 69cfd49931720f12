/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifndef _WIN32
#include <signal.h>
#include <sys/wait.h>
#endif

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/distribution/distribution_internal.h"

static struct {
	char dir[64], chunks[96], part[96];
	struct buf old, new;
} t;

/* Text that does not repeat itself. */
static void fill(struct buf *out, size_t n, uint64_t seed)
{
	while (out->n < n) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		buf_printf(out, "rule r%llx { condition: %llu }\n", (unsigned long long)(seed >> 20), (unsigned long long)(seed >> 33));
	}
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(t.dir, sizeof(t.dir), "/tmp/distribution_test.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	(void)snprintf(t.chunks, sizeof(t.chunks), "%s/chunks", t.dir);
	(void)snprintf(t.part, sizeof(t.part), "%s/incoming.part", t.dir);
	t.old = BUF_INIT((size_t)8 << 20);
	t.new = BUF_INIT((size_t)8 << 20);
	fill(&t.old, 3000000, 1);
	/* The new version: some bytes within, some more at the end. */
	buf_append(&t.new, str_sub(buf_str(&t.old), 0, 1000000));
	buf_append_c(&t.new, "rule one_more { condition: true }\n");
	buf_append(&t.new, str_sub(buf_str(&t.old), 1000000, t.old.n));
	fill(&t.new, t.new.n + 5000, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&t.old);
	buf_done(&t.new);
#ifndef _WIN32
	pid_t pid = fork();
	if (pid == 0) {
		(void)execl("/bin/rm", "rm", "-rf", t.dir, (char *)NULL);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
#endif
	return 0;
}

static bool has(const struct distribution_cut *cut, const unsigned char *name)
{
	for (size_t i = 0; i < cut->count; i++)
		if (memcmp(cut->chunks[i].name, name, SHA256_SIZE) == 0)
			return true;
	return false;
}

static void test_cut(void **state)
{
	(void)state;
	struct distribution_cut a, b;
	assert_int_equal(distribution_cut(buf_str(&t.old), &a, NULL), 0);
	assert_int_equal(distribution_cut(buf_str(&t.new), &b, NULL), 0);
	uint64_t at = 0;
	size_t strange = 0;
	for (size_t i = 0; i < a.count; i++) {
		assert_int_equal(a.chunks[i].at, at);
		at += a.chunks[i].size_bytes;
		assert_true(a.chunks[i].size_bytes <= DISTRIBUTION_CHUNK_MOST && (i + 1 == a.count || a.chunks[i].size_bytes > 4096));
	}
	assert_int_equal(at, t.old.n);
	assert_in_range(a.count, t.old.n / 32768, t.old.n / 8192);
	for (size_t i = 0; i < b.count; i++)
		strange += !has(&a, b.chunks[i].name);
	assert_in_range(strange, 1, 5); /* one in the middle, and the end */
	/* The format's promise: these very cuts, on every machine and in every version. */
	char hex[SHA256_HEX_SIZE];
	assert_string_equal(sha256_hex(a.pages[0].name, hex), "124cb0c2c40471f1e7b0ee7eb5a8fb6ce3a8a691017398d5bf3e792b116db809");
	struct distribution_cut none;
	assert_int_equal(distribution_cut(STR_EMPTY, &none, NULL), 0);
	assert_int_equal(none.count + none.page_count, 0);
	distribution_cut_done(&a);
	distribution_cut_done(&b);
}

static const char *unpacked(struct str packed, const struct distribution_chunk *chunk)
{
	static struct err err;
	cleanup_buf struct buf out = BUF_INIT(DISTRIBUTION_CHUNK_MOST);
	err_clear(&err);
	return distribution_unpack(packed, chunk, &out, &err) < 0 ? err.key : "good";
}

static void test_unpack(void **state)
{
	(void)state;
	struct str bytes = str_sub(buf_str(&t.old), 0, 5000);
	cleanup_buf struct buf packed = BUF_INIT(DISTRIBUTION_PACKED_MOST), bomb = BUF_INIT((size_t)1 << 20), big = BUF_INIT((size_t)2 << 20);
	struct distribution_chunk c = {.size_bytes = 5000};
	sha256(bytes, c.name);
	distribution_pack(bytes, &packed);
	assert_string_equal(unpacked(buf_str(&packed), &c), "good");
	assert_string_equal(unpacked(str_sub(buf_str(&packed), 0, packed.n - 1), &c), "distribution.chunk_truncated");
	assert_string_equal(unpacked(STR_EMPTY, &c), "distribution.chunk_truncated");
	buf_append_char(&packed, 'x');
	assert_string_equal(unpacked(buf_str(&packed), &c), "distribution.chunk_truncated");
	packed.n--;
	c.size_bytes = 4999;
	assert_string_equal(unpacked(buf_str(&packed), &c), "distribution.chunk_endless");
	c.size_bytes = 5001;
	assert_string_equal(unpacked(buf_str(&packed), &c), "distribution.chunk_truncated");
	c.size_bytes = 5000;
	c.name[0] ^= 1;
	assert_string_equal(unpacked(buf_str(&packed), &c), "distribution.chunk_differs");
	/* Zeros without end cost no more than the chunk's size. */
	(void)buf_reserve(&big, (size_t)1 << 20);
	memset(big.p, 0, (size_t)1 << 20);
	distribution_pack(str_n(big.p, (size_t)1 << 20), &bomb);
	assert_string_equal(unpacked(buf_str(&bomb), &c), "distribution.chunk_endless");
	c.size_bytes = (uint32_t)DISTRIBUTION_CHUNK_MOST + 1;
	assert_string_equal(unpacked(buf_str(&bomb), &c), "distribution.chunk_endless");
}

static void test_page(void **state)
{
	(void)state;
	char page[72] = {0};
	struct distribution_chunk chunks[2];
	size_t n;
	page[32] = 1;
	page[36 + 33] = 1;
	assert_int_equal(distribution_read_page(str_n(page, 72), 10, chunks, 2, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(chunks[1].at, 11);
	assert_int_equal(chunks[1].size_bytes, 256);
	assert_int_equal(distribution_read_page(str_n(page, 71), 0, chunks, 2, &n, NULL), -EBADMSG);
	assert_int_equal(distribution_read_page(str_n(page, 0), 0, chunks, 2, &n, NULL), -EBADMSG);
	assert_int_equal(distribution_read_page(str_n(page, 72), 0, chunks, 1, &n, NULL), -EBADMSG);
	page[32] = 0; /* nothing long */
	assert_int_equal(distribution_read_page(str_n(page, 72), 0, chunks, 2, &n, NULL), -EBADMSG);
	page[34] = 2; /* longer than any */
	assert_int_equal(distribution_read_page(str_n(page, 72), 0, chunks, 2, &n, NULL), -EBADMSG);
}

/* ---- assembling ---- */

struct source {
	unsigned asked, spoil_from, spoil_to; /* which answers are spoilt */
	int refuse;
	long kill_at; /* the step that is the last; 0: none */
};

static int from_folder(void *ctx, const unsigned char name[SHA256_SIZE], unsigned attempt, struct buf *out, struct err *err)
{
	struct source *s = ctx;
	char hex[SHA256_HEX_SIZE];
	cleanup_buf struct buf path = BUF_INIT(4096);
	(void)attempt;
	s->asked++;
	if (s->refuse != 0)
		return err_set(err, s->refuse, "test.refused");
	assert_true(distribution_path(t.chunks, str_c(sha256_hex(name, hex)), &path));
	int r = file_read(path.p, DISTRIBUTION_PACKED_MOST, out, err);
	if (r >= 0 && s->asked >= s->spoil_from && s->asked < s->spoil_to)
		out->p[out->n / 2] ^= 1;
	return r;
}

static void count_down(void *ctx, const char *what)
{
	struct source *s = ctx;
	(void)what;
#ifndef _WIN32
	if (s->kill_at == 1)
		(void)raise(SIGKILL);
	s->kill_at -= s->kill_at > 0;
#else
	(void)s;
#endif
}

static int assemble(const struct distribution_cut *cut, const struct distribution_stock *stock, struct source *s, uint64_t size,
                    struct distribution_sum *sum, struct err *err)
{
	const struct distribution_order order = {
		.pages = cut->pages, .page_count = cut->page_count, .size_bytes = size, .head = STR("HEAD\n"), .stock = stock,
		.fetch = from_folder, .ctx = s, .step = count_down, .step_ctx = s};
	return distribution_assemble(&order, t.part, sum, err);
}

static void assert_whole(void)
{
	cleanup_buf struct buf got = BUF_INIT((size_t)8 << 20);
	assert_int_equal(file_read(t.part, (size_t)8 << 20, &got, NULL), 0);
	assert_true(str_starts_with(buf_str(&got), STR("HEAD\n")));
	assert_true(str_eq(str_sub(buf_str(&got), 5, got.n), buf_str(&t.new)));
}

static void test_assemble(void **state)
{
	(void)state;
	struct distribution_cut cut, old;
	struct distribution_stock *stock;
	struct distribution_sum sum;
	struct source s = {0};
	assert_int_equal(distribution_publish(t.chunks, buf_str(&t.old), &old, NULL), 0);
	assert_int_equal(distribution_publish(t.chunks, buf_str(&t.new), &cut, NULL), 0);
	assert_int_equal(distribution_stock_new(buf_str(&t.old), &stock, NULL), 0);
	assert_int_equal(assemble(&cut, NULL, &s, t.new.n, &sum, NULL), 0);
	assert_whole();
	assert_int_equal(sum.fetched, cut.count + cut.page_count);
	uint64_t all = sum.fetched_bytes;
	/* Again: the pages only. */
	assert_int_equal(assemble(&cut, NULL, &s, t.new.n, &sum, NULL), 0);
	assert_int_equal(sum.fetched, cut.page_count);
	assert_int_equal(sum.resumed, cut.count);
	/* With the old version at hand: what changed. */
	assert_int_equal(unlink(t.part), 0);
	assert_int_equal(assemble(&cut, stock, &s, t.new.n, &sum, NULL), 0);
	assert_whole();
	assert_in_range(sum.fetched, 2, 12);
	assert_true(sum.fetched_bytes * 8 < all);
	/* Spoilt once: asked for again. Always: refused, and nothing of it is in the file. */
	assert_int_equal(unlink(t.part), 0);
	s = (struct source){.spoil_from = 1, .spoil_to = 2};
	assert_int_equal(assemble(&cut, stock, &s, t.new.n, &sum, NULL), 0);
	assert_whole();
	assert_int_equal(unlink(t.part), 0);
	struct err err = {0};
	s = (struct source){.spoil_from = 2, .spoil_to = 1000};
	assert_int_equal(assemble(&cut, stock, &s, t.new.n, &sum, &err), -EBADMSG);
	assert_true(strcmp(err.key, "distribution.chunk_differs") == 0 || strcmp(err.key, "distribution.chunk_truncated") == 0);
	s = (struct source){.refuse = -EAGAIN};
	assert_int_equal(assemble(&cut, NULL, &s, t.new.n, &sum, &err), -EAGAIN);
	assert_string_equal(err.key, "test.refused");
	/* More or less than the manifest says. */
	s = (struct source){0};
	assert_int_equal(assemble(&cut, NULL, &s, t.new.n - 1, &sum, &err), -EBADMSG);
	assert_string_equal(err.key, "distribution.endless");
	assert_int_equal(assemble(&cut, NULL, &s, t.new.n + 1, &sum, &err), -EBADMSG);
	assert_string_equal(err.key, "distribution.short");
	distribution_stock_free(stock);
	distribution_cut_done(&cut);
	distribution_cut_done(&old);
}

#ifndef _WIN32
/* Killed before every step; each next life goes on from what is there. */
static void test_killed(void **state)
{
	(void)state;
	struct distribution_cut cut;
	struct distribution_sum sum;
	unsigned lives = 0;
	assert_int_equal(distribution_publish(t.chunks, buf_str(&t.new), &cut, NULL), 0);
	(void)unlink(t.part);
	for (bool done = false; !done; lives++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct source s = {.kill_at = 4 + (long)(lives % 23)};
			_exit(assemble(&cut, NULL, &s, t.new.n, &sum, NULL) == 0 ? 0 : 1);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
		done = WIFEXITED(status);
		assert_true(lives < 3000);
	}
	assert_true(lives > 3);
	assert_whole();
	distribution_cut_done(&cut);
}
#endif

static void test_path(void **state)
{
	(void)state;
	cleanup_buf struct buf out = BUF_INIT(4096);
	char hex[65];
	memset(hex, 'a', 64);
	hex[64] = '\0';
	assert_true(distribution_path("d", str_c(hex), &out));
	assert_int_equal(out.n, 5 + 64);
	hex[3] = '/';
	assert_false(distribution_path("d", str_c(hex), &out));
	hex[3] = 'A';
	assert_false(distribution_path("d", str_c(hex), &out));
	assert_false(distribution_path("d", str_sub(str_c(hex), 0, 63), &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),      cmocka_unit_test(test_unpack), cmocka_unit_test(test_page),
		cmocka_unit_test(test_assemble), cmocka_unit_test(test_path),
#ifndef _WIN32
		cmocka_unit_test(test_killed),
#endif
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
