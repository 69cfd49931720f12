/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/agent/agent_queue.h"
#include "program/agent/agent_watch.h"

struct seen {
	struct agent_queue *queue;
	char dir[64];
	struct agent_paths watched, excluded;
	struct agent_watch *watch;
};

static void on_file(void *ctx, const char *path)
{
	agent_queue_push(((struct seen *)ctx)->queue, path);
}

static void on_lost(void *ctx, const char *folder)
{
	agent_queue_push_folder(((struct seen *)ctx)->queue, folder);
}

static void path_in(const struct seen *s, const char *name, char out[256])
{
	(void)snprintf(out, 256, "%s/%s", s->dir, name);
}

static void begin(struct seen *s, bool inotify_only)
{
	char skip[256], sub[256];
	*s = (struct seen){.dir = "/tmp/luytre-watch-XXXXXX", .queue = agent_queue_new(1000, 10)};
	assert_non_null(mkdtemp(s->dir));
	path_in(s, "skip", skip);
	path_in(s, "sub", sub);
	assert_int_equal(mkdir(skip, 0755), 0);
	assert_int_equal(mkdir(sub, 0755), 0);
	agent_paths_init(&s->watched, &(struct str){s->dir, strlen(s->dir)}, 1);
	agent_paths_init(&s->excluded, &(struct str){skip, strlen(skip)}, 1);
	struct agent_watch_config config = {&s->watched, &s->excluded, on_file, on_lost, s, inotify_only};
	s->watch = agent_watch_start(&config);
}

static void end(struct seen *s)
{
	agent_watch_stop(s->watch);
	agent_paths_done(&s->watched);
	agent_paths_done(&s->excluded);
	agent_queue_free(s->queue);
}

static void write_file(const struct seen *s, const char *name)
{
	char path[256];
	path_in(s, name, path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs("x", f);
	(void)fclose(f);
}

static void expect(struct seen *s, const char *name)
{
	char path[256];
	path_in(s, name, path);
	char *got = agent_queue_pop(s->queue, 3 * USEC_PER_SEC);
	if (got == NULL || strcmp(got, path) != 0)
		fail_msg("expected %s, got %s", path, got != NULL ? got : "nothing");
	mem_free(got);
}

/* Names of every length, many events in one read. */
static void many_files(struct seen *s)
{
	char name[64] = "sub/";
	for (int i = 0; i < 40; i++) {
		name[4 + i] = 'n';
		name[5 + i] = '\0';
		write_file(s, name);
	}
	for (int i = 0; i < 40; i++) {
		char *got = agent_queue_pop(s->queue, 3 * USEC_PER_SEC);
		assert_non_null(got);
		mem_free(got);
	}
}

static void common_cases(struct seen *s)
{
	many_files(s);
	char from[256], to[256];
	write_file(s, "one");
	expect(s, "one");
	write_file(s, "skip/two");
	write_file(s, "sub/three");
	expect(s, "sub/three");
	(void)snprintf(from, sizeof from, "/tmp/luytre-watch-outside-%d", getpid());
	FILE *f = fopen(from, "w");
	assert_non_null(f);
	(void)fclose(f);
	path_in(s, "moved", to);
	assert_int_equal(rename(from, to), 0);
	if (strcmp(agent_watch_reason(s->watch), "moves_unseen") != 0)
		expect(s, "moved");
	assert_null(agent_queue_pop(s->queue, 200000)); /* neither the excluded one nor the outside one */
}

static void inotify_sees_files(void **state)
{
	(void)state;
	struct seen s;
	begin(&s, true);
	assert_string_equal(agent_watch_mode(s.watch), "inotify");
	common_cases(&s);
	/* A new folder is told for looking through, and then watched. */
	char path[256];
	path_in(&s, "new", path);
	assert_int_equal(mkdir(path, 0755), 0);
	char *folder = agent_queue_pop_folder(s.queue, 3 * USEC_PER_SEC);
	assert_non_null(folder);
	assert_string_equal(folder, path);
	mem_free(folder);
	write_file(&s, "new/file");
	expect(&s, "new/file");
	end(&s);
}

static void fanotify_sees_files(void **state)
{
	(void)state;
	struct seen s;
	begin(&s, false);
	if (strcmp(agent_watch_mode(s.watch), "fanotify") != 0) {
		print_message("fanotify cannot be used here: %s\n", agent_watch_reason(s.watch));
		end(&s);
		skip();
	}
	print_message("fanotify works here, %s\n", agent_watch_reason(s.watch)[0] != '\0' ? agent_watch_reason(s.watch) : "fully");
	common_cases(&s);
	if (agent_watch_reason(s.watch)[0] == '\0') {
		char from[256], to[256];
		(void)snprintf(from, sizeof from, "/tmp/luytre-watch-dir-%d", getpid());
		assert_int_equal(mkdir(from, 0755), 0);
		path_in(&s, "moved-folder", to);
		assert_int_equal(rename(from, to), 0);
		char *folder = agent_queue_pop_folder(s.queue, 3 * USEC_PER_SEC);
		assert_non_null(folder);
		assert_string_equal(folder, to);
		mem_free(folder);
	}
	end(&s);
}

static void without_paths_there_is_no_watch(void **state)
{
	(void)state;
	struct agent_paths none = {0};
	struct agent_watch *w = agent_watch_start(&(struct agent_watch_config){&none, &none, on_file, on_lost, NULL, false});
	assert_string_equal(agent_watch_mode(w), "none");
	assert_string_equal(agent_watch_reason(w), "no_paths");
	agent_watch_stop(w);
	struct str missing = STR("/nonexistent/luytre");
	struct agent_paths p;
	agent_paths_init(&p, &missing, 1);
	w = agent_watch_start(&(struct agent_watch_config){&p, &none, on_file, on_lost, NULL, true});
	assert_string_equal(agent_watch_mode(w), "none");
	agent_watch_stop(w);
	agent_paths_done(&p);
}

/* ---- the queue ---- */

static void paths_wait_once(void **state)
{
	(void)state;
	struct agent_queue *q = agent_queue_new(10, 4);
	agent_queue_push(q, "/a");
	agent_queue_push(q, "/b");
	agent_queue_push(q, "/a");
	assert_int_equal(agent_queue_length(q), 2);
	char *a = agent_queue_pop(q, 0), *b;
	assert_string_equal(a, "/a");
	agent_queue_push(q, "/a"); /* changed again while it is scanned */
	b = agent_queue_pop(q, 0);
	assert_string_equal(b, "/b");
	mem_free(a);
	a = agent_queue_pop(q, 0);
	assert_string_equal(a, "/a");
	assert_null(agent_queue_pop(q, 1000));
	mem_free(a);
	mem_free(b);
	agent_queue_free(q);
}

static void overflow_becomes_folders_then_everything(void **state)
{
	(void)state;
	struct agent_queue *q = agent_queue_new(4, 3);
	char path[64];
	for (int i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof path, "/first/%d", i);
		agent_queue_push(q, path);
	}
	agent_queue_push(q, "/second/x");
	agent_queue_push(q, "/second/y");
	agent_queue_push(q, "/third/x");
	assert_int_equal(agent_queue_overflows(q), 3);
	assert_int_equal(agent_queue_length(q), 4);
	assert_null(agent_queue_pop_folder(q, 1000)); /* the queue comes first */
	mem_free(agent_queue_pop(q, 0));
	mem_free(agent_queue_pop(q, 0));
	char *folder = agent_queue_pop_folder(q, 1000);
	assert_string_equal(folder, "/third");
	mem_free(folder);
	folder = agent_queue_pop_folder(q, 1000);
	assert_string_equal(folder, "/second");
	mem_free(folder);
	assert_null(agent_queue_pop_folder(q, 1000));
	for (int i = 0; i < 6; i++) {
		(void)snprintf(path, sizeof path, "/d%d/x", i);
		agent_queue_push_folder(q, path);
	}
	folder = agent_queue_pop_folder(q, 1000);
	assert_string_equal(folder, ""); /* too many: everything */
	mem_free(folder);
	assert_null(agent_queue_pop_folder(q, 1000));
	agent_queue_push_folder(q, NULL);
	folder = agent_queue_pop_folder(q, 1000);
	assert_string_equal(folder, "");
	mem_free(folder);
	agent_queue_free(q);
}

