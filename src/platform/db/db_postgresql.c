/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * PostgreSQL through libpq: binary parameters and results, serialisable
 * transactions, statements prepared once per connection.
 * Numbers of types and error codes: PostgreSQL 15, pg_type.dat and errcodes.txt.
 */
#include <libpq-fe.h>

#include "platform/db/db_driver.h"

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_NUMERIC = 1700 };

#define MAX_PARAMETERS 64

struct pg_statement {
	char name[24];
	unsigned count;
	Oid types[MAX_PARAMETERS];
};

struct pg_conn {
	struct db_conn base;
	PGconn *handle;
	struct db_cache cache;
	uint64_t next_name;
};

struct pg_rows {
	struct db_rows base;
	PGresult *result;
	int at; /* -1 before the first row */
};

struct pg_values {
	const struct db_value *values;
	size_t count;
};

static struct pg_conn *conn_of(struct db_conn *conn)
{
	return (struct pg_conn *)conn;
}

/* libpq's sentences end in a new line. */
static struct str reason_of(const struct pg_conn *c, const PGresult *result)
{
	const char *text = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	return str_trim(str_c(text != NULL ? text : PQerrorMessage(c->handle)));
}

static int failed(struct pg_conn *c, const PGresult *result, struct err *err)
{
	const char *field = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	struct str state = str_c(field != NULL ? field : "");
	struct arg reason = ARG_STR("reason", reason_of(c, result));
	/* 57P01-57P03: the server is going down, has crashed, is starting. */
	if (PQstatus(c->handle) != CONNECTION_OK || str_starts_with(state, STR("57P")) ||
	    str_starts_with(state, STR("08"))) {
		c->base.broken = true;
		return err_set(err, -EAGAIN, "db.unavailable", reason);
	}
	if (str_eq(state, STR("40001")) || str_eq(state, STR("40P01"))) {
		c->base.conflict = true;
		return err_set(err, -EAGAIN, "db.busy", reason);
	}
	if (str_eq(state, STR("23505")))
		return err_set(err, -EEXIST, "db.unique", reason);
	if (str_starts_with(state, STR("23")))
		return err_set(err, -EINVAL, "db.constraint", reason);
	if (str_eq(state, STR("53100")))
		return err_set(err, -ENOSPC, "db.full", reason);
	/* 53: out of memory, connections, …; 58: its disk. */
	if (str_starts_with(state, STR("53")))
		return err_set(err, -EAGAIN, "db.unavailable", reason);
	if (str_starts_with(state, STR("58")))
		return err_set(err, -EAGAIN, "db.disk", reason);
	return err_set(err, -EIO, "db.failed", reason, ARG_STR("state", state));
}

/* Takes the result; 0 when it is a success without rows or with them. */
static int checked(struct pg_conn *c, PGresult *result, struct err *err)
{
	ExecStatusType status = PQresultStatus(result);
	int r = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : failed(c, result, err);
	PQclear(result);
	return r;
}

static int run(struct pg_conn *c, const char *sql, struct err *err)
{
	return checked(c, PQexec(c->handle, sql), err);
}

static void ignore_notice(void *ctx, const PGresult *result)
{
	(void)ctx;
	(void)result;
}

static void drop_statement(void *statement, void *ctx)
{
	struct pg_conn *c = ctx;
	struct pg_statement *s = statement;
	if (c != NULL && PQstatus(c->handle) == CONNECTION_OK) {
		char text[48];
		(void)snprintf(text, sizeof text, "DEALLOCATE %s", s->name);
		PQclear(PQexec(c->handle, text));
	}
	mem_free(s);
}

static void pg_disconnect(struct db_conn *conn)
{
	struct pg_conn *c = conn_of(conn);
	db_cache_clear(&c->cache, drop_statement, NULL);
	PQfinish(c->handle);
	mem_free(c);
}

