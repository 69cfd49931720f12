/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/approval. */
#pragma once
#include "platform/crypto/crypto.h"
#include "service/api/api.h"
#include "service/approval/approval.h"

struct approval_rule {
	struct str action, label_vi, label_en;
	int64_t hours;
	bool on;
};
int approval_db_replace_rules(struct db *db, const struct approval_rule *rules, size_t count, struct err *err) WARN_UNUSED;
/* 1: known. Without labels. */
int approval_db_rule(struct db_tx *tx, const char *action, struct approval_rule *ret, struct err *err) WARN_UNUSED;
/* Persons, not disabled, who hold the permission over the unit, without the one named. */
int approval_db_others(struct db_tx *tx, const char *permission, const struct uuid *unit_id, const struct uuid *but,
                       usec_t now, int64_t *ret, struct err *err) WARN_UNUSED;

struct approval_row {
	struct approval_deed deed;
	struct uuid object_id, unit_id;
	struct str action, permission, object_type, label, reason, state;
	usec_t asked_at, expires_at;
	unsigned char digest[SHA256_SIZE];
};
int approval_db_add(struct db_tx *tx, const struct approval_row *a, struct err *err) WARN_UNUSED;
/* The same question by the same person that still waits: 1, *ret_id. */
int approval_db_same(struct db_tx *tx, const struct uuid *asked_by, const unsigned char digest[SHA256_SIZE], usec_t now,
                     struct uuid *ret_id, struct err *err) WARN_UNUSED;
/* -ENOENT (api.not_found). */
int approval_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct approval_row *ret,
                    struct err *err) WARN_UNUSED;
/* 1: this call moved it from `from` to `to`. */
int approval_db_decide(struct db_tx *tx, const struct uuid *id, const char *from, const char *to, const struct uuid *by,
                       struct str note, usec_t now, struct err *err) WARN_UNUSED;
int approval_db_end(struct db_tx *tx, const struct uuid *id, const char *to, const char *error_key, struct err *err) WARN_UNUSED;
/* Waiting ones past their time, and ones that a crash left in between. */
int approval_db_expire(struct db_tx *tx, usec_t now, usec_t stuck_before, struct err *err) WARN_UNUSED;
int approval_db_list(struct api_request *req, struct http_response *res, const struct uuid *only, struct err *err) WARN_UNUSED;

int approval_load_rules(const struct service_context *sc, struct err *err) WARN_UNUSED;
