/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "base/csv/csv.h"

static int fault(const struct csv *csv, const char *key, struct err *err)
{
	char line[16];
	(void)snprintf(line, sizeof line, "%u", csv->line);
	(void)err_set(err, -EINVAL, key);
	return err_at(err, str_c(line));
}

static char guess_separator(struct str text)
{
	static const char candidates[] = {',', ';', '\t'};
	size_t counts[sizeof candidates] = {0};
	bool quoted = false;
	for (size_t i = 0; i < text.n && (quoted || (text.p[i] != '\n' && text.p[i] != '\r')); i++) {
		quoted = text.p[i] == '"' ? !quoted : quoted;
		for (size_t k = 0; k < sizeof candidates && !quoted; k++)
			counts[k] += text.p[i] == candidates[k];
	}
	size_t best = 0;
	for (size_t k = 1; k < sizeof candidates; k++)
		best = counts[k] > counts[best] ? k : best;
	return candidates[best];
}

/* Up to the closing quote; doubled quotes become one. Borrows from the text where there are none. */
static int quoted_field(struct csv *csv, struct arena *arena, struct str *ret, struct err *err)
{
	size_t from = csv->at.at, doubled = 0;
	unsigned breaks = 0;
	bool closed = false;
	for (int byte; !closed && (byte = cursor_next(&csv->at)) >= 0;) {
		breaks += byte == '\n';
		if (byte == '"') {
			closed = !cursor_accept(&csv->at, '"');
			doubled += !closed;
		}
	}
	if (!closed)
		return fault(csv, "csv.open_quote", err);
	csv->line += breaks;
	struct str raw = str_sub(csv->at.s, from, csv->at.at - 1);
	*ret = raw;
	if (doubled == 0)
		return 0;
	char *out = arena_try(arena, raw.n - doubled, 1);
	if (out == NULL)
		return fault(csv, "csv.too_big", err);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		out[n++] = raw.p[i];
		i += raw.p[i] == '"';
	}
	*ret = str_n(out, n);
	return 0;
}

static struct str plain_field(struct csv *csv)
{
	size_t from = csv->at.at;
	for (int byte; (byte = cursor_peek(&csv->at)) >= 0 && byte != csv->separator && byte != '\n' && byte != '\r';)
		(void)cursor_next(&csv->at);
	return str_sub(csv->at.s, from, csv->at.at);
}

static bool accept_line_end(struct csv *csv)
{
	bool cr = cursor_accept(&csv->at, '\r');
	bool lf = cursor_accept(&csv->at, '\n');
	return cr || lf || cursor_at_end(&csv->at);
}

static int read_row(struct csv *csv, struct arena *arena, struct err *err)
{
	csv->count = 0;
	csv->line++;
	unsigned line = csv->line;
	for (;;) {
		if (csv->count == CSV_FIELDS_MAX)
			return fault(csv, "csv.too_many_fields", err);
		struct str field = STR_EMPTY;
		if (cursor_accept(&csv->at, '"')) {
			int r = quoted_field(csv, arena, &field, err);
			if (r < 0)
				return r;
		} else {
			field = plain_field(csv);
		}
		csv->fields[csv->count++] = field;
		if (cursor_accept(&csv->at, csv->separator))
			continue;
		unsigned after = csv->line;
		csv->line = line;
		if (!accept_line_end(csv))
			return fault(csv, "csv.after_quote", err);
		csv->line = after;
		return 1;
	}
}

int csv_begin(struct csv *csv, struct arena *arena, struct str text, struct err *err)
{
	*csv = (struct csv){.at = cursor_of(text)};
	(void)cursor_accept_str(&csv->at, STR("\xef\xbb\xbf"));
	csv->separator = guess_separator(cursor_rest(&csv->at));
	if (cursor_at_end(&csv->at)) {
		csv->line = 1;
		return fault(csv, "csv.empty", err);
	}
	int r = read_row(csv, arena, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < csv->count; i++)
		csv->names[i] = str_trim(csv->fields[i]);
	csv->name_count = csv->count;
	csv->count = 0;
	return 0;
}

int csv_next(struct csv *csv, struct arena *arena, struct err *err)
{
	while (!cursor_at_end(&csv->at)) {
		int r = read_row(csv, arena, err);
		if (r < 0)
			return r;
		if (csv->count == 1 && csv->fields[0].n == 0 && csv->name_count > 1)
			continue;
		return csv->count == csv->name_count ? 1 : fault(csv, "csv.field_count", err);
	}
	return 0;
}

struct str csv_field(const struct csv *csv, const char *name)
{
	for (size_t i = 0; i < csv->count; i++) {
		if (str_eq_c(csv->names[i], name))
			return csv->fields[i].p != NULL ? csv->fields[i] : STR("");
	}
	return STR_EMPTY;
}
