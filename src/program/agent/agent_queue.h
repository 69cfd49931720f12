/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Paths that wait to be scanned: in order, each once, at most `limit`. What does
 * not fit is remembered by its folder, to be looked through later; when too many
 * folders have gathered, everything watched is. Nothing is forgotten, and the
 * memory is bounded. Threads: any.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/mem/mem.h"

struct agent_queue;
struct agent_queue *agent_queue_new(size_t limit, size_t folder_limit);
void agent_queue_free(struct agent_queue *q);
/* A path that already waits is not added again. */
void agent_queue_push(struct agent_queue *q, const char *path);
/* The folder (NULL: everything watched) must be looked through. */
void agent_queue_push_folder(struct agent_queue *q, const char *folder);
/* Waits for a path (mem_free it); NULL after the time or after _stop. */
char *agent_queue_pop(struct agent_queue *q, usec_t timeout);
/* A folder to look through, when the queue has room again (mem_free); "" stands for everything. NULL: none, after the time. */
char *agent_queue_pop_folder(struct agent_queue *q, usec_t timeout);
/* Wakes everybody; nothing is handed out any more. */
void agent_queue_stop(struct agent_queue *q);
size_t agent_queue_length(struct agent_queue *q);
uint64_t agent_queue_overflows(struct agent_queue *q);
