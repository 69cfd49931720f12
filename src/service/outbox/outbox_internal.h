/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/outbox: the readers' places and leases. */
#pragma once
#include "service/outbox/outbox.h"

struct outbox_place {
	int64_t number; /* last one taken */
	int64_t failures;
	usec_t retry_at;
	bool held; /* by us, until the lease ends */
};

/* A cheap look before the lease, which costs a commit: is there an event (or, without `events`, just time) for this
 * reader, and could we have the lease? */
int outbox_is_due(struct db *db, const char *reader, const struct uuid *owner, usec_t now, bool events, bool *ret,
                  struct err *err) WARN_UNUSED;
/* Takes or renews the lease of a reader, making the reader when it is new. */
int outbox_lease(struct db *db, const char *reader, const struct uuid *owner, usec_t now, usec_t until,
                 struct outbox_place *ret, struct err *err) WARN_UNUSED;
/* Remembers the place. 0 when the lease was lost meanwhile. */
int outbox_advance(struct db *db, const char *reader, const struct uuid *owner, const struct outbox_place *place,
                   struct err *err) WARN_UNUSED;
int outbox_skip(struct db *db, const char *reader, int64_t number, usec_t now, const char *reason,
                struct err *err) WARN_UNUSED;
/* Gives the leases up, so that another process need not wait. */
int outbox_release(struct db *db, const struct uuid *owner, struct err *err) WARN_UNUSED;
/* Drops events older than `before` that every event reader has taken. */
int outbox_expire(struct db *db, usec_t before, struct err *err) WARN_UNUSED;
