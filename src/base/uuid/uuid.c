/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/uuid/uuid.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock/clock.h"
#include "base/mem/mem.h"

#ifdef _WIN32
#include <windows.h>

#include <bcrypt.h>
#else
#include <sys/random.h>
#endif

void random_bytes(void *out, size_t n)
{
#ifdef _WIN32
	if (BCryptGenRandom(NULL, out, (ULONG)n, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
		abort();
#else
	unsigned char *p = out;
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		p += got;
		n -= (size_t)got;
	}
#endif
}

/* Milliseconds since 1970 in the upper bits, a 12-bit counter below (RFC 9562
 * section 6.2 method 1): one atomic word keeps ids of a process increasing even
 * when the wall clock steps back. */
static uint64_t next_stamp(void)
{
	static _Atomic uint64_t last;
	uint64_t now = (uint64_t)(clock_now() / USEC_PER_MS) << 12;
	uint64_t seen = atomic_load(&last);
	uint64_t stamp;
	do {
		stamp = now > seen ? now : seen + 1;
	} while (!atomic_compare_exchange_weak(&last, &seen, stamp));
	return stamp;
}

/* The upper half is the stamp, the lower random. */
static struct uuid make(uint64_t random)
{
	struct uuid u;
	uint64_t stamp = next_stamp();
	uint64_t ms = stamp >> 12;
	(void)memcpy(u.b + 8, &random, sizeof random);
	for (unsigned i = 0; i < 6; i++)
		u.b[i] = (unsigned char)(ms >> (40 - 8 * i));
	u.b[6] = (unsigned char)(0x70 | (stamp >> 8 & 0x0F));
	u.b[7] = (unsigned char)(stamp & 0xFF);
	u.b[8] = (unsigned char)(0x80 | (u.b[8] & 0x3F));
	return u;
}

struct uuid uuid_new(void)
{
	uint64_t random;
	random_bytes(&random, sizeof random);
	return make(random);
}

struct uuid uuid_new_near(void)
{
	static _Atomic uint64_t of_process;
	uint64_t random = atomic_load(&of_process);
	if (random == 0) {
		uint64_t first;
		random_bytes(&first, sizeof first);
		first |= (uint64_t)1 << 16; /* never 0 */
		if (atomic_compare_exchange_strong(&of_process, &random, first))
			random = first;
	}
	return make(random);
}

bool uuid_is_null(const struct uuid *u)
{
	static const struct uuid null;
	return uuid_eq(u, &null);
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

const char *uuid_text(const struct uuid *u, char buf[UUID_TEXT_SIZE])
{
	struct buf out = BUF_FIXED(buf, UUID_TEXT_SIZE);
	static const size_t group_end[] = {4, 6, 8, 10, 16};
	size_t from = 0;
	for (size_t g = 0; g < ARRAY_LEN(group_end); g++) {
		if (g > 0)
			buf_append_char(&out, '-');
		buf_append_hex(&out, u->b + from, group_end[g] - from);
		from = group_end[g];
	}
	return buf;
}

bool uuid_parse(struct str s, struct uuid *ret)
{
	if (s.n != 36 || s.p[8] != '-' || s.p[13] != '-' || s.p[18] != '-' || s.p[23] != '-')
		return false;
	char hex[32];
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		if (i != 8 && i != 13 && i != 18 && i != 23)
			hex[n++] = s.p[i];
	struct uuid u;
	if (!str_parse_hex(str_n(hex, sizeof hex), u.b, sizeof u.b))
		return false;
	*ret = u;
	return true;
}
