/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The door itself over real HTTP on both databases: set-up, sign-in, sessions, forgery, bad input, stream, files. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "service/gate/gate_test_support.h"

static void set_up_once(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	rig_expect(&rig, "GET", "/api/v1/setup", NULL, 200, "\"needed\":true");
	rig_expect(&rig, "POST", "/api/v1/setup",
	       "{\"code\":\"aaaaa-aaaaa\",\"login\":\"admin\",\"display_name\":\"A\",\"password\":\"" RIG_PASSWORD
	       "\",\"city_name\":\"B\"}", 403, "account.setup_code");
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, "account.not_signed_in");
	assert_int_equal(rig_set_up(&rig), 201);
	assert_true(rig_has(&rig, "\"shell\":\"watch\""));
	assert_true(str_starts_with(buf_str(&rig.res.set_cookie), STR(ACCOUNT_COOKIE "=")));
	static const char *const flags[] = {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		assert_true(str_find(buf_str(&rig.res.set_cookie), str_c(flags[i])) != SIZE_MAX);
	assert_true(str_find(buf_str(&rig.res.set_cookie), STR("Domain")) == SIZE_MAX);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 200, "Trần Minh Quân");
	rig_expect(&rig, "GET", "/api/v1/setup", NULL, 200, "\"needed\":false");
	struct err err = {.code = 0};
	char code[ACCOUNT_SETUP_CODE_SIZE];
	assert_int_equal(account_setup_begin(&rig.sc, code, &err), 0);
	rig_expect(&rig, "POST", "/api/v1/setup",
	       "{\"code\":\"x\",\"login\":\"eve\",\"display_name\":\"E\",\"password\":\"" RIG_PASSWORD "\",\"city_name\":\"B\"}",
	       409, "account.setup_done");
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

static void throttling(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rig_login(&rig, "admin", "wrong password"), 401);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 429);
	assert_string_equal(rig.res.retry_after, "31");
	/* Another account is not held up by it; a name that does not exist is treated as one that does. */
	assert_int_equal(rig_login(&rig, "nobody", RIG_PASSWORD), 401);
	rig_time += 29 * USEC_PER_SEC;
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 429);
	rig_time += 2 * USEC_PER_SEC;
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	assert_int_equal(rig_login(&rig, "admin", "wrong password"), 401);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	/* Per address: 20 failures over many names. */
	char login[16];
	int status = 0;
	for (unsigned i = 0; i < 40 && status != 429; i++) {
		(void)snprintf(login, sizeof login, "user%u", i);
		status = rig_login(&rig, login, "wrong password");
	}
	assert_int_equal(status, 429);
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

static void sessions(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char first[256], second[256];
	(void)memcpy(first, rig.cookie, sizeof first);
	/* Another sign-in from the same browser ends the old session: no fixation. */
	char body[] = "{\"login\":\"admin\",\"password\":\"" RIG_PASSWORD "\"}";
	rig_expect(&rig, "POST", "/api/v1/login", body, 200, NULL);
	assert_string_not_equal(rig.cookie, first);
	(void)memcpy(second, rig.cookie, sizeof second);
	(void)memcpy(rig.cookie, first, sizeof first);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* After an hour the secret changes; the old one counts for a minute more. */
	(void)memcpy(rig.cookie, second, sizeof second);
	rig_time += 61 * USEC_PER_MINUTE;
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	char third[256];
	(void)memcpy(third, rig.cookie, sizeof third);
	assert_string_not_equal(third, second);
	(void)memcpy(rig.cookie, second, sizeof second);
	rig_time += 30 * USEC_PER_SEC;
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	assert_string_equal(rig.cookie, second);
	rig_time += 31 * USEC_PER_SEC;
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* Idle. */
	(void)memcpy(rig.cookie, third, sizeof third);
	rig_time += 4 * USEC_PER_HOUR + USEC_PER_MINUTE;
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* Twelve hours, however busy. */
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	for (unsigned i = 0; i < 12; i++) {
		rig_time += 59 * USEC_PER_MINUTE;
		assert_int_equal(rig_send(&rig, "GET", "/api/v1/session", NULL), 200);
	}
	rig_time += 13 * USEC_PER_MINUTE;
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* Ending one from another. */
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	(void)memcpy(first, rig.cookie, sizeof first);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	rig_expect(&rig, "GET", "/api/v1/session/sessions", NULL, 200, "\"current\":true");
	cleanup(arena) struct arena *arena = arena_new(0);
	json_each(item, json_get(rig_json(&rig, arena), "items")) {
		if (json_get_bool(item, "current", true))
			continue;
		char path[128];
		(void)snprintf(path, sizeof path, "/api/v1/session/sessions/%.*s", STR_FMT(json_get_str(item, "id", STR(""))));
		rig_expect(&rig, "DELETE", path, NULL, 204, NULL);
	}
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	rig_expect(&rig, "POST", "/api/v1/logout", NULL, 204, NULL);
	assert_true(str_find(buf_str(&rig.res.set_cookie), STR("Max-Age=0")) != SIZE_MAX);
	(void)memcpy(rig.cookie, first, sizeof first);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	rig_stop(&rig);
}

