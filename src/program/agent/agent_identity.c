/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_identity.h"

#include "base/file/file.h"
#include "base/json/json.h"

#define IDENTITY_LIMIT ((size_t)256 << 10)

static void identity_path(const char *state_dir, struct buf *out)
{
	file_join(out, str_c(state_dir), STR("identity.json"));
}

struct identity_fields {
	struct str server, events, endpoint_id, key, certificate, ca, bundle_key;
	bool any_name;
};

#define FIELD(name, kind, needed) {#name, kind, offsetof(struct identity_fields, name), needed, 0, 0, NULL, 0}
static const struct json_field identity_table[] = {
	FIELD(server, JSON_FIELD_STR, true),      FIELD(events, JSON_FIELD_STR, true),
	FIELD(endpoint_id, JSON_FIELD_STR, true), FIELD(key, JSON_FIELD_STR, true),
	FIELD(certificate, JSON_FIELD_STR, true), FIELD(ca, JSON_FIELD_STR, true),
	FIELD(bundle_key, JSON_FIELD_STR, false), FIELD(any_name, JSON_FIELD_BOOL, false),
	{.name = NULL},
};

int agent_identity_load(const char *state_dir, struct agent_identity **ret, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	cleanup_buf_secret struct buf text = BUF_INIT(IDENTITY_LIMIT);
	identity_path(state_dir, &path);
	int r = file_read(path.p, IDENTITY_LIMIT, &text, err);
	if (r == -ENOENT) {
		err_clear(err);
		return err_set(err, -ENOENT, "agent.not_enrolled", ARG_CSTR("dir", state_dir));
	}
	if (r < 0)
		return r;
	struct agent_identity *id = MEM_NEW(struct agent_identity);
	id->arena = arena_new((size_t)4 << 20);
	const struct json *j = NULL;
	struct identity_fields f = {.bundle_key = STR("")};
	r = json_parse(id->arena, arena_str(id->arena, buf_str(&text)), NULL, &j, err);
	if (r >= 0)
		r = json_decode(id->arena, j, identity_table, &f, err);
	if (r < 0) {
		agent_identity_free(id);
		return err_at(err, buf_str(&path));
	}
	id->server = arena_cstr(id->arena, f.server);
	id->events = arena_cstr(id->arena, f.events);
	id->endpoint_id = arena_cstr(id->arena, f.endpoint_id);
	id->key_pem = arena_cstr(id->arena, f.key);
	id->cert_pem = arena_cstr(id->arena, f.certificate);
	id->ca_pem = arena_cstr(id->arena, f.ca);
	id->bundle_key_pem = arena_cstr(id->arena, f.bundle_key);
	id->any_name = f.any_name;
	*ret = id;
	return 0;
}

void agent_identity_free(struct agent_identity *id)
{
	if (id == NULL)
		return;
	arena_free(id->arena);
	mem_free(id);
}

int agent_identity_store(const char *state_dir, const struct agent_identity *id, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	cleanup_buf_secret struct buf text = BUF_INIT(IDENTITY_LIMIT);
	struct json_writer w = json_writer_init(&text);
	json_object(&w);
	json_member_cstr(&w, "server", id->server);
	json_member_cstr(&w, "events", id->events);
	json_member_cstr(&w, "endpoint_id", id->endpoint_id);
	json_member_cstr(&w, "certificate", id->cert_pem);
	json_member_cstr(&w, "ca", id->ca_pem);
	json_member_cstr(&w, "bundle_key", id->bundle_key_pem != NULL ? id->bundle_key_pem : "");
	json_member_bool(&w, "any_name", id->any_name);
	json_member_cstr(&w, "key", id->key_pem);
	json_object_end(&w);
	identity_path(state_dir, &path);
	return file_write(path.p, buf_str(&text), 0600, err);
}

int agent_identity_client(const struct agent_identity *id, const char *base_url, unsigned timeout_s,
                          struct http_client **ret, struct err *err)
{
	struct http_client_config config = {
		.base_url = base_url,
		.ca_pem = id->ca_pem,
		.client_cert_pem = id->cert_pem,
		.client_key_pem = id->key_pem,
		.timeout_s = timeout_s,
		.response_limit_bytes = (size_t)512 << 20, /* bundles; memory is taken as bytes come */
		.verify_name_off = id->any_name,
	};
	return http_client_new(&config, ret, err);
}
