/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <getopt.h>

#include "base/file/file.h"
#include "engine/malware/malware_bundle.h"
#include "engine/malware/malware_scan.h"
#include "engine/signature/signature.h"
#include "program/cli/cli.h"
#include "program/cli/cli_signatures_image.h"
#include "program/cli/cli_signatures_stick.h"

#define VALID_DAYS_DEFAULT 30

struct signatures {
	struct cli *cli;
	struct cli_list trust, hashes, yara, clamav;
	const char *key, *out, *public, *scand, *state, *image;
	uint64_t version, valid_days;
	bool skip_bad;
	unsigned problems;
};

enum option_id { OPT_HASHES = 256, OPT_YARA, OPT_CLAMAV, OPT_KEY, OPT_OUT, OPT_PUBLIC, OPT_VERSION, OPT_DAYS, OPT_SKIP, OPT_SCAND, OPT_STATE, OPT_TRUST, OPT_IMAGE };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"hashes", required_argument, NULL, OPT_HASHES},
	{"yara", required_argument, NULL, OPT_YARA},
	{"clamav", required_argument, NULL, OPT_CLAMAV},
	{"key", required_argument, NULL, OPT_KEY},
	{"out", required_argument, NULL, OPT_OUT},
	{"public", required_argument, NULL, OPT_PUBLIC},
	{"version", required_argument, NULL, OPT_VERSION},
	{"valid-days", required_argument, NULL, OPT_DAYS},
	{"skip-bad-rules", no_argument, NULL, OPT_SKIP},
	{"scand", required_argument, NULL, OPT_SCAND},
	{"state", required_argument, NULL, OPT_STATE},
	{"trust", required_argument, NULL, OPT_TRUST},
	{"image", required_argument, NULL, OPT_IMAGE},
	{0},
};

static bool take_option(struct signatures *s, int c)
{
	switch (c) {
	case OPT_HASHES:
		cli_list_add(&s->hashes, optarg);
		return true;
	case OPT_YARA:
		cli_list_add(&s->yara, optarg);
		return true;
	case OPT_CLAMAV:
		cli_list_add(&s->clamav, optarg);
		return true;
	case OPT_KEY:
		s->key = optarg;
		return true;
	case OPT_OUT:
		s->out = optarg;
		return true;
	case OPT_PUBLIC:
		s->public = optarg;
		return true;
	case OPT_SCAND:
		s->scand = optarg;
		return true;
	case OPT_TRUST:
		cli_list_add(&s->trust, optarg);
		return true;
	case OPT_STATE:
		s->state = optarg;
		return true;
	case OPT_IMAGE:
		s->image = optarg;
		return true;
	case OPT_SKIP:
		s->skip_bad = true;
		return true;
	case OPT_VERSION:
		return str_parse_u64(str_c(optarg), 1, UINT64_C(1) << 53, &s->version);
	case OPT_DAYS:
		return str_parse_u64(str_c(optarg), 1, 3650, &s->valid_days);
	default:
		return false;
	}
}

static void on_problem(void *ctx, const struct err *problem)
{
	struct signatures *s = ctx;
	s->problems++;
	(void)cli_fail(s->cli, problem);
}

static struct malware_bundle_source source_of(struct signatures *s)
{
	usec_t now = clock_now() / USEC_PER_SEC * USEC_PER_SEC;
	return (struct malware_bundle_source){
		.version = s->version, .created = now, .expires = now + (usec_t)s->valid_days * USEC_PER_DAY,
		.hash_lists = s->hashes.items, .image_path = s->image, .yara_paths = s->yara.items, .clamav_files = s->clamav.items,
		.scand_path = s->scand, .skip_bad_rules = s->skip_bad, .on_problem = on_problem, .problem_ctx = s};
}

static void say_info(struct signatures *s, const struct malware_bundle_info *info)
{
	char expires[CLOCK_ISO_SIZE];
	cli_say(s->cli, stdout, "cli.signatures.built", ARG_U64("version", info->version), ARG_U64("parts", info->part_count),
	        ARG_U64("size", info->size_bytes), ARG_CSTR("expires", clock_iso(info->expires, expires)));
}

