/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What one alert says to the officer beyond its record: sentence, steps, how common, whom to call. */
#pragma once
#include "service/alert/alert_http.h"
#include "service/alert/alert_text.h"

/* Of the record, what the blanks of a sentence are filled from; borrowed. */
struct alert_facts {
	struct str rule_id, technique, title, description, threat, path, entity, host, unit, why, raw;
};

/* The words for the blanks, best source first: what the rule saw, then the event; in the arena. */
void alert_blank_values(struct arena *arena, const struct alert_facts *facts, struct str ret[ALERT_BLANK__COUNT]);
/* "text":{"source":"rule|technique|own","technique","title","happened","matters","steps":[…],"incident_kind"} */
int alert_db_write_text(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct alert_facts *facts,
                        struct err *err) WARN_UNUSED;
/* "similar_30d":{"alerts","findings","hosts","units"}: of the same threat or rule, that this reader may see, without this one. */
int alert_db_write_similar(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id,
                           struct err *err) WARN_UNUSED;
/* "contacts":[{"id","name","position","unit","phone_end"}]: people of the unit (or the nearest above it that has some) to whom
 * one can talk, those in charge first; telephone numbers in full are a read that is logged (/accounts/{id}/contact). */
int alert_db_write_contacts(struct db_tx *tx, struct json_writer *w, const struct uuid *unit_id, struct err *err) WARN_UNUSED;
