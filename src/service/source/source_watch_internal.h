/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What source_watch.c and source_watch_db.c share. */
#pragma once
#include <pthread.h>

#include "base/mem/mem.h"
#include "service/source/source_watch.h"

struct source_watched {
	struct uuid id, unit_id;
	char name[EVENT_SENDER_NAME];
	bool enabled;
	int64_t silence_s;
	usec_t enabled_at;
	/* Kept: */
	uint64_t totals[SOURCE_COUNT__COUNT], seen[SOURCE_COUNT__COUNT]; /* over all time; the pipeline's, when last told */
	usec_t epoch;                                                    /* since when the pipeline counts */
	usec_t first_at, last_at;
	bool dirty; /* since the last keep */
	/* Of this process only: */
	usec_t lost_since, lost_at;
	uint64_t lost;
	enum event_via via;
	bool has_skew;
	int64_t skew_s;
	usec_t clock_since; /* 0: not off */
	char unparsed_sample[EVENT_SOURCE_SAMPLE], rejected_key[ERR_KEY_SIZE];
};

struct source_watch {
	const struct service_context *sc;
	pthread_mutex_t lock; /* everything below */
	struct source_watched *rows; /* by id */
	size_t count;
	struct event_stranger *strangers; /* the last first */
	size_t stranger_count;
	struct event_address *networks; /* that enabled sources claim */
	size_t network_count;
	uint64_t kernel_seen; /* the pipeline's counter, when last told */
	struct source_listener_loss listeners;
	bool sound;
	usec_t sound_at; /* since when */
};

/* Lock held. */
struct source_watched *source_watch_find(struct source_watch *w, const struct uuid *id);
