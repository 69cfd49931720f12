/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * alert: what the pipeline found and people must look at. Intake makes one open
 * alert of all findings of one threat (or rule) on one machine and counts them;
 * people acknowledge, assign, comment, close with a resolution, reopen.
 *
 * Does not live here: finding things (pipeline, agent), incidents (service/incident).
 * Threads: any; state is in the database.
 */
#pragma once
#include "service/service.h"

extern const struct service alert_service;

enum alert_severity { ALERT_SEVERITY_LOW, ALERT_SEVERITY_MEDIUM, ALERT_SEVERITY_HIGH, ALERT_SEVERITY_CRITICAL, ALERT_SEVERITY__COUNT };
const char *alert_severity_name(enum alert_severity severity);
bool alert_severity_parse(struct str name, enum alert_severity *ret);

enum alert_state { ALERT_STATE_NEW, ALERT_STATE_ACKNOWLEDGED, ALERT_STATE_CLOSED, ALERT_STATE__COUNT };
const char *alert_state_name(enum alert_state state);
bool alert_state_parse(struct str name, enum alert_state *ret);

/* What the pipeline hands over. Texts are borrowed for the call. */
struct alert_record {
	struct str key;            /* deterministic (rule, version, group, first event): a repeat is a no-op; 1..200 bytes */
	struct str rule_id, title;
	enum alert_severity severity;
	struct uuid endpoint_id;   /* null: no machine of ours */
	struct uuid unit_id;       /* may be null when the machine is given: its unit is taken */
	struct str first_event_id;
	usec_t at;
	/* May be empty. */
	struct str threat, path, sha256, engine, rule_name, action, quarantine_id;
	int64_t size_bytes; /* -1: unknown */
	struct str raw;     /* the event as it came: JSON; empty in a record that only counts on */
	bool sample;
	/* What rules bring (engine/event_pipeline/event_alert.h tells each); may be empty. */
	struct str kind, entity, tags, why, rule_file, rule_hash, description, source, host;
	int64_t count;  /* events that this record stands for; 0: one */
	usec_t last_at; /* of the last of them; 0: `at` */
	int64_t system_level; /* 1 to 5; 0: that of the log source's system, where it is known */
	bool internet;        /* the log source says that it can be reached from the Internet */
};

enum alert_taken { ALERT_TAKEN_NEW, ALERT_TAKEN_COUNTED, ALERT_TAKEN_KNOWN, ALERT_TAKEN_FATE, ALERT_TAKEN_SUPPRESSED };
/*
 * Durable when it returns >= 0 (an enum alert_taken). action "restored" or "deleted" with a quarantine_id is no alert but a quarantined
 * file's fate and goes to service/protection. -EINVAL: the record is refused for good (do not send it again).
 */
int alert_intake(const struct service_context *sc, const struct alert_record *record, struct err *err) WARN_UNUSED;

/* A finding whose record has no better title than the threat's name: "Phát hiện mã độc X", in the reader's language.
 * Other titles as they are. In the arena. */
struct str alert_title(const struct service_context *sc, enum msg_lang lang, struct arena *arena, struct str title,
                       struct str threat);

/* For service/incident. */
struct alert_brief {
	struct uuid id, unit_id, endpoint_id, incident_id;
	int64_t number;
	enum alert_severity severity;
	enum alert_state state;
	usec_t first_at, last_at;
	int64_t version;
	struct str title, threat; /* in the arena */
};
/* -ENOENT alert.unknown. */
int alert_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct alert_brief *ret,
              struct err *err) WARN_UNUSED;
/* Marks the alert as belonging to the incident and, when new, acknowledged; emits alert.changed. -EEXIST
 * alert.in_incident when it belongs to another one. */
int alert_join_incident(struct db_tx *tx, const struct alert_brief *alert, const struct uuid *incident_id,
                        struct str incident_number, usec_t now, struct err *err) WARN_UNUSED;
/* [{"id","number","title","severity","state","last_at"}] of an incident's alerts. */
int alert_write_of_incident(struct db_tx *tx, const struct uuid *incident_id, struct json_writer *w,
                            struct err *err) WARN_UNUSED;
/* All alerts but the sample's, for the server's own figures: of no account, so without a scope. */
int alert_count_states(struct db_tx *tx, int64_t ret[ALERT_STATE__COUNT][ALERT_SEVERITY__COUNT], struct err *err) WARN_UNUSED;
/* Mean times of the alerts that came since then, as on the page; -1: none yet. Without a scope. */
struct alert_mean {
	usec_t acknowledge_us, resolve_us;
};
int alert_means(struct db_tx *tx, usec_t since, struct alert_mean ret[ALERT_SEVERITY__COUNT], struct err *err) WARN_UNUSED;
/* The alert that took in this record: 1 found, 0 not. */
int alert_find_by_key(struct db_tx *tx, struct str key, struct uuid *ret_id, struct err *err) WARN_UNUSED;
