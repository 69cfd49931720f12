/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * One event: fields, log source, the fields whose predicates wake rules, then the conditions of the rules that woke.
 * Other fields are searched when a condition asks for them.
 */
#include <time.h>

#include "engine/sigma/sigma_run.h"

struct sigma_matcher *sigma_matcher_new(struct sigma_ruleset *set, const struct sigma_source *source)
{
	const struct sg_image *image = &set->image;
	size_t rules = image->rules_count;
	struct sigma_matcher *m = MEM_NEW(struct sigma_matcher);
	m->set = sigma_ruleset_ref(set);
	m->image = image;
	m->slots = mem_alloc_array(image->fields_count, sizeof *m->slots);
	m->scanned = mem_alloc_array(image->fields_count, sizeof *m->scanned);
	m->fired = mem_alloc_array(image->preds_count / 64 + 1, sizeof *m->fired);
	m->touched = mem_alloc_array(image->preds_count, sizeof *m->touched);
	m->seen = mem_alloc_array(rules, sizeof *m->seen);
	m->woken = mem_alloc_array(rules, sizeof *m->woken);
	m->matches = mem_alloc_array(rules, sizeof *m->matches);
	m->costs = mem_alloc_array(rules, sizeof *m->costs);
	m->memo = mem_alloc_array(SG_MEMO_ENTRIES, sizeof *m->memo);
	m->ring = mem_alloc_array(SG_MEMO_RING, 1);
	m->regex_scratch = sigma_regex_scratch_new();
	if (set->scratch != NULL && hs_clone_scratch(set->scratch, &m->scratch) != HS_SUCCESS)
		m->scratch = NULL;
	struct sg_attributes a = {.category_count = 0};
	if (source != NULL) {
		a.lenient = source->lenient;
		a.by_presence = source->by_presence;
		a.product = source->product.n > 0 ? source->product : STR_EMPTY;
		a.service = source->service.n > 0 ? source->service : STR_EMPTY;
		a.category_known = source->category.n > 0;
		a.categories[0] = source->category;
		a.category_count = a.category_known;
	}
	sg_route_fill(set, &a, &m->told);
	return m;
}

void sigma_matcher_free(struct sigma_matcher *m)
{
	if (m == NULL)
		return;
	sg_route_done(&m->told);
	(void)hs_free_scratch(m->scratch);
	sigma_regex_scratch_free(m->regex_scratch);
	void *const parts[] = {m->quotes, m->slots, m->scanned, m->values, m->fired, m->touched, m->seen, m->woken,
	                       m->matches, m->costs, m->folded[0].p, m->folded[1].p, m->raw[0].p, m->raw[1].p, m->all.p, m->memo, m->ring};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		mem_free(parts[i]);
	(void)sigma_ruleset_unref(m->set);
	mem_free(m);
}

static inline void fire(struct sigma_matcher *m, uint32_t pred)
{
	uint64_t bit = UINT64_C(1) << (pred % 64);
	if (m->fired[pred / 64] & bit)
		return;
	m->fired[pred / 64] |= bit;
	m->touched[m->touched_count++] = pred;
}

static int on_fire(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
	(void)from;
	(void)to;
	(void)flags;
	fire(user, id);
	return 0;
}

static void search(struct sigma_matcher *m, uint32_t db, struct str text)
{
	if (db != SG_NONE)
		(void)hs_scan(m->set->databases[db], text.p, (unsigned)text.n, 0, m->scratch, on_fire, m);
}

static void find_exact(struct sigma_matcher *m, const struct sg_field *field, struct str text)
{
	const struct sg_image *image = m->image;
	uint32_t hash = sg_hash32(text.p, text.n), mask = field->exact.n - 1;
	for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
		const struct sg_exact *e = &image->exacts[field->exact.at + at];
		if (e->hash == 0)
			return;
		if (e->hash == hash && e->text.n == text.n && memcmp(image->text + e->text.at, text.p, text.n) == 0)
			fire(m, e->pred);
	}
}

