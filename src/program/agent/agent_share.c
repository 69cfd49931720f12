/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_share.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/file/file_map.h"
#include "base/log/log.h"
#include "engine/malware/malware_bundle.h"
#include "platform/http/http.h"
#include "program/agent/agent_share_message.h"

#define PEERS_MOST 256
#define DATAGRAMS_A_SECOND 300
#define HEAR_EACH_OTHER (2 * USEC_PER_SEC)
#define SAY_BUSY (3 * USEC_PER_SEC)
#define SAY_IDLE (30 * USEC_PER_SEC)
#define HAVE_FOR (100 * USEC_PER_SEC) /* three words lost */
#define BAD_FOR USEC_PER_MINUTE
#define POLL_MS 250
#define CHUNK_TIMEOUT_S 20
#define HEAD_LIMIT ((size_t)9 << 20)

struct neighbour {
	struct agent_share_word word;
	struct in_addr address;
	usec_t heard_at, bad_until; /* monotonic */
};

struct agent_share {
	pthread_mutex_t lock;
	pthread_rwlock_t stock_lock; /* map, stock, head */
	pthread_t thread;
	bool started;
	char *ca_pem, *cert_pem;           /* constant */
	struct buf key_pem;                /* constant */
	struct buf cert_der;               /* constant */
	struct crypto_key *key;            /* constant */
	int udp;                           /* the thread's */
	struct http_server *server;        /* the thread's; NULL: closed */
	atomic_bool stopping;
	atomic_ullong given_bytes, strangers;
	bool allowed;                      /* lock, like what follows */
	struct agent_share_word word;      /* what we say */
	usec_t want_since, said_at;
	bool news;
	struct neighbour peers[PEERS_MOST];
	unsigned peer_count;
	struct file_map map; /* stock_lock */
	struct distribution_stock *stock;
	char offered[SHA256_HEX_SIZE];
};

struct agent_share_peer {
	struct agent_share *share;
	struct uuid id;
	struct http_client *client;
};

/* ---- giving ---- */

static void answer(struct http_response *res, int status)
{
	res->status = status;
	res->content_type = "text/plain";
}

static void give_head(struct http_request *req, struct http_response *res, void *context)
{
	struct agent_share *s = context;
	(void)pthread_rwlock_rdlock(&s->stock_lock);
	bool have = req->client_cert_der.n > 0 && s->stock != NULL && str_eq_c(http_param(req, "manifest"), s->offered);
	if (have) {
		res->body = BUF_INIT(HEAD_LIMIT);
		buf_append(&res->body, str_sub(s->map.bytes, 0, malware_bundle_head_size(s->map.bytes)));
		res->content_type = "application/octet-stream";
		atomic_fetch_add(&s->given_bytes, res->body.n);
	}
	(void)pthread_rwlock_unlock(&s->stock_lock);
	if (!have)
		answer(res, req->client_cert_der.n > 0 ? 404 : 403);
}

static void give_chunk(struct http_request *req, struct http_response *res, void *context)
{
	struct agent_share *s = context;
	unsigned char name[SHA256_SIZE];
	cleanup_buf struct buf bytes = BUF_INIT(DISTRIBUTION_CHUNK_MOST);
	bool have = false;
	if (req->client_cert_der.n > 0 && str_parse_hex(http_param(req, "name"), name, sizeof name)) {
		(void)pthread_rwlock_rdlock(&s->stock_lock);
		have = s->stock != NULL && distribution_stock_get(s->stock, name, &bytes);
		(void)pthread_rwlock_unlock(&s->stock_lock);
	}
	if (!have) {
		answer(res, req->client_cert_der.n > 0 ? 404 : 403);
		return;
	}
	res->body = BUF_INIT(DISTRIBUTION_PACKED_MOST + 64);
	distribution_pack(buf_str(&bytes), &res->body);
	res->content_type = "application/octet-stream";
	atomic_fetch_add(&s->given_bytes, res->body.n);
}

static const struct http_route routes[] = {
	{.method = "GET", .path = "/share/v1/heads/{manifest}", .handler = give_head},
	{.method = "GET", .path = "/share/v1/chunks/{name}", .handler = give_chunk},
	{.method = NULL},
};

