/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/cli/cli_hunt.h"

#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock/clock.h"
#include "base/json/json.h"

enum option_id { OPT_RULES = 256, OPT_FORMAT, OPT_LOGSOURCE, OPT_ANY_LOGSOURCE, OPT_THREADS, OPT_STATS, OPT_MAPPING, OPT_PLACEHOLDERS,
	         OPT_EXCLUSIONS, OPT_NO_CACHE, OPT_QUIET, OPT_LEVEL };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"rules", required_argument, NULL, OPT_RULES},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"logsource", required_argument, NULL, OPT_LOGSOURCE},
	{"any-logsource", no_argument, NULL, OPT_ANY_LOGSOURCE},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"stats", no_argument, NULL, OPT_STATS},
	{"mapping", required_argument, NULL, OPT_MAPPING},
	{"placeholders", required_argument, NULL, OPT_PLACEHOLDERS},
	{"exclusions", required_argument, NULL, OPT_EXCLUSIONS},
	{"no-cache", no_argument, NULL, OPT_NO_CACHE},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{0},
};

struct hunt {
	struct cli *cli;
	struct cli_sigma_options sigma;
	bool table, stats, quiet, no_cache;
	uint64_t threads;
	char **paths;
	size_t path_count;

	struct sigma_ruleset *set;
	struct sigma_correlator *correlator;
	struct sigma_cost *costs;
	uint64_t *match_counts;
	struct buf out;
	uint64_t events, bytes, matches, bad_events;
	uint64_t total_bytes, done_bytes; /* of files, packed */
	const struct hunt_input *input;
	usec_t begun, drawn;
	bool drawn_any;
};

static bool take_number(uint64_t *ret)
{
	return str_parse_u64(str_c(optarg), 1, 256, ret);
}

static bool take_option(struct hunt *h, int c)
{
	switch (c) {
	case OPT_RULES:
		cli_list_add(&h->sigma.rules, optarg);
		return true;
	case OPT_FORMAT:
		h->table = str_eq_c(str_c(optarg), "table");
		return h->table || str_eq_c(str_c(optarg), "jsonl");
	case OPT_LOGSOURCE:
		return cli_sigma_source(optarg, &h->sigma.source);
	case OPT_ANY_LOGSOURCE:
		h->sigma.source.lenient = true;
		return true;
	case OPT_THREADS:
		return take_number(&h->threads);
	case OPT_STATS:
		h->stats = true;
		return true;
	case OPT_MAPPING:
		h->sigma.load.mapping = optarg;
		return true;
	case OPT_PLACEHOLDERS:
		h->sigma.load.placeholders = optarg;
		return true;
	case OPT_EXCLUSIONS:
		h->sigma.load.exclusions = optarg;
		return true;
	case OPT_NO_CACHE:
		h->no_cache = true;
		return true;
	case OPT_QUIET:
		h->quiet = true;
		return true;
	default:
		return false;
	}
}

/* ---- printing ---- */

static struct str reference_of(const struct sigma_info *info)
{
	return info->id.n > 0 ? info->id : info->name.n > 0 ? info->name : info->title;
}

static void print_table(struct hunt *h, const struct sigma_info *info, const char *path, uint64_t line)
{
	buf_printf(&h->out, "%-13.*s %s:%llu  ", STR_FMT(info->level), path, (unsigned long long)line);
	for (size_t i = 0; i < info->title.n; i++)
		buf_append_char(&h->out, (unsigned char)info->title.p[i] < 0x20 ? ' ' : info->title.p[i]);
	buf_append_char(&h->out, '\n');
}

static void print_match(struct hunt *h, uint32_t rule, uint32_t file, uint64_t line, const struct sigma_alert *alert)
{
	const struct sigma_info info = sigma_ruleset_rule(h->set, rule);
	const char *path = h->paths[file];
	h->matches++;
	h->match_counts[rule]++;
	if (h->table) {
		print_table(h, &info, path, line);
	} else {
		struct json_writer w = json_writer_init(&h->out);
		json_object(&w);
		json_member_str(&w, "rule", reference_of(&info));
		json_member_str(&w, "title", info.title);
		if (info.name.n > 0)
			json_member_str(&w, "name", info.name);
		json_member_str(&w, "level", info.level);
		json_member_str(&w, "author", info.author);
		json_member_cstr(&w, "file", path);
		json_name(&w, "line");
		json_u64(&w, line);
		if (alert != NULL) {
			json_member_bool(&w, "correlation", true);
			json_member_str(&w, "group", alert->group);
			json_name(&w, "count");
			json_u64(&w, alert->count);
		}
		json_object_end(&w);
		buf_append_char(&h->out, '\n');
	}
	if (h->out.n > 1 << 16) {
		(void)fwrite(h->out.p, 1, h->out.n, stdout);
		buf_clear(&h->out);
	}
}

