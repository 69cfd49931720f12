/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "platform/db/db_driver.h"
#include "platform/db/db_test_support.h"

static const struct db_migration base_schema[] = {
	{"item", 1,
         "CREATE TABLE item (id {blob} NOT NULL PRIMARY KEY, name {text} NOT NULL UNIQUE, amount {int} NOT NULL,\n"
         "  note {text}, CHECK (amount >= 0)) {strict};\n"
         "CREATE TABLE part (id {int} NOT NULL PRIMARY KEY, item_id {blob} NOT NULL REFERENCES item (id)) {strict};\n"},
	{"item", 2, "ALTER TABLE item ADD COLUMN picture {blob};\n"},
};

static void migrate(struct db *db)
{
	struct err err = {.code = 0};
	if (db_migrate(db, base_schema, ARRAY_LEN(base_schema), &err) < 0)
		db_test_fail("migrate", &err);
}

static void must(int r, const struct err *err)
{
	if (r < 0)
		db_test_fail("unexpected", err);
}

static int insert(struct db_tx *tx, const struct uuid *id, const char *name, int64_t amount, struct err *err)
{
	return db_exec(tx, err, "INSERT INTO item (id, name, amount, note) VALUES ($1, $2, $3, $4)", DB_UUID(id),
	               DB_CSTR(name), DB_INT(amount), DB_NULL);
}

static int get_amount(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_query_int(tx, ctx, err, "SELECT amount FROM item WHERE name = $1", DB_CSTR("a"));
}

static int count_items(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_query_int(tx, ctx, err, "SELECT count(*) FROM item");
}

/* Values of every type, to their limits, there and back. */
static const struct {
	int64_t amount;
	struct str note;
	struct str picture;
} round_trips[] = {
	{0, STR(""), STR("")},
	{1, STR("Nguyễn Văn Hải"), STR("\0\1\2")},
	{INT64_MAX, STR("'; DROP TABLE item; --"), STR("\xff\xfe")},
	{255, STR("$1 ?1 \" ' \\ % _"), STR("\\x00")},
};

static int store_round_trips(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(round_trips); i++) {
		struct uuid id = uuid_new();
		char name[8];
		(void)snprintf(name, sizeof name, "n%zu", i);
		int r = db_exec(tx, err, "INSERT INTO item (id, name, amount, note, picture) VALUES ($5, $4, $3, $2, $1)",
		                DB_BLOB(round_trips[i].picture), DB_TEXT(round_trips[i].note),
		                DB_INT(round_trips[i].amount), DB_CSTR(name), DB_UUID(&id));
		if (r != 1)
			return r < 0 ? r : -EPROTO;
	}
	return 0;
}

static int check_round_trips(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT amount, note, picture, name, id FROM item ORDER BY name");
	size_t i = 0;
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		assert_int_equal(db_int(rows, 0), round_trips[i].amount);
		assert_true(str_eq(db_text(rows, 1), round_trips[i].note));
		assert_true(str_eq(db_text(rows, 2), round_trips[i].picture));
		assert_int_equal(db_text(rows, 0).n, 0);
		assert_int_equal(db_int(rows, 1), 0);
		assert_true(db_is_null(rows, 99));
		struct uuid id = db_uuid(rows, 4);
		assert_false(uuid_is_null(&id));
		i++;
	}
	assert_int_equal(i, ARRAY_LEN(round_trips));
	return r;
}

static void round_trip(struct db *db, const char *url)
{
	(void)url;
	migrate(db);
	struct err err = {.code = 0};
	must(db_write(db, store_round_trips, NULL, &err), &err);
	must(db_read(db, check_round_trips, NULL, &err), &err);
}

