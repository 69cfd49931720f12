/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/eventdb/eventdb_engine.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "engine/clickhouse/clickhouse.h"
#include "program/eventdb/eventdb_watch.h"

#define MIB ((uint64_t)1 << 20)
#define DATABASE "luytre"
#define LANE_WAIT_USEC (10 * USEC_PER_SEC)
#define CODE_NO_FREE_CONNECTION 203
#define CODE_TOO_MANY_SIMULTANEOUS_QUERIES 202
#define CODE_CANNOT_WRITE 75

struct lane {
	const char *name;
	unsigned at_once;
	unsigned memory_percent; /* of the server's limit, one query */
	uint64_t seconds, result_bytes, threads;
};

static const struct lane lanes[EVENTDB_LANE__COUNT] = {
	[EVENTDB_LANE_INSERT] = {"insert", 2, 40, 300, 16 * MIB, 2},
	[EVENTDB_LANE_INTERACTIVE] = {"interactive", 4, 30, 30, 64 * MIB, 2},
	[EVENTDB_LANE_HUNT] = {"hunt", 1, 40, 1800, 256 * MIB, 1},
};

struct eventdb_engine {
	struct chdb lib;
	char path_arg[1024], config_arg[1024];
	uint64_t memory_bytes;
	struct chdb_connection **anchor; /* keeps the engine up between queries */
	struct eventdb_watch *watch;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	unsigned running[EVENTDB_LANE__COUNT]; /* lock */
	bool stopping;                         /* lock */
};

static struct chdb_connection **connect_session(struct eventdb_engine *e)
{
	char program[] = "luytre-eventdb";
	char *argv[] = {program, e->path_arg, e->config_arg};
	return e->lib.chdb_connect(3, argv);
}

static void answer_error(struct eventdb_answer *a, int code, const char *text)
{
	a->exception_code = code;
	buf_clear(&a->body);
	buf_printf(&a->body, "Code: %d. DB::Exception: %s", code, text);
}

/* Takes a result apart; counters are read from good results only. */
static void take_result(struct eventdb_engine *e, struct chdb_result *result, struct eventdb_answer *a)
{
	if (result == NULL) {
		answer_error(a, CODE_NO_FREE_CONNECTION, "The engine gave no result.");
		return;
	}
	const char *error = e->lib.chdb_result_error(result);
	if (error != NULL) {
		int code = clickhouse_exception_code(str_c(error));
		a->exception_code = code != 0 ? code : 1000;
		buf_clear(&a->body);
		buf_append_c(&a->body, error);
	} else {
		size_t n = e->lib.chdb_result_length(result);
		const char *bytes = e->lib.chdb_result_buffer(result);
		if (n > 0 && bytes != NULL)
			buf_append(&a->body, str_n(bytes, n));
		a->read_rows = e->lib.chdb_result_storage_rows_read(result);
		a->read_bytes = e->lib.chdb_result_storage_bytes_read(result);
		a->written_rows = e->lib.chdb_result_rows_written(result);
		a->written_bytes = e->lib.chdb_result_bytes_written(result);
		a->result_rows = e->lib.chdb_result_rows_read(result);
		if (a->body.overflow)
			answer_error(a, 396, "The result is larger than the limit of its lane.");
	}
	e->lib.chdb_destroy_query_result(result);
}

/* Runs a statement of ours. false: a holds the exception. */
static bool run_plain(struct eventdb_engine *e, struct chdb_connection **c, struct str sql, struct eventdb_answer *a)
{
	static const char format[] = "TabSeparated";
	take_result(e, e->lib.chdb_query_n(*c, sql.p, sql.n, format, sizeof format - 1), a);
	return a->exception_code == 0;
}

static void append_setting(struct buf *sql, struct str name, struct str value)
{
	buf_printf(sql, "%s%.*s=", sql->n == 0 ? "SET " : ", ", STR_FMT(name));
	clickhouse_quote(sql, value);
}

