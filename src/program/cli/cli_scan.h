/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre scan: the options (cli_scan.c) and what is printed (cli_scan_print.c). */
#pragma once
#include <regex.h>

#include "engine/malware/malware_walk.h"
#include "program/cli/cli.h"

struct cli_scan {
	struct cli *cli;
	bool recursive, infected_only, no_summary, quiet, cross_fs_off;
	const char *bundle, *store, *clamav, *cache, *scand;
	uint64_t max_file_bytes, workers, time_limit_s;
	struct cli_list yara, hashes, keys, exclude, exclude_dir;
	regex_t *patterns; /* exclude, then exclude_dir */
	size_t pattern_count;
	usec_t started, monotonic;
	bool progress_shown;
};

bool cli_scan_print_file(void *ctx, const struct malware_walk_file *file);
void cli_scan_print_progress(void *ctx, uint64_t done, uint64_t listed, uint64_t bytes, struct str path);
void cli_scan_print_summary(struct cli_scan *s, const struct malware_scanner_info *info,
                            const struct malware_walk_totals *totals);
void cli_scan_clear_progress(struct cli_scan *s);
