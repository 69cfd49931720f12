/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Who is known by which address, and what is counted of whom. */
#include <netinet/in.h>

#include "engine/event_pipeline/event_senders.h"
#include "engine/event_pipeline/event_sources.h"
#include "engine/event_pipeline/event_test_support.h"

static struct event_address address(const char *text)
{
	struct event_address a = {0};
	struct err err = {0};
	test_ok(event_address_parse(str_c(text), &a, &err), &err);
	return a;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text, *shown; /* NULL: refused */
	} rows[] = {
		{"10.1.2.3", "10.1.2.3"}, {"10.1.0.0/16", "10.1.0.0/16"}, {" 192.168.7.0/24 ", "192.168.7.0/24"},
		{"0.0.0.0/0", "0.0.0.0/0"}, {"::/0", "::/0"}, {"::1", "::1"}, {"2001:DB8::/32", "2001:db8::/32"},
		{"10.1.2.3/32", "10.1.2.3"}, {"::ffff:10.1.2.3", "10.1.2.3"}, {"10.1.2.3/16", NULL}, {"10.1.2.3/33", NULL},
		{"10.1.2", NULL}, {"10.1.2.3/", NULL}, {"", NULL}, {"/8", NULL}, {"10.1.2.3/8/8", NULL}, {"2001:db8::1/32", NULL},
		{"máy-1", NULL}, {"::1%lo", NULL}, {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event_address a = {0};
		char text[EVENT_ADDRESS_TEXT];
		int r = event_address_parse(str_c(rows[i].text), &a, NULL);
		assert_int_equal(r, rows[i].shown != NULL ? 0 : -EINVAL);
		if (r == 0)
			assert_string_equal(event_address_text(&a, text), rows[i].shown);
	}
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203)};
	struct event_address peer = event_address_of_peer((const struct sockaddr *)&v4), want = address("10.1.2.3");
	assert_memory_equal(&peer, &want, sizeof(want));
}

static void test_longest_prefix_wins(void **state)
{
	static const struct {
		const char *network;
		unsigned char id;
		usec_t not_after;
	} known[] = {{"10.0.0.0/8", 1, 0}, {"10.1.0.0/16", 2, 0}, {"10.1.2.3", 3, 0}, {"10.1.2.4", 4, 5}, {"2001:db8::/32", 5, 0}, {NULL, 6, 0}};
	static const struct {
		const char *peer;
		unsigned char id; /* 0: nobody */
	} rows[] = {{"10.9.9.9", 1}, {"10.1.9.9", 2}, {"10.1.2.3", 3}, {"10.1.2.4", 2 /* 4 has run out */}, {"11.0.0.1", 0},
	            {"2001:db8::7", 5}, {"2001:db9::7", 0}};
	struct event_sender senders[ARRAY_LEN(known)];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		senders[i] = test_sender(known[i].id);
		senders[i].not_after = known[i].not_after;
		if (known[i].network != NULL) {
			senders[i].credential[0] = '\0';
			senders[i].address = address(known[i].network);
		}
	}
	struct event_senders *s = event_senders_new(senders, ARRAY_LEN(senders));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event_address peer = address(rows[i].peer);
		const struct event_sender *found = event_senders_by_address(s, &peer, 10);
		assert_int_equal(found != NULL ? memcmp(found->id.b, test_sender(rows[i].id).id.b, 16) : -1, rows[i].id != 0 ? 0 : -1);
	}
	const struct event_sender by_token = test_sender(6);
	assert_non_null(event_senders_by_credential(s, str_c(by_token.credential), 10));
	assert_null(event_senders_by_credential(s, STR_EMPTY, 10)); /* those without a credential are not found by none */
	event_senders_free(s);
	s = event_senders_new(NULL, 0);
	struct event_address peer = address("10.1.1.1");
	assert_null(event_senders_by_address(s, &peer, 0));
	event_senders_free(s);
}