static int pg_connect(struct db_conn **ret, const char *url, enum db_use use, struct err *err)
{
	(void)use; /* each transaction says what it is */
	/* What stands before dbname may be overridden by the URL, what stands after may not. */
	const char *const keys[] = {"connect_timeout", "application_name", "dbname", "client_encoding", NULL};
	const char *const values[] = {"10", "luytre", url, "UTF8", NULL};
	struct pg_conn *c = MEM_NEW(struct pg_conn);
	c->base.driver = &db_postgresql_driver;
	c->handle = PQconnectdbParams(keys, values, 1);
	int r;
	if (PQstatus(c->handle) != CONNECTION_OK) {
		r = err_set(err, -EAGAIN, "db.unavailable", ARG_STR("reason", reason_of(c, NULL)));
	} else {
		(void)PQsetNoticeReceiver(c->handle, ignore_notice, NULL);
		/* A client that died in the middle of a transaction must not hold its locks for ever. */
		r = run(c, "SET standard_conforming_strings = on; SET synchronous_commit = on;"
		           "SET idle_in_transaction_session_timeout = '120s'", err);
	}
	if (r < 0) {
		pg_disconnect(&c->base);
		return r;
	}
	*ret = &c->base;
	return 0;
}

static int pg_begin(struct db_conn *conn, bool write, struct err *err)
{
	return run(conn_of(conn), write ? "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
	                                : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

static int pg_commit(struct db_conn *conn, struct err *err)
{
	struct pg_conn *c = conn_of(conn);
	PGresult *result = PQexec(c->handle, "COMMIT");
	int r = 0;
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		r = failed(c, result, err);
		if (c->base.broken)
			r = err_set(err, -EIO, "db.write_uncertain", ARG_STR("reason", reason_of(c, result)));
	} else if (strcmp(PQcmdStatus(result), "COMMIT") != 0) {
		/* COMMIT of a transaction that the server had given up is answered ROLLBACK. */
		r = err_set(err, -EIO, "db.failed", ARG_CSTR("reason", PQcmdStatus(result)));
	}
	PQclear(result);
	return r;
}

static void pg_rollback(struct db_conn *conn)
{
	struct pg_conn *c = conn_of(conn);
	if (PQtransactionStatus(c->handle) == PQTRANS_IDLE)
		return;
	if (run(c, "ROLLBACK", NULL) < 0)
		c->base.broken = true;
}

static int pg_script(struct db_conn *conn, const char *sql, struct err *err)
{
	return run(conn_of(conn), sql, err);
}

static int pg_queue(struct db_conn *conn, enum db_queue queue, bool enter, struct err *err)
{
	/* "LuTr" and a number of ours: advisory locks share one name space per database. */
	char text[64];
	(void)snprintf(text, sizeof text, "SELECT pg_advisory_%s(1282757746, %d)", enter ? "lock" : "unlock", (int)queue);
	return run(conn_of(conn), text, err);
}

static Oid type_of(const struct db_value *v)
{
	switch (v->type) {
	case DB_TYPE_NULL:
		return 0;
	case DB_TYPE_INT:
		return OID_INT8;
	case DB_TYPE_TEXT:
		return OID_TEXT;
	case DB_TYPE_BLOB:
		return OID_BYTEA;
	}
	return 0;
}

/* A NULL fits every parameter; a number fits any integer type that the server inferred from an earlier NULL. */
static bool fits(const void *statement, const void *ctx)
{
	const struct pg_statement *s = statement;
	const struct pg_values *v = ctx;
	if (s->count != v->count)
		return false;
	for (size_t i = 0; i < v->count; i++) {
		if (v->values[i].type != DB_TYPE_NULL && s->types[i] != type_of(&v->values[i]))
			return false;
	}
	return true;
}

/* Asks which types the server settled on, for the parameters that were NULL. */
static int describe(struct pg_conn *c, struct pg_statement *s, size_t given, struct err *err)
{
	PGresult *result = PQdescribePrepared(c->handle, s->name);
	int r = 0;
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		r = failed(c, result, err);
	} else if ((size_t)PQnparams(result) != given) {
		r = err_set(err, -EINVAL, "db.parameter_count", ARG_U64("given", given),
		            ARG_I64("wanted", PQnparams(result)));
	} else {
		s->count = (unsigned)given;
		for (size_t i = 0; i < given; i++)
			s->types[i] = PQparamtype(result, (int)i);
	}
	PQclear(result);
	return r;
}

