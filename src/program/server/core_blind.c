/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Judges what core_watch.c sees of the server's own parts: where we are blind, since when. No questions are asked here. */
#include "program/server/core.h"
#include "service/source/source_watch.h"

/* A part that has had work for so long without getting on stands still. */
#define STILL (20 * USEC_PER_SEC)
/* A role that dies is back in two seconds: that is no line worth. */
#define GONE_SHOWN (4 * USEC_PER_SEC)
#define JUMP_SHOWN (10 * USEC_PER_MINUTE)
#define LOSS_SHOWN (10 * USEC_PER_MINUTE)
#define WRITE_SLOW (10 * USEC_PER_SEC)

struct judging {
	const struct core *core;
	struct event_pipeline_stats stats; /* counts only while known */
	struct core_watched w;
	bool known;
	uint64_t machines;
	usec_t gone_at, now, mono;
	struct status_report *report;
};

static bool add_still(const struct judging *j, const char *what, uint64_t still, int64_t number)
{
	if (still <= (uint64_t)STILL)
		return false;
	status_report_add(j->report, what, j->now - (usec_t)still)->number = number;
	return true;
}

/* The way of a canary to core. true: sound. */
static bool judge_way(const struct judging *j)
{
	if (j->gone_at > 0 && j->now - j->gone_at > GONE_SHOWN)
		status_report_add(j->report, "pipeline", j->gone_at);
	if (!j->known)
		return false;
	bool sound = true;
	if (j->stats.ingest_failing > 0) {
		struct status_blind *b = status_report_add(j->report, "spool", j->now - (usec_t)j->stats.ingest_failing);
		b->number = (int64_t)j->stats.refused_batches;
		sound = false;
	}
	if (add_still(j, "detect", j->stats.detect_still, 0))
		sound = false;
	if (add_still(j, "handover", j->stats.handover_still, (int64_t)j->stats.alerts_waiting))
		sound = false;
	return sound;
}

