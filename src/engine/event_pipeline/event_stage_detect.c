/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The block's bounds are durable before it is examined; its alerts are in the outbox before the journal says that it is
 * done; the cursor follows. Whatever fails in between, the block is examined again with the state from before it, and makes the same keys.
 */
#include "engine/event_pipeline/event_stage_detect.h"

#include "engine/event/event_parse.h"
#include "engine/event_pipeline/event_canary.h"
#include "engine/event_pipeline/event_detect.h"

#define BLOCK_BYTES ((size_t)8 << 20)
#define BLOCK_RECORDS 20000
#define BLOCK_BUFFER ((size_t)16 << 20)
#define FEW_BYTES ((size_t)2 << 20) /* after a block of no more, nobody is in a hurry */
#define CANARIES_LOOKED_BACK 256
/* Whoever keeps alerts refuses for good what is over its limits: bytes that are no text grow threefold on the way there. */
#define RAW_MAX ((size_t)80 << 10) /* of an event in a rule's alert; longer ones are looked up by their id */
#define TITLE_MAX 900
#define TAGS_MAX 3900
#define ENTITY_MAX 900
#define WHY_MAX ((size_t)32 << 10)
#define CURSOR "detected"

struct event_stage_detector {
	struct event_stage_detect_config config;
	struct event_journal *journal; /* NULL: to be opened */
	bool restored;                 /* correlations know what the journal knows */
	struct event_flood_stats before; /* of floods that are gone */
	struct detect_result result;
	struct event_spool_block block; /* its memory serves block after block while many come */
};

struct event_stage_detector *event_stage_detector_new(const struct event_stage_detect_config *config)
{
	struct event_stage_detector *d = MEM_NEW(struct event_stage_detector);
	d->config = *config;
	d->block.bytes = BUF_INIT(BLOCK_BUFFER);
	return d;
}

static void forget_state(struct event_stage_detector *d)
{
	if (d->journal == NULL)
		return;
	struct event_flood_stats s = event_flood_stats(event_journal_flood(d->journal));
	d->before.findings += s.findings;
	d->before.records += s.records;
	d->before.merged += s.merged;
	d->before.early += s.early;
	event_journal_close(d->journal);
	d->journal = NULL;
	d->restored = false;
}

void event_stage_detector_free(struct event_stage_detector *d)
{
	if (d == NULL)
		return;
	forget_state(d);
	detect_result_done(&d->result);
	buf_done(&d->block.bytes);
	mem_free(d);
}

struct event_flood_stats event_stage_detector_stats(const struct event_stage_detector *d)
{
	struct event_flood_stats s = d->before;
	if (d->journal == NULL)
		return s;
	struct event_flood_stats now = event_flood_stats(event_journal_flood(d->journal));
	s.findings += now.findings;
	s.records += now.records;
	s.merged += now.merged;
	s.early += now.early;
	s.groups = now.groups;
	return s;
}

/* ---- what a block brings ---- */

struct found {
	struct event_stage_detector *d;
	struct arena *arena;
	struct event_record *records;
	size_t record_count;
	struct event_alert *alerts;
	size_t count, capacity;
	const struct detect_finding *finding; /* the one that the flood is asked about */
	bool by_rules; /* the canary in hand was seen by the rules too */
};

/* Many canaries of one sender are one: who sends a flood of them costs one file. */
static struct event_alert *same_canary(struct found *f, const struct event_alert *alert)
{
	for (size_t i = f->count; i > 0 && f->count - i < CANARIES_LOOKED_BACK; i--)
		if (strcmp(f->alerts[i - 1].key, alert->key) == 0)
			return &f->alerts[i - 1];
	return NULL;
}

static struct event_alert *append(struct found *f, const struct event_alert *alert)
{
	if (f->count == f->capacity) {
		f->capacity = f->capacity > 0 ? f->capacity * 2 : 16;
		f->alerts = mem_realloc_array(f->alerts, f->capacity, sizeof *f->alerts);
	}
	struct event_alert *a = &f->alerts[f->count++];
	*a = *alert;
	a->group = arena_str(f->arena, alert->group);
	return a;
}

static void collect(void *ctx, const struct event_alert *alert)
{
	struct found *f = ctx;
	bool canary = event_alert_is_canary(alert);
	struct event_alert *same = canary ? same_canary(f, alert) : NULL;
	struct str group = same != NULL ? same->group : STR_EMPTY;
	if (same == NULL) {
		same = append(f, alert);
	} else {
		*same = *alert;
		same->group = group; /* in the key, so equal */
	}
	if (canary && f->by_rules)
		same->kind = STR(EVENT_CANARY_BY_RULES);
}

