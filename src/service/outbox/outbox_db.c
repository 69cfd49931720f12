/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/outbox/outbox_internal.h"

int outbox_write(struct db_tx *tx, const struct service_event *e, struct err *err)
{
	int64_t number = 0;
	int r = db_query_int(tx, &number, err, "UPDATE outbox_head SET number = number + 1 WHERE id = 1 RETURNING number");
	if (r < 0)
		return r;
	struct uuid id = uuid_is_null(&e->id) ? uuid_new() : e->id;
	return db_exec(tx, err,
	               "INSERT INTO outbox (number, id, name, unit_id, permission, json, at)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7)",
	               DB_INT(number), DB_UUID(&id), DB_CSTR(e->name), DB_UUID_OR_NULL(&e->unit_id),
	               DB_CSTR(e->permission), DB_TEXT(e->json), DB_INT(e->at != 0 ? e->at : clock_now()));
}

struct reading {
	struct arena *arena;
	int64_t number;
	unsigned limit;
	struct outbox_event *events;
	size_t count;
};

static int read_events(struct db_tx *tx, void *ctx, struct err *err)
{
	struct reading *q = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT number, id, name, unit_id, permission, json, at FROM outbox WHERE number > $1"
	                 " ORDER BY number LIMIT $2", DB_INT(q->number), DB_INT(q->limit));
	q->count = 0;
	while (r >= 0 && (r = db_next(rows, err)) > 0 && q->count < q->limit) {
		q->events[q->count++] = (struct outbox_event){
			.number = db_int(rows, 0),
			.event = {.id = db_uuid(rows, 1),
		                  .name = arena_cstr(q->arena, db_text(rows, 2)),
		                  .unit_id = db_uuid(rows, 3),
		                  .permission = arena_cstr(q->arena, db_text(rows, 4)),
		                  .json = arena_str(q->arena, db_text(rows, 5)),
		                  .at = db_int(rows, 6)}};
	}
	return r;
}

int outbox_read(struct db *db, struct arena *arena, int64_t number, unsigned limit, struct outbox_event **ret,
                size_t *ret_count, struct err *err)
{
	struct reading q = {.arena = arena, .number = number, .limit = limit};
	q.events = arena_alloc(arena, limit * sizeof(struct outbox_event));
	int r = db_read(db, read_events, &q, err);
	if (r < 0)
		return r;
	*ret = q.events;
	*ret_count = q.count;
	return 0;
}

struct bounds {
	int64_t oldest, newest;
};

static int read_bounds(struct db_tx *tx, void *ctx, struct err *err)
{
	struct bounds *b = ctx;
	int r = db_query_int(tx, &b->newest, err, "SELECT number FROM outbox_head WHERE id = 1");
	if (r < 0)
		return r;
	return db_query_int(tx, &b->oldest, err, "SELECT coalesce(min(number), $1) FROM outbox", DB_INT(b->newest + 1));
}

int outbox_bounds(struct db *db, int64_t *ret_oldest, int64_t *ret_newest, struct err *err)
{
	struct bounds b = {0, 0};
	int r = db_read(db, read_bounds, &b, err);
	if (r < 0)
		return r;
	*ret_oldest = b.oldest;
	*ret_newest = b.newest;
	return 0;
}

struct lease {
	const char *reader;
	const struct uuid *owner;
	usec_t now, until;
	const char *reason;
	struct outbox_place place;
};

struct look {
	const char *reader;
	const struct uuid *owner;
	usec_t now;
	bool events, due;
};

static int look(struct db_tx *tx, void *ctx, struct err *err)
{
	struct look *l = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT r.number, r.retry_at, r.owner, r.until, h.number FROM outbox_reader r CROSS JOIN outbox_head h"
	                 " WHERE r.name = $1", DB_CSTR(l->reader));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0) {
		l->due = r == 0; /* a reader that is not yet known */
		return r;
	}
	struct uuid owner = db_uuid(rows, 2);
	bool free = uuid_eq(&owner, l->owner) || db_int(rows, 3) < l->now;
	l->due = free && db_int(rows, 1) <= l->now && (!l->events || db_int(rows, 4) > db_int(rows, 0));
	return 0;
}

