/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Correlations by the clauses of the correlation specification (C): an event a step, "time type group value", and where each holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/sigma/sigma.h"

#define BASE                                                                                       \
	"title: a\nname: a\nid: 11111111-1111-4111-8111-11111111111a\nlogsource: {category: c}\ndetection: {s: {t: a}, condition: s}\n---\n" \
	"title: b\nname: b\nlogsource: {category: c}\ndetection: {s: {t: b}, condition: s}\n---\n"  \
	"title: d\nname: d\nlogsource: {category: c}\ndetection: {s: {t: d}, condition: s}\n"
#define CORRELATION(text) "---\ntitle: x\nname: x\ncorrelation: {" text "}\n"

static const struct {
	const char *clause, *rules;
	/* Steps: seconds, type (a, b, d), group, value. The title of what alerts: letters at the steps' indices. */
	const char *steps, *alerts;
} cases[] = {
	{"event_count: at the third", CORRELATION("type: event_count, rules: [a], group-by: [g], timespan: 60s, condition: {gte: 3}"),
	 "0 a u 1;1 a u 1;2 a u 1", "x2 "},
	{"event_count: told once a time span", CORRELATION("type: event_count, rules: [a], group-by: [g], timespan: 60s, condition: {gte: 3}"),
	 "0 a u 1;1 a u 1;2 a u 1;3 a u 1;61 a u 1;62 a u 1", "x2 x5 "},
	{"event_count: other groups do not count", CORRELATION("type: event_count, rules: [a], group-by: [g], timespan: 60s, condition: {gte: 2}"),
	 "0 a u 1;1 a v 1;2 a u 1", "x2 "},
	{"event_count: outside the window", CORRELATION("type: event_count, rules: [a], group-by: [g], timespan: 10s, condition: {gte: 2}"),
	 "0 a u 1;11 a u 1;15 a u 1", "x2 "},
	{"event_count: a sliding window, no buckets", CORRELATION("type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}"),
	 "7 a u 1;9 a u 1;11 a u 1", "x2 "},
	{"event_count: by id, one text", CORRELATION("type: event_count, rules: 11111111-1111-4111-8111-11111111111A, timespan: 1m, condition: {gte: 2}"),
	 "0 a u 1;1 a v 1", "x1 "},
	{"event_count: several rules add up", CORRELATION("type: event_count, rules: [a, b], timespan: 1m, condition: {gte: 3}"),
	 "0 a u 1;1 b v 1;2 d u 1;3 a u 1", "x3 "},
	{"event_count: range of two", CORRELATION("type: event_count, rules: [a], timespan: 1m, condition: {gt: 1, lt: 3}"), "0 a u 1;1 a u 1;2 a u 1", "x1 "},
	{"event_count: eq", CORRELATION("type: event_count, rules: [a], timespan: 1h, condition: {eq: 1}"), "0 a u 1;1 a u 1", "x0 "},
	{"event_count: without the group field", CORRELATION("type: event_count, rules: [a], group-by: [h], timespan: 1h, condition: {gte: 1}"), "0 a u 1", ""},
	{"event_count: two group fields", CORRELATION("type: event_count, rules: [a], group-by: [g, v], timespan: 1h, condition: {gte: 2}"),
	 "0 a u 1;1 a u 2;2 a u 1", "x2 "},
	{"event_count: a late event counts", CORRELATION("type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}"), "0 a u 1;8 a u 1;4 a u 1", "x2 "},
	{"event_count: a late event far from the others", CORRELATION("type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}"),
	 "100 a u 1;101 a u 1;80 a u 1", ""},
	{"value_count", CORRELATION("type: value_count, rules: [a], group-by: [g], timespan: 1m, condition: {field: v, gte: 3}"),
	 "0 a u 1;1 a u 1;2 a u 2;3 a w 3;4 a u 3", "x4 "},
	{"value_count: a value leaves with its last match", CORRELATION("type: value_count, rules: [a], timespan: 10s, condition: {field: v, gte: 2}"),
	 "0 a u 1;11 a u 2;12 a u 2", ""},
	{"value_count: tuples", CORRELATION("type: value_count, rules: [a], timespan: 1m, condition: {field: [g, v], gte: 3}"),
	 "0 a u 1;1 a u 2;2 a u 1;3 a w 1", "x3 "},
	{"value_count: absent values", CORRELATION("type: value_count, rules: [a], timespan: 1m, condition: {field: none, gte: 1}"), "0 a u 1", ""},
	{"temporal: all, any order", CORRELATION("type: temporal, rules: [a, b], group-by: [g], timespan: 1m"), "0 b u 1;1 d u 1;2 a u 1", "x2 "},
	{"temporal: in one group", CORRELATION("type: temporal, rules: [a, b], group-by: [g], timespan: 1m"), "0 b u 1;2 a v 1", ""},
	{"temporal: that many rules", CORRELATION("type: temporal, rules: [a, b, d], timespan: 1m, condition: {gte: 2}"), "0 b u 1;1 b u 1;2 d u 1", "x2 "},
	{"temporal: a text", CORRELATION("type: temporal, timespan: 1m, condition: a and (b or d)"), "0 b u 1;1 d u 1;2 a u 1", "x2 "},
	{"temporal: a text with not", CORRELATION("type: temporal, timespan: 1m, condition: a and not b"), "0 b u 1;1 a u 1;62 a u 1", "x2 "},
	{"temporal_ordered", CORRELATION("type: temporal_ordered, rules: [a, b, d], timespan: 1m"), "0 a u 1;1 b u 1;2 d u 1", "x2 "},
	{"temporal_ordered: wrong order", CORRELATION("type: temporal_ordered, rules: [a, b, d], timespan: 1m"), "0 d u 1;1 b u 1;2 a u 1", ""},
	{"temporal_ordered: others in between", CORRELATION("type: temporal_ordered, rules: [a, b], timespan: 1m"), "0 b u 1;1 a u 1;2 d u 1;3 a u 1;4 b u 1", "x4 "},
	{"temporal_ordered: at one time", CORRELATION("type: temporal_ordered, rules: [a, b], timespan: 1m"), "0 b u 1;0 a u 1", "x1 "},
	{"value_sum", CORRELATION("type: value_sum, rules: [a], timespan: 1m, condition: {field: v, gt: 10}"), "0 a u 4;1 a u 6;2 a u n;3 a u 1", "x3 "},
	{"value_avg", CORRELATION("type: value_avg, rules: [a], timespan: 1m, condition: {field: v, gt: 5}"), "0 a u 1;1 a u 6;2 a u 9", "x2 "},
	{"value_median", CORRELATION("type: value_median, rules: [a], timespan: 1m, condition: {field: v, gte: 10}"), "0 a u 1;1 a u 10;2 a u 30", "x2 "},
	{"value_percentile: between two ranks", CORRELATION("type: value_percentile, rules: [a], timespan: 1m, condition: {field: v, gte: 19, percentile: 90}"),
	 "0 a u 10;1 a u 20", "x1 "},
	{"aliases", CORRELATION("type: temporal, rules: [a, b], group-by: [k], timespan: 1m, aliases: {k: {a: g, b: v}}"), "0 a 7 1;1 b u 7", "x1 "},
	{"chain: an inner one holds, then another rule, in one group",
	 CORRELATION("type: event_count, rules: [a], group-by: [g], timespan: 1m, condition: {gte: 2}") "---\ntitle: y\ncorrelation: {type: temporal_ordered, rules: [x, b], group-by: [g], timespan: 1m}\n",
	 "0 a u 1;1 a u 1;2 b w 1;3 b u 1", "x1 y3 "},
	{"generate: the rules alert themselves, too", CORRELATION("type: event_count, rules: [a], timespan: 1m, generate: true, condition: {gte: 2}"), "0 a u 1;1 a u 1", "a0 a1 x1 "},
};

