/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <windows.h>
#include <winhttp.h>

#include <stdio.h>

#include "base/mem/mem.h"
#include "platform/http/http_client.h"
#include "platform/http/http_winhttp_tls.h"

#define HEADER_VALUE_MAX ((size_t)4 << 10)
#define READ_CHUNK 16384
#define PROTOCOL_TLS1_2 0x00000800 /* older headers do not name these */
#define PROTOCOL_TLS1_3 0x00002000

struct http_client {
	HINTERNET session, connection;
	wchar_t host[256];
	bool secure, verify_off;
	char *base_url;
	size_t response_limit;
	unsigned timeout_s;
	struct http_winhttp_tls tls;
	bool untrusted;      /* set by the callback of the exchange under way */
	DWORD trust_status;
	HINTERNET request;   /* NULL once the callback has closed it */
};

/* Appends nothing on bad UTF-8: NULL is returned. Free with mem_free. */
static wchar_t *wide(struct str s)
{
	int n = s.n > 0 ? MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s.p, (int)s.n, NULL, 0) : 0;
	if (n <= 0 && s.n > 0)
		return NULL;
	wchar_t *out = mem_alloc_array((size_t)n + 1, sizeof *out);
	if (n > 0)
		(void)MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s.p, (int)s.n, out, n);
	return out;
}

/* TLS is up, nothing of the request was sent: the moment to check who is there (winhttp.h has no other hook). */
static void CALLBACK on_status(HINTERNET handle, DWORD_PTR context, DWORD status, LPVOID data, DWORD size)
{
	(void)data;
	(void)size;
	struct http_client *c = (struct http_client *)context;
	if (status != WINHTTP_CALLBACK_STATUS_SENDING_REQUEST || c == NULL || !c->secure || c->verify_off || c->tls.roots == NULL)
		return;
	PCCERT_CONTEXT server = NULL;
	DWORD length = sizeof server;
	bool good = WinHttpQueryOption(handle, WINHTTP_OPTION_SERVER_CERT_CONTEXT, &server, &length) && server != NULL &&
	            http_winhttp_tls_trusts(&c->tls, server, c->host, &c->trust_status);
	if (server != NULL)
		(void)CertFreeCertificateContext(server);
	if (good)
		return;
	c->untrusted = true;
	c->request = NULL;
	(void)WinHttpCloseHandle(handle); /* the documented way to stop a request here */
}

static int bad_config(struct err *err, const char *reason)
{
	return err_set(err, -EINVAL, "http.client_config", ARG_CSTR("reason", reason));
}

static int split_url(struct http_client *c, uint16_t *ret_port, struct err *err)
{
	wchar_t *url = wide(str_c(c->base_url));
	URL_COMPONENTS parts = {.dwStructSize = sizeof parts};
	parts.lpszHostName = c->host;
	parts.dwHostNameLength = ARRAY_LEN(c->host);
	bool ok = url != NULL && WinHttpCrackUrl(url, 0, 0, &parts);
	mem_free(url);
	if (!ok)
		return bad_config(err, "base_url");
	c->secure = parts.nScheme == INTERNET_SCHEME_HTTPS;
	*ret_port = parts.nPort;
	return 0;
}

static void set_session(const struct http_client *c, const struct http_client_config *config)
{
	int connect_ms = (int)(config->connect_timeout_s != 0 ? config->connect_timeout_s : 10) * 1000;
	int io_ms = (int)c->timeout_s * 1000;
	(void)WinHttpSetTimeouts(c->session, connect_ms, connect_ms, io_ms, io_ms);
	DWORD protocols = PROTOCOL_TLS1_2 | PROTOCOL_TLS1_3;
	if (!WinHttpSetOption(c->session, WINHTTP_OPTION_SECURE_PROTOCOLS, &protocols, sizeof protocols)) {
		protocols = PROTOCOL_TLS1_2; /* before Windows 11 and Server 2022 */
		(void)WinHttpSetOption(c->session, WINHTTP_OPTION_SECURE_PROTOCOLS, &protocols, sizeof protocols);
	}
	(void)WinHttpSetStatusCallback(c->session, on_status, WINHTTP_CALLBACK_FLAG_SEND_REQUEST, 0);
}

