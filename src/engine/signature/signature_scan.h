/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A scanner's insides, shared by scanning and explaining (private to the room). */
#pragma once
#include "engine/signature/signature_image.h"

struct signature_scanner {
	const struct signature_image *image;
	void *memory;          /* of the patterns' search, as allocated */
	void *pattern_scratch; /* the same, 64-aligned */
	uint64_t *candidates;  /* one bit per rule */
	uint64_t *always;      /* what candidates begin with */
	size_t words;
	bool *space_blocked;   /* a global rule of the namespace is false */
	struct signature_run run;
};

/* Sets the run up and searches the strings. false: matches are missing. */
bool signature_scan_begin(struct signature_scanner *s, const uint8_t *data, size_t len, const struct signature_given *given, size_t given_count);
/* Runs one rule and keeps its answer. 1 true, 0 false, < 0 not known. */
int signature_scan_rule(struct signature_scanner *s, uint32_t rule);
