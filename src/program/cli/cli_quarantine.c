/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <getopt.h>
#include <stdlib.h>

#include "base/file/file.h"
#include "engine/malware/malware_quarantine.h"
#include "program/cli/cli.h"
#include "program/cli/cli_agent.h"

#define STORE_DEFAULT "/var/lib/luytre-agent/quarantine"

struct quarantine {
	struct cli *cli;
	const char *store, *to;
	bool force, keep;
	struct malware_quarantine *q;
};

enum option_id { OPT_STORE = 256, OPT_TO, OPT_FORCE, OPT_KEEP };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"store", required_argument, NULL, OPT_STORE},
	{"to", required_argument, NULL, OPT_TO},
	{"force", no_argument, NULL, OPT_FORCE},
	{"keep", no_argument, NULL, OPT_KEEP},
	{0},
};

static int list(struct quarantine *w)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct malware_quarantine_item *items;
	size_t count, broken;
	struct err err = {0};
	if (malware_quarantine_list(w->q, arena, &items, &count, &broken, &err) < 0)
		return cli_fail(w->cli, &err);
	for (size_t i = 0; i < count; i++) {
		char id[UUID_TEXT_SIZE], when[CLOCK_ISO_SIZE];
		(void)printf("%s  %s  %10llu  ", uuid_text(&items[i].id, id), clock_iso(items[i].taken_at / USEC_PER_SEC * USEC_PER_SEC, when),
		             (unsigned long long)items[i].size_bytes);
		cli_put(w->cli, stdout, items[i].threat);
		(void)fputs("  ", stdout);
		cli_put(w->cli, stdout, items[i].path_shown);
		(void)putchar('\n');
	}
	if (broken > 0)
		cli_say(w->cli, stderr, "cli.quarantine.broken", ARG_U64("count", broken));
	return broken > 0 ? CLI_FOUND : CLI_OK;
}

/* The absolute path of a file that need not be there yet; NULL when its folder is not. mem_free. */
static char *realpath_of_new(const char *path)
{
	struct str whole = str_c(path);
	size_t at = whole.n;
	while (at > 0 && whole.p[at - 1] != '/')
		at--;
	char *folder = mem_strdup(at > 0 ? str_sub(whole, 0, at) : STR(".")), *real = realpath(folder, NULL);
	struct buf out = BUF_INIT(8192);
	if (real != NULL)
		file_join(&out, str_c(real), str_sub(whole, at, whole.n));
	char *result = real != NULL ? mem_strdup(buf_str(&out)) : NULL;
	mem_free(folder);
	mem_free(real);
	buf_done(&out);
	return result;
}

static int restore_one(struct quarantine *w, const struct uuid *id, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct malware_quarantine_item item;
	const struct malware_quarantine_restore_options how = {.to_path = w->to, .overwrite = w->force, .keep_item = w->keep};
	unsigned lost = 0;
	int r = malware_quarantine_get(w->q, id, arena, &item, err);
	/* The agent works in another folder than this one. */
	char *to = w->to != NULL ? realpath_of_new(w->to) : NULL;
	if (r == 0 && !w->keep)
		r = cli_agent_restore(w->store, id, to != NULL ? to : w->to, w->force, err);
	mem_free(to);
	if (r == 0)
		r = malware_quarantine_restore(w->q, id, &how, &lost, err);
	if (r < 0)
		return r;
	cli_say(w->cli, stdout, "cli.quarantine.restored", ARG_STR("path", w->to != NULL ? str_c(w->to) : item.path_shown));
	if (lost > 0)
		cli_say(w->cli, stderr, "cli.quarantine.lost", ARG_U64("count", lost));
	return 0;
}

static int delete_one(struct quarantine *w, const struct uuid *id, struct err *err)
{
	char text[UUID_TEXT_SIZE];
	int r = cli_agent_delete(w->store, id, err);
	if (r == 0)
		r = malware_quarantine_delete(w->q, id, err);
	if (r >= 0)
		cli_say(w->cli, stdout, "cli.quarantine.deleted", ARG_CSTR("id", uuid_text(id, text)));
	return r;
}

static int each(struct quarantine *w, char **operands, int (*one)(struct quarantine *w, const struct uuid *id, struct err *err))
{
	int result = CLI_OK;
	if (operands[0] == NULL || (w->to != NULL && operands[1] != NULL))
		return cli_bad_use(w->cli);
	for (size_t i = 0; operands[i] != NULL; i++) {
		struct uuid id;
		struct err err = {0};
		int r = uuid_parse(str_c(operands[i]), &id)
		                ? one(w, &id, &err)
		                : err_set(&err, -EINVAL, "cli.quarantine.bad_id", ARG_CSTR("id", operands[i]));
		if (r < 0)
			result = cli_fail(w->cli, &err);
	}
	return result;
}

static int act(struct quarantine *w, char **operands)
{
	struct str action = str_c(operands[0]);
	if (str_eq_c(action, "list"))
		return operands[1] == NULL ? list(w) : cli_bad_use(w->cli);
	if (str_eq_c(action, "restore"))
		return each(w, operands + 1, restore_one);
	if (str_eq_c(action, "delete"))
		return each(w, operands + 1, delete_one);
	return cli_bad_use(w->cli);
}

int cli_quarantine(struct cli *cli, int argc, char **argv)
{
	struct quarantine w = {.cli = cli, .store = STORE_DEFAULT};
	struct err err = {0};
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (c == OPT_STORE)
			w.store = optarg;
		else if (c == OPT_TO)
			w.to = optarg;
		else if (c == OPT_FORCE)
			w.force = true;
		else if (c == OPT_KEEP)
			w.keep = true;
		else
			return cli_bad_option(cli, argv);
	}
	if (argv[optind] == NULL)
		return cli_bad_use(cli);
	/* Opening would make a missing store: here that is a typing error. */
	if (!file_exists(w.store)) {
		(void)err_errno(&err, ENOENT, "open", str_c(w.store));
		return cli_fail(cli, &err);
	}
	if (malware_quarantine_open(w.store, &w.q, &err) < 0)
		return cli_fail(cli, &err);
	int r = act(&w, argv + optind);
	malware_quarantine_free(w.q);
	return r;
}