static int prepare(struct pg_conn *c, const char *sql, const struct pg_values *v, struct db_cache_entry **ret,
                   struct err *err)
{
	*ret = db_cache_find(&c->cache, sql, fits, v);
	if (*ret != NULL)
		return 0;
	if (v->count > MAX_PARAMETERS)
		return err_set(err, -E2BIG, "db.parameter_count", ARG_U64("given", v->count),
		               ARG_I64("wanted", MAX_PARAMETERS));
	struct pg_statement *s = MEM_NEW(struct pg_statement);
	(void)snprintf(s->name, sizeof s->name, "s%llu", (unsigned long long)++c->next_name);
	Oid types[MAX_PARAMETERS] = {0};
	for (size_t i = 0; i < v->count; i++)
		types[i] = type_of(&v->values[i]);
	int r = checked(c, PQprepare(c->handle, s->name, sql, (int)v->count, types), err);
	if (r == 0)
		r = describe(c, s, v->count, err);
	if (r < 0) {
		mem_free(s);
		return r;
	}
	*ret = db_cache_add(&c->cache, sql, s, drop_statement, c);
	return 0;
}

static void put_be64(unsigned char out[8], int64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)((uint64_t)v >> (56 - 8 * i));
}

/* Runs a statement; *ret is a success and owned by the caller. */
static int execute(struct pg_conn *c, const char *sql, const struct db_value *values, size_t count, PGresult **ret,
                   struct err *err)
{
	struct db_cache_entry *entry = NULL;
	int r = prepare(c, sql, &(struct pg_values){values, count}, &entry, err);
	if (r < 0)
		return r;
	const struct pg_statement *s = entry->statement;
	const char *pointers[MAX_PARAMETERS];
	int lengths[MAX_PARAMETERS], formats[MAX_PARAMETERS];
	unsigned char numbers[MAX_PARAMETERS][8];
	for (size_t i = 0; i < count; i++) {
		formats[i] = 1;
		if (values[i].type == DB_TYPE_NULL) {
			pointers[i] = NULL;
			lengths[i] = 0;
		} else if (values[i].type == DB_TYPE_INT) {
			put_be64(numbers[i], values[i].i);
			pointers[i] = (const char *)numbers[i];
			lengths[i] = 8;
		} else {
			if (values[i].s.n > INT32_MAX / 2)
				return err_set(err, -E2BIG, "db.value_too_big", ARG_U64("size", values[i].s.n));
			pointers[i] = values[i].s.p != NULL ? values[i].s.p : "";
			lengths[i] = (int)values[i].s.n;
		}
	}
	PGresult *result = PQexecPrepared(c->handle, s->name, (int)count, pointers, lengths, formats, 1);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return checked(c, result, err);
	*ret = result;
	return 0;
}

static int pg_exec(struct db_conn *conn, const char *sql, const struct db_value *values, size_t count,
                   struct err *err)
{
	PGresult *result = NULL;
	int r = execute(conn_of(conn), sql, values, count, &result, err);
	if (r < 0)
		return r;
	uint64_t changed = 0;
	/* Empty for statements that count nothing; a SELECT's number of rows is no change. */
	bool counts = strncmp(PQcmdStatus(result), "SELECT", 6) != 0 &&
	              str_parse_u64(str_c(PQcmdTuples(result)), 0, INT32_MAX, &changed);
	PQclear(result);
	return counts ? (int)changed : 0;
}