/* Results and parameters whose types the two databases would name differently. */
static int odd_types(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	struct uuid a = uuid_new(), b = uuid_new();
	must(insert(tx, &a, "a", 70000, err), err);
	must(insert(tx, &b, "b", 5, err), err);
	static const struct {
		const char *sql;
		int64_t expected;
	} cases[] = {
		{"SELECT sum(amount) FROM item", 70005},
		{"SELECT -sum(amount) FROM item", -70005},
		{"SELECT count(*) FROM item", 2},
		{"SELECT EXISTS (SELECT 1 FROM item WHERE amount > 6)", 1},
		{"SELECT 7", 7},
		{"SELECT max(length(name)) FROM item", 1},
		{"SELECT coalesce(sum(amount), 0) FROM item WHERE amount < 0", 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t got = -1;
		must(db_query_int(tx, &got, err, cases[i].sql), err);
		assert_int_equal(got, cases[i].expected);
	}
	/* The same statement with NULL first and a value afterwards, and the other way round. */
	for (int i = 0; i < 4; i++) {
		struct db_value note = i % 2 == 0 ? DB_NULL : DB_CSTR("x");
		assert_int_equal(db_exec(tx, err, "UPDATE item SET note = $1, picture = $2 WHERE id = $3", note, DB_NULL,
		                         DB_UUID(&a)), 1);
	}
	int64_t found = 0;
	must(db_query_int(tx, &found, err, "SELECT count(*) FROM item WHERE amount > $1 LIMIT $2", DB_INT(6), DB_INT(1)),
	     err);
	assert_int_equal(found, 1);
	assert_int_equal(db_exec(tx, err, "DELETE FROM item WHERE name = $1", DB_CSTR("nobody")), 0);
	assert_int_equal(db_query_int(tx, &found, err, "SELECT amount FROM item WHERE name = $1", DB_CSTR("nobody")),
	                 -ENOENT);
	return 0;
}

static void types(struct db *db, const char *url)
{
	(void)url;
	migrate(db);
	struct err err = {.code = 0};
	must(db_write(db, odd_types, NULL, &err), &err);
}

/* Two results of one statement open at once, and RETURNING. */
static int nested(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	struct uuid a = uuid_new(), b = uuid_new();
	must(insert(tx, &a, "a", 1, err), err);
	must(insert(tx, &b, "b", 2, err), err);
	const char *sql = "SELECT name FROM item ORDER BY name";
	unsigned pairs = 0;
	cleanup_rows struct db_rows *outer = NULL;
	must(db_query(tx, &outer, err, sql), err);
	while (db_next(outer, err) > 0) {
		cleanup_rows struct db_rows *inner = NULL;
		must(db_query(tx, &inner, err, sql), err);
		while (db_next(inner, err) > 0)
			pairs++;
		assert_int_equal(db_next(inner, err), 0);
	}
	assert_int_equal(pairs, 4);
	/* Never stepped, yet done; the rows are left to the end of the transaction on purpose. */
	struct db_rows *unread = NULL;
	must(db_query(tx, &unread, err, "UPDATE item SET amount = amount + 10 WHERE name = $1 RETURNING amount",
	              DB_CSTR("a")), err);
	return 0;
}

static void results(struct db *db, const char *url)
{
	(void)url;
	migrate(db);
	struct err err = {.code = 0};
	must(db_write(db, nested, NULL, &err), &err);
	int64_t amount = 0;
	must(db_read(db, get_amount, &amount, &err), &err);
	assert_int_equal(amount, 11);
}

enum fault { FAULT_UNIQUE, FAULT_CHECK, FAULT_FOREIGN, FAULT_SYNTAX, FAULT_NUL, FAULT_UTF8, FAULT_COUNT, FAULT_OWN };

static int faulty(struct db_tx *tx, void *ctx, struct err *err)
{
	struct uuid a = uuid_new(), b = uuid_new();
	must(insert(tx, &a, "a", 1, err), err);
	switch (*(const enum fault *)ctx) {
	case FAULT_UNIQUE:
		return insert(tx, &b, "a", 1, err);
	case FAULT_CHECK:
		return insert(tx, &b, "b", -1, err);
	case FAULT_FOREIGN:
		return db_exec(tx, err, "INSERT INTO part (id, item_id) VALUES ($1, $2)", DB_INT(1), DB_UUID(&b));
	case FAULT_SYNTAX:
		return db_exec(tx, err, "SELEKT 1");
	case FAULT_NUL:
		return db_exec(tx, err, "UPDATE item SET note = $1", DB_TEXT(STR("a\0b")));
	case FAULT_UTF8:
		return db_exec(tx, err, "UPDATE item SET note = $1", DB_TEXT(STR("\xc3")));
	case FAULT_COUNT:
		return db_exec(tx, err, "UPDATE item SET note = $1 WHERE name = $2", DB_CSTR("x"));
	case FAULT_OWN:
		return err_set(err, -EACCES, "test.refused");
	}
	return 0;
}

static int swallows(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)faulty(tx, ctx, err);
	/* Refused on both databases, though SQLite could go on. */
	struct uuid b = uuid_new();
	assert_true(insert(tx, &b, "b", 1, err) < 0);
	return 0;
}

