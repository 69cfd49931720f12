/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A record as a row. */
#include <stdio.h>

#include "base/json/json.h"
#include "base/mem/mem.h"
#include "engine/event_store/event_schema.h"

enum column_kind { KIND_LOW, KIND_TEXT, KIND_UINT };

static const struct column {
	const char *name, *field;
	enum column_kind kind;
} columns[] = {
#define COLUMN(column, field, kind) {#column, field, KIND_##kind},
#include "engine/event_store/event_columns.def"
#undef COLUMN
};

usec_t event_time(const struct event_record *r, const struct event *e)
{
	usec_t t;
	struct str text = event_get(e, "@timestamp");
	if (text.n == 0 || clock_parse_iso(text, &t, NULL) < 0)
		return r->received;
	if (t < r->received - 365 * USEC_PER_DAY)
		return r->received - 365 * USEC_PER_DAY;
	return t > r->received + USEC_PER_HOUR ? r->received + USEC_PER_HOUR : t;
}

/* "2026-11-21 06:56:35.123456": what the store's plain parser reads. */
static void member_time(struct json_writer *w, const char *name, usec_t t)
{
	char text[40];
	struct clock_date d = clock_civil(t, 0);
	(void)snprintf(text, sizeof text, "%04d-%02u-%02u %02u:%02u:%02u.%06u", d.year, d.month, d.day, d.hour, d.minute,
	               d.second, d.usec);
	json_member_cstr(w, name, text);
}

static void member_uuid(struct json_writer *w, const char *name, const struct uuid *u)
{
	char text[UUID_TEXT_SIZE];
	json_member_cstr(w, name, uuid_text(u, text));
}

static const struct column *column_of(struct str field)
{
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		if (str_eq_c(field, columns[i].field))
			return &columns[i];
	return NULL;
}

/* In columns of the record. */
static bool in_record(const struct event_field *f)
{
	return str_eq_c(f->name, "event.id") || str_eq_c(f->name, "@timestamp");
}

/* Writes the field's own column when it has one and the value fits; only the first of several is put there. */
static bool write_column(struct json_writer *w, const struct event_field *f, uint64_t *done)
{
	const struct column *c = column_of(f->name);
	uint64_t number = 0;
	if (c == NULL || (*done >> (c - columns) & 1) ||
	    (c->kind == KIND_UINT && !str_parse_u64(f->value, 0, UINT32_MAX, &number)))
		return false;
	*done |= (uint64_t)1 << (c - columns);
	if (c->kind == KIND_UINT) {
		json_name(w, c->name);
		json_u64(w, number);
	} else {
		json_member_str(w, c->name, f->value);
	}
	return true;
}

/* All values of a name, one a line, at the place of its first. */
static void write_map_entry(struct json_writer *w, const struct event *e, size_t i, const bool *placed)
{
	const struct event_field *f = &e->fields[i];
	cleanup_buf struct buf joined = BUF_INIT(4 << 20);
	size_t values = 0;
	for (size_t j = i; j < e->count; j++) {
		if (placed[j] || e->fields[j].type == EVENT_TYPE_NULL || !str_eq(e->fields[j].name, f->name))
			continue;
		if (values++ > 0)
			buf_append_char(&joined, '\n');
		buf_append(&joined, e->fields[j].value);
	}
	json_name_str(w, f->name);
	json_str(w, buf_str(&joined));
}

static bool came_before(const struct event *e, size_t i, const bool *placed)
{
	for (size_t j = 0; j < i; j++)
		if (!placed[j] && e->fields[j].type != EVENT_TYPE_NULL && str_eq(e->fields[j].name, e->fields[i].name))
			return true;
	return false;
}

void event_row_append(const struct event_record *r, const struct event *e, struct buf *out)
{
	_Static_assert(ARRAY_LEN(columns) <= 64, "one bit a column");
	struct json_writer w = json_writer_init(out);
	uint64_t done = 0;
	bool *placed = mem_alloc_array(e->count, sizeof *placed);
	json_object(&w);
	member_uuid(&w, "event_id", &r->id);
	member_time(&w, "received", r->received);
	member_time(&w, "time", event_time(r, e));
	member_uuid(&w, "unit_id", &r->unit);
	member_uuid(&w, "endpoint_id", &r->endpoint);
	json_member_str(&w, "source", r->source);
	json_member_int(&w, "retention_days", r->retention_days);
	for (size_t i = 0; i < e->count; i++)
		placed[i] = in_record(&e->fields[i]) || (e->fields[i].type != EVENT_TYPE_NULL && write_column(&w, &e->fields[i], &done));
	json_name(&w, "fields");
	json_object(&w);
	for (size_t i = 0; i < e->count; i++)
		if (!placed[i] && e->fields[i].type != EVENT_TYPE_NULL && !came_before(e, i, placed))
			write_map_entry(&w, e, i, placed);
	json_object_end(&w);
	json_member_str(&w, "raw", r->raw);
	json_object_end(&w);
	buf_append_char(out, '\n');
	mem_free(placed);
}

void event_dead_row_append(const struct event_record *r, struct str token, struct str reason, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	member_uuid(&w, "event_id", &r->id);
	member_time(&w, "received", r->received);
	member_uuid(&w, "unit_id", &r->unit);
	member_uuid(&w, "endpoint_id", &r->endpoint);
	json_member_str(&w, "source", r->source);
	json_member_str(&w, "token", token);
	json_member_str(&w, "reason", reason);
	json_member_str(&w, "raw", r->raw);
	json_object_end(&w);
	buf_append_char(out, '\n');
}
