/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "base/msg/msg.h"

static const struct msg_entry entries[] = {
	{"a.brace", {"x {", "{} {name"}, {NULL, NULL}},
	{"a.count", {"{count} máy", "{count} machines"}, {NULL, "{count} machine"}},
	{"a.plain", {"Xin chào", "Hello"}, {NULL, NULL}},
	{"b.name", {"Đơn vị {unit} do {name} phụ trách", "{name} leads {unit}"}, {NULL, NULL}},
};
static const struct msg_catalogue catalogue = {entries, ARRAY_LEN(entries)};

static void texts(void **state)
{
	(void)state;
	const struct arg *one = ARGS(ARG_I64("count", 1)), *two = ARGS(ARG_U64("count", 2));
	const struct arg *text_one = ARGS(ARG_CSTR("count", "1"));
	const struct arg *names = ARGS(ARG_CSTR("name", "{unit}"), ARG_CSTR("unit", "STTTT"));
	const struct {
		enum msg_lang lang;
		const char *key;
		const struct arg *args;
		const char *want;
	} cases[] = {
		{MSG_LANG_VI, "a.plain", NULL, "Xin chào"},
		{MSG_LANG_EN, "a.plain", one, "Hello"},
		{MSG_LANG_VI, "a.count", one, "1 máy"},
		{MSG_LANG_EN, "a.count", one, "1 machine"},
		{MSG_LANG_EN, "a.count", text_one, "1 machine"},
		{MSG_LANG_EN, "a.count", two, "2 machines"},
		{MSG_LANG_EN, "a.count", NULL, "{count} machines"},
		{MSG_LANG_VI, "b.name", names, "Đơn vị STTTT do {unit} phụ trách"},
		{MSG_LANG_EN, "b.name", names, "{unit} leads STTTT"},
		{MSG_LANG_VI, "a.brace", names, "x {"},
		{MSG_LANG_EN, "a.brace", names, "{} {name"},
		{MSG_LANG_EN, "no.such", names, "no.such"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT(1000);
		msg_append(&catalogue, cases[i].lang, cases[i].key, cases[i].args, &out);
		assert_string_equal(out.p, cases[i].want);
	}
}

static void errors(void **state)
{
	(void)state;
	struct buf out cleanup_buf = BUF_INIT(1000);
	struct err err = {0};
	(void)err_set(&err, -EINVAL, "b.name", ARG_CSTR("unit", "A"), ARG_CSTR("name", "B"));
	(void)err_at(&err, STR("units.yaml:3:1"));
	msg_append_err(&catalogue, MSG_LANG_EN, &err, &out);
	assert_string_equal(out.p, "units.yaml:3:1: B leads A");
	buf_clear(&out);
	(void)err_set(&err, -EINVAL, "a.count", ARG_CSTR("count", "1"));
	msg_append_err(&catalogue, MSG_LANG_EN, &err, &out);
	assert_string_equal(out.p, "1 machine");
}

static void languages(void **state)
{
	(void)state;
	static const struct {
		const char *accept;
		enum msg_lang lang;
	} cases[] = {
		{"", MSG_LANG_VI}, {"vi", MSG_LANG_VI}, {"en", MSG_LANG_EN}, {"EN", MSG_LANG_EN}, {"en-US,en;q=0.9", MSG_LANG_EN},
		{"fr, en;q=0.8, vi;q=0.5", MSG_LANG_EN}, {"fr", MSG_LANG_VI}, {"*", MSG_LANG_VI}, {"en;q=0, vi", MSG_LANG_VI},
		{"en;q=0.5", MSG_LANG_EN}, {"english", MSG_LANG_VI}, {",,;;en", MSG_LANG_VI}, {" en ; q=1", MSG_LANG_EN},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (msg_lang_parse(str_c(cases[i].accept)) != cases[i].lang)
			fail_msg("%s", cases[i].accept);
	assert_string_equal(msg_lang_code(MSG_LANG_EN), "en");
}

static void whole_catalogue(void **state)
{
	(void)state;
	assert_true(msg_catalogue_all.count > 20);
	for (size_t i = 0; i < msg_catalogue_all.count; i++) {
		const struct msg_entry *e = &msg_catalogue_all.entries[i];
		assert_ptr_equal(msg_find(&msg_catalogue_all, e->key), e);
		assert_true(e->text[MSG_LANG_VI][0] != '\0' && e->text[MSG_LANG_EN][0] != '\0');
	}
	assert_null(msg_find(&msg_catalogue_all, "no.such"));
	assert_null(msg_find(NULL, "json.syntax"));
	static const struct msg_catalogue empty = {0};
	assert_null(msg_find(&empty, "json.syntax"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(errors),
		cmocka_unit_test(languages),
		cmocka_unit_test(whole_catalogue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