static void faults(struct db *db, const char *url)
{
	(void)url;
	migrate(db);
	static const struct {
		enum fault fault;
		int code;
		const char *key;
	} cases[] = {
		{FAULT_UNIQUE, -EEXIST, "db.unique"},   {FAULT_CHECK, -EINVAL, "db.constraint"},
		{FAULT_FOREIGN, -EINVAL, "db.constraint"}, {FAULT_SYNTAX, -EIO, "db.failed"},
		{FAULT_NUL, -EINVAL, "db.text"},        {FAULT_UTF8, -EINVAL, "db.text"},
		{FAULT_COUNT, -EINVAL, "db.parameter_count"}, {FAULT_OWN, -EACCES, "test.refused"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {.code = 0};
		enum fault fault = cases[i].fault;
		assert_int_equal(db_write(db, faulty, &fault, &err), cases[i].code);
		assert_string_equal(err.key, cases[i].key);
		if (fault != FAULT_OWN) {
			assert_int_equal(db_write(db, swallows, &fault, &err), cases[i].code);
			assert_string_equal(err.key, cases[i].key);
		}
		int64_t items = -1;
		must(db_read(db, count_items, &items, &err), &err);
		assert_int_equal(items, 0); /* nothing half-done */
	}
}

static int write_in_read(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	struct uuid a = uuid_new();
	return insert(tx, &a, "a", 1, err);
}

static void read_only(struct db *db, const char *url)
{
	(void)url;
	migrate(db);
	struct err err = {.code = 0};
	assert_true(db_read(db, write_in_read, NULL, &err) < 0);
	int64_t items = -1;
	must(db_read(db, count_items, &items, &err), &err);
	assert_int_equal(items, 0);
}

/* Beside a writer, and never a writer itself. */
static void opened_read_only(struct db *db, const char *url)
{
	migrate(db);
	struct err err = {.code = 0};
	struct db *reader = NULL;
	must(db_open_read(url, &reader, &err), &err);
	assert_int_equal(db_write(reader, write_in_read, NULL, &err), -ENOTSUP);
	assert_string_equal(err.key, "db.read_only");
	must(db_write(db, write_in_read, NULL, &err), &err);
	int64_t items = -1;
	must(db_read(reader, count_items, &items, &err), &err);
	assert_int_equal(items, 1);
	db_close(reader);
	assert_int_equal(db_open_read("sqlite:/nowhere/luytre-none", &reader, &err), -EIO);
}

/* Whether another process sees that this one uses the database: what keeps it from deleting the WAL. The bytes are
 * SQLite's SHARED_FIRST and SHARED_SIZE (os.h). */
static bool seen_as_used(const char *path)
{
	pid_t child = fork();
	if (child == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000002, .l_len = 510};
		int fd = open(path, O_RDWR | O_CLOEXEC);
		_exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
	}
	int status = -1;
	return waitpid(child, &status, 0) == child && status == 0;
}

