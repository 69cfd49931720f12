/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Requests by kind of route and status, and how long they took. */
#include <stdatomic.h>
#include <stdio.h>

#include "service/metrics/metrics_internal.h"
#include "service/metrics/openmetrics.h"

#define STATUS_FIRST 100
#define STATUS_COUNT 500

static const struct {
	usec_t most;
	const char *text;
} buckets[] = {
	{5000, "0.005"}, {10000, "0.01"}, {25000, "0.025"}, {50000, "0.05"},   {100000, "0.1"},  {250000, "0.25"},
	{500000, "0.5"}, {1000000, "1.0"}, {2500000, "2.5"}, {5000000, "5.0"}, {10000000, "10.0"}, {INT64_MAX, "+Inf"},
};

static const char *const route_names[METRICS_ROUTE__COUNT] = {
	[METRICS_ROUTE_API] = "api",
	[METRICS_ROUTE_AGENT] = "agent",
	[METRICS_ROUTE_PAGE] = "page",
};

struct metrics_meter {
	atomic_uint_fast64_t status[METRICS_ROUTE__COUNT][STATUS_COUNT];
	atomic_uint_fast64_t took[METRICS_ROUTE__COUNT][ARRAY_LEN(buckets)], sum_usec[METRICS_ROUTE__COUNT];
};

struct metrics_meter *metrics_meter_new(void)
{
	return MEM_NEW(struct metrics_meter);
}

void metrics_meter_free(struct metrics_meter *m)
{
	mem_free(m);
}

void metrics_meter_note(struct metrics_meter *m, enum metrics_route route, int status, usec_t took)
{
	size_t bucket = 0;
	int place = status - STATUS_FIRST;
	took = took > 0 ? took : 0;
	while (took > buckets[bucket].most)
		bucket++;
	atomic_fetch_add_explicit(&m->status[route][place >= 0 && place < STATUS_COUNT ? place : STATUS_COUNT - 1], 1,
	                          memory_order_relaxed);
	atomic_fetch_add_explicit(&m->took[route][bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->sum_usec[route], (uint64_t)took, memory_order_relaxed);
}

static double value_of(atomic_uint_fast64_t *counter)
{
	return (double)atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_meter_write(struct metrics_meter *m, struct buf *out)
{
	const char *name = "luytre_http_requests", *time = "luytre_http_request_duration_seconds";
	openmetrics_family(out, name, OPENMETRICS_COUNTER, NULL, "Requests answered, by kind of route and status.");
	for (size_t r = 0; r < METRICS_ROUTE__COUNT; r++) {
		for (int s = 0; s < STATUS_COUNT; s++) {
			char code[16];
			(void)snprintf(code, sizeof code, "%d", s + STATUS_FIRST);
			if (value_of(&m->status[r][s]) > 0)
				openmetrics_sample(out, name, "_total",
				                   OPENMETRICS_LABELS({"route", str_c(route_names[r])}, {"status", str_c(code)}),
				                   value_of(&m->status[r][s]));
		}
	}
	openmetrics_family(out, time, OPENMETRICS_HISTOGRAM, "seconds", "Time to make the answer.");
	for (size_t r = 0; r < METRICS_ROUTE__COUNT; r++) {
		double count = 0;
		for (size_t b = 0; b < ARRAY_LEN(buckets); b++) {
			count += value_of(&m->took[r][b]);
			openmetrics_sample(out, time, "_bucket",
			                   OPENMETRICS_LABELS({"route", str_c(route_names[r])}, {"le", str_c(buckets[b].text)}), count);
		}
		const struct openmetrics_label *labels = OPENMETRICS_LABELS({"route", str_c(route_names[r])});
		openmetrics_sample(out, time, "_count", labels, count);
		openmetrics_sample(out, time, "_sum", labels, value_of(&m->sum_usec[r]) / USEC_PER_SEC);
	}
}
