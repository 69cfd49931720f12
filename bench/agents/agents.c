/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Simulated agents against a real server: enrols COUNT of them with one
 * many-use token, then each checks in ROUNDS times over its own kept TLS
 * connection. Then the server's process is killed, and all of them come back
 * at once, each asking until it is answered. Prints rates, the resident memory
 * of the server's process before and after, and how long the return takes.
 * Numbers, no verdict.
 *
 * libcurl holds three descriptors a kept connection (the connection itself and a pair to wake its waiting), so that
 * the agents are spread over several processes: one alone meets its limit of open files at a third of it.
 *
 *   agents URL CA-FILE TOKEN COUNT ROUNDS CORE-PID
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/json/json.h"
#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"
#include "platform/http/http_client.h"

#define THREADS     32   /* in all processes together */
#define PER_PROCESS 4000 /* agents */
#define PROCESSES   25
#define RETURN_PATIENCE (120 * USEC_PER_SEC)

struct agent {
	struct http_client *client;
	struct buf key_pem, cert_pem;
};

/* In memory that all processes see. */
struct shared {
	pthread_barrier_t barrier;
	atomic_size_t failures, tries;
	_Atomic usec_t killed_at, first_back; /* the latter after the kill */
};

struct bench {
	const char *url, *token, *core_pid;
	struct buf ca_pem;
	struct agent *agents; /* of this process */
	size_t count, rounds; /* count: of this process */
	size_t all, process, processes, threads;
	struct shared *shared;
	int (*step)(struct bench *b, size_t index, struct err *err);
};

static void die(const char *what, const struct err *err)
{
	char line[512];
	(void)fprintf(stderr, "agents: %s: %s\n", what, err_line(err, line, sizeof line));
	exit(1);
}

static int connect_agent(struct bench *b, struct agent *a, bool enrolled, struct err *err)
{
	struct http_client_config config = {.base_url = b->url,
	                                    .ca_pem = b->ca_pem.p,
	                                    .client_cert_pem = enrolled ? a->cert_pem.p : NULL,
	                                    .client_key_pem = enrolled ? a->key_pem.p : NULL};
	return http_client_new(&config, &a->client, err);
}

static int post(struct agent *a, const char *path, const struct buf *body, int wanted, struct http_client_response *res,
                struct err *err)
{
	struct http_client_request req = {.path = path, .body = buf_str(body), .content_type = "application/json"};
	int r = http_client_do(a->client, &req, res, err);
	if (r == 0 && res->status != wanted) {
		(void)fprintf(stderr, "%s: %d %.*s\n", path, res->status, (int)res->body.n, res->body.p);
		r = err_set(err, -EPROTO, "bench.status", ARG_I64("status", res->status));
	}
	return r;
}

static int enrol_body(struct bench *b, struct agent *a, size_t index, struct buf *body, struct err *err)
{
	struct crypto_key *key = NULL;
	struct buf csr = BUF_INIT(65536);
	int r = crypto_key_generate(&key, err);
	if (r == 0)
		r = crypto_key_private_pem(key, &a->key_pem, err);
	if (r == 0)
		r = crypto_csr(key, "agent", &csr, err);
	if (r == 0) {
		char hostname[32];
		(void)snprintf(hostname, sizeof hostname, "bench-%06zu", index * b->processes + b->process);
		struct json_writer w = json_writer_init(body);
		json_object(&w);
		json_member_cstr(&w, "token", b->token);
		json_member_str(&w, "csr", buf_str(&csr));
		json_member_cstr(&w, "hostname", hostname);
		json_object_end(&w);
	}
	crypto_key_free(key);
	buf_done(&csr);
	return r;
}

static int enrol(struct bench *b, size_t index, struct err *err)
{
	struct agent *a = &b->agents[index];
	cleanup_buf struct buf body = BUF_INIT(1 << 20);
	struct http_client_response res = {0};
	a->key_pem = BUF_INIT(65536);
	a->cert_pem = BUF_INIT(65536);
	int r = enrol_body(b, a, index, &body, err);
	if (r == 0)
		r = connect_agent(b, a, false, err);
	if (r == 0)
		r = post(a, "/agent/v1/enrol", &body, 201, &res, err);
	if (r == 0) {
		cleanup(arena) struct arena *arena = arena_new(0);
		const struct json *answer = NULL;
		r = json_parse(arena, buf_str(&res.body), NULL, &answer, err);
		if (r == 0)
			buf_append(&a->cert_pem, json_get_str(answer, "certificate", STR_EMPTY));
	}
	http_client_response_done(&res);
	if (a->client != NULL)
		http_client_free(TAKE(a->client));
	return r == 0 ? connect_agent(b, a, true, err) : r;
}

