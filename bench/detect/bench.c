/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* bench FOLDER WINDOWS.jsonl < names of rule files: what the detect stage does with records of the spool, in blocks as the stage reads
 * them, by processor time of all its threads: Windows events, syslog lines, and both with indicators. */
#include <stdio.h>
#include <time.h>

#include "base/file/file.h"
#include "engine/detect/detect.h"

#define BLOCK 3000
#define PASSES 3
#define SYSLOG 300000u

static double processor_seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int write_set(const char *path, unsigned indicators, char (*names)[500], size_t count)
{
	struct detect_set_writer *w;
	int r = detect_set_create(path, &w, NULL);
	struct buf lines = BUF_INIT((size_t)60 << 20);
	for (size_t i = 0; r == 0 && i < count; i++) {
		cleanup_buf struct buf text = BUF_INIT(DETECT_SET_RULE_MAX);
		r = file_read(names[i], DETECT_SET_RULE_MAX, &text, NULL);
		if (r == 0)
			r = detect_set_add(w, DETECT_SET_RULE, str_c(names[i]), buf_str(&text), NULL);
	}
	for (unsigned i = 0; i < indicators; i++)
		buf_printf(&lines, "domain\tx%u.bad.example\nip\t203.%u.%u.%u\nmd5\t%032x\n", i, i >> 16 & 255, i >> 8 & 255, i & 255, i);
	if (r == 0 && lines.n > 0)
		r = detect_set_add(w, DETECT_SET_INDICATORS, STR("list"), buf_str(&lines), NULL);
	buf_done(&lines);
	return r == 0 ? detect_set_commit(w, NULL, NULL) : r;
}

/* Of each block the best of the passes counts: others are at work on the machine. */
static void measure(const char *label, struct detect *d, const struct event_record *records, size_t count)
{
	struct detect_result result = {0};
	uint64_t findings = 0;
	double sum = 0;
	for (size_t at = 0; at < count; at += BLOCK) {
		size_t n = count - at < BLOCK ? count - at : BLOCK;
		double best = 1e9;
		for (unsigned pass = 0; pass < PASSES; pass++) {
			double begun = processor_seconds();
			detect_examine(d, records + at, n, &result);
			double took = processor_seconds() - begun;
			best = took < best ? took : best;
		}
		sum += best;
		findings += result.count;
	}
	printf("%-40s %9.0f events a processor second, %5.2f us an event, %llu findings\n", label, (double)count / sum, sum * 1e6 / (double)count,
	       (unsigned long long)findings);
	detect_result_done(&result);
}

int main(int argc, char **argv)
{
	static char names[5000][500];
	char set[1000], dir[1000];
	size_t count = 0, n = 0;
	struct buf text = BUF_INIT((size_t)2 << 30), lines = BUF_INIT((size_t)1 << 30);
	if (argc != 3 || file_read(argv[2], (size_t)2 << 30, &text, NULL) < 0)
		return 2;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	while (count < ARRAY_LEN(names) && fgets(names[count], sizeof names[count], stdin) != NULL) {
		names[count][strcspn(names[count], "\n")] = '\0';
		count++;
	}
	(void)snprintf(set, sizeof set, "%s/current.set", argv[1]);
	struct event_record *windows = mem_alloc_array(400000, sizeof *windows), *syslog = mem_alloc_array(SYSLOG, sizeof *syslog);
	struct str rest = buf_str(&text), line;
	while (n < 400000 && str_split(&rest, '\n', &line))
		if (line.n > 0)
			windows[n++] = (struct event_record){.received = clock_now(), .retention_days = 30, .source = STR("token"), .raw = line};
	for (unsigned i = 0; i < SYSLOG; i++)
		buf_printf(&lines, "<38>1 2026-11-21T06:%02u:%02u.%03uZ srv-%u sshd %u - - Failed password for invalid user admin%u from 203.0.113.%u port %u ssh2\n",
		           i / 60 % 60, i % 60, i % 1000, i % 40, 1000 + i % 9000, i % 77, i % 250, 1024 + i % 60000);
	rest = buf_str(&lines);
	for (unsigned i = 0; i < SYSLOG && str_split(&rest, '\n', &line); i++)
		syslog[i] = (struct event_record){.received = clock_now(), .retention_days = 30, .source = STR("syslog"), .format = EVENT_FORMAT_SYSLOG, .raw = line};
	for (unsigned indicators = 0; indicators <= 300000; indicators += 300000) {
		for (unsigned threads = 1; threads <= 2; threads++) {
			char label[100];
			struct detect *d;
			(void)snprintf(dir, sizeof dir, "%s/own", argv[1]);
			const struct detect_config config = {.set_path = set, .dir = dir, .threads = threads};
			if (write_set(set, indicators, names, count) < 0 || detect_new(&config, &d, NULL) < 0 || !detect_wait_ready(d, 300000))
				return 1;
			(void)snprintf(label, sizeof label, "windows, %u thread(s), %u indicators", threads, 3 * indicators);
			measure(label, d, windows, n);
			(void)snprintf(label, sizeof label, "syslog, %u thread(s), %u indicators", threads, 3 * indicators);
			measure(label, d, syslog, SYSLOG);
			detect_free(d);
		}
	}
	return 0;
}
