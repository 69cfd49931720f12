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

/* What all rows have; the others stand in a block only when one of its rows has them. */
static bool always(size_t part)
{
	return part < PART_COLUMNS && part != PART_FIELDS;
}

struct event_row_maker {
	uint16_t slots[SLOTS]; /* known field, or NONE */
	struct str known[KNOWN_FIELDS];
	/* The block: of each column what is in front of the values (Nullable: which are none; Map: where each row ends), and the
	 * values. */
	struct buf heads[PARTS], values_of[PARTS];
	struct buf map_values; /* of the map: the values of its names */
	uint64_t rows, map_entries;
	uint64_t filled[PARTS]; /* of columns that not all rows have: rows that are written; those behind have none yet */
	/* Of the event at hand. */
	const struct event_field *values[KNOWN_FIELDS];
	struct map_field *map_fields;
	size_t map_capacity;
	uint16_t names[NAMES]; /* index in map_fields + 1; 0: free */
};

/* A field that goes to the map. */
struct map_field {
	const struct event_field *field;
	size_t next, last; /* another of the same name behind it, or 0; for the first of a name: the last of them */
	size_t bytes;      /* for the first of a name: of all values and what is between them; NOT_FIRST */
};
#define NOT_FIRST SIZE_MAX

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
		if (i == NONE || str_eq(name, m->known[i]))
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
		m->known[i] = str_c(known_name(i));
		size_t h = hash_known(m->known[i]);
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
	mem_free(m->map_fields);
	mem_free(m);
}

/* ---- values ---- */

/* Where the next n bytes go; NULL: the block is too large. */
static char *room(struct buf *out, size_t n)
{
	if (out->overflow || !buf_reserve(out, n)) {
		out->overflow = true;
		return NULL;
	}
	out->n += n;
	return out->p + out->n - n;
}

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	char b[8];
	for (size_t i = 0; i < sizeof b; i++)
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

/* n times the same. */
static void put_many(struct buf *out, char byte, size_t n)
{
	char *to = n > 0 ? room(out, n) : NULL;
	if (to != NULL)
		(void)memset(to, byte, n);
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

static void add_map_field(struct event_row_maker *m, size_t n, const struct event_field *f)
{
	if (n == m->map_capacity) {
		m->map_capacity = n > 0 ? 2 * n : 64;
		m->map_fields = mem_realloc_array(m->map_fields, m->map_capacity, sizeof *m->map_fields);
	}
	m->map_fields[n] = (struct map_field){.field = f, .last = n, .bytes = f->value.n};
}

/* How many fields go to the map; m->map_fields has them. */
static size_t sort_fields(struct event_row_maker *m, const struct event *e)
{
	size_t n = 0;
	(void)memset(m->values, 0, sizeof m->values);
	for (size_t i = 0; i < e->count; i++) {
		if (e->fields[i].type != EVENT_TYPE_NULL && sort_field(m, e, i))
			add_map_field(m, n++, &e->fields[i]);
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

/* The first field of that name in the map, noting it when it is new. Past the table's half all are new. */
static size_t first_of_name(struct event_row_maker *m, size_t mask, size_t at)
{
	struct str name = m->map_fields[at].field->name;
	if (at >= NAMES / 2)
		return at;
	for (size_t h = hash_name(name);; h++) {
		uint16_t *slot = &m->names[h & mask];
		if (*slot == 0)
			*slot = (uint16_t)(at + 1);
		if (str_eq(m->map_fields[*slot - 1].field->name, name))
			return *slot - 1U;
	}
}

/* Links those of one name; how many names. */
static size_t join_names(struct event_row_maker *m, size_t n)
{
	size_t names = 0, slots = 16;
	while (slots < 2 * n && slots < NAMES)
		slots *= 2;
	(void)memset(m->names, 0, slots * sizeof *m->names);
	for (size_t i = 0; i < n; i++) {
		struct map_field *f = &m->map_fields[i], *first = &m->map_fields[first_of_name(m, slots - 1, i)];
		if (first == f) {
			names++;
			continue;
		}
		m->map_fields[first->last].next = i;
		first->last = i;
		first->bytes += 1 + f->bytes;
		f->bytes = NOT_FIRST;
	}
	return names;
}

/* Rows without fields end where the one before them ends. */
static void fill_map(struct event_row_maker *m, uint64_t rows)
{
	for (; m->filled[PART_FIELDS] < rows; m->filled[PART_FIELDS]++)
		put_le(&m->heads[PART_FIELDS], m->map_entries, 8);
}

/* Names once, in the order of their first; the values of one name one a line. */
static void add_map(struct event_row_maker *m, size_t n)
{
	struct buf *names_out = &m->values_of[PART_FIELDS], *out = &m->map_values;
	if (n == 0)
		return;
	fill_map(m, m->rows);
	m->map_entries += join_names(m, n);
	fill_map(m, m->rows + 1);
	for (size_t i = 0; i < n; i++) {
		const struct map_field *f = &m->map_fields[i];
		if (f->bytes == NOT_FIRST)
			continue;
		put_text(names_out, f->field->name);
		put_count(out, f->bytes);
		buf_append(out, f->field->value);
		for (size_t j = f->next; j != 0; j = m->map_fields[j].next) {
			buf_append_char(out, '\n');
			buf_append(out, m->map_fields[j].field->value);
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

/* Up to that row there is nothing in the column: an empty text, no number. */
static void fill_column(struct event_row_maker *m, size_t part, enum column_kind kind, uint64_t rows)
{
	size_t n = rows - m->filled[part];
	put_many(&m->values_of[part], 0, kind == KIND_UINT ? 4 * n : n);
	if (kind == KIND_UINT)
		put_many(&m->heads[part], 1, n);
	m->filled[part] = rows;
}

/* Most events have a fifth of the columns: the others are not touched. */
static void add_columns(struct event_row_maker *m)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		uint64_t number = 0;
		const struct event_field *f = m->values[i];
		size_t part = PART_COLUMNS + i;
		if (f == NULL || f->value.n == 0)
			continue;
		fill_column(m, part, columns[i].kind, m->rows);
		m->filled[part]++;
		if (columns[i].kind != KIND_UINT) {
			put_text(&m->values_of[part], f->value);
			continue;
		}
		bool there = str_parse_u64(f->value, 0, UINT32_MAX, &number);
		buf_append_char(&m->heads[part], there ? 0 : 1);
		put_le(&m->values_of[part], there ? number : 0, 4);
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
	add_map(m, in_map);
	put_text(&out[PART_RAW], r->raw);
	add_columns(m);
	m->rows++;
}

uint64_t event_row_count(const struct event_row_maker *m)
{
	return m->rows;
}

/* Fills up what has values and says how many columns the block has; the store knows what the others are. */
static size_t complete(struct event_row_maker *m)
{
	size_t n = PART_COLUMNS - 1 + (m->map_entries > 0);
	if (m->map_entries > 0)
		fill_map(m, m->rows);
	for (size_t i = 0; i < COLUMNS; i++) {
		if (m->filled[PART_COLUMNS + i] == 0)
			continue;
		fill_column(m, PART_COLUMNS + i, columns[i].kind, m->rows);
		n++;
	}
	return n;
}

/* Block: number of columns, number of rows; of each column its name, its type, its values. */
void event_row_take(struct event_row_maker *m, struct buf *out)
{
	put_count(out, complete(m));
	put_count(out, m->rows);
	for (size_t i = 0; i < PARTS; i++) {
		if (!always(i) && m->filled[i] == 0)
			continue;
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
		m->filled[i] = 0;
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
