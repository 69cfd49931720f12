/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/audit: a record, its hash, its table. */
#pragma once
#include "service/api/api.h"
#include "service/audit/audit.h"

struct audit_row {
	int64_t number;
	usec_t at;
	struct uuid account_id, object_id, unit_id;
	struct str account_name, kind, peer, action, object_type, details;
	unsigned char hash[SHA256_SIZE];
};

void audit_hash(const unsigned char previous[SHA256_SIZE], const struct audit_row *row, unsigned char out[SHA256_SIZE]);

int audit_db_head(struct db_tx *tx, int64_t *ret_number, unsigned char ret_hash[SHA256_SIZE],
                  struct err *err) WARN_UNUSED;
int audit_db_append(struct db_tx *tx, const struct audit_row *row, struct err *err) WARN_UNUSED;
/* Up to `limit` rows after `number`, in order; texts in the arena. */
int audit_db_walk(struct db_tx *tx, struct arena *arena, int64_t number, size_t limit, struct audit_row *rows,
                  size_t *ret_count, struct err *err) WARN_UNUSED;
int audit_db_list(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;

/* One walk along the chain, record by record. */
struct audit_walk {
	struct audit_verdict verdict;
	int64_t head_number;
	unsigned char head_hash[SHA256_SIZE];
	const unsigned char *noted; /* NULL: none */
	bool done;
};
void audit_walk_begin(struct audit_walk *w, const unsigned char *noted);
void audit_walk_bad(struct audit_walk *w, int64_t number, const char *reason);
void audit_walk_check(struct audit_walk *w, const struct audit_row *row);
/* No more records: are these all that the head counts? */
void audit_walk_end(struct audit_walk *w);
#define AUDIT_WALK_ROWS 500
