/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/listen/listen_bulk.h"

static void test_table(void **state)
{
	static const struct {
		const char *body, *want; /* "action index id document key;" of each, or "!line" */
	} rows[] = {
		{"", ""},
		{"{\"create\":{\"_index\":\"a\",\"_id\":\"7\"}}\n{\"m\":1}\n", "create a 7 {\"m\":1} -;"},
		{"{\"index\":{}}\r\n\n{\"m\":1}\n{\"index\":{\"_index\":\"b\"}}\n{\"m\":2}", "index path  {\"m\":1} -;index b  {\"m\":2} -;"},
		{"{\"index\":{\"pipeline\":\"p\",\"_type\":\"doc\"}}\n{\"m\":\"\xe1\xba\xa1\"}\n", "index path  {\"m\":\"\xe1\xba\xa1\"} -;"},
		{"{\"index\":{}}\nnonsense\n{\"index\":{}}\n{\"m\":2}\n", "index path  nonsense listen.bulk_document;index path  {\"m\":2} -;"},
		{"{\"index\":{}}\n{\"m\":\"\xff\"}\n", "index path  {\"m\":\"\xff\"} listen.bulk_document;"},
		{"{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{}}\n{}\n", "delete path 1  listen.bulk_action;index path  {} -;"},
		{"{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n", "update path 1 {\"doc\":{}} listen.bulk_action;"},
		{"{\"create\":{}}\n", "!2"},
		{"{\"index\":{}}\n{}\n\nnonsense\n{}\n", "!4"},
		{"{\"upsert\":{}}\n{}\n", "!1"},
		{"{\"index\":{},\"create\":{}}\n{}\n", "!1"},
		{"[]\n{}\n", "!1"},
		{"{\"index\":1}\n{}\n", "!1"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		cleanup_buf struct buf got = BUF_INIT(4096);
		struct listen_bulk b;
		struct err err = {0};
		if (listen_bulk_parse(arena, str_c(rows[i].body), STR("path"), &b, &err) < 0)
			buf_printf(&got, "!%s", err_arg(&err, "line"));
		else
			for (size_t k = 0; k < b.count; k++)
				buf_printf(&got, "%s %.*s %.*s %.*s %s;", listen_bulk_action_name(b.items[k].action), STR_FMT(b.items[k].index),
				           STR_FMT(b.items[k].id), STR_FMT(b.items[k].document),
				           b.items[k].refused != NULL ? b.items[k].refused : "-");
		assert_string_equal(got.n > 0 ? got.p : "", rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