static void append_number(struct buf *sql, const char *name, uint64_t value)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	append_setting(sql, str_c(name), str_c(text));
}

/* "S" or "S.mmm", within 1 ms and the lane's seconds. */
static bool is_shorter_time(struct str value, uint64_t seconds)
{
	struct str whole;
	uint64_t s = 0, ms = 0;
	if (str_find_char(value, '.') == SIZE_MAX)
		return str_parse_u64(value, 1, seconds, &s);
	return str_split(&value, '.', &whole) && str_parse_u64(whole, 0, seconds - 1, &s) && value.n == 3 &&
	       str_parse_u64(value, 0, 999, &ms) && s + ms > 0;
}

/* The lane's limits, lowered by what the client asked for; never raised. */
static void append_limits(const struct eventdb_engine *e, const struct eventdb_query *q, struct buf *sql)
{
	const struct lane *lane = &lanes[q->lane];
	const struct {
		const char *name;
		uint64_t limit;
	} limits[] = {
		{"max_execution_time", lane->seconds},
		{"max_memory_usage", e->memory_bytes / 100 * lane->memory_percent},
		{"max_result_bytes", lane->result_bytes},
		{"max_threads", lane->threads},
	};
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		uint64_t value = limits[i].limit;
		struct str time = STR_EMPTY;
		for (size_t s = 0; s < q->setting_count; s++) {
			uint64_t asked;
			if (i == 0 && str_eq_c(q->settings[s].name, limits[0].name) && is_shorter_time(q->settings[s].value, limits[0].limit))
				time = q->settings[s].value;
			else if (str_eq_c(q->settings[s].name, limits[i].name) &&
			    str_parse_u64(q->settings[s].value, 1, limits[i].limit, &asked))
				value = asked;
		}
		if (time.n > 0)
			append_setting(sql, str_c(limits[i].name), time);
		else
			append_number(sql, limits[i].name, value);
	}
}

static bool is_limit(struct str name)
{
	return str_eq_c(name, "max_execution_time") || str_eq_c(name, "max_memory_usage") ||
	       str_eq_c(name, "max_result_bytes") || str_eq_c(name, "max_threads");
}

/* The library gives queries no name of ours; a comment is what tells one from the others. */
static bool prepare_session(struct eventdb_engine *e, struct chdb_connection **c, const struct eventdb_query *q,
                            const char *name, struct eventdb_answer *a)
{
	cleanup_buf struct buf sql = BUF_INIT(1 << 20);
	for (size_t i = 0; i < q->setting_count; i++)
		if (!is_limit(q->settings[i].name) && !str_eq_c(q->settings[i].name, "log_comment"))
			append_setting(&sql, q->settings[i].name, q->settings[i].value);
	append_limits(e, q, &sql);
	append_setting(&sql, STR("allow_introspection_functions"), STR("0"));
	append_setting(&sql, STR("log_comment"), str_c(name));
	if (!run_plain(e, c, buf_str(&sql), a))
		return false;
	buf_clear(&sql);
	buf_append_c(&sql, "USE ");
	clickhouse_quote_name(&sql, q->database.n > 0 ? q->database : STR("default"));
	if (!run_plain(e, c, buf_str(&sql), a))
		return false;
	/* Last: nothing can be set any more afterwards. */
	return !q->readonly || run_plain(e, c, STR("SET readonly=1"), a);
}

/* The rows as a file of the engine's own process: every byte of any format passes as it is, where data behind a
 * statement would end at its first empty line and what follows would be read as SQL. */
static int rows_file(const struct eventdb_query *q, struct err *err)
{
	int fd = memfd_create("rows", MFD_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "memfd_create", STR("rows"));
	for (size_t i = 0; i < ARRAY_LEN(q->data); i++) {
		int r = q->data[i].n > 0 ? file_write_all(fd, q->data[i], err) : 0;
		if (r < 0) {
			file_close(&fd);
			return r;
		}
	}
	return fd;
}

