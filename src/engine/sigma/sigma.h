/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * sigma: every rule of the Sigma 2 specification against every event, together.
 * Rules, correlations and filters are parsed and compiled once into an immutable, reference-counted set; each thread
 * matches events (one JSON object each) with its own matcher; matches of rules that correlations need are handed to one
 * correlator, in the order of arrival.
 *
 * Does not live here: reading log files (program/cli), storing alerts (service/alert), parsing syslog (engine/event).
 * Threads: a ruleset may be shared; a loader, a matcher and a correlator belong to one thread each.
 * Source: Sigma specification 2.1.0; where it is silent, docs/sigma.md names the choice.
 *
 * Example (compiled in the tests):
 *
 *   #include <stdio.h>
 *   #include "engine/sigma/sigma.h"
 *
 *   int main(int argc, char **argv)
 *   {
 *           struct err err = {0};
 *           char line[1024];
 *           struct sigma_loader *loader = sigma_loader_new(NULL);
 *           struct sigma_ruleset *rules = NULL;
 *           struct sigma_matcher *matcher = NULL;
 *           int r = sigma_loader_add_path(loader, argc > 1 ? argv[1] : "rules", &err);
 *           if (r == 0)
 *                   r = sigma_loader_compile(loader, &rules, &err);
 *           for (size_t i = 0; i < sigma_loader_refused_count(loader); i++)
 *                   fprintf(stderr, "refused: %s\n", err_line(&sigma_loader_refused(loader, i)->err, line, sizeof line));
 *           if (r == 0)
 *                   matcher = sigma_matcher_new(rules, NULL);
 *           static char event[1 << 20];
 *           while (r == 0 && fgets(event, sizeof event, stdin) != NULL) {
 *                   const struct sigma_match *matches;
 *                   int n = sigma_matcher_run(matcher, str_trim(str_c(event)), &matches, &err);
 *                   for (int i = 0; i < n; i++) {
 *                           const struct sigma_info info = sigma_ruleset_rule(rules, matches[i].rule);
 *                           printf("%.*s: %.*s\n", STR_FMT(info.level), STR_FMT(info.title));
 *                   }
 *           }
 *           if (r < 0)
 *                   fprintf(stderr, "%s\n", err_line(&err, line, sizeof line));
 *           sigma_matcher_free(matcher);
 *           sigma_ruleset_unref(rules);
 *           sigma_loader_free(loader);
 *           return r < 0 ? 2 : 0;
 *   }
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

/* ---- loading ---- */

struct sigma_loader;
struct sigma_ruleset;

struct sigma_options {
	const char *mapping;      /* YAML file instead of the built-in packs/sigma/mapping.yaml; NULL: built in */
	const char *placeholders; /* YAML file: name to list of values, for `expand`; NULL: none */
	const char *exclusions;   /* YAML file of tuning exclusions; NULL: none */
	const char *cache_dir;    /* compiled sets are kept there by content hash; NULL: no cache */
	int64_t now_usec;         /* for expiry of exclusions; 0: clock_now */
};

struct sigma_refusal {
	const char *file; /* borrowed from the loader, as are the others */
	struct str title, id;
	struct err err;
};

struct sigma_loader *sigma_loader_new(const struct sigma_options *options);
void sigma_loader_free(struct sigma_loader *loader);
DEFINE_CLEANUP(sigma_loader)
/* A file, or all *.yml and *.yaml below a folder in byte order of their paths. Only reads; -ENOENT, -EACCES. */
int sigma_loader_add_path(struct sigma_loader *loader, const char *path, struct err *err) WARN_UNUSED;
/* The text of a file, possibly of several documents. */
int sigma_loader_add_text(struct sigma_loader *loader, const char *name, struct str text, struct err *err) WARN_UNUSED;
/*
 * Parses and compiles everything that was added, or takes the cached form. A document that cannot be used is refused by
 * itself and listed. -EINVAL only when the mapping, placeholder or exclusion file is wrong. The caller owns *ret.
 */
int sigma_loader_compile(struct sigma_loader *loader, struct sigma_ruleset **ret, struct err *err) WARN_UNUSED;
/* Instead of compiling: `each` for every rule and correlation that would load, and the refusals; in a tenth of the time.
 * Texts are the loader's. Once a loader. */
struct sigma_info;
int sigma_loader_look(struct sigma_loader *loader, void (*each)(void *ctx, const struct sigma_info *info), void *ctx,
                      struct err *err) WARN_UNUSED;
size_t sigma_loader_refused_count(const struct sigma_loader *loader);
const struct sigma_refusal *sigma_loader_refused(const struct sigma_loader *loader, size_t i);

/* ---- compiled set ---- */

struct sigma_ruleset *sigma_ruleset_ref(struct sigma_ruleset *set);
/* Always NULL. */
struct sigma_ruleset *sigma_ruleset_unref(struct sigma_ruleset *set);

/* What an alert carries on. Borrowed from the set. Lists are one item a line. */
struct sigma_info {
	struct str id, title, name, level, status, author, description, date, tags, falsepositives, file;
	struct str category, product, service;
	unsigned line;
	bool is_correlation;
	bool silent; /* only feeds correlations (C "generate") */
};