static void forgery(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	rig.no_request_header = true;
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 403);
	rig.no_request_header = false;
	assert_int_equal(rig_set_up(&rig), 201);
	rig.no_request_header = true;
	rig_expect(&rig, "POST", "/api/v1/logout", NULL, 403, "gate.request_header");
	rig.no_request_header = false;
	rig.header = "Origin: https://evil.example";
	rig_expect(&rig, "POST", "/api/v1/logout", NULL, 403, "gate.origin");
	rig.header = "Origin: null";
	rig_expect(&rig, "POST", "/api/v1/logout", NULL, 403, "gate.origin");
	char ours[96];
	(void)snprintf(ours, sizeof ours, "Origin: %s", rig.base);
	rig.header = ours;
	rig_expect(&rig, "POST", "/api/v1/logout", NULL, 204, NULL);
	rig_stop(&rig);
}

/* Bad input: the answer names the place, nothing is half-done. */
static const struct {
	const char *method, *path, *body;
	int status;
	const char *text;
} bad_input[] = {
	{"POST", "/api/v1/units", "{", 400, "json.syntax"},
	{"POST", "/api/v1/units", "[]", 400, "gate.body_object"},
	{"POST", "/api/v1/units", "{\"kode\":\"a\"}", 400, "json.unknown_field"},
	{"POST", "/api/v1/units", "{\"code\":\"a\",\"code\":\"b\"}", 400, "json."},
	{"POST", "/api/v1/units", "{\"code\":\"A1\",\"kind\":\"department\",\"name\":\"x\",\"parent_id\":\"y\"}", 400, "/parent_id"},
	{"POST", "/api/v1/units",
         "{\"code\":\"A1\",\"kind\":\"department\",\"name\":\"x\",\"parent_id\":\"01890000-0000-7000-8000-000000000000\"}", 403,
         "api.forbidden"},
	{"GET", "/api/v1/units?limit=0", NULL, 400, "limit"},
	{"GET", "/api/v1/units?sort=size", NULL, 400, "path|name|code"},
	{"GET", "/api/v1/units?cursor=AAAA", NULL, 400, "cursor"},
	{"GET", "/api/v1/units?cursor=cGF0aDp0MDA6YjAw", NULL, 400, "cursor"},
	{"GET", "/api/v1/units/xyz", NULL, 404, "api.not_found"},
	{"GET", "/api/v1/nothing", NULL, 404, "gate.no_route"},
	{"DELETE", "/api/v1/units", NULL, 405, "gate.no_method"},
	{"GET", "/api/v1/audit?from=yesterday", NULL, 400, "RFC 3339"},
	{"POST", "/api/v1/session/password", "{\"old_password\":\"x\",\"new_password\":\"" RIG_PASSWORD "2\"}", 400,
         "account.old_password"},
	{"POST", "/api/v1/session/password", "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"short\"}", 400,
         "account.password_length"},
	{"POST", "/api/v1/session/password", "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"admin-admin-1\"}", 400,
         "account.password_weak"},
};

