/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/inflate/inflate.h"

#include <zlib.h>
#include <zstd.h>

#define CHUNK ((size_t)128 << 10)
#define RATIO_FREE ((size_t)1 << 20)
/* 8 MiB of window: what zstd -19 uses; a larger one would be memory for the sender's asking. */
#define ZSTD_WINDOW_LOG 23

/* Takes `n` new bytes already written behind out->n. */
static int grow(struct buf *out, size_t before, size_t n, size_t packed, struct err *err)
{
	out->n += n;
	size_t made = out->n - before;
	if (made > RATIO_FREE && made / INFLATE_RATIO_LIMIT > packed)
		return err_set(err, -E2BIG, "inflate.ratio", ARG_U64("limit", INFLATE_RATIO_LIMIT));
	return 0;
}

static int reserve(struct buf *out, size_t *ret_room, struct err *err)
{
	size_t left = out->max - out->n;
	*ret_room = left < CHUNK ? left : CHUNK;
	if (left == 0 || !buf_reserve(out, *ret_room))
		return err_set(err, -E2BIG, "inflate.too_big", ARG_U64("limit", out->max));
	return 0;
}

static int broken(struct err *err)
{
	return err_set(err, -EINVAL, "inflate.broken");
}

static int run_zlib(z_stream *z, struct buf *out, size_t packed, struct err *err)
{
	size_t before = out->n;
	for (;;) {
		size_t room;
		int r = reserve(out, &room, err);
		if (r < 0) {
			/* Exactly full is fine when nothing more comes. */
			unsigned char spare;
			z->next_out = &spare;
			z->avail_out = 1;
			int end = inflate(z, Z_NO_FLUSH);
			if (end == Z_STREAM_END && z->avail_out == 1 && z->avail_in == 0)
				return 0;
			return r;
		}
		z->next_out = (unsigned char *)out->p + out->n;
		z->avail_out = (unsigned)room;
		int e = inflate(z, Z_NO_FLUSH);
		if ((r = grow(out, before, room - z->avail_out, packed, err)) < 0)
			return r;
		if (e == Z_STREAM_END) {
			if (z->avail_in == 0)
				return 0;
			/* gzip allows members one after another. */
			if (inflateReset(z) != Z_OK)
				return broken(err);
		} else if (e != Z_OK) {
			return broken(err);
		}
	}
}

static int unpack_zlib(int window_bits, struct str packed, struct buf *out, struct err *err)
{
	if (packed.n > UINT32_MAX)
		return err_set(err, -E2BIG, "inflate.too_big", ARG_U64("limit", UINT32_MAX));
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)packed.p, .avail_in = (unsigned)packed.n};
	if (inflateInit2(&z, window_bits) != Z_OK)
		return err_set(err, -EIO, "inflate.broken");
	int r = run_zlib(&z, out, packed.n, err);
	(void)inflateEnd(&z);
	return r;
}

static int run_zstd(ZSTD_DStream *d, struct str packed, struct buf *out, struct err *err)
{
	size_t before = out->n;
	ZSTD_inBuffer in = {packed.p, packed.n, 0};
	for (;;) {
		char spare;
		size_t room = 1;
		int full = reserve(out, &room, err);
		ZSTD_outBuffer o = {full < 0 ? &spare : out->p + out->n, room > 0 ? room : 1, 0};
		size_t left = ZSTD_decompressStream(d, &o, &in);
		if (ZSTD_isError(left))
			return broken(err);
		if (full < 0 && o.pos > 0)
			return full;
		int r = grow(out, before, o.pos, packed.n, err);
		if (r < 0)
			return r;
		if (in.pos == in.size && left == 0)
			return 0;
		if (in.pos == in.size && o.pos < o.size)
			return broken(err);
	}
}

static int unpack_zstd(struct str packed, struct buf *out, struct err *err)
{
	ZSTD_DStream *d = ZSTD_createDStream();
	if (d == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG))) {
		(void)ZSTD_freeDStream(d);
		return err_set(err, -EIO, "inflate.broken");
	}
	int r = run_zstd(d, packed, out, err);
	(void)ZSTD_freeDStream(d);
	return r;
}

int inflate_body(struct str encoding, struct str packed, struct buf *out, struct err *err)
{
	if (packed.n == 0)
		return 0;
	if (str_eq_nocase(encoding, STR("gzip")) || str_eq_nocase(encoding, STR("x-gzip")))
		return unpack_zlib(15 + 16, packed, out, err);
	if (str_eq_nocase(encoding, STR("deflate")))
		return unpack_zlib(15, packed, out, err);
	if (str_eq_nocase(encoding, STR("zstd")))
		return unpack_zstd(packed, out, err);
	if (!str_eq_nocase(encoding, STR("identity")) && encoding.n > 0)
		return err_set(err, -ENOTSUP, "inflate.unknown_encoding", ARG_STR("name", str_sub(encoding, 0, 40)));
	if (packed.n > out->max - out->n)
		return err_set(err, -E2BIG, "inflate.too_big", ARG_U64("limit", out->max));
	buf_append(out, packed);
	return 0;
}
