/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What goes into which part of a row. That the store reads rows as they are meant: tests/eventdb. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor/cursor.h"
#include "engine/event_store/event_schema.h"

static uint64_t take_count(struct cursor *c)
{
	uint64_t n = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		struct str b = cursor_take(c, 1);
		n |= (uint64_t)((unsigned char)b.p[0] & 0x7f) << shift;
		if (((unsigned char)b.p[0] & 0x80) == 0)
			break;
	}
	return n;
}

static struct str take_text(struct cursor *c)
{
	return cursor_take(c, take_count(c));
}

/* A block of one row: "column=value;… | name=value;…" of columns that events have fields for and of the map, values of the
 * map's names with "/" for line ends; what is empty is left out. */
static void describe(struct str block, struct buf *out)
{
	struct cursor c = cursor_of(block);
	cleanup_buf struct buf map = BUF_INIT(1 << 20);
	uint64_t columns = take_count(&c);
	assert_int_equal(take_count(&c), 1);
	for (uint64_t i = 0; i < columns; i++) {
		struct str name = take_text(&c), type = take_text(&c);
		if (str_eq_c(type, "UUID")) {
			(void)cursor_take(&c, 16);
		} else if (str_starts_with(type, STR("DateTime64"))) {
			(void)cursor_take(&c, 8);
		} else if (str_eq_c(type, "UInt16")) {
			assert_int_equal(cursor_u16_le(&c), 90);
		} else if (str_eq_c(type, "UInt8")) {
			assert_int_equal(cursor_take(&c, 1).p[0], 3);
		} else if (str_eq_c(type, "UInt32")) {
			unsigned at = cursor_u32_le(&c);
			if (at > 0)
				buf_printf(out, "%.*s=%u;", STR_FMT(name), at);
		} else if (str_eq_c(type, "Bool")) {
			buf_append_c(out, cursor_take(&c, 1).p[0] == 0 ? "unparsed;" : "");
		} else if (str_eq_c(type, "Nullable(UInt32)")) {
			bool none = cursor_take(&c, 1).p[0] == 1;
			unsigned v = cursor_u32_le(&c);
			if (!none)
				buf_printf(out, "%.*s=%u;", STR_FMT(name), v);
		} else if (str_eq_c(type, "Map(String, String)")) {
			uint64_t n = cursor_u64_le(&c);
			struct str names[2000];
			for (uint64_t k = 0; k < n; k++)
				names[k] = take_text(&c);
			for (uint64_t k = 0; k < n; k++) {
				struct str value = take_text(&c);
				buf_printf(&map, "%.*s=", STR_FMT(names[k]));
				for (size_t j = 0; j < value.n; j++)
					buf_append_char(&map, (char)(value.p[j] == '\n' ? '/' : value.p[j]));
				buf_append_char(&map, ';');
			}
		} else {
			assert_true(str_eq_c(type, "String"));
			struct str v = take_text(&c);
			if (v.n > 0 && !str_eq_c(name, "raw") && !str_eq_c(name, "source"))
				buf_printf(out, "%.*s=%.*s;", STR_FMT(name), STR_FMT(v));
		}
	}
	buf_append_c(out, "| ");
	buf_append(out, buf_str(&map));
	assert_true(cursor_at_end(&c) && !c.failed);
}

static void test_rows(void **state)
{
	(void)state;
	static const struct {
		const char *json, *row, *row_of_text; /* the second: when raw is no JSON */
	} cases[] = {
		{"{\"host.name\":\"pc\",\"a\":\"1\",\"message\":\"m\"}", "host_name=pc;| ", "message=m;host_name=pc;| a=1;"},
		{"{\"host\":{\"name\":\"pc\",\"os\":{\"x\":2}}}", "host_name=pc;| ", "host_name=pc;| host.os.x=2;"},
		/* Not at a path that SQL finds: they stand in the map as well as in raw. */
		{"{\"a\":[1,{\"b\":2},3]}", "| a=1/3;a.b=2;", "| a=1/3;a.b=2;"},
		{"{\"a\":{\"b.c\":1},\"d.e\":{\"f\":2},\"g.h\":3,\"\":{\"i\":4}}", "| a.b.c=1;d.e.f=2;i=4;", "| a.b.c=1;d.e.f=2;g.h=3;i=4;"},
		/* Further values, and what is no number. */
		{"{\"host\":{\"ip\":[\"::1\",\"::2\",\"::3\"]}}", "host_ip=::1;| host.ip=::2/::3;", "host_ip=::1;| host.ip=::2/::3;"},
		{"{\"process\":{\"pid\":7}}", "process_pid=7;| ", "process_pid=7;| "},
		{"{\"process\":{\"pid\":\"0x7\"}}", "| process.pid=0x7;", "| process.pid=0x7;"},
		{"{\"process\":{\"pid\":4294967296}}", "| process.pid=4294967296;", "| process.pid=4294967296;"},
		/* Others than we read this JSON differently, or not at all. */
		{"{\"a\":\"\\ud800\"}", "| a=\xEF\xBF\xBD;", "| a=\xEF\xBF\xBD;"},
		{"{\"a\":123456789012345678901}", "| a=123456789012345678901;", "| a=123456789012345678901;"},
		{"{\"a\":1,\"b\":null,\"event.parsed\":false}", "unparsed;| ", "unparsed;| a=1;"},
		{"{\"event\":{\"id\":\"x\",\"code\":5},\"@timestamp\":\"2026-01-01T00:00:00Z\"}", "event_code=5;| ", "event_code=5;| "},
	};
	cleanup(event_row_maker) struct event_row_maker *maker = event_row_maker_new(1 << 20);
	cleanup(arena) struct arena *arena = arena_new(0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct event_record r = {.received = 1, .retention_days = 90, .system_level = 3, .source = STR("agent"), .raw = str_c(cases[i].json)};
		struct event e;
		assert_int_equal(event_flatten(arena, r.raw, NULL, &e, NULL), 0);
		for (unsigned text = 0; text < 2; text++) {
			cleanup_buf struct buf row = BUF_INIT(100000), got = BUF_INIT(10000);
			if (text)
				e.in_raw = 0;
			event_row_add(maker, &r, &e);
			event_row_take(maker, &row);
			describe(buf_str(&row), &got);
			const char *want = text ? cases[i].row_of_text : cases[i].row;
			if (!str_eq_c(buf_str(&got), want))
				fail_msg("%s\n  got  %s\n  want %s", cases[i].json, got.p, want);
		}
	}
}

