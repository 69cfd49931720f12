/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <getopt.h>

#include "base/file/file.h"
#include "engine/malware/malware_bundle.h"
#include "program/cli/cli.h"

static enum cli_verified (*const verifiers[])(struct cli *cli, const struct cli_verify *v) = {
#define VERIFIER(name) cli_verify_##name,
#include "program/cli/verify.def"
#undef VERIFIER
};

enum option_id { OPT_KEY = 256, OPT_GOVERNMENT, OPT_PUBLIC, OPT_OTHER, OPT_CRL, OPT__END };
#define LISTS (OPT__END - OPT_KEY)

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"key", required_argument, NULL, OPT_KEY},
	{"ca-government", required_argument, NULL, OPT_GOVERNMENT},
	{"ca-public", required_argument, NULL, OPT_PUBLIC},
	{"ca", required_argument, NULL, OPT_OTHER},
	{"crl", required_argument, NULL, OPT_CRL},
	{0},
};

enum cli_verified cli_verify_bundle(struct cli *cli, const struct cli_verify *v)
{
	cleanup_cli_keys struct cli_keys keys = {0};
	struct malware_bundle_info info;
	struct err err = {0};
	char expires[CLOCK_ISO_SIZE];
	if (!str_starts_with(v->bytes, STR("LTBNDL")))
		return CLI_VERIFY_UNKNOWN;
	if (cli_keys_read(&keys, v->keys, &err) < 0) {
		(void)cli_fail(cli, &err);
		return CLI_VERIFY_FAILED;
	}
	const struct malware_bundle_trust trust = {.keys = keys.keys, .key_count = keys.count, .now = clock_now()};
	if (malware_bundle_verify(v->bytes, &trust, &info, &err) < 0) {
		(void)err_at(&err, str_c(v->path));
		(void)cli_fail(cli, &err);
		return CLI_VERIFY_BAD;
	}
	cli_say(cli, stdout, info.expired ? "cli.verify.bundle_expired" : "cli.verify.bundle", ARG_CSTR("path", v->path),
	        ARG_U64("version", info.version), ARG_U64("parts", info.part_count),
	        ARG_CSTR("expires", clock_iso(info.expires, expires)));
	return CLI_VERIFY_GOOD;
}

static int verify_one(struct cli *cli, const char *path, const struct cli_list lists[LISTS])
{
	cleanup_buf struct buf bytes = BUF_INIT(MALWARE_BUNDLE_LIMIT + 1);
	struct err err = {0};
	if (file_read(path, MALWARE_BUNDLE_LIMIT, &bytes, &err) < 0)
		return cli_fail(cli, &err);
	const struct cli_verify v = {.path = path, .bytes = buf_str(&bytes), .keys = &lists[0],
				    .government = &lists[1], .public_ca = &lists[2], .other_ca = &lists[3], .crls = &lists[4]};
	for (size_t i = 0; i < ARRAY_LEN(verifiers); i++) {
		enum cli_verified r = verifiers[i](cli, &v);
		if (r != CLI_VERIFY_UNKNOWN)
			return r == CLI_VERIFY_GOOD ? CLI_OK : r == CLI_VERIFY_BAD ? CLI_FOUND : CLI_ERROR;
	}
	(void)err_set(&err, -EINVAL, "cli.verify.unknown", ARG_CSTR("path", path));
	return cli_fail(cli, &err);
}

static int verify_all(struct cli *cli, int argc, char **argv, struct cli_list lists[LISTS])
{
	int c, result = CLI_OK;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (c < OPT_KEY)
			return cli_bad_option(cli, argv);
		cli_list_add(&lists[c - OPT_KEY], optarg);
	}
	if (argv[optind] == NULL)
		return cli_bad_use(cli);
	for (int i = optind; argv[i] != NULL; i++) {
		int r = verify_one(cli, argv[i], lists);
		result = r > result ? r : result;
	}
	return result;
}

int cli_verify(struct cli *cli, int argc, char **argv)
{
	struct cli_list lists[LISTS] = {0};
	int result = verify_all(cli, argc, argv, lists);
	for (size_t i = 0; i < LISTS; i++)
		cli_list_done(&lists[i]);
	return result;
}
