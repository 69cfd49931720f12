/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/mem/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *checked(void *p)
{
	if (p == NULL) {
		(void)fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void *mem_alloc(size_t size)
{
	return checked(calloc(1, size > 0 ? size : 1));
}

void *mem_alloc_array(size_t count, size_t size)
{
	return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *mem_try_array(size_t count, size_t size, size_t max_bytes)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total) || total > max_bytes)
		return NULL;
	return calloc(1, total > 0 ? total : 1);
}

void *mem_realloc_array(void *p, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		return checked(NULL);
	return checked(realloc(p, total > 0 ? total : 1));
}

char *mem_strdup(struct str s)
{
	char *copy = mem_alloc(s.n + 1);
	if (s.n > 0)
		(void)memcpy(copy, s.p, s.n);
	return copy;
}

void mem_free(void *p)
{
	free(p);
}

void mem_wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	(void)memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

struct block {
	struct block *next;
	size_t used;
	size_t capacity;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *head; /* the block being filled */
	size_t max_bytes;
	size_t total; /* bytes of all blocks */
};

#define FIRST_BLOCK ((size_t)8 << 10)
#define LARGEST_BLOCK ((size_t)1 << 20)

struct arena *arena_new(size_t max_bytes)
{
	struct arena *arena = MEM_NEW(struct arena);
	arena->max_bytes = max_bytes > 0 ? max_bytes : (size_t)256 << 20;
	return arena;
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (struct block *b = arena->head, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(arena);
}

static bool add_block(struct arena *arena, size_t size)
{
	size_t capacity = arena->head != NULL ? arena->head->capacity * 2 : FIRST_BLOCK;
	if (capacity > LARGEST_BLOCK)
		capacity = LARGEST_BLOCK;
	if (capacity < size)
		capacity = size;
	if (capacity > arena->max_bytes - arena->total)
		capacity = size;
	if (capacity > arena->max_bytes - arena->total)
		return false;
	struct block *b = malloc(sizeof *b + capacity);
	if (b == NULL)
		return false;
	b->used = 0;
	b->capacity = capacity;
	b->next = arena->head;
	arena->head = b;
	arena->total += capacity;
	return true;
}

static void *take(struct arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) / align * align;
	if (size == 0)
		size = align;
	if ((arena->head == NULL || arena->head->capacity - arena->head->used < size) && !add_block(arena, size))
		return NULL;
	void *p = arena->head->bytes + arena->head->used;
	arena->head->used += size;
	return memset(p, 0, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return checked(take(arena, size));
}

void *arena_try(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return take(arena, total);
}

struct str arena_str(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.n + 1);
	if (s.n > 0)
		(void)memcpy(copy, s.p, s.n);
	return (struct str){copy, s.n};
}

const char *arena_cstr(struct arena *arena, struct str s)
{
	return arena_str(arena, s).p;
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	size_t length = n > 0 ? (size_t)n : 0;
	char *text = arena_alloc(arena, length + 1);
	(void)vsnprintf(text, length + 1, format, again);
	va_end(again);
	return (struct str){text, length};
}

/* The block that is kept is of a size that the arena grew to: one that is cleared again and again soon has all it needs. */
void arena_clear(struct arena *arena)
{
	struct block *kept = NULL;
	for (struct block *b = arena->head, *next; b != NULL; b = next) {
		bool better = b->capacity <= LARGEST_BLOCK && b->capacity <= arena->max_bytes / 4 && (kept == NULL || b->capacity > kept->capacity);
		next = b->next;
		if (better) {
			free(kept);
			kept = b;
		} else {
			free(b);
		}
	}
	if (kept != NULL) {
		kept->used = 0;
		kept->next = NULL;
	}
	arena->head = kept;
	arena->total = kept != NULL ? kept->capacity : 0;
}

size_t arena_used(const struct arena *arena)
{
	size_t used = 0;
	for (const struct block *b = arena->head; b != NULL; b = b->next)
		used += b->used;
	return used;
}
