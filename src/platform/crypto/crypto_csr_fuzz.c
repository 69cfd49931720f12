/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/crypto/crypto_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf struct buf out = BUF_INIT(65536);
	struct crypto_cert_request req = {str_n(data, size), "fuzz", CRYPTO_CERT_CA, NULL, 0, USEC_PER_DAY};
	if (crypto_key_generate(&key, NULL) == 0)
		(void)!crypto_cert_issue(&req, STR_EMPTY, key, &out, NULL);
	return 0;
}
