/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Inside of the spool: segments as files, shared by its three parts. */
#pragma once
#include <pthread.h>

#include "base/mem/mem.h"
#include "engine/event_pipeline/event_spool.h"

#define SPOOL_PATH_SIZE 1024

struct spool_segment {
	uint64_t number;
	uint64_t size; /* bytes on disk */
};

struct event_spool {
	char dir[SPOOL_PATH_SIZE - 64];
	struct event_spool_config config;
	struct uuid id;
	pthread_mutex_t lock;
	pthread_cond_t done;    /* a ticket was settled, or the writer's place is free */
	pthread_cond_t grown;   /* the end moved, or a wake */
	struct buf queue;       /* lock; frames not yet written */
	struct event_spool_ticket *waiting; /* lock */
	bool writing;           /* lock; one thread is at the disk */
	uint64_t writing_bytes; /* lock; with so many */
	bool doubtful;          /* the writing thread's; past the last segment's size there may be bytes that were refused */
	uint64_t wakes;         /* lock */
	struct spool_segment *segments; /* lock; ascending, the last one is written to */
	size_t segment_count;   /* lock */
	int fd;                 /* of the last segment; the writing thread's */
	struct event_spool_stats stats; /* lock */
};

void spool_segment_path(const struct event_spool *s, uint64_t number, char path[SPOOL_PATH_SIZE]);
/* Makes segment `number` with its head, durable, and appends it to the list. Sets s->fd. */
int spool_segment_create(struct event_spool *s, uint64_t number, struct err *err) WARN_UNUSED;
/* Reads the folder, checks heads, cuts the torn tail of the last segment, opens it for writing. */
int spool_recover(struct event_spool *s, struct err *err) WARN_UNUSED;
/* Length of the whole frame at the start of `bytes` when its CRC fits, else 0. */
size_t spool_frame_size(struct str bytes);