static void drop_stock(struct agent_share *s)
{
	distribution_stock_free(s->stock);
	s->stock = NULL;
	file_unmap(&s->map);
	s->offered[0] = '\0';
}

void agent_share_offer(struct agent_share *s, const char *container_path, uint64_t version, const char *manifest_hex)
{
	struct file_map map = {.handle = NULL};
	struct distribution_stock *stock = NULL;
	struct err err = {0};
	(void)version;
	int r = file_map(container_path, MALWARE_BUNDLE_LIMIT, &map, &err);
	if (r >= 0)
		r = distribution_stock_new(str_sub(map.bytes, malware_bundle_head_size(map.bytes), map.bytes.n), &stock, &err);
	(void)pthread_rwlock_wrlock(&s->stock_lock);
	drop_stock(s);
	if (r >= 0) {
		s->map = map;
		s->stock = stock;
		str_copy_c(str_c(manifest_hex), s->offered, sizeof s->offered);
	}
	(void)pthread_rwlock_unlock(&s->stock_lock);
	if (r < 0) {
		file_unmap(&map);
		log_err(LOG_LEVEL_WARN, "the installed signatures cannot be offered to neighbours", &err);
	}
	(void)pthread_mutex_lock(&s->lock);
	str_copy_c(r >= 0 ? str_c(manifest_hex) : STR_EMPTY, s->word.have, sizeof s->word.have);
	s->news = true;
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- telling and hearing ---- */

static void tell(struct agent_share *s, struct str datagram)
{
	struct ifaddrs *list = NULL;
	if (getifaddrs(&list) < 0)
		return;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		const unsigned needs = IFF_UP | IFF_BROADCAST;
		struct sockaddr_in to;
		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & needs) != needs || i->ifa_broadaddr == NULL)
			continue;
		memcpy(&to, i->ifa_broadaddr, sizeof to);
		to.sin_port = htons(AGENT_SHARE_UDP_PORT);
		/* A line that is down now is tried again with the next word. */
		(void)!sendto(s->udp, datagram.p, datagram.n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof to);
	}
	freeifaddrs(list);
}

static void say(struct agent_share *s)
{
	cleanup_buf struct buf out = BUF_INIT(AGENT_SHARE_MESSAGE_MOST + 1024);
	struct err err = {0};
	usec_t now = clock_monotonic();
	(void)pthread_mutex_lock(&s->lock);
	bool busy = s->word.want[0] != '\0';
	usec_t age = now - s->said_at;
	bool due = s->allowed && (busy || s->word.have[0] != '\0') && (age >= (busy ? SAY_BUSY : SAY_IDLE) || (s->news && age >= USEC_PER_SEC / 2));
	if (due) {
		uint64_t next = (uint64_t)clock_now();
		s->word.sequence = next > s->word.sequence ? next : s->word.sequence + 1;
		s->said_at = now;
		s->news = false;
	}
	struct agent_share_word word = s->word;
	(void)pthread_mutex_unlock(&s->lock);
	if (!due)
		return;
	if (agent_share_write(&word, buf_str(&s->cert_der), s->key, &out, &err) < 0)
		log_err(LOG_LEVEL_WARN, "neighbours could not be told", &err);
	else
		tell(s, buf_str(&out));
}

static struct neighbour *find(struct agent_share *s, const struct uuid *id, usec_t now)
{
	struct neighbour *oldest = &s->peers[0];
	for (unsigned i = 0; i < s->peer_count; i++) {
		if (memcmp(&s->peers[i].word.id, id, sizeof *id) == 0)
			return &s->peers[i];
		if (s->peers[i].heard_at < oldest->heard_at)
			oldest = &s->peers[i];
	}
	struct neighbour *n = s->peer_count < PEERS_MOST ? &s->peers[s->peer_count++] : oldest;
	*n = (struct neighbour){.heard_at = now};
	return n;
}

