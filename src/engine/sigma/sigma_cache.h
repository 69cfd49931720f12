/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Compiled sets on disk, one file a content hash: rules, mapping, placeholders, exclusions, the layout, Hyperscan's
 * version and the CPU's features. A file that is damaged or of another owner is ignored. Private to the room.
 */
#pragma once
#include "engine/sigma/sigma_image.h"

struct sigma_cache_key {
	unsigned char hash[32];
};
struct sigma_cache_hash;

struct sigma_cache_hash *sigma_cache_begin(void);
void sigma_cache_add(struct sigma_cache_hash *hash, struct str part);
void sigma_cache_end(struct sigma_cache_hash *hash, struct sigma_cache_key *ret);

/* NULL: not there or not to be trusted. */
struct sigma_ruleset *sigma_cache_read(const char *dir, const struct sigma_cache_key *key);
/* Failing to write is no error: the next start compiles again. */
void sigma_cache_write(const char *dir, const struct sigma_cache_key *key, const struct sg_image *image);
