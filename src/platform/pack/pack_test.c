/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/pack/pack.h"

static void trees(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{"", "null"},
		{"---\n", "null"},
		{"# only a comment\n", "null"},
		{"just text\n", "\"just text\""},
		{"a: 1\nb: two\n", "{\"a\":1,\"b\":\"two\"}"},
		{"a:\n  - x\n  - y: z\n    w: [1, 2]\n  -\n", "{\"a\":[\"x\",{\"y\":\"z\",\"w\":[1,2]},null]}"},
		{"{a: 1, b: {c: []}}", "{\"a\":1,\"b\":{\"c\":[]}}"},
		{"a: |\n  dòng 1\n  dòng 2\nb: >-\n  x\n  y\n", "{\"a\":\"dòng 1\\ndòng 2\\n\",\"b\":\"x y\"}"},
		{"[\"1\", '1', \"true\", 'null', \"\"]", "[\"1\",\"1\",\"true\",\"null\",\"\"]"},
		{"[null, Null, NULL, ~, true, True, TRUE, false, False, FALSE]", "[null,null,null,null,true,true,true,false,false,false]"},
		{"[nULL, yes, no, on, off, tRUE, y]", "[\"nULL\",\"yes\",\"no\",\"on\",\"off\",\"tRUE\",\"y\"]"},
		{"[0, -1, +1, 007, 0x1F, 0o17, 0xff, 9223372036854775807, -9223372036854775808]",
	         "[0,-1,1,7,31,15,255,9223372036854775807,-9223372036854775808]"},
		{"[1.5, -1.50, .5, 1., 1e3, +1.5, 00.5, 1.e2, 99999999999999999999]", "[1.5,-1.50,0.5,1,1e3,1.5,0.5,100,99999999999999999999]"},
		{"[1_000, 0x, 0b1, 1e, ., 1.2.3, 10:30, 2026-11-21, 1.2e, 0o8, -0x1]",
	         "[\"1_000\",\"0x\",\"0b1\",\"1e\",\".\",\"1.2.3\",\"10:30\",\"2026-11-21\",\"1.2e\",\"0o8\",\"-0x1\"]"},
		{"1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}"},
		{"a: \"x\\ty\\u1ec7\"\n", "{\"a\":\"x\\tyệ\"}"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		struct buf out cleanup_buf = BUF_INIT(10000);
		const struct pack_doc *doc;
		struct err err = {0};
		char line[500];
		if (pack_parse(arena, "x.yaml", str_c(cases[i].yaml), &doc, &err) != 0)
			fail_msg("%s: %s", cases[i].yaml, err_line(&err, line, sizeof line));
		struct json_writer w = json_writer_init(&out);
		json_tree(&w, doc->root);
		assert_string_equal(out.p, cases[i].json);
		assert_null(doc->next);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *key, *place;
	} cases[] = {
		{"a: [1, 2\nb: 3\n", "pack.yaml", "x.yaml:3:1"},
		{"a: b: c\n", "pack.yaml", "x.yaml:1:5"},
		{"a: 1\n  b: 2\n", "pack.yaml", NULL},
		{"a:\n\tb: 1\n", "pack.yaml", "x.yaml:2:1"},
		{"a: \"x\n", "pack.yaml", "x.yaml:1:5"},
		{"a: \"\\q\"\n", "pack.yaml", NULL},
		{"a: }\n", "pack.yaml", NULL},
		{"%YAML 9.9\n---\na: 1\n", "pack.yaml", NULL},
		{"a: &x 1\nb: *x\n", "pack.alias", "x.yaml:1:5"},
		{"a: [*nothing]\n", "pack.alias", NULL},
		{"*a : 1\n", "pack.alias", NULL},
		{"a: !!str 1\n", "pack.tag", NULL},
		{"a: !x [1]\n", "pack.tag", NULL},
		{"<<: {a: 1}\n", "pack.key", "x.yaml:1:1"},
		{"? [1]\n: 2\n", "pack.key", NULL},
		{"? {a: 1}\n: 2\n", "pack.key", NULL},
		{": 2\n", "pack.key", NULL},
		{"\"\": 2\n", "pack.key", NULL},
		{"? |\n  a\n  b\n: 2\n", "pack.key", NULL},
		{"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "pack.duplicate_key", "x.yaml:5:3"},
		{"a: 1\n\"a\": 2\n", "pack.duplicate_key", "x.yaml:2:1"},
		{"{a, a}", "pack.duplicate_key", "x.yaml:1:5"},
		{"- .inf\n", "pack.number", "x.yaml:1:3"},
		{"- -.INF\n", "pack.number", "x.yaml:1:3"},
		{"- .nan\n", "pack.number", "x.yaml:1:3"},
		{"a: 1e999\n", "pack.number", "x.yaml:1:4"},
		{"a: 0xFFFFFFFFFFFFFFFF\n", "pack.number", "x.yaml:1:4"},
		{"a: \xFF\n", "pack.utf8", "x.yaml:1:4"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		const struct pack_doc *doc;
		struct err err = {0};
		if (pack_parse(arena, "x.yaml", str_c(cases[i].yaml), &doc, &err) != -EINVAL)
			fail_msg("accepted %s", cases[i].yaml);
		assert_string_equal(err.key, cases[i].key);
		if (cases[i].place != NULL)
			assert_string_equal(err.place, cases[i].place);
		else
			if (!str_starts_with(str_c(err.place), STR("x.yaml:")))
			fail_msg("%s: %s", cases[i].yaml, err.place);
		assert_int_equal(pack_parse(arena, "x.yaml", str_c(cases[i].yaml), &doc, NULL), -EINVAL);
	}
}

static int parse_repeated(const char *part, size_t count, struct err *err)
{
	struct buf text cleanup_buf = BUF_INIT(16 << 20);
	struct arena *arena cleanup(arena) = arena_new(0);
	const struct pack_doc *doc;
	for (size_t i = 0; i < count; i++)
		buf_append_c(&text, part);
	return pack_parse(arena, "x.yaml", buf_str(&text), &doc, err);
}

static void limits(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(parse_repeated("[", 100000, &err), -E2BIG);
	assert_string_equal(err.key, "pack.too_deep");
	assert_string_equal(err.place, "x.yaml:1:33");
	assert_int_equal(parse_repeated("- ", 100000, &err), -E2BIG);
	assert_int_equal(parse_repeated("# 8\n", 2 << 20, &err), 0);
	assert_int_equal(parse_repeated("# 8.\n", 2 << 20, &err), -E2BIG);
	assert_string_equal(err.key, "pack.too_big");
	struct arena *small cleanup(arena) = arena_new(2000);
	const struct pack_doc *doc;
	assert_int_equal(pack_parse(small, "x.yaml", STR("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]"), &doc, &err), -E2BIG);
	assert_string_equal(err.key, "pack.too_large");
}

static void documents(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	const struct pack_doc *doc;
	char place[PACK_PLACE_SIZE];
	assert_int_equal(pack_parse(arena, "x.yaml", STR("a: 1\n---\nb: 2\nc:\n  - 3\n  - 4\n...\n---\n"), &doc, NULL), 0);
	assert_int_equal(json_get_int(doc->root, "a", 0), 1);
	doc = doc->next;
	assert_int_equal(json_get_int(doc->root, "b", 0), 2);
	assert_string_equal(pack_place(doc, NULL, place), "x.yaml:2:1");
	assert_string_equal(pack_place(doc, json_get(doc->root, "c"), place), "x.yaml:4:1");
	assert_string_equal(pack_place(doc, json_get(doc->root, "c")->child->next, place), "x.yaml:6:5");
	doc = doc->next;
	assert_int_equal(doc->root->type, JSON_NULL);
	assert_null(doc->next);
}

struct rule {
	struct str title;
	int64_t level;
	struct json_str_list tags;
};

static const struct json_field fields[] = {
	{.name = "title", .type = JSON_FIELD_STR, .offset = offsetof(struct rule, title), .required = true},
	{.name = "level", .type = JSON_FIELD_INT, .offset = offsetof(struct rule, level), .max = 5},
	{.name = "tags", .type = JSON_FIELD_STR_LIST, .offset = offsetof(struct rule, tags)},
	{.name = NULL},
};

static void decodes_with_place(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *key, *place;
	} cases[] = {
		{"rule:\n  title: x\n  level: 3\n  tags: [a, b]\n", NULL, NULL},
		{"rule:\n  title: x\n  level: 6\n", "json.range", "x.yaml:3:3"},
		{"rule:\n  title: x\n  levle: 6\n", "json.unknown_field", "x.yaml:3:3"},
		{"rule:\n  title: 007\n", "json.type", "x.yaml:2:3"},
		{"rule:\n  title: x\n  tags:\n    - a\n    - 5\n", "json.text", "x.yaml:5:7"},
		{"rule:\n  level: 1\n", "json.required", "x.yaml:1:1"},
		{"rule: x\n", "json.not_object", "x.yaml:1:1"},
		{"other: x\n", "json.not_object", "x.yaml:1:1"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		const struct pack_doc *doc;
		struct rule rule = {0};
		struct err err = {0};
		assert_int_equal(pack_parse(arena, "x.yaml", str_c(cases[i].yaml), &doc, &err), 0);
		int r = pack_decode(arena, doc, json_get(doc->root, "rule"), fields, &rule, &err);
		assert_int_equal(r, cases[i].key != NULL ? -EINVAL : 0);
		if (r < 0) {
			assert_string_equal(err.key, cases[i].key);
			assert_string_equal(err.place, cases[i].place);
		} else {
			assert_int_equal(rule.tags.count, 2);
		}
		assert_int_equal(pack_decode(arena, doc, json_get(doc->root, "rule"), fields, &rule, NULL), r);
	}
}

static void foreign_aliases(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *json, *key, *place;
	} cases[] = {
		{"a: &v\n  x: [1, two]\nb: *v\n", "{\"a\":{\"x\":[1,\"two\"]},\"b\":{\"x\":[1,\"two\"]}}", NULL, NULL},
		{"a: &v one\nb: [*v, *v]\n", "{\"a\":\"one\",\"b\":[\"one\",\"one\"]}", NULL, NULL},
		{"a: &v one\nb: &v two\nc: *v\n", "{\"a\":\"one\",\"b\":\"two\",\"c\":\"two\"}", NULL, NULL},
		{"a: [007, 00000429, 0, 7, 0.5]\n", "{\"a\":[\"007\",\"00000429\",0,7,0.5]}", NULL, NULL},
		{"a: *none\n", NULL, "pack.alias", "x.yaml:1:5"},
		{"a: &v one\n---\nb: *v\n", NULL, "pack.alias", "x.yaml:3:5"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		struct buf out cleanup_buf = BUF_INIT(10000);
		const struct pack_doc *doc;
		struct err err = {0};
		int r = pack_parse_foreign(arena, "x.yaml", str_c(cases[i].yaml), &doc, &err);
		assert_int_equal(r, cases[i].key != NULL ? -EINVAL : 0);
		if (r < 0) {
			assert_string_equal(err.key, cases[i].key);
			assert_string_equal(err.place, cases[i].place);
			continue;
		}
		struct json_writer w = json_writer_init(&out);
		json_tree(&w, doc->root);
		assert_string_equal(out.p, cases[i].json);
	}
}

/* Ten aliases a level, nine levels: a billion nodes if they were all copied. */
static void billion_laughs(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(512 << 20);
	struct buf text cleanup_buf = BUF_INIT(10000);
	const struct pack_doc *doc;
	struct err err = {0};
	buf_append_c(&text, "a0: &a0 lol\n");
	for (int level = 1; level < 10; level++) {
		buf_printf(&text, "a%d: &a%d [", level, level);
		for (int i = 0; i < 10; i++)
			buf_printf(&text, "*a%d,", level - 1);
		buf_append_c(&text, "]\n");
	}
	assert_int_equal(pack_parse_foreign(arena, "x.yaml", buf_str(&text), &doc, &err), -E2BIG);
	assert_string_equal(err.key, "pack.too_many");
}

static void loads(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	const struct pack_doc *doc;
	struct err err = {0};
	assert_int_equal(pack_load(arena, "/nonexistent/x.yaml", &doc, &err), -ENOENT);
	assert_string_equal(err.key, "system.call");
	assert_int_equal(pack_load(arena, "/dev/null", &doc, &err), 0);
	assert_int_equal(doc->root->type, JSON_NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees),     cmocka_unit_test(refuses),            cmocka_unit_test(limits),
		cmocka_unit_test(documents), cmocka_unit_test(decodes_with_place), cmocka_unit_test(loads),
		cmocka_unit_test(foreign_aliases), cmocka_unit_test(billion_laughs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
