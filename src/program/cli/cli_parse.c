/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre parse: what the pipeline makes of lines of a log, to try a dictionary before it is used. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "base/json/json.h"
#include "engine/event/event_dictionary.h"
#include "engine/event/event_parse.h"
#include "program/cli/cli.h"

#define LINE_LIMIT ((size_t)4 << 20)

enum option_id { OPT_FORMAT = 256, OPT_DICTIONARY, OPT_RECEIVED, OPT_SIGMA };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"dictionary", required_argument, NULL, OPT_DICTIONARY},
	{"received", required_argument, NULL, OPT_RECEIVED},
	{"sigma", no_argument, NULL, OPT_SIGMA},
	{0},
};

struct parse {
	struct cli *cli;
	enum event_format format;
	struct event_clock clock;
	bool sigma;
	uint64_t lines, unparsed, refused;
};

/* -1: go on. */
static int take_options(struct parse *p, int argc, char **argv)
{
	static const char *const formats[EVENT_FORMAT__COUNT] = {"json", "syslog", "text"};
	struct err err = {0};
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		size_t i = 0;
		switch (c) {
		case 'h':
			return cli_help(p->cli);
		case OPT_FORMAT:
			while (i < EVENT_FORMAT__COUNT && !str_eq_c(str_c(optarg), formats[i]))
				i++;
			if (i == EVENT_FORMAT__COUNT)
				return cli_bad_option(p->cli, argv);
			p->format = (enum event_format)i;
			break;
		case OPT_DICTIONARY:
			if (event_dictionary_use_file(optarg, &err) < 0)
				return cli_fail(p->cli, &err);
			break;
		case OPT_RECEIVED:
			if (clock_parse_iso(str_c(optarg), &p->clock.received, &err) < 0)
				return cli_fail(p->cli, &err);
			break;
		case OPT_SIGMA:
			p->sigma = true;
			break;
		default:
			return cli_bad_option(p->cli, argv);
		}
	}
	return -1;
}

static void parse_line(struct parse *p, struct arena *arena, struct str line)
{
	struct event e;
	struct err err = {0};
	p->lines++;
	if (event_parse_at(arena, p->format, line, &p->clock, &e, &err) < 0) {
		p->refused++;
		(void)cli_fail(p->cli, &err);
		return;
	}
	p->unparsed += event_find(&e, "event.parsed") != NULL;
	struct str json = p->sigma ? event_json(arena, p->format, &e) : event_fields_json(arena, &e);
	(void)fwrite(json.p, 1, json.n, stdout);
	(void)fputc('\n', stdout);
}

static int parse_file(struct parse *p, const char *path)
{
	bool standard = str_eq_c(str_c(path), "-");
	FILE *in = standard ? stdin : fopen(path, "re");
	struct err err = {0};
	if (in == NULL) {
		(void)err_errno(&err, errno, "open", str_c(path));
		return cli_fail(p->cli, &err);
	}
	cleanup(arena) struct arena *arena = arena_new((size_t)512 << 20);
	char *line = NULL;
	size_t capacity = 0;
	ssize_t n;
	while ((n = getline(&line, &capacity, in)) > 0) {
		struct str text = str_n(line, (size_t)n);
		if (text.p[text.n - 1] == '\n')
			text.n--;
		if (text.n > 0 && text.n <= LINE_LIMIT)
			parse_line(p, arena, text);
		arena_clear(arena);
	}
	free(line);
	if (!standard)
		(void)fclose(in);
	return CLI_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	struct parse p = {.cli = cli, .format = EVENT_FORMAT_TEXT, .clock = {.received = clock_now(), .zone = CLOCK_VN_OFFSET_USEC}};
	int code = take_options(&p, argc, argv);
	if (code >= 0)
		return code;
	if (optind == argc)
		return cli_bad_use(cli);
	for (int i = optind; i < argc; i++)
		if ((code = parse_file(&p, argv[i])) != CLI_OK)
			return code;
	cli_say(cli, stderr, "cli.parse.counts", ARG_U64("lines", p.lines), ARG_U64("unparsed", p.unparsed), ARG_U64("refused", p.refused));
	return p.unparsed + p.refused > 0 ? CLI_FOUND : CLI_OK;
}
