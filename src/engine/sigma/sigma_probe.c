/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_probe.h"

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
	uint8_t a = lower(p[0]), b = lower(p[1]), c = lower(p[2]);
	/* The same punctuation twice ("::") is rarer than its parts. */
	unsigned twice = (a == b || b == c) && !(b >= 'a' && b <= 'z') && b != ' ' && b != '.' && b != '0' ? 6 : 0;
	return weight(a) + weight(b) + weight(c) + twice;
}

void sg_probe_init(struct sg_probe *probe)
{
	(void)memset(probe, 0, sizeof *probe);
}

bool sg_probe_add(struct sg_probe *probe, const char *text, size_t n)
{
	size_t best = 0;
	for (size_t i = 1; i + SG_PROBE_WINDOW <= n; i++)
		if (window_weight(text + i) > window_weight(text + best))
			best = i;
	uint8_t window[4] = {lower(text[best]), lower(text[best + 1]), lower(text[best + 2]), 0};
	for (uint32_t i = 0; i < probe->count; i++)
		if (memcmp(probe->windows[i], window, 4) == 0)
			return true;
	if (probe->count == SG_PROBE_MAX)
		return false;
	(void)memcpy(probe->windows[probe->count++], window, 4);
	return true;
}

static void allow(struct sg_probe *probe, unsigned place, uint8_t c, uint8_t group)
{
	probe->low[place][c & 15] |= group;
	probe->high[place][c >> 4] |= group;
}

void sg_probe_ready(struct sg_probe *probe)
{
	/* Sorted, so that windows of one group are alike and let little else through. */
	for (uint32_t i = 1; i < probe->count; i++)
		for (uint32_t k = i; k > 0 && memcmp(probe->windows[k - 1], probe->windows[k], 4) > 0; k--) {
			uint8_t swap[4];
			(void)memcpy(swap, probe->windows[k], 4);
			(void)memcpy(probe->windows[k], probe->windows[k - 1], 4);
			(void)memcpy(probe->windows[k - 1], swap, 4);
		}
	for (unsigned group = 0; group < 8; group++) {
		uint32_t from = probe->count * group / 8, to = probe->count * (group + 1) / 8;
		probe->group_at[group] = (uint16_t)from;
		probe->group_at[group + 1] = (uint16_t)to;
		for (uint32_t i = from; i < to; i++)
			for (unsigned place = 0; place < SG_PROBE_WINDOW; place++) {
				uint8_t c = probe->windows[i][place];
				allow(probe, place, c, (uint8_t)(1u << group));
				if (c >= 'a' && c <= 'z')
					allow(probe, place, (uint8_t)(c - 32), (uint8_t)(1u << group));
			}
	}
}

static bool is_window(const struct sg_probe *probe, const char *p, unsigned groups)
{
	uint8_t a = lower(p[0]), b = lower(p[1]), c = lower(p[2]);
	for (; groups != 0; groups &= groups - 1) {
		unsigned group = (unsigned)__builtin_ctz(groups);
		for (unsigned i = probe->group_at[group]; i < probe->group_at[group + 1]; i++)
			if (probe->windows[i][0] == a && probe->windows[i][1] == b && probe->windows[i][2] == c)
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

static bool hits_plain(const struct sg_probe *probe, const char *p, size_t n)
{
	for (size_t i = 0; i + SG_PROBE_WINDOW <= n; i++) {
		unsigned groups = groups_at(probe, p + i);
		if (groups != 0 && is_window(probe, p + i, groups))
			return true;
	}
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
	return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(v, nibble)),
	                        _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble)));
}

__attribute__((target("avx2"))) static bool hits_avx2(const struct sg_probe *probe, const char *p, size_t n)
{
	const __m256i low0 = table(probe->low[0]), low1 = table(probe->low[1]), low2 = table(probe->low[2]);
	const __m256i high0 = table(probe->high[0]), high1 = table(probe->high[1]), high2 = table(probe->high[2]);
	size_t i = 0;
	for (; i + 32 + SG_PROBE_WINDOW - 1 <= n; i += 32) {
		__m256i groups = _mm256_and_si256(groups_of(low0, high0, p + i),
		                                  _mm256_and_si256(groups_of(low1, high1, p + i + 1), groups_of(low2, high2, p + i + 2)));
		uint32_t maybe = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, _mm256_setzero_si256()));
		for (; maybe != 0; maybe &= maybe - 1) {
			const char *at = p + i + __builtin_ctz(maybe);
			if (is_window(probe, at, groups_at(probe, at)))
				return true;
		}
	}
	return hits_plain(probe, p + i, n - i);
}
#endif

bool sg_probe_hits(const struct sg_probe *probe, const char *p, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		return hits_avx2(probe, p, n);
#endif
	return hits_plain(probe, p, n);
}
