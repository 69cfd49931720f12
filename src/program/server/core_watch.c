/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Canaries that come in, and the jobs that look whether the server's own parts are alive. What follows is in core_blind.c. */
#include "base/log/log.h"
#include "engine/event/event.h"
#include "engine/event_pipeline/event_canary.h"
#include "program/server/core.h"
#include "program/server/key_protocol.h"
#include "program/server/pipe_sources.h"
#include "service/endpoint/endpoint.h"
#include "service/event/event_storage.h"
#include "service/source/source_watch.h"

#define WATCH_THREADS 9 /* one a job: each may hang on what it looks at */
#define KEY_MS        3000
#define JUMP_S        30
#define LOG_MS        2000
#define SOURCES_MS    3000
#define EVENTDB       "eventdb"
#define PING_EVERY    (5 * USEC_PER_SEC)
#define PING_SILENCE  (30 * USEC_PER_SEC)
#define DISK_EVERY    (10 * USEC_PER_MINUTE)
#define START_SILENCE (10 * USEC_PER_MINUTE) /* it may have much to read before it answers the first time */

/* ---- canaries ---- */

static int64_t number_of(const struct event *e, const char *name)
{
	const struct event_field *f = event_find(e, name);
	return f != NULL && f->type == EVENT_TYPE_INT ? f->integer : 0;
}

void core_watch_heard(struct core *core, const struct event_alert *a)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)4 << 20);
	struct event e = {0};
	if (event_flatten(arena, a->raw, NULL, &e, NULL) < 0)
		return;
	const struct status_canary c = {
	    .unit_id = a->unit,
	    .endpoint_id = a->endpoint,
	    .received = a->received,
	    .machine = event_get(&e, "host.name"),
	    .scanner = event_get(&e, "luytre.canary.scanner"),
	    .clock_offset_s = number_of(&e, "luytre.canary.clock_offset_s"),
	    .lost = number_of(&e, "luytre.canary.lost"),
	    .stopping = str_eq_c(event_get(&e, "luytre.canary.stopping"), "true"),
	};
	status_watch_heard(core->watch, &c);
	if (!uuid_is_null(&a->endpoint))
		return;
	(void)pthread_mutex_lock(&core->lock);
	core->watched.own_heard_mono = clock_monotonic();
	core->watched.own_heard_at = a->received;
	if (str_eq_c(a->kind, EVENT_CANARY_BY_RULES)) {
		core->watched.rules_heard_mono = core->watched.own_heard_mono;
		core->watched.rules_heard_at = a->received;
	}
	(void)pthread_mutex_unlock(&core->lock);
}

static int64_t canary_seconds(void *ctx, const struct uuid *endpoint_id, const struct uuid *unit_id, bool sings)
{
	const struct core *core = ctx;
	return status_watch_checkin(core->watch, endpoint_id, unit_id, sings);
}

/* ---- the event store: is what was sung found by a search? ---- */

static void take_stored(void *ctx, const struct uuid *unit, usec_t at)
{
	struct core *core = ctx;
	status_watch_stored(core->watch, unit, at);
	(void)pthread_mutex_lock(&core->lock);
	/* Another than before, not a later one: clocks are set back. */
	if (uuid_is_null(unit) && core->watched.store_heard_at != at) {
		core->watched.store_heard_at = at;
		core->watched.store_heard_mono = clock_monotonic();
	}
	(void)pthread_mutex_unlock(&core->lock);
}

static int look_into_store(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	(void)job;
	return event_store_canaries(core->store, take_stored, core, err);
}

/* The embedded one has no control channel: who uses it sees that it hangs. Queries may be long, pings are not. */
static int ping_store(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	struct core_watched *w = &core->watched;
	struct proc_process list[PROC_PROCESSES_MAX];
	usec_t since = 0, now;
	(void)job;
	size_t n = proc_role_processes(core->role, list);
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, EVENTDB) == 0 && list[i].state == PROC_STATE_READY)
			since = list[i].since;
	bool up = event_store_ping(core->store);
	now = clock_monotonic();
	if (up || since != w->store_since) {
		w->store_answered = up;
		w->store_since = since;
		w->store_asked_mono = now;
		return 0;
	}
	if (since == 0 || now - w->store_asked_mono < (w->store_answered ? PING_SILENCE : START_SILENCE))
		return 0;
	log_error("the event store does not answer and is restarted",
		  ARG_I64("seconds", (now - w->store_asked_mono) / USEC_PER_SEC));
	w->store_asked_mono = now;
	return proc_role_report_silent(core->role, EVENTDB, err);
}