static usec_t latest(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

/* A canary is missing though every part says that it works. After a fault that is over, canaries need time to come. */
static bool canary_missing(const struct judging *j, usec_t heard_mono, usec_t patience)
{
	usec_t from = latest(latest(heard_mono, j->w.started_mono), j->w.faulty_mono);
	return j->mono - from > status_watch_limit(j->core->watch) + patience;
}

/* The newest set cannot be used or was not taken, or canaries pass that the rules do not see. */
static void judge_rules(const struct judging *j, bool sound)
{
	usec_t heard = j->w.rules_heard_at > 0 ? j->w.rules_heard_at : j->now - (j->mono - j->w.started_mono);
	if (j->known && j->w.rules_failed_at > 0)
		status_report_add(j->report, "rules", j->w.rules_failed_at);
	else if (j->known && j->w.rules_behind_since > 0)
		status_report_add(j->report, "rules", j->w.rules_behind_since);
	else if (sound && canary_missing(j, j->w.rules_heard_mono, 10 * USEC_PER_SEC))
		status_report_add(j->report, "rules", heard);
}

static void judge_store(const struct judging *j, bool sound)
{
	if (j->core->store == NULL || !j->known)
		return;
	usec_t since = j->stats.store_blind_since;
	if (since == 0 && j->stats.store_still > (uint64_t)STILL)
		since = j->now - (usec_t)j->stats.store_still;
	if (since == 0 && sound && canary_missing(j, j->w.store_heard_mono, 10 * USEC_PER_SEC))
		since = j->w.store_heard_at > 0 ? j->w.store_heard_at : j->now - (j->mono - j->w.started_mono);
	if (since != 0)
		status_report_add(j->report, "eventdb", since);
}

static void judge_disk(const struct judging *j)
{
	if (j->w.disk_short_since > 0)
		status_report_add(j->report, "disk", j->w.disk_short_since)->number = j->w.disk_days;
}

static void judge_loss(const struct judging *j)
{
	if (j->w.lost_at == 0 || j->now - j->w.lost_at > LOSS_SHOWN)
		return;
	status_report_add(j->report, "loss", j->w.lost_since)->lost = (int64_t)(j->w.lost_seen - j->w.lost_before);
}

static void judge_database(const struct judging *j)
{
	bool slow = j->w.write_started_mono != 0 && j->mono - j->w.write_started_mono > WRITE_SLOW;
	if (j->w.write_failed_at == 0 && !slow)
		return;
	usec_t since = j->w.write_good_at > 0 ? j->w.write_good_at : j->now - (j->mono - j->w.started_mono);
	status_report_add(j->report, "database", since);
}

static void judge_rest(const struct judging *j)
{
	if (j->w.key_gone_at > 0)
		status_report_add(j->report, "key", j->w.key_gone_at);
	judge_database(j);
	if (j->w.jump_at > 0 && j->now - j->w.jump_at < JUMP_SHOWN)
		status_report_add(j->report, "clock", j->w.jump_at)->number = j->w.jump_s;
	if (j->machines > j->core->agents_max) {
		struct status_blind *b = status_report_add(j->report, "files", j->now - (j->mono - j->w.started_mono));
		b->number = (int64_t)j->core->agents_max;
	}
	usec_t age = j->w.bundle_released_at > 0 ? j->now - j->w.bundle_released_at : 0;
	if (age > j->core->config->bundle_stale_days * USEC_PER_DAY)
		status_report_add(j->report, "bundle", j->w.bundle_released_at + j->core->config->bundle_stale_days * USEC_PER_DAY)
			->number = age / USEC_PER_DAY;
}

/* Late ones by minutes, losing ones by events, wrong clocks by minutes. */
static void add_source(const struct source_state *s, enum source_condition fault, void *ctx)
{
	const struct judging *j = ctx;
	struct status_blind *b;
	if (fault == SOURCE_SILENT) {
		b = status_report_add(j->report, s->last_at > 0 ? "source_silent" : "source_never", s->silent_since);
		b->number = j->now - b->since < USEC_PER_MINUTE ? 1 : (j->now - b->since) / USEC_PER_MINUTE;
	} else if (fault == SOURCE_LOSING) {
		b = status_report_add(j->report, "source_loss", s->lost_since);
		b->number = (int64_t)s->lost;
	} else {
		b = status_report_add(j->report, "source_clock", s->clock_since);
		b->number = (s->skew_s < 0 ? -s->skew_s : s->skew_s) / 60;
	}
	b->lost = fault == SOURCE_CLOCK ? 0 : (int64_t)s->lost;
	b->unit_id = s->unit_id;
	str_copy_c(str_c(s->name), b->machine, sizeof(b->machine));
}

static void judge_listeners(const struct judging *j)
{
	struct source_listener_loss l;
	source_watch_listener_loss(j->core->sources, &l);
	if (l.lost == 0)
		return;
	struct status_blind *b = status_report_add(j->report, "udp", l.lost_since);
	b->lost = b->number = (int64_t)l.lost;
}

void core_judge(struct core *core, struct status_report *report)
{
	struct judging j = {.core = core, .now = clock_now(), .mono = clock_monotonic(), .report = report};
	(void)pthread_mutex_lock(&core->lock);
	j.stats = core->stats;
	j.known = core->stats_at > 0 && core->pipeline_gone_at == 0;
	j.gone_at = core->pipeline_gone_at;
	j.w = core->watched;
	j.machines = core->machines;
	(void)pthread_mutex_unlock(&core->lock);
	bool sound = judge_way(&j);
	if (!sound) {
		(void)pthread_mutex_lock(&core->lock);
		core->watched.faulty_mono = j.mono;
		(void)pthread_mutex_unlock(&core->lock);
	} else if (canary_missing(&j, j.w.own_heard_mono, 0)) {
		status_report_add(report, "chain", j.w.own_heard_at > 0 ? j.w.own_heard_at : j.now - (j.mono - j.w.started_mono));
		sound = false;
	}
	judge_rules(&j, sound);
	judge_store(&j, sound);
	judge_disk(&j);
	judge_loss(&j);
	judge_rest(&j);
	/* Whether a unit is silent shows only while the way from it is sound. */
	status_watch_central(core->watch, sound);
	status_watch_judge(core->watch, report);
	source_watch_central(core->sources, sound);
	source_watch_judge(core->sources, add_source, &j);
	judge_listeners(&j);
}
