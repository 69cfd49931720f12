/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A block is cut into pieces, matched by several threads, put together in order, and then correlations see it. */
#include <assert.h>
#include <stdlib.h>

#include "base/clock/clock.h"
#include "base/json/json.h"
#include "engine/detect/detect_internal.h"

#define RESULT_ARENA ((size_t)1 << 30)
#define CAPTURED_MAX ((size_t)256 << 20)
#define COSTS_EVERY 16 /* blocks */
#define TOP 20

struct detect {
	struct detect_loader *loader;
	struct detect_pool *pool;
	unsigned threads;
	/* The examining thread's. */
	struct detect_matcher *matchers[DETECT_THREADS_MAX];
	struct detect_rules *rules; /* what they and the correlator are made of */
	struct sigma_correlator *correlator;
	uint64_t blocks;
	struct sigma_matcher_counters before; /* of matchers that are gone */
	struct sigma_correlator_counters correlated_before;
	pthread_mutex_t lock;
	struct detect_stats stats; /* lock; what is counted here */
};

static const char *const kind_names[DETECT_KIND__COUNT] = {
	[DETECT_SIGMA] = "sigma", [DETECT_CORRELATION] = "correlation", [DETECT_INDICATOR] = "indicator"};

const char *detect_kind_name(enum detect_kind kind)
{
	return kind_names[kind];
}

int detect_new(const struct detect_config *config, struct detect **ret, struct err *err)
{
	struct detect *d = MEM_NEW(struct detect);
	(void)pthread_mutex_init(&d->lock, NULL);
	d->threads = config->threads > 0 ? config->threads : 2;
	if (d->threads > DETECT_THREADS_MAX)
		d->threads = DETECT_THREADS_MAX;
	int r = detect_pool_new(d->threads, &d->pool, err);
	if (r == 0)
		r = detect_loader_start(config->set_path, config->dir, &d->loader, err);
	if (r < 0)
		detect_free(d);
	else
		*ret = d;
	return r;
}

static struct sigma_matcher_counters plus(struct sigma_matcher_counters a, struct sigma_matcher_counters b)
{
	return (struct sigma_matcher_counters){.events = a.events + b.events,
	                                       .matches = a.matches + b.matches,
	                                       .regex_gave_up = a.regex_gave_up + b.regex_gave_up,
	                                       .candidates = a.candidates + b.candidates};
}

static struct sigma_matcher_counters counters_of(const struct detect *d)
{
	struct sigma_matcher_counters sum = d->before;
	for (unsigned i = 0; i < d->threads; i++)
		if (d->matchers[i] != NULL)
			sum = plus(sum, detect_matcher_counters(d->matchers[i]));
	return sum;
}

static struct sigma_correlator_counters correlated(const struct detect *d)
{
	struct sigma_correlator_counters sum = d->correlated_before;
	if (d->correlator == NULL)
		return sum;
	struct sigma_correlator_counters c = sigma_correlator_counters(d->correlator);
	sum.late += c.late;
	sum.groups_dropped += c.groups_dropped;
	sum.entries_dropped += c.entries_dropped;
	return sum;
}

static void forget_rules(struct detect *d)
{
	d->before = counters_of(d);
	d->correlated_before = correlated(d);
	for (unsigned i = 0; i < d->threads; i++) {
		detect_matcher_free(d->matchers[i]);
		d->matchers[i] = NULL;
	}
	sigma_correlator_free(d->correlator);
	d->correlator = NULL;
	detect_rules_unref(d->rules);
	d->rules = NULL;
}

void detect_free(struct detect *d)
{
	if (d == NULL)
		return;
	detect_pool_free(d->pool);
	forget_rules(d);
	detect_loader_stop(d->loader);
	(void)pthread_mutex_destroy(&d->lock);
	mem_free(d);
}

void detect_reload(struct detect *d)
{
	detect_loader_wake(d->loader);
}

bool detect_wait_ready(struct detect *d, unsigned timeout_ms)
{
	return detect_loader_wait(d->loader, timeout_ms);
}