static int checkin(struct bench *b, size_t index, struct err *err)
{
	struct agent *a = &b->agents[index];
	if (a->client == NULL)
		return err_set(err, -ENOENT, "bench.not_enrolled");
	static const struct str body_text =
	        STR("{\"agent_version\":\"bench\",\"protocol\":1,\"boot_id\":\"bench\",\"inventory_hash\":\"\",\"inventory\":null,"
	            "\"protection\":{\"bundle_version\":1,\"watch_mode\":\"fanotify\",\"scanner\":\"ready\",\"spool_events\":0,"
	            "\"quarantine_count\":0},\"answered\":[]}");
	cleanup_buf struct buf body = BUF_INIT(4096);
	buf_append(&body, body_text);
	struct http_client_response res = {0};
	int r = post(a, "/agent/v1/checkin", &body, 200, &res, err);
	http_client_response_done(&res);
	return r;
}

static int come_back(struct bench *b, size_t index, struct err *err)
{
	for (;;) {
		atomic_fetch_add(&b->shared->tries, 1);
		int r = checkin(b, index, err);
		usec_t now = clock_monotonic(), none = 0;
		if (r == 0)
			(void)atomic_compare_exchange_strong(&b->shared->first_back, &none, now - b->shared->killed_at);
		if (r == 0 || r == -ENOENT || now - b->shared->killed_at > RETURN_PATIENCE)
			return r;
		(void)usleep(100000);
	}
}

/* Agents are handed out by index modulo threads, in every round, because a client belongs to one thread at a time. */
struct lane {
	struct bench *b;
	size_t lane, rounds;
};

static void *run_lane(void *arg)
{
	struct lane *l = arg;
	for (size_t k = 0, i = l->lane; k < l->rounds; i += l->b->threads) {
		if (i >= l->b->count) {
			i = l->lane;
			if (++k == l->rounds)
				break;
		}
		struct err err = {0};
		if (l->b->step(l->b, i, &err) < 0 && atomic_fetch_add(&l->b->shared->failures, 1) == 0) {
			char line[512];
			(void)fprintf(stderr, "agents: first failure: %s\n", err_line(&err, line, sizeof line));
		}
	}
	return NULL;
}

