/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/cli/cli_scan.h"

#include <getopt.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/malware/malware_bundle.h"

/* Where the agent keeps its bundle; scanned with when no signatures are named. */
#define STORE_DEFAULT "/var/lib/luytre-agent/bundles"

enum option_id { OPT_BUNDLE = 256, OPT_STORE, OPT_KEY, OPT_YARA, OPT_HASHES, OPT_CLAMAV, OPT_NO_SUMMARY, OPT_QUIET,
	         OPT_EXCLUDE, OPT_EXCLUDE_DIR, OPT_CACHE, OPT_JOBS, OPT_MAX_FILE, OPT_TIME_LIMIT, OPT_SCAND, OPT_ONE_FS };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"recursive", optional_argument, NULL, 'r'},
	{"infected", no_argument, NULL, 'i'},
	{"no-summary", no_argument, NULL, OPT_NO_SUMMARY},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"exclude", required_argument, NULL, OPT_EXCLUDE},
	{"exclude-dir", required_argument, NULL, OPT_EXCLUDE_DIR},
	{"one-file-system", no_argument, NULL, OPT_ONE_FS},
	{"bundle", required_argument, NULL, OPT_BUNDLE},
	{"store", required_argument, NULL, OPT_STORE},
	{"key", required_argument, NULL, OPT_KEY},
	{"yara", required_argument, NULL, OPT_YARA},
	{"hashes", required_argument, NULL, OPT_HASHES},
	{"clamav", required_argument, NULL, OPT_CLAMAV},
	{"cache", required_argument, NULL, OPT_CACHE},
	{"jobs", required_argument, NULL, OPT_JOBS},
	{"max-filesize", required_argument, NULL, OPT_MAX_FILE},
	{"time-limit", required_argument, NULL, OPT_TIME_LIMIT},
	{"scand", required_argument, NULL, OPT_SCAND},
	{0},
};

/* "25", "25K", "25M", "25G", as clamscan takes sizes. */
static bool parse_size(struct str s, uint64_t *ret)
{
	unsigned shift = 0;
	char last = s.n > 0 ? s.p[s.n - 1] : '\0';
	if (last == 'k' || last == 'K')
		shift = 10;
	else if (last == 'm' || last == 'M')
		shift = 20;
	else if (last == 'g' || last == 'G')
		shift = 30;
	if (!str_parse_u64(shift > 0 ? str_sub(s, 0, s.n - 1) : s, 1, UINT64_C(1) << 40, ret))
		return false;
	*ret <<= shift;
	return *ret <= UINT64_C(1) << 40;
}

static bool take_flag(struct cli_scan *s, int c)
{
	switch (c) {
	case 'r':
		s->recursive = optarg == NULL || !str_eq_c(str_c(optarg), "no");
		return true;
	case 'i':
		s->infected_only = true;
		return true;
	case OPT_NO_SUMMARY:
		s->no_summary = true;
		return true;
	case OPT_QUIET:
		s->quiet = true;
		return true;
	case OPT_ONE_FS:
		s->cross_fs_off = true;
		return true;
	default:
		return false;
	}
}

static bool take_list(struct cli_scan *s, int c)
{
	struct cli_list *list = c == OPT_YARA          ? &s->yara
	                        : c == OPT_HASHES      ? &s->hashes
	                        : c == OPT_KEY         ? &s->keys
	                        : c == OPT_EXCLUDE     ? &s->exclude
	                        : c == OPT_EXCLUDE_DIR ? &s->exclude_dir
	                                               : NULL;
	if (list != NULL)
		cli_list_add(list, optarg);
	return list != NULL;
}

static bool take_value(struct cli_scan *s, int c)
{
	const char **text = c == OPT_BUNDLE   ? &s->bundle
	                    : c == OPT_STORE  ? &s->store
	                    : c == OPT_CLAMAV ? &s->clamav
	                    : c == OPT_CACHE  ? &s->cache
	                    : c == OPT_SCAND  ? &s->scand
	                                      : NULL;
	if (text != NULL) {
		*text = optarg;
		return true;
	}
	if (c == OPT_MAX_FILE)
		return parse_size(str_c(optarg), &s->max_file_bytes);
	if (c == OPT_JOBS)
		return str_parse_u64(str_c(optarg), 1, MALWARE_WORKERS_MAX, &s->workers);
	if (c == OPT_TIME_LIMIT)
		return str_parse_u64(str_c(optarg), 1, 86400, &s->time_limit_s);
	return false;
}

static int add_files(const struct cli_scan *s, struct malware_signatures *signatures, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < s->hashes.count && r == 0; i++)
		r = malware_signatures_add_hashes(signatures, s->hashes.items[i], err);
	for (size_t i = 0; i < s->yara.count && r == 0; i++)
		r = malware_signatures_add_yara(signatures, s->yara.items[i], err);
	if (r == 0 && s->clamav != NULL)
		r = malware_signatures_set_clamav(signatures, s->clamav, err);
	return r;
}