static void find_number(struct sigma_matcher *m, const struct sg_field *field, struct str text)
{
	const struct sg_number *rows = m->image->numbers + field->numbers.at;
	uint32_t low = 0, high = field->numbers.n;
	long double value;
	if (!sigma_number_parse(text, &value))
		return;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (rows[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < field->numbers.n && rows[low].value == value; low++)
		fire(m, rows[low].pred);
}

/* Each length in use is looked up while the hash grows over the text from one end. */
static void find_ends(struct sigma_matcher *m, const struct sg_ends *ends, struct str text, bool backwards)
{
	const struct sg_image *image = m->image;
	uint32_t mask = ends->table.n - 1;
	size_t most = text.n < ends->longest ? text.n : ends->longest;
	uint64_t h = 0;
	for (size_t n = 1; n <= most; n++) {
		h = sg_roll(h, text.p[backwards ? text.n - n : n - 1]);
		if (!(ends->lengths[n / 64] >> (n % 64) & 1))
			continue;
		uint32_t hash = sg_rolled(h);
		for (uint32_t at = hash >> 1 & mask;; at = (at + 1) & mask) {
			const struct sg_exact *e = &image->exacts[ends->table.at + at];
			if (e->hash == 0)
				break;
			if (e->hash == hash && e->text.n == n &&
			    memcmp(image->text + e->text.at, backwards ? text.p + text.n - n : text.p, n) == 0)
				fire(m, e->pred);
		}
	}
}

static void find_windows(struct sigma_matcher *m, const struct sg_windows *windows, struct str text)
{
	const struct sg_image *image = m->image;
	const uint64_t *bits = image->words + windows->bits.at;
	uint64_t leaving = 1; /* the factor of the byte that leaves: the prime to the power of the window less one */
	uint32_t mask = windows->table.n - 1;
	if (text.n < SG_WINDOW_BYTES)
		return;
	for (unsigned i = 1; i < SG_WINDOW_BYTES; i++)
		leaving *= SG_WINDOW_PRIME;
	uint64_t h = sg_window_first(text.p);
	for (size_t at = 0;; at++) {
		if (bits[(h >> 48) / 64] >> ((h >> 48) % 64) & 1) {
			uint32_t hash = sg_rolled(h);
			for (uint32_t slot = hash >> 1 & mask; image->exacts[windows->table.at + slot].hash != 0; slot = (slot + 1) & mask) {
				const struct sg_exact *e = &image->exacts[windows->table.at + slot];
				if (e->hash == hash && e->text.n <= text.n - at && memcmp(image->text + e->text.at, text.p + at, e->text.n) == 0)
					fire(m, e->pred);
			}
		}
		if (at + SG_WINDOW_BYTES == text.n)
			return;
		h = (h - (unsigned char)text.p[at] * leaving) * SG_WINDOW_PRIME + (unsigned char)text.p[at + SG_WINDOW_BYTES];
	}
}

static void search_tables(struct sigma_matcher *m, const struct sg_field *field, struct str folded)
{
	if (field->exact.n > 0 && folded.n <= field->exact_longest)
		find_exact(m, field, folded);
	if (field->numbers.n > 0)
		find_number(m, field, folded);
	if (field->begins.table.n > 0)
		find_ends(m, &field->begins, folded, false);
	if (field->ends.table.n > 0)
		find_ends(m, &field->ends, folded, true);
}

static void search_value(struct sigma_matcher *m, const struct sg_field *field, const struct sg_value *v, uint32_t engines)
{
	if (engines & (SG_ENGINE_TABLES | SG_ENGINE_FOLDED)) {
		struct str folded = sg_decode_folded(m, v, 0);
		if (engines & SG_ENGINE_TABLES)
			search_tables(m, field, folded);
		if (engines & SG_ENGINE_FOLDED) {
			search(m, field->folded_db, folded);
			if (field->windows.bits.n > 0)
				find_windows(m, &field->windows, folded);
		}
	}
	if (engines & SG_ENGINE_RAW && field->raw_db != SG_NONE)
		search(m, field->raw_db, sg_decode_raw(m, v, 0));
}

/* Below this a search costs less than looking first. */
#define PROBE_BYTES_MIN 100

/*
 * Whether Hyperscan could find something in the value that wakes a rule. What it would find besides is searched when a rule
 * asks. An object's text is searched without the blanks between its parts.
 */
static bool worth_searching(const struct sigma_matcher *m, const struct sg_probe *probe, const struct sg_value *v)
{
	return probe == NULL || m->hides || v->n < PROBE_BYTES_MIN || v->type == SG_VALUE_OBJECT ||
	       sg_probe_hits(probe, m->image->text, v->p, v->n);
}

/* Searches one value by these engines, but by Hyperscan only when the probe does not rule it out; the engines that ran. */
static uint32_t look_and_search(struct sigma_matcher *m, uint32_t field, const struct sg_value *v, uint32_t engines, const struct sg_probe *probe)
{
	if (engines & SG_ENGINE_FOLDED && !worth_searching(m, probe, v))
		engines &= ~(uint32_t)SG_ENGINE_FOLDED;
	search_value(m, &m->image->fields[field], v, engines);
	return engines;
}

static bool remembers(const struct sigma_matcher *m, const struct sg_memo *memo, uint64_t hash, uint32_t field, const struct sg_value *v,
                      uint32_t engines, const struct sg_probe *probe)
{
	return memo->hash == hash && memo->field == field && memo->n == v->n && memo->type == v->type && memo->wanted == engines && memo->probe == probe &&
	       m->ring_written - memo->at <= SG_MEMO_RING && memcmp(m->ring + memo->at % SG_MEMO_RING, v->p, v->n) == 0;
}

/* As look_and_search, for values short enough to be remembered. A predicate that another value of the field has fired already
 * is not seen to fire again, so only the value of a field that has no other is remembered. */
static uint32_t recall_value(struct sigma_matcher *m, uint32_t field, const struct sg_value *v, uint32_t engines, const struct sg_probe *probe)
{
	uint64_t hash = sg_hash(v->p, v->n) + (field << 3 | engines) * UINT64_C(0x9e3779b97f4a7c15);
	struct sg_memo *memo = &m->memo[hash >> 7 & (SG_MEMO_ENTRIES - 1)];
	if (remembers(m, memo, hash, field, v, engines, probe)) {
		for (unsigned i = 0; i < memo->fired_count; i++)
			fire(m, memo->fired[i]);
		return memo->done;
	}
	size_t before = m->touched_count;
	uint32_t done = look_and_search(m, field, v, engines, probe);
	size_t fired = m->touched_count - before;
	if (fired > SG_MEMO_FIRED)
		return done;
	/* No value crosses the ring's end. */
	size_t left = SG_MEMO_RING - m->ring_written % SG_MEMO_RING;
	m->ring_written += left < v->n ? left : 0;
	*memo = (struct sg_memo){.hash = hash, .at = m->ring_written, .probe = probe, .field = field, .n = (uint16_t)v->n, .type = (uint8_t)v->type,
	                         .fired_count = (uint8_t)fired, .wanted = (uint8_t)engines, .done = (uint8_t)done};
	(void)memcpy(m->ring + m->ring_written % SG_MEMO_RING, v->p, v->n);
	m->ring_written += v->n;
	for (size_t i = 0; i < fired; i++)
		memo->fired[i] = m->touched[before + i];
	return done;
}

static void search_field(struct sigma_matcher *m, uint32_t index, uint32_t engines, const struct sg_probe *probe)
{
	const struct sg_slot *slot = sg_slot_of(m, index);
	struct sg_done *done = &m->scanned[index];
	if (done->epoch != m->epoch)
		*done = (struct sg_done){.epoch = m->epoch};
	engines &= ~done->engines;
	if (slot == NULL || engines == 0) {
		done->engines |= engines;
		return;
	}
	uint32_t ran = engines;
	for (uint32_t i = slot->first; i != SG_NONE; i = m->values[i].next) {
		const struct sg_value *v = &m->values[i];
		if (v->type == SG_VALUE_NULL || v->type == SG_VALUE_EMPTY)
			continue;
		bool alone = slot->first == slot->last && v->n <= SG_MEMO_BYTES;
		ran &= alone ? recall_value(m, index, v, engines, probe) : look_and_search(m, index, v, engines, probe);
	}
	done->engines |= ran;
}

bool sg_fired(struct sigma_matcher *m, uint32_t index)
{
	const struct sg_pred *pred = &m->image->preds[index];
	if (pred->engine == 0)
		return sg_test(m, pred);
	if (sg_has(m->fired, index))
		return true;
	if (pred->field == SG_NONE)
		return false;
	const struct sg_done *done = &m->scanned[pred->field];
	if (done->epoch == m->epoch && (done->engines & pred->engine))
		return false;
	search_field(m, pred->field, pred->engine, NULL);
	return sg_has(m->fired, index);
}

/* What could hide a text from a search of the raw bytes: an escape by number, and the two letters outside ASCII that fold
 * into ASCII (the Kelvin sign U+212A: E2 84 AA, the long s U+017F: C5 BF). */
static bool may_hide(const struct sigma_matcher *m)
{
	const char *p = m->json.p, *end = p + m->json.n;
	if (m->has_codes || !m->has_letters)
		return m->has_codes;
	for (const char *at = p; (at = memchr(at, '\xe2', (size_t)(end - at))) != NULL; at++)
		if (end - at >= 3 && at[1] == '\x84' && at[2] == '\xaa')
			return true;
	for (const char *at = p; (at = memchr(at, '\xc5', (size_t)(end - at))) != NULL; at++)
		if (end - at >= 2 && at[1] == '\xbf')
			return true;
	return false;
}

/* Depth is bounded by the parser's limits. */
bool sg_program_holds(struct sigma_matcher *m, const uint32_t *word)
{
	switch (SG_KIND(*word)) {
	case SIGMA_NODE_PRED:
		return sg_fired(m, SG_VALUE(*word));
	case SIGMA_NODE_NOT:
		return !sg_program_holds(m, word + 1);
	case SIGMA_NODE_AND:
	case SIGMA_NODE_OR:
		break;
	}
	bool any = SG_KIND(*word) == SIGMA_NODE_OR;
	const uint32_t *end = word + sg_size(*word);
	for (const uint32_t *child = word + 1; child < end; child += sg_size(*child))
		if (sg_program_holds(m, child) == any)
			return any;
	return !any;
}

struct gather {
	struct sigma_matcher *m;
	size_t n;
	uint32_t raw_db;
};

static void gather_value(void *user, const struct sg_value *v)
{
	struct gather *g = user;
	if (v->type == SG_VALUE_NULL)
		return;
	if (g->raw_db != SG_NONE)
		search(g->m, g->raw_db, sg_decode_raw(g->m, v, 0));
	struct str folded = sg_decode_folded(g->m, v, 0);
	sg_grow_text(&g->m->all, g->n + folded.n + 64);
	if (folded.n > 0)
		(void)memcpy(g->m->all.p + g->n, folded.p, folded.n);
	g->n += folded.n;
	g->m->all.p[g->n++] = (char)0xff;
}

/* Keywords stand in any value (R "Keywords"). The raw bytes are searched first; only where something could be there are all
 * values decoded, into one buffer with a byte between them that no text has. */
static void search_keywords(struct sigma_matcher *m, const struct sg_keywords *k)
{
	struct gather g = {.m = m, .raw_db = k->raw_db};
	if (!k->always_full && !m->hides && !sg_probe_hits(&k->probe, m->image->text, m->json.p, m->json.n))
		return;
	sg_grow_text(&m->all, 64);
	m->all.p[g.n++] = (char)0xff;
	sg_scan_scalars(m, gather_value, &g);
	search(m, k->folded_db, str_n(m->all.p, g.n));
}

/* ---- log source ---- */

static struct str first_text(struct sigma_matcher *m, uint32_t field, bool folded, unsigned which)
{
	const struct sg_slot *slot = sg_slot_of(m, field);
	for (uint32_t i = slot != NULL ? slot->first : SG_NONE; i != SG_NONE; i = m->values[i].next)
		if (m->values[i].type != SG_VALUE_NULL && m->values[i].type != SG_VALUE_EMPTY)
			return folded ? sg_decode_folded(m, &m->values[i], which) : sg_decode_raw(m, &m->values[i], which);
	return STR_EMPTY;
}

static const struct sg_route *channel_route(struct sigma_matcher *m, struct str channel)
{
	const struct sigma_ruleset *set = m->set;
	uint64_t hash = sg_hash(channel.p, channel.n);
	size_t last = m->image->channels_count - 1, i = 0;
	while (i < last && (set->channels[i].hash != hash || !str_eq(set->channels[i].name, channel)))
		i++;
	const struct sg_channel_route *c = &set->channels[i];
	long double id;
	if (c->kind_count == 0 || !sigma_number_parse(first_text(m, m->image->known[0].event_id, false, 0), &id))
		return &set->routes[c->route];
	for (uint32_t k = 0; k < c->kind_count; k++) {
		const struct sg_kind *kind = &set->kinds[c->first_kind + k];
		if ((long double)kind->event_id != id)
			continue;
		if (kind->when_field == SG_NONE || str_eq(first_text(m, kind->when_field, true, 0), kind->when_value))
			return &set->routes[kind->route];
	}
	return &set->routes[c->route];
}

static const struct sg_route *detected_route(struct sigma_matcher *m)
{
	const struct sg_image *image = m->image;
	for (uint32_t i = 0; i < image->detects_count; i++) {
		const struct sg_detect *d = &image->detects[i];
		bool holds = d->service_field == SG_NONE || sg_slot_of(m, d->service_field) != NULL;
		for (uint32_t k = 0; k < d->present.n && holds; k++)
			holds = sg_slot_of(m, image->lists[d->present.at + k]) != NULL;
		if (!holds)
			continue;
		struct str service = d->service_field != SG_NONE ? first_text(m, d->service_field, true, 0) : STR_EMPTY;
		for (size_t s = 0; s < m->set->service_count; s++)
			if (m->set->services[s].detect == i && str_eq(m->set->services[s].service, service))
				return &m->set->routes[m->set->services[s].route];
		return &m->set->routes[m->set->detect_routes[i]];
	}
	return &m->told;
}

static void find_route(struct sigma_matcher *m)
{
	struct str channel = first_text(m, m->image->known[0].channel, true, 0);
	m->route = channel.n > 0 ? channel_route(m, channel) : detected_route(m);
	for (uint32_t i = 0; i < m->route->aliases.n; i++) {
		const struct sg_alias *alias = &m->image->aliases[m->route->aliases.at + i];
		const struct sg_slot *from = sg_slot_of(m, alias->from);
		if (from != NULL && sg_slot_of(m, alias->field) == NULL) {
			m->slots[alias->field] = *from;
			m->slots[alias->field].rank = SG_RANK_ALIAS;
		}
	}
}

/* ---- one event ---- */

static void forget(struct sigma_matcher *m)
{
	for (size_t i = 0; i < m->touched_count; i++)
		m->fired[m->touched[i] / 64] = 0;
	m->touched_count = m->woken_count = m->match_count = m->value_count = 0;
	if (++m->epoch != 0)
		return;
	/* After 2^32 events old marks could be taken for new ones. */
	(void)memset(m->slots, 0, m->image->fields_count * sizeof *m->slots);
	(void)memset(m->scanned, 0, m->image->fields_count * sizeof *m->scanned);
	(void)memset(m->seen, 0, m->image->rules_count * sizeof *m->seen);
	m->epoch = 1;
}

int sg_prepare(struct sigma_matcher *m, struct str json, struct err *err)
{
	forget(m);
	m->json = json;
	m->counters.events++;
	if (json.n > SIGMA_EVENT_BYTES_MAX)
		return err_set(err, -E2BIG, "sigma.event_too_big", ARG_U64("limit", SIGMA_EVENT_BYTES_MAX));
	int r = sg_scan(m, err);
	if (r < 0)
		return r;
	find_route(m);
	return 0;
}

static void wake(struct sigma_matcher *m)
{
	const struct sg_image *image = m->image;
	const struct sg_route *route = m->route;
	for (size_t i = 0; i < m->touched_count; i++) {
		uint32_t pred = m->touched[i];
		for (uint32_t t = image->trigger_at[pred]; t < image->trigger_at[pred + 1]; t++) {
			uint32_t rule = image->triggers[t];
			if (!sg_has(route->rules, rule) || m->seen[rule] == m->epoch)
				continue;
			m->seen[rule] = m->epoch;
			m->woken[m->woken_count++] = rule;
		}
	}
}

static uint64_t now_nsec(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void judge(struct sigma_matcher *m, uint32_t rule)
{
	uint64_t begun = m->measure ? now_nsec() : 0;
	bool holds = sg_program_holds(m, m->image->program + m->image->rules[rule].program.at);
	m->counters.candidates++;
	if (holds) {
		/* Ascending; there are few. */
		size_t at = m->match_count++;
		for (; at > 0 && m->matches[at - 1].rule > rule; at--)
			m->matches[at] = m->matches[at - 1];
		m->matches[at].rule = rule;
	}
	if (m->measure) {
		m->costs[rule].evaluated++;
		m->costs[rule].matched += holds;
		m->costs[rule].nsec += now_nsec() - begun;
	}
}

int sigma_matcher_run(struct sigma_matcher *m, struct str json, const struct sigma_match **ret, struct err *err)
{
	int r = sg_prepare(m, json, err);
	*ret = m->matches;
	if (r < 0)
		return r;
	const struct sg_route *route = m->route;
	m->hides = may_hide(m);
	for (size_t i = 0; i < route->field_count; i++)
		search_field(m, route->fields[i].field, route->fields[i].engines, route->fields[i].probe);
	for (size_t i = 0; i < route->keyword_count; i++)
		search_keywords(m, &m->image->keywords[route->keywords[i]]);
	wake(m);
	for (size_t i = 0; i < m->woken_count; i++)
		judge(m, m->woken[i]);
	for (size_t i = 0; i < route->always_count; i++)
		judge(m, route->always[i]);
	m->counters.matches += m->match_count;
	return (int)m->match_count;
}

int sigma_matcher_scan_only(struct sigma_matcher *m, struct str json, struct err *err)
{
	return sg_prepare(m, json, err);
}

struct str sigma_matcher_field(struct sigma_matcher *m, struct str field)
{
	for (uint32_t i = 0; i < m->image->fields_count; i++)
		if (str_eq(sg_str(m->image, m->image->fields[i].name), field))
			return first_text(m, i, false, 1);
	return STR_EMPTY;
}

struct sigma_matcher_counters sigma_matcher_counters(const struct sigma_matcher *m)
{
	return m->counters;
}

void sigma_matcher_measure(struct sigma_matcher *m, bool on)
{
	m->measure = on;
}

struct sigma_cost sigma_matcher_cost(const struct sigma_matcher *m, uint32_t rule)
{
	return m->costs[rule];
}