static int bundle(struct signatures *s, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf struct buf container = BUF_INIT(MALWARE_BUNDLE_LIMIT + 1);
	struct malware_bundle_source source = source_of(s);
	struct malware_bundle_info info;
	int r = cli_read_key(s->key, &key, err);
	if (r < 0)
		return r;
	source.sign = malware_bundle_sign_with_key;
	source.sign_ctx = key;
	r = malware_bundle_build(&source, &container, &info, err);
	if (r == 0)
		r = file_write(s->out, buf_str(&container), 0644, err);
	if (r == 0)
		say_info(s, &info);
	return r;
}

/* The rules go along as an image too: beside the bundle while it is made. */
static int build(struct signatures *s, struct err *err)
{
	cleanup_buf struct buf image = BUF_INIT(SIGNATURE_IMAGE_MAX);
	cleanup_buf struct buf path = BUF_INIT(4096);
	struct cli_signatures_sum sum;
	if ((s->yara.count == 0 && s->clamav.count == 0) || s->image != NULL)
		return bundle(s, err);
	buf_printf(&path, "%s.image", s->out);
	int r = cli_signatures_compile(s->cli, &s->yara, &s->clamav, false, &image, &sum, err);
	if (r == 0)
		r = file_write(path.p, buf_str(&image), 0600, err);
	if (r < 0)
		return r;
	s->image = path.p;
	r = bundle(s, err);
	s->image = NULL;
	int removed = file_remove(path.p, r == 0 ? err : NULL);
	if (r == 0)
		cli_signatures_say_sum(s->cli, &sum);
	return r < 0 ? r : removed;
}

static int make_image(struct signatures *s, struct err *err)
{
	cleanup_buf struct buf image = BUF_INIT(SIGNATURE_IMAGE_MAX);
	struct cli_signatures_sum sum;
	int r = cli_signatures_compile(s->cli, &s->yara, &s->clamav, true, &image, &sum, err);
	if (r == 0)
		r = file_write(s->out, buf_str(&image), 0644, err);
	if (r == 0)
		cli_signatures_say_sum(s->cli, &sum);
	return r;
}

/* What an image would take of the rules, and why not the rest. */
static int check_image(struct signatures *s, struct err *err)
{
	cleanup_buf struct buf image = BUF_INIT(SIGNATURE_IMAGE_MAX);
	struct cli_signatures_sum sum;
	if (s->yara.count == 0 && s->clamav.count == 0)
		return 0;
	int r = cli_signatures_compile(s->cli, &s->yara, &s->clamav, true, &image, &sum, err);
	if (r == 0)
		cli_signatures_say_sum(s->cli, &sum);
	return r;
}

static int sign_nothing(void *ctx, struct str bytes, struct buf *ret_signature, struct err *err)
{
	(void)ctx;
	(void)bytes;
	(void)ret_signature;
	(void)err;
	return 0;
}

/* The whole of a build but for the key and the file. */
static int check(struct signatures *s, struct err *err)
{
	cleanup_buf struct buf container = BUF_INIT(MALWARE_BUNDLE_LIMIT + 1);
	struct malware_bundle_source source = source_of(s);
	struct malware_bundle_info info;
	source.sign = sign_nothing;
	source.skip_bad_rules = false;
	int r = check_image(s, err);
	if (r == 0)
		r = malware_bundle_build(&source, &container, &info, err);
	if (r == 0)
		cli_say(s->cli, stdout, "cli.signatures.checked", ARG_U64("parts", info.part_count), ARG_U64("size", info.size_bytes));
	return r;
}

static int make_key(struct signatures *s, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf_secret struct buf private = BUF_INIT(1 << 16);
	cleanup_buf struct buf public = BUF_INIT(1 << 16);
	if (file_exists(s->out))
		return err_set(err, -EEXIST, "cli.exists", ARG_CSTR("path", s->out));
	int r = crypto_key_generate(&key, err);
	if (r == 0)
		r = crypto_key_private_pem(key, &private, err);
	if (r == 0)
		r = crypto_key_public_pem(key, &public, err);
	if (r == 0)
		r = file_write(s->out, buf_str(&private), 0600, err);
	if (r == 0)
		r = file_write(s->public, buf_str(&public), 0644, err);
	return r;
}

static int do_build(struct signatures *s, char **operands, struct err *err)
{
	(void)operands;
	return build(s, err);
}

