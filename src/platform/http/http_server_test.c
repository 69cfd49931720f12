/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file/file.h"
#include "platform/http/http.h"
#include "platform/http/http_client.h"

/* ---- a small service ---- */

struct world {
	struct http_server *server;
	pthread_mutex_t lock;
	struct http_stream *stream; /* lock */
	atomic_int closed;
	atomic_uint seen_gone;
	atomic_int calls;
};

static void echo(struct http_request *req, struct http_response *res, void *context)
{
	struct world *w = context;
	atomic_fetch_add(&w->calls, 1);
	res->body = BUF_INIT((size_t)1 << 20);
	buf_printf(&res->body, "%s %.*s [%.*s] q=%.*s id=%.*s", req->method, STR_FMT(req->path), STR_FMT(req->body),
	           STR_FMT(http_query(req, "q")), STR_FMT(http_param(req, "id")));
	res->content_type = "text/plain; charset=utf-8";
	http_response_header(res, "ETag", "\"1\"");
}

static void peer(struct http_request *req, struct http_response *res, void *context)
{
	(void)context;
	res->body = BUF_INIT(100);
	buf_append(&res->body, req->peer);
}

static void slow(struct http_request *req, struct http_response *res, void *context)
{
	(void)req;
	(void)context;
	(void)usleep(300000);
	res->status = 204;
}

static void own_file(struct http_request *req, struct http_response *res, void *context)
{
	(void)req;
	(void)context;
	char path[] = "/tmp/luytre-http-XXXXXX";
	res->file_fd = mkstemp(path);
	(void)unlink(path);
	res->file_size_bytes = 6;
	assert_int_equal(write(res->file_fd, "of six", 6), 6);
	(void)lseek(res->file_fd, 0, SEEK_SET);
}

static void stream_closed(void *ctx)
{
	struct world *w = ctx;
	atomic_fetch_add(&w->closed, 1);
}

static void stream(struct http_request *req, struct http_response *res, void *context)
{
	(void)req;
	struct world *w = context;
	struct http_stream *s = http_response_stream(res, "text/event-stream", (size_t)64 << 10);
	http_stream_on_close(s, stream_closed, w);
	(void)pthread_mutex_lock(&w->lock);
	if (w->stream != NULL)
		http_stream_unref(w->stream);
	w->stream = http_stream_ref(s);
	(void)pthread_mutex_unlock(&w->lock);
	(void)http_stream_send(s, STR("data: hello\n\n"));
}

/* Pieces of 300,000 letters; ?pieces=: how many, ?break=: where it cannot go on. */
struct pulled {
	struct world *w;
	const struct http_request *req;
	unsigned at, pieces, broken;
	bool hangs; /* at the second piece, until the client is gone */
};

static int pull_more(void *ctx, struct buf *out)
{
	struct pulled *p = ctx;
	if (p->at == p->broken)
		return -EIO;
	for (unsigned i = 0; p->hangs && p->at > 0; i++) {
		if (http_request_gone(p->req)) {
			atomic_fetch_add(&p->w->seen_gone, 1);
			return -ECANCELED;
		}
		if (i > 3000)
			return -ETIMEDOUT;
		(void)usleep(10000);
	}
	/* Every other time there is nothing yet. */
	for (unsigned i = 0; p->at % 2 == 0 && i < 300000; i++)
		buf_append_char(out, (char)('a' + p->at));
	return ++p->at < p->pieces;
}

static void pull_done(void *ctx)
{
	struct pulled *p = ctx;
	atomic_fetch_add(&p->w->closed, 1);
	mem_free(p);
}

static void pull(struct http_request *req, struct http_response *res, void *context)
{
	struct pulled *p = MEM_NEW(struct pulled);
	uint64_t pieces = 0, broken = UINT32_MAX;
	(void)str_parse_u64(http_query(req, "pieces"), 0, 100, &pieces);
	(void)str_parse_u64(http_query(req, "break"), 0, 100, &broken);
	*p = (struct pulled){context, req, 0, (unsigned)pieces, (unsigned)broken, http_query(req, "hang").n > 0};
	if (http_response_pull(req, res, "text/plain", &(struct http_pull){pull_more, pull_done, p}, NULL) < 0) {
		mem_free(p);
		res->status = 503;
	}
}

