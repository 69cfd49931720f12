/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the room's files share. */
#pragma once
#include "service/endpoint/endpoint_isolation.h"
#include "service/isolation/isolation.h"

#define ISOLATION_CAUSES 20
#define ISOLATION_DURATIONS 8
/* People read no more than this in a hurry. */
#define ISOLATION_WORDS_MAX 60
/* A telephone number with a name to it may take as many. */
#define ISOLATION_HOTLINE_WORDS 12

struct isolation_text {
	struct str vi, en;
};
struct isolation_cause {
	struct str id;
	struct isolation_text label, sentence;
};
struct isolation_policy {
	usec_t durations[ISOLATION_DURATIONS], longest, many_within;
	size_t duration_count;
	int64_t two_from_level, two_from_machines;
	struct isolation_text message, hotline; /* hotline: where the setting names none */
	struct isolation_cause causes[ISOLATION_CAUSES];
	size_t cause_count;
};

/* isolation_pack.c: reads the file, checks that no message is too long (-E2BIG isolation.message_too_long), stores it. */
int isolation_pack_load(const struct service_context *sc, struct err *err) WARN_UNUSED;
/* isolation_db.c. Texts in the arena. */
int isolation_db_store(struct db_tx *tx, const struct isolation_policy *policy, struct err *err) WARN_UNUSED;
int isolation_db_policy(struct db_tx *tx, struct arena *arena, struct isolation_policy *ret, struct err *err) WARN_UNUSED;

/* What the person at the machine reads; Vietnamese, whoever asked. */
struct str isolation_message(struct arena *arena, const struct isolation_policy *policy, const struct isolation_cause *cause,
                             struct str host, const char *hotline);
size_t isolation_words(struct str text);
/* NULL: there is none. */
const struct isolation_cause *isolation_cause_of(const struct isolation_policy *policy, struct str id);
/* The highest level of a system that a registered log source at one of these addresses (a JSON array) belongs to; 0: none. */
int isolation_level(struct db_tx *tx, struct arena *arena, struct str addresses_json, int64_t *ret, struct err *err) WARN_UNUSED;
