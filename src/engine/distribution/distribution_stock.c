/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>
#include <string.h>

#include "engine/distribution/distribution_internal.h"

struct place {
	unsigned char name[SHA256_SIZE];
	uint32_t size_bytes;
	uint32_t page; /* number + 1; 0: a chunk */
	uint64_t at;
};

struct distribution_stock {
	struct str body;
	struct distribution_cut cut;
	struct place *places;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return memcmp(((const struct place *)a)->name, ((const struct place *)b)->name, SHA256_SIZE);
}

static void note(struct distribution_stock *s, const struct distribution_chunk *c, uint32_t page)
{
	struct place *p = &s->places[s->count++];
	memcpy(p->name, c->name, SHA256_SIZE);
	p->size_bytes = c->size_bytes;
	p->page = page;
	p->at = c->at;
}

int distribution_stock_new(struct str body, struct distribution_stock **ret, struct err *err)
{
	struct distribution_stock *s = MEM_NEW(struct distribution_stock);
	s->body = body;
	int r = distribution_cut(body, &s->cut, err);
	if (r < 0) {
		mem_free(s);
		return r;
	}
	s->places = mem_alloc_array(s->cut.count + s->cut.page_count + 1, sizeof(*s->places));
	for (size_t i = 0; i < s->cut.count; i++)
		note(s, &s->cut.chunks[i], 0);
	for (size_t i = 0; i < s->cut.page_count; i++)
		note(s, &s->cut.pages[i], (uint32_t)i + 1);
	qsort(s->places, s->count, sizeof(*s->places), by_name);
	*ret = s;
	return 0;
}

void distribution_stock_free(struct distribution_stock *s)
{
	if (s == NULL)
		return;
	distribution_cut_done(&s->cut);
	mem_free(s->places);
	mem_free(s);
}

bool distribution_stock_get(const struct distribution_stock *s, const unsigned char name[SHA256_SIZE], struct buf *out)
{
	struct place key;
	unsigned char digest[SHA256_SIZE];
	memcpy(key.name, name, SHA256_SIZE);
	const struct place *p = bsearch(&key, s->places, s->count, sizeof(*s->places), by_name);
	if (p == NULL)
		return false;
	size_t before = out->n;
	if (p->page > 0)
		distribution_page_bytes(&s->cut, p->page - 1, out);
	else
		buf_append(out, str_sub(s->body, (size_t)p->at, (size_t)p->at + p->size_bytes));
	sha256(str_sub(buf_str(out), before, out->n), digest);
	if (!out->overflow && memcmp(digest, name, SHA256_SIZE) == 0)
		return true;
	out->n = before;
	return false;
}
