/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * bench DIR EVENTDB CHDB WINDOWS LINES ROWS DISTINCT [RULES]: speed and size of the way from the socket to the event store, durable (acknowledged
 * after fdatasync, stored with fsync). WINDOWS: file of JSON lines, given as requests of 1,000; LINES: how many RFC 5424 lines
 * come over TCP; ROWS: how many rows the store holds when it is searched (0: not searched), of which DISTINCT are made and
 * the others are the same parts linked in again, which takes no time;
 * RULES: file that lists Sigma rules, all of which are on. CPU time is what counts on a shared
 * machine, so that of each process is printed beside the clock's.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <arpa/inet.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "engine/detect/detect.h"
#include "engine/event_pipeline/event_pipeline.h"
#include "engine/event_store/event_store.h"
#include "engine/listen/listen.h"

#define BATCH 1000
#define READ_BYTES ((size_t)4 << 20)
#define SENDERS 2
#define RUNS 21
#define RUNS_LEAST 5 /* of a search that takes long */
#define SEARCH_SECONDS 40
#define DAYS 30

static char socket_path[108], data_dir[200], spool_dir[200];
static pid_t eventdb;
static struct event_store *store;
static struct detect *rules; /* NULL: none */

static void die(const char *what, const struct err *err)
{
	char line[600];
	(void)fprintf(stderr, "%s: %s\n", what, err != NULL ? err_line(err, line, sizeof line) : "");
	exit(2);
}

/* ---- processes ---- */

static long status_kib(pid_t pid, const char *what)
{
	char path[64];
	cleanup_buf struct buf text = BUF_INIT(1 << 16);
	uint64_t n = 0;
	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	if (file_read(path, 1 << 16, &text, NULL) < 0)
		return -1;
	size_t at = str_find(buf_str(&text), str_c(what));
	struct str rest = str_trim(str_sub(buf_str(&text), at == SIZE_MAX ? text.n : at + strlen(what), text.n));
	return str_parse_u64(str_sub(rest, 0, str_find_char(rest, ' ')), 0, UINT64_MAX, &n) ? (long)n : -1;
}

/* CPU seconds, user and system. */
static double cpu_of(pid_t pid)
{
	char path[64];
	cleanup_buf struct buf text = BUF_INIT(1 << 16);
	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (file_read(path, 1 << 16, &text, NULL) < 0)
		return 0;
	struct str rest = buf_str(&text), word;
	uint64_t ticks = 0, n;
	while (rest.n > 0 && rest.p[0] != ')')
		rest = str_sub(rest, 1, rest.n);
	for (unsigned i = 2; str_split(&rest, ' ', &word) && i < 16; i++)
		if ((i == 14 || i == 15) && str_parse_u64(word, 0, UINT64_MAX, &n))
			ticks += n;
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void start_eventdb(const char *program, const char *library)
{
	struct err err = {0};
	struct event_store_config c = {.url = "http://localhost", .unix_path = socket_path};
	if (event_store_new(&c, &store, &err) < 0)
		die("store", &err);
	eventdb = fork();
	if (eventdb == 0) {
		(void)execl(program, program, "--with-parent", "--data-dir", data_dir, "--socket", socket_path, "--chdb-lib", library,
		            "--memory-limit", "1610612736", NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 600 && !event_store_ping(store); i++)
		(void)usleep(100000);
	if (event_store_migrate(store, &err) < 0)
		die("store", &err);
}

static void stop_all(void)
{
	if (eventdb <= 0)
		return;
	(void)kill(eventdb, SIGTERM);
	(void)waitpid(eventdb, NULL, 0);
}

static struct str ask(const char *sql, struct buf *answer)
{
	struct err err = {0};
	buf_clear(answer);
	if (event_store_query(store, sql, NULL, 0, true, answer, &err) < 0)
		die(sql, &err);
	return str_trim(buf_str(answer));
}

/* What was asked for, and whether it is so. */
static void target(const char *what, double value, double limit, bool at_most)
{
	bool met = at_most ? value <= limit : value >= limit;
	printf("  target: %s %s %g: %s (%.1f)\n", what, at_most ? "at most" : "at least", limit, met ? "met" : "MISSED", value);
}

static void wait_for_merges(void)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 16);
	for (unsigned quiet = 0; quiet < 3; (void)usleep(300000))
		quiet = str_eq_c(ask("SELECT count() FROM system.merges FORMAT TabSeparated", &b), "0") ? quiet + 1 : 0;
}

