/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Records as a block of ClickHouse's format Native: a column after the other, so that the store takes them as they are: two
 * thirds of the work of RowBinary, half of JSONEachRow. Texts with their length as LEB128; any byte passes.
 */
#include "base/mem/mem.h"
#include "engine/event_store/event_schema.h"

enum column_kind { KIND_LOW, KIND_TEXT, KIND_UINT };

static const struct column {
	const char *field;
	enum column_kind kind;
} columns[] = {
#define COLUMN(column, field, kind) {field, KIND_##kind},
#include "engine/event_store/event_columns.def"
#undef COLUMN
};

#define COLUMNS ARRAY_LEN(columns)
enum {
#define COLUMN(column, field, kind) FIELD_##column,
#include "engine/event_store/event_columns.def"
#undef COLUMN
};
/* Fields that the row has elsewhere, numbered behind the columns. */
enum { FIELD_ID = COLUMNS, FIELD_TIME, FIELD_PARSED, KNOWN_FIELDS };
static const char *const other_fields[] = {"event.id", "@timestamp", "event.parsed"};

/* All of a row, in the order of a block. LowCardinality is made of plain text by the store. */
#define TYPE_LOW "String"
#define TYPE_TEXT "String"
#define TYPE_UINT "Nullable(UInt32)"
static const struct {
	const char *name, *type;
} parts[] = {
	{"event_id", "UUID"}, {"received", "DateTime64(6, 'UTC')"}, {"time", "DateTime64(6, 'UTC')"}, {"unit_id", "UUID"},
	{"endpoint_id", "UUID"}, {"source", "String"}, {"source_id", "UUID"}, {"retention_days", "UInt16"}, {"system_level", "UInt8"},
	{"event_parsed", "Bool"}, {"message_at", "UInt32"}, {"fields", "Map(String, String)"}, {"raw", "String"},
#define COLUMN(column, field, kind) {#column, TYPE_##kind},
#include "engine/event_store/event_columns.def"
#undef COLUMN
};
enum { PART_ID, PART_RECEIVED, PART_TIME, PART_UNIT, PART_ENDPOINT, PART_SOURCE, PART_SOURCE_ID, PART_DAYS, PART_LEVEL, PART_PARSED,
       PART_MESSAGE_AT, PART_FIELDS, PART_RAW, PART_COLUMNS, PARTS = ARRAY_LEN(parts) };

#define COLUMN_LIST(column, field, kind) ", " #column
const char event_row_into[] = "event (event_id, received, time, unit_id, endpoint_id, source, source_id, retention_days, system_level,"
                              " event_parsed, message_at, fields, raw"
#define COLUMN COLUMN_LIST
#include "engine/event_store/event_columns.def"
#undef COLUMN
                              ") SETTINGS exclude_materialize_skip_indexes_on_insert = 'raw_tokens' FORMAT Native";
const char event_dead_row_into[] = "event_dead (event_id, received, unit_id, endpoint_id, source, source_id, retention_days,"
                                   " system_level, format, token, reason, raw) FORMAT RowBinary";

#define SLOTS 256  /* of known fields; at most half are used */
#define NAMES 4096 /* of the map's: twice as many as an event has fields, a power of two */
#define NONE UINT16_MAX

struct event_row_maker {
	uint16_t slots[SLOTS]; /* known field, or NONE */
	/* The block: of each column what is in front of the values (Nullable: which are none; Map: where each row ends), and the
	 * values. */
	struct buf heads[PARTS], values_of[PARTS];
	struct buf map_values; /* of the map: the values of its names */
	uint64_t rows, map_entries;
	/* Of the event at hand. */
	const struct event_field *values[KNOWN_FIELDS];
	size_t *places, place_capacity; /* fields of the map, by place */
	uint16_t names[NAMES];          /* index in places + 1; 0: free */
};

static const char *known_name(size_t i)
{
	return i < COLUMNS ? columns[i].field : other_fields[i - COLUMNS];
}

/* Names differ most at their ends. */
static size_t hash_known(struct str name)
{
	size_t n = name.n;
	size_t tail = (unsigned char)name.p[n - 1] + 31u * (unsigned char)name.p[n > 1 ? n - 2 : 0];
	return n * 7 + tail * 13 + 101u * (unsigned char)name.p[n > 5 ? n - 5 : 0];
}

static size_t known_field(const struct event_row_maker *m, struct str name)
{
	if (name.n == 0)
		return NONE;
	for (size_t h = hash_known(name);; h++) {
		uint16_t i = m->slots[h % SLOTS];
		if (i == NONE || str_eq_c(name, known_name(i)))
			return i;
	}
}

