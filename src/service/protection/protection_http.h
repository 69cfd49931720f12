/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Handlers of the room's routes. */
#pragma once
#include "service/api/api.h"
#include "service/protection/protection_internal.h"

int protection_list_detections(struct api_request *req, struct http_response *res, struct err *err);
int protection_list_quarantine(struct api_request *req, struct http_response *res, struct err *err);
int protection_list_threats(struct api_request *req, struct http_response *res, struct err *err);
int protection_list_bundles(struct api_request *req, struct http_response *res, struct err *err);
