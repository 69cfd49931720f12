/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/eventdb/eventdb_http.h"

#include "base/json/json.h"
#include "engine/clickhouse/clickhouse.h"
#include "engine/inflate/inflate.h"

/* Codes of ClickHouse that this interface answers with by itself. */
enum {
	CODE_SYNTAX_ERROR = 62,
	CODE_UNKNOWN_SETTING = 115,
	CODE_READONLY = 164,
	CODE_BAD_REQUEST_PARAMETER = 36, /* BAD_ARGUMENTS */
	CODE_INTO_OUTFILE_NOT_ALLOWED = 277,
	CODE_BAD_QUERY_PARAMETER = 456, /* UNKNOWN_QUERY_PARAMETER */
};

static const char *const allowed_settings[] = {
#define SETTING(name) #name,
#include "program/eventdb/eventdb_settings.def"
#undef SETTING
};

/* Understood otherwise, or without meaning here: access is by the socket's permissions, answers are always complete. */
static const char *const other_parameters[] = {
	"query", "database", "default_format", "readonly", "workload", "query_id", "user", "password", "quota_key",
	"wait_end_of_query", "buffer_size", "enable_http_compression", "send_progress_in_http_headers",
	"http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close",
};

static bool listed(struct str name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_c(name, list[i]))
			return true;
	return false;
}

/* "Code: 62. DB::Exception: …" as ClickHouse writes it; a client reads the code from the header. */
static void answer_exception(struct http_request *req, struct http_response *res, int code, struct str text)
{
	res->status = clickhouse_exception_status(code);
	res->content_type = "text/plain; charset=UTF-8";
	http_response_header(res, "X-ClickHouse-Exception-Code", arena_printf(req->arena, "%d", code).p);
	res->body = BUF_INIT(text.n + 1);
	buf_append(&res->body, text);
	if (text.n > 0 && text.p[text.n - 1] != '\n')
		buf_append_char(&res->body, '\n');
}

static void refuse(struct http_request *req, struct http_response *res, int code, const struct err *err)
{
	char line[600];
	struct str text = arena_printf(req->arena, "Code: %d. DB::Exception: %s", code, err_line(err, line, sizeof line));
	answer_exception(req, res, code, text);
}

static int code_of_scan_error(const struct err *err)
{
	return strcmp(err->key, "clickhouse.refused") == 0 ? CODE_READONLY : CODE_SYNTAX_ERROR;
}

static int read_parameters(struct http_request *req, struct eventdb_query *q, struct err *err)
{
	struct str name, value;
	for (size_t i = 0; http_query_at(req, i, &name, &value); i++) {
		if (str_starts_with(name, STR("param_")))
			continue;
		if (listed(name, other_parameters, ARRAY_LEN(other_parameters)))
			continue;
		if (!listed(name, allowed_settings, ARRAY_LEN(allowed_settings)))
			return err_set(err, -EINVAL, "eventdb.unknown_setting", ARG_STR("name", str_sub(name, 0, 100)));
		if (q->setting_count == EVENTDB_SETTINGS)
			return err_set(err, -E2BIG, "eventdb.too_many_settings", ARG_U64("limit", EVENTDB_SETTINGS));
		q->settings[q->setting_count++] = (struct eventdb_pair){name, value};
	}
	q->database = http_query(req, "database");
	q->default_format = http_query(req, "default_format");
	if (q->default_format.p == NULL)
		q->default_format = http_header(req, "X-ClickHouse-Format");
	if (q->default_format.n == 0)
		q->default_format = STR("TabSeparated");
	struct str readonly = http_query(req, "readonly");
	q->readonly = strcmp(req->method, "GET") == 0 || (readonly.n > 0 && !str_eq_c(readonly, "0"));
	return 0;
}

static int bind_placeholders(struct http_request *req, const struct clickhouse_statement *s, struct eventdb_query *q,
                             struct err *err)
{
	q->params = ARENA_ARRAY(req->arena, s->placeholder_count + 1U, struct eventdb_pair);
	for (unsigned i = 0; i < s->placeholder_count; i++) {
		struct str key = arena_printf(req->arena, "param_%.*s", STR_FMT(s->placeholders[i]));
		struct str value = http_query(req, key.p);
		if (value.p == NULL)
			return err_set(err, -EINVAL, "eventdb.no_parameter", ARG_STR("name", s->placeholders[i]));
		q->params[q->param_count++] = (struct eventdb_pair){s->placeholders[i], value};
	}
	return 0;
}

static struct str join_lines(struct arena *arena, struct str a, struct str b)
{
	char *p = arena_alloc(arena, a.n + 1 + b.n);
	(void)memcpy(p, a.p, a.n);
	p[a.n] = '\n';
	(void)memcpy(p + a.n + 1, b.p, b.n);
	return str_n(p, a.n + 1 + b.n);
}

