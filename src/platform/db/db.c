/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/text/text.h"
#include "platform/db/db_driver.h"

#define ATTEMPTS 20
#define CONNECT_ATTEMPTS 4
#define POOL_WAIT_S 30
#define READERS_MAX 64

/* Connections are made when first needed; a slot without one holds NULL. */
struct pool {
	struct db_conn **conns; /* guarded by db.lock */
	bool *taken;            /* guarded by db.lock */
	unsigned count;
};

struct db {
	const struct db_driver *driver;
	char *url;
	bool read_only;
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	struct pool pools[2]; /* [0] readers, [1] writers */
	atomic_uint_fast64_t transactions[2], busy[2];
};

struct db_tx {
	struct db_conn *conn;
};

static void pool_init(struct pool *p, unsigned count)
{
	p->conns = mem_alloc_array(count, sizeof(struct db_conn *));
	p->taken = mem_alloc_array(count, sizeof(bool));
	p->count = count;
}

static void pool_done(const struct db *db, struct pool *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		if (p->conns[i] != NULL)
			db->driver->disconnect(p->conns[i]);
	}
	mem_free(p->conns);
	mem_free(p->taken);
}

static int take(struct db *db, bool writer, struct db_conn **ret, struct err *err);

static const struct db_driver *driver_of(const char *url)
{
	if (str_starts_with(str_c(url), STR("sqlite:")))
		return &db_sqlite_driver;
	if (str_starts_with(str_c(url), STR("postgresql://")) || str_starts_with(str_c(url), STR("postgres://")))
		return &db_postgresql_driver;
	return NULL;
}

static int open_database(const char *url, unsigned readers, bool read_only, struct db **ret, struct err *err)
{
	const struct db_driver *driver = driver_of(url);
	if (driver == NULL)
		return err_set(err, -EINVAL, "db.url");
	if (readers < 1 || readers > READERS_MAX)
		return err_set(err, -EINVAL, "db.readers", ARG_U64("given", readers), ARG_U64("most", READERS_MAX));
	struct db *db = MEM_NEW(struct db);
	db->driver = driver;
	db->read_only = read_only;
	db->url = mem_strdup(str_c(url));
	pool_init(&db->pools[0], readers);
	pool_init(&db->pools[1], driver->single_writer ? 1 : readers);
	(void)pthread_mutex_init(&db->lock, NULL);
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&db->given_back, &attr);
	(void)pthread_condattr_destroy(&attr);
	/* A database that cannot be reached is told here, not at the first request. */
	struct db_conn *conn = NULL;
	int r = take(db, !read_only, &conn, err);
	if (r < 0) {
		db_close(db);
		return r;
	}
	db_give_back(db, conn, !read_only);
	*ret = db;
	return 0;
}

int db_open(const char *url, unsigned readers, struct db **ret, struct err *err)
{
	return open_database(url, readers, false, ret, err);
}

int db_open_read(const char *url, struct db **ret, struct err *err)
{
	return open_database(url, 1, true, ret, err);
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	pool_done(db, &db->pools[0]);
	pool_done(db, &db->pools[1]);
	(void)pthread_cond_destroy(&db->given_back);
	(void)pthread_mutex_destroy(&db->lock);
	mem_free(db->url);
	mem_free(db);
}

enum db_kind db_kind(const struct db *db)
{
	return db->driver->kind;
}

/* A free slot, preferring one that is connected; count when none is free. */
static unsigned free_slot(const struct pool *p)
{
	unsigned found = p->count;
	for (unsigned i = 0; i < p->count; i++) {
		if (p->taken[i])
			continue;
		if (p->conns[i] != NULL)
			return i;
		if (found == p->count)
			found = i;
	}
	return found;
}

bool db_writer_idle(struct db *db)
{
	(void)pthread_mutex_lock(&db->lock);
	bool idle = free_slot(&db->pools[1]) < db->pools[1].count;
	(void)pthread_mutex_unlock(&db->lock);
	return idle;
}

static int take(struct db *db, bool writer, struct db_conn **ret, struct err *err)
{
	if (writer && db->read_only)
		return err_set(err, -ENOTSUP, "db.read_only");
	struct pool *p = &db->pools[writer];
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += POOL_WAIT_S;
	(void)pthread_mutex_lock(&db->lock);
	unsigned slot;
	int waited = 0;
	while ((slot = free_slot(p)) == p->count && waited == 0)
		waited = pthread_cond_timedwait(&db->given_back, &db->lock, &until);
	struct db_conn *conn = NULL;
	if (slot < p->count) {
		conn = p->conns[slot];
		p->taken[slot] = true;
	}
	(void)pthread_mutex_unlock(&db->lock);
	if (slot == p->count)
		return err_set(err, -EAGAIN, "db.busy", ARG_CSTR("reason", "no free connection"));
	int r = conn != NULL ? 0 : db->driver->connect(&conn, db->url, db->read_only ? DB_USE_READ_ONLY : writer ? DB_USE_WRITE : DB_USE_READ, err);
	(void)pthread_mutex_lock(&db->lock);
	p->conns[slot] = r < 0 ? NULL : conn;
	p->taken[slot] = r >= 0;
	(void)pthread_cond_broadcast(&db->given_back);
	(void)pthread_mutex_unlock(&db->lock);
	if (r >= 0)
		*ret = conn;
	return r;
}

