/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/crypto/crypto.h"
#include "platform/http/http.h"
#include "platform/http/http_client.h"
#include "platform/http/http_fetch.h"

/* A CA, and leaves of it. */
struct pki {
	struct crypto_key *ca_key;
	struct buf ca, server_cert, server_key, client_cert, client_key;
};

static void check(int r, const struct err *err)
{
	char line[512];
	if (r < 0)
		fail_msg("%s", err_line(err, line, sizeof line));
}

static void issue(struct pki *p, const char *name, enum crypto_cert_use use, const char *const *names, usec_t until,
                  struct buf *ret_cert, struct buf *ret_key)
{
	struct err err = {0};
	struct crypto_key *key = NULL;
	struct buf csr = BUF_INIT(10000);
	buf_done(ret_cert);
	buf_done(ret_key);
	*ret_cert = BUF_INIT(10000);
	*ret_key = BUF_INIT(10000);
	check(crypto_key_generate(&key, &err), &err);
	check(crypto_csr(key, name, &csr, &err), &err);
	struct crypto_cert_request req = {
		.csr_pem = buf_str(&csr),
		.common_name = name,
		.use = use,
		.dns_names = names,
		.not_before = clock_now() - USEC_PER_DAY,
		.not_after = until,
	};
	check(crypto_cert_issue(&req, buf_str(&p->ca), p->ca_key, ret_cert, &err), &err);
	check(crypto_key_private_pem(key, ret_key, &err), &err);
	crypto_key_free(key);
	buf_done(&csr);
}

static void pki_make(struct pki *p, usec_t client_until)
{
	struct err err = {0};
	struct buf csr = BUF_INIT(10000);
	*p = (struct pki){.ca = BUF_INIT(10000)};
	check(crypto_key_generate(&p->ca_key, &err), &err);
	check(crypto_csr(p->ca_key, "Test CA", &csr, &err), &err);
	struct crypto_cert_request req = {
		.csr_pem = buf_str(&csr),
		.common_name = "Test CA",
		.use = CRYPTO_CERT_CA,
		.not_before = clock_now() - USEC_PER_DAY,
		.not_after = clock_now() + USEC_PER_DAY,
	};
	check(crypto_cert_issue(&req, STR_EMPTY, p->ca_key, &p->ca, &err), &err);
	static const char *const names[] = {"localhost", "127.0.0.1", NULL};
	issue(p, "server", CRYPTO_CERT_SERVER, names, clock_now() + USEC_PER_DAY, &p->server_cert, &p->server_key);
	issue(p, "endpoint-17", CRYPTO_CERT_CLIENT, NULL, client_until, &p->client_cert, &p->client_key);
	buf_done(&csr);
}

static void pki_done(struct pki *p)
{
	crypto_key_free(p->ca_key);
	buf_done(&p->ca);
	buf_done(&p->server_cert);
	buf_done(&p->server_key);
	buf_done(&p->client_cert);
	buf_done(&p->client_key);
}

static void who(struct http_request *req, struct http_response *res, void *context)
{
	(void)context;
	res->body = BUF_INIT(1000);
	struct crypto_cert_info info;
	if (req->client_cert_der.n > 0 && crypto_cert_info(req->client_cert_der, &info, NULL) >= 0)
		buf_printf(&res->body, "%s", info.common_name);
	else
		buf_append_c(&res->body, req->client_cert_refused ? "refused" : "nobody");
}

static const struct http_route routes[] = {{.method = "GET", .path = "/who", .handler = who}, {.method = NULL}};

static struct http_server *serve(const struct pki *p)
{
	struct http_server *s = NULL;
	struct err err = {0};
	struct http_config config = {
		.address = "127.0.0.1",
		.cert_pem = p->server_cert.p,
		.key_pem = p->server_key.p,
		.client_ca_pem = p->ca.p,
		.routes = routes,
	};
	check(http_server_start(&config, &s, &err), &err);
	return s;
}

