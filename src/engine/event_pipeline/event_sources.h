/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_sources: what is counted of each sender since the start of the process: taken, refused, late, with a wrong
 * clock. And who knocked without being known, so that a person can register it.
 *
 * Threads: any; one lock inside, held for a few instructions.
 */
#pragma once
#include "engine/event_pipeline/event_ingest.h"

#define EVENT_SOURCE_SAMPLE 256
#define EVENT_STRANGERS_MAX 1000

enum event_via { EVENT_VIA_HTTP, EVENT_VIA_UDP, EVENT_VIA_TCP, EVENT_VIA_TLS, EVENT_VIA_FILE, EVENT_VIA_JOURNAL, EVENT_VIA__COUNT };
/* "http", "udp", … */
const char *event_via_name(enum event_via via);

/* Of one sender (endpoint, token or log source, by event_sender.id). Times are wall clock, 0: never. */
struct event_source_counts {
	struct uuid id;
	uint64_t taken, bytes; /* events durably taken, bytes of their texts */
	uint64_t duplicates;   /* sent again, taken once */
	uint64_t rejected;     /* no event: too long, broken framing, not JSON */
	uint64_t dropped;      /* lost for want of room (UDP only) */
	uint64_t limited;      /* lost, or held up when the protocol can, over the rate limit */
	uint64_t unparsed;     /* kept as text because they fit no form */
	usec_t first_received, last_received;
	enum event_via via;    /* of the last */
	/* Receipt less the event's own time, seconds; positive: the sender's clock is behind or its events are late. */
	int64_t skew_median_s, skew_min_s, skew_max_s; /* median of the last 64 */
	uint64_t skew_count;                           /* events that had a time of their own; 0: the three say nothing */
	char unparsed_sample[EVENT_SOURCE_SAMPLE];     /* the last; UTF-8, cut */
	char rejected_key[ERR_KEY_SIZE];               /* message key of the last; "" none */
};

/* Somebody unknown. */
struct event_stranger {
	struct event_address address;
	char credential[65]; /* of the certificate it showed; "" none */
	enum event_via via;
	uint64_t count;      /* messages, or refused connections and requests */
	usec_t first, last;
	char sample[EVENT_SOURCE_SAMPLE]; /* the first message; UTF-8, cut; "" when none was read */
};

/* Of all. */
struct event_sources_totals {
	uint64_t sources, strangers; /* rows there are */
	uint64_t strangers_forgotten; /* rows that had to make room */
	uint64_t unknown_events;      /* refused because nobody knows the sender */
	uint64_t kernel_dropped;      /* datagrams the kernel threw away before we read them (SO_RXQ_OVFL): of whom is not known */
	uint64_t connections, connections_refused; /* open now; over a limit, since start */
};

struct event_sources;
struct event_sources *event_sources_new(void);
void event_sources_free(struct event_sources *s);

/* One acceptance. */
void event_sources_took(struct event_sources *s, const struct uuid *id, const struct event_ingested *taken, uint64_t bytes,
                        enum event_via via, usec_t now);
void event_sources_rejected(struct event_sources *s, const struct uuid *id, const char *key, uint64_t count);
void event_sources_dropped(struct event_sources *s, const struct uuid *id, uint64_t count);
void event_sources_limited(struct event_sources *s, const struct uuid *id, uint64_t count);
/* What parsing found: `time` 0: the event has none of its own. `unparsed`: its text, or p == NULL. */
void event_sources_parsed(struct event_sources *s, const struct uuid *id, usec_t received, usec_t time, struct str unparsed);
void event_sources_stranger(struct event_sources *s, const struct event_address *address, struct str credential,
                            enum event_via via, struct str sample, uint64_t count, usec_t now);
/* It is known now. */
void event_sources_forget_stranger(struct event_sources *s, const struct event_address *address, struct str credential);
void event_sources_kernel_dropped(struct event_sources *s, uint64_t count);
void event_sources_connections(struct event_sources *s, int64_t opened, uint64_t refused);

void event_sources_totals(struct event_sources *s, struct event_sources_totals *ret);
/* Rows [from, from + max) in an order that stays while no row is added. Returns how many. */
size_t event_sources_list(struct event_sources *s, size_t from, struct event_source_counts *ret, size_t max);
size_t event_sources_strangers(struct event_sources *s, size_t from, struct event_stranger *ret, size_t max);
