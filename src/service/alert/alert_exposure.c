/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Which addresses the Internet can reach: all but those of the IANA special-purpose registries (RFC 6890 and its updates). */
#include <arpa/inet.h>
#include <string.h>

#include "service/alert/alert_severity.h"

struct range {
	unsigned char ip[16];
	unsigned bits;
};
/* Documentation's networks (RFC 5737) are left out: no real machine has them, and examples and tests do. */
static const struct range special4[] = {
	{{0}, 8},        {{10}, 8},       {{100, 64}, 10},      {{127}, 8},      {{169, 254}, 16}, {{172, 16}, 12},
	{{192, 0, 0}, 24}, {{192, 168}, 16}, {{198, 18}, 15}, {{224}, 3},
};
/* 2000::/3 is all that is routed; what of it is not. */
static const struct range global6 = {{0x20}, 3};

static bool within(const unsigned char *ip, const struct range *r)
{
	size_t whole = r->bits / 8, rest = r->bits % 8;
	return memcmp(ip, r->ip, whole) == 0 && (rest == 0 || (ip[whole] ^ r->ip[whole]) >> (8 - rest) == 0);
}

static bool public4(const unsigned char *ip)
{
	for (size_t i = 0; i < ARRAY_LEN(special4); i++) {
		if (within(ip, &special4[i]))
			return false;
	}
	return true;
}

bool alert_address_is_public(struct str address)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN];
	unsigned char ip[16];
	size_t slash = str_find_char(address, '/');
	struct str host = slash == SIZE_MAX ? address : str_sub(address, 0, slash);
	if (host.n == 0 || host.n >= sizeof text)
		return false;
	str_copy_c(host, text, sizeof text);
	if (inet_pton(AF_INET, text, ip) == 1)
		return public4(ip);
	if (inet_pton(AF_INET6, text, ip) != 1)
		return false;
	return memcmp(ip, mapped, sizeof mapped) == 0 ? public4(ip + sizeof mapped) : within(ip, &global6);
}
