/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/pipe_protocol.h"

#include "base/mem/mem.h"

#define RETENTION_MAX 36500

/* "", or 16 bytes and the prefix. */
static void put_address(struct proc_message *m, const struct event_address *a)
{
	unsigned char bytes[sizeof(a->ip) + 1];
	memcpy(bytes, a->ip, sizeof(a->ip));
	bytes[sizeof(a->ip)] = a->prefix;
	proc_put_str(m, str_n(bytes, a->set ? sizeof(bytes) : 0));
}

static bool get_address(struct proc_message *m, struct event_address *ret)
{
	struct str s = proc_get_str(m, sizeof(ret->ip) + 1);
	if (s.n == 0)
		return true;
	if (s.n != sizeof(ret->ip) + 1)
		return false;
	memcpy(ret->ip, s.p, sizeof(ret->ip));
	ret->prefix = (unsigned char)s.p[sizeof(ret->ip)];
	ret->set = true;
	return ret->prefix <= 128 && event_address_is_clean(ret);
}

void pipe_put_sender(struct proc_message *m, const struct event_sender *s)
{
	proc_put_str(m, str_c(s->credential));
	proc_put_uuid(m, &s->id);
	proc_put_uuid(m, &s->unit);
	proc_put_uuid(m, &s->endpoint);
	proc_put_str(m, str_c(s->source));
	proc_put_u64(m, s->retention_days);
	proc_put_u64(m, (uint64_t)s->not_after);
	proc_put_u64(m, s->keeps_event_id ? 1 : 0);
	put_address(m, &s->address);
	proc_put_str(m, str_c(s->name));
	proc_put_u64(m, s->rate_per_s);
	proc_put_u64(m, s->silence_s);
	proc_put_u64(m, s->clock_off_s);
	proc_put_u64(m, (uint64_t)s->system_level << 8 | (s->has_format ? 1 + (uint64_t)s->format : 0));
	proc_put_str(m, str_c(s->time_zone));
}

static bool get_text(struct proc_message *m, char *out, size_t size)
{
	struct str s = proc_get_str(m, size - 1);
	str_copy_c(s, out, size);
	return !m->failed && strlen(out) == s.n;
}

/* What releases before log sources knew of a sender. */
static bool get_first_fields(struct proc_message *m, struct event_sender *ret)
{
	unsigned char digest[32];
	bool ok = get_text(m, ret->credential, sizeof(ret->credential)) &&
		  (ret->credential[0] == '\0' || str_parse_hex(str_c(ret->credential), digest, sizeof(digest)));
	ret->id = proc_get_uuid(m);
	ret->unit = proc_get_uuid(m);
	ret->endpoint = proc_get_uuid(m);
	ok = get_text(m, ret->source, sizeof(ret->source)) && ok;
	uint64_t days = proc_get_u64(m), not_after = proc_get_u64(m), keeps = proc_get_u64(m);
	if (!ok || days > RETENTION_MAX || not_after > INT64_MAX || keeps > 1)
		return false;
	ret->retention_days = (unsigned)days;
	ret->not_after = (usec_t)not_after;
	ret->keeps_event_id = keeps == 1;
	return true;
}

static bool get_number(struct proc_message *m, unsigned *ret)
{
	uint64_t v = proc_get_u64(m);
	*ret = (unsigned)v;
	return v <= UINT32_MAX;
}

static bool get_later_fields(struct proc_message *m, struct event_sender *ret)
{
	bool ok = get_address(m, &ret->address) && get_text(m, ret->name, sizeof(ret->name)) &&
		  get_number(m, &ret->rate_per_s) && get_number(m, &ret->silence_s) && get_number(m, &ret->clock_off_s);
	uint64_t both = proc_get_u64(m), format = both & 0xff, level = both >> 8;
	ret->system_level = (unsigned)level;
	ret->has_format = format > 0;
	ret->format = format > 0 && format <= EVENT_FORMAT__COUNT ? (enum event_format)(format - 1) : EVENT_FORMAT_JSON;
	return ok && format <= EVENT_FORMAT__COUNT && level <= EVENT_SYSTEM_LEVELS;
}

static void get_sender(struct proc_message *m, enum pipe_sender_form form, struct event_sender *ret)
{
	*ret = (struct event_sender){0};
	bool ok = get_first_fields(m, ret) && (form == PIPE_SENDER_FIRST || get_later_fields(m, ret)) &&
		  (form != PIPE_SENDER_NOW || get_text(m, ret->time_zone, sizeof(ret->time_zone)));
	/* Found by nothing, it would be found by everything that compares equal to nothing. */
	if (!ok || (ret->credential[0] == '\0' && !ret->address.set))
		m->failed = true;
}

void pipe_get_sender(struct proc_message *m, struct event_sender *ret)
{
	get_sender(m, PIPE_SENDER_NOW, ret);
}

void pipe_snapshot_done(struct pipe_snapshot *s)
{
	mem_free(s->senders);
	*s = (struct pipe_snapshot){.form = s->form};
}

static int malformed(struct pipe_snapshot *s, struct err *err)
{
	pipe_snapshot_done(s);
	return err_set(err, -EPROTO, "server.pipe_malformed");
}

