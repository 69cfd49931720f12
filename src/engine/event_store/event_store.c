/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_store/event_store.h"

#include <pthread.h>

#include "base/mem/mem.h"
#include "engine/clickhouse/clickhouse.h"
#include "engine/event_store/event_schema.h"
#include "platform/http/http_client.h"

#define IDLE_CLIENTS 8
#define RESULT_LIMIT ((size_t)256 << 20)
#define TIMEOUT_S 60
#define HUNT_TIMEOUT_S 1900
#define PING_S 5
#define PATH_LIMIT ((size_t)15 << 10) /* what the client takes is 16 KiB */

struct event_store {
	struct event_store_config config;
	char *url, *unix_path, *ca_pem;
	pthread_mutex_t lock;
	struct http_client *idle[IDLE_CLIENTS]; /* lock */
	size_t idle_count;                      /* lock */
};

int event_store_new(const struct event_store_config *config, struct event_store **ret, struct err *err)
{
	if (config->url == NULL)
		return err_set(err, -EINVAL, "event.store_unreachable", ARG_CSTR("reason", "no url"));
	struct event_store *s = MEM_NEW(struct event_store);
	s->url = mem_strdup(str_c(config->url));
	s->unix_path = config->unix_path != NULL ? mem_strdup(str_c(config->unix_path)) : NULL;
	s->ca_pem = config->ca_pem != NULL ? mem_strdup(str_c(config->ca_pem)) : NULL;
	(void)pthread_mutex_init(&s->lock, NULL);
	*ret = s;
	return 0;
}

void event_store_free(struct event_store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->idle_count; i++)
		http_client_free(s->idle[i]);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s->url);
	mem_free(s->unix_path);
	mem_free(s->ca_pem);
	mem_free(s);
}

static int take_client(struct event_store *s, bool hunt, struct http_client **ret, struct err *err)
{
	if (!hunt) {
		(void)pthread_mutex_lock(&s->lock);
		*ret = s->idle_count > 0 ? s->idle[--s->idle_count] : NULL;
		(void)pthread_mutex_unlock(&s->lock);
		if (*ret != NULL)
			return 0;
	}
	struct http_client_config c = {
		.base_url = s->url,
		.unix_path = s->unix_path,
		.ca_pem = s->ca_pem,
		.connect_timeout_s = 5,
		.timeout_s = hunt ? HUNT_TIMEOUT_S : TIMEOUT_S,
		.response_limit_bytes = RESULT_LIMIT,
	};
	return http_client_new(&c, ret, err);
}

static void give_client(struct event_store *s, bool hunt, struct http_client *client)
{
	(void)pthread_mutex_lock(&s->lock);
	bool kept = !hunt && s->idle_count < IDLE_CLIENTS;
	if (kept)
		s->idle[s->idle_count++] = client;
	(void)pthread_mutex_unlock(&s->lock);
	if (!kept)
		http_client_free(client);
}

/* Turns an exception of ClickHouse into an error of ours. Returns whose fault it is when an insert is refused. */
static enum clickhouse_blame explain(const struct http_client_response *res, struct err *err)
{
	struct str text = buf_str(&res->body);
	int code = clickhouse_exception_code(text);
	struct str reason = str_sub(str_trim(text), 0, 240);
	switch (code) {
	case 159:
		(void)err_set(err, -ETIMEDOUT, "event.store_timeout");
		break;
	case 241: case 307: case 396:
		(void)err_set(err, -E2BIG, "event.store_limit", ARG_I64("code", code), ARG_STR("reason", reason));
		break;
	case 202: case 203: case 243: case 252: case 0:
		(void)err_set(err, -EAGAIN, "event.store_busy", ARG_I64("status", res->status), ARG_STR("reason", reason));
		break;
	default:
		(void)err_set(err, -EINVAL, "event.store_refused", ARG_I64("code", code), ARG_STR("reason", reason));
	}
	return clickhouse_exception_blame(text);
}

/* 0: 200 and *res is the answer. 1: an exception, *ret_blame. Negative: no answer (event.store_unreachable, _cancelled). */
static int ask_while(struct event_store *s, const struct event_store_search *how, const char *path, struct str body,
                     struct http_client_response *res, enum clickhouse_blame *ret_blame, struct err *err)
{
	struct http_client *client;
	struct err why = {0};
	int r = take_client(s, how->hunt, &client, err);
	if (r < 0)
		return r;
	struct http_client_request req = {.method = "POST", .path = path, .body = body, .content_type = "text/plain",
	                                  .gone = how->gone, .gone_ctx = how->gone_ctx};
	r = http_client_do(client, &req, res, &why);
	give_client(s, how->hunt, client);
	if (r == -ECANCELED)
		return err_set(err, -ECANCELED, "event.store_cancelled");
	if (r < 0) {
		char line[240];
		return err_set(err, r == -ETIMEDOUT ? -ETIMEDOUT : -EAGAIN, "event.store_unreachable",
		               ARG_CSTR("reason", err_line(&why, line, sizeof line)));
	}
	if (res->status == 200)
		return 0;
	*ret_blame = explain(res, err);
	return 1;
}

