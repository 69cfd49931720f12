/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/sandbox/sandbox_test_support.h"

#include <linux/capability.h>
#include <pthread.h>

struct box {
	const char *who;
	unsigned calls;
	enum sandbox_use use;
	bool no_paths, connects;
	enum crossing_wall holds[CROSS__COUNT];
};

#define FOREIGN                                                                                                         \
	[CROSS_READ_FOREIGN] = CROSSING_FILES, [CROSS_WRITE_FOREIGN] = CROSSING_FILES, [CROSS_MAKE_FOREIGN] = CROSSING_FILES, \
	[CROSS_REMOVE_FOREIGN] = CROSSING_FILES, [CROSS_CUT_FOREIGN] = CROSSING_FILES, [CROSS_LIST_FOREIGN] = CROSSING_FILES, \
	[CROSS_PASSWD] = CROSSING_FILES
#define ALWAYS                                                                                                          \
	[CROSS_EXEC] = CROSSING_ALL, [CROSS_FORK] = CROSSING_CALLS, [CROSS_TRACE] = CROSSING_ALL, [CROSS_READ_MEMORY] = CROSSING_ALL, \
	[CROSS_SIGNAL] = CROSSING_ALL, [CROSS_MOUNT] = CROSSING_ALL, [CROSS_BECOME_ROOT] = CROSSING_CALLS, [CROSS_LISTEN] = CROSSING_ALL
#define NO_NETWORK [CROSS_TCP] = CROSSING_ALL, [CROSS_UDP] = CROSSING_CALLS

static const struct box boxes[] = {
    {.who = "a role with files",
     .calls = SANDBOX_THREADS | SANDBOX_READ | SANDBOX_WRITE | SANDBOX_UNIX,
     .use = SANDBOX_USE_OWN,
     .holds = {FOREIGN, ALWAYS, NO_NETWORK}},
    {.who = "a role that connects",
     .calls = SANDBOX_THREADS | SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_NETWORK,
     .use = SANDBOX_USE_OWN,
     .connects = true,
     .holds = {FOREIGN, ALWAYS, [CROSS_UNIX] = CROSSING_CALLS}},
    {.who = "a reader",
     .calls = SANDBOX_READ,
     .use = SANDBOX_USE_READ,
     .holds = {ALWAYS, NO_NETWORK, [CROSS_READ_FOREIGN] = CROSSING_FILES, [CROSS_LIST_FOREIGN] = CROSSING_FILES,
	       [CROSS_PASSWD] = CROSSING_FILES, [CROSS_WRITE_FOREIGN] = CROSSING_ALL, [CROSS_MAKE_FOREIGN] = CROSSING_ALL,
	       [CROSS_REMOVE_FOREIGN] = CROSSING_ALL, [CROSS_CUT_FOREIGN] = CROSSING_ALL, [CROSS_WRITE_OWN] = CROSSING_ALL,
	       [CROSS_UNIX] = CROSSING_CALLS}},
    {.who = "one without files",
     .calls = SANDBOX_THREADS | SANDBOX_NO_FILES,
     .no_paths = true,
     .holds = {ALWAYS, NO_NETWORK, [CROSS_READ_FOREIGN] = CROSSING_ALL, [CROSS_WRITE_FOREIGN] = CROSSING_ALL,
	       [CROSS_MAKE_FOREIGN] = CROSSING_ALL, [CROSS_REMOVE_FOREIGN] = CROSSING_ALL, [CROSS_CUT_FOREIGN] = CROSSING_ALL,
	       [CROSS_LIST_FOREIGN] = CROSSING_ALL, [CROSS_PASSWD] = CROSSING_ALL, [CROSS_READ_OWN] = CROSSING_ALL,
	       [CROSS_WRITE_OWN] = CROSSING_ALL, [CROSS_UNIX] = CROSSING_CALLS}},
    {.who = "one whom the unlisted kills",
     .calls = SANDBOX_UNLISTED_KILLS | SANDBOX_READ | SANDBOX_WRITE,
     .use = SANDBOX_USE_OWN,
     .holds = {FOREIGN, ALWAYS, NO_NETWORK, [CROSS_UNIX] = CROSSING_CALLS}},
};

