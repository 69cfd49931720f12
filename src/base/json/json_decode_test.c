/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock/clock.h"
#include "base/json/json.h"
#include "base/uuid/uuid.h"

struct person {
	struct str name;
	int64_t age;
	bool active, active_given;
	struct uuid unit;
	usec_t since;
	int role;
	struct json_str_list tags;
	const struct json *extra;
	struct str note;
};

static const char *const roles[] = {"analyst", "leader", "inspector", NULL};

static const struct json_field fields[] = {
	{.name = "name", .type = JSON_FIELD_STR, .offset = offsetof(struct person, name), .required = true, .min = 1, .max = 10},
	{.name = "age", .type = JSON_FIELD_INT, .offset = offsetof(struct person, age), .min = 0, .max = 150},
	{.name = "active", .type = JSON_FIELD_BOOL, .offset = offsetof(struct person, active),
         .present_offset = offsetof(struct person, active_given) + 1},
	{.name = "unit", .type = JSON_FIELD_UUID, .offset = offsetof(struct person, unit)},
	{.name = "since", .type = JSON_FIELD_TIME, .offset = offsetof(struct person, since)},
	{.name = "role", .type = JSON_FIELD_ENUM, .offset = offsetof(struct person, role), .names = roles},
	{.name = "tags", .type = JSON_FIELD_STR_LIST, .offset = offsetof(struct person, tags), .max = 3},
	{.name = "extra", .type = JSON_FIELD_ANY, .offset = offsetof(struct person, extra)},
	{.name = "note/x", .type = JSON_FIELD_STR, .offset = offsetof(struct person, note)},
	{.name = NULL},
};

static int decode(struct arena *arena, const char *text, struct person *out, struct err *err)
{
	const struct json *j;
	assert_int_equal(json_parse(arena, str_c(text), NULL, &j, NULL), 0);
	return json_decode(arena, j, fields, out, err);
}

static void takes_everything(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	struct person p = {0};
	char text[UUID_TEXT_SIZE];
	assert_int_equal(decode(arena,
	                        "{\"name\":\"H\xE1\xBA\xA3i\",\"age\":40,\"active\":false,\"unit\":\"0193a5b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b\","
	                        "\"since\":\"2026-11-21T13:56:35+07:00\",\"role\":\"inspector\",\"tags\":[\"a\",\"b\"],\"extra\":{\"x\":[1]},"
	                        "\"note/x\":\"\"}",
	                        &p, NULL),
	                 0);
	assert_true(str_eq_c(p.name, "Hải"));
	assert_int_equal(p.age, 40);
	assert_true(!p.active && p.active_given);
	assert_string_equal(uuid_text(&p.unit, text), "0193a5b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b");
	assert_true(p.since == 1795244195 * USEC_PER_SEC);
	assert_int_equal(p.role, 2);
	assert_int_equal(p.tags.count, 2);
	assert_true(str_eq_c(p.tags.items[1], "b"));
	assert_int_equal(p.extra->type, JSON_OBJECT);
}

static void absent_members_leave_alone(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	struct person p = {.age = 7, .active = true, .role = 1};
	assert_int_equal(decode(arena, "{\"name\":\"x\",\"age\":null,\"active\":null,\"tags\":null}", &p, NULL), 0);
	assert_int_equal(p.age, 7);
	assert_true(p.active && !p.active_given);
	assert_int_equal(p.role, 1);
	assert_null(p.tags.items);
}

static void refuses_with_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *key, *place, *arg, *value;
	} cases[] = {
		{"{}", "json.required", "/name", "field", "name"},
		{"{\"name\":null}", "json.required", "/name", "field", "name"},
		{"{\"name\":1}", "json.type", "/name", "expected", "string"},
		{"{\"name\":\"\"}", "json.length", "/name", "min", "1"},
		{"{\"name\":\"12345678901\"}", "json.length", "/name", "max", "10"},
		{"{\"name\":\"a\\u0000b\"}", "json.text", "/name", "field", "name"},
		{"{\"nmae\":\"x\"}", "json.unknown_field", "/nmae", "nearest", "name"},
		{"{\"name\":\"x\",\"zzzzzzzzz\":1}", "json.unknown_field", "/zzzzzzzzz", "nearest",
	         "name, age, active, unit, since, role, tags, extra, note/x"},
		{"{\"name\":\"x\",\"age\":\"1\"}", "json.type", "/age", "expected", "integer"},
		{"{\"name\":\"x\",\"age\":1.0}", "json.type", "/age", "expected", "integer"},
		{"{\"name\":\"x\",\"age\":99999999999999999999}", "json.type", "/age", "expected", "integer"},
		{"{\"name\":\"x\",\"age\":-1}", "json.range", "/age", "min", "0"},
		{"{\"name\":\"x\",\"age\":151}", "json.range", "/age", "max", "150"},
		{"{\"name\":\"x\",\"active\":1}", "json.type", "/active", "field", "active"},
		{"{\"name\":\"x\",\"unit\":\"1\"}", "json.uuid", "/unit", "field", "unit"},
		{"{\"name\":\"x\",\"since\":\"today\"}", "json.time", "/since", "field", "since"},
		{"{\"name\":\"x\",\"since\":5}", "json.time", "/since", "field", "since"},
		{"{\"name\":\"x\",\"role\":\"leadre\"}", "json.enum", "/role", "allowed", "leader"},
		{"{\"name\":\"x\",\"role\":\"nobody\"}", "json.enum", "/role", "allowed", "analyst, leader, inspector"},
		{"{\"name\":\"x\",\"role\":1}", "json.type", "/role", "expected", "string"},
		{"{\"name\":\"x\",\"tags\":\"a\"}", "json.type", "/tags", "expected", "list"},
		{"{\"name\":\"x\",\"tags\":[1]}", "json.text", "/tags/0", "field", "tags"},
		{"{\"name\":\"x\",\"tags\":[\"a\",null]}", "json.text", "/tags/1", "field", "tags"},
		{"{\"name\":\"x\",\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "json.count", "/tags", "max", "3"},
		{"{\"name\":\"x\",\"note/x\":1}", "json.type", "/note~1x", "field", "note/x"},
		{"[]", "json.not_object", "", "field", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		struct person p = {0};
		struct err err = {0};
		assert_int_equal(decode(arena, cases[i].text, &p, &err), -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_string_equal(err.key, cases[i].key);
		assert_string_equal(err.place, cases[i].place);
		assert_string_equal(err_arg(&err, cases[i].arg), cases[i].value);
		assert_int_equal(decode(arena, cases[i].text, &p, NULL), -EINVAL);
	}
	struct person p = {0};
	assert_int_equal(json_decode(NULL, NULL, fields, &p, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_everything),
		cmocka_unit_test(absent_members_leave_alone),
		cmocka_unit_test(refuses_with_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
