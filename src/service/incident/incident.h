/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * incident: cases. Number per year (SC-2026-0001), kind of the pack's 29, a
 * state machine that is data (packs/vn/incident_states.yaml), an append-only
 * timeline, linked alerts.
 *
 * Does not live here: legal clocks, report forms, playbooks (they will grow on the
 * timeline and the transitions).
 * Threads: any; state is in the database.
 */
#pragma once
#include "service/alert/alert.h"

extern const struct service incident_service;

/* A new case; texts are borrowed for the call. */
struct incident_new {
	struct uuid unit_id, endpoint_id; /* endpoint may be null */
	struct str title, kind, description, other_label;
	enum alert_severity severity;
	usec_t detected_at;
	struct uuid alert_id; /* null: none; its alert is linked */
	bool sample;
};
/* Makes number, first timeline entry, audit line and event in the caller's transaction. */
int incident_open(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct incident_new *incident, struct uuid *ret_id, struct err *err) WARN_UNUSED;
/* Moves along a row of the pack's transitions. -EINVAL incident.no_transition, incident.note_required. */
int incident_move(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct uuid *id, struct str to, struct str note, int64_t version,
                  struct err *err) WARN_UNUSED;
