/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Handlers of the room's routes. */
#pragma once
#include "service/api/api.h"
#include "service/incident/incident_internal.h"

int incident_list(struct api_request *req, struct http_response *res, struct err *err);
int incident_emit(struct db_tx *tx, const char *name, const struct incident_row *row, struct str state,
                  struct err *err) WARN_UNUSED;
