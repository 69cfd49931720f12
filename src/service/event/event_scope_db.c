/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Which units' events an account may see, asked of the state database before each question to the store. */
#include "service/event/event_internal.h"

#define UNITS_MOST 20000 /* their ids stand in the SQL, which has a limit of 1 MiB */

struct loading {
	struct arena *arena;
	const struct access *access;
	const char *permission;
	usec_t now;
	struct event_scope *ret;
};

static int load_units(struct db_tx *tx, struct loading *l, int64_t count, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	struct uuid *units = ARENA_ARRAY(l->arena, (size_t)count + 1, struct uuid);
	struct str *names = ARENA_ARRAY(l->arena, (size_t)count + 1, struct str);
	size_t n = 0;
	int r = l->access->kind == ACCESS_SYSTEM
	            ? db_query(tx, &rows, err, "SELECT u.id, u.name FROM unit u")
	            : db_query(tx, &rows, err, "SELECT u.id, u.name FROM unit u WHERE" ACCESS_UNIT_SCOPE("u.id", "$1", "$2", "$3"),
	                       DB_UUID(&l->access->account_id), DB_CSTR(l->permission), DB_INT(l->now));
	if (r < 0)
		return r;
	while (n < (size_t)count && (r = db_next(rows, err)) > 0) {
		units[n] = db_uuid(rows, 0);
		names[n++] = arena_str(l->arena, db_text(rows, 1));
	}
	*l->ret = (struct event_scope){.all = l->access->kind == ACCESS_SYSTEM || (n > 0 && n == (size_t)count), .units = units, .count = n,
	                               .names = names};
	return r < 0 ? r : 0;
}

static int load(struct db_tx *tx, void *ctx, struct err *err)
{
	struct loading *l = ctx;
	int64_t count = 0;
	int r = db_query_int(tx, &count, err, "SELECT count(*) FROM unit");
	if (r >= 0 && count > UNITS_MOST)
		return err_set(err, -E2BIG, "event.search_too_many_units", ARG_U64("limit", UNITS_MOST));
	return r < 0 ? r : load_units(tx, l, count, err);
}

int event_scope_load(const struct service_context *sc, struct arena *arena, const struct access *access, const char *permission,
                     struct event_scope *ret, struct err *err)
{
	struct loading l = {.arena = arena, .access = access, .permission = permission, .ret = ret,
	                    .now = sc->now != NULL ? sc->now() : clock_now()};
	*ret = (struct event_scope){.all = false};
	if (access->kind != ACCESS_ACCOUNT && access->kind != ACCESS_TOKEN && access->kind != ACCESS_SYSTEM)
		return 0;
	return db_read(sc->db, load, &l, err);
}

struct str event_scope_name(const struct event_scope *scope, const struct uuid *unit)
{
	for (size_t i = 0; i < scope->count; i++)
		if (uuid_eq(&scope->units[i], unit))
			return scope->names[i];
	return STR_EMPTY;
}

struct narrowing {
	struct arena *arena;
	const struct uuid *unit;
	struct event_scope *scope;
};

/* Only what is in the scope and in this unit or below it. */
static int narrow(struct db_tx *tx, void *ctx, struct err *err)
{
	struct narrowing *n = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	struct uuid *units = ARENA_ARRAY(n->arena, n->scope->count + 1, struct uuid);
	struct str *names = ARENA_ARRAY(n->arena, n->scope->count + 1, struct str);
	size_t count = 0;
	int r = db_query(tx, &rows, err,
	                 "SELECT fs.id FROM unit fs JOIN unit ft ON substr(fs.path, 1, length(ft.path)) = ft.path WHERE ft.id = $1",
	                 DB_UUID(n->unit));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		for (size_t i = 0; i < n->scope->count; i++) {
			if (!uuid_eq(&n->scope->units[i], &id))
				continue;
			units[count] = id;
			names[count++] = n->scope->names[i];
		}
	}
	if (r >= 0)
		*n->scope = (struct event_scope){.all = false, .units = units, .count = count, .names = names};
	return r;
}

int event_db_narrow(const struct service_context *sc, struct arena *arena, const struct uuid *unit, struct event_scope *scope,
                    struct err *err)
{
	struct narrowing n = {.arena = arena, .unit = unit, .scope = scope};
	return db_read(sc->db, narrow, &n, err);
}