static void stays_locked(struct db *db, const char *url)
{
	struct err err = {.code = 0};
	migrate(db);
	if (db_kind(db) != DB_SQLITE)
		return;
	int64_t items = -1;
	must(db_read(db, count_items, &items, &err), &err);
	assert_true(seen_as_used(url + strlen("sqlite:")));
	struct db *other = NULL;
	must(db_open(url, 1, &other, &err), &err);
	assert_true(seen_as_used(url + strlen("sqlite:")));
	db_close(other);
	assert_true(seen_as_used(url + strlen("sqlite:")));
}

static const struct db_migration more_schema[] = {
	{"item", 1, "never run again"},
	{"item", 2, "never run again"},
	{"note", 1, "CREATE TABLE note (id {int} NOT NULL PRIMARY KEY) {strict};\nINSERT INTO note (id) VALUES (1);\n"},
};
static const struct db_migration bad_schema[] = {
	{"item", 1, ""},
	{"item", 2, ""},
	{"bad", 1, "CREATE TABLE bad (id {int} NOT NULL PRIMARY KEY) {strict};\nINSERT INTO nothing (id) VALUES (1);\n"},
};

static int count_bad(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_query_int(tx, ctx, err, "SELECT count(*) FROM bad");
}

static void migrations(struct db *db, const char *url)
{
	struct err err = {.code = 0};
	size_t missing = 0;
	(void)url;
	must(db_migrations_missing(db, base_schema, ARRAY_LEN(base_schema), &missing, &err), &err);
	assert_int_equal(missing, ARRAY_LEN(base_schema)); /* not even the bookkeeping is there */
	migrate(db);
	migrate(db);
	must(db_migrations_missing(db, base_schema, ARRAY_LEN(base_schema), &missing, &err), &err);
	assert_int_equal(missing, 0);
	must(db_migrations_missing(db, more_schema, ARRAY_LEN(more_schema), &missing, &err), &err);
	assert_int_equal(missing, ARRAY_LEN(more_schema) - ARRAY_LEN(base_schema));
	assert_true(db_migrate(db, bad_schema, ARRAY_LEN(bad_schema), &err) < 0);
	assert_string_equal(err.place, "bad");
	int64_t n = -1;
	assert_true(db_read(db, count_bad, &n, &err) < 0); /* the half that worked is gone too */
	must(db_migrate(db, more_schema, ARRAY_LEN(more_schema), &err), &err);
	assert_int_equal(db_migrate(db, base_schema, ARRAY_LEN(base_schema), &err), -ESTALE);
	assert_string_equal(err.key, "db.schema_newer");
	assert_string_equal(err_arg(&err, "room"), "note");
	assert_int_equal(db_migrations_missing(db, base_schema, ARRAY_LEN(base_schema), &missing, &err), -ESTALE);
}

#define THREADS 4
#define INCREMENTS 50

struct worker {
	struct db *db;
	unsigned done;
	struct err err;
};

static int increment(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	int64_t amount = 0;
	int r = db_query_int(tx, &amount, err, "SELECT amount FROM item WHERE name = $1", DB_CSTR("a"));
	if (r < 0)
		return r;
	return db_exec(tx, err, "UPDATE item SET amount = $1 WHERE name = $2", DB_INT(amount + 1), DB_CSTR("a"));
}

static void *run_worker(void *ctx)
{
	struct worker *w = ctx;
	for (unsigned i = 0; i < INCREMENTS; i++) {
		if (db_write(w->db, increment, NULL, &w->err) >= 0)
			w->done++;
	}
	return NULL;
}

static int make_counter(struct db_tx *tx, void *ctx, struct err *err)
{
	struct uuid id = uuid_new();
	(void)ctx;
	return insert(tx, &id, "a", 0, err);
}

