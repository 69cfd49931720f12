/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One thread: reads many datagrams with one call, knows senders again from a table, writes them all at once. */
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/listen/listen_frame.h"
#include "engine/listen/listen_internal.h"

#define AT_ONCE 256
#define DATAGRAM ((size_t)64 << 10)
#define RECEIVE_BYTES (32 << 20) /* a second's worth at a high rate; the kernel may grant less */
#define KNOWN_MAX 8192           /* a power of two */
#define LOOK_EVERY (1 * USEC_PER_SEC)

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif

struct known {
	struct event_address peer; /* not set: free */
	bool refused;
	struct event_sender sender;
};

struct listen_udp {
	const struct listen_config *config;
	struct listen_rates *rates;
	int fd, end_fd;
	unsigned port;
	atomic_bool stopping;
	pthread_t thread;
	bool started;
	struct listen_round round;
	struct known *known;
	uint64_t senders_version; /* of the table */
	uint32_t kernel_dropped;  /* the socket's counter when last seen; it wraps */
	usec_t looked;
	/* for recvmmsg */
	char *space;
	struct mmsghdr heads[AT_ONCE];
	struct iovec vectors[AT_ONCE];
	struct sockaddr_in6 peers[AT_ONCE];
	struct {
		_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(uint32_t))];
	} controls[AT_ONCE];
};

static void note_kernel_drops(struct listen_udp *u, uint32_t counter)
{
	uint32_t more = counter - u->kernel_dropped;
	/* Both ways of asking read the same counter; the older answer is no news. */
	if (more == 0 || more > UINT32_MAX / 2)
		return;
	u->kernel_dropped = counter;
	event_sources_kernel_dropped(event_pipeline_sources(u->config->events), more);
}

/* A flood that ends leaves its count in the socket, where no datagram brings it any more. */
static void look_at_socket(struct listen_udp *u)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(info);
	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 && size == sizeof(info))
		note_kernel_drops(u, info[SK_MEMINFO_DROPS]);
}

static void read_control(struct listen_udp *u, struct msghdr *head)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c != NULL; c = CMSG_NXTHDR(head, c)) {
		uint32_t counter;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&counter, CMSG_DATA(c), sizeof(counter));
		note_kernel_drops(u, counter);
	}
}

static const struct known *who(struct listen_udp *u, const struct event_address *peer, usec_t now)
{
	uint64_t h = 0;
	for (size_t i = 0; i < sizeof(peer->ip); i++)
		h = (h ^ peer->ip[i]) * 0x100000001b3; /* FNV-1a */
	struct known *k = &u->known[(h ^ h >> 32) % KNOWN_MAX];
	if (!k->peer.set || memcmp(k->peer.ip, peer->ip, sizeof(peer->ip)) != 0) {
		k->peer = *peer;
		k->refused = !listen_identify(u->config, peer, "", now, &k->sender);
	}
	return k;
}

static void take(struct listen_udp *u, struct msghdr *head, struct str text, usec_t now, usec_t mono)
{
	struct event_sources *sources = event_pipeline_sources(u->config->events);
	struct event_address peer = event_address_of_peer(head->msg_name);
	text = listen_frame_trim(text);
	if (text.n == 0)
		return;
	const struct known *k = who(u, &peer, now);
	if (k->refused || listen_is_unknown(&k->sender))
		event_sources_stranger(sources, &peer, STR_EMPTY, EVENT_VIA_UDP, text, k->refused ? 1 : 0, now);
	if (k->refused)
		return;
	if ((head->msg_flags & MSG_TRUNC) != 0)
		event_sources_rejected(sources, &k->sender.id, "listen.too_long", 1);
	else if (listen_rate_pass(u->rates, &k->sender, 1, mono) == 0)
		event_sources_limited(sources, &k->sender.id, 1);
	else
		listen_round_add(&u->round, &k->sender, text);
}