static bool begins_or_continues(struct pipe_snapshot *s, uint64_t version, uint64_t part, uint64_t parts)
{
	if (part == 0) {
		pipe_snapshot_done(s);
		s->version = version;
		s->parts = parts;
	}
	return s->version == version && s->parts == parts && s->next_part == part && part < parts;
}

int pipe_snapshot_add(struct pipe_snapshot *s, struct proc_message *m, struct err *err)
{
	uint64_t version = proc_get_u64(m), part = proc_get_u64(m), parts = proc_get_u64(m), count = proc_get_u64(m);
	if (m->failed || count > PIPE_SENDERS_PER_PART || !begins_or_continues(s, version, part, parts) ||
	    s->count + count > PIPE_SENDERS_MAX)
		return malformed(s, err);
	if (s->count + count > s->capacity) {
		s->capacity = s->count + count > 2 * s->capacity ? s->count + count : 2 * s->capacity;
		s->senders = mem_realloc_array(s->senders, s->capacity, sizeof(*s->senders));
	}
	for (uint64_t i = 0; i < count && !m->failed; i++)
		get_sender(m, s->form, &s->senders[s->count + i]);
	if (!proc_message_complete(m))
		return malformed(s, err);
	s->count += count;
	s->next_part++;
	return s->next_part == s->parts ? 1 : 0;
}

/* The numbers in the order in which they travel. */
#define STATS(X)                                                                                                       \
	X(received)                                                                                                    \
	X(duplicates) X(rejected) X(refused_batches) X(stored) X(dead) X(detected) X(alerts) X(damaged_bytes)          \
	    X(cut_bytes) X(spool_bytes) X(spool_limit_bytes) X(store_lag_bytes) X(detect_lag_bytes) X(alerts_waiting)                     \
	    X(detect_still) X(store_still) X(handover_still) X(ingest_failing)                         \
	    X(rules.rules) X(rules.correlations) X(rules.refused) X(rules.indicators) X(rules.events) X(rules.unread)       \
	    X(rules.matches) X(rules.candidates) X(rules.regex_gave_up) X(rules.indicator_hits) X(rules.correlator_late)    \
	    X(rules.correlator_dropped) X(rules.examine_usec) X(flood.findings) X(flood.records) X(flood.merged) X(flood.early)

void pipe_put_stats(struct proc_message *m, const struct event_pipeline_stats *s)
{
#define PUT(name) proc_put_u64(m, s->name);
	STATS(PUT)
#undef PUT
	proc_put_u64(m, s->store_up ? 1 : 0);
	proc_put_u64(m, (uint64_t)s->store_blind_since);
	proc_put_str(m, str_c(s->store_err.key));
	proc_put_str(m, str_c(s->ingest_err.key));
	proc_put_u64(m, (uint64_t)s->rules.state);
	proc_put_str(m, str_c(s->rules.err.key));
	proc_put_str(m, str_c(s->rules.digest));
}

bool pipe_get_stats(struct proc_message *m, struct event_pipeline_stats *ret)
{
	*ret = (struct event_pipeline_stats){0};
#define GET(name) ret->name = proc_get_u64(m);
	STATS(GET)
#undef GET
	ret->store_up = proc_get_u64(m) == 1;
	uint64_t since = proc_get_u64(m);
	ret->store_blind_since = since <= INT64_MAX ? (usec_t)since : 0;
	str_copy_c(proc_get_str(m, ERR_KEY_SIZE - 1), ret->store_err.key, sizeof(ret->store_err.key));
	str_copy_c(proc_get_str(m, ERR_KEY_SIZE - 1), ret->ingest_err.key, sizeof(ret->ingest_err.key));
	uint64_t state = proc_get_u64(m);
	ret->rules.state = state < DETECT_STATE__COUNT ? (enum detect_state)state : DETECT_FAILED;
	str_copy_c(proc_get_str(m, ERR_KEY_SIZE - 1), ret->rules.err.key, sizeof(ret->rules.err.key));
	str_copy_c(proc_get_str(m, DETECT_DIGEST_SIZE - 1), ret->rules.digest, sizeof(ret->rules.digest));
	return proc_message_complete(m) && state < DETECT_STATE__COUNT;
}

struct proc_message pipe_answer(const struct proc_message *request, int result, struct str text, const struct err *err)
{
	struct proc_message m = proc_message_reply(request, result < 0 ? PIPE_FAILED : PIPE_DONE);
	if (result < 0) {
		proc_put_u64(&m, (uint64_t)-result);
		proc_put_str(&m, str_c(err->key));
	} else {
		proc_put_str(&m, text);
	}
	return m;
}

int pipe_read_answer(struct proc_message *reply, struct buf *ret, struct err *err)
{
	int r = err_set(err, -EPROTO, "server.pipe_malformed");
	if (reply->type == PIPE_DONE) {
		struct str text = proc_get_str(reply, PIPE_TEXT_LIMIT);
		if (proc_message_complete(reply)) {
			buf_append(ret, text);
			r = 0;
		}
	} else if (reply->type == PIPE_FAILED) {
		char key[ERR_KEY_SIZE];
		uint64_t code = proc_get_u64(reply);
		str_copy_c(proc_get_str(reply, sizeof(key) - 1), key, sizeof(key));
		if (proc_message_complete(reply) && code > 0 && code < 4096)
			r = err_set(err, -(int)code, key);
	}
	proc_message_done(reply);
	return r;
}
