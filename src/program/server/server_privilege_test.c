/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What each role cannot reach, with the rows that it is run with. */
#include "platform/sandbox/sandbox_test_support.h"

#include <sys/resource.h>

#include "program/server/server_privilege.h"

#define FOREIGN                                                                                                        \
	[CROSS_READ_FOREIGN] = CROSSING_FILES, [CROSS_WRITE_FOREIGN] = CROSSING_FILES,                                 \
	[CROSS_MAKE_FOREIGN] = CROSSING_FILES, [CROSS_REMOVE_FOREIGN] = CROSSING_FILES,                                \
	[CROSS_CUT_FOREIGN] = CROSSING_FILES, [CROSS_LIST_FOREIGN] = CROSSING_FILES
#define ALWAYS MAKES_PROCESSES, [CROSS_FORK] = CROSSING_CALLS, [CROSS_SIGNAL] = CROSSING_ALL
#define MAKES_PROCESSES                                                                                                \
	[CROSS_EXEC] = CROSSING_ALL, [CROSS_TRACE] = CROSSING_ALL,                                                     \
	[CROSS_READ_MEMORY] = CROSSING_ALL, [CROSS_MOUNT] = CROSSING_ALL,               \
	[CROSS_BECOME_ROOT] = CROSSING_CALLS, [CROSS_LISTEN] = CROSSING_ALL
#define NO_NETWORK [CROSS_TCP] = CROSSING_ALL, [CROSS_UDP] = CROSSING_CALLS
#define NO_USERS [CROSS_PASSWD] = CROSSING_FILES

struct row {
	const char *role, *own, *foreign;
	const char *database, *eventdb; /* settings; NULL: as they come */
	enum crossing_wall holds[CROSS__COUNT];
};

static const struct row rows[] = {
    {"key", "key", "core", .holds = {FOREIGN, ALWAYS, NO_NETWORK, NO_USERS, [CROSS_UNIX] = CROSSING_CALLS}},
    {"key", "key", "pipeline", .holds = {FOREIGN, ALWAYS, NO_NETWORK, NO_USERS, [CROSS_UNIX] = CROSSING_CALLS}},
    {"core", "core", "key", .holds = {FOREIGN, ALWAYS, NO_NETWORK, NO_USERS}},
    {"core", "core", "eventdb", .holds = {FOREIGN, ALWAYS, NO_NETWORK, NO_USERS}},
    {"core", "core", "key", .database = "postgresql://db.example/luytre", .holds = {FOREIGN, ALWAYS}},
    {"pipeline", "pipeline", "key", .holds = {FOREIGN, ALWAYS, NO_NETWORK, NO_USERS}},
    {"pipeline", "pipeline", "core", .holds = {FOREIGN, ALWAYS, NO_NETWORK, NO_USERS}},
    /* What core writes there the pipeline only reads. */
    {"pipeline", "pipeline", "rules", .holds = {ALWAYS, NO_NETWORK, NO_USERS, [CROSS_WRITE_FOREIGN] = CROSSING_FILES,
						[CROSS_MAKE_FOREIGN] = CROSSING_FILES, [CROSS_REMOVE_FOREIGN] = CROSSING_FILES,
						[CROSS_CUT_FOREIGN] = CROSSING_FILES}},
    /* Whose database it is does not concern the pipeline. */
    {"pipeline", "pipeline", "core", .database = "postgresql://db.example/luytre",
     .holds = {FOREIGN, ALWAYS, NO_NETWORK, NO_USERS}},
    {"pipeline", "pipeline", "core", .eventdb = "http://store.example:8123", .holds = {FOREIGN, ALWAYS, NO_USERS}},
    /* It makes processes, and they are as confined. */
    {"worker", "worker", "core",
     .holds = {MAKES_PROCESSES, NO_NETWORK, [CROSS_SIGNAL] = CROSSING_FILES, [CROSS_READ_FOREIGN] = CROSSING_ALL, [CROSS_WRITE_FOREIGN] = CROSSING_ALL,
	       [CROSS_MAKE_FOREIGN] = CROSSING_ALL, [CROSS_REMOVE_FOREIGN] = CROSSING_ALL,
	       [CROSS_CUT_FOREIGN] = CROSSING_ALL, [CROSS_LIST_FOREIGN] = CROSSING_ALL, [CROSS_PASSWD] = CROSSING_ALL,
	       [CROSS_READ_OWN] = CROSSING_ALL, [CROSS_WRITE_OWN] = CROSSING_ALL, [CROSS_UNIX] = CROSSING_CALLS}},
    {"worker-job", "worker", "core",
     .holds = {ALWAYS, NO_NETWORK, [CROSS_READ_FOREIGN] = CROSSING_ALL, [CROSS_WRITE_FOREIGN] = CROSSING_ALL,
	       [CROSS_MAKE_FOREIGN] = CROSSING_ALL, [CROSS_REMOVE_FOREIGN] = CROSSING_ALL,
	       [CROSS_CUT_FOREIGN] = CROSSING_ALL, [CROSS_LIST_FOREIGN] = CROSSING_ALL, [CROSS_PASSWD] = CROSSING_ALL,
	       [CROSS_READ_OWN] = CROSSING_ALL, [CROSS_WRITE_OWN] = CROSSING_ALL, [CROSS_UNIX] = CROSSING_CALLS}},
};

