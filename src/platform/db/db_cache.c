/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "platform/db/db_driver.h"

/* FNV-1a, 64 bits. */
static uint64_t text_hash(const char *sql)
{
	uint64_t h = 14695981039346656037ULL;
	for (; *sql != '\0'; sql++)
		h = (h ^ (unsigned char)*sql) * 1099511628211ULL;
	return h;
}

struct db_cache_entry *db_cache_find(struct db_cache *cache, const char *sql,
                                     bool (*fits)(const void *statement, const void *ctx), const void *ctx)
{
	uint64_t hash = text_hash(sql);
	for (unsigned i = 0; i < cache->count; i++) {
		struct db_cache_entry *e = &cache->entries[i];
		if (e->hash != hash || e->busy || strcmp(e->sql, sql) != 0)
			continue;
		if (fits != NULL && !fits(e->statement, ctx))
			continue;
		e->used = ++cache->tick;
		return e;
	}
	return NULL;
}

struct db_cache_entry *db_cache_add(struct db_cache *cache, const char *sql, void *statement,
                                    void (*drop)(void *statement, void *ctx), void *ctx)
{
	struct db_cache_entry *place = NULL;
	if (cache->count < DB_CACHE_SIZE) {
		place = &cache->entries[cache->count++];
	} else {
		for (unsigned i = 0; i < cache->count; i++) {
			struct db_cache_entry *e = &cache->entries[i];
			if (!e->busy && (place == NULL || e->used < place->used))
				place = e;
		}
		/* Hundreds of results open at once in one transaction is a programming error. */
		assert(place != NULL);
		drop(place->statement, ctx);
		mem_free(place->sql);
	}
	*place = (struct db_cache_entry){
		.sql = mem_strdup(str_c(sql)), .hash = text_hash(sql), .used = ++cache->tick, .statement = statement};
	return place;
}

void db_cache_clear(struct db_cache *cache, void (*drop)(void *statement, void *ctx), void *ctx)
{
	for (unsigned i = 0; i < cache->count; i++) {
		drop(cache->entries[i].statement, ctx);
		mem_free(cache->entries[i].sql);
	}
	*cache = (struct db_cache){.count = 0};
}