/* Takes the set in use; matchers and windows begin anew when it is another one. false: there is none. */
static bool take_rules(struct detect *d)
{
	struct detect_rules *rules = detect_loader_get(d->loader);
	if (rules == d->rules || rules == NULL) {
		detect_rules_unref(rules);
		return d->rules != NULL;
	}
	forget_rules(d);
	d->rules = rules;
	if (sigma_ruleset_correlates(rules->sigma))
		d->correlator = sigma_correlator_new(rules->sigma, NULL);
	return true;
}

/* ---- one block ---- */

struct examining {
	struct detect *d;
	const struct event_record *records;
	size_t count;
	struct detect_result *result;
	struct detect_piece *pieces;
	struct arena *arenas[DETECT_THREADS_MAX];
};

static void match_piece(void *ctx, unsigned thread, size_t number)
{
	struct examining *x = ctx;
	struct detect_piece *piece = &x->pieces[number];
	size_t from = number * DETECT_PIECE_RECORDS, to = from + DETECT_PIECE_RECORDS;
	if (x->d->matchers[thread] == NULL)
		x->d->matchers[thread] = detect_matcher_new(x->d->rules);
	if (x->arenas[thread] == NULL)
		x->arenas[thread] = arena_new(RESULT_ARENA);
	piece->arena = x->arenas[thread];
	piece->captured = BUF_INIT(CAPTURED_MAX);
	for (size_t i = from; i < to && i < x->count; i++)
		detect_match(x->d->matchers[thread], &x->records[i], i, &x->result->seen[i], piece);
}

static struct detect_finding *add(struct detect_result *r)
{
	if (r->count == r->capacity) {
		r->capacity = r->capacity > 0 ? r->capacity * 2 : 64;
		r->findings = mem_realloc_array(r->findings, r->capacity, sizeof *r->findings);
	}
	return &r->findings[r->count++];
}

/* Texts of rules live as long as the set; those of events are taken over. */
static void take_over(struct arena *arena, struct detect_finding *f)
{
	struct str *const own[] = {&f->entity, &f->host, &f->field, &f->list};
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		*own[i] = arena_str(arena, *own[i]);
	if (f->kind == DETECT_INDICATOR) {
		f->rule_id = arena_str(arena, f->rule_id);
		f->title = arena_str(arena, f->title);
	}
}

struct merged {
	uint64_t unread, indicator_hits;
};

static struct merged merge(struct examining *x, size_t pieces)
{
	struct merged sum = {0};
	for (size_t p = 0; p < pieces; p++) {
		struct detect_piece *piece = &x->pieces[p];
		for (size_t i = 0; i < piece->count; i++) {
			struct detect_finding *f = add(x->result);
			*f = piece->findings[i];
			take_over(x->result->arena, f);
		}
		buf_append(&x->result->captured, buf_str(&piece->captured));
		sum.unread += piece->unread;
		sum.indicator_hits += piece->indicator_hits;
		buf_done(&piece->captured);
		mem_free(piece->findings);
	}
	for (unsigned i = 0; i < DETECT_THREADS_MAX; i++)
		arena_free(x->arenas[i]);
	return sum;
}

struct correlating {
	struct detect *d;
	struct detect_result *result;
	size_t count; /* records of the block */
};

static void on_correlation(void *user, const struct sigma_alert *a)
{
	struct correlating *c = user;
	struct detect_rule *rule = &c->d->rules->rules[a->rule];
	if (rule->quiet || a->tag >= c->count)
		return;
	(void)atomic_fetch_add_explicit(&rule->matches, 1, memory_order_relaxed);
	struct detect_finding *f = add(c->result);
	*f = (struct detect_finding){.kind = DETECT_CORRELATION, .record = (size_t)a->tag, .rule = a->rule,
	                             .rule_id = rule->info.id, .title = rule->info.title, .severity = rule->severity,
	                             .file = rule->info.file, .hash = str_c(rule->hash), .tags = rule->info.tags,
	                             .description = rule->info.description, .count = a->count};
	f->entity = arena_str(c->result->arena, str_sub(a->group, 0, 1000));
}

static void in_silence(void *user, const struct sigma_alert *a)
{
	(void)user;
	(void)a;
}