/* Asks with this trust and this certificate (each may be NULL); the answer's text or a negative code. */
static int ask(const struct http_server *s, const char *ca, const struct buf *cert, const struct buf *key,
               const char *host, bool any_name, char *out, size_t size)
{
	char url[64];
	(void)snprintf(url, sizeof url, "https://%s:%u", host, http_server_port(s));
	struct http_client_config config = {
		.base_url = url,
		.ca_pem = ca,
		.client_cert_pem = cert != NULL ? cert->p : NULL,
		.client_key_pem = key != NULL ? key->p : NULL,
		.verify_name_off = any_name,
	};
	struct http_client *c = NULL;
	struct http_client_response res = {0};
	struct err err = {0};
	check(http_client_new(&config, &c, &err), &err);
	int r = http_client_do(c, &(struct http_client_request){.path = "/who"}, &res, &err);
	out[0] = '\0';
	if (r >= 0)
		str_copy_c(buf_str(&res.body), out, size);
	http_client_response_done(&res);
	http_client_free(c);
	return r;
}

static void client_certificate_yes_no_foreign(void **state)
{
	(void)state;
	struct pki ours, foreign, late;
	pki_make(&ours, clock_now() + USEC_PER_DAY);
	pki_make(&foreign, clock_now() + USEC_PER_DAY); /* the same names, another key */
	pki_make(&late, clock_now() + USEC_PER_DAY);
	issue(&ours, "expired", CRYPTO_CERT_CLIENT, NULL, clock_now() - USEC_PER_HOUR, &late.client_cert, &late.client_key);
	struct http_server *s = serve(&ours);
	const struct {
		const struct buf *cert, *key;
		const char *answer;
	} cases[] = {
		{NULL, NULL, "nobody"},
		{&ours.client_cert, &ours.client_key, "endpoint-17"},
		{&foreign.client_cert, &foreign.client_key, "refused"},
		{&late.client_cert, &late.client_key, "refused"},
		{&ours.server_cert, &ours.server_key, "refused"}, /* ours, but not made for clients */
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char answer[200];
		assert_int_equal(ask(s, ours.ca.p, cases[i].cert, cases[i].key, "127.0.0.1", false, answer, sizeof answer), 0);
		assert_string_equal(answer, cases[i].answer);
	}
	http_server_stop(s);
	pki_done(&ours);
	pki_done(&foreign);
	pki_done(&late);
}

static void server_is_verified(void **state)
{
	(void)state;
	struct pki ours, foreign;
	pki_make(&ours, clock_now() + USEC_PER_DAY);
	pki_make(&foreign, clock_now() + USEC_PER_DAY);
	struct http_server *s = serve(&ours);
	char answer[200];
	assert_int_equal(ask(s, foreign.ca.p, NULL, NULL, "127.0.0.1", false, answer, sizeof answer), -EACCES);
	assert_int_equal(ask(s, foreign.ca.p, NULL, NULL, "127.0.0.1", true, answer, sizeof answer), -EACCES);
	assert_int_equal(ask(s, NULL, NULL, NULL, "127.0.0.1", false, answer, sizeof answer), -EACCES);
	assert_int_equal(ask(s, ours.ca.p, NULL, NULL, "localhost", false, answer, sizeof answer), 0);
	assert_int_equal(ask(s, ours.ca.p, NULL, NULL, "127.0.0.2", false, answer, sizeof answer), -EAGAIN);
	http_server_stop(s);
	pki_done(&ours);
	pki_done(&foreign);
}

static void names_count_unless_switched_off(void **state)
{
	(void)state;
	struct pki ours;
	pki_make(&ours, clock_now() + USEC_PER_DAY);
	static const char *const names[] = {"elsewhere.example", NULL};
	issue(&ours, "server", CRYPTO_CERT_SERVER, names, clock_now() + USEC_PER_DAY, &ours.server_cert, &ours.server_key);
	struct http_server *s = serve(&ours);
	char answer[200];
	assert_int_equal(ask(s, ours.ca.p, NULL, NULL, "127.0.0.1", false, answer, sizeof answer), -EACCES);
	assert_int_equal(ask(s, ours.ca.p, NULL, NULL, "127.0.0.1", true, answer, sizeof answer), 0);
	http_server_stop(s);
	pki_done(&ours);
}

