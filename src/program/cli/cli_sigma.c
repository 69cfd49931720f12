/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <getopt.h>
#include <stdlib.h>

#include "base/file/file.h"
#include "program/cli/cli_hunt.h"

enum option_id { OPT_LOGSOURCE = 256, OPT_RULES, OPT_MAPPING, OPT_PLACEHOLDERS, OPT_EXCLUSIONS };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"rules", required_argument, NULL, OPT_RULES},
	{"logsource", required_argument, NULL, OPT_LOGSOURCE},
	{"mapping", required_argument, NULL, OPT_MAPPING},
	{"placeholders", required_argument, NULL, OPT_PLACEHOLDERS},
	{"exclusions", required_argument, NULL, OPT_EXCLUSIONS},
	{0},
};

bool cli_sigma_source(const char *text, struct sigma_source *ret)
{
	struct str rest = str_c(text), part;
	while (str_split(&rest, ',', &part)) {
		size_t equals = str_find_char(part, '=');
		struct str key = str_sub(part, 0, equals), value = equals != SIZE_MAX ? str_sub(part, equals + 1, part.n) : STR_EMPTY;
		struct str *to = str_eq_c(key, "product") ? &ret->product : str_eq_c(key, "category") ? &ret->category : str_eq_c(key, "service") ? &ret->service : NULL;
		if (to == NULL || equals == SIZE_MAX)
			return false;
		bool open = str_eq_c(value, "any") || str_eq_c(value, "*") || str_eq_c(value, "-");
		*to = open ? STR_EMPTY : value;
	}
	return true;
}

const char *cli_sigma_cache_dir(char *buf, size_t size)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n = 0;
	if (base != NULL && base[0] == '/')
		n = snprintf(buf, size, "%s/luytre/sigma", base);
	else if (home != NULL && home[0] == '/')
		n = snprintf(buf, size, "%s/.cache/luytre/sigma", home);
	return n > 0 && (size_t)n < size ? buf : NULL;
}

int cli_sigma_load(struct cli *cli, const struct cli_sigma_options *o, bool quiet, struct sigma_loader **ret_loader,
                   struct sigma_ruleset **ret, struct err *err)
{
	struct sigma_loader *loader = sigma_loader_new(&o->load);
	int r = 0;
	*ret_loader = loader;
	for (size_t i = 0; i < o->rules.count && r == 0; i++)
		r = sigma_loader_add_path(loader, o->rules.items[i], err);
	if (r == 0)
		r = sigma_loader_compile(loader, ret, err);
	for (size_t i = 0; r == 0 && !quiet && i < sigma_loader_refused_count(loader); i++)
		(void)cli_fail(cli, &sigma_loader_refused(loader, i)->err);
	return r;
}

static int take_options(struct cli *cli, int argc, char **argv, struct cli_sigma_options *o)
{
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		bool fine = true;
		if (c == 'h')
			return cli_help(cli);
		if (c == OPT_LOGSOURCE)
			fine = cli_sigma_source(optarg, &o->source);
		else if (c == OPT_RULES)
			cli_list_add(&o->rules, optarg);
		else if (c == OPT_MAPPING)
			o->load.mapping = optarg;
		else if (c == OPT_PLACEHOLDERS)
			o->load.placeholders = optarg;
		else if (c == OPT_EXCLUSIONS)
			o->load.exclusions = optarg;
		else
			fine = false;
		if (!fine)
			return cli_bad_option(cli, argv);
	}
	return -1;
}

static void print_refusals(struct cli *cli, const struct sigma_loader *loader)
{
	for (size_t i = 0; i < sigma_loader_refused_count(loader); i++) {
		const struct sigma_refusal *refusal = sigma_loader_refused(loader, i);
		struct buf text cleanup_buf = BUF_INIT(1 << 16);
		msg_append_err(cli->messages, cli->lang, &refusal->err, &text);
		cli_put(cli, stdout, buf_str(&text));
		if (refusal->title.n > 0) {
			(void)fputs("  [", stdout);
			cli_put(cli, stdout, refusal->title);
			(void)fputs("]", stdout);
		}
		(void)fputc('\n', stdout);
	}
}

