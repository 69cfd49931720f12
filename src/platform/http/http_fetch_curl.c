/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_fetch.h"

#include <curl/curl.h>

#define REDIRECTS_MAX 5L
#define CONNECT_S     15L
#define TIME_S        300

struct fetching {
	struct buf *out;
	size_t begin, limit; /* of `out` */
	char *etag;
	bool too_big;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct fetching *f = ctx;
	size_t n = size * count;
	f->too_big = f->too_big || n > f->limit || f->out->n - f->begin > f->limit - n || !buf_reserve(f->out, n);
	if (f->too_big)
		return 0;
	buf_append(f->out, str_n(bytes, n));
	return n;
}

/* Each answer on the way has a head; a redirect's says nothing about the file. */
static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
	struct fetching *f = ctx;
	struct str line = str_n(bytes, size * count);
	size_t colon = str_find_char(line, ':');
	if (str_starts_with(line, STR("HTTP/"))) {
		f->etag[0] = '\0';
		f->out->n = f->begin;
	} else if (colon != SIZE_MAX && str_eq_nocase(str_sub(line, 0, colon), STR("ETag"))) {
		str_copy_c(str_trim(str_sub(line, colon + 1, line.n)), f->etag, HTTP_FETCH_ETAG_SIZE);
	}
	return line.n;
}

static CURLcode set_up(CURL *curl, const struct http_fetch *what, struct fetching *f)
{
	(void)curl_easy_setopt(curl, CURLOPT_URL, what->url);
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)(what->timeout_s != 0 ? what->timeout_s : TIME_S));
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, f);
	(void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "luytre");
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	CURLcode code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	if (code == CURLE_OK && what->ca_pem != NULL) {
		struct str pem = str_c(what->ca_pem);
		struct curl_blob blob = {.len = pem.n, .flags = CURL_BLOB_COPY};
		memcpy(&blob.data, &pem.p, sizeof blob.data); /* curl copies it, but its type is not const */
		code = curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
	}
	return code;
}

static int failed(CURLcode code, const struct fetching *f, const char *problem, struct err *err)
{
	const char *reason = problem[0] != '\0' ? problem : curl_easy_strerror(code);
	if (f->too_big)
		return err_set(err, -E2BIG, "fetch.too_big", ARG_U64("limit_mb", f->limit >> 20));
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CACERT_BADFILE)
		return err_set(err, -EACCES, "fetch.tls", ARG_CSTR("reason", reason));
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return err_set(err, -EINVAL, "fetch.url");
	return err_set(err, -EAGAIN, "fetch.unreachable", ARG_CSTR("reason", reason));
}

static int judge(CURL *curl, struct fetching *f, struct err *err)
{
	long status = 0;
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return 1;
	f->out->n = f->begin;
	return status == 304 ? 0 : err_set(err, -EINVAL, "fetch.status", ARG_I64("status", status));
}

int http_fetch(const struct http_fetch *what, struct buf *out, char ret_etag[HTTP_FETCH_ETAG_SIZE], struct err *err)
{
	struct fetching f = {.out = out, .begin = out->n, .limit = what->limit_bytes, .etag = ret_etag};
	cleanup_buf struct buf condition = BUF_INIT(1024);
	char problem[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	ret_etag[0] = '\0';
	CURLcode code = curl != NULL ? set_up(curl, what, &f) : CURLE_FAILED_INIT;
	if (code == CURLE_OK && what->etag != NULL && what->etag[0] != '\0') {
		buf_printf(&condition, "If-None-Match: %s", what->etag);
		headers = curl_slist_append(NULL, condition.p);
		code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	if (code == CURLE_OK) {
		(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
		code = curl_easy_perform(curl);
	}
	int r = code == CURLE_OK ? judge(curl, &f, err) : failed(code, &f, problem, err);
	if (r < 0)
		out->n = f.begin;
	curl_slist_free_all(headers);
	if (curl != NULL)
		curl_easy_cleanup(curl);
	return r;
}
