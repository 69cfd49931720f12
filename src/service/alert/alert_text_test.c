/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/alert/alert_text.h"

#define HEAD "version: \"1\"\nsource: s\nconfidence: design\n"
#define BOTH(text) "{vi: \"" text "\", en: \"" text "\"}"
#define ENTRY(id, happened) \
	"  - id: " id "\n    title: " BOTH("t") "\n    happened: " happened "\n    matters: " BOTH("m") "\n    steps: [" BOTH("s") "]\n"

static int read_text(struct arena *arena, const char *yaml, enum alert_text_kind kind, const struct alert_text **ret,
                     size_t *count, struct err *err)
{
	const struct pack_doc *doc = NULL;
	int r = pack_parse(arena, "f.yaml", str_c(yaml), &doc, err);
	assert_int_equal(r, 0);
	return alert_text_read(arena, doc, kind, ret, count, err);
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *key, *place;
	} cases[] = {
		{HEAD "techniques:\n" ENTRY("T1", BOTH("a")), "alert.text_id", "f.yaml:5:5"},
		{HEAD "techniques:\n" ENTRY("t1059", BOTH("a")), "alert.text_id", "f.yaml:5:5"},
		{HEAD "techniques:\n" ENTRY("T1059.01x", BOTH("a")), "alert.text_id", "f.yaml:5:5"},
		{HEAD "techniques:\n" ENTRY("T1059", BOTH("a")) ENTRY("T1059", BOTH("b")), "alert.text_twice", "f.yaml:10:5"},
		{HEAD "techniques:\n" ENTRY("T1059", BOTH("Trên {hots}")), "alert.text_blank", "f.yaml:7:5"},
		{HEAD "techniques:\n" ENTRY("T1059", BOTH("Trên {host")), "alert.text_blank", "f.yaml:7:5"},
		{HEAD "techniques:\n" ENTRY("T1059", BOTH("a}")), "alert.text_brace", "f.yaml:7:5"},
		{HEAD "techniques:\n" ENTRY("T1059", "{vi: \"{host}\", en: \"a\"}"), "alert.text_blanks_differ", "f.yaml:7:5"},
		{HEAD "techniques:\n" ENTRY("T1059", "{vi: \"a\"}"), "json.required", "f.yaml:7:5"},
		{HEAD "techniques:\n  - {id: T1059, title: " BOTH("t") ", happened: " BOTH("h") ", matters: " BOTH("m") ", steps: []}\n",
		 "alert.text_steps", "f.yaml:5:103"},
		{HEAD "techniques:\n  - {id: T1059, happened: " BOTH("h") "}\n", "json.required", "f.yaml:5:5"},
		{HEAD "techniques:\n  - {id: T1059, hapened: " BOTH("h") "}\n", "json.unknown_field", "f.yaml:5:17"},
		{HEAD "rules: []\n", "json.unknown_field", "f.yaml:4:1"},
		{HEAD "techniques: {}\n", "alert.text_too_many", "f.yaml:4:1"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		const struct alert_text *all = NULL;
		size_t count = 0;
		struct err err = {.code = 0};
		if (read_text(arena, cases[i].yaml, ALERT_TEXT_TECHNIQUE, &all, &count, &err) >= 0)
			fail_msg("case %zu was taken", i);
		if (strcmp(err.key, cases[i].key) != 0 || strcmp(err.place, cases[i].place) != 0)
			fail_msg("case %zu: %s at %s", i, err.key, err.place);
	}
}

