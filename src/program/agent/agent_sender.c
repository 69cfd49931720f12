/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_sender.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log/log.h"

#define BATCH_RECORDS 500
#define BATCH_BYTES ((size_t)256 << 10)
#define BACK_OFF_FIRST (USEC_PER_SEC / 2)
#define BACK_OFF_MAX (30 * USEC_PER_SEC)
#define REFUSED_PAUSE (5 * USEC_PER_MINUTE)

struct agent_sender {
	struct http_client *client; /* the thread's */
	struct agent_spool *spool;
	pthread_t thread;
	atomic_bool stopping;
	atomic_bool kicked; /* the server is known to be back: the pause ends */
	unsigned records; /* the thread's: at most so many in the next batch */
	pthread_mutex_t lock;
	char problem[ERR_KEY_SIZE]; /* lock */
	usec_t since;               /* lock */
};

static void note(struct agent_sender *s, const struct err *err)
{
	const char *key = err != NULL ? err->key : "";
	(void)pthread_mutex_lock(&s->lock);
	bool changed = strcmp(s->problem, key) != 0;
	if (changed) {
		str_copy_c(str_c(key), s->problem, sizeof s->problem);
		s->since = clock_now();
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (changed && err != NULL)
		log_err(LOG_LEVEL_WARN, "reports cannot be delivered and wait", err);
	else if (changed)
		log_info("reports are delivered");
}

static int post(struct agent_sender *s, const struct agent_spool_batch *batch, struct http_client_response *res,
                struct err *err)
{
	char header[100], epoch[UUID_TEXT_SIZE];
	(void)snprintf(header, sizeof header, "Luytre-Batch: %s:%llu", uuid_text(&batch->epoch, epoch),
	               (unsigned long long)batch->first);
	const char *const headers[] = {header, NULL};
	struct http_client_request req = {
		.method = "POST",
		.path = "/api/v1/events",
		.headers = headers,
		.body = buf_str(&batch->ndjson),
		.content_type = "application/x-ndjson",
	};
	return http_client_do(s->client, &req, res, err);
}

static usec_t retry_after(const struct http_client_response *res, usec_t fallback)
{
	uint64_t seconds = 0;
	return str_parse_u64(str_c(res->retry_after), 1, 3600, &seconds) ? (usec_t)seconds * USEC_PER_SEC : fallback;
}

/* Sends one batch. Returns how long to wait before the next; 0: go on. */
static usec_t send_batch(struct agent_sender *s, const struct agent_spool_batch *batch, usec_t back_off)
{
	struct http_client_response res = {0};
	struct err err = {0};
	usec_t pause = back_off;
	int r = post(s, batch, &res, &err);
	if (r >= 0 && res.status == 200) {
		pause = agent_spool_ack(s->spool, batch->last, &err) < 0 ? back_off : 0;
		note(s, pause != 0 ? &err : NULL);
		s->records = BATCH_RECORDS;
	} else if (r >= 0 && (res.status == 400 || res.status == 413 || res.status == 422)) {
		/* A report that the server can never take must not hold up the others: found by halving. */
		(void)agent_refused(&res, &err);
		note(s, &err);
		if (batch->count > 1) {
			s->records = batch->count / 2;
			pause = 0;
		} else {
			log_err(LOG_LEVEL_ERROR, "the server refuses a report for ever; it is dropped", &err,
			        ARG_U64("sequence", batch->first));
			pause = agent_spool_ack(s->spool, batch->last, &err) < 0 ? back_off : 0;
			s->records = BATCH_RECORDS;
		}
	} else if (r >= 0) {
		(void)agent_refused(&res, &err);
		note(s, &err);
		/* Just enrolled, the listener of events may not have heard of us yet. */
		bool for_good = (res.status == 401 || res.status == 403) && back_off == BACK_OFF_MAX;
		pause = retry_after(&res, for_good ? REFUSED_PAUSE : back_off);
	} else {
		note(s, &err);
	}
	http_client_response_done(&res);
	return pause;
}

static void pause_for(struct agent_sender *s, usec_t pause)
{
	unsigned char noise;
	random_bytes(&noise, 1);
	usec_t end = clock_monotonic() + pause / 2 + pause * noise / 512;
	/* The spool's wait returns at once when something waits, so the pause is slept in slices that a stop can end. */
	while (!atomic_load(&s->stopping) && !atomic_exchange(&s->kicked, false) && clock_monotonic() < end) {
		struct timespec ts = {.tv_nsec = 50 * 1000000L};
		(void)nanosleep(&ts, NULL);
	}
}

static void *sender_main(void *arg)
{
	struct agent_sender *s = arg;
	usec_t back_off = BACK_OFF_FIRST;
	while (!atomic_load(&s->stopping)) {
		if (!agent_spool_wait(s->spool, 60 * USEC_PER_SEC))
			continue;
		struct agent_spool_batch batch;
		struct err err = {0};
		int r = agent_spool_read(s->spool, s->records, BATCH_BYTES, &batch, &err);
		usec_t pause = back_off;
		if (r > 0) {
			pause = send_batch(s, &batch, back_off);
			agent_spool_batch_done(&batch);
		} else if (r < 0) {
			note(s, &err);
		}
		if (pause == 0) {
			back_off = BACK_OFF_FIRST;
			continue;
		}
		pause_for(s, pause);
		back_off = back_off * 2 < BACK_OFF_MAX ? back_off * 2 : BACK_OFF_MAX;
	}
	return NULL;
}

int agent_sender_start(const struct agent_identity *id, struct agent_spool *spool, struct agent_sender **ret,
                       struct err *err)
{
	struct agent_sender *s = MEM_NEW(struct agent_sender);
	s->spool = spool;
	s->records = BATCH_RECORDS;
	(void)pthread_mutex_init(&s->lock, NULL);
	atomic_init(&s->stopping, false);
	atomic_init(&s->kicked, false);
	int r = agent_identity_client(id, id->events, 30, &s->client, err);
	if (r >= 0 && pthread_create(&s->thread, NULL, sender_main, s) != 0)
		abort();
	if (r < 0) {
		mem_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void agent_sender_stop(struct agent_sender *s)
{
	if (s == NULL)
		return;
	atomic_store(&s->stopping, true);
	agent_spool_wake(s->spool);
	(void)pthread_join(s->thread, NULL);
	http_client_free(s->client);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

void agent_sender_kick(struct agent_sender *s)
{
	if (s != NULL)
		atomic_store(&s->kicked, true);
}

void agent_sender_state(struct agent_sender *s, char key[ERR_KEY_SIZE], usec_t *ret_since)
{
	(void)pthread_mutex_lock(&s->lock);
	str_copy_c(str_c(s->problem), key, ERR_KEY_SIZE);
	*ret_since = s->since;
	(void)pthread_mutex_unlock(&s->lock);
}
