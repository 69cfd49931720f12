/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Handlers of the room's routes. */
#pragma once
#include "service/api/api.h"
#include "service/audit/audit.h"
#include "service/endpoint/endpoint_internal.h"

/* "state", "state_reason_key", "state_reason". */
void endpoint_write_state(struct json_writer *w, const struct api_request *req, enum endpoint_state state,
                          struct str reason);

/* "isolation": the word of a state, null when there never was an order. */
void endpoint_write_isolation(struct json_writer *w, int64_t state);

/* `text` stands in the details: a host name, a path, a reason. id and unit_id may be NULL. */
int endpoint_audit(struct db_tx *tx, const struct api_request *req, const char *action, const struct uuid *id,
                   const struct uuid *unit_id, struct str text, struct err *err) WARN_UNUSED;

int endpoint_list(struct api_request *req, struct http_response *res, struct err *err);
int endpoint_summary(struct api_request *req, struct http_response *res, struct err *err);
int endpoint_token_list(struct api_request *req, struct http_response *res, struct err *err);
int endpoint_agent_ca(struct api_request *req, struct http_response *res, struct err *err);
int endpoint_agent_enrol(struct api_request *req, struct http_response *res, struct err *err);
int endpoint_agent_checkin(struct api_request *req, struct http_response *res, struct err *err);
int endpoint_agent_renew(struct api_request *req, struct http_response *res, struct err *err);

struct endpoint_enrol_body {
	struct str token, csr, hostname, agent_version;
	const struct json *machine;
};
struct endpoint_renew_body {
	struct str csr;
};
/* Read as a tree by endpoint_report_read: agents newer than this server may say more. */
struct endpoint_checkin_body {
	struct str agent_version, boot_id, inventory_hash;
	int64_t protocol;
	const struct json *inventory, *protection, *answered;
};
extern const struct json_field endpoint_enrol_fields[], endpoint_renew_fields[], endpoint_checkin_fields[];
