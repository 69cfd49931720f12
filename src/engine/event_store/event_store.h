/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_store: client of the event store's ClickHouse HTTP interface: the
 * embedded luytre-eventdb over its Unix socket, or a ClickHouse cluster by URL.
 *
 * Does not live here: the event store itself (program/eventdb), who may search what.
 * Threads: any; connections are kept and shared out.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"

struct event_store;

struct event_store_config {
	const char *url;       /* "http://localhost" with unix_path */
	const char *unix_path; /* NULL: over the network */
	const char *ca_pem;    /* for https; may be NULL */
};

int event_store_new(const struct event_store_config *config, struct event_store **ret, struct err *err) WARN_UNUSED;
void event_store_free(struct event_store *s);
/* Does it answer within five seconds? However long its queries take. */
bool event_store_ping(struct event_store *s);

/* Creates the database and brings its tables to the version of this program. -ESTALE (event.store_newer): they are of a later one. */
int event_store_migrate(struct event_store *s, struct err *err) WARN_UNUSED;

struct event_store_param {
	const char *name; /* {name:Type} in the SQL */
	struct str value; /* plain text; escaped here */
};

/*
 * Searches: read-only, one statement, answer as JSONEachRow lines appended to out (or what FORMAT says). `hunt`: in the
 * lane of long searches. Errors: -EAGAIN event.store_unreachable; -EINVAL event.store_refused (code, reason),
 * -ETIMEDOUT event.store_timeout, -E2BIG event.store_limit (memory or result size).
 */
int event_store_query(struct event_store *s, const char *sql, const struct event_store_param *params, size_t count,
                      bool hunt, struct buf *out, struct err *err) WARN_UNUSED;
/* The same for one who may lose interest: `gone` is asked about once a second from this thread; true ends the search, in the
 * store too: -ECANCELED event.store_cancelled. */
struct event_store_search {
	const char *sql;
	const struct event_store_param *params;
	size_t count;
	bool hunt;
	usec_t limit;                  /* -ETIMEDOUT after this long, to the millisecond; 0: when the lane says so */
	bool (*gone)(const void *ctx); /* NULL: waits to the end */
	const void *gone_ctx;
};
int event_store_search(struct event_store *s, const struct event_store_search *what, struct buf *out, struct err *err) WARN_UNUSED;
/* Statements that change something. */
int event_store_exec(struct event_store *s, const char *sql, struct err *err) WARN_UNUSED;

/* What became of a block of rows. */
enum event_store_verdict {
	EVENT_STORE_TAKEN,
	EVENT_STORE_BAD_ROWS, /* this block will never be taken as it is */
	EVENT_STORE_LATER,    /* unreachable, busy, out of memory or disk */
	EVENT_STORE_NO_TABLE, /* migrate first */
};
/* Inserts rows; `into` is event_row_into or event_dead_row_into. The same token a second time changes nothing. err tells why when not TAKEN. */
enum event_store_verdict event_store_insert(struct event_store *s, const char *into, const char *token, struct str rows,
                                            struct err *err);
