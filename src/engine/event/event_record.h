/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_record: one event as the spool keeps it: what the pipeline knows for
 * certain (who sent it, when it came, its place in the sender's order) and the
 * original text. Little-endian, fixed head, then source name, then text.
 *
 * Threads: values. Ownership: decoded strings borrow from the payload.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/uuid/uuid.h"
#include "engine/event/event.h"
#include "engine/event/event_zone.h"

#define EVENT_SOURCE_LIMIT 128
#define EVENT_SYSTEM_LEVELS 5

struct event_record {
	struct uuid id;          /* event.id */
	struct uuid sender;      /* endpoint or token: with epoch and sequence the identity of a transmission */
	struct uuid epoch;       /* null: the sender does not number its events */
	uint64_t sequence;
	struct uuid unit;        /* null: none */
	struct uuid endpoint;    /* null: none */
	usec_t received;
	unsigned retention_days; /* 1..36500 */
	unsigned system_level;   /* 1..5: of the system it came from; 0: not known */
	enum event_format format; /* of raw */
	struct str source;       /* "agent", name of a token */
	struct str zone;         /* IANA name: of times in raw that say none; empty: Vietnam's */
	struct str raw;
};

void event_record_encode(const struct event_record *r, struct buf *out);
/* -EPROTO (event.bad_record). */
int event_record_decode(struct str payload, struct event_record *ret, struct err *err) WARN_UNUSED;