static int do_check(struct signatures *s, char **operands, struct err *err)
{
	(void)operands;
	return check(s, err);
}

static int do_image(struct signatures *s, char **operands, struct err *err)
{
	(void)operands;
	return make_image(s, err);
}

static int do_explain(struct signatures *s, char **operands, struct err *err)
{
	return cli_signatures_explain(s->cli, s->image, &s->yara, &s->clamav, operands[0], operands[1], err);
}

static int do_import(struct signatures *s, char **operands, struct err *err)
{
	return cli_signatures_import(s->cli, s->state, operands[0], err);
}

static int do_export(struct signatures *s, char **operands, struct err *err)
{
	(void)operands;
	return cli_signatures_export(s->cli, s->state, s->out, err);
}

static int do_key(struct signatures *s, char **operands, struct err *err)
{
	(void)operands;
	return make_key(s, err);
}

static int do_keys(struct signatures *s, char **operands, struct err *err)
{
	(void)operands;
	return cli_signatures_keys(s->version, s->trust.items, s->key, s->out, err);
}

/* Options that an action cannot do without. */
enum need { NEED_KEY = 1, NEED_OUT = 2, NEED_VERSION = 4, NEED_PUBLIC = 8, NEED_SOURCE = 16, NEED_RULES = 32 /* an image or rules, not both */, NEED_TRUST = 64 };

static const struct action {
	const char *name;
	unsigned operands, needs;
	int (*run)(struct signatures *s, char **operands, struct err *err);
} actions[] = {
	{"build", 0, NEED_KEY | NEED_OUT | NEED_VERSION, do_build},
	{"check", 0, 0, do_check},
	{"image", 0, NEED_OUT | NEED_SOURCE, do_image},
	{"explain", 2, NEED_RULES, do_explain},
	{"import", 1, 0, do_import},
	{"export", 0, NEED_OUT, do_export},
	{"key", 0, NEED_OUT | NEED_PUBLIC, do_key},
	{"keys", 0, NEED_OUT | NEED_KEY | NEED_VERSION | NEED_TRUST, do_keys},
};

static bool has_needs(const struct signatures *s, unsigned needs)
{
	const bool source = s->yara.count > 0 || s->clamav.count > 0;
	const unsigned has = (s->key != NULL ? NEED_KEY : 0u) | (s->out != NULL ? NEED_OUT : 0u) | (s->version > 0 ? NEED_VERSION : 0u) |
	                     (s->public != NULL ? NEED_PUBLIC : 0u) | (source ? NEED_SOURCE : 0u) |
	                     ((s->image != NULL) != source ? NEED_RULES : 0u) | (s->trust.count > 0 ? NEED_TRUST : 0u);
	return (needs & ~has) == 0;
}

static int act(struct signatures *s, char **operands)
{
	struct err err = {0};
	unsigned count = 0;
	while (operands[count] != NULL)
		count++;
	for (size_t i = 0; count > 0 && i < ARRAY_LEN(actions); i++) {
		if (!str_eq_c(str_c(operands[0]), actions[i].name) || count != actions[i].operands + 1 || !has_needs(s, actions[i].needs))
			continue;
		int r = actions[i].run(s, operands + 1, &err);
		/* Faults of rules were told one by one. */
		if (r < 0 && s->problems == 0)
			return cli_fail(s->cli, &err);
		return r < 0 ? CLI_ERROR : CLI_OK;
	}
	return cli_bad_use(s->cli);
}

int cli_signatures(struct cli *cli, int argc, char **argv)
{
	struct signatures s = {.cli = cli, .valid_days = VALID_DAYS_DEFAULT, .version = 0};
	int c, r = CLI_OK;
	opterr = 0;
	while (r == CLI_OK && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (!take_option(&s, c))
			r = cli_bad_option(cli, argv);
	}
	if (r == CLI_OK && argv[optind] != NULL && str_eq_c(str_c(argv[optind]), "check"))
		s.version = 1;
	if (r == CLI_OK)
		r = act(&s, argv + optind);
	cli_list_done(&s.hashes);
	cli_list_done(&s.yara);
	cli_list_done(&s.clamav);
	cli_list_done(&s.trust);
	return r;
}
