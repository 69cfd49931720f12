/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Parsing with the dictionary: events/s of each kind of record, and what it costs beside the flattening scanner alone. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file/file.h"
#include "engine/event/event_parse.h"

#define ROUNDS 5
#define MADE_BYTES (16u << 20)
#define ARENA_CLEAR ((size_t)1 << 20)

static const struct event_clock clock_at = {.received = (usec_t)1795244400 * USEC_PER_SEC, .zone = CLOCK_VN_OFFSET_USEC};

/* Time of this core for this thread alone: others may be at work. */
static usec_t core_time(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

/* A hundred hosts, changing users, addresses and times. */
static void make_syslog(struct buf *out)
{
	for (unsigned i = 0; out->n < MADE_BYTES; i++)
		switch (i % 6) {
		case 0:
			buf_printf(out, "<86>Nov 21 06:%02u:%02u srv-%u sshd[%u]: Failed password for invalid user u%u from 10.%u.%u.9 port %u ssh2\n",
			           i / 60 % 60, i % 60, i % 100, i % 30000, i % 500, i % 250, i % 90, 1024 + i % 60000);
			break;
		case 1:
			buf_printf(out, "<78>Nov 21 06:%02u:%02u srv-%u CRON[%u]: (root) CMD (/usr/lib/sysstat/debian-sa1 1 %u)\n", i / 60 % 60, i % 60,
			           i % 100, i % 30000, i);
			break;
		case 2:
			buf_printf(out, "<30>1 2026-11-21T06:%02u:%02u.%06u+07:00 srv-%u systemd 1 - - Started Session %u of User officer%u.\n", i / 60 % 60,
			           i % 60, i % 1000000, i % 100, i, i % 900);
			break;
		case 3:
			buf_printf(out, "<166>Nov 21 2026 06:%02u:%02u fw%u : %%ASA-6-302013: Built outbound TCP connection %u for outside:203.0.113.%u/443 "
			                "(203.0.113.%u/443) to inside:10.1.%u.7/%u (10.1.%u.7/%u)\n",
			           i / 60 % 60, i % 60, i % 8, i, i % 250, i % 250, i % 200, 1024 + i % 60000, i % 200, 1024 + i % 60000);
			break;
		case 4:
			buf_printf(out, "<13>Nov 21 06:%02u:%02u srv-%u app[%u]: request %u took %u ms\n", i / 60 % 60, i % 60, i % 100, i % 30000, i, i % 900);
			break;
		case 5:
			buf_printf(out, "<86>Nov 21 06:%02u:%02u srv-%u sudo: officer%u : TTY=pts/%u ; PWD=/home ; USER=root ; COMMAND=/usr/bin/apt update\n",
			           i / 60 % 60, i % 60, i % 100, i % 900, i % 9);
			break;
		}
}

static void make_fortigate(struct buf *out)
{
	for (unsigned i = 0; out->n < MADE_BYTES; i++)
		buf_printf(out, "<189>date=2026-11-21 time=06:%02u:%02u devname=\"FG-%u\" devid=\"FG100\" eventtime=1795216%03u000000000 tz=\"+0700\" "
		                "logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" level=\"notice\" vd=\"root\" srcip=10.0.%u.%u srcport=%u "
		                "srcintf=\"port1\" dstip=203.0.113.%u dstport=443 dstintf=\"wan1\" proto=6 action=\"accept\" policyid=%u service=\"HTTPS\" "
		                "duration=%u sentbyte=%u rcvdbyte=%u app=\"HTTPS.BROWSER\"\n",
		           i / 60 % 60, i % 60, i % 5, i % 1000, i % 250, i / 250 % 250, 1024 + i % 60000, i % 250, i % 40, i % 900, i, i * 3);
}

static void make_access(struct buf *out)
{
	for (unsigned i = 0; out->n < MADE_BYTES; i++)
		buf_printf(out, "10.%u.%u.4 - - [21/Nov/2026:06:%02u:%02u +0700] \"GET /tin-tuc/bai-%u?trang=%u HTTP/1.1\" 200 %u \"https://tinh.gov.vn/\" "
		                "\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36\"\n",
		           i % 200, i % 250, i / 60 % 60, i % 60, i, i % 9, i % 90000);
}

static void make_audit(struct buf *out)
{
	for (unsigned i = 0; out->n < MADE_BYTES; i++)
		buf_printf(out, i % 2 ? "type=SYSCALL msg=audit(17952164%02u.%03u:%u): arch=c000003e syscall=59 success=yes exit=0 a0=558e a1=558f a2=5590 a3=8 "
		                        "items=2 ppid=29002 pid=%u auid=1000 uid=0 gid=0 euid=0 tty=pts0 ses=104 comm=\"arp\" exe=\"/usr/sbin/arp\" key=\"exec\"\n"
		                      : "type=EXECVE msg=audit(17952164%02u.%03u:%u): argc=3 a0=\"grep\" a1=\"-v\" a2=\"x%u\"\n",
		           i % 60, i % 1000, i, i % 30000);
}

struct lines {
	struct str *items;
	size_t count;
};

static struct lines split(struct str text)
{
	struct lines all = {0};
	struct str rest = text, line;
	size_t capacity = 0;
	while (str_split(&rest, '\n', &line)) {
		if (all.count == capacity)
			all.items = mem_realloc_array(all.items, capacity = capacity > 0 ? capacity * 2 : 1024, sizeof *all.items);
		if (line.n > 0)
			all.items[all.count++] = line;
	}
	return all;
}

/* As the pipeline does: the arena is cleared when it has grown. `alone`: only the scanner. */
static usec_t one_round(struct arena *arena, const struct lines *all, enum event_format format, bool alone, size_t *ret_fields)
{
	usec_t from = core_time();
	*ret_fields = 0;
	for (size_t i = 0; i < all->count; i++) {
		struct event e;
		int r = alone ? event_flatten(arena, all->items[i], NULL, &e, NULL)
		              : event_parse_at(arena, format, all->items[i], &clock_at, &e, NULL);
		if (arena_used(arena) > ARENA_CLEAR)
			arena_clear(arena);
		*ret_fields += r == 0 ? e.count : 0;
	}
	return core_time() - from;
}

static void measure(const char *name, enum event_format format, struct str text)
{
	struct arena *arena = arena_new((size_t)256 << 20);
	struct lines all = split(text);
	usec_t best = INT64_MAX, flat = INT64_MAX;
	size_t fields = 0, ignored;
	for (unsigned round = 0; round < ROUNDS; round++) {
		usec_t took = one_round(arena, &all, format, false, &fields);
		best = took < best ? took : best;
		took = format == EVENT_FORMAT_JSON ? one_round(arena, &all, format, true, &ignored) : flat;
		flat = took < flat ? took : flat;
	}
	(void)printf("  %-12s %8.0f events/s  %6.0f MB/s  %5.1f fields", name, (double)all.count * 1e6 / (double)best,
	             (double)text.n / 1.048576 / (double)best, (double)fields / (double)(all.count > 0 ? all.count : 1));
	if (format == EVENT_FORMAT_JSON)
		(void)printf("  flatten alone %8.0f/s: ratio %.2f", (double)all.count * 1e6 / (double)flat, (double)best / (double)flat);
	(void)printf("\n");
	mem_free(all.items);
	arena_free(arena);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct buf *out);
	} made[] = {{"syslog", make_syslog}, {"fortigate", make_fortigate}, {"access", make_access}, {"auditd", make_audit}};
	(void)printf("event_parse: one core, dictionary included\n");
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		cleanup_buf struct buf text = BUF_INIT((size_t)64 << 20);
		made[i].make(&text);
		measure(made[i].name, EVENT_FORMAT_SYSLOG, buf_str(&text));
	}
	for (int i = 1; i < argc; i++) {
		cleanup_buf struct buf text = BUF_INIT((size_t)1 << 30);
		struct err err = {0};
		char line[300];
		const char *slash = strrchr(argv[i], '/');
		if (file_read(argv[i], (size_t)1 << 29, &text, &err) < 0) {
			(void)fprintf(stderr, "%s\n", err_line(&err, line, sizeof line));
			return 1;
		}
		measure(slash != NULL ? slash + 1 : argv[i], EVENT_FORMAT_JSON, buf_str(&text));
	}
	return 0;
}
