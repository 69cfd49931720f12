/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_literal.h"
#include "engine/signature/signature_pattern_internal.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define WITH_AVX2 1
#else
#define WITH_AVX2 0
#endif

/* Whether an offset passes is not foreseeable: written always, counted when it does. */
static size_t filter_from(const uint8_t *filter, unsigned bits, const uint8_t *data, size_t from, size_t count, uint16_t *ret, size_t n)
{
	for (size_t i = from; i < count; i++) {
		uint32_t four = signature_load32(&data[i]);
		ret[n] = (uint16_t)i;
		n += filter[signature_hash3(four) >> (32 - bits)] >> signature_hash_bit(four) & 1;
	}
	return n;
}

size_t signature_filter_portable(const uint8_t *filter, unsigned bits, const uint8_t *data, size_t count, uint16_t *ret)
{
	return filter_from(filter, bits, data, 0, count, ret, 0);
}

#if WITH_AVX2
/* Eight offsets at a time: hashed, gathered, tested. A gather reads four bytes from the filter's byte on: the section
 * has at least three more after it. */
__attribute__((target("avx2"))) static size_t filter_avx2(const uint8_t *filter, unsigned bits, const uint8_t *data, size_t count,
                                                          uint16_t *ret)
{
	const __m256i windows = _mm256_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6, 4, 5, 6, 7, 5, 6, 7, 8, 6, 7, 8, 9, 7, 8, 9, 10);
	const __m256i fold = _mm256_set1_epi32((int)SIGNATURE_FOLD), low3 = _mm256_set1_epi32(0xffffff);
	const __m256i factor = _mm256_set1_epi32((int)SIGNATURE_HASH), unfold = _mm256_set1_epi32(0xdf), seven = _mm256_set1_epi32(7);
	const __m256i top = _mm256_set1_epi32(31);
	const __m128i shift = _mm_cvtsi32_si128((int)(32 - bits));
	size_t n = 0, i = 0;
	for (; i + 8 <= count; i += 8) {
		__m256i four = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)&data[i])), windows);
		__m256i hash = _mm256_mullo_epi32(_mm256_and_si256(_mm256_or_si256(four, fold), low3), factor);
		__m256i found = _mm256_i32gather_epi32((const int *)(const void *)filter, _mm256_srl_epi32(hash, shift), 1);
		__m256i last = _mm256_and_si256(_mm256_srli_epi32(four, 24), unfold);
		__m256i bit = _mm256_and_si256(_mm256_xor_si256(last, _mm256_srli_epi32(last, 3)), seven);
		/* The wanted bit to the sign. */
		__m256i sign = _mm256_sllv_epi32(found, _mm256_sub_epi32(top, bit));
		unsigned passed = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(sign));
		while (passed != 0) {
			ret[n++] = (uint16_t)(i + (unsigned)__builtin_ctz(passed));
			passed &= passed - 1;
		}
	}
	return filter_from(filter, bits, data, i, count, ret, n);
}
#endif

signature_filter_fn *signature_filter_best(void)
{
#if WITH_AVX2
	if (__builtin_cpu_supports("avx2"))
		return filter_avx2;
#endif
	return signature_filter_portable;
}

size_t signature_filter_pairs(const uint8_t *bitmap, const uint8_t *data, size_t count, uint16_t *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned pair = data[i] | (unsigned)data[i + 1] << 8;
		ret[n] = (uint16_t)i;
		n += bitmap[pair >> 3] >> (pair & 7) & 1;
	}
	return n;
}
