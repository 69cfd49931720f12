/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/cli/cli.h"
#include "service/audit/audit.h"

#define DATA_DEFAULT "/var/lib/luytre"
#define FILE_LIMIT ((size_t)4 << 30)

enum option_id { OPT_DATABASE = 256, OPT_DATA, OPT_HEAD, OPT_FILE };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"database", required_argument, NULL, OPT_DATABASE},
	{"data", required_argument, NULL, OPT_DATA},
	{"head", required_argument, NULL, OPT_HEAD},
	{"file", required_argument, NULL, OPT_FILE},
	{0},
};

static int print(struct cli *cli, const struct audit_verdict *v, bool noted)
{
	char head[SHA256_HEX_SIZE];
	const struct arg records = ARG_I64("records", v->records), hash = ARG_CSTR("head", sha256_hex(v->head, head)),
	                 number = ARG_I64("number", v->bad_number);
	if (!v->ok) {
		char key[ERR_KEY_SIZE];
		(void)snprintf(key, sizeof key, "cli.audit.bad_%s", v->reason);
		cli_say(cli, stdout, key, number, records, hash);
		return CLI_FOUND;
	}
	if (noted && v->noted_number < 0) {
		cli_say(cli, stdout, "cli.audit.no_noted", records, hash);
		return CLI_FOUND;
	}
	cli_say(cli, stdout, "cli.audit.good", records, hash);
	if (noted)
		cli_say(cli, stdout, "cli.audit.noted", ARG_I64("number", v->noted_number));
	return CLI_OK;
}

static int verify(struct cli *cli, const char *database, const unsigned char *noted)
{
	struct err err = {0};
	struct audit_verdict verdict;
	cleanup(db) struct db *db = NULL;
	if (db_open_read(database, &db, &err) < 0)
		return cli_fail(cli, &err);
	const struct service_context sc = {.db = db};
	return audit_verify_noted(&sc, noted, &verdict, &err) < 0 ? cli_fail(cli, &err) : print(cli, &verdict, noted != NULL);
}

static int verify_file(struct cli *cli, const char *path, const unsigned char *noted)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_LIMIT + 1);
	struct err err = {0};
	struct audit_verdict verdict = {0};
	int r = file_read(path, FILE_LIMIT, &text, &err);
	if (r == 0 && (r = audit_verify_file(buf_str(&text), noted, &verdict, &err)) < 0)
		(void)err_at(&err, str_c(path));
	return r < 0 ? cli_fail(cli, &err) : print(cli, &verdict, noted != NULL);
}

enum cli_verified cli_verify_audit(struct cli *cli, const struct cli_verify *v)
{
	struct audit_verdict verdict;
	struct err err = {0};
	if (!str_starts_with(v->bytes, AUDIT_FILE_START))
		return CLI_VERIFY_UNKNOWN;
	if (audit_verify_file(v->bytes, NULL, &verdict, &err) < 0) {
		(void)cli_fail(cli, &err);
		return CLI_VERIFY_FAILED;
	}
	return print(cli, &verdict, false) == CLI_OK ? CLI_VERIFY_GOOD : CLI_VERIFY_BAD;
}

static int put_bytes(void *ctx, struct str bytes, struct err *err)
{
	return file_write_all(*(int *)ctx, bytes, err);
}

/* Into a new file; half of one is removed again. */
static int export(struct cli *cli, const char *database, const char *path)
{
	struct err err = {0};
	struct audit_verdict verdict;
	char head[SHA256_HEX_SIZE];
	cleanup(db) struct db *db = NULL;
	if (db_open_read(database, &db, &err) < 0)
		return cli_fail(cli, &err);
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		(void)err_errno(&err, errno, "open", str_c(path));
		return cli_fail(cli, &err);
	}
	const struct service_context sc = {.db = db};
	int r = audit_export(&sc, put_bytes, &fd, &verdict, &err);
	if (r >= 0 && fsync(fd) < 0)
		r = err_errno(&err, errno, "fsync", str_c(path));
	if (r < 0) {
		(void)unlink(path);
		return cli_fail(cli, &err);
	}
	cli_say(cli, stdout, "cli.audit.exported", ARG_CSTR("path", path), ARG_I64("records", verdict.records),
	        ARG_CSTR("head", sha256_hex(verdict.head, head)));
	return CLI_OK;
}

struct given {
	const char *database, *data, *head, *file;
};

/* 0, or the exit code to end with in *ret_code and 1. */
static int read_options(struct cli *cli, int argc, char **argv, struct given *g, int *ret_code)
{
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		const char **value = c == OPT_DATABASE ? &g->database : c == OPT_DATA ? &g->data : c == OPT_HEAD ? &g->head : &g->file;
		if (c == 'h' || c == '?') {
			*ret_code = c == 'h' ? cli_help(cli) : cli_bad_option(cli, argv);
			return 1;
		}
		*value = optarg;
	}
	return 0;
}

static const char *database_of(struct arena *arena, const struct given *g)
{
	return g->database != NULL ? g->database
	                           : arena_printf(arena, "sqlite:%s/core/state.db", g->data != NULL ? g->data : DATA_DEFAULT).p;
}

static int run_verify(struct cli *cli, struct arena *arena, const struct given *g)
{
	unsigned char noted[SHA256_SIZE];
	const unsigned char *head = g->head != NULL ? noted : NULL;
	if (g->head != NULL && !str_parse_hex(str_c(g->head), noted, sizeof noted)) {
		struct err err = {0};
		(void)err_set(&err, -EINVAL, "cli.audit.no_hash", ARG_CSTR("head", g->head));
		return cli_fail(cli, &err);
	}
	return g->file != NULL ? verify_file(cli, g->file, head) : verify(cli, database_of(arena, g), head);
}

int cli_audit(struct cli *cli, int argc, char **argv)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct given g = {0};
	int code = CLI_ERROR;
	if (read_options(cli, argc, argv, &g, &code) != 0)
		return code;
	char **rest = argv + optind;
	struct str what = str_c(rest[0]);
	if ((g.database != NULL) + (g.data != NULL) + (g.file != NULL) > 1)
		return cli_bad_use(cli);
	if (str_eq_c(what, "verify") && rest[1] == NULL)
		return run_verify(cli, arena, &g);
	if (str_eq_c(what, "export") && rest[1] != NULL && rest[2] == NULL && g.file == NULL && g.head == NULL)
		return export(cli, database_of(arena, &g), rest[1]);
	return cli_bad_use(cli);
}