static void *pop_all(void *arg)
{
	struct agent_queue *q = arg;
	uintptr_t n = 0;
	for (char *p; (p = agent_queue_pop(q, USEC_PER_SEC)) != NULL; n++)
		mem_free(p);
	return (void *)n;
}

static void many_threads_share_the_queue(void **state)
{
	(void)state;
	struct agent_queue *q = agent_queue_new(100000, 4);
	pthread_t threads[3];
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pop_all, q), 0);
	char path[64];
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(path, sizeof path, "/x/%d", i);
		agent_queue_push(q, path);
	}
	uintptr_t total = 0;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *n = NULL;
		(void)pthread_join(threads[i], &n);
		total += (uintptr_t)n;
	}
	assert_int_equal(total, 20000);
	agent_queue_free(q);
}

static void paths_are_compared_by_parts(void **state)
{
	(void)state;
	struct str roots[] = {STR("/home"), STR("/srv/"), STR("/var/www")};
	struct agent_paths p;
	agent_paths_init(&p, roots, ARRAY_LEN(roots));
	assert_non_null(agent_paths_above(&p, STR("/home")));
	assert_non_null(agent_paths_above(&p, STR("/home/lan/a")));
	assert_non_null(agent_paths_above(&p, STR("/srv/x")));
	assert_null(agent_paths_above(&p, STR("/homer/x")));
	assert_null(agent_paths_above(&p, STR("/var")));
	agent_paths_done(&p);
	struct str whole = STR("/");
	agent_paths_init(&p, &whole, 1);
	assert_non_null(agent_paths_above(&p, STR("/anything")));
	agent_paths_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inotify_sees_files),
		cmocka_unit_test(fanotify_sees_files),
		cmocka_unit_test(without_paths_there_is_no_watch),
		cmocka_unit_test(paths_wait_once),
		cmocka_unit_test(overflow_becomes_folders_then_everything),
		cmocka_unit_test(many_threads_share_the_queue),
		cmocka_unit_test(paths_are_compared_by_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
