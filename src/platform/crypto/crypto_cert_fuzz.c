/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The same bytes as certificate, as key and as (PEM or DER) container. */
#include "platform/crypto/crypto_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crypto_cert_info info;
	cleanup(crypto_key) struct crypto_key *key = NULL;
	(void)!crypto_cert_info(str_n(data, size), &info, NULL);
	(void)!crypto_cert_verify(str_n(data, size), str_n(data, size), 0, NULL);
	(void)!crypto_key_from_pem(str_n(data, size), &key, NULL);
	return 0;
}
