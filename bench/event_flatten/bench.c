/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Flattening speed on NDJSON (a file given, or made-up events): MB/s, and as a ratio to memcpy and to the JSON tree of base/json. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file/file.h"
#include "base/json/json.h"
#include "engine/event/event.h"

#define ROUNDS 5

static void make_events(struct buf *out)
{
	for (unsigned i = 0; out->n < (16u << 20); i++)
		buf_printf(out, "{\"@timestamp\":\"2026-11-21T06:%02u:%02u.%06uZ\",\"event\":{\"kind\":\"event\",\"category\":[\"process\"],\"code\":\"%u\","
		                "\"provider\":\"Microsoft-Windows-Sysmon\"},\"host\":{\"name\":\"PC-%u\",\"ip\":[\"10.0.%u.%u\"]},\"process\":{\"pid\":%u,"
		                "\"executable\":\"C:\\\\Windows\\\\System32\\\\cmd.exe\",\"command_line\":\"cmd.exe /c echo %u && dir C:\\\\Users\","
		                "\"parent\":{\"executable\":\"C:\\\\Windows\\\\explorer.exe\",\"pid\":%u}},\"user\":{\"name\":\"officer%u\"},\"signed\":true}\n",
		           i / 60 % 60, i % 60, i % 1000000, i % 30, i % 20000, i / 250 % 250, i % 250, i % 65536, i, i % 5000, i % 900);
}

static double mb_per_s(size_t bytes, usec_t took)
{
	return (double)bytes / (double)(took > 0 ? took : 1) * 1e6 / 1048576.0;
}

static usec_t best(usec_t a, usec_t b)
{
	return a == 0 || b < a ? b : a;
}

int main(int argc, char **argv)
{
	struct buf text = BUF_INIT((size_t)1 << 30);
	struct err err = {0};
	char line_text[300];
	if (argc > 1 && file_read(argv[1], (size_t)1 << 29, &text, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err_line(&err, line_text, sizeof line_text));
		return 1;
	}
	if (argc <= 1)
		make_events(&text);
	char *copy = mem_alloc(text.n);
	struct arena *arena = arena_new((size_t)256 << 20);
	usec_t flatten = 0, tree = 0, plain = 0;
	size_t events = 0, fields = 0, bad = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct str rest = buf_str(&text), line;
		usec_t from = clock_monotonic();
		events = fields = bad = 0;
		while (str_split(&rest, '\n', &line)) {
			struct event e;
			if (line.n == 0)
				continue;
			arena_clear(arena);
			events++;
			if (event_flatten(arena, line, NULL, &e, NULL) == 0)
				fields += e.count;
			else
				bad++;
		}
		flatten = best(flatten, clock_monotonic() - from);
		rest = buf_str(&text);
		from = clock_monotonic();
		while (str_split(&rest, '\n', &line)) {
			const struct json *j;
			arena_clear(arena);
			if (line.n > 0 && json_parse(arena, line, NULL, &j, NULL) < 0)
				bad += 0;
		}
		tree = best(tree, clock_monotonic() - from);
		from = clock_monotonic();
		(void)memcpy(copy, text.p, text.n);
		__asm__ __volatile__("" : : "r"(copy) : "memory");
		plain = best(plain, clock_monotonic() - from);
	}
	(void)printf("event_flatten: %zu events (%zu not JSON), %.1f fields each, %.1f MB\n", events, bad,
	             (double)fields / (double)(events > 0 ? events : 1), (double)text.n / 1048576.0);
	(void)printf("  flatten   %8.0f MB/s  %.2f million events/s\n", mb_per_s(text.n, flatten), (double)events / (double)flatten);
	(void)printf("  json tree %8.0f MB/s  flatten is %.1f times as fast\n", mb_per_s(text.n, tree), (double)tree / (double)flatten);
	(void)printf("  memcpy    %8.0f MB/s  flatten runs at %.1f %% of it\n", mb_per_s(text.n, plain),
	             100.0 * (double)plain / (double)flatten);
	arena_free(arena);
	mem_free(copy);
	buf_done(&text);
	return 0;
}
