/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules made at random, and pieces of files that their strings match. */
#pragma once
#include "base/str/str.h"
#include "differ.h"

#define GENERATED_PIECES 256
#define PIECE_MAX        160

struct piece {
	uint8_t bytes[PIECE_MAX];
	size_t n;
};

struct generator {
	struct random_state random;
	struct piece pieces[GENERATED_PIECES]; /* what strings of these rules match, more or less */
	unsigned piece_count;
};

/* Appends "rule NAME { … }". */
void generate_rule(struct generator *g, const char *name, struct buf *out);
/* A file of pieces and noise; with `base`, behind that file's bytes. */
void generate_file(struct generator *g, const struct sample *base, struct sample *s);
