/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre level: the level of an information system by the rules of a decree, from answers in a file. */
#include <dirent.h>
#include <getopt.h>
#include <stdlib.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "base/text/text.h"
#include "engine/level/level.h"
#include "program/cli/cli.h"

#define PACKS_DEFAULT "/usr/share/luytre/packs"
#define ANSWERS_LIMIT ((size_t)1 << 20)
#define FILES_MOST 32

enum option_id { OPT_PACKS = 256, OPT_REGIME, OPT_ON, OPT_JSON };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"packs", required_argument, NULL, OPT_PACKS},
	{"regime", required_argument, NULL, OPT_REGIME},
	{"on", required_argument, NULL, OPT_ON},
	{"json", no_argument, NULL, OPT_JSON},
	{0},
};

struct given {
	const char *packs, *regime, *on;
	bool json;
};

/* 0, or the exit code to end with in *ret_code and 1. */
static int read_options(struct cli *cli, int argc, char **argv, struct given *g, int *ret_code)
{
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h' || c == '?') {
			*ret_code = c == 'h' ? cli_help(cli) : cli_bad_option(cli, argv);
			return 1;
		}
		const char **value = c == OPT_PACKS ? &g->packs : c == OPT_REGIME ? &g->regime : &g->on;
		if (c == OPT_JSON)
			g->json = true;
		else
			*value = optarg;
	}
	return 0;
}

static int is_yaml(const struct dirent *entry)
{
	return str_ends_with(str_c(entry->d_name), STR(".yaml"));
}

/* Days are compared as text. */
static bool wanted(const struct level_regime *r, const char *regime, const char *day)
{
	if (regime != NULL)
		return str_eq_c(r->id, regime);
	struct str on = str_c(day);
	return str_cmp(r->valid_from, on) <= 0 && (r->valid_to.n == 0 || str_cmp(on, r->valid_to) <= 0);
}

static int find_regime(struct arena *arena, const struct given *g, const char *day, const struct level_regime **ret, struct err *err)
{
	struct dirent **names = NULL;
	const char *folder = arena_printf(arena, "%s/vn/levels", g->packs != NULL ? g->packs : PACKS_DEFAULT).p;
	int count = scandir(folder, &names, is_yaml, alphasort), r = 0;
	if (count < 0)
		return err_errno(err, errno, "open", str_c(folder));
	for (int i = 0; i < count; i++) {
		const struct pack_doc *doc = NULL;
		const struct level_regime *one = NULL;
		if (r >= 0 && *ret == NULL) {
			r = pack_load(arena, arena_printf(arena, "%s/%s", folder, names[i]->d_name).p, &doc, err);
			if (r >= 0)
				r = level_regime_read(arena, doc, &one, err);
			if (r >= 0 && wanted(one, g->regime, day))
				*ret = one;
		}
		free(names[i]);
	}
	free(names);
	if (r >= 0 && *ret == NULL)
		r = err_set(err, -ENOENT, "cli.level.no_regime", ARG_CSTR("folder", folder), ARG_CSTR("wanted", g->regime != NULL ? g->regime : day));
	return r;
}

static struct str in_language(const struct cli *cli, const struct level_text *text)
{
	return cli->lang == MSG_LANG_EN ? text->en : text->vi;
}

static void say_rules(struct cli *cli, const char *key, const struct level_rule_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		cli_say(cli, stdout, key, ARG_STR("id", list->items[i]->id), ARG_U64("level", list->items[i]->level),
		        ARG_STR("article", list->items[i]->article), ARG_STR("text", in_language(cli, &list->items[i]->text)));
}

static void say_values(struct cli *cli, const struct level_fact *fact)
{
	for (unsigned i = 0; i < fact->value_count; i++)
		cli_say(cli, stdout, "cli.level.value", ARG_STR("value", fact->values[i].id), ARG_STR("label", in_language(cli, &fact->values[i].label)));
}

static void say_result(struct cli *cli, const struct level_regime *regime, const struct level_result *r)
{
	char key[ERR_KEY_SIZE];
	(void)snprintf(key, sizeof key, "cli.level.%s", level_status_names[r->status]);
	cli_say(cli, stdout, key, ARG_U64("level", r->level), ARG_U64("at_least", r->at_least), ARG_STR("source", regime->source));
	say_rules(cli, "cli.level.holds", &r->holding);
	say_rules(cli, "cli.level.contradiction", &r->contradictions);
	say_rules(cli, "cli.level.open", &r->open);
	for (unsigned i = 0; i < r->ask_count; i++) {
		cli_say(cli, stdout, "cli.level.ask", ARG_STR("fact", r->asks[i]->id), ARG_STR("question", in_language(cli, &r->asks[i]->question)));
		say_values(cli, r->asks[i]);
	}
	for (unsigned i = 0; i < r->presumed_count; i++)
		cli_say(cli, stdout, "cli.level.presumed", ARG_STR("label", in_language(cli, &r->presumed[i]->label)),
		        ARG_STR("because", in_language(cli, &r->presumed[i]->because)));
	say_rules(cli, "cli.level.cross_check", &r->cross_checks);
	if (r->cross_check_higher)
		cli_say(cli, stdout, "cli.level.higher");
	say_rules(cli, "cli.level.flag", &r->flags);
}

static void print_json(const struct level_regime *regime, const struct level_result *result)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)4 << 20);
	struct json_writer w = json_writer_init(&out);
	level_result_write(&w, regime, result);
	(void)fwrite(out.p, 1, out.n, stdout);
	(void)fputc('\n', stdout);
}

static int read_answers(struct arena *arena, const struct level_regime *regime, const char *path, const struct level_given **ret, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(ANSWERS_LIMIT + 1);
	const struct json *object = NULL;
	int r = file_read(path, ANSWERS_LIMIT, &text, err);
	if (r < 0)
		return r;
	r = json_parse(arena, arena_str(arena, buf_str(&text)), NULL, &object, err);
	if (r >= 0)
		r = level_answers_read(arena, regime, object, ret, err);
	return r < 0 ? err_at(err, str_c(path)) : r;
}

int cli_level(struct cli *cli, int argc, char **argv)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct given g = {.packs = NULL};
	int code = CLI_ERROR;
	char today[CLOCK_ISO_SIZE];
	struct err err = {0};
	const struct level_regime *regime = NULL;
	const struct level_given *answers = NULL;
	struct level_result result;
	if (read_options(cli, argc, argv, &g, &code) != 0)
		return code;
	if (optind + 1 != argc || (g.regime != NULL && g.on != NULL))
		return cli_bad_use(cli);
	(void)clock_iso(clock_now() + CLOCK_VN_OFFSET_USEC, today);
	today[10] = '\0';
	int r = find_regime(arena, &g, g.on != NULL ? g.on : today, &regime, &err);
	if (r >= 0)
		r = read_answers(arena, regime, argv[optind], &answers, &err);
	if (r < 0)
		return cli_fail(cli, &err);
	level_decide(arena, regime, answers, &result);
	if (g.json)
		print_json(regime, &result);
	else
		say_result(cli, regime, &result);
	return result.status == LEVEL_STATUS_DECIDED ? CLI_OK : CLI_FOUND;
}
