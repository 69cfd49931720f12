/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <getopt.h>

#include "program/cli/cli.h"
#include "service/audit/audit.h"

#define DATA_DEFAULT "/var/lib/luytre"

enum option_id { OPT_DATABASE = 256, OPT_DATA, OPT_HEAD };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"database", required_argument, NULL, OPT_DATABASE},
	{"data", required_argument, NULL, OPT_DATA},
	{"head", required_argument, NULL, OPT_HEAD},
	{0},
};

static int print(struct cli *cli, const struct audit_verdict *v, bool noted)
{
	char head[SHA256_HEX_SIZE];
	const struct arg records = ARG_I64("records", v->records), hash = ARG_CSTR("head", sha256_hex(v->head, head)),
	                 number = ARG_I64("number", v->bad_number);
	if (!v->ok) {
		struct str reason = str_c(v->reason);
		cli_say(cli, stdout, str_eq_c(reason, "gap") ? "cli.audit.bad_gap" : str_eq_c(reason, "head") ? "cli.audit.bad_end"
		                                                                                 : "cli.audit.bad_hash", number, records, hash);
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

int cli_audit(struct cli *cli, int argc, char **argv)
{
	const char *database = NULL, *data = NULL, *head = NULL;
	unsigned char noted[SHA256_SIZE];
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (c == OPT_DATABASE)
			database = optarg;
		else if (c == OPT_DATA)
			data = optarg;
		else if (c == OPT_HEAD)
			head = optarg;
		else
			return cli_bad_option(cli, argv);
	}
	if (!str_eq_c(str_c(argv[optind]), "verify") || argv[optind + 1] != NULL || (database != NULL && data != NULL))
		return cli_bad_use(cli);
	if (head != NULL && !str_parse_hex(str_c(head), noted, sizeof noted)) {
		struct err err = {0};
		(void)err_set(&err, -EINVAL, "cli.audit.bad_head", ARG_CSTR("head", head));
		return cli_fail(cli, &err);
	}
	cleanup(arena) struct arena *arena = arena_new(0);
	if (database == NULL)
		database = arena_printf(arena, "sqlite:%s/core/state.db", data != NULL ? data : DATA_DEFAULT).p;
	return verify(cli, database, head != NULL ? noted : NULL);
}
