/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * endpoint_isolation: what the server wants of a machine's network, and what the
 * machine says came of it. One order a machine; it goes out with each check-in
 * until it has ended, and its id makes repeats harmless.
 *
 *   asked ──machine: on──► on ──lifted──► lifting ──machine: lifted──► lifted
 *     │                     ├──time is over, machine: expired or lifted──► expired
 *     └──machine: failed────┴──► failed      (lifting before the machine fetched the order: at once lifted)
 *
 * Time that is over is over for the server too: the order goes out no more, and
 * the state says so once the machine has confirmed it.
 *
 * Does not live here: who may, causes, texts for people, four eyes (service/isolation).
 * Threads: any.
 */
#pragma once
#include "service/service.h"

enum endpoint_isolation_state {
	ENDPOINT_ISOLATION_NONE, /* never ordered */
	ENDPOINT_ISOLATION_ASKED,
	ENDPOINT_ISOLATION_ON,
	ENDPOINT_ISOLATION_LIFTING,
	ENDPOINT_ISOLATION_LIFTED,
	ENDPOINT_ISOLATION_EXPIRED,
	ENDPOINT_ISOLATION_FAILED,
	ENDPOINT_ISOLATION__COUNT
};
const char *endpoint_isolation_name(enum endpoint_isolation_state state);
bool endpoint_isolation_is_open(enum endpoint_isolation_state state); /* asked, on, lifting */

struct endpoint_isolation {
	struct uuid id, endpoint_id, asked_by, alert_id; /* alert_id null: none */
	enum endpoint_isolation_state state;
	struct str cause, reason, message, asked_by_name, lifted_by_name;
	usec_t asked_at, expires_at, carried_at, lift_asked_at, ended_at; /* 0: not yet */
	bool chosen; /* somebody chose how long; else it is the longest there is */
	struct str problem_key, problem_args_json;
	int64_t repaired; /* times that somebody on the machine took it away and the agent put it back */
};

/* What the machine can: by its last check-in. `why`: message key, "" when it can. */
struct endpoint_isolation_ability {
	bool can;
	struct str why;
};
struct endpoint_isolation_machine {
	struct uuid id, unit_id;
	struct str hostname, unit_name, addresses_json;
	bool retired, sample;
	struct endpoint_isolation_ability ability;
	struct endpoint_isolation order; /* state NONE: never */
};
/* -ENOENT endpoint.unknown. Texts in the arena. */
int endpoint_isolation_get(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id,
                           struct endpoint_isolation_machine *ret, struct err *err) WARN_UNUSED;
/* Stores the order, a line in the timeline, and the event endpoint.changed. -EBUSY endpoint.isolation_open when one is. */
int endpoint_isolation_ask(struct db_tx *tx, const struct endpoint_isolation_machine *m, const struct endpoint_isolation *order,
                           usec_t now, struct err *err) WARN_UNUSED;
/* *ret: lifting, or lifted at once. -EBUSY endpoint.isolation_not_open. */
int endpoint_isolation_lift(struct db_tx *tx, const struct endpoint_isolation_machine *m, struct str by, usec_t now,
                            enum endpoint_isolation_state *ret, struct err *err) WARN_UNUSED;
/* Orders by this account since then. */
int endpoint_isolation_count(struct db_tx *tx, const struct uuid *asked_by, usec_t since, int64_t *ret, struct err *err) WARN_UNUSED;
