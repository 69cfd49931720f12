/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "service/api/api.h"

#define REPLY_MAX ((size_t)64 << 20)

struct json_writer api_reply(struct http_response *res, int status)
{
	buf_done(&res->body);
	res->body = BUF_INIT(REPLY_MAX);
	res->status = status;
	res->content_type = "application/json";
	return json_writer_init(&res->body);
}

int api_reply_empty(struct http_response *res, int status)
{
	buf_done(&res->body);
	res->body = BUF_INIT(REPLY_MAX);
	res->status = status;
	return 0;
}

static int status_of_class(int code)
{
	static const struct {
		int code, status;
	} table[] = {
		{-EINVAL, 400}, {-EPERM, 401},  {-EACCES, 403}, {-ENOENT, 404}, {-EEXIST, 409}, {-EBUSY, 409},
		{-ESTALE, 412}, {-E2BIG, 413},  {-ENOTSUP, 501}, {-EAGAIN, 503}, {-ETIMEDOUT, 504}, {-ENOSPC, 507}, {-EBADMSG, 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].code == code)
			return table[i].status;
	}
	return 500;
}

int api_status_of(const struct err *err)
{
	struct str key = str_c(err->key);
	if (str_eq(key, STR("api.if_match_missing")))
		return 428;
	if (str_eq(key, STR("api.content_type")))
		return 415;
	if (str_eq(key, STR("api.method")))
		return 405;
	if (str_ends_with(key, STR(".throttled")))
		return 429;
	/* Upgrade Required (RFC 9110, 15.5.22) */
	if (str_ends_with(key, STR(".protocol_old")))
		return 426;
	/* Not the server's fault but its disk's or database's; the sentence says that it may have been saved. */
	if (str_eq(key, STR("db.write_uncertain")))
		return 503;
	return status_of_class(err->code);
}

/* The arguments of an error as the list that messages take. */
static void args_of(const struct err *err, struct arg args[ERR_ARGS + 1])
{
	for (unsigned i = 0; i < err->arg_count; i++)
		args[i] = ARG_CSTR(err->args[i].name, err->args[i].value);
	args[err->arg_count] = (struct arg){.name = NULL};
}

static void title_key(int status, char *buf, size_t size)
{
	static const int known[] = {400, 401, 403, 404, 405, 409, 412, 413, 415, 426, 428, 429, 500, 501, 503, 504, 507};
	int shown = status >= 500 ? 500 : 400;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i] == status)
			shown = status;
	}
	(void)snprintf(buf, size, "api.status_%d", shown);
}

void api_problem(struct http_response *res, struct arena *arena, const struct msg_catalogue *messages,
                 enum msg_lang lang, int status, const struct err *err)
{
	struct arg args[ERR_ARGS + 1];
	args_of(err, args);
	char title[32];
	title_key(status, title, sizeof title);
	struct json_writer w = api_reply(res, status);
	res->content_type = "application/problem+json";
	cleanup_buf struct buf text = BUF_INIT(16384);
	json_object(&w);
	json_member_cstr(&w, "type", "about:blank");
	msg_append(messages, lang, title, NULL, &text);
	json_member_str(&w, "title", buf_str(&text));
	json_member_int(&w, "status", status);
	buf_clear(&text);
	msg_append(messages, lang, err->key, args, &text);
	json_member_str(&w, "detail", buf_str(&text));
	json_member_cstr(&w, "key", err->key);
	json_name(&w, "args");
	json_object(&w);
	for (unsigned i = 0; i < err->arg_count; i++)
		json_member_cstr(&w, err->args[i].name, err->args[i].value);
	json_object_end(&w);
	if (err->place[0] != '\0')
		json_member_cstr(&w, "place", err->place);
	json_object_end(&w);
	const char *retry = err_arg(err, "retry_after_s");
	if (retry[0] != '\0')
		http_response_header(res, "Retry-After", arena_cstr(arena, str_c(retry)));
	else if (status == 503 && strcmp(err->key, "db.write_uncertain") != 0) /* look first, then do it again */
		http_response_header(res, "Retry-After", "5");
}

void api_member_uuid(struct json_writer *w, const char *name, const struct uuid *id)
{
	char text[UUID_TEXT_SIZE];
	json_member_cstr(w, name, uuid_is_null(id) ? NULL : uuid_text(id, text));
}

void api_member_time(struct json_writer *w, const char *name, usec_t t)
{
	char text[CLOCK_ISO_SIZE];
	json_member_cstr(w, name, t == 0 ? NULL : clock_iso(t, text));
}

void api_member_text_or_null(struct json_writer *w, const char *name, struct str s)
{
	json_name(w, name);
	if (s.n == 0)
		json_null(w);
	else
		json_str(w, s);
}

void api_member_ref(struct json_writer *w, const char *name, const struct uuid *id, struct str label)
{
	json_name(w, name);
	if (uuid_is_null(id)) {
		json_null(w);
		return;
	}
	json_object(w);
	api_member_uuid(w, "id", id);
	json_member_str(w, "name", label);
	json_object_end(w);
}

static void etag_text(int64_t version, char buf[24])
{
	(void)snprintf(buf, 24, "\"%lld\"", (long long)version);
}

void api_member_etag(struct json_writer *w, int64_t version)
{
	char text[24];
	etag_text(version, text);
	json_member_cstr(w, "etag", text);
}

void api_reply_etag(struct api_request *req, struct http_response *res, int64_t version)
{
	char text[24];
	etag_text(version, text);
	http_response_header(res, "ETag", arena_cstr(req->arena, str_c(text)));
}

/* RFC 9110 section 13.1.1: a list of entity tags, or "*". Bare numbers are taken too, for people with curl. */
int api_if_match(const struct api_request *req, int64_t version, struct err *err)
{
	struct str rest = http_header(req->http, "If-Match");
	if (str_trim(rest).n == 0)
		return err_set(err, -EINVAL, "api.if_match_missing");
	char text[24];
	etag_text(version, text);
	struct str quoted = str_c(text), bare = str_sub(quoted, 1, quoted.n - 1), part;
	while (str_split(&rest, ',', &part)) {
		part = str_trim(part);
		if (str_eq(part, quoted) || str_eq(part, bare) || str_eq(part, STR("*")))
			return 0;
	}
	return err_set(err, -ESTALE, "api.stale");
}