static int connect_raw(const struct http_server *server)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_server_port(server))};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* One request over a bare GnuTLS session that tries to go on with *ticket and leaves a new one there. */
static bool ask_resumed(const struct http_server *server, gnutls_certificate_credentials_t cred, const char *priority,
                        gnutls_datum_t *ticket, char *answer, size_t size)
{
	gnutls_session_t session;
	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
	assert_int_equal(gnutls_priority_set_direct(session, priority, NULL), 0);
	assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred), 0);
	if (ticket->data != NULL) {
		assert_int_equal(gnutls_session_set_data(session, ticket->data, ticket->size), 0);
		gnutls_free(ticket->data);
	}
	int fd = connect_raw(server);
	gnutls_transport_set_int(session, fd);
	assert_int_equal(gnutls_handshake(session), 0);
	bool resumed = gnutls_session_is_resumed(session) != 0;
	struct str request = STR("GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(gnutls_record_send(session, request.p, request.n), (ssize_t)request.n);
	size_t n = 0;
	for (ssize_t got; n + 1 < size && (got = gnutls_record_recv(session, answer + n, size - 1 - n)) != 0;) {
		if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
			continue;
		if (got < 0)
			break;
		n += (size_t)got;
	}
	answer[n] = '\0';
	assert_int_equal(gnutls_session_get_data2(session, ticket), 0);
	gnutls_deinit(session);
	(void)close(fd);
	return resumed;
}

static void sessions_are_resumed_with_their_certificate(void **state)
{
	(void)state;
	struct pki p;
	pki_make(&p, clock_now() + USEC_PER_DAY);
	struct http_server *s = serve(&p);
	gnutls_certificate_credentials_t cred;
	assert_int_equal(gnutls_certificate_allocate_credentials(&cred), 0);
	gnutls_datum_t cert = {(unsigned char *)p.client_cert.p, (unsigned)p.client_cert.n};
	gnutls_datum_t key = {(unsigned char *)p.client_key.p, (unsigned)p.client_key.n};
	assert_int_equal(gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM), 0);
	static const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"};
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		gnutls_datum_t ticket = {NULL, 0};
		char answer[2000];
		assert_false(ask_resumed(s, cred, versions[i], &ticket, answer, sizeof answer));
		assert_non_null(strstr(answer, "endpoint-17"));
		assert_true(ask_resumed(s, cred, versions[i], &ticket, answer, sizeof answer));
		assert_non_null(strstr(answer, "endpoint-17"));
		gnutls_free(ticket.data);
	}
	gnutls_certificate_free_credentials(cred);
	http_server_stop(s);
	pki_done(&p);
}

static usec_t processor_time(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

/* One that stops in the middle costs the others nothing, and no time of ours. */
static void unfinished_handshakes_cost_nothing(void **state)
{
	(void)state;
	struct pki p;
	pki_make(&p, clock_now() + USEC_PER_DAY);
	struct http_server *s = serve(&p);
	int fds[20];
	char answer[200];
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_raw(s);
		assert_int_equal(send(fds[i], "\x16\x03\x01\x02\x00\x01\x00", i % 2 == 0 ? 7 : 3, 0), i % 2 == 0 ? 7 : 3);
	}
	(void)usleep(100000);
	usec_t before = processor_time();
	(void)usleep(2000000);
	assert_true(processor_time() - before < USEC_PER_SEC / 20);
	for (size_t i = 0; i < ARRAY_LEN(fds) / 2; i++) {
		(void)close(fds[i]);
		assert_int_equal(ask(s, p.ca.p, &p.client_cert, &p.client_key, "127.0.0.1", false, answer, sizeof answer), 0);
		assert_string_equal(answer, "endpoint-17");
	}
	http_server_stop(s); /* with some of them open */
	for (size_t i = ARRAY_LEN(fds) / 2; i < ARRAY_LEN(fds); i++)
		(void)close(fds[i]);
	pki_done(&p);
}

static ssize_t push_slowly(gnutls_transport_ptr_t to, const void *data, size_t n)
{
	(void)n;
	(void)usleep(200);
	return send((int)(intptr_t)to, data, 1, MSG_NOSIGNAL);
}