/* What the built-in detectors look for stands in the text as it is: an event without is not parsed for them. */
static bool may_interest(struct str raw)
{
	return memmem(raw.p, raw.n, "malware", 7) != NULL || memmem(raw.p, raw.n, EVENT_CANARY_DATASET, sizeof EVENT_CANARY_DATASET - 1) != NULL;
}

static void built_in(struct found *f, const struct event_record *r, const struct detect_seen *seen)
{
	struct event e;
	if (r->raw.n == 0 || !may_interest(r->raw) || event_parse_record(f->arena, r, &e, NULL) < 0)
		return;
	f->by_rules = seen->canary;
	event_detect(r, &e, collect, f);
}

/* ---- what rules found ---- */

/* Databases do not keep it in texts. */
static struct str without_nul(struct arena *arena, struct str s)
{
	if (s.n == 0 || str_find_char(s, '\0') == SIZE_MAX)
		return s;
	char *copy = arena_alloc(arena, s.n);
	for (size_t i = 0; i < s.n; i++)
		copy[i] = s.p[i] != '\0' ? s.p[i] : ' ';
	return str_n(copy, s.n);
}

/* Texts into the block's arena, the event and the reasons with them: only for what is really handed over. */
static void hand_over(void *ctx, struct event_alert *alert, const struct event_alert *finding)
{
	struct found *f = ctx;
	struct event_alert *a = append(f, alert);
	if (finding == NULL) {
		struct str *const texts[] = {&a->rule_id, &a->title, &a->severity, &a->kind, &a->entity, &a->tags, &a->rule_file, &a->rule_hash,
		                             &a->source, &a->host, &a->threat, &a->file_path, &a->sha256, &a->action, &a->engine};
		for (size_t i = 0; i < ARRAY_LEN(texts); i++)
			*texts[i] = arena_str(f->arena, *texts[i]);
		return;
	}
	const struct event_record *r = &f->records[f->finding->record];
	cleanup_buf struct buf why = BUF_INIT(WHY_MAX);
	detect_why(f->d->config.detect, &f->d->result, f->finding, r, &why);
	if (!why.overflow)
		a->why = arena_str(f->arena, buf_str(&why));
	a->description = str_sub(f->finding->description, 0, 4000);
	a->raw = r->raw.n <= RAW_MAX ? without_nul(f->arena, r->raw) : STR_EMPTY;
}

static void take_finding(struct found *f, const struct detect_finding *x)
{
	const struct event_record *r = &f->records[x->record];
	const struct detect_seen *seen = &f->d->result.seen[x->record];
	const struct event_alert a = {
		.rule_id = x->rule_id,
		.rule_version = 1,
		.title = str_sub(x->title, 0, TITLE_MAX),
		.severity = x->severity,
		.endpoint = r->endpoint,
		.unit = r->unit,
		.first_event = r->id,
		.time = seen->time > r->received - 365 * USEC_PER_DAY && seen->time <= r->received + USEC_PER_HOUR ? seen->time : r->received,
		.received = r->received,
		.kind = str_c(detect_kind_name(x->kind)),
		.entity = without_nul(f->arena, str_sub(x->entity, 0, ENTITY_MAX)),
		.tags = str_sub(x->tags, 0, TAGS_MAX),
		.rule_file = x->file,
		.rule_hash = x->hash,
		.source = r->source,
		.host = without_nul(f->arena, x->host),
	};
	f->finding = x;
	event_flood_take(event_journal_flood(f->d->journal), &a, hand_over, f);
}

static void note_source(struct event_sources *sources, const struct event_record *r, const struct detect_seen *seen)
{
	if (seen->read)
		event_sources_parsed(sources, &r->sender, r->received, seen->time, seen->unparsed ? r->raw : (struct str){0});
}

/* Without rules: what the built-in detectors need is all that is looked at. */
static void see(struct found *f, const struct event_record *r, struct detect_seen *seen)
{
	struct event e;
	if (event_parse_record(f->arena, r, &e, NULL) < 0)
		return;
	struct str at = event_get(&e, "@timestamp");
	seen->read = true;
	if (at.p == NULL || clock_parse_iso(at, &seen->time, NULL) < 0)
		seen->time = 0;
	seen->unparsed = str_eq(event_get(&e, "event.parsed"), STR("false"));
	event_detect(r, &e, collect, f);
}

