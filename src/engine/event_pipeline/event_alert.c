/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_alert.h"

#include <stdio.h>

#include "base/json/json.h"
#include "platform/crypto/crypto.h"

void event_alert_set_key(struct event_alert *a)
{
	char text[512], id[UUID_TEXT_SIZE];
	unsigned char digest[SHA256_SIZE];
	struct buf b = BUF_FIXED(text, sizeof text);
	buf_printf(&b, "%.*s\n%u\n%.*s\n%s", STR_FMT(str_sub(a->rule_id, 0, 200)), a->rule_version,
	           STR_FMT(str_sub(a->group, 0, 200)), uuid_text(&a->first_event, id));
	/* Only where there is one, so that older records keep their keys. */
	if (a->rule_hash.n > 0)
		buf_printf(&b, "\n%.*s", STR_FMT(str_sub(a->rule_hash, 0, 64)));
	sha256(buf_str(&b), digest);
	(void)sha256_hex(digest, a->key);
}

static void member_text(struct json_writer *w, const char *name, struct str s)
{
	if (s.n > 0)
		json_member_str(w, name, s);
}

static void member_uuid(struct json_writer *w, const char *name, const struct uuid *u)
{
	char text[UUID_TEXT_SIZE];
	if (!uuid_is_null(u))
		json_member_cstr(w, name, uuid_text(u, text));
}

static void encode_of_rule(struct json_writer *w, const struct event_alert *a)
{
	member_text(w, "kind", a->kind);
	member_text(w, "entity", a->entity);
	member_text(w, "tags", a->tags);
	member_text(w, "why", a->why);
	member_text(w, "rule_file", a->rule_file);
	member_text(w, "rule_hash", a->rule_hash);
	member_text(w, "description", a->description);
	member_text(w, "source", a->source);
	member_text(w, "host", a->host);
	if (a->count > 0)
		json_member_int(w, "count", a->count < INT64_MAX ? (int64_t)a->count : INT64_MAX);
	if (a->last_time > 0)
		json_member_int(w, "last_time", a->last_time);
}

void event_alert_encode(const struct event_alert *a, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_cstr(&w, "key", a->key);
	json_member_str(&w, "rule_id", a->rule_id);
	json_member_int(&w, "rule_version", a->rule_version);
	json_member_str(&w, "group", a->group);
	json_member_str(&w, "title", a->title);
	json_member_str(&w, "severity", a->severity);
	member_uuid(&w, "endpoint", &a->endpoint);
	member_uuid(&w, "unit", &a->unit);
	member_uuid(&w, "first_event", &a->first_event);
	json_member_int(&w, "time", a->time);
	json_member_int(&w, "received", a->received);
	json_member_str(&w, "threat", a->threat);
	json_member_str(&w, "file_path", a->file_path);
	json_member_str(&w, "sha256", a->sha256);
	json_member_str(&w, "action", a->action);
	json_member_str(&w, "engine", a->engine);
	json_member_str(&w, "raw", a->raw);
	encode_of_rule(&w, a);
	json_object_end(&w);
}

static struct uuid get_uuid(const struct json *j, const char *name)
{
	struct uuid u = {0};
	(void)uuid_parse(json_get_str(j, name, STR_EMPTY), &u);
	return u;
}

static void decode_of_rule(const struct json *j, struct event_alert *ret)
{
	int64_t count = json_get_int(j, "count", 0);
	ret->kind = json_get_str(j, "kind", STR_EMPTY);
	ret->entity = json_get_str(j, "entity", STR_EMPTY);
	ret->tags = json_get_str(j, "tags", STR_EMPTY);
	ret->why = json_get_str(j, "why", STR_EMPTY);
	ret->rule_file = json_get_str(j, "rule_file", STR_EMPTY);
	ret->rule_hash = json_get_str(j, "rule_hash", STR_EMPTY);
	ret->description = json_get_str(j, "description", STR_EMPTY);
	ret->source = json_get_str(j, "source", STR_EMPTY);
	ret->host = json_get_str(j, "host", STR_EMPTY);
	ret->count = count > 0 ? (uint64_t)count : 0;
	ret->last_time = json_get_int(j, "last_time", 0);
}

int event_alert_decode(struct arena *arena, struct str bytes, struct event_alert *ret, struct err *err)
{
	const struct json *j;
	int r = json_parse(arena, bytes, NULL, &j, err);
	if (r < 0)
		return r;
	*ret = (struct event_alert){
		.rule_id = json_get_str(j, "rule_id", STR_EMPTY),
		.rule_version = (unsigned)json_get_int(j, "rule_version", 0),
		.group = json_get_str(j, "group", STR_EMPTY),
		.title = json_get_str(j, "title", STR_EMPTY),
		.severity = json_get_str(j, "severity", STR_EMPTY),
		.endpoint = get_uuid(j, "endpoint"),
		.unit = get_uuid(j, "unit"),
		.first_event = get_uuid(j, "first_event"),
		.time = json_get_int(j, "time", 0),
		.received = json_get_int(j, "received", 0),
		.threat = json_get_str(j, "threat", STR_EMPTY),
		.file_path = json_get_str(j, "file_path", STR_EMPTY),
		.sha256 = json_get_str(j, "sha256", STR_EMPTY),
		.action = json_get_str(j, "action", STR_EMPTY),
		.engine = json_get_str(j, "engine", STR_EMPTY),
		.raw = json_get_str(j, "raw", STR_EMPTY),
	};
	decode_of_rule(j, ret);
	struct str key = json_get_str(j, "key", STR_EMPTY);
	if (key.n != EVENT_ALERT_KEY_SIZE - 1 || ret->rule_id.n == 0)
		return err_set(err, -EPROTO, "event.bad_alert");
	str_copy_c(key, ret->key, sizeof ret->key);
	return 0;
}
