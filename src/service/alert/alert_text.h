/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What an alert says to an officer: packs/vn/attack.yaml (one entry a technique of ATT&CK) and packs/vn/rule_texts.yaml (one entry
 * a rule of ours), read at start into the room's tables. A rule's own entry is taken before its techniques' entries; what neither
 * has shows the rule's own words, marked as such.
 *
 * Does not live here: the table in the database (alert_text_db.c), what the texts say (the packs).
 */
#pragma once
#include "base/msg/msg.h"
#include "platform/db/db.h"
#include "platform/pack/pack.h"

#define ALERT_TEXT_ENTRIES_MAX 4000
#define ALERT_TEXT_STEPS_MAX 8

enum alert_text_kind { ALERT_TEXT_TECHNIQUE, ALERT_TEXT_RULE, ALERT_TEXT_KIND__COUNT };

struct alert_text {
	struct str id;       /* "T1059.001", or the rule's id */
	struct str incident; /* kind in incident_kinds.yaml that an escalation proposes; may be empty */
	/* Of a rule title, matters and steps may be empty: those of its technique are shown. */
	struct str title[MSG_LANG__COUNT], happened[MSG_LANG__COUNT], matters[MSG_LANG__COUNT];
	struct str steps[MSG_LANG__COUNT][ALERT_TEXT_STEPS_MAX];
	size_t step_count;
};

/* The blanks of a sentence: {host}, {user}, … and what stands there when nobody knows: message alert.blank_<name>. */
enum alert_blank { ALERT_BLANK_HOST, ALERT_BLANK_USER, ALERT_BLANK_UNIT, ALERT_BLANK_PROCESS, ALERT_BLANK_PARENT,
                   ALERT_BLANK_COMMAND, ALERT_BLANK_FILE, ALERT_BLANK_SOURCE, ALERT_BLANK_DESTINATION, ALERT_BLANK_DOMAIN,
                   ALERT_BLANK_SERVICE, ALERT_BLANK_REGISTRY, ALERT_BLANK_THREAT, ALERT_BLANK__COUNT };
extern const char *const alert_blank_names[ALERT_BLANK__COUNT + 1]; /* NULL-terminated */

/*
 * The entries of one file, in the arena. Besides pack_decode's errors, with the place: -E2BIG alert.text_too_many (most),
 * -EINVAL alert.text_id (id), alert.text_twice (id), alert.text_blank (blank, allowed), alert.text_brace,
 * alert.text_blanks_differ (field): both languages must have the same blanks.
 */
int alert_text_read(struct arena *arena, const struct pack_doc *doc, enum alert_text_kind kind,
                    const struct alert_text **ret, size_t *ret_count, struct err *err) WARN_UNUSED;

/* Puts the values into the blanks; values[i].n == 0: the catalogue's words for what is not known. Long values are cut in
 * their middle. Other braces stay as they are. */
void alert_text_fill(struct str sentence, const struct str values[ALERT_BLANK__COUNT], const struct msg_catalogue *messages,
                     enum msg_lang lang, struct buf *out);

/* alert_text_db.c */
int alert_db_clear_texts(struct db_tx *tx, struct err *err) WARN_UNUSED;
int alert_db_put_text(struct db_tx *tx, struct arena *arena, enum alert_text_kind kind, const struct alert_text *t,
                      struct err *err) WARN_UNUSED;
