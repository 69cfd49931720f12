/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/listen/listen_join.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem/mem.h"

#define LOOKED_AT 1024
#define MATCH_STEPS 20000
#define MATCH_DEPTH 100

struct listen_join {
	pcre2_code *code; /* NULL: the built-in rule */
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

int listen_join_new(const char *pattern, struct listen_join **ret, struct err *err)
{
	int code = 0;
	PCRE2_SIZE at = 0;
	char reason[200] = "";
	size_t size = strlen(pattern);
	if (size > LISTEN_JOIN_PATTERN)
		return err_set(err, -E2BIG, "listen.long_pattern", ARG_U64("limit", LISTEN_JOIN_PATTERN));
	struct listen_join *j = MEM_NEW(struct listen_join);
	if (size > 0) {
		j->code = pcre2_compile((PCRE2_SPTR)pattern, size, PCRE2_ANCHORED | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
		if (j->code == NULL) {
			(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
			listen_join_free(j);
			return err_set(err, -EINVAL, "listen.bad_pattern", ARG_U64("at", at), ARG_CSTR("reason", reason));
		}
		j->data = pcre2_match_data_create(1, NULL);
		j->limits = pcre2_match_context_create(NULL);
		(void)pcre2_set_match_limit(j->limits, MATCH_STEPS);
		(void)pcre2_set_depth_limit(j->limits, MATCH_DEPTH);
	}
	*ret = j;
	return 0;
}

void listen_join_free(struct listen_join *j)
{
	if (j == NULL)
		return;
	pcre2_match_context_free(j->limits);
	pcre2_match_data_free(j->data);
	pcre2_code_free(j->code);
	mem_free(j);
}

/* "java.lang.IllegalStateException: why", "a.b.CError": what a logger writes below its own line. */
static bool is_thrown(struct str line)
{
	static const struct str ends[] = {STR("Exception"), STR("Error"), STR("Throwable")};
	size_t n = 0, points = 0;
	for (; n < line.n && n < 300; n++) {
		char c = line.p[n];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c == '.';
		points += c == '.';
		if (!letter)
			break;
	}
	if (points == 0 || (n < line.n && line.p[n] != ':'))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (str_ends_with(str_sub(line, 0, n), ends[i]))
			return true;
	return false;
}

static bool goes_on(struct str line)
{
	static const struct str starts[] = {STR("at "), STR("Caused by: "), STR("Suppressed: "), STR("--- End of ")};
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return true;
	if (line.n > 4 && str_starts_with(line, STR("... ")))
		return line.p[4] >= '0' && line.p[4] <= '9';
	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (str_starts_with(line, starts[i]))
			return true;
	return is_thrown(line);
}

/* A line over which the pattern gives up begins a record: nothing is glued together by accident. */
static bool begins(const struct listen_join *j, struct str line)
{
	if (line.n == 0)
		return false;
	if (j->code == NULL)
		return !goes_on(line);
	size_t size = line.n < LOOKED_AT ? line.n : LOOKED_AT;
	return pcre2_match(j->code, (PCRE2_SPTR)line.p, size, 0, 0, j->data, j->limits) != PCRE2_ERROR_NOMATCH;
}

struct open_record {
	size_t from, to; /* to: behind its last line that is not empty */
	size_t lines;    /* 0: none is open */
};

static void close_record(struct open_record *r, const struct listen_join_text *in, struct listen_join_records *out)
{
	if (r->lines == 0)
		return;
	out->texts[out->count] = str_sub(in->text, r->from, r->to);
	out->places[out->count++] = in->from + r->from;
	r->lines = 0;
}

struct line {
	struct str text; /* without its end */
	size_t size;     /* with it */
	bool whole, overlong;
};

static struct line line_at(const struct listen_join_text *in, size_t at)
{
	struct str rest = str_sub(in->text, at, in->text.n);
	size_t end = str_find_char(rest, '\n'), size = end != SIZE_MAX ? end : rest.n;
	struct line l = {.text = str_sub(rest, 0, size), .size = end != SIZE_MAX ? end + 1 : size, .whole = end != SIZE_MAX,
	                 .overlong = size > in->line_limit};
	if (l.text.n > 0 && l.text.p[l.text.n - 1] == '\r')
		l.text.n--;
	return l;
}

static void take_line(struct open_record *r, size_t at, struct str line)
{
	if (r->lines == 0) {
		/* Empty lines in front of a record are nothing. */
		if (line.n == 0)
			return;
		*r = (struct open_record){.from = at, .to = at};
	}
	r->lines++;
	if (line.n > 0)
		r->to = at + line.n;
}

static bool is_apart(const struct listen_join *j, const struct listen_join_text *in, const struct open_record *r, size_t at, struct str line)
{
	return in->from + at == in->boundary || r->lines == LISTEN_JOIN_LINES ||
	       (r->lines > 0 && at + line.n - r->from > LISTEN_JOIN_BYTES) || begins(j, line);
}

void listen_join_split(const struct listen_join *j, const struct listen_join_text *in, struct listen_join_records *out)
{
	struct open_record r = {.lines = 0};
	size_t at = 0;
	out->count = 0;
	out->overlong = 0;
	out->flushed = false;
	while (at < in->text.n) {
		struct line l = line_at(in, at);
		if (!l.whole && !l.overlong && !in->last && !out->skip_line)
			break;
		bool passed_over = l.overlong || out->skip_line;
		if (passed_over || is_apart(j, in, &r, at, l.text))
			close_record(&r, in, out);
		if (out->count == out->room)
			break;
		if (passed_over) {
			out->overlong += !out->skip_line;
			out->skip_line = !l.whole;
		} else {
			take_line(&r, at, l.text);
		}
		at += l.size;
	}
	/* Lines may follow that go with it; at the end of a full table they will be read again. */
	out->flushed = r.lines > 0 && (in->flush || in->last) && out->count < out->room;
	if (out->flushed)
		close_record(&r, in, out);
	out->used = r.lines > 0 ? r.from : at;
}
