/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_query/event_query.h"

#define LOW EVENT_QUERY_STRING
#define TEXT EVENT_QUERY_STRING
#define UINT EVENT_QUERY_NUMBER

static const struct event_query_field fields[] = {
#define COLUMN(column, field, kind) {field, #column, kind},
#include "engine/event_store/event_columns.def"
#undef COLUMN
	{"event.id", "event_id", EVENT_QUERY_UUID},
	{"unit.id", "unit_id", EVENT_QUERY_UUID},
	{"endpoint.id", "endpoint_id", EVENT_QUERY_UUID},
	{"source", "source", EVENT_QUERY_STRING},
	{"source.id", "source_id", EVENT_QUERY_UUID},
	{"system.level", "system_level", EVENT_QUERY_NUMBER},
	{"event.parsed", "toString(event_parsed)", EVENT_QUERY_STRING},
	{"raw", "raw", EVENT_QUERY_STRING},
};

/* The column `message` lacks those of JSON texts. */
static const struct event_query_field message = {"message", "text", EVENT_QUERY_STRING};

static const struct event_query_field *whole(const struct event_query_field *f)
{
	return str_eq_c(str_c(f->name), message.name) ? &message : f;
}

const struct event_query_field *event_query_field_at(size_t i)
{
	return i < ARRAY_LEN(fields) ? whole(&fields[i]) : NULL;
}

const struct event_query_field *event_query_field(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eq_nocase(name, str_c(fields[i].name)))
			return whole(&fields[i]);
	return NULL;
}

/* ECS lists, and the addresses of a machine. */
bool event_query_has_several(const struct event_query_field *f)
{
	static const char *const names[] = {"host.ip", "event.category", "event.kind"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_c(str_c(f->name), names[i]))
			return true;
	return false;
}
