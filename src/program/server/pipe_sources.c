/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/pipe_sources.h"

#include "program/server/pipe_protocol.h"

#define ROWS_MAX 2000000

/* The numbers in the order in which they travel. */
#define TOTALS(X) \
	X(sources) X(strangers) X(strangers_forgotten) X(unknown_events) X(kernel_dropped) X(connections) X(connections_refused)
#define COUNTS(X)                                                                                                      \
	X(taken) X(bytes) X(duplicates) X(rejected) X(dropped) X(limited) X(unparsed) X(skew_count)
#define TIMES(X) X(first_received) X(last_received) X(skew_median_s) X(skew_min_s) X(skew_max_s)

static void put_counts(struct proc_message *m, const struct event_source_counts *c)
{
	proc_put_uuid(m, &c->id);
#define PUT(name) proc_put_u64(m, (uint64_t)c->name);
	COUNTS(PUT)
	TIMES(PUT)
#undef PUT
	proc_put_u64(m, c->via);
	proc_put_str(m, str_c(c->unparsed_sample));
	proc_put_str(m, str_c(c->rejected_key));
}

static void get_via(struct proc_message *m, enum event_via *ret)
{
	uint64_t via = proc_get_u64(m);
	if (via >= EVENT_VIA__COUNT)
		m->failed = true;
	else
		*ret = (enum event_via)via;
}

static void get_counts(struct proc_message *m, struct event_source_counts *ret)
{
	*ret = (struct event_source_counts){.id = proc_get_uuid(m)};
#define GET(name) ret->name = proc_get_u64(m);
	COUNTS(GET)
#undef GET
#define GET(name) ret->name = (int64_t)proc_get_u64(m);
	TIMES(GET)
#undef GET
	get_via(m, &ret->via);
	str_copy_c(proc_get_str(m, sizeof(ret->unparsed_sample) - 1), ret->unparsed_sample, sizeof(ret->unparsed_sample));
	str_copy_c(proc_get_str(m, sizeof(ret->rejected_key) - 1), ret->rejected_key, sizeof(ret->rejected_key));
}

static void put_stranger(struct proc_message *m, const struct event_stranger *s)
{
	proc_put_str(m, str_n(s->address.ip, s->address.set ? sizeof(s->address.ip) : 0));
	proc_put_str(m, str_c(s->credential));
	proc_put_u64(m, s->via);
	proc_put_u64(m, s->count);
	proc_put_u64(m, (uint64_t)s->first);
	proc_put_u64(m, (uint64_t)s->last);
	proc_put_str(m, str_c(s->sample));
}

static void get_stranger(struct proc_message *m, struct event_stranger *ret)
{
	*ret = (struct event_stranger){.address.prefix = 128};
	struct str ip = proc_get_str(m, sizeof(ret->address.ip));
	ret->address.set = ip.n == sizeof(ret->address.ip);
	if (ret->address.set)
		memcpy(ret->address.ip, ip.p, ip.n);
	str_copy_c(proc_get_str(m, sizeof(ret->credential) - 1), ret->credential, sizeof(ret->credential));
	get_via(m, &ret->via);
	ret->count = proc_get_u64(m);
	ret->first = (usec_t)proc_get_u64(m);
	ret->last = (usec_t)proc_get_u64(m);
	str_copy_c(proc_get_str(m, sizeof(ret->sample) - 1), ret->sample, sizeof(ret->sample));
}

static void put_rows(struct proc_message *m, struct event_sources *sources, uint64_t what, size_t from)
{
	if (what == PIPE_SOURCES_COUNTS) {
		struct event_source_counts *rows = mem_alloc_array(PIPE_SOURCES_PAGE, sizeof(*rows));
		size_t n = event_sources_list(sources, from, rows, PIPE_SOURCES_PAGE);
		proc_put_u64(m, n);
		for (size_t i = 0; i < n; i++)
			put_counts(m, &rows[i]);
		mem_free(rows);
	} else {
		struct event_stranger *rows = mem_alloc_array(PIPE_SOURCES_PAGE, sizeof(*rows));
		size_t n = event_sources_strangers(sources, from, rows, PIPE_SOURCES_PAGE);
		proc_put_u64(m, n);
		for (size_t i = 0; i < n; i++)
			put_stranger(m, &rows[i]);
		mem_free(rows);
	}
}

struct proc_message pipe_sources_answer(struct event_sources *sources, struct proc_message *request)
{
	struct event_sources_totals t;
	struct err err = {0};
	uint64_t what = proc_get_u64(request), from = proc_get_u64(request);
	if (!proc_message_complete(request) || what >= PIPE_SOURCES__COUNT || from > ROWS_MAX) {
		int r = err_set(&err, -EPROTO, "server.pipe_malformed");
		return pipe_answer(request, r, STR_EMPTY, &err);
	}
	struct proc_message m = proc_message_reply(request, PIPE_SOURCES);
	event_sources_totals(sources, &t);
#define PUT(name) proc_put_u64(&m, t.name);
	TOTALS(PUT)
#undef PUT
	put_rows(&m, sources, what, (size_t)from);
	return m;
}

void pipe_sources_done(struct pipe_sources *s)
{
	mem_free(s->counts);
	mem_free(s->strangers);
	*s = (struct pipe_sources){0};
}

int pipe_sources_add(struct pipe_sources *s, enum pipe_sources_what what, struct proc_message *m, struct err *err)
{
#define GET(name) s->totals.name = proc_get_u64(m);
	TOTALS(GET)
#undef GET
	uint64_t count = proc_get_u64(m);
	if (count > PIPE_SOURCES_PAGE || m->type != PIPE_SOURCES || s->count + s->stranger_count + count > ROWS_MAX)
		m->failed = true;
	size_t n = m->failed ? 0 : (size_t)count;
	if (what == PIPE_SOURCES_COUNTS) {
		s->counts = mem_realloc_array(s->counts, s->count + n, sizeof(*s->counts));
		for (size_t i = 0; i < n; i++)
			get_counts(m, &s->counts[s->count + i]);
	} else {
		s->strangers = mem_realloc_array(s->strangers, s->stranger_count + n, sizeof(*s->strangers));
		for (size_t i = 0; i < n; i++)
			get_stranger(m, &s->strangers[s->stranger_count + i]);
	}
	bool whole = proc_message_complete(m);
	proc_message_done(m);
	if (!whole)
		return err_set(err, -EPROTO, "server.pipe_malformed");
	*(what == PIPE_SOURCES_COUNTS ? &s->count : &s->stranger_count) += n;
	return n == PIPE_SOURCES_PAGE ? 1 : 0;
}

int pipe_sources_ask(struct proc_role *role, int timeout_ms, struct pipe_sources *ret, struct err *err)
{
	for (enum pipe_sources_what what = 0; what < PIPE_SOURCES__COUNT; what++) {
		int r = 1;
		while (r == 1) {
			struct proc_message m = proc_message_init(PIPE_SOURCES), reply;
			proc_put_u64(&m, what);
			proc_put_u64(&m, what == PIPE_SOURCES_COUNTS ? ret->count : ret->stranger_count);
			r = proc_role_call(role, "pipeline", &m, &reply, timeout_ms, err);
			proc_message_done(&m);
			if (r >= 0)
				r = pipe_sources_add(ret, what, &reply, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}