/* The whole statement: the query parameter, a line break, the body. Rows of an insert stay where they are. */
static int read_statement(struct http_request *req, struct str body, struct eventdb_query *q,
                          struct clickhouse_statement *s, struct err *err)
{
	struct str sql = http_query(req, "query");
	if (str_trim(sql).n == 0) {
		sql = body;
		body = STR_EMPTY;
	} else if (body.n > 0) {
		/* An insert's data begin in the body: it need not be copied behind the statement. */
		struct err ignored;
		int r = clickhouse_statement_read(sql, q->readonly, s, &ignored);
		if (r < 0 || !s->is_insert) {
			if (body.n > CLICKHOUSE_SQL_LIMIT)
				return err_set(err, -E2BIG, "clickhouse.too_long", ARG_U64("limit", CLICKHOUSE_SQL_LIMIT));
			sql = join_lines(req->arena, sql, body);
			body = STR_EMPTY;
		}
	}
	int r = clickhouse_statement_read(sql, q->readonly, s, err);
	if (r < 0)
		return r;
	q->sql = s->head;
	q->is_insert = s->is_insert;
	q->insert_settings = s->settings;
	q->insert_format = s->format;
	q->data[0] = s->data;
	q->data[1] = body;
	q->lane = s->reads_only ? EVENTDB_LANE_INTERACTIVE : EVENTDB_LANE_INSERT;
	if (s->reads_only && str_eq_c(http_query(req, "workload"), "hunt"))
		q->lane = EVENTDB_LANE_HUNT;
	return bind_placeholders(req, s, q, err);
}

static void answer_result(struct http_request *req, struct http_response *res, const struct clickhouse_statement *s,
                          const struct eventdb_query *q, struct eventdb_answer *a)
{
	struct str format = s->format.n > 0 && !s->is_insert ? s->format : q->default_format;
	res->content_type = clickhouse_content_type(format);
	struct str summary = arena_printf(req->arena,
	                                  "{\"read_rows\":\"%llu\",\"read_bytes\":\"%llu\",\"written_rows\":\"%llu\","
	                                  "\"written_bytes\":\"%llu\",\"total_rows_to_read\":\"0\",\"result_rows\":\"%llu\","
	                                  "\"result_bytes\":\"%zu\"}",
	                                  (unsigned long long)a->read_rows, (unsigned long long)a->read_bytes,
	                                  (unsigned long long)a->written_rows, (unsigned long long)a->written_bytes,
	                                  (unsigned long long)a->result_rows, a->body.n);
	http_response_header(res, "X-ClickHouse-Summary", summary.p);
	http_response_header(res, "X-ClickHouse-Format", arena_cstr(req->arena, format));
	res->body = a->body;
	a->body = BUF_INIT(0);
}

static bool client_gone(const void *ctx)
{
	return http_request_gone(ctx);
}

static bool valid_query_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~')
			return false;
	return id.n > 0 && id.n <= 100;
}

static void run(struct http_request *req, struct http_response *res, void *context)
{
	const struct eventdb_executor *executor = context;
	struct eventdb_query *q = ARENA_NEW(req->arena, struct eventdb_query);
	struct clickhouse_statement s = {0};
	struct err err = {0};
	struct str body = req->body;
	cleanup_buf struct buf plain = BUF_INIT(EVENTDB_BODY_LIMIT);
	struct str encoding = http_header(req, "Content-Encoding");
	if (encoding.n > 0) {
		if (inflate_body(encoding, body, &plain, &err) < 0) {
			refuse(req, res, CODE_BAD_REQUEST_PARAMETER, &err);
			return;
		}
		body = buf_str(&plain);
	}
	struct str id = http_query(req, "query_id");
	if (valid_query_id(id))
		http_response_header(res, "X-ClickHouse-Query-Id", arena_cstr(req->arena, id));
	int r = read_parameters(req, q, &err);
	if (r < 0) {
		refuse(req, res, r == -E2BIG ? CODE_BAD_REQUEST_PARAMETER : CODE_UNKNOWN_SETTING, &err);
		return;
	}
	r = read_statement(req, body, q, &s, &err);
	if (r < 0) {
		bool no_parameter = strcmp(err.key, "eventdb.no_parameter") == 0;
		refuse(req, res, no_parameter ? CODE_BAD_QUERY_PARAMETER : code_of_scan_error(&err), &err);
		return;
	}
	if (q->readonly && !s.reads_only) {
		(void)err_set(&err, -EACCES, "eventdb.readonly");
		refuse(req, res, CODE_READONLY, &err);
		return;
	}
	struct eventdb_answer a = {0};
	q->gone = client_gone;
	q->gone_ctx = req;
	executor->run(executor->ctx, q, &a);
	if (a.exception_code != 0)
		answer_exception(req, res, a.exception_code, buf_str(&a.body));
	else
		answer_result(req, res, &s, q, &a);
	buf_done(&a.body);
}

static void ping(struct http_request *req, struct http_response *res, void *context)
{
	(void)req;
	(void)context;
	res->content_type = "text/plain; charset=UTF-8";
	res->body = BUF_INIT(16);
	buf_append_c(&res->body, "Ok.\n");
}

void eventdb_fallback(struct http_request *req, struct http_response *res, int status, void *context)
{
	(void)req;
	(void)context;
	res->status = status;
	res->content_type = "text/plain; charset=UTF-8";
	res->body = BUF_INIT(100);
	buf_append_c(&res->body, "There is no such path, or the request is not acceptable.\n");
}

const struct http_route eventdb_routes[] = {
	{.method = "GET", .path = "/ping", .handler = ping},
	{.method = "GET", .path = "/", .handler = run},
	{.method = "POST", .path = "/", .handler = run, .body_limit_bytes = EVENTDB_BODY_LIMIT},
	{.method = NULL},
};
