/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Orders, proof, time and restarts against a packet filter that only remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/agent/agent_isolation_file.h"

static struct {
	bool stands, tampered, cannot, apply_fails, lift_fails;
	unsigned applied, lifted;
} filter;
static usec_t uptime;
static char told[AGENT_ISOLATION_MESSAGE_MAX + 1], dir[64];
static struct agent_isolation *machine;

static int able(void *ctx, struct err *err)
{
	(void)ctx;
	return filter.cannot ? err_set(err, -ENOTSUP, "agent.isolation_no_nft") : 0;
}

static int apply(void *ctx, const struct agent_firewall_rules *rules, struct err *err)
{
	(void)ctx;
	assert_int_equal(rules->server_count, 2);
	if (filter.apply_fails)
		return err_set(err, -EIO, "agent.isolation_firewall", ARG_CSTR("text", "no"));
	filter.applied++;
	filter.stands = true;
	filter.tampered = false;
	return 0;
}

static int lift(void *ctx, struct err *err)
{
	(void)ctx;
	if (filter.lift_fails)
		return err_set(err, -EIO, "agent.isolation_firewall", ARG_CSTR("text", "busy"));
	filter.lifted++;
	filter.stands = false;
	return 0;
}

static int check(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return filter.stands && !filter.tampered;
}

static const struct agent_firewall fake = {NULL, able, apply, lift, check};

static usec_t clock_of_boot(void)
{
	return uptime;
}

static void notice(const char *text)
{
	str_copy_c(str_c(text), told, sizeof told);
}

static void start(const char *boot)
{
	machine = agent_isolation_open(&(struct agent_isolation_options){.state_dir = dir, .boot_id = boot, .server = "https://192.0.2.1:8445",
	                                                                 .events = "https://[2001:db8::1]:8444", .firewall = &fake,
	                                                                 .uptime = clock_of_boot, .notice = notice});
}

/* As by kill -9: nothing is said, nothing is stored. */
static void restart(const char *boot)
{
	char path[128], copy[160];
	cleanup_buf struct buf text = BUF_INIT(65536);
	(void)snprintf(path, sizeof path, "%s/isolation.json", dir);
	(void)snprintf(copy, sizeof copy, "%s", path);
	bool there = file_read(path, 65536, &text, NULL) >= 0;
	agent_isolation_free(machine);
	if (there)
		assert_int_equal(file_write(copy, buf_str(&text), 0600, NULL), 0);
	start(boot);
}

static struct uuid number(unsigned char n)
{
	return (struct uuid){.b = {n, [6] = 0x70, [8] = 0x80}};
}

static void want(unsigned char n, int64_t left_s)
{
	struct agent_isolation_order order = {.told = true, .left_s = left_s, .message = STR("M\xc3\xa1y b\xe1\xbb\x8b c\xc3\xb4 l\xe1\xba\xadp")};
	if (n != 0)
		order.id = number(n);
	agent_isolation_want(machine, &order);
}

static void pass(usec_t t)
{
	for (usec_t step = USEC_PER_SEC; t > 0; t -= step) {
		uptime += t < step ? t : step;
		agent_isolation_tick(machine);
	}
}

static void expect(enum agent_isolation_state state, bool stands)
{
	assert_string_equal(agent_isolation_state_name(agent_isolation_now(machine)), agent_isolation_state_name(state));
	assert_int_equal(filter.stands, stands);
	if (!filter.lift_fails)
		assert_int_equal(told[0] != '\0', stands);
}

static void problem(const char *key)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&out);
	agent_isolation_write(machine, &w);
	if (str_find(buf_str(&out), str_c(key)) == SIZE_MAX)
		fail_msg("%s lacks %s", out.p, key);
}

static void proven(unsigned char n, int64_t left_s)
{
	want(n, left_s);
	expect(AGENT_ISOLATION_PROVING, true);
	agent_isolation_proven(machine);
	expect(AGENT_ISOLATION_ON, true);
}