static int load_bundle(const struct cli_scan *s, struct malware_signatures **ret, struct err *err)
{
	cleanup_cli_keys struct cli_keys keys = {0};
	cleanup_buf struct buf container = BUF_INIT(MALWARE_BUNDLE_LIMIT + 1);
	int r = cli_keys_read(&keys, &s->keys, err);
	if (r < 0)
		return r;
	const struct malware_bundle_trust trust = {.keys = keys.keys, .key_count = keys.count, .now = clock_now()};
	if (s->bundle == NULL)
		return malware_bundle_load(s->store != NULL ? s->store : STORE_DEFAULT, &trust, ret, NULL, err);
	r = file_read(s->bundle, MALWARE_BUNDLE_LIMIT, &container, err);
	return r < 0 ? r : malware_bundle_load_container(buf_str(&container), &trust, ret, NULL, err);
}

static int load_signatures(const struct cli_scan *s, struct malware_signatures **ret, struct err *err)
{
	bool files = s->yara.count > 0 || s->hashes.count > 0 || s->clamav != NULL;
	cleanup(malware_signatures) struct malware_signatures *signatures = NULL;
	int r = 0;
	if (s->bundle != NULL || s->store != NULL || !files)
		r = load_bundle(s, &signatures, err);
	else
		signatures = malware_signatures_new();
	if (r == 0)
		r = add_files(s, signatures, err);
	if (r == 0)
		*ret = TAKE(signatures);
	return r;
}

static bool is_excluded(void *ctx, struct str path, bool is_folder)
{
	const struct cli_scan *s = ctx;
	char *text = mem_strdup(path);
	bool out = false;
	for (size_t i = 0; i < s->pattern_count && !out; i++)
		out = (i >= s->exclude.count) == is_folder && regexec(&s->patterns[i], text, 0, NULL, 0) == 0;
	mem_free(text);
	return out;
}

static int compile_patterns(struct cli_scan *s, struct err *err)
{
	size_t count = s->exclude.count + s->exclude_dir.count;
	s->patterns = mem_alloc_array(count + 1, sizeof(*s->patterns));
	for (size_t i = 0; i < count; i++) {
		const char *text = i < s->exclude.count ? s->exclude.items[i] : s->exclude_dir.items[i - s->exclude.count];
		if (regcomp(&s->patterns[i], text, REG_EXTENDED | REG_NOSUB) != 0)
			return err_set(err, -EINVAL, "cli.bad_pattern", ARG_CSTR("pattern", text));
		s->pattern_count++;
	}
	return 0;
}

static int run(struct cli_scan *s, const char *const *paths, struct malware_signatures *signatures, struct err *err)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const struct malware_scanner_config config = {
		.scand_path = s->scand, .cache_path = s->cache, .cache_off = s->cache == NULL, .max_file_bytes = s->max_file_bytes,
		.file_time_limit_s = (unsigned)s->time_limit_s,
		.workers = s->workers > 0 ? (unsigned)s->workers : processors > 8 ? 8 : processors > 0 ? (unsigned)processors : 1};
	const struct malware_walk_options walk = {
		.recursive = s->recursive, .stay_on_file_system = s->cross_fs_off, .exclude = is_excluded,
		.on_file = cli_scan_print_file, .on_progress = s->cli->err_is_terminal ? cli_scan_print_progress : NULL, .ctx = s};
	cleanup(malware_scanner) struct malware_scanner *scanner = NULL;
	struct malware_walk_totals totals = {0};
	struct malware_scanner_info info;
	int r = malware_scanner_new(&config, signatures, &scanner, err);
	if (r == 0)
		r = malware_walk(scanner, paths, &walk, &totals, err);
	cli_scan_clear_progress(s);
	if (r < 0)
		return r;
	malware_scanner_info(scanner, &info);
	if (!s->no_summary && !s->quiet)
		cli_scan_print_summary(s, &info, &totals);
	return totals.found > 0 ? CLI_FOUND : totals.errors + totals.refused > 0 ? CLI_ERROR : CLI_OK;
}

static int scan(struct cli_scan *s, char **operands)
{
	struct err err = {0};
	char here[4096];
	const char *current[] = {here, NULL};
	cleanup_cli_list struct cli_list paths = {0};
	cleanup(malware_signatures) struct malware_signatures *signatures = NULL;
	for (size_t i = 0; operands[i] != NULL; i++)
		cli_list_add(&paths, operands[i]);
	if (paths.count == 0 && getcwd(here, sizeof(here)) == NULL) {
		(void)err_errno(&err, errno, "getcwd", STR_EMPTY);
		return cli_fail(s->cli, &err);
	}
	int r = compile_patterns(s, &err);
	if (r == 0)
		r = load_signatures(s, &signatures, &err);
	if (r == 0)
		r = run(s, paths.count > 0 ? paths.items : current, signatures, &err);
	return r < 0 ? cli_fail(s->cli, &err) : r;
}

int cli_scan(struct cli *cli, int argc, char **argv)
{
	struct cli_scan s = {.cli = cli, .started = clock_now(), .monotonic = clock_monotonic()};
	int c, r = CLI_OK;
	opterr = 0;
	while (r == CLI_OK && (c = getopt_long(argc, argv, "hri", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (!take_flag(&s, c) && !take_list(&s, c) && !take_value(&s, c))
			r = cli_bad_option(cli, argv);
	}
	if (r == CLI_OK)
		r = scan(&s, argv + optind);
	for (size_t i = 0; i < s.pattern_count; i++)
		regfree(&s.patterns[i]);
	mem_free(s.patterns);
	cli_list_done(&s.yara);
	cli_list_done(&s.hashes);
	cli_list_done(&s.keys);
	cli_list_done(&s.exclude);
	cli_list_done(&s.exclude_dir);
	return r;
}