static void test_counts(void **state)
{
	struct event_sources *s = event_sources_new();
	struct event_source_counts rows[4];
	struct event_sources_totals totals;
	struct event_ingested taken = {.taken = 3, .rejected = 1, .shown_count = 1};
	(void)state;
	str_copy_c(STR("event.line_too_long"), taken.shown[0].key, sizeof(taken.shown[0].key));
	/* Many, so that the table grows and keeps what it had. */
	for (unsigned i = 0; i < 500; i++) {
		struct uuid id = uuid_new();
		event_sources_took(s, &id, &taken, 100, EVENT_VIA_UDP, 7);
	}
	const struct uuid one = {{1}};
	event_sources_took(s, &one, &taken, 30, EVENT_VIA_TCP, 1000);
	event_sources_took(s, &one, &taken, 30, EVENT_VIA_TLS, 2000);
	event_sources_dropped(s, &one, 4);
	event_sources_limited(s, &one, 5);
	const usec_t base = 1000 * USEC_PER_SEC;
	for (int i = -2; i <= 100; i++)
		event_sources_parsed(s, &one, base, base - i * USEC_PER_SEC, (struct str){0});
	event_sources_parsed(s, &one, base, 0, STR("không hiểu\xff\n"));
	assert_int_equal(event_sources_list(s, 500, rows, ARRAY_LEN(rows)), 1);
	assert_memory_equal(&rows[0].id, &one, sizeof(one));
	assert_int_equal(rows[0].taken, 6);
	assert_int_equal(rows[0].bytes, 60);
	assert_int_equal(rows[0].rejected, 2);
	assert_int_equal(rows[0].dropped, 4);
	assert_int_equal(rows[0].limited, 5);
	assert_int_equal(rows[0].first_received, 1000);
	assert_int_equal(rows[0].last_received, 2000);
	assert_int_equal(rows[0].via, EVENT_VIA_TLS);
	assert_int_equal(rows[0].skew_count, 103);
	assert_int_equal(rows[0].skew_min_s, -2);
	assert_int_equal(rows[0].skew_max_s, 100);
	assert_int_equal(rows[0].skew_median_s, 69); /* of 37..100 */
	assert_string_equal(rows[0].unparsed_sample, "không hiểu??");
	assert_string_equal(rows[0].rejected_key, "event.line_too_long");
	event_sources_totals(s, &totals);
	assert_int_equal(totals.sources, 501);
	event_sources_free(s);
}

static void test_strangers(void **state)
{
	struct event_sources *s = event_sources_new();
	struct event_stranger *rows = mem_alloc_array(EVENT_STRANGERS_MAX, sizeof(*rows));
	struct event_sources_totals totals;
	struct event_address a = address("10.1.2.3");
	char big[1000];
	(void)state;
	memset(big, 'x', sizeof(big));
	event_sources_stranger(s, &a, STR_EMPTY, EVENT_VIA_UDP, str_n(big, sizeof(big)), 1, 10);
	event_sources_stranger(s, &a, STR_EMPTY, EVENT_VIA_TCP, STR("second"), 2, 20);
	assert_int_equal(event_sources_strangers(s, 0, rows, EVENT_STRANGERS_MAX), 1);
	assert_int_equal(rows[0].count, 3);
	assert_int_equal(rows[0].first, 10);
	assert_int_equal(rows[0].last, 20);
	assert_int_equal(strlen(rows[0].sample), EVENT_SOURCE_SAMPLE - 1);
	/* A flood of forged addresses pushes out those that were silent longest, not the one that keeps knocking. */
	for (unsigned i = 0; i < 2 * EVENT_STRANGERS_MAX; i++) {
		struct event_address forged = address("172.16.0.0");
		forged.ip[14] = (unsigned char)(i >> 8);
		forged.ip[15] = (unsigned char)i;
		event_sources_stranger(s, &forged, STR_EMPTY, EVENT_VIA_UDP, STR("f"), 1, 100 + i);
		event_sources_stranger(s, &a, STR_EMPTY, EVENT_VIA_TCP, STR("again"), 1, 100 + i);
	}
	event_sources_totals(s, &totals);
	assert_int_equal(totals.strangers, EVENT_STRANGERS_MAX);
	assert_int_equal(totals.strangers_forgotten, EVENT_STRANGERS_MAX + 1);
	assert_int_equal(event_sources_strangers(s, 0, rows, EVENT_STRANGERS_MAX), EVENT_STRANGERS_MAX);
	assert_int_equal(rows[0].count, 3 + 2 * EVENT_STRANGERS_MAX);
	event_sources_forget_stranger(s, &a, STR_EMPTY);
	assert_int_equal(event_sources_strangers(s, 0, rows, EVENT_STRANGERS_MAX), EVENT_STRANGERS_MAX - 1);
	mem_free(rows);
	event_sources_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_longest_prefix_wins),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_strangers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
