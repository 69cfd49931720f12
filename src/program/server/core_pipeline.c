/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/clock/clock_wait.h"
#include "base/log/log.h"
#include "platform/crypto/crypto.h"
#include "program/server/core.h"
#include "service/account/account.h"
#include "service/endpoint/endpoint.h"
#include "service/source/source.h"

#define SEND_MS      5000
#define PUSH_PAUSE   USEC_PER_SEC /* at least, and PUSH_SHARE times what the last one took */
#define PUSH_SHARE   4
#define LOOK_ANYHOW  USEC_PER_MINUTE /* what runs out says nothing */
#define HEARD_WITHIN (2 * USEC_PER_SEC) /* how long the one who changed something waits for the pipeline to know */

/* ---- the pipeline's certificate ---- */

/* The pipeline may ask as soon as the link is there, before core has come to asking key itself. */
static int keys_of(struct core *core, struct service_keys *ret, struct err *err)
{
	(void)pthread_mutex_lock(&core->lock);
	*ret = core->keys;
	(void)pthread_mutex_unlock(&core->lock);
	return ret->sign_csr == NULL ? err_set(err, -EAGAIN, "server.key_away") : 0;
}

static int sign_for_pipeline(struct core *core, const struct service_keys *keys, struct proc_message *m, struct buf *ret,
			     struct err *err)
{
	struct str csr = proc_get_str(m, PIPE_TEXT_LIMIT);
	struct str name = proc_get_str(m, 64);
	uint64_t not_after = proc_get_u64(m);
	if (!proc_message_complete(m) || not_after > INT64_MAX || str_find_char(name, '\0') != SIZE_MAX)
		return err_set(err, -EPROTO, "server.pipe_malformed");
	char text[65];
	str_copy_c(name, text, sizeof(text));
	return keys->sign_csr(keys->ctx, csr, text, false, server_live_now(&core->live)->public_names, (usec_t)not_after,
			      ret, err);
}

static void answer_call(struct core *core, struct proc_channel *c, struct proc_message *m)
{
	cleanup_buf struct buf text = BUF_INIT(PIPE_TEXT_LIMIT);
	struct err err = {0};
	struct service_keys keys;
	int r = keys_of(core, &keys, &err);
	if (r == 0)
		r = m->type == PIPE_CA ? keys.ca_pem(keys.ctx, &text, &err)
				       : sign_for_pipeline(core, &keys, m, &text, &err);
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "the pipeline's request is refused", &err);
	struct proc_message reply = pipe_answer(m, r, buf_str(&text), &err);
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

void core_from_pipeline(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	struct core *core = ctx;
	switch (m->type) {
	case PIPE_ALERT:
		core_alerts_take(core, m);
		break;
	case PIPE_SIGN_CSR:
	case PIPE_CA:
		answer_call(core, c, m);
		break;
	default:
		log_warn("the pipeline sent a message that is not understood", ARG_U64("type", m->type));
	}
}

void core_pipeline_up(void *ctx)
{
	struct core *core = ctx;
	(void)pthread_mutex_lock(&core->lock);
	core->senders_wanted = true;
	bool ready = core->ready;
	(void)pthread_mutex_unlock(&core->lock);
	if (ready)
		job_wake(core->jobs, CORE_JOB_SENDERS);
}

/* ---- who may send events ---- */

/* The senders as they travel, in parts. */
struct collected {
	struct proc_message *parts; /* payloads of senders only */
	size_t part_count;
	uint64_t *counts;
	uint64_t total, machines;
	/* Tokens of registered sources: what is sent with them is the source's. */
	struct token_source {
		struct uuid token_id;
		struct event_sender sender;
	} *token_sources;
	size_t token_source_count;
};

static void collected_done(struct collected *c)
{
	for (size_t i = 0; i < c->part_count; i++)
		proc_message_done(&c->parts[i]);
	mem_free(c->parts);
	mem_free(c->counts);
	mem_free(c->token_sources);
}