static void refusals(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	for (size_t i = 0; i < ARRAY_LEN(bad_input); i++) {
		rig_expect(&rig, bad_input[i].method, bad_input[i].path, bad_input[i].body, bad_input[i].status, bad_input[i].text);
		assert_string_equal(rig.res.content_type, "application/problem+json");
	}
	rig.header = "Accept-Language: en";
	rig_expect(&rig, "GET", "/api/v1/units/xyz", NULL, 404, "There is no such item");
	rig_expect(&rig, "GET", "/api/v1/units/xyz", NULL, 404, "Không có mục này");
	rig_expect(&rig, "GET", "/api/v1/units/xyz?lang=en", NULL, 404, "There is no such item");
	rig_stop(&rig);
}

static int connect_to(const struct rig *rig)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(http_server_port(rig->server)),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* Reads until the text has come, or 20 s have passed. */
static bool wait_for(int fd, struct buf *got, const char *text)
{
	for (unsigned i = 0; i < 200 && str_find(buf_str(got), str_c(text)) == SIZE_MAX; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 100) <= 0)
			continue;
		char bytes[4096];
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n <= 0)
			break;
		buf_append(got, str_n(bytes, (size_t)n));
	}
	return str_find(buf_str(got), str_c(text)) != SIZE_MAX;
}

static void open_stream(struct rig *rig, int fd, const char *more)
{
	cleanup_buf struct buf req = BUF_INIT(4096);
	struct err err = {.code = 0};
	buf_printf(&req, "GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n%s\r\n", rig->cookie, more);
	rig_must(file_write_all(fd, buf_str(&req), &err), &err);
}

static void stream(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	rig_expect(&rig, "GET", "/api/v1/stream", NULL, 401, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], unit[UUID_TEXT_SIZE];
	rig_root(&rig, root);
	cleanup_buf struct buf got = BUF_INIT(1 << 20);
	cleanup_fd int fd = connect_to(&rig);
	open_stream(&rig, fd, "");
	assert_true(wait_for(fd, &got, ": welcome"));
	rig_make_unit(&rig, "SO-A", "department", "Sở Đỏ", root, unit);
	assert_true(wait_for(fd, &got, "event: unit.created"));
	assert_true(wait_for(fd, &got, unit));
	/* Another connection asks for what came after the set-up's events. */
	cleanup_buf struct buf again = BUF_INIT(1 << 20);
	cleanup_fd int late = connect_to(&rig);
	open_stream(&rig, late, "Last-Event-ID: 1\r\n");
	assert_true(wait_for(late, &again, unit));
	/* One that asks for the impossible is told to begin anew. */
	cleanup_buf struct buf reset = BUF_INIT(1 << 20);
	cleanup_fd int wrong = connect_to(&rig);
	open_stream(&rig, wrong, "Last-Event-ID: 999999\r\n");
	assert_true(wait_for(wrong, &reset, "event: reset"));
	rig_stop(&rig);
}

