/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_alert: what detection hands to whoever keeps alerts, and the durable
 * outbox it waits in until that one has committed it.
 *
 * The key is made of rule, version, group and first event, so that the same
 * finding made twice (a replay after a crash) has the same key: handed over at
 * least once, in effect once.
 *
 * Threads: outbox: any.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/uuid/uuid.h"

#define EVENT_ALERT_KEY_SIZE 65

struct event_alert {
	char key[EVENT_ALERT_KEY_SIZE]; /* SHA-256, hex */
	struct str rule_id;             /* "malware.agent" */
	unsigned rule_version;
	struct str group;               /* what the rule groups by; may be empty */
	struct str title;               /* English or the rule's own; people see message key alert.rule.<rule_id> first */
	struct str severity;            /* "critical", "high", "medium", "low" */
	struct uuid endpoint, unit;     /* null: none */
	struct uuid first_event;
	usec_t time;                    /* of the event */
	usec_t received;
	struct str threat, file_path, sha256, action, engine;
	struct str raw;                 /* the event's JSON; empty in a record that only counts on */
	/* Since rules: all may be empty or 0, as in outboxes that older releases left. */
	struct str kind;                /* "malware", "sigma", "correlation", "indicator" */
	struct str entity;              /* user, process or address that the rule groups by beside the machine: "user.name=lan" */
	struct str tags;                /* one a line: "attack.t1059.001" */
	struct str why;                 /* JSON array of {"field","value"}: what the rule saw, names as in the event */
	struct str rule_file, rule_hash; /* name in the set; SHA-256 of the rule's text, hex: which wording of it fired */
	struct str description;         /* the rule's own text */
	struct str source, host;        /* record's source; host's name as the event tells it */
	uint64_t count;                 /* events that this record stands for; 0: one */
	usec_t last_time;               /* of the last of them; 0: `time` */
};

void event_alert_set_key(struct event_alert *a);
void event_alert_encode(const struct event_alert *a, struct buf *out);
/* Strings live in the arena. -EINVAL (json.*), -EPROTO (event.bad_alert). */
int event_alert_decode(struct arena *arena, struct str bytes, struct event_alert *ret, struct err *err) WARN_UNUSED;

struct event_outbox;
/* Reads what an earlier life left. */
int event_outbox_open(const char *dir, size_t limit, struct event_outbox **ret, struct err *err) WARN_UNUSED;
void event_outbox_close(struct event_outbox *o);
/* Durable when it returns 0. -EAGAIN (event.outbox_full) past the limit. A key that is there already is fine. */
int event_outbox_put(struct event_outbox *o, const struct event_alert *alerts, size_t count, struct err *err) WARN_UNUSED;
/* Forgets an alert that was taken. Unknown keys are fine. */
int event_outbox_remove(struct event_outbox *o, const char *key, struct err *err) WARN_UNUSED;
size_t event_outbox_count(struct event_outbox *o);
/* Since when (monotonic) the one waits that has waited longest; 0: none waits. */
usec_t event_outbox_oldest(struct event_outbox *o);
/* The oldest alert not handed out within `again_after`; marks it handed out. 1: *ret (strings in the arena), 0: none. */
int event_outbox_next(struct event_outbox *o, usec_t again_after, struct arena *arena, struct event_alert *ret,
                      struct err *err) WARN_UNUSED;
/* The one handed out last was not taken: it is the next again. */
void event_outbox_put_back(struct event_outbox *o, const char *key);
