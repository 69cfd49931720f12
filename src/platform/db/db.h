/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * db: the state database, SQLite (WAL, STRICT) or PostgreSQL, behind one
 * interface. SQL is written once in the common subset with $1 … $n; the SQLite
 * driver rewrites $n to ?n, because SQLite numbers $n by appearance.
 *
 * Writes go through db_write only: one function, run in a serialisable
 * transaction, run again from the start when another writer got in between.
 * So the function must have no side effects but the database and its ctx, and
 * must set ctx anew on each run. Events for others go to the outbox table.
 * A failed statement ends its transaction on both databases: later ones repeat
 * the first error and nothing is committed (use ON CONFLICT to expect a clash).
 * Text must be UTF-8 without NUL (-EINVAL, db.text).
 *
 * Does not live here: SQL of services (their *_db.c), the event store (engine/event).
 * Threads: struct db is shared by all threads; a struct db_tx belongs to the
 * thread that runs the function; rows belong to their tx.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/uuid/uuid.h"

struct db;
struct db_tx;
struct db_rows;

enum db_kind { DB_SQLITE, DB_POSTGRESQL };

/*
 * url: "sqlite:/path/to/file" (made when missing) or a libpq URL
 * "postgresql://…". `readers`: connections for db_read (1..64); SQLite has one
 * writer connection behind a lock, PostgreSQL `readers` more for writing.
 */
int db_open(const char *url, unsigned readers, struct db **ret, struct err *err) WARN_UNUSED;
/* To look only, beside whoever writes: makes nothing, one connection; db_write answers -ENOTSUP (db.read_only). */
int db_open_read(const char *url, struct db **ret, struct err *err) WARN_UNUSED;
void db_close(struct db *db);
static inline void db_freep(struct db **db)
{
	if (*db != NULL)
		db_close(*db);
}
enum db_kind db_kind(const struct db *db);

typedef int (*db_fn)(struct db_tx *tx, void *ctx, struct err *err);

/* Runs fn in one read snapshot. */
int db_read(struct db *db, db_fn fn, void *ctx, struct err *err) WARN_UNUSED;
/* Runs fn in a serialisable transaction and commits when it returns >= 0; rolls back otherwise.
 * Conflicts are repeated up to 20 times with growing pauses, then -EAGAIN (db.busy).
 * -EIO with key db.write_uncertain: the connection broke during COMMIT; the caller must read back. */
int db_write(struct db *db, db_fn fn, void *ctx, struct err *err) WARN_UNUSED;

/* A connection for writing is free at this moment: for writes that may as well be done another time. */
bool db_writer_idle(struct db *db);

/* Since it was opened: [0] reading, [1] writing. Waiting for a connection and repeats are part of it. */
struct db_load {
	uint64_t transactions[2];
	usec_t busy[2];
};
void db_load(struct db *db, struct db_load *ret);

enum db_type { DB_TYPE_NULL, DB_TYPE_INT, DB_TYPE_TEXT, DB_TYPE_BLOB };

struct db_value {
	enum db_type type;
	int64_t i;
	struct str s;
};

#define DB_NULL ((struct db_value){.type = DB_TYPE_NULL})
#define DB_INT(v) ((struct db_value){.type = DB_TYPE_INT, .i = (int64_t)(v)})
#define DB_TEXT(str_) ((struct db_value){.type = DB_TYPE_TEXT, .s = (str_)})
#define DB_CSTR(c) db_cstr(c) /* NULL pointer binds NULL */
#define DB_BLOB(str_) ((struct db_value){.type = DB_TYPE_BLOB, .s = (str_)})
#define DB_UUID(u) ((struct db_value){.type = DB_TYPE_BLOB, .s = {(const char *)(u)->b, 16}})
/* A null uuid binds NULL. */
#define DB_UUID_OR_NULL(u) (uuid_is_null(u) ? DB_NULL : DB_UUID(u))
#define DB_TEXT_OR_NULL(str_) ((str_).n == 0 ? DB_NULL : DB_TEXT(str_))

static inline struct db_value db_cstr(const char *c)
{
	return c != NULL ? DB_TEXT(str_c(c)) : DB_NULL;
}

