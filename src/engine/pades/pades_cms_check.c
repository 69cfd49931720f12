/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Does the CMS sign these bytes, who made it, and does a trusted certificate stand at the end of its chain? */
#include <openssl/err.h>
#include <openssl/ess.h>
#include <openssl/ts.h>
#include <time.h>

#include "engine/pades/pades_cms_internal.h"

#define LISTS_MAX 16

struct pades_store {
	STACK_OF(X509) *anchors[LISTS_MAX];
	enum pades_issuer issuers[LISTS_MAX];
	size_t count;
	STACK_OF(X509_CRL) *crls;
	usec_t now;
};

void pades_store_free(struct pades_store *store)
{
	if (store == NULL)
		return;
	for (size_t i = 0; i < store->count; i++)
		sk_X509_pop_free(store->anchors[i], X509_free);
	sk_X509_CRL_pop_free(store->crls, X509_CRL_free);
	mem_free(store);
}

int pades_store_new(const struct pades_trust *trust, struct pades_store **ret, struct err *err)
{
	struct pades_store *store = MEM_NEW(struct pades_store);
	store->now = trust->now;
	store->crls = pades_read_crls(trust->crls_pem);
	bool good = store->crls != NULL && trust->anchor_count <= LISTS_MAX;
	for (size_t i = 0; good && i < trust->anchor_count; i++) {
		store->issuers[i] = trust->anchors[i].issuer;
		store->anchors[i] = pades_read_certificates(trust->anchors[i].pem);
		good = store->anchors[i] != NULL;
		store->count += good;
	}
	if (!good) {
		int r = err_set(err, -EINVAL, store->crls == NULL ? "pades.crl" : "pades.anchor");
		pades_store_free(store);
		return r;
	}
	*ret = store;
	return 0;
}

static struct str name_of(struct arena *arena, const X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	const ASN1_STRING *s = at >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)) : NULL;
	unsigned char *utf8 = NULL;
	int n = s != NULL ? ASN1_STRING_to_UTF8(&utf8, s) : -1;
	struct str text = n >= 0 ? arena_str(arena, str_n(utf8, (size_t)n)) : STR_EMPTY;
	OPENSSL_free(utf8);
	return text;
}

static void tell_certificate(struct arena *arena, X509 *c, struct pades_signature *ret)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(c);
	struct buf hex = BUF_INIT(256);
	ret->signer = name_of(arena, X509_get_subject_name(c), NID_commonName);
	ret->organisation = name_of(arena, X509_get_subject_name(c), NID_organizationName);
	ret->issuer = name_of(arena, X509_get_issuer_name(c), NID_commonName);
	buf_append_hex(&hex, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	ret->serial = arena_str(arena, buf_str(&hex));
	ret->not_before = pades_time(X509_get0_notBefore(c));
	ret->not_after = pades_time(X509_get0_notAfter(c));
	buf_done(&hex);
}

/* ---- chains ---- */

static X509_STORE *store_of(const struct pades_store *store)
{
	X509_STORE *xs = X509_STORE_new();
	for (size_t i = 0; xs != NULL && i < store->count; i++)
		for (int k = 0; k < sk_X509_num(store->anchors[i]); k++)
			(void)X509_STORE_add_cert(xs, sk_X509_value(store->anchors[i], k));
	return xs;
}

static enum pades_issuer class_of(const struct pades_store *store, X509 *anchor)
{
	for (size_t i = 0; i < store->count; i++)
		for (int k = 0; k < sk_X509_num(store->anchors[i]); k++)
			if (X509_cmp(sk_X509_value(store->anchors[i], k), anchor) == 0)
				return store->issuers[i];
	return PADES_ISSUER_UNKNOWN;
}

static enum pades_chain chain_result(int error)
{
	switch (error) {
	case X509_V_OK:
		return PADES_CHAIN_GOOD;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return PADES_CHAIN_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return PADES_CHAIN_NOT_YET;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return PADES_CHAIN_UNKNOWN;
	default:
		return PADES_CHAIN_BAD;
	}
}

/* An error of time alone still lets the chain be built to its end, so that its class can be told. */
static int go_on_after_time(int good, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx);
	int *seen = X509_STORE_CTX_get_app_data(ctx);
	if (good)
		return 1;
	if (error != X509_V_ERR_CERT_HAS_EXPIRED && error != X509_V_ERR_CERT_NOT_YET_VALID)
		return 0;
	*seen = error;
	return 1;
}

