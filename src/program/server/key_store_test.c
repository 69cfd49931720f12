/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "platform/crypto/crypto.h"
#include "program/server/key_protocol.h"
#include "program/server/key_store.h"

#define NOW       ((usec_t)1790000000 * USEC_PER_SEC)
#define UUID_TEXT "0193a5f0-0000-7000-8000-000000000001"

static const char *const public_names[] = {"soc.example", "192.0.2.1", NULL};

struct fixture {
	char dir[64];
	struct key_store *store;
};

static int set_up(void **state)
{
	struct fixture *f = MEM_NEW(struct fixture);
	struct err err = {0};
	str_copy_c(STR("/tmp/luytre-keys-XXXXXX"), f->dir, sizeof(f->dir));
	if (mkdtemp(f->dir) == NULL || key_store_open(f->dir, public_names, NOW, &f->store, &err) < 0)
		return -1;
	*state = f;
	return 0;
}

static const char *const files[] = {"ca.key.pem", "ca.pem",           "bundle.key.pem",
				    "bundle.pem", "document.key.pem", "document.pem"};

static const char *path_in(const struct fixture *f, const char *name)
{
	static char path[128];
	struct buf b = BUF_FIXED(path, sizeof(path));
	buf_printf(&b, "%s/%s", f->dir, name);
	return path;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	key_store_free(f->store);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		(void)unlink(path_in(f, files[i]));
	(void)rmdir(f->dir);
	mem_free(f);
	return 0;
}

static struct proc_message csr_message(const char *name, uint64_t use, usec_t not_after, const char *const *names)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf struct buf csr = BUF_INIT(4096);
	struct proc_message m = proc_message_init(KEY_SIGN_CSR);
	uint64_t count = 0;
	assert_int_equal(crypto_key_generate(&key, NULL), 0);
	assert_int_equal(crypto_csr(key, "any", &csr, NULL), 0);
	while (names != NULL && names[count] != NULL)
		count++;
	proc_put_str(&m, buf_str(&csr));
	proc_put_u64(&m, use);
	proc_put_str(&m, str_c(name));
	proc_put_u64(&m, (uint64_t)not_after);
	proc_put_u64(&m, count);
	for (uint64_t i = 0; i < count; i++)
		proc_put_str(&m, str_c(names[i]));
	return m;
}

/* Sends m and frees it; the reply's texts are copied to out. */
static int ask(struct fixture *f, struct proc_message m, struct buf *out, unsigned texts)
{
	struct proc_message reply;
	struct err err = {0};
	m.id = 77;
	int r = key_store_answer(f->store, &m, NOW, &reply, &err);
	assert_int_equal(reply.id, 77);
	assert_int_equal(reply.type, r == 0 ? KEY_DONE : KEY_REFUSED);
	if (r == 0)
		for (unsigned i = 0; i < texts; i++) {
			buf_clear(&out[i]);
			buf_append(&out[i], proc_get_str(&reply, 65536));
		}
	else
		assert_true(proc_get_u64(&reply) == (uint64_t)-r && str_eq_c(proc_get_str(&reply, 64), err.key));
	assert_true(proc_message_complete(&reply));
	proc_message_done(&reply);
	proc_message_done(&m);
	return r;
}

