/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_ids: which ids that senders gave (an Idempotency-Key, a document's _id) were taken of late: between EVENT_IDS_KEPT
 * and twice as many, so that what is sent again after a lost answer is taken once. Such an id is made of the sender and
 * its text and is a UUID of version 8, so that it is known again in the spool.
 *
 * Threads: none of its own; the owner locks.
 */
#pragma once
#include "base/err/err.h"
#include "base/uuid/uuid.h"

#define EVENT_IDS_KEPT 262144

/* SHA-256 of the sender's id and the text, as UUIDv8. */
struct uuid event_id_made(const struct uuid *sender, struct str text);
bool event_id_is_made(const struct uuid *id);

struct event_ids;
struct event_ids *event_ids_new(void);
void event_ids_free(struct event_ids *s);
bool event_ids_has(const struct event_ids *s, const struct uuid *id);
/* The oldest half is forgotten when there are too many. */
void event_ids_add(struct event_ids *s, const struct uuid *id);
struct event_ids *event_ids_copy(const struct event_ids *s);
size_t event_ids_count(const struct event_ids *s);
void event_ids_encode(const struct event_ids *s, struct buf *out);
/* -EBADMSG (event.bad_marks). */
int event_ids_decode(struct str bytes, struct event_ids **ret, struct err *err) WARN_UNUSED;
