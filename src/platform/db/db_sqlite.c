/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* SQLite: WAL, acknowledged is durable (synchronous=FULL), the schema is not trusted. */
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "platform/db/db_driver.h"

#define BUSY_TIMEOUT_MS 10000

struct sqlite_conn {
	struct db_conn base;
	sqlite3 *handle;
	struct db_cache cache;
};

struct sqlite_rows {
	struct db_rows base;
	struct db_cache_entry *entry;
	sqlite3_stmt *statement;
	bool first_waits; /* the first row was fetched by query() and not yet handed out */
	bool at_end;
};

static struct sqlite_conn *conn_of(struct db_conn *conn)
{
	return (struct sqlite_conn *)conn;
}

/* Not there or not ours is for a person; what the disk says now may pass. */
static bool disk_refused(const struct sqlite_conn *c)
{
	int why = c->handle != NULL ? sqlite3_system_errno(c->handle) : 0;
	return why == EROFS || why == EIO || why == ENOSPC || why == EDQUOT || why == EMFILE || why == ENFILE;
}

/* Records a SQLite result code, telling the codes that mean something to callers apart. */
static int failed(struct sqlite_conn *c, int code, struct err *err)
{
	const char *reason = c->handle != NULL ? sqlite3_errmsg(c->handle) : sqlite3_errstr(code);
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		c->base.conflict = true;
		return err_set(err, -EAGAIN, "db.busy", ARG_CSTR("reason", reason));
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
		    code == SQLITE_CONSTRAINT_ROWID)
			return err_set(err, -EEXIST, "db.unique", ARG_CSTR("reason", reason));
		return err_set(err, -EINVAL, "db.constraint", ARG_CSTR("reason", reason));
	case SQLITE_FULL:
		return err_set(err, -ENOSPC, "db.full", ARG_CSTR("reason", reason));
	case SQLITE_READONLY:
		c->base.broken = true; /* a connection that was made read-only stays so */
		return err_set(err, -EAGAIN, "db.disk", ARG_CSTR("reason", reason));
	case SQLITE_IOERR:
		return err_set(err, -EAGAIN, "db.disk", ARG_CSTR("reason", reason));
	case SQLITE_CANTOPEN:
		if (disk_refused(c))
			return err_set(err, -EAGAIN, "db.disk", ARG_CSTR("reason", reason));
		return err_set(err, -EIO, "db.failed", ARG_CSTR("reason", reason));
	default:
		return err_set(err, -EIO, "db.failed", ARG_CSTR("reason", reason));
	}
}

static int run(struct sqlite_conn *c, const char *sql, struct err *err)
{
	int code = sqlite3_exec(c->handle, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : failed(c, code, err);
}

/* The file holds password hashes: it is made for its owner alone (WAL and SHM files take its mode). A file that is there is
 * never opened here: closing it would drop the locks that this process holds on it (POSIX), and another process would take
 * itself for the last one and delete the WAL under us. */
static int make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* A read-only disk may say that first. */
	if (fd < 0 && (errno == EEXIST || access(path, F_OK) == 0))
		return 0;
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	(void)close(fd);
	return 0;
}