static void new_part(struct collected *c)
{
	c->parts = mem_realloc_array(c->parts, c->part_count + 1, sizeof(*c->parts));
	c->counts = mem_realloc_array(c->counts, c->part_count + 1, sizeof(*c->counts));
	c->parts[c->part_count] = proc_message_init(PIPE_SENDERS);
	c->counts[c->part_count++] = 0;
}

static void collect(struct collected *c, const struct event_sender *s)
{
	if (c->total >= PIPE_SENDERS_MAX)
		return;
	if (c->part_count == 0 || c->counts[c->part_count - 1] == PIPE_SENDERS_PER_PART)
		new_part(c);
	pipe_put_sender(&c->parts[c->part_count - 1], s);
	c->counts[c->part_count - 1]++;
	c->total++;
}

static int collect_endpoint(const struct endpoint_snapshot_row *row, void *ctx, struct err *err)
{
	struct event_sender s = {.id = row->endpoint_id,
				 .endpoint = row->endpoint_id,
				 .unit = row->unit_id,
				 .source = "agent",
				 .not_after = row->not_after,
				 .keeps_event_id = true};
	(void)err;
	str_copy_c(str_c(row->fingerprint), s.credential, sizeof(s.credential));
	collect(ctx, &s);
	((struct collected *)ctx)->machines++;
	return 0;
}

static void collect_source(const struct event_sender *s, const struct uuid *token_id, void *ctx)
{
	struct collected *c = ctx;
	if (token_id == NULL) {
		collect(c, s);
		return;
	}
	c->token_sources = mem_realloc_array(c->token_sources, c->token_source_count + 1, sizeof(*c->token_sources));
	c->token_sources[c->token_source_count++] = (struct token_source){*token_id, *s};
}

static void collect_token(const struct account_token_info *t, void *ctx)
{
	const struct collected *c = ctx;
	struct event_sender s = {.id = t->token_id, .unit = t->unit_id, .not_after = t->expires_at};
	char id[UUID_TEXT_SIZE];
	struct buf source = BUF_FIXED(s.source, sizeof(s.source));
	(void)sha256_hex(t->digest, s.credential);
	buf_printf(&source, "token-%s", uuid_text(&t->token_id, id));
	for (size_t i = 0; i < c->token_source_count; i++)
		if (uuid_eq(&c->token_sources[i].token_id, &t->token_id)) {
			struct event_sender known = c->token_sources[i].sender;
			memcpy(known.credential, s.credential, sizeof(known.credential));
			known.not_after = s.not_after;
			s = known;
			break;
		}
	collect(ctx, &s);
}

static int read_sources_and_tokens(struct db_tx *tx, void *ctx, struct err *err)
{
	int r = source_each_sender(tx, collect_source, ctx, err);
	return r < 0 ? r : account_each_token(tx, "event.send", clock_now(), collect_token, ctx, err);
}

static void digest_of(const struct collected *c, unsigned char out[SHA256_SIZE])
{
	struct sha256 *h = sha256_new();
	for (size_t i = 0; i < c->part_count; i++)
		sha256_update(h, buf_str(&c->parts[i].payload));
	sha256_final(h, out);
}

/* Of the last part we wait to hear that it was taken: then nobody can be refused any more who was in the snapshot. */
static int send_part(struct core *core, struct proc_message *m, bool last, struct err *err)
{
	struct proc_message reply;
	if (!last)
		return proc_role_send(core->role, "pipeline", m, SEND_MS, err);
	int r = proc_role_call(core->role, "pipeline", m, &reply, SEND_MS, err);
	cleanup_buf struct buf nothing = BUF_INIT(PIPE_TEXT_LIMIT);
	return r < 0 ? r : pipe_read_answer(&reply, &nothing, err);
}

