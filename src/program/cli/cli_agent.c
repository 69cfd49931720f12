/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/cli/cli_agent.h"

#include <stdio.h>

#include "base/file/file.h"
#include "base/json/json.h"
#include "platform/http/http_client.h"

/* The agent's error, with its key and arguments, as if it had happened here. */
static int take_error(const struct http_client_response *res, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)1 << 20);
	const struct json *j = NULL;
	struct arg args[ERR_ARGS + 1] = {{0}};
	size_t n = 0;
	if (json_parse(arena, buf_str(&res->body), NULL, &j, NULL) < 0)
		return err_set(err, -EPROTO, "http.protocol", ARG_CSTR("server", "luytre-agent"), ARG_I64("reason", res->status));
	json_each(item, json_get(j, "args")) {
		if (n < ERR_ARGS && item->type == JSON_STRING)
			args[n++] = ARG_STR(arena_cstr(arena, item->name), item->text);
	}
	int code = res->status == 404 ? -ENOENT : res->status == 409 ? -EEXIST : -EINVAL;
	return err_set_args(err, code, arena_cstr(arena, json_get_str(j, "key", STR("http.protocol"))), args);
}

static int ask(const char *store, const struct http_client_request *req, struct err *err)
{
	struct buf path = BUF_INIT(4096);
	struct http_client *client = NULL;
	struct http_client_response res = {0};
	file_join(&path, str_c(store), STR("../control.sock"));
	struct http_client_config config = {.base_url = "http://localhost", .unix_path = path.p};
	int r = file_exists(path.p) ? http_client_new(&config, &client, err) : 0;
	if (client != NULL) {
		r = http_client_do(client, req, &res, err);
		if (r == -EAGAIN) {
			err_clear(err); /* the socket of an agent that is gone */
			r = 0;
		} else if (r >= 0) {
			r = res.status < 300 ? 1 : take_error(&res, err);
		}
	}
	http_client_response_done(&res);
	http_client_free(client);
	buf_done(&path);
	return r;
}

int cli_agent_restore(const char *store, const struct uuid *id, const char *to, bool overwrite, struct err *err)
{
	char path[80], text[UUID_TEXT_SIZE];
	struct buf body = BUF_INIT(16384);
	struct json_writer w = json_writer_init(&body);
	json_object(&w);
	if (to != NULL)
		json_member_cstr(&w, "to", to);
	json_member_bool(&w, "overwrite", overwrite);
	json_object_end(&w);
	(void)snprintf(path, sizeof path, "/quarantine/%s/restore", uuid_text(id, text));
	int r = ask(store, &(struct http_client_request){.method = "POST", .path = path, .body = buf_str(&body),
	                                                 .content_type = "application/json"}, err);
	buf_done(&body);
	return r;
}

int cli_agent_delete(const char *store, const struct uuid *id, struct err *err)
{
	char path[80], text[UUID_TEXT_SIZE];
	(void)snprintf(path, sizeof path, "/quarantine/%s", uuid_text(id, text));
	return ask(store, &(struct http_client_request){.method = "DELETE", .path = path}, err);
}

int cli_agent_import(const char *store, const char *file, struct err *err)
{
	struct buf body = BUF_INIT(16384);
	struct json_writer w = json_writer_init(&body);
	json_object(&w);
	json_member_cstr(&w, "path", file);
	json_object_end(&w);
	int r = ask(store, &(struct http_client_request){.method = "POST", .path = "/bundles", .body = buf_str(&body),
	                                                 .content_type = "application/json"}, err);
	buf_done(&body);
	return r;
}