static const struct http_route routes[] = {
	{.method = "GET", .path = "/echo", .handler = echo},
	{.method = "POST", .path = "/echo", .handler = echo, .body_limit_bytes = 100000},
	{.method = "POST", .path = "/small", .handler = echo, .body_limit_bytes = 10},
	{.method = "POST", .path = "/nothing", .handler = echo},
	{.method = "GET", .path = "/things/{id}", .handler = echo},
	{.method = "GET", .path = "/peer", .handler = peer},
	{.method = "GET", .path = "/slow", .handler = slow},
	{.method = "GET", .path = "/file", .handler = own_file},
	{.method = "GET", .path = "/stream", .handler = stream},
	{.method = "GET", .path = "/pull", .handler = pull},
	{.method = NULL},
};

static void fallback(struct http_request *req, struct http_response *res, int status, void *context)
{
	(void)req;
	(void)context;
	res->body = BUF_INIT(100);
	buf_printf(&res->body, "fallback %d", status);
}

static void start(struct world *w, struct http_config config)
{
	struct err err = {0};
	*w = (struct world){0};
	(void)pthread_mutex_init(&w->lock, NULL);
	config.address = config.unix_path == NULL ? "127.0.0.1" : NULL;
	config.routes = routes;
	config.context = w;
	if (http_server_start(&config, &w->server, &err) < 0) {
		char line[512];
		fail_msg("%s", err_line(&err, line, sizeof line));
	}
}

static void stop(struct world *w)
{
	http_server_stop(w->server);
	http_stream_unref(w->stream);
	(void)pthread_mutex_destroy(&w->lock);
}

/* ---- a client that can do everything wrong ---- */

