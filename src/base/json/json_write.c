/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json/json.h"
#include "base/text/text.h"

#define DEPTH_MAX 64

struct json_writer json_writer_init(struct buf *out)
{
	return (struct json_writer){.out = out};
}

static bool in_object(const struct json_writer *w)
{
	return w->depth > 0 && (w->objects >> (w->depth - 1) & 1) != 0;
}

/* Before every value. */
static void begin_value(struct json_writer *w)
{
	assert(w->after_name == in_object(w)); /* members have names, elements have none */
	if (w->need_comma && !w->after_name)
		buf_append_char(w->out, ',');
	w->after_name = false;
	w->need_comma = true;
}

static void open_container(struct json_writer *w, char bracket, bool object)
{
	begin_value(w);
	assert(w->depth < DEPTH_MAX);
	buf_append_char(w->out, bracket);
	w->objects &= ~((uint64_t)1 << w->depth);
	w->objects |= (uint64_t)object << w->depth;
	w->depth++;
	w->need_comma = false;
}

static void close_container(struct json_writer *w, char bracket, bool object)
{
	assert(w->depth > 0 && !w->after_name && in_object(w) == object);
	(void)object;
	buf_append_char(w->out, bracket);
	w->depth--;
	w->need_comma = true;
}

void json_object(struct json_writer *w)
{
	open_container(w, '{', true);
}

void json_object_end(struct json_writer *w)
{
	close_container(w, '}', true);
}

void json_array(struct json_writer *w)
{
	open_container(w, '[', false);
}

void json_array_end(struct json_writer *w)
{
	close_container(w, ']', false);
}

static void append_escape(struct buf *out, char c)
{
	static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char *at = c != '\0' ? strchr(values, c) : NULL;
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (at != NULL)
		buf_printf(out, "\\%c", letters[at - values]);
	else
		buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
}

/* Well-formed UTF-8 without NUL. */
static void append_escaped(struct buf *out, struct str s)
{
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
			continue;
		buf_append(out, str_sub(s, from, i));
		append_escape(out, s.p[i]);
		from = i + 1;
	}
	buf_append(out, str_sub(s, from, s.n));
}

/* Most texts need no second look: printable ASCII without quotation mark and backslash. */
static bool is_plain(struct str s)
{
	unsigned other = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		other |= (unsigned)(c < 0x20) | (unsigned)(c >= 0x7f) | (unsigned)(c == '"') | (unsigned)(c == '\\');
	}
	return other == 0;
}

static void append_quoted(struct buf *out, struct str s)
{
	buf_append_char(out, '"');
	if (is_plain(s)) {
		buf_append(out, s);
		buf_append_char(out, '"');
		return;
	}
	while (s.n > 0) {
		size_t bad = text_utf8_error(s);
		append_escaped(out, str_sub(s, 0, bad));
		if (bad == SIZE_MAX)
			break;
		buf_append_c(out, s.p[bad] == '\0' ? "\\u0000" : "\xEF\xBF\xBD");
		s = str_sub(s, bad + 1, s.n);
	}
	buf_append_char(out, '"');
}

void json_name_str(struct json_writer *w, struct str name)
{
	assert(in_object(w) && !w->after_name);
	if (w->need_comma)
		buf_append_char(w->out, ',');
	append_quoted(w->out, name);
	buf_append_char(w->out, ':');
	w->after_name = true;
}

void json_name(struct json_writer *w, const char *name)
{
	json_name_str(w, str_c(name));
}

void json_str(struct json_writer *w, struct str s)
{
	begin_value(w);
	append_quoted(w->out, s);
}

void json_cstr(struct json_writer *w, const char *s)
{
	if (s == NULL)
		json_null(w);
	else
		json_str(w, str_c(s));
}

void json_raw(struct json_writer *w, struct str json)
{
	begin_value(w);
	buf_append(w->out, json);
}

void json_int(struct json_writer *w, int64_t v)
{
	begin_value(w);
	buf_printf(w->out, "%" PRId64, v);
}

void json_u64(struct json_writer *w, uint64_t v)
{
	begin_value(w);
	buf_printf(w->out, "%" PRIu64, v);
}

void json_double(struct json_writer *w, double v)
{
	char text[40];
	if (!__builtin_isfinite(v)) {
		json_null(w);
		return;
	}
	/* The shortest of these that reads back as the same number. */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, v);
		if (digits == 17 || strtod(text, NULL) == v)
			break;
	}
	json_raw(w, str_c(text));
}

void json_bool(struct json_writer *w, bool v)
{
	json_raw(w, v ? STR("true") : STR("false"));
}

void json_null(struct json_writer *w)
{
	json_raw(w, STR("null"));
}

static void write_container(struct json_writer *w, const struct json *j)
{
	if (j->type == JSON_OBJECT)
		json_object(w);
	else
		json_array(w);
	json_each(item, j) {
		if (j->type == JSON_OBJECT)
			json_name_str(w, item->name);
		json_tree(w, item);
	}
	if (j->type == JSON_OBJECT)
		json_object_end(w);
	else
		json_array_end(w);
}

void json_tree(struct json_writer *w, const struct json *j)
{
	switch (j->type) {
	case JSON_NULL:
		json_null(w);
		break;
	case JSON_BOOL:
		json_bool(w, j->boolean);
		break;
	case JSON_NUMBER:
		json_raw(w, j->text);
		break;
	case JSON_STRING:
		json_str(w, j->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_container(w, j);
		break;
	}
}

void json_member_str(struct json_writer *w, const char *name, struct str s)
{
	json_name(w, name);
	json_str(w, s);
}

void json_member_cstr(struct json_writer *w, const char *name, const char *s)
{
	json_name(w, name);
	json_cstr(w, s);
}

void json_member_int(struct json_writer *w, const char *name, int64_t v)
{
	json_name(w, name);
	json_int(w, v);
}

void json_member_bool(struct json_writer *w, const char *name, bool v)
{
	json_name(w, name);
	json_bool(w, v);
}
