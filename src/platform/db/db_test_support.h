/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * db_test_support: runs a test on a fresh empty database of each kind. SQLite
 * always; PostgreSQL when LUYTRE_TEST_PG names one (tools/with_postgres.sh),
 * each time in a schema of its own, which is dropped afterwards.
 *
 * For test programs only. cmocka's headers come before this one.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "platform/db/db.h"

/* `url` opens further handles on the same database. */
typedef void (*db_test_fn)(struct db *db, const char *url);

static inline void db_test_fail(const char *what, const struct err *err)
{
	char line[512];
	(void)fprintf(stderr, "%s: %s\n", what, err_line(err, line, sizeof line));
	abort();
}

static inline void db_test_sqlite(db_test_fn fn)
{
	/* In memory where the system has it: the tests ask for thousands of synced commits. */
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s/luytre-db-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(dir) == NULL)
		abort();
	char url[96], path[96];
	(void)snprintf(url, sizeof url, "sqlite:%s/db", dir);
	struct db *db = NULL;
	struct err err = {.code = 0};
	if (db_open(url, 4, &db, &err) < 0)
		db_test_fail(url, &err);
	fn(db, url);
	db_close(db);
	static const char *const names[] = {"db", "db-wal", "db-shm"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

struct db_test_schema {
	char sql[80];
};

static inline int db_test_run(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct db_test_schema *s = ctx;
	return db_exec(tx, err, s->sql);
}

static inline void db_test_postgresql(const char *base, db_test_fn fn)
{
	struct uuid id = uuid_new();
	char name[40] = "t_";
	for (size_t i = 0; i < sizeof id.b; i++)
		(void)snprintf(name + 2 + 2 * i, 3, "%02x", id.b[i]);
	struct db *owner = NULL, *db = NULL;
	struct err err = {.code = 0};
	struct db_test_schema make, drop;
	(void)snprintf(make.sql, sizeof make.sql, "CREATE SCHEMA %s", name);
	(void)snprintf(drop.sql, sizeof drop.sql, "DROP SCHEMA %s CASCADE", name);
	char url[512];
	(void)snprintf(url, sizeof url, "%s%coptions=-csearch_path%%3D%s", base, strchr(base, '?') != NULL ? '&' : '?', name);
	if (db_open(base, 1, &owner, &err) < 0 || db_write(owner, db_test_run, &make, &err) < 0 ||
	    db_open(url, 4, &db, &err) < 0)
		db_test_fail(url, &err);
	fn(db, url);
	db_close(db);
	if (db_write(owner, db_test_run, &drop, &err) < 0)
		db_test_fail(drop.sql, &err);
	db_close(owner);
}

static inline void db_test_each(db_test_fn fn)
{
	db_test_sqlite(fn);
	const char *url = getenv("LUYTRE_TEST_PG");
	if (url != NULL && url[0] != '\0')
		db_test_postgresql(url, fn);
	else
		(void)fprintf(stderr, "PostgreSQL was NOT tested: LUYTRE_TEST_PG is not set (tools/with_postgres.sh)\n");
}
