/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * status_watch: who sings (which machines of each unit send canaries), when each
 * unit's canary last came to each end of the chain, and from that: where we are
 * blind, since when, and what was lost.
 *
 * Up to two machines a unit sing, so that one being switched off is no alarm; the place of one that has fallen silent goes
 * to the next that checks in. What was heard is kept in the database every few seconds, so that a restart forgets nothing
 * and several cores share it; that write is also the proof that the database can be written.
 *
 * Does not live here: the parts of the server itself (the program knows them). Threads: any.
 */
#pragma once
#include "service/status/status.h"

struct status_watch;

/* `interval`: between two canaries of one machine. `sc` is borrowed. */
struct status_watch *status_watch_new(const struct service_context *sc, usec_t interval);
void status_watch_free(struct status_watch *w);
/* For how long a canary may be missing: two of them and a little. */
usec_t status_watch_limit(const struct status_watch *w);

/* A machine has checked in. Seconds between the canaries it shall send; 0: none. */
int64_t status_watch_checkin(struct status_watch *w, const struct uuid *endpoint_id, const struct uuid *unit_id, bool sings);

struct status_canary {
	struct uuid unit_id, endpoint_id; /* null: the server's own */
	usec_t received;
	/* Of a machine only. */
	struct str machine, scanner; /* "ready", "failed", "starting", "none" */
	int64_t clock_offset_s, lost;
	bool stopping; /* it shuts down in order: its silence from now on is no break */
};
void status_watch_heard(struct status_watch *w, const struct status_canary *c);
/* The event store has this unit's canary of that time. */
void status_watch_stored(struct status_watch *w, const struct uuid *unit_id, usec_t at);
/* While the server's own parts are at fault, silence tells nothing of the machines. */
void status_watch_central(struct status_watch *w, bool sound);

/* Writes down what was heard, reads what others heard and which units have machines. */
int status_watch_keep(struct status_watch *w, struct err *err) WARN_UNUSED;
/* Appends what is blind now. */
void status_watch_judge(struct status_watch *w, struct status_report *report);

/* The last canary of each unit, for the status page. */
struct status_unit {
	struct uuid unit_id; /* null: the server's own */
	usec_t handed_at, stored_at, scanned_at; /* 0: never */
};
size_t status_watch_units(struct status_watch *w, struct status_unit *ret, size_t max);
