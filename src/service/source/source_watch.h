/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * source_watch: what the pipeline counted of each registered source, kept over restarts, and from that: which source is
 * silent for longer than it may, loses events, or has a wrong clock; and who knocks without being registered.
 *
 * The program brings the counters (source_watch_take) and calls source_watch_keep every few seconds.
 * Threads: any; one lock inside.
 */
#pragma once
#include "engine/event_pipeline/event_sources.h"
#include "service/source/source.h"

struct source_watch;
/* `sc` is borrowed. */
struct source_watch *source_watch_new(const struct service_context *sc);
void source_watch_free(struct source_watch *w);

/* All that the pipeline counts now. Borrowed until the call returns. Nothing is taken for a source before the next keep
 * has read that it is registered. */
void source_watch_take(struct source_watch *w, const struct event_source_counts *counts, size_t count,
                       const struct event_stranger *strangers, size_t stranger_count);
/* Datagrams that the kernel threw away before the listeners read them, since the pipeline's start. Of which sender is
 * not known: it is told of the listeners. */
void source_watch_kernel_dropped(struct source_watch *w, uint64_t count);
/* The way from the senders to us is interrupted (or sound again): silence then tells nothing of them. */
void source_watch_central(struct source_watch *w, bool sound);
/* Writes down what was counted, reads which sources there are. */
int source_watch_keep(struct source_watch *w, struct err *err) WARN_UNUSED;

enum source_count { SOURCE_TAKEN, SOURCE_BYTES, SOURCE_DUPLICATES, SOURCE_REJECTED, SOURCE_DROPPED, SOURCE_LIMITED,
                    SOURCE_UNPARSED, SOURCE_COUNT__COUNT };
extern const char *const source_count_names[SOURCE_COUNT__COUNT]; /* "taken", … */

/* The worst of what holds. */
enum source_condition { SOURCE_DISABLED, SOURCE_WAITING, SOURCE_OK, SOURCE_UNREADABLE, SOURCE_CLOCK, SOURCE_LOSING, SOURCE_SILENT,
                        SOURCE_CONDITION__COUNT };
const char *source_condition_name(enum source_condition c); /* "disabled", "waiting", "ok", "unreadable", "clock", "losing", "silent" */

struct source_state {
	struct uuid id, unit_id;
	char name[EVENT_SENDER_NAME];
	bool enabled;
	enum source_condition condition; /* waiting: nothing has come yet, and it is not late; unreadable: half of it fits no form */
	uint64_t counts[SOURCE_COUNT__COUNT]; /* over all time */
	usec_t first_at, last_at;             /* 0: never */
	usec_t silent_since;                  /* set when it is silent for longer than it may; 0: not */
	usec_t clock_since;                   /* when its clock was first seen to be off; 0: not */
	uint64_t lost;                        /* since the losses of the last ten minutes began; 0: none */
	usec_t lost_since;
	/* Since the pipeline's start. */
	enum event_via via;
	bool has_skew;
	int64_t skew_s;                       /* median; positive: behind */
	char unparsed_sample[EVENT_SOURCE_SAMPLE], rejected_key[ERR_KEY_SIZE];
};
/* false: nothing is known of it (yet). */
bool source_watch_get(struct source_watch *w, const struct uuid *id, struct source_state *ret);
/* All sources, by id. Returns how many were written. */
size_t source_watch_list(struct source_watch *w, struct source_state *ret, size_t max);
size_t source_watch_count(struct source_watch *w);

/* Those that are silent, losing or off: calls fn with each, once for each fault. */
typedef void (*source_fault_fn)(const struct source_state *s, enum source_condition fault, void *ctx);
void source_watch_judge(struct source_watch *w, source_fault_fn fn, void *ctx);

struct source_listener_loss {
	uint64_t total;        /* since this process began to look */
	usec_t last_at;        /* 0: never */
	uint64_t lost;         /* since the losses of the last ten minutes began; 0: none */
	usec_t lost_since;
};
void source_watch_listener_loss(struct source_watch *w, struct source_listener_loss *ret);

/* Who knocks, the last first; up to max of them. Those that a registered source has claimed since are left out. */
size_t source_watch_strangers(struct source_watch *w, struct event_stranger *ret, size_t max);
