/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_dictionary_internal.h"

static void put(struct event_apply *a, const struct event_row_rule *row, size_t which, struct str value)
{
	event_apply_put(a, row->to[which], value, row->replace);
}

static struct str lower(struct event_build *b, struct str s)
{
	size_t i = 0;
	while (i < s.n && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
		i++;
	char *out = i < s.n ? arena_try(b->arena, s.n, 1) : NULL;
	if (out == NULL)
		return s;
	for (i = 0; i < s.n; i++)
		out[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
	return str_n(out, s.n);
}

static void put_time(struct event_apply *a, const struct event_row_rule *row, struct str value, const struct event_clock *clock)
{
	usec_t t;
	char *text;
	if (event_stamp_parse(value, clock, &t) && (text = arena_try(a->b->arena, EVENT_STAMP_SIZE, 1)) != NULL)
		put(a, row, 0, str_n(text, event_stamp_iso(t, text)));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decimal as it is; "0x1f" as decimal. */
static void put_number(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	uint64_t v = 0;
	if (value.n > 2 && value.p[0] == '0' && (value.p[1] | 0x20) == 'x') {
		for (size_t i = 2; i < value.n; i++) {
			int d = hex_digit(value.p[i]);
			if (d < 0 || v >> 60 != 0)
				return;
			v = v << 4 | (uint64_t)d;
		}
		put(a, row, 0, arena_printf(a->b->arena, "%llu", (unsigned long long)v));
	} else if (str_parse_u64(value, 0, UINT64_MAX, &v)) {
		put(a, row, 0, value);
	}
}

static struct str plain_address(struct str s)
{
	static const struct str mapped = STR("::ffff:");
	if (s.n > mapped.n && str_eq_nocase(str_sub(s, 0, mapped.n), mapped) && event_is_address(str_sub(s, mapped.n, s.n)))
		return str_sub(s, mapped.n, s.n);
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return str_sub(s, 1, s.n - 1);
	return s;
}

static void put_ip(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	value = plain_address(value);
	if (event_is_address(value))
		put(a, row, 0, value);
}

/* "1.2.3.4:55", "[::1]:55", "1.2.3.4:55:eth0", "1.2.3.4". */
static void put_ip_port(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	size_t colon = value.n > 0 && value.p[0] == '[' ? str_find(value, STR("]:")) : str_find_char(value, ':');
	uint64_t port = 0;
	if (value.n > 0 && value.p[0] == '[' && colon != SIZE_MAX)
		colon++;
	if (event_is_address(value) || colon == SIZE_MAX) {
		put_ip(a, row, value);
		return;
	}
	struct str rest = str_sub(value, colon + 1, value.n), digits;
	put_ip(a, row, str_sub(value, 0, colon));
	if (str_split(&rest, ':', &digits) && str_parse_u64(digits, 0, 65535, &port))
		put(a, row, 1, digits);
}

static void put_basename(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	size_t i = value.n;
	while (i > 0 && value.p[i - 1] != '/' && value.p[i - 1] != '\\')
		i--;
	put(a, row, 0, str_sub(value, i, value.n));
}

/* Either side of a separator into .name and .domain; without one the whole is the name. */
static void put_user(struct event_apply *a, const struct event_row_rule *row, struct str value, char separator)
{
	size_t at = str_find_char(value, separator);
	if (at == SIZE_MAX) {
		put(a, row, 0, value);
		return;
	}
	struct str left = str_sub(value, 0, at), right = str_sub(value, at + 1, value.n);
	put(a, row, 0, separator == '\\' ? right : left);
	put(a, row, 1, separator == '\\' ? left : right);
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0)
			return false;
	return true;
}

/* A hash is known by its length: MD5, SHA-1, SHA-256. */
static void put_hash(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	size_t which = value.n == 32 ? 0 : value.n == 40 ? 1 : 2;
	if ((value.n == 32 || value.n == 40 || value.n == 64) && is_hex(value))
		put(a, row, which, lower(a->b, value));
}

/* "SHA1=…,MD5=…,SHA256=…,IMPHASH=…": an import hash is no hash of the file. */
static void put_hashes(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	struct str part;
	while (str_split(&value, ',', &part)) {
		size_t sign = str_find_char(part, '=');
		if (sign == SIZE_MAX)
			put_hash(a, row, part);
		else if (!str_eq_nocase(str_sub(part, 0, sign), STR("IMPHASH")))
			put_hash(a, row, str_sub(part, sign + 1, part.n));
	}
}

/* Path and query of a request's target or of a whole address. */
static void put_url(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	size_t scheme = str_find(value, STR("://")), mark;
	if (scheme != SIZE_MAX && scheme < 10) {
		struct str rest = str_sub(value, scheme + 3, value.n);
		size_t slash = str_find_char(rest, '/');
		value = str_sub(rest, slash == SIZE_MAX ? rest.n : slash, rest.n);
	}
	mark = str_find_char(value, '?');
	put(a, row, 0, str_sub(value, 0, mark));
	if (mark != SIZE_MAX)
		put(a, row, 1, str_sub(value, mark + 1, value.n));
}

static void put_prefixed(struct event_apply *a, const struct event_row_rule *row, struct str value)
{
	char *out = arena_try(a->b->arena, row->argument.n + value.n, 1);
	if (out == NULL || value.n == 0)
		return;
	if (row->argument.n > 0)
		(void)memcpy(out, row->argument.p, row->argument.n);
	(void)memcpy(out + row->argument.n, value.p, value.n);
	put(a, row, 0, str_n(out, row->argument.n + value.n));
}

/* journald writes a text that is no UTF-8 as an array of its bytes, which are fields of one name here. */
static void put_bytes(struct event_apply *a, const struct event_row_rule *row, const struct event_field *field, struct str value)
{
	struct event_build *b = a->b;
	if (field->type != EVENT_TYPE_INT) {
		put(a, row, 0, value);
		return;
	}
	size_t from = (size_t)(field - b->fields), n = 0;
	char *out = arena_try(b->arena, b->count - from, 1);
	for (size_t i = from; out != NULL && i < b->count && str_eq(b->fields[i].name, field->name); i++) {
		if (b->fields[i].type != EVENT_TYPE_INT || b->fields[i].integer < 0 || b->fields[i].integer > 255)
			return;
		out[n++] = (char)b->fields[i].integer;
	}
	if (out != NULL)
		put(a, row, 0, event_text(b->arena, str_n(out, n)));
}

/* All values of the name, one blank between. */
static void put_words(struct event_apply *a, const struct event_row_rule *row, const struct event_field *field)
{
	struct event_build *b = a->b;
	size_t from = (size_t)(field - b->fields), n = 0, to = from;
	for (; to < b->count && str_eq(b->fields[to].name, field->name); to++)
		n += b->fields[to].value.n + 1;
	char *out = arena_try(b->arena, n, 1);
	if (out == NULL)
		return;
	n = 0;
	for (size_t i = from; i < to; i++) {
		if (i > from)
			out[n++] = ' ';
		if (b->fields[i].value.n > 0)
			(void)memcpy(out + n, b->fields[i].value.p, b->fields[i].value.n);
		n += b->fields[i].value.n;
	}
	put(a, row, 0, str_n(out, n));
}

struct str event_table_get(const struct event_table *t, struct str key)
{
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = str_cmp(t->rows[middle].key, key);
		if (order == 0)
			return t->rows[middle].value;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return t->fallback;
}

/* The name changes, not the value: for long texts that need not stand twice in the store. */
static void rename_field(struct event_apply *a, const struct event_row_rule *row, const struct event_field *field)
{
	struct event_field *f = &a->b->fields[field - a->b->fields];
	if (a->first[row->to[0]] != 0)
		return;
	f->pathless = true;
	f->name = a->d->names.names[row->to[0]].text;
	a->first[row->to[0]] = (uint16_t)(field - a->b->fields + 1);
	a->first[row->from[0]] = 0;
}

void event_transform_run(struct event_apply *a, const struct event_row_rule *row, const struct event_field *field, struct str value)
{
	switch ((enum event_transform)row->transform) {
	case EVENT_TRANSFORM_copy:
		put(a, row, 0, value);
		return;
	case EVENT_TRANSFORM_rename:
		rename_field(a, row, field);
		return;
	case EVENT_TRANSFORM_lower:
		put(a, row, 0, lower(a->b, value));
		return;
	case EVENT_TRANSFORM_time:
		put_time(a, row, value, &a->b->clock);
		return;
	case EVENT_TRANSFORM_time_utc:
		put_time(a, row, value, &(const struct event_clock){.received = a->b->clock.received});
		return;
	case EVENT_TRANSFORM_number:
		put_number(a, row, value);
		return;
	case EVENT_TRANSFORM_ip:
		put_ip(a, row, value);
		return;
	case EVENT_TRANSFORM_ip_port:
		put_ip_port(a, row, value);
		return;
	case EVENT_TRANSFORM_basename:
		put_basename(a, row, value);
		return;
	case EVENT_TRANSFORM_domain_user:
		put_user(a, row, value, '\\');
		return;
	case EVENT_TRANSFORM_user_domain:
		put_user(a, row, value, '@');
		return;
	case EVENT_TRANSFORM_hash:
		put_hash(a, row, value);
		return;
	case EVENT_TRANSFORM_hashes:
		put_hashes(a, row, value);
		return;
	case EVENT_TRANSFORM_url:
		put_url(a, row, value);
		return;
	case EVENT_TRANSFORM_prefix:
		put_prefixed(a, row, value);
		return;
	case EVENT_TRANSFORM_bytes:
		put_bytes(a, row, field, value);
		return;
	case EVENT_TRANSFORM_words:
		put_words(a, row, field);
		return;
	case EVENT_TRANSFORM_table:
		put(a, row, 0, event_table_get(row->table, value));
		return;
	case EVENT_TRANSFORM__COUNT:
		return;
	}
}
