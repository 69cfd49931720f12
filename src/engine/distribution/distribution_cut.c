/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/distribution/distribution_internal.h"

#define LEAST ((size_t)4 << 10)
#define WANTED ((size_t)16 << 10)
/* Cuts are rarer before the wanted size and more frequent after it: sizes stay close to it. */
#define BITS_BEFORE 16
#define BITS_AFTER 12
#define PAGE_LEAST 16
#define PAGE_BITS 63 /* a page ends at one in 64 chunks */

struct gear {
	uint64_t table[256];
};

/* SplitMix64 (Steele, Lea, Flood 2014) from 0: numbers nobody chose. */
static void gear_init(struct gear *g)
{
	uint64_t state = 0;
	for (unsigned i = 0; i < 256; i++) {
		uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		g->table[i] = z ^ z >> 31;
	}
}

static size_t cut_one(const struct gear *g, const char *p, size_t n)
{
	if (n <= LEAST)
		return n;
	size_t end = n < DISTRIBUTION_CHUNK_MOST ? n : DISTRIBUTION_CHUNK_MOST, middle = end < WANTED ? end : WANTED, i = LEAST;
	uint64_t h = 0;
	for (; i < middle; i++) {
		h = (h << 1) + g->table[(unsigned char)p[i]];
		if (h >> (64 - BITS_BEFORE) == 0)
			return i + 1;
	}
	for (; i < end; i++) {
		h = (h << 1) + g->table[(unsigned char)p[i]];
		if (h >> (64 - BITS_AFTER) == 0)
			return i + 1;
	}
	return end;
}

static struct distribution_chunk *add(struct distribution_chunk **list, size_t *count, size_t *room)
{
	if (*count == *room) {
		*room = *room < 64 ? 64 : *room * 2;
		*list = mem_realloc_array(*list, *room, sizeof(**list));
	}
	struct distribution_chunk *c = &(*list)[(*count)++];
	*c = (struct distribution_chunk){0};
	return c;
}

void distribution_record(const struct distribution_chunk *c, struct buf *out)
{
	buf_append(out, str_n((const char *)c->name, SHA256_SIZE));
	for (unsigned i = 0; i < 4; i++)
		buf_append_char(out, (char)(unsigned char)(c->size_bytes >> (8 * i)));
}

static void end_page(struct distribution_cut *cut, size_t *room, struct buf *page)
{
	struct distribution_chunk *p = add(&cut->pages, &cut->page_count, room);
	sha256(buf_str(page), p->name);
	p->size_bytes = (uint32_t)page->n;
	buf_clear(page);
}

int distribution_cut(struct str body, struct distribution_cut *ret, struct err *err)
{
	struct gear gear;
	struct distribution_cut cut = {.size_bytes = body.n};
	size_t room = 0, page_room = 0;
	cleanup_buf struct buf page = BUF_INIT((size_t)DISTRIBUTION_PAGE_RECORDS * DISTRIBUTION_RECORD_SIZE + 1);
	gear_init(&gear);
	for (size_t at = 0; at < body.n;) {
		struct distribution_chunk *c = add(&cut.chunks, &cut.count, &room);
		c->at = at;
		c->size_bytes = (uint32_t)cut_one(&gear, body.p + at, body.n - at);
		sha256(str_sub(body, at, at + c->size_bytes), c->name);
		at += c->size_bytes;
		distribution_record(c, &page);
		size_t records = page.n / DISTRIBUTION_RECORD_SIZE;
		if (records == DISTRIBUTION_PAGE_RECORDS || (records >= PAGE_LEAST && (c->name[0] & PAGE_BITS) == 0))
			end_page(&cut, &page_room, &page);
	}
	if (page.n > 0)
		end_page(&cut, &page_room, &page);
	if (cut.page_count > DISTRIBUTION_PAGES_MOST) {
		distribution_cut_done(&cut);
		return err_set(err, -E2BIG, "distribution.too_big", ARG_U64("bytes", body.n));
	}
	*ret = cut;
	return 0;
}

void distribution_cut_done(struct distribution_cut *cut)
{
	mem_free(cut->chunks);
	mem_free(cut->pages);
	*cut = (struct distribution_cut){0};
}

void distribution_page_bytes(const struct distribution_cut *cut, size_t page, struct buf *out)
{
	size_t first = 0;
	for (size_t i = 0; i < page; i++)
		first += cut->pages[i].size_bytes / DISTRIBUTION_RECORD_SIZE;
	for (size_t i = 0; i < cut->pages[page].size_bytes / DISTRIBUTION_RECORD_SIZE; i++)
		distribution_record(&cut->chunks[first + i], out);
}