/* Every so often: the examining thread is the only one in matchers now. */
static void add_costs(struct detect *d)
{
	if (++d->blocks % COSTS_EVERY != 0)
		return;
	for (uint32_t rule = 0; rule < d->rules->counts.rules && rule < d->rules->count; rule++) {
		struct sigma_cost sum = {0};
		for (unsigned i = 0; i < d->threads; i++) {
			if (d->matchers[i] == NULL)
				continue;
			struct sigma_cost c = detect_matcher_cost(d->matchers[i], rule);
			sum.evaluated += c.evaluated;
			sum.nsec += c.nsec;
		}
		atomic_store_explicit(&d->rules->rules[rule].evaluated, sum.evaluated, memory_order_relaxed);
		atomic_store_explicit(&d->rules->rules[rule].nsec, sum.nsec, memory_order_relaxed);
	}
}

static void count(struct detect *d, const struct examining *x, struct merged sum, usec_t began)
{
	struct sigma_matcher_counters c = counters_of(d);
	struct sigma_correlator_counters k = correlated(d);
	(void)pthread_mutex_lock(&d->lock);
	d->stats.events += x->count;
	d->stats.unread += sum.unread;
	d->stats.indicator_hits += sum.indicator_hits;
	d->stats.matches = c.matches;
	d->stats.candidates = c.candidates;
	d->stats.regex_gave_up = c.regex_gave_up;
	d->stats.correlator_late = k.late;
	d->stats.correlator_dropped = k.entries_dropped + k.groups_dropped;
	d->stats.examine_usec += (uint64_t)(clock_monotonic() - began);
	(void)pthread_mutex_unlock(&d->lock);
}

static void clear(struct detect_result *r)
{
	r->count = 0;
	buf_done(&r->captured);
	r->captured = BUF_INIT(CAPTURED_MAX);
	mem_free(TAKE(r->seen));
	detect_rules_unref(TAKE(r->rules));
	if (r->arena == NULL)
		r->arena = arena_new(RESULT_ARENA);
	arena_clear(r->arena);
	r->key[0] = '\0';
}

void detect_result_done(struct detect_result *r)
{
	if (r->arena != NULL)
		clear(r);
	arena_free(r->arena);
	mem_free(r->findings);
	*r = (struct detect_result){0};
}

void detect_examine(struct detect *d, const struct event_record *records, size_t n, struct detect_result *ret)
{
	usec_t began = clock_monotonic();
	struct examining x = {.d = d, .records = records, .count = n, .result = ret};
	size_t pieces = (n + DETECT_PIECE_RECORDS - 1) / DETECT_PIECE_RECORDS;
	clear(ret);
	ret->seen = mem_alloc_array(n + 1, sizeof *ret->seen);
	if (!take_rules(d))
		return;
	ret->rules = detect_rules_ref(d->rules);
	(void)memcpy(ret->key, d->rules->key, sizeof ret->key);
	x.pieces = mem_alloc_array(pieces + 1, sizeof *x.pieces);
	detect_pool_run(d->pool, pieces, match_piece, &x);
	struct merged sum = merge(&x, pieces);
	mem_free(x.pieces);
	struct correlating c = {.d = d, .result = ret, .count = n};
	if (d->correlator != NULL)
		sigma_correlator_take(d->correlator, buf_str(&ret->captured), on_correlation, &c);
	add_costs(d);
	count(d, &x, sum, began);
}

void detect_why(struct detect *d, const struct detect_result *r, const struct detect_finding *f, const struct event_record *record,
                struct buf *out)
{
	assert(r->rules == d->rules);
	if (d->matchers[0] == NULL)
		d->matchers[0] = detect_matcher_new(d->rules);
	detect_match_why(d->matchers[0], f, record, out);
}

bool detect_restore(struct detect *d, const char *key, struct str captured)
{
	if (!take_rules(d) || d->correlator == NULL)
		return false;
	d->correlated_before = correlated(d);
	sigma_correlator_free(d->correlator);
	d->correlator = sigma_correlator_new(d->rules->sigma, NULL);
	if (strcmp(d->rules->key, key) != 0)
		return false;
	sigma_correlator_take(d->correlator, captured, in_silence, NULL);
	return true;
}

