/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Real sockets on loopback into a real pipeline without a store: what arrives is what stands in the counters. */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_test_support.h"
#include "engine/listen/listen.h"
#include "platform/crypto/crypto.h"

#define WAIT_S 30

struct fixture {
	struct event_pipeline *events;
	struct listen *listen;
	struct crypto_key *key;
	struct buf cert_pem, key_pem, client_pem;
};

static bool no_alert(void *ctx, const struct event_alert *alert)
{
	(void)ctx;
	(void)alert;
	return false;
}

/* A CA, and one certificate of its for both sides. */
static void make_certificate(struct fixture *f)
{
	static const char *const names[] = {"127.0.0.1", NULL};
	cleanup_buf struct buf csr = BUF_INIT(8192), ca = BUF_INIT(8192);
	struct err err = {0};
	f->cert_pem = f->key_pem = f->client_pem = BUF_INIT(8192);
	test_ok(crypto_key_generate(&f->key, &err), &err);
	test_ok(crypto_csr(f->key, "test", &csr, &err), &err);
	struct crypto_cert_request request = {.csr_pem = buf_str(&csr), .common_name = "test", .use = CRYPTO_CERT_CA, .dns_names = names,
	                                      .not_before = clock_now() - USEC_PER_HOUR, .not_after = clock_now() + USEC_PER_HOUR};
	test_ok(crypto_cert_issue(&request, STR_EMPTY, f->key, &ca, &err), &err);
	request.use = CRYPTO_CERT_SERVER;
	test_ok(crypto_cert_issue(&request, buf_str(&ca), f->key, &f->cert_pem, &err), &err);
	request.use = CRYPTO_CERT_CLIENT;
	test_ok(crypto_cert_issue(&request, buf_str(&ca), f->key, &f->client_pem, &err), &err);
	test_ok(crypto_key_private_pem(f->key, &f->key_pem, &err), &err);
}

static struct event_sender known(unsigned char n, const char *address)
{
	struct event_sender s = {.source = "device", .id.b[0] = n};
	if (address != NULL)
		test_ok(event_address_parse(str_c(address), &s.address, NULL), NULL);
	return s;
}

static void open_with(struct fixture *f, struct listen_config config, const struct event_sender *senders, size_t count, uint64_t spool)
{
	struct err err = {0};
	*f = (struct fixture){0};
	const struct event_pipeline_config ec = {.dir = test_fresh_dir(), .on_alert = no_alert, .spool_bytes = spool, .segment_bytes = spool / 4};
	test_ok(event_pipeline_start(&ec, &f->events, &err), &err);
	event_pipeline_set_senders(f->events, senders, count);
	make_certificate(f);
	config.events = f->events;
	config.address = "127.0.0.1";
	config.udp_port = config.tcp_port = config.tls_port = LISTEN_ANY_PORT;
	config.cert_pem = f->cert_pem.p;
	config.key_pem = f->key_pem.p;
	test_ok(listen_start(&config, &f->listen, &err), &err);
}

static void close_all(struct fixture *f)
{
	listen_stop(f->listen);
	event_pipeline_stop(f->events);
	crypto_key_free(f->key);
	buf_done(&f->cert_pem);
	buf_done(&f->client_pem);
	buf_done(&f->key_pem);
}

static int connected(const struct fixture *f, enum event_via via)
{
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                               .sin_port = htons((uint16_t)listen_port(f->listen, via))};
	int fd = socket(AF_INET, via == EVENT_VIA_UDP ? SOCK_DGRAM : SOCK_STREAM, 0);
	const struct timeval limit = {.tv_sec = WAIT_S};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void say(int fd, struct str text)
{
	assert_int_equal(send(fd, text.p, text.n, MSG_NOSIGNAL), text.n);
}

static struct event_source_counts counts_of(const struct fixture *f, unsigned char n)
{
	struct event_source_counts rows[16];
	size_t count = event_sources_list(event_pipeline_sources(f->events), 0, rows, ARRAY_LEN(rows));
	for (size_t i = 0; i < count; i++)
		if (rows[i].id.b[0] == n)
			return rows[i];
	return (struct event_source_counts){0};
}

static void nap(void)
{
	const struct timespec t = {.tv_nsec = 5000000};
	(void)nanosleep(&t, NULL);
}

#define EVENTUALLY(condition)                                                                                          \
	do {                                                                                                           \
		usec_t until_ = clock_monotonic() + WAIT_S * USEC_PER_SEC;                                             \
		while (!(condition) && clock_monotonic() < until_)                                                     \
			nap();                                                                                         \
		assert_true(condition);                                                                                \
	} while (0)

