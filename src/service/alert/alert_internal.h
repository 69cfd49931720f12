/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/alert/alert.h"
#include "service/alert/alert_severity.h"

#define ALERT_KEY_MAX 200
#define ALERT_RAW_MAX ((size_t)256 << 10)

enum alert_step { ALERT_STEP_ACKNOWLEDGE, ALERT_STEP_ASSIGN, ALERT_STEP_CLOSE, ALERT_STEP_REOPEN,
                  ALERT_STEP_RELEASE, ALERT_STEP__COUNT };
/* false: not possible in this state. */
bool alert_step(enum alert_state from, enum alert_step step, enum alert_state *ret);

extern const char *const alert_resolutions[]; /* NULL-terminated */

/* Refuses records that break the limits: key alert.bad_record, place names the field. */
int alert_record_check(const struct alert_record *record, struct err *err) WARN_UNUSED;
/* What makes two findings the same open alert: machine (or unit) and threat (or rule). */
struct str alert_group_key(struct arena *arena, const struct alert_record *record);
/* "T1059.001" of the first tag "attack.t1059.001"; "" without one. In the arena. */
struct str alert_technique(struct arena *arena, struct str tags);
/* [{"field","value"}]: why it fired; what the rule says itself is taken as it is. */
void alert_write_why(const struct alert_record *record, struct json_writer *w);


/* alert_db.c */
/* 1: the key is new and now taken by `alert_id`; 0: known. */
int alert_db_take_key(struct db_tx *tx, const struct alert_record *record, const struct uuid *alert_id,
                      struct err *err) WARN_UNUSED;
/* 1 found, 0 none open. */
int alert_db_find_open(struct db_tx *tx, struct str group, struct uuid *ret_id, usec_t *ret_last_at,
                       struct err *err) WARN_UNUSED;
/* It stays open for people, but counts no more findings: the next one makes a new alert. */
int alert_db_leave_group(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
/* What a record is when it has been weighed. */
struct alert_weighed {
	enum alert_severity severity;
	int64_t score;
	struct str score_why, why, technique; /* JSON, JSON, text */
	int64_t tactics; /* bits of alert_tactics.h */
	bool learning, raised; /* alert_severity.h: came while its rule was learned; something but the rule made it urgent */
	enum alert_rarity rarity;
	usec_t created_at;
};
int alert_db_insert(struct db_tx *tx, const struct alert_record *record, const struct alert_weighed *weighed,
                    const struct uuid *id, struct str group, int64_t *ret_number, struct err *err) WARN_UNUSED;
int alert_db_count(struct db_tx *tx, const struct alert_record *record, const struct alert_weighed *weighed,
                   const struct uuid *id, struct err *err) WARN_UNUSED;
/* The suppression that covers this record now: 1 found, 0 none. */
int alert_db_find_suppression(struct db_tx *tx, const struct alert_record *record, usec_t now, struct uuid *ret_id,
                              struct err *err) WARN_UNUSED;
int alert_db_swallow(struct db_tx *tx, const struct uuid *suppression_id, const struct alert_record *record, usec_t now,
                     struct err *err) WARN_UNUSED;
/* alert_firing_db.c */
/* How often the record's rule fired before and today, after the record itself was counted. */
struct alert_firing {
	int64_t days, machines; /* earlier days of the last 30; machines on those days, of each day anew */
	int64_t machines_today;
};
/* What rules and threats are counted under, in the arena. */
struct str alert_rule_key(struct arena *arena, const struct alert_record *record);
int alert_firing_count(struct db_tx *tx, struct arena *arena, const struct alert_record *record, usec_t now, struct alert_firing *ret,
                       struct err *err) WARN_UNUSED;
/* How many tactics the machine shows (alert_tactics_proven): of this record, and of its other open alerts that saw something since then:
 * medium rules and worse that were rare or uncommon, and did not fire on `wave` machines of the day. */
int alert_firing_tactics(struct db_tx *tx, struct arena *arena, const struct alert_record *record, usec_t since, int64_t day, int64_t wave,
                         int64_t *ret_proven, struct err *err) WARN_UNUSED;
int alert_firing_expire(const struct service_context *sc, struct err *err) WARN_UNUSED;
/* Events that a record stands for. */
int64_t alert_record_events(const struct alert_record *record);
/* -ESTALE alert.changed_meanwhile; -EEXIST alert.another_open on reopening. `at` fields of the step are set too. */
struct alert_change {
	enum alert_state state;
	bool set_assignee;
	struct uuid assignee_id;
	struct str assignee_name, resolution, note;
	struct str group; /* n > 0: open again under this group */
	bool close;
};
int alert_db_change(struct db_tx *tx, const struct uuid *id, const struct alert_change *change, int64_t version,
                    usec_t now, struct err *err) WARN_UNUSED;
int alert_db_group(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret,
                   struct err *err) WARN_UNUSED;
int alert_db_comment(struct db_tx *tx, const struct uuid *alert_id, const struct uuid *author_id,
                     struct str author_name, struct str text, usec_t due, usec_t now, struct err *err) WARN_UNUSED;
/* Takes back a comment of this author that is not older than `since`: 1 done, 0 there is none such. */
int alert_db_comment_withdraw(struct db_tx *tx, const struct uuid *alert_id, const struct uuid *comment_id,
                              const struct uuid *author_id, usec_t since, struct err *err) WARN_UNUSED;
int alert_db_comments(struct db_tx *tx, const struct uuid *alert_id, struct json_writer *w,
                      struct err *err) WARN_UNUSED;
int alert_db_join(struct db_tx *tx, const struct uuid *id, const struct uuid *incident_id, struct str number,
                  enum alert_state state, usec_t now, struct err *err) WARN_UNUSED;

/* alert_intake.c: name is "alert.created" or "alert.changed". */
int alert_emit(struct db_tx *tx, const char *name, const struct uuid *id, const struct uuid *unit_id, int64_t number,
               enum alert_severity severity, enum alert_state state, struct str title, struct err *err) WARN_UNUSED;

/* alert_pack.c */
int alert_pack_load(const struct service_context *sc, struct err *err) WARN_UNUSED;
