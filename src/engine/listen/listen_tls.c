/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* RFC 5425 over GnuTLS. A certificate counts by its fingerprint (section 5.2): whoever registered it has vouched for it, so
 * no chain is asked for; TLS itself proves that the sender holds its key. */
#include <gnutls/gnutls.h>

#include "engine/listen/listen_stream_internal.h"
#include "platform/crypto/crypto.h"
#include "platform/http/http_tls.h"

struct listen_tls_session {
	gnutls_session_t session;
	struct http_tls_cred *cred;
};

struct listen_tls_session *listen_tls_new(struct http_tls *tls, int fd, bool require_certificate)
{
	struct listen_tls_session *s = MEM_NEW(struct listen_tls_session);
	/* No tickets: a sender that closes without having read them resets the connection, and what it had sent is lost. */
	if (gnutls_init(&s->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) < 0) {
		mem_free(s);
		return NULL;
	}
	s->cred = http_tls_attach(tls, s->session, false);
	gnutls_certificate_server_set_request(s->session, require_certificate ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
	/* No list of issuers: any certificate may be registered. */
	gnutls_certificate_send_x509_rdn_sequence(s->session, 1);
	gnutls_transport_set_int(s->session, fd);
	if (gnutls_priority_set_direct(s->session, HTTP_TLS_PRIORITIES, NULL) < 0) {
		listen_tls_free(s);
		return NULL;
	}
	return s;
}

void listen_tls_free(struct listen_tls_session *s)
{
	if (s == NULL)
		return;
	(void)gnutls_bye(s->session, GNUTLS_SHUT_WR); /* does not wait: the session is non-blocking */
	gnutls_deinit(s->session);
	http_tls_release(s->cred);
	mem_free(s);
}

int listen_tls_handshake(struct listen_tls_session *s, char fingerprint[65], struct err *err)
{
	unsigned count = 0;
	int r = gnutls_handshake(s->session);
	if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED || (r < 0 && gnutls_error_is_fatal(r) == 0))
		return LISTEN_READ_LATER;
	if (r < 0) {
		(void)err_set(err, -EPROTO, "listen.tls", ARG_CSTR("reason", gnutls_strerror(r)));
		return LISTEN_READ_FAILED;
	}
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(s->session, &count);
	if (chain != NULL && count > 0) {
		unsigned char digest[SHA256_SIZE];
		sha256(str_n(chain[0].data, chain[0].size), digest);
		(void)sha256_hex(digest, fingerprint);
	}
	return 1;
}

bool listen_tls_wants_write(const struct listen_tls_session *s)
{
	return gnutls_record_get_direction(s->session) == 1;
}

ssize_t listen_tls_read(struct listen_tls_session *s, void *out, size_t n)
{
	ssize_t got = gnutls_record_recv(s->session, out, n);
	if (got >= 0)
		return got;
	if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
		return LISTEN_READ_LATER;
	/* Many senders just close the connection: nothing of a message can be missing that its frame would not tell. */
	if (got == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	return gnutls_error_is_fatal((int)got) == 0 ? LISTEN_READ_LATER : LISTEN_READ_FAILED;
}

bool listen_tls_pending(const struct listen_tls_session *s)
{
	return gnutls_record_check_pending(s->session) > 0;
}
