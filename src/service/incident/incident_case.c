/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Opening and moving a case: number, timeline, audit line and event in one transaction. */
#include "base/text/text.h"
#include "service/audit/audit.h"
#include "service/incident/incident_http.h"
#include "service/outbox/outbox.h"

int incident_emit(struct db_tx *tx, const char *name, const struct incident_row *row, struct str state, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT((size_t)16 << 10);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	api_member_uuid(&w, "id", &row->id);
	api_member_uuid(&w, "unit_id", &row->unit_id);
	json_member_str(&w, "number", row->number);
	json_member_str(&w, "title", row->title);
	json_member_str(&w, "state", state);
	json_member_cstr(&w, "severity", alert_severity_name(row->severity));
	json_object_end(&w);
	struct service_event e = {.name = name, .unit_id = row->unit_id, .permission = "incident.read",
	                          .json = buf_str(&json)};
	return outbox_write(tx, &e, err);
}

static int audit(struct db_tx *tx, const struct access *access, const char *action, const struct incident_row *row,
                 struct str from, struct str to, struct str note, usec_t now, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)32 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "number", row->number);
	if (from.n > 0)
		json_member_str(&w, "from", from);
	if (to.n > 0)
		json_member_str(&w, "to", to);
	if (note.n > 0)
		json_member_str(&w, "note", note);
	json_object_end(&w);
	struct audit_entry e = {.action = action, .object_type = "incident", .object_id = row->id, .unit_id = row->unit_id,
	                        .details = buf_str(&details)};
	return audit_write(tx, access, now, &e, err);
}

static int check_title(struct str title, struct err *err)
{
	return title.n > 0 ? 0 : err_set(err, -EINVAL, "incident.title_required");
}

static int check_kind(struct db_tx *tx, struct str kind, struct str other_label, struct err *err)
{
	bool needs_label = false;
	int r = incident_db_kind(tx, kind, &needs_label, err);
	if (r >= 0 && needs_label && other_label.n == 0)
		return err_set(err, -EINVAL, "incident.label_required", ARG_STR("kind", kind));
	return r;
}

static int take_alert(struct db_tx *tx, struct arena *arena, const struct incident_new *incident,
                      const struct uuid *id, struct str number, usec_t now, struct err *err)
{
	struct alert_brief alert;
	int r = alert_get(tx, arena, &incident->alert_id, &alert, err);
	return r < 0 ? r : alert_join_incident(tx, &alert, id, number, now, err);
}

int incident_open(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct incident_new *incident, struct uuid *ret_id, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct incident_process *process = ARENA_NEW(arena, struct incident_process);
	struct incident_row row = {.id = uuid_new(), .unit_id = incident->unit_id, .title = incident->title,
	                           .severity = incident->severity};
	usec_t now = sc->now();
	int64_t year = incident_year(now), sequence = 0;
	char number[INCIDENT_NUMBER_SIZE] = "";
	int r = check_title(incident->title, err);
	if (r >= 0)
		r = check_kind(tx, incident->kind, incident->other_label, err);
	if (r >= 0)
		r = incident_db_process(tx, arena, process, err);
	if (r >= 0)
		r = incident_db_number(tx, year, &sequence, err);
	if (r < 0)
		return r;
	incident_number_text(year, sequence, number);
	row.number = str_c(number);
	r = incident_db_insert(tx, incident, &row.id, row.number, process->initial, now, err);
	if (r >= 0)
		r = incident_db_entry(tx, &row.id, access,
		                      &(struct incident_entry){.type = "opened", .text = incident->description, .to = process->initial},
		                      now, err);
	if (r >= 0 && !uuid_is_null(&incident->alert_id))
		r = take_alert(tx, arena, incident, &row.id, row.number, now, err);
	if (r >= 0)
		r = audit(tx, access, "incident.open", &row, STR_EMPTY, process->initial, STR_EMPTY, now, err);
	if (r >= 0)
		r = incident_emit(tx, "incident.created", &row, process->initial, err);
	*ret_id = row.id;
	return r;
}

int incident_move(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct uuid *id, struct str to, struct str note, int64_t version, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct incident_process *process = ARENA_NEW(arena, struct incident_process);
	struct incident_row row;
	usec_t now = sc->now();
	bool may = false;
	int r = incident_db_get(tx, arena, id, &row, err);
	if (r >= 0)
		r = incident_db_process(tx, arena, process, err);
	if (r < 0)
		return r;
	const struct incident_transition *t = incident_process_find(process, row.state, to);
	if (t == NULL)
		return err_set(err, -EINVAL, "incident.no_transition", ARG_STR("from", row.state), ARG_STR("to", to));
	const char *permission = arena_cstr(arena, t->permission);
	r = api_may(tx, access, permission, &row.unit_id, now, &may, err);
	if (r < 0)
		return r;
	if (!may)
		return err_set(err, -EACCES, "api.forbidden", ARG_STR("permission", t->permission));
	if (t->note && str_trim(note).n == 0)
		return err_set(err, -EINVAL, "incident.note_required");
	bool closes = !incident_process_state(process, to)->open;
	r = incident_db_set_state(tx, id, to, closes ? now : 0, version, err);
	if (r >= 0)
		r = incident_db_entry(tx, id, access,
		                      &(struct incident_entry){.type = "state", .text = note, .from = row.state, .to = to}, now, err);
	if (r >= 0)
		r = audit(tx, access, "incident.move", &row, row.state, to, note, now, err);
	return r < 0 ? r : incident_emit(tx, "incident.changed", &row, to, err);
}

int incident_apply_change(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                          const struct incident_row *row, const struct incident_change *change, struct err *err)
{
	usec_t now = sc->now();
	int r = check_title(change->title, err);
	if (r >= 0)
		r = check_kind(tx, change->kind, change->other_label, err);
	if (r >= 0)
		r = incident_db_change(tx, row, change, row->version, err);
	if (r >= 0 && !str_eq(row->kind, change->kind))
		r = incident_db_entry(tx, &row->id, access,
		                      &(struct incident_entry){.type = "kind", .from = row->kind, .to = change->kind}, now, err);
	if (r >= 0 && row->severity != change->severity)
		r = incident_db_entry(tx, &row->id, access,
		                      &(struct incident_entry){.type = "severity", .from = str_c(alert_severity_name(row->severity)),
		                                               .to = str_c(alert_severity_name(change->severity))},
		                      now, err);
	if (r >= 0 && !uuid_eq(&row->owner_id, &change->owner_id))
		r = incident_db_entry(tx, &row->id, access,
		                      &(struct incident_entry){.type = "owner", .from = row->owner_name, .to = change->owner_name},
		                      now, err);
	if (r >= 0)
		r = audit(tx, access, "incident.change", row, STR_EMPTY, STR_EMPTY, STR_EMPTY, now, err);
	return r < 0 ? r : incident_emit(tx, "incident.changed", row, row->state, err);
}

int incident_note(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct incident_row *row, const struct incident_entry *entry, struct err *err)
{
	usec_t now = sc->now();
	if (entry->text.n == 0)
		return err_set(err, -EINVAL, "incident.text_required");
	int r = incident_db_entry(tx, &row->id, access, entry, now, err);
	if (r >= 0)
		r = audit(tx, access, strcmp(entry->type, "alert") == 0 ? "incident.link_alert" : "incident.comment", row, STR_EMPTY,
		          entry->to, STR_EMPTY, now, err);
	return r < 0 ? r : incident_emit(tx, "incident.changed", row, row->state, err);
}
