/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * signature_differ values SEED COUNT FILE…    module values of each file as it is and of COUNT changed copies of each
 * signature_differ rules SEED PAIRS [FILE…]   generated rules against generated files, some of them behind these
 * signature_differ clamav DATABASE… FILE…     what ClamAV's signatures find, see clamav.py
 * signature_differ copy SEED NUMBER FILE TO   writes a changed copy, to look at
 * Exit 1: a difference.
 */
#include "differ.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yara.h>

#include "base/str/str.h"
#include "clamav.h"
#include "rules.h"

#define BATCH   64
#define SECONDS 60

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	if (!str_parse_u64(str_c(text), 0, UINT64_MAX, &n)) {
		fprintf(stderr, "not a number: %s\n", text);
		exit(2);
	}
	return n;
}

/* libyara can crash or loop on a changed file; a child does the asking, and what it did not finish is counted. */
static int in_child(const struct sample *original, const char *path, uint64_t seed, uint64_t from, uint64_t to)
{
	int status = 0;

	fflush(stdout);
	const pid_t child = fork();
	if (child == 0) {
		unsigned found = 0;
		struct sample copy;
		if (!sample_new(&copy, original->capacity))
			_exit(2);
		for (uint64_t i = from; i < to; i++) {
			struct random_state r = {.state = seed * 1000003 + i};
			char name[600];
			memcpy(copy.data, original->data, original->len);
			copy.len = original->len;
			if (i > 0)
				sample_mutate(&copy, &r);
			snprintf(name, sizeof(name), "%s seed %llu copy %llu", path, (unsigned long long)seed, (unsigned long long)i);
			alarm(SECONDS);
			found += values_compare(&copy, name);
		}
		fflush(stdout);
		_exit(found > 0 ? 1 : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_values(uint64_t seed, uint64_t count, char **paths, int path_count)
{
	unsigned long compared = 0, failed = 0, died = 0;

	if (!values_start())
		return 2;
	for (int f = 0; f < path_count; f++) {
		struct sample s;
		if (!sample_load(&s, paths[f]))
			continue;
		for (uint64_t i = 0; i <= count; i += BATCH) {
			const uint64_t to = i + BATCH < count + 1 ? i + BATCH : count + 1;
			const int code = in_child(&s, paths[f], seed, i, to);
			compared += to - i;
			failed += code == 1;
			if (code > 2) {
				died++;
				printf("DIED %s seed %llu copies %llu-%llu: signal %d\n", paths[f], (unsigned long long)seed,
				       (unsigned long long)i, (unsigned long long)to, code - 128);
			}
		}
		sample_free(&s);
	}
	printf("values: %lu files and copies, %lu batches with differences, %lu batches not finished\n", compared, failed, died);
	return failed > 0;
}

#define FILES_A_ROUND 40
#define BASE_MAX      ((size_t)64 << 10)

static unsigned load_bases(struct sample *bases, unsigned max, char **paths, int path_count)
{
	unsigned n = 0;

	for (int i = 0; i < path_count && n < max; i++)
		if (sample_load(&bases[n], paths[i]) && bases[n].len <= BASE_MAX)
			n++;
	return n;
}

static void add_up(struct rules_result *sum, const struct rules_result *r)
{
	sum->pairs += r->pairs;
	sum->hits += r->hits;
	sum->differences += r->differences;
	sum->refused += r->refused;
	sum->taken_more += r->taken_more;
	sum->undecided += r->undecided;
}

/* Each round in a child, so that a crash tells its seed and who crashed. */
static int run_rules(uint64_t seed, uint64_t pairs, char **paths, int path_count)
{
	static struct sample bases[64];
	const unsigned base_count = load_bases(bases, 64, paths, path_count);
	struct rules_result sum = {0};
	unsigned long died = 0, died_theirs = 0;
	struct rules_result *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED)
		return 2;
	for (uint64_t round = seed; sum.pairs < pairs && died < 20; round++) {
		int status = 0;
		fflush(stdout);
		*r = (struct rules_result){0};
		const pid_t child = fork();
		if (child == 0) {
			alarm(SECONDS);
			yr_initialize();
			rules_round(round, FILES_A_ROUND, bases, base_count, r);
			fflush(stdout);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0)
			return 2;
		add_up(&sum, r);
		if (status != 0 && r->at_work == RULES_LIBYARA)
			died_theirs++;
		else if (status != 0)
			printf("DIED: round of seed %llu\n", (unsigned long long)round);
		died += status != 0 && r->at_work != RULES_LIBYARA;
	}
	printf("rules: %lu pairs of rule and file, %lu findings, %lu files with differences, %lu rules not taken, %lu taken that libyara "
	       "refuses, %lu files undecided, %lu rounds died, %lu rounds in which libyara died\n",
	       sum.pairs, sum.hits, sum.differences, sum.refused, sum.taken_more, sum.undecided, died, died_theirs);
	return sum.differences > 0 || died > 0;
}

/* The changed copy with this number, to look at. */
static int write_copy(uint64_t seed, uint64_t number, const char *path, const char *to)
{
	struct random_state r = {.state = seed * 1000003 + number};
	struct sample s;
	FILE *out = fopen(to, "wb");

	if (out == NULL || !sample_load(&s, path))
		return 2;
	sample_mutate(&s, &r);
	const bool written = fwrite(s.data, 1, s.len, out) == s.len;
	return fclose(out) == 0 && written ? 0 : 2;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "copy") == 0)
		return write_copy(number(argv[2]), number(argv[3]), argv[4], argv[5]);
	if (argc >= 4 && strcmp(argv[1], "clamav") == 0)
		return clamav_scan(argv + 2, argc - 2);
	if (argc >= 4 && strcmp(argv[1], "rules") == 0)
		return run_rules(number(argv[2]), number(argv[3]), argv + 4, argc - 4);
	if (argc < 5 || strcmp(argv[1], "values") != 0) {
		fprintf(stderr, "usage: %s values SEED COUNT FILE... | rules SEED PAIRS [FILE...] | copy SEED NUMBER FILE TO\n", argv[0]);
		return 2;
	}
	return run_values(number(argv[2]), number(argv[3]), argv + 4, argc - 4);
}
