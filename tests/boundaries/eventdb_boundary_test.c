/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The event store's sandbox, with the real engine and none of the checks in front of it: what a statement reaches
 * without the sandbox it does not reach within, and an error, a limit and a cancelled query within leave the engine
 * alive. LUYTRE_CHDB names the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "platform/sandbox/sandbox.h"
#include "program/eventdb/eventdb_engine.h"
#include "program/eventdb/eventdb_sandbox.h"

#define CANARY "LUYTRE-CANARY"

/* %s: the folder outside; %u: the port where somebody listens. */
enum argument { FOLDER, PORT };
static const struct {
	const char *what, *sql;
	enum argument argument;
} ways[] = {
    {"file() reads", "SELECT * FROM file('%s/canary', 'LineAsString')", FOLDER},
    {"file() writes", "INSERT INTO FUNCTION file('%s/made', 'LineAsString', 'line String') SELECT 'x'", FOLDER},
    {"INTO OUTFILE", "SELECT 1 INTO OUTFILE '%s/made'", FOLDER},
    {"FROM INFILE", "INSERT INTO boundary FROM INFILE '%s/canary' COMPRESSION 'none' FORMAT LineAsString", FOLDER},
    {"url()", "SELECT * FROM url('http://127.0.0.1:%u/x', 'LineAsString', 'line String') SETTINGS http_max_tries = 1",
     PORT},
    {"remote()", "SELECT * FROM remote('127.0.0.1:%u', 'system', 'one')", PORT},
};

struct shared {
	atomic_uint accepted;
	bool crossed[ARRAY_LEN(ways)];
	bool alive, error_told, memory_told, time_told, cancelled;
	char reason[ARRAY_LEN(ways)][200];
};

struct world {
	struct shared *shared;
	char top[64], outside[96];
	uint16_t port;
	pid_t listener;
};

/* Answers everybody, in a process of its own. */
_Noreturn static void serve(int fd, struct shared *shared)
{
	static const char text[] = "HTTP/1.0 200 OK\r\nContent-Length: 14\r\n\r\n" CANARY "\n";
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char rest[4096];
		int c = accept(fd, NULL, NULL);
		if (c < 0)
			continue;
		(void)atomic_fetch_add(&shared->accepted, 1);
		(void)!recv(c, rest, sizeof rest, 0);
		(void)!send(c, text, sizeof text - 1, MSG_NOSIGNAL);
		(void)close(c);
	}
}

