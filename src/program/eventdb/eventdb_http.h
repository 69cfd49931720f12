/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * eventdb_http: the ClickHouse HTTP interface (the part that clients of an
 * event store use) in front of something that runs queries. POST / and GET /
 * with query, database, default_format, readonly, param_*, settings from an
 * allow list; GET /ping. Errors are text with ClickHouse's codes and statuses.
 *
 * Does not live here: libchdb (eventdb_engine.h). ASan and libchdb do not live
 * in one process, therefore this part knows an executor only.
 * Threads: handlers run on any worker; the executor must allow that.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "platform/http/http.h"

#define EVENTDB_SETTINGS 32
#define EVENTDB_BODY_LIMIT ((size_t)64 << 20)

/* Who waits for whom: inserts never behind searches, searches never behind hunts. */
enum eventdb_lane { EVENTDB_LANE_INSERT, EVENTDB_LANE_INTERACTIVE, EVENTDB_LANE_HUNT, EVENTDB_LANE__COUNT };

struct eventdb_pair {
	struct str name, value;
};

struct eventdb_query {
	enum eventdb_lane lane;
	bool readonly;
	struct str database;       /* empty: the default one */
	struct str sql;            /* one statement; an insert: up to where its data begin, without SETTINGS */
	struct str default_format; /* for statements without FORMAT */
	bool is_insert;
	struct str insert_settings; /* "SETTINGS …" of the statement, or empty */
	struct str insert_format;
	struct str data[2]; /* rows: from the query parameter, from the body */
	struct eventdb_pair settings[EVENTDB_SETTINGS];
	size_t setting_count;
	/* Has who asked hung up? Asked from another thread while the query runs; NULL: nobody knows. */
	bool (*gone)(const void *ctx);
	const void *gone_ctx;
	struct eventdb_pair *params; /* values for {name:Type}, in ClickHouse's escaped text form */
	size_t param_count;
};

struct eventdb_answer {
	int exception_code; /* 0: fine; else body is the exception's text "Code: N. …" */
	struct buf body;
	uint64_t read_rows, read_bytes, written_rows, written_bytes, result_rows;
};

struct eventdb_executor {
	void *ctx;
	void (*run)(void *ctx, const struct eventdb_query *query, struct eventdb_answer *ret);
};

/* Route table for http_config.routes; http_config.context must be the executor. */
extern const struct http_route eventdb_routes[];
void eventdb_fallback(struct http_request *req, struct http_response *res, int status, void *context);
