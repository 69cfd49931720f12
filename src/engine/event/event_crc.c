/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_crc.h"

#define POLYNOMIAL 0x82F63B78u /* reflected */

/* Half a byte at a time: small, and used only where there is no instruction. */
static uint32_t crc_plain(uint32_t crc, struct str s)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
		0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
	};
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		crc = table[crc & 15] ^ crc >> 4;
		crc = table[crc & 15] ^ crc >> 4;
	}
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, struct str s)
{
	uint64_t c = crc;
	size_t i = 0;
	for (; s.n - i >= 8; i += 8) {
		uint64_t w;
		(void)memcpy(&w, s.p + i, 8);
		c = __builtin_ia32_crc32di(c, w);
	}
	crc = (uint32_t)c;
	for (; i < s.n; i++)
		crc = __builtin_ia32_crc32qi(crc, (unsigned char)s.p[i]);
	return crc;
}

uint32_t event_crc32c(uint32_t crc, struct str bytes)
{
	return ~(__builtin_cpu_supports("sse4.2") ? crc_sse42(~crc, bytes) : crc_plain(~crc, bytes));
}
#else
uint32_t event_crc32c(uint32_t crc, struct str bytes)
{
	return ~crc_plain(~crc, bytes);
}
#endif