/* For how long its disk lasts. That it does not answer is somebody else's to tell: what was known stays known. */
static int look_at_disk(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	struct event_storage s;
	(void)job;
	int r = event_storage_look(&core->services, &s, err);
	event_storage_done(&s);
	if (r < 0)
		return r;
	bool is_short = s.forecast.days_left >= 0 && s.forecast.days_left < core->config->disk_warn_days;
	(void)pthread_mutex_lock(&core->lock);
	core->watched.disk_days = s.forecast.days_left;
	if (!is_short)
		core->watched.disk_short_since = 0;
	else if (core->watched.disk_short_since == 0)
		core->watched.disk_short_since = clock_now();
	(void)pthread_mutex_unlock(&core->lock);
	return 0;
}

/* ---- log sources: what the pipeline counted of each ---- */

static int look_at_sources(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	struct pipe_sources got = {0};
	(void)job;
	int r = pipe_sources_ask(core->role, SOURCES_MS, &got, err);
	if (r == 0) {
		source_watch_take(core->sources, got.counts, got.count, got.strangers, got.stranger_count);
		source_watch_kernel_dropped(core->sources, got.totals.kernel_dropped);
	}
	pipe_sources_done(&got);
	int kept = source_watch_keep(core->sources, err);
	return r < 0 ? r : kept;
}

/* ---- the key role ---- */

static int ask_key(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	struct proc_message m = proc_message_init(KEY_PUBLIC), reply;
	(void)job;
	int r = proc_role_call(core->role, "key", &m, &reply, KEY_MS, err);
	proc_message_done(&m);
	if (r == 0)
		proc_message_done(&reply);
	(void)pthread_mutex_lock(&core->lock);
	if (r == 0)
		core->watched.key_gone_at = 0;
	else if (core->watched.key_gone_at == 0)
		core->watched.key_gone_at = clock_now();
	(void)pthread_mutex_unlock(&core->lock);
	return r;
}

/* ---- the database ---- */

static int read_bundle(struct db_tx *tx, void *ctx, struct err *err)
{
	return endpoint_bundle_released(tx, ctx, err);
}

static int keep(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	usec_t released = 0;
	(void)job;
	(void)pthread_mutex_lock(&core->lock);
	core->watched.write_started_mono = clock_monotonic();
	(void)pthread_mutex_unlock(&core->lock);
	int r = status_watch_keep(core->watch, err);
	if (r == 0)
		r = db_read(core->db, read_bundle, &released, err);
	(void)pthread_mutex_lock(&core->lock);
	core->watched.write_started_mono = 0;
	if (r >= 0) {
		core->watched.write_failed_at = 0;
		core->watched.write_good_at = clock_now();
		core->watched.bundle_released_at = released;
	} else if (core->watched.write_failed_at == 0) {
		core->watched.write_failed_at = clock_now();
	}
	(void)pthread_mutex_unlock(&core->lock);
	return r < 0 ? r : 0;
}

/* ---- clock, losses, and a line in the log for each change ---- */

/* Lock held. */
static void look_at_clock(struct core_watched *w, usec_t now, usec_t mono)
{
	usec_t offset = now - mono, jump = offset - w->clock_offset;
	if (w->clock_offset != 0 && (jump > JUMP_S * USEC_PER_SEC || jump < -JUMP_S * USEC_PER_SEC)) {
		w->jump_at = now;
		w->jump_s = jump / USEC_PER_SEC;
	}
	w->clock_offset = offset;
}

/* Lock held. The pipeline counts from its own start. */
static void look_at_losses(struct core_watched *w, const struct event_pipeline_stats *s, usec_t now)
{
	uint64_t lost = s->dead;
	if (lost > w->lost_seen) {
		if (w->lost_at == 0 || now - w->lost_at > 10 * USEC_PER_MINUTE) {
			w->lost_since = now;
			w->lost_before = w->lost_seen;
		}
		w->lost_at = now;
	} else if (lost < w->lost_seen) {
		w->lost_before = 0;
	}
	w->lost_seen = lost;
}

