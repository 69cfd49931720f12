/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Correlations (C): for each group the matches of its window in order of their time. The window slides: at each match at t
 * it is (t - timespan, t]. A match that arrives late is put in its place, and every window it falls into is looked at again.
 */
#include <stdlib.h>

#include "base/clock/clock.h"
#include "engine/sigma/sigma_record.h"

#define GROUPS_DEFAULT 100000
#define ENTRIES_DEFAULT 10000
#define LATE_DEFAULT (5 * USEC_PER_MINUTE)

struct entry {
	int64_t time;
	uint64_t tag;
	uint64_t value_hash; /* of the value's text; 0: none */
	long double number;
	uint32_t position;
	bool has_number;
};

struct group {
	uint64_t hash;
	uint32_t correlation;
	struct str key;
	struct entry *entries; /* ascending */
	size_t count, capacity, first; /* first: entries before it are gone */
	int64_t alerted;       /* time of the last alert, or INT64_MIN */
	struct group *next_in_slot, *newer, *older;
};

struct sigma_correlator {
	struct sigma_ruleset *set;
	const struct sg_image *image;
	struct sigma_correlator_limits limits;
	struct group **slots;
	size_t slot_count, group_count;
	struct group *newest_group, *oldest_group;
	int64_t newest; /* event time */
	uint64_t *distinct; /* scratch of value_count */
	size_t distinct_capacity;
	long double *numbers; /* scratch of percentiles */
	size_t number_capacity;
	struct sigma_correlator_counters counters;
	void (*alert)(void *user, const struct sigma_alert *alert);
	void *user;
};

struct sigma_correlator *sigma_correlator_new(struct sigma_ruleset *set, const struct sigma_correlator_limits *limits)
{
	struct sigma_correlator *c = MEM_NEW(struct sigma_correlator);
	c->set = sigma_ruleset_ref(set);
	c->image = &set->image;
	if (limits != NULL)
		c->limits = *limits;
	if (c->limits.groups == 0)
		c->limits.groups = GROUPS_DEFAULT;
	if (c->limits.entries == 0)
		c->limits.entries = ENTRIES_DEFAULT;
	if (c->limits.late_usec == 0)
		c->limits.late_usec = LATE_DEFAULT;
	c->slot_count = 4096;
	c->slots = mem_alloc_array(c->slot_count, sizeof(struct group *));
	c->newest = INT64_MIN / 4;
	return c;
}

static void free_group(struct group *g)
{
	mem_free(g->entries);
	mem_free((void *)(uintptr_t)g->key.p);
	mem_free(g);
}

void sigma_correlator_free(struct sigma_correlator *c)
{
	if (c == NULL)
		return;
	for (struct group *g = c->newest_group, *older; g != NULL; g = older) {
		older = g->older;
		free_group(g);
	}
	mem_free(c->slots);
	mem_free(c->distinct);
	mem_free(c->numbers);
	(void)sigma_ruleset_unref(c->set);
	mem_free(c);
}

struct sigma_correlator_counters sigma_correlator_counters(const struct sigma_correlator *c)
{
	return c->counters;
}

/* ---- groups ---- */

static void unlink_group(struct sigma_correlator *c, struct group *g)
{
	*(g->newer != NULL ? &g->newer->older : &c->newest_group) = g->older;
	*(g->older != NULL ? &g->older->newer : &c->oldest_group) = g->newer;
}

static void link_newest(struct sigma_correlator *c, struct group *g)
{
	g->newer = NULL;
	g->older = c->newest_group;
	*(c->newest_group != NULL ? &c->newest_group->newer : &c->oldest_group) = g;
	c->newest_group = g;
}

static void drop_oldest(struct sigma_correlator *c)
{
	struct group *g = c->oldest_group, **at = &c->slots[g->hash & (c->slot_count - 1)];
	while (*at != g)
		at = &(*at)->next_in_slot;
	*at = g->next_in_slot;
	unlink_group(c, g);
	c->group_count--;
	c->counters.groups_dropped++;
	free_group(g);
}

static void grow_slots(struct sigma_correlator *c)
{
	size_t n = c->slot_count * 4;
	struct group **slots = mem_alloc_array(n, sizeof(struct group *));
	for (struct group *g = c->newest_group; g != NULL; g = g->older) {
		g->next_in_slot = slots[g->hash & (n - 1)];
		slots[g->hash & (n - 1)] = g;
	}
	mem_free(c->slots);
	c->slots = slots;
	c->slot_count = n;
}