static int pg_query(struct db_conn *conn, struct db_rows **ret, const char *sql, const struct db_value *values,
                    size_t count, struct err *err)
{
	PGresult *result = NULL;
	int r = execute(conn_of(conn), sql, values, count, &result, err);
	if (r < 0)
		return r;
	struct pg_rows *rows = MEM_NEW(struct pg_rows);
	rows->base.conn = conn;
	rows->result = result;
	rows->at = -1;
	*ret = &rows->base;
	return 0;
}

static int pg_next(struct db_rows *base, struct err *err)
{
	(void)err;
	struct pg_rows *rows = (struct pg_rows *)base;
	if (rows->at < PQntuples(rows->result))
		rows->at++;
	return rows->at < PQntuples(rows->result) ? 1 : 0;
}

static bool pg_is_null(const struct db_rows *base, unsigned column)
{
	const struct pg_rows *rows = (const struct pg_rows *)base;
	return rows->at < 0 || rows->at >= PQntuples(rows->result) || column >= (unsigned)PQnfields(rows->result) ||
	       PQgetisnull(rows->result, rows->at, (int)column) != 0;
}

static struct str cell(const struct pg_rows *rows, unsigned column)
{
	return str_n(PQgetvalue(rows->result, rows->at, (int)column),
	             (size_t)PQgetlength(rows->result, rows->at, (int)column));
}

static int64_t be_int(struct str s)
{
	uint64_t v = 0;
	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | (unsigned char)s.p[i];
	unsigned unused = 64 - 8 * (unsigned)s.n;
	return s.n == 0 ? 0 : (int64_t)(v << unused) >> unused; /* sign */
}

/* The whole part of a numeric, which is what sum() of bigint gives: count of base-10000 digits, weight of the
 * first, sign, display scale, digits; 16 bits each. */
static int64_t numeric_int(struct str s)
{
	if (s.n < 8)
		return 0;
	int64_t digits = be_int(str_sub(s, 0, 2)), weight = be_int(str_sub(s, 2, 4));
	int64_t value = 0;
	for (int64_t i = 0; i <= weight; i++) {
		size_t at = 8 + 2 * (size_t)i;
		int64_t digit = i < digits ? be_int(str_sub(s, at, at + 2)) : 0;
		if (__builtin_mul_overflow(value, (int64_t)10000, &value) || __builtin_add_overflow(value, digit, &value))
			return 0;
	}
	return (unsigned char)s.p[4] == 0x40 ? -value : value;
}

static int64_t pg_get_int(const struct db_rows *base, unsigned column)
{
	if (pg_is_null(base, column))
		return 0;
	const struct pg_rows *rows = (const struct pg_rows *)base;
	switch (PQftype(rows->result, (int)column)) {
	case OID_BOOL:
		return be_int(cell(rows, column)) != 0;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		return be_int(cell(rows, column));
	case OID_NUMERIC:
		return numeric_int(cell(rows, column));
	default:
		return 0;
	}
}

static struct str pg_get_bytes(const struct db_rows *base, unsigned column)
{
	if (pg_is_null(base, column))
		return STR_EMPTY;
	const struct pg_rows *rows = (const struct pg_rows *)base;
	switch (PQftype(rows->result, (int)column)) {
	case OID_BOOL:
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_NUMERIC:
		return STR_EMPTY;
	default:
		return cell(rows, column);
	}
}

static void pg_rows_free(struct db_rows *base)
{
	struct pg_rows *rows = (struct pg_rows *)base;
	PQclear(rows->result);
	mem_free(rows);
}

const struct db_driver db_postgresql_driver = {
	.kind = DB_POSTGRESQL,
	.connect = pg_connect,
	.disconnect = pg_disconnect,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.exec = pg_exec,
	.query = pg_query,
	.script = pg_script,
	.queue = pg_queue,
	.next = pg_next,
	.is_null = pg_is_null,
	.get_int = pg_get_int,
	.get_bytes = pg_get_bytes,
	.rows_free = pg_rows_free,
};
