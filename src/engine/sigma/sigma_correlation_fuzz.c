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

static void on_alert(void *user, const struct sigma_alert *alert)
{
	assert(alert->tag < *(const uint64_t *)user && alert->count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sigma_ruleset *set;
	static struct sigma_matcher *m;
	const struct sigma_correlator_limits limits = {.groups = 3, .entries = 5, .late_usec = 20000000};
	const struct sigma_match *matches;
	if (set == NULL) {
		cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(NULL);
		if (sigma_loader_add_text(loader, "x", STR(rules), NULL) < 0 || sigma_loader_compile(loader, &set, NULL) < 0)
			abort();
		assert(sigma_loader_refused_count(loader) == 0);
		m = sigma_matcher_new(set, NULL);
	}
	cleanup(sigma_correlator) struct sigma_correlator *c = sigma_correlator_new(set, &limits);
	for (uint64_t i = 0; i < size / 2 && i < 500; i++) {
		struct buf event cleanup_buf = BUF_INIT(1000);
		struct buf records cleanup_buf = BUF_INIT(1 << 16);
		uint64_t tag = i + 1;
		buf_printf(&event, "{\"t\":\"%c\",\"g\":%u,\"t2\":%u,\"ts\":%u}", 'a' + (data[i * 2] & 1), data[i * 2] >> 1 & 7u, data[i * 2] >> 4 & 15u,
		           1700000000u + data[i * 2 + 1]);
		int n = sigma_matcher_run(m, buf_str(&event), &matches, NULL);
		assert(n == 1);
		sigma_matcher_capture(m, &matches[0], i, &records);
		sigma_correlator_take(c, buf_str(&records), on_alert, &tag);
	}
	return 0;
}
