/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the files of the room share. */
#pragma once
#include "service/status/status_watch.h"

/* status_db.c */
/* Raises each row to what is given, never lowers. */
int status_db_raise(struct db_tx *tx, const struct status_unit *unit, struct err *err) WARN_UNUSED;
typedef void (*status_db_fn)(void *ctx, const struct status_unit *unit);
int status_db_each(struct db_tx *tx, status_db_fn fn, void *ctx, struct err *err) WARN_UNUSED;
/* Units of which this account may see the machines, in the order of their names. */
typedef void (*status_db_name_fn)(void *ctx, const struct uuid *unit_id, struct str name);
int status_db_names(struct db_tx *tx, const struct access *access, usec_t now, status_db_name_fn fn, void *ctx,
                    struct err *err) WARN_UNUSED;