static int dial(const struct world *w)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_server_port(w->server))};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Reads until the peer closes, `until` was seen, or time is over. Returns the bytes as text. */
static size_t take(int fd, char *out, size_t size, const char *until, int timeout_ms)
{
	size_t n = 0;
	out[0] = '\0';
	usec_t end = clock_monotonic() + timeout_ms * USEC_PER_MS;
	while (n + 1 < size && (until == NULL || strstr(out, until) == NULL)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int left = (int)((end - clock_monotonic()) / USEC_PER_MS);
		if (left <= 0 || poll(&p, 1, left) <= 0)
			break;
		ssize_t got = recv(fd, out + n, size - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
		out[n] = '\0';
	}
	return n;
}

static int status_of(const char *answer)
{
	return strlen(answer) > 12 ? (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + (answer[11] - '0') : 0;
}

static const struct {
	const char *request;
	int status;
	const char *contains;
} raw_cases[] = {
	{"GET /echo?q=a%20b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "GET /echo [] q=a b"},
	{"GET /things/17 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "id=17"},
	{"HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "ETag: \"1\""},
	{"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", 200, "[abc]"},
	{"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200,
	 "[abcde]"},
	{"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 413, "fallback 413"},
	{"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n", 413, "fallback 413"},
	{"POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nabcdefghijk\r\n0\r\n\r\n", 413, "fallback 413"},
	{"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", 413, "fallback 413"},
	{"POST /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "POST /nothing []"},
	{"GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413, ""},
	{"POST /echo HTTP/1.1\r\nHost: x\r\n\r\n", 411, "fallback 411"},
	{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, ""},
	{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", 400, ""},
	{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
	{"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, ""},
	{"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, ""},
	{"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "fallback 404"},
	{"DELETE /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "Allow: GET, HEAD, POST"},
	{"BREW /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "fallback 405"},
	{"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400, "fallback 400"},
	{"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400, "fallback 400"},
	{"GET /things/..%2fecho HTTP/1.1\r\nHost: x\r\n\r\n", 400, "fallback 400"},
	{"GET /echo?q=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "fallback 400"},
	{"GET /echo HTTP/1.1\r\n\r\n", 400, ""},
	{"nonsense\r\n\r\n", 0, ""}, /* not HTTP at all: closed without an answer */
};

static void raw_requests_are_answered(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.fallback = fallback});
	for (size_t i = 0; i < ARRAY_LEN(raw_cases); i++) {
		char answer[4096];
		int fd = dial(&w);
		put(fd, raw_cases[i].request);
		(void)take(fd, answer, sizeof answer, NULL, 3000);
		if (status_of(answer) != raw_cases[i].status || strstr(answer, raw_cases[i].contains) == NULL)
			fail_msg("%s\n-> %s", raw_cases[i].request, answer);
		(void)close(fd);
	}
	stop(&w);
}

static void keeps_connections_and_pipelines(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.loop_threads = 1});
	char answer[8192];
	int fd = dial(&w);
	put(fd, "GET /echo?q=1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo"
	        "GET /none HTTP/1.1\r\nHost: x\r\n\r\nGET /echo?q=4 HTTP/1.1\r\nHost: x\r\n\r\n");
	(void)take(fd, answer, sizeof answer, "q=4", 3000);
	assert_non_null(strstr(answer, "q=1"));
	assert_non_null(strstr(answer, "[two]"));
	assert_non_null(strstr(answer, "404"));
	assert_non_null(strstr(answer, "q=4"));
	(void)close(fd);
	stop(&w);
}

static void headers_past_the_memory_are_refused(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.header_memory_bytes = 4096});
	char answer[4096];
	int fd = dial(&w);
	put(fd, "GET /echo HTTP/1.1\r\nHost: x\r\nX-Long: ");
	for (int i = 0; i < 100; i++)
		put(fd, "0123456789012345678901234567890123456789012345678901234567890123456789");
	put(fd, "\r\n\r\n");
	(void)take(fd, answer, sizeof answer, NULL, 3000);
	assert_true(status_of(answer) == 431 || status_of(answer) == 413 || answer[0] == '\0');
	assert_int_equal(atomic_load(&w.calls), 0);
	(void)close(fd);
	stop(&w);
}

static void slow_senders_are_cut(void **state)
{
	(void)state;
	static const char *const beginnings[] = {
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", /* a body, byte by byte */
		"GET /echo HTTP/1.1\r\nHost: x\r\nX-Header: ",                   /* a header that never ends */
		"GET /ec",                                                    /* not even a request line */
	};
	struct world w;
	start(&w, (struct http_config){.request_timeout_s = 1, .idle_timeout_s = 30});
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		char answer[1024] = "";
		int fd = dial(&w);
		usec_t begun = clock_monotonic();
		put(fd, beginnings[i]);
		for (int byte = 0; byte < 200 && answer[0] == '\0'; byte++) {
			put(fd, "a");
			struct pollfd p = {.fd = fd, .events = POLLIN};
			if (poll(&p, 1, 100) > 0) {
				(void)take(fd, answer, sizeof answer, NULL, 1000);
				break;
			}
		}
		usec_t took = clock_monotonic() - begun;
		assert_true(took >= 900 * USEC_PER_MS);
		assert_true(took < 20 * USEC_PER_SEC); /* far below the idle limit of 30 s, far above a busy machine's delays */
		if (i < 2)
			assert_int_equal(status_of(answer), 408);
		(void)close(fd);
	}
	/* A slow handler is no slow sender. */
	char answer[1024];
	int fd = dial(&w);
	put(fd, "GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	(void)take(fd, answer, sizeof answer, NULL, 3000);
	assert_int_equal(status_of(answer), 204);
	(void)close(fd);
	stop(&w);
}

static void idle_connections_are_closed(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.idle_timeout_s = 1});
	char answer[1024];
	int fd = dial(&w);
	put(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
	usec_t begun = clock_monotonic();
	(void)take(fd, answer, sizeof answer, NULL, 5000);
	assert_int_equal(status_of(answer), 200);
	assert_true(clock_monotonic() - begun < 4 * USEC_PER_SEC);
	(void)close(fd);
	stop(&w);
}

static void connections_are_limited(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.max_per_address = 2, .loop_threads = 1});
	char answer[1024];
	int fds[3];
	for (int i = 0; i < 3; i++) {
		fds[i] = dial(&w);
		put(fds[i], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
		(void)take(fds[i], answer, sizeof answer, "id=", 2000);
		assert_int_equal(status_of(answer), i < 2 ? 200 : 0);
	}
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	stop(&w);
}

static struct http_client *client_for(const struct world *w)
{
	char url[64];
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u", http_server_port(w->server));
	struct http_client *c = NULL;
	struct err err = {0};
	assert_int_equal(http_client_new(&(struct http_client_config){.base_url = url}, &c, &err), 0);
	return c;
}

static void *many_requests(void *arg)
{
	const struct world *w = arg;
	struct http_client *c = client_for(w);
	struct http_client_response res = {0};
	intptr_t good = 0;
	for (int i = 0; i < 10; i++) {
		struct http_client_request req = {.path = i % 2 ? "/echo" : "/echo?q=x", .body = i % 2 ? STR("body") : STR_EMPTY};
		if (http_client_do(c, &req, &res, NULL) == 0 && res.status == 200 &&
		    strstr(res.body.p, i % 2 ? "[body]" : "q=x") != NULL)
			good++;
	}
	http_client_response_done(&res);
	http_client_free(c);
	return (void *)good;
}

static void hundred_clients_at_once(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){0});
	pthread_t threads[100];
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many_requests, &w), 0);
	intptr_t good = 0;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *ret = NULL;
		(void)pthread_join(threads[i], &ret);
		good += (intptr_t)ret;
	}
	assert_int_equal(good, 1000);
	stop(&w);
}

static void client_reads_headers_and_files(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){0});
	struct http_client *c = client_for(&w);
	struct http_client_response res = {0};
	struct err err = {0};
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/file"}, &res, &err), 0);
	assert_true(str_eq_c(buf_str(&res.body), "of six"));
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/echo"}, &res, &err), 0);
	assert_string_equal(res.etag, "\"1\"");
	assert_string_equal(res.content_type, "text/plain; charset=utf-8");
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/echo", .method = "DELETE"}, &res, &err), 0);
	assert_int_equal(res.status, 405);
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/nothing", .method = "POST"}, &res, &err), 0);
	assert_int_equal(res.status, 200);
	http_client_free(c);
	stop(&w);
	http_client_response_done(&res);
}

static void await_closed(struct world *w, int count)
{
	for (unsigned i = 0; i < 1000 && atomic_load(&w->closed) < count; i++)
		(void)usleep(20000);
	assert_int_equal(atomic_load(&w->closed), count);
}

/* Whole answers are whole, what breaks off is no answer, and a client that does not read holds one place, not the server. */
static void answers_are_pulled(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){0});
	struct http_client *c = client_for(&w);
	struct http_client_response res = {0};
	struct err err = {0};
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/pull?pieces=9"}, &res, &err), 0);
	assert_int_equal(res.body.n, 5 * 300000);
	assert_int_equal(res.body.p[0], 'a');
	assert_int_equal(res.body.p[res.body.n - 1], 'i');
	await_closed(&w, 1);
	assert_true(http_client_do(c, &(struct http_client_request){.path = "/pull?pieces=9&break=5"}, &res, &err) < 0);
	await_closed(&w, 2);
	int fds[HTTP_PULLS_MOST];
	for (unsigned i = 0; i < HTTP_PULLS_MOST; i++) {
		char answer[13];
		fds[i] = dial(&w);
		put(fds[i], "GET /pull?pieces=100 HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_int_equal(recv(fds[i], answer, 12, MSG_WAITALL), 12);
		assert_memory_equal(answer, "HTTP/1.1 200", 12);
	}
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/pull?pieces=1"}, &res, &err), 0);
	assert_int_equal(res.status, 503);
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/echo"}, &res, &err), 0);
	for (unsigned i = 1; i < HTTP_PULLS_MOST; i++)
		(void)close(fds[i]);
	await_closed(&w, 2 + HTTP_PULLS_MOST - 1);
	http_client_free(c);
	http_client_response_done(&res);
	/* One is still open, and nobody reads. */
	stop(&w);
	assert_int_equal(atomic_load(&w.closed), 2 + HTTP_PULLS_MOST);
	(void)close(fds[0]);
}

/* Seen while the next piece is made: with bytes that nobody read before the end, as TLS sends, and while much is still to be sent. */
static void a_pull_sees_who_hangs_up(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){0});
	for (unsigned i = 0; i < 2; i++) {
		static char answer[300000];
		int fd = dial(&w);
		put(fd, "GET /pull?pieces=100&hang=1 HTTP/1.1\r\nHost: x\r\n\r\n");
		size_t wanted = i == 0 ? sizeof answer : 12;
		assert_int_equal(recv(fd, answer, wanted, MSG_WAITALL), (ssize_t)wanted);
		put(fd, "unread");
		(void)(i == 0 ? shutdown(fd, SHUT_WR) : close(fd));
		await_closed(&w, (int)i + 1);
		assert_int_equal(atomic_load(&w.seen_gone), i + 1);
		if (i == 0)
			(void)close(fd);
	}
	stop(&w);
}

