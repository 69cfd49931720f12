/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Open alerts that a suppression covers are closed with it, and opened again when it is taken back. */
#include "service/alert/alert_suppression.h"

struct covered {
	struct uuid id, unit_id;
	int64_t number, version;
	enum alert_severity severity;
	struct str title, group;
	bool acknowledged;
};

static int read_covered(struct db_rows *rows, struct arena *arena, struct covered *list, size_t *count, struct err *err)
{
	int r = 1;
	*count = 0;
	while (*count < ALERT_SUPPRESSED_MOST && (r = db_next(rows, err)) > 0)
		list[(*count)++] = (struct covered){.id = db_uuid(rows, 0), .unit_id = db_uuid(rows, 1), .number = db_int(rows, 2),
		                                    .severity = (enum alert_severity)db_int(rows, 3), .version = db_int(rows, 4),
		                                    .title = arena_str(arena, db_text(rows, 5)), .group = arena_str(arena, db_text(rows, 6)), .acknowledged = !db_is_null(rows, 7)};
	return r < 0 ? r : 0;
}

/* The change's version check never fails here: the same transaction has read it. */
static int change_one(struct db_tx *tx, const struct covered *c, const struct alert_change *change, const struct uuid *suppression,
                      usec_t now, struct err *err)
{
	int r = alert_db_change(tx, &c->id, change, c->version, now, err);
	if (r >= 0)
		r = db_exec(tx, err, "UPDATE alert SET suppression_id = $2 WHERE id = $1", DB_UUID(&c->id),
		            suppression != NULL ? DB_UUID(suppression) : DB_NULL);
	return r < 0 ? r : alert_emit(tx, "alert.changed", &c->id, &c->unit_id, c->number, c->severity, change->state, c->title, err);
}

int alert_db_close_covered(struct db_tx *tx, struct arena *arena, const struct alert_suppression *s, usec_t now, int64_t *ret_closed,
                           struct err *err)
{
	struct covered *list = arena_alloc(arena, ALERT_SUPPRESSED_MOST * sizeof *list);
	size_t count = 0;
	cleanup_rows struct db_rows *rows = NULL;
	/* As alert_db_find_suppression covers a record. What belongs to an incident is left to it. */
	int r = db_query(tx, &rows, err,
	                 "SELECT a.id, a.unit_id, a.number, a.severity, a.version, a.title, a.group_key, a.acknowledged_at FROM alert a JOIN unit ru ON ru.id = a.unit_id"
	                 " JOIN unit su ON su.id = $1 WHERE a.rule_id = $2 AND a.state <> $3 AND a.threat = $4 AND a.incident_id IS NULL"
	                 " AND (CAST($5 AS TEXT) = '' OR a.entity = $5) AND (CAST($6 AS TEXT) = '' OR a.host = $6)"
	                 " AND ($8 = 0 OR a.endpoint_id = $7) AND substr(ru.path, 1, length(su.path)) = su.path ORDER BY a.last_at DESC, a.id",
	                 DB_UUID(&s->unit_id), DB_TEXT(s->rule_id), DB_INT(ALERT_STATE_CLOSED), DB_TEXT(s->threat), DB_TEXT(s->entity), DB_TEXT(s->host),
	                 DB_UUID(&s->endpoint_id), DB_INT(!uuid_is_null(&s->endpoint_id)));
	if (r >= 0)
		r = read_covered(rows, arena, list, &count, err);
	/* Neither a true nor a false finding: it was not looked at further. */
	const struct alert_change change = {.state = ALERT_STATE_CLOSED, .close = true, .resolution = STR("suppressed"), .note = s->reason};
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = change_one(tx, &list[i], &change, &s->id, now, err);
	*ret_closed = (int64_t)count;
	return r < 0 ? r : 0;
}

int alert_db_reopen_covered(struct db_tx *tx, struct arena *arena, const struct uuid *suppression_id, usec_t now, int64_t *ret_opened,
                            struct err *err)
{
	struct covered *list = arena_alloc(arena, ALERT_SUPPRESSED_MOST * sizeof *list);
	size_t count = 0;
	cleanup_rows struct db_rows *rows = NULL;
	*ret_opened = 0;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, unit_id, number, severity, version, title, group_key, acknowledged_at FROM alert WHERE suppression_id = $1 AND state = $2"
	                 " ORDER BY id", DB_UUID(suppression_id), DB_INT(ALERT_STATE_CLOSED));
	if (r >= 0)
		r = read_covered(rows, arena, list, &count, err);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		struct uuid other;
		usec_t last = 0;
		r = alert_db_find_open(tx, list[i].group, &other, &last, err);
		if (r != 0)
			continue;
		const struct alert_change change = {.state = list[i].acknowledged ? ALERT_STATE_ACKNOWLEDGED : ALERT_STATE_NEW, .group = list[i].group};
		r = change_one(tx, &list[i], &change, NULL, now, err);
		(*ret_opened)++;
	}
	return r < 0 ? r : 0;
}