/* A rule's entry may leave out what its technique says. */
static void short_rules(void **state)
{
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct alert_text *all = NULL;
	size_t count = 0;
	struct err err = {.code = 0};
	const char *yaml = HEAD "rules:\n  - {id: own-1, happened: " BOTH("Trên {host}") "}\n" ENTRY("own-2", BOTH("x"));
	assert_int_equal(read_text(arena, yaml, ALERT_TEXT_RULE, &all, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_true(str_eq_c(all[0].happened[MSG_LANG_EN], "Trên {host}"));
	assert_int_equal(all[0].title[MSG_LANG_VI].n, 0);
	assert_int_equal(all[0].step_count, 0);
	assert_int_equal(all[1].step_count, 1);
}

static void filled(void **state)
{
	(void)state;
	static const struct msg_entry entries[] = {
		{.key = "alert.blank_host", .text = {"một máy chưa rõ tên", "a machine of unknown name"}}};
	static const struct msg_catalogue catalogue = {entries, ARRAY_LEN(entries)};
	static char longer[1000];
	for (size_t i = 0; i < sizeof longer - 1; i += 3)
		(void)memcpy(longer + i, "\xe1\xba\xa1", 3);
	static const struct {
		const char *sentence, *host, *user, *expected;
	} cases[] = {
		{"Trên {host}, {user}.", "pc-1", "an", "Trên pc-1, an."},
		{"Trên {host}", "", "", "Trên một máy chưa rõ tên"},
		{"{host} gửi thư, {host} mở. {host} tắt.", "", "", "Một máy chưa rõ tên gửi thư, một máy chưa rõ tên mở. Một máy chưa rõ tên tắt."},
		{"{host} gửi thư.", "pc-1", "", "pc-1 gửi thư."},
		{"{host}{host} {khác} {", "a{user}", "an", "a{user}a{user} {khác} {"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_buf struct buf out = BUF_INIT(4096);
		struct str values[ALERT_BLANK__COUNT] = {[ALERT_BLANK_HOST] = str_c(cases[i].host), [ALERT_BLANK_USER] = str_c(cases[i].user)};
		alert_text_fill(str_c(cases[i].sentence), values, &catalogue, MSG_LANG_VI, &out);
		assert_string_equal(out.p, cases[i].expected);
	}
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct str values[ALERT_BLANK__COUNT] = {[ALERT_BLANK_HOST] = str_n(longer, 999)};
	alert_text_fill(STR("{host}"), values, &catalogue, MSG_LANG_VI, &out);
	assert_true(out.n <= 170 && out.n % 3 == 0);
}

static void load(struct arena *arena, const char *name, const struct pack_doc **ret)
{
	struct err err = {.code = 0};
	const char *path = arena_printf(arena, "%s/packs/vn/%s", getenv("LUYTRE_SOURCE"), name).p;
	if (pack_load(arena, path, ret, &err) < 0)
		fail_msg("%s: %s", err.place, err.key);
}

static bool has_kind(const struct json *groups, struct str id)
{
	json_each(group, groups) {
		json_each(kind, json_get(group, "kinds")) {
			if (str_eq(json_get_str(kind, "id", STR_EMPTY), id))
				return true;
		}
	}
	return false;
}

/* What is shipped is right, and what it proposes for an incident exists. */
static void the_packs(void **state)
{
	(void)state;
	static const char *const files[ALERT_TEXT_KIND__COUNT] = {"attack.yaml", "rule_texts.yaml"};
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct pack_doc *kinds = NULL;
	load(arena, "incident_kinds.yaml", &kinds);
	for (int k = 0; k < ALERT_TEXT_KIND__COUNT; k++) {
		const struct pack_doc *doc = NULL;
		const struct alert_text *all = NULL;
		size_t count = 0;
		struct err err = {.code = 0};
		load(arena, files[k], &doc);
		if (alert_text_read(arena, doc, (enum alert_text_kind)k, &all, &count, &err) < 0)
			fail_msg("%s: %s", err.place, err.key);
		assert_true(count > 0);
		for (size_t i = 0; i < count; i++) {
			if (all[i].incident.n > 0 && !has_kind(json_get(kinds->root, "groups"), all[i].incident))
				fail_msg("%.*s proposes %.*s", STR_FMT(all[i].id), STR_FMT(all[i].incident));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(short_rules), cmocka_unit_test(filled),
	                                   cmocka_unit_test(the_packs)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