struct run {
	struct sigma_ruleset *set;
	struct buf got;
};

static void on_alert(void *user, const struct sigma_alert *alert)
{
	struct run *r = user;
	buf_printf(&r->got, "%.*s%llu ", STR_FMT(sigma_ruleset_rule(r->set, alert->rule).title), (unsigned long long)alert->tag);
}

static struct sigma_ruleset *load(const char *rules, size_t refused, const char *key)
{
	struct sigma_loader *loader cleanup(sigma_loader) = sigma_loader_new(NULL);
	struct sigma_ruleset *set = NULL;
	struct buf text cleanup_buf = BUF_INIT(1 << 16);
	buf_printf(&text, "%s%s", BASE, rules);
	assert_int_equal(sigma_loader_add_text(loader, "r.yml", buf_str(&text), NULL), 0);
	assert_int_equal(sigma_loader_compile(loader, &set, NULL), 0);
	assert_int_equal(sigma_loader_refused_count(loader), refused);
	for (size_t i = 0; i < refused; i++)
		assert_string_equal(sigma_loader_refused(loader, i)->err.key, key);
	return set;
}

static void step(struct run *r, struct sigma_matcher *m, struct sigma_correlator *c, struct str text, uint64_t index)
{
	struct str part[4] = {{0}};
	struct buf event cleanup_buf = BUF_INIT(1000);
	struct buf records cleanup_buf = BUF_INIT(1 << 16);
	const struct sigma_match *matches;
	uint64_t seconds;
	for (size_t i = 0; i < 4; i++)
		assert_true(str_split(&text, ' ', &part[i]));
	assert_true(str_parse_u64(part[0], 0, 3600, &seconds));
	buf_printf(&event, "{\"@timestamp\":\"2024-07-15T10:%02u:%02uZ\",\"t\":\"%.*s\",\"g\":\"%.*s\",\"v\":\"%.*s\"}", (unsigned)(seconds / 60),
	           (unsigned)(seconds % 60), STR_FMT(part[1]), STR_FMT(part[2]), STR_FMT(part[3]));
	int n = sigma_matcher_run(m, buf_str(&event), &matches, NULL);
	assert_int_equal(n, 1);
	struct sigma_info info = sigma_ruleset_rule(r->set, matches[0].rule);
	sigma_matcher_capture(m, &matches[0], index, &records);
	if (records.n > 0 && !info.silent)
		buf_printf(&r->got, "%.*s%llu ", STR_FMT(info.title), (unsigned long long)index);
	sigma_correlator_take(c, buf_str(&records), on_alert, r);
}

