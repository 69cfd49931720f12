/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * distribution: how large signed files reach many machines over thin lines: cut
 * where their content says so, so that a new version shares most chunks with the
 * old one; every chunk named by the SHA-256 of its bytes, packed with deflate, and
 * listed in pages which are chunks themselves.
 *
 * Cutting: FastCDC (Xia et al., USENIX ATC 2016) with a gear table made by SplitMix64; normalised, 4 KiB … 64 KiB, 16 KiB wanted.
 * The table and the limits are part of the format: other ones cut elsewhere and share nothing with what is installed.
 * A page is records of 36 bytes (SHA-256, u32 length, little endian) in the body's order; pages too end where their content
 * says so, so that a changed chunk changes one page.
 *
 * Errors, each its own key: distribution.chunk_differs (bytes are not what their name says), distribution.chunk_truncated,
 * distribution.chunk_endless (more came out than the page says), distribution.page (a page that no one could have made),
 * distribution.endless (the pages promise more than the body), distribution.short (or less).
 *
 * Does not live here: signatures and manifests (engine/malware), sockets. Portable. Threads: no shared state.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"

#define DISTRIBUTION_CHUNK_MOST  ((size_t)64 << 10)
#define DISTRIBUTION_PAGE_RECORDS 256
#define DISTRIBUTION_RECORD_SIZE 36
#define DISTRIBUTION_PAGES_MOST  4096
/* A packed chunk is never larger: deflate's worst case. */
#define DISTRIBUTION_PACKED_MOST (DISTRIBUTION_CHUNK_MOST + DISTRIBUTION_CHUNK_MOST / 256 + 64)

struct distribution_chunk {
	unsigned char name[SHA256_SIZE]; /* of its bytes */
	uint32_t size_bytes;
	uint64_t at; /* in the body; pages: 0 */
};

/* All chunks of a body and its pages. */
struct distribution_cut {
	struct distribution_chunk *chunks, *pages;
	size_t count, page_count;
	uint64_t size_bytes;
};
void distribution_cut_done(struct distribution_cut *cut);
/* -E2BIG distribution.too_big (more pages than DISTRIBUTION_PAGES_MOST). Free with _done. */
int distribution_cut(struct str body, struct distribution_cut *ret, struct err *err) WARN_UNUSED;
/* The bytes of a page of this very cut. */
void distribution_page_bytes(const struct distribution_cut *cut, size_t page, struct buf *out);

/* Deflate (RFC 1950). Appends to out. */
void distribution_pack(struct str bytes, struct buf *out);
/* Unpacks and compares with the name: what is appended to `out` is right. size_bytes at most DISTRIBUTION_CHUNK_MOST. */
int distribution_unpack(struct str packed, const struct distribution_chunk *chunk, struct buf *out, struct err *err) WARN_UNUSED;

/*
 * Chunks and pages found by name in bytes that are at hand: what an update does not have to fetch, and what
 * neighbours are given. Borrows `body`.
 */
struct distribution_stock;
int distribution_stock_new(struct str body, struct distribution_stock **ret, struct err *err) WARN_UNUSED;
void distribution_stock_free(struct distribution_stock *stock);
DEFINE_CLEANUP(distribution_stock)
/* Appends the bytes (unpacked). They are compared with the name again: a disk may have changed them. false: not here. */
bool distribution_stock_get(const struct distribution_stock *stock, const unsigned char name[SHA256_SIZE], struct buf *out);

/* Where chunks come from. `attempt` counts from 0 and grows when what came was not what was asked for: another place may have it.
 * Appends the packed bytes. */
typedef int (*distribution_fetch)(void *ctx, const unsigned char name[SHA256_SIZE], unsigned attempt, struct buf *out, struct err *err);

struct distribution_order {
	const struct distribution_chunk *pages; /* from a verified manifest */
	size_t page_count;
	uint64_t size_bytes; /* of the body, from the same manifest */
	struct str head;     /* bytes that come first in the file */
	const struct distribution_stock *stock; /* NULL: nothing is at hand */
	distribution_fetch fetch;
	void *ctx;
	/* Called before each step that a crash may fall into; for tests. May be NULL. */
	void (*step)(void *ctx, const char *what);
	void *step_ctx;
};
struct distribution_sum {
	uint64_t chunks, fetched, fetched_bytes, resumed; /* fetched_bytes: packed; resumed: chunks that were in the file already */
};
/*
 * Makes the file `path` of head and body. A file that is there already is taken as the beginning of it: what of it fits stays, so
 * an update that was broken off goes on. At the end the file is complete and on the disk, under its working name: the caller verifies
 * and renames. An error leaves what was made for the next try.
 */
int distribution_assemble(const struct distribution_order *order, const char *path, struct distribution_sum *ret, struct err *err) WARN_UNUSED;

/* ---- a folder of packed chunks, as servers and caches hold them: <dir>/<first two digits>/<name in hex> ---- */

/* Writes chunks and pages of a body that are not there. */
int distribution_publish(const char *dir, struct str body, struct distribution_cut *ret, struct err *err) WARN_UNUSED;
/* The file's path. false: no name of a chunk (64 lower-case hex digits). */
bool distribution_path(const char *dir, struct str name_hex, struct buf *out);
