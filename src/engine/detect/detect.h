/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * detect: every rule and every indicator over blocks of the stream. The set of rules is a file (detect_set.h); a thread of
 * its own reads and compiles it, publishes it by pointer and keeps the last good one when a new one cannot be used. A
 * block is matched by several threads; what they find comes back in the order of the events, so that the same events and
 * the same set give the same findings. Correlations are fed in that order too.
 *
 * Does not live here: grouping of findings, alerts, cursors (engine/event_pipeline), who may change rules (service/rule).
 * Threads: one thread examines; the rest may be asked by any. Linux only.
 */
#pragma once
#include "engine/detect/detect_set.h"
#include "engine/event/event_record.h"

struct detect;

struct detect_config {
	const char *set_path; /* read; may not be there yet: then only the built-in canary rule is on */
	const char *dir;      /* the caller's own folder: compiled forms, a copy of the last good set; made when missing */
	unsigned threads;     /* that match at a time; 0: 2 */
};
/* Starts loading; does not wait for it. */
int detect_new(const struct detect_config *config, struct detect **ret, struct err *err) WARN_UNUSED;
void detect_free(struct detect *d);
DEFINE_CLEANUP(detect)
/* Looks at the set file again, soon. */
void detect_reload(struct detect *d);
/* Waits until the first try to load is over: before that nothing should be examined. false: not within timeout_ms. */
bool detect_wait_ready(struct detect *d, unsigned timeout_ms);

/* ---- examining ---- */

/* The built-in rule that every canary event matches: proof that rules are alive. Never reported as a finding. */
#define DETECT_CANARY_ID "6c757974-7265-4000-8000-000000000001"

enum detect_kind { DETECT_SIGMA, DETECT_CORRELATION, DETECT_INDICATOR, DETECT_KIND__COUNT };
/* "sigma", "correlation", "indicator" */
const char *detect_kind_name(enum detect_kind kind);

struct detect_finding {
	enum detect_kind kind;
	size_t record;        /* index into the block */
	uint32_t rule;        /* number in the set; of indicators UINT32_MAX */
	struct str rule_id, title, severity; /* severity: "low", "medium", "high", "critical" */
	struct str file, hash, tags, description;
	struct str entity;    /* "user.name=lan"; correlations: their group's values; indicators: "domain=x.vn" */
	struct str host;      /* as the event names it; may be empty */
	struct str field;     /* indicators: where the value stood */
	struct str list;      /* indicators: source of the entry */
	uint64_t count;       /* correlations: matches in the window; else 1 */
};

/* What reading a record showed; zeroes when it was passed over (of many JSON records of one block only some are read
 * as a whole, unless indicators want them all). */
struct detect_seen {
	bool canary;   /* the canary rule matched */
	bool unparsed; /* it fits no form */
	bool read;
	usec_t time;   /* its own; 0: none */
};

struct detect_rules;
struct detect_result {
	struct arena *arena; /* texts of findings */
	struct detect_rules *rules;
	struct detect_finding *findings; /* by record, then rule */
	size_t count, capacity;
	struct detect_seen *seen; /* a record each */
	struct buf captured; /* what correlations were fed with: detect_restore takes it */
	char key[DETECT_DIGEST_SIZE]; /* names what `captured` can be read with */
};
/* Zeroed before the first use; cleared by each examination. */
void detect_result_done(struct detect_result *r);
/*
 * Texts of findings borrow from result->arena and from the set, which the result keeps. Events that cannot be read are
 * counted and passed over.
 */
void detect_examine(struct detect *d, const struct event_record *records, size_t count, struct detect_result *ret);
/* JSON array of {"field","value"}: what the finding's rule saw in this event (its record); at most 20 fields of 400 bytes. */
void detect_why(struct detect *d, const struct detect_result *r, const struct detect_finding *f, const struct event_record *record,
                struct buf *out);
/* After a restart, before the first examination: feeds correlations with what earlier results captured, in order, in
 * silence; windows begin anew first. Of another set's (key) nothing is taken: false. Waits until the set is loaded. */
bool detect_restore(struct detect *d, const char *key, struct str captured);

/* ---- figures ---- */

enum detect_state { DETECT_STARTING, DETECT_READY, DETECT_COMPILING, DETECT_FAILED, DETECT_STATE__COUNT };
struct detect_stats {
	enum detect_state state; /* FAILED: the newest set cannot be used, the last good one (or only the canary) is in use */
	struct err err;          /* why FAILED */
	char digest[DETECT_DIGEST_SIZE]; /* of the set in use; "": none */
	uint64_t rules, correlations, refused, indicators;
	usec_t loaded_at;
	uint64_t events, unread, matches, candidates, regex_gave_up;
	uint64_t indicator_hits;
	uint64_t correlator_late, correlator_dropped; /* entries and groups */
	uint64_t examine_usec;   /* time spent, all threads */
};
void detect_stats(struct detect *d, struct detect_stats *ret);
/*
 * {"state","digest","rules","correlations","indicators","from_cache","loaded_at","error",
 *  "refused":[{"file","title","id","key","place"}…at most 500],
 *  "top":[{"id","title","matches"}…20], "costly":[{"id","title","share","evaluated"}…20: per mille of all rules' time]}
 */
void detect_write_report(struct detect *d, struct buf *out);