static void print_alert(void *user, const struct sigma_alert *alert)
{
	print_match(user, alert->rule, (uint32_t)(alert->tag >> 40), alert->tag & ((UINT64_C(1) << 40) - 1), alert);
}

static void draw_progress(struct hunt *h)
{
	usec_t now = clock_monotonic();
	if (!h->cli->err_is_terminal || h->quiet || now - h->drawn < 200 * USEC_PER_MS)
		return;
	h->drawn = now;
	h->drawn_any = true;
	double seconds = (double)(now - h->begun) / (double)USEC_PER_SEC;
	uint64_t at = h->done_bytes + hunt_input_position(h->input);
	double part = h->total_bytes > 0 ? (double)at / (double)h->total_bytes : 0;
	char bar[31];
	unsigned filled = part >= 1 ? 30 : (unsigned)(part * 30);
	for (unsigned i = 0; i < 30; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[30] = '\0';
	unsigned long long left = part > 0.001 ? (unsigned long long)(seconds / part * (1 - part)) : 0;
	(void)fprintf(stderr, "\r[%s] %3.0f%%  %.0f/s  %.1f MB/s  %llu  -%llu:%02llu ", bar, part * 100, (double)h->events / (seconds > 0 ? seconds : 1),
	              (double)h->bytes / 1e6 / (seconds > 0 ? seconds : 1), (unsigned long long)h->matches, left / 60, left % 60);
}

static void take_result(void *user, const struct hunt_batch *batch, const struct hunt_result *r)
{
	struct hunt *h = user;
	h->events += r->events;
	h->bytes += r->bytes;
	for (size_t i = 0; i < r->hit_count; i++)
		if (!sigma_ruleset_rule(h->set, r->hits[i].rule).silent)
			print_match(h, r->hits[i].rule, batch->file, r->hits[i].line, NULL);
	if (h->correlator != NULL)
		sigma_correlator_take(h->correlator, buf_str(&r->records), print_alert, h);
	if (r->bad_events > 0 && h->bad_events == 0) {
		char place[ERR_PLACE_SIZE];
		struct buf text = BUF_FIXED(place, sizeof place);
		struct err err = r->first_bad;
		buf_printf(&text, "%s:%llu", h->paths[batch->file], (unsigned long long)r->first_bad_line);
		(void)err_at(&err, buf_str(&text));
		(void)cli_fail(h->cli, &err);
	}
	h->bad_events += r->bad_events;
	draw_progress(h);
}

struct stat_row {
	uint32_t rule;
	struct sigma_cost cost;
	uint64_t matches;
};

static int compare_rows(const void *a, const void *b)
{
	const struct stat_row *x = a, *y = b;
	if (x->cost.nsec != y->cost.nsec)
		return x->cost.nsec < y->cost.nsec ? 1 : -1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static void print_stats(struct hunt *h)
{
	size_t n = sigma_ruleset_count(h->set), used = 0;
	struct stat_row *rows = mem_alloc_array(n, sizeof *rows);
	for (uint32_t i = 0; i < n; i++)
		if (h->costs[i].evaluated > 0 || h->match_counts[i] > 0)
			rows[used++] = (struct stat_row){i, h->costs[i], h->match_counts[i]};
	if (used > 1)
		qsort(rows, used, sizeof *rows, compare_rows);
	cli_say(h->cli, stderr, "cli.hunt.stats_heading");
	for (size_t i = 0; i < used; i++) {
		const struct sigma_info info = sigma_ruleset_rule(h->set, rows[i].rule);
		(void)fprintf(stderr, "%10llu %12llu %10.3f  %.*s  ", (unsigned long long)rows[i].matches,
		              (unsigned long long)rows[i].cost.evaluated, (double)rows[i].cost.nsec / 1e6, STR_FMT(reference_of(&info)));
		cli_put(h->cli, stderr, info.title);
		(void)fputc('\n', stderr);
	}
	mem_free(rows);
}

/* ---- running ---- */

static void measure_files(struct hunt *h)
{
	for (size_t i = 0; i < h->path_count; i++) {
		struct stat st;
		if (stat(h->paths[i], &st) == 0 && S_ISREG(st.st_mode))
			h->total_bytes += (uint64_t)st.st_size;
	}
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* Ctrl-C while files are read: what was found so far is printed, and that it is not all. Reads are not restarted. */
static void heed_interrupts(void)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
}

static int hunt_files(struct hunt *h, struct hunt_work *work)
{
	int failed = 0;
	for (size_t i = 0; i < h->path_count && !interrupted; i++) {
		struct hunt_input *in = NULL;
		struct err err = {0};
		int r = hunt_input_open(h->paths[i], &in, &err);
		if (r == 0) {
			h->input = in;
			r = hunt_work_file(work, in, (uint32_t)i, take_result, h, &err);
			h->done_bytes += hunt_input_position(in);
		}
		if (r < 0) {
			failed = 1;
			(void)cli_fail(h->cli, &err);
		}
		hunt_input_close(in);
	}
	return failed;
}

static void print_summary(struct hunt *h)
{
	double seconds = (double)(clock_monotonic() - h->begun) / (double)USEC_PER_SEC;
	if (h->drawn_any)
		(void)fputs("\r\033[K", stderr);
	if (h->correlator != NULL) {
		struct sigma_correlator_counters c = sigma_correlator_counters(h->correlator);
		if (c.groups_dropped + c.entries_dropped + c.late > 0)
			cli_say(h->cli, stderr, "cli.hunt.bounds", ARG_U64("groups", c.groups_dropped), ARG_U64("entries", c.entries_dropped),
			        ARG_U64("late", c.late));
	}
	if (h->bad_events > 0)
		cli_say(h->cli, stderr, "cli.hunt.bad_events", ARG_U64("count", h->bad_events));
	if (h->quiet || (!h->cli->err_is_terminal && !h->stats))
		return;
	cli_say(h->cli, stderr, "cli.hunt.summary_line", ARG_U64("events", h->events), ARG_U64("matches", h->matches),
	        ARG_U64("rate", (double)h->events / (seconds > 0 ? seconds : 1)),
	        ARG_U64("megabytes", (double)h->bytes / 1e6 / (seconds > 0 ? seconds : 1)));
}

static int hunt(struct hunt *h)
{
	/* Files come in any order, so nothing is too late for a correlation: memory is bounded by entries and groups. */
	const struct sigma_correlator_limits limits = {.late_usec = 100 * 365 * USEC_PER_DAY};
	struct sigma_loader *loader cleanup(sigma_loader) = NULL;
	struct err err = {0};
	if (cli_sigma_load(h->cli, &h->sigma, h->quiet, &loader, &h->set, &err) < 0)
		return cli_fail(h->cli, &err);
	size_t rules = sigma_ruleset_count(h->set);
	if (rules == 0) {
		(void)err_set(&err, -ENOENT, "sigma.no_rules", ARG_CSTR("name", h->sigma.rules.items[0]));
		return cli_fail(h->cli, &err);
	}
	sigma_loader_free(TAKE(loader));
	h->costs = mem_alloc_array(rules, sizeof *h->costs);
	h->match_counts = mem_alloc_array(rules, sizeof *h->match_counts);
	if (sigma_ruleset_correlates(h->set))
		h->correlator = sigma_correlator_new(h->set, &limits);
	measure_files(h);
	h->begun = clock_monotonic();
	heed_interrupts();
	struct hunt_work *work = hunt_work_new(h->set, &h->sigma.source, (unsigned)h->threads, h->stats, &interrupted);
	int failed = hunt_files(h, work);
	hunt_work_free(work, h->costs);
	(void)fwrite(h->out.p, 1, h->out.n, stdout);
	bool written = fflush(stdout) == 0;
	print_summary(h);
	if (h->stats)
		print_stats(h);
	if (interrupted) {
		cli_say(h->cli, stderr, "cli.hunt.interrupted", ARG_U64("events", h->events), ARG_U64("matches", h->matches));
		return CLI_INTERRUPTED;
	}
	/* Files of another kind altogether are an error, not a clean result. */
	bool nothing_read = h->bad_events > 0 && h->bad_events == h->events;
	return failed || !written || nothing_read ? CLI_ERROR : h->matches > 0 ? CLI_FOUND : CLI_OK;
}

int cli_hunt(struct cli *cli, int argc, char **argv)
{
	char cache[4096];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct hunt h = {.cli = cli, .threads = cores > 0 ? (uint64_t)cores : 1, .table = cli->out_is_terminal, .out = BUF_INIT((size_t)1 << 30)};
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (c == '?' || !take_option(&h, c))
			return cli_bad_option(cli, argv);
	}
	if (h.sigma.rules.count == 0 || optind >= argc)
		return cli_bad_use(cli);
	h.paths = argv + optind;
	h.path_count = (size_t)(argc - optind);
	if (!h.no_cache)
		h.sigma.load.cache_dir = cli_sigma_cache_dir(cache, sizeof cache);
	int r = hunt(&h);
	sigma_correlator_free(h.correlator);
	(void)sigma_ruleset_unref(h.set);
	cli_list_done(&h.sigma.rules);
	mem_free(h.costs);
	mem_free(h.match_counts);
	buf_done(&h.out);
	return r;
}
