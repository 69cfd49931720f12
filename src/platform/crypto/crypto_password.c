/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/crypto/crypto_password.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/mem/mem.h"

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "the encoded hash must fit");

/* Longer input would only let a stranger make us hash megabytes. */
#define PASSWORD_LIMIT 1024

/* Idempotent and safe from any thread. */
static void sodium_setup(void)
{
	if (sodium_init() < 0)
		abort();
}

int password_hash(struct str password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	sodium_setup();
	if (password.n > PASSWORD_LIMIT)
		return err_set(err, -E2BIG, "crypto.password_too_long", ARG_U64("limit", PASSWORD_LIMIT));
	memset(out, 0, PASSWORD_HASH_SIZE);
	if (crypto_pwhash_str_alg(out, password.n > 0 ? password.p : "", password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
				  crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return err_errno(err, ENOMEM, "crypto_pwhash", STR_EMPTY);
	return 0;
}

bool password_verify(const char *hash, struct str password)
{
	char padded[crypto_pwhash_STRBYTES] = {0};
	sodium_setup();
	/* libsodium reads the whole field; ours may be a shorter database text. Only Argon2id, and no dearer
	 * parameters than our own: a hash from a foreign table must not cost gigabytes. */
	struct str text = str_c(hash);
	if (text.n >= sizeof(padded) || !str_starts_with(text, STR("$argon2id$")) || password.n > PASSWORD_LIMIT) {
		password_verify_dummy(password);
		return false;
	}
	str_copy_c(text, padded, sizeof(padded));
	if (crypto_pwhash_str_needs_rehash(padded, crypto_pwhash_OPSLIMIT_INTERACTIVE,
					   crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
		password_verify_dummy(password);
		return false;
	}
	return crypto_pwhash_str_verify(padded, password.n > 0 ? password.p : "", password.n) == 0;
}

void password_verify_dummy(struct str password)
{
	unsigned char out[32], salt[crypto_pwhash_SALTBYTES] = {0};
	sodium_setup();
	if (password.n > PASSWORD_LIMIT)
		password = str_sub(password, 0, PASSWORD_LIMIT);
	/* The answer does not matter, only its time. */
	(void)!crypto_pwhash(out, sizeof(out), password.n > 0 ? password.p : "", password.n, salt,
			     crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
			     crypto_pwhash_ALG_ARGON2ID13);
	mem_wipe(out, sizeof(out));
}

_Static_assert(PASSWORD_SALT_SIZE == crypto_pwhash_SALTBYTES, "the salt's size is Argon2's");

#define KEY_PASSES_MAX 16
#define KEY_MEMORY_MIN ((uint64_t)8 << 20)
#define KEY_MEMORY_MAX ((uint64_t)1 << 30)

struct password_cost password_cost_default(void)
{
	return (struct password_cost){crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_MODERATE};
}

int password_key(struct str passphrase, const unsigned char salt[PASSWORD_SALT_SIZE], const struct password_cost *cost,
		 unsigned char out[32], struct err *err)
{
	sodium_setup();
	if (passphrase.n > PASSWORD_LIMIT)
		return err_set(err, -E2BIG, "crypto.password_too_long", ARG_U64("limit", PASSWORD_LIMIT));
	if (cost->passes < 1 || cost->passes > KEY_PASSES_MAX || cost->memory_bytes < KEY_MEMORY_MIN ||
	    cost->memory_bytes > KEY_MEMORY_MAX)
		return err_set(err, -EINVAL, "crypto.kdf_cost", ARG_U64("passes", cost->passes),
			       ARG_U64("memory_bytes", cost->memory_bytes));
	if (crypto_pwhash(out, 32, passphrase.n > 0 ? passphrase.p : "", passphrase.n, salt, cost->passes,
			  (size_t)cost->memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return err_errno(err, ENOMEM, "crypto_pwhash", STR_EMPTY);
	return 0;
}