static int begin(void **state)
{
	(void)state;
	(void)memset(&filter, 0, sizeof filter);
	uptime = USEC_PER_HOUR;
	told[0] = '\0';
	(void)snprintf(dir, sizeof dir, "/tmp/luytre-isolation-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	start("boot-1");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	char path[128];
	agent_isolation_free(machine);
	(void)snprintf(path, sizeof path, "%s/isolation.json", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return 0;
}

static void ordered_and_lifted(void **state)
{
	(void)state;
	expect(AGENT_ISOLATION_NONE, false);
	agent_isolation_want(machine, &(struct agent_isolation_order){.told = false});
	want(0, 0);
	expect(AGENT_ISOLATION_NONE, false);
	proven(1, 3600);
	/* Said again at each check-in; a server that knows nothing of it changes nothing. */
	want(1, 3500);
	agent_isolation_want(machine, &(struct agent_isolation_order){.told = false});
	expect(AGENT_ISOLATION_ON, true);
	assert_int_equal(filter.applied, 1);
	want(0, 0);
	expect(AGENT_ISOLATION_LIFTED, false);
	/* An order that has ended is not carried out again; a new one is, also in place of another. */
	want(1, 3600);
	expect(AGENT_ISOLATION_LIFTED, false);
	proven(2, 3600);
	proven(3, 3600);
	want(0, 0);
	expect(AGENT_ISOLATION_LIFTED, false);
}

static void no_contact_lifts(void **state)
{
	(void)state;
	want(1, 3600);
	pass(AGENT_ISOLATION_PROOF - USEC_PER_SEC);
	expect(AGENT_ISOLATION_PROVING, true);
	pass(3 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_FAILED, false);
	problem("agent.isolation_no_contact");
	want(1, 3500);
	expect(AGENT_ISOLATION_FAILED, false);
	agent_isolation_proven(machine); /* too late */
	expect(AGENT_ISOLATION_FAILED, false);
	restart("boot-1");
	expect(AGENT_ISOLATION_FAILED, false);
	problem("agent.isolation_no_contact");
}

static void time_runs_out(void **state)
{
	(void)state;
	proven(1, 100);
	pass(99 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_ON, true);
	pass(2 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_EXPIRED, false);
	/* The server tells another rest: longer, then shorter. */
	proven(2, 10);
	want(2, 1000);
	pass(500 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_ON, true);
	want(2, 5);
	pass(6 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_EXPIRED, false);
}

static void restarts(void **state)
{
	(void)state;
	proven(1, 1000);
	filter.stands = false; /* as after a reboot */
	restart("boot-1");
	expect(AGENT_ISOLATION_ON, true);
	/* The agent was dead for a while, the machine was not: that time counts. */
	uptime += 300 * USEC_PER_SEC;
	restart("boot-1");
	expect(AGENT_ISOLATION_ON, true);
	pass(600 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_ON, true);
	/* Another start of the machine: only what ran before counts, at most half a minute is lost. */
	uptime = 5 * USEC_PER_SEC;
	filter.stands = false;
	restart("boot-2");
	expect(AGENT_ISOLATION_ON, true);
	pass(90 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_ON, true);
	pass(45 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_EXPIRED, false);
	/* Time was over while the agent was dead. */
	proven(2, 60);
	uptime += 61 * USEC_PER_SEC;
	restart("boot-2");
	expect(AGENT_ISOLATION_EXPIRED, false);
	/* Killed before the proof: sought again. */
	want(3, 1000);
	restart("boot-2");
	expect(AGENT_ISOLATION_PROVING, true);
	pass(AGENT_ISOLATION_PROOF + 2 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_FAILED, false);
}

static void others_meddle(void **state)
{
	(void)state;
	proven(1, 3600);
	uint64_t serial = agent_isolation_serial(machine);
	filter.stands = false;
	pass(11 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_ON, true);
	problem("\"repaired\":1");
	assert_true(agent_isolation_serial(machine) > serial);
	filter.tampered = filter.apply_fails = true;
	pass(11 * USEC_PER_SEC);
	problem("agent.isolation_firewall");
	filter.apply_fails = false;
	pass(11 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_ON, true);
	assert_false(filter.tampered);
}

static void what_fails_is_told(void **state)
{
	(void)state;
	filter.cannot = true;
	want(1, 3600);
	expect(AGENT_ISOLATION_FAILED, false);
	problem("\"can\":false");
	problem("agent.isolation_no_nft");
	filter.cannot = false;
	filter.apply_fails = true;
	want(2, 3600);
	expect(AGENT_ISOLATION_FAILED, false);
	problem("agent.isolation_firewall");
	filter.apply_fails = false;
	proven(3, 3600);
	/* What cannot be lifted stays told and is tried again. */
	filter.lift_fails = true;
	want(0, 0);
	expect(AGENT_ISOLATION_ON, true);
	problem("busy");
	filter.lift_fails = false;
	pass(11 * USEC_PER_SEC);
	expect(AGENT_ISOLATION_LIFTED, false);
	problem("\"problem\":null");
}

static void damaged_state_lifts(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "{", "[]", "{\"format\":2}",
		"{\"format\":1,\"id\":\"0190b4e6-7c1a-7000-8000-000000000001\",\"state\":\"on\",\"left_us\":99999999999999999,\"uptime_us\":1}",
		("{\"format\":1,\"id\":\"0190b4e6-7c1a-7000-8000-000000000001\",\"state\":\"on\",\"left_us\":1000000,\"uptime_us\":1,"
		 "\"servers\":[{\"address\":\"10.0.0.1 accept\",\"port\":1}]}")};
	char path[128];
	(void)snprintf(path, sizeof path, "%s/isolation.json", dir);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		proven((unsigned char)(i + 1), 3600);
		agent_isolation_free(machine);
		assert_int_equal(file_write(path, str_c(texts[i]), 0600, NULL), 0);
		start("boot-1");
		expect(AGENT_ISOLATION_FAILED, false);
		problem("agent.isolation_state_lost");
	}
}

