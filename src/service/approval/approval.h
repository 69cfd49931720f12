/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * approval: four eyes. What a route's row marks (service_route.four_eyes) and
 * packs/vn/four_eyes.yaml switches on is not done when it is asked for: the
 * request is kept, another person who holds the same permission over the same
 * unit approves or refuses it, and then it is carried out as the one who asked,
 * with both names in the audit log.
 *
 * Where nobody else could approve, the deed is done at once and the log says so
 * loudly (approval.alone): a city with one administrator must not lock itself
 * out. That state cannot be made by one alone: disabling or taking rights from
 * an administrator is itself marked.
 *
 * Does not live here: carrying out (service/gate), what a deed is (the rooms of the routes).
 * Threads: any.
 */
#pragma once
#include "service/service.h"

extern const struct service approval_service;

/* Before the handler. 0: go on, there is nothing to wait for. 1: kept, *res holds the answer (202). Refuses what the
 * handler would refuse, and machines (-EACCES approval.people_only). */
int approval_intercept(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;

/* What is carried out now. Texts in the arena. */
struct approval_deed {
	struct uuid id, asked_by, asked_unit;
	struct str asked_name, method, target, body, if_match;
};
/* The approver's decision, audited; only one of several gets it. -EACCES approval.own, -ENOENT, -EBUSY approval.decided. */
int approval_take(struct api_request *req, const struct uuid *id, struct approval_deed *ret, struct err *err) WARN_UNUSED;
/* How it went: `error_key` NULL when well. */
int approval_end(const struct service_context *sc, const struct access *approver, const struct uuid *id,
                 const char *error_key, struct err *err) WARN_UNUSED;
/* One approval as its object. */
int approval_show(struct api_request *req, struct http_response *res, const struct uuid *id, struct err *err) WARN_UNUSED;
