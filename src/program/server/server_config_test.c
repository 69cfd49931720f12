/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/server/server_config.h"

static void bad_files(void **state)
{
	static const struct {
		const char *text, *key, *place, *arg, *value;
	} rows[] = {
	    {"consol_port = 1", "server.config_unknown_near", "1", "nearest", "console_port"},
	    {"# x\n\nzzzzzzzzzz = 1", "server.config_unknown", "3", "name", "zzzzzzzzzz"},
	    {"console_port", "server.config_syntax", "1", "", ""},
	    {"console_port = 1\nconsole_port = 1", "server.config_twice", "2", "name", "console_port"},
	    {"console_port = 65536", "server.config_number", "1", "max", "65535"},
	    {"console_port = -1", "server.config_number", "1", "value", "-1"},
	    {"console_port = 8443x", "server.config_number", "1", "value", "8443x"},
	    {"console_port =", "server.config_number", "1", "name", "console_port"},
	    {"log = yaml", "server.config_choice", "1", "choices", "auto json"},
	    {"data_dir = ", "server.config_text", "1", "name", "data_dir"},
	    {"user = aaaaaaaaaabbbbbbbbbbccccccccccddd", "server.config_text", "1", "max", "32"},
	    {"\xff = 1", "server.config_syntax", "1", "", ""},
	    {" = 1", "server.config_unknown", "1", "name", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct server_config config = {0};
		struct err err = {0};
		assert_int_equal(server_config_parse(arena, str_c(rows[i].text), &config, &err), -EINVAL);
		assert_string_equal(err.key, rows[i].key);
		assert_string_equal(err.place, rows[i].place);
		assert_string_equal(err_arg(&err, rows[i].arg), rows[i].value);
	}
}

static void a_good_file(void **state)
{
	char path[] = "/tmp/luytre-config-XXXXXX";
	cleanup(arena) struct arena *arena = arena_new(0);
	struct server_config config;
	struct err err = {0};
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd,
					STR("# Cần Thơ\r\nconsole_port=1\n  public_names = a.example, 192.0.2.1\tb \n"
					    "log = json\ndata_dir = /x\n"),
					&err),
			 0);
	(void)close(fd);
	assert_int_equal(server_config_load(arena, path, NULL, &config, &err), 0);
	assert_int_equal(config.console_port, 1);
	assert_int_equal(config.events_port, 8444);
	assert_int_equal(config.log, SERVER_LOG_JSON);
	assert_string_equal(config.public_names[0], "a.example");
	assert_string_equal(config.public_names[1], "192.0.2.1");
	assert_string_equal(config.public_names[2], "b");
	assert_null(config.public_names[3]);
	assert_string_equal(config.database, "sqlite:/x/core/state.db");
	/* --data is stronger than the file. */
	assert_int_equal(server_config_load(arena, path, "/y", &config, &err), 0);
	assert_string_equal(config.data_dir, "/y");
	assert_string_equal(config.database, "sqlite:/y/core/state.db");
	(void)unlink(path);
	assert_int_equal(server_config_load(arena, path, NULL, &config, &err), -ENOENT);
}

static void errors_name_the_file(void **state)
{
	char path[] = "/tmp/luytre-config-XXXXXX", want[64];
	cleanup(arena) struct arena *arena = arena_new(0);
	struct buf b = BUF_FIXED(want, sizeof(want));
	struct server_config config;
	struct err err = {0};
	(void)state;
	int fd = mkstemp(path);
	assert_int_equal(file_write_all(fd, STR("\nworker = 3\n"), &err), 0);
	(void)close(fd);
	assert_int_equal(server_config_load(arena, path, NULL, &config, &err), -EINVAL);
	buf_printf(&b, "%s:2", path);
	assert_string_equal(err.place, want);
	assert_string_equal(err_arg(&err, "nearest"), "workers");
	(void)unlink(path);
}

/* What is written reads the same; what differs is named, on its side of the mark. */
static void written_and_compared(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf text = BUF_INIT(65536), again = BUF_INIT(65536), applied = BUF_INIT(4096), waiting = BUF_INIT(4096);
	struct server_config a, b;
	struct err err = {0};
	(void)state;
	assert_int_equal(server_config_load(arena, NULL, "/x", &a, &err), 0);
	a.log = SERVER_LOG_JSON;
	a.database = "postgresql://u:p@h/d?a=b";
	server_config_write(&a, &text);
	assert_int_equal(server_config_from_text(arena, buf_str(&text), NULL, &b, &err), 0);
	server_config_write(&b, &again);
	assert_string_equal(text.p, again.p);
	server_config_changes(&a, &b, true, &applied);
	server_config_changes(&a, &b, false, &waiting);
	assert_int_equal(applied.n + waiting.n, 0);
	b.spool_limit_mb = 100;
	b.log = SERVER_LOG_AUTO;
	b.workers = 1;
	server_config_changes(&a, &b, true, &applied);
	server_config_changes(&a, &b, false, &waiting);
	assert_string_equal(applied.p, "spool_limit_mb, log");
	assert_string_equal(waiting.p, "workers");
	server_config_take_reloadable(&a, &b);
	assert_int_equal(a.spool_limit_mb, 100);
	assert_true(a.workers != 1);
}

static void defaults_and_help(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf help = BUF_INIT(65536);
	struct server_config config;
	(void)state;
	assert_int_equal(server_config_load(arena, NULL, NULL, &config, NULL), 0);
	assert_non_null(config.public_names[0]);
	assert_int_equal(config.agent_port, 8445);
	for (int lang = 0; lang < MSG_LANG__COUNT; lang++) {
		buf_clear(&help);
		server_config_help(&msg_catalogue_all, (enum msg_lang)lang, &help);
		assert_true(str_find(buf_str(&help), STR("agent_port = 8445")) != SIZE_MAX);
		/* Every setting is explained: a key without a text would be printed as it is. */
		assert_int_equal(str_find(buf_str(&help), STR("setting.")), SIZE_MAX);
		assert_int_equal(str_find(buf_str(&help), STR("server.usage")), SIZE_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_files),
	    cmocka_unit_test(a_good_file),
	    cmocka_unit_test(errors_name_the_file),
	    cmocka_unit_test(written_and_compared),
	    cmocka_unit_test(defaults_and_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