struct sigma_counts {
	size_t rules, correlations, filters, exclusions;
	size_t predicates, strings, regexes, fields, sources;
	size_t bytes;    /* of the compiled form */
	bool from_cache;
};

/* Rules come first, then correlations: numbers 0 to rules + correlations - 1. */
size_t sigma_ruleset_count(const struct sigma_ruleset *set);
struct sigma_info sigma_ruleset_rule(const struct sigma_ruleset *set, uint32_t rule);
/* By id, else by name, else by title; UINT32_MAX: none. */
uint32_t sigma_ruleset_find(const struct sigma_ruleset *set, struct str reference);
struct sigma_counts sigma_ruleset_counts(const struct sigma_ruleset *set);

/* The set in use, replaced while others match. */
struct sigma_current;
struct sigma_current *sigma_current_new(void);
void sigma_current_free(struct sigma_current *current);
/* Takes the caller's reference; NULL empties. */
void sigma_current_swap(struct sigma_current *current, struct sigma_ruleset *set);
/* A reference of the caller's own, or NULL. */
struct sigma_ruleset *sigma_current_get(struct sigma_current *current);

/* ---- matching ---- */

/* The log source when the event's own fields do not tell it. Empty: not known. */
struct sigma_source {
	struct str product, category, service;
	bool lenient; /* every rule sees every event */
	/* An event of which nothing tells the source is seen by the rules that something in it speaks for; not by those for a named
	 * source that hold because of what is absent, which every such event would match. For streams of everything. */
	bool by_presence;
};

struct sigma_match {
	uint32_t rule;
};

struct sigma_matcher;
#define SIGMA_EVENT_BYTES_MAX ((size_t)16 << 20)
#define SIGMA_EVENT_DEPTH_MAX 64

/* Holds a reference of its own. `source` may be NULL. */
struct sigma_matcher *sigma_matcher_new(struct sigma_ruleset *set, const struct sigma_source *source);
void sigma_matcher_free(struct sigma_matcher *m);
DEFINE_CLEANUP(sigma_matcher)
/*
 * One JSON object. The number of matches (rules in ascending number), which live until the next call; no memory is
 * allocated unless an event is larger than every one before. -EINVAL sigma.event_syntax (byte), -E2BIG
 * sigma.event_too_big, sigma.event_too_deep.
 */
int sigma_matcher_run(struct sigma_matcher *m, struct str json, const struct sigma_match **ret, struct err *err) WARN_UNUSED;
/* Only reads the bytes as sigma_matcher_run would: the limit that the benchmark compares with. */
int sigma_matcher_scan_only(struct sigma_matcher *m, struct str json, struct err *err) WARN_UNUSED;
/* After a run: the event's value of a field by its Sigma name (first of several), if some rule names the field.
 * p == NULL: absent. Borrowed until the next run. */
struct str sigma_matcher_field(struct sigma_matcher *m, struct str field);

struct sigma_matcher_counters {
	uint64_t events, matches, regex_gave_up, candidates;
};
struct sigma_matcher_counters sigma_matcher_counters(const struct sigma_matcher *m);
/* Time spent on each rule's condition, when switched on. */
void sigma_matcher_measure(struct sigma_matcher *m, bool on);
struct sigma_cost {
	uint64_t evaluated, matched, nsec;
};
struct sigma_cost sigma_matcher_cost(const struct sigma_matcher *m, uint32_t rule);

/* Why a rule does or does not match an event, predicate by predicate, as a JSON object appended to out. */
int sigma_explain(struct sigma_matcher *m, uint32_t rule, struct str json, struct buf *out, struct err *err) WARN_UNUSED;

/* ---- correlation ---- */

struct sigma_correlator;
struct sigma_correlator_limits {
	size_t groups;     /* 0: 100,000 over all correlations; the longest idle group goes first */
	size_t entries;    /* 0: 10,000 a group; the oldest goes first */
	int64_t late_usec; /* 0: 5 minutes; an event older than the newest by more than this plus the time span is not counted */
};
struct sigma_correlator_counters {
	uint64_t taken, late, groups_dropped, entries_dropped;
};

/* Whether matches have to be captured at all. */
bool sigma_ruleset_correlates(const struct sigma_ruleset *set);
/* After a run: what correlations need of this match (time, values), appended as a record that outlives the event. Nothing
 * is appended for a rule that no correlation refers to. `tag` comes back with alerts. */
void sigma_matcher_capture(struct sigma_matcher *m, const struct sigma_match *match, uint64_t tag, struct buf *records);

struct sigma_correlator *sigma_correlator_new(struct sigma_ruleset *set, const struct sigma_correlator_limits *limits);
void sigma_correlator_free(struct sigma_correlator *c);
DEFINE_CLEANUP(sigma_correlator)
struct sigma_alert {
	uint32_t rule;
	uint64_t tag;      /* of the match at which it holds */
	int64_t time_usec; /* of that event */
	struct str group;  /* group-by values, one a line; borrowed during the call */
	size_t count;      /* matches in the window */
};
/* Records of any number of captures. `alert` is called for each correlation that holds. */
void sigma_correlator_take(struct sigma_correlator *c, struct str records,
                           void (*alert)(void *user, const struct sigma_alert *alert), void *user);
struct sigma_correlator_counters sigma_correlator_counters(const struct sigma_correlator *c);
