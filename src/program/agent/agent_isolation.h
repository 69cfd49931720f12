/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * agent_isolation: this machine is cut off by order of the server until the
 * server lifts it or its time is over, whichever comes first.
 *
 * An order has an id; it is carried out once and, once it has ended, never
 * again. "isolation.json" (replaced atomically) is written before the packet
 * filter changes, so that a machine that is cut off always knows it, and is
 * read and carried out again before anything else at each start.
 *
 * Never cut off from the server: after applying, a check-in over a new
 * connection must come through within AGENT_ISOLATION_PROOF; else all is lifted
 * and the order has failed. A state file that cannot be read lifts as well.
 *
 * Time: what is left runs down while the machine runs (sleep included), by the
 * boot clock; it is stored every half minute. The wall clock is never asked, so
 * no jump lifts early or holds for ever; time switched off does not count, and
 * the server, which knows better, tells what is left at each check-in.
 * Threads: any; a thread of its own watches expiry, proof, and changes made by others.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/json/json.h"
#include "base/uuid/uuid.h"
#include "program/agent/agent_firewall.h"

#define AGENT_ISOLATION_PROOF (60 * USEC_PER_SEC)
#define AGENT_ISOLATION_LONGEST_S (31 * 24 * 3600)
#define AGENT_ISOLATION_MESSAGE_MAX 2000
/* A machine that is cut off asks at least this often, so that it is soon free again. */
#define AGENT_ISOLATION_INTERVAL (15 * USEC_PER_SEC)

/* What the server wants. */
struct agent_isolation_order {
	bool told;      /* false: the server said nothing of it (it is older than this agent): all stays */
	struct uuid id; /* null: not cut off */
	int64_t left_s;
	struct str message; /* for the person at the machine */
};

enum agent_isolation_state {
	AGENT_ISOLATION_NONE,    /* no order yet */
	AGENT_ISOLATION_PROVING, /* applied; no check-in has come through yet */
	AGENT_ISOLATION_ON,
	AGENT_ISOLATION_LIFTED, /* by the server, or here by the administrator */
	AGENT_ISOLATION_EXPIRED,
	AGENT_ISOLATION_FAILED, /* `problem` says why; not cut off */
	AGENT_ISOLATION__COUNT
};
const char *agent_isolation_state_name(enum agent_isolation_state state);

struct agent_isolation_options {
	const char *state_dir, *boot_id;
	const char *server, *events;           /* base URLs */
	const struct agent_firewall *firewall; /* NULL: the system's */
	usec_t (*uptime)(void);                /* NULL: the system's; counts sleep */
	/* Tells the person at the machine; "" when it is over. NULL: nobody is told. */
	void (*notice)(const char *text);
	void (*wake)(void); /* something is to be reported. May be NULL */
};

struct agent_isolation;
/* Reads the state and carries it out again. Always gives one. */
struct agent_isolation *agent_isolation_open(const struct agent_isolation_options *options);
/* Lifts nothing. */
void agent_isolation_free(struct agent_isolation *i);
/* The watching thread; without it somebody calls _tick. */
void agent_isolation_start(struct agent_isolation *i);
void agent_isolation_tick(struct agent_isolation *i);

void agent_isolation_want(struct agent_isolation *i, const struct agent_isolation_order *order);
enum agent_isolation_state agent_isolation_now(struct agent_isolation *i);
/* A check-in over a connection made after the order was carried out came through. */
void agent_isolation_proven(struct agent_isolation *i);
/* Grows with each change that the server does not know of. */
uint64_t agent_isolation_serial(struct agent_isolation *i);

/* {"can","why","id","state","problem":{"key","args":{}},"repaired"} */
void agent_isolation_write(struct agent_isolation *i, struct json_writer *w);

/* For the command line, while no agent runs: puts the filter back in place as the state says; lifts it for good. */
int agent_isolation_restore(const char *state_dir, struct err *err) WARN_UNUSED;
int agent_isolation_release(const char *state_dir, struct err *err) WARN_UNUSED;
