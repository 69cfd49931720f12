/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* bench TEMPLATE DATA ROUNDS: template with data to a file, the first time (fonts are found and read) and after that. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file/file.h"
#include "engine/document/document.h"

static double now(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t once(struct str template, struct str data, enum document_format format)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf out = BUF_INIT(DOCUMENT_FILE_MAX);
	const struct json *tree = NULL;
	const struct document *d = NULL;
	if (json_parse(arena, data, NULL, &tree, NULL) < 0 || document_new(arena, template, tree, &d, NULL) < 0 || document_write(d, format, &out, NULL) < 0)
		exit(1);
	return out.n;
}

int main(int argc, char **argv)
{
	static const char *const names[DOCUMENT_FORMAT__COUNT] = {"pdf", "docx", "html"};
	cleanup_buf struct buf template = BUF_INIT(DOCUMENT_TEMPLATE_MAX), data = BUF_INIT(DOCUMENT_FILE_MAX);
	uint64_t rounds;
	if (argc != 4 || file_read(argv[1], DOCUMENT_TEMPLATE_MAX - 1, &template, NULL) < 0 || file_read(argv[2], DOCUMENT_FILE_MAX - 1, &data, NULL) < 0 ||
	    !str_parse_u64(str_c(argv[3]), 1, 10000, &rounds))
		return 2;
	for (int f = 0; f < DOCUMENT_FORMAT__COUNT; f++) {
		double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
		size_t n = once(buf_str(&template), buf_str(&data), (enum document_format)f);
		printf("%-4s %7zu bytes  first %6.1f ms (cpu %.1f)", names[f], n, now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
		wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
		for (uint64_t i = 0; i < rounds; i++)
			(void)once(buf_str(&template), buf_str(&data), (enum document_format)f);
		printf("  then %6.1f ms (cpu %.1f)\n", (now(CLOCK_MONOTONIC) - wall) / (double)rounds, (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)rounds);
	}
	return 0;
}
