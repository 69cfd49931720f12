/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What core may ask of the key role. Three kinds of signing, and what is public
 * anyway; nothing hands out a private key.
 *
 *   SIGN_CSR       str csr_pem, u64 use (enum key_use), str common_name, u64 not_after, u64 count, count × str name
 *   SIGN_BUNDLE    str bytes (begin with KEY_BUNDLE_PREFIX)
 *   SIGN_DOCUMENT  str digest (32 bytes)
 *   PUBLIC         nothing
 *
 * Answers: DONE with str (certificate, signature; for PUBLIC: str CA, str bundle key, str document certificate),
 * or REFUSED with u64 positive errno class and str message key.
 */
#pragma once

enum key_message {
	KEY_SIGN_CSR = 0x100,
	KEY_SIGN_BUNDLE,
	KEY_SIGN_DOCUMENT,
	KEY_PUBLIC,
	KEY_DONE,
	KEY_REFUSED,
};

enum key_use { KEY_USE_SERVER, KEY_USE_CLIENT, KEY_USE__COUNT };

#define KEY_CSR_LIMIT  ((size_t)64 << 10)
#define KEY_NAME_LIMIT 253
#define KEY_NAMES_MAX  32
/* What a bundle's signed bytes begin with, so that the bundle key signs nothing else (engine/malware). */
#define KEY_BUNDLE_PREFIX "luytre-bundle-v1\n"
