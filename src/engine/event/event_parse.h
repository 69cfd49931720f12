/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_parse: any log record becomes an event: its form is recognised, its fields are found, and they stand under their
 * ECS names where the dictionary (packs/events/dictionary.yaml) knows them, beside the sender's own names. The event's own
 * time is in "@timestamp" (RFC 3339, UTC) whatever the form.
 *
 * A record that fits no form is not an error: it becomes an event whose `message` is the text and whose
 * `event.parsed` is false, so that it can be counted and shown. docs/formats.md lists the forms.
 *
 * Does not live here: framing of streams (listeners), rows of the store (engine/event_store).
 * Ownership: as event_flatten: fields live in the arena and borrow from the raw text (or from the program): keep both.
 * Threads: no shared state but the dictionary, which is read once.
 */
#pragma once
#include "engine/event/event_record.h"
#include "engine/event/event_stamp.h"

/* -EINVAL, -E2BIG: as event_flatten, for EVENT_FORMAT_JSON only. Times without a zone are Vietnam's, without a year of now. */
int event_parse(struct arena *arena, enum event_format format, struct str raw, struct event *ret, struct err *err) WARN_UNUSED;
/* The same for a record received at another time, or from a source whose clock shows another zone. */
int event_parse_at(struct arena *arena, enum event_format format, struct str raw, const struct event_clock *clock,
                   struct event *ret, struct err *err) WARN_UNUSED;

/* A record out of the spool: its form, its text, its time of receipt. */
int event_parse_record(struct arena *arena, const struct event_record *record, struct event *ret, struct err *err) WARN_UNUSED;

/* The event as one JSON object, as Sigma rules read it: the raw text when that is one, else made of the fields (in the arena). */
struct str event_json(struct arena *arena, enum event_format format, const struct event *e);
/* All fields as one JSON object, in the arena; several of one name are an array. */
struct str event_fields_json(struct arena *arena, const struct event *e);
