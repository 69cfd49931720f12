/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Regular expressions of the modifier `re`: PCRE flavour on code points, within limits. Private to the room. */
#pragma once
#include "engine/sigma/sigma_rule.h"

struct sigma_regex;
/* -EINVAL sigma.regex (reason, byte); -E2BIG sigma.regex_size. */
int sigma_regex_check(struct str pattern, unsigned flags, struct err *err) WARN_UNUSED;
int sigma_regex_new(struct str pattern, unsigned flags, struct sigma_regex **ret, struct err *err) WARN_UNUSED;
void sigma_regex_free(struct sigma_regex *re);
DEFINE_CLEANUP(sigma_regex)
/* Memory for matching: one per thread. */
struct sigma_regex_scratch;
struct sigma_regex_scratch *sigma_regex_scratch_new(void);
void sigma_regex_scratch_free(struct sigma_regex_scratch *scratch);
/* 1 found, 0 not, -E2BIG gave up at the limit of steps. `text` is valid UTF-8. */
int sigma_regex_match(const struct sigma_regex *re, struct str text, struct sigma_regex_scratch *scratch);