/* Byte by byte: each may be where the server waits. */
static void a_handshake_in_crumbs_is_finished(void **state)
{
	(void)state;
	struct pki p;
	pki_make(&p, clock_now() + USEC_PER_DAY);
	struct http_server *s = serve(&p);
	gnutls_certificate_credentials_t cred;
	assert_int_equal(gnutls_certificate_allocate_credentials(&cred), 0);
	static const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"};
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		gnutls_session_t session;
		char got[16] = "";
		int fd = connect_raw(s);
		assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
		assert_int_equal(gnutls_priority_set_direct(session, versions[i], NULL), 0);
		assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred), 0);
		gnutls_transport_set_int(session, fd);
		gnutls_transport_set_push_function(session, push_slowly);
		assert_int_equal(gnutls_handshake(session), 0);
		struct str request = STR("GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		assert_int_equal(gnutls_record_send(session, request.p, request.n), (ssize_t)request.n);
		ssize_t n;
		while ((n = gnutls_record_recv(session, got, sizeof got - 1)) == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
			;
		assert_true(str_starts_with(str_c(got), STR("HTTP/1.1 200")));
		gnutls_deinit(session);
		(void)close(fd);
	}
	gnutls_certificate_free_credentials(cred);
	http_server_stop(s);
	pki_done(&p);
}

struct swapper {
	struct http_server *server;
	const struct pki *first, *second;
};

static void *swap_often(void *arg)
{
	const struct swapper *w = arg;
	for (int i = 0; i < 40; i++) {
		const struct pki *p = i % 2 == 0 ? w->second : w->first;
		struct err err = {0};
		check(http_server_set_certificate(w->server, p->server_cert.p, p->server_key.p, &err), &err);
	}
	return NULL;
}

static void certificate_is_replaced_at_run_time(void **state)
{
	(void)state;
	struct pki first, second;
	pki_make(&first, clock_now() + USEC_PER_DAY);
	pki_make(&second, clock_now() + USEC_PER_DAY);
	struct http_server *s = serve(&first);
	char answer[200], url[64];
	struct err err = {0};
	(void)snprintf(url, sizeof url, "https://127.0.0.1:%u", http_server_port(s));
	struct http_client *kept = NULL;
	struct http_client_response res = {0};
	struct http_client_config config = {.base_url = url, .ca_pem = first.ca.p};
	check(http_client_new(&config, &kept, &err), &err);
	check(http_client_do(kept, &(struct http_client_request){.path = "/who"}, &res, &err), &err);
	assert_int_equal(http_server_set_certificate(s, "nonsense", second.server_key.p, &err), -EINVAL);
	assert_int_equal(http_server_set_certificate(s, second.server_cert.p, first.server_key.p, &err), -EINVAL);
	check(http_server_set_certificate(s, second.server_cert.p, second.server_key.p, &err), &err);
	assert_int_equal(ask(s, second.ca.p, NULL, NULL, "127.0.0.1", false, answer, sizeof answer), 0);
	assert_int_equal(ask(s, first.ca.p, NULL, NULL, "127.0.0.1", false, answer, sizeof answer), -EACCES);
	check(http_client_do(kept, &(struct http_client_request){.path = "/who"}, &res, &err), &err); /* the old connection lives */
	http_client_free(kept);
	http_client_response_done(&res);

	struct swapper w = {s, &first, &second};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, swap_often, &w), 0);
	for (int i = 0; i < 20; i++)
		(void)ask(s, first.ca.p, &first.client_cert, &first.client_key, "127.0.0.1", false, answer, sizeof answer);
	(void)pthread_join(thread, NULL);
	http_server_stop(s);
	pki_done(&first);
	pki_done(&second);
}

static void bad_configuration_is_told(void **state)
{
	(void)state;
	struct pki p;
	pki_make(&p, clock_now() + USEC_PER_DAY);
	struct http_server *s = NULL;
	struct err err = {0};
	struct http_config config = {.address = "127.0.0.1", .cert_pem = "x", .key_pem = p.server_key.p, .routes = routes};
	assert_int_equal(http_server_start(&config, &s, &err), -EINVAL);
	assert_string_equal(err.key, "http.tls_config");
	config.cert_pem = p.server_cert.p;
	config.client_ca_pem = "x";
	assert_int_equal(http_server_start(&config, &s, &err), -EINVAL);
	assert_string_equal(err_arg(&err, "what"), "client_ca");
	config.client_ca_pem = NULL;
	config.address = "not an address";
	assert_int_equal(http_server_start(&config, &s, &err), -EINVAL);
	assert_string_equal(err.key, "http.bad_address");
	config.address = "192.0.2.1"; /* not ours */
	assert_true(http_server_start(&config, &s, &err) < 0);
	assert_string_equal(err.key, "system.call");
	pki_done(&p);
}

