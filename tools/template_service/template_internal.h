/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the files of the room share. */
#pragma once
#include "service/api/api.h"
#include "service/template/template.h"

/* A rule: what a note may be. -EINVAL template.empty. */
int template_check(struct str text, struct err *err) WARN_UNUSED;

/* template_db.c: all the SQL of the room. */
struct template_row {
	struct uuid id, unit_id;
	struct str text;
	usec_t at;
};
int template_db_insert(struct db_tx *tx, const struct template_row *row, struct err *err) WARN_UNUSED;
int template_list(struct api_request *req, struct http_response *res, struct err *err);
