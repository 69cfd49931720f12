/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_tls.h"

#include <gnutls/x509.h>
#include <pthread.h>

#include "base/mem/mem.h"

struct http_tls_cred {
	struct http_tls *tls;
	unsigned references; /* tls->lock */
	gnutls_certificate_credentials_t cred;
};

struct http_tls {
	pthread_mutex_t lock;
	struct http_tls_cred *current; /* lock */
	char *client_ca_pem;           /* NULL: certificates are not asked for */
	gnutls_datum_t ticket_key;
};

static gnutls_datum_t datum(const char *text)
{
	struct str s = str_c(text);
	gnutls_datum_t d = {.size = (unsigned)s.n};
	memcpy(&d.data, &s.p, sizeof d.data); /* GnuTLS only reads it, but its type is not const */
	return d;
}

static int tls_error(struct err *err, const char *what, int code)
{
	return err_set(err, -EINVAL, "http.tls_config", ARG_CSTR("what", what), ARG_CSTR("reason", gnutls_strerror(code)));
}

static void cred_free(struct http_tls_cred *c)
{
	if (c->cred != NULL)
		gnutls_certificate_free_credentials(c->cred);
	mem_free(c);
}

static int cred_new(struct http_tls *tls, const char *cert_pem, const char *key_pem, struct http_tls_cred **ret,
                    struct err *err)
{
	struct http_tls_cred *c = MEM_NEW(struct http_tls_cred);
	c->tls = tls;
	c->references = 1;
	gnutls_datum_t cert = datum(cert_pem), key = datum(key_pem);
	int r = gnutls_certificate_allocate_credentials(&c->cred);
	const char *what = "certificate";
	if (r >= 0)
		r = gnutls_certificate_set_x509_key_mem2(c->cred, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r >= 0 && tls->client_ca_pem != NULL) {
		gnutls_datum_t ca = datum(tls->client_ca_pem);
		what = "client_ca";
		r = gnutls_certificate_set_x509_trust_mem(c->cred, &ca, GNUTLS_X509_FMT_PEM);
		if (r == 0)
			r = GNUTLS_E_NO_CERTIFICATE_FOUND;
	}
	if (r < 0) {
		cred_free(c);
		return tls_error(err, what, r);
	}
	*ret = c;
	return 0;
}

int http_tls_new(const char *cert_pem, const char *key_pem, const char *client_ca_pem, struct http_tls **ret,
                 struct err *err)
{
	struct http_tls *tls = MEM_NEW(struct http_tls);
	(void)pthread_mutex_init(&tls->lock, NULL);
	if (client_ca_pem != NULL)
		tls->client_ca_pem = mem_strdup(str_c(client_ca_pem));
	int r = cred_new(tls, cert_pem, key_pem, &tls->current, err);
	if (r >= 0 && gnutls_session_ticket_key_generate(&tls->ticket_key) < 0)
		r = tls_error(err, "ticket_key", GNUTLS_E_RANDOM_FAILED);
	if (r < 0) {
		http_tls_free(tls);
		return r;
	}
	*ret = tls;
	return 0;
}

void http_tls_free(struct http_tls *tls)
{
	if (tls == NULL)
		return;
	if (tls->current != NULL)
		http_tls_release(tls->current);
	if (tls->ticket_key.data != NULL) {
		mem_wipe(tls->ticket_key.data, tls->ticket_key.size);
		gnutls_free(tls->ticket_key.data);
	}
	mem_free(tls->client_ca_pem);
	(void)pthread_mutex_destroy(&tls->lock);
	mem_free(tls);
}

int http_tls_replace(struct http_tls *tls, const char *cert_pem, const char *key_pem, struct err *err)
{
	struct http_tls_cred *next = NULL;
	int r = cred_new(tls, cert_pem, key_pem, &next, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&tls->lock);
	struct http_tls_cred *old = tls->current;
	tls->current = next;
	(void)pthread_mutex_unlock(&tls->lock);
	http_tls_release(old);
	return 0;
}

struct http_tls_cred *http_tls_attach(struct http_tls *tls, gnutls_session_t session, bool tickets)
{
	(void)pthread_mutex_lock(&tls->lock);
	struct http_tls_cred *c = tls->current;
	c->references++;
	(void)pthread_mutex_unlock(&tls->lock);
	/* A failure of one of these leaves the handshake without what it needs: it fails, nothing weaker results. */
	(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->cred);
	if (tickets)
		(void)gnutls_session_ticket_enable_server(session, &tls->ticket_key);
	if (tls->client_ca_pem != NULL)
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
	return c;
}

void http_tls_release(struct http_tls_cred *c)
{
	if (c == NULL)
		return;
	struct http_tls *tls = c->tls;
	(void)pthread_mutex_lock(&tls->lock);
	bool last = --c->references == 0;
	(void)pthread_mutex_unlock(&tls->lock);
	if (last)
		cred_free(c);
}

void http_tls_client_cert(gnutls_session_t session, struct buf *ret_der, bool *ret_refused)
{
	unsigned count = 0, status = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	*ret_refused = false;
	if (chain == NULL || count == 0)
		return;
	/* Also checks times; a resumed session is checked anew. */
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID};
	static unsigned char client_oid[] = GNUTLS_KP_TLS_WWW_CLIENT;
	purpose.data = client_oid;
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0 || status != 0) {
		*ret_refused = true;
		return;
	}
	buf_append(ret_der, str_n(chain[0].data, chain[0].size));
}