/* A message that the text ends in is not stored a second time. */
static void test_message_at(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *message, *row;
	} cases[] = {
		{"<38>1 - pc sshd - - - Failed", "Failed", "message_at=23;| "},
		{"Failed", "Failed", "message_at=1;| "},
		{"Failed ", "Failed", "message=Failed;| "},
		{"iled", "Failed", "message=Failed;| "},
		{"x", "", "| "},
	};
	cleanup(event_row_maker) struct event_row_maker *maker = event_row_maker_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_buf struct buf row = BUF_INIT(100000), got = BUF_INIT(10000);
		struct event_record r = {.received = 1, .retention_days = 90, .system_level = 3, .raw = str_c(cases[i].raw)};
		struct event_field f = {.name = STR("message"), .value = str_c(cases[i].message), .type = EVENT_TYPE_STR};
		struct event e = {.raw = r.raw, .fields = &f, .count = 1};
		event_row_add(maker, &r, &e);
		event_row_take(maker, &row);
		describe(buf_str(&row), &got);
		assert_string_equal(got.p, cases[i].row);
	}
}

/* As many names as an event may have, each twice: one entry each. */
static void test_many_names(void **state)
{
	(void)state;
	cleanup_buf struct buf json = BUF_INIT(1 << 20), row = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
	cleanup(arena) struct arena *arena = arena_new(0);
	buf_append_c(&json, "{\"x\":[");
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&json, "%s{\"n%u\":1}", i > 0 ? "," : "", i);
	buf_append_c(&json, "],\"x\":[");
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&json, "%s{\"n%u\":2}", i > 0 ? "," : "", i);
	buf_append_c(&json, "]}");
	struct event_record r = {.received = 1, .retention_days = 90, .system_level = 3, .source = STR("agent"), .raw = buf_str(&json)};
	struct event e;
	assert_int_equal(event_flatten(arena, r.raw, NULL, &e, NULL), 0);
	cleanup(event_row_maker) struct event_row_maker *maker = event_row_maker_new(1 << 20);
	event_row_add(maker, &r, &e);
	event_row_take(maker, &row);
	describe(buf_str(&row), &got);
	size_t entries = 0;
	for (size_t i = 0; i < got.n; i++)
		entries += got.p[i] == ';';
	assert_int_equal(entries, 1000);
	assert_true(str_find(buf_str(&got), STR("x.n999=1/2;")) != SIZE_MAX);
}

/* Many rows in one block; what is too large says so, and the next block is whole again. */
static void test_blocks(void **state)
{
	(void)state;
	cleanup(event_row_maker) struct event_row_maker *maker = event_row_maker_new(1000);
	cleanup_buf struct buf block = BUF_INIT(100000);
	struct event_record r = {.received = 1, .retention_days = 90, .raw = STR("x")};
	struct event e = {.raw = r.raw};
	for (unsigned i = 0; i < 100; i++)
		event_row_add(maker, &r, &e);
	assert_int_equal(event_row_count(maker), 100);
	event_row_take(maker, &block);
	assert_true(block.overflow); /* a hundred identities are 1,600 bytes */
	buf_done(&block);
	event_row_add(maker, &r, &e);
	event_row_take(maker, &block);
	assert_false(block.overflow);
	struct cursor c = cursor_of(buf_str(&block));
	(void)take_count(&c);
	assert_int_equal(take_count(&c), 1);
}

static void test_time(void **state)
{
	(void)state;
	const usec_t now = (usec_t)1790000000 * USEC_PER_SEC;
	static const struct {
		const char *json;
		usec_t off;
	} cases[] = {
		{"{}", 0},
		{"{\"@timestamp\":\"gestern\"}", 0},
		{"{\"@timestamp\":\"2026-09-21T14:13:20.5Z\"}", USEC_PER_SEC / 2},
		{"{\"@timestamp\":\"1999-01-01T00:00:00Z\"}", -365 * USEC_PER_DAY},
		{"{\"@timestamp\":\"2099-01-01T00:00:00Z\"}", USEC_PER_HOUR},
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct event_record r = {.received = now};
		struct event e;
		assert_int_equal(event_flatten(arena, str_c(cases[i].json), NULL, &e, NULL), 0);
		assert_int_equal(event_time(&r, &e), now + cases[i].off);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_message_at),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
