/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Tables of the room, and what the packs say: kinds, states, transitions. */
#include "service/incident/incident_internal.h"

int incident_db_put_group(struct db_tx *tx, const struct incident_group_row *g, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO incident_group (id, label_vi, label_en, cause, position) VALUES ($1, $2, $3, $4, $5)"
	                " ON CONFLICT (id) DO UPDATE SET label_vi = excluded.label_vi, label_en = excluded.label_en,"
	                " cause = excluded.cause, position = excluded.position",
	                DB_TEXT(g->id), DB_TEXT(g->label[MSG_LANG_VI]), DB_TEXT(g->label[MSG_LANG_EN]), DB_TEXT(g->cause),
	                DB_INT(g->position));
	return r < 0 ? r : 0;
}

int incident_db_put_kind(struct db_tx *tx, const struct incident_kind_row *k, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO incident_kind (id, group_id, label_vi, label_en, line, effects, personal_data, signals,"
	                " first_actions, needs_label, position, first_actions_vi)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
	                " ON CONFLICT (id) DO UPDATE SET group_id = excluded.group_id, label_vi = excluded.label_vi,"
	                " label_en = excluded.label_en, line = excluded.line, effects = excluded.effects,"
	                " personal_data = excluded.personal_data, signals = excluded.signals,"
	                " first_actions = excluded.first_actions, needs_label = excluded.needs_label,"
	                " position = excluded.position, first_actions_vi = excluded.first_actions_vi",
	                DB_TEXT(k->id), DB_TEXT(k->group), DB_TEXT(k->label[MSG_LANG_VI]), DB_TEXT(k->label[MSG_LANG_EN]),
	                DB_TEXT(k->line), DB_TEXT(k->effects_json), DB_TEXT(k->personal_data), DB_TEXT(k->signals),
	                DB_TEXT(k->first_actions[MSG_LANG_EN]), DB_INT(k->needs_label), DB_INT(k->position),
	                DB_TEXT(k->first_actions[MSG_LANG_VI]));
	return r < 0 ? r : 0;
}

static int put_transition(struct db_tx *tx, const struct incident_transition *t, int64_t position, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO incident_transition (from_state, to_state, permission, note, label_vi, label_en, position)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
	                DB_TEXT(t->from), DB_TEXT(t->to), DB_TEXT(t->permission), DB_INT(t->note),
	                DB_TEXT(t->label[MSG_LANG_VI]), DB_TEXT(t->label[MSG_LANG_EN]), DB_INT(position));
	return r < 0 ? r : 0;
}

int incident_db_put_process(struct db_tx *tx, const struct incident_process *p, struct err *err)
{
	/* States stay, as kinds do; what leads from one to another is replaced as a whole. */
	int r = db_exec(tx, err, "DELETE FROM incident_transition");
	for (size_t i = 0; r >= 0 && i < p->state_count; i++) {
		const struct incident_state *s = &p->states[i];
		r = db_exec(tx, err,
		            "INSERT INTO incident_state (id, label_vi, label_en, open, initial, position)"
		            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET label_vi = excluded.label_vi,"
		            " label_en = excluded.label_en, open = excluded.open, initial = excluded.initial,"
		            " position = excluded.position",
		            DB_TEXT(s->id), DB_TEXT(s->label[MSG_LANG_VI]), DB_TEXT(s->label[MSG_LANG_EN]), DB_INT(s->open),
		            DB_INT(str_eq(s->id, p->initial)), DB_INT((int64_t)i));
	}
	for (size_t i = 0; r >= 0 && i < p->transition_count; i++)
		r = put_transition(tx, &p->transitions[i], (int64_t)i, err);
	return r < 0 ? r : 0;
}

