/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Which fields of an event name its machine and who acted, and which hold values that indicators know. Private to the room. */
#pragma once
#include "engine/event/event.h"
#include "engine/indicator/indicator.h"

/* The machine as the event names it; may be empty. Borrowed. */
struct str detect_host_of(const struct event *e);
/* "user.name=lan", else "source.ip=10.0.0.7", else empty; in the arena. At most 200 bytes. */
struct str detect_entity_of(struct arena *arena, const struct event *e);

/* Calls for each value that an indicator may be. */
typedef void (*detect_value_fn)(void *ctx, enum indicator_type type, struct str field, struct str value);
void detect_each_value(const struct event *e, detect_value_fn fn, void *ctx);