static void examine(struct found *f, struct event_sources *sources)
{
	struct detect_result *result = &f->d->result;
	usec_t newest = 0;
	if (f->d->config.detect == NULL) {
		for (size_t i = 0; i < f->record_count; i++) {
			struct detect_seen seen = {0};
			see(f, &f->records[i], &seen);
			note_source(sources, &f->records[i], &seen);
		}
		return;
	}
	detect_examine(f->d->config.detect, f->records, f->record_count, result);
	for (size_t i = 0; i < f->record_count; i++) {
		note_source(sources, &f->records[i], &result->seen[i]);
		built_in(f, &f->records[i], &result->seen[i]);
		if (f->records[i].received > newest)
			newest = f->records[i].received;
	}
	for (size_t i = 0; i < result->count; i++)
		take_finding(f, &result->findings[i]);
	event_flood_advance(event_journal_flood(f->d->journal), newest, hand_over, f);
}

static void decode(const struct event_spool_block *block, struct found *f)
{
	struct str payload;
	f->records = mem_alloc_array(block->records + 1, sizeof *f->records);
	for (size_t at = 0; f->record_count < block->records && event_spool_next(block, &at, &payload);)
		if (event_record_decode(payload, &f->records[f->record_count], NULL) == 0)
			f->record_count++;
}

/* ---- state, block, cursor ---- */

/* A journal that is further than the cursor: the block before the crash was done. */
static int open_state(struct event_stage_detector *d, struct event_spool *spool, struct event_spool_cursor *cursor, struct err *err)
{
	if (d->config.detect == NULL)
		return 0;
	if (d->journal == NULL) {
		int r = event_journal_open(d->config.dir, event_spool_id(spool), &d->config.flood, &d->journal, err);
		if (r < 0)
			return r;
		struct event_spool_position at = event_journal_at(d->journal);
		if (at.segment != 0 && event_spool_position_cmp(at, cursor->at) > 0)
			*cursor = (struct event_spool_cursor){.at = at};
	}
	if (!d->restored) {
		const char *key;
		struct str captured = event_journal_captured(d->journal, &key);
		(void)detect_restore(d->config.detect, key, captured);
	}
	d->restored = true;
	return 0;
}

static int begin_block(struct event_spool *spool, struct event_spool_cursor *cursor, struct event_spool_block *block, struct err *err)
{
	const struct event_spool_position *until = cursor->block_end.segment > 0 ? &cursor->block_end : NULL;
	int n = event_spool_read(spool, cursor->at, until, BLOCK_BYTES, BLOCK_RECORDS, block, err);
	if (n <= 0 || until != NULL)
		return n;
	cursor->at = block->from;
	cursor->block_end = block->to;
	int r = event_spool_cursor_store(spool, CURSOR, cursor, err);
	return r < 0 ? r : n;
}

static int finish_block(struct event_stage_detector *d, struct event_outbox *outbox, struct found *f, struct event_spool_position to,
                        struct err *err)
{
	int r = f->count > 0 ? event_outbox_put(outbox, f->alerts, f->count, err) : 0;
	if (r == 0 && d->journal != NULL)
		r = event_journal_append(d->journal, to, d->result.key, buf_str(&d->result.captured), err);
	/* Counts and windows have moved on for nothing: they come back from the disk. */
	if (r < 0)
		forget_state(d);
	return r;
}

int event_stage_detect(struct event_stage_detector *d, struct event_spool *spool, struct event_outbox *outbox,
                       struct event_sources *sources, struct event_spool_cursor *cursor, struct event_stage_counts *counts,
                       struct err *err)
{
	struct event_spool_block *block = &d->block;
	struct found found = {.d = d};
	int r = open_state(d, spool, cursor, err);
	if (r == 0)
		r = begin_block(spool, cursor, block, err);
	if (r > 0) {
		cleanup(arena) struct arena *arena = arena_new((size_t)1 << 30);
		found.arena = arena;
		decode(block, &found);
		examine(&found, sources);
		r = finish_block(d, outbox, &found, block->to, err);
		r = r < 0 ? r : 1;
	}
	if (r >= 0 && event_spool_position_cmp(block->to, cursor->at) > 0) {
		*cursor = (struct event_spool_cursor){.at = block->to};
		counts->detected += block->records;
		counts->alerts += found.count;
		int e = event_spool_cursor_store(spool, CURSOR, cursor, err);
		r = e < 0 ? e : r;
	}
	mem_free(found.alerts);
	mem_free(found.records);
	if (block->bytes.n <= FEW_BYTES)
		buf_done(&block->bytes);
	return r;
}
