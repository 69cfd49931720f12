/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What loading and examining share. Private to the room. */
#pragma once
#include <pthread.h>

#include "engine/detect/detect_rules.h"

#define DETECT_THREADS_MAX 16
#define DETECT_PIECE_RECORDS 256

/* ---- loading: a thread of its own ---- */

struct detect_loader;
int detect_loader_start(const char *set_path, const char *dir, struct detect_loader **ret, struct err *err) WARN_UNUSED;
void detect_loader_stop(struct detect_loader *l);
void detect_loader_wake(struct detect_loader *l);
bool detect_loader_wait(struct detect_loader *l, unsigned timeout_ms);
/* A reference of the caller's own to the set in use. Waits for the first one; NULL: stopping. */
struct detect_rules *detect_loader_get(struct detect_loader *l);
void detect_loader_stats(struct detect_loader *l, struct detect_stats *ret);

/* ---- matching: threads of their own ---- */

struct detect_pool;
/* Work on piece `piece` of a block with thread `thread`'s things. */
typedef void (*detect_pool_fn)(void *ctx, unsigned thread, size_t piece);
int detect_pool_new(unsigned threads, struct detect_pool **ret, struct err *err) WARN_UNUSED;
void detect_pool_free(struct detect_pool *p);
/* Returns when all pieces are done; the caller works too, as thread 0. */
void detect_pool_run(struct detect_pool *p, size_t pieces, detect_pool_fn fn, void *ctx);