int outbox_is_due(struct db *db, const char *reader, const struct uuid *owner, usec_t now, bool events, bool *ret,
                  struct err *err)
{
	struct look l = {reader, owner, now, events, false};
	int r = db_read(db, look, &l, err);
	*ret = l.due;
	return r;
}

static int take_lease(struct db_tx *tx, void *ctx, struct err *err)
{
	struct lease *l = ctx;
	l->place = (struct outbox_place){.number = 0};
	/* A new reader begins with all that is kept: nothing written before its first round is missed. */
	int r = db_exec(tx, err,
	                "INSERT INTO outbox_reader (name, number, failures, retry_at, owner, until)"
	                " VALUES ($1, 0, 0, 0, NULL, 0) ON CONFLICT (name) DO NOTHING",
	                DB_CSTR(l->reader));
	if (r >= 0)
		r = db_exec(tx, err,
		            "UPDATE outbox_reader SET owner = $1, until = $2 WHERE name = $3 AND (owner = $1 OR until < $4)",
		            DB_UUID(l->owner), DB_INT(l->until), DB_CSTR(l->reader), DB_INT(l->now));
	if (r <= 0)
		return r;
	cleanup_rows struct db_rows *rows = NULL;
	r = db_query(tx, &rows, err, "SELECT number, failures, retry_at FROM outbox_reader WHERE name = $1",
	             DB_CSTR(l->reader));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		l->place = (struct outbox_place){db_int(rows, 0), db_int(rows, 1), db_int(rows, 2), true};
	return r;
}

int outbox_lease(struct db *db, const char *reader, const struct uuid *owner, usec_t now, usec_t until,
                 struct outbox_place *ret, struct err *err)
{
	struct lease l = {.reader = reader, .owner = owner, .now = now, .until = until};
	int r = db_write(db, take_lease, &l, err);
	if (r < 0)
		return r;
	*ret = l.place;
	return 0;
}

static int advance(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct lease *l = ctx;
	return db_exec(tx, err,
	               "UPDATE outbox_reader SET number = $1, failures = $2, retry_at = $3 WHERE name = $4 AND owner = $5",
	               DB_INT(l->place.number), DB_INT(l->place.failures), DB_INT(l->place.retry_at), DB_CSTR(l->reader),
	               DB_UUID(l->owner));
}

int outbox_advance(struct db *db, const char *reader, const struct uuid *owner, const struct outbox_place *place,
                   struct err *err)
{
	struct lease l = {.reader = reader, .owner = owner, .place = *place};
	return db_write(db, advance, &l, err);
}

static int skip(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct lease *l = ctx;
	return db_exec(tx, err,
	               "INSERT INTO outbox_skipped (reader, number, at, reason) VALUES ($1, $2, $3, $4)"
	               " ON CONFLICT (reader, number) DO NOTHING",
	               DB_CSTR(l->reader), DB_INT(l->place.number), DB_INT(l->now), DB_CSTR(l->reason));
}

int outbox_skip(struct db *db, const char *reader, int64_t number, usec_t now, const char *reason, struct err *err)
{
	struct lease l = {.reader = reader, .now = now, .reason = reason, .place.number = number};
	return db_write(db, skip, &l, err);
}

static int release(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_exec(tx, err, "UPDATE outbox_reader SET owner = NULL, until = 0 WHERE owner = $1", DB_UUID((const struct uuid *)ctx));
}

int outbox_release(struct db *db, const struct uuid *owner, struct err *err)
{
	struct uuid id = *owner;
	return db_write(db, release, &id, err);
}

static int expire(struct db_tx *tx, void *ctx, struct err *err)
{
	/* Ticks share the readers' table but read no events. */
	return db_exec(tx, err,
	               "DELETE FROM outbox WHERE at < $1 AND number <= (SELECT coalesce(min(number), 0) FROM outbox_reader"
	               " WHERE name NOT LIKE 'tick.%')", DB_INT(*(const usec_t *)ctx));
}

int outbox_expire(struct db *db, usec_t before, struct err *err)
{
	return db_write(db, expire, &before, err);
}