int http_client_new(const struct http_client_config *config, struct http_client **ret, struct err *err)
{
	if (config->unix_path != NULL)
		return err_set(err, -ENOTSUP, "http.client_config", ARG_CSTR("reason", "unix_path"));
	struct http_client *c = MEM_NEW(struct http_client);
	uint16_t port = 0;
	c->base_url = mem_strdup(str_c(config->base_url));
	c->response_limit = config->response_limit_bytes != 0 ? config->response_limit_bytes : (size_t)16 << 20;
	c->timeout_s = config->timeout_s != 0 ? config->timeout_s : 60;
	c->verify_off = config->verify_off;
	int r = split_url(c, &port, err);
	if (r >= 0 && c->secure)
		r = http_winhttp_tls_init(&c->tls, config, err);
	if (r >= 0) {
		c->session = WinHttpOpen(L"luytre", WINHTTP_ACCESS_TYPE_NO_PROXY, WINHTTP_NO_PROXY_NAME, WINHTTP_NO_PROXY_BYPASS, 0);
		if (c->session != NULL)
			set_session(c, config);
		c->connection = c->session != NULL ? WinHttpConnect(c->session, c->host, port, 0) : NULL;
		if (c->connection == NULL)
			r = bad_config(err, "WinHttpOpen");
	}
	if (r < 0) {
		http_client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	if (c->connection != NULL)
		(void)WinHttpCloseHandle(c->connection);
	if (c->session != NULL)
		(void)WinHttpCloseHandle(c->session);
	http_winhttp_tls_done(&c->tls);
	mem_free(c->base_url);
	mem_free(c);
}

void http_client_response_done(struct http_client_response *res)
{
	buf_done(&res->body);
	buf_done(&res->set_cookie);
}

static int explain(const struct http_client *c, DWORD code, struct err *err)
{
	char text[32];
	(void)snprintf(text, sizeof text, "%lu", c->untrusted ? (unsigned long)c->trust_status : (unsigned long)code);
	struct arg server = ARG_CSTR("server", c->base_url), reason = ARG_CSTR("reason", text);
	if (c->untrusted || code == ERROR_WINHTTP_SECURE_FAILURE)
		return err_set(err, -EACCES, "http.tls_untrusted", server, reason);
	switch (code) {
	case ERROR_WINHTTP_TIMEOUT:
		return err_set(err, -ETIMEDOUT, "http.timeout", server);
	case ERROR_WINHTTP_INVALID_SERVER_RESPONSE:
	case ERROR_WINHTTP_HEADER_SIZE_OVERFLOW:
	case ERROR_WINHTTP_INVALID_URL:
		return err_set(err, -EPROTO, "http.protocol", server, reason);
	default:
		return err_set(err, -EAGAIN, "http.unreachable", server, reason);
	}
}

static bool set_request(struct http_client *c)
{
	DWORD_PTR context = (DWORD_PTR)c;
	DWORD off = WINHTTP_DISABLE_COOKIES | WINHTTP_DISABLE_REDIRECTS | WINHTTP_DISABLE_AUTHENTICATION;
	bool ok = WinHttpSetOption(c->request, WINHTTP_OPTION_CONTEXT_VALUE, &context, sizeof context) &&
	          WinHttpSetOption(c->request, WINHTTP_OPTION_DISABLE_FEATURE, &off, sizeof off);
	if (!ok || !c->secure)
		return ok;
	/* What WinHTTP lets pass here is checked in on_status. */
	DWORD ignore = c->tls.roots != NULL ? SECURITY_FLAG_IGNORE_UNKNOWN_CA | SECURITY_FLAG_IGNORE_CERT_CN_INVALID : 0;
	if (c->tls.roots == NULL && c->tls.any_name)
		ignore = SECURITY_FLAG_IGNORE_CERT_CN_INVALID;
	if (c->verify_off)
		ignore = SECURITY_FLAG_IGNORE_UNKNOWN_CA | SECURITY_FLAG_IGNORE_CERT_CN_INVALID |
		         SECURITY_FLAG_IGNORE_CERT_DATE_INVALID | SECURITY_FLAG_IGNORE_CERT_WRONG_USAGE;
	if (ignore != 0)
		ok = WinHttpSetOption(c->request, WINHTTP_OPTION_SECURITY_FLAGS, &ignore, sizeof ignore);
	if (c->tls.client == NULL)
		return ok && WinHttpSetOption(c->request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT, WINHTTP_NO_CLIENT_CERT_CONTEXT, 0);
	return ok && WinHttpSetOption(c->request, WINHTTP_OPTION_CLIENT_CERT_CONTEXT,
	                              (LPVOID)(uintptr_t)(const void *)c->tls.client, sizeof(CERT_CONTEXT));
}

static bool add_header(HINTERNET request, const char *line)
{
	wchar_t *w = wide(str_c(line));
	bool ok = w != NULL &&
	          WinHttpAddRequestHeaders(request, w, (DWORD)-1L, WINHTTP_ADDREQ_FLAG_ADD | WINHTTP_ADDREQ_FLAG_REPLACE);
	mem_free(w);
	return ok;
}

static bool add_headers(HINTERNET request, const struct http_client_request *req)
{
	bool ok = true;
	for (const char *const *h = req->headers; ok && h != NULL && *h != NULL; h++)
		ok = add_header(request, *h);
	if (ok && req->content_type != NULL) {
		struct buf line = BUF_INIT(HEADER_VALUE_MAX);
		buf_printf(&line, "Content-Type: %s", req->content_type);
		ok = add_header(request, line.p);
		buf_done(&line);
	}
	return ok;
}

static bool open_request(struct http_client *c, const struct http_client_request *req)
{
	const char *method = req->method != NULL ? req->method : req->body.n > 0 ? "POST" : "GET";
	wchar_t *verb = wide(str_c(method)), *path = wide(str_c(req->path));
	c->untrusted = false;
	c->request = NULL;
	if (verb != NULL && path != NULL)
		c->request = WinHttpOpenRequest(c->connection, verb, path, NULL, WINHTTP_NO_REFERER, WINHTTP_DEFAULT_ACCEPT_TYPES,
		                                c->secure ? WINHTTP_FLAG_SECURE : 0);
	mem_free(verb);
	mem_free(path);
	return c->request != NULL && set_request(c) && add_headers(c->request, req);
}

/* A response header as UTF-8; "" when absent. */
static void header_text(HINTERNET request, DWORD query, struct buf *out)
{
	wchar_t value[1024];
	DWORD size = sizeof value;
	if (!WinHttpQueryHeaders(request, query, WINHTTP_HEADER_NAME_BY_INDEX, value, &size, WINHTTP_NO_HEADER_INDEX))
		return;
	char text[2048];
	int n = WideCharToMultiByte(CP_UTF8, 0, value, (int)(size / sizeof *value), text, sizeof text, NULL, NULL);
	if (n > 0)
		buf_append(out, str_n(text, (size_t)n));
}

static void header_cstr(HINTERNET request, DWORD query, char *out, size_t size)
{
	struct buf text = BUF_INIT(HEADER_VALUE_MAX);
	header_text(request, query, &text);
	str_copy_c(buf_str(&text), out, size);
	buf_done(&text);
}

static int read_answer(struct http_client *c, struct http_client_response *res, struct err *err)
{
	DWORD status = 0, size = sizeof status;
	if (!WinHttpQueryHeaders(c->request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER, WINHTTP_HEADER_NAME_BY_INDEX,
	                         &status, &size, WINHTTP_NO_HEADER_INDEX))
		return explain(c, GetLastError(), err);
	res->status = (int)status;
	header_cstr(c->request, WINHTTP_QUERY_ETAG, res->etag, sizeof res->etag);
	header_cstr(c->request, WINHTTP_QUERY_CONTENT_TYPE, res->content_type, sizeof res->content_type);
	header_cstr(c->request, WINHTTP_QUERY_RETRY_AFTER, res->retry_after, sizeof res->retry_after);
	header_text(c->request, WINHTTP_QUERY_SET_COOKIE, &res->set_cookie);
	usec_t end = clock_monotonic() + c->timeout_s * USEC_PER_SEC;
	for (;;) {
		DWORD got = 0;
		if (!buf_reserve(&res->body, READ_CHUNK))
			return err_set(err, -EPROTO, "http.response_too_big", ARG_CSTR("server", c->base_url),
			               ARG_U64("limit", c->response_limit));
		if (!WinHttpReadData(c->request, res->body.p + res->body.n, READ_CHUNK, &got))
			return explain(c, GetLastError(), err);
		if (got == 0)
			break;
		res->body.n += got;
		res->body.p[res->body.n] = '\0';
		if (clock_monotonic() > end)
			return err_set(err, -ETIMEDOUT, "http.timeout", ARG_CSTR("server", c->base_url));
	}
	return 0;
}

int http_client_do(struct http_client *c, const struct http_client_request *req, struct http_client_response *res,
                   struct err *err)
{
	http_client_response_done(res);
	*res = (struct http_client_response){
		.body = BUF_INIT(c->response_limit + READ_CHUNK),
		.set_cookie = BUF_INIT(HEADER_VALUE_MAX),
	};
	int r = 0;
	union {
		const char *in;
		LPVOID out;
	} body = {.in = req->body.p}; /* WinHTTP only reads it */
	if (!open_request(c, req))
		r = explain(c, GetLastError(), err);
	else if (!WinHttpSendRequest(c->request, WINHTTP_NO_ADDITIONAL_HEADERS, 0, body.out, (DWORD)req->body.n,
	                             (DWORD)req->body.n, (DWORD_PTR)c) ||
	         c->untrusted || !WinHttpReceiveResponse(c->request, NULL))
		r = explain(c, GetLastError(), err);
	else
		r = read_answer(c, res, err);
	if (c->request != NULL)
		(void)WinHttpCloseHandle(c->request);
	c->request = NULL;
	return r;
}
