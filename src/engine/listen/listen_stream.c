/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * TCP and TLS: some workers, each a thread with an epoll set and connections of its own. A worker reads what there is,
 * and when messages have waited for `linger_ms` or a round is full it has them written, reading nothing meanwhile: that is
 * the back-pressure.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "engine/listen/listen_stream_internal.h"

#define EVENTS_AT_ONCE 128
#define READ_BYTES ((size_t)64 << 10)
#define READS_AT_ONCE 8       /* before others have their turn */
#define CONNECTIONS 4096
#define PER_ADDRESS 64
#define IDLE_S 3600
#define MESSAGE_S 60
#define HANDSHAKE_S 15        /* also how long a stranger may take for its first bytes */
#define LOOK_EVERY (USEC_PER_SEC / 4)
#define AWAY USEC_PER_SEC      /* longer than a worker that reads is between two looks */
#define TIMES(seconds, fallback) ((usec_t)((seconds) > 0 ? (seconds) : (fallback)) * USEC_PER_SEC)

struct worker {
	struct listen_stream *of;
	pthread_t thread;
	bool started;
	int epoll_fd;
	struct listen_round round;
	struct listen_connection *connections;
	uint64_t senders_version;
	usec_t looked;
};

struct listen_stream {
	const struct listen_config *config;
	struct listen_rates *rates;
	struct http_tls *tls;
	enum event_via via;
	struct listen_peers *peers;
	int fd, end_fd;
	unsigned port;
	atomic_bool stopping;
	struct worker *workers;
	unsigned worker_count;
};

static struct event_sources *sources_of(const struct worker *w)
{
	return event_pipeline_sources(w->of->config->events);
}

/* ---- a connection ---- */

