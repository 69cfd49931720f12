/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A quick look whether any of some short ASCII windows of three bytes occurs, in either case: the shuffle technique of
 * Hyperscan's Teddy (Wang et al., NSDI 2019) reduced to what keywords need. It runs over every byte of every event of a
 * source with keyword rules. Private to the room.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SG_PROBE_WINDOW 3
#define SG_PROBE_MAX 256

struct sg_probe {
	/* For each place of the window and each half byte: which of eight groups of windows allow it. */
	uint8_t low[SG_PROBE_WINDOW][16], high[SG_PROBE_WINDOW][16];
	uint32_t count;
	/* The windows, lower case, sorted by group. */
	uint8_t windows[SG_PROBE_MAX][4];
	uint16_t group_at[9];
};

void sg_probe_init(struct sg_probe *probe);
/* The window of `n` >= 3 bytes of text that is least likely in logs. false: no room. */
bool sg_probe_add(struct sg_probe *probe, const char *text, size_t n);
void sg_probe_ready(struct sg_probe *probe);
/* True when a window may be in p[0..n). No false negatives. */
bool sg_probe_hits(const struct sg_probe *probe, const char *p, size_t n);
