/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "base/cursor/cursor.h"
#include "engine/distribution/distribution_internal.h"

void distribution_pack(struct str bytes, struct buf *out)
{
	uLongf n = compressBound((uLong)bytes.n);
	Bytef *to = mem_alloc(n);
	int r = compress2(to, &n, (const Bytef *)bytes.p, (uLong)bytes.n, Z_BEST_COMPRESSION);
	assert(r == Z_OK); /* the room is enough and memory that runs out ends the process */
	buf_append(out, str_n((const char *)to, n));
	mem_free(to);
}

/* -1: broken or not at its end; else how many bytes came out, at most room. */
static long unpack(struct str packed, unsigned char *to, size_t room)
{
	z_stream z = {0};
	union { /* zlib does not write there, but says so only to the compiler of its own choice */
		const char *given;
		Bytef *taken;
	} in = {.given = packed.p};
	if (inflateInit(&z) != Z_OK)
		return -1;
	z.next_in = in.taken;
	z.avail_in = (uInt)packed.n;
	z.next_out = to;
	z.avail_out = (uInt)room;
	int r = inflate(&z, Z_FINISH);
	long n = (long)z.total_out;
	bool rest = z.avail_in != 0, full = z.avail_out == 0;
	(void)inflateEnd(&z);
	if (r == Z_STREAM_END && !rest)
		return n;
	return full ? n : -1;
}

int distribution_unpack(struct str packed, const struct distribution_chunk *chunk, struct buf *out, struct err *err)
{
	char hex[SHA256_HEX_SIZE];
	unsigned char digest[SHA256_SIZE];
	if (packed.n > DISTRIBUTION_PACKED_MOST || chunk->size_bytes > DISTRIBUTION_CHUNK_MOST)
		return err_set(err, -EBADMSG, "distribution.chunk_endless", ARG_CSTR("name", sha256_hex(chunk->name, hex)));
	size_t room = (size_t)chunk->size_bytes + 1; /* one more tells what is too long */
	unsigned char *to = mem_alloc(room);
	long n = unpack(packed, to, room);
	const char *key = NULL;
	if (n > (long)chunk->size_bytes)
		key = "distribution.chunk_endless";
	else if (n < (long)chunk->size_bytes)
		key = "distribution.chunk_truncated";
	if (key == NULL) {
		sha256(str_n((const char *)to, (size_t)n), digest);
		key = memcmp(digest, chunk->name, sizeof(digest)) != 0 ? "distribution.chunk_differs" : NULL;
	}
	if (key == NULL)
		buf_append(out, str_n((const char *)to, (size_t)n));
	mem_free(to);
	return key == NULL ? 0 : err_set(err, -EBADMSG, key, ARG_CSTR("name", sha256_hex(chunk->name, hex)));
}

int distribution_read_page(struct str page, uint64_t at, struct distribution_chunk *ret, size_t room, size_t *ret_count, struct err *err)
{
	struct cursor c = cursor_of(page);
	size_t n = 0;
	if (page.n == 0 || page.n % DISTRIBUTION_RECORD_SIZE != 0 || page.n / DISTRIBUTION_RECORD_SIZE > room)
		return err_set(err, -EBADMSG, "distribution.page", ARG_U64("bytes", page.n));
	for (; !cursor_at_end(&c); n++) {
		struct str name = cursor_take(&c, SHA256_SIZE);
		uint32_t size = cursor_u32_le(&c);
		if (c.failed || size == 0 || size > DISTRIBUTION_CHUNK_MOST)
			return err_set(err, -EBADMSG, "distribution.page", ARG_U64("bytes", page.n));
		memcpy(ret[n].name, name.p, SHA256_SIZE);
		ret[n].size_bytes = size;
		ret[n].at = at;
		at += size;
	}
	*ret_count = n;
	return 0;
}