static struct group *group_of(struct sigma_correlator *c, uint32_t correlation, struct str key)
{
	uint64_t hash = sg_hash(key.p, key.n) * 31 + correlation;
	struct group *g = c->slots[hash & (c->slot_count - 1)];
	while (g != NULL && (g->hash != hash || g->correlation != correlation || !str_eq(g->key, key)))
		g = g->next_in_slot;
	if (g != NULL) {
		unlink_group(c, g);
		link_newest(c, g);
		return g;
	}
	if (c->group_count == c->limits.groups)
		drop_oldest(c);
	if (c->group_count > c->slot_count)
		grow_slots(c);
	g = MEM_NEW(struct group);
	*g = (struct group){.hash = hash, .correlation = correlation, .key = {mem_strdup(key), key.n}, .alerted = INT64_MIN};
	g->next_in_slot = c->slots[hash & (c->slot_count - 1)];
	c->slots[hash & (c->slot_count - 1)] = g;
	link_newest(c, g);
	c->group_count++;
	return g;
}

/* ---- entries ---- */

static void make_room(struct sigma_correlator *c, struct group *g)
{
	if (g->count - g->first >= c->limits.entries) {
		g->first++;
		c->counters.entries_dropped++;
	}
	if (g->count < g->capacity)
		return;
	if (g->entries != NULL && g->first > g->capacity / 2) {
		(void)memmove(g->entries, g->entries + g->first, (g->count - g->first) * sizeof *g->entries);
		g->count -= g->first;
		g->first = 0;
		return;
	}
	g->capacity = g->capacity > 0 ? g->capacity * 2 : 4;
	g->entries = mem_realloc_array(g->entries, g->capacity, sizeof *g->entries);
}

/* Behind all of the same time or earlier; its index. */
static size_t insert(struct sigma_correlator *c, struct group *g, const struct entry *e)
{
	make_room(c, g);
	size_t at = g->count;
	while (at > g->first && g->entries[at - 1].time > e->time)
		at--;
	(void)memmove(g->entries + at + 1, g->entries + at, (g->count - at) * sizeof *g->entries);
	g->entries[at] = *e;
	g->count++;
	return at;
}

static void forget_before(struct group *g, int64_t time)
{
	while (g->first < g->count && g->entries[g->first].time <= time)
		g->first++;
	if (g->first == g->count)
		g->first = g->count = 0;
}

/* ---- conditions ---- */

static bool limits_hold(const struct sigma_correlator *c, const struct sg_correlation *row, long double value)
{
	for (uint32_t i = 0; i < row->limits.n; i++) {
		const struct sg_limit *limit = &c->image->limits[row->limits.at + i];
		bool holds = false;
		switch ((enum sigma_compare)limit->compare) {
		case SIGMA_COMPARE_GT:
			holds = value > limit->value;
			break;
		case SIGMA_COMPARE_GTE:
			holds = value >= limit->value;
			break;
		case SIGMA_COMPARE_LT:
			holds = value < limit->value;
			break;
		case SIGMA_COMPARE_LTE:
			holds = value <= limit->value;
			break;
		case SIGMA_COMPARE_EQ:
			holds = value == limit->value;
			break;
		case SIGMA_COMPARE_NEQ:
			holds = value != limit->value;
			break;
		case SIGMA_COMPARE__COUNT:
			break;
		}
		if (!holds)
			return false;
	}
	return true;
}

static size_t distinct_values(struct sigma_correlator *c, const struct entry *e, size_t n)
{
	size_t slots = 16, found = 0;
	while (slots < n * 2)
		slots *= 2;
	if (slots > c->distinct_capacity) {
		c->distinct_capacity = slots;
		c->distinct = mem_realloc_array(c->distinct, slots, sizeof *c->distinct);
	}
	(void)memset(c->distinct, 0, slots * sizeof *c->distinct);
	for (size_t i = 0; i < n; i++) {
		if (e[i].value_hash == 0)
			continue;
		size_t at = e[i].value_hash & (slots - 1);
		while (c->distinct[at] != 0 && c->distinct[at] != e[i].value_hash)
			at = (at + 1) & (slots - 1);
		found += c->distinct[at] == 0;
		c->distinct[at] = e[i].value_hash;
	}
	return found;
}

static int compare_numbers(const void *a, const void *b)
{
	long double x = *(const long double *)a, y = *(const long double *)b;
	return (x > y) - (x < y);
}

/* Rank by linear interpolation (docs/sigma.md, "value_percentile"). */
static long double percentile(long double *sorted, size_t n, double p)
{
	long double rank = (long double)p / 100 * (long double)(n - 1);
	size_t below = (size_t)rank;
	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (rank - (long double)below) * (sorted[below + 1] - sorted[below]);
}

