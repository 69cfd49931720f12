/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The pieces by themselves; making and restoring a whole server is tests/backup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/backup/backup_internal.h"

static void parts_that_cover(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} rows[] = {
		{"20261121_1_3_1", "20261121_2_2_0", true},  {"20261121_1_3_1", "20261121_1_3_0", true},
		{"20261121_1_3_1", "20261121_1_3_1", false}, {"20261121_1_3_1", "20261121_3_4_0", false},
		{"20261122_1_3_1", "20261121_2_2_0", false}, {"20261121_2_2_0", "20261121_1_3_1", false},
		{"all_1_1_0_5", "all_1_1_0", true},          {"tmp_insert_1_1_0", "all_1_1_0", false},
		{"detached", "all_1_1_0", false},            {"all_1_9_2", "delete_tmp_all_1_1_0", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(backup_part_covers(str_c(rows[i].outer), str_c(rows[i].inner)), rows[i].covers);
}

static void names_there_and_back(void **state)
{
	static const char *const good[] = {"a", "sổ tay/ghi chú (1).yaml", "100%/x", "fields%2Esize0.bin"};
	static const char *const bad[] = {"a%2Fb", "%2e%2e/a", "..", "a/%00", "%zz", "%4", "a//b"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		cleanup_buf struct buf encoded = BUF_INIT(4096), decoded = BUF_INIT(4096);
		backup_name_encode(&encoded, str_c(good[i]));
		assert_true(container_name_is_good(buf_str(&encoded)));
		assert_true(backup_name_decode(&decoded, buf_str(&encoded)));
		assert_string_equal(decoded.p, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cleanup_buf struct buf decoded = BUF_INIT(4096);
		assert_false(backup_name_decode(&decoded, str_c(bad[i])));
	}
}

static void secrets_are_told(void **state)
{
	(void)state;
	assert_true(backup_is_secret(STR("key/ca.key.pem")));
	assert_true(backup_is_secret(STR("key/ca.pem")));
	assert_true(backup_is_secret(STR("core/totp.key")));
	assert_true(backup_is_secret(STR("core/setup-code")));
	assert_true(backup_is_secret(STR("core/account-key")));
	assert_true(backup_is_secret(STR("account-key")));
	assert_false(backup_is_secret(STR("core/keys/readme")));
	assert_false(backup_is_secret(STR("spool/0000000000000001.seg")));
	assert_false(backup_is_secret(STR("core/bundles/x.ltbundle")));
	assert_true(backup_is_remade(STR("core/server.key.pem")));
	assert_false(backup_is_remade(STR("key/ca.key.pem")));
}

static int take_key(void *ctx, struct str relative, struct str bytes, unsigned mode, struct err *err)
{
	struct buf *out = ctx;
	(void)err;
	buf_printf(out, "%.*s=%.*s:%o ", STR_FMT(relative), STR_FMT(bytes), mode);
	return 0;
}

static void add_key(struct backup_items *keys, const char *name, char *bytes)
{
	struct backup_item *item = backup_items_add(keys, name);
	item->bytes = bytes;
	item->size = strlen(bytes);
	item->mode = 0600;
}

static void keys_there_and_back(void **state)
{
	(void)state;
	struct backup_secret secret, same, other;
	struct backup_items keys;
	char one[] = "PRIVATE", two[] = "";
	cleanup_buf struct buf sealed = BUF_INIT(BACKUP_KEYS_LIMIT), opened = BUF_INIT(4096), manifest = BUF_INIT(65536);
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct backup_about about = {.version = "0.1.0", .audit_head = "00"};
	const struct json *j;
	struct err err = {0};
	backup_items_init(&keys);
	add_key(&keys, "key/ca.key.pem", one);
	add_key(&keys, "key/empty.key", two);
	assert_int_equal(backup_secret_make(STR("ngắn"), &secret, &err), -EINVAL);
	assert_int_equal(backup_secret_make(STR("cụm mật khẩu"), &secret, NULL), 0);
	assert_int_equal(backup_keys_seal(&secret, &keys, &sealed, NULL), 0);
	assert_true(str_find(buf_str(&sealed), STR("PRIVATE")) == SIZE_MAX);
	backup_about_write(&about, &secret, &manifest);
	assert_int_equal(json_parse(arena, buf_str(&manifest), NULL, &j, NULL), 0);
	assert_int_equal(backup_secret_of(STR("cụm mật khẩu"), j, &same, NULL), 0);
	assert_int_equal(backup_secret_of(STR("cụm mật khâu"), j, &other, NULL), 0);
	assert_memory_equal(secret.mac, same.mac, sizeof same.mac);
	assert_memory_not_equal(secret.mac, other.mac, sizeof same.mac);
	assert_memory_not_equal(secret.mac, secret.seal, sizeof same.mac);
	assert_int_equal(backup_keys_open(&same, buf_str(&sealed), take_key, &opened, NULL), 0);
	assert_string_equal(opened.p, "key/ca.key.pem=PRIVATE:600 key/empty.key=:600 ");
	assert_int_equal(backup_keys_open(&other, buf_str(&sealed), take_key, &opened, &err), -EBADMSG);
	assert_string_equal(err.key, "backup.passphrase");
	sealed.p[sealed.n / 2] ^= 1;
	assert_int_equal(backup_keys_open(&same, buf_str(&sealed), take_key, &opened, &err), -EBADMSG);
	backup_items_done(&keys);
}

static void versions(void **state)
{
	static const struct {
		const char *theirs, *ours;
		int expected;
	} rows[] = {{"0.1.0", "0.1.0", 0}, {"0.1.0", "0.2.0", 0}, {"0.10.0", "0.9.9", -ESTALE}, {"1.0.0", "0.99.99", -ESTALE}, {"", "0.1.0", 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct backup_about about = {0};
		str_copy_c(str_c(rows[i].theirs), about.version, sizeof about.version);
		assert_int_equal(backup_about_check(&about, rows[i].ours, NULL), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_that_cover),    cmocka_unit_test(names_there_and_back), cmocka_unit_test(secrets_are_told),
		cmocka_unit_test(keys_there_and_back), cmocka_unit_test(versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