static void by_clause(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run r = {.set = load(cases[i].rules, 0, NULL), .got = BUF_INIT(10000)};
		struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(r.set, NULL);
		struct sigma_correlator *c cleanup(sigma_correlator) = sigma_correlator_new(r.set, NULL);
		struct str rest = str_c(cases[i].steps), text;
		for (uint64_t index = 0; str_split(&rest, ';', &text); index++)
			step(&r, m, c, text, index);
		if (!str_eq_c(buf_str(&r.got), cases[i].alerts))
			fail_msg("%s: “%.*s”, not “%s”", cases[i].clause, STR_FMT(buf_str(&r.got)), cases[i].alerts);
		buf_done(&r.got);
		(void)sigma_ruleset_unref(r.set);
	}
}

static void bounds(void **state)
{
	(void)state;
	const struct sigma_correlator_limits limits = {.groups = 2, .entries = 3, .late_usec = 10000000};
	struct run r = {.set = load(CORRELATION("type: event_count, rules: [a], group-by: [g], timespan: 60s, condition: {gte: 4}"), 0, NULL), .got = BUF_INIT(10000)};
	struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(r.set, NULL);
	struct sigma_correlator *c cleanup(sigma_correlator) = sigma_correlator_new(r.set, &limits);
	static const char *const steps[] = {"100 a u 1", "101 a u 1", "102 a u 1", "103 a u 1", "104 a v 1", "105 a w 1", "1 a w 1"};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		step(&r, m, c, str_c(steps[i]), i);
	struct sigma_correlator_counters n = sigma_correlator_counters(c);
	assert_int_equal(n.taken, 7);
	assert_int_equal(n.entries_dropped, 1); /* the fourth of u */
	assert_int_equal(n.groups_dropped, 1);  /* u, when w came */
	assert_int_equal(n.late, 1);            /* more than 60 s + 10 s */
	assert_int_equal(r.got.n, 0);
	buf_done(&r.got);
	(void)sigma_ruleset_unref(r.set);
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *key;
		size_t count;
	} wrong[] = {
		{CORRELATION("type: nosuch, rules: [a], timespan: 1m"), "sigma.correlation_type", 1},
		{CORRELATION("type: event_count, rules: [a], timespan: 1m"), "sigma.correlation_condition", 1},
		{CORRELATION("type: event_count, rules: [a], timespan: 1q, condition: {gte: 1}"), "sigma.timespan", 1},
		{CORRELATION("type: event_count, rules: [a], condition: {gte: 1}"), "sigma.timespan", 1},
		{CORRELATION("type: event_count, rules: [nosuch], timespan: 1m, condition: {gte: 1}"), "sigma.correlation_reference", 1},
		{CORRELATION("type: event_count, rules: [], timespan: 1m, condition: {gte: 1}"), "sigma.names", 1},
		{CORRELATION("type: event_count, rules: [a], timespan: 1m, condition: {gte: x}"), "sigma.number", 1},
		{CORRELATION("type: value_count, rules: [a], timespan: 1m, condition: {gte: 1}"), "sigma.correlation_condition", 1},
		{CORRELATION("type: event_count, rules: [a], timespan: 1m, condition: {ge: 1}"), "sigma.correlation_key", 1},
		{CORRELATION("type: event_count, rule: [a], timespan: 1m, condition: {gte: 1}"), "sigma.correlation_key", 1},
		{CORRELATION("type: temporal, rules: [x], timespan: 1m"), "sigma.correlation_cycle", 1},
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct sigma_ruleset *set = load(wrong[i].rules, wrong[i].count, wrong[i].key);
		assert_int_equal(sigma_ruleset_count(set), 3);
		(void)sigma_ruleset_unref(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(by_clause), cmocka_unit_test(bounds), cmocka_unit_test(refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
