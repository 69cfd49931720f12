/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <time.h>

#include "engine/listen/listen_internal.h"

#define LINGER_MS 5
#define ARENA_LIMIT ((size_t)64 << 20)
#define UNKNOWN_RATE 1000

static const struct event_sender unknown = {
	.id = {.b = "luytre-unknown-"}, .source = LISTEN_UNKNOWN_SOURCE, .rate_per_s = UNKNOWN_RATE};

bool listen_is_unknown(const struct event_sender *s)
{
	return uuid_eq(&s->id, &unknown.id);
}

bool listen_identify(const struct listen_config *config, const struct event_address *peer, const char *fingerprint, usec_t now,
                     struct event_sender *ret)
{
	if (fingerprint[0] != '\0' && event_pipeline_find_sender(config->events, str_c(fingerprint), now, ret))
		return true;
	if (event_pipeline_find_sender_by_address(config->events, peer, now, ret))
		return true;
	*ret = unknown;
	return config->accept_unknown;
}

void listen_round_init(struct listen_round *r, const struct listen_config *config, enum event_via via, const atomic_bool *stopping)
{
	*r = (struct listen_round){.config = config, .via = via, .stopping = stopping, .may_drop = via == EVENT_VIA_UDP};
	r->bytes = BUF_INIT(LISTEN_ROUND_BYTES + EVENT_LINE_LIMIT);
	r->ends = mem_alloc_array(LISTEN_ROUND_MESSAGES, sizeof(*r->ends));
	r->senders = mem_alloc_array(LISTEN_ROUND_MESSAGES, sizeof(*r->senders));
	r->texts = mem_alloc_array(LISTEN_ROUND_MESSAGES, sizeof(*r->texts));
	r->arena = arena_new(ARENA_LIMIT);
}

void listen_round_done(struct listen_round *r)
{
	buf_done(&r->bytes);
	mem_free(r->ends);
	mem_free(r->senders);
	mem_free(r->texts);
	arena_free(r->arena);
}

bool listen_round_full(const struct listen_round *r)
{
	return r->count == LISTEN_ROUND_MESSAGES || r->bytes.n >= LISTEN_ROUND_BYTES;
}

bool listen_round_due(const struct listen_round *r, usec_t now)
{
	usec_t linger = (usec_t)(r->config->linger_ms > 0 ? r->config->linger_ms : LINGER_MS) * USEC_PER_MS;
	return r->count > 0 && (listen_round_full(r) || now - r->began >= linger);
}

void listen_round_add(struct listen_round *r, const struct event_sender *sender, struct str text)
{
	if (r->count == 0)
		r->began = clock_monotonic();
	if (r->last == NULL || !uuid_eq(&r->last->id, &sender->id)) {
		struct event_sender *copy = ARENA_NEW(r->arena, struct event_sender);
		*copy = *sender;
		r->last = copy;
	}
	buf_append(&r->bytes, text);
	r->ends[r->count] = r->bytes.n;
	r->senders[r->count++] = r->last;
}

static void drop(struct listen_round *r)
{
	for (size_t i = 0; i < r->count;) {
		const struct event_sender *s = r->senders[i];
		uint64_t n = 0;
		for (; i < r->count && r->senders[i] == s; i++)
			n++;
		event_sources_dropped(event_pipeline_sources(r->config->events), &s->id, n);
	}
}

static int try_commit(struct listen_round *r, struct err *err)
{
	struct event_ingested taken;
	const struct event_messages m = {
		.format = EVENT_FORMAT_SYSLOG, .texts = r->texts, .count = r->count, .senders = r->senders};
	return event_pipeline_accept_messages(r->config->events, NULL, &m, r->via, clock_now(), &taken, err);
}

void listen_round_commit(struct listen_round *r)
{
	struct err err = {0};
	size_t from = 0;
	int result = 0;
	for (size_t i = 0; i < r->count; from = r->ends[i++])
		r->texts[i] = str_sub(buf_str(&r->bytes), from, r->ends[i]);
	while (r->count > 0 && (result = try_commit(r, &err)) < 0 && !r->may_drop && !atomic_load(r->stopping)) {
		const struct timespec pause = {.tv_nsec = LISTEN_FULL_PAUSE_MS * 1000000L};
		(void)nanosleep(&pause, NULL);
	}
	if (result < 0)
		drop(r);
	buf_clear(&r->bytes);
	arena_clear(r->arena);
	r->last = NULL;
	r->count = 0;
	r->began = 0;
}
