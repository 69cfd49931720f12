/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/api/api.h"
#include "service/shift/shift.h"

#define SHIFT_LENGTH_MAX (48 * USEC_PER_HOUR)
#define SHIFT_IMPORT_MAX 2000
/* The generated note is shorter: its lines and their number are limited. */
#define SHIFT_BODY_MAX 200000

enum shift_handover_state { SHIFT_HANDOVER_DRAFT, SHIFT_HANDOVER_SIGNED, SHIFT_HANDOVER_ACCEPTED, SHIFT_HANDOVER__COUNT };
extern const char *const shift_handover_states[SHIFT_HANDOVER__COUNT + 1]; /* NULL-terminated */

struct shift_row {
	struct uuid id, unit_id, account_id;
	usec_t starts_at, ends_at;
	struct str note;
};
/* -EINVAL shift.times: ends after it starts, at most 48 hours. */
int shift_check(const struct shift_row *shift, struct err *err) WARN_UNUSED;

/* RFC 3339, or Vietnamese time: "21/11/2026 06:00", "2026-11-21 06:00". */
int shift_parse_time(struct str text, usec_t *ret, struct err *err) WARN_UNUSED;

/* shift_db.c */
/* The widest unit whose roster this account keeps; -EACCES api.forbidden without one. */
int shift_db_own_unit(struct db_tx *tx, const struct access *access, usec_t now, struct uuid *ret, struct err *err) WARN_UNUSED;
/* -EINVAL shift.no_account (nobody who may sign in), -EEXIST shift.overlaps: the person has another shift then. */
int shift_db_add(struct db_tx *tx, const struct shift_row *shift, usec_t now, struct err *err) WARN_UNUSED;
int shift_db_get(struct db_tx *tx, const struct uuid *id, struct shift_row *ret, struct err *err) WARN_UNUSED;
int shift_db_remove(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
/* -EINVAL shift.no_account. */
int shift_db_find_login(struct db_tx *tx, struct str login, struct uuid *ret, struct err *err) WARN_UNUSED;
int shift_list(struct api_request *req, struct http_response *res, struct err *err);
/* "on_duty":[…],"next":[…],"handover":{…}|null */
int shift_db_write_now(struct db_tx *tx, struct json_writer *w, const struct api_request *req, struct err *err) WARN_UNUSED;

/* shift_handover_db.c */
struct shift_handover {
	struct uuid id, unit_id, author_id;
	enum shift_handover_state state;
	int64_t number, version;
	struct str body, digest;
};
int shift_db_handover_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct shift_handover *ret,
                          struct err *err) WARN_UNUSED;
int shift_db_handover_put(struct db_tx *tx, const struct shift_handover *h, struct str author, struct str facts, usec_t now,
                          int64_t *ret_number, struct err *err) WARN_UNUSED;
/* -ESTALE shift.changed_meanwhile. */
int shift_db_handover_edit(struct db_tx *tx, const struct shift_handover *h, struct str body, struct err *err) WARN_UNUSED;
int shift_db_handover_sign(struct db_tx *tx, const struct shift_handover *h, struct str digest, struct str with, usec_t now,
                           struct err *err) WARN_UNUSED;
int shift_db_handover_accept(struct db_tx *tx, const struct shift_handover *h, const struct access *by, struct str with, struct str note,
                             usec_t now, struct err *err) WARN_UNUSED;
int shift_handover_list(struct api_request *req, struct http_response *res, struct err *err);
int shift_db_handover_write(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id,
                            int64_t *ret_version, struct err *err) WARN_UNUSED;

/* shift_note_db.c: the note as the record has it now: facts as JSON, body as text in the reader's language. */
int shift_db_note(struct db_tx *tx, struct api_request *req, const struct uuid *unit_id, struct buf *facts, struct buf *body,
                  struct err *err) WARN_UNUSED;

/* shift_handover_http.c */
int shift_handover_make(struct api_request *req, struct http_response *res, struct err *err);
int shift_handover_one(struct api_request *req, struct http_response *res, struct err *err);
int shift_handover_edit(struct api_request *req, struct http_response *res, struct err *err);
int shift_handover_sign(struct api_request *req, struct http_response *res, struct err *err);
int shift_handover_accept(struct api_request *req, struct http_response *res, struct err *err);
struct shift_edit_body {
	struct str body;
};
struct shift_accept_body {
	struct str note;
};
extern const struct json_field shift_edit_fields[], shift_accept_fields[];
