/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * pades: signatures in PDF files. Makes PAdES baseline B-B and, with a time-stamp
 * authority, B-T (ETSI EN 319 142-1), as incremental updates, so that several sign
 * one after the other; checks those and adbe.pkcs7.detached. Keys lie in PKCS#12
 * files or in PKCS#11 tokens.
 *
 * Does not live here: making PDF (engine/document), where files, keys and trusted
 * certificates come from (programs, services), the network.
 * Input of a check is hostile: limits first, and whoever checks files of others
 * does it in a process that has nothing to lose.
 * Threads: no shared state; a key belongs to one thread at a time. Linux only.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"

#define PADES_FILE_MAX ((size_t)64 << 20)
#define PADES_SIGNATURES_MAX 64
#define PADES_PLACE "luytre.signature" /* the named destination in whose middle an image is shown */

/* ---- keys ---- */

struct pades_key;
/* -EACCES pades.password; -EINVAL pades.pkcs12, pades.no_certificate. */
int pades_key_pkcs12(struct str file, struct str password, struct pades_key **ret, struct err *err) WARN_UNUSED;

struct pades_token {
	const char *module; /* the token's PKCS#11 library */
	const char *label;  /* of the token; NULL: the only one */
	const char *key;    /* label of the key; NULL: the only one with a certificate */
	struct str pin;
};
/* -ENOENT pades.no_module, pades.no_token, pades.no_key, pades.no_certificate; -EACCES pades.pin, pades.pin_locked; -EIO pades.token. */
int pades_key_pkcs11(const struct pades_token *token, struct pades_key **ret, struct err *err) WARN_UNUSED;
void pades_key_free(struct pades_key *key);
DEFINE_CLEANUP(pades_key)

/* ---- signing ---- */

struct pades_sign {
	struct pades_key *key;
	usec_t now;
	struct str reason, place; /* may be empty */
	struct str image_png;     /* shown at PADES_PLACE; empty: the signature shows nothing */
	bool seal;                /* the image is an organisation's seal, not a person's signature */
	struct str crls_pem;      /* asked whether the own certificate is revoked; may be empty */
	/* Sends an RFC 3161 request, gives the answer. NULL: no time stamp (B-B). */
	int (*stamp)(void *ctx, struct str request, struct buf *ret_answer, struct err *err);
	void *stamp_ctx;
};
/* Appends the signed file. -EINVAL pades.malformed, pades.encrypted, pades.locked; -EACCES pades.expired, pades.not_yet, pades.revoked,
 * pades.key_usage; -ENOENT pades.no_place; -EINVAL pades.image; -EIO pades.not_signed; -EPROTO pades.stamp. */
int pades_sign(struct str pdf, const struct pades_sign *how, struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- checking ---- */

enum pades_issuer { PADES_ISSUER_UNKNOWN, PADES_ISSUER_GOVERNMENT, PADES_ISSUER_PUBLIC, PADES_ISSUER_OTHER, PADES_ISSUER__COUNT };
enum pades_chain { PADES_CHAIN_UNKNOWN, PADES_CHAIN_GOOD, PADES_CHAIN_EXPIRED, PADES_CHAIN_NOT_YET, PADES_CHAIN_REVOKED, PADES_CHAIN_BAD, PADES_CHAIN__COUNT };
/* What came into the file after a signature: nothing; further signatures, or objects that nothing shows; something else. */
enum pades_change { PADES_CHANGE_NONE, PADES_CHANGE_SIGNED, PADES_CHANGE_OTHER, PADES_CHANGE__COUNT };

struct pades_anchor {
	struct str pem; /* certificates */
	enum pades_issuer issuer;
};
struct pades_trust {
	const struct pades_anchor *anchors;
	size_t anchor_count;
	struct str crls_pem;
	usec_t now;
};

struct pades_signature {
	struct str field, signer, organisation, issuer, serial; /* UTF-8; serial in hexadecimal */
	struct str reason;
	usec_t claimed;  /* by the signer; 0: not told */
	usec_t stamped;  /* by an authority that is trusted; 0: none */
	usec_t not_before, not_after;
	bool intact;     /* the signed bytes are those that were signed */
	const char *fault; /* message key of why not; NULL */
	enum pades_chain chain;
	enum pades_issuer issuer_class; /* by the trusted certificate at the chain's end; only with a good, expired or revoked chain */
	bool revocation_known;
	enum pades_change change;
};
struct pades_report {
	struct pades_signature *signatures; /* by the order in which they were made */
	size_t count;
};
/* Lives in `arena`. No signature: count 0. -EINVAL pades.malformed, pades.encrypted, pades.anchor; -E2BIG pades.too_big. */
int pades_verify(struct arena *arena, struct str pdf, const struct pades_trust *trust, struct pades_report *ret, struct err *err) WARN_UNUSED;
/* Everything is in order: intact, trusted now, nothing but signatures came after. */
bool pades_is_good(const struct pades_signature *s);