/* Read-modify-write from several threads, half of them on a second handle, as a second core process would. */
static void no_lost_update(struct db *db, const char *url)
{
	migrate(db);
	struct err err = {.code = 0};
	must(db_write(db, make_counter, NULL, &err), &err);
	cleanup(db) struct db *other = NULL;
	must(db_open(url, 2, &other, &err), &err);
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.db = i % 2 == 0 ? db : other};
		assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		if (workers[i].done != INCREMENTS)
			db_test_fail("increment", &workers[i].err);
	}
	int64_t amount = 0;
	must(db_read(db, get_amount, &amount, &err), &err);
	assert_int_equal(amount, THREADS * INCREMENTS);
}

static void *migrate_thread(void *ctx)
{
	struct worker *w = ctx;
	w->done = db_migrate(w->db, base_schema, ARRAY_LEN(base_schema), &w->err) == 0;
	return NULL;
}

static void migrations_at_once(struct db *db, const char *url)
{
	struct err err = {.code = 0};
	cleanup(db) struct db *other = NULL;
	must(db_open(url, 1, &other, &err), &err);
	struct worker workers[2] = {{.db = db}, {.db = other}};
	pthread_t threads[2];
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, migrate_thread, &workers[i]), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		if (!workers[i].done)
			db_test_fail("migrate at once", &workers[i].err);
	}
	int64_t items = -1;
	must(db_read(db, count_items, &items, &err), &err);
}

struct killing {
	struct db *db;
	unsigned runs;
	bool always;
};

/* Ends its own connection from the server's side, as a failing network or a server restart would. */
static int killed_midway(struct db_tx *tx, void *ctx, struct err *err)
{
	struct killing *k = ctx;
	struct uuid id = uuid_new();
	int r = insert(tx, &id, "a", 1, err);
	if (r < 0)
		return r;
	if (k->runs++ == 0 || k->always) {
		int64_t gone = 0;
		return db_query_int(tx, &gone, err, "SELECT pg_terminate_backend(pg_backend_pid())");
	}
	return 0;
}

static int own_pid(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_query_int(tx, ctx, err, "SELECT pg_backend_pid()");
}

static int kill_pid(struct db_tx *tx, void *ctx, struct err *err)
{
	int64_t killed = 0;
	return db_query_int(tx, &killed, err, "SELECT pg_terminate_backend(CAST($1 AS integer))",
	                    DB_INT(*(const int64_t *)ctx));
}

static void reconnects(struct db *db, const char *url)
{
	if (db_kind(db) != DB_POSTGRESQL)
		return;
	migrate(db);
	struct err err = {.code = 0};
	struct killing k = {.db = db};
	must(db_write(db, killed_midway, &k, &err), &err);
	assert_int_equal(k.runs, 2);
	int64_t items = -1;
	must(db_read(db, count_items, &items, &err), &err);
	assert_int_equal(items, 1);
	/* Kept connections that die while nobody uses them. */
	cleanup(db) struct db *other = NULL;
	must(db_open(url, 1, &other, &err), &err);
	int64_t reader = 0, writer = 0;
	must(db_read(db, own_pid, &reader, &err), &err);
	must(db_write(db, own_pid, &writer, &err), &err);
	must(db_read(other, kill_pid, &reader, &err), &err);
	must(db_read(other, kill_pid, &writer, &err), &err);
	must(db_read(db, count_items, &items, &err), &err);
	assert_int_equal(items, 1);
	must(db_write(db, increment, NULL, &err), &err);
}

static void db_round_trip(void **state)
{
	(void)state;
	db_test_each(round_trip);
}
static void db_types(void **state)
{
	(void)state;
	db_test_each(types);
}
static void db_results(void **state)
{
	(void)state;
	db_test_each(results);
}
static void db_faults(void **state)
{
	(void)state;
	db_test_each(faults);
}
static void db_read_only(void **state)
{
	(void)state;
	db_test_each(read_only);
}
static void db_opened_read_only(void **state)
{
	(void)state;
	db_test_each(opened_read_only);
}
static void db_stays_locked(void **state)
{
	(void)state;
	db_test_each(stays_locked);
}
static void db_migrations(void **state)
{
	(void)state;
	db_test_each(migrations);
}
static void db_no_lost_update(void **state)
{
	(void)state;
	db_test_each(no_lost_update);
}
static void db_migrations_at_once(void **state)
{
	(void)state;
	db_test_each(migrations_at_once);
}
static void db_reconnects(void **state)
{
	(void)state;
	db_test_each(reconnects);
}