static int wal_is_on(struct sqlite_conn *c, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(c->handle, "PRAGMA journal_mode = WAL", -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	int r;
	if (code != SQLITE_ROW)
		r = failed(c, code, err);
	else if (strcmp((const char *)sqlite3_column_text(s, 0), "wal") != 0)
		r = err_set(err, -ENOTSUP, "db.no_wal");
	else
		r = 0;
	(void)sqlite3_finalize(s);
	return r;
}

static void drop_statement(void *statement, void *ctx)
{
	(void)ctx;
	(void)sqlite3_finalize(statement);
}

static void sqlite_disconnect(struct db_conn *conn)
{
	struct sqlite_conn *c = conn_of(conn);
	db_cache_clear(&c->cache, drop_statement, NULL);
	(void)sqlite3_close_v2(c->handle);
	mem_free(c);
}

static int set_up(struct sqlite_conn *c, enum db_use use, struct err *err)
{
	(void)sqlite3_busy_timeout(c->handle, BUSY_TIMEOUT_MS);
	(void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	/* "x" is an identifier, as PostgreSQL has it, never a string. */
	(void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(c->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	int r = use == DB_USE_READ_ONLY ? 0 : wal_is_on(c, err);
	if (r < 0)
		return r;
	return run(c, use == DB_USE_WRITE ? "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY"
	                     : "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", err);
}

static int sqlite_connect(struct db_conn **ret, const char *url, enum db_use use, struct err *err)
{
	const char *path = url + strlen("sqlite:");
	bool read_only = use == DB_USE_READ_ONLY;
	int r = read_only ? 0 : make_file(path, err);
	if (r < 0)
		return r;
	struct sqlite_conn *c = MEM_NEW(struct sqlite_conn);
	c->base.driver = &db_sqlite_driver;
	int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(path, &c->handle, flags, NULL);
	/* SQLite takes what it may only read for good enough: for ever, though the disk may be writable again soon. */
	if (code == SQLITE_OK && !read_only && sqlite3_db_readonly(c->handle, "main") == 1)
		code = SQLITE_READONLY;
	r = code == SQLITE_OK ? set_up(c, use, err) : failed(c, code, err);
	if (r < 0) {
		sqlite_disconnect(&c->base);
		return r;
	}
	*ret = &c->base;
	return 0;
}

static int sqlite_begin(struct db_conn *conn, bool write, struct err *err)
{
	return run(conn_of(conn), write ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

/* In WAL mode a transaction is there when its last frame, whose checksum covers all before it, is whole in the file. What
 * fails before that leaves nothing; the sync behind it may fail for a frame that is there after a crash. */
static bool may_be_saved(int code)
{
	switch (code) {
	case SQLITE_IOERR_READ:
	case SQLITE_IOERR_SHORT_READ:
	case SQLITE_IOERR_WRITE:
	case SQLITE_IOERR_LOCK:
	case SQLITE_IOERR_NOMEM:
	case SQLITE_IOERR_SHMOPEN:
	case SQLITE_IOERR_SHMSIZE:
	case SQLITE_IOERR_SHMLOCK:
	case SQLITE_IOERR_SHMMAP:
		return false;
	default:
		return (code & 0xff) == SQLITE_IOERR;
	}
}

static int sqlite_commit(struct db_conn *conn, struct err *err)
{
	struct sqlite_conn *c = conn_of(conn);
	int code = sqlite3_exec(c->handle, "COMMIT", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return 0;
	/* Whatever the disk said, the next transaction begins on a connection that has not seen it. */
	if ((code & 0xff) == SQLITE_IOERR)
		c->base.broken = true;
	if (may_be_saved(code))
		return err_set(err, -EIO, "db.write_uncertain", ARG_CSTR("reason", sqlite3_errmsg(c->handle)));
	return failed(c, code, err);
}

static void sqlite_rollback(struct db_conn *conn)
{
	struct sqlite_conn *c = conn_of(conn);
	if (sqlite3_get_autocommit(c->handle) == 0 &&
	    sqlite3_exec(c->handle, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		c->base.broken = true;
}

static int sqlite_script(struct db_conn *conn, const char *sql, struct err *err)
{
	return run(conn_of(conn), sql, err);
}

void db_sqlite_rewrite(const char *sql, struct buf *out)
{
	char quote = '\0';
	bool comment = false;
	for (const char *p = sql; *p != '\0'; p++) {
		if (comment)
			comment = *p != '\n';
		else if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (p[0] == '-' && p[1] == '-')
			comment = true;
		else if (p[0] == '$' && p[1] >= '1' && p[1] <= '9') {
			buf_append_char(out, '?');
			continue;
		}
		buf_append_char(out, *p);
	}
}

/* `keep`: SQLITE_STATIC where the statement ends before the caller's values do, SQLITE_TRANSIENT to copy them. */
static int bind(sqlite3_stmt *s, int index, const struct db_value *v, sqlite3_destructor_type keep)
{
	switch (v->type) {
	case DB_TYPE_NULL:
		return sqlite3_bind_null(s, index);
	case DB_TYPE_INT:
		return sqlite3_bind_int64(s, index, v->i);
	case DB_TYPE_TEXT:
		return sqlite3_bind_text64(s, index, v->s.p != NULL ? v->s.p : "", v->s.n, keep, SQLITE_UTF8);
	case DB_TYPE_BLOB:
		return sqlite3_bind_blob64(s, index, v->s.p != NULL ? v->s.p : "", v->s.n, keep);
	}
	return SQLITE_MISUSE;
}

/* A bound, unstarted statement. It is busy until release(). */
static int prepare(struct sqlite_conn *c, const char *sql, const struct db_value *values, size_t count,
                   sqlite3_destructor_type keep, struct db_cache_entry **ret, struct err *err)
{
	struct db_cache_entry *entry = db_cache_find(&c->cache, sql, NULL, NULL);
	if (entry == NULL) {
		cleanup_buf struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
		db_sqlite_rewrite(sql, &text);
		sqlite3_stmt *s = NULL;
		int code = sqlite3_prepare_v3(c->handle, text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, &s, NULL);
		if (code != SQLITE_OK)
			return err_negative(failed(c, code, err));
		entry = db_cache_add(&c->cache, sql, s, drop_statement, NULL);
	}
	if ((size_t)sqlite3_bind_parameter_count(entry->statement) != count)
		return err_set(err, -EINVAL, "db.parameter_count", ARG_U64("given", count),
		               ARG_I64("wanted", sqlite3_bind_parameter_count(entry->statement)));
	for (size_t i = 0; i < count; i++) {
		int code = bind(entry->statement, (int)i + 1, &values[i], keep);
		if (code != SQLITE_OK)
			return err_negative(failed(c, code, err));
	}
	entry->busy = true;
	*ret = entry;
	return 0;
}

static void release(struct db_cache_entry *entry)
{
	(void)sqlite3_reset(entry->statement);
	(void)sqlite3_clear_bindings(entry->statement);
	entry->busy = false;
}

static int sqlite_exec(struct db_conn *conn, const char *sql, const struct db_value *values, size_t count,
                       struct err *err)
{
	struct sqlite_conn *c = conn_of(conn);
	struct db_cache_entry *entry = NULL;
	int r = prepare(c, sql, values, count, SQLITE_STATIC, &entry, err);
	if (r != 0)
		return r;
	/* sqlite3_changes keeps the number of an earlier statement when this one changes nothing. */
	sqlite3_int64 before = sqlite3_total_changes64(c->handle);
	int code;
	do
		code = sqlite3_step(entry->statement);
	while (code == SQLITE_ROW);
	if (code != SQLITE_DONE)
		r = failed(c, code, err);
	else if (sqlite3_total_changes64(c->handle) != before)
		r = sqlite3_changes(c->handle);
	release(entry);
	return r;
}

static int sqlite_query(struct db_conn *conn, struct db_rows **ret, const char *sql, const struct db_value *values,
                        size_t count, struct err *err)
{
	struct sqlite_conn *c = conn_of(conn);
	struct db_cache_entry *entry = NULL;
	int r = prepare(c, sql, values, count, SQLITE_TRANSIENT, &entry, err);
	if (r != 0)
		return r;
	/* The first step happens here, so that a changing statement (RETURNING) takes effect as on PostgreSQL. */
	int code = sqlite3_step(entry->statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		r = failed(c, code, err);
		release(entry);
		return r;
	}
	struct sqlite_rows *rows = MEM_NEW(struct sqlite_rows);
	rows->base.conn = conn;
	rows->entry = entry;
	rows->statement = entry->statement;
	rows->first_waits = code == SQLITE_ROW;
	rows->at_end = code == SQLITE_DONE;
	*ret = &rows->base;
	return 0;
}

static int sqlite_next(struct db_rows *base, struct err *err)
{
	struct sqlite_rows *rows = (struct sqlite_rows *)base;
	if (rows->at_end)
		return 0;
	if (rows->first_waits) {
		rows->first_waits = false;
		return 1;
	}
	int code = sqlite3_step(rows->statement);
	if (code == SQLITE_ROW)
		return 1;
	rows->at_end = true;
	return code == SQLITE_DONE ? 0 : failed(conn_of(base->conn), code, err);
}

static int column_type(const struct db_rows *base, unsigned column)
{
	const struct sqlite_rows *rows = (const struct sqlite_rows *)base;
	if (rows->at_end || rows->first_waits || column >= (unsigned)sqlite3_column_count(rows->statement))
		return SQLITE_NULL;
	return sqlite3_column_type(rows->statement, (int)column);
}

static bool sqlite_is_null(const struct db_rows *base, unsigned column)
{
	return column_type(base, column) == SQLITE_NULL;
}

static int64_t sqlite_get_int(const struct db_rows *base, unsigned column)
{
	const struct sqlite_rows *rows = (const struct sqlite_rows *)base;
	return column_type(base, column) == SQLITE_INTEGER ? sqlite3_column_int64(rows->statement, (int)column) : 0;
}

static struct str sqlite_get_bytes(const struct db_rows *base, unsigned column)
{
	const struct sqlite_rows *rows = (const struct sqlite_rows *)base;
	int type = column_type(base, column);
	if (type != SQLITE_TEXT && type != SQLITE_BLOB)
		return STR_EMPTY;
	const void *p = sqlite3_column_blob(rows->statement, (int)column);
	return str_n(p, (size_t)sqlite3_column_bytes(rows->statement, (int)column));
}

static void sqlite_rows_free(struct db_rows *base)
{
	struct sqlite_rows *rows = (struct sqlite_rows *)base;
	release(rows->entry);
	mem_free(rows);
}

const struct db_driver db_sqlite_driver = {
	.kind = DB_SQLITE,
	.single_writer = true,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.exec = sqlite_exec,
	.query = sqlite_query,
	.script = sqlite_script,
	.next = sqlite_next,
	.is_null = sqlite_is_null,
	.get_int = sqlite_get_int,
	.get_bytes = sqlite_get_bytes,
	.rows_free = sqlite_rows_free,
};