int db_take_writer(struct db *db, struct db_conn **ret, struct err *err)
{
	return take(db, true, ret, err);
}

void db_give_back(struct db *db, struct db_conn *conn, bool writer)
{
	struct pool *p = &db->pools[writer];
	bool broken = conn->broken;
	(void)pthread_mutex_lock(&db->lock);
	unsigned slot = 0;
	while (slot < p->count && p->conns[slot] != conn)
		slot++;
	assert(slot < p->count);
	if (broken)
		p->conns[slot] = NULL;
	p->taken[slot] = false;
	(void)pthread_cond_broadcast(&db->given_back);
	(void)pthread_mutex_unlock(&db->lock);
	if (broken)
		db->driver->disconnect(conn);
}

static void close_rows(struct db_conn *conn)
{
	while (conn->open_rows != NULL) {
		struct db_rows *rows = conn->open_rows;
		conn->open_rows = rows->next_open;
		conn->driver->rows_free(rows);
	}
}

/* The rest of an attempt, after BEGIN succeeded. */
static int run_and_end(struct db_conn *conn, db_fn fn, void *ctx, bool *ret_again, struct err *err)
{
	struct db_tx tx = {.conn = conn};
	int result = fn(&tx, ctx, err);
	close_rows(conn);
	/* A function that overlooked a failed statement must not commit the rest. */
	if (result >= 0 && conn->failed) {
		if (err != NULL)
			*err = conn->first;
		result = conn->first.code;
	}
	if (result >= 0) {
		int r = conn->driver->commit(conn, err);
		if (r == 0)
			return result;
		result = r;
		/* Broken in COMMIT: nobody knows, so nobody repeats. */
		*ret_again = conn->conflict && !conn->broken;
	} else {
		*ret_again = conn->conflict || conn->broken;
	}
	if (!conn->broken)
		conn->driver->rollback(conn);
	return result;
}

int db_attempt(struct db_conn *conn, bool write, db_fn fn, void *ctx, bool *ret_again, struct err *err)
{
	conn->conflict = conn->failed = false;
	err_clear(&conn->first);
	int r = conn->driver->begin(conn, write, err);
	if (r == 0)
		return run_and_end(conn, fn, ctx, ret_again, err);
	*ret_again = conn->conflict || conn->broken;
	if (!conn->broken)
		conn->driver->rollback(conn);
	return r;
}

/* A random part, so that two that collided do not collide again. */
static void pause_before(unsigned attempt)
{
	unsigned char byte;
	random_bytes(&byte, 1);
	long most_ms = attempt < 8 ? 1L << attempt : 256;
	long ns = (most_ms * 1000000 / 256) * (byte + 1);
	(void)nanosleep(&(struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}, NULL);
}

/* A transaction that met a conflict stands in a queue with the others that did, so that it makes progress
 * however many writers there are. */
static int write_once(struct db *db, struct db_conn *conn, bool repeated, db_fn fn, void *ctx, bool *ret_again,
                      struct err *err)
{
	bool queued = repeated && db->driver->queue != NULL;
	if (queued) {
		int r = db->driver->queue(conn, DB_QUEUE_REPEATED_WRITE, true, err);
		if (r < 0) {
			*ret_again = conn->broken;
			return r;
		}
	}
	int result = db_attempt(conn, true, fn, ctx, ret_again, err);
	if (queued && !conn->broken && db->driver->queue(conn, DB_QUEUE_REPEATED_WRITE, false, NULL) < 0)
		conn->broken = true; /* its end releases the lock */
	return result;
}

static int write_all(struct db *db, db_fn fn, void *ctx, struct err *err)
{
	int result = -EAGAIN;
	bool conflict = false;
	unsigned unreachable = 0;
	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (attempt > 0)
			pause_before(attempt);
		err_clear(err);
		struct db_conn *conn = NULL;
		result = take(db, true, &conn, err);
		if (result < 0) {
			if (db->driver->single_writer || ++unreachable >= CONNECT_ATTEMPTS)
				return result;
			continue;
		}
		bool again = false;
		result = write_once(db, conn, conflict, fn, ctx, &again, err);
		conflict = conflict || conn->conflict;
		db_give_back(db, conn, true);
		if (!again)
			return result;
	}
	return result == -EAGAIN ? result : err_set(err, -EAGAIN, "db.busy", ARG_CSTR("reason", "too many conflicts"));
}

static int read_all(struct db *db, db_fn fn, void *ctx, struct err *err)
{
	/* A kept connection may have died while idle (server restarted): seen at BEGIN, before fn ran. */
	for (unsigned attempt = 0;; attempt++) {
		struct db_conn *conn = NULL;
		int r = take(db, false, &conn, err);
		if (r < 0)
			return r;
		conn->conflict = conn->failed = false;
		r = conn->driver->begin(conn, false, err);
		if (r == 0) {
			bool again = false;
			r = run_and_end(conn, fn, ctx, &again, err);
			db_give_back(db, conn, false);
			return r;
		}
		bool broken = conn->broken;
		db_give_back(db, conn, false);
		if (!broken || attempt >= READERS_MAX)
			return r;
		err_clear(err);
	}
}

