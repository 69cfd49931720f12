/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Lists of indicators: one value a line, or CSV whose column of values is found by its heading or by what stands in it.
 * "#" and ";" begin comments. Values may be defanged, as lists that travel by mail are.
 */
#include <stdlib.h>

#include "base/text/text.h"
#include "engine/rulebook/rulebook_internal.h"

#define VALUE_MAX ((size_t)2048)
#define COLUMNS   32
#define BAD_SHOWN 20

enum type { MD5, SHA1, SHA256, DOMAIN, URL, IP, FILE_NAME, TYPE__COUNT };
const char *const rulebook_indicator_types[] = {"md5", "sha1", "sha256", "domain", "url", "ip", "file_name", NULL};
_Static_assert(ARRAY_LEN(rulebook_indicator_types) == TYPE__COUNT + 1, "a name a type");

static bool all_of(struct str s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(set, s.p[i]) == NULL || s.p[i] == '\0')
			return false;
	return s.n > 0;
}

static void lower(struct str s, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < s.n; i++)
		buf_append_char(out, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]));
}

/* hxxp://a[.]b(.)c → http://a.b.c */
static void refang(struct str s, struct buf *out)
{
	static const struct {
		struct str from, to;
	} table[] = {{STR("[.]"), STR(".")}, {STR("(.)"), STR(".")}, {STR("[dot]"), STR(".")}, {STR("[:]"), STR(":")},
	             {STR("[://]"), STR("://")}, {STR("[@]"), STR("@")}};
	buf_clear(out);
	for (size_t i = 0; i < s.n;) {
		size_t k = 0;
		while (k < ARRAY_LEN(table) && !str_starts_with(str_sub(s, i, s.n), table[k].from))
			k++;
		if (k < ARRAY_LEN(table)) {
			buf_append(out, table[k].to);
			i += table[k].from.n;
		} else {
			buf_append_char(out, s.p[i++]);
		}
	}
	static const struct str schemes[] = {STR("hxxp"), STR("hXXp"), STR("HXXP"), STR("meow")};
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts_with(buf_str(out), schemes[i]))
			memcpy(out->p, "http", 4);
}

static bool is_v4(struct str s)
{
	struct str part;
	uint64_t n;
	unsigned parts = 0;
	while (str_split(&s, '.', &part)) {
		if (part.n == 0 || part.n > 3 || (part.n > 1 && part.p[0] == '0') || !str_parse_u64(part, 0, 255, &n))
			return false;
		parts++;
	}
	return parts == 4;
}

/* Enough to tell an address from a name: whoever loads the list parses it for good. */
static bool is_v6(struct str s)
{
	unsigned colons = 0, digits = 0;
	if (!all_of(s, "0123456789abcdefABCDEF:.") || s.n < 2 || s.n > 45)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		digits = s.p[i] == ':' || s.p[i] == '.' ? 0 : digits + 1;
		colons += s.p[i] == ':';
		if (digits > 4)
			return false;
	}
	return colons >= 2 && colons <= 8 && (colons == 7 || str_find(s, STR("::")) != SIZE_MAX);
}

static bool is_address(struct str s)
{
	uint64_t bits;
	size_t slash = str_find_char(s, '/');
	struct str host = str_sub(s, 0, slash);
	bool v4 = is_v4(host);
	if (!v4 && !is_v6(host))
		return false;
	return slash == SIZE_MAX || str_parse_u64(str_sub(s, slash + 1, s.n), 0, v4 ? 32 : 128, &bits);
}

static bool is_domain(struct str s)
{
	struct str rest = s, label;
	unsigned labels = 0;
	bool letters = false;
	if (s.n == 0 || s.n > 253)
		return false;
	while (str_split(&rest, '.', &label)) {
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		letters = false;
		for (size_t i = 0; i < label.n; i++) {
			unsigned char c = (unsigned char)label.p[i];
			bool letter = (c >= 'a' && c <= 'z') || c >= 0x80;
			letters = letters || letter;
			if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
				return false;
		}
		labels++;
	}
	return labels >= 2 && letters; /* the last label has a letter, so "1.2.3" is none */
}

/* Programs are named like hosts: these endings are no top-level domains that malware lists mean. */
static bool is_program_name(struct str s)
{
	static const char *const ends[] = {".exe", ".dll", ".sys", ".bat", ".ps1", ".vbs", ".js", ".jar", ".scr", ".lnk", ".docm",
	                                   ".xlsm", ".hta", ".msi", ".cpl", ".iso", ".elf", ".doc", ".docx", ".xls", ".xlsx", ".rar",
	                                   ".7z", ".rtf", ".bin", ".dat", ".tmp", ".chm", ".wsf", ".vbe", ".img"};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (s.n > strlen(ends[i]) && str_eq_nocase(str_sub(s, s.n - strlen(ends[i]), s.n), str_c(ends[i])))
			return str_find_char(s, '/') == SIZE_MAX && str_find_char(s, '\\') == SIZE_MAX;
	return false;
}

