/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * template: short notes about units. (Say here in two lines what the room is
 * for, in the words of the people who will use it.)
 *
 * Does not live here: (what a reader would look for here, and where it is).
 * Threads: any; state is in the database.
 */
#pragma once
#include "service/service.h"

extern const struct service template_service;

#define TEMPLATE_TEXT_MAX 500

/* For other services: writes a note in the caller's transaction, with its audit line and its event. */
int template_add(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                 const struct uuid *unit_id, struct str text, struct uuid *ret_id, struct err *err) WARN_UNUSED;