static int ask(struct event_store *s, bool hunt, const char *path, struct str body, struct http_client_response *res,
               enum clickhouse_blame *ret_blame, struct err *err)
{
	return ask_while(s, &(struct event_store_search){.hunt = hunt}, path, body, res, ret_blame, err);
}

bool event_store_ping(struct event_store *s)
{
	struct http_client *client;
	struct http_client_response res = {0};
	struct http_client_config c = {.base_url = s->url,
	                               .unix_path = s->unix_path,
	                               .ca_pem = s->ca_pem,
	                               .connect_timeout_s = PING_S,
	                               .timeout_s = PING_S,
	                               .response_limit_bytes = 4096};
	if (http_client_new(&c, &client, NULL) < 0)
		return false;
	struct http_client_request req = {.method = "GET", .path = "/ping"};
	bool up = http_client_do(client, &req, &res, NULL) == 0 && res.status == 200;
	http_client_free(client);
	http_client_response_done(&res);
	return up;
}

static void append_url(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
		if (plain)
			buf_append_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

/* ClickHouse reads parameter values as escaped text. */
static void append_param(struct buf *path, const struct event_store_param *p)
{
	cleanup_buf struct buf escaped = BUF_INIT(64 << 10);
	for (size_t i = 0; i < p->value.n; i++) {
		char c = p->value.p[i];
		if (c == '\\' || c == '\t' || c == '\n')
			buf_append_char(&escaped, '\\');
		buf_append_char(&escaped, c == '\t' ? 't' : c == '\n' ? 'n' : c);
	}
	buf_printf(path, "&param_%s=", p->name);
	append_url(path, buf_str(&escaped));
}

int event_store_search(struct event_store *s, const struct event_store_search *what, struct buf *out, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(PATH_LIMIT);
	buf_append_c(&path, "/?database=" EVENT_DATABASE "&readonly=1&default_format=JSONEachRow");
	if (what->hunt)
		buf_append_c(&path, "&workload=hunt");
	if (what->limit > 0)
		buf_printf(&path, "&max_execution_time=%lld.%03lld", (long long)(what->limit / USEC_PER_SEC),
		           (long long)(what->limit % USEC_PER_SEC / USEC_PER_MS));
	for (size_t i = 0; i < what->count; i++)
		append_param(&path, &what->params[i]);
	if (path.overflow)
		return err_set(err, -E2BIG, "event.store_limit", ARG_I64("code", 0), ARG_CSTR("reason", "parameters"));
	struct http_client_response res = {0};
	struct err why = {0};
	enum clickhouse_blame blame = CLICKHOUSE_BLAME_SERVER;
	int r = ask_while(s, what, path.p, str_c(what->sql), &res, &blame, &why);
	if (r == 0) {
		if (out->n == 0 && !out->fixed && res.body.n <= out->max) {
			/* Taken over: answers are large. */
			size_t max = out->max;
			buf_done(out);
			*out = res.body;
			out->max = max;
			res.body = BUF_INIT(0);
		} else {
			buf_append(out, buf_str(&res.body));
		}
		if (out->overflow)
			r = err_set(&why, -E2BIG, "event.store_limit", ARG_I64("code", 0), ARG_CSTR("reason", "answer"));
	} else if (r > 0) {
		r = why.code;
	}
	http_client_response_done(&res);
	if (r < 0 && err != NULL)
		*err = why;
	return r;
}

int event_store_query(struct event_store *s, const char *sql, const struct event_store_param *params, size_t count,
                      bool hunt, struct buf *out, struct err *err)
{
	return event_store_search(s, &(struct event_store_search){.sql = sql, .params = params, .count = count, .hunt = hunt},
	                          out, err);
}

int event_store_exec(struct event_store *s, const char *sql, struct err *err)
{
	struct http_client_response res = {0};
	struct err why = {0};
	enum clickhouse_blame blame = CLICKHOUSE_BLAME_SERVER;
	int r = ask(s, false, "/", str_c(sql), &res, &blame, &why);
	http_client_response_done(&res);
	if (err != NULL)
		*err = why;
	return r > 0 ? why.code : r;
}

enum event_store_verdict event_store_insert(struct event_store *s, const char *into, const char *token, struct str rows,
                                            struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4 << 10);
	buf_append_c(&path, "/?database=" EVENT_DATABASE "&query=INSERT%20INTO%20");
	append_url(&path, str_c(into));
	buf_append_c(&path, "&input_format_parallel_parsing=0&insert_deduplication_token=");
	append_url(&path, str_c(token));
	struct http_client_response res = {0};
	enum clickhouse_blame blame = CLICKHOUSE_BLAME_SERVER;
	int r = ask(s, false, path.p, rows, &res, &blame, err);
	http_client_response_done(&res);
	if (r == 0)
		return EVENT_STORE_TAKEN;
	if (r < 0)
		return EVENT_STORE_LATER;
	switch (blame) {
	case CLICKHOUSE_BLAME_DATA:
		return EVENT_STORE_BAD_ROWS;
	case CLICKHOUSE_BLAME_SCHEMA:
		return EVENT_STORE_NO_TABLE;
	case CLICKHOUSE_BLAME_SERVER:
		break;
	}
	return EVENT_STORE_LATER;
}
