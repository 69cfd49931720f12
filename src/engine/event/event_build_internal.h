/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* An event while it is being made: what the parsers of the forms and the dictionary add fields to. Private to the room. */
#pragma once
#include "engine/event/event.h"
#include "engine/event/event_stamp.h"

#define EVENT_BUILD_FIELDS_MAX 2000
#define EVENT_BUILD_NAME_MAX 256

struct event_build {
	struct arena *arena;
	struct event_field *fields;
	size_t count, capacity;
	size_t in_raw;    /* as struct event's, of the JSON text that the first fields are from */
	const char *json; /* where that begins */
	struct event_clock clock;
	struct str program; /* who wrote the message: what message patterns are found by */
	struct str content; /* the message without its header */
	bool parsed;        /* some form was recognised */
	struct event_stamp_memo {
		const char *text;
		size_t end;
		usec_t t;
		bool ok;
	} memo;             /* the time at the beginning of a text, which many patterns ask for */
	bool foreign;       /* fields have the sender's names: the dictionary has to look */
};

/* Text; what is over the limit of fields, or has an empty or too long name, is dropped. Both must outlive the event. */
void event_build_add(struct event_build *b, struct str name, struct str value);
void event_build_add_int(struct event_build *b, struct str name, int64_t value);
/* As ISO text. */
void event_build_add_time(struct event_build *b, struct str name, usec_t t);
/* prefix "." name, in the arena; STR_EMPTY when too long. */
struct str event_build_join(struct event_build *b, struct str prefix, struct str name);
/* Those of a flattened object, behind what is there. */
void event_build_take(struct event_build *b, const struct event *e);
/* First of that name, or NULL. */
const struct event_field *event_build_find(const struct event_build *b, struct str name);
/* s, with U+FFFD for bytes that are no UTF-8. */
struct str event_text(struct arena *arena, struct str s);
/* An IPv4 or IPv6 address in text. */
bool event_is_address(struct str s);

/* ---- forms: each takes what it knows and says whether it did; nothing is added when it says no ---- */

/* A syslog header, RFC 5424 or 3164 and their relatives. Sets program and content. */
bool event_syslog_parse(struct event_build *b, struct str text);
/* CEF and LEEF, which begin s. */
bool event_cef_parse(struct event_build *b, struct str s);
bool event_leef_parse(struct event_build *b, struct str s);
/* "type=… msg=audit(…): …". */
bool event_audit_parse(struct event_build *b, struct str s);
/* key=value key="value" …, most of the text; also Check Point's [key:"value"; …]. */
bool event_pairs_parse(struct event_build *b, struct str s);
