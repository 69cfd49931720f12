/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * api: what a route's handler needs to read its request and to write its
 * answer: JSON replies, problems (RFC 9457), ETag and If-Match, lists with
 * filters, order and cursors, and the question "may this account do that in
 * that unit".
 *
 * Does not live here: finding out who asks, refusing routes, the stream
 * (service/gate); the tables of accounts and units (service/account, service/unit).
 * Threads: everything belongs to the request's thread.
 */
#pragma once
#include "service/service.h"

/* ---- answers ---- */

/* Begins a JSON answer; the writer writes into res->body. */
struct json_writer api_reply(struct http_response *res, int status);
/* 204, or another status without a body. */
int api_reply_empty(struct http_response *res, int status);
/* The status for an error: by its class (see service_handler), or by the few keys that have one of their own
 * (api.if_match_missing 428, *.throttled 429, api.content_type 415). */
int api_status_of(const struct err *err);
/* An RFC 9457 problem in the reader's language; argument "retry_after_s" also becomes Retry-After. */
void api_problem(struct http_response *res, struct arena *arena, const struct msg_catalogue *messages,
                 enum msg_lang lang, int status, const struct err *err);

/* Members that occur everywhere. A null uuid and time 0 are written as null. */
void api_member_uuid(struct json_writer *w, const char *name, const struct uuid *id);
void api_member_time(struct json_writer *w, const char *name, usec_t t);
void api_member_text_or_null(struct json_writer *w, const char *name, struct str s);
/* "name":{"id":…,"name":…}, or null when the id is null. */
void api_member_ref(struct json_writer *w, const char *name, const struct uuid *id, struct str label);
/* "etag":"\"7\"", the very text of the ETag header. */
void api_member_etag(struct json_writer *w, int64_t version);

/* ---- versions: every mutable record has an integer column `version` from 1 ---- */

void api_reply_etag(struct api_request *req, struct http_response *res, int64_t version);
/* Call it in the writing transaction. -EINVAL (api.if_match_missing, 428) without If-Match, -ESTALE (api.stale)
 * when it names another version. "*" matches any. */
int api_if_match(const struct api_request *req, int64_t version, struct err *err) WARN_UNUSED;

/* ---- the request ---- */

static inline usec_t api_now(const struct api_request *req)
{
	return req->service->now != NULL ? req->service->now() : clock_now();
}
/* The {name} part of the path. -ENOENT (api.not_found) when it is no UUID. */
int api_param_uuid(const struct api_request *req, const char *name, struct uuid *ret, struct err *err) WARN_UNUSED;
/* Query parameters. 0: absent, 1: *ret set, -EINVAL (api.query, args name, expected). */
int api_query_uuid(const struct api_request *req, const char *name, struct uuid *ret, struct err *err) WARN_UNUSED;
int api_query_time(const struct api_request *req, const char *name, usec_t *ret, struct err *err) WARN_UNUSED;
int api_query_int(const struct api_request *req, const char *name, int64_t min, int64_t max, int64_t *ret,
                  struct err *err) WARN_UNUSED;
/* One of a NULL-terminated list of words; *ret is its index. */
int api_query_enum(const struct api_request *req, const char *name, const char *const *names, int *ret,
                   struct err *err) WARN_UNUSED;

/* A filter that may stand several times ("state=new&state=acknowledged"): bit i of *ret is set for names[i]. */
int api_query_enums(const struct api_request *req, const char *name, const char *const *names, uint32_t *ret,
                    struct err *err) WARN_UNUSED;
/* For such a set: " AND " API_IN_SET("a.state"), with DB_INT(set). */
#define API_IN_SET(column) "((? >> CAST(" column " AS INTEGER)) & 1) = 1"

/* Text that people typed, as it is stored: trimmed, NFC; *s then lies in the request's arena. -EINVAL text.utf8, text.marks. */
int api_typed_text(const struct api_request *req, struct str *s, struct err *err) WARN_UNUSED;

/* ---- who may ---- */

/* Does a grant of this account (not expired, with or without restriction) carry the permission anywhere? */
int api_holds(struct db_tx *tx, const struct access *access, const char *permission, usec_t now, bool *ret,
              struct err *err) WARN_UNUSED;
/* Unrestricted, over this unit or one above it. Null unit: over a root, as for records of the whole city. */
int api_may(struct db_tx *tx, const struct access *access, const char *permission, const struct uuid *unit_id,
            usec_t now, bool *ret, struct err *err) WARN_UNUSED;
/* As api_may; -EACCES (api.forbidden) when not. ACCESS_SYSTEM may everything. */
int api_require_unit(struct db_tx *tx, const struct api_request *req, const char *permission,
                     const struct uuid *unit_id, struct err *err) WARN_UNUSED;
/* For one record that was found by its id: -ENOENT (api.not_found) where the reader may not know that it exists. */
int api_require_visible(struct db_tx *tx, const struct api_request *req, const char *permission,
                        const struct uuid *unit_id, struct err *err) WARN_UNUSED;

/* ---- lists: limit, cursor, sort, q and filters, all in the query ---- */

