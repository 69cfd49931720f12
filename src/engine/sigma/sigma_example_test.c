/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The example in sigma.h: the same lines, compiled and run. */
#define main example_main
int example_main(int argc, char **argv);
/* BEGIN */
#include <stdio.h>
#include "engine/sigma/sigma.h"

int main(int argc, char **argv)
{
	struct err err = {0};
	char line[1024];
	struct sigma_loader *loader = sigma_loader_new(NULL);
	struct sigma_ruleset *rules = NULL;
	struct sigma_matcher *matcher = NULL;
	int r = sigma_loader_add_path(loader, argc > 1 ? argv[1] : "rules", &err);
	if (r == 0)
		r = sigma_loader_compile(loader, &rules, &err);
	for (size_t i = 0; i < sigma_loader_refused_count(loader); i++)
		fprintf(stderr, "refused: %s\n", err_line(&sigma_loader_refused(loader, i)->err, line, sizeof line));
	if (r == 0)
		matcher = sigma_matcher_new(rules, NULL);
	static char event[1 << 20];
	while (r == 0 && fgets(event, sizeof event, stdin) != NULL) {
		const struct sigma_match *matches;
		int n = sigma_matcher_run(matcher, str_trim(str_c(event)), &matches, &err);
		for (int i = 0; i < n; i++) {
			const struct sigma_info info = sigma_ruleset_rule(rules, matches[i].rule);
			printf("%.*s: %.*s\n", STR_FMT(info.level), STR_FMT(info.title));
		}
	}
	if (r < 0)
		fprintf(stderr, "%s\n", err_line(&err, line, sizeof line));
	sigma_matcher_free(matcher);
	sigma_ruleset_unref(rules);
	sigma_loader_free(loader);
	return r < 0 ? 2 : 0;
}
/* END */
#undef main
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file/file.h"

static void read_source(const char *name, struct buf *out)
{
	const char *source = getenv("LUYTRE_SOURCE");
	struct buf path cleanup_buf = BUF_INIT(4096);
	buf_printf(&path, "%s/src/engine/sigma/%s", source != NULL ? source : ".", name);
	assert_int_equal(file_read(path.p, 1 << 20, out, NULL), 0);
}

/* Words only: the comment is indented by blanks, the file by tabs. */
static void put_words(struct str text, bool comment, struct buf *out, unsigned *lines)
{
	struct str line, word;
	while (str_split(&text, '\n', &line)) {
		line = comment && line.n >= 2 ? str_sub(line, 2, line.n) : line;
		*lines += 1;
		line = str_trim(line);
		while (str_split(&line, ' ', &word))
			buf_printf(out, "%.*s ", STR_FMT(word));
	}
}

static struct str between(struct str text, struct str from, struct str to)
{
	size_t begin = str_find(text, from);
	assert_true(begin != SIZE_MAX);
	struct str rest = str_sub(text, begin + from.n, text.n);
	size_t end = str_find(rest, to);
	assert_true(end != SIZE_MAX);
	return str_sub(rest, 0, end);
}

static void same_as_the_header(void **state)
{
	(void)state;
	struct buf header cleanup_buf = BUF_INIT(1 << 20);
	struct buf file cleanup_buf = BUF_INIT(1 << 20);
	struct buf a cleanup_buf = BUF_INIT(1 << 20);
	struct buf b cleanup_buf = BUF_INIT(1 << 20);
	unsigned lines = 0, unused = 0;
	read_source("sigma.h", &header);
	read_source("sigma_example_test.c", &file);
	put_words(between(buf_str(&header), STR("compiled in the tests):\n *\n"), STR(" */")), true, &a, &lines);
	put_words(between(buf_str(&file), STR("/* BEGIN */\n"), STR("/* END */")), false, &b, &unused);
	a.p[str_trim(buf_str(&a)).n] = '\0';
	b.p[str_trim(buf_str(&b)).n] = '\0';
	assert_string_equal(a.p, b.p);
	assert_true(lines <= 41);
}

static void runs(void **state)
{
	(void)state;
	char rule[] = "/tmp/luytre-sigma-rule.XXXXXX", event[] = "/tmp/luytre-sigma-event.XXXXXX", out[] = "/tmp/luytre-sigma-out.XXXXXX";
	char *const paths[] = {rule, event, out};
	static const char *const texts[] = {"title: Found it\nlevel: high\nlogsource: {category: c}\ndetection: {s: {A|contains: x}, condition: s}\n",
	                                    "{\"A\":\"axb\"}\n{\"A\":\"b\"}\n", ""};
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int fd = mkstemp(paths[i]);
		assert_true(fd >= 0);
		(void)close(fd);
		assert_int_equal(file_write(paths[i], str_c(texts[i]), 0600, NULL), 0);
	}
	char name[] = "example";
	char *argv[] = {name, rule, NULL};
	struct buf got cleanup_buf = BUF_INIT(1000);
	(void)fflush(stdout);
	int kept = dup(STDOUT_FILENO);
	assert_non_null(freopen(event, "r", stdin));
	assert_non_null(freopen(out, "w", stdout));
	int r = example_main(2, argv);
	(void)fflush(stdout);
	(void)dup2(kept, STDOUT_FILENO);
	(void)close(kept);
	assert_int_equal(r, 0);
	assert_int_equal(file_read(out, 1000, &got, NULL), 0);
	assert_string_equal(got.p, "high: Found it\n");
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		(void)unlink(paths[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_the_header), cmocka_unit_test(runs)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
