/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_record.h"

#include "base/cursor/cursor.h"

/* The second has a zone behind the source; it is written only for records that have one, so that older releases read the rest. */
#define VERSION 1
#define VERSION_ZONE 2

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> 8 * i));
}

static void put_uuid(struct buf *out, const struct uuid *u)
{
	buf_append(out, str_n(u->b, sizeof u->b));
}

static struct uuid get_uuid(struct cursor *c)
{
	struct uuid u = {0};
	struct str s = cursor_take(c, sizeof u.b);
	if (s.n == sizeof u.b)
		(void)memcpy(u.b, s.p, sizeof u.b);
	return u;
}

void event_record_encode(const struct event_record *r, struct buf *out)
{
	put_le(out, r->zone.n > 0 ? VERSION_ZONE : VERSION, 2);
	put_le(out, r->retention_days, 2);
	put_le(out, r->source.n, 2);
	/* Releases before formats wrote 0, 0: JSON, of no level that is known. */
	put_le(out, r->format, 1);
	put_le(out, r->system_level, 1);
	put_le(out, (uint64_t)r->received, 8);
	put_le(out, r->sequence, 8);
	put_uuid(out, &r->id);
	put_uuid(out, &r->sender);
	put_uuid(out, &r->epoch);
	put_uuid(out, &r->unit);
	put_uuid(out, &r->endpoint);
	buf_append(out, r->source);
	if (r->zone.n > 0) {
		put_le(out, r->zone.n, 2);
		buf_append(out, r->zone);
	}
	buf_append(out, r->raw);
}

int event_record_decode(struct str payload, struct event_record *ret, struct err *err)
{
	struct cursor c = cursor_of(payload);
	unsigned version = cursor_u16_le(&c);
	ret->retention_days = cursor_u16_le(&c);
	size_t source_size = cursor_u16_le(&c);
	unsigned format = cursor_u16_le(&c);
	ret->system_level = format >> 8;
	format &= 0xff;
	ret->received = (usec_t)cursor_u64_le(&c);
	ret->sequence = cursor_u64_le(&c);
	ret->id = get_uuid(&c);
	ret->sender = get_uuid(&c);
	ret->epoch = get_uuid(&c);
	ret->unit = get_uuid(&c);
	ret->endpoint = get_uuid(&c);
	ret->source = cursor_take(&c, source_size);
	size_t zone_size = version == VERSION_ZONE ? cursor_u16_le(&c) : 0;
	ret->zone = cursor_take(&c, zone_size);
	if (c.failed || version < VERSION || version > VERSION_ZONE || zone_size >= EVENT_ZONE_NAME || source_size > EVENT_SOURCE_LIMIT || ret->retention_days == 0 ||
	    format >= EVENT_FORMAT__COUNT || ret->system_level > EVENT_SYSTEM_LEVELS)
		return err_set(err, -EPROTO, "event.bad_record", ARG_U64("bytes", payload.n));
	ret->format = (enum event_format)format;
	ret->raw = cursor_rest(&c);
	return 0;
}
