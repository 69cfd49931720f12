/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * rulebook: what people bring to detection, read from hostile bytes: archives of Sigma rules, one rule with events to try
 * it on, pieces of history, lists of indicators. Bytes to bytes, so that it runs in a process that has nothing to lose
 * (role worker): an input is one line of JSON, what follows is the payload.
 *
 *   READ        {"name":"sigma.zip"}, archive (zip, tar; gzip, zstd) or one YAML file
 *               → {"files","documents","refused","skipped"}, then a JSON line a rule file:
 *               {"path","sha256","key","title","level","status","author","description","category","product","service",
 *               "tags":[…],"ids":[…],"kind":"rule"|"correlation"|"filter","documents",
 *               "refused":{"key","place","args":{…}}|null,"text"}
 *   CHECK       {"events":["…"]}, YAML → {"ok","documents","rules":[{"id","title",…}],"refused":[{…}],
 *               "results":[{"matches":[title…],"explain":{…}|null,"error":{…}|null}]}
 *   REPLAY      {"rule":bytes,"records":bytes}, YAML, records carried over, rows (rulebook_row) → one line of JSON:
 *               {"events","matched","unreadable","hits":[{"event","unit","host","time","rules":[…],"raw"}]}, then the
 *               records to carry on
 *   INDICATORS  {"type":"auto"|…}, text or CSV → {"lines","taken","refused","repeated","bad":[{"line","text"}]},
 *               then "type<TAB>value" lines, each once, in byte order
 *
 * Does not live here: the tables of rules (service/rule), matching of the stream (engine/detect).
 * Threads: no shared state. Linux only.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

enum rulebook_job { RULEBOOK_READ, RULEBOOK_CHECK, RULEBOOK_REPLAY, RULEBOOK_INDICATORS, RULEBOOK_JOB__COUNT };

#define RULEBOOK_FILE_MAX     ((size_t)64 << 20)  /* an archive as it comes */
#define RULEBOOK_UNPACKED_MAX ((size_t)256 << 20) /* all entries together, read or passed over */
#define RULEBOOK_RATIO_MAX    200                 /* unpacked to packed, past the first 16 MiB */
#define RULEBOOK_ENTRIES_MAX  100000
#define RULEBOOK_RULES_MAX    50000
#define RULEBOOK_RULE_MAX     ((size_t)1 << 20)
#define RULEBOOK_PATH_MAX     400
#define RULEBOOK_EVENTS_MAX   50        /* of a CHECK */
#define RULEBOOK_LINES_MAX    5000000   /* of a list */
#define RULEBOOK_HITS_MAX     20000     /* told of one piece of history; the rest is counted */
#define RULEBOOK_RECORDS_MAX  ((size_t)8 << 20)

/* -EINVAL rulebook.malformed (the input's head), rulebook.archive (reason), rulebook.path (path), rulebook.encrypted,
 * rulebook.no_rules, rulebook.utf8 (line); -E2BIG rulebook.too_big (limit_mb), rulebook.bomb (ratio),
 * rulebook.too_many (limit). */
int rulebook_run(enum rulebook_job job, struct str input, struct buf *out, struct err *err) WARN_UNUSED;

/* A row of history as ClickHouse writes it: SELECT toString(event_id), toString(unit_id), host_name,
 * toUnixTimestamp64Micro(time), raw FORMAT RowBinary. */
struct cursor;
struct rulebook_row {
	struct str event, unit, host, raw;
	int64_t time_usec;
};
/* `at` moves on. false: the end, or not whole (at->failed). */
bool rulebook_row_next(struct cursor *at, struct rulebook_row *ret);

/* The indicator types' names; NULL-terminated. */
extern const char *const rulebook_indicator_types[];
/* One value as it is looked up: trimmed, defanged ("hxxp", "[.]"), lower case where case means nothing. Its type in
 * *ret_type (index of the names), or false. `out` is cleared first. */
bool rulebook_indicator(struct str text, int *ret_type, struct buf *out);
