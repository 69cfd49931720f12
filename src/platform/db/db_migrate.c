/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/db/db_driver.h"

static const char bookkeeping[] =
	"CREATE TABLE IF NOT EXISTS schema_migration (room {text} NOT NULL, number {int} NOT NULL,"
	" applied_at {int} NOT NULL, PRIMARY KEY (room, number)) {strict};\n";

static const struct {
	struct str word;
	const char *text[2]; /* by enum db_kind */
} words[] = {
	{STR("{int}"), {"INTEGER", "BIGINT"}},
	{STR("{blob}"), {"BLOB", "BYTEA"}},
	{STR("{text}"), {"TEXT", "TEXT"}},
	{STR("{strict}"), {"STRICT", ""}},
};

void db_migration_words(enum db_kind kind, const char *sql, struct buf *out)
{
	struct str rest = str_c(sql);
	while (rest.n > 0) {
		size_t skip = 0;
		for (size_t i = 0; i < ARRAY_LEN(words) && rest.p[0] == '{'; i++) {
			if (str_starts_with(rest, words[i].word)) {
				buf_append_c(out, words[i].text[kind]);
				skip = words[i].word.n;
			}
		}
		if (skip == 0) {
			buf_append_char(out, rest.p[0]);
			skip = 1;
		}
		rest = str_sub(rest, skip, rest.n);
	}
}

struct list {
	const struct db_migration *migrations;
	size_t count;
	size_t applied; /* by count_applied */
};

static bool is_known(const struct list *list, struct str room, int64_t number)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_eq_c(room, list->migrations[i].room) && list->migrations[i].number == number)
			return true;
	}
	return false;
}

static int run_script(struct db_tx *tx, const char *sql, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
	db_migration_words(db_tx_kind(tx), sql, &text);
	return db_tx_script(tx, text.p, err);
}

/* Refuses a database of a later version; counts what is applied. */
static int check_known(struct db_tx *tx, const struct list *list, size_t *ret_applied, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	*ret_applied = 0;
	int r = db_query(tx, &rows, err, "SELECT room, number FROM schema_migration ORDER BY room, number");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		if (!is_known(list, db_text(rows, 0), db_int(rows, 1)))
			return err_set(err, -ESTALE, "db.schema_newer", ARG_STR("room", db_text(rows, 0)),
			               ARG_I64("number", db_int(rows, 1)));
		++*ret_applied;
	}
	return r;
}

static int prepare_bookkeeping(struct db_tx *tx, void *ctx, struct err *err)
{
	size_t applied;
	int r = run_script(tx, bookkeeping, err);
	return r < 0 ? r : check_known(tx, ctx, &applied, err);
}

static const char *const has_bookkeeping[] = {
	[DB_SQLITE] = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'",
	[DB_POSTGRESQL] = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'schema_migration'"
	                  " AND table_schema = current_schema()",
};

static int count_applied(struct db_tx *tx, void *ctx, struct err *err)
{
	struct list *list = ctx;
	int64_t tables = 0;
	list->applied = 0;
	int r = db_query_int(tx, &tables, err, has_bookkeeping[db_tx_kind(tx)]);
	return r < 0 || tables == 0 ? r : check_known(tx, list, &list->applied, err);
}

int db_migrations_missing(struct db *db, const struct db_migration *migrations, size_t count, size_t *ret,
                          struct err *err)
{
	struct list list = {migrations, count, 0};
	int r = db_read(db, count_applied, &list, err);
	if (r < 0)
		return r;
	*ret = count - list.applied;
	return 0;
}

static int apply(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct db_migration *m = ctx;
	int64_t done = 0;
	int r = db_query_int(tx, &done, err, "SELECT count(*) FROM schema_migration WHERE room = $1 AND number = $2",
	                     DB_CSTR(m->room), DB_INT(m->number));
	if (r < 0 || done > 0)
		return r;
	r = run_script(tx, m->sql, err);
	if (r < 0)
		return err_at(err, str_c(m->room));
	return db_exec(tx, err, "INSERT INTO schema_migration (room, number, applied_at) VALUES ($1, $2, $3)",
	               DB_CSTR(m->room), DB_INT(m->number), DB_INT(clock_now()));
}

/* SQLite's BEGIN may meet another process's long migration: wait for it. */
static int attempt(struct db_conn *conn, db_fn fn, void *ctx, struct err *err)
{
	int r = -EAGAIN;
	bool again = true;
	for (unsigned i = 0; i < 20 && again && !conn->broken; i++) {
		again = false;
		err_clear(err);
		r = db_attempt(conn, true, fn, ctx, &again, err);
	}
	return r;
}

static int migrate_on(struct db_conn *conn, const struct list *list, struct err *err)
{
	/* The list is only handed through as a context. */
	union {
		const void *in;
		void *out;
	} ctx = {.in = list};
	int r = attempt(conn, prepare_bookkeeping, ctx.out, err);
	for (size_t i = 0; r >= 0 && i < list->count; i++) {
		ctx.in = &list->migrations[i];
		r = attempt(conn, apply, ctx.out, err);
	}
	return r < 0 ? r : 0;
}

int db_migrate(struct db *db, const struct db_migration *migrations, size_t count, struct err *err)
{
	struct list list = {migrations, count, 0};
	struct db_conn *conn = NULL;
	int r = db_take_writer(db, &conn, err);
	if (r < 0)
		return r;
	const struct db_driver *driver = conn->driver;
	if (driver->queue != NULL)
		r = driver->queue(conn, DB_QUEUE_MIGRATION, true, err);
	if (r == 0) {
		r = migrate_on(conn, &list, err);
		if (driver->queue != NULL && !conn->broken && driver->queue(conn, DB_QUEUE_MIGRATION, false, NULL) < 0)
			conn->broken = true;
	}
	db_give_back(db, conn, true);
	return r;
}
