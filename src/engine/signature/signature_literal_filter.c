/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_literal.h"
#include "engine/signature/signature_pattern_internal.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define WITH_AVX2 1
#else
#define WITH_AVX2 0
#endif

/* Whether an offset passes is not foreseeable: written always, counted when it does. A gather of eight words at a time is
 * no faster where processors got slow gathers against data sampling, and those are what is in use. */
size_t signature_filter_longs(const uint32_t *filter, unsigned bits, uint32_t factor, const uint8_t *data, size_t count, uint16_t *ret)
{
	unsigned shift = 32 - bits;
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t hash = signature_hash4(signature_load32(&data[i]), factor) >> shift;
		ret[n] = (uint16_t)i;
		n += filter[hash >> 5] >> (hash & 31) & 1;
	}
	return n;
}

static size_t pairs_from(const uint8_t *bitmap, const uint8_t *data, size_t from, size_t to, uint16_t *ret, size_t n)
{
	for (size_t i = from; i < to; i++) {
		unsigned pair = data[i] | (unsigned)data[i + 1] << 8;
		ret[n] = (uint16_t)i;
		n += bitmap[pair >> 3] >> (pair & 7) & 1;
	}
	return n;
}

size_t signature_filter_pairs_portable(const uint8_t *bitmap, const uint8_t *nibbles, const uint8_t *data, size_t count, uint16_t *ret)
{
	(void)nibbles;
	return pairs_from(bitmap, data, 0, count, ret, 0);
}

/* Pairs are in eight groups by their first byte. What has all four halves of a group is looked at closely. */
void signature_filter_nibbles(const uint8_t *bitmap, uint8_t *ret)
{
	memset(ret, 0, 64);
	for (unsigned pair = 0; pair < 65536; pair++) {
		if ((bitmap[pair >> 3] >> (pair & 7) & 1) == 0)
			continue;
		unsigned first = pair & 0xff, second = pair >> 8;
		uint8_t group = (uint8_t)(1u << ((first ^ first >> 4) & 7));
		ret[first & 15] |= group;
		ret[16 + (first >> 4)] |= group;
		ret[32 + (second & 15)] |= group;
		ret[48 + (second >> 4)] |= group;
	}
}

#if WITH_AVX2
__attribute__((target("avx2"))) static __m256i halves(__m256i bytes, __m256i low, __m256i high)
{
	const __m256i fifteen = _mm256_set1_epi8(15);
	__m256i of_low = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, fifteen));
	__m256i of_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), fifteen));
	return _mm256_and_si256(of_low, of_high);
}

__attribute__((target("avx2"))) static __m256i table_load(const uint8_t *nibbles)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)nibbles));
}

__attribute__((target("avx2"))) static size_t pairs_avx2(const uint8_t *bitmap, const uint8_t *nibbles, const uint8_t *data, size_t count,
                                                         uint16_t *ret)
{
	const __m256i low1 = table_load(nibbles), high1 = table_load(&nibbles[16]);
	const __m256i low2 = table_load(&nibbles[32]), high2 = table_load(&nibbles[48]);
	size_t n = 0, i = 0;
	for (; i + 32 <= count; i += 32) {
		__m256i first = _mm256_loadu_si256((const __m256i *)(const void *)&data[i]);
		__m256i second = _mm256_loadu_si256((const __m256i *)(const void *)&data[i + 1]);
		__m256i groups = _mm256_and_si256(halves(first, low1, high1), halves(second, low2, high2));
		unsigned passed = ~(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, _mm256_setzero_si256()));
		for (; passed != 0; passed &= passed - 1) {
			size_t at = i + (unsigned)__builtin_ctz(passed);
			n = pairs_from(bitmap, data, at, at + 1, ret, n);
		}
	}
	return pairs_from(bitmap, data, i, count, ret, n);
}
#endif

signature_filter_pairs_fn *signature_filter_pairs_best(void)
{
#if WITH_AVX2
	if (__builtin_cpu_supports("avx2"))
		return pairs_avx2;
#endif
	return signature_filter_pairs_portable;
}
