/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Private to platform/db: what a database driver supplies, and the statement
 * cache that both drivers use. db.c owns transactions, retries and the pools;
 * a driver knows one connection.
 * Threads: a connection is used by one thread at a time (the pool sees to it).
 */
#pragma once
#include "base/mem/mem.h"
#include "platform/db/db.h"

struct db_driver;

/* First member of every driver's connection. The driver sets the flags, db.c clears them at begin. */
struct db_conn {
	const struct db_driver *driver;
	struct db_rows *open_rows; /* results not yet closed */
	bool conflict;             /* another writer got in between: the transaction may be run again */
	bool broken;               /* the connection is gone: disconnect it */
	bool failed;               /* a statement failed: the transaction can only be rolled back */
	struct err first;          /* the error that set `failed` */
};

/* First member of every driver's result. */
struct db_rows {
	struct db_conn *conn;
	struct db_rows *next_open;
};

enum db_queue { DB_QUEUE_REPEATED_WRITE, DB_QUEUE_MIGRATION, DB_QUEUE__COUNT };

/* READ_ONLY: of a handle that never writes, not even to make the file. */
enum db_use { DB_USE_READ, DB_USE_WRITE, DB_USE_READ_ONLY };

struct db_driver {
	enum db_kind kind;
	bool single_writer;
	int (*connect)(struct db_conn **ret, const char *url, enum db_use use, struct err *err);
	void (*disconnect)(struct db_conn *conn);
	int (*begin)(struct db_conn *conn, bool write, struct err *err);
	/* -EIO (db.write_uncertain) and conn->broken when the outcome is unknown. */
	int (*commit)(struct db_conn *conn, struct err *err);
	void (*rollback)(struct db_conn *conn);
	int (*exec)(struct db_conn *conn, const char *sql, const struct db_value *values, size_t count,
	            struct err *err);
	int (*query)(struct db_conn *conn, struct db_rows **ret, const char *sql, const struct db_value *values,
	             size_t count, struct err *err);
	/* Several statements without parameters. */
	int (*script)(struct db_conn *conn, const char *sql, struct err *err);
	/* A lock that all processes on this database share, held across transactions; NULL: BEGIN is enough. */
	int (*queue)(struct db_conn *conn, enum db_queue queue, bool enter, struct err *err);
	int (*next)(struct db_rows *rows, struct err *err);
	bool (*is_null)(const struct db_rows *rows, unsigned column);
	int64_t (*get_int)(const struct db_rows *rows, unsigned column);
	struct str (*get_bytes)(const struct db_rows *rows, unsigned column);
	void (*rows_free)(struct db_rows *rows);
};

extern const struct db_driver db_sqlite_driver;
extern const struct db_driver db_postgresql_driver;

/* Statements of one connection, by SQL text; the least recently used idle one makes room. */
struct db_cache_entry {
	char *sql;
	uint64_t hash;
	uint64_t used; /* tick of the last use */
	bool busy;     /* rows of it are being read */
	void *statement;
};

#define DB_CACHE_SIZE 384

struct db_cache {
	struct db_cache_entry entries[DB_CACHE_SIZE];
	unsigned count;
	uint64_t tick;
};

/* An idle entry for this SQL that `fits` accepts, or NULL. */
struct db_cache_entry *db_cache_find(struct db_cache *cache, const char *sql,
                                     bool (*fits)(const void *statement, const void *ctx), const void *ctx);
/* Adds a statement; `drop` frees the one that makes room. */
struct db_cache_entry *db_cache_add(struct db_cache *cache, const char *sql, void *statement,
                                    void (*drop)(void *statement, void *ctx), void *ctx);
void db_cache_clear(struct db_cache *cache, void (*drop)(void *statement, void *ctx), void *ctx);

/* "SELECT $1" → "SELECT ?1", leaving quoted text and comments alone. */
void db_sqlite_rewrite(const char *sql, struct buf *out);
/* Puts a database's type words into migration text. */
void db_migration_words(enum db_kind kind, const char *sql, struct buf *out);

/* Pool access for db_migrate.c: a writing connection, given back with db_give_back. */
int db_take_writer(struct db *db, struct db_conn **ret, struct err *err) WARN_UNUSED;
void db_give_back(struct db *db, struct db_conn *conn, bool writer);
/* One attempt at a transaction on this connection. *ret_again: it may be repeated. */
int db_attempt(struct db_conn *conn, bool write, db_fn fn, void *ctx, bool *ret_again, struct err *err) WARN_UNUSED;
/* Several statements inside the running transaction. */
int db_tx_script(struct db_tx *tx, const char *sql, struct err *err) WARN_UNUSED;
