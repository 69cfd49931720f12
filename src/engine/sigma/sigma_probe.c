/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_probe.h"

#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

static uint8_t lower(char c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* The rarer in logs the more. */
static unsigned weight(uint8_t c)
{
	static const char common[] = "etaoinsrlcdump .0";
	if (strchr(common, c) != NULL)
		return 1;
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return strchr("jkqvwxyz", c) != NULL ? 4 : 2;
	return strchr("-_=,;:", c) != NULL ? 3 : 5;
}

static unsigned window_weight(const char *p)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < SG_PROBE_WINDOW; i++) {
		uint8_t c = lower(p[i]);
		/* The same punctuation twice ("::") is rarer than its parts. */
		bool twice = i > 0 && c == lower(p[i - 1]) && strchr(":;,=-_$&|<>!@#%^", c) != NULL;
		sum += weight(c) + (twice ? 6 : 0);
	}
	return sum;
}

void sg_probe_init(struct sg_probe *probe)
{
	(void)memset(probe, 0, sizeof *probe);
}

/* Letters as lower case; some punctuation becomes other punctuation, which the whole text then tells apart. */
static uint32_t window_of(const char *p)
{
	uint32_t w;
	(void)memcpy(&w, p, sizeof w);
	return w | 0x20202020u;
}

static unsigned head_of(uint32_t window)
{
	return window * 0x9e3779b1u >> 24;
}

bool sg_probe_add(struct sg_probe *probe, const char *text, uint32_t at, size_t n)
{
	const char *p = text + at;
	size_t best = 0;
	for (size_t i = 1; i + SG_PROBE_WINDOW <= n; i++)
		if (window_weight(p + i) > window_weight(p + best))
			best = i;
	for (uint32_t i = 0; i < probe->count; i++)
		if (probe->rows[i].at == at && probe->rows[i].n == n)
			return true;
	if (probe->count == SG_PROBE_MAX || n > UINT16_MAX)
		return false;
	probe->rows[probe->count++] = (struct sg_probe_row){.window = window_of(p + best), .at = at, .n = (uint16_t)n, .before = (uint16_t)best};
	return true;
}

static void allow(struct sg_probe *probe, unsigned place, uint8_t c, uint8_t group)
{
	probe->low[place][c & 15] |= group;
	probe->high[place][c >> 4] |= group;
}

static int compare_rows(const void *a, const void *b)
{
	const struct sg_probe_row *x = a, *y = b;
	int order = memcmp(&x->window, &y->window, sizeof x->window);
	return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

void sg_probe_ready(struct sg_probe *probe)
{
	/* Sorted, so that windows of one group are alike and let little else through. */
	if (probe->count > 1)
		qsort(probe->rows, probe->count, sizeof *probe->rows, compare_rows);
	for (uint32_t i = 0; i < probe->count; i++) {
		struct sg_probe_row *row = &probe->rows[i];
		uint8_t group = (uint8_t)(1u << (i * 8 / probe->count)), window[SG_PROBE_WINDOW];
		(void)memcpy(window, &row->window, sizeof window);
		for (unsigned place = 0; place < SG_PROBE_WINDOW; place++) {
			allow(probe, place, window[place], group);
			allow(probe, place, window[place] & (uint8_t)~0x20, group);
		}
		uint16_t *head = &probe->heads[head_of(row->window)];
		row->next = *head;
		*head = (uint16_t)(i + 1);
	}
}

size_t sg_probe_size(const struct sg_probe *probe)
{
	return offsetof(struct sg_probe, rows) + probe->count * sizeof *probe->rows;
}

/* What is searched, for the place that the shuffles point to. */
struct look {
	const struct sg_probe *probe;
	const char *text, *p;
	size_t n;
};

static bool is_text(const struct look *l, size_t at)
{
	uint32_t window = window_of(l->p + at);
	for (unsigned i = l->probe->heads[head_of(window)]; i != 0; i = l->probe->rows[i - 1].next) {
		const struct sg_probe_row *row = &l->probe->rows[i - 1];
		if (row->window != window || row->before > at || l->n - (at - row->before) < row->n)
			continue;
		const char *wanted = l->text + row->at, *here = l->p + at - row->before;
		size_t k = 0;
		while (k < row->n && lower(wanted[k]) == lower(here[k]))
			k++;
		if (k == row->n)
			return true;
	}
	return false;
}

static unsigned groups_at(const struct sg_probe *probe, const char *p)
{
	unsigned groups = 0xff;
	for (unsigned place = 0; place < SG_PROBE_WINDOW; place++) {
		uint8_t c = (uint8_t)p[place];
		groups &= probe->low[place][c & 15] & probe->high[place][c >> 4];
	}
	return groups;
}

static bool hits_plain(const struct look *l)
{
	for (size_t i = 0; i + SG_PROBE_WINDOW <= l->n; i++)
		if (groups_at(l->probe, l->p + i) != 0 && is_text(l, i))
			return true;
	return false;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static inline __m256i table(const uint8_t half[16])
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)half));
}

__attribute__((target("avx2"))) static inline __m256i groups_of(__m256i low, __m256i high, const char *p)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
	/* The shuffle takes the lower half of a byte itself, and gives 0 for a byte outside ASCII, which no window has. */
	return _mm256_and_si256(_mm256_shuffle_epi8(low, v),
	                        _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble)));
}

#define STEP 32

__attribute__((target("avx2"))) static bool hits_avx2(const struct look *l)
{
	const struct sg_probe *probe = l->probe;
	const __m256i low0 = table(probe->low[0]), low1 = table(probe->low[1]), low2 = table(probe->low[2]), low3 = table(probe->low[3]);
	const __m256i high0 = table(probe->high[0]), high1 = table(probe->high[1]), high2 = table(probe->high[2]), high3 = table(probe->high[3]);
	const size_t last = l->n - (STEP + SG_PROBE_WINDOW - 1);
	for (size_t i = 0;; i = i + STEP < last ? i + STEP : last) {
		const char *p = l->p + i;
		__m256i first = _mm256_and_si256(groups_of(low0, high0, p), groups_of(low1, high1, p + 1));
		__m256i groups = _mm256_and_si256(first, _mm256_and_si256(groups_of(low2, high2, p + 2), groups_of(low3, high3, p + 3)));
		uint32_t maybe = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, _mm256_setzero_si256()));
		for (; maybe != 0; maybe &= maybe - 1)
			if (is_text(l, i + (unsigned)__builtin_ctz(maybe)))
				return true;
		/* The last step overlaps the one before. */
		if (i == last)
			return false;
	}
}
#endif

bool sg_probe_hits(const struct sg_probe *probe, const char *text, const char *p, size_t n)
{
	const struct look l = {probe, text, p, n};
	if (probe->count == 0)
		return false;
#ifdef __x86_64__
	if (n >= STEP + SG_PROBE_WINDOW - 1 && __builtin_cpu_supports("avx2"))
		return hits_avx2(&l);
#endif
	return hits_plain(&l);
}