static void rules_of_certificates(void **state)
{
	static const char *const one[] = {"soc.example", NULL}, *const both[] = {"192.0.2.1", "soc.example", NULL};
	static const char *const foreign[] = {"soc.example", "bank.example", NULL}, *const none[] = {NULL};
	const struct {
		const char *name;
		uint64_t use;
		usec_t days;
		const char *const *names;
		int want;
	} rows[] = {
	    {"soc.example", KEY_USE_SERVER, 90, one, 0},
	    {"soc.example", KEY_USE_SERVER, 397, both, 0},
	    {"soc.example", KEY_USE_SERVER, 398, both, -EACCES},
	    {"soc.example", KEY_USE_SERVER, 0, one, -EACCES},
	    {"soc.example", KEY_USE_SERVER, -1, one, -EACCES},
	    {"soc.example", KEY_USE_SERVER, 90, foreign, -EACCES},
	    {"soc.example", KEY_USE_SERVER, 90, none, -EINVAL},
	    {UUID_TEXT, KEY_USE_CLIENT, 365, none, 0},
	    {UUID_TEXT, KEY_USE_CLIENT, 731, none, -EACCES},
	    {UUID_TEXT, KEY_USE_CLIENT, 365, one, -EACCES},
	    {"admin", KEY_USE_CLIENT, 365, none, -EACCES},
	    {UUID_TEXT, 2, 365, none, -EPROTO}, /* a CA is no use */
	    {UUID_TEXT, UINT64_MAX, 365, none, -EPROTO},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_buf struct buf cert = BUF_INIT(65536);
		struct proc_message m =
		    csr_message(rows[i].name, rows[i].use, NOW + rows[i].days * USEC_PER_DAY, rows[i].names);
		assert_int_equal(ask(f, m, &cert, 1), rows[i].want);
		if (rows[i].want < 0)
			continue;
		cleanup_buf struct buf ca = BUF_INIT(65536);
		struct crypto_cert_info info;
		assert_int_equal(file_read(path_in(f, "ca.pem"), 65536, &ca, NULL), 0);
		assert_int_equal(crypto_cert_verify(buf_str(&cert), buf_str(&ca), NOW, NULL), 0);
		assert_int_equal(crypto_cert_info(buf_str(&cert), &info, NULL), 0);
		assert_string_equal(info.common_name, rows[i].name);
		assert_true(info.for_client == (rows[i].use == KEY_USE_CLIENT) && !info.is_ca);
	}
}

static void signatures(void **state)
{
	struct fixture *f = *state;
	struct buf texts[3] = {BUF_INIT(65536), BUF_INIT(65536), BUF_INIT(65536)};
	cleanup_buf struct buf signature = BUF_INIT(256);
	cleanup(crypto_key) struct crypto_key *bundle = NULL, *document = NULL;
	unsigned char digest[SHA256_SIZE];
	assert_int_equal(ask(f, proc_message_init(KEY_PUBLIC), texts, 3), 0);
	assert_int_equal(crypto_key_from_pem(buf_str(&texts[1]), &bundle, NULL), 0);
	assert_int_equal(crypto_cert_key(buf_str(&texts[2]), &document, NULL), 0);
	assert_int_equal(crypto_cert_verify(buf_str(&texts[2]), buf_str(&texts[0]), NOW, NULL), 0);

	struct proc_message m = proc_message_init(KEY_SIGN_BUNDLE);
	proc_put_str(&m, STR(KEY_BUNDLE_PREFIX "{}"));
	assert_int_equal(ask(f, m, &signature, 1), 0);
	assert_int_equal(crypto_verify(bundle, STR(KEY_BUNDLE_PREFIX "{}"), buf_str(&signature), NULL), 0);

	sha256(STR("a document"), digest);
	m = proc_message_init(KEY_SIGN_DOCUMENT);
	proc_put_str(&m, str_n(digest, sizeof(digest)));
	assert_int_equal(ask(f, m, &signature, 1), 0);
	assert_int_equal(crypto_verify(document, STR("a document"), buf_str(&signature), NULL), 0);
	assert_int_equal(crypto_verify(bundle, STR("a document"), buf_str(&signature), NULL), -EBADMSG);
	for (unsigned i = 0; i < 3; i++)
		buf_done(&texts[i]);
}

/* Anything but the exact shape is refused: every cut, one byte more, unknown types, wrong lengths. */
static void malformed_requests(void **state)
{
	struct fixture *f = *state;
	static const char *const one[] = {"soc.example", NULL};
	struct proc_message whole = csr_message("soc.example", KEY_USE_SERVER, NOW + USEC_PER_DAY, one);
	static const struct {
		uint32_t type;
		struct str text;
	} rows[] = {
	    {KEY_SIGN_BUNDLE, STR("{}")},
	    {KEY_SIGN_BUNDLE, STR("")},
	    {KEY_SIGN_DOCUMENT, STR("abc")},
	    {KEY_SIGN_DOCUMENT, STR("0123456789abcdef0123456789abcdef0")},
	    {KEY_DONE, STR("x")},
	    {KEY_REFUSED, STR("x")},
	    {KEY_PUBLIC, STR("x")},
	    {0, STR("x")},
	    {UINT32_MAX, STR("x")},
	};
	for (size_t n = 0; n < whole.payload.n; n += n + 40 < whole.payload.n ? 7 : 1) {
		struct proc_message m = proc_message_init(KEY_SIGN_CSR);
		buf_append(&m.payload, str_sub(buf_str(&whole.payload), 0, n));
		assert_int_equal(ask(f, m, NULL, 0), -EPROTO);
	}
	struct proc_message longer = proc_message_init(KEY_SIGN_CSR);
	buf_append(&longer.payload, buf_str(&whole.payload));
	proc_put_u64(&longer, 1);
	assert_int_equal(ask(f, longer, NULL, 0), -EPROTO);
	proc_message_done(&whole);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proc_message m = proc_message_init(rows[i].type);
		proc_put_str(&m, rows[i].text);
		assert_int_equal(ask(f, m, NULL, 0), -EPROTO);
	}
}