static int send_parts(struct core *core, const struct collected *c, struct err *err)
{
	uint64_t version = (uint64_t)clock_now();
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->part_count; i++) {
		struct proc_message m = proc_message_init(PIPE_SENDERS);
		proc_put_u64(&m, version);
		proc_put_u64(&m, i);
		proc_put_u64(&m, c->part_count);
		proc_put_u64(&m, c->counts[i]);
		buf_append(&m.payload, buf_str(&c->parts[i].payload));
		r = send_part(core, &m, i + 1 == c->part_count, err);
		proc_message_done(&m);
	}
	return r;
}

/* The first change is pushed at once; those that follow within the pause share one push at its end, because thousands may
 * enrol within a minute. Whoever made a change may count on it when this returns: for that the first ones wait a moment,
 * and of those in the pause one at a time, so that the others' threads stay free. */
void core_senders_changed(void *ctx)
{
	struct core *core = ctx;
	usec_t until = clock_monotonic() + HEARD_WITHIN;
	(void)pthread_mutex_lock(&core->lock);
	uint64_t mine = ++core->senders_asked;
	bool at_once = clock_monotonic() >= core->senders_next;
	bool waits = core->ready && (at_once || core->senders_waiting == 0);
	core->senders_changed = true;
	core->senders_waiting += waits;
	if (core->ready && at_once)
		job_wake(core->jobs, CORE_JOB_SENDERS);
	while (waits && core->senders_told < mine && clock_wait(&core->senders_heard, &core->lock, until) == 0)
		;
	core->senders_waiting -= waits;
	(void)pthread_mutex_unlock(&core->lock);
}

struct due {
	bool wanted, changed;
	uint64_t asked;
};

/* What is asked for, if it is time: a snapshot holds everybody. */
static bool take_due(struct core *core, struct due *ret)
{
	usec_t now = clock_monotonic();
	(void)pthread_mutex_lock(&core->lock);
	bool due = core->senders_wanted || (core->senders_changed && now >= core->senders_next) || now >= core->senders_whole;
	*ret = (struct due){core->senders_wanted, core->senders_changed, core->senders_asked};
	if (due) {
		core->senders_wanted = core->senders_changed = false;
		if (ret->changed)
			core->senders_next = now + PUSH_PAUSE; /* who comes while it runs is not the first any more */
	}
	(void)pthread_mutex_unlock(&core->lock);
	return due;
}

static int push_senders(struct core *core, bool wanted, struct err *err)
{
	struct collected c = {0};
	unsigned char digest[SHA256_SIZE];
	int r = endpoint_snapshot(&core->services, collect_endpoint, &c, err);
	if (r >= 0)
		r = db_read(core->db, read_sources_and_tokens, &c, err);
	if (r >= 0 && c.part_count == 0)
		new_part(&c);
	if (r >= 0) {
		(void)pthread_mutex_lock(&core->lock);
		core->machines = c.machines;
		(void)pthread_mutex_unlock(&core->lock);
	}
	digest_of(&c, digest);
	if (r >= 0 && (wanted || memcmp(digest, core->senders_sent, sizeof(digest)) != 0)) {
		r = send_parts(core, &c, err);
		if (r >= 0)
			memcpy(core->senders_sent, digest, sizeof(digest));
	}
	collected_done(&c);
	return r < 0 ? r : 0;
}

int core_push_senders(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	struct due due;
	(void)job;
	if (!take_due(core, &due))
		return 0;
	usec_t began = clock_monotonic();
	int r = push_senders(core, due.wanted, err);
	usec_t ended = clock_monotonic(), pause = (ended - began) * PUSH_SHARE;
	(void)pthread_mutex_lock(&core->lock);
	if (due.changed)
		core->senders_next = ended + (pause > PUSH_PAUSE ? pause : PUSH_PAUSE);
	core->senders_whole = ended + LOOK_ANYHOW;
	if (r == 0)
		core->senders_told = due.asked;
	else
		core->senders_wanted = true; /* once more in the next round, whatever it was */
	(void)pthread_cond_broadcast(&core->senders_heard);
	(void)pthread_mutex_unlock(&core->lock);
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "the pipeline could not be told who may send", err);
	return r;
}
