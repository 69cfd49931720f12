/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/sighting: the history's table and the room's own row. */
#pragma once
#include "engine/event_store/event_store.h"
#include "platform/crypto/crypto.h"
#include "service/api/api.h"
#include "service/event/event_search.h"
#include "service/sighting/sighting.h"

struct sighting {
	unsigned char sha256[SHA256_SIZE];
	struct uuid endpoint_id, unit_id;
	struct str host, path; /* UTF-8 */
	uint64_t size_bytes;
	usec_t first_seen, last_seen; /* whole seconds are kept */
};

/* Rows for sighting_db_insert. */
void sighting_db_row(const struct sighting *s, struct buf *out);
/* -EAGAIN event.search_away. Durable when it returns; the same rows again change nothing. */
int sighting_db_insert(struct event_store *store, struct str rows, struct err *err) WARN_UNUSED;

struct sighting_sum {
	int64_t machines, places;
	usec_t first_seen, last_seen;
};
typedef void (*sighting_fn)(void *ctx, const struct sighting *s);
/* Newest first; rows outside the scope are not counted either. Texts of a row live in the arena. */
int sighting_db_of_hash(const struct service_context *sc, struct arena *arena, const struct event_scope *scope,
                        const unsigned char sha256[SHA256_SIZE], int64_t limit, int64_t skip, struct sighting_sum *ret_sum,
                        sighting_fn fn, void *ctx, struct err *err) WARN_UNUSED;
/* Machines that had any of these (at most SIGHTING_LOOK_MOST): one row for a machine and hash, whoever's it is. */
#define SIGHTING_LOOK_MOST 2000
int sighting_db_of_hashes(const struct service_context *sc, struct arena *arena, const unsigned char (*sha256)[SHA256_SIZE],
                          size_t count, sighting_fn fn, void *ctx, struct err *err) WARN_UNUSED;

/* The bundle whose hashes were looked up last; 0: none. */
int sighting_db_looked(struct db_tx *tx, int64_t *ret_version, struct err *err) WARN_UNUSED;
int sighting_db_set_looked(struct db_tx *tx, int64_t version, usec_t now, struct err *err) WARN_UNUSED;

/* sighting_look.c: looks the newest bundle's hashes up when that was not done. */
int sighting_look_back(const struct service_context *sc, struct err *err) WARN_UNUSED;
