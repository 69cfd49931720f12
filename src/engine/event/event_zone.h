/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_zone: time zones by their IANA names, with daylight saving as it was and will be: the system's tzdata (RFC 9636),
 * which glibc can only ask for one zone at a time for the whole process.
 *
 * Does not live here: reading a time out of a text (event_stamp.h). Threads: any; a zone never changes.
 */
#pragma once
#include "base/clock/clock.h"

#define EVENT_ZONE_NAME 48 /* with NUL */

struct event_zone;
/* Read once a process and kept. -EINVAL event.zone_unknown (value): no such zone, or no file of one. Empty: NULL, no zone of its own. */
int event_zone_find(struct str name, const struct event_zone **ret, struct err *err) WARN_UNUSED;
/* A file's bytes. -EINVAL event.zone_file (byte). The caller frees. */
int event_zone_read(struct str file, struct event_zone **ret, struct err *err) WARN_UNUSED;
void event_zone_free(struct event_zone *z);

/* What is added to UTC at that instant. */
usec_t event_zone_offset(const struct event_zone *z, usec_t t);
/*
 * The instant at which clocks there show `local` (as if it were UTC). A time that comes twice is the later one unless that is
 * after `received`; one that is left out is read by the offset before, as POSIX does.
 */
usec_t event_zone_instant(const struct event_zone *z, usec_t local, usec_t received);
