/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the verbs backup and restore share: settings, passphrase, progress, figures. */
#pragma once
#include "program/cli/cli.h"
#include "service/backup/backup.h"

#define CLI_PASSPHRASE_LIMIT 1024

struct cli_backup {
	struct cli *cli;
	struct arena *arena;
	const char *config_file, *data_dir, *passphrase_file;
	bool no_passphrase;
	/* Settings of the server, by luytre-server itself. */
	const char *data, *database, *eventdb, *packs_dir, *user, *key_user;
	struct buf passphrase; /* cleanup_buf_secret by cli_backup_done */
	unsigned shown;        /* per mille on the terminal */
};

/* Reads the options; optind stands at the operands. 0, or the exit code to end with in *ret_code and 1. */
int cli_backup_options(struct cli_backup *b, int argc, char **argv, int *ret_code);
/* Asks luytre-server --print-settings; its own words about a bad file come on standard error: -EINVAL (cli.backup.settings). */
int cli_backup_settings(struct cli_backup *b, struct err *err) WARN_UNUSED;
/* From the file, else from the terminal (`twice`: a new one). */
int cli_backup_ask(struct cli_backup *b, bool twice, struct err *err) WARN_UNUSED;
void cli_backup_progress(void *ctx, uint64_t done, uint64_t total);
void cli_backup_progress_end(struct cli_backup *b);
/* Date, version, counts, audit head on standard output. */
void cli_backup_print(struct cli_backup *b, const struct backup_about *about);
void cli_backup_done(struct cli_backup *b);
