/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What is refused, what is written, what is kept in the state database. The store itself: tests/looking_back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"
#include "service/sighting/sighting_internal.h"

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct service quiet_protection;

static void questions(struct world *w)
{
	static const struct {
		const char *target, *key;
		int status;
	} rows[] = {
		{"/api/v1/files/" HASH, "event.search_away", 503},
		{"/api/v1/files/" HASH "0", "sighting.bad_hash", 400},
		{"/api/v1/files/x", "sighting.bad_hash", 400},
		{"/api/v1/files/" HASH "?limit=1001", "api.query", 400},
		{"/api/v1/files/" HASH "?cursor=x", "api.query", 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_answer struct world_answer a =
			world_call(w, &(struct world_call){.as = &w->east_officer, .method = "GET", .target = rows[i].target});
		assert_int_equal(a.status, rows[i].status);
		assert_string_equal(a.key, rows[i].key);
		cleanup_answer struct world_answer nobody =
			world_call(w, &(struct world_call){.as = &w->nobody, .method = "GET", .target = rows[i].target});
		assert_int_equal(nobody.status, 403);
	}
}

static void strangers_tell_nothing(struct world *w)
{
	static const char *const bodies[] = {"{\"files\":[]}", "{\"files\":{}}", "{\"files\":[{\"sha256\":\"x\"}]}"};
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		cleanup_answer struct world_answer a =
			world_call(w, &(struct world_call){.method = "POST", .target = "/agent/v1/files", .body = bodies[i]});
		assert_true(a.status == 400 || a.status == 401 || a.status == 403);
	}
}

/* Bytes as the store reads them: hash, the two words of the id reversed, length and path, … */
static void rows_as_the_store_reads_them(void **state)
{
	(void)state;
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct sighting s = {.host = STR("pc"), .path = STR("/a"), .size_bytes = 258, .first_seen = 3 * USEC_PER_SEC, .last_seen = USEC_PER_SEC << 40};
	for (unsigned char i = 0; i < 16; i++)
		s.endpoint_id.b[i] = i;
	memset(s.sha256, 9, sizeof s.sha256);
	sighting_db_row(&s, &out);
	assert_int_equal(out.n, 32 + 16 + 3 + 16 + 3 + 8 + 4 + 4);
	assert_memory_equal(out.p + 32, "\7\6\5\4\3\2\1\0\17\16\15\14\13\12\11\10", 16);
	assert_memory_equal(out.p + 48, "\2/a", 3);
	assert_memory_equal(out.p + 67, "\2pc\2\1\0\0\0\0\0\0\3\0\0\0\377\377\377\377", 19);
}

static int looked_twice(struct db_tx *tx, void *ctx, struct err *err)
{
	int64_t *version = ctx;
	int r = sighting_db_looked(tx, version, err);
	if (r >= 0 && *version == 0)
		r = sighting_db_set_looked(tx, 7, 1, err);
	if (r >= 0 && *version == 0)
		r = sighting_db_set_looked(tx, 8, 2, err);
	return r < 0 ? r : sighting_db_looked(tx, version, err);
}

static void each(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	int64_t version = -1;
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &alert_service, &sighting_service, NULL};
	world_init(&w, db, "/nonexistent", rooms);
	questions(&w);
	strangers_tell_nothing(&w);
	world_must(db_write(db, looked_twice, &version, &err), &err);
	assert_int_equal(version, 8);
	/* Without a store nothing is looked up, and nothing fails. */
	world_must(sighting_service.on_tick(&w.sc, &err), &err);
	world_done(&w);
}

static void on_each_database(void **state)
{
	(void)state;
	db_test_each(each);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rows_as_the_store_reads_them), cmocka_unit_test(on_each_database)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