static bool numbers_hold(struct sigma_correlator *c, const struct sg_correlation *row, const struct entry *e, size_t n)
{
	size_t count = 0;
	long double sum = 0;
	if (n > c->number_capacity) {
		c->number_capacity = n * 2;
		c->numbers = mem_realloc_array(c->numbers, c->number_capacity, sizeof *c->numbers);
	}
	for (size_t i = 0; i < n; i++)
		if (e[i].has_number) {
			c->numbers[count++] = e[i].number;
			sum += e[i].number;
		}
	if (count == 0)
		return false;
	if (row->type == SIGMA_CORRELATION_VALUE_SUM)
		return limits_hold(c, row, sum);
	if (row->type == SIGMA_CORRELATION_VALUE_AVG)
		return limits_hold(c, row, sum / (long double)count);
	qsort(c->numbers, count, sizeof *c->numbers, compare_numbers);
	double p = row->type == SIGMA_CORRELATION_VALUE_MEDIAN ? 50 : row->percentile;
	return limits_hold(c, row, percentile(c->numbers, count, p));
}

static bool text_holds(const uint32_t *word, uint64_t present)
{
	if (SG_KIND(*word) == SIGMA_NODE_PRED)
		return present >> SG_VALUE(*word) & 1;
	if (SG_KIND(*word) == SIGMA_NODE_NOT)
		return !text_holds(word + 1, present);
	bool any = SG_KIND(*word) == SIGMA_NODE_OR;
	const uint32_t *end = word + sg_size(*word);
	for (const uint32_t *child = word + 1; child < end; child += sg_size(*child))
		if (text_holds(child, present) == any)
			return any;
	return !any;
}

/* Matches at one and the same time may stand in either order. */
static bool in_order(const struct sg_correlation *row, const struct entry *e, size_t n)
{
	uint32_t wanted = 0;
	for (size_t i = 0; i < n;) {
		uint64_t now = 0;
		size_t from = i;
		for (; i < n && e[i].time == e[from].time; i++)
			now |= UINT64_C(1) << e[i].position;
		while (wanted < row->inputs && now >> wanted & 1)
			wanted++;
	}
	return wanted == row->inputs;
}

static bool temporal_holds(const struct sigma_correlator *c, const struct sg_correlation *row, const struct entry *e, size_t n)
{
	uint64_t present = 0;
	for (size_t i = 0; i < n; i++)
		present |= UINT64_C(1) << e[i].position;
	if (row->type == SIGMA_CORRELATION_TEMPORAL_ORDERED)
		return in_order(row, e, n);
	if (row->program.n > 0)
		return text_holds(c->image->program + row->program.at, present);
	int distinct = __builtin_popcountll(present);
	return row->limits.n > 0 ? limits_hold(c, row, distinct) : (uint32_t)distinct == row->inputs;
}

static bool window_holds(struct sigma_correlator *c, const struct sg_correlation *row, const struct entry *e, size_t n)
{
	switch ((enum sigma_correlation_type)row->type) {
	case SIGMA_CORRELATION_EVENT_COUNT:
		return limits_hold(c, row, (long double)n);
	case SIGMA_CORRELATION_VALUE_COUNT:
		return limits_hold(c, row, (long double)distinct_values(c, e, n));
	case SIGMA_CORRELATION_TEMPORAL:
	case SIGMA_CORRELATION_TEMPORAL_ORDERED:
		return temporal_holds(c, row, e, n);
	case SIGMA_CORRELATION_VALUE_SUM:
	case SIGMA_CORRELATION_VALUE_AVG:
	case SIGMA_CORRELATION_VALUE_PERCENTILE:
	case SIGMA_CORRELATION_VALUE_MEDIAN:
		return numbers_hold(c, row, e, n);
	case SIGMA_CORRELATION__COUNT:
		break;
	}
	return false;
}

/* ---- taking ---- */

static void take_part(struct sigma_correlator *c, const struct sg_feed *feed, struct str group, const struct entry *e);

static struct str nth_value(struct str key, uint32_t n)
{
	struct str value = STR_EMPTY;
	for (uint32_t i = 0; i <= n; i++)
		value = sg_take_value(&key);
	return value;
}

