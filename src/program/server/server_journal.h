/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * server_journal: a role's own log lines as events, on their way to the event store.
 * A bounded queue in memory takes them while they are logged; a job of the role
 * carries them on every second. What does not fit is counted, and the count
 * becomes an event itself. Nothing on the way logs, so nothing goes round.
 *
 * Threads: any.
 */
#pragma once
#include "base/err/err.h"

struct server_journal;
/* Taps the log from now on. One a process, before its threads. */
struct server_journal *server_journal_new(void);
/* Lets go of the log. The last thing before the process ends. */
void server_journal_free(struct server_journal *l);
/* Adds what another role has logged: events, one JSON object a line. */
void server_journal_add(struct server_journal *l, struct str lines);
/* Appends what waits, at most `max_bytes` of it, to `out`: NDJSON. Returns how many events. */
size_t server_journal_take(struct server_journal *l, size_t max_bytes, struct buf *out);
/* What was taken could not be handed on. */
void server_journal_lost(struct server_journal *l, size_t events);