/* ---- end to end ---- */

struct run {
	struct event_pipeline *pipeline;
	double own_cpu, store_cpu;
	usec_t begun;
	long own_peak, store_peak;
};

static double own_cpu(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* As core does once it is committed. */
static bool take_alert(void *ctx, const struct event_alert *alert)
{
	struct event_pipeline *const *p = ctx;
	if (*p == NULL)
		return false;
	event_pipeline_alert_ack(*p, alert->key);
	return true;
}

/* A set of all the files that `list` names, compiled. */
static void load_rules(const char *list, const char *dir)
{
	char path[200], digest[DETECT_DIGEST_SIZE];
	struct detect_set_writer *w;
	struct err err = {0};
	cleanup_buf struct buf names = BUF_INIT(16 << 20);
	struct str rest, name;
	(void)snprintf(path, sizeof path, "%s/rules.set", dir);
	if (file_read(list, 16 << 20, &names, &err) < 0 || detect_set_create(path, &w, &err) < 0)
		die(list, &err);
	for (rest = buf_str(&names); str_split(&rest, '\n', &name);) {
		char file[1000];
		cleanup_buf struct buf text = BUF_INIT(1 << 20);
		str_copy_c(name, file, sizeof file);
		if (name.n > 0 && (file_read(file, 1 << 20, &text, &err) < 0 || detect_set_add(w, DETECT_SET_RULE, name, buf_str(&text), &err) < 0))
			die(file, &err);
	}
	char cache[200];
	(void)snprintf(cache, sizeof cache, "%s/detect", dir);
	struct detect_config c = {.set_path = path, .dir = cache};
	if (detect_set_commit(w, digest, &err) < 0 || detect_new(&c, &rules, &err) < 0)
		die("rules", &err);
	if (!detect_wait_ready(rules, 300000))
		die("rules", NULL);
}

static struct event_pipeline *begin(struct run *r)
{
	struct err err = {0};
	struct event_pipeline_config c = {.dir = spool_dir, .store = store, .detect = rules, .on_alert = take_alert, .ctx = &r->pipeline};
	if (event_pipeline_start(&c, &r->pipeline, &err) < 0)
		die("pipeline", &err);
	r->begun = clock_monotonic();
	r->own_cpu = own_cpu();
	r->store_cpu = cpu_of(eventdb);
	return r->pipeline;
}

static void note_size(struct run *r)
{
	long own = status_kib(getpid(), "VmRSS:"), other = status_kib(eventdb, "VmRSS:");
	r->own_peak = own > r->own_peak ? own : r->own_peak;
	r->store_peak = other > r->store_peak ? other : r->store_peak;
}

static void end(struct run *r, const char *what, double wanted)
{
	while (!event_pipeline_settle(r->pipeline, 500))
		note_size(r);
	note_size(r);
	double seconds = (double)(clock_monotonic() - r->begun) / 1e6;
	struct event_pipeline_stats st;
	event_pipeline_stats(r->pipeline, &st);
	double mine = own_cpu() - r->own_cpu, insert = cpu_of(eventdb) - r->store_cpu;
	wait_for_merges();
	double merges = cpu_of(eventdb) - r->store_cpu - insert, n = (double)st.stored;
	event_pipeline_stop(r->pipeline);
	printf("%s: %.0f stored, %llu dead, in %.1f s by the clock = %.0f events/s (this machine, whatever else runs on it)\n", what, n,
	       (unsigned long long)st.dead, seconds, n / seconds);
	printf("  CPU seconds per million events: pipeline %.1f, store %.1f, merges %.1f; two cores for themselves: %.0f events/s\n",
	       mine / n * 1e6, insert / n * 1e6, merges / n * 1e6, 2 * n / (mine + insert + merges));
	printf("  detected %llu, alerts %llu\n", (unsigned long long)st.detected, (unsigned long long)st.alerts);
	target("events/s on two cores for themselves", 2 * n / (mine + insert + merges), wanted, false);
	target("MB of the pipeline", (double)r->own_peak / 1024, 400, true);
	target("MB of the store", (double)r->store_peak / 1024, 1536, true);
	printf("  resident at most: pipeline %ld MB, store %ld MB\n", r->own_peak / 1024, r->store_peak / 1024);
}

static struct event_sender sender_of(unsigned char n)
{
	struct event_sender s = {.id = {{n}}, .unit = {{n}}, .endpoint = {{n}}, .source = "bench", .retention_days = 400};
	s.address = (struct event_address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 127}, .prefix = 104, .set = true};
	return s;
}

