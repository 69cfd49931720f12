/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_literal.h"

#include <math.h>
#include <stdbool.h>

/* -16 log2 of how often a byte is met, over 6,000 files (programs and libraries for Linux and Windows, data, text). */
static const uint8_t rarity[256] = {
	44, 106, 122, 125, 131, 132, 142, 146, 130, 137, 96, 154, 148, 152, 150, 131,
	144, 154, 153, 161, 155, 156, 159, 162, 153, 163, 163, 161, 161, 165, 163, 154,
	53, 159, 122, 142, 126, 148, 157, 135, 122, 122, 133, 160, 120, 121, 117, 132,
	122, 125, 133, 139, 141, 140, 142, 148, 143, 142, 125, 131, 135, 130, 133, 166,
	147, 117, 138, 122, 123, 115, 133, 139, 119, 118, 164, 154, 122, 135, 123, 127,
	124, 163, 122, 116, 116, 140, 145, 151, 149, 154, 153, 152, 153, 154, 168, 98,
	152, 86, 120, 99, 98, 73, 109, 114, 111, 87, 145, 131, 96, 108, 87, 88,
	104, 154, 85, 87, 80, 104, 129, 134, 133, 121, 150, 148, 148, 145, 167, 171,
	148, 161, 162, 147, 151, 155, 171, 169, 161, 134, 174, 145, 168, 147, 169, 173,
	149, 173, 176, 174, 171, 173, 175, 168, 165, 175, 176, 176, 172, 175, 178, 176,
	162, 170, 170, 176, 165, 174, 165, 173, 161, 172, 173, 160, 170, 175, 173, 175,
	156, 171, 174, 174, 172, 169, 171, 173, 161, 170, 165, 171, 171, 169, 166, 168,
	152, 165, 170, 156, 164, 170, 170, 166, 171, 173, 178, 177, 176, 178, 168, 172,
	143, 153, 170, 171, 170, 174, 176, 164, 156, 175, 153, 176, 174, 177, 178, 174,
	144, 167, 173, 169, 173, 170, 173, 172, 149, 159, 177, 169, 168, 174, 177, 173,
	156, 171, 172, 164, 173, 178, 170, 170, 164, 173, 170, 167, 169, 173, 166, 114,
};

/* The bytes after the first four only spare the check of what follows. */
#define REST_WEIGHT 0.125
/* Windows of one or two bytes cost a pass of their own. */
#define SHORT_BITS 3
/* A letter in either case is about as frequent as its commoner form. */
#define CASE_BITS 0.4

/* In bits. */
static double byte_information(uint8_t value, uint8_t mask)
{
	if (mask == 0xff)
		return rarity[value] / 16.0;
	if (mask == 0)
		return 0;
	double share = 0;
	for (unsigned b = 0; b < 256; b++)
		if ((b & mask) == value)
			share += exp2(-rarity[b] / 16.0);
	return share >= 1 ? 0 : -log2(share);
}

static bool is_letter_mask(uint8_t value, uint8_t mask)
{
	return mask == 0xdf && value >= 'A' && value <= 'Z';
}

/* What a byte tells after the one before it. */
static double next_information(uint8_t before, uint8_t before_mask, uint8_t value, uint8_t mask)
{
	bool letter = is_letter_mask(value, mask), letter_before = is_letter_mask(before, before_mask);
	if ((mask != 0xff && !letter) || (before_mask != 0xff && !letter_before))
		return byte_information(value, mask);
	uint8_t from = letter_before ? before | 0x20 : before, to = letter ? value | 0x20 : value;
	double bits = (signature_pairs_rarity[from][to] - ']') / 2.0 - (letter ? CASE_BITS : 0);
	return bits > 0 ? bits : 0;
}

static double window_information(const uint8_t *value, const uint8_t *mask, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++) {
		double bits = i == 0 ? byte_information(value[i], mask[i]) : next_information(value[i - 1], mask[i - 1], value[i], mask[i]);
		sum += i < 4 ? bits : bits * REST_WEIGHT;
	}
	return sum;
}

uint64_t signature_window_cost(const uint8_t *value, const uint8_t *mask, size_t n)
{
	return (uint64_t)exp2(32 - window_information(value, mask, n < 4 ? n : 4));
}

/* Each of the first bytes of a window is looked up by itself: all that it may be stand in the table. */
#define VARIANTS_LIMIT 256

static unsigned byte_variants(uint8_t mask)
{
	return 1u << __builtin_popcount((uint8_t)~mask & 0xffu);
}

static bool window_fits(const uint8_t *mask, size_t n)
{
	unsigned variants = 1;
	for (size_t i = 0; i < n && i < 3; i++) {
		if (mask[i] == 0)
			return false;
		variants *= byte_variants(mask[i]);
		if (variants > VARIANTS_LIMIT)
			return false;
	}
	return true;
}

struct signature_window signature_window_choose(const uint8_t *value, const uint8_t *mask, size_t n, uint64_t *ret_cost)
{
	struct signature_window best = {0, 0};
	double most = 0;
	for (size_t at = 0; at < n; at++) {
		size_t len = n - at < 8 ? n - at : 8;
		while (len > 0 && !window_fits(&mask[at], len < 3 ? len : 3))
			len = len > 2 ? 2 : len - 1;
		while (len > 0 && mask[at + len - 1] == 0)
			len--;
		double information = window_information(&value[at], &mask[at], len) - (len < 3 ? SHORT_BITS : 0);
		if (len > 0 && (best.len == 0 || information > most)) {
			best = (struct signature_window){at, len};
			most = information;
		}
	}
	if (ret_cost != NULL)
		*ret_cost = best.len == 0 ? (uint64_t)1 << 32 : signature_window_cost(&value[best.at], &mask[best.at], best.len);
	return best;
}
