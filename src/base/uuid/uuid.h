/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * uuid: identity of every record: UUIDv7 (RFC 9562 section 5.7), made by the
 * application, ordered by time of making. 16 bytes in databases, text in JSON.
 * Also the source of random bytes.
 * Threads: any.
 */
#pragma once
#include "base/err/err.h"

#define UUID_TEXT_SIZE 37

struct uuid {
	unsigned char b[16];
};

/* Unique and increasing within the process. Aborts when the system has no randomness. */
struct uuid uuid_new(void);
/* The same with one random half for the whole process: ids of millions that lie near each other take two bytes on disk instead
 * of twelve, and no system call each. Not for what must not be guessed, nor in a process that forks afterwards. */
struct uuid uuid_new_near(void);
bool uuid_is_null(const struct uuid *u);
bool uuid_eq(const struct uuid *a, const struct uuid *b);
/* "0193…-…": lower case with dashes. Returns buf. */
const char *uuid_text(const struct uuid *u, char buf[UUID_TEXT_SIZE]);
/* Any UUID version, either case, dashes required. */
bool uuid_parse(struct str s, struct uuid *ret);
/* Cryptographically strong; aborts when the system has none. */
void random_bytes(void *out, size_t n);
