/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_marks: how far each sender's numbered events have been taken: for every
 * (sender, epoch) the next sequence that would be new. A sender that resends
 * what it has no answer for is thus taken once.
 *
 * Threads: none of its own; the owner locks.
 */
#pragma once
#include "base/err/err.h"
#include "base/uuid/uuid.h"

struct event_marks;
struct event_marks *event_marks_new(void);
void event_marks_free(struct event_marks *m);
/* The next new sequence; 0 for an unknown pair. */
uint64_t event_marks_next(const struct event_marks *m, const struct uuid *sender, const struct uuid *epoch);
/* Raises the next new sequence to `next`; never lowers. */
void event_marks_raise(struct event_marks *m, const struct uuid *sender, const struct uuid *epoch, uint64_t next);
struct event_marks *event_marks_copy(const struct event_marks *m);
size_t event_marks_count(const struct event_marks *m);
/* Bytes of all marks with a CRC, and back. -EBADMSG (event.bad_marks). */
void event_marks_encode(const struct event_marks *m, struct buf *out);
int event_marks_decode(struct str bytes, struct event_marks **ret, struct err *err) WARN_UNUSED;
