/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <strings.h>

#include "base/mem/mem.h"
#include "platform/http/http_client.h"

#define HEADER_VALUE_MAX ((size_t)4 << 10)

struct http_client {
	CURL *curl;
	char *base_url;
	size_t response_limit;
	char problem[CURL_ERROR_SIZE];
};

/* What the callbacks of one exchange fill. */
struct exchange {
	const struct http_client_request *req;
	struct http_client_response *res;
	bool too_big;
};

static void global_init(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct exchange *ex = ctx;
	size_t n = size * count;
	if (!buf_reserve(&ex->res->body, n)) {
		ex->too_big = true;
		return 0;
	}
	buf_append(&ex->res->body, str_n(bytes, n));
	return n;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
	struct exchange *ex = ctx;
	struct http_client_response *res = ex->res;
	struct str line = str_n(bytes, size * count);
	size_t colon = str_find_char(line, ':');
	if (colon == SIZE_MAX)
		return line.n;
	struct str name = str_sub(line, 0, colon), value = str_trim(str_sub(line, colon + 1, line.n));
	if (str_eq_nocase(name, STR("ETag")))
		str_copy_c(value, res->etag, sizeof res->etag);
	else if (str_eq_nocase(name, STR("Content-Type")))
		str_copy_c(value, res->content_type, sizeof res->content_type);
	else if (str_eq_nocase(name, STR("Retry-After")))
		str_copy_c(value, res->retry_after, sizeof res->retry_after);
	else if (str_eq_nocase(name, STR("Set-Cookie")) && res->set_cookie.n == 0)
		buf_append(&res->set_cookie, value);
	return line.n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct exchange *ex = ctx;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return ex->req->gone(ex->req->gone_ctx) ? 1 : 0;
}

static CURLcode set_blob(CURL *curl, CURLoption option, const char *pem)
{
	struct str s = str_c(pem);
	struct curl_blob blob = {.len = s.n, .flags = CURL_BLOB_COPY};
	memcpy(&blob.data, &s.p, sizeof blob.data); /* curl copies it, but its type is not const */
	return curl_easy_setopt(curl, option, &blob);
}

/* Curl asks for a server's certificate otherwise. */
static CURLcode expect_client(CURL *curl, void *context, void *ctx)
{
	(void)curl;
	(void)ctx;
	return SSL_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1 ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static CURLcode set_tls(CURL *curl, const struct http_client_config *c)
{
	CURLcode code = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (code == CURLE_OK && c->ca_pem != NULL)
		code = set_blob(curl, CURLOPT_CAINFO_BLOB, c->ca_pem);
	if (code == CURLE_OK && c->ca_pem != NULL)
		code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* our CA alone, not the system's folder too */
	if (code == CURLE_OK && c->client_cert_pem != NULL)
		code = set_blob(curl, CURLOPT_SSLCERT_BLOB, c->client_cert_pem);
	if (code == CURLE_OK && c->client_key_pem != NULL)
		code = set_blob(curl, CURLOPT_SSLKEY_BLOB, c->client_key_pem);
	if (code == CURLE_OK && c->peer_is_client)
		code = curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, expect_client);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, c->verify_off ? 0L : 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, c->verify_name_off || c->verify_off ? 0L : 2L);
	return code;
}

static CURLcode set_all(struct http_client *client, const struct http_client_config *c)
{
	CURL *curl = client->curl;
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->problem);
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)(c->connect_timeout_s != 0 ? c->connect_timeout_s : 10));
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)(c->timeout_s != 0 ? c->timeout_s : 60));
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "luytre");
	CURLcode code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (code == CURLE_OK && c->unix_path != NULL)
		code = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->unix_path);
	return code == CURLE_OK ? set_tls(curl, c) : code;
}

int http_client_new(const struct http_client_config *config, struct http_client **ret, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, global_init);
	struct http_client *client = MEM_NEW(struct http_client);
	client->base_url = mem_strdup(str_c(config->base_url));
	client->response_limit = config->response_limit_bytes != 0 ? config->response_limit_bytes : (size_t)16 << 20;
	client->curl = curl_easy_init();
	CURLcode code = client->curl != NULL ? set_all(client, config) : CURLE_FAILED_INIT;
	if (code != CURLE_OK) {
		http_client_free(client);
		return err_set(err, -EINVAL, "http.client_config", ARG_CSTR("reason", curl_easy_strerror(code)));
	}
	*ret = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	if (client->curl != NULL)
		curl_easy_cleanup(client->curl);
	mem_free(client->base_url);
	mem_free(client);
}