static int set_up(void **state)
{
	static struct world w;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	if (getenv("LUYTRE_CHDB") == NULL)
		return -1;
	w.shared = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	str_copy_c(STR("/tmp/luytre-boundary-XXXXXX"), w.top, sizeof w.top);
	if (w.shared == MAP_FAILED || mkdtemp(w.top) == NULL)
		return -1;
	(void)snprintf(w.outside, sizeof w.outside, "%s/outside", w.top);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (mkdir(w.outside, 0700) < 0 || fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return -1;
	w.port = ntohs(at.sin_port);
	w.listener = fork();
	if (w.listener == 0)
		serve(fd, w.shared);
	(void)close(fd);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	const struct world *w = *state;
	char command[128], name[] = "rm", recursive[] = "-rf";
	if (w == NULL)
		return 0;
	(void)kill(w->listener, SIGKILL);
	(void)waitpid(w->listener, NULL, 0);
	str_copy_c(str_c(w->top), command, sizeof command);
	char *const argv[] = {name, recursive, command, NULL};
	pid_t pid = fork();
	if (pid == 0) {
		(void)execvp("rm", argv);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
	return 0;
}

static struct eventdb_answer ask(const struct eventdb_executor *x, const char *sql)
{
	struct eventdb_query q = {.lane = EVENTDB_LANE_INTERACTIVE,
				  .sql = str_c(sql),
				  .default_format = STR("TabSeparated"),
				  .database = STR("luytre")};
	struct eventdb_answer a;
	x->run(x->ctx, &q, &a);
	return a;
}

static void prepare_outside(const struct world *w, char *made, size_t size)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/canary", w->outside);
	(void)!file_write(path, STR(CANARY "\n"), 0644, NULL);
	(void)snprintf(made, size, "%s/made", w->outside);
	(void)unlink(made);
}

static void try_way(const struct world *w, const struct eventdb_executor *x, size_t i)
{
	char sql[400], made[128];
	struct buf text = BUF_FIXED(sql, sizeof sql);
	struct str format = str_c(ways[i].sql), before;
	unsigned accepted = atomic_load(&w->shared->accepted);
	prepare_outside(w, made, sizeof made);
	(void)str_split(&format, '%', &before);
	buf_append(&text, before);
	if (ways[i].argument == FOLDER)
		buf_append_c(&text, w->outside);
	else
		buf_printf(&text, "%u", (unsigned)w->port);
	buf_append(&text, str_sub(format, 1, format.n));
	struct eventdb_answer a = ask(x, sql);
	str_copy_c(buf_str(&a.body), w->shared->reason[i], sizeof w->shared->reason[i]);
	bool said = a.exception_code == 0 && str_find(buf_str(&a.body), STR(CANARY)) != SIZE_MAX;
	bool taken = a.exception_code == 0 && str_starts_with(str_c(ways[i].what), STR("FROM INFILE"));
	w->shared->crossed[i] = said || taken || file_exists(made) || atomic_load(&w->shared->accepted) != accepted;
	buf_done(&a.body);
}

static bool fails_with(const struct eventdb_executor *x, const char *sql, int code)
{
	struct eventdb_answer a = ask(x, sql);
	bool as_wanted = a.exception_code == code;
	if (!as_wanted)
		print_error("%s: %d instead of %d: %.300s\n", sql, a.exception_code, code,
			    a.body.n > 0 ? a.body.p : "");
	(void)fflush(NULL); /* the process ends without */
	buf_done(&a.body);
	return as_wanted;
}

static bool answers(const struct eventdb_executor *x)
{
	struct eventdb_answer a = ask(x, "SELECT sum(number) FROM numbers(1000)");
	bool right = a.exception_code == 0 && str_eq_c(str_trim(buf_str(&a.body)), "499500");
	buf_done(&a.body);
	return right;
}

static void *long_query(void *arg)
{
	struct eventdb_answer a = ask(arg, "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 3");
	int code = a.exception_code;
	buf_done(&a.body);
	return (void *)(intptr_t)code;
}

#define QUERY_WAS_CANCELLED 394
static bool cancel(struct eventdb_executor *x)
{
	pthread_t thread;
	void *code = NULL;
	if (pthread_create(&thread, NULL, long_query, x) != 0)
		return false;
	for (unsigned i = 0; i < 300; i++) {
		struct eventdb_answer a =
		    ask(x, "KILL QUERY WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%KILL%' ASYNC");
		bool found = a.exception_code == 0 && str_find(buf_str(&a.body), STR("sipHash64")) != SIZE_MAX;
		buf_done(&a.body);
		if (found)
			break;
		(void)usleep(20000);
	}
	(void)pthread_join(thread, &code);
	if ((intptr_t)code != QUERY_WAS_CANCELLED)
		print_error("cancelled: %d\n", (int)(intptr_t)code);
	(void)fflush(NULL);
	return (intptr_t)code == QUERY_WAS_CANCELLED;
}

/* The whole life of an engine in this process. */
static int run_engine(const struct world *w, const char *name, bool sandboxed)
{
	struct err err = {0};
	char dir[96], socket_path[96];
	struct eventdb_engine *engine = NULL;
	(void)snprintf(dir, sizeof dir, "%s/%s", w->top, name);
	(void)snprintf(socket_path, sizeof socket_path, "%s/%s.sock", w->top, name);
	const struct eventdb_engine_config config = {
	    .library = getenv("LUYTRE_CHDB"), .data_dir = dir, .memory_bytes = (uint64_t)512 << 20};
	const struct eventdb_sandbox box = {.data_dir = dir, .socket = socket_path, .library = config.library};
	if (sandboxed && eventdb_sandbox_enter_files(&box, &err) < 0)
		return 3;
	if (eventdb_engine_start(&config, &engine, &err) < 0)
		return 4;
	if (sandboxed && eventdb_sandbox_enter_calls(&err) < 0)
		return 5;
	struct eventdb_executor x = eventdb_engine_executor(engine);
	struct eventdb_answer a = ask(&x, "CREATE TABLE boundary (line String) ENGINE = MergeTree ORDER BY line");
	buf_done(&a.body);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		try_way(w, &x, i);
	w->shared->error_told =
	    fails_with(&x, "SELECT nothing FROM boundary", 47) && fails_with(&x, "SELECT throwIf(1)", 395);
	w->shared->memory_told = fails_with(&x, "SELECT length(groupArray(number)) FROM numbers(2000000000)", 241);
	w->shared->time_told = fails_with(
	    &x, "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1 SETTINGS max_execution_time = 1",
	    159);
	w->shared->cancelled = cancel(&x);
	w->shared->alive = answers(&x);
	eventdb_engine_stop(engine);
	return 0;
}

static void live(const struct world *w, const char *name, bool sandboxed)
{
	int status;
	memset(w->shared->crossed, 0, sizeof w->shared->crossed);
	w->shared->alive = w->shared->cancelled = false;
	pid_t pid = fork();
	if (pid == 0)
		_exit(run_engine(w, name, sandboxed));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void check_life(const struct shared *s)
{
	assert_true(s->error_told);
	assert_true(s->memory_told);
	assert_true(s->time_told);
	assert_true(s->cancelled);
	assert_true(s->alive);
}

static void within_nothing_is_reached(void **state)
{
	const struct world *w = *state;
	unsigned wrong = 0;
	live(w, "within", true);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (ways[i].argument == FOLDER && sandbox_kernel().landlock == 0) {
			print_message("skipped: %s: this kernel has no Landlock\n", ways[i].what);
			continue;
		}
		if (w->shared->crossed[i]) {
			print_error("%s: crossed: %s\n", ways[i].what, w->shared->reason[i]);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	check_life(w->shared);
}

/* The same statements do reach it without: the test above is worth something. */
static void without_all_is_reached(void **state)
{
	const struct world *w = *state;
	unsigned wrong = 0;
	live(w, "without", false);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (!w->shared->crossed[i]) {
			print_error("%s: refused: %s\n", ways[i].what, w->shared->reason[i]);
			wrong++;
		}
	assert_int_equal(wrong, 0);
	check_life(w->shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(within_nothing_is_reached),
	    cmocka_unit_test(without_all_is_reached),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
