/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre hunt: options and printing (cli_hunt.c), reading files (cli_hunt_input.c), threads (cli_hunt_work.c). */
#pragma once
#include <signal.h>

#include "engine/sigma/sigma.h"
#include "program/cli/cli.h"

/* ---- input: files as batches of events ---- */

#define HUNT_BATCH_BYTES ((size_t)1 << 20)

/* One event of a file that is not one object a line. */
struct hunt_item {
	size_t at, n;
	uint64_t number;
};

struct hunt_batch {
	struct buf bytes;
	uint64_t first_line;
	struct hunt_item *items; /* count > 0: these; else one event a line */
	size_t item_count, item_capacity;
	uint32_t file;
};

struct hunt_input;
/* Plain, gzip or zstd; one object a line, objects after each other, an array, or {"Records": […]}. "-": standard input. */
int hunt_input_open(const char *path, struct hunt_input **ret, struct err *err) WARN_UNUSED;
void hunt_input_close(struct hunt_input *in);
/* 1: a batch, 0: the end. */
int hunt_input_next(struct hunt_input *in, struct hunt_batch *batch, struct err *err) WARN_UNUSED;
/* Bytes of the file read so far, before unpacking. */
uint64_t hunt_input_position(const struct hunt_input *in);

/* ---- work ---- */

/* What came of a batch, in the order of its events. */
struct hunt_result {
	struct hunt_hit {
		uint32_t rule;
		uint64_t line;
	} *hits;
	size_t hit_count, hit_capacity;
	struct buf records; /* for correlations */
	uint64_t events, bytes, bad_events, first_bad_line;
	struct err first_bad;
};

struct hunt_work;
/* When *stop is set, by a signal's handler, no more is read. */
struct hunt_work *hunt_work_new(struct sigma_ruleset *set, const struct sigma_source *source, unsigned threads, bool measure,
                                const volatile sig_atomic_t *stop);
/* Costs by rule are added to `costs` (one a rule). */
void hunt_work_free(struct hunt_work *work, struct sigma_cost *costs);
/*
 * Reads all of `in`; `done` gets each batch and its result in the file's order, on the caller's thread.
 */
int hunt_work_file(struct hunt_work *work, struct hunt_input *in, uint32_t file,
                   void (*done)(void *user, const struct hunt_batch *batch, const struct hunt_result *result), void *user,
                   struct err *err) WARN_UNUSED;

/* Shared by hunt and sigma. */
struct cli_sigma_options {
	struct cli_list rules;
	struct sigma_options load;
	struct sigma_source source;
};
/* "product=P,category=C,service=S"; empty, "any", "*" and "-" mean not known. */
bool cli_sigma_source(const char *text, struct sigma_source *ret);
/* Loads and compiles; refused rules go to standard error unless quiet. */
int cli_sigma_load(struct cli *cli, const struct cli_sigma_options *options, bool quiet, struct sigma_loader **ret_loader,
                   struct sigma_ruleset **ret, struct err *err) WARN_UNUSED;
/* ~/.cache/luytre/sigma, or NULL. */
const char *cli_sigma_cache_dir(char *buf, size_t size);
