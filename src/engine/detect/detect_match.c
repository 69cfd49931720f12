/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One thread's part: rules and indicators over one event after the other. */
#include "base/json/json.h"
#include "engine/detect/detect_fields.h"
#include "engine/detect/detect_rules.h"
#include "engine/event/event_parse.h"

#define MEASURED_EVERY 64 /* of so many events the cost of each rule's condition is taken */
#define SAMPLES_FIRST 64
#define SAMPLES_EVERY 16
#define WHY_FIELDS 20
#define WHY_BYTES 400
#define EVENT_ARENA ((size_t)256 << 20)

struct detect_matcher {
	struct detect_rules *rules;
	struct sigma_matcher *sigma;
	struct arena *arena; /* of one event */
	uint64_t seen;
};

struct detect_matcher *detect_matcher_new(struct detect_rules *rules)
{
	struct detect_matcher *m = MEM_NEW(struct detect_matcher);
	m->rules = detect_rules_ref(rules);
	m->sigma = sigma_matcher_new(rules->sigma, &(struct sigma_source){.by_presence = true});
	m->arena = arena_new(EVENT_ARENA);
	return m;
}

void detect_matcher_free(struct detect_matcher *m)
{
	if (m == NULL)
		return;
	sigma_matcher_free(m->sigma);
	detect_rules_unref(m->rules);
	arena_free(m->arena);
	mem_free(m);
}

const struct detect_rules *detect_matcher_rules(const struct detect_matcher *m)
{
	return m->rules;
}

struct sigma_cost detect_matcher_cost(const struct detect_matcher *m, uint32_t rule)
{
	return sigma_matcher_cost(m->sigma, rule);
}

struct sigma_matcher_counters detect_matcher_counters(const struct detect_matcher *m)
{
	return sigma_matcher_counters(m->sigma);
}

/* An event as its two readers want it; parsed at most once, and only when somebody asks for fields. */
struct looking {
	struct detect_matcher *m;
	const struct event_record *record;
	size_t index;
	struct detect_piece *piece;
	struct event event;
	bool parsed, readable;
	struct str host, entity;
	bool named;
};

static bool parse(struct looking *l)
{
	if (!l->parsed)
		l->readable = event_parse_record(l->m->arena, l->record, &l->event, NULL) == 0;
	l->parsed = true;
	return l->readable;
}

static struct str json_of(struct looking *l)
{
	if (l->record->format == EVENT_FORMAT_JSON)
		return l->record->raw;
	return parse(l) ? event_json(l->m->arena, l->record->format, &l->event) : STR_EMPTY;
}

static struct detect_finding *add(struct looking *l)
{
	struct detect_piece *p = l->piece;
	if (p->count == p->capacity) {
		p->capacity = p->capacity > 0 ? p->capacity * 2 : 16;
		p->findings = mem_realloc_array(p->findings, p->capacity, sizeof *p->findings);
	}
	if (!l->named && parse(l)) {
		l->host = arena_str(p->arena, detect_host_of(&l->event));
		l->entity = detect_entity_of(p->arena, &l->event);
	}
	l->named = true;
	struct detect_finding *f = &p->findings[p->count++];
	*f = (struct detect_finding){.record = l->index, .host = l->host, .entity = l->entity, .count = 1};
	return f;
}

static void of_rule(const struct detect_rule *rule, uint32_t number, struct detect_finding *f)
{
	f->rule = number;
	f->rule_id = rule->info.id;
	f->title = rule->info.title;
	f->severity = rule->severity;
	f->file = rule->info.file;
	f->hash = str_c(rule->hash);
	f->tags = rule->info.tags;
	f->description = rule->info.description;
}

static void match_rules(struct looking *l, struct detect_seen *seen)
{
	const struct sigma_match *matches;
	struct detect_matcher *m = l->m;
	struct str json = json_of(l);
	bool measured = m->seen++ % MEASURED_EVERY == 0;
	if (measured)
		sigma_matcher_measure(m->sigma, true);
	int n = json.n > 0 ? sigma_matcher_run(m->sigma, json, &matches, NULL) : -EINVAL;
	if (measured)
		sigma_matcher_measure(m->sigma, false);
	if (n < 0)
		l->piece->unread++;
	for (int i = 0; i < n; i++) {
		struct detect_rule *rule = &m->rules->rules[matches[i].rule];
		sigma_matcher_capture(m->sigma, &matches[i], l->index, &l->piece->captured);
		if (matches[i].rule == m->rules->canary)
			seen->canary = true;
		if (rule->quiet)
			continue;
		(void)atomic_fetch_add_explicit(&rule->matches, 1, memory_order_relaxed);
		struct detect_finding *f = add(l);
		f->kind = DETECT_SIGMA;
		of_rule(rule, matches[i].rule, f);
	}
}

/* ---- indicators ---- */

static struct str severity_of(unsigned confidence)
{
	return confidence >= 80 ? STR("high") : confidence >= 40 ? STR("medium") : STR("low");
}