/* Puts what comes behind `text`, up to READ_BYTES of it; false: nothing came. */
static bool read_more(int fd, struct buf *text)
{
	if (!buf_reserve(text, READ_BYTES))
		die("read", NULL);
	ssize_t n = read(fd, text->p + text->n, READ_BYTES);
	text->n += n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* A request of the lines in front; the rest stays. */
static void give_batch(struct event_pipeline *p, struct buf *text, size_t number)
{
	struct err err = {0};
	struct event_ingested got;
	struct str rest = buf_str(text), line;
	struct event_batch b = {.body = rest};
	struct event_sender s = sender_of((unsigned char)(1 + number % SENDERS));
	for (unsigned i = 0; i < BATCH && str_split(&rest, '\n', &line); i++)
		;
	b.body.n -= rest.n;
	while (event_pipeline_accept(p, &s, &b, clock_now(), &got, &err) == -EAGAIN)
		(void)usleep(10000);
	(void)memmove(text->p, rest.p, rest.n);
	text->n = rest.n;
}

static size_t lines_in(struct str s)
{
	size_t n = 0;
	for (const char *p = s.p, *end = s.p + s.n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		n++;
	return n;
}

/* The file is not held in memory: what is measured is the pipeline's. */
static void give_windows(const char *path)
{
	cleanup_buf struct buf text = BUF_INIT((size_t)1 << 30);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct run r = {0};
	if (fd < 0)
		die(path, NULL);
	struct event_pipeline *p = begin(&r);
	for (size_t number = 0; read_more(fd, &text);) {
		while (lines_in(buf_str(&text)) >= BATCH)
			give_batch(p, &text, number++);
		note_size(&r);
	}
	if (text.n > 0)
		give_batch(p, &text, 0);
	end(&r, "Windows events", 20000);
	cleanup_buf struct buf b = BUF_INIT(1 << 16);
	uint64_t tenths = 0;
	(void)str_parse_u64(ask("SELECT toUInt64(10 * sum(bytes_on_disk) / sum(rows)) FROM system.parts"
	                        " WHERE active AND database = 'luytre' AND table = 'event' FORMAT TabSeparated", &b), 0, UINT64_MAX, &tenths);
	target("bytes on disk of an event", (double)tenths / 10, 60, true);
	struct str columns = ask("SELECT arrayStringConcat(groupArray(x), ', ') FROM (SELECT concat(column, ' ',"
	       " toString(round(sum(column_data_compressed_bytes) / sum(rows), 1)), ' ', toString(round(sum(column_data_uncompressed_bytes) / sum(rows)))) AS x"
	       " FROM system.parts_columns WHERE active AND database = 'luytre' AND table = 'event' GROUP BY column"
	       " ORDER BY sum(column_data_compressed_bytes) DESC LIMIT 8) FORMAT TabSeparated", &b);
	printf("  by column (packed, plain): %.*s\n", STR_FMT(columns));
}

/* Lines as a firewall, a mail server and an SSH daemon write them. */
static size_t make_line(char *out, size_t size, uint64_t n)
{
	static const char *const users[] = {"root", "admin", "an.nv", "binh.tt", "backup", "www-data"};
	uint64_t h = n * 0x9E3779B97F4A7C15u;
	int k = snprintf(out, size, "<%u>1 2026-11-21T%02u:%02u:%02u.%06uZ host-%u.cantho.example sshd %u ID47 - Failed password for %s from 10.%u.%u.%u port %u ssh2 seq=%llu\n",
	                 (unsigned)(h >> 60 | 32), (unsigned)(n / 3600000 % 24), (unsigned)(n / 60000 % 60), (unsigned)(n / 1000 % 60),
	                 (unsigned)(n % 1000 * 1000), (unsigned)(h >> 40 & 511), (unsigned)(h >> 20 & 32767), users[(h >> 50) % 6],
	                 (unsigned)(h >> 8 & 255), (unsigned)(h >> 16 & 255), (unsigned)(h >> 24 & 255), (unsigned)(h >> 32 & 0xffff), (unsigned long long)n);
	return k > 0 ? (size_t)k : 0;
}

static void send_lines(unsigned port, uint64_t from, uint64_t to)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	static char block[1 << 16];
	size_t n = 0;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		_exit(1);
	for (uint64_t i = from; i < to; i++) {
		n += make_line(block + n, sizeof block - n, i);
		if (n < sizeof block - 1000 && i + 1 < to)
			continue;
		if (file_write_all(fd, str_n(block, n), NULL) < 0)
			_exit(1);
		n = 0;
	}
	_exit(0);
}

static void give_lines(uint64_t lines)
{
	struct run r = {0};
	struct err err = {0};
	struct event_pipeline *p = begin(&r);
	struct event_sender s = sender_of(9);
	event_pipeline_set_senders(p, &s, 1);
	struct listen_config c = {.events = p, .address = "127.0.0.1", .tcp_port = LISTEN_ANY_PORT};
	struct listen *l;
	if (listen_start(&c, &l, &err) < 0)
		die("listen", &err);
	for (unsigned i = 0; i < SENDERS; i++)
		if (fork() == 0)
			send_lines(listen_port(l, EVENT_VIA_TCP), lines * i / SENDERS, lines * (i + 1) / SENDERS);
	struct event_pipeline_stats st;
	do {
		(void)usleep(100000);
		note_size(&r);
		event_pipeline_stats(p, &st);
	} while (st.received < lines);
	end(&r, "syslog lines over TCP", 120000);
	listen_stop(l);
	for (unsigned i = 0; i < SENDERS; i++)
		(void)waitpid(-1, NULL, WNOHANG);
}

/* ---- searches ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void make(uint64_t rows)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 16);
	struct err err = {0};
	for (;;) {
		uint64_t have = 0, of_day = rows / DAYS + 1, step = of_day < 500000 ? of_day : 500000;
		(void)str_parse_u64(ask("SELECT count() FROM event FORMAT TabSeparated", &b), 0, UINT64_MAX, &have);
		if (have >= rows)
			break;
		if (rows - have < step)
			step = rows - have;
		char sql[2000];
		/* Thirty days one after the other, 5,000 hosts, words and addresses that differ. */
		(void)snprintf(sql, sizeof sql,
			"INSERT INTO luytre.event (event_id, received, time, unit_id, endpoint_id, source, source_id, retention_days, event_kind, event_code,"
			" host_name, user_name, process_name, source_ip, message, raw)"
			" SELECT generateUUIDv7(), t, t, toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(h %% 120), 12, '0'))),"
			" toUUID(concat('00000000-0000-0000-0001-', leftPad(toString(h %% 5000), 12, '0'))), 'bench', generateUUIDv4(), 400, 'event', toString(h %% 40),"
			" concat('host-', toString(h %% 5000)), concat('user', toString(h %% 900)), p,"
			" ip, m, concat('<38>1 2026-11-21T00:00:00Z host-', toString(h %% 5000), ' ', p, ' - - - ', m)"
			" FROM (SELECT cityHash64(number + %llu) AS h, arrayElement(['sshd', 'postfix', 'nginx', 'kernel', 'sudo'], h %% 5 + 1) AS p, now64(6) - toIntervalMicrosecond(h %% 86400000000) - toIntervalDay(%llu) AS t,"
			" concat('10.', toString(h %% 251), '.', toString(intDiv(h, 251) %% 251), '.', toString(intDiv(h, 63001) %% 251)) AS ip,"
			" concat('Accepted publickey for user', toString(h %% 900), ' from ', ip, ' port ', toString(h %% 65536), ' ssh2: key ', hex(h),"
			" if(h %% 1000003 = 7, ' mimikatz', '')) AS m"
			" FROM numbers(%llu)) SETTINGS max_block_size = 44000, min_insert_block_size_rows = 88000, max_threads = 1,"
			" min_insert_block_size_bytes = 100000000", (unsigned long long)have, (unsigned long long)(have / of_day % DAYS), (unsigned long long)step);
		int r = event_store_exec(store, sql, &err);
		/* On a busy machine the answer may come too late; what was made is counted above. */
		if (r < 0 && r != -EAGAIN && r != -ETIMEDOUT)
			die(sql, &err);
	}
}