static void take(struct agent_share *s, const struct agent_share_word *word, struct in_addr from)
{
	usec_t now = clock_monotonic();
	(void)pthread_mutex_lock(&s->lock);
	if (memcmp(&word->id, &s->word.id, sizeof word->id) != 0) {
		struct neighbour *n = find(s, &word->id, now);
		if (word->sequence > n->word.sequence) {
			n->word = *word;
			n->address = from;
			n->heard_at = now;
			/* Somebody wants what we have: said at once, not in half a minute. */
			s->news = s->news || (word->want[0] != '\0' && strcmp(word->want, s->word.have) == 0 && !word->fetching);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
}

static void hear(struct agent_share *s, unsigned *budget)
{
	char bytes[AGENT_SHARE_MESSAGE_MOST + 1];
	for (;;) {
		struct sockaddr_in from = {.sin_family = AF_INET};
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(s->udp, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
		if (n < 0)
			return;
		if (*budget == 0)
			continue; /* a flood costs its reading only */
		(*budget)--;
		struct agent_share_word word;
		(void)pthread_mutex_lock(&s->lock);
		bool allowed = s->allowed;
		(void)pthread_mutex_unlock(&s->lock);
		if (!allowed)
			continue;
		if (agent_share_read(str_n(bytes, (size_t)n), str_c(s->ca_pem), clock_now(), &word, NULL) < 0)
			atomic_fetch_add(&s->strangers, 1);
		else
			take(s, &word, from.sin_addr);
	}
}

/* The policy opens and closes the port. */
static void open_or_close(struct agent_share *s)
{
	struct err err = {0};
	(void)pthread_mutex_lock(&s->lock);
	bool allowed = s->allowed;
	(void)pthread_mutex_unlock(&s->lock);
	if (allowed == (s->server != NULL))
		return;
	if (!allowed) {
		http_server_stop(s->server);
		s->server = NULL;
		return;
	}
	const struct http_config config = {
		.address = "0.0.0.0", .port = AGENT_SHARE_TLS_PORT, .cert_pem = s->cert_pem, .key_pem = s->key_pem.p, .client_ca_pem = s->ca_pem,
		.routes = routes, .context = s, .loop_threads = 1, .worker_threads = 2, .max_connections = 32, .max_per_address = 4,
		.idle_timeout_s = 20, .request_timeout_s = 10};
	if (http_server_start(&config, &s->server, &err) >= 0)
		return;
	log_err(LOG_LEVEL_WARN, "signatures cannot be given to neighbours", &err);
	agent_share_allow(s, false); /* until the server says so again */
}

static void *main_loop(void *arg)
{
	struct agent_share *s = arg;
	usec_t second = 0;
	unsigned budget = 0;
	while (!atomic_load(&s->stopping)) {
		struct pollfd p = {.fd = s->udp, .events = POLLIN};
		(void)poll(&p, 1, POLL_MS);
		if (clock_monotonic() - second >= USEC_PER_SEC) {
			second = clock_monotonic();
			budget = DATAGRAMS_A_SECOND;
		}
		open_or_close(s);
		hear(s, &budget);
		say(s);
	}
	return NULL;
}

/* ---- whose turn ---- */

void agent_share_want(struct agent_share *s, uint64_t version, const char *manifest_hex)
{
	(void)version;
	(void)pthread_mutex_lock(&s->lock);
	str_copy_c(str_c(manifest_hex), s->word.want, sizeof s->word.want);
	s->word.fetching = false;
	s->want_since = clock_monotonic();
	s->news = true;
	(void)pthread_mutex_unlock(&s->lock);
}

void agent_share_fetching(struct agent_share *s, bool fetching)
{
	(void)pthread_mutex_lock(&s->lock);
	s->word.fetching = fetching;
	if (!fetching)
		s->word.want[0] = '\0';
	s->news = true;
	(void)pthread_mutex_unlock(&s->lock);
}

/* Who is first, differently for each version. */
static void rank(const struct uuid *id, const char *want, unsigned char out[SHA256_SIZE])
{
	char bytes[sizeof(struct uuid) + SHA256_HEX_SIZE];
	memcpy(bytes, id, sizeof *id);
	memcpy(bytes + sizeof *id, want, SHA256_HEX_SIZE);
	sha256(str_n(bytes, sizeof bytes), out);
}

static bool before_us(const struct agent_share *s, const struct neighbour *n)
{
	unsigned char ours[SHA256_SIZE], theirs[SHA256_SIZE];
	rank(&s->word.id, s->word.want, ours);
	rank(&n->word.id, s->word.want, theirs);
	return memcmp(theirs, ours, sizeof ours) < 0;
}

/* lock held. A random one of those who have it; NULL: nobody. */
static const struct neighbour *pick(const struct agent_share *s, usec_t now)
{
	const struct neighbour *found = NULL;
	unsigned count = 0;
	for (unsigned i = 0; i < s->peer_count; i++) {
		const struct neighbour *n = &s->peers[i];
		uint64_t random;
		if (strcmp(n->word.have, s->word.want) != 0 || now - n->heard_at > HAVE_FOR || n->bad_until > now)
			continue;
		random_bytes(&random, sizeof random);
		if (random % ++count == 0)
			found = n;
	}
	return found;
}

/* lock held. */
static bool others_first(const struct agent_share *s, usec_t now)
{
	if (now - s->want_since < HEAR_EACH_OTHER)
		return true;
	for (unsigned i = 0; i < s->peer_count; i++) {
		const struct neighbour *n = &s->peers[i];
		if (now - n->heard_at > AGENT_SHARE_SILENT)
			continue;
		/* Has it, though not for us just now; fetches it; or will, as its id comes first. */
		if (strcmp(n->word.have, s->word.want) == 0 || (strcmp(n->word.want, s->word.want) == 0 && (n->word.fetching || before_us(s, n))))
			return true;
	}
	return false;
}

static int connect_to(struct agent_share *s, struct in_addr address, uint16_t port, struct http_client **ret)
{
	char text[INET_ADDRSTRLEN], url[64];
	(void)inet_ntop(AF_INET, &address, text, sizeof text);
	(void)snprintf(url, sizeof url, "https://%s:%u", text, port);
	const struct http_client_config config = {
		.base_url = url, .ca_pem = s->ca_pem, .client_cert_pem = s->cert_pem, .client_key_pem = s->key_pem.p, .connect_timeout_s = 5,
		.timeout_s = CHUNK_TIMEOUT_S, .response_limit_bytes = HEAD_LIMIT, .verify_name_off = true, .peer_is_client = true};
	return http_client_new(&config, ret, NULL);
}

enum agent_share_turn agent_share_turn(struct agent_share *s, struct agent_share_peer **ret_peer)
{
	usec_t now = clock_monotonic();
	struct agent_share_peer *peer = NULL;
	struct neighbour chosen;
	(void)pthread_mutex_lock(&s->lock);
	bool allowed = s->allowed;
	const struct neighbour *n = allowed ? pick(s, now) : NULL;
	if (n != NULL)
		chosen = *n;
	bool wait = n == NULL && allowed && others_first(s, now);
	(void)pthread_mutex_unlock(&s->lock);
	if (n == NULL)
		return wait ? AGENT_SHARE_WAIT : AGENT_SHARE_OURS;
	peer = MEM_NEW(struct agent_share_peer);
	peer->share = s;
	peer->id = chosen.word.id;
	if (connect_to(s, chosen.address, chosen.word.port, &peer->client) < 0) {
		agent_share_peer_done(peer, false);
		return AGENT_SHARE_WAIT;
	}
	*ret_peer = peer;
	return AGENT_SHARE_PEER;
}

static int ask(struct agent_share_peer *peer, const char *path, struct buf *out, struct err *err)
{
	struct http_client_response res = {0};
	int r = http_client_do(peer->client, &(struct http_client_request){.path = path}, &res, err);
	if (r >= 0 && res.status != 200)
		r = err_set(err, -EAGAIN, "agent.share_refused", ARG_I64("status", res.status));
	if (r >= 0)
		buf_append(out, buf_str(&res.body));
	if (r >= 0 && out->overflow)
		r = err_set(err, -EBADMSG, "agent.share_lies");
	http_client_response_done(&res);
	return r;
}

int agent_share_head(struct agent_share_peer *peer, const char *manifest_hex, struct buf *out, struct err *err)
{
	char path[128];
	(void)snprintf(path, sizeof path, "/share/v1/heads/%s", manifest_hex);
	return ask(peer, path, out, err);
}

int agent_share_chunk(struct agent_share_peer *peer, const char *name_hex, struct buf *out, struct err *err)
{
	char path[128];
	(void)snprintf(path, sizeof path, "/share/v1/chunks/%s", name_hex);
	return ask(peer, path, out, err);
}

void agent_share_peer_done(struct agent_share_peer *peer, bool good)
{
	struct agent_share *s = peer->share;
	usec_t now = clock_monotonic();
	(void)pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->peer_count && !good; i++)
		if (memcmp(&s->peers[i].word.id, &peer->id, sizeof peer->id) == 0)
			s->peers[i].bad_until = now + BAD_FOR;
	(void)pthread_mutex_unlock(&s->lock);
	http_client_free(peer->client);
	mem_free(peer);
}

/* ---- outside ---- */

void agent_share_allow(struct agent_share *s, bool allowed)
{
	(void)pthread_mutex_lock(&s->lock);
	s->news = s->news || allowed != s->allowed;
	s->allowed = allowed;
	(void)pthread_mutex_unlock(&s->lock);
}

void agent_share_state(struct agent_share *s, struct agent_share_state *ret)
{
	usec_t now = clock_monotonic();
	*ret = (struct agent_share_state){.given_bytes = atomic_load(&s->given_bytes), .strangers = atomic_load(&s->strangers)};
	(void)pthread_mutex_lock(&s->lock);
	ret->allowed = s->allowed;
	for (unsigned i = 0; i < s->peer_count; i++)
		ret->peers += now - s->peers[i].heard_at <= HAVE_FOR;
	(void)pthread_mutex_unlock(&s->lock);
}

static int open_udp(struct err *err)
{
	const int one = 1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(AGENT_SHARE_UDP_PORT), .sin_addr = {.s_addr = htonl(INADDR_ANY)}};
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "socket", STR_EMPTY);
	if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0)
		return err_errno(err, errno, "bind", STR_EMPTY);
	return file_take(&fd);
}

