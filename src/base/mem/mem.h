/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * mem: memory in three tempers. `arena` for what dies together (a request, a
 * batch, a compile); `mem_*` heap for what lives on its own; automatic release
 * with cleanup(). Small allocations abort when memory is out: the supervisor
 * restarts the role. Sizes that come from input go through the _try calls.
 *
 * Threads: an arena belongs to one thread at a time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/str/str.h"

/* Zeroed memory; aborts when there is none. Free with mem_free. */
void *mem_alloc(size_t size);
void *mem_alloc_array(size_t count, size_t size);
/* NULL when the product overflows, passes `max_bytes`, or memory is out. */
void *mem_try_array(size_t count, size_t size, size_t max_bytes);
/* New bytes are not zeroed. Aborts when there is no memory or the product overflows. */
void *mem_realloc_array(void *p, size_t count, size_t size);
/* A NUL-terminated copy. */
char *mem_strdup(struct str s);
void mem_free(void *p);
/* Overwrites in a way the compiler keeps. */
void mem_wipe(void *p, size_t n);

#define MEM_NEW(type) ((type *)mem_alloc(sizeof(type)))

/* For every type with `struct x *x_free(struct x *)` or `void x_free(struct x *)`. */
#define DEFINE_CLEANUP(name)                                                                       \
	static inline void name##_freep(struct name **p)                                           \
	{                                                                                          \
		if (*p != NULL)                                                                    \
			name##_free(*p);                                                           \
	}
#define cleanup(name) __attribute__((__cleanup__(name##_freep)))
/* Hands the pointer over and forgets it: `return TAKE(x);` */
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct arena;

/* `max_bytes`: growth past it makes arena_try fail and arena_alloc abort. 0: 256 MiB. */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *arena);
DEFINE_CLEANUP(arena)
/* Zeroed, aligned for any type, lives until arena_free or arena_clear. */
void *arena_alloc(struct arena *arena, size_t size);
/* NULL when count*size overflows or passes the arena's limit: for sizes from input. */
void *arena_try(struct arena *arena, size_t count, size_t size);
#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_try((arena), (count), sizeof(type)))
/* A NUL-terminated copy in the arena. */
struct str arena_str(struct arena *arena, struct str s);
const char *arena_cstr(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Forgets everything but keeps one block, at most 1 MiB. */
void arena_clear(struct arena *arena);
size_t arena_used(const struct arena *arena);