/* Days as they are, linked in again and again: merges would only make fewer parts of them, so they wait. */
static void grow(uint64_t rows, uint64_t distinct)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 16);
	struct err err = {0};
	/* Parts are made as large as they are wanted, with all indexes. */
	if (event_store_exec(store, "SYSTEM STOP MERGES luytre.event", &err) < 0)
		die("merges", &err);
	make(distinct < rows ? distinct : rows);
	if (event_store_exec(store, "CREATE TABLE IF NOT EXISTS luytre.event_seed AS luytre.event", &err) < 0)
		die("seed", &err);
	cleanup_buf struct buf days = BUF_INIT(1 << 16);
	struct str rest = ask("SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = 'luytre' AND table = 'event' FORMAT TabSeparated", &days), day;
	uint64_t times = distinct > 0 ? (rows + distinct - 1) / distinct : 1;
	for (struct str left = rest; str_split(&left, '\n', &day);) {
		char sql[200];
		(void)snprintf(sql, sizeof sql, "ALTER TABLE luytre.event_seed ATTACH PARTITION ID '%.*s' FROM luytre.event", STR_FMT(day));
		if (event_store_exec(store, sql, &err) < 0)
			die(sql, &err);
		(void)snprintf(sql, sizeof sql, "ALTER TABLE luytre.event ATTACH PARTITION ID '%.*s' FROM luytre.event_seed", STR_FMT(day));
		for (uint64_t i = 1; i < times; i++)
			if (event_store_exec(store, sql, &err) < 0)
				die(sql, &err);
	}
	if (event_store_exec(store, "DROP TABLE luytre.event_seed", &err) < 0)
		die("seed", &err);
}


