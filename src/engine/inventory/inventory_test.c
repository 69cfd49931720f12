/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "engine/inventory/inventory.h"

static void put(const char *root, const char *path, const char *text)
{
	struct buf name = BUF_INIT(1000);
	buf_printf(&name, "%s%s", root, path);
	char *slash = strrchr(name.p, '/');
	*slash = '\0';
	assert_int_equal(file_make_dirs(name.p, 0755, NULL), 0);
	*slash = '/';
	assert_int_equal(file_write(name.p, str_c(text), 0644, NULL), 0);
	buf_done(&name);
}

static const char status[] = "Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nArchitecture: amd64\n"
                             "Description: shell\n Version: not this one\n\n"
                             "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
                             "Package: hello\nVersion: 2.10\nstatus: install ok installed\n";

static void facts_come_from_the_files(void **state)
{
	(void)state;
	char root[] = "/tmp/luytre-inventory-XXXXXX";
	assert_non_null(mkdtemp(root));
	put(root, "/etc/os-release", "PRETTY_NAME=\"Debian \\\"12\\\"\"\nID=debian\nVERSION_ID='12'\n");
	put(root, "/etc/machine-id", "abc123\n");
	put(root, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/no\nlan:x:1000:1000:Lan:/home/lan:/bin/sh\nbroken\n"
	                         "nobody:x:65534:65534::/:/no\n");
	put(root, "/etc/group", "sudo:x:27:minh,lan\nusers:x:100:\n");
	put(root, "/var/lib/dpkg/status", status);
	put(root, "/proc/cpuinfo", "processor\t: 0\nmodel name\t: Test CPU\n\nprocessor\t: 1\nmodel name\t: Test CPU\n");
	put(root, "/proc/meminfo", "MemTotal:       1024 kB\n");
	struct buf out = BUF_INIT(INVENTORY_LIMIT), again = BUF_INIT(INVENTORY_LIMIT);
	assert_int_equal(inventory_collect(root, &out, NULL), 0);
	assert_int_equal(inventory_collect(root, &again, NULL), 0);
	assert_true(str_eq(buf_str(&out), buf_str(&again)));
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j = NULL;
	assert_int_equal(json_parse(arena, buf_str(&out), NULL, &j, NULL), 0);
	const struct json *os = json_get(j, "os");
	assert_true(str_eq_c(json_get_str(os, "pretty_name", STR_EMPTY), "Debian \"12\""));
	assert_true(str_eq_c(json_get_str(os, "version", STR_EMPTY), "12"));
	const struct json *packages = json_get(j, "packages");
	assert_int_equal(packages->count, 2);
	assert_true(str_eq_c(json_get_str(packages->child, "version", STR_EMPTY), "5.2.15-2+b7"));
	const struct json *users = json_get(j, "users");
	assert_int_equal(users->count, 2);
	assert_true(json_get_bool(users->child->next, "admin", false));
	const struct json *machine = json_get(j, "machine");
	assert_true(str_eq_c(json_get_str(machine, "id", STR_EMPTY), "abc123"));
	assert_int_equal(json_get_int(machine, "processors", 0), 2);
	assert_int_equal(json_get_int(machine, "memory_bytes", 0), 1048576);
	char first[INVENTORY_HASH_SIZE], second[INVENTORY_HASH_SIZE];
	(void)inventory_hash(buf_str(&out), first);
	put(root, "/etc/machine-id", "other");
	buf_clear(&again);
	assert_int_equal(inventory_collect(root, &again, NULL), 0);
	assert_string_not_equal(first, inventory_hash(buf_str(&again), second));
	buf_done(&out);
	buf_done(&again);
}

static void this_machine_is_described(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(INVENTORY_LIMIT);
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j = NULL;
	assert_int_equal(inventory_collect("", &out, NULL), 0);
	assert_int_equal(json_parse(arena, buf_str(&out), NULL, &j, NULL), 0);
	assert_true(json_get_str(j, "hostname", STR_EMPTY).n > 0);
	buf_clear(&out);
	assert_int_equal(inventory_machine("", &out, NULL), 0);
	assert_int_equal(json_parse(arena, buf_str(&out), NULL, &j, NULL), 0);
	assert_non_null(json_get(j, "os"));
	char boot[64];
	inventory_boot_id(boot, sizeof boot);
	assert_true(strlen(boot) > 10);
	buf_done(&out);
}

static void packages_past_the_limit_are_counted(void **state)
{
	(void)state;
	struct buf text = BUF_INIT((size_t)1 << 20), out = BUF_INIT((size_t)1 << 20);
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "Package: p%d\nStatus: install ok installed\nVersion: 1\n\n", i);
	struct json_writer w = json_writer_init(&out);
	uint64_t left_out = 0;
	json_array(&w);
	inventory_dpkg(buf_str(&text), &w, 1000, &left_out);
	json_array_end(&w);
	assert_true(left_out > 900 && left_out < 1000);
	assert_true(out.n < 1200);
	buf_done(&text);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_come_from_the_files),
		cmocka_unit_test(this_machine_is_described),
		cmocka_unit_test(packages_past_the_limit_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
