/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "service/endpoint/endpoint.h"
#include "service/incident/incident.h"
#include "service/protection/protection.h"
#include "service/sample/sample.h"
#include "service/service_test_support.h"

static const struct {
	const char *sql;
	int64_t n;
} counts[] = {
	{"SELECT count(*) FROM unit WHERE kind IN ('ward', 'commune') AND sample = 1", 103},
	{"SELECT count(*) FROM unit WHERE code = '92' AND sample = 1", 1},
	{"SELECT count(*) FROM account WHERE sample = 1", 9},
	{"SELECT count(DISTINCT role) FROM account_grant", 9},
	{"SELECT count(*) FROM endpoint WHERE sample = 1", 357},
	{"SELECT count(DISTINCT state) FROM endpoint", 4},
	{"SELECT count(*) FROM alert WHERE sample = 1", 3},
	{"SELECT count(*) FROM alert", 3},
	{"SELECT count(*) FROM detection WHERE sample = 1", 3},
	{"SELECT count(*) FROM incident WHERE sample = 1 AND state = 'responding'", 1},
	{"SELECT count(*) FROM incident", 1},
};

static void load(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	struct service quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &alert_service, &incident_service, NULL};
	world_init_bare(&w, db, "/nonexistent", rooms);
	char dir[600];
	(void)snprintf(dir, sizeof dir, "%s/vn/sample/cantho", w.sc.packs_dir);
	for (int round = 0; round < 2; round++) { /* again changes nothing */
		world_must(sample_load(&w.sc, dir, STR("Mat-khau-mau-2026!"), &err), &err);
		for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
			if (world_sql_count(&w, counts[i].sql) != counts[i].n)
				(void)fprintf(stderr, "%s\n", counts[i].sql);
			assert_int_equal(world_sql_count(&w, counts[i].sql), counts[i].n);
		}
		world_clock += USEC_PER_HOUR;
	}
	/* Seen again with each loading, and never called silent by the tick. */
	assert_int_equal(world_sql_count(&w, "SELECT max(last_seen_at) FROM endpoint"), world_clock - USEC_PER_HOUR);
	int64_t silent = world_sql_count(&w, "SELECT count(*) FROM endpoint WHERE state = 2");
	world_clock += 30 * USEC_PER_DAY;
	world_must(endpoint_service.on_tick(&w.sc, &err), &err);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM endpoint WHERE state = 2"), silent);
	world_done(&w);
}

static void no_folder(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	const struct service *rooms[] = {NULL};
	world_init_bare(&w, db, "/nonexistent", rooms);
	assert_true(sample_load(&w.sc, "/nonexistent/city", STR("Mat-khau-mau-2026!"), &err) < 0);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM unit"), 0);
	world_done(&w);
}

static void load_each(void **state)
{
	(void)state;
	db_test_each(load);
}

static void no_folder_each(void **state)
{
	(void)state;
	db_test_each(no_folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(load_each), cmocka_unit_test(no_folder_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
