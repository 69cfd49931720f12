/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Request targets, queries and cookies: strict parsing of what a client sent
 * (RFC 3986, RFC 6265), and the route table. Private to platform/http.
 *
 * Does not live here: header syntax (libmicrohttpd's work). Threads: no shared state.
 */
#pragma once
#include "platform/http/http.h"

struct http_pair {
	struct str name, value;
};

struct http_pairs {
	struct http_pair *items; /* in the arena */
	size_t count;
};

/* What http_header, http_query and http_cookie look into: http_request.connection. */
struct http_fields {
	struct http_pairs headers, query, cookies;
};

#define HTTP_QUERY_MAX 200
#define HTTP_COOKIES_MAX 50

/*
 * "/path?query". Refused with -EINVAL: not beginning with "/", bad percent
 * escapes, NUL and control bytes, text that is not UTF-8, "." and ".." segments,
 * backslashes, and an encoded "/" (it would change what the segments are).
 */
int http_parse_target(struct arena *arena, struct str target, struct str *ret_path, struct http_pairs *ret_query,
                      struct err *err) WARN_UNUSED;
/* "a=1; b=2" of one Cookie header, added to *pairs (room for HTTP_COOKIES_MAX is made). Broken parts are skipped. */
void http_parse_cookies(struct arena *arena, struct str header, struct http_pairs *pairs);

/*
 * The first route whose path and method match; HEAD is answered by GET's.
 * Otherwise NULL, and *ret_status is 404 or 405 with the methods in allow.
 */
const struct http_route *http_route_find(const struct http_route *routes, struct http_request *req, int *ret_status,
                                         struct buf *allow);
