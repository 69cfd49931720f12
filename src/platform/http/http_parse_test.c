/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "platform/http/http_parse.h"

static const struct {
	const char *target;
	const char *path; /* NULL: refused */
} targets[] = {
	{"/", "/"},
	{"/a/b", "/a/b"},
	{"/a%20b", "/a b"},
	{"/nguy%E1%BB%85n", "/nguyễn"},
	{"/a//b", "/a//b"},
	{"/a?x=%2e%2e", "/a"},
	{"/...", "/..."},
	{"/a..b/..c", "/a..b/..c"},
	{"", NULL},
	{"*", NULL},
	{"a/b", NULL},
	{"http://host/a", NULL},
	{"/..", NULL},
	{"/../etc/passwd", NULL},
	{"/a/./b", NULL},
	{"/%2e%2e/etc", NULL},
	{"/.%2e/etc", NULL},
	{"/a%2fb", NULL},
	{"/a%2Fb", NULL},
	{"/..%5c..", NULL},
	{"/a\\b", NULL},
	{"/%252e%252e/etc", "/%2e%2e/etc"}, /* decoded once only */
	{"/%00", NULL},
	{"/a%0d%0aX: y", NULL},
	{"/%", NULL},
	{"/%1", NULL},
	{"/%zz", NULL},
	{"/%ff", NULL},
	{"/%c0%ae%c0%ae/", NULL}, /* overlong dots */
	{"/a?%", NULL},
	{"/a?x=%00", NULL},
};

static void targets_are_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct str path = STR_EMPTY;
		struct http_pairs query;
		struct err err = {0};
		int r = http_parse_target(arena, str_c(targets[i].target), &path, &query, &err);
		if (targets[i].path == NULL && r >= 0)
			fail_msg("taken: %s", targets[i].target);
		if (targets[i].path != NULL && (r < 0 || !str_eq_c(path, targets[i].path)))
			fail_msg("%s became %.*s (%d)", targets[i].target, STR_FMT(path), r);
	}
}

static void queries_are_decoded(void **state)
{
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct str path;
	struct http_fields fields = {0};
	struct http_request req = {.connection = &fields};
	assert_int_equal(http_parse_target(arena, STR("/?q=b%C3%A0i+1%2B1&s=a&s=b&flag&=v&e=&&s=c%26d"), &path, &fields.query,
	                                   NULL), 0);
	assert_true(str_eq_c(http_query(&req, "q"), "bài 1+1"));
	struct str all[2];
	assert_int_equal(http_query_all(&req, "s", all, 2), 2);
	assert_true(str_eq_c(all[1], "b"));
	assert_non_null(http_query(&req, "flag").p);
	assert_int_equal(http_query(&req, "flag").n, 0);
	assert_non_null(http_query(&req, "e").p);
	assert_null(http_query(&req, "S").p);
	assert_null(http_query(&req, "d").p);
}

static void too_many_parameters_are_refused(void **state)
{
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct buf target = BUF_INIT(10000);
	struct str path;
	struct http_pairs query;
	buf_append_c(&target, "/?");
	for (int i = 0; i < HTTP_QUERY_MAX; i++)
		buf_append_c(&target, "a=1&");
	assert_int_equal(http_parse_target(arena, buf_str(&target), &path, &query, NULL), 0);
	assert_int_equal(query.count, HTTP_QUERY_MAX);
	buf_append_c(&target, "a=1");
	assert_int_equal(http_parse_target(arena, buf_str(&target), &path, &query, NULL), -EINVAL);
	buf_done(&target);
}

static void cookies_are_found(void **state)
{
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct http_fields fields = {0};
	struct http_request req = {.connection = &fields};
	http_parse_cookies(arena, STR("lang=vi; __Host-luytre=\"abc=\"; broken; =x; bad name=1; empty="), &fields.cookies);
	http_parse_cookies(arena, STR("lang=en;second=2"), &fields.cookies);
	assert_true(str_eq_c(http_cookie(&req, "lang"), "vi"));
	assert_true(str_eq_c(http_cookie(&req, "__Host-luytre"), "abc="));
	assert_true(str_eq_c(http_cookie(&req, "second"), "2"));
	assert_non_null(http_cookie(&req, "empty").p);
	assert_null(http_cookie(&req, "broken").p);
	assert_null(http_cookie(&req, "bad name").p);
}

static const struct http_route routes[] = {
	{.method = "GET", .path = "/api/v1/things", .data = "list"},
	{.method = "POST", .path = "/api/v1/things", .data = "make"},
	{.method = "GET", .path = "/api/v1/things/summary", .data = "summary"},
	{.method = "GET", .path = "/api/v1/things/{id}", .data = "one"},
	{.method = "DELETE", .path = "/api/v1/things/{id}/parts/{part}", .data = "part"},
	{.method = "GET", .path = "/files/{rest*}", .data = "files"},
	{.method = NULL},
};

static const struct {
	const char *method, *path;
	const char *data; /* NULL: none */
	int status;
	const char *detail; /* allow list, or the first parameter */
} cases[] = {
	{"GET", "/api/v1/things", "list", 0, NULL},
	{"HEAD", "/api/v1/things", "list", 0, NULL},
	{"POST", "/api/v1/things", "make", 0, NULL},
	{"GET", "/api/v1/things/summary", "summary", 0, NULL},
	{"GET", "/api/v1/things/17", "one", 0, "17"},
	{"DELETE", "/api/v1/things/17/parts/2", "part", 0, "17"},
	{"GET", "/files/", "files", 0, ""},
	{"GET", "/files/a/b.js", "files", 0, "a/b.js"},
	{"GET", "/files", NULL, 404, ""},
	{"PUT", "/api/v1/things", NULL, 405, "GET, HEAD, POST"},
	{"get", "/api/v1/things", NULL, 405, "GET, HEAD, POST"},
	{"GET", "/api/v1/things/17/parts/2", NULL, 405, "DELETE"},
	{"GET", "/api/v1/things/", NULL, 404, ""},
	{"GET", "/api/v1/things//parts/2", NULL, 404, ""},
	{"GET", "/api/v1/Things", NULL, 404, ""},
	{"GET", "/", NULL, 404, ""},
};

static void routes_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_request req = {.method = cases[i].method, .path = str_c(cases[i].path)};
		struct buf allow = BUF_INIT(256);
		int status = 0;
		const struct http_route *r = http_route_find(routes, &req, &status, &allow);
		if ((r == NULL) != (cases[i].data == NULL) || (r != NULL && strcmp(r->data, cases[i].data) != 0))
			fail_msg("%s %s", cases[i].method, cases[i].path);
		if (r == NULL) {
			assert_int_equal(status, cases[i].status);
			assert_true(str_eq_c(buf_str(&allow), cases[i].detail));
		} else if (cases[i].detail != NULL) {
			assert_true(str_eq_c(req.params[0].value, cases[i].detail));
		}
		buf_done(&allow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_strict), cmocka_unit_test(queries_are_decoded),
		cmocka_unit_test(too_many_parameters_are_refused), cmocka_unit_test(cookies_are_found),
		cmocka_unit_test(routes_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
