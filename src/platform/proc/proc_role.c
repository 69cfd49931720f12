/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/proc/proc_role.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log/log.h"
#include "base/mem/mem.h"
#include "platform/proc/proc_control.h"

#define RELINK_PAUSE (1 * USEC_PER_SEC)

/* A channel that calls and its serving thread share; the last one frees it. */
struct shared {
	struct proc_channel *channel;
	unsigned refs; /* role->lock */
};

struct link {
	const struct proc_role_peer *peer;
	struct proc_role *role;
	struct shared *current; /* role->lock */
};

struct proc_role {
	struct proc_channel *control;
	pthread_t control_thread;
	pthread_mutex_t lock; /* links' current, refs, stopping, serving, processes */
	pthread_cond_t changed;
	bool stopping;
	bool ended;       /* no links any more */
	unsigned serving; /* threads in serve_link */
	struct proc_process processes[PROC_PROCESSES_MAX];
	size_t process_count;
	struct link *links;
	size_t link_count;
	pthread_mutex_t reload_lock; /* the three below; held while on_reload runs */
	void (*on_reload)(struct str settings, void *ctx);
	void *reload_ctx;
	struct buf early; /* settings that came before on_reload was set */
};

struct serve_start {
	struct link *link;
	struct shared *shared;
};

void proc_die_with_parent(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* role->lock is held. */
static void shared_unref(struct shared *s)
{
	if (--s->refs > 0)
		return;
	proc_channel_free(s->channel);
	mem_free(s);
}

/* A link may break without a death (a peer that stalled). The supervisor brings a fresh one; it knows when the peer is
 * dead, too. role->lock is held. */
static void ask_for_link(struct link *link)
{
	struct proc_role *role = link->role;
	while (link->current == NULL && !role->ended && !role->stopping) {
		usec_t again = clock_monotonic() + RELINK_PAUSE;
		struct timespec until = {.tv_sec = again / USEC_PER_SEC, .tv_nsec = again % USEC_PER_SEC * 1000};
		int r = 0;
		while (link->current == NULL && !role->ended && !role->stopping && r != ETIMEDOUT)
			r = pthread_cond_timedwait(&role->changed, &role->lock, &until);
		if (link->current != NULL || role->ended || role->stopping)
			return;
		struct proc_message m = proc_message_init(PROC_CONTROL_RELINK);
		proc_put_str(&m, str_c(link->peer->name));
		(void)!proc_send(role->control, &m, NULL);
		proc_message_done(&m);
	}
}

static void *serve_link(void *arg)
{
	struct serve_start start = *(struct serve_start *)arg;
	struct proc_role *role = start.link->role;
	const struct proc_role_peer *peer = start.link->peer;
	struct err err = {0};
	mem_free(arg);
	if (peer->on_up != NULL)
		peer->on_up(peer->ctx);
	int r = proc_serve(start.shared->channel, peer->handler, peer->ctx, &err);
	log_err(LOG_LEVEL_DEBUG, "a link ended", &err, ARG_CSTR("peer", peer->name), ARG_I64("result", r));
	(void)pthread_mutex_lock(&role->lock);
	if (start.link->current == start.shared) {
		start.link->current = NULL;
		shared_unref(start.shared);
		shared_unref(start.shared);
		ask_for_link(start.link);
	} else {
		shared_unref(start.shared);
	}
	role->serving--;
	(void)pthread_cond_broadcast(&role->changed);
	(void)pthread_mutex_unlock(&role->lock);
	return NULL;
}

/* role->lock is held. */
static void replace_channel(struct link *link, struct shared *fresh)
{
	if (link->current != NULL) {
		proc_channel_shutdown(link->current->channel);
		shared_unref(link->current);
	}
	link->current = fresh;
}

static void link_up(struct link *link, int fd)
{
	pthread_t thread;
	struct proc_role *role = link->role;
	struct shared *s = MEM_NEW(struct shared);
	struct serve_start *start = MEM_NEW(struct serve_start);
	s->channel = proc_channel_new(fd);
	if (link->peer->accepts_fds)
		proc_channel_accept_fds(s->channel);
	if (link->peer->message_limit > 0)
		proc_channel_set_limit(s->channel, link->peer->message_limit);
	s->refs = 2; /* the link's and the thread's */
	*start = (struct serve_start){link, s};
	(void)pthread_mutex_lock(&role->lock);
	if (role->ended) {
		s->refs = 1;
		shared_unref(s);
		(void)pthread_mutex_unlock(&role->lock);
		mem_free(start);
		return;
	}
	replace_channel(link, s);
	role->serving++;
	(void)pthread_cond_broadcast(&role->changed);
	(void)pthread_mutex_unlock(&role->lock);
	if (pthread_create(&thread, NULL, serve_link, start) == 0) {
		(void)pthread_detach(thread);
		return;
	}
	/* No thread, no link: the peer sees it closed, and the supervisor's next start brings another. */
	mem_free(start);
	(void)pthread_mutex_lock(&role->lock);
	replace_channel(link, NULL);
	shared_unref(s);
	role->serving--;
	(void)pthread_mutex_unlock(&role->lock);
}

static struct link *find_link(struct proc_role *role, struct str name)
{
	for (size_t i = 0; i < role->link_count; i++)
		if (str_eq_c(name, role->links[i].peer->name))
			return &role->links[i];
	return NULL;
}

static void read_processes(struct proc_role *role, struct proc_message *m)
{
	struct proc_process list[PROC_PROCESSES_MAX] = {0};
	uint64_t count = proc_get_u64(m);
	if (count > PROC_PROCESSES_MAX)
		return;
	for (uint64_t i = 0; i < count; i++) {
		str_copy_c(proc_get_str(m, PROC_NAME_LIMIT), list[i].name, sizeof(list[i].name));
		uint64_t state = proc_get_u64(m);
		list[i].state = state < PROC_STATE__COUNT ? (enum proc_state)state : PROC_STATE_DOWN;
		list[i].since = (usec_t)proc_get_u64(m);
		list[i].restarts = proc_get_u64(m);
	}
	if (!proc_message_complete(m))
		return;
	(void)pthread_mutex_lock(&role->lock);
	memcpy(role->processes, list, sizeof(list));
	role->process_count = count;
	(void)pthread_mutex_unlock(&role->lock);
}

size_t proc_role_processes(struct proc_role *role, struct proc_process ret[PROC_PROCESSES_MAX])
{
	(void)pthread_mutex_lock(&role->lock);
	size_t n = role->process_count;
	memcpy(ret, role->processes, n * sizeof(*ret));
	(void)pthread_mutex_unlock(&role->lock);
	return n;
}

static void take_link(struct proc_role *role, struct proc_message *m)
{
	struct str name = proc_get_str(m, PROC_NAME_LIMIT);
	struct link *link = find_link(role, name);
	if (m->has_fd && proc_message_complete(m) && link != NULL)
		link_up(link, proc_take_fd(m));
	else
		log_debug("the supervisor offers a link that is not ours", ARG_STR("peer", name));
}

static void note_stop(struct proc_role *role)
{
	(void)pthread_mutex_lock(&role->lock);
	role->stopping = true;
	(void)pthread_cond_broadcast(&role->changed);
	(void)pthread_mutex_unlock(&role->lock);
}

static void reload(struct proc_role *role, struct proc_message *m)
{
	struct proc_message done = proc_message_init(PROC_CONTROL_RELOADED);
	struct str settings = proc_get_str(m, PROC_CONTROL_LIMIT);
	(void)pthread_mutex_lock(&role->reload_lock);
	if (proc_message_complete(m) && role->on_reload != NULL) {
		role->on_reload(settings, role->reload_ctx);
	} else if (!m->failed) {
		buf_clear(&role->early);
		buf_append(&role->early, settings);
	}
	(void)pthread_mutex_unlock(&role->reload_lock);
	(void)!proc_send(role->control, &done, NULL);
	proc_message_done(&done);
}

void proc_role_on_reload(struct proc_role *role, void (*fn)(struct str settings, void *ctx), void *ctx)
{
	(void)pthread_mutex_lock(&role->reload_lock);
	role->on_reload = fn;
	role->reload_ctx = ctx;
	if (role->early.n > 0)
		fn(buf_str(&role->early), ctx);
	buf_done_secret(&role->early);
	(void)pthread_mutex_unlock(&role->reload_lock);
}

static void handle_control(struct proc_role *role, struct proc_message *m)
{
	switch (m->type) {
	case PROC_CONTROL_STATE:
		read_processes(role, m);
		break;
	case PROC_CONTROL_PING:
		(void)!proc_send(role->control, m, NULL);
		break;
	case PROC_CONTROL_RELOAD:
		reload(role, m);
		break;
	case PROC_CONTROL_STOP:
		note_stop(role);
		break;
	case PROC_CONTROL_LINK:
		take_link(role, m);
		break;
	default:
		log_debug("the supervisor says something unknown", ARG_U64("type", m->type));
	}
}

/* A supervisor that is gone means stop, too. */
static void *control_main(void *arg)
{
	struct proc_role *role = arg;
	struct proc_message m;
	while (proc_receive(role->control, &m, -1, NULL) > 0) {
		handle_control(role, &m);
		proc_message_done(&m);
	}
	note_stop(role);
	return NULL;
}

static bool is_socket(int fd)
{
	int type = 0;
	socklen_t n = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET;
}

int proc_role_start(const struct proc_role_peer *peers, size_t count, struct proc_role **ret, struct err *err)
{
	pthread_condattr_t attr;
	if (!is_socket(PROC_CONTROL_FD))
		return err_set(err, -EINVAL, "proc.no_supervisor");
	(void)fcntl(PROC_CONTROL_FD, F_SETFD, FD_CLOEXEC);
	struct proc_role *role = MEM_NEW(struct proc_role);
	role->control = proc_channel_new(PROC_CONTROL_FD);
	proc_channel_accept_fds(role->control);
	proc_channel_set_limit(role->control, PROC_CONTROL_LIMIT);
	role->links = mem_alloc_array(count > 0 ? count : 1, sizeof(struct link));
	role->link_count = count;
	for (size_t i = 0; i < count; i++)
		role->links[i] = (struct link){.peer = &peers[i], .role = role};
	(void)pthread_mutex_init(&role->lock, NULL);
	(void)pthread_mutex_init(&role->reload_lock, NULL);
	role->early = BUF_INIT(PROC_CONTROL_LIMIT);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&role->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	int r = pthread_create(&role->control_thread, NULL, control_main, role);
	if (r != 0) {
		mem_free(role->links);
		proc_channel_free(role->control);
		mem_free(role);
		return err_errno(err, r, "pthread_create", STR_EMPTY);
	}
	*ret = role;
	return 0;
}

int proc_role_ready(struct proc_role *role, struct err *err)
{
	struct proc_message m = proc_message_init(PROC_CONTROL_READY);
	int r = proc_send(role->control, &m, err);
	proc_message_done(&m);
	return r;
}

int proc_role_report_silent(struct proc_role *role, const char *child, struct err *err)
{
	struct proc_message m = proc_message_init(PROC_CONTROL_SILENT);
	proc_put_str(&m, str_c(child));
	int r = proc_send(role->control, &m, err);
	proc_message_done(&m);
	return r;
}

void proc_role_wait_stop(struct proc_role *role)
{
	(void)pthread_mutex_lock(&role->lock);
	while (!role->stopping)
		(void)pthread_cond_wait(&role->changed, &role->lock);
	(void)pthread_mutex_unlock(&role->lock);
}

void proc_role_end(struct proc_role *role)
{
	(void)pthread_mutex_lock(&role->lock);
	role->stopping = role->ended = true;
	(void)pthread_cond_broadcast(&role->changed);
	for (size_t i = 0; i < role->link_count; i++)
		replace_channel(&role->links[i], NULL);
	while (role->serving > 0)
		(void)pthread_cond_wait(&role->changed, &role->lock);
	(void)pthread_mutex_unlock(&role->lock);
}

void proc_role_free(struct proc_role *role)
{
	if (role == NULL)
		return;
	proc_role_end(role);
	proc_channel_shutdown(role->control);
	(void)pthread_join(role->control_thread, NULL);
	proc_channel_free(role->control);
	(void)pthread_mutex_destroy(&role->lock);
	(void)pthread_mutex_destroy(&role->reload_lock);
	buf_done_secret(&role->early);
	(void)pthread_cond_destroy(&role->changed);
	mem_free(role->links);
	mem_free(role);
}

/* The link's channel with one more reference; waits for one until the deadline. */
static int borrow(struct proc_role *role, const char *peer, usec_t deadline, struct shared **ret, struct err *err)
{
	struct link *link = find_link(role, str_c(peer));
	struct timespec until = {.tv_sec = deadline / USEC_PER_SEC, .tv_nsec = deadline % USEC_PER_SEC * 1000};
	int r = 0;
	if (link == NULL)
		return err_set(err, -ENOENT, "proc.no_peer", ARG_CSTR("peer", peer));
	(void)pthread_mutex_lock(&role->lock);
	while (link->current == NULL && !role->stopping && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&role->changed, &role->lock, &until);
	struct shared *s = link->current;
	if (s != NULL)
		s->refs++;
	(void)pthread_mutex_unlock(&role->lock);
	if (s == NULL)
		return err_set(err, -EPIPE, "proc.peer_gone", ARG_CSTR("peer", peer));
	*ret = s;
	return 0;
}

static void give_back(struct proc_role *role, struct shared *s)
{
	(void)pthread_mutex_lock(&role->lock);
	shared_unref(s);
	(void)pthread_mutex_unlock(&role->lock);
}

int proc_role_call(struct proc_role *role, const char *peer, struct proc_message *m, struct proc_message *ret_reply,
		   int timeout_ms, struct err *err)
{
	struct shared *s = NULL;
	usec_t deadline = clock_monotonic() + timeout_ms * USEC_PER_MS;
	int r = borrow(role, peer, deadline, &s, err);
	if (r < 0)
		return r;
	usec_t left = deadline - clock_monotonic();
	r = proc_call(s->channel, m, ret_reply, left > 0 ? (int)(left / USEC_PER_MS) : 0, err);
	give_back(role, s);
	return r;
}

int proc_role_send(struct proc_role *role, const char *peer, const struct proc_message *m, int timeout_ms,
		   struct err *err)
{
	struct shared *s = NULL;
	int r = borrow(role, peer, clock_monotonic() + timeout_ms * USEC_PER_MS, &s, err);
	if (r < 0)
		return r;
	r = proc_send(s->channel, m, err);
	give_back(role, s);
	return r;
}
