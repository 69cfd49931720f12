/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_parse: any log record becomes an event: its form is recognised, its fields are found, and they stand under their
 * ECS names where a dictionary knows them, beside the sender's own names.
 *
 * A record that fits no form is not an error: it becomes an event whose `message` is the text and whose
 * `event.parsed` is false, so that it can be counted and shown.
 *
 * Ownership: as event_flatten: fields live in the arena and borrow from the raw text.
 * Threads: no shared state.
 */
#pragma once
#include "engine/event/event.h"

/* -EINVAL, -E2BIG: as event_flatten, for EVENT_FORMAT_JSON only. */
int event_parse(struct arena *arena, enum event_format format, struct str raw, struct event *ret, struct err *err) WARN_UNUSED;

/* The event as one JSON object, as Sigma rules read it: the raw text when that is one, else made of the fields (in the arena). */
struct str event_json(struct arena *arena, enum event_format format, const struct event *e);
