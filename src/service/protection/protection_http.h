/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Handlers of the room's routes. */
#pragma once
#include "service/api/api.h"
#include "service/protection/protection_internal.h"

int protection_list_detections(struct api_request *req, struct http_response *res, struct err *err);
int protection_list_quarantine(struct api_request *req, struct http_response *res, struct err *err);
int protection_list_threats(struct api_request *req, struct http_response *res, struct err *err);
int protection_list_bundles(struct api_request *req, struct http_response *res, struct err *err);

struct protection_reason_body {
	struct str reason;
};
extern const struct json_field protection_reason_fields[];

#define PROTECTION_UPLOAD_MAX ((size_t)16 << 20)
struct protection_release_body {
	struct str note, yara, hashes_csv;
	bool at_once;
};
extern const struct json_field protection_release_fields[];
extern const struct service_four_eyes protection_eyes_release;
int protection_bundle_create(struct api_request *req, struct http_response *res, struct err *err);
int protection_bundle_export(struct api_request *req, struct http_response *res, struct err *err);
int protection_bundle_halt(struct api_request *req, struct http_response *res, struct err *err);
int protection_bundle_resume(struct api_request *req, struct http_response *res, struct err *err);
int protection_bundle_finish(struct api_request *req, struct http_response *res, struct err *err);
int protection_agent_bundle(struct api_request *req, struct http_response *res, struct err *err);
int protection_agent_head(struct api_request *req, struct http_response *res, struct err *err);
int protection_agent_chunk(struct api_request *req, struct http_response *res, struct err *err);
int protection_agent_bundle_keys(struct api_request *req, struct http_response *res, struct err *err);
int protection_agent_bundle_key(struct api_request *req, struct http_response *res, struct err *err);
