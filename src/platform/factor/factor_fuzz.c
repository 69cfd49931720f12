/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What a browser sends of a passkey: client data up to the first NUL, authenticator data behind it. */
#include "platform/factor/factor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct factor_ceremony c = {{"0123456789abcdef0123456789abcdef", 32}, {"https://a.example", 17}, "a.example"};
	struct str all = str_n(data, size), text = str_sub(all, 0, str_find_char(all, '\0')), rest = str_sub(all, text.n + 1, size);
	struct factor_key key;
	uint32_t count;
	if (factor_key_register(&c, text, rest, &key, NULL) == 0 && factor_key_assert(&c, &key, text, rest, rest, &count, NULL) == 0)
		return -1;
	return 0;
}
