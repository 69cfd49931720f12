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
