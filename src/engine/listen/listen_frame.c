/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/listen/listen_frame.h"

#include "engine/event_pipeline/event_ingest.h"

/* Longer numbers are no lengths: who means them is lying or is no syslog sender. */
#define COUNT_DIGITS 8

struct str listen_frame_trim(struct str m)
{
	while (m.n > 0 && (m.p[m.n - 1] == '\n' || m.p[m.n - 1] == '\r' || m.p[m.n - 1] == '\0'))
		m.n--;
	return m;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void pass(struct listen_framer *f, size_t *at, size_t n)
{
	*at += n;
	f->passed += n;
	f->searched = 0;
}

static enum listen_step refuse(const struct listen_framer *f, enum listen_step step, size_t offset, const char *key,
                               struct err *err)
{
	(void)err_set(err, step == LISTEN_STEP_BROKEN ? -EPROTO : -E2BIG, key, ARG_U64("byte", f->passed + offset),
	              ARG_U64("limit", EVENT_LINE_LIMIT));
	return step;
}

static size_t digits(struct str s)
{
	size_t n = 0;
	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n;
}

/* UNKNOWN: cannot be told yet. */
static enum listen_framing detect(struct str s, bool ended)
{
	size_t n = s.p[0] == '0' ? 0 : digits(s);
	if (n == 0 || n > 4 * COUNT_DIGITS)
		return LISTEN_FRAMING_LINES;
	if (s.n < n + 2)
		return ended || (n < s.n && s.p[n] != ' ') ? LISTEN_FRAMING_LINES : LISTEN_FRAMING_UNKNOWN;
	return s.p[n] == ' ' && (s.p[n + 1] == '<' || s.p[n + 1] == '{') ? LISTEN_FRAMING_COUNTED : LISTEN_FRAMING_LINES;
}

static enum listen_step next_counted(struct listen_framer *f, struct str s, size_t *at, bool ended, struct str *ret,
                                     struct err *err)
{
	size_t n = digits(str_sub(s, 0, COUNT_DIGITS + 1));
	uint64_t size;
	if (n == 0 || n > COUNT_DIGITS || s.p[0] == '0')
		return refuse(f, LISTEN_STEP_BROKEN, n > COUNT_DIGITS ? COUNT_DIGITS : 0, "listen.bad_count", err);
	if (n < s.n && s.p[n] != ' ')
		return refuse(f, LISTEN_STEP_BROKEN, n, "listen.bad_count", err);
	if (n < s.n && str_parse_u64(str_sub(s, 0, n), 1, UINT32_MAX, &size)) {
		if (size > EVENT_LINE_LIMIT) {
			enum listen_step step = refuse(f, LISTEN_STEP_REFUSED, 0, "listen.too_long", err);
			f->skip = n + 1 + size;
			return step;
		}
		if (s.n - n - 1 >= size) {
			*ret = str_sub(s, n + 1, n + 1 + (size_t)size);
			pass(f, at, n + 1 + (size_t)size);
			return LISTEN_STEP_MESSAGE;
		}
	}
	return ended ? refuse(f, LISTEN_STEP_BROKEN, s.n, "listen.cut", err) : LISTEN_STEP_MORE;
}

/* SIZE_MAX: none. */
static size_t line_end(struct listen_framer *f, struct str s)
{
	struct str fresh = str_sub(s, f->searched, s.n);
	size_t end = str_find_char(fresh, '\n');
	size_t nul = str_find_char(str_sub(fresh, 0, end), '\0');
	end = nul < end ? nul : end;
	if (end == SIZE_MAX) {
		f->searched = s.n;
		return SIZE_MAX;
	}
	return f->searched + end;
}

static enum listen_step next_line(struct listen_framer *f, struct str s, size_t *at, bool ended, struct str *ret,
                                  struct err *err)
{
	size_t end = line_end(f, s);
	if (end == SIZE_MAX && s.n <= EVENT_LINE_LIMIT && !ended)
		return LISTEN_STEP_MORE;
	size_t size = end != SIZE_MAX ? end : s.n;
	if (size > EVENT_LINE_LIMIT) {
		enum listen_step step = refuse(f, LISTEN_STEP_REFUSED, 0, "listen.too_long", err);
		f->skip_line = end == SIZE_MAX;
		pass(f, at, end == SIZE_MAX ? s.n : end + 1);
		return step;
	}
	*ret = str_sub(s, 0, size);
	pass(f, at, end == SIZE_MAX ? s.n : end + 1);
	return LISTEN_STEP_MESSAGE;
}

/* What is left of a message that was refused. true: all of it is gone. */
static bool skip(struct listen_framer *f, struct str bytes, size_t *at)
{
	struct str s = str_sub(bytes, *at, bytes.n);
	if (f->skip > 0) {
		size_t n = f->skip < s.n ? (size_t)f->skip : s.n;
		pass(f, at, n);
		f->skip -= n;
	}
	if (f->skip_line) {
		size_t end = line_end(f, s);
		f->skip_line = end == SIZE_MAX;
		pass(f, at, end == SIZE_MAX ? s.n : end + 1);
	}
	return f->skip == 0 && !f->skip_line;
}

enum listen_step listen_frame_next(struct listen_framer *f, struct str bytes, size_t *at, bool ended, struct str *ret,
                                   struct err *err)
{
	for (;;) {
		if (!skip(f, bytes, at))
			return LISTEN_STEP_MORE;
		struct str s = str_sub(bytes, *at, bytes.n);
		if (s.n == 0)
			return LISTEN_STEP_MORE;
		if (f->framing == LISTEN_FRAMING_UNKNOWN)
			f->framing = detect(s, ended);
		if (f->framing == LISTEN_FRAMING_UNKNOWN)
			return LISTEN_STEP_MORE;
		/* Some senders end counted messages with a line end beside the count. */
		if (f->framing == LISTEN_FRAMING_COUNTED && s.p[0] == '\n') {
			pass(f, at, 1);
			continue;
		}
		enum listen_step step = f->framing == LISTEN_FRAMING_COUNTED ? next_counted(f, s, at, ended, ret, err)
		                                                             : next_line(f, s, at, ended, ret, err);
		if (step != LISTEN_STEP_MESSAGE)
			return step;
		*ret = listen_frame_trim(*ret);
		if (ret->n > 0)
			return step;
	}
}