/* ---- figures ---- */

void detect_stats(struct detect *d, struct detect_stats *ret)
{
	(void)pthread_mutex_lock(&d->lock);
	*ret = d->stats;
	(void)pthread_mutex_unlock(&d->lock);
	detect_loader_stats(d->loader, ret);
}

struct ranked {
	uint64_t value;
	const struct detect_rule *rule;
};

static int compare_ranked(const void *a, const void *b)
{
	uint64_t x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
	return x > y ? -1 : x < y;
}

static void write_rule(struct json_writer *w, const struct detect_rule *rule)
{
	json_member_str(w, "id", rule->info.id);
	json_member_str(w, "title", rule->info.title);
}

static void write_ranks(struct json_writer *w, const struct detect_rules *rules, bool costly)
{
	struct ranked *list = mem_alloc_array(rules->count + 1, sizeof *list);
	uint64_t sum = 0;
	for (size_t i = 0; i < rules->count; i++) {
		const struct detect_rule *rule = &rules->rules[i];
		list[i].rule = rule;
		list[i].value = atomic_load_explicit(costly ? &rule->nsec : &rule->matches, memory_order_relaxed);
		sum += list[i].value;
	}
	qsort(list, rules->count, sizeof *list, compare_ranked);
	json_name(w, costly ? "costly" : "top");
	json_array(w);
	for (size_t i = 0; i < rules->count && i < TOP && list[i].value > 0; i++) {
		json_object(w);
		write_rule(w, list[i].rule);
		if (costly) {
			json_member_int(w, "share", (int64_t)(list[i].value * 1000 / sum));
			json_member_int(w, "evaluated", (int64_t)atomic_load_explicit(&list[i].rule->evaluated, memory_order_relaxed));
		} else {
			json_member_int(w, "matches", (int64_t)list[i].value);
		}
		json_object_end(w);
	}
	json_array_end(w);
	mem_free(list);
}

static void write_refused(struct json_writer *w, const struct detect_rules *rules)
{
	json_name(w, "refused");
	json_array(w);
	for (size_t i = 0; i < rules->refused_count && rules->refused[i].key.p != NULL; i++) {
		const struct detect_refused *f = &rules->refused[i];
		json_object(w);
		json_member_str(w, "file", f->file);
		json_member_str(w, "title", f->title);
		json_member_str(w, "id", f->id);
		json_member_str(w, "key", f->key);
		json_member_str(w, "place", f->place);
		json_object_end(w);
	}
	json_array_end(w);
}

void detect_write_report(struct detect *d, struct buf *out)
{
	static const char *const states[DETECT_STATE__COUNT] = {
		[DETECT_STARTING] = "starting", [DETECT_READY] = "ready", [DETECT_COMPILING] = "compiling", [DETECT_FAILED] = "failed"};
	struct detect_stats s;
	char loaded_at[CLOCK_ISO_SIZE];
	struct json_writer w = json_writer_init(out);
	detect_stats(d, &s);
	struct detect_rules *rules = s.state == DETECT_STARTING ? NULL : detect_loader_get(d->loader);
	json_object(&w);
	json_member_cstr(&w, "state", states[s.state]);
	json_member_cstr(&w, "digest", s.digest);
	json_member_int(&w, "rules", (int64_t)s.rules);
	json_member_int(&w, "correlations", (int64_t)s.correlations);
	json_member_int(&w, "indicators", (int64_t)s.indicators);
	json_member_bool(&w, "from_cache", rules != NULL && rules->counts.from_cache);
	json_member_cstr(&w, "loaded_at", s.loaded_at > 0 ? clock_iso(s.loaded_at, loaded_at) : "");
	json_member_cstr(&w, "error", s.err.key);
	if (rules != NULL) {
		write_refused(&w, rules);
		write_ranks(&w, rules, false);
		write_ranks(&w, rules, true);
	}
	json_object_end(&w);
	detect_rules_unref(rules);
}
