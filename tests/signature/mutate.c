/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "differ.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SLACK ((size_t)1 << 16)

uint64_t random_next(struct random_state *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random_state *r, uint64_t n)
{
	return random_next(r) % n;
}

bool sample_new(struct sample *s, size_t capacity)
{
	s->mapping_len = capacity + 2 * SLACK;
	s->mapping = mmap(NULL, s->mapping_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->mapping == MAP_FAILED)
		return false;
	s->data = (uint8_t *)s->mapping + SLACK;
	s->capacity = capacity;
	s->len = 0;
	return true;
}

bool sample_load(struct sample *s, const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return false;
	const bool fine = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && sample_new(s, (size_t)st.st_size + 4096);
	if (fine)
		s->len = fread(s->data, 1, (size_t)st.st_size, f);
	fclose(f);
	return fine;
}

void sample_free(struct sample *s)
{
	munmap(s->mapping, s->mapping_len);
}

static uint32_t u32(const struct sample *s, size_t at)
{
	uint32_t v = 0;

	if (at + 4 <= s->len)
		memcpy(&v, s->data + at, 4);
	return v;
}

/* Headers, section tables, and where sections begin: there the structures are. */
static size_t interesting(const struct sample *s, struct random_state *r)
{
	const size_t nt = u32(s, 0x3c) % s->len;

	switch (random_below(r, 6)) {
	case 0:
		return random_below(r, 64);
	case 1:
		return nt + random_below(r, 264);
	case 2:
		return nt + 264 + random_below(r, 400);
	case 3:
	case 4: { /* the start of a section: directories, tables, descriptors */
		const size_t header = nt + 24 + (u32(s, nt + 20) & 0xffff) + 40 * random_below(r, 12);
		return u32(s, header + 20) + random_below(r, random_below(r, 2) ? 64 : 1024);
	}
	default:
		return random_next(r);
	}
}

static void change(struct sample *s, struct random_state *r)
{
	const size_t at = interesting(s, r) % s->len;
	const uint32_t numbers[] = {0, 1, 0xffffffff, 0x80000000, 0x7fffffff, (uint32_t)s->len, (uint32_t)at,
	                            u32(s, random_below(r, s->len)), (uint32_t)random_next(r), u32(s, at) + 4};

	switch (random_below(r, 4)) {
	case 0:
		s->data[at] ^= (uint8_t)(1 << random_below(r, 8));
		break;
	case 1:
		s->data[at] = (uint8_t)random_next(r);
		break;
	default: {
		const uint32_t v = numbers[random_below(r, sizeof(numbers) / sizeof(numbers[0]))];
		if (at + 4 <= s->len)
			memcpy(s->data + (at & ~(size_t)3), &v, 4);
		break;
	}
	}
}

void sample_mutate(struct sample *s, struct random_state *r)
{
	const unsigned changes = 1 + (unsigned)random_below(r, 4);

	for (unsigned i = 0; i < changes && s->len > 0; i++)
		change(s, r);
	if (random_below(r, 16) == 0) {
		const size_t len = 1 + random_below(r, s->len);
		memset(s->data + len, 0, s->len - len);
		s->len = len;
	}
}
