/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * inflate: unpacks a whole body (gzip, deflate with zlib header, zstd) with a
 * limit on what comes out and on the ratio, so that a small bomb costs little.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/err/err.h"

/* Past this ratio (counted after the first 1 MiB of output) a body is refused. NDJSON reaches 20 to 60. */
#define INFLATE_RATIO_LIMIT 200

/*
 * `encoding`: value of Content-Encoding: "gzip", "deflate", "zstd" or "identity", either case. Appends to out, whose `max`
 * is the limit. -ENOTSUP (inflate.unknown_encoding), -E2BIG (inflate.too_big, inflate.ratio), -EINVAL (inflate.broken).
 */
int inflate_body(struct str encoding, struct str packed, struct buf *out, struct err *err) WARN_UNUSED;
