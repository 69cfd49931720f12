/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Of the isolation, what the check-in and the tables of this room share. */
#pragma once
#include "service/endpoint/endpoint_internal.h"
#include "service/endpoint/endpoint_isolation.h"

enum endpoint_isolation_said {
	ENDPOINT_SAID_NONE,
	ENDPOINT_SAID_PROVING,
	ENDPOINT_SAID_ON,
	ENDPOINT_SAID_LIFTED,
	ENDPOINT_SAID_EXPIRED,
	ENDPOINT_SAID_FAILED,
	ENDPOINT_SAID__COUNT
};

/* "protection.isolation" of a check-in. */
struct endpoint_isolation_word {
	bool told; /* false: an agent that knows nothing of it */
	bool can;
	struct str why;
	struct uuid id;
	enum endpoint_isolation_said said;
	struct str problem_key, problem_args_json;
	int64_t repaired;
};
void endpoint_isolation_read_word(struct arena *arena, const struct json *said, struct endpoint_isolation_word *ret);
enum endpoint_isolation_state endpoint_isolation_next(const struct endpoint_isolation *o, const struct endpoint_isolation_word *w,
                                                      usec_t now);
/* Is there anything to write? */
bool endpoint_isolation_has_news(const struct endpoint_isolation *o, const struct endpoint_isolation_word *w, usec_t now);
/* "isolation":{"id","left_s","message"}, or null. */
void endpoint_isolation_write_desired(struct json_writer *w, const struct endpoint_isolation *o, usec_t now);

/* endpoint_isolation_db.c */
/* State NONE when there is no order. */
int endpoint_db_isolation(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id, struct endpoint_isolation *ret,
                          struct err *err) WARN_UNUSED;
/* Takes the machine's word in: row, timeline, event, audit. */
int endpoint_isolation_take_word(struct db_tx *tx, struct arena *arena, const struct endpoint_row *row,
                                 const struct endpoint_isolation_word *word, usec_t now, struct err *err) WARN_UNUSED;