static void test_udp_and_tcp(void **state)
{
	(void)state;
	struct fixture f;
	const struct event_sender senders[] = {known(1, "127.0.0.0/8")};
	open_with(&f, (struct listen_config){0}, senders, 1, 0);
	int udp = connected(&f, EVENT_VIA_UDP), lines = connected(&f, EVENT_VIA_TCP), counted = connected(&f, EVENT_VIA_TCP);
	say(udp, STR("<13>one"));
	say(udp, STR("<13>two\n"));
	say(udp, STR("\n"));
	EVENTUALLY(counts_of(&f, 1).taken == 2);
	assert_int_equal(counts_of(&f, 1).via, EVENT_VIA_UDP);
	say(lines, STR("<13>three\n<13>fo"));
	say(counted, STR("7 <13>six7 <13"));
	EVENTUALLY(counts_of(&f, 1).taken == 4);
	say(lines, STR("ur\n<13>five"));
	say(counted, STR(">six99 <"));
	(void)shutdown(lines, SHUT_WR);
	(void)shutdown(counted, SHUT_WR);
	EVENTUALLY(counts_of(&f, 1).taken == 7 && counts_of(&f, 1).rejected == 1);
	assert_string_equal(counts_of(&f, 1).rejected_key, "listen.cut");
	assert_int_equal(counts_of(&f, 1).bytes, strlen("<13>one<13>two<13>three<13>six<13>four<13>five<13>six"));
	/* A lie closes the connection. */
	int liar = connected(&f, EVENT_VIA_TCP);
	char byte;
	say(liar, STR("7 <13>six<13>"));
	assert_int_equal(recv(liar, &byte, 1, 0), 0);
	EVENTUALLY(counts_of(&f, 1).rejected == 2);
	(void)close(udp);
	(void)close(lines);
	(void)close(counted);
	(void)close(liar);
	close_all(&f);
}

static void test_strangers(void **state)
{
	(void)state;
	struct fixture f;
	const struct event_sender far = known(1, "10.0.0.0/8"), near = known(1, "127.0.0.1");
	struct event_stranger rows[4];
	char byte;
	open_with(&f, (struct listen_config){0}, &far, 1, 0);
	struct event_sources *sources = event_pipeline_sources(f.events);
	int udp = connected(&f, EVENT_VIA_UDP), tcp = connected(&f, EVENT_VIA_TCP);
	say(udp, STR("<13>who am I"));
	EVENTUALLY(event_sources_strangers(sources, 0, rows, ARRAY_LEN(rows)) == 1 && rows[0].count == 1);
	assert_string_equal(rows[0].sample, "<13>who am I");
	say(tcp, STR("<13>me too\n"));
	assert_int_equal(recv(tcp, &byte, 1, 0), 0);
	EVENTUALLY(event_sources_strangers(sources, 0, rows, ARRAY_LEN(rows)) == 1 && rows[0].count == 2);
	assert_int_equal(counts_of(&f, 1).taken, 0);
	/* Registered, it is heard, over the same UDP socket too; forgotten, its connection is closed. */
	event_pipeline_set_senders(f.events, &near, 1);
	int again = connected(&f, EVENT_VIA_TCP);
	say(again, STR("<13>me\n"));
	say(udp, STR("<13>me"));
	EVENTUALLY(counts_of(&f, 1).taken == 2);
	event_pipeline_set_senders(f.events, &far, 1);
	assert_int_equal(recv(again, &byte, 1, 0), 0);
	(void)close(udp);
	(void)close(tcp);
	(void)close(again);
	close_all(&f);
}

static void test_unknown_accepted(void **state)
{
	(void)state;
	struct fixture f;
	struct event_stranger rows[2];
	open_with(&f, (struct listen_config){.accept_unknown = true}, NULL, 0, 0);
	int tcp = connected(&f, EVENT_VIA_TCP);
	say(tcp, STR("<13>a\n"));
	EVENTUALLY(counts_of(&f, 'l').taken == 1);
	assert_int_equal(event_sources_strangers(event_pipeline_sources(f.events), 0, rows, 2), 1);
	(void)close(tcp);
	close_all(&f);
}

static void test_limits(void **state)
{
	(void)state;
	struct fixture f;
	struct event_sender s = known(1, "127.0.0.1");
	char byte;
	s.rate_per_s = 1;
	open_with(&f, (struct listen_config){.max_per_address = 2, .message_s = 1, .tcp_threads = 1}, &s, 1, 0);
	int slow = connected(&f, EVENT_VIA_TCP), other = connected(&f, EVENT_VIA_TCP), third = connected(&f, EVENT_VIA_TCP);
	assert_int_equal(recv(third, &byte, 1, 0), 0); /* over the limit */
	say(slow, STR("<13>never ends"));
	assert_int_equal(recv(slow, &byte, 1, 0), 0);
	EVENTUALLY(counts_of(&f, 1).rejected == 1);
	assert_string_equal(counts_of(&f, 1).rejected_key, "listen.message_slow");
	/* UDP over the rate: ten at once pass, then about one a second. */
	int udp = connected(&f, EVENT_VIA_UDP);
	for (unsigned i = 0; i < 200; i++)
		say(udp, STR("<13>x"));
	EVENTUALLY(counts_of(&f, 1).taken + counts_of(&f, 1).limited == 200);
	assert_in_range(counts_of(&f, 1).taken, 10, 10 + WAIT_S);
	(void)close(slow);
	(void)close(other);
	(void)close(third);
	(void)close(udp);
	close_all(&f);
}

