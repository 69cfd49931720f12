/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From the pipeline's record to one open alert a group, and to service/protection, in one transaction. */
#include "service/alert/alert_http.h"
#include "service/alert/alert_tactics.h"
#include "service/endpoint/endpoint.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection.h"
#include "service/source/source.h"

struct intake {
	const struct service_context *sc;
	struct arena *arena;
	const struct alert_record *given;
	struct alert_record record; /* with the machine's unit filled in */
	struct alert_policy policy;
	struct alert_firing firing;
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

/* What a sample city shows has happened at its own time. */
static usec_t record_now(const struct intake *in)
{
	return in->record.sample ? in->record.at : in->sc->now != NULL ? in->sc->now() : clock_now();
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

/* alert_id null: suppressed. The machine's own history keeps the finding all the same. */
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

/* How common the rule is here, and what else its machine shows. */
static int weigh_habits(struct db_tx *tx, const struct intake *in, struct alert_weight *weight, int64_t *ret_tactics, struct err *err)
{
	const struct alert_record *record = &in->record;
	usec_t now = record_now(in);
	*ret_tactics = alert_tactics_of(record->tags);
	if (record->threat.n == 0 && !str_eq(record->kind, STR("indicator")))
		weight->rarity = alert_rarity_of(&in->policy, in->firing.days, in->firing.machines);
	if (record->severity < ALERT_SEVERITY_MEDIUM || weight->rarity > ALERT_RARITY_UNCOMMON || in->firing.machines_today >= in->policy.wave_machines)
		return 0;
	return alert_firing_tactics(tx, in->arena, record, record->at - in->policy.window_hours * USEC_PER_HOUR, now / USEC_PER_DAY,
	                            in->policy.wave_machines, &weight->tactics, err);
}

static int weigh(struct db_tx *tx, struct intake *in, struct alert_weighed *ret, struct err *err)
{
	const struct alert_record *record = &in->record;
	struct alert_weight weight = {.rule_level = record->severity, .system_level = record->system_level};
	int r = alert_exposure_of(tx, in->arena, &record->endpoint_id, record->source, &weight.exposure, err);
	if (r >= 0 && weight.system_level == 0)
		r = source_level(tx, record->source, &weight.system_level, err);
	if (r < 0)
		return r;
	if (record->internet)
		weight.exposure = ALERT_EXPOSURE_INTERNET;
	r = weigh_habits(tx, in, &weight, &ret->tactics, err);
	if (r >= 0 && weight.rarity == ALERT_RARITY_RARE)
		r = alert_learning_of(tx, &in->policy, record, record_now(in), &weight.learning, err);
	if (r < 0)
		return r;
	ret->rarity = weight.rarity;
	ret->score = alert_score(&in->policy, &weight, &ret->severity);
	ret->raised = weight.tactics > 1 || (int64_t)ret->severity > in->policy.learning_up_to;
	ret->learning = weight.learning && !ret->raised;
	/* What is shown as JSON must be some. */
	const struct json *list = NULL;
	if (record->why.n > 0 && (json_parse(in->arena, record->why, NULL, &list, NULL) < 0 || list->type != JSON_ARRAY))
		in->record.why = STR_EMPTY;
	cleanup_buf struct buf why = BUF_INIT(ALERT_RAW_MAX * 2), score = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&why), s = json_writer_init(&score);
	alert_write_why(record, &w);
	alert_score_write(&in->policy, &weight, &s);
	ret->why = arena_str(in->arena, buf_str(&why));
	ret->score_why = arena_str(in->arena, buf_str(&score));
	ret->technique = alert_technique(in->arena, record->tags);
	ret->created_at = record_now(in);
	return 0;
}

static int make_alert(struct db_tx *tx, struct intake *in, const struct alert_weighed *weighed, const struct uuid *id,
                      struct str group, struct err *err)
{
	const struct alert_record *record = &in->record;
	int64_t number = 0;
	int r = alert_db_insert(tx, record, weighed, id, group, &number, err);
	if (r >= 0)
		r = alert_emit(tx, "alert.created", id, &record->unit_id, number, weighed->severity, ALERT_STATE_NEW,
		               record->title, err);
	in->taken = ALERT_TAKEN_NEW;
	return r;
}

static int count_alert(struct db_tx *tx, struct intake *in, const struct alert_weighed *weighed, const struct uuid *id,
                       struct err *err)
{
	struct alert_brief alert;
	int r = alert_db_count(tx, &in->record, weighed, id, err);
	if (r >= 0)
		r = alert_get(tx, in->arena, id, &alert, err);
	if (r >= 0)
		r = alert_emit(tx, "alert.changed", id, &alert.unit_id, alert.number, alert.severity, alert.state, alert.title,
		               err);
	in->taken = ALERT_TAKEN_COUNTED;
	return r;
}

/* The open alert that this record belongs to: 1 and *id, or 0. One that was quiet for longer than the window gives its place away. */
static int find_group(struct db_tx *tx, const struct intake *in, struct str group, struct uuid *id, struct err *err)
{
	struct uuid open;
	usec_t last = 0;
	int r = alert_db_find_open(tx, group, &open, &last, err);
	if (r > 0 && in->record.at - last > in->policy.window_hours * USEC_PER_HOUR)
		return alert_db_leave_group(tx, &open, err);
	if (r > 0)
		*id = open;
	return r;
}

/* The record's key stands for the suppression, so that what comes again is known after its end too. */
static int swallow(struct db_tx *tx, struct intake *in, const struct uuid *suppression, usec_t now, struct err *err)
{
	static const struct uuid none;
	int r = alert_db_take_key(tx, &in->record, suppression, err);
	if (r <= 0) {
		in->taken = ALERT_TAKEN_KNOWN;
		return r;
	}
	in->taken = ALERT_TAKEN_SUPPRESSED;
	r = alert_firing_count(tx, in->arena, &in->record, record_now(in), &in->firing, err);
	if (r >= 0)
		r = alert_db_swallow(tx, suppression, &in->record, now, err);
	return r < 0 ? r : detect(tx, &in->record, &none, err);
}

static int group_in(struct db_tx *tx, struct intake *in, struct err *err)
{
	struct alert_record *record = &in->record;
	struct str group = alert_group_key(in->arena, record);
	struct uuid id = uuid_new(), suppression;
	struct alert_weighed weighed;
	usec_t now = in->sc->now != NULL ? in->sc->now() : clock_now();
	int r = alert_db_find_suppression(tx, record, now, &suppression, err);
	if (r > 0)
		return swallow(tx, in, &suppression, now, err);
	int open = r < 0 ? r : find_group(tx, in, group, &id, err);
	if (open < 0)
		return open;
	r = alert_db_take_key(tx, record, &id, err);
	if (r <= 0) {
		in->taken = ALERT_TAKEN_KNOWN;
		return r;
	}
	r = alert_firing_count(tx, in->arena, record, record_now(in), &in->firing, err);
	if (r >= 0)
		r = weigh(tx, in, &weighed, err);
	if (r >= 0)
		r = open > 0 ? count_alert(tx, in, &weighed, &id, err) : make_alert(tx, in, &weighed, &id, group, err);
	return r < 0 ? r : detect(tx, record, &id, err);
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
	r = alert_policy_get(tx, &in->policy, err);
	return r < 0 ? r : group_in(tx, in, err);
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
