/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_freeze: all parts of all event tables as they are at this moment, as
 * hard links below data/eventdb/shadow/<name>/store (ClickHouse's ALTER TABLE …
 * FREEZE): made in milliseconds, whatever the size.
 */
#pragma once
#include "engine/event_store/event_store.h"

/* `name`: letters, digits and "_". Errors as event_store_exec. */
int event_store_freeze(struct event_store *s, const char *name, struct err *err) WARN_UNUSED;
