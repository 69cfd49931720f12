/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/db/db_test_support.h"
#include "service/audit/audit_internal.h"

static void must(int r, const struct err *err)
{
	if (r < 0)
		db_test_fail("unexpected", err);
}

static void record(struct db *db, const char *action)
{
	struct err err = {.code = 0};
	struct service_context sc = {.db = db};
	struct access access = {.kind = ACCESS_ACCOUNT, .account_id = uuid_new(), .name = STR("Nguyễn Văn Hải"), .peer = STR("10.0.0.1")};
	must(audit_record(&sc, &access, &(struct audit_entry){.action = action, .object_type = "unit", .object_id = uuid_new(),
	                                                     .details = STR("{\"a\":1}")}, &err), &err);
}

static int run_sql(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_exec(tx, err, ctx);
}

static const struct {
	char sql[120];
	int64_t bad_number;
	const char *reason;
} harms[] = {
	{"UPDATE audit SET action = 'x' WHERE number = 3", 3, "hash"},
	{"UPDATE audit SET account_id = NULL WHERE number = 1", 1, "hash"},
	{"UPDATE audit SET at = at + 1 WHERE number = 700", 700, "hash"},
	{"DELETE FROM audit WHERE number = 5", 5, "gap"},
	{"DELETE FROM audit WHERE number > 698", 699, "gap"},
	{"DELETE FROM audit", 1, "gap"},
	{"UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE number = 2)", 700, "head"},
	{"UPDATE audit SET hash = (SELECT hash FROM audit a WHERE a.number = 1) WHERE number = 2", 2, "hash"},
};

static void chain(struct db *db, const char *url)
{
	(void)url;
	struct err err = {.code = 0};
	must(db_migrate(db, audit_service.migrations, audit_service.migration_count, &err), &err);
	struct service_context sc = {.db = db};
	struct audit_verdict v;
	must(audit_verify(&sc, &v, &err), &err);
	assert_true(v.ok);
	assert_int_equal(v.records, 0);
	for (unsigned i = 0; i < 700; i++)
		record(db, i % 2 == 0 ? "unit.moved" : "unit.renamed");
	must(audit_verify(&sc, &v, &err), &err);
	assert_true(v.ok);
	assert_int_equal(v.records, 700);
	unsigned char noted[SHA256_SIZE];
	(void)memcpy(noted, v.head, sizeof noted);
	record(db, "unit.moved");
	must(audit_verify_noted(&sc, noted, &v, &err), &err);
	assert_true(v.ok && v.noted_number == 700 && v.records == 701);
	noted[31] ^= 1;
	must(audit_verify_noted(&sc, noted, &v, &err), &err);
	assert_true(v.ok && v.noted_number == -1);
	(void)memset(noted, 0, sizeof noted);
	must(audit_verify_noted(&sc, noted, &v, &err), &err);
	assert_true(v.ok && v.noted_number == 0);
	char one_less[] = "DELETE FROM audit WHERE number = 701";
	char head_back[] = "UPDATE audit_head SET number = 700, hash = (SELECT hash FROM audit WHERE number = 700)";
	must(db_write(db, run_sql, one_less, &err), &err);
	must(db_write(db, run_sql, head_back, &err), &err);
	char keep[] = "CREATE TABLE keep AS SELECT * FROM audit", keep_head[] = "CREATE TABLE keep_head AS SELECT * FROM audit_head";
	must(db_write(db, run_sql, keep, &err), &err);
	must(db_write(db, run_sql, keep_head, &err), &err);
	char empty[] = "DELETE FROM audit", refill[] = "INSERT INTO audit SELECT * FROM keep";
	char empty_head[] = "DELETE FROM audit_head", refill_head[] = "INSERT INTO audit_head SELECT * FROM keep_head";
	for (size_t i = 0; i < ARRAY_LEN(harms); i++) {
		char sql[sizeof harms[i].sql];
		(void)memcpy(sql, harms[i].sql, sizeof sql);
		must(db_write(db, run_sql, sql, &err), &err);
		must(audit_verify(&sc, &v, &err), &err);
		assert_false(v.ok);
		assert_int_equal(v.bad_number, harms[i].bad_number);
		assert_string_equal(v.reason, harms[i].reason);
		must(db_write(db, run_sql, empty, &err), &err);
		must(db_write(db, run_sql, refill, &err), &err);
		must(db_write(db, run_sql, empty_head, &err), &err);
		must(db_write(db, run_sql, refill_head, &err), &err);
		must(audit_verify(&sc, &v, &err), &err);
		assert_true(v.ok);
	}
}

static void *write_some(void *ctx)
{
	for (unsigned i = 0; i < 25; i++)
		record(ctx, "race");
	return NULL;
}

/* Two processes append at once: one chain, no gap. */
static void two_writers(struct db *db, const char *url)
{
	struct err err = {.code = 0};
	must(db_migrate(db, audit_service.migrations, audit_service.migration_count, &err), &err);
	cleanup(db) struct db *other = NULL;
	must(db_open(url, 2, &other, &err), &err);
	struct db *handles[] = {db, other, db, other};
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_some, handles[i]), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	struct service_context sc = {.db = db};
	struct audit_verdict v;
	must(audit_verify(&sc, &v, &err), &err);
	assert_true(v.ok);
	assert_int_equal(v.records, 100);
}

/* The canonical form is a contract with offline verifiers: this digest was computed by hand (python3 hashlib). */
static void canonical(void **state)
{
	(void)state;
	struct audit_row row = {
		.number = 1, .at = 1000000, .account_name = STR("a"), .kind = STR("system"), .peer = STR(""),
		.action = STR("test"), .object_type = STR(""), .details = STR("{}"),
	};
	(void)memset(row.object_id.b, 0xab, sizeof row.object_id.b);
	unsigned char zero[SHA256_SIZE] = {0}, out[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	audit_hash(zero, &row, out);
	assert_string_equal(sha256_hex(out, hex), "2e90c15bdd5eecf920697fd601da071033e2cb8ad445f7db2ea123d45a8b7640");
}

static void each_chain(void **state)
{
	(void)state;
	db_test_each(chain);
}
static void each_two_writers(void **state)
{
	(void)state;
	db_test_each(two_writers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(canonical), cmocka_unit_test(each_chain),
	                                   cmocka_unit_test(each_two_writers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