static int counted(struct db *db, bool write, db_fn fn, void *ctx, struct err *err)
{
	usec_t begun = clock_monotonic();
	int r = write ? write_all(db, fn, ctx, err) : read_all(db, fn, ctx, err);
	atomic_fetch_add_explicit(&db->transactions[write], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&db->busy[write], (uint64_t)(clock_monotonic() - begun), memory_order_relaxed);
	return r;
}

int db_read(struct db *db, db_fn fn, void *ctx, struct err *err)
{
	return counted(db, false, fn, ctx, err);
}

int db_write(struct db *db, db_fn fn, void *ctx, struct err *err)
{
	return counted(db, true, fn, ctx, err);
}

void db_load(struct db *db, struct db_load *ret)
{
	for (size_t i = 0; i < 2; i++) {
		ret->transactions[i] = atomic_load_explicit(&db->transactions[i], memory_order_relaxed);
		ret->busy[i] = (usec_t)atomic_load_explicit(&db->busy[i], memory_order_relaxed);
	}
}

/* After a failed statement PostgreSQL refuses the rest of the transaction and SQLite would not: both refuse. */
static int note_failure(struct db_conn *conn, int r, struct err *local, struct err *err)
{
	if (!conn->failed) {
		conn->failed = true;
		conn->first = *local;
		conn->first.code = r;
	}
	if (err != NULL)
		*err = *local;
	return r;
}

static int check_statement(const struct db_conn *conn, const struct db_value *values, size_t count, struct err *err)
{
	if (conn->failed) {
		*err = conn->first;
		return conn->first.code;
	}
	/* SQLite would store anything as TEXT, PostgreSQL would not. */
	for (size_t i = 0; i < count; i++) {
		if (values[i].type == DB_TYPE_TEXT && !text_is_utf8(values[i].s))
			return err_set(err, -EINVAL, "db.text", ARG_U64("parameter", i + 1));
	}
	return 0;
}

int db_exec_values(struct db_tx *tx, struct err *err, const char *sql, const struct db_value *values, size_t count)
{
	struct err local = {.code = 0};
	int r = check_statement(tx->conn, values, count, &local);
	if (r == 0)
		r = tx->conn->driver->exec(tx->conn, sql, values, count, &local);
	return r < 0 ? note_failure(tx->conn, r, &local, err) : r;
}

int db_query_values(struct db_tx *tx, struct db_rows **ret, struct err *err, const char *sql,
                    const struct db_value *values, size_t count)
{
	struct err local = {.code = 0};
	struct db_rows *rows = NULL;
	int r = check_statement(tx->conn, values, count, &local);
	if (r == 0)
		r = tx->conn->driver->query(tx->conn, &rows, sql, values, count, &local);
	if (r != 0)
		return note_failure(tx->conn, r, &local, err);
	rows->next_open = tx->conn->open_rows;
	tx->conn->open_rows = rows;
	*ret = rows;
	return 0;
}

int db_next(struct db_rows *rows, struct err *err)
{
	struct err local = {.code = 0};
	int r = rows->conn->driver->next(rows, &local);
	return r < 0 ? note_failure(rows->conn, r, &local, err) : r;
}

void db_rows_done(struct db_rows **rows)
{
	struct db_rows *r = *rows;
	if (r == NULL)
		return;
	struct db_rows **link = &r->conn->open_rows;
	while (*link != r)
		link = &(*link)->next_open;
	*link = r->next_open;
	r->conn->driver->rows_free(r);
	*rows = NULL;
}

bool db_is_null(const struct db_rows *rows, unsigned column)
{
	return rows->conn->driver->is_null(rows, column);
}

int64_t db_int(const struct db_rows *rows, unsigned column)
{
	return rows->conn->driver->get_int(rows, column);
}

struct str db_text(const struct db_rows *rows, unsigned column)
{
	return rows->conn->driver->get_bytes(rows, column);
}

struct uuid db_uuid(const struct db_rows *rows, unsigned column)
{
	struct uuid u = {.b = {0}};
	struct str s = db_text(rows, column);
	for (size_t i = 0; i < sizeof u.b && s.n == sizeof u.b; i++)
		u.b[i] = (unsigned char)s.p[i];
	return u;
}

enum db_kind db_tx_kind(const struct db_tx *tx)
{
	return tx->conn->driver->kind;
}

int db_query_int_values(struct db_tx *tx, int64_t *ret, struct err *err, const char *sql,
                        const struct db_value *values, size_t count)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query_values(tx, &rows, err, sql, values, count);
	if (r != 0)
		return r;
	r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -ENOENT, "db.no_row");
	*ret = db_int(rows, 0);
	return 0;
}

int db_tx_script(struct db_tx *tx, const char *sql, struct err *err)
{
	struct err local = {.code = 0};
	int r = tx->conn->driver->script(tx->conn, sql, &local);
	return r < 0 ? note_failure(tx->conn, r, &local, err) : r;
}