static void client_limits_and_unreachable(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){0});
	char url[64];
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u", http_server_port(w.server));
	struct http_client *c = NULL;
	struct http_client_response res = {0};
	struct err err = {0};
	struct http_client_config config = {.base_url = url, .response_limit_bytes = 5, .timeout_s = 1};
	assert_int_equal(http_client_new(&config, &c, &err), 0);
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/file"}, &res, &err), -EPROTO);
	assert_string_equal(err.key, "http.response_too_big");
	stop(&w);
	assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/file"}, &res, &err), -EAGAIN);
	http_client_free(c);
	http_client_response_done(&res);
}

static void unix_socket_has_its_mode(void **state)
{
	(void)state;
	char dir[] = "/tmp/luytre-http-XXXXXX";
	assert_non_null(mkdtemp(dir));
	char path[64];
	(void)snprintf(path, sizeof path, "%s/socket", dir);
	for (int round = 0; round < 2; round++) {
		struct world w;
		if (round == 1) { /* a socket file that a dead process left */
			int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
			struct sockaddr_un a = {.sun_family = AF_UNIX};
			memcpy(a.sun_path, path, strlen(path));
			assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
			(void)close(fd);
		}
		start(&w, (struct http_config){.unix_path = path, .unix_mode = 0640});
		struct stat st;
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		struct http_server *second = NULL;
		struct err err = {0};
		struct http_config again = {.unix_path = path, .routes = routes};
		assert_true(http_server_start(&again, &second, &err) < 0); /* in use: not taken away */
		struct http_client *c = NULL;
		struct http_client_response res = {0};
		struct http_client_config config = {.base_url = "http://localhost", .unix_path = path};
		assert_int_equal(http_client_new(&config, &c, &err), 0);
		assert_int_equal(http_client_do(c, &(struct http_client_request){.path = "/peer"}, &res, &err), 0);
		assert_true(str_eq_c(buf_str(&res.body), "unix"));
		http_client_response_done(&res);
		http_client_free(c);
		stop(&w);
		assert_int_equal(lstat(path, &st), -1);
	}
	(void)rmdir(dir);
}