static void run_insert(struct eventdb_engine *e, struct chdb_connection **c, const struct eventdb_query *q,
                       struct eventdb_answer *a)
{
	struct err err = {0};
	if (q->data[0].n == 0 && q->data[1].n == 0)
		return;
	cleanup_fd int fd = rows_file(q, &err);
	if (fd < 0) {
		char line[600];
		answer_error(a, CODE_CANNOT_WRITE, err_line(&err, line, sizeof line));
		return;
	}
	cleanup_buf struct buf sql = BUF_INIT(2 * CLICKHOUSE_SQL_LIMIT);
	buf_printf(&sql, "%.*s FROM INFILE '/proc/self/fd/%d' COMPRESSION 'none' %.*s FORMAT %.*s", STR_FMT(q->sql), fd,
	           STR_FMT(q->insert_settings), STR_FMT(q->insert_format));
	(void)run_plain(e, c, buf_str(&sql), a);
}

static void run_other(struct eventdb_engine *e, struct chdb_connection **c, const struct eventdb_query *q,
                      struct eventdb_answer *a)
{
	const char *names[CLICKHOUSE_PLACEHOLDERS], *values[CLICKHOUSE_PLACEHOLDERS];
	size_t name_lens[CLICKHOUSE_PLACEHOLDERS], value_lens[CLICKHOUSE_PLACEHOLDERS];
	for (size_t i = 0; i < q->param_count; i++) {
		names[i] = q->params[i].name.p;
		name_lens[i] = q->params[i].name.n;
		values[i] = q->params[i].value.p;
		value_lens[i] = q->params[i].value.n;
	}
	struct str f = q->default_format;
	struct chdb_result *result;
	if (q->param_count == 0)
		result = e->lib.chdb_query_n(*c, q->sql.p, q->sql.n, f.p, f.n);
	else
		result = e->lib.chdb_query_with_params_n(*c, q->sql.p, q->sql.n, f.p, f.n, names, name_lens, values, value_lens,
		                                         q->param_count);
	take_result(e, result, a);
}

/* Waits for a place in the lane. */
static bool enter_lane(struct eventdb_engine *e, enum eventdb_lane lane)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LANE_WAIT_USEC / USEC_PER_SEC;
	int r = 0;
	(void)pthread_mutex_lock(&e->lock);
	while (!e->stopping && e->running[lane] >= lanes[lane].at_once && r == 0)
		r = pthread_cond_timedwait(&e->freed, &e->lock, &until);
	bool entered = !e->stopping && e->running[lane] < lanes[lane].at_once;
	if (entered)
		e->running[lane]++;
	(void)pthread_mutex_unlock(&e->lock);
	return entered;
}

static void leave_lane(struct eventdb_engine *e, enum eventdb_lane lane)
{
	(void)pthread_mutex_lock(&e->lock);
	e->running[lane]--;
	(void)pthread_cond_broadcast(&e->freed);
	(void)pthread_mutex_unlock(&e->lock);
}

static void run(void *ctx, const struct eventdb_query *q, struct eventdb_answer *a)
{
	struct eventdb_engine *e = ctx;
	*a = (struct eventdb_answer){.body = BUF_INIT(lanes[q->lane].result_bytes)};
	if (!enter_lane(e, q->lane)) {
		answer_error(a, CODE_TOO_MANY_SIMULTANEOUS_QUERIES, "Too many simultaneous queries in this lane.");
		return;
	}
	struct eventdb_watched watched;
	struct chdb_connection **c = connect_session(e);
	eventdb_watch_begin(e->watch, &watched, q);
	if (c == NULL) {
		answer_error(a, CODE_NO_FREE_CONNECTION, "The engine gave no session.");
	} else {
		if (prepare_session(e, c, q, watched.name, a)) {
			if (q->is_insert)
				run_insert(e, c, q, a);
			else
				run_other(e, c, q, a);
		}
		e->lib.chdb_close_conn(c);
	}
	eventdb_watch_end(e->watch, &watched);
	leave_lane(e, q->lane);
}

