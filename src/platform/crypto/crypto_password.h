/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Passwords: Argon2id (RFC 9106) through libsodium. Servers only.
 * Cost: interactive limits (64 MiB, 2 passes); about 0.1 s. Threads: any.
 */
#pragma once
#include "base/err/err.h"

#define PASSWORD_HASH_SIZE 128
/* The encoded string "$argon2id$v=19$…". */
int password_hash(struct str password, char out[PASSWORD_HASH_SIZE], struct err *err) WARN_UNUSED;
/* Constant work; false also for a malformed hash. */
bool password_verify(const char *hash, struct str password);
/* Spends the time of a verification: for unknown names. */
void password_verify_dummy(struct str password);

/*
 * A key from a passphrase: Argon2id, for sealing what leaves the machine (a backup's keys). The cost travels beside the
 * salt so that it may grow; what is read from a file is bounded: passes 1..16, memory 8 MiB..1 GiB, -EINVAL
 * (crypto.kdf_cost) outside. -ENOMEM (system.call) when the memory is not to be had.
 */
#define PASSWORD_SALT_SIZE 16
struct password_cost {
	uint64_t passes, memory_bytes;
};
/* What new keys are made with: 3 passes over 256 MiB. */
struct password_cost password_cost_default(void);
int password_key(struct str passphrase, const unsigned char salt[PASSWORD_SALT_SIZE], const struct password_cost *cost,
		 unsigned char out[32], struct err *err) WARN_UNUSED;
