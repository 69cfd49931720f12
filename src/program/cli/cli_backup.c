/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/cli/cli_backup.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file/file.h"

/* A folder gets a name with the time, so that a timer needs no shell. */
static const char *out_path(struct cli_backup *b, const char *given)
{
	struct stat st;
	if (stat(given, &st) < 0 || !S_ISDIR(st.st_mode))
		return given;
	struct clock_date d = clock_civil(clock_now(), 0);
	return arena_printf(b->arena, "%s/luytre-%04d%02u%02uT%02u%02u%02uZ.backup", given, d.year, d.month, d.day, d.hour, d.minute,
	                    d.second).p;
}

static int make(struct cli_backup *b, const char *given, struct err *err)
{
	struct backup_about about;
	int r = cli_backup_settings(b, err);
	if (r == 0)
		r = cli_backup_ask(b, true, err);
	if (r < 0)
		return cli_fail(b->cli, err);
	const struct backup_options o = {
		.place = {.data_dir = b->data, .database = b->database, .eventdb_embedded = strcmp(b->eventdb, "embedded") == 0,
	                  .config_file = b->config_file, .packs_dir = file_exists(b->packs_dir) ? b->packs_dir : NULL},
		.out = out_path(b, given),
		.passphrase = buf_str(&b->passphrase),
		.version = LUYTRE_VERSION,
		.progress = cli_backup_progress,
		.progress_ctx = b,
	};
	r = backup_make(&o, &about, err);
	cli_backup_progress_end(b);
	if (r < 0)
		return cli_fail(b->cli, err);
	cli_say(b->cli, stdout, "cli.backup.made", ARG_CSTR("path", o.out));
	cli_backup_print(b, &about);
	if (!o.place.eventdb_embedded && strcmp(b->eventdb, "none") != 0)
		cli_say(b->cli, stdout, "cli.backup.events_elsewhere", ARG_CSTR("url", b->eventdb));
	return about.audit_ok ? CLI_OK : CLI_FOUND;
}

static int verify(struct cli_backup *b, const char *path, struct err *err)
{
	struct backup_about about;
	int r = b->no_passphrase ? 0 : cli_backup_ask(b, false, err);
	if (r < 0)
		return cli_fail(b->cli, err);
	struct str passphrase = buf_str(&b->passphrase);
	r = backup_verify(path, b->no_passphrase ? NULL : &passphrase, cli_backup_progress, b, &about, err);
	cli_backup_progress_end(b);
	if (r < 0) {
		(void)err_at(err, str_c(path));
		(void)cli_fail(b->cli, err);
		return r == -EBADMSG ? CLI_FOUND : CLI_ERROR;
	}
	cli_say(b->cli, stdout, b->no_passphrase ? "cli.backup.good_sums" : "cli.backup.good", ARG_CSTR("path", path),
	        ARG_U64("parts", about.parts), ARG_U64("bytes", about.bytes));
	cli_backup_print(b, &about);
	return about.audit_ok ? CLI_OK : CLI_FOUND;
}

int cli_backup(struct cli *cli, int argc, char **argv)
{
	struct cli_backup b = {.cli = cli};
	struct err err = {0};
	int code = CLI_ERROR;
	(void)signal(SIGPIPE, SIG_IGN);
	if (cli_backup_options(&b, argc, argv, &code) == 0) {
		bool check = argv[optind] != NULL && strcmp(argv[optind], "verify") == 0;
		const char *operand = argv[optind + (check && argv[optind] != NULL ? 1 : 0)];
		bool one = operand != NULL && argv[optind + (check ? 2 : 1)] == NULL;
		if (!one || (b.no_passphrase && !check))
			code = cli_bad_use(cli);
		else
			code = check ? verify(&b, operand, &err) : make(&b, operand, &err);
	}
	cli_backup_done(&b);
	return code;
}
