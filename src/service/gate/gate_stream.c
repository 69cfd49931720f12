/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Two threads: one sends new events of the outbox to the open streams whose
 * account may see them, the other hands events to the services and runs their
 * timed work. Both sleep until woken by a commit of this process, at most a
 * second, so that commits of other processes are noticed too.
 */
#include <time.h>

#include "base/log/log.h"
#include "service/gate/gate_internal.h"
#include "service/outbox/outbox.h"

#define QUEUE_LIMIT ((size_t)1 << 20)
#define CLIENTS_MAX 2000
#define BATCH 200
#define REPLAY_MAX 2000
#define SESSION_CHECK (60 * USEC_PER_SEC)

struct client {
	struct http_stream *stream;
	struct uuid account_id, session_id; /* session null: a token's */
	int64_t after;                      /* the last event it was offered */
	bool gone;                          /* set by on_close: guarded by gate_stream.lock */
	bool concerned;                     /* of the event at hand; sending thread only */
	bool begun;                         /* its place was looked at once */
	struct client *next;
};

struct gate_stream {
	struct gate *gate;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	struct client *clients; /* guarded by lock; nodes are freed by the sending thread only */
	unsigned client_count;  /* guarded by lock */
	unsigned wakes;         /* guarded by lock */
	bool stopping;          /* guarded by lock */
	bool running;
	pthread_t sender, dispatcher;
	usec_t checked_at;      /* sending thread only */
};

struct closing {
	struct gate_stream *stream;
	struct client *client;
};

struct gate_stream *gate_stream_new(struct gate *g)
{
	struct gate_stream *s = MEM_NEW(struct gate_stream);
	s->gate = g;
	(void)pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->woken, &attr);
	(void)pthread_condattr_destroy(&attr);
	return s;
}

void gate_stream_wake(void *stream)
{
	struct gate_stream *s = stream;
	(void)pthread_mutex_lock(&s->lock);
	s->wakes++;
	(void)pthread_cond_broadcast(&s->woken);
	(void)pthread_mutex_unlock(&s->lock);
}

/* Sleeps until a wake after the one last seen, or a second. false: the end. */
static bool wait_for_work(struct gate_stream *s, unsigned *seen)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 1;
	(void)pthread_mutex_lock(&s->lock);
	int r = 0;
	while (!s->stopping && s->wakes == *seen && r == 0)
		r = pthread_cond_timedwait(&s->woken, &s->lock, &until);
	*seen = s->wakes;
	bool go_on = !s->stopping;
	(void)pthread_mutex_unlock(&s->lock);
	return go_on;
}

static void on_close(void *ctx)
{
	struct closing *c = ctx;
	(void)pthread_mutex_lock(&c->stream->lock);
	c->client->gone = true;
	(void)pthread_mutex_unlock(&c->stream->lock);
	mem_free(c);
}

static void drop_gone(struct gate_stream *s)
{
	struct client *dropped = NULL;
	(void)pthread_mutex_lock(&s->lock);
	for (struct client **link = &s->clients; *link != NULL;) {
		struct client *c = *link;
		if (!c->gone) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		c->next = dropped;
		dropped = c;
		s->client_count--;
	}
	(void)pthread_mutex_unlock(&s->lock);
	while (dropped != NULL) {
		struct client *c = dropped;
		dropped = c->next;
		http_stream_unref(c->stream);
		mem_free(c);
	}
}

/* The clients of now; new ones are put in front, so the list behind its head does not change meanwhile. */
static struct client *clients_of(struct gate_stream *s)
{
	(void)pthread_mutex_lock(&s->lock);
	struct client *first = s->clients;
	(void)pthread_mutex_unlock(&s->lock);
	return first;
}

struct marking {
	struct client *clients;
	const struct outbox_event *event;
	usec_t now;
	bool any;
};

static void mark(const struct uuid *account_id, void *ctx)
{
	struct marking *m = ctx;
	for (struct client *c = m->clients; c != NULL; c = c->next) {
		if (m->event->number > c->after && uuid_eq(&c->account_id, account_id))
			c->concerned = m->any = true;
	}
}

static int mark_readers(struct db_tx *tx, void *ctx, struct err *err)
{
	struct marking *m = ctx;
	const struct service_event *e = &m->event->event;
	for (struct client *c = m->clients; c != NULL; c = c->next)
		c->concerned = false;
	m->any = false;
	if (strcmp(e->permission, SERVICE_SIGNED_IN) == 0) {
		for (struct client *c = m->clients; c != NULL; c = c->next)
			c->concerned = m->any = m->event->number > c->after;
		return 0;
	}
	return account_each_reader(tx, e->permission, &e->unit_id, m->now, mark, m, err);
}

static int send_event(struct gate_stream *s, struct client *clients, const struct outbox_event *e, struct err *err)
{
	struct marking m = {.clients = clients, .event = e, .now = clock_now()};
	int r = db_read(s->gate->sc->db, mark_readers, &m, err);
	if (r < 0)
		return r;
	cleanup_buf struct buf text = BUF_INIT(QUEUE_LIMIT);
	if (m.any)
		buf_printf(&text, "id: %lld\nevent: %s\ndata: %.*s\n\n", (long long)e->number, e->event.name,
		           STR_FMT(e->event.json));
	for (struct client *c = clients; c != NULL; c = c->next) {
		if (c->concerned)
			(void)http_stream_send(c->stream, buf_str(&text));
		if (e->number > c->after)
			c->after = e->number;
	}
	return 0;
}