static void watch(struct worker *w, struct listen_connection *c)
{
	bool write = c->state == LISTEN_HANDSHAKE && c->tls != NULL && listen_tls_wants_write(c->tls);
	struct epoll_event event = {.events = c->paused_until != 0 ? 0u : write ? EPOLLOUT : EPOLLIN, .data = {.ptr = c}};
	(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void hang_up(struct worker *w, struct listen_connection *c)
{
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		w->connections = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	listen_peers_remove(w->of->peers, &c->peer);
	event_sources_connections(sources_of(w), -1, 0);
	listen_tls_free(c->tls);
	/* Closing alone would not do when another process has the descriptor, too. */
	(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	file_close(&c->fd);
	buf_done(&c->in);
	mem_free(c);
}

static void refuse(const struct worker *w, const struct listen_connection *c, const struct err *why)
{
	char peer[EVENT_ADDRESS_TEXT];
	(void)event_address_text(&c->peer, peer);
	if (c->state == LISTEN_OPEN)
		event_sources_rejected(sources_of(w), &c->sender.id, why->key, 1);
	log_err(LOG_LEVEL_DEBUG, "a listener refused what was sent", why, ARG_CSTR("peer", peer));
}

static void identify(struct worker *w, struct listen_connection *c)
{
	const struct listen_config *config = w->of->config;
	bool by_certificate_only = w->of->tls != NULL && config->require_certificate;
	bool known = by_certificate_only
			     ? event_pipeline_find_sender(config->events, str_c(c->fingerprint), clock_now(), &c->sender)
			     : listen_identify(config, &c->peer, c->fingerprint, clock_now(), &c->sender);
	c->state = known ? LISTEN_OPEN : LISTEN_STRANGER;
	if (known && listen_is_unknown(&c->sender))
		event_sources_stranger(sources_of(w), &c->peer, str_c(c->fingerprint), w->of->via, STR_EMPTY, 0, clock_now());
}

/* Whole messages go into the round. false: the stream is broken. */
static bool take_messages(struct worker *w, struct listen_connection *c, bool ended, uint64_t *ret_count)
{
	size_t at = 0;
	for (;;) {
		struct str message;
		struct err err = {0};
		switch (listen_frame_next(&c->framer, buf_str(&c->in), &at, ended, &message, &err)) {
		case LISTEN_STEP_MESSAGE:
			if (listen_round_full(&w->round))
				listen_round_commit(&w->round);
			listen_round_add(&w->round, &c->sender, message);
			++*ret_count;
			break;
		case LISTEN_STEP_REFUSED:
			refuse(w, c, &err);
			break;
		case LISTEN_STEP_BROKEN:
			refuse(w, c, &err);
			return false;
		case LISTEN_STEP_MORE:
			buf_consume(&c->in, at);
			return true;
		}
	}
}

static void note_stranger(struct worker *w, struct listen_connection *c)
{
	event_sources_stranger(sources_of(w), &c->peer, str_c(c->fingerprint), w->of->via, buf_str(&c->in), 1, clock_now());
}

static ssize_t read_some(struct listen_connection *c)
{
	if (!buf_reserve(&c->in, READ_BYTES))
		return LISTEN_READ_FAILED;
	void *end = &c->in.p[c->in.n];
	ssize_t n = c->tls != NULL ? listen_tls_read(c->tls, end, READ_BYTES) : recv(c->fd, end, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && c->tls == NULL)
		n = errno == EAGAIN || errno == EINTR ? LISTEN_READ_LATER : LISTEN_READ_FAILED;
	if (n > 0)
		c->in.n += (size_t)n;
	return n;
}

/* After a read: what it means for time and rate. */
static void account(struct worker *w, struct listen_connection *c, uint64_t messages, usec_t now)
{
	c->heard = now;
	if (c->in.n == 0)
		c->message_since = 0;
	else if (messages > 0 || c->message_since == 0)
		c->message_since = now;
	if (c->in.n == 0 && c->in.capacity > READ_BYTES * 2)
		buf_done(&c->in);
	usec_t wait = messages > 0 ? listen_rate_charge(w->of->rates, &c->sender, messages, now) : 0;
	if (wait > 0) {
		event_sources_limited(sources_of(w), &c->sender.id, messages);
		c->paused_until = now + wait;
		watch(w, c);
	}
}

/* false: it is over. */
static bool read_messages(struct worker *w, struct listen_connection *c)
{
	for (unsigned i = 0; i < READS_AT_ONCE || (c->tls != NULL && listen_tls_pending(c->tls)); i++) {
		uint64_t messages = 0;
		ssize_t n = read_some(c);
		if (n == LISTEN_READ_LATER)
			return true;
		if (c->state == LISTEN_STRANGER)
			note_stranger(w, c);
		if (c->state == LISTEN_STRANGER || (n < 0 && c->in.n == 0))
			return false;
		bool goes_on = take_messages(w, c, n <= 0, &messages);
		if (n <= 0 || !goes_on)
			return false;
		account(w, c, messages, clock_monotonic());
		if (c->paused_until != 0)
			return true;
	}
	return true;
}

static bool shake_hands(struct worker *w, struct listen_connection *c)
{
	struct err err = {0};
	int r = listen_tls_handshake(c->tls, c->fingerprint, &err);
	if (r == LISTEN_READ_FAILED) {
		refuse(w, c, &err);
		return false;
	}
	if (r == 1)
		identify(w, c);
	watch(w, c);
	return r != 1 || !listen_tls_pending(c->tls) || read_messages(w, c);
}

static void serve(struct worker *w, struct listen_connection *c)
{
	if (!(c->state == LISTEN_HANDSHAKE ? shake_hands(w, c) : read_messages(w, c)))
		hang_up(w, c);
}

/* ---- a worker ---- */

static void welcome(struct worker *w, int fd, const struct event_address *peer)
{
	const int on = 1;
	struct listen_connection *c = MEM_NEW(struct listen_connection);
	c->fd = fd;
	c->peer = *peer;
	c->in = BUF_INIT(EVENT_LINE_LIMIT + 4 * READ_BYTES);
	c->opened = c->heard = clock_monotonic();
	c->next = w->connections;
	if (c->next != NULL)
		c->next->previous = c;
	w->connections = c;
	event_sources_connections(sources_of(w), 1, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
	if (w->of->tls != NULL)
		c->tls = listen_tls_new(w->of->tls, fd, w->of->config->require_certificate);
	else
		identify(w, c);
	if ((w->of->tls != NULL && c->tls == NULL) || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		hang_up(w, c);
}

static void accept_some(struct worker *w)
{
	for (unsigned i = 0; i < EVENTS_AT_ONCE; i++) {
		struct sockaddr_in6 at = {0};
		socklen_t size = sizeof(at);
		int fd = accept4(w->of->fd, (struct sockaddr *)&at, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		struct event_address peer = event_address_of_peer((const struct sockaddr *)&at);
		if (listen_peers_add(w->of->peers, &peer)) {
			welcome(w, fd, &peer);
			continue;
		}
		event_sources_connections(sources_of(w), 0, 1);
		file_close(&fd);
	}
}

/* What took too long. NULL: nothing did. */
static const char *overdue(const struct worker *w, const struct listen_connection *c, usec_t now)
{
	const struct listen_config *config = w->of->config;
	if (c->state != LISTEN_OPEN)
		return now - c->opened > HANDSHAKE_S * USEC_PER_SEC ? "listen.handshake_slow" : NULL;
	if (c->paused_until != 0)
		return NULL;
	if (c->message_since != 0 && now - c->message_since > TIMES(config->message_s, MESSAGE_S))
		return "listen.message_slow";
	return now - c->heard > TIMES(config->idle_s, IDLE_S) ? "listen.idle" : NULL;
}

static void look_at(struct worker *w, struct listen_connection *c, bool senders_changed, usec_t now)
{
	struct err err = {0};
	if (senders_changed && c->state == LISTEN_OPEN) {
		identify(w, c);
		if (c->state == LISTEN_STRANGER) {
			hang_up(w, c);
			return;
		}
	}
	const char *why = overdue(w, c, now);
	if (c->state == LISTEN_STRANGER && why != NULL)
		note_stranger(w, c);
	if (why != NULL) {
		/* An idle sender has done nothing wrong. */
		if (strcmp(why, "listen.message_slow") == 0) {
			(void)err_set(&err, -ETIMEDOUT, why, ARG_U64("byte", c->framer.passed));
			refuse(w, c, &err);
		}
		hang_up(w, c);
	} else if (c->paused_until != 0 && now >= c->paused_until) {
		c->paused_until = 0;
		watch(w, c);
		if (c->tls != NULL && listen_tls_pending(c->tls))
			serve(w, c);
	}
}

/* While a round waited for room nothing was read: no sender is to blame for that time. */
static void forgive(struct worker *w, usec_t away, usec_t now)
{
	for (struct listen_connection *c = w->connections; c != NULL; c = c->next) {
		usec_t *since[] = {&c->opened, &c->heard, &c->message_since};
		for (size_t i = 0; i < ARRAY_LEN(since); i++)
			if (*since[i] != 0)
				*since[i] = *since[i] + away < now ? *since[i] + away : now;
	}
}

static void keep_house(struct worker *w)
{
	usec_t now = clock_monotonic(), away = now - w->looked;
	if (away < LOOK_EVERY)
		return;
	if (away > AWAY)
		forgive(w, away, now);
	w->looked = now;
	uint64_t version = event_pipeline_senders_version(w->of->config->events);
	bool changed = version != w->senders_version;
	w->senders_version = version;
	for (struct listen_connection *c = w->connections, *next; c != NULL; c = next) {
		next = c->next;
		look_at(w, c, changed, now);
	}
}

static void *worker_main(void *ctx)
{
	struct worker *w = ctx;
	struct epoll_event events[EVENTS_AT_ONCE];
	while (!atomic_load(&w->of->stopping)) {
		int n = epoll_wait(w->epoll_fd, events, EVENTS_AT_ONCE, w->round.count > 0 ? 1 : 250);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == w->of)
				accept_some(w);
			else if (events[i].data.ptr != NULL)
				serve(w, events[i].data.ptr);
		}
		if (listen_round_due(&w->round, clock_monotonic()))
			listen_round_commit(&w->round);
		keep_house(w);
	}
	listen_round_commit(&w->round);
	while (w->connections != NULL)
		hang_up(w, w->connections);
	return NULL;
}

/* ---- start and stop ---- */

static int start_worker(struct listen_stream *s, struct worker *w, struct err *err)
{
	struct epoll_event listener = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.ptr = s}};
	struct epoll_event end = {.events = EPOLLIN, .data = {.ptr = NULL}};
	w->of = s;
	listen_round_init(&w->round, s->config, s->via, &s->stopping);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, s->fd, &listener) < 0 ||
	    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, s->end_fd, &end) < 0)
		return err_errno(err, errno, "epoll", STR_EMPTY);
	w->senders_version = event_pipeline_senders_version(s->config->events);
	w->looked = clock_monotonic();
	int e = pthread_create(&w->thread, NULL, worker_main, w);
	w->started = e == 0;
	return e == 0 ? 0 : err_errno(err, e, "pthread_create", STR_EMPTY);
}