/* A correlation that holds is an event whose fields are its group-by values (C "chaining"). */
static void hand_on(struct sigma_correlator *c, uint32_t rule, struct str key, const struct entry *e)
{
	const struct sg_range *feeds = &c->image->rules[rule].feeds;
	for (uint32_t i = 0; i < feeds->n; i++) {
		const struct sg_feed *feed = &c->image->feeds[feeds->at + i];
		struct buf group cleanup_buf = BUF_INIT(1 << 20);
		struct buf value cleanup_buf = BUF_INIT(1 << 20);
		struct entry up = {.time = e->time, .tag = e->tag};
		bool complete = true;
		for (uint32_t k = 0; k < feed->group.n; k++) {
			uint32_t at = c->image->lists[feed->group.at + k];
			complete = complete && at != SG_NONE;
			sg_put_value(&group, at != SG_NONE ? nth_value(key, at) : STR_EMPTY);
		}
		for (uint32_t k = 0; k < feed->values.n && complete; k++) {
			uint32_t at = c->image->lists[feed->values.at + k];
			struct str one = at != SG_NONE ? nth_value(key, at) : STR_EMPTY;
			up.has_number = at != SG_NONE && sigma_number_parse(one, &up.number);
			sg_put_value(&value, one);
			up.value_hash = at != SG_NONE ? sg_hash(value.p, value.n) : 0;
		}
		if (complete)
			take_part(c, feed, buf_str(&group), &up);
	}
}

static void report(struct sigma_correlator *c, struct group *g, const struct sg_correlation *row, const struct entry *e, size_t n)
{
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	struct str rest = g->key;
	/* Level-triggered; told once a time span. */
	bool quiet = g->alerted != INT64_MIN && e->time >= g->alerted && e->time - g->alerted < row->timespan_usec;
	if (!quiet) {
		g->alerted = e->time;
		for (struct str value; (value = sg_take_value(&rest)).p != NULL;) {
			if (text.n > 0)
				buf_append_char(&text, '\n');
			buf_append(&text, value);
		}
		const struct sigma_alert alert = {.rule = row->rule, .tag = e->tag, .time_usec = e->time, .group = buf_str(&text), .count = n};
		c->alert(c->user, &alert);
	}
}

static void take_part(struct sigma_correlator *c, const struct sg_feed *feed, struct str key, const struct entry *given)
{
	const struct sg_correlation *row = &c->image->correlations[feed->correlation];
	struct entry e = *given;
	int64_t reach = row->timespan_usec + c->limits.late_usec;
	e.position = feed->position;
	if (e.time < c->newest - reach) {
		c->counters.late++;
		return;
	}
	struct group *g = group_of(c, feed->correlation, key);
	forget_before(g, c->newest - reach - row->timespan_usec);
	size_t at = insert(c, g, &e), low = g->first;
	for (size_t end = at; end < g->count && g->entries[end].time < e.time + row->timespan_usec; end++) {
		/* Several at one time share a window: it is judged once, at the last of them. */
		if (end + 1 < g->count && g->entries[end + 1].time == g->entries[end].time)
			continue;
		int64_t from = g->entries[end].time - row->timespan_usec;
		while (low < end && g->entries[low].time <= from)
			low++;
		if (!window_holds(c, row, g->entries + low, end - low + 1))
			continue;
		struct entry now = e;
		if (g->entries[end].time > now.time)
			now.time = g->entries[end].time;
		report(c, g, row, &now, end - low + 1);
		hand_on(c, row->rule, g->key, &now);
		return;
	}
}

static void take_record(struct sigma_correlator *c, const struct sg_record *record, struct str parts)
{
	for (uint32_t i = 0; i < record->parts && parts.n >= sizeof(struct sg_part); i++) {
		struct sg_part part;
		(void)memcpy(&part, parts.p, sizeof part);
		struct str group = str_sub(parts, sizeof part, sizeof part + part.group_bytes);
		struct str value = str_sub(parts, sizeof part + part.group_bytes, sizeof part + part.group_bytes + part.value_bytes);
		parts = str_sub(parts, sizeof part + part.group_bytes + part.value_bytes, parts.n);
		struct entry e = {.time = record->time_usec, .tag = record->tag};
		if (part.has_value) {
			struct str rest = value;
			e.value_hash = sg_hash(value.p, value.n);
			e.has_number = sigma_number_parse(sg_take_value(&rest), &e.number);
		}
		if (part.has_group)
			take_part(c, &c->image->feeds[part.feed], group, &e);
	}
}

void sigma_correlator_take(struct sigma_correlator *c, struct str records,
                           void (*alert)(void *user, const struct sigma_alert *alert), void *user)
{
	c->alert = alert;
	c->user = user;
	while (records.n >= sizeof(struct sg_record)) {
		struct sg_record record;
		(void)memcpy(&record, records.p, sizeof record);
		if (record.bytes < sizeof record || record.bytes > records.n)
			return;
		/* Without a time of its own a match counts as now. */
		if (!record.has_time)
			record.time_usec = c->newest > 0 ? c->newest : 0;
		if (record.time_usec > c->newest)
			c->newest = record.time_usec;
		c->counters.taken++;
		take_record(c, &record, str_sub(records, sizeof record, record.bytes));
		records = str_sub(records, record.bytes, records.n);
	}
}
