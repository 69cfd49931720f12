/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Alerts from the pipeline: queued, committed by a thread of their own, then
 * acknowledged. A database that makes us wait must not hold up the link, on which
 * canaries and the pipeline's figures come. What does not fit into the queue the
 * pipeline hands over again. Canaries are counted and never shown.
 */
#include "base/log/log.h"
#include "engine/event/event.h"
#include "engine/event_pipeline/event_canary.h"
#include "program/server/core.h"
#include "service/alert/alert.h"
#include "service/source/source.h"
#include "service/unit/unit.h"

#define ALERT_LIMIT ((size_t)4 << 20)
#define QUEUE_MAX   256
#define ACK_MS      5000

struct queued {
	struct arena *arena;
	struct event_alert alert;
};

struct core_alerts {
	struct core *core;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* All below: lock. */
	struct queued queue[QUEUE_MAX];
	size_t first, count;
	bool stopping;
};

/* What the detector leaves to the event's own text. */
static void fill_from_raw(struct arena *arena, struct alert_record *r)
{
	struct event e = {0};
	r->size_bytes = -1;
	if (r->raw.n == 0 || event_flatten(arena, r->raw, NULL, &e, NULL) < 0)
		return;
	const struct event_field *size = event_find(&e, "file.size");
	if (size != NULL && size->type == EVENT_TYPE_INT && size->integer >= 0)
		r->size_bytes = size->integer;
	r->rule_name = event_get(&e, "rule.name");
	r->quarantine_id = event_get(&e, "quarantine.id");
}

static int read_level(struct db_tx *tx, void *ctx, struct err *err)
{
	struct alert_record *r = ctx;
	return source_level(tx, r->source, &r->system_level, err);
}

static int find_root(struct db_tx *tx, void *ctx, struct err *err)
{
	return unit_root(tx, ctx, err);
}

static int commit(struct core *core, struct arena *arena, const struct event_alert *alert, struct err *err)
{
	const struct event_alert a = *alert;
	char first_event[UUID_TEXT_SIZE];
	struct alert_record record = {
	    .key = str_c(a.key),
	    .rule_id = a.rule_id,
	    .title = a.title,
	    .severity = ALERT_SEVERITY_MEDIUM,
	    .endpoint_id = a.endpoint,
	    .unit_id = a.unit,
	    .first_event_id = str_c(uuid_text(&a.first_event, first_event)),
	    .at = a.time,
	    .threat = a.threat,
	    .path = a.file_path,
	    .sha256 = a.sha256,
	    .engine = a.engine,
	    .action = a.action,
	    .raw = a.raw,
	    .kind = a.kind,
	    .entity = a.entity,
	    .tags = a.tags,
	    .why = a.why,
	    .rule_file = a.rule_file,
	    .rule_hash = a.rule_hash,
	    .description = a.description,
	    .source = a.source,
	    .host = a.host,
	    .count = a.count < INT64_MAX ? (int64_t)a.count : INT64_MAX,
	    .last_at = a.last_time,
	};
	(void)alert_severity_parse(a.severity, &record.severity);
	/* What rules find in the platform's own log concerns who runs it. */
	if (uuid_is_null(&a.unit) && uuid_is_null(&a.endpoint) && db_read(core->db, find_root, &record.unit_id, err) < 0)
		return err != NULL ? err->code : -ENOENT;
	fill_from_raw(arena, &record);
	int r = db_read(core->db, read_level, &record, err);
	return r < 0 ? r : alert_intake(&core->services, &record, err);
}

static void acknowledge(struct core *core, const char *key)
{
	struct proc_message ack = proc_message_init(PIPE_ALERT_ACK);
	proc_put_str(&ack, str_c(key));
	(void)!proc_role_send(core->role, "pipeline", &ack, ACK_MS, NULL);
	proc_message_done(&ack);
}

/* Acknowledged after the commit, and when it can never be taken; else the pipeline sends it again. */
static void settle(struct core *core, const struct queued *q)
{
	struct err err = {0};
	int r = commit(core, q->arena, &q->alert, &err);
	if (r < 0)
		log_err(r == -EINVAL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
			r == -EINVAL ? "an alert is refused for good" : "an alert cannot be taken in now", &err,
			ARG_CSTR("alert", q->alert.key));
	if (r >= 0 || r == -EINVAL)
		acknowledge(core, q->alert.key);
}

static void *alerts_main(void *ctx)
{
	struct core_alerts *a = ctx;
	(void)pthread_mutex_lock(&a->lock);
	while (!a->stopping) {
		if (a->count == 0) {
			(void)pthread_cond_wait(&a->changed, &a->lock);
			continue;
		}
		/* It stays in the queue while it is worked on, so that the same one handed over again is known. */
		struct queued q = a->queue[a->first];
		(void)pthread_mutex_unlock(&a->lock);
		settle(a->core, &q);
		(void)pthread_mutex_lock(&a->lock);
		a->first = (a->first + 1) % QUEUE_MAX;
		a->count--;
		arena_free(q.arena);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return NULL;
}

static bool enqueue(struct core_alerts *a, const struct queued *q)
{
	(void)pthread_mutex_lock(&a->lock);
	bool room = a->count < QUEUE_MAX && !a->stopping;
	for (size_t i = 0; i < a->count && room; i++)
		room = strcmp(a->queue[(a->first + i) % QUEUE_MAX].alert.key, q->alert.key) != 0;
	if (room) {
		a->queue[(a->first + a->count++) % QUEUE_MAX] = *q;
		(void)pthread_cond_signal(&a->changed);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return room;
}

void core_alerts_take(struct core *core, struct proc_message *m)
{
	struct queued q = {.arena = arena_new((size_t)64 << 20)};
	struct err err = {0};
	struct str bytes = proc_get_str(m, ALERT_LIMIT);
	(void)pthread_mutex_lock(&core->lock);
	bool ready = core->ready;
	(void)pthread_mutex_unlock(&core->lock);
	bool kept = false;
	if (!ready || !proc_message_complete(m)) {
		/* It comes again. */
	} else if (event_alert_decode(q.arena, arena_str(q.arena, bytes), &q.alert, &err) < 0) {
		log_err(LOG_LEVEL_ERROR, "an alert cannot be read", &err);
	} else if (event_alert_is_canary(&q.alert)) {
		core_watch_heard(core, &q.alert);
		acknowledge(core, q.alert.key);
	} else {
		kept = enqueue(core->alerts, &q);
	}
	if (!kept)
		arena_free(q.arena);
}

int core_alerts_start(struct core *core, struct err *err)
{
	struct core_alerts *a = MEM_NEW(struct core_alerts);
	a->core = core;
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->changed, NULL);
	int e = pthread_create(&a->thread, NULL, alerts_main, a);
	if (e != 0) {
		mem_free(a);
		return err_errno(err, e, "pthread_create", STR_EMPTY);
	}
	core->alerts = a;
	return 0;
}

void core_alerts_stop(struct core *core)
{
	struct core_alerts *a = core->alerts;
	if (a == NULL)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->stopping = true;
	(void)pthread_cond_broadcast(&a->changed);
	(void)pthread_mutex_unlock(&a->lock);
	(void)pthread_join(a->thread, NULL);
	for (size_t i = 0; i < a->count; i++)
		arena_free(a->queue[(a->first + i) % QUEUE_MAX].arena);
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
	mem_free(a);
	core->alerts = NULL;
}