/* A full spool: TCP is no longer read, so its sender blocks; UDP is counted. */
static void test_full_spool(void **state)
{
	(void)state;
	struct fixture f;
	const struct event_sender s = known(1, "127.0.0.1");
	char line[1000];
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	open_with(&f, (struct listen_config){0}, &s, 1, 32 << 20);
	int tcp = connected(&f, EVENT_VIA_TCP), udp = connected(&f, EVENT_VIA_UDP);
	size_t sent = 0;
	const size_t most = (size_t)256 << 20;
	while (sent < most) {
		ssize_t n = send(tcp, line, sizeof(line), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && counts_of(&f, 1).taken > 0) {
			struct event_pipeline_stats stats;
			event_pipeline_stats(f.events, &stats);
			if (stats.refused_batches > 2)
				break;
		}
		if (n < 0)
			nap();
		sent += n > 0 ? (size_t)n : 0;
	}
	assert_true(sent < most);
	/* What is small may still find room for a while. */
	for (unsigned i = 0; i < 100000 && counts_of(&f, 1).dropped == 0; i++) {
		say(udp, str_n(line, sizeof(line)));
		if (i % 100 == 0)
			nap();
	}
	assert_true(counts_of(&f, 1).dropped > 0);
	assert_true(counts_of(&f, 1).taken < (32 << 20) / sizeof(line));
	(void)close(tcp);
	(void)close(udp);
	close_all(&f);
}

/* `key` NULL: without a certificate. Returns how the end came: the bytes that were read or GnuTLS's error. */
static int speak_tls(const struct fixture *f, bool certificate, struct str text)
{
	gnutls_certificate_credentials_t cred;
	gnutls_session_t session;
	int fd = connected(f, EVENT_VIA_TLS);
	char byte;
	assert_int_equal(gnutls_certificate_allocate_credentials(&cred), 0);
	gnutls_datum_t cert = {(unsigned char *)f->client_pem.p, (unsigned)f->client_pem.n}, key = {(unsigned char *)f->key_pem.p, (unsigned)f->key_pem.n};
	if (certificate)
		assert_int_equal(gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
	assert_int_equal(gnutls_set_default_priority(session), 0);
	assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred), 0);
	gnutls_transport_set_int(session, fd);
	int r = gnutls_handshake(session);
	if (r == 0)
		r = (int)gnutls_record_send(session, text.p, text.n);
	if (r > 0) {
		(void)gnutls_bye(session, GNUTLS_SHUT_WR);
		r = (int)gnutls_record_recv(session, &byte, 1);
	}
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(cred);
	(void)close(fd);
	return r;
}

static void test_tls(void **state)
{
	(void)state;
	struct fixture f;
	struct event_stranger rows[4];
	struct crypto_cert_info info;
	struct err err = {0};
	for (unsigned required = 0; required < 2; required++) {
		struct event_sender senders[] = {known(1, "127.0.0.1"), known(2, NULL)};
		open_with(&f, (struct listen_config){.require_certificate = required != 0}, senders, 2, 0);
		struct event_sources *sources = event_pipeline_sources(f.events);
		/* Its certificate is not registered yet. */
		(void)speak_tls(&f, true, STR("9 <13>early"));
		if (required != 0) {
			EVENTUALLY(event_sources_strangers(sources, 0, rows, ARRAY_LEN(rows)) == 1);
			assert_string_not_equal(rows[0].credential, "");
		}
		test_ok(crypto_cert_info(buf_str(&f.client_pem), &info, &err), &err);
		str_copy_c(str_c(info.sha256_hex), senders[1].credential, sizeof(senders[1].credential));
		event_pipeline_set_senders(f.events, senders, 2);
		(void)speak_tls(&f, false, STR("7 <13>one"));
		assert_int_equal(speak_tls(&f, true, STR("7 <13>two7 <13>two")), 0);
		EVENTUALLY(counts_of(&f, 2).taken == 2);
		EVENTUALLY(counts_of(&f, 1).taken == (required != 0 ? 0 : 2));
		close_all(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_and_tcp), cmocka_unit_test(test_strangers),  cmocka_unit_test(test_unknown_accepted),
		cmocka_unit_test(test_limits),      cmocka_unit_test(test_full_spool), cmocka_unit_test(test_tls),
	};
	return cmocka_run_group_tests(tests, test_set_up, test_tear_down);
}
