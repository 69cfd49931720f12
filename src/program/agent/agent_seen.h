/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The programs this machine has seen: SHA-256, place, from when to when; told to
 * the server once, again when the content changes, and once a week as long as they are used.
 * What is not a program (by its first bytes: MZ, ELF, #!) is not kept.
 *
 * Bounded: so many places are remembered; beyond, the one told longest ago gives way. Kept in the file "seen" ("LTSEEN01", u64
 * count, entries, SHA-256 over all before, little endian): damaged or lost, everything is told anew, which changes nothing at the
 * server. Threads: any.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "platform/http/http_client.h"

struct agent_seen;

#define AGENT_SEEN_PLACES 20000
#define AGENT_SEEN_WAITING 5000   /* to be told; beyond, a place is told when it is next seen */
#define AGENT_SEEN_REPORT 1000    /* files a report */
#define AGENT_SEEN_AGAIN (7 * USEC_PER_DAY)
#define AGENT_SEEN_DELAY (30 * USEC_PER_SEC) /* so long a report waits for more, unless it is full */

struct agent_seen *agent_seen_new(const char *path);
/* Saves. */
void agent_seen_free(struct agent_seen *s);
int agent_seen_save(struct agent_seen *s, struct err *err) WARN_UNUSED;
/* false: not ours or damaged; nothing was added. */
bool agent_seen_take(struct agent_seen *s, struct str bytes);

/* sha256 NULL: seen again and unchanged, as the scanner's cache says. `path`: any bytes. */
void agent_seen_note(struct agent_seen *s, struct str path, const unsigned char *sha256, uint64_t size_bytes, usec_t now);
/* Is it a program, by the first bytes of an open file? */
bool agent_seen_is_program(int fd);

/* The next report as JSON; 0: nothing is due yet. What it holds is taken as told by agent_seen_told, else comes again. */
size_t agent_seen_report(struct agent_seen *s, usec_t now, struct buf *out);
void agent_seen_told(struct agent_seen *s, usec_t now);
/* Nothing is due before then. */
void agent_seen_wait(struct agent_seen *s, usec_t until);
/* Sends one report when one is due; a server that is busy or knows nothing of it is asked again later. For one thread. */
void agent_seen_send(struct agent_seen *s, struct http_client *client, usec_t now);

struct agent_seen_counts {
	size_t places, waiting;
};
struct agent_seen_counts agent_seen_counts(struct agent_seen *s);