struct eventdb_executor eventdb_engine_executor(struct eventdb_engine *e)
{
	return (struct eventdb_executor){.ctx = e, .run = run};
}

/* ---- start and stop ---- */

struct limit {
	const char *name;
	uint64_t value;
};

#define LIMITS 7
static void limits_of(uint64_t memory, struct limit ret[LIMITS])
{
	const struct limit limits[LIMITS] = {
		{"max_server_memory_usage", memory},
		{"mark_cache_size", memory / 16},
		{"index_mark_cache_size", memory / 32},
		{"primary_index_cache_size", memory / 16},
		{"uncompressed_cache_size", 0},
		{"mmap_cache_size", 128},
		{"max_thread_pool_size", 256},
	};
	(void)memcpy(ret, limits, sizeof limits);
}

static int write_config(const struct eventdb_engine *e, const char *path, struct err *err)
{
	struct limit limits[LIMITS];
	limits_of(e->memory_bytes, limits);
	cleanup_buf struct buf xml = BUF_INIT(64 << 10);
	buf_append_c(&xml, "<clickhouse>\n  <!-- written at each start -->\n");
	for (size_t i = 0; i < LIMITS; i++)
		buf_printf(&xml, "  <%s>%llu</%s>\n", limits[i].name, (unsigned long long)limits[i].value, limits[i].name);
	buf_append_c(&xml, "  <default_database>default</default_database>\n</clickhouse>\n");
	return file_write(path, buf_str(&xml), 0600, err);
}

/* The library accepts limits it does not apply: what it reports must be what was written. */
static int check_limits(struct eventdb_engine *e, struct err *err)
{
	struct limit limits[LIMITS];
	limits_of(e->memory_bytes, limits);
	for (size_t i = 0; i < LIMITS; i++) {
		cleanup_buf struct buf sql = BUF_INIT(4096);
		struct eventdb_answer a = {.body = BUF_INIT(4096)};
		buf_printf(&sql, "SELECT value FROM system.server_settings WHERE name = '%s'", limits[i].name);
		bool ok = run_plain(e, e->anchor, buf_str(&sql), &a);
		uint64_t value = 0;
		struct str text = str_trim(buf_str(&a.body));
		bool same = ok && str_parse_u64(text, 0, UINT64_MAX, &value) && value == limits[i].value;
		if (!same)
			(void)err_set(err, -EINVAL, "eventdb.setting_ignored", ARG_CSTR("name", limits[i].name),
			              ARG_U64("wanted", limits[i].value), ARG_STR("found", str_sub(text, 0, 200)));
		buf_done(&a.body);
		if (!same)
			return -EINVAL;
	}
	return 0;
}

/*
 * The library's own database "default" finds a table name that is a file's path as that file. An empty
 * in-memory one takes its place; ours is Atomic.
 */
static int make_databases(struct eventdb_engine *e, struct err *err)
{
	static const char *const statements[] = {
		"DETACH DATABASE default",
		"CREATE DATABASE default ENGINE = Memory",
		"CREATE DATABASE IF NOT EXISTS " DATABASE " ENGINE = Atomic",
	};
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		struct eventdb_answer a = {.body = BUF_INIT(64 << 10)};
		bool ok = run_plain(e, e->anchor, str_c(statements[i]), &a);
		if (!ok)
			(void)err_set(err, -EIO, "eventdb.engine", ARG_CSTR("statement", statements[i]),
			              ARG_STR("reason", str_sub(buf_str(&a.body), 0, 200)));
		buf_done(&a.body);
		if (!ok)
			return -EIO;
	}
	return 0;
}

static uint64_t default_memory(void)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE);
	uint64_t part = all / 4;
	return part < 512 * MIB ? 512 * MIB : part > 8192 * MIB ? 8192 * MIB : part;
}

