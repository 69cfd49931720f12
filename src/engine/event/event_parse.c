/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_parse.h"

#include "base/json/json.h"
#include "base/text/text.h"

#define JSON_LIMIT ((size_t)16 << 20)

/* Bytes that are no text stay in raw; a field holds text. */
static struct str valid_text(struct arena *arena, struct str raw)
{
	cleanup_buf struct buf text = BUF_INIT(3 * raw.n + 1);
	if (text_is_utf8(raw))
		return raw;
	for (size_t at = 0; at < raw.n;) {
		int32_t code = text_utf8_next(raw, &at);
		text_append_code(&text, code > 0 ? code : 0xfffd);
	}
	return arena_str(arena, buf_str(&text));
}

static int parse_plain(struct arena *arena, struct str raw, struct event *ret)
{
	struct event_field *fields = ARENA_ARRAY(arena, 2, struct event_field);
	fields[0] = (struct event_field){.name = STR("message"), .value = valid_text(arena, raw), .type = EVENT_TYPE_STR};
	fields[1] = (struct event_field){.name = STR("event.parsed"), .value = STR("false"), .type = EVENT_TYPE_BOOL};
	*ret = (struct event){.raw = raw, .fields = fields, .count = 2};
	return 0;
}

int event_parse(struct arena *arena, enum event_format format, struct str raw, struct event *ret, struct err *err)
{
	if (format == EVENT_FORMAT_JSON)
		return event_flatten(arena, raw, NULL, ret, err);
	struct str trimmed = str_trim(raw);
	if (trimmed.n > 0 && trimmed.p[0] == '{' && event_flatten(arena, trimmed, NULL, ret, NULL) == 0)
		return 0;
	return parse_plain(arena, raw, ret);
}

static void write_value(struct json_writer *w, const struct event_field *f)
{
	if (f->type == EVENT_TYPE_INT)
		json_int(w, f->integer);
	else
		json_str(w, f->value);
}

struct str event_json(struct arena *arena, enum event_format format, const struct event *e)
{
	if (format == EVENT_FORMAT_JSON || (e->raw.n > 0 && e->raw.p[0] == '{'))
		return e->raw;
	cleanup_buf struct buf out = BUF_INIT(JSON_LIMIT);
	struct json_writer w = json_writer_init(&out);
	json_object(&w);
	for (size_t i = 0; i < e->count; i++) {
		if (e->fields[i].type == EVENT_TYPE_NULL)
			continue;
		json_name_str(&w, e->fields[i].name);
		write_value(&w, &e->fields[i]);
	}
	json_object_end(&w);
	return arena_str(arena, buf_str(&out));
}
