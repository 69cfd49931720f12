/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_test_support.h"

#include <unistd.h>

#include "engine/event_pipeline/event_canary.h"
#include "engine/event_pipeline/event_detect.h"
#include "engine/event_pipeline/event_pipeline.h"

#define NOW ((usec_t)1795000000 * USEC_PER_SEC)
#define CANARY "{\"event.kind\":\"state\",\"event.dataset\":\"luytre.canary\"}"
#define MALWARE "{\"event.kind\":\"alert\",\"event.category\":\"malware\",\"threat.name\":\"T\"}"

static void note(void *ctx, const struct event_alert *a)
{
	struct event_alert *last = ctx;
	*last = *a;
}

static bool sings(struct event_record *r, struct event_alert *ret)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct event e;
	*ret = (struct event_alert){0};
	test_ok(event_flatten(arena, r->raw, NULL, &e, NULL), NULL);
	event_detect(r, &e, note, ret);
	return ret->rule_id.n > 0 && event_alert_is_canary(ret);
}

/* Agents and the server; nobody who merely holds a token. */
static void test_who_sings(void **state)
{
	(void)state;
	struct event_record r = {.id = uuid_new(), .sender = uuid_new(), .received = NOW, .retention_days = 1, .source = STR("token-x"),
	                         .raw = STR(CANARY)};
	struct event_alert a, again;
	assert_false(sings(&r, &a));
	r.source = STR(EVENT_SERVER_SOURCE);
	assert_true(sings(&r, &a));
	r.source = STR("agent");
	r.endpoint = r.sender;
	assert_true(sings(&r, &a));
	r.id = uuid_new();
	assert_true(sings(&r, &again));
	assert_string_equal(a.key, again.key); /* the next takes the place of this one */
	r.sender = uuid_new();
	assert_true(sings(&r, &again));
	assert_string_not_equal(a.key, again.key);
}

static bool nobody_home(void *ctx, const struct event_alert *a)
{
	(void)ctx;
	(void)a;
	return false;
}

/* While nobody takes alerts: one canary a sender waits, and the alert is not lost among them. What stands still is told. */
static void test_waiting(void **state)
{
	(void)state;
	struct event_pipeline_config c = {.dir = test_fresh_dir(), .discard = true, .linger_ms = 1, .on_alert = nobody_home};
	struct event_pipeline *p;
	struct event_pipeline_stats st;
	struct err err = {0};
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	event_pipeline_stats(p, &st);
	assert_int_equal(st.handover_still, 0);
	struct event_sender s = test_sender(1);
	for (uint64_t i = 0; i < 20; i++) {
		struct event_batch b = test_batch(i == 10 ? CANARY "\n" MALWARE "\n" CANARY "\n" : CANARY "\n", 1, i * 3);
		struct event_ingested got;
		test_ok(event_pipeline_accept(p, &s, &b, NOW + (usec_t)i, &got, &err), &err);
	}
	assert_true(event_pipeline_settle(p, 20000));
	(void)usleep(20000);
	event_pipeline_stats(p, &st);
	assert_int_equal(st.alerts_waiting, 2);
	assert_true(st.handover_still >= 20000);
	assert_int_equal(st.detect_still, 0);
	assert_int_equal(st.ingest_failing, 0);
	event_pipeline_stop(p);
	/* After a new start as well. */
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	event_pipeline_stats(p, &st);
	assert_int_equal(st.alerts_waiting, 2);
	event_pipeline_stop(p);
}

/* The outbox's folder is no folder any more: detection stands still, says so, and goes on when it is mended. */
static void test_detection_stands_still(void **state)
{
	(void)state;
	struct event_pipeline_config c = {.dir = test_fresh_dir(), .discard = true, .linger_ms = 1, .on_alert = nobody_home};
	char outbox[200], away[200];
	struct event_pipeline *p;
	struct event_pipeline_stats st;
	struct err err = {0};
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	(void)snprintf(outbox, sizeof outbox, "%s/outbox", c.dir);
	(void)snprintf(away, sizeof away, "%s/away", c.dir);
	assert_int_equal(rename(outbox, away), 0);
	struct event_sender s = test_sender(1);
	struct event_batch b = test_batch(MALWARE "\n", 1, 0);
	struct event_ingested got;
	test_ok(event_pipeline_accept(p, &s, &b, NOW, &got, &err), &err);
	for (unsigned i = 0; i < 1000; i++) {
		event_pipeline_stats(p, &st);
		if (st.detect_still >= 100000)
			break;
		(void)usleep(10000);
	}
	assert_true(st.detect_still >= 100000);
	assert_int_equal(rename(away, outbox), 0);
	for (unsigned i = 0; i < 1000 && st.alerts_waiting == 0; i++) {
		event_pipeline_stats(p, &st);
		(void)usleep(10000);
	}
	assert_int_equal(st.alerts_waiting, 1);
	assert_true(event_pipeline_settle(p, 20000));
	event_pipeline_stats(p, &st);
	assert_int_equal(st.detect_still, 0);
	event_pipeline_stop(p);
}

/* A full spool is told as failing until something is taken in again. */
static void test_full(void **state)
{
	(void)state;
	struct event_pipeline_config c = {
		.dir = test_fresh_dir(), .spool_bytes = 2000, .segment_bytes = 400, .linger_ms = 1, .on_alert = nobody_home};
	struct event_pipeline *p;
	struct event_pipeline_stats st;
	struct err err = {0};
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	struct event_sender s = test_sender(1);
	int r = 0;
	for (uint64_t i = 0; i < 100 && r == 0; i++) {
		struct event_batch b = test_batch("{\"n\":0}\n", 1, i);
		struct event_ingested got;
		r = event_pipeline_accept(p, &s, &b, NOW, &got, &err);
	}
	assert_int_equal(r, -EAGAIN);
	event_pipeline_stats(p, &st);
	assert_true(st.ingest_failing > 0);
	assert_string_equal(st.ingest_err.key, "event.spool_full");
	assert_int_equal(st.refused_batches, 1);
	event_pipeline_stop(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_sings),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_detection_stands_still),
		cmocka_unit_test(test_full),
	};
	return cmocka_run_group_tests(tests, test_set_up, test_tear_down);
}
