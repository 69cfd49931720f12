/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_handshake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"

#define EVENTS_AT_ONCE 64

struct http_handshakes {
	int epoll_fd, end_fd;
	pthread_t thread;
	pthread_mutex_t lock;
	bool ending;                 /* lock */
	struct http_handshake *list; /* lock; those that wait */
};

/* Lock held. */
static void let_go(struct http_handshakes *all, struct http_handshake *h)
{
	(void)epoll_ctl(all->epoll_fd, EPOLL_CTL_DEL, h->fd, NULL);
	if (h->previous != NULL)
		h->previous->next = h->next;
	else
		all->list = h->next;
	if (h->next != NULL)
		h->next->previous = h->previous;
	h->next = h->previous = NULL;
	h->waiting = false;
	h->hold(h->ctx, false);
}

/* Lock held. Suspends only what is sure to be woken. */
static void wait_for_client(struct http_handshakes *all, struct http_handshake *h)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data = {.ptr = h}};
	if (all->ending || h->waiting || epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, h->fd, &event) < 0)
		return;
	h->waiting = true;
	h->next = all->list;
	if (h->next != NULL)
		h->next->previous = h;
	all->list = h;
	h->hold(h->ctx, true);
}

/* A connection that waits is closed by nobody until it is let go, so what epoll names is there. */
static void *main_loop(void *arg)
{
	struct http_handshakes *all = arg;
	struct epoll_event events[EVENTS_AT_ONCE];
	for (;;) {
		int n = epoll_wait(all->epoll_fd, events, EVENTS_AT_ONCE, -1);
		(void)pthread_mutex_lock(&all->lock);
		for (int i = 0; i < n; i++)
			if (events[i].data.ptr != all)
				let_go(all, events[i].data.ptr);
		bool ending = all->ending;
		(void)pthread_mutex_unlock(&all->lock);
		if (ending)
			return NULL;
	}
}

int http_handshakes_new(struct http_handshakes **ret, struct err *err)
{
	struct http_handshakes *all = MEM_NEW(struct http_handshakes);
	struct epoll_event end = {.events = EPOLLIN, .data = {.ptr = all}};
	(void)pthread_mutex_init(&all->lock, NULL);
	all->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	all->end_fd = eventfd(0, EFD_CLOEXEC);
	if (all->epoll_fd < 0 || all->end_fd < 0 || epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, all->end_fd, &end) < 0) {
		int r = err_errno(err, errno, "epoll", STR_EMPTY);
		http_handshakes_free(all);
		return r;
	}
	if (pthread_create(&all->thread, NULL, main_loop, all) != 0)
		abort();
	*ret = all;
	return 0;
}

void http_handshakes_end(struct http_handshakes *all)
{
	const uint64_t one = 1;
	if (all == NULL)
		return;
	(void)pthread_mutex_lock(&all->lock);
	all->ending = true;
	(void)pthread_mutex_unlock(&all->lock);
	/* An eventfd that was never written to takes a 1. */
	(void)!write(all->end_fd, &one, sizeof one);
	(void)pthread_join(all->thread, NULL);
	(void)pthread_mutex_lock(&all->lock);
	while (all->list != NULL)
		let_go(all, all->list);
	(void)pthread_mutex_unlock(&all->lock);
}

void http_handshakes_free(struct http_handshakes *all)
{
	if (all == NULL)
		return;
	file_close(&all->epoll_fd);
	file_close(&all->end_fd);
	(void)pthread_mutex_destroy(&all->lock);
	mem_free(all);
}

/* ---- what GnuTLS calls ---- */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t n)
{
	struct http_handshake *h = ptr;
	ssize_t got = recv(h->fd, data, n, 0);
	int why = errno;
	if (got < 0 && !h->done && why == EAGAIN) {
		(void)pthread_mutex_lock(&h->all->lock);
		wait_for_client(h->all, h);
		(void)pthread_mutex_unlock(&h->all->lock);
	}
	errno = why;
	return got;
}

/* The client's Finished is the last that a handshake waits for, in 1.2 and 1.3; afterwards libmicrohttpd does it right. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming, const gnutls_datum_t *message)
{
	gnutls_transport_ptr_t from = NULL, to = NULL;
	(void)type;
	(void)when;
	(void)message;
	gnutls_transport_get_ptr2(session, &from, &to);
	if (incoming != 0)
		((struct http_handshake *)from)->done = true;
	return 0;
}

void http_handshake_watch(struct http_handshakes *all, struct http_handshake *h, gnutls_session_t session)
{
	gnutls_transport_ptr_t from = NULL, to = NULL;
	h->all = all;
	gnutls_transport_get_ptr2(session, &from, &to);
	gnutls_transport_set_ptr2(session, h, to);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
}
