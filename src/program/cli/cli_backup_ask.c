/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Options, passphrase, progress and figures of backup and restore. */
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/cli/cli_backup.h"

#define BAR_WIDTH 30

enum option_id { OPT_CONFIG = 256, OPT_DATA, OPT_PASSPHRASE, OPT_NO_PASSPHRASE };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"data", required_argument, NULL, OPT_DATA},
	{"passphrase-file", required_argument, NULL, OPT_PASSPHRASE},
	{"no-passphrase", no_argument, NULL, OPT_NO_PASSPHRASE},
	{0},
};

int cli_backup_options(struct cli_backup *b, int argc, char **argv, int *ret_code)
{
	int c;
	b->arena = arena_new(0);
	b->passphrase = BUF_INIT(CLI_PASSPHRASE_LIMIT + 2);
	(void)buf_reserve(&b->passphrase, CLI_PASSPHRASE_LIMIT + 1);
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			*ret_code = cli_help(b->cli);
			return 1;
		case OPT_CONFIG:
			b->config_file = optarg;
			break;
		case OPT_DATA:
			b->data_dir = optarg;
			break;
		case OPT_PASSPHRASE:
			b->passphrase_file = optarg;
			break;
		case OPT_NO_PASSPHRASE:
			b->no_passphrase = true;
			break;
		default:
			*ret_code = cli_bad_option(b->cli, argv);
			return 1;
		}
	}
	return 0;
}

/* The first line. Others must not be able to read it. */
static int read_passphrase_file(struct cli_backup *b, struct err *err)
{
	struct stat st;
	cleanup_fd int fd = open(b->passphrase_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open", str_c(b->passphrase_file));
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		return err_set(err, -EACCES, "cli.backup.passphrase_mode", ARG_CSTR("path", b->passphrase_file));
	ssize_t n = read(fd, b->passphrase.p, CLI_PASSPHRASE_LIMIT);
	if (n < 0)
		return err_errno(err, errno, "read", str_c(b->passphrase_file));
	struct str line = str_n(b->passphrase.p, (size_t)n);
	size_t end = str_find_char(line, '\n');
	b->passphrase.n = end == SIZE_MAX ? line.n : end;
	if (b->passphrase.n > 0 && b->passphrase.p[b->passphrase.n - 1] == '\r')
		b->passphrase.n--;
	b->passphrase.p[b->passphrase.n] = '\0';
	return 0;
}

static void say_prompt(struct cli_backup *b, int tty, const char *key)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	msg_append(b->cli->messages, b->cli->lang, key, NULL, &text);
	buf_append_char(&text, ' ');
	(void)!file_write_all(tty, buf_str(&text), NULL);
}

static int read_hidden(struct cli_backup *b, int tty, const char *prompt, struct buf *out, struct err *err)
{
	struct termios was, quiet;
	if (tcgetattr(tty, &was) < 0)
		return err_errno(err, errno, "tcgetattr", STR("/dev/tty"));
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	say_prompt(b, tty, prompt);
	(void)tcsetattr(tty, TCSAFLUSH, &quiet);
	ssize_t n = read(tty, out->p, CLI_PASSPHRASE_LIMIT);
	int number = errno;
	(void)tcsetattr(tty, TCSAFLUSH, &was);
	(void)!file_write_all(tty, STR("\n"), NULL);
	if (n < 0)
		return err_errno(err, number, "read", STR("/dev/tty"));
	out->n = (size_t)n;
	while (out->n > 0 && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
		out->n--;
	out->p[out->n] = '\0';
	return 0;
}

int cli_backup_ask(struct cli_backup *b, bool twice, struct err *err)
{
	if (b->passphrase_file != NULL)
		return read_passphrase_file(b, err);
	cleanup_fd int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return err_set(err, -EINVAL, "cli.backup.no_terminal");
	int r = read_hidden(b, tty, twice ? "cli.backup.ask_new" : "cli.backup.ask", &b->passphrase, err);
	if (r < 0 || !twice)
		return r;
	cleanup_buf_secret struct buf again = BUF_INIT(CLI_PASSPHRASE_LIMIT + 2);
	(void)buf_reserve(&again, CLI_PASSPHRASE_LIMIT + 1);
	r = read_hidden(b, tty, "cli.backup.ask_again", &again, err);
	if (r == 0 && !str_eq(buf_str(&again), buf_str(&b->passphrase)))
		r = err_set(err, -EINVAL, "cli.backup.not_same");
	return r;
}

void cli_backup_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct cli_backup *b = ctx;
	unsigned mille = total == 0 || done >= total ? 1000 : (unsigned)((double)done / (double)total * 1000.0);
	if (!b->cli->err_is_terminal || mille == b->shown)
		return;
	b->shown = mille;
	unsigned full = mille * BAR_WIDTH / 1000;
	char bar[BAR_WIDTH + 1];
	for (unsigned i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	(void)fprintf(stderr, "\r[%s] %3u %%  %llu MB", bar, mille / 10, (unsigned long long)(done >> 20));
	(void)fflush(stderr);
}

void cli_backup_progress_end(struct cli_backup *b)
{
	if (b->cli->err_is_terminal && b->shown > 0)
		(void)fputs("\r\033[K", stderr);
	b->shown = 0;
}

void cli_backup_print(struct cli_backup *b, const struct backup_about *a)
{
	cli_say(b->cli, stdout, "cli.backup.about", ARG_CSTR("made", a->made_at), ARG_CSTR("version", a->version),
	        ARG_CSTR("database", a->database == BACKUP_SQLITE ? "SQLite" : "PostgreSQL"));
	for (enum backup_count c = 0; c < BACKUP_COUNT__COUNT; c++) {
		cleanup_buf struct buf name = BUF_INIT(256);
		char key[ERR_KEY_SIZE];
		(void)snprintf(key, sizeof key, "backup.count_%s", backup_count_name(c));
		msg_append(b->cli->messages, b->cli->lang, key, NULL, &name);
		if (a->counts[c] >= 0)
			cli_say(b->cli, stdout, "cli.backup.count", ARG_I64("number", a->counts[c]), ARG_STR("what", buf_str(&name)));
	}
	if (a->has_events)
		cli_say(b->cli, stdout, "cli.backup.events", ARG_I64("number", a->events), ARG_I64("spool", a->spool_bytes));
	cli_say(b->cli, stdout, a->audit_ok ? "cli.audit.good" : "cli.backup.audit_bad", ARG_I64("records", a->audit_records),
	        ARG_CSTR("head", a->audit_head));
}

void cli_backup_done(struct cli_backup *b)
{
	buf_done_secret(&b->passphrase);
	arena_free(b->arena);
}
