/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_ingest: takes batches of NDJSON into the spool, once each.
 *
 * A sender that wants exactly-once numbers its events: the batch names an epoch
 * (identity of the sender's own queue) and the sequence of its first line; every
 * line that is not blank counts one. Batches of an epoch are sent one after the other. Lines
 * below the mark of that epoch were taken before and are counted as duplicates. The marks are
 * rebuilt at start from a checkpoint and the spool's records behind it.
 *
 * A sender without numbers may name its batch (key) or its events (ids) instead; which were taken of late is remembered
 * likewise (event_ids.h).
 *
 * Who sent it comes from the caller, never from the event.
 * Threads: accept from any; settle and checkpoint from one.
 */
#pragma once
#include "engine/event/event_record.h"
#include "engine/event_pipeline/event_address.h"
#include "engine/event_pipeline/event_spool.h"

#define EVENT_LINE_LIMIT ((size_t)1 << 20)
#define EVENT_BATCH_LIMIT ((size_t)32 << 20) /* unpacked */
#define EVENT_BATCH_LINES 100000
#define EVENT_REJECTED_SHOWN 100

#define EVENT_SENDER_NAME 128

/* One way to know a sender: several with the same id are one source. Padding and the rest of texts are zero. */
struct event_sender {
	char credential[65];     /* SHA-256, hex, of the certificate (DER) or of the token's text; "" none */
	struct event_address address; /* where it sends from; none: by credential only */
	struct uuid id;          /* of the endpoint, token or log source */
	struct uuid unit;        /* null: none */
	struct uuid endpoint;    /* null: not an endpoint */
	char source[EVENT_SOURCE_LIMIT];
	unsigned retention_days; /* 0: 90 */
	unsigned system_level;   /* 1..5; 0: not known */
	usec_t not_after;        /* of the credential; 0: for ever */
	bool keeps_event_id;     /* an enrolled agent: its event.id is believed */
	char name[EVENT_SENDER_NAME]; /* for people and logs; may be empty */
	unsigned rate_per_s;     /* events; 0: no limit. Bursts of ten times as many pass */
	unsigned silence_s;      /* silent for longer is worth an alarm; 0: never */
	unsigned clock_off_s;    /* a clock that is off by more is worth a warning; 0: 300 */
	bool has_format;         /* `format` overrules what the listener would say */
	enum event_format format;
	char time_zone[EVENT_ZONE_NAME]; /* IANA name, of times without a zone; "": Vietnam's */
};

struct event_batch {
	struct str body;
	struct str encoding;     /* Content-Encoding; empty: none */
	struct uuid epoch;       /* null: not numbered */
	uint64_t first_sequence;
	struct str key;          /* of a batch that is not numbered: sent again with the same key it is taken once; empty: none */
};

/* Texts, each a whole record (they may hold line ends): what syslog listeners and file readers have. */
struct event_messages {
	enum event_format format; /* of those whose sender does not say another */
	const struct str *texts;
	size_t count; /* up to EVENT_BATCH_LINES; each up to EVENT_LINE_LIMIT, longer ones are rejected */
	const struct event_sender *const *senders; /* of each text; NULL: all are the one sender's. Not with what follows */
	/* Numbered by the sender: an epoch and the sequence of each text, growing. NULL: not numbered. */
	struct uuid epoch;
	const uint64_t *sequences;
	/* Instead of numbers: the sender's own id of each text, empty for none. One that was taken of late is not taken again. */
	const struct str *ids;
};

struct event_ingested {
	uint64_t taken, duplicates, rejected;
	uint64_t bytes; /* of the texts taken */
	struct {
		uint64_t line; /* from 1 */
		char key[ERR_KEY_SIZE];
	} shown[EVENT_REJECTED_SHOWN]; /* the first of the rejected */
	unsigned shown_count;
};

/* "<epoch uuid>:<first sequence>", the Luytre-Batch header. -EINVAL (event.bad_batch). */
int event_batch_parse(struct str header, struct event_batch *ret, struct err *err) WARN_UNUSED;

struct event_ingest;
/* `stored`: cursor up to which settle was called in former lives. Reads the checkpoint and the spool behind it. */
int event_ingest_open(struct event_spool *spool, const char *dir, struct event_spool_position stored,
                      struct event_ingest **ret, struct err *err) WARN_UNUSED;
void event_ingest_close(struct event_ingest *in);

/*
 * Returns after what was taken is on disk. -E2BIG (event.batch_too_big, event.too_many_lines, inflate.*), -EINVAL, -ENOTSUP
 * (inflate.*): nothing was taken. -EAGAIN (event.spool_full, event.spool_disk): nothing was taken, send it again later.
 */
int event_ingest_accept(struct event_ingest *in, const struct event_sender *sender, const struct event_batch *batch,
                        usec_t now, struct event_ingested *ret, struct err *err) WARN_UNUSED;

/* The same for texts. `line` of what is rejected is the text's place, from 1. */
int event_ingest_accept_messages(struct event_ingest *in, const struct event_sender *sender, const struct event_messages *messages,
                                 usec_t now, struct event_ingested *ret, struct err *err) WARN_UNUSED;

/* The store stage passes every block here, in order, once it is stored. */
void event_ingest_settle(struct event_ingest *in, const struct event_spool_block *block);
/* Writes the marks of everything settled; the spool may then be trimmed up to event_ingest_keep. */
int event_ingest_checkpoint(struct event_ingest *in, struct err *err) WARN_UNUSED;
struct event_spool_position event_ingest_keep(struct event_ingest *in);