int listen_stream_start(const struct listen_config *config, struct listen_rates *rates, struct http_tls *tls, int port,
                        unsigned threads, struct listen_stream **ret, struct err *err)
{
	struct listen_stream *s = MEM_NEW(struct listen_stream);
	s->config = config;
	s->rates = rates;
	s->tls = tls;
	s->via = tls != NULL ? EVENT_VIA_TLS : EVENT_VIA_TCP;
	s->fd = -1;
	s->end_fd = eventfd(0, EFD_CLOEXEC);
	s->peers = listen_peers_new(config->max_connections > 0 ? config->max_connections : CONNECTIONS,
	                            config->max_per_address > 0 ? config->max_per_address : PER_ADDRESS);
	s->workers = mem_alloc_array(threads, sizeof(*s->workers));
	int r = s->end_fd < 0 ? err_errno(err, errno, "eventfd", STR_EMPTY)
	                      : listen_socket(config->address, port, false, &s->fd, &s->port, err);
	while (r == 0 && s->worker_count < threads)
		r = start_worker(s, &s->workers[s->worker_count++], err);
	if (r < 0) {
		listen_stream_stop(s);
		return r;
	}
	*ret = s;
	return 0;
}

void listen_stream_stop(struct listen_stream *s)
{
	const uint64_t one = 1;
	if (s == NULL)
		return;
	atomic_store(&s->stopping, true);
	(void)!write(s->end_fd, &one, sizeof(one));
	for (unsigned i = 0; i < s->worker_count; i++) {
		struct worker *w = &s->workers[i];
		if (w->started)
			(void)pthread_join(w->thread, NULL);
		file_close(&w->epoll_fd);
		listen_round_done(&w->round);
	}
	file_close(&s->fd);
	file_close(&s->end_fd);
	listen_peers_free(s->peers);
	mem_free(s->workers);
	mem_free(s);
}

unsigned listen_stream_port(const struct listen_stream *s)
{
	return s->port;
}
