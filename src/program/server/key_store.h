/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * key_store: the CA, the bundle-signing and the document-signing key in
 * data_dir/key (0600), made at the first start, and the rules by which requests
 * are answered. Only the key role opens it.
 *
 * Rules: server certificates carry configured public names only; client
 * certificates are for a UUID (an endpoint); neither lives longer than
 * KEY_SERVER_DAYS, KEY_CLIENT_DAYS; a bundle signature begins with its prefix.
 *
 * Threads: one.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/mem/mem.h"
#include "platform/proc/proc.h"

#define KEY_CA_DAYS       3650
#define KEY_SERVER_DAYS   397
#define KEY_CLIENT_DAYS   730
#define KEY_DOCUMENT_DAYS 1095

struct key_store;

/* Makes what is missing on a first start. A certificate whose key is gone, a key that others may read, a broken file
 * are errors (server.key_missing, server.key_mode, crypto.*): never replaced silently. Names are borrowed. */
int key_store_open(const char *dir, const char *const *public_names, usec_t now, struct key_store **ret,
		   struct err *err) WARN_UNUSED;
void key_store_free(struct key_store *k);
DEFINE_CLEANUP(key_store)

/* Is what lies there whole? Changes nothing; what a first start would make may be missing. Errors as key_store_open. */
int key_store_check(const char *dir, usec_t now, struct err *err) WARN_UNUSED;
/* Other names, borrowed likewise. */
void key_store_set_names(struct key_store *k, const char *const *public_names);
/* The answer to any message. 0: done; negative: refused, with the reason in err and in the answer. */
int key_store_answer(struct key_store *k, struct proc_message *request, usec_t now, struct proc_message *ret_reply,
		     struct err *err) WARN_UNUSED;