static int open_engine(struct eventdb_engine *e, const char *data_dir, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	int r = file_make_dirs(data_dir, 0700, err);
	if (r < 0)
		return r;
	/* The description of the in-memory "default" from last time. */
	file_join(&path, str_c(data_dir), STR("metadata/default.sql"));
	if ((r = file_remove(path.p, err)) < 0)
		return r;
	buf_clear(&path);
	file_join(&path, str_c(data_dir), STR("engine.xml"));
	if ((r = write_config(e, path.p, err)) < 0)
		return r;
	(void)snprintf(e->path_arg, sizeof e->path_arg, "--path=%s", data_dir);
	(void)snprintf(e->config_arg, sizeof e->config_arg, "--config-file=%s", path.p);
	if (strlen(data_dir) > sizeof e->path_arg - 64)
		return err_set(err, -E2BIG, "eventdb.engine", ARG_CSTR("statement", "--data-dir"), ARG_CSTR("reason", "too long"));
	e->anchor = connect_session(e);
	if (e->anchor == NULL)
		return err_set(err, -EIO, "eventdb.engine", ARG_CSTR("statement", "connect"),
		               ARG_CSTR("reason", "the data folder is in use or not readable"));
	r = check_limits(e, err);
	return r < 0 ? r : make_databases(e, err);
}

/* Reading queries only: an insert is short, and its sender asks again under the same token. */
static void end_query(void *ctx, const char *name)
{
	struct eventdb_engine *e = ctx;
	struct chdb_connection **c = connect_session(e);
	if (c == NULL)
		return;
	cleanup_buf struct buf sql = BUF_INIT(4096);
	struct eventdb_answer a = {.body = BUF_INIT(1 << 20)};
	buf_append_c(&sql, "KILL QUERY WHERE query_kind = 'Select' AND Settings['log_comment'] = ");
	clickhouse_quote(&sql, str_c(name));
	buf_append_c(&sql, " ASYNC");
	(void)run_plain(e, c, buf_str(&sql), &a);
	buf_done(&a.body);
	e->lib.chdb_close_conn(c);
}

int eventdb_engine_start(const struct eventdb_engine_config *config, struct eventdb_engine **ret, struct err *err)
{
	struct eventdb_engine *e = MEM_NEW(struct eventdb_engine);
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&e->lock, NULL);
	(void)pthread_cond_init(&e->freed, &attr);
	(void)pthread_condattr_destroy(&attr);
	e->memory_bytes = config->memory_bytes > 0 ? config->memory_bytes : default_memory();
	e->watch = eventdb_watch_new(end_query, e);
	int r = chdb_load(config->library, &e->lib, err);
	if (r == 0)
		r = open_engine(e, config->data_dir, err);
	if (r < 0) {
		eventdb_engine_stop(e);
		return r;
	}
	*ret = e;
	return 0;
}

void eventdb_engine_cancel(struct eventdb_engine *e)
{
	(void)pthread_mutex_lock(&e->lock);
	e->stopping = true;
	(void)pthread_cond_broadcast(&e->freed);
	(void)pthread_mutex_unlock(&e->lock);
	struct chdb_connection **c = connect_session(e);
	if (c == NULL)
		return;
	struct eventdb_answer a = {.body = BUF_INIT(1 << 20)};
	(void)run_plain(e, c, STR("KILL QUERY WHERE query_kind = 'Select' ASYNC"), &a);
	buf_done(&a.body);
	e->lib.chdb_close_conn(c);
}

void eventdb_engine_stop(struct eventdb_engine *e)
{
	eventdb_watch_free(e->watch);
	if (e->anchor != NULL)
		e->lib.chdb_close_conn(e->anchor);
	(void)pthread_cond_destroy(&e->freed);
	(void)pthread_mutex_destroy(&e->lock);
	mem_free(e);
}