static bool is_hex(struct str s, size_t n)
{
	return s.n == n && all_of(s, "0123456789abcdef");
}

/* `plain` is as people wrote it, `low` in lower case. */
static int type_of(struct str plain, struct str low)
{
	if (is_hex(low, 32))
		return MD5;
	if (is_hex(low, 40))
		return SHA1;
	if (is_hex(low, 64))
		return SHA256;
	if (str_find(low, STR("://")) != SIZE_MAX && low.n > 8)
		return URL;
	if (is_address(low))
		return IP;
	if (is_program_name(plain))
		return FILE_NAME;
	if (is_domain(low))
		return DOMAIN;
	/* A path on a host is an address without its scheme. */
	size_t slash = str_find_char(low, '/');
	struct str host = str_sub(low, 0, slash);
	if (slash != SIZE_MAX && (is_domain(host) || (is_v4(host) && !all_of(str_sub(low, slash + 1, low.n), "0123456789"))))
		return URL;
	return -1;
}

static struct str unquote(struct str s)
{
	s = str_trim(s);
	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
		s = str_trim(str_sub(s, 1, s.n - 1));
	return s;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

bool rulebook_indicator(struct str text, int *ret_type, struct buf *out)
{
	cleanup_buf struct buf plain = BUF_INIT(VALUE_MAX * 2);
	text = unquote(text);
	buf_clear(out);
	if (text.n == 0 || text.n > VALUE_MAX || has_control(text) || !text_is_utf8(text))
		return false;
	refang(text, &plain);
	lower(buf_str(&plain), out);
	while (str_starts_with(buf_str(out), STR("*."))) {
		buf_consume(out, 2);
		buf_consume(&plain, 2);
	}
	int type = type_of(buf_str(&plain), buf_str(out));
	/* Paths in addresses mind their case. */
	if (type == URL) {
		size_t scheme = str_find(buf_str(out), STR("://")), from = scheme == SIZE_MAX ? 0 : scheme + 3;
		size_t path = str_find_char(str_sub(buf_str(out), from, out->n), '/');
		for (size_t i = path == SIZE_MAX ? out->n : from + path; i < out->n; i++)
			out->p[i] = plain.p[i];
	}
	*ret_type = type;
	return type >= 0 && !out->overflow;
}

/* ---- a list ---- */

struct value {
	const char *p;
	uint32_t n;
	uint8_t type;
};

struct list {
	struct arena *arena;
	struct value *values;
	size_t count, capacity;
	uint64_t lines, refused, repeated;
	int wanted;  /* -1: whatever it is */
	int column;  /* of the values; -1: not known yet, -2: no CSV */
	char separator;
	struct buf one;
	struct json_writer bad;
};

static int by_value(const void *a, const void *b)
{
	const struct value *x = a, *y = b;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return str_cmp(str_n(x->p, x->n), str_n(y->p, y->n));
}

static int add(struct list *l, int type, struct err *err)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity > 0 ? l->capacity * 2 : 4096;
		l->values = mem_realloc_array(l->values, l->capacity, sizeof *l->values);
	}
	char *copy = arena_try(l->arena, l->one.n + 1, 1);
	if (copy == NULL || l->count >= RULEBOOK_LINES_MAX)
		return err_set(err, -E2BIG, "rulebook.too_many", ARG_U64("limit", RULEBOOK_LINES_MAX));
	memcpy(copy, l->one.p, l->one.n);
	l->values[l->count++] = (struct value){copy, (uint32_t)l->one.n, (uint8_t)type};
	return 0;
}

static bool try_value(struct list *l, struct str text, int *ret_type)
{
	if (rulebook_indicator(text, ret_type, &l->one) && (l->wanted < 0 || *ret_type == l->wanted))
		return true;
	/* Told to be names of files, anything without a slash is one. */
	if (l->wanted != FILE_NAME || str_find_char(text, '/') != SIZE_MAX || unquote(text).n > 255 || has_control(text) ||
	    !text_is_utf8(text))
		return false;
	lower(unquote(text), &l->one);
	*ret_type = FILE_NAME;
	return true;
}

static size_t cut(struct str line, char separator, struct str cells[COLUMNS])
{
	size_t n = 0, from = 0;
	bool quoted = false;
	for (size_t i = 0; i <= line.n && n < COLUMNS; i++) {
		if (i < line.n && line.p[i] == '"')
			quoted = !quoted;
		if (i == line.n || (line.p[i] == separator && !quoted)) {
			cells[n++] = str_sub(line, from, i);
			from = i + 1;
		}
	}
	return n;
}

/* The first line decides: a heading with a name we know, else the first cell that is an indicator. */
static int column_of(struct list *l, const struct str *cells, size_t n, bool *ret_heading)
{
	static const char *const names[] = {"indicator", "ioc", "value", "ioc_value", "sha256", "sha256_hash", "sha1", "sha1_hash", "md5",
	                                    "md5_hash", "domain", "url", "ip", "ip_address", "dst_ip", "file_name", "giá trị", "hash"};
	*ret_heading = false;
	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		for (size_t i = 0; i < n; i++)
			if (str_eq_nocase(unquote(cells[i]), str_c(names[k]))) {
				*ret_heading = true;
				return (int)i;
			}
	for (size_t i = 0; i < n; i++) {
		int type;
		if (try_value(l, cells[i], &type))
			return (int)i;
	}
	return -1;
}

