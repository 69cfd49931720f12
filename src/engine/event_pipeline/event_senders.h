/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_senders: who may send, found by credential or by address (the longest prefix wins). A source that is known in
 * several ways stands here several times with the same id.
 *
 * Threads: immutable once made; the owner swaps whole tables.
 */
#pragma once
#include "engine/event_pipeline/event_ingest.h"

struct event_senders;
/* Copies. */
struct event_senders *event_senders_new(const struct event_sender *senders, size_t count);
void event_senders_free(struct event_senders *s);
/* NULL: unknown, or expired at `now`. Credential: 64 hex digits, lower case. */
const struct event_sender *event_senders_by_credential(const struct event_senders *s, struct str credential, usec_t now);
const struct event_sender *event_senders_by_address(const struct event_senders *s, const struct event_address *address,
                                                    usec_t now);
