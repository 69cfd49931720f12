/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include "program/cli/cli_backup.h"

static int find_user(const char *name, bool *change, unsigned *uid, unsigned *gid, struct err *err)
{
	struct passwd entry, *found = NULL;
	char text[4096];
	*uid = getuid();
	*gid = getgid();
	if (name[0] == '\0')
		return 0;
	if (getpwnam_r(name, &entry, text, sizeof text, &found) != 0 || found == NULL)
		return err_set(err, -ENOENT, "cli.restore.no_user", ARG_CSTR("name", name));
	if (entry.pw_uid == *uid)
		return 0;
	/* The server would find files that it may not read. */
	if (*uid != 0)
		return err_set(err, -EPERM, "cli.restore.not_root", ARG_CSTR("name", name));
	*uid = entry.pw_uid;
	*gid = entry.pw_gid;
	*change = true;
	return 0;
}

static int find_owner(const struct cli_backup *b, struct backup_owner *o, struct err *err)
{
	int r = find_user(b->user, &o->change, &o->uid, &o->gid, err);
	return r < 0 ? r : find_user(b->key_user[0] != '\0' ? b->key_user : b->user, &o->change, &o->key_uid, &o->key_gid, err);
}

static int restore(struct cli_backup *b, const char *path, struct err *err)
{
	struct backup_about about;
	struct backup_restore_options o = {
		.path = path, .version = LUYTRE_VERSION, .progress = cli_backup_progress, .progress_ctx = b};
	int r = cli_backup_settings(b, err);
	if (r == 0)
		r = find_owner(b, &o.owner, err);
	if (r == 0)
		r = cli_backup_ask(b, false, err);
	if (r < 0)
		return cli_fail(b->cli, err);
	o.data_dir = b->data;
	o.database = b->database;
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