/* true: there may be more. */
static bool receive(struct listen_udp *u)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		u->vectors[i] = (struct iovec){&u->space[i * DATAGRAM], DATAGRAM};
		u->heads[i].msg_hdr = (struct msghdr){.msg_name = &u->peers[i], .msg_namelen = sizeof(u->peers[i]),
		                                      .msg_iov = &u->vectors[i], .msg_iovlen = 1,
		                                      .msg_control = u->controls[i].bytes,
		                                      .msg_controllen = sizeof(u->controls[i].bytes)};
	}
	int n = recvmmsg(u->fd, u->heads, AT_ONCE, MSG_DONTWAIT, NULL);
	usec_t now = clock_now(), mono = clock_monotonic();
	for (int i = 0; i < n; i++) {
		if (listen_round_full(&u->round))
			listen_round_commit(&u->round);
		take(u, &u->heads[i].msg_hdr, str_n(u->vectors[i].iov_base, u->heads[i].msg_len), now, mono);
	}
	if (n > 0)
		read_control(u, &u->heads[n - 1].msg_hdr);
	return n == AT_ONCE;
}

static void *udp_main(void *ctx)
{
	struct listen_udp *u = ctx;
	while (!atomic_load(&u->stopping)) {
		struct pollfd wait[] = {{.fd = u->fd, .events = POLLIN}, {.fd = u->end_fd, .events = POLLIN}};
		(void)poll(wait, ARRAY_LEN(wait), u->round.count > 0 ? 1 : 1000);
		uint64_t version = event_pipeline_senders_version(u->config->events);
		if (version != u->senders_version) {
			memset(u->known, 0, KNOWN_MAX * sizeof(*u->known));
			u->senders_version = version;
		}
		while (receive(u) && !atomic_load(&u->stopping))
			;
		usec_t mono = clock_monotonic();
		if (listen_round_due(&u->round, mono))
			listen_round_commit(&u->round);
		if (mono - u->looked >= LOOK_EVERY) {
			u->looked = mono;
			look_at_socket(u);
		}
	}
	listen_round_commit(&u->round);
	return NULL;
}

int listen_udp_start(const struct listen_config *config, struct listen_rates *rates, struct listen_udp **ret, struct err *err)
{
	struct listen_udp *u = MEM_NEW(struct listen_udp);
	const int on = 1, bytes = RECEIVE_BYTES;
	u->config = config;
	u->rates = rates;
	u->fd = -1;
	u->end_fd = eventfd(0, EFD_CLOEXEC);
	listen_round_init(&u->round, config, EVENT_VIA_UDP, &u->stopping);
	u->known = mem_alloc_array(KNOWN_MAX, sizeof(*u->known));
	u->space = mem_alloc_array(AT_ONCE, DATAGRAM);
	int r = u->end_fd < 0 ? err_errno(err, errno, "eventfd", STR_EMPTY)
	                      : listen_socket(config->address, config->udp_port, true, &u->fd, &u->port, err);
	if (r == 0) {
		/* Past net.core.rmem_max only for who may; else what is granted. */
		if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
			(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
		(void)setsockopt(u->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
		int e = pthread_create(&u->thread, NULL, udp_main, u);
		u->started = e == 0;
		r = e == 0 ? 0 : err_errno(err, e, "pthread_create", STR_EMPTY);
	}
	if (r < 0) {
		listen_udp_stop(u);
		return r;
	}
	*ret = u;
	return 0;
}

void listen_udp_stop(struct listen_udp *u)
{
	const uint64_t one = 1;
	if (u == NULL)
		return;
	atomic_store(&u->stopping, true);
	(void)!write(u->end_fd, &one, sizeof(one));
	if (u->started)
		(void)pthread_join(u->thread, NULL);
	file_close(&u->fd);
	file_close(&u->end_fd);
	listen_round_done(&u->round);
	mem_free(u->known);
	mem_free(u->space);
	mem_free(u);
}

unsigned listen_udp_port(const struct listen_udp *u)
{
	return u->port;
}