/* A stranger's events do not reach a unit officer's stream. */
static void stream_scope(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], officer[UUID_TEXT_SIZE], path[128], body[400];
	char admin_cookie[256];
	rig_root(&rig, root);
	rig_make_unit(&rig, "SO-A", "department", "A", root, a);
	rig_make_unit(&rig, "SO-B", "department", "B", root, b);
	(void)snprintf(body, sizeof body, "{\"login\":\"lan\",\"display_name\":\"Lan\",\"unit_id\":\"%s\",\"password\":\"" RIG_PASSWORD "\"}", a);
	rig_expect(&rig, "POST", "/api/v1/accounts", body, 201, NULL);
	rig_id(&rig, officer);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/grants", officer);
	(void)snprintf(body, sizeof body, "{\"role\":\"unit_officer\",\"unit_id\":\"%s\"}", a);
	rig_expect(&rig, "POST", path, body, 201, NULL);
	(void)memcpy(admin_cookie, rig.cookie, sizeof admin_cookie);
	assert_int_equal(rig_login(&rig, "lan", RIG_PASSWORD), 200);
	/* Nothing is heard before the first password is changed. */
	rig_expect(&rig, "GET", "/api/v1/stream", NULL, 403, "account.must_change_password");
	rig_expect(&rig, "POST", "/api/v1/session/password",
	           "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"mot mat khau khac\"}", 200, NULL);
	cleanup_buf struct buf got = BUF_INIT(1 << 20);
	cleanup_fd int fd = connect_to(&rig);
	open_stream(&rig, fd, "");
	assert_true(wait_for(fd, &got, ": welcome"));
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	char inside[UUID_TEXT_SIZE], outside[UUID_TEXT_SIZE];
	rig_make_unit(&rig, "SO-B-1", "part", "B1", b, outside);
	rig_make_unit(&rig, "SO-A-1", "part", "A1", a, inside);
	assert_true(wait_for(fd, &got, inside));
	assert_true(str_find(buf_str(&got), str_c(outside)) == SIZE_MAX);
	rig_stop(&rig);
}

/* Two core processes on one database: a session made by one counts at the other, an event of one reaches the
 * other's stream, and the audit log stays one chain. */
static void two_cores(struct db *db, const char *url)
{
	struct err err = {.code = 0};
	struct db *second = NULL;
	struct rig a, b;
	rig_must(db_open(url, 4, &second, &err), &err);
	rig_start(&a, db, NULL);
	rig_start(&b, second, NULL);
	assert_int_equal(rig_set_up(&a), 201);
	char root[UUID_TEXT_SIZE], unit[UUID_TEXT_SIZE];
	rig_root(&a, root);
	(void)memcpy(b.cookie, a.cookie, sizeof b.cookie);
	rig_expect(&b, "GET", "/api/v1/session", NULL, 200, "Trần Minh Quân");
	rig_expect(&b, "GET", "/api/v1/setup", NULL, 200, "\"needed\":false");
	cleanup_buf struct buf got = BUF_INIT(1 << 20);
	cleanup_fd int fd = connect_to(&b);
	open_stream(&b, fd, "");
	assert_true(wait_for(fd, &got, ": welcome"));
	for (unsigned i = 0; i < 10; i++) {
		char code[16];
		(void)snprintf(code, sizeof code, "SO-%u", i);
		rig_make_unit(i % 2 == 0 ? &a : &b, code, "department", "Sở", root, unit);
	}
	assert_true(wait_for(fd, &got, unit));
	rig_verify_chain(&a);
	rig_expect(&b, "GET", "/api/v1/units", NULL, 200, "\"total\":11");
	rig_stop(&b);
	rig_stop(&a);
	db_close(second);
}