/* All processes begin together; the seconds until the last of them is through. */
static double run(struct bench *b, int (*step)(struct bench *, size_t, struct err *), size_t rounds)
{
	pthread_t threads[THREADS];
	struct lane lanes[THREADS];
	(void)pthread_barrier_wait(&b->shared->barrier);
	usec_t start = clock_monotonic();
	b->step = step;
	for (size_t i = 0; i < b->threads; i++) {
		lanes[i] = (struct lane){b, i, rounds};
		if (pthread_create(&threads[i], NULL, run_lane, &lanes[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < b->threads; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_barrier_wait(&b->shared->barrier);
	return (double)(clock_monotonic() - start) / 1e6;
}

static long resident_kib(const char *pid)
{
	char path[64];
	struct err err = {0};
	cleanup_buf struct buf status = BUF_INIT(65536);
	(void)snprintf(path, sizeof path, "/proc/%s/status", pid);
	if (file_read(path, 65536, &status, &err) < 0)
		die("status of core", &err);
	struct str rest = buf_str(&status), line;
	while (str_split(&rest, '\n', &line)) {
		uint64_t kib;
		if (str_starts_with(line, STR("VmRSS:")) &&
		    str_parse_u64(str_trim(str_sub(line, 6, line.n - 3)), 0, UINT64_MAX >> 1, &kib))
			return (long)kib;
	}
	return -1;
}

static void kill_core(struct bench *b)
{
	struct err err = {0};
	uint64_t core;
	if (!str_parse_u64(str_c(b->core_pid), 2, INT32_MAX, &core) || kill((pid_t)core, SIGKILL) < 0)
		die("the server's process could not be killed", &err);
	b->shared->killed_at = clock_monotonic();
}

/* The first process tells. */
static void run_all(struct bench *b)
{
	bool tells = b->process == 0;
	long before = tells ? resident_kib(b->core_pid) : 0;
	double enrol_s = run(b, enrol, 1);
	double first_s = run(b, checkin, 1);
	double rest_s = run(b, checkin, b->rounds);
	long after = tells ? resident_kib(b->core_pid) : 0;
	if (tells)
		kill_core(b);
	double back_s = run(b, come_back, 1), all = (double)b->all, first_back_s = (double)b->shared->first_back / 1e6;
	if (!tells)
		return;
	(void)printf("agents                %10zu in %zu processes, failures %zu\n", b->all, b->processes, (size_t)b->shared->failures);
	(void)printf("enrolments            %10.0f /s\n", all / enrol_s);
	(void)printf("first check-ins       %10.0f /s (new TLS connection with client certificate each)\n", all / first_s);
	(void)printf("check-ins             %10.0f /s (kept connections), %.1f x what 20,000 agents need at one a minute\n",
	             all * (double)b->rounds / rest_s, all * (double)b->rounds / rest_s / (20000.0 / 60));
	(void)printf("resident memory core  %10.1f MiB before, %.1f MiB with %zu connections open (%.1f KiB each)\n",
	             (double)before / 1024, (double)after / 1024, b->all, (double)(after - before) / all);
	(void)printf("kill -9, all return    %10.2f s until the first was answered, %.1f s until all %zu were: %.0f TLS handshakes and check-ins/s,"
	             " %zu tries\n",
	             first_back_s, back_s, b->all, all / (back_s - first_back_s), (size_t)b->shared->tries);
}

/* The others would wait for it for ever. */
static void on_child(int signal_number)
{
	int status;
	(void)signal_number;
	if (waitpid(-1, &status, WNOHANG) > 0 && status != 0)
		_exit(1);
}

static struct shared *shared_new(size_t processes)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t attr;
	if (s == MAP_FAILED || pthread_barrierattr_init(&attr) != 0 ||
	    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
	    pthread_barrier_init(&s->barrier, &attr, (unsigned)processes) != 0)
		abort();
	return s;
}

static void spread(struct bench *b)
{
	b->processes = (b->all + PER_PROCESS - 1) / PER_PROCESS;
	b->shared = shared_new(b->processes);
	(void)signal(SIGCHLD, on_child);
	for (size_t p = b->processes - 1; p > 0; p--) {
		pid_t pid = fork();
		if (pid < 0)
			abort();
		if (pid == 0) {
			b->process = p;
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	}
	b->threads = THREADS / b->processes;
	b->count = b->all / b->processes + (b->process < b->all % b->processes);
	b->agents = mem_alloc_array(b->count, sizeof *b->agents);
}

int main(int argc, char **argv)
{
	struct err err = {0};
	uint64_t count, rounds;
	if (argc != 7 || !str_parse_u64(str_c(argv[4]), THREADS, PER_PROCESS * PROCESSES, &count) ||
	    !str_parse_u64(str_c(argv[5]), 1, 1000, &rounds)) {
		(void)fprintf(stderr, "usage: %s URL CA-FILE TOKEN COUNT ROUNDS CORE-PID\n", argv[0]);
		return 2;
	}
	struct bench b = {.url = argv[1], .token = argv[3], .core_pid = argv[6], .ca_pem = BUF_INIT(1 << 20), .all = count, .rounds = rounds};
	if (file_read(argv[2], 1 << 20, &b.ca_pem, &err) < 0)
		die("CA", &err);
	spread(&b);
	run_all(&b);
	for (size_t i = 0; i < b.count; i++) {
		http_client_free(b.agents[i].client);
		buf_done(&b.agents[i].key_pem);
		buf_done(&b.agents[i].cert_pem);
	}
	mem_free(b.agents);
	buf_done(&b.ca_pem);
	return b.process == 0 && b.shared->failures != 0;
}
