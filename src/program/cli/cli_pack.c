/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre pack check: regulation data, before a server starts with it. */
#include <dirent.h>
#include <getopt.h>
#include <stdlib.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "engine/document/document.h"
#include "engine/level/level.h"
#include "engine/plan/plan.h"
#include "program/cli/cli.h"

#define PACKS_DEFAULT "/usr/share/luytre/packs"

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"coverage", no_argument, NULL, 'c'},
	{0},
};

static struct str in_language(const struct cli *cli, const struct plan_text *text)
{
	return cli->lang == MSG_LANG_EN ? text->en : text->vi;
}

static int check_holidays(struct cli *cli, struct arena *arena, const char *packs)
{
	const struct pack_doc *doc = NULL;
	struct clock_calendar *calendar = NULL;
	struct err err = {0};
	int r = pack_load(arena, arena_printf(arena, "%s/vn/holidays.yaml", packs).p, &doc, &err);
	if (r >= 0)
		r = recurrence_calendar_read(arena, doc, &calendar, &err);
	if (r < 0)
		return cli_fail(cli, &err);
	clock_calendar_free(calendar);
	return CLI_OK;
}

static int is_yaml(const struct dirent *entry)
{
	return str_ends_with(str_c(entry->d_name), STR(".yaml"));
}

static int check_levels(struct cli *cli, struct arena *arena, const char *packs)
{
	struct dirent **names = NULL;
	const char *folder = arena_printf(arena, "%s/vn/levels", packs).p;
	int count = scandir(folder, &names, is_yaml, alphasort), code = CLI_OK;
	struct err err = {0};
	if (count < 0) {
		(void)err_errno(&err, errno, "open", str_c(folder));
		return cli_fail(cli, &err);
	}
	for (int i = 0; i < count; i++) {
		const struct pack_doc *doc = NULL;
		const struct level_regime *regime = NULL;
		int r = pack_load(arena, arena_printf(arena, "%s/%s", folder, names[i]->d_name).p, &doc, &err);
		if (r >= 0)
			r = level_regime_read(arena, doc, &regime, &err);
		if (r < 0)
			code = cli_fail(cli, &err);
		else
			cli_say(cli, stdout, "cli.pack.regime", ARG_STR("id", regime->id), ARG_U64("rules", regime->rules.count), ARG_U64("facts", regime->fact_count));
		free(names[i]);
	}
	free(names);
	return code;
}

static int is_template(const struct dirent *entry)
{
	return str_ends_with(str_c(entry->d_name), STR(".md"));
}

/* A province may have no templates of its own. */
static int check_documents(struct cli *cli, struct arena *arena, const char *packs)
{
	struct dirent **names = NULL;
	const char *folder = arena_printf(arena, "%s/vn/documents", packs).p;
	int count = scandir(folder, &names, is_template, alphasort), code = CLI_OK;
	for (int i = 0; i < count; i++) {
		cleanup_buf struct buf template = BUF_INIT(DOCUMENT_TEMPLATE_MAX + 1);
		struct err err = {0};
		struct str path = arena_printf(arena, "%s/%s", folder, names[i]->d_name);
		int r = file_read(path.p, DOCUMENT_TEMPLATE_MAX, &template, &err);
		if (r == 0 && (r = document_check(buf_str(&template), &err)) < 0)
			(void)err_at(&err, path);
		if (r < 0)
			code = cli_fail(cli, &err);
		else
			cli_say(cli, stdout, "cli.pack.template", ARG_CSTR("name", names[i]->d_name));
		free(names[i]);
	}
	free(names);
	return code;
}

static bool waits(const struct plan_duty *duty)
{
	for (unsigned i = 0; i < duty->prove_count; i++)
		if (duty->proves[i]->waits_for == NULL)
			return false;
	return true;
}

static void say_duty(struct cli *cli, const struct plan_duty *duty)
{
	cli_say(cli, stdout, "cli.pack.duty", ARG_STR("id", duty->id), ARG_STR("text", cli->lang == MSG_LANG_EN ? duty->gloss : duty->text));
	for (unsigned i = 0; i < duty->prove_count; i++) {
		const struct plan_proof *proof = duty->proves[i];
		const struct arg id = ARG_STR("id", proof->id), label = ARG_STR("label", in_language(cli, &proof->label));
		if (proof->waits_for == NULL)
			cli_say(cli, stdout, "cli.pack.proved", id, label);
		else
			cli_say(cli, stdout, "cli.pack.waits", id, label, ARG_STR("part", in_language(cli, &proof->waits_for->label)));
	}
}

static int check_plans(struct cli *cli, struct arena *arena, const char *packs, bool coverage)
{
	const struct plan_set *set = NULL;
	struct err err = {0};
	uint64_t total = 0, waiting = 0;
	if (plan_set_read(arena, arena_printf(arena, "%s/vn/plans", packs).p, &set, &err) < 0)
		return cli_fail(cli, &err);
	for (unsigned p = 0; p < set->plan_count; p++) {
		const struct plan *plan = &set->plans[p];
		cli_say(cli, stdout, "cli.pack.plan", ARG_STR("id", plan->id), ARG_STR("title", plan->title), ARG_U64("duties", plan->duty_count));
		for (unsigned i = 0; i < plan->duty_count; i++) {
			total++;
			waiting += waits(&plan->duties[i]);
			if (coverage)
				say_duty(cli, &plan->duties[i]);
		}
	}
	cli_say(cli, stdout, "cli.pack.coverage", ARG_U64("duties", total), ARG_U64("proved", total - waiting), ARG_U64("waiting", waiting));
	return CLI_OK;
}

int cli_pack(struct cli *cli, int argc, char **argv)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	bool coverage = false;
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c != 'c')
			return c == 'h' ? cli_help(cli) : cli_bad_option(cli, argv);
		coverage = true;
	}
	int rest = argc - optind;
	if (rest < 1 || rest > 2 || !str_eq_c(str_c(argv[optind]), "check"))
		return cli_bad_use(cli);
	const char *packs = rest == 2 ? argv[optind + 1] : PACKS_DEFAULT;
	int holidays = check_holidays(cli, arena, packs), levels = check_levels(cli, arena, packs), plans = check_plans(cli, arena, packs, coverage);
	int documents = check_documents(cli, arena, packs);
	return holidays == CLI_OK && levels == CLI_OK && plans == CLI_OK && documents == CLI_OK ? CLI_OK : CLI_ERROR;
}
