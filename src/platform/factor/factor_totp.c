/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <liboath/oath.h>
#include <stdlib.h>

#include "base/mem/mem.h"
#include "platform/factor/factor.h"

#define STEP_S OATH_TOTP_DEFAULT_TIME_STEP_SIZE

int64_t factor_totp_check(const unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct str digits, usec_t at, int64_t after)
{
	int64_t now = at / USEC_PER_SEC / STEP_S, found = -1;
	for (int64_t step = now - 1; step <= now + 1; step++) {
		char expected[FACTOR_TOTP_DIGITS + 1] = "";
		char key[FACTOR_TOTP_SECRET_SIZE];
		(void)memcpy(key, secret, sizeof key);
		int r = oath_totp_generate(key, sizeof key, (time_t)(step * STEP_S), STEP_S, 0, FACTOR_TOTP_DIGITS, expected);
		if (r == OATH_OK && str_eq_constant_time(digits, str_n(expected, FACTOR_TOTP_DIGITS)) && step > after)
			found = step;
		mem_wipe(key, sizeof key);
		mem_wipe(expected, sizeof expected);
	}
	return found;
}

void factor_totp_secret_text(const unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct buf *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	/* 20 bytes are 32 letters exactly: no padding. */
	for (unsigned i = 0; i < FACTOR_TOTP_SECRET_SIZE * 8 / 5; i++) {
		unsigned bit = i * 5, byte = bit / 8, shift = bit % 8;
		unsigned pair = (unsigned)secret[byte] << 8 | (byte + 1 < FACTOR_TOTP_SECRET_SIZE ? secret[byte + 1] : 0U);
		buf_append_char(out, letters[pair >> (11 - shift) & 31]);
	}
}

static void append_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
		if (plain)
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

void factor_totp_uri(const unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct str issuer, struct str account,
                     struct buf *out)
{
	buf_append_c(out, "otpauth://totp/");
	append_escaped(out, issuer);
	buf_append_char(out, ':');
	append_escaped(out, account);
	buf_append_c(out, "?secret=");
	factor_totp_secret_text(secret, out);
	buf_append_c(out, "&issuer=");
	append_escaped(out, issuer);
}
