/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What a match brings to correlations, as bytes: a heading, then one part a feed. A group key is its values one after the
 * other, each behind its length. Written by the matcher, read by the correlator of the same process. Private to the room.
 */
#pragma once
#include "engine/sigma/sigma_run.h"

struct sg_record {
	uint32_t bytes; /* of the whole record */
	uint32_t rule;
	uint64_t tag;
	int64_t time_usec;
	uint32_t parts;
	uint32_t has_time;
};

struct sg_part {
	uint32_t feed;
	uint8_t has_group, has_value, pad[2];
	uint32_t group_bytes, value_bytes; /* follow */
};

static inline void sg_put_value(struct buf *out, struct str value)
{
	uint32_t n = (uint32_t)value.n;
	buf_append(out, str_n(&n, sizeof n));
	buf_append(out, value);
}

/* The next value of a key, cut off `rest`; p == NULL at its end. */
static inline struct str sg_take_value(struct str *rest)
{
	uint32_t n;
	if (rest->n < sizeof n)
		return STR_EMPTY;
	(void)memcpy(&n, rest->p, sizeof n);
	if (n > rest->n - sizeof n)
		return STR_EMPTY;
	struct str value = str_sub(*rest, sizeof n, sizeof n + n);
	*rest = str_sub(*rest, sizeof n + n, rest->n);
	return value;
}