/* What was asked for may be gone, or be too much: then the page is told to load everything anew. */
static int begin_clients(struct gate_stream *s, struct client *clients, int64_t *ret_after, struct err *err)
{
	int64_t oldest = 0, newest = 0;
	int r = outbox_bounds(s->gate->sc->db, &oldest, &newest, err);
	if (r < 0)
		return r;
	*ret_after = newest;
	for (struct client *c = clients; c != NULL; c = c->next) {
		if (!c->begun && (c->after > newest || c->after + 1 < oldest || newest - c->after > REPLAY_MAX)) {
			(void)http_stream_send(c->stream, STR("event: reset\ndata: {}\n\n"));
			c->after = newest;
		}
		c->begun = true;
		if (c->after < *ret_after)
			*ret_after = c->after;
	}
	return 0;
}

static int send_new(struct gate_stream *s, struct err *err)
{
	struct client *clients = clients_of(s);
	int64_t after = 0;
	int r = clients != NULL ? begin_clients(s, clients, &after, err) : 0;
	while (r >= 0 && clients != NULL) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct outbox_event *events = NULL;
		size_t count = 0;
		r = outbox_read(s->gate->sc->db, arena, after, BATCH, &events, &count, err);
		for (size_t i = 0; i < count && r >= 0; i++) {
			r = send_event(s, clients, &events[i], err);
			after = events[i].number;
		}
		if (count < BATCH)
			break;
	}
	return r;
}

/* A stream outlives its request: whoever was signed out or disabled meanwhile gets nothing more. */
static void check_sessions(struct gate_stream *s)
{
	usec_t now = clock_monotonic();
	if (now - s->checked_at < SESSION_CHECK)
		return;
	s->checked_at = now;
	for (struct client *c = clients_of(s); c != NULL; c = c->next) {
		bool lives = true;
		if (!uuid_is_null(&c->session_id) &&
		    account_session_lives(s->gate->sc, &c->session_id, &lives, NULL) == 0 && !lives)
			http_stream_close(c->stream);
	}
}

static void *run_sender(void *ctx)
{
	struct gate_stream *s = ctx;
	unsigned seen = 0;
	do {
		struct err err = {.code = 0};
		drop_gone(s);
		check_sessions(s);
		if (send_new(s, &err) < 0)
			log_err(LOG_LEVEL_WARN, "event stream held up", &err);
	} while (wait_for_work(s, &seen));
	return NULL;
}

static void *run_dispatcher(void *ctx)
{
	struct gate_stream *s = ctx;
	unsigned seen = 0;
	struct outbox_dispatcher *d = outbox_dispatcher_new(s->gate->sc, s->gate->services, s->gate->service_count);
	do {
		/* Handlers write events of their own: go on until a round finds nothing. */
		while (outbox_dispatch(d) > 0)
			continue;
	} while (wait_for_work(s, &seen));
	outbox_dispatcher_free(d);
	return NULL;
}

int gate_stream_start(struct gate_stream *s, struct err *err)
{
	int r = pthread_create(&s->sender, NULL, run_sender, s);
	if (r != 0)
		return err_errno(err, r, "pthread_create", STR("stream"));
	r = pthread_create(&s->dispatcher, NULL, run_dispatcher, s);
	s->running = true;
	if (r == 0)
		return 0;
	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	(void)pthread_cond_broadcast(&s->woken);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_join(s->sender, NULL);
	s->running = false;
	return err_errno(err, r, "pthread_create", STR("dispatcher"));
}

void gate_stream_stop(struct gate_stream *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	(void)pthread_cond_broadcast(&s->woken);
	(void)pthread_mutex_unlock(&s->lock);
	if (s->running) {
		(void)pthread_join(s->sender, NULL);
		(void)pthread_join(s->dispatcher, NULL);
		s->running = false;
	}
	for (struct client *c = clients_of(s); c != NULL; c = c->next)
		http_stream_close(c->stream);
}

void gate_stream_free(struct gate_stream *s)
{
	gate_stream_stop(s);
	(void)pthread_mutex_lock(&s->lock);
	for (struct client *c = s->clients; c != NULL; c = c->next)
		c->gone = true;
	(void)pthread_mutex_unlock(&s->lock);
	drop_gone(s);
	(void)pthread_cond_destroy(&s->woken);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

int gate_stream_open(struct api_request *req, struct http_response *res, struct err *err)
{
	struct gate_request *q = gate_request_of(req);
	struct gate_stream *s = q->gate->stream;
	uint64_t last = 0;
	bool resumes = str_parse_u64(str_trim(http_header(req->http, "Last-Event-ID")), 0, INT64_MAX, &last);
	int64_t oldest = 0, after = (int64_t)last;
	/* Where it begins is settled before the welcome: whatever is committed after that will come. */
	int r = resumes ? 0 : outbox_bounds(q->gate->sc->db, &oldest, &after, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&s->lock);
	bool full = s->client_count >= CLIENTS_MAX || s->stopping;
	s->client_count += !full;
	(void)pthread_mutex_unlock(&s->lock);
	if (full)
		return err_set(err, -EAGAIN, "gate.too_many_streams");
	struct client *c = MEM_NEW(struct client);
	struct closing *closing = MEM_NEW(struct closing);
	*c = (struct client){.stream = http_stream_ref(http_response_stream(res, "text/event-stream", QUEUE_LIMIT)),
	                     .account_id = req->access->account_id, .session_id = q->identity.session_id,
	                     .after = after};
	*closing = (struct closing){s, c};
	/* So that the browser knows at once that it is connected. */
	(void)http_stream_send(c->stream, STR("retry: 3000\n: welcome\n\n"));
	(void)pthread_mutex_lock(&s->lock);
	c->next = s->clients;
	s->clients = c;
	(void)pthread_mutex_unlock(&s->lock);
	http_stream_on_close(c->stream, on_close, closing);
	gate_stream_wake(s);
	return 0;
}