/* luytre sigma check PATH… */
static int check(struct cli *cli, struct cli_sigma_options *o, int argc, char **argv)
{
	struct sigma_loader *loader cleanup(sigma_loader) = NULL;
	struct sigma_ruleset *set = NULL;
	struct err err = {0};
	for (int i = 0; i < argc; i++)
		cli_list_add(&o->rules, argv[i]);
	if (o->rules.count == 0)
		return cli_bad_use(cli);
	if (cli_sigma_load(cli, o, true, &loader, &set, &err) < 0)
		return cli_fail(cli, &err);
	print_refusals(cli, loader);
	struct sigma_counts n = sigma_ruleset_counts(set);
	size_t refused = sigma_loader_refused_count(loader);
	cli_say(cli, stdout, "cli.sigma.counts", ARG_U64("rules", n.rules), ARG_U64("correlations", n.correlations), ARG_U64("filters", n.filters),
	        ARG_U64("refused", refused));
	cli_say(cli, stdout, "cli.sigma.sizes", ARG_U64("predicates", n.predicates), ARG_U64("strings", n.strings), ARG_U64("regexes", n.regexes),
	        ARG_U64("fields", n.fields));
	(void)sigma_ruleset_unref(set);
	return refused > 0 ? CLI_FOUND : CLI_OK;
}

/* luytre sigma explain --rules DIR RULE EVENT-FILE: RULE by id, name or title, or a rule file alone. */
static int explain(struct cli *cli, struct cli_sigma_options *o, int argc, char **argv)
{
	struct sigma_loader *loader cleanup(sigma_loader) = NULL;
	struct sigma_matcher *matcher cleanup(sigma_matcher) = NULL;
	struct sigma_ruleset *set = NULL;
	struct hunt_input *in = NULL;
	struct hunt_batch batch = {.bytes = BUF_INIT((size_t)1 << 30)};
	struct buf out cleanup_buf = BUF_INIT((size_t)1 << 28);
	struct err err = {0};
	if (argc != 2)
		return cli_bad_use(cli);
	bool by_file = o->rules.count == 0;
	if (by_file)
		cli_list_add(&o->rules, argv[0]);
	int r = cli_sigma_load(cli, o, false, &loader, &set, &err);
	uint32_t rule = r < 0 ? UINT32_MAX : by_file && sigma_ruleset_count(set) > 0 ? 0 : sigma_ruleset_find(set, str_c(argv[0]));
	if (r == 0 && rule == UINT32_MAX)
		r = err_set(&err, -ENOENT, "sigma.no_rule", ARG_CSTR("name", argv[0]));
	if (r == 0)
		r = hunt_input_open(argv[1], &in, &err);
	if (r == 0)
		matcher = sigma_matcher_new(set, &o->source);
	while (r == 0 && (r = hunt_input_next(in, &batch, &err)) > 0) {
		struct str rest = buf_str(&batch.bytes), line;
		r = 0;
		for (size_t i = 0; i < batch.item_count && r == 0; i++, buf_append_char(&out, '\n'))
			r = sigma_explain(matcher, rule, str_sub(rest, batch.items[i].at, batch.items[i].at + batch.items[i].n), &out, &err);
		while (r == 0 && batch.item_count == 0 && str_split(&rest, '\n', &line))
			if (str_trim(line).n > 0) {
				r = sigma_explain(matcher, rule, str_trim(line), &out, &err);
				buf_append_char(&out, '\n');
			}
		(void)fwrite(out.p, 1, out.n, stdout);
		buf_clear(&out);
	}
	hunt_input_close(in);
	buf_done(&batch.bytes);
	mem_free(batch.items);
	sigma_matcher_free(TAKE(matcher));
	(void)sigma_ruleset_unref(set);
	return r < 0 ? cli_fail(cli, &err) : CLI_OK;
}

int cli_sigma(struct cli *cli, int argc, char **argv)
{
	struct cli_sigma_options o = {.source = {.lenient = false}};
	int r = take_options(cli, argc, argv, &o);
	if (r < 0) {
		struct str verb = str_c(optind < argc ? argv[optind] : "");
		if (str_eq_c(verb, "check"))
			r = check(cli, &o, argc - optind - 1, argv + optind + 1);
		else if (str_eq_c(verb, "explain"))
			r = explain(cli, &o, argc - optind - 1, argv + optind + 1);
		else
			r = cli_bad_use(cli);
	}
	cli_list_done(&o.rules);
	return r;
}
