/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the parts that use OpenSSL share. */
#pragma once
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "engine/pades/pades_internal.h"

struct pades_key {
	EVP_PKEY *key;
	X509 *certificate;
	STACK_OF(X509) *others; /* of its chain; may be NULL */
	void *token;            /* PKCS11_CTX */
	void *slots;
	unsigned slot_count;
};

/* The CMS over the pieces (detached), DER. */
int pades_cms_make(const struct pades_sign *how, const struct str pieces[2], struct buf *ret, struct err *err) WARN_UNUSED;
/* Fills what the CMS and its certificates tell. */
struct pades_store;
int pades_store_new(const struct pades_trust *trust, struct pades_store **ret, struct err *err) WARN_UNUSED;
void pades_store_free(struct pades_store *store);
void pades_cms_check(struct arena *arena, struct str cms, const struct str pieces[2], const struct pades_store *store, struct pades_signature *ret);
/* PEM certificates and lists of revoked ones; NULL when one is broken. Empty text: an empty stack. */
STACK_OF(X509) *pades_read_certificates(struct str pem);
STACK_OF(X509_CRL) *pades_read_crls(struct str pem);
/* Is the certificate on a list of its issuer's? Sets *ret_known when there is one that is signed by `issuer` (NULL: not checked). */
bool pades_is_revoked(X509 *certificate, X509 *issuer, STACK_OF(X509_CRL) *crls, bool *ret_known);
bool pades_may_sign(X509 *certificate);
usec_t pades_time(const ASN1_TIME *t);