/* ---- streams ---- */

static struct http_stream *wait_stream(struct world *w)
{
	for (int i = 0; i < 200; i++) {
		(void)pthread_mutex_lock(&w->lock);
		struct http_stream *s = w->stream != NULL ? http_stream_ref(w->stream) : NULL;
		(void)pthread_mutex_unlock(&w->lock);
		if (s != NULL)
			return s;
		(void)usleep(10000);
	}
	fail_msg("no stream");
	return NULL;
}

static bool wait_closed(const struct world *w, int count, int timeout_ms)
{
	for (int waited = 0; waited < timeout_ms && atomic_load(&w->closed) < count; waited += 10)
		(void)usleep(10000);
	return atomic_load(&w->closed) == count;
}

static void stream_delivers_and_ends(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.stream_comment_s = 1});
	char answer[8192];
	int fd = dial(&w);
	put(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	(void)take(fd, answer, sizeof answer, "data: hello\n\n", 3000);
	assert_non_null(strstr(answer, "text/event-stream"));
	struct http_stream *s = wait_stream(&w);
	for (int i = 0; i < 200; i++) {
		char event[32];
		(void)snprintf(event, sizeof event, "data: %d\n\n", i);
		assert_true(http_stream_send(s, str_c(event)));
		if (i % 20 == 0)
			(void)usleep(2000);
	}
	(void)take(fd, answer, sizeof answer, "data: 199\n\n", 3000);
	assert_non_null(strstr(answer, "data: 199\n\n"));
	(void)take(fd, answer, sizeof answer, ":\n\n", 3000);
	assert_non_null(strstr(answer, ":\n\n"));
	http_stream_close(s);
	assert_false(http_stream_send(s, STR("late")));
	(void)take(fd, answer, sizeof answer, "0\r\n\r\n", 3000);
	assert_non_null(strstr(answer, "0\r\n\r\n"));
	assert_true(wait_closed(&w, 1, 3000));
	http_stream_unref(s);
	(void)close(fd);
	stop(&w);
}

