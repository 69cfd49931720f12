/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/level/level.h"

static const struct pack_doc *load(struct arena *arena, const char *name)
{
	const struct pack_doc *doc = NULL;
	struct err err = {0};
	if (pack_load(arena, arena_printf(arena, "%s/%s", getenv("LUYTRE_SOURCE"), name).p, &doc, &err) < 0)
		fail_msg("%s at %s", err.key, err.place);
	return doc;
}

static const struct level_regime *regime(struct arena *arena, const char *name)
{
	const struct level_regime *r = NULL;
	struct err err = {0};
	if (level_regime_read(arena, load(arena, name), &r, &err) < 0)
		fail_msg("%s at %s: %s", err.key, err.place, err.args[0].value);
	return r;
}

/* base's members that `with` does not name, then `with`. */
static const struct json *joined(struct arena *arena, const struct json *base, const struct json *with)
{
	struct json *object = ARENA_NEW(arena, struct json), **end = &object->child;
	object->type = JSON_OBJECT;
	for (int pass = 0; pass < 2; pass++) {
		json_each(member, pass == 0 ? base : with) {
			if (pass == 0 && json_get(with, arena_cstr(arena, member->name)) != NULL)
				continue;
			*end = ARENA_NEW(arena, struct json);
			**end = *member;
			(*end)->next = NULL;
			end = &(*end)->next;
		}
	}
	return object;
}

static bool listed(const struct json *list, struct str id)
{
	json_each(item, list) {
		if (str_eq(item->text, id))
			return true;
	}
	return false;
}

/* What holds is the deciding rule and `also`, no more and no less. */
static bool holds(const struct level_result *r, const struct json *c)
{
	const struct json *also = json_get(c, "also");
	struct str by = json_get_str(c, "by", STR(""));
	for (unsigned i = 0; i < r->holding.count; i++)
		if (!str_eq(r->holding.items[i]->id, by) && !listed(also, r->holding.items[i]->id))
			return false;
	return r->holding.count == (by.n > 0) + (also != NULL ? also->count : 0) && r->deciding != NULL && str_eq(r->deciding->id, by);
}

static bool asks(const struct level_result *r, const struct json *list)
{
	const struct json *item = list->child;
	for (unsigned i = 0; i < r->ask_count; i++, item = item->next)
		if (item == NULL || !str_eq(item->text, r->asks[i]->id))
			return false;
	return item == NULL;
}

static bool flags(const struct level_result *r, const struct json *list)
{
	for (unsigned i = 0; i < r->flags.count; i++)
		if (!listed(list, r->flags.items[i]->id))
			return false;
	return r->flags.count == list->count;
}

static const char *wrong(const struct level_result *r, const struct json *c)
{
	const struct json *level = json_get(c, "level");
	struct str status = level != NULL ? STR("decided") : json_get_str(c, "status", STR(""));
	if (!str_eq_c(status, level_status_names[r->status]))
		return "status";
	if (r->level != (level != NULL ? (unsigned)level->integer : 0))
		return "level";
	if (level != NULL && json_get(c, "by") != NULL && !holds(r, c))
		return "rules";
	if (json_get(c, "asks") != NULL && !asks(r, json_get(c, "asks")))
		return "asks";
	if (json_get(c, "flags") != NULL && !flags(r, json_get(c, "flags")))
		return "flags";
	if (json_get(c, "higher") != NULL && r->cross_check_higher != json_get(c, "higher")->boolean)
		return "higher";
	return NULL;
}

static void cases(void **state)
{
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct level_regime *r2026 = regime(arena, "packs/vn/levels/r2026.yaml"), *r2016 = regime(arena, "packs/vn/levels/r2016.yaml");
	const struct json *root = load(arena, "tests/levels/cases.yaml")->root;
	unsigned number = 0, failed = 0;
	json_each(c, json_get(root, "cases")) {
		const char *name = arena_cstr(arena, json_get_str(c, "regime", STR("")));
		const struct level_regime *r = str_eq_c(r2026->id, name) ? r2026 : r2016;
		const struct json *base = json_get(json_get(json_get(root, "bases"), name), arena_cstr(arena, json_get_str(c, "base", STR(""))));
		const struct level_given *given = NULL;
		struct level_result result;
		struct err err = {0};
		number++;
		assert_non_null(base);
		if (level_answers_read(arena, r, joined(arena, base, json_get(c, "with")), &given, &err) < 0)
			fail_msg("case %u: %s at %s", number, err.key, err.place);
		level_decide(arena, r, given, &result);
		const char *what = wrong(&result, c);
		if (what != NULL) {
			struct buf out cleanup_buf = BUF_INIT(1 << 20);
			struct json_writer w = json_writer_init(&out);
			level_result_write(&w, r, &result);
			print_error("case %u: %s: %.*s\n", number, what, (int)out.n, (const char *)out.p);
			failed++;
		}
	}
	assert_int_equal(failed, 0);
	assert_true(number >= 120);
}