/* What stands between the PEM lines. */
static bool der_of(const char *pem, struct buf *out)
{
	struct str text = str_c(pem), begin = STR("-----BEGIN CERTIFICATE-----"), end = STR("-----END CERTIFICATE-----");
	size_t from = str_find(text, begin), to = str_find(text, end);
	cleanup_buf struct buf plain = BUF_INIT(8192);
	if (from == SIZE_MAX || to == SIZE_MAX || from + begin.n > to)
		return false;
	struct str body = str_sub(text, from + begin.n, to);
	for (size_t i = 0; i < body.n; i++)
		if (body.p[i] != '\n' && body.p[i] != '\r')
			buf_append_char(&plain, body.p[i]);
	return buf_append_base64_decoded(out, buf_str(&plain));
}

struct agent_share *agent_share_start(const struct agent_identity *id)
{
	struct err err = {0};
	struct agent_share *s = MEM_NEW(struct agent_share);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_rwlock_init(&s->stock_lock, NULL);
	s->ca_pem = mem_strdup(str_c(id->ca_pem));
	s->cert_pem = mem_strdup(str_c(id->cert_pem));
	s->key_pem = BUF_INIT(8192);
	buf_append_c(&s->key_pem, id->key_pem);
	s->cert_der = BUF_INIT(8192);
	s->word.port = AGENT_SHARE_TLS_PORT;
	int r = uuid_parse(str_c(id->endpoint_id), &s->word.id) && der_of(id->cert_pem, &s->cert_der)
	                ? crypto_key_from_pem(str_c(id->key_pem), &s->key, &err)
	                : err_set(&err, -EINVAL, "agent.share_message", ARG_CSTR("what", "certificate"));
	if (r >= 0)
		r = s->udp = open_udp(&err);
	if (r < 0) {
		s->udp = -1;
		log_err(LOG_LEVEL_INFO, "neighbours are not asked for signatures", &err);
		agent_share_stop(s);
		return NULL;
	}
	if (pthread_create(&s->thread, NULL, main_loop, s) != 0)
		abort();
	s->started = true;
	return s;
}

void agent_share_stop(struct agent_share *s)
{
	if (s == NULL)
		return;
	atomic_store(&s->stopping, true);
	if (s->started)
		(void)pthread_join(s->thread, NULL);
	if (s->server != NULL)
		http_server_stop(s->server);
	file_close(&s->udp);
	drop_stock(s);
	buf_done(&s->cert_der);
	crypto_key_free(s->key);
	mem_free(s->ca_pem);
	mem_free(s->cert_pem);
	buf_done_secret(&s->key_pem);
	(void)pthread_rwlock_destroy(&s->stock_lock);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
