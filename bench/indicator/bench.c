/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* bench FOLDER ENTRIES: hashes, domains and addresses in equal parts; then questions, one in ten of which is answered yes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/indicator/indicator.h"

#define QUESTIONS 300000u
#define BATCH 100000u

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static enum indicator_type name(uint64_t n, char *text, size_t size)
{
	uint64_t a = mixed(n + 1), b = mixed(a);
	struct buf out = BUF_FIXED(text, size);
	switch (n % 3) {
	case 0:
		buf_printf(&out, "%016llx%016llx%016llx%016llx", (unsigned long long)a, (unsigned long long)b, (unsigned long long)(a ^ 5), (unsigned long long)(b ^ 7));
		return INDICATOR_SHA256;
	case 1:
		buf_printf(&out, "%llx.example%llu.com", (unsigned long long)a, (unsigned long long)(b % 1000));
		return INDICATOR_DOMAIN;
	default:
		buf_printf(&out, "%u.%u.%u.%u", 1 + (unsigned)(a & 0x7f), (unsigned)(a >> 8 & 255), (unsigned)(a >> 16 & 255), (unsigned)(a >> 24 & 255));
		return INDICATOR_IP;
	}
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int build(const char *path, uint64_t entries, struct indicator_built *built)
{
	struct indicator_builder *b;
	struct err err = {0};
	struct buf lines = BUF_INIT((size_t)64 << 20);
	char text[100];
	int r = indicator_builder_new(path, entries, &b, &err);
	for (uint64_t i = 0; r == 0 && i < entries; i++) {
		enum indicator_type type = name(i, text, sizeof text);
		buf_printf(&lines, "%s\t%s\t\tfeed\t70\n", indicator_type_name(type), text);
		if (i % BATCH == BATCH - 1 || i + 1 == entries) {
			r = indicator_builder_add(b, STR("list"), buf_str(&lines), &err);
			buf_clear(&lines);
		}
	}
	buf_done(&lines);
	return r == 0 ? indicator_builder_commit(b, built, &err) : r;
}

static void ask(const struct indicator_set *s, uint64_t entries, enum indicator_type only, const char *label)
{
	char (*texts)[100] = calloc(BATCH, sizeof *texts);
	uint64_t asked = 0, found = 0;
	double spent = 0;
	while (texts != NULL && asked < QUESTIONS) {
		size_t n = 0;
		for (uint64_t i = asked; n < BATCH; i++) {
			uint64_t pick = mixed(i * 7 + asked) % entries;
			if (name(i % 10 == 0 ? pick : entries * 3 + pick, texts[n], sizeof texts[n]) == only)
				n++;
		}
		double begun = seconds(CLOCK_THREAD_CPUTIME_ID);
		for (size_t i = 0; i < n; i++) {
			struct indicator_hit hit;
			found += indicator_find(s, only, str_c(texts[i]), USEC_PER_DAY, &hit);
		}
		spent += seconds(CLOCK_THREAD_CPUTIME_ID) - begun;
		asked += n;
	}
	free(texts);
	printf("%-8s %8.0f ns a question (%llu of %llu found)\n", label, spent / (double)asked * 1e9, (unsigned long long)found, (unsigned long long)asked);
}

int main(int argc, char **argv)
{
	char path[1000];
	uint64_t entries;
	struct indicator_built built;
	struct indicator_set *s;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3 || !str_parse_u64(str_c(argv[2]), 1, INDICATOR_ENTRIES_MAX, &entries))
		return 2;
	(void)snprintf(path, sizeof path, "%s/x.image", argv[1]);
	double begun = seconds(CLOCK_MONOTONIC);
	if (build(path, entries, &built) < 0)
		return 1;
	printf("build    %8.1f s for %llu entries (wall time; making the lines is in it)\n", seconds(CLOCK_MONOTONIC) - begun, (unsigned long long)built.entries);
	begun = seconds(CLOCK_MONOTONIC);
	if (indicator_set_open(path, &s, NULL) < 0)
		return 1;
	printf("open     %8.3f ms\n", (seconds(CLOCK_MONOTONIC) - begun) * 1e3);
	FILE *f = fopen(path, "rb");
	if (f != NULL && fseek(f, 0, SEEK_END) == 0)
		printf("file     %8.1f MB, %.1f bytes an entry\n", (double)ftell(f) / 1e6, (double)ftell(f) / (double)built.entries);
	if (f != NULL)
		(void)fclose(f);
	ask(s, entries, INDICATOR_SHA256, "sha256");
	ask(s, entries, INDICATOR_DOMAIN, "domain");
	ask(s, entries, INDICATOR_IP, "ip");
	indicator_set_free(s);
	return 0;
}
