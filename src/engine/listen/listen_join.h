/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * listen_join: lines of a text file that are one record: a stack trace below the line it belongs to.
 *
 * Without a pattern a line goes with the one before it when it is empty or begins with a blank, "at ", "Caused by: ",
 * "Suppressed: ", "... 12" or "--- End of ", or is an exception's full name ("java.lang.Error: why"): what Java, Kotlin and .NET write. With a pattern (PCRE2, from the line's first byte) a line
 * that matches begins a record and every other goes with the one before.
 *
 * A record ends at 500 lines or 256 KiB; the rest is another. The same text always gives the same records, however it is
 * cut, as long as each reading begins where a record ended: the reader's places stay true over a crash.
 * Does not live here: waiting for more lines (listen_tail.c). Threads: a rule is one thread's.
 */
#pragma once
#include "base/err/err.h"
#include "base/str/str.h"

#define LISTEN_JOIN_LINES 500
#define LISTEN_JOIN_BYTES ((size_t)256 << 10)
#define LISTEN_JOIN_PATTERN 1024

struct listen_join;
/* `pattern` "": the built-in rule. -EINVAL listen.bad_pattern (at, reason), -E2BIG listen.long_pattern (limit). */
int listen_join_new(const char *pattern, struct listen_join **ret, struct err *err) WARN_UNUSED;
void listen_join_free(struct listen_join *j);

struct listen_join_text {
	struct str text;      /* begins where a record ended */
	uint64_t from;        /* its place */
	uint64_t boundary;    /* a place where a record has ended before, though lines came after; 0: none */
	size_t line_limit;    /* longer lines are passed over */
	bool flush;           /* nothing more came: the last whole lines are a record, too */
	bool last;            /* nothing more will come: so is what has no end */
};
struct listen_join_records {
	struct str *texts;    /* borrow from the text, room for `room` */
	uint64_t *places;
	size_t room, count;
	size_t used;          /* bytes, up to the end of the last record or what is passed over */
	uint64_t overlong;    /* lines begun that are too long */
	bool flushed;         /* the last record is one only because of `flush` */
	bool skip_line;       /* in and out: within a line that is too long */
};
void listen_join_split(const struct listen_join *j, const struct listen_join_text *in, struct listen_join_records *out);