static bool stands_in(const struct status_report *report, const struct status_blind *b)
{
	for (unsigned i = 0; i < report->blind_count; i++)
		if (strcmp(report->blind[i].what, b->what) == 0 && uuid_eq(&report->blind[i].unit_id, &b->unit_id) &&
		    strcmp(report->blind[i].machine, b->machine) == 0)
			return true;
	return false;
}

static void log_changes(const struct status_report *from, const struct status_report *to, bool begun)
{
	for (unsigned i = 0; i < to->blind_count; i++) {
		const struct status_blind *b = &to->blind[i];
		char unit[UUID_TEXT_SIZE];
		if (stands_in(from, b))
			continue;
		if (begun)
			log_warn("blind", ARG_CSTR("what", b->what), ARG_CSTR("unit", uuid_text(&b->unit_id, unit)),
				 ARG_I64("lost", b->lost));
		else
			log_info("no longer blind", ARG_CSTR("what", b->what), ARG_CSTR("unit", uuid_text(&b->unit_id, unit)));
	}
}

static int judge(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	struct status_report *now = MEM_NEW(struct status_report), *before;
	(void)job;
	(void)err;
	(void)pthread_mutex_lock(&core->lock);
	look_at_clock(&core->watched, clock_now(), clock_monotonic());
	if (core->stats_at > 0)
		look_at_losses(&core->watched, &core->stats, clock_now());
	before = core->judged;
	(void)pthread_mutex_unlock(&core->lock);
	core_judge(core, now);
	if (before != NULL) {
		log_changes(before, now, true);
		log_changes(now, before, false);
	}
	(void)pthread_mutex_lock(&core->lock);
	core->judged = now;
	(void)pthread_mutex_unlock(&core->lock);
	mem_free(before);
	return 0;
}

/* ---- our own log, as events ---- */

static int carry_log(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	cleanup_buf struct buf lines = BUF_INIT(PIPE_LOG_LIMIT);
	(void)job;
	size_t events = server_journal_take(core->log, PIPE_LOG_LIMIT / 2, &lines);
	if (events == 0)
		return 0;
	struct proc_message m = proc_message_init(PIPE_LOG);
	proc_put_str(&m, buf_str(&lines));
	int r = proc_role_send(core->role, "pipeline", &m, LOG_MS, err);
	proc_message_done(&m);
	if (r < 0)
		server_journal_lost(core->log, events);
	return r;
}

/* ---- start and stop ---- */

int core_watch_start(struct core *core, struct err *err)
{
	usec_t interval = core->config->canary_interval_s * USEC_PER_SEC;
	core->watched.started_mono = clock_monotonic();
	core->watch = status_watch_new(&core->services, interval);
	core->sources = source_watch_new(&core->services);
	core->services.sources = core->sources;
	core->services.canary = canary_seconds;
	core->services.canary_ctx = core;
	return core_alerts_start(core, err);
}

void core_watch_begin(struct core *core)
{
	usec_t interval = core->config->canary_interval_s * USEC_PER_SEC;
	core->watch_jobs = job_runner_new(WATCH_THREADS);
	job_every(core->watch_jobs, "stats", 2 * USEC_PER_SEC, core_ask_stats, core);
	job_every(core->watch_jobs, "judge", 2 * USEC_PER_SEC, judge, core);
	job_every(core->watch_jobs, "key", 5 * USEC_PER_SEC, ask_key, core);
	job_every(core->watch_jobs, "keep", 5 * USEC_PER_SEC, keep, core);
	job_every(core->watch_jobs, "sources", 5 * USEC_PER_SEC, look_at_sources, core);
	job_every(core->watch_jobs, "log", USEC_PER_SEC, carry_log, core);
	if (core->store != NULL)
		job_every(core->watch_jobs, "stored", interval, look_into_store, core);
	if (core->store != NULL)
		job_every(core->watch_jobs, "disk", DISK_EVERY, look_at_disk, core);
	if (core->store != NULL && strcmp(core->config->eventdb, "embedded") == 0)
		job_every(core->watch_jobs, "ping", PING_EVERY, ping_store, core);
}

void core_watch_stop(struct core *core)
{
	job_runner_free(core->watch_jobs);
	core->watch_jobs = NULL;
}

void core_watch_free(struct core *core)
{
	status_watch_free(core->watch);
	source_watch_free(core->sources);
	mem_free(core->judged);
	core->watch = NULL;
}
