/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Orders of isolation: rows, and what each change leaves in timeline, events and audit log. */
#include "service/audit/audit.h"
#include "service/endpoint/endpoint_isolation_internal.h"

int endpoint_db_isolation(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id, struct endpoint_isolation *ret,
                          struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	*ret = (struct endpoint_isolation){.endpoint_id = *endpoint_id, .state = ENDPOINT_ISOLATION_NONE};
	int r = db_query(tx, &rows, err,
	                 "SELECT id, state, cause, reason, message, alert_id, asked_by, asked_by_name, asked_at, expires_at, chosen,"
	                 " carried_at, lifted_by_name, lift_asked_at, ended_at, problem_key, problem_args, repaired"
	                 " FROM endpoint_isolation WHERE endpoint_id = $1",
	                 DB_UUID(endpoint_id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	int64_t state = db_int(rows, 1);
	*ret = (struct endpoint_isolation){
		.id = db_uuid(rows, 0),
		.endpoint_id = *endpoint_id,
		.state = state > 0 && state < ENDPOINT_ISOLATION__COUNT ? (enum endpoint_isolation_state)state : ENDPOINT_ISOLATION_NONE,
		.cause = arena_str(arena, db_text(rows, 2)),
		.reason = arena_str(arena, db_text(rows, 3)),
		.message = arena_str(arena, db_text(rows, 4)),
		.alert_id = db_uuid(rows, 5),
		.asked_by = db_uuid(rows, 6),
		.asked_by_name = arena_str(arena, db_text(rows, 7)),
		.asked_at = db_int(rows, 8),
		.expires_at = db_int(rows, 9),
		.chosen = db_int(rows, 10) != 0,
		.carried_at = db_int(rows, 11),
		.lifted_by_name = arena_str(arena, db_text(rows, 12)),
		.lift_asked_at = db_int(rows, 13),
		.ended_at = db_int(rows, 14),
		.problem_key = arena_str(arena, db_text(rows, 15)),
		.problem_args_json = arena_str(arena, db_text(rows, 16)),
		.repaired = db_int(rows, 17),
	};
	return 1;
}

int endpoint_isolation_get(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id,
                           struct endpoint_isolation_machine *ret, struct err *err)
{
	struct endpoint_row row;
	struct endpoint_isolation_word word;
	const struct json *facts = NULL;
	int r = endpoint_db_get(tx, arena, endpoint_id, &row, err);
	if (r < 0)
		return r;
	if (json_parse(arena, row.facts_json, NULL, &facts, NULL) < 0)
		facts = NULL;
	endpoint_isolation_read_word(arena, json_get(facts, "isolation"), &word);
	*ret = (struct endpoint_isolation_machine){
		.id = row.id,
		.unit_id = row.unit_id,
		.hostname = row.hostname,
		.unit_name = row.unit_name,
		.addresses_json = row.addresses_json,
		.retired = row.retired_at != 0,
		.sample = row.sample,
		.ability = {word.can, word.can ? STR("") : word.told && word.why.n > 0 ? word.why : STR("endpoint.isolation_agent_old")},
	};
	return endpoint_db_isolation(tx, arena, endpoint_id, &ret->order, err);
}

int endpoint_isolation_count(struct db_tx *tx, const struct uuid *asked_by, usec_t since, int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err, "SELECT count(*) FROM endpoint_isolation WHERE asked_by = $1 AND asked_at > $2",
	                    DB_UUID(asked_by), DB_INT(since));
}

/* The order's row, the machine's column, a line in the timeline, the event. */
static int note(struct db_tx *tx, const struct endpoint_isolation_machine *m, enum endpoint_isolation_state state, struct str by,
                struct str reason, usec_t now, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT((size_t)16 << 10);
	struct json_writer w = json_writer_init(&json);
	struct endpoint_row row;
	cleanup(arena) struct arena *arena = arena_new(0);
	int r = db_exec(tx, err, "UPDATE endpoint SET isolation = $2 WHERE id = $1", DB_UUID(&m->id), DB_INT(state));
	json_object(&w);
	json_member_cstr(&w, "state", endpoint_isolation_name(state));
	if (by.n > 0)
		json_member_str(&w, "by", by);
	if (reason.n > 0)
		json_member_str(&w, "reason", reason);
	json_object_end(&w);
	if (r >= 0)
		r = endpoint_db_timeline_add(tx, &m->id, now, "isolation", buf_str(&json), err);
	if (r >= 0)
		r = endpoint_db_get(tx, arena, &m->id, &row, err);
	if (r >= 0)
		r = endpoint_emit_changed(tx, &m->id, &row.unit_id, row.hostname,
		                          (struct endpoint_judgement){row.state, arena_cstr(arena, row.state_reason)}, err);
	return r < 0 ? r : 0;
}

int endpoint_isolation_ask(struct db_tx *tx, const struct endpoint_isolation_machine *m, const struct endpoint_isolation *o,
                           usec_t now, struct err *err)
{
	/* The database decides between two who ask at once. */
	int r = db_exec(tx, err,
	                "INSERT INTO endpoint_isolation (endpoint_id, id, state, cause, reason, message, alert_id, asked_by,"
	                " asked_by_name, asked_at, expires_at, chosen, lifted_by_name, problem_key, problem_args, repaired)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', '', '{}', 0)"
	                " ON CONFLICT (endpoint_id) DO UPDATE SET id = excluded.id, state = excluded.state, cause = excluded.cause,"
	                " reason = excluded.reason, message = excluded.message, alert_id = excluded.alert_id,"
	                " asked_by = excluded.asked_by, asked_by_name = excluded.asked_by_name, asked_at = excluded.asked_at,"
	                " expires_at = excluded.expires_at, chosen = excluded.chosen, carried_at = NULL, lifted_by_name = '',"
	                " lift_asked_at = NULL, ended_at = NULL, problem_key = '', problem_args = '{}', repaired = 0"
	                " WHERE endpoint_isolation.ended_at IS NOT NULL OR endpoint_isolation.state = $13",
	                DB_UUID(&m->id), DB_UUID(&o->id), DB_INT(ENDPOINT_ISOLATION_ASKED), DB_TEXT(o->cause), DB_TEXT(o->reason),
	                DB_TEXT(o->message), DB_UUID_OR_NULL(&o->alert_id), DB_UUID(&o->asked_by), DB_TEXT(o->asked_by_name),
	                DB_INT(now), DB_INT(o->expires_at), DB_INT(o->chosen), DB_INT(ENDPOINT_ISOLATION_LIFTING));
	if (r == 0)
		return err_set(err, -EBUSY, "endpoint.isolation_open");
	return r < 0 ? r : note(tx, m, ENDPOINT_ISOLATION_ASKED, o->asked_by_name, o->reason, now, err);
}

int endpoint_isolation_lift(struct db_tx *tx, const struct endpoint_isolation_machine *m, struct str by, usec_t now,
                            enum endpoint_isolation_state *ret, struct err *err)
{
	if (m->order.state != ENDPOINT_ISOLATION_ASKED && m->order.state != ENDPOINT_ISOLATION_ON)
		return err_set(err, -EBUSY, "endpoint.isolation_not_open");
	/* Whether an order that was only asked for has reached the machine, the machine will say. */
	int r = db_exec(tx, err,
	                "UPDATE endpoint_isolation SET state = $3, lifted_by_name = $4, lift_asked_at = $5"
	                " WHERE id = $1 AND state = $2",
	                DB_UUID(&m->order.id), DB_INT(m->order.state), DB_INT(ENDPOINT_ISOLATION_LIFTING), DB_TEXT(by), DB_INT(now));
	if (r == 0)
		return err_set(err, -EBUSY, "endpoint.isolation_not_open");
	*ret = ENDPOINT_ISOLATION_LIFTING;
	return r < 0 ? r : note(tx, m, *ret, by, STR_EMPTY, now, err);
}

static int audit(struct db_tx *tx, const struct endpoint_row *row, const struct endpoint_isolation *o,
                 enum endpoint_isolation_state to, const struct endpoint_isolation_word *word, usec_t now, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(8192);
	struct json_writer w = json_writer_init(&details);
	struct access machine = {.kind = ACCESS_ENDPOINT, .endpoint_id = row->id, .unit_id = row->unit_id, .name = row->hostname};
	char id[UUID_TEXT_SIZE], action[64];
	struct buf name = buf_fixed(action, sizeof action);
	json_object(&w);
	json_member_str(&w, "text", row->hostname);
	json_member_cstr(&w, "order", uuid_text(&o->id, id));
	if (word->problem_key.n > 0)
		json_member_str(&w, "problem", word->problem_key);
	json_object_end(&w);
	buf_printf(&name, "endpoint.isolation_%s", endpoint_isolation_name(to));
	return audit_write(tx, &machine, now,
	                   &(struct audit_entry){.action = action, .object_type = "endpoint", .object_id = row->id,
	                                         .unit_id = row->unit_id, .details = buf_str(&details)},
	                   err);
}

int endpoint_isolation_take_word(struct db_tx *tx, struct arena *arena, const struct endpoint_row *row,
                                 const struct endpoint_isolation_word *word, usec_t now, struct err *err)
{
	struct endpoint_isolation o;
	int r = endpoint_db_isolation(tx, arena, &row->id, &o, err);
	if (r < 0 || !endpoint_isolation_has_news(&o, word, now))
		return r < 0 ? r : 0;
	enum endpoint_isolation_state to = endpoint_isolation_next(&o, word, now);
	bool ended = !endpoint_isolation_is_open(to), carried = to == ENDPOINT_ISOLATION_ON && o.carried_at == 0;
	r = db_exec(tx, err,
	            "UPDATE endpoint_isolation SET state = $2, carried_at = $3, ended_at = $4, problem_key = $5, problem_args = $6,"
	            " repaired = $7 WHERE id = $1",
	            DB_UUID(&o.id), DB_INT(to), carried ? DB_INT(now) : o.carried_at != 0 ? DB_INT(o.carried_at) : DB_NULL,
	            ended ? DB_INT(now) : DB_NULL, DB_TEXT(word->problem_key), DB_TEXT(word->problem_args_json),
	            DB_INT(word->repaired));
	if (r < 0 || to == o.state)
		return r < 0 ? r : 0;
	struct endpoint_isolation_machine m = {.id = row->id, .unit_id = row->unit_id};
	r = note(tx, &m, to, STR_EMPTY, word->problem_key, now, err);
	return r < 0 ? r : audit(tx, row, &o, to, word, now, err);
}
