/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Syslog over TCP or UDP from senders in a process of their own into the listeners and a spool on
 * disk, without an event store: lines taken a second and what the taking process burns. Numbers, no verdict.
 *
 *   listen_bench DIR LINES tcp|udp CONNECTIONS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "engine/listen/listen.h"

#define CHUNK_LINES 500

static bool no_alert(void *ctx, const struct event_alert *alert)
{
	(void)ctx;
	(void)alert;
	return false;
}

static void die(const char *what, const struct err *err)
{
	char line[512];
	(void)fprintf(stderr, "%s: %s\n", what, err != NULL ? err_line(err, line, sizeof(line)) : "");
	exit(1);
}

static double cpu_s(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static size_t one_line(char *out, size_t size, uint64_t n)
{
	int k = snprintf(out, size,
	                 "<38>1 2026-11-21T00:00:00Z host-%llu sshd %llu ID47 - Failed password for user%llu from 10.0.%llu.%llu port %llu ssh2\n",
	                 (unsigned long long)(n % 500), (unsigned long long)(n % 32768), (unsigned long long)(n % 900),
	                 (unsigned long long)(n % 251), (unsigned long long)(n % 241), (unsigned long long)(n % 65521));
	return k > 0 ? (size_t)k : 0;
}

static void send_all(unsigned port, bool datagrams, uint64_t lines)
{
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		_exit(1);
	static char chunk[CHUNK_LINES * 256];
	size_t n = 0;
	for (uint64_t i = 0; i < lines; i++) {
		n += one_line(&chunk[n], sizeof(chunk) - n, i);
		if (!datagrams && i % CHUNK_LINES != CHUNK_LINES - 1 && i + 1 < lines)
			continue;
		for (size_t at_byte = 0; at_byte < n;) {
			ssize_t k = send(fd, &chunk[at_byte], n - at_byte, MSG_NOSIGNAL);
			if (k < 0 && !datagrams)
				_exit(1);
			at_byte += k > 0 ? (size_t)k : n;
		}
		n = 0;
	}
	(void)close(fd);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct err err = {0};
	uint64_t lines, connections;
	if (argc != 5 || !str_parse_u64(str_c(argv[2]), 1, 1000000000, &lines) || !str_parse_u64(str_c(argv[4]), 1, 64, &connections))
		die("listen_bench DIR LINES tcp|udp CONNECTIONS", NULL);
	bool datagrams = strcmp(argv[3], "udp") == 0;
	struct event_pipeline *events;
	struct listen *listen;
	const struct event_pipeline_config ec = {.dir = argv[1], .on_alert = no_alert, .discard = true, .spool_bytes = (uint64_t)4 << 30};
	if (event_pipeline_start(&ec, &events, &err) < 0)
		die("pipeline", &err);
	struct event_sender s = {.id = {{1}}, .source = "bench"};
	if (event_address_parse(STR("127.0.0.0/8"), &s.address, &err) < 0)
		die("address", &err);
	event_pipeline_set_senders(events, &s, 1);
	const struct listen_config lc = {.events = events, .address = "127.0.0.1", .tcp_port = datagrams ? 0 : LISTEN_ANY_PORT,
	                                 .udp_port = datagrams ? LISTEN_ANY_PORT : 0};
	if (listen_start(&lc, &listen, &err) < 0)
		die("listen", &err);
	unsigned port = listen_port(listen, datagrams ? EVENT_VIA_UDP : EVENT_VIA_TCP);
	double cpu = cpu_s();
	usec_t began = clock_monotonic(), last = began;
	for (uint64_t i = 0; i < connections; i++)
		if (fork() == 0)
			send_all(port, datagrams, lines / connections);
	uint64_t all = lines / connections * connections, before = 0, sending = connections;
	for (;;) {
		struct event_pipeline_stats st;
		const struct timespec nap = {.tv_nsec = 2000000};
		(void)nanosleep(&nap, NULL);
		event_pipeline_stats(events, &st);
		last = st.received != before ? clock_monotonic() : last;
		before = st.received;
		while (sending > 0 && waitpid(-1, NULL, WNOHANG) > 0)
			sending--;
		if (before >= all || (sending == 0 && clock_monotonic() - last > 10 * USEC_PER_SEC))
			break;
	}
	double seconds = (double)(last - began) / 1e6;
	cpu = cpu_s() - cpu;
	struct event_sources_totals totals;
	event_sources_totals(event_pipeline_sources(events), &totals);
	(void)printf("luytre: %s, %llu connections: %llu of %llu lines in %.1f s: %.0f lines/s, durable in the spool; "
	             "%.2f CPU seconds per million (with detection's parsing); the kernel dropped %llu\n",
	             argv[3], (unsigned long long)connections, (unsigned long long)before, (unsigned long long)all, seconds,
	             (double)before / seconds, cpu / ((double)before / 1e6), (unsigned long long)totals.kernel_dropped);
	listen_stop(listen);
	event_pipeline_stop(events);
	return 0;
}