static void look_up(void *ctx, enum indicator_type type, struct str field, struct str value)
{
	struct looking *l = ctx;
	struct detect_piece *p = l->piece;
	struct indicator_hit hit;
	if (!indicator_find(l->m->rules->indicators, type, value, l->record->received, &hit))
		return;
	const char *name = indicator_type_name(type);
	hit.matched = str_sub(hit.matched, 0, 300);
	struct str entity = arena_printf(p->arena, "%s=%.*s", name, STR_FMT(hit.matched));
	/* The dictionary gives a value under two names. */
	for (size_t i = p->count; i > 0 && p->findings[i - 1].record == l->index; i--)
		if (p->findings[i - 1].kind == DETECT_INDICATOR && str_eq(p->findings[i - 1].entity, entity))
			return;
	p->indicator_hits++;
	struct detect_finding *f = add(l);
	f->kind = DETECT_INDICATOR;
	f->rule = UINT32_MAX;
	f->rule_id = arena_printf(p->arena, "indicator.%s", name);
	f->title = arena_printf(p->arena, "%.*s: %.*s", STR_FMT(hit.source), STR_FMT(hit.matched));
	f->severity = severity_of(hit.confidence);
	f->entity = entity;
	f->field = arena_str(p->arena, field);
	f->list = arena_str(p->arena, hit.source);
}

/* Clocks are judged by some of many: reading an event as a whole costs more than all rules do. */
static bool is_sample(const struct looking *l)
{
	return l->record->format != EVENT_FORMAT_JSON || l->index < SAMPLES_FIRST || l->index % SAMPLES_EVERY == 0;
}

static void note_seen(struct looking *l, struct detect_seen *seen)
{
	if (!(l->parsed || is_sample(l)) || !parse(l))
		return;
	struct str at = event_get(&l->event, "@timestamp");
	seen->read = true;
	if (at.p == NULL || clock_parse_iso(at, &seen->time, NULL) < 0)
		seen->time = 0;
	seen->unparsed = str_eq(event_get(&l->event, "event.parsed"), STR("false"));
}

void detect_match(struct detect_matcher *m, const struct event_record *record, size_t index, struct detect_seen *seen,
                  struct detect_piece *piece)
{
	struct looking l = {.m = m, .record = record, .index = index, .piece = piece};
	arena_clear(m->arena);
	match_rules(&l, seen);
	if (m->rules->indicators != NULL && parse(&l))
		detect_each_value(&l.event, look_up, &l);
	note_seen(&l, seen);
}

/* ---- why ---- */

static void put_field(struct json_writer *w, struct str field, struct str value)
{
	char text[WHY_BYTES];
	str_copy_c(value, text, sizeof text);
	json_object(w);
	json_member_str(w, "field", field);
	json_member_cstr(w, "value", text);
	json_object_end(w);
}

/* Tests that hold, below conditions that hold; what stands under "not" is no reason. */
static void put_reasons(struct json_writer *w, const struct json *node, unsigned *left)
{
	struct str kind = json_get_str(node, "kind", STR_EMPTY);
	if (*left == 0 || !json_get_bool(node, "holds", false) || str_eq_c(kind, "not"))
		return;
	if (!str_eq_c(kind, "test")) {
		json_each(child, json_get(node, "of"))
			put_reasons(w, child, left);
		return;
	}
	struct str field = json_get_str(node, "field", STR_EMPTY), test = json_get_str(node, "test", STR_EMPTY);
	const struct json *values = json_get(node, "values");
	if (field.n == 0)
		put_field(w, STR(""), test);
	else if (values != NULL && values->child != NULL && values->child->type == JSON_STRING)
		put_field(w, field, values->child->text);
	else
		return;
	--*left;
}

void detect_match_why(struct detect_matcher *m, const struct detect_finding *f, const struct event_record *record, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	struct looking l = {.m = m, .record = record};
	unsigned left = WHY_FIELDS;
	arena_clear(m->arena);
	json_array(&w);
	if (f->kind == DETECT_INDICATOR) {
		size_t equals = str_find_char(f->entity, '=');
		put_field(&w, f->field, str_sub(f->entity, equals + 1, f->entity.n));
	} else if (f->kind == DETECT_CORRELATION) {
		for (struct str rest = f->entity, line; str_split(&rest, '\n', &line) && left > 0; left--)
			put_field(&w, STR(""), line);
	} else {
		cleanup_buf struct buf text = BUF_INIT((size_t)4 << 20);
		const struct json *tree;
		if (sigma_explain(m->sigma, f->rule, json_of(&l), &text, NULL) == 0 && !text.overflow &&
		    json_parse(m->arena, buf_str(&text), &(struct json_limits){.depth = 200}, &tree, NULL) == 0)
			put_reasons(&w, json_get(tree, "condition"), &left);
	}
	json_array_end(&w);
}
