/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* bench RULES… -- EVENTS.jsonl: how fast the compiled rules run over events in memory, and how fast the same scanner only
 * reads. By CPU time; of each piece of the events the best of some passes counts, because a shared machine makes CPU time
 * itself uneven (caches, the other half of a core). LUYTRE_BENCH_PASSES: how many. Prints the machine's load. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "engine/sigma/sigma.h"

#define PIECE ((size_t)2 << 20)

static long resident_kib(const char *what)
{
	struct buf text cleanup_buf = BUF_INIT(1 << 16);
	if (file_read("/proc/self/status", 1 << 16, &text, NULL) < 0)
		return -1;
	size_t at = str_find(buf_str(&text), str_c(what));
	struct str rest = str_trim(str_sub(buf_str(&text), at == SIZE_MAX ? text.n : at + strlen(what), text.n));
	uint64_t n;
	return str_parse_u64(str_sub(rest, 0, str_find_char(rest, ' ')), 0, UINT64_MAX, &n) ? (long)n : -1;
}

struct job {
	struct sigma_ruleset *set;
	struct str events;
	bool scan_only;
	uint64_t count, matches;
	double seconds;
};

/* Of this thread: other work on the machine does not count. */
static double cpu_seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double piece_seconds(struct job *job, struct sigma_matcher *m, struct str piece, uint64_t *count, uint64_t *found)
{
	const struct sigma_match *matches;
	struct str line;
	double begun = cpu_seconds();
	*count = *found = 0;
	while (str_split(&piece, '\n', &line)) {
		if (line.n == 0)
			continue;
		*count += 1;
		int n = job->scan_only ? sigma_matcher_scan_only(m, line, NULL) : sigma_matcher_run(m, line, &matches, NULL);
		*found += n > 0 ? (uint64_t)n : 0;
	}
	return cpu_seconds() - begun;
}

static unsigned passes(void)
{
	uint64_t n;
	return str_parse_u64(str_c(getenv("LUYTRE_BENCH_PASSES")), 1, 1000, &n) ? (unsigned)n : 3;
}

/* Each pass is a new matcher over all pieces, so that it remembers no more than a single run would. */
static void *run(void *arg)
{
	struct job *job = arg;
	double *best = calloc(job->events.n / PIECE + 1, sizeof *best);
	if (best == NULL)
		return NULL;
	for (unsigned pass = 0; pass < passes(); pass++) {
		cleanup(sigma_matcher) struct sigma_matcher *m = sigma_matcher_new(job->set, NULL);
		size_t pieces = 0;
		job->count = job->matches = 0;
		for (size_t at = 0; at < job->events.n; pieces++) {
			size_t n = job->events.n - at < PIECE ? job->events.n - at : PIECE;
			size_t newline = str_find_char(str_sub(job->events, at + n, job->events.n), '\n');
			struct str piece = str_sub(job->events, at, newline == SIZE_MAX ? job->events.n : at + n + newline + 1);
			uint64_t count = 0, found = 0;
			double seconds = piece_seconds(job, m, piece, &count, &found);
			if (pass == 0 || seconds < best[pieces])
				best[pieces] = seconds;
			job->count += count;
			job->matches += found;
			at += piece.n;
		}
		job->seconds = 0;
		for (size_t i = 0; i < pieces; i++)
			job->seconds += best[i];
	}
	free(best);
	return NULL;
}

static struct sigma_ruleset *load(char **paths, int count, const char *cache, double *ret_seconds)
{
	const struct sigma_options options = {.cache_dir = cache};
	cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(&options);
	struct sigma_ruleset *set = NULL;
	struct err err = {0};
	char line[1024];
	usec_t begun = clock_monotonic();
	int r = 0;
	for (int i = 0; i < count && r == 0; i++)
		r = sigma_loader_add_path(loader, paths[i], &err);
	if (r == 0)
		r = sigma_loader_compile(loader, &set, &err);
	if (r < 0) {
		fprintf(stderr, "%s\n", err_line(&err, line, sizeof line));
		exit(2);
	}
	*ret_seconds = (double)(clock_monotonic() - begun) / 1e6;
	return set;
}

int main(int argc, char **argv)
{
	char cache[4096];
	struct buf text cleanup_buf = BUF_INIT((size_t)8 << 30);
	double cold, cached;
	int rules = 1;
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(cache, sizeof cache, "%s/cache.XXXXXX", tmp != NULL ? tmp : "/tmp");
	while (rules < argc && strcmp(argv[rules], "--") != 0)
		rules++;
	/* For profiles: a cache that stays, and only matching. */
	const char *kept = getenv("LUYTRE_BENCH_CACHE");
	if (rules + 1 >= argc || (kept == NULL && mkdtemp(cache) == NULL))
		return 2;
	(void)sigma_ruleset_unref(load(argv + 1, rules - 1, kept != NULL ? kept : cache, &cold));
	struct sigma_ruleset *set = load(argv + 1, rules - 1, kept != NULL ? kept : cache, &cached);
	struct sigma_counts n = sigma_ruleset_counts(set);
	long resident = resident_kib("VmRSS:");
	if (file_read(argv[rules + 1], (size_t)8 << 30, &text, NULL) < 0)
		return 2;
	struct job scan = {.set = set, .events = buf_str(&text), .scan_only = true}, match = {.set = set, .events = buf_str(&text)};
	(void)run(&scan);
	(void)run(&match);
	double megabytes = (double)text.n / 1e6;
	printf("rules                     %zu (%zu predicates, %zu strings)\n", n.rules, n.predicates, n.strings);
	printf("compile cold, cached      %.2f s, %.3f s\n", cold, cached);
	printf("resident with the rules   %.1f MB\n", (double)resident / 1024);
	printf("events                    %llu, %.0f bytes each, %llu matches\n", (unsigned long long)match.count, (double)text.n / (double)match.count,
	       (unsigned long long)match.matches);
	printf("parse only, one core      %.0f events/s, %.0f MB/s\n", (double)scan.count / scan.seconds, megabytes / scan.seconds);
	printf("all rules, one core       %.0f events/s, %.0f MB/s\n", (double)match.count / match.seconds, megabytes / match.seconds);
	printf("ratio to parse only       %.2f\n", scan.seconds / match.seconds);
	if (kept != NULL)
		return 0;
	struct job both[2] = {{.set = set}, {.set = set}};
	pthread_t threads[2];
	size_t half = text.n / 2 + str_find_char(str_sub(buf_str(&text), text.n / 2, text.n), '\n') + 1;
	both[0].events = str_sub(buf_str(&text), 0, half);
	both[1].events = str_sub(buf_str(&text), half, text.n);
	for (int i = 0; i < 2; i++)
		(void)pthread_create(&threads[i], NULL, run, &both[i]);
	for (int i = 0; i < 2; i++)
		(void)pthread_join(threads[i], NULL);
	double slower = both[0].seconds > both[1].seconds ? both[0].seconds : both[1].seconds;
	printf("all rules, two cores      %.0f events/s, %.0f MB/s\n", (double)match.count / slower, megabytes / slower);
	(void)sigma_ruleset_unref(set);
	return 0;
}
