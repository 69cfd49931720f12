/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_parse.h"

#include "base/text/text.h"
#include "engine/event/event_dictionary_internal.h"

struct str event_text(struct arena *arena, struct str s)
{
	cleanup_buf struct buf text = BUF_INIT(3 * s.n + 1);
	if (text_is_utf8(s))
		return s;
	for (size_t at = 0; at < s.n;) {
		int32_t code = text_utf8_next(s, &at);
		text_append_code(&text, code > 0 ? code : 0xfffd);
	}
	return arena_str(arena, buf_str(&text));
}

/* One JSON object, perhaps behind "@cee:". */
static bool parse_json(struct event_build *b, struct str s)
{
	struct event e;
	if (str_starts_with(s, STR("@cee:")))
		s = str_trim(str_sub(s, 5, s.n));
	if (s.n < 2 || s.p[0] != '{' || event_flatten(b->arena, s, NULL, &e, NULL) < 0)
		return false;
	event_build_take(b, &e);
	return b->foreign = true;
}

/* Forms that name themselves. */
static bool parse_marked(struct event_build *b, struct str s)
{
	switch (s.n > 0 ? s.p[0] : '\0') {
	case '{':
	case '@':
		return parse_json(b, s);
	case 'C':
		return event_cef_parse(b, s);
	case 'L':
		return event_leef_parse(b, s);
	case 't':
	case 'n':
		return event_audit_parse(b, s);
	}
	return false;
}

static bool begins_with_digit_or_bracket(struct str s)
{
	return s.n > 0 && ((s.p[0] >= '0' && s.p[0] <= '9') || s.p[0] == '[' || s.p[0] == '-');
}

/* Lines of files begin with a time that syslog does not have, an address or a host; syslog's with "<" or a month. */
static bool parse_header(const struct event_dictionary *d, struct event_build *b, struct str text)
{
	bool first = begins_with_digit_or_bracket(text);
	if (first && event_line_parse(d, b, text))
		return true;
	if (event_syslog_parse(b, text))
		return true;
	return !first && event_line_parse(d, b, text);
}

static void parse_text(const struct event_dictionary *d, struct event_build *b, struct str text)
{
	b->content = text;
	b->parsed = parse_marked(b, text);
	if (!b->parsed) {
		b->parsed = parse_header(d, b, text);
		if (!parse_marked(b, b->content)) {
			bool pairs = event_pairs_parse(b, b->content);
			b->parsed = event_message_parse(d, b) || pairs || b->parsed;
		}
	}
	if (b->foreign)
		event_dictionary_apply(d, b);
	if (event_build_find(b, STR("message")) == NULL)
		event_build_add(b, STR("message"), b->content);
}

int event_parse_at(struct arena *arena, enum event_format format, struct str raw, const struct event_clock *clock,
                   struct event *ret, struct err *err)
{
	const struct event_dictionary *d = event_dictionary_current();
	struct event_build b = {.arena = arena, .clock = *clock};
	if (format == EVENT_FORMAT_JSON) {
		struct event e;
		int r = event_flatten(arena, raw, NULL, &e, err);
		if (r < 0)
			return r;
		event_build_take(&b, &e);
		event_dictionary_apply(d, &b);
		*ret = (struct event){.raw = raw, .fields = b.fields, .count = b.count, .in_raw = b.in_raw};
		return 0;
	}
	parse_text(d, &b, str_trim(event_text(arena, raw)));
	if (!b.parsed) {
		event_build_add(&b, STR("event.parsed"), STR("false"));
		b.fields[b.count - 1].type = EVENT_TYPE_BOOL;
	}
	*ret = (struct event){.raw = raw, .fields = b.fields, .count = b.count, .in_raw = b.json == raw.p ? b.in_raw : 0};
	return 0;
}

int event_parse(struct arena *arena, enum event_format format, struct str raw, struct event *ret, struct err *err)
{
	const struct event_clock clock = {.received = clock_now(), .zone = CLOCK_VN_OFFSET_USEC};
	return event_parse_at(arena, format, raw, &clock, ret, err);
}

int event_parse_record(struct arena *arena, const struct event_record *record, struct event *ret, struct err *err)
{
	struct event_clock clock = {.received = record->received, .zone = CLOCK_VN_OFFSET_USEC};
	/* A zone that the system has lost since is as if none had been said. */
	if (event_zone_find(record->zone, &clock.rules, NULL) < 0)
		clock.rules = NULL;
	return event_parse_at(arena, record->format, record->raw, &clock, ret, err);
}