static void check_chain(const struct pades_store *store, X509 *leaf, STACK_OF(X509) *others, usec_t when, struct pades_signature *ret)
{
	X509_STORE *xs = store_of(store);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int late = X509_V_OK;
	ret->chain = PADES_CHAIN_BAD;
	if (xs != NULL && ctx != NULL && X509_STORE_CTX_init(ctx, xs, leaf, others) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_time(param, (time_t)(when / USEC_PER_SEC));
		(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		X509_VERIFY_PARAM_set_depth(param, 8);
		X509_STORE_CTX_set_app_data(ctx, &late);
		X509_STORE_CTX_set_verify_cb(ctx, go_on_after_time);
		int good = X509_verify_cert(ctx);
		ret->chain = chain_result(good == 1 ? late : X509_STORE_CTX_get_error(ctx));
		STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
		if (good == 1 && sk_X509_num(chain) > 0) {
			X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : leaf;
			ret->issuer_class = class_of(store, sk_X509_value(chain, sk_X509_num(chain) - 1));
			if (pades_is_revoked(leaf, issuer, store->crls, &ret->revocation_known))
				ret->chain = PADES_CHAIN_REVOKED;
		}
	}
	if (ret->chain == PADES_CHAIN_GOOD && !pades_may_sign(leaf))
		ret->chain = PADES_CHAIN_BAD;
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(xs);
}

/* ---- the time stamp ---- */

static usec_t token_time(PKCS7 *token)
{
	TS_TST_INFO *info = PKCS7_to_TS_TST_INFO(token);
	usec_t t = info != NULL ? pades_time(TS_TST_INFO_get_time(info)) : 0;
	TS_TST_INFO_free(info);
	return t;
}

/* When a trusted authority saw the signature; 0 when none did. */
static usec_t stamped(CMS_SignerInfo *si, const struct pades_store *store)
{
	const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(si);
	ASN1_STRING *value = CMS_unsigned_get0_data_by_OBJ(si, OBJ_nid2obj(NID_id_smime_aa_timeStampToken), -3, V_ASN1_SEQUENCE);
	const unsigned char *at = value != NULL ? ASN1_STRING_get0_data(value) : NULL;
	PKCS7 *token = value != NULL ? d2i_PKCS7(NULL, &at, ASN1_STRING_length(value)) : NULL;
	TS_VERIFY_CTX *ctx = token != NULL ? TS_VERIFY_CTX_new() : NULL;
	usec_t t = 0;
	if (ctx != NULL) {
		TS_VERIFY_CTX_set_flags(ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
		(void)TS_VERIFY_CTX_set_store(ctx, store_of(store));
		(void)TS_VERIFY_CTX_set_data(ctx, BIO_new_mem_buf(ASN1_STRING_get0_data(signature), ASN1_STRING_length(signature)));
		if (TS_RESP_verify_token(ctx, token) == 1)
			t = token_time(token);
	}
	TS_VERIFY_CTX_free(ctx);
	PKCS7_free(token);
	return t;
}

/* ---- the signature ---- */

static bool digest_is_strong(CMS_SignerInfo *si)
{
	X509_ALGOR *digest = NULL;
	const ASN1_OBJECT *o = NULL;
	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, NULL);
	X509_ALGOR_get0(&o, NULL, NULL, digest);
	int nid = OBJ_obj2nid(o);
	return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512 || nid == NID_sha3_256 || nid == NID_sha3_384 || nid == NID_sha3_512;
}

/* Names the certificate, where it is there at all: else another one with the same key could be put in its place. */
static bool names_certificate(CMS_SignerInfo *si, X509 *leaf)
{
	ASN1_STRING *value = CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_id_smime_aa_signingCertificateV2), -3, V_ASN1_SEQUENCE);
	const unsigned char *at = value != NULL ? ASN1_STRING_get0_data(value) : NULL;
	ESS_SIGNING_CERT_V2 *named = value != NULL ? d2i_ESS_SIGNING_CERT_V2(NULL, &at, ASN1_STRING_length(value)) : NULL;
	STACK_OF(X509) *chain = sk_X509_new_null();
	bool good = value == NULL;
	if (named != NULL && chain != NULL && sk_X509_push(chain, leaf) > 0)
		good = OSSL_ESS_check_signing_certs(NULL, named, chain, 0) > 0;
	sk_X509_free(chain);
	ESS_SIGNING_CERT_V2_free(named);
	return good;
}

static const char *check_bytes(CMS_ContentInfo *cms, CMS_SignerInfo *si, const struct str pieces[2])
{
	const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY;
	cleanup_buf struct buf all = BUF_INIT(PADES_FILE_MAX + 1);
	if (!digest_is_strong(si))
		return "pades.fault_digest";
	buf_append(&all, pieces[0]);
	buf_append(&all, pieces[1]);
	BIO *content = BIO_new_mem_buf(all.p, (int)all.n);
	bool good = content != NULL && CMS_verify(cms, NULL, NULL, content, NULL, flags) == 1;
	BIO_free(content);
	return good ? NULL : "pades.fault_bytes";
}

static void check(struct arena *arena, CMS_ContentInfo *cms, const struct str pieces[2], const struct pades_store *store, struct pades_signature *ret)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	STACK_OF(X509) *certificates = CMS_get1_certs(cms);
	X509 *leaf = NULL;
	CMS_SignerInfo *si = sk_CMS_SignerInfo_num(signers) == 1 ? sk_CMS_SignerInfo_value(signers, 0) : NULL;
	for (int i = 0; si != NULL && leaf == NULL && i < sk_X509_num(certificates); i++)
		if (CMS_SignerInfo_cert_cmp(si, sk_X509_value(certificates, i)) == 0)
			leaf = sk_X509_value(certificates, i);
	ret->fault = "pades.fault_cms";
	if (leaf != NULL && CMS_is_detached(cms) == 1 && OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_pkcs7_data) {
		tell_certificate(arena, leaf, ret);
		ret->fault = check_bytes(cms, si, pieces);
		if (ret->fault == NULL && !names_certificate(si, leaf))
			ret->fault = "pades.fault_certificate";
		ret->intact = ret->fault == NULL;
		ret->stamped = ret->intact ? stamped(si, store) : 0;
		check_chain(store, leaf, certificates, ret->stamped > 0 ? ret->stamped : store->now, ret);
	}
	sk_X509_pop_free(certificates, X509_free);
}

void pades_cms_check(struct arena *arena, struct str der, const struct str pieces[2], const struct pades_store *store, struct pades_signature *ret)
{
	const unsigned char *at = (const unsigned char *)der.p;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.n);
	ret->fault = "pades.fault_cms";
	if (cms != NULL && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed)
		check(arena, cms, pieces, store, ret);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
}
