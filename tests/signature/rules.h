/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "differ.h"

/* Who is at work, seen by the parent when a round dies: libyara 4.2.3 has assertions that files can break. */
enum rules_at_work { RULES_NOBODY, RULES_LIBYARA, RULES_OURS };

struct rules_result {
	volatile enum rules_at_work at_work;
	unsigned long pairs, hits, differences, refused, taken_more, undecided;
};

/* Some rules against some files, all made from the seed; every fourth file is one of `bases` with something behind it.
 * *result is shared with the parent process. */
void rules_round(uint64_t seed, unsigned files, const struct sample *bases, unsigned base_count, struct rules_result *result);
