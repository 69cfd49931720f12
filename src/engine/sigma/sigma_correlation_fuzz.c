/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Matches in any order, at any time, of any group: two bytes a match. Alerts come only for matches that were handed in. */
#include <assert.h>
#include <stdlib.h>

#include "engine/sigma/sigma.h"

static const char rules[] =
	"title: a\nname: a\nlogsource: {category: c}\ndetection: {s: {t: a}, condition: s}\n---\n"
	"title: b\nname: b\nlogsource: {category: c}\ndetection: {s: {t: b}, condition: s}\n---\n"
	"title: n\nname: n\ncorrelation: {type: event_count, rules: [a, b], group-by: [g], timespan: 10s, condition: {gte: 3}}\n---\n"
	"title: v\ncorrelation: {type: value_count, rules: a, timespan: 1m, condition: {field: g, gte: 2, lt: 4}}\n---\n"
	"title: o\ncorrelation: {type: temporal_ordered, rules: [a, b, n], group-by: [g], timespan: 30s}\n---\n"
	"title: p\ncorrelation: {type: value_percentile, rules: [a, b], timespan: 20s, condition: {field: t2, gt: 3, percentile: 90}}\n";

/* An event is two bytes; what its match leaves is made once, so that runs are spent on the correlator. The bytes are its tag. */
static struct buf records[65536];
static bool taken[65536];

static void on_alert(void *user, const struct sigma_alert *alert)
{
	(void)user;
	assert(alert->tag < ARRAY_LEN(taken) && taken[alert->tag] && alert->count > 0);
}

static struct str record_of(struct sigma_matcher *m, unsigned what)
{
	struct buf event cleanup_buf = BUF_INIT(1000);
	const struct sigma_match *matches;
	unsigned first = what >> 8;
	if (records[what].n > 0)
		return buf_str(&records[what]);
	buf_printf(&event, "{\"t\":\"%c\",\"g\":%u,\"t2\":%u,\"ts\":%u}", (first & 1) != 0 ? 'b' : 'a', first >> 1 & 7u, first >> 4 & 15u,
	           1700000000u + (what & 255u));
	int n = sigma_matcher_run(m, buf_str(&event), &matches, NULL);
	assert(n == 1);
	records[what] = BUF_INIT(1 << 16);
	sigma_matcher_capture(m, &matches[0], what, &records[what]);
	return buf_str(&records[what]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sigma_ruleset *set;
	static struct sigma_matcher *m;
	const struct sigma_correlator_limits limits = {.groups = 3, .entries = 5, .late_usec = 20000000};
	if (set == NULL) {
		cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(NULL);
		if (sigma_loader_add_text(loader, "x", STR(rules), NULL) < 0 || sigma_loader_compile(loader, &set, NULL) < 0)
			abort();
		assert(sigma_loader_refused_count(loader) == 0);
		m = sigma_matcher_new(set, NULL);
	}
	cleanup(sigma_correlator) struct sigma_correlator *c = sigma_correlator_new(set, &limits);
	memset(taken, 0, sizeof taken);
	for (size_t i = 0; i < size / 2 && i < 300; i++) {
		unsigned what = (unsigned)data[i * 2] << 8 | data[i * 2 + 1];
		taken[what] = true;
		sigma_correlator_take(c, record_of(m, what), on_alert, NULL);
	}
	return 0;
}
