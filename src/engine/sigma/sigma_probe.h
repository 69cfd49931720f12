/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A quick look whether any of some ASCII texts occurs, in either case: the shuffle technique of Hyperscan's Teddy (Wang et
 * al., NSDI 2019) over one window of four bytes of each, then the whole text. It runs over every byte of every event of a
 * source with keyword rules, and over long values before Hyperscan. Private to the room.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SG_PROBE_WINDOW 4
#define SG_PROBE_MAX 256
#define SG_PROBE_HEADS 256

struct sg_probe {
	/* For each place of the window, which of eight groups allow a low and a high half of a byte. */
	uint8_t low[SG_PROBE_WINDOW][16], high[SG_PROBE_WINDOW][16];
	uint32_t count;
	uint16_t heads[SG_PROBE_HEADS]; /* by a window's hash: the first row, from 1; 0: none */
	/* Last, so that a probe on the heap is no longer than its rows. */
	struct sg_probe_row {
		uint32_t window; /* lower case, in memory order */
		uint32_t at;     /* the text, in the image */
		uint16_t n, before; /* bytes; those before the window */
		uint16_t next;
		uint16_t pad;
	} rows[SG_PROBE_MAX];
};

void sg_probe_init(struct sg_probe *probe);
/* A text of `n` >= SG_PROBE_WINDOW bytes at text + at; its window is what is least likely in logs. false: no room. */
bool sg_probe_add(struct sg_probe *probe, const char *text, uint32_t at, size_t n);
void sg_probe_ready(struct sg_probe *probe);
/* Bytes in use. */
size_t sg_probe_size(const struct sg_probe *probe);
/* True when one of the texts is in p[0..n). */
bool sg_probe_hits(const struct sg_probe *probe, const char *text, const char *p, size_t n);
