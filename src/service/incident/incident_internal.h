/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/incident/incident.h"

#define INCIDENT_STATES_MAX 32
#define INCIDENT_TRANSITIONS_MAX 128
#define INCIDENT_NUMBER_SIZE 24

struct incident_state {
	struct str id, label[MSG_LANG__COUNT];
	bool open;
	int64_t position;
};

struct incident_transition {
	struct str from, to, permission, label[MSG_LANG__COUNT];
	bool note;
};

/* The life of a case as rows; read from the database in the transaction that uses it. */
struct incident_process {
	struct str initial;
	struct incident_state states[INCIDENT_STATES_MAX];
	size_t state_count;
	struct incident_transition transitions[INCIDENT_TRANSITIONS_MAX];
	size_t transition_count;
};
/* NULL when unknown. */
const struct incident_state *incident_process_state(const struct incident_process *p, struct str id);
const struct incident_transition *incident_process_find(const struct incident_process *p, struct str from, struct str to);
/* Every state reachable, every name known, the initial state open: -EINVAL incident.bad_process (state). */
int incident_process_check(const struct incident_process *p, struct err *err) WARN_UNUSED;

/* "SC-2026-0001"; the year is that of Vietnamese time. */
void incident_number_text(int64_t year, int64_t sequence, char buf[INCIDENT_NUMBER_SIZE]);
int64_t incident_year(usec_t t);


/* incident_pack.c */
int incident_pack_load(const struct service_context *sc, struct err *err) WARN_UNUSED;

/* incident_pack_db.c: what the packs say, as rows. */
struct incident_group_row {
	struct str id, label[MSG_LANG__COUNT], cause;
	int64_t position;
};
struct incident_kind_row {
	struct str id, group, label[MSG_LANG__COUNT], line, effects_json, personal_data, signals, first_actions[MSG_LANG__COUNT];
	bool needs_label;
	int64_t position;
};
int incident_db_put_group(struct db_tx *tx, const struct incident_group_row *row, struct err *err) WARN_UNUSED;
int incident_db_put_kind(struct db_tx *tx, const struct incident_kind_row *row, struct err *err) WARN_UNUSED;
int incident_db_put_process(struct db_tx *tx, const struct incident_process *p, struct err *err) WARN_UNUSED;
int incident_db_process(struct db_tx *tx, struct arena *arena, struct incident_process *ret,
                        struct err *err) WARN_UNUSED;
/* -EINVAL incident.unknown_kind. */
int incident_db_kind(struct db_tx *tx, struct str kind, bool *ret_needs_label, struct err *err) WARN_UNUSED;
int incident_db_write_kinds(struct db_tx *tx, enum msg_lang lang, struct json_writer *w, struct err *err) WARN_UNUSED;

/* incident_db.c */
struct incident_row {
	struct uuid id, unit_id, endpoint_id, owner_id;
	struct str number, title, kind, kind_label[MSG_LANG__COUNT], other_label, state, description;
	struct str unit_name, hostname, owner_name;
	enum alert_severity severity;
	usec_t opened_at, detected_at, closed_at;
	bool sample;
	int64_t version;
};
int incident_db_number(struct db_tx *tx, int64_t year, int64_t *ret_sequence, struct err *err) WARN_UNUSED;
int incident_db_insert(struct db_tx *tx, const struct incident_new *incident, const struct uuid *id, struct str number,
                       struct str state, usec_t now, struct err *err) WARN_UNUSED;
/* -ENOENT incident.unknown. */
int incident_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct incident_row *ret,
                    struct err *err) WARN_UNUSED;
struct incident_change {
	struct str title, kind, other_label, description;
	enum alert_severity severity;
	usec_t detected_at;
	struct uuid owner_id;
	struct str owner_name;
};
int incident_db_change(struct db_tx *tx, const struct incident_row *row, const struct incident_change *change,
                       int64_t version, struct err *err) WARN_UNUSED;
int incident_db_set_state(struct db_tx *tx, const struct uuid *id, struct str state, usec_t closed_at, int64_t version,
                          struct err *err) WARN_UNUSED;
struct incident_entry {
	const char *type; /* "opened", "state", "comment", "alert", "changed" */
	struct str text, from, to;
};
int incident_db_entry(struct db_tx *tx, const struct uuid *incident_id, const struct access *access,
                      const struct incident_entry *entry, usec_t now, struct err *err) WARN_UNUSED;
int incident_db_write_entries(struct db_tx *tx, const struct uuid *incident_id, struct json_writer *w,
                              struct err *err) WARN_UNUSED;

/* incident_case.c: with timeline, audit line and event. */
int incident_apply_change(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                          const struct incident_row *row, const struct incident_change *change,
                          struct err *err) WARN_UNUSED;
int incident_note(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct incident_row *row, const struct incident_entry *entry, struct err *err) WARN_UNUSED;