static int confine(const struct crossing_place *place, enum crossing_wall walls, const void *ctx)
{
	const struct row *row = ctx;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct server_config config;
	int r = server_config_load(arena, NULL, place->top, &config, NULL);
	if (row->database != NULL)
		config.database = row->database;
	if (row->eventdb != NULL)
		config.eventdb = row->eventdb;
	if (r == 0 && (walls & CROSSING_FILES) != 0)
		r = server_confine_files(row->role, &config, NULL);
	return r == 0 && (walls & CROSSING_CALLS) != 0 ? server_confine(row->role, &config, NULL) : r;
}

static void ways_out_of_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		crossing_check(rows[i].role, rows[i].own, rows[i].foreign, rows[i].holds, confine, &rows[i]);
}

static int run_confined(const char *role, int (*check)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		const struct row row = {.role = role};
		struct crossing_place place = {.top = "/tmp"};
		_exit(confine(&place, CROSSING_CALLS, &row) < 0 ? 100 : check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int limits_are_set(void)
{
	struct rlimit memory, cpu, core;
	if (getrlimit(RLIMIT_AS, &memory) < 0 || getrlimit(RLIMIT_CPU, &cpu) < 0 || getrlimit(RLIMIT_CORE, &core) < 0)
		return 1;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	memory.rlim_max = 1;
#endif
	bool raised = setrlimit(RLIMIT_CPU, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) == 0;
	return memory.rlim_max != RLIM_INFINITY && cpu.rlim_max != RLIM_INFINITY && core.rlim_max == 0 && !raised ? 0 : 1;
}

static int memory_is_hidden(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

static void limits_of_a_worker(void **state)
{
	(void)state;
	assert_int_equal(run_confined("worker-job", limits_are_set), 0);
}

static void memory_of_every_role(void **state)
{
	static const char *const roles[] = {"key", "core", "pipeline", "worker", "worker-job"};
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("skipped: a sanitizer reads its own /proc\n");
	(void)memory_is_hidden;
	(void)roles;
#else
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		assert_int_equal(run_confined(roles[i], memory_is_hidden), 0);
#endif
}

static void an_unknown_role_does_not_run(void **state)
{
	const struct server_config config = {.database = "", .eventdb = ""};
	struct err err = {0};
	(void)state;
	assert_int_equal(server_confine_files("other", &config, &err), -EINVAL);
	assert_int_equal(server_confine("other", &config, &err), -EINVAL);
	assert_string_equal(err.key, "server.no_role");
}

static void the_supervisor_starts_programs_only(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		/* Starting is open … */
		pid_t child = server_confine_supervisor(NULL) == 0 ? fork() : -1;
		if (child == 0)
			_exit(crossing_exec(NULL));
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			_exit(1);
		(void)crossing_trace(&(struct crossing_place){.parent = getppid()});
		_exit(2); /* … tracing has killed. */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
#else
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ways_out_of_roles),
	    cmocka_unit_test(limits_of_a_worker),
	    cmocka_unit_test(memory_of_every_role),
	    cmocka_unit_test(an_unknown_role_does_not_run),
	    cmocka_unit_test(the_supervisor_starts_programs_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
