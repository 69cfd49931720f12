/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * signature_regex_run: a program run over bytes from one offset on, to the right or to the left. All ways are followed at
 * once in the order of preference (R. Cox, "Regular Expression Matching: the Virtual Machine Approach"), so that the
 * time is at most bytes times steps. Threads: the machine's memory belongs to one thread.
 */
#pragma once
#include "engine/signature/signature_pattern_internal.h"

/* What a run works in; sized for the longest program of the section. */
struct signature_machine {
	uint32_t *marks;              /* each step: when it was entered last */
	uint32_t *now, *then, *stack; /* steps; the stack has room for two each */
	uint32_t mark, steps;
	uint64_t work; /* steps left; 0 stops everything */
};

struct signature_run {
	const struct signature_step *steps; /* the program */
	const uint8_t *classes;
	const uint8_t *data;
	uint64_t len, at;
	uint32_t entry;
	bool wide, backward;
	/* Every length is told to `found`; else the preferred one is returned. */
	void (*found)(void *context, uint32_t length);
	void *context;
};

static inline size_t signature_machine_size(uint32_t longest_program)
{
	return ((size_t)longest_program * 5 + 8) * sizeof(uint32_t);
}

/* Lays the machine out in memory that was zero before the first time. */
void signature_machine_place(struct signature_machine *m, void *memory, uint32_t longest_program);
/* The length, or -1. */
int64_t signature_regex_run(struct signature_machine *m, const struct signature_run *run);
/* Whether it matches anywhere in the data (libyara's `matches`). */
bool signature_regex_anywhere(struct signature_machine *m, const struct signature_run *run);
