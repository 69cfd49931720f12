/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The differential test of engine/signature against libyara: what both say of the same bytes. Not installed.
 * values.c compares module values, rules.c the findings of generated rules; mutate.c makes the files.
 * Everything follows from the seed, so a difference can be made again from the line that tells it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random_state {
	uint64_t state;
};

/* SplitMix64 (Steele, Lea, Flood, 2014). */
uint64_t random_next(struct random_state *r);
/* [0, n); n > 0. */
uint64_t random_below(struct random_state *r, uint64_t n);

/* A file in memory with zero pages around it: libyara 4.2 reads a little past ends. */
struct sample {
	uint8_t *data;
	size_t len;
	size_t capacity; /* how long it may be made */
	void *mapping;
	size_t mapping_len;
};

bool sample_new(struct sample *s, size_t capacity);
bool sample_load(struct sample *s, const char *path);
void sample_free(struct sample *s);
/* Changes a few bytes where formats keep their structure, sometimes the length. */
void sample_mutate(struct sample *s, struct random_state *r);

/* The number of values that differ; each is printed with `name`. */
unsigned values_compare(const struct sample *s, const char *name);
bool values_start(void);
