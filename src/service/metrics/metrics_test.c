/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert.h"
#include "service/endpoint/endpoint.h"
#include "service/metrics/metrics_internal.h"
#include "service/metrics/openmetrics.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"
#include "service/status/status_watch.h"

/* The rules of OpenMetrics 1.0 that a writer can break, in few lines. The parser that others wrote reads what the running server
 * says in tests/neversilent. */
static void check_text(struct str text)
{
	struct str rest = text, line, family = STR_EMPTY, type = STR_EMPTY;
	char seen[64][80];
	size_t families = 0;
	bool ended = false;
	while (str_split(&rest, '\n', &line)) {
		if (line.n == 0)
			break;
		assert_false(ended);
		struct str words = line, word;
		if (str_eq_c(line, "# EOF")) {
			ended = true;
		} else if (str_starts_with(line, STR("# TYPE "))) {
			words = str_sub(line, 7, line.n);
			assert_true(str_split(&words, ' ', &family));
			type = words;
			assert_true(families < ARRAY_LEN(seen));
			for (size_t i = 0; i < families; i++)
				assert_false(str_eq_c(family, seen[i])); /* each once */
			str_copy_c(family, seen[families++], sizeof seen[0]);
		} else if (line.p[0] == '#') {
			assert_true(str_split(&words, ' ', &word) && str_split(&words, ' ', &word) && str_split(&words, ' ', &word));
			assert_true(str_eq(word, family));
		} else {
			assert_true(str_starts_with(line, family));
			struct str suffix = str_sub(line, family.n, line.n);
			if (str_eq_c(type, "counter"))
				assert_true(str_starts_with(suffix, STR("_total{")) || str_starts_with(suffix, STR("_total ")));
			else if (str_eq_c(type, "gauge"))
				assert_true(suffix.p[0] == '{' || suffix.p[0] == ' ');
		}
	}
	assert_true(ended);
	assert_true(families > 10);
}

static void fill(void *ctx, struct status_report *ret)
{
	(void)ctx;
	ret->process_count = 1;
	str_copy_c(STR("core"), ret->processes[0].name, sizeof ret->processes[0].name);
	str_copy_c(STR("running"), ret->processes[0].state, sizeof ret->processes[0].state);
	str_copy_c(STR("1\"2\\3\n4"), ret->version, sizeof ret->version); /* as it must never be, to see it escaped */
	ret->received = 17;
	ret->stored = -1;
	(void)status_report_add(ret, "spool", 1);
	(void)status_report_add(ret, "agent_silent", 1);
	(void)status_report_add(ret, "agent_silent", 1);
}

static bool has(const struct world_answer *a, const char *line)
{
	return str_find(a->text, str_c(line)) != SIZE_MAX;
}

static void figures(struct db *db, const char *url)
{
	(void)url;
	static const struct service *const rooms[] = {&endpoint_service, &protection_service, &alert_service, &metrics_service, NULL};
	static const struct status_source source = {.fill = fill};
	struct world w;
	world_init(&w, db, "/nonexistent", rooms);
	w.sc.status = &source;
	w.sc.meter = metrics_meter_new();
	metrics_meter_note(w.sc.meter, METRICS_ROUTE_API, 200, 4000);
	metrics_meter_note(w.sc.meter, METRICS_ROUTE_API, 200, 30000);
	metrics_meter_note(w.sc.meter, METRICS_ROUTE_AGENT, 503, 3600 * USEC_PER_SEC);
	metrics_meter_note(w.sc.meter, METRICS_ROUTE_AGENT, 7, -1); /* never, but nothing may break */
	const struct world_call call = {.as = &w.admin, .method = "GET", .target = "/metrics"};
	cleanup_answer struct world_answer a = world_call(&w, &call);
	assert_int_equal(a.status, 200);
	check_text(a.text);
	static const char *const lines[] = {
		"\nluytre_build_info{version=\"1\\\"2\\\\3\\n4\"} 1\n",
		"\nluytre_process_up{process=\"core\"} 1\n",
		"\nluytre_events_received_total 17\n",
		"\nluytre_blind{what=\"spool\"} 1\nluytre_blind{what=\"agent_silent\"} 2\n",
		"\nluytre_endpoints{state=\"protected\"} 0\n",
		"\nluytre_alerts{state=\"new\",severity=\"critical\"} 0\n",
		"\nluytre_http_requests_total{route=\"api\",status=\"200\"} 2\n",
		"\nluytre_http_request_duration_seconds_bucket{route=\"api\",le=\"0.005\"} 1\n",
		"\nluytre_http_request_duration_seconds_bucket{route=\"api\",le=\"0.05\"} 2\n",
		"\nluytre_http_request_duration_seconds_bucket{route=\"agent\",le=\"10.0\"} 1\n",
		"\nluytre_http_request_duration_seconds_bucket{route=\"agent\",le=\"+Inf\"} 2\n",
		"\nluytre_http_request_duration_seconds_sum{route=\"api\"} 0.034\n",
		"luytre_database_transactions_total{mode=\"write\"} ",
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!has(&a, lines[i]))
			fail_msg("missing: %s in\n%.*s", lines[i], STR_FMT(a.text));
	assert_false(has(&a, "luytre_events_stored_total ")); /* unknown is not nought */
	struct world_call denied = call;
	denied.as = &w.nobody;
	cleanup_answer struct world_answer no = world_call(&w, &denied);
	assert_int_equal(no.status, 403);
	metrics_meter_free(w.sc.meter);
	world_done(&w);
}

static void figures_each(void **state)
{
	(void)state;
	db_test_each(figures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(figures_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
