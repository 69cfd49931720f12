/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_build_internal.h"

#define FIRST_FIELDS 24

static struct event_field *next_field(struct event_build *b)
{
	if (b->count == EVENT_BUILD_FIELDS_MAX)
		return NULL;
	if (b->count == b->capacity) {
		size_t capacity = b->capacity > 0 ? b->capacity * 2 : FIRST_FIELDS;
		struct event_field *more = ARENA_ARRAY(b->arena, capacity, struct event_field);
		if (more == NULL)
			return NULL;
		if (b->count > 0)
			(void)memcpy(more, b->fields, b->count * sizeof *more);
		b->fields = more;
		b->capacity = capacity;
	}
	return &b->fields[b->count++];
}

void event_build_add(struct event_build *b, struct str name, struct str value)
{
	if (name.n == 0 || name.n > EVENT_BUILD_NAME_MAX)
		return;
	struct event_field *f = next_field(b);
	if (f != NULL)
		*f = (struct event_field){.name = name, .value = value, .type = EVENT_TYPE_STR};
}

void event_build_add_int(struct event_build *b, struct str name, int64_t value)
{
	char digits[24], *text;
	size_t at = sizeof digits;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		digits[--at] = '-';
	if ((text = arena_try(b->arena, sizeof digits - at, 1)) == NULL)
		return;
	(void)memcpy(text, digits + at, sizeof digits - at);
	struct event_field *f = next_field(b);
	if (f != NULL)
		*f = (struct event_field){.name = name, .value = str_n(text, sizeof digits - at), .type = EVENT_TYPE_INT, .integer = value};
}

void event_build_add_time(struct event_build *b, struct str name, usec_t t)
{
	char *text = arena_try(b->arena, EVENT_STAMP_SIZE, 1);
	if (text != NULL)
		event_build_add(b, name, str_n(text, event_stamp_iso(t, text)));
}

struct str event_build_join(struct event_build *b, struct str prefix, struct str name)
{
	size_t n = prefix.n + 1 + name.n;
	char *p = n <= EVENT_BUILD_NAME_MAX ? arena_try(b->arena, n, 1) : NULL;
	if (p == NULL || prefix.n == 0 || name.n == 0)
		return STR_EMPTY;
	(void)memcpy(p, prefix.p, prefix.n);
	p[prefix.n] = '.';
	(void)memcpy(p + prefix.n + 1, name.p, name.n);
	return str_n(p, n);
}

void event_build_take(struct event_build *b, const struct event *e)
{
	size_t n = e->count < EVENT_BUILD_FIELDS_MAX - b->count ? e->count : EVENT_BUILD_FIELDS_MAX - b->count;
	struct event_field *all = ARENA_ARRAY(b->arena, b->count + n + FIRST_FIELDS, struct event_field);
	if (all == NULL || n == 0)
		return;
	if (b->count == 0 && n == e->count) {
		b->in_raw = e->in_raw;
		b->json = e->raw.p;
	}
	if (b->count > 0)
		(void)memcpy(all, b->fields, b->count * sizeof *all);
	(void)memcpy(all + b->count, e->fields, n * sizeof *all);
	b->fields = all;
	b->count += n;
	b->capacity = b->count + FIRST_FIELDS;
}

const struct event_field *event_build_find(const struct event_build *b, struct str name)
{
	for (size_t i = 0; i < b->count; i++)
		if (str_eq(b->fields[i].name, name))
			return &b->fields[i];
	return NULL;
}

static bool is_v4(struct str s)
{
	unsigned parts = 0, value = 0, digits = 0;
	if (s.n < 7 || s.n > 15)
		return false;
	for (size_t i = 0; i <= s.n; i++) {
		char c = i < s.n ? s.p[i] : '.';
		if (c >= '0' && c <= '9') {
			value = value * 10 + (unsigned)(c - '0');
			if (++digits > 3)
				return false;
		} else if (c == '.' && digits > 0 && value <= 255) {
			parts++;
			value = digits = 0;
		} else {
			return false;
		}
	}
	return parts == 4;
}

bool event_is_address(struct str s)
{
	unsigned colons = 0;
	if (is_v4(s))
		return true;
	if (s.n < 2 || s.n > 45)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%' && colons >= 2 && i > 2)
			return true;
		if (c == ':')
			colons++;
		else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c == '.' && colons >= 2)))
			return false;
	}
	return colons >= 2 && colons <= 7 && (colons == 7 || str_find(s, STR("::")) != SIZE_MAX);
}