static void files_and_openapi(void **state)
{
	(void)state;
	char dir[] = "/tmp/luytre-web-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	struct err err = {.code = 0};
	cleanup_buf struct buf page = BUF_INIT(10000);
	for (unsigned i = 0; i < 200; i++)
		buf_append_c(&page, "<p>xin chào</p>\n");
	(void)snprintf(path, sizeof path, "%s/index.html", dir);
	rig_must(file_write(path, buf_str(&page), 0644, &err), &err);
	char hidden[64];
	(void)snprintf(hidden, sizeof hidden, "%s/.secret.txt", dir);
	rig_must(file_write(hidden, STR("secret"), 0644, &err), &err);
	const struct gate_folder folders[] = {{"/", dir}, {NULL, NULL}};
	char url[] = "sqlite:/tmp/luytre-gate-XXXXXX";
	int fd = mkstemp(url + strlen("sqlite:"));
	assert_true(fd >= 0);
	(void)close(fd);
	struct db *db = NULL;
	rig_must(db_open(url, 4, &db, &err), &err);
	struct rig rig;
	rig_start(&rig, db, folders);
	rig_expect(&rig, "GET", "/", NULL, 200, "xin chào");
	rig_expect(&rig, "GET", "/alerts/01890000", NULL, 200, "xin chào");
	rig_expect(&rig, "GET", "/missing.js", NULL, 404, "gate.no_route");
	rig_expect(&rig, "GET", "/.secret.txt", NULL, 404, NULL);
	rig_expect(&rig, "GET", "/%2e%2e/etc/passwd.txt", NULL, 400, "gate.bad_request");
	rig_expect(&rig, "GET", "/", NULL, 200, NULL);
	char match[128];
	(void)snprintf(match, sizeof match, "If-None-Match: %s", rig.res.etag);
	rig.header = match;
	rig_expect(&rig, "GET", "/", NULL, 304, NULL);
	rig_expect(&rig, "GET", "/healthz", NULL, 200, "ok");
	rig_expect(&rig, "GET", "/api/openapi.json", NULL, 200, "\"/api/v1/units/{id}\":{");
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *paths = json_get(rig_json(&rig, arena), "paths");
	for (size_t i = 0; i < ARRAY_LEN(rig_services); i++) {
		for (const struct service_route *r = rig_services[i]->routes; r != NULL && r->method != NULL; r++) {
			if (r->listener == LISTENER_CONSOLE && json_get(paths, r->path) == NULL)
				fail_msg("%s is not in the OpenAPI description", r->path);
			if (msg_find(&msg_catalogue_all, r->summary_key) == NULL)
				fail_msg("%s %s: no text for %s", r->method, r->path, r->summary_key);
		}
	}
	rig_stop(&rig);
	db_close(db);
	(void)unlink(path);
	(void)unlink(hidden);
	(void)rmdir(dir);
	static const char *const ends[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		(void)snprintf(path, sizeof path, "%s%s", url + strlen("sqlite:"), ends[i]);
		(void)unlink(path);
	}
}

static int answer_nothing(struct api_request *req, struct http_response *res, struct err *err)
{
	(void)req;
	(void)res;
	(void)err;
	return 0;
}

/* A route without a permission, or with one that nobody declares, does not start. */
static void bad_routes(void **state)
{
	(void)state;
	static const struct {
		struct service_route route[3];
		const char *key;
	} cases[] = {
		{{{"GET", "/x", NULL, answer_nothing, "gate.title"}}, "gate.route_without_permission"},
		{{{"GET", "/x", "", answer_nothing, "gate.title"}}, "gate.route_without_permission"},
		{{{"GET", "/x", "x.read", answer_nothing, "gate.title"}}, "gate.permission_undeclared"},
		{{{"GET", "/x", "y.read", NULL, "gate.title"}}, "gate.route_incomplete"},
		{{{"GET", "/x", "y.read", answer_nothing, "gate.title"}, {"GET", "/x", "y.read", answer_nothing, "gate.title"}},
	         "gate.route_twice"},
	};
	static const char *const permissions[] = {"y.read", NULL};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct service service = {.name = "x", .routes = cases[i].route, .permissions = permissions};
		const struct service *const services[] = {&service};
		struct service_context sc = {.db = NULL};
		struct gate *g = NULL;
		struct err err = {.code = 0};
		const struct gate_config config = {.service = &sc, .services = services, .service_count = 1};
		int r = gate_new(&config, &g, &err);
		if (r == 0)
			gate_free(g);
		assert_true(r < 0);
		assert_string_equal(err.key, cases[i].key);
	}
}

#define EACH(name)                                                                                                     \
	static void each_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
EACH(set_up_once)
EACH(throttling)
EACH(sessions)
EACH(forgery)
EACH(refusals)
EACH(stream)
EACH(stream_scope)
EACH(two_cores)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_routes),       cmocka_unit_test(files_and_openapi), cmocka_unit_test(each_set_up_once),
		cmocka_unit_test(each_throttling),  cmocka_unit_test(each_sessions),     cmocka_unit_test(each_forgery),
		cmocka_unit_test(each_refusals),    cmocka_unit_test(each_stream),
		cmocka_unit_test(each_stream_scope), cmocka_unit_test(each_two_cores),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