/* A server of somebody's: a file with a tag, a redirect to it, one to plain HTTP, nothing else. */
static void give(struct http_request *req, struct http_response *res, void *context)
{
	(void)context;
	res->status = 200;
	res->body = BUF_INIT(100000);
	if (str_eq_c(req->path, "/moved")) {
		res->status = 302;
		http_response_header(res, "Location", "/file");
	} else if (str_eq_c(req->path, "/plain")) {
		res->status = 302;
		http_response_header(res, "Location", "http://localhost/file");
	} else if (str_eq_c(http_header(req, "If-None-Match"), "\"v1\"")) {
		res->status = 304;
	} else {
		http_response_header(res, "ETag", "\"v1\"");
		for (int i = 0; i < 5000; i++)
			buf_append_c(&res->body, "0123456789");
	}
}

static void fetches(void **state)
{
	(void)state;
	static const struct http_route files[] = {{"GET", "/file", give, 0, NULL}, {"GET", "/moved", give, 0, NULL}, {"GET", "/plain", give, 0, NULL}, {NULL, NULL, NULL, 0, NULL}};
	static const struct {
		const char *path, *etag, *key; /* key NULL: r counts */
		bool trusted;
		size_t limit;
		int r;
	} table[] = {
		{"/file", NULL, NULL, true, 100000, 1},       {"/moved", "", NULL, true, 50000, 1},
		{"/file", "\"v1\"", NULL, true, 100000, 0},   {"/file", "\"v0\"", NULL, true, 100000, 1},
		{"/file", NULL, "fetch.too_big", true, 49999, -E2BIG}, {"/gone", NULL, "fetch.status", true, 100000, -EINVAL},
		{"/plain", NULL, "fetch.url", true, 100000, -EINVAL},  {"/file", NULL, "fetch.tls", false, 100000, -EACCES},
	};
	struct pki p;
	struct http_server *server = NULL;
	struct err err = {0};
	pki_make(&p, clock_now() + USEC_PER_DAY);
	const struct http_config config = {.address = "127.0.0.1", .cert_pem = p.server_cert.p, .key_pem = p.server_key.p, .routes = files};
	check(http_server_start(&config, &server, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char url[100], tag[HTTP_FETCH_ETAG_SIZE];
		struct buf out = BUF_INIT(200000);
		buf_append_c(&out, "before");
		(void)snprintf(url, sizeof url, "https://localhost:%u%s", (unsigned)http_server_port(server), table[i].path);
		const struct http_fetch what = {.url = url, .etag = table[i].etag, .ca_pem = table[i].trusted ? p.ca.p : NULL, .limit_bytes = table[i].limit};
		assert_int_equal(http_fetch(&what, &out, tag, &err), table[i].r);
		if (table[i].key != NULL)
			assert_string_equal(err.key, table[i].key);
		assert_int_equal(out.n, table[i].r == 1 ? 50006 : 6);
		if (table[i].r == 1)
			assert_string_equal(tag, "\"v1\"");
		buf_done(&out);
	}
	char tag[HTTP_FETCH_ETAG_SIZE];
	struct buf out = BUF_INIT(1000);
	assert_int_equal(http_fetch(&(struct http_fetch){.url = "http://localhost/", .limit_bytes = 10}, &out, tag, &err), -EINVAL);
	assert_int_equal(http_fetch(&(struct http_fetch){.url = "file:///etc/passwd", .limit_bytes = 10}, &out, tag, &err), -EINVAL);
	buf_done(&out);
	http_server_stop(server);
	pki_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetches),
		cmocka_unit_test(client_certificate_yes_no_foreign),
		cmocka_unit_test(server_is_verified),
		cmocka_unit_test(names_count_unless_switched_off),
		cmocka_unit_test(sessions_are_resumed_with_their_certificate),
		cmocka_unit_test(unfinished_handshakes_cost_nothing),
		cmocka_unit_test(a_handshake_in_crumbs_is_finished),
		cmocka_unit_test(certificate_is_replaced_at_run_time),
		cmocka_unit_test(bad_configuration_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
