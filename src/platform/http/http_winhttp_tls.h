/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * TLS of the WinHTTP client: the server's chain against our own CA, the client's
 * certificate with its key. Private to platform/http, Windows only.
 *
 * WinHTTP knows the system's trust alone. So it is told to let unknown CAs pass, and
 * the chain is checked here, before the request's first byte is sent.
 */
#pragma once
#include <windows.h>
#include <wincrypt.h>

#include "platform/http/http_client.h"

struct http_winhttp_tls {
	HCERTSTORE roots;         /* our CA; NULL: the system's trust is used */
	HCERTCHAINENGINE engine;  /* trusts `roots` only */
	PCCERT_CONTEXT client;    /* with its key; NULL: none */
	bool any_name;
};

int http_winhttp_tls_init(struct http_winhttp_tls *t, const struct http_client_config *config, struct err *err) WARN_UNUSED;
void http_winhttp_tls_done(struct http_winhttp_tls *t);
/* Does the server's certificate chain to our CA, for this host? *ret_status: the system's error otherwise. */
bool http_winhttp_tls_trusts(const struct http_winhttp_tls *t, PCCERT_CONTEXT server, const wchar_t *host,
                             DWORD *ret_status);