struct event_row_maker *event_row_maker_new(size_t limit_bytes)
{
	_Static_assert(KNOWN_FIELDS < SLOTS / 2, "the table of known fields is sparse");
	struct event_row_maker *m = MEM_NEW(struct event_row_maker);
	for (size_t i = 0; i < PARTS; i++)
		m->heads[i] = m->values_of[i] = BUF_INIT(limit_bytes);
	m->map_values = BUF_INIT(limit_bytes);
	for (size_t i = 0; i < SLOTS; i++)
		m->slots[i] = NONE;
	for (size_t i = 0; i < KNOWN_FIELDS; i++) {
		size_t h = hash_known(str_c(known_name(i)));
		while (m->slots[h % SLOTS] != NONE)
			h++;
		m->slots[h % SLOTS] = (uint16_t)i;
	}
	return m;
}

void event_row_maker_free(struct event_row_maker *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < PARTS; i++) {
		buf_done(&m->heads[i]);
		buf_done(&m->values_of[i]);
	}
	buf_done(&m->map_values);
	mem_free(m->places);
	mem_free(m);
}

/* ---- values ---- */

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	char b[8];
	for (size_t i = 0; i < bytes; i++)
		b[i] = (char)(v >> 8 * i);
	buf_append(out, str_n(b, bytes));
}

static void put_count(struct buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_append_char(out, (char)(n | 0x80));
	buf_append_char(out, (char)n);
}

static void put_text(struct buf *out, struct str s)
{
	put_count(out, s.n);
	buf_append(out, s);
}

/* Two words of eight bytes, each from its last byte on. */
static void put_uuid(struct buf *out, const struct uuid *u)
{
	char b[16];
	for (size_t i = 0; i < 16; i++)
		b[i] = (char)u->b[(i & 8) + 7 - (i & 7)];
	buf_append(out, str_n(b, sizeof b));
}

static usec_t time_of(const struct event_record *r, struct str text)
{
	usec_t t;
	if (text.n == 0 || clock_parse_iso(text, &t, NULL) < 0)
		return r->received;
	if (t < r->received - 365 * USEC_PER_DAY)
		return r->received - 365 * USEC_PER_DAY;
	return t > r->received + USEC_PER_HOUR ? r->received + USEC_PER_HOUR : t;
}

usec_t event_time(const struct event_record *r, const struct event *e)
{
	return time_of(r, event_get(e, "@timestamp"));
}

/* ---- a row ---- */

/* Puts the field into its column. true: it goes to the map instead: what its column does not take (further
 * values, no number), and what has no column and cannot be had from raw. */
static bool sort_field(struct event_row_maker *m, const struct event *e, size_t i)
{
	uint64_t number;
	const struct event_field *f = &e->fields[i];
	size_t known = known_field(m, f->name);
	if (known == NONE)
		return i >= e->in_raw || f->pathless;
	if (known == FIELD_message && e->in_raw > 0)
		return false;
	if (m->values[known] != NULL)
		return known != FIELD_ID && known != FIELD_TIME;
	if (known < COLUMNS && columns[known].kind == KIND_UINT && !str_parse_u64(f->value, 0, UINT32_MAX, &number))
		return true;
	m->values[known] = f;
	return false;
}

/* How many fields go to the map; m->places has them. */
static size_t sort_fields(struct event_row_maker *m, const struct event *e)
{
	size_t n = 0;
	(void)memset(m->values, 0, sizeof m->values);
	if (m->place_capacity < e->count) {
		m->place_capacity = e->count;
		m->places = mem_realloc_array(m->places, e->count, sizeof *m->places);
	}
	for (size_t i = 0; i < e->count; i++) {
		if (e->fields[i].type != EVENT_TYPE_NULL && sort_field(m, e, i))
			m->places[n++] = i;
	}
	return n;
}

static size_t hash_name(struct str name)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return h ^ h >> 15;
}

/* The place of the first field of that name in the map, noting it when it is new. Past the table's half all are new. */
static size_t first_place(struct event_row_maker *m, const struct event *e, size_t at)
{
	struct str name = e->fields[m->places[at]].name;
	if (at >= NAMES / 2)
		return at;
	for (size_t h = hash_name(name);; h++) {
		uint16_t *slot = &m->names[h % NAMES];
		if (*slot == 0)
			*slot = (uint16_t)(at + 1);
		if (str_eq(e->fields[m->places[*slot - 1]].name, name))
			return *slot - 1U;
	}
}