static void the_second_start_keeps_all(void **state)
{
	struct fixture *f = *state;
	cleanup_buf struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);
	cleanup(key_store) struct key_store *again = NULL;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(file_read(path_in(f, files[i]), 65536, &before, NULL), 0);
	assert_int_equal(key_store_open(f->dir, public_names, NOW + USEC_PER_DAY, &again, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(file_read(path_in(f, files[i]), 65536, &after, NULL), 0);
	assert_true(str_eq(buf_str(&before), buf_str(&after)));
	for (size_t i = 0; i < ARRAY_LEN(files); i += 2) {
		struct stat s;
		assert_int_equal(stat(path_in(f, files[i]), &s), 0);
		assert_int_equal(s.st_mode & 0777, 0600);
	}
}

/* Keys are never replaced silently. */
static void damage_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct key_store *again = NULL;
	struct err err = {0};
	assert_int_equal(chmod(path_in(f, "ca.key.pem"), 0640), 0);
	assert_int_equal(key_store_open(f->dir, public_names, NOW, &again, &err), -EACCES);
	assert_string_equal(err.key, "server.key_mode");
	assert_int_equal(file_write(path_in(f, "ca.key.pem"), STR("rubbish"), 0600, &err), 0);
	assert_int_equal(key_store_open(f->dir, public_names, NOW, &again, &err), -EINVAL);
	assert_int_equal(unlink(path_in(f, "ca.key.pem")), 0);
	assert_int_equal(key_store_open(f->dir, public_names, NOW, &again, &err), -ENOENT);
	assert_string_equal(err.key, "server.key_missing");
	assert_false(file_exists(path_in(f, "ca.key.pem")));
	assert_null(again);
}

/* A crash between key and certificate: the next start makes the certificate. */
static void half_a_first_start(void **state)
{
	struct fixture *f = *state;
	cleanup(key_store) struct key_store *again = NULL;
	assert_int_equal(unlink(path_in(f, "ca.pem")), 0);
	assert_int_equal(unlink(path_in(f, "document.pem")), 0);
	assert_int_equal(key_store_open(f->dir, public_names, NOW, &again, NULL), 0);
	assert_true(file_exists(path_in(f, "ca.pem")) && file_exists(path_in(f, "document.pem")));
}

/* The document certificate is renewed in time; the CA stays. */
static void document_certificate_renews(void **state)
{
	struct fixture *f = *state;
	cleanup(key_store) struct key_store *again = NULL;
	cleanup_buf struct buf before = BUF_INIT(65536), after = BUF_INIT(65536);
	usec_t later = NOW + (KEY_DOCUMENT_DAYS - 30) * USEC_PER_DAY;
	struct crypto_cert_info info;
	assert_int_equal(file_read(path_in(f, "ca.pem"), 65536, &before, NULL), 0);
	assert_int_equal(key_store_open(f->dir, public_names, later, &again, NULL), 0);
	assert_int_equal(file_read(path_in(f, "document.pem"), 65536, &after, NULL), 0);
	assert_int_equal(crypto_cert_info(buf_str(&after), &info, NULL), 0);
	assert_true(info.not_after > later + 365 * USEC_PER_DAY);
	assert_int_equal(crypto_cert_verify(buf_str(&after), buf_str(&before), later, NULL), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(rules_of_certificates),       TEST(signatures),         TEST(malformed_requests),
	    TEST(the_second_start_keeps_all),  TEST(damage_is_an_error), TEST(half_a_first_start),
	    TEST(document_certificate_renews),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
