/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * listen_bulk: the body of Elasticsearch's Bulk API (8.x): a line that says what to do, and, but for "delete", a line with
 * the document. Only what adds documents is done here.
 *
 *   {"create":{"_index":"logs","_id":"7"}}
 *   {"@timestamp":"…","message":"…"}
 *
 * Does not live here: the answer (program/server/ingest_elastic.c). Threads: no state.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

enum listen_bulk_action { LISTEN_BULK_INDEX, LISTEN_BULK_CREATE, LISTEN_BULK_UPDATE, LISTEN_BULK_DELETE, LISTEN_BULK__COUNT };

struct listen_bulk_item {
	enum listen_bulk_action action;
	struct str index, id; /* in the arena; id empty: none was given */
	struct str document;  /* borrows from the body; empty for "delete" */
	const char *refused;  /* message key: listen.bulk_action, event.* of a document that is no JSON or too long; NULL: good */
};

struct listen_bulk {
	struct listen_bulk_item *items; /* in the arena */
	size_t count, good;
};

const char *listen_bulk_action_name(enum listen_bulk_action action);
/* `index`: what the path names, or empty. -EINVAL listen.bad_bulk (line): an action line that cannot be read: nothing after it
 * could be told apart; -E2BIG event.too_many_lines. */
int listen_bulk_parse(struct arena *arena, struct str body, struct str index, struct listen_bulk *ret, struct err *err) WARN_UNUSED;