static void vanished_reader_is_noticed(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.stream_comment_s = 1});
	char answer[4096];
	int fd = dial(&w);
	put(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	(void)take(fd, answer, sizeof answer, "hello", 3000);
	(void)close(fd);
	/* Nobody sends: the comment lines alone find out. */
	assert_true(wait_closed(&w, 1, 6000));
	struct http_stream *s = wait_stream(&w);
	assert_false(http_stream_send(s, STR("data: x\n\n")));
	http_stream_unref(s);
	stop(&w);
}

static void slow_reader_is_dropped(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){.idle_timeout_s = 1});
	int fd = dial(&w);
	int size = 4096;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	put(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	struct http_stream *s = wait_stream(&w);
	static char big[8192];
	memset(big, 'x', sizeof big);
	int sent = 0;
	while (sent < 10000 && http_stream_send(s, str_n(big, sizeof big))) {
		sent++;
		(void)usleep(200);
	}
	assert_true(sent < 10000); /* memory for it stays bounded */
	assert_true(wait_closed(&w, 1, 6000));
	http_stream_unref(s);
	(void)close(fd);
	stop(&w);
}

static void *send_much(void *arg)
{
	struct http_stream *s = arg;
	for (int i = 0; i < 2000; i++)
		if (!http_stream_send(s, STR("data: 0123456789\n\n")))
			break;
	return NULL;
}

/* Readers come and go while several threads send: every suspension must find its resumption. */
static void streams_under_load(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){0});
	for (int round = 0; round < 10; round++) {
		char answer[65536];
		int fd = dial(&w);
		put(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
		(void)take(fd, answer, sizeof answer, "hello", 3000);
		struct http_stream *s = wait_stream(&w);
		pthread_t threads[3];
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, send_much, s), 0);
		(void)take(fd, answer, round % 2 ? 20000 : sizeof answer, NULL, 200);
		(void)close(fd);
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			(void)pthread_join(threads[i], NULL);
		http_stream_close(s);
		assert_true(wait_closed(&w, round + 1, 5000));
		http_stream_unref(s);
	}
	stop(&w);
}

static void stops_with_open_streams_and_running_handlers(void **state)
{
	(void)state;
	struct world w;
	start(&w, (struct http_config){0});
	char answer[4096];
	int fd = dial(&w), other = dial(&w), half = dial(&w);
	put(fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	(void)take(fd, answer, sizeof answer, "hello", 3000);
	put(other, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
	put(half, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
	(void)usleep(50000);
	stop(&w);
	assert_int_equal(atomic_load(&w.closed), 1);
	(void)take(other, answer, sizeof answer, NULL, 1000);
	assert_int_equal(status_of(answer), 204); /* a running handler's answer still leaves */
	(void)close(fd);
	(void)close(other);
	(void)close(half);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_requests_are_answered),
		cmocka_unit_test(keeps_connections_and_pipelines),
		cmocka_unit_test(headers_past_the_memory_are_refused),
		cmocka_unit_test(slow_senders_are_cut),
		cmocka_unit_test(idle_connections_are_closed),
		cmocka_unit_test(connections_are_limited),
		cmocka_unit_test(hundred_clients_at_once),
		cmocka_unit_test(client_reads_headers_and_files),
		cmocka_unit_test(answers_are_pulled),
		cmocka_unit_test(a_pull_sees_who_hangs_up),
		cmocka_unit_test(client_limits_and_unreachable),
		cmocka_unit_test(unix_socket_has_its_mode),
		cmocka_unit_test(stream_delivers_and_ends),
		cmocka_unit_test(vanished_reader_is_noticed),
		cmocka_unit_test(slow_reader_is_dropped),
		cmocka_unit_test(streams_under_load),
		cmocka_unit_test(stops_with_open_streams_and_running_handlers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