static int enter(const struct crossing_place *place, enum crossing_wall walls, const void *ctx)
{
	const struct box *box = ctx;
	const struct sandbox_path path = {place->own, box->use};
	const struct sandbox_files files = {.paths = &path, .path_count = box->no_paths ? 0 : 1, .connects = box->connects};
	int r = (walls & CROSSING_FILES) != 0 ? sandbox_files_enter(&files, NULL) : 0;
	return r == 0 && (walls & CROSSING_CALLS) != 0 ? sandbox_calls_enter(box->calls, NULL) : r;
}

static void ways_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(boxes); i++)
		crossing_check(boxes[i].who, "own", "foreign", boxes[i].holds, enter, &boxes[i]);
}

static void *open_late(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void *wait_and_open(void *arg)
{
	char byte;
	return read(*(int *)arg, &byte, 1) == 1 ? open_late(NULL) : NULL;
}

/* The filter reaches threads that are already there, and those to come; these can still be made. */
static void threads_too(void **state)
{
	int status, ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t early, late;
		void *got_early = NULL, *got_late = NULL;
		bool ok = pthread_create(&early, NULL, wait_and_open, &ends[0]) == 0 &&
			  sandbox_calls_enter(SANDBOX_THREADS | SANDBOX_NO_FILES, NULL) == 0 && write(ends[1], "x", 1) == 1 &&
			  pthread_create(&late, NULL, open_late, NULL) == 0 && pthread_join(early, &got_early) == 0 &&
			  pthread_join(late, &got_late) == 0;
		_exit(ok && (intptr_t)got_early == -1 && (intptr_t)got_late == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)status; /* opening is held open for it */
#else
	assert_int_equal(status, 0);
#endif
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* A program that starts others keeps that, and nothing of the dangerous. */
static int deny(const struct crossing_place *place, enum crossing_wall walls, const void *ctx)
{
	(void)place;
	(void)ctx;
	return (walls & CROSSING_CALLS) != 0 ? sandbox_deny_enter(NULL) : 0;
}

static void what_starters_keep(void **state)
{
	(void)state;
	static const enum crossing_wall holds[CROSS__COUNT] = {
	    [CROSS_TRACE] = CROSSING_CALLS, [CROSS_READ_MEMORY] = CROSSING_CALLS, [CROSS_MOUNT] = CROSSING_CALLS};
	crossing_check("a program that starts others", "own", "foreign", holds, deny, NULL);
}

static void capabilities_go(void **state)
{
	int status;
	(void)state;
	if (getuid() != 0) {
		print_message("skipped: only root has capabilities to give up\n");
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		bool before = unshare(CLONE_NEWNS) == 0;
		bool kept = sandbox_privileges_keep(SANDBOX_CAPABILITY(CAP_KILL), NULL) == 0;
		bool after = unshare(CLONE_NEWNS) == 0;
		_exit(before && kept && !after && prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0) == 1 &&
				      prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void an_own_folder_must_be_there(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		const struct sandbox_path own = {"/nowhere/at/all", SANDBOX_USE_OWN}, other = {"/nowhere/at/all", SANDBOX_USE_READ};
		struct err err = {0};
		int r = sandbox_files_enter(&(struct sandbox_files){.paths = &other, .path_count = 1}, &err);
		int s = sandbox_files_enter(&(struct sandbox_files){.paths = &own, .path_count = 1}, &err);
		_exit(r == 0 && (s < 0 || sandbox_kernel().landlock == 0) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void what_is_lacking_is_told(void **state)
{
	static const struct {
		struct sandbox_kernel kernel;
		const char *want;
	} rows[] = {
	    {{true, 7}, ""},
	    {{true, 6}, ""},
	    {{true, 5}, "landlock: signals"},
	    {{true, 3}, "landlock: network, signals"},
	    {{true, 2}, "landlock: truncate, network, signals"},
	    {{true, 0}, "landlock"},
	    {{false, 7}, "seccomp"},
	    {{false, 0}, "seccomp, landlock"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(sandbox_kernel_lacks(&rows[i].kernel), rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ways_out),
	    cmocka_unit_test(threads_too),
	    cmocka_unit_test(what_starters_keep),
	    cmocka_unit_test(capabilities_go),
	    cmocka_unit_test(an_own_folder_must_be_there),
	    cmocka_unit_test(what_is_lacking_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