struct api_sort {
	const char *name;   /* of ?sort= */
	const char *column; /* expression, never NULL: "u.sort_key" */
	enum db_type type;  /* of the column: BLOB for sort keys, INT for times */
	bool newest_first;  /* default direction descending, when it is the default order */
};

#define API_LIST_VALUES 48
/* Lives on the handler's stack; everything it points to is in the request's arena. */
struct api_list {
	struct arena *arena;
	struct buf from; /* " FROM … WHERE …" */
	struct db_value values[API_LIST_VALUES];
	unsigned value_count;
	int64_t limit;
	const struct api_sort *sort;
	bool descending;
	bool after; /* a cursor was given */
	struct db_value after_sort, after_id;
	int64_t total, seen;
	bool counted; /* total is known already */
	struct db_value last_sort, last_id;
	bool more;
};

/* Reads limit, sort and cursor. `sorts` ends with a NULL name, the first row is the default order. */
int api_list_begin(const struct api_request *req, const struct api_sort *sorts, struct api_list *list,
                   struct err *err) WARN_UNUSED;
/* Appends SQL with "?" for each value in turn: api_list_add(&list, " AND a.state = ?", DB_INT(3)).
 * The text must be a literal: input goes into values only. */
void api_list_add_values(struct api_list *list, const char *sql, const struct db_value *values, size_t count);
#define api_list_add(list, sql, ...) api_list_add_values((list), (sql), DB_VALUES_(__VA_ARGS__), DB_COUNT_(__VA_ARGS__))
/* " AND column IN (units where the asking account holds the permission)". `column` is a literal such as "a.unit_id". */
#define api_list_scope(list, column, req, permission_)                                                      \
	api_list_add((list), " AND" ACCESS_UNIT_SCOPE(column, "?", "?", "?"), DB_UUID(&(req)->access->account_id), \
	             DB_CSTR(permission_), DB_INT(api_now(req)))
/* Every word of ?q=, folded, somewhere in the column (a folded search key). Nothing when there is no q. */
void api_list_search(struct api_list *list, const struct api_request *req, const char *column);
/* The unit of ?unit= and all below it. 0 also when absent. */
int api_list_unit_filter(struct api_list *list, const struct api_request *req, const char *column,
                         struct err *err) WARN_UNUSED;

/* Counts, then asks for the page. Result columns: 0 sort value, 1 id, then `columns` from API_LIST_FIRST.
 * `id` is a unique column ("a.id", BLOB or INT) that settles ties. */
#define API_LIST_FIRST 2
int api_list_query(struct api_list *list, struct db_tx *tx, const char *columns, const char *id,
                   struct db_rows **ret, struct err *err) WARN_UNUSED;
/* db_next of a page: 0 at its end. */
int api_list_next(struct api_list *list, struct db_rows *rows, struct err *err) WARN_UNUSED;
/* "total":…,"next":… */
void api_list_members(const struct api_list *list, struct json_writer *w);

/* The common case in one call: reads, writes {"items":[…],"total":…,"next":…}. `row` writes one object's members. */
struct api_list_reply {
	const char *columns, *id;
	void (*row)(struct json_writer *w, const struct db_rows *rows, const struct api_request *req);
};
int api_list_answer(struct api_request *req, struct http_response *res, struct api_list *list,
                    const struct api_list_reply *how, struct err *err) WARN_UNUSED;

/* ---- a list as a file: ?format=csv or xlsx on any route that answers with {"items":[…]} (api_export.c) ---- */

/*
 * ?column=path, ?column=path=Heading or ?column=path~text.group=Heading choose members ("unit.name"; of an array those of
 * its elements, joined), what they are called, and the texts that stand for their values ("text.group.value" where there
 * is such a text). Without any: every member that is no list, called by its path. Filters, order and rights are those of the list itself: its
 * own handler makes each page. Times are written in Vietnamese time, "2026-11-21 13:56:35".
 */
bool api_export_wanted(const struct api_request *req);
/* *ret_rows: how many went out, for the audit line. -EINVAL api.query (format), api.export_no_list, api.export_column;
 * -E2BIG api.export_too_many. */
int api_export(struct api_request *req, struct http_response *res, int64_t *ret_rows, struct err *err) WARN_UNUSED;

struct api_cell {
	struct str text;
	bool is_number; /* as JSON wrote it */
	bool is_time;   /* "2026-11-21 13:56:35" */
};
/* Where a format writes to: bytes of `out` go to the file from time to time. */
struct api_export_sink {
	struct buf out;
	uint32_t rows; /* written, the heading among them */
};
/* One way to write rows; the table of them is in api_export.c. `begin`, `end` and `render` may be NULL. */
struct api_export_format {
	const char *name, *content_type; /* of ?format= and of the file's name; of the answer */
	int (*begin)(struct api_export_sink *sink, struct err *err);
	int (*row)(struct api_export_sink *sink, const struct api_cell *cells, size_t count, struct err *err);
	int (*end)(struct api_export_sink *sink, struct err *err);
	/* What was written is not the answer yet, but this makes it of it. NULL: it is. */
	int (*render)(const struct service_context *sc, struct str written, struct buf *ret, struct err *err);
};
extern const struct api_export_format api_export_csv, api_export_xlsx;
