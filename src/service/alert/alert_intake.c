/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From the pipeline's record to one open alert a group, and to service/protection, in one transaction. */
#include "service/alert/alert_http.h"
#include "service/endpoint/endpoint.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection.h"

struct intake {
	const struct service_context *sc;
	struct arena *arena;
	const struct alert_record *given;
	struct alert_record record; /* with the machine's unit filled in */
	enum alert_taken taken;
};

int alert_emit(struct db_tx *tx, const char *name, const struct uuid *id, const struct uuid *unit_id, int64_t number,
               enum alert_severity severity, enum alert_state state, struct str title, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT((size_t)16 << 10);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	api_member_uuid(&w, "id", id);
	api_member_uuid(&w, "unit_id", unit_id);
	json_member_int(&w, "number", number);
	json_member_cstr(&w, "severity", alert_severity_name(severity));
	json_member_cstr(&w, "state", alert_state_name(state));
	json_member_str(&w, "title", title);
	json_object_end(&w);
	struct service_event e = {.name = name, .unit_id = *unit_id, .permission = "alert.read", .json = buf_str(&json)};
	return outbox_write(tx, &e, err);
}

/* A machine may have been retired since, or its record be lost: the alert is kept all the same. */
static int find_machine(struct db_tx *tx, struct alert_record *record, struct err *err)
{
	struct endpoint_identity machine;
	if (uuid_is_null(&record->endpoint_id))
		return 0;
	struct err local = {.code = 0};
	int r = endpoint_identify(tx, &record->endpoint_id, &machine, &local);
	if (r == 0) {
		/* The database knows better than an agent that has moved. */
		record->unit_id = machine.unit_id;
		return 0;
	}
	if (r == -ENOENT && !uuid_is_null(&record->unit_id))
		return 0;
	if (err != NULL)
		*err = local;
	return r == -ENOENT ? err_set(err, -EINVAL, "alert.unknown_machine") : r;
}

static int detect(struct db_tx *tx, const struct alert_record *record, const struct uuid *alert_id, struct err *err)
{
	if (record->threat.n == 0 || uuid_is_null(&record->endpoint_id))
		return 0;
	struct protection_detection d = {
		.key = record->key, .endpoint_id = record->endpoint_id, .unit_id = record->unit_id, .alert_id = *alert_id,
		.at = record->at, .threat = record->threat, .engine = record->engine,
		.rule = record->rule_name.n > 0 ? record->rule_name : record->rule_id, .path = record->path,
		.sha256 = record->sha256, .action = record->action, .size_bytes = record->size_bytes,
		.quarantine_id = record->quarantine_id, .sample = record->sample};
	int r = protection_detected(tx, &d, err);
	return r < 0 ? r : 0;
}

static int make_alert(struct db_tx *tx, struct intake *in, const struct uuid *id, struct str group, struct err *err)
{
	const struct alert_record *record = &in->record;
	int64_t number = 0;
	cleanup_buf struct buf why = BUF_INIT((size_t)128 << 10);
	struct json_writer w = json_writer_init(&why);
	alert_write_why(record, &w);
	int r = alert_db_insert(tx, record, id, group, buf_str(&why), &number, err);
	if (r >= 0)
		r = alert_emit(tx, "alert.created", id, &record->unit_id, number, record->severity, ALERT_STATE_NEW,
		               record->title, err);
	in->taken = ALERT_TAKEN_NEW;
	return r;
}

static int count_alert(struct db_tx *tx, struct intake *in, const struct uuid *id, struct err *err)
{
	struct alert_brief alert;
	int r = alert_db_count(tx, &in->record, id, err);
	if (r >= 0)
		r = alert_get(tx, in->arena, id, &alert, err);
	if (r >= 0)
		r = alert_emit(tx, "alert.changed", id, &alert.unit_id, alert.number, alert.severity, alert.state, alert.title,
		               err);
	in->taken = ALERT_TAKEN_COUNTED;
	return r;
}

static int take(struct db_tx *tx, void *ctx, struct err *err)
{
	struct intake *in = ctx;
	struct alert_record *record = &in->record;
	arena_clear(in->arena);
	*record = *in->given;
	int r = find_machine(tx, record, err);
	if (r < 0)
		return r;
	bool restored = str_eq(record->action, STR("restored")), deleted = str_eq(record->action, STR("deleted"));
	/* Other scanners delete what they find: without a quarantined file that is a finding like any other. */
	if ((restored || deleted) && record->quarantine_id.n > 0) {
		in->taken = ALERT_TAKEN_FATE;
		return protection_quarantine_reported(tx, &record->endpoint_id, record->quarantine_id, deleted, record->at, err);
	}
	struct str group = alert_group_key(in->arena, record);
	struct uuid id = uuid_new();
	int open = alert_db_find_open(tx, group, &id, err);
	if (open < 0)
		return open;
	r = alert_db_take_key(tx, record, &id, err);
	if (r <= 0) {
		in->taken = ALERT_TAKEN_KNOWN;
		return r;
	}
	r = open > 0 ? count_alert(tx, in, &id, err) : make_alert(tx, in, &id, group, err);
	return r < 0 ? r : detect(tx, record, &id, err);
}

int alert_intake(const struct service_context *sc, const struct alert_record *record, struct err *err)
{
	int r = alert_record_check(record, err);
	if (r < 0)
		return r;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct intake in = {.sc = sc, .arena = arena, .given = record};
	r = db_write(sc->db, take, &in, err);
	if (r < 0)
		return r;
	if (in.taken != ALERT_TAKEN_KNOWN)
		outbox_wake(sc);
	return (int)in.taken;
}