/* Names once, in the order of their first; the values of one name one a line. */
static void add_map(struct event_row_maker *m, const struct event *e, size_t n)
{
	struct buf *names_out = &m->values_of[PART_FIELDS], *out = &m->map_values;
	if (n == 0) {
		put_le(&m->heads[PART_FIELDS], m->map_entries, 8);
		return;
	}
	/* next[i]: another field of the same name behind it, or 0; last[i]: the last of them, for the first. */
	cleanup(arena) struct arena *arena = arena_new(0);
	size_t *next = ARENA_ARRAY(arena, n, size_t), *last = ARENA_ARRAY(arena, n, size_t), *bytes = ARENA_ARRAY(arena, n, size_t);
	size_t names = 0;
	(void)memset(m->names, 0, sizeof m->names);
	for (size_t i = 0; i < n; i++) {
		size_t first = first_place(m, e, i);
		size_t value = e->fields[m->places[i]].value.n;
		next[i] = 0;
		last[i] = i;
		bytes[i] = value;
		if (first == i) {
			names++;
			continue;
		}
		next[last[first]] = i;
		last[first] = i;
		bytes[first] += 1 + value;
		bytes[i] = SIZE_MAX; /* written with its first */
	}
	m->map_entries += names;
	put_le(&m->heads[PART_FIELDS], m->map_entries, 8);
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == SIZE_MAX)
			continue;
		put_text(names_out, e->fields[m->places[i]].name);
		put_count(out, bytes[i]);
		buf_append(out, e->fields[m->places[i]].value);
		for (size_t j = next[i]; j != 0; j = next[j]) {
			buf_append_char(out, '\n');
			buf_append(out, e->fields[m->places[j]].value);
		}
	}
}

/* Most lines end in their message: from which byte on, from 1; 0: they do not. */
static size_t message_at(const struct event_row_maker *m, struct str raw)
{
	const struct event_field *f = m->values[FIELD_message];
	if (f == NULL || f->value.n == 0 || f->value.n > raw.n || raw.n > UINT32_MAX || !str_ends_with(raw, f->value))
		return 0;
	return raw.n - f->value.n + 1;
}

static void add_columns(struct event_row_maker *m)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		uint64_t number = 0;
		const struct event_field *f = m->values[i];
		struct buf *out = &m->values_of[PART_COLUMNS + i];
		if (columns[i].kind != KIND_UINT) {
			put_text(out, f != NULL ? f->value : STR_EMPTY);
			continue;
		}
		bool there = f != NULL && str_parse_u64(f->value, 0, UINT32_MAX, &number);
		buf_append_char(&m->heads[PART_COLUMNS + i], there ? 0 : 1);
		put_le(out, there ? number : 0, 4);
	}
}

void event_row_add(struct event_row_maker *m, const struct event_record *r, const struct event *e)
{
	size_t in_map = sort_fields(m, e), at = message_at(m, r->raw);
	struct buf *out = m->values_of;
	const struct event_field *time = m->values[FIELD_TIME], *parsed = m->values[FIELD_PARSED];
	put_uuid(&out[PART_ID], &r->id);
	put_le(&out[PART_RECEIVED], (uint64_t)r->received, 8);
	put_le(&out[PART_TIME], (uint64_t)time_of(r, time != NULL ? time->value : STR_EMPTY), 8);
	put_uuid(&out[PART_UNIT], &r->unit);
	put_uuid(&out[PART_ENDPOINT], &r->endpoint);
	put_text(&out[PART_SOURCE], r->source);
	put_uuid(&out[PART_SOURCE_ID], &r->sender);
	put_le(&out[PART_DAYS], r->retention_days, 2);
	put_le(&out[PART_LEVEL], r->system_level, 1);
	buf_append_char(&out[PART_PARSED], parsed == NULL || !str_eq_c(parsed->value, "false"));
	put_le(&out[PART_MESSAGE_AT], at, 4);
	if (at > 0)
		m->values[FIELD_message] = NULL;
	add_map(m, e, in_map);
	put_text(&out[PART_RAW], r->raw);
	add_columns(m);
	m->rows++;
}

uint64_t event_row_count(const struct event_row_maker *m)
{
	return m->rows;
}

/* Block: number of columns, number of rows; of each column its name, its type, its values. */
void event_row_take(struct event_row_maker *m, struct buf *out)
{
	put_count(out, PARTS);
	put_count(out, m->rows);
	for (size_t i = 0; i < PARTS; i++) {
		put_text(out, str_c(parts[i].name));
		put_text(out, str_c(parts[i].type));
		buf_append(out, buf_str(&m->heads[i]));
		buf_append(out, buf_str(&m->values_of[i]));
		if (i == PART_FIELDS)
			buf_append(out, buf_str(&m->map_values));
		/* A full column is a block that is too large. */
		out->overflow |= m->heads[i].overflow || m->values_of[i].overflow || m->map_values.overflow;
		/* Their memory serves the next block: the kernel would have to zero it again. */
		buf_clear(&m->heads[i]);
		buf_clear(&m->values_of[i]);
	}
	buf_clear(&m->map_values);
	m->rows = m->map_entries = 0;
}

/* In RowBinary: the values of a row in the order of event_dead_row_into. */
void event_dead_row_append(const struct event_record *r, struct str token, struct str reason, struct buf *out)
{
	put_uuid(out, &r->id);
	put_le(out, (uint64_t)r->received, 8);
	put_uuid(out, &r->unit);
	put_uuid(out, &r->endpoint);
	put_text(out, r->source);
	put_uuid(out, &r->sender);
	put_le(out, r->retention_days, 2);
	put_le(out, r->system_level, 1);
	put_le(out, r->format, 1);
	put_text(out, token);
	put_text(out, reason);
	put_text(out, r->raw);
}
