/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/event: questions to the store, and the room's own tables. */
#pragma once
#include "engine/event_query/event_query.h"
#include "engine/event_store/event_store.h"
#include "service/api/api.h"
#include "service/event/event_search.h"

#define EVENT_LIST_MOST 1000
#define EVENT_FIELDS_MOST 24
#define EVENT_ANSWER_LIMIT ((size_t)64 << 20)

struct event_range {
	usec_t from, to; /* [from, to) */
};

/* A question: whose events, which, of what time; and the SQL as it grows. */
struct event_ask {
	const struct service_context *sc;
	struct arena *arena;
	const struct http_request *http; /* who may hang up; NULL: waits to the end */
	struct event_scope scope;
	struct event_range range;
	struct str text;                 /* the query as typed */
	const struct event_query *query;
	struct uuid endpoint_id;         /* null: any */
	bool hunt;
	usec_t limit; /* -ETIMEDOUT after this long; 0: when the lane says so */
	struct event_query_sql sql;
	struct buf answer;
};
void event_ask_init(struct event_ask *a, const struct service_context *sc, struct arena *arena);
void event_ask_done(struct event_ask *a);
/* What every route reads: who asks (`permission`), q (a query, or only text), from and to or last, unit, endpoint. */
int event_ask_of_request(struct event_ask *a, const struct api_request *req, const char *permission, bool query,
                         struct err *err) WARN_UNUSED;

/* The one place that names the table: " FROM event WHERE …" with scope, time, machine and query. */
int event_db_from(struct event_ask *a, struct err *err) WARN_UNUSED;
/* The same of event_dead, whose query is plain text in the reason or the original. */
int event_db_from_dead(struct event_ask *a, struct err *err) WARN_UNUSED;
/* Runs what is in a->sql; the answer is in a->answer. */
int event_db_run(struct event_ask *a, struct err *err) WARN_UNUSED;
/* For event_store_search: `http` is a request. */
bool event_asker_gone(const void *http);
/*
 * Asks for one window of a->range after the other, newest first, within the budget. `fn` builds the question for the window that
 * a->range then is, runs it, reads the answer: 0 to go on, 1: enough. What it makes in a->arena is gone with the window; that the
 * store had no time must leave no trace in ctx, for a shorter window is asked for then.
 * 0; 1: enough. *ret_reached: all since then was seen (a->range.from: all there is). With must_go_on at least one window was.
 */
struct event_walk {
	usec_t budget;
	bool must_go_on;
};
typedef int (*event_window_fn)(struct event_ask *a, void *ctx, struct err *err);
int event_walk(struct event_ask *a, const struct event_walk *how, event_window_fn fn, void *ctx, usec_t *ret_reached,
               struct err *err) WARN_UNUSED;
/* The next line of the answer as JSON array in the arena: 1, 0 at the end. */
int event_db_next(struct event_ask *a, struct str *rest, const struct json **ret, struct err *err) WARN_UNUSED;
/* Errors of the store in the words of a search. */
int event_search_explain(int r, struct err *err);
/* Of the scope only what lies in this unit or below it. */
int event_db_narrow(const struct service_context *sc, struct arena *arena, const struct uuid *unit, struct event_scope *scope,
                    struct err *err) WARN_UNUSED;
/* A unit's name out of the scope; empty when it is not there. */
struct str event_scope_name(const struct event_scope *scope, const struct uuid *unit);

/* Answers: they write into res. */
int event_db_list(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
int event_db_one(struct event_ask *a, const struct uuid *id, usec_t at, struct http_response *res, struct err *err) WARN_UNUSED;
int event_db_histogram(struct event_ask *a, struct http_response *res, struct err *err) WARN_UNUSED;
int event_db_facets(struct event_ask *a, const struct str *fields, size_t count, struct http_response *res, struct err *err) WARN_UNUSED;
int event_db_fields(struct event_ask *a, struct http_response *res, struct err *err) WARN_UNUSED;
int event_db_tail(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
int event_db_dead(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
/* An array of {source, name or retention_days, events, text_bytes}, largest first. */
int event_db_shares(struct event_ask *a, bool by_source, struct json_writer *w, struct err *err) WARN_UNUSED;
int event_db_dead_count(struct event_ask *a, int64_t *ret, struct err *err) WARN_UNUSED;
int event_db_count(struct event_ask *a, usec_t budget, struct event_commonness *ret, struct err *err) WARN_UNUSED;
/* SQL of a person who may see everything. */
int event_db_sql(struct event_ask *a, struct str sql, int64_t limit, struct err *err) WARN_UNUSED;

/* "time:id" */
struct event_cursor {
	usec_t at;
	struct uuid id;
};
/* 1 given, 0 absent, -EINVAL api.query. */
int event_cursor_read(const struct api_request *req, const char *name, struct event_cursor *ret, struct err *err) WARN_UNUSED;
void event_cursor_write(struct json_writer *w, const char *name, const struct event_cursor *c);

/* Routes of other files of the room. */
int event_export(struct api_request *req, struct http_response *res, struct err *err);
int event_storage(struct api_request *req, struct http_response *res, struct err *err);
int event_storage_shares(struct api_request *req, struct http_response *res, struct err *err);
int event_dead_again(struct api_request *req, struct http_response *res, struct err *err);
int event_sql(struct api_request *req, struct http_response *res, struct err *err);
int event_saved_list(struct api_request *req, struct http_response *res, struct err *err);
int event_saved_create(struct api_request *req, struct http_response *res, struct err *err);
int event_saved_remove(struct api_request *req, struct http_response *res, struct err *err);
struct event_sql_body {
	struct str sql;
	bool hunt;
};
struct event_saved_body {
	struct str name, query, state;
	struct uuid unit_id;
};
extern const struct json_field event_sql_fields[], event_saved_fields[];