static void refuse(struct list *l, struct str line)
{
	if (l->refused++ >= BAD_SHOWN)
		return;
	json_object(&l->bad);
	json_member_int(&l->bad, "line", (int64_t)l->lines);
	json_member_str(&l->bad, "text", str_sub(line, 0, 200));
	json_object_end(&l->bad);
}

static int take_line(struct list *l, struct str line, struct err *err)
{
	struct str cells[COLUMNS];
	size_t n = 1;
	int type;
	cells[0] = line;
	if (l->separator != '\0')
		n = cut(line, l->separator, cells);
	if (l->separator != '\0' && l->column < 0) {
		bool heading = false;
		l->column = column_of(l, cells, n, &heading);
		if (heading)
			return 0;
	}
	size_t at = l->separator != '\0' && l->column >= 0 ? (size_t)l->column : 0;
	if (at < n && try_value(l, cells[at], &type))
		return add(l, type, err);
	refuse(l, line);
	return 0;
}

/* Comma, semicolon or tab, whichever the first line of values has; commas in addresses are rare enough. */
static char separator_of(struct str text)
{
	struct str line;
	while (str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
			continue;
		return str_find_char(line, '\t') != SIZE_MAX ? '\t' : str_find_char(line, ',') != SIZE_MAX ? ',' : str_find_char(line, ';') != SIZE_MAX ? ';' : '\0';
	}
	return '\0';
}

static int read_lines(struct list *l, struct str text, struct err *err)
{
	struct str line;
	int r = 0;
	while (r >= 0 && str_split(&text, '\n', &line)) {
		if (line.n == 0 && text.p == NULL)
			break; /* behind the last line's end */
		l->lines++;
		line = str_trim(line);
		if (l->lines == 1 && str_starts_with(line, STR("\xef\xbb\xbf")))
			line = str_sub(line, 3, line.n);
		if (line.n > 0 && line.p[0] != '#' && line.p[0] != ';')
			r = take_line(l, line, err);
	}
	return r;
}

static void write_values(struct list *l, struct buf *out)
{
	for (size_t i = 0; i < l->count; i++) {
		if (i > 0 && by_value(&l->values[i - 1], &l->values[i]) == 0)
			continue;
		buf_append_c(out, rulebook_indicator_types[l->values[i].type]);
		buf_append_char(out, '\t');
		buf_append(out, str_n(l->values[i].p, l->values[i].n));
		buf_append_char(out, '\n');
	}
}

static void write_head(struct list *l, struct str bad, struct buf *out)
{
	uint64_t types[TYPE__COUNT] = {0}, taken = 0;
	for (size_t i = 0; i < l->count; i++) {
		if (i > 0 && by_value(&l->values[i - 1], &l->values[i]) == 0) {
			l->repeated++;
			continue;
		}
		types[l->values[i].type]++;
		taken++;
	}
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_int(&w, "lines", (int64_t)l->lines);
	json_member_int(&w, "taken", (int64_t)taken);
	json_member_int(&w, "refused", (int64_t)l->refused);
	json_member_int(&w, "repeated", (int64_t)l->repeated);
	json_name(&w, "types");
	json_object(&w);
	for (int t = 0; t < TYPE__COUNT; t++)
		if (types[t] > 0)
			json_member_int(&w, rulebook_indicator_types[t], (int64_t)types[t]);
	json_object_end(&w);
	json_name(&w, "bad");
	json_raw(&w, bad);
	json_object_end(&w);
	buf_append_char(out, '\n');
}

int rulebook_indicators(const struct rulebook_input *in, struct buf *out, struct err *err)
{
	cleanup_buf struct buf bad = BUF_INIT((size_t)64 << 10);
	struct str wanted = json_get_str(in->head, "type", STR("auto"));
	struct list l = {.arena = in->arena, .wanted = -1, .column = -1, .one = BUF_INIT(VALUE_MAX * 2), .bad = json_writer_init(&bad)};
	for (int t = 0; t < TYPE__COUNT; t++)
		if (str_eq_c(wanted, rulebook_indicator_types[t]))
			l.wanted = t;
	if (in->payload.n > RULEBOOK_FILE_MAX)
		return err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", RULEBOOK_FILE_MAX >> 20));
	l.separator = separator_of(in->payload);
	json_array(&l.bad);
	int r = read_lines(&l, in->payload, err);
	json_array_end(&l.bad);
	if (r >= 0) {
		if (l.count > 1)
			qsort(l.values, l.count, sizeof *l.values, by_value);
		write_head(&l, buf_str(&bad), out);
		write_values(&l, out);
		if (out->overflow)
			r = err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", out->max >> 20));
	}
	mem_free(l.values);
	buf_done(&l.one);
	return r;
}