/* Every rule of both decrees decides in some case; and each has an English and a Vietnamese text. */
static void every_rule(void **state)
{
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *list = json_get(load(arena, "tests/levels/cases.yaml")->root, "cases");
	static const char *const files[] = {"packs/vn/levels/r2026.yaml", "packs/vn/levels/r2016.yaml"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const struct level_regime *r = regime(arena, files[i]);
		for (unsigned n = 0; n < r->rules.count; n++) {
			bool seen = false;
			json_each(c, list) {
				seen = seen || str_eq(json_get_str(c, "by", STR("")), r->rules.items[n].id) || listed(json_get(c, "also"), r->rules.items[n].id);
			}
			if (!seen)
				fail_msg("no case for %.*s", (int)r->rules.items[n].id.n, r->rules.items[n].id.p);
		}
	}
}

#define TEXT "{vi: v, en: e}"
#define HEAD "version: \"1\"\nregime: R\nsource: s\nvalid_from: \"2026-01-01\"\nfacts:\n"
#define FACT(rest) "  - {label: " TEXT ", question: " TEXT ", source: s, confidence: text, " rest "}\n"
#define CHOICE FACT("id: a, kind: choice, values: [{id: x, label: " TEXT "}, {id: y, label: " TEXT "}]")
#define RULE(rest) "  - {article: s, confidence: text, text: " TEXT ", " rest "}\n"

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *key, *place;
	} table[] = {
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: b, is: x}"), "level.unknown_fact", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: z}"), "level.unknown_value", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: a, in: [x, 1]}"), "level.unknown_value", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: a, at_least: 3}"), "level.wrong_kind", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: a, has: x}"), "level.wrong_kind", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: a}"), "level.bad_condition", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {all: []}"), "level.bad_condition", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {some: [{fact: a, is: x}]}"), "level.bad_condition", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {level_is: 5}"), "level.bad_condition", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: x"), "level.bad_condition", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {not: {not: {not: {not: {not: {not: {not: {not: {not: {fact: a, is: x}}}}}}}}}}"), "level.bad_condition", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 6, if: {fact: a, is: x}"), "json.range", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, if: {fact: a, is: x}"), "level.bad_level", "f.yaml:8"},
		{HEAD CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: x}") RULE("id: r, level: 2, if: {fact: a, is: y}"), "level.duplicate", "f.yaml:9"},
		{HEAD CHOICE "rules: []\n", "level.no_list", "f.yaml:7"},
		{HEAD CHOICE CHOICE "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: x}"), "level.duplicate", "f.yaml:7"},
		{HEAD FACT("id: a, kind: choice") "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: x}"), "level.wrong_kind", "f.yaml:6"},
		{HEAD FACT("id: a, kind: tree") "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: x}"), "json.enum", "f.yaml:6"},
		{HEAD FACT("id: a, kind: yes_no, presumed: \"true\", because: " TEXT) "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: true}"), "level.bad_presumption", "f.yaml:6"},
		{HEAD FACT("id: a, kind: yes_no") "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: 1}"), "level.bad_condition", "f.yaml:8"},
		{HEAD FACT("id: a, kind: yes_no, colour: red") "rules:\n" RULE("id: r, level: 1, if: {fact: a, is: true}"), "json.unknown_field", "f.yaml:6"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		const struct pack_doc *doc = NULL;
		const struct level_regime *r = NULL;
		struct err err = {0};
		assert_int_equal(pack_parse(arena, "f.yaml", str_c(table[i].yaml), &doc, &err), 0);
		if (level_regime_read(arena, doc, &r, &err) >= 0)
			fail_msg("case %zu was taken", i);
		if (strcmp(err.key, table[i].key) != 0 || strncmp(err.place, table[i].place, strlen(table[i].place)) != 0)
			fail_msg("case %zu: %s at %s", i, err.key, err.place);
	}
}

static void bad_answers(void **state)
{
	(void)state;
	static const struct {
		const char *json, *key, *place;
	} table[] = {
		{"[]", "json.not_object", ""},
		{"{\"typ\": \"internal\"}", "level.unknown_fact", "typ"},
		{"{\"type\": \"palace\"}", "level.unknown_value", "type"},
		{"{\"type\": 3}", "level.bad_answer", "type"},
		{"{\"info\": []}", "level.bad_answer", "info"},
		{"{\"info\": \"public\"}", "level.bad_answer", "info"},
		{"{\"info\": [\"public\", \"x\"]}", "level.unknown_value", "info"},
		{"{\"strategic\": \"yes\"}", "level.bad_answer", "strategic"},
		{"{\"subjects_basic\": -1}", "level.bad_answer", "subjects_basic"},
		{"{\"subjects_basic\": 1.5}", "level.bad_answer", "subjects_basic"},
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct level_regime *r = regime(arena, "packs/vn/levels/r2026.yaml");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct json *object = NULL;
		const struct level_given *given = NULL;
		struct err err = {0};
		assert_int_equal(json_parse(arena, str_c(table[i].json), NULL, &object, &err), 0);
		assert_true(level_answers_read(arena, r, object, &given, &err) < 0);
		assert_string_equal(err.key, table[i].key);
		assert_string_equal(err.place, table[i].place);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(every_rule),
		cmocka_unit_test(refused),
		cmocka_unit_test(bad_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
