/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What lists of alerts share. Private to the room. */
#pragma once
#include "service/alert/alert_http.h"

/* Keeps the database from reading the whole of a big unit in no order: the queue's own index has the unit in it. */
#define ALERT_ROW_UNIT "COALESCE(a.unit_id, a.unit_id)"

/* Open alerts that the reader may see, in the order of the queue; with `filters` those of the request's query. */
int alert_list_open(struct api_request *req, struct api_list *list, bool filters, struct err *err) WARN_UNUSED;
/* The members of an alert's row in any list. The caller knows that the reader may see it. */
int alert_db_write_row(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id, struct err *err) WARN_UNUSED;