static void no_controls_for_terminals(void **state)
{
	(void)state;
	struct agent_isolation_order order = {.told = true, .id = number(9), .left_s = 60, .message = STR("a\x1b[2J\x07" "b\xc2\x9b" "c\nd")};
	agent_isolation_want(machine, &order);
	assert_string_equal(told, "a [2J b  c\nd");
}

static void rules_as_text(void **state)
{
	(void)state;
	struct agent_firewall_rules rules = {.server_count = 0};
	struct err err = {0};
	cleanup_buf struct buf out = BUF_INIT(65536);
	assert_int_equal(agent_firewall_add_server(&rules, "https://192.0.2.7:8445/x", &err), 0);
	assert_int_equal(agent_firewall_add_server(&rules, "https://192.0.2.7:8445", &err), 0);
	assert_int_equal(agent_firewall_add_server(&rules, "https://[2001:db8::1]:8444", &err), 0);
	assert_int_equal(rules.server_count, 2);
	assert_int_equal(rules.resolver_count, 0); /* no name, no questions for names */
	static const char *const bad[] = {"", "http://x:1", "https://:1", "https://h:0", "https://h:65536", "https://h:x"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(agent_firewall_add_server(&rules, bad[i], &err), -EINVAL);
	str_copy_c(STR("10.0.0.1 } accept"), rules.resolvers[rules.resolver_count++], AGENT_FIREWALL_ADDRESS);
#ifndef _WIN32
	agent_firewall_write(&rules, &out);
	static const char *const lines[] = {"ip saddr 192.0.2.7 tcp sport 8445 ct state established accept", "ip daddr 192.0.2.7 tcp dport 8445 accept",
	                                    "ip6 daddr 2001:db8::1 tcp dport 8444 accept", "hook forward priority -140; policy drop;"};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_true(str_find(buf_str(&out), str_c(lines[i])) != SIZE_MAX);
	assert_true(str_find(buf_str(&out), STR("10.0.0.1")) == SIZE_MAX);
	assert_true(str_find(buf_str(&out), STR("dport 53")) == SIZE_MAX);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ordered_and_lifted, begin, finish),
		cmocka_unit_test_setup_teardown(no_contact_lifts, begin, finish),
		cmocka_unit_test_setup_teardown(time_runs_out, begin, finish),
		cmocka_unit_test_setup_teardown(restarts, begin, finish),
		cmocka_unit_test_setup_teardown(others_meddle, begin, finish),
		cmocka_unit_test_setup_teardown(what_fails_is_told, begin, finish),
		cmocka_unit_test_setup_teardown(damaged_state_lifts, begin, finish),
		cmocka_unit_test_setup_teardown(no_controls_for_terminals, begin, finish),
		cmocka_unit_test(rules_as_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