static double search(const char *what, const char *sql)
{
	double took[RUNS], cpu = cpu_of(eventdb), spent = 0;
	unsigned n = 0;
	cleanup_buf struct buf b = BUF_INIT(16 << 20);
	struct err err = {0};
	while (n < RUNS && (n < RUNS_LEAST || spent < SEARCH_SECONDS)) {
		buf_clear(&b);
		usec_t begun = clock_monotonic();
		int r = event_store_query(store, sql, NULL, 0, false, &b, &err);
		if (r < 0 && r != -ETIMEDOUT)
			die(sql, &err);
		if (r < 0)
			printf("  %s: no answer within the store's time\n", what);
		took[n] = (double)(clock_monotonic() - begun) / 1e6;
		spent += took[n++];
	}
	qsort(took, n, sizeof took[0], by_value);
	printf("  %-36s p50 %.3f s, p95 %.3f s, longest %.3f s; %.2f CPU s each (%u times, %zu bytes)\n", what, took[n / 2], took[n * 95 / 100],
	       took[n - 1], (cpu_of(eventdb) - cpu) / n, n, b.n);
	return took[n * 95 / 100];
}

static void give_searches(uint64_t rows, uint64_t distinct)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 16);
	usec_t begun = clock_monotonic();
	double cpu = cpu_of(eventdb);
	grow(rows, distinct);
	printf("rows made in the store: %.0f s by the clock, %.0f CPU seconds\n", (double)(clock_monotonic() - begun) / 1e6, cpu_of(eventdb) - cpu);
	struct str table = ask("SELECT sum(rows), sum(bytes_on_disk), round(sum(bytes_on_disk) / sum(rows), 1), count()"
	                       " FROM system.parts WHERE active AND database = 'luytre' AND table = 'event' FORMAT TabSeparated", &b);
	printf("rows, bytes, bytes a row, parts: %.*s\n", STR_FMT(table));
	search("count by host, all", "SELECT host_name, count() AS n FROM event GROUP BY host_name ORDER BY n DESC LIMIT 20");
	double rare = search("rare token, all", "SELECT time, host_name, raw FROM event WHERE hasToken(lower(raw), 'mimikatz') LIMIT 100");
	double none = search("token that is not there", "SELECT time, host_name, raw FROM event WHERE hasToken(lower(raw), 'nowheretobefound') LIMIT 100");
	search("common token, newest 100", "SELECT time, host_name, raw FROM event WHERE hasToken(lower(raw), 'publickey') ORDER BY time DESC LIMIT 100");
	search("last 24 h of one host", "SELECT time, raw FROM event WHERE time > now() - INTERVAL 1 DAY AND received > now() - INTERVAL 2 DAY"
	       " AND host_name = 'host-77' ORDER BY time DESC LIMIT 1000");
	search("last 24 h of one machine, by its id", "SELECT time, raw FROM event WHERE time > now() - INTERVAL 1 DAY AND received > now() - INTERVAL 2 DAY"
	       " AND endpoint_id = '00000000-0000-0000-0001-000000000077' ORDER BY time DESC LIMIT 1000");
	search("facet: frequent hosts of a day", "SELECT host_name, count() AS n FROM event WHERE time > now() - INTERVAL 1 DAY"
	       " AND toStartOfHour(time) >= toStartOfHour(now() - INTERVAL 1 DAY) GROUP BY host_name ORDER BY n DESC LIMIT 20");
	search("facet: frequent programs, all", "SELECT process_name, count() AS n FROM event GROUP BY process_name ORDER BY n DESC LIMIT 20");
	search("histogram of a day by the hour", "SELECT toStartOfHour(time) AS hour, count() FROM event WHERE time > now() - INTERVAL 1 DAY"
	       " AND toStartOfHour(time) >= toStartOfHour(now() - INTERVAL 1 DAY) GROUP BY hour ORDER BY hour");
	search("histogram by the day, all", "SELECT toStartOfDay(time) AS day, count() FROM event GROUP BY day ORDER BY day");
	target("seconds of a token search over all, p95", rare > none ? rare : none, 1, true);
	printf("  store resident %ld MB, at most %ld MB\n", status_kib(eventdb, "VmRSS:") / 1024, status_kib(eventdb, "VmHWM:") / 1024);
}

int main(int argc, char **argv)
{
	uint64_t lines, rows, distinct;
	if ((argc != 8 && argc != 9) || !str_parse_u64(str_c(argv[5]), 0, UINT32_MAX, &lines) || !str_parse_u64(str_c(argv[6]), 0, UINT32_MAX, &rows) ||
	    !str_parse_u64(str_c(argv[7]), 0, UINT32_MAX, &distinct))
		return 2;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)atexit(stop_all);
	(void)snprintf(socket_path, sizeof socket_path, "%s/db.sock", argv[1]);
	(void)snprintf(data_dir, sizeof data_dir, "%s/db", argv[1]);
	(void)snprintf(spool_dir, sizeof spool_dir, "%s/pipeline", argv[1]);
	start_eventdb(argv[2], argv[3]);
	if (argc == 9)
		load_rules(argv[8], argv[1]);
	if (argv[4][0] != '\0')
		give_windows(argv[4]);
	if (lines > 0)
		give_lines(lines);
	if (rows > 0)
		give_searches(rows, distinct);
	detect_free(rules);
	return 0;
}