void http_client_response_done(struct http_client_response *res)
{
	buf_done(&res->body);
	buf_done(&res->set_cookie);
}

static bool add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);
	if (longer == NULL)
		return false;
	*list = longer;
	return true;
}

static struct curl_slist *make_headers(const struct http_client_request *req)
{
	struct curl_slist *list = NULL;
	/* "Expect: 100-continue" costs a second with servers that do not answer it. */
	bool ok = add_header(&list, "Expect:");
	for (const char *const *h = req->headers; ok && h != NULL && *h != NULL; h++)
		ok = add_header(&list, *h);
	if (ok && req->content_type != NULL) {
		struct buf line = BUF_INIT(HEADER_VALUE_MAX);
		buf_printf(&line, "Content-Type: %s", req->content_type);
		ok = add_header(&list, line.p);
		buf_done(&line);
	} else if (ok) {
		ok = add_header(&list, "Content-Type:");
	}
	if (!ok) {
		curl_slist_free_all(list);
		return NULL;
	}
	return list;
}

static void set_method(CURL *curl, const struct http_client_request *req)
{
	const char *method = req->method != NULL ? req->method : req->body.n > 0 ? "POST" : "GET";
	bool get = strcasecmp(method, "GET") == 0, head = strcasecmp(method, "HEAD") == 0;
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	if (head)
		(void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (req->body.n > 0 || strcasecmp(method, "POST") == 0 || strcasecmp(method, "PUT") == 0 ||
	    strcasecmp(method, "PATCH") == 0) {
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.n);
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, req->body.n > 0 ? req->body.p : "");
	}
	if (!get && !head)
		(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static int explain(const struct http_client *client, CURLcode code, const struct exchange *ex, struct err *err)
{
	struct arg server = ARG_CSTR("server", client->base_url);
	struct arg reason = ARG_CSTR("reason", client->problem[0] != '\0' ? client->problem : curl_easy_strerror(code));
	if (ex->too_big)
		return err_set(err, -EPROTO, "http.response_too_big", server, ARG_U64("limit", client->response_limit));
	switch ((int)code) {
	case CURLE_ABORTED_BY_CALLBACK:
		return err_set(err, -ECANCELED, "http.cancelled", server);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, -ETIMEDOUT, "http.timeout", server);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return err_set(err, -EACCES, "http.tls_untrusted", server, reason);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_HTTP2:
	case CURLE_BAD_CONTENT_ENCODING:
		return err_set(err, -EPROTO, "http.protocol", server, reason);
	default:
		return err_set(err, -EAGAIN, "http.unreachable", server, reason);
	}
}

int http_client_do(struct http_client *client, const struct http_client_request *req, struct http_client_response *res,
                   struct err *err)
{
	http_client_response_done(res);
	*res = (struct http_client_response){
		.body = BUF_INIT(client->response_limit),
		.set_cookie = BUF_INIT(HEADER_VALUE_MAX),
	};
	struct exchange ex = {.req = req, .res = res};
	struct buf url = BUF_INIT((size_t)16 << 10);
	buf_append_c(&url, client->base_url);
	buf_append_c(&url, req->path);
	struct curl_slist *headers = make_headers(req);
	CURL *curl = client->curl;
	client->problem[0] = '\0';
	set_method(curl, req);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ex);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &ex);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &ex);
	(void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, req->gone != NULL ? 0L : 1L);
	CURLcode code = url.overflow || headers == NULL ? CURLE_URL_MALFORMAT : curl_easy_setopt(curl, CURLOPT_URL, url.p);
	if (code == CURLE_OK)
		code = curl_easy_perform(curl);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	buf_done(&url);
	if (code != CURLE_OK)
		return explain(client, code, &ex, err);
	long status = 0;
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	res->status = (int)status;
	return 0;
}
