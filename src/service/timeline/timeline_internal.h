/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/api/api.h"
#include "service/timeline/timeline.h"

#define TIMELINE_MOST 300 /* of each kind */

struct timeline_ask {
	struct api_request *req;
	struct uuid endpoint_id, unit_id;
	usec_t from, to; /* [from, to) */
	struct json_writer *w;
};
/* Items of the state database, kind by kind, newest first. -ENOENT api.not_found. */
int timeline_db_write(struct db_tx *tx, struct timeline_ask *a, struct err *err) WARN_UNUSED;
