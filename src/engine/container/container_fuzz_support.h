/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A container's source over bytes in memory. */
#pragma once
#include "engine/container/container.h"

static inline ssize_t fuzz_read(void *ctx, void *p, size_t n)
{
	struct str *left = ctx;
	struct str now = str_sub(*left, 0, n);
	if (now.n > 0)
		(void)memcpy(p, now.p, now.n);
	*left = str_sub(*left, now.n, left->n);
	return (ssize_t)now.n;
}
