/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <getopt.h>
#include <signal.h>

#include "program/cli/cli_backup.h"
#include "program/server/server_privilege.h"

static int find_owner(const struct server_config *c, struct backup_owner *ret, struct err *err)
{
	struct server_user all, key;
	int r = server_user_find(c->user, &all, err);
	if (r == 0)
		r = server_user_find(c->key_user[0] != '\0' ? c->key_user : c->user, &key, err);
	if (r < 0)
		return r;
	*ret = (struct backup_owner){all.change || key.change, all.uid, all.gid, key.uid, key.gid};
	return 0;
}

static int restore(struct cli_backup *b, const char *path, struct err *err)
{
	struct backup_about about;
	struct backup_restore_options o = {
		.path = path, .version = LUYTRE_VERSION, .progress = cli_backup_progress, .progress_ctx = b};
	int r = cli_backup_settings(b, err);
	if (r == 0)
		r = find_owner(&b->config, &o.owner, err);
	if (r == 0)
		r = cli_backup_ask(b, false, err);
	if (r < 0)
		return cli_fail(b->cli, err);
	o.data_dir = b->config.data_dir;
	o.database = b->config.database;
	o.passphrase = buf_str(&b->passphrase);
	r = backup_restore(&o, &about, err);
	cli_backup_progress_end(b);
	if (r < 0)
		return cli_fail(b->cli, err);
	cli_say(b->cli, stdout, "cli.restore.done", ARG_CSTR("path", o.data_dir));
	cli_backup_print(b, &about);
	cli_say(b->cli, stdout, "cli.restore.next", ARG_CSTR("path", o.data_dir));
	return about.audit_ok ? CLI_OK : CLI_FOUND;
}

int cli_restore(struct cli *cli, int argc, char **argv)
{
	struct cli_backup b = {.cli = cli};
	struct err err = {0};
	int code = CLI_ERROR;
	(void)signal(SIGPIPE, SIG_IGN);
	if (cli_backup_options(&b, argc, argv, &code) == 0) {
		bool one = argv[optind] != NULL && argv[optind + 1] == NULL;
		code = one && !b.no_passphrase ? restore(&b, argv[optind], &err) : cli_bad_use(cli);
	}
	cli_backup_done(&b);
	return code;
}