static int read_states(struct db_tx *tx, struct arena *arena, struct incident_process *p, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id, label_vi, label_en, open, initial FROM incident_state ORDER BY position, id");
	while (r >= 0 && p->state_count < INCIDENT_STATES_MAX && (r = db_next(rows, err)) > 0) {
		struct incident_state *s = &p->states[p->state_count++];
		s->id = arena_str(arena, db_text(rows, 0));
		s->label[MSG_LANG_VI] = arena_str(arena, db_text(rows, 1));
		s->label[MSG_LANG_EN] = arena_str(arena, db_text(rows, 2));
		s->open = db_int(rows, 3) != 0;
		if (db_int(rows, 4) != 0)
			p->initial = s->id;
	}
	return r < 0 ? r : 0;
}

int incident_db_process(struct db_tx *tx, struct arena *arena, struct incident_process *ret, struct err *err)
{
	*ret = (struct incident_process){.state_count = 0};
	int r = read_states(tx, arena, ret, err);
	cleanup_rows struct db_rows *rows = NULL;
	if (r >= 0)
		r = db_query(tx, &rows, err,
		             "SELECT from_state, to_state, permission, note, label_vi, label_en FROM incident_transition"
		             " ORDER BY position");
	while (r >= 0 && ret->transition_count < INCIDENT_TRANSITIONS_MAX && (r = db_next(rows, err)) > 0) {
		struct incident_transition *t = &ret->transitions[ret->transition_count++];
		t->from = arena_str(arena, db_text(rows, 0));
		t->to = arena_str(arena, db_text(rows, 1));
		t->permission = arena_str(arena, db_text(rows, 2));
		t->note = db_int(rows, 3) != 0;
		t->label[MSG_LANG_VI] = arena_str(arena, db_text(rows, 4));
		t->label[MSG_LANG_EN] = arena_str(arena, db_text(rows, 5));
	}
	if (r >= 0 && ret->initial.n == 0)
		return err_set(err, -EAGAIN, "incident.no_process");
	return r < 0 ? r : 0;
}

int incident_db_kind(struct db_tx *tx, struct str kind, bool *ret_needs_label, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT needs_label FROM incident_kind WHERE id = $1", DB_TEXT(kind));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -EINVAL, "incident.unknown_kind", ARG_STR("kind", kind));
	*ret_needs_label = db_int(rows, 0) != 0;
	return 0;
}

static void write_kind(const struct db_rows *rows, enum msg_lang lang, struct json_writer *w)
{
	json_object(w);
	json_member_str(w, "id", db_text(rows, 3));
	json_member_str(w, "label", db_text(rows, lang == MSG_LANG_VI ? 4 : 5));
	json_member_str(w, "line", db_text(rows, 6));
	json_name(w, "effects");
	json_raw(w, db_text(rows, 7));
	json_member_str(w, "personal_data", db_text(rows, 8));
	json_member_bool(w, "needs_label", db_int(rows, 9) != 0);
	json_member_str(w, "first_actions", db_text(rows, lang == MSG_LANG_VI ? 10 : 11));
	json_object_end(w);
}

int incident_db_write_kinds(struct db_tx *tx, enum msg_lang lang, struct json_writer *w, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT g.id, g.label_vi, g.label_en, k.id, k.label_vi, k.label_en, k.line, k.effects,"
	                 " k.personal_data, k.needs_label, k.first_actions_vi, k.first_actions FROM incident_kind k"
	                 " JOIN incident_group g ON g.id = k.group_id ORDER BY g.position, k.position");
	char group[64] = "";
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		if (!str_eq_c(db_text(rows, 0), group)) {
			if (group[0] != '\0') {
				json_array_end(w);
				json_object_end(w);
			}
			str_copy_c(db_text(rows, 0), group, sizeof group);
			json_object(w);
			json_member_cstr(w, "id", group);
			json_member_str(w, "label", db_text(rows, lang == MSG_LANG_VI ? 1 : 2));
			json_name(w, "kinds");
			json_array(w);
		}
		write_kind(rows, lang, w);
	}
	if (group[0] != '\0') {
		json_array_end(w);
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}