/* Statements are prepared once per connection and kept. Values borrow until the call returns.
 * Returns the number of changed rows (0 … INT_MAX) or a negative class: -EEXIST (db.unique) on a
 * uniqueness conflict, -EINVAL (db.constraint) on another constraint. */
int db_exec_values(struct db_tx *tx, struct err *err, const char *sql, const struct db_value *values,
                   size_t count) WARN_UNUSED;
/* Rows are closed by db_rows_done (or by the end of the transaction). */
int db_query_values(struct db_tx *tx, struct db_rows **ret, struct err *err, const char *sql,
                    const struct db_value *values, size_t count) WARN_UNUSED;
#define DB_VALUES_(...) (const struct db_value[]){DB_NULL __VA_OPT__(, ) __VA_ARGS__} + 1
#define DB_COUNT_(...) (sizeof((const struct db_value[]){DB_NULL __VA_OPT__(, ) __VA_ARGS__}) / sizeof(struct db_value) - 1)
#define db_exec(tx, err, sql, ...) db_exec_values((tx), (err), (sql), DB_VALUES_(__VA_ARGS__), DB_COUNT_(__VA_ARGS__))
#define db_query(tx, ret, err, sql, ...)                                                           \
	db_query_values((tx), (ret), (err), (sql), DB_VALUES_(__VA_ARGS__), DB_COUNT_(__VA_ARGS__))

/* 1: a row is current, 0: no more, negative: failed. */
int db_next(struct db_rows *rows, struct err *err) WARN_UNUSED;
void db_rows_done(struct db_rows **rows);
#define cleanup_rows __attribute__((__cleanup__(db_rows_done)))
/* Columns from 0; text and blobs are borrowed until the next db_next. Wrong type: zero value. */
bool db_is_null(const struct db_rows *rows, unsigned column);
int64_t db_int(const struct db_rows *rows, unsigned column);
struct str db_text(const struct db_rows *rows, unsigned column);
struct uuid db_uuid(const struct db_rows *rows, unsigned column); /* null uuid for NULL */

enum db_kind db_tx_kind(const struct db_tx *tx);
/* One integer of the first row; -ENOENT (db.no_row) when there is none. */
int db_query_int_values(struct db_tx *tx, int64_t *ret, struct err *err, const char *sql,
                        const struct db_value *values, size_t count) WARN_UNUSED;
#define db_query_int(tx, ret, err, sql, ...)                                                       \
	db_query_int_values((tx), (ret), (err), (sql), DB_VALUES_(__VA_ARGS__), DB_COUNT_(__VA_ARGS__))

/*
 * Migrations: numbered, forward only, each in one transaction, recorded in
 * table schema_migration(room, number, applied_at). Text is SQL of both
 * databases with these words replaced: {int} → INTEGER / BIGINT, {blob} → BLOB / BYTEA,
 * {text} → TEXT, {strict} → STRICT / nothing (after the closing parenthesis of CREATE TABLE).
 * Booleans are {int} 0/1, uuids {blob}, times {int} microseconds.
 */
struct db_migration {
	const char *room; /* "incident" */
	unsigned number;  /* from 1, without gaps within a room */
	const char *sql;  /* several statements, each ended by ";\n" */
};

/* Applies what is missing, in list order; two processes at once are safe.
 * -ESTALE (db.schema_newer) when the database knows migrations that we do not. */
int db_migrate(struct db *db, const struct db_migration *migrations, size_t count, struct err *err) WARN_UNUSED;
/* How many db_migrate would apply; -ESTALE as there. Looks only. */
int db_migrations_missing(struct db *db, const struct db_migration *migrations, size_t count, size_t *ret,
                          struct err *err) WARN_UNUSED;

/*
 * A consistent copy of a SQLite database into a new file (mode 0600), taken in one snapshot while others go on writing,
 * and checked (PRAGMA quick_check). -ENOTSUP (db.not_sqlite): PostgreSQL has its own tools. -EBADMSG (db.corrupt).
 */
int db_sqlite_copy(const char *url, const char *path, struct err *err) WARN_UNUSED;
