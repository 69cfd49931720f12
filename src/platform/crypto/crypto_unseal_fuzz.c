/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/crypto/crypto_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char key[CRYPTO_SEAL_KEY_SIZE] = {7};
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	(void)!crypto_unseal_bytes(key, STR("fuzz"), str_n(data, size), &out, NULL);
	return 0;
}