static void rewriting(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"SELECT $1, $12", "SELECT ?1, ?12"},
		{"SELECT '$1', \"$2\", $3", "SELECT '$1', \"$2\", ?3"},
		{"SELECT 'it''s $1' -- $2\n, $3", "SELECT 'it''s $1' -- $2\n, ?3"},
		{"SELECT $, $0, $x", "SELECT $, $0, $x"},
		{"", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_buf struct buf out = BUF_INIT(1000);
		db_sqlite_rewrite(cases[i].in, &out);
		assert_true(str_eq_c(buf_str(&out), cases[i].out));
	}
	cleanup_buf struct buf words = BUF_INIT(1000);
	db_migration_words(DB_POSTGRESQL, "a {int} {blob} {text} DEFAULT '{}' {other}) {strict};", &words);
	assert_true(str_eq_c(buf_str(&words), "a BIGINT BYTEA TEXT DEFAULT '{}' {other}) ;"));
}

static void count_drop(void *statement, void *ctx)
{
	(void)statement;
	++*(unsigned *)ctx;
}

static void cache_makes_room(void **state)
{
	(void)state;
	static struct db_cache cache;
	unsigned dropped = 0;
	struct db_cache_entry *first = db_cache_add(&cache, "SELECT first", NULL, count_drop, &dropped);
	first->busy = true;
	for (unsigned i = 0; i < DB_CACHE_SIZE + 5; i++) {
		char sql[32];
		(void)snprintf(sql, sizeof sql, "SELECT %u", i);
		(void)db_cache_add(&cache, sql, NULL, count_drop, &dropped);
	}
	assert_int_equal(dropped, 6);
	assert_null(db_cache_find(&cache, "SELECT first", NULL, NULL)); /* busy */
	first->busy = false;
	assert_ptr_equal(db_cache_find(&cache, "SELECT first", NULL, NULL), first);
	assert_null(db_cache_find(&cache, "SELECT 0", NULL, NULL));
	db_cache_clear(&cache, count_drop, &dropped);
	assert_int_equal(dropped, DB_CACHE_SIZE + 6);
}

static void bad_urls(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		int code;
	} cases[] = {
		{"", -EINVAL},
		{"mysql://x", -EINVAL},
		{"sqlite:/nowhere/at/all/db", -EIO},
		{"postgresql:///luytre?host=/nowhere", -EAGAIN},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct db *db = NULL;
		struct err err = {.code = 0};
		int r = db_open(cases[i].url, 1, &db, &err);
		assert_true(r < 0);
		if (cases[i].code != -EIO)
			assert_int_equal(r, cases[i].code);
		assert_null(db);
		assert_true(err.key[0] != '\0');
	}
	struct db *db = NULL;
	assert_int_equal(db_open("sqlite:/tmp/x", 0, &db, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewriting),       cmocka_unit_test(cache_makes_room),
		cmocka_unit_test(bad_urls),        cmocka_unit_test(db_round_trip),
		cmocka_unit_test(db_types),        cmocka_unit_test(db_results),
		cmocka_unit_test(db_faults),       cmocka_unit_test(db_read_only),
		cmocka_unit_test(db_opened_read_only), cmocka_unit_test(db_stays_locked),
		cmocka_unit_test(db_migrations),   cmocka_unit_test(db_migrations_at_once),
		cmocka_unit_test(db_no_lost_update), cmocka_unit_test(db_reconnects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
