/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "program/agent/agent_share_message.h"

#define NOW (1800000000 * USEC_PER_SEC)

static struct {
	struct crypto_key *ca_key, *key;
	struct buf ca, other_ca, cert; /* PEM */
	struct uuid id;
} t;

static void issue(struct crypto_key *key, const char *name, enum crypto_cert_use use, struct str ca, struct crypto_key *ca_key, struct buf *ret)
{
	struct buf csr = BUF_INIT(10000);
	*ret = BUF_INIT(10000);
	assert_int_equal(crypto_csr(key, name, &csr, NULL), 0);
	const struct crypto_cert_request req = {.csr_pem = buf_str(&csr), .common_name = name, .use = use, .not_before = NOW - USEC_PER_DAY, .not_after = NOW + USEC_PER_DAY};
	assert_int_equal(crypto_cert_issue(&req, ca, ca_key, ret, NULL), 0);
	buf_done(&csr);
}

static int set_up(void **state)
{
	(void)state;
	char name[UUID_TEXT_SIZE];
	t.id = uuid_new();
	assert_int_equal(crypto_key_generate(&t.ca_key, NULL), 0);
	assert_int_equal(crypto_key_generate(&t.key, NULL), 0);
	issue(t.ca_key, "CA", CRYPTO_CERT_CA, STR_EMPTY, t.ca_key, &t.ca);
	issue(t.key, "Other CA", CRYPTO_CERT_CA, STR_EMPTY, t.key, &t.other_ca);
	issue(t.key, uuid_text(&t.id, name), CRYPTO_CERT_CLIENT, buf_str(&t.ca), t.ca_key, &t.cert);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	crypto_key_free(t.ca_key);
	crypto_key_free(t.key);
	buf_done(&t.ca);
	buf_done(&t.other_ca);
	buf_done(&t.cert);
	return 0;
}

static void der(const struct buf *pem, struct buf *out)
{
	struct buf plain = BUF_INIT(10000);
	struct str rest = buf_str(pem), line;
	while (str_split(&rest, '\n', &line))
		if (!str_starts_with(line, STR("-----")))
			buf_append(&plain, line);
	assert_true(buf_append_base64_decoded(out, buf_str(&plain)));
	buf_done(&plain);
}

static void datagram(const struct agent_share_word *word, struct buf *out)
{
	struct buf cert = BUF_INIT(10000);
	struct err err = {0};
	der(&t.cert, &cert);
	assert_int_equal(agent_share_write(word, buf_str(&cert), t.key, out, &err), 0);
	buf_done(&cert);
}

static struct agent_share_word a_word(void)
{
	struct agent_share_word w = {.id = t.id, .sequence = 77, .port = 8446, .fetching = true};
	memset(w.want, 'a', 64);
	memset(w.have, '0', 64);
	return w;
}

static const char *fault(struct str bytes, const struct buf *ca, usec_t now)
{
	static struct err err;
	static char what[64];
	struct agent_share_word word;
	err_clear(&err);
	if (agent_share_read(bytes, buf_str(ca), now, &word, &err) == 0)
		return "good";
	assert_string_equal(err.key, "agent.share_message");
	str_copy_c(str_c(err.args[0].value), what, sizeof what);
	return what;
}

static void words_come_through(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(4096);
	struct agent_share_word word = a_word(), got;
	datagram(&word, &out);
	assert_in_range(out.n, 300, AGENT_SHARE_MESSAGE_MOST);
	assert_int_equal(agent_share_read(buf_str(&out), buf_str(&t.ca), NOW, &got, NULL), 0);
	assert_memory_equal(&got.id, &word.id, sizeof got.id);
	assert_string_equal(got.want, word.want);
	assert_string_equal(got.have, word.have);
	assert_true(got.fetching && got.sequence == 77 && got.port == 8446);
	buf_done(&out);
}

static void strangers_are_refused(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(4096), other = BUF_INIT(4096);
	struct agent_share_word word = a_word();
	datagram(&word, &out);
	assert_string_equal(fault(buf_str(&out), &t.other_ca, NOW), "certificate");
	assert_string_equal(fault(buf_str(&out), &t.ca, NOW + 2 * USEC_PER_DAY), "certificate");
	/* Every byte counts, and every cut. */
	for (size_t i = 0; i < out.n; i++) {
		out.p[i] ^= 1;
		assert_string_not_equal(fault(buf_str(&out), &t.ca, NOW), "good");
		out.p[i] ^= 1;
	}
	for (size_t n = 0; n < out.n; n += 7)
		assert_string_equal(fault(str_sub(buf_str(&out), 0, n), &t.ca, NOW), "form");
	/* One of ours that speaks for another machine. */
	word.id = uuid_new();
	datagram(&word, &other);
	assert_string_equal(fault(buf_str(&other), &t.ca, NOW), "name");
	buf_done(&out);
	buf_done(&other);
}

static void bodies(void **state)
{
	(void)state;
#define ID "\"id\":\"0194c5a1-7e2b-7c3d-8e4f-5a6b7c8d9e0f\""
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{"{" ID ",\"sequence\":1,\"port\":1}", 0},
		{"{" ID ",\"sequence\":1,\"port\":1,\"later\":[]}", 0},
		{"{" ID ",\"sequence\":1,\"port\":0}", -EBADMSG},
		{"{" ID ",\"sequence\":1,\"port\":65536}", -EBADMSG},
		{"{" ID ",\"sequence\":-1,\"port\":1}", -EBADMSG},
		{"{" ID ",\"sequence\":1,\"port\":1,\"have\":\"zz\"}", -EBADMSG},
		{"{\"sequence\":1,\"port\":1}", -EBADMSG},
		{"[]", -EBADMSG},
		{"", -EBADMSG},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct agent_share_word word;
		assert_int_equal(agent_share_read_body(str_c(rows[i].text), &word, NULL), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(words_come_through), cmocka_unit_test(strangers_are_refused), cmocka_unit_test(bodies)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
