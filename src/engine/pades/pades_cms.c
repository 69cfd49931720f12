/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The CMS of a signature (RFC 5652; EN 319 142-1, 6.3): SHA-256, signing-certificate-v2, and no signing-time, which
 * PAdES keeps in the dictionary. OpenSSL 3.0 always adds that attribute, so the attributes are signed here.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <stdlib.h>

#include "engine/pades/pades_cms_internal.h"

#define DER_MAX 65536

usec_t pades_time(const ASN1_TIME *t)
{
	struct tm tm;
	usec_t at = 0;
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	const struct clock_date d = {.year = tm.tm_year + 1900, .month = (unsigned)tm.tm_mon + 1, .day = (unsigned)tm.tm_mday,
				     .hour = (unsigned)tm.tm_hour, .minute = (unsigned)tm.tm_min, .second = (unsigned)tm.tm_sec};
	return clock_from_civil(&d, 0, &at) ? at : 0;
}

STACK_OF(X509) *pades_read_certificates(struct str pem)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(pem.n > 0 ? pem.p : "", (int)pem.n);
	for (X509 *one; (one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL;)
		sk_X509_push(list, one);
	BIO_free(in);
	ERR_clear_error();
	if (pem.n == 0 || sk_X509_num(list) > 0)
		return list;
	sk_X509_free(list);
	return NULL;
}

STACK_OF(X509_CRL) *pades_read_crls(struct str pem)
{
	STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
	BIO *in = BIO_new_mem_buf(pem.n > 0 ? pem.p : "", (int)pem.n);
	for (X509_CRL *one; (one = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL)) != NULL;)
		sk_X509_CRL_push(list, one);
	BIO_free(in);
	ERR_clear_error();
	if (pem.n == 0 || sk_X509_CRL_num(list) > 0)
		return list;
	sk_X509_CRL_free(list);
	return NULL;
}

bool pades_is_revoked(X509 *certificate, X509 *issuer, STACK_OF(X509_CRL) *crls, bool *ret_known)
{
	for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls, i);
		X509_REVOKED *entry = NULL;
		EVP_PKEY *key = issuer != NULL ? X509_get0_pubkey(issuer) : NULL;
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(certificate)) != 0 || (key != NULL && X509_CRL_verify(crl, key) != 1))
			continue;
		*ret_known = true;
		if (X509_CRL_get0_by_cert(crl, &entry, certificate) == 1)
			return true;
	}
	return false;
}

bool pades_may_sign(X509 *certificate)
{
	uint32_t usage = X509_get_key_usage(certificate);
	return usage == UINT32_MAX || (usage & (X509v3_KU_DIGITAL_SIGNATURE | X509v3_KU_NON_REPUDIATION)) != 0;
}

static int failed(struct err *err)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	int r = err_set(err, -EIO, "pades.not_signed", ARG_CSTR("reason", reason != NULL ? reason : "OpenSSL"));
	ERR_clear_error();
	return r;
}

static int check_own(const struct pades_sign *how, struct err *err)
{
	X509 *own = how->key->certificate;
	char day[CLOCK_VN_SIZE];
	usec_t from = pades_time(X509_get0_notBefore(own)), until = pades_time(X509_get0_notAfter(own));
	bool known = false;
	if (how->now > until)
		return err_set(err, -EACCES, "pades.expired", ARG_CSTR("time", clock_vn(until, day)));
	if (how->now < from)
		return err_set(err, -EACCES, "pades.not_yet", ARG_CSTR("time", clock_vn(from, day)));
	if (!pades_may_sign(own))
		return err_set(err, -EACCES, "pades.key_usage");
	STACK_OF(X509_CRL) *crls = pades_read_crls(how->crls_pem);
	if (crls == NULL)
		return err_set(err, -EINVAL, "pades.crl");
	bool revoked = pades_is_revoked(own, NULL, crls, &known);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return revoked ? err_set(err, -EACCES, "pades.revoked") : 0;
}

static bool digest(const struct str pieces[2], unsigned char md[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, pieces[0].p, pieces[0].n) == 1 &&
		    EVP_DigestUpdate(ctx, pieces[1].p, pieces[1].n) == 1 && EVP_DigestFinal_ex(ctx, md, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

/* ---- the signed attributes ---- */

struct attribute {
	unsigned char *der;
	int n;
};

static int by_bytes(const void *a, const void *b)
{
	const struct attribute *x = a, *y = b;
	return str_cmp(str_n(x->der, (size_t)x->n), str_n(y->der, (size_t)y->n));
}

/* DER of a SET OF: sorted (X.690, 11.6). */
static void encode_attributes(CMS_SignerInfo *si, struct buf *out)
{
	struct attribute list[8] = {0};
	int count = CMS_signed_get_attr_count(si), total = 0, used = 0;
	for (int i = 0; i < count && used < 8; i++) {
		list[used].n = i2d_X509_ATTRIBUTE(CMS_signed_get_attr(si, i), &list[used].der);
		total += list[used].n;
		used += list[used].n > 0;
	}
	qsort(list, (size_t)used, sizeof(list[0]), by_bytes);
	unsigned char head[8], *at = head;
	ASN1_put_object(&at, 1, total, V_ASN1_SET, V_ASN1_UNIVERSAL);
	buf_append(out, str_n(head, (size_t)ASN1_object_size(1, total, V_ASN1_SET) - (size_t)total));
	for (int i = 0; i < used; i++) {
		buf_append(out, str_n(list[i].der, (size_t)list[i].n));
		OPENSSL_free(list[i].der);
	}
}

static bool sign_attributes(CMS_SignerInfo *si, EVP_PKEY *key)
{
	cleanup_buf struct buf der = BUF_INIT(DER_MAX);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char signature[2048];
	size_t n = sizeof(signature);
	encode_attributes(si, &der);
	bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestSign(ctx, signature, &n, (const unsigned char *)der.p, der.n) == 1 &&
		    ASN1_STRING_set(CMS_SignerInfo_get0_signature(si), signature, (int)n) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

/* ---- the time stamp (RFC 3161) ---- */

static TS_REQ *stamp_request(struct str signature)
{
	TS_REQ *request = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_INTEGER *nonce = ASN1_INTEGER_new();
	unsigned char md[32], random[8] = {0};
	const struct str pieces[2] = {signature, STR_EMPTY};
	uint64_t number = 0;
	bool good = digest(pieces, md) && RAND_bytes(random, sizeof(random)) == 1;
	for (size_t i = 0; i < sizeof(random); i++)
		number = number << 8 | random[i];
	X509_ALGOR_set_md(algorithm, EVP_sha256());
	good = good && TS_REQ_set_version(request, 1) == 1 && TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	       TS_MSG_IMPRINT_set_msg(imprint, md, sizeof(md)) == 1 && TS_REQ_set_msg_imprint(request, imprint) == 1 &&
	       ASN1_INTEGER_set_uint64(nonce, number >> 1) == 1 && TS_REQ_set_nonce(request, nonce) == 1 && TS_REQ_set_cert_req(request, 1) == 1;
	TS_MSG_IMPRINT_free(imprint);
	X509_ALGOR_free(algorithm);
	ASN1_INTEGER_free(nonce);
	if (good)
		return request;
	TS_REQ_free(request);
	return NULL;
}

/* The answer's token, when it answers this request. */
static bool stamp_take(CMS_SignerInfo *si, TS_REQ *request, struct str answer)
{
	const unsigned char *at = (const unsigned char *)answer.p;
	TS_RESP *response = d2i_TS_RESP(NULL, &at, (long)answer.n);
	TS_VERIFY_CTX *ctx = TS_REQ_to_TS_VERIFY_CTX(request, NULL);
	unsigned char *der = NULL;
	bool good = false;
	if (response != NULL && ctx != NULL) {
		TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_IMPRINT | TS_VFY_NONCE);
		good = TS_RESP_verify_response(ctx, response) == 1;
	}
	int n = good ? i2d_PKCS7(TS_RESP_get_token(response), &der) : 0;
	good = n > 0 && CMS_unsigned_add1_attr_by_NID(si, NID_id_smime_aa_timeStampToken, V_ASN1_SEQUENCE, der, n) == 1;
	OPENSSL_free(der);
	TS_VERIFY_CTX_free(ctx);
	TS_RESP_free(response);
	return good;
}

static int stamp(const struct pades_sign *how, CMS_SignerInfo *si, struct err *err)
{
	const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(si);
	cleanup_buf struct buf answer = BUF_INIT(DER_MAX);
	unsigned char *der = NULL;
	TS_REQ *request = stamp_request(str_n(ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature)));
	int n = request != NULL ? i2d_TS_REQ(request, &der) : 0;
	int r = n > 0 ? how->stamp(how->stamp_ctx, str_n(der, (size_t)n), &answer, err) : failed(err);
	if (r >= 0 && !stamp_take(si, request, buf_str(&answer)))
		r = err_set(err, -EPROTO, "pades.stamp");
	OPENSSL_free(der);
	TS_REQ_free(request);
	ERR_clear_error();
	return r < 0 ? r : 0;
}

static int fill(const struct pades_sign *how, CMS_ContentInfo *cms, const struct str pieces[2], struct buf *ret, struct err *err)
{
	const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP | CMS_CADES;
	unsigned char md[32], *der = NULL;
	CMS_SignerInfo *si = CMS_add1_signer(cms, how->key->certificate, how->key->key, EVP_sha256(), flags);
	bool good = si != NULL && digest(pieces, md) &&
		    CMS_signed_add1_attr_by_NID(si, NID_pkcs9_contentType, V_ASN1_OBJECT, OBJ_nid2obj(NID_pkcs7_data), -1) == 1 &&
		    CMS_signed_add1_attr_by_NID(si, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, md, sizeof(md)) == 1 && sign_attributes(si, how->key->key);
	int r = good ? 0 : failed(err);
	if (r == 0 && how->stamp != NULL)
		r = stamp(how, si, err);
	if (r < 0)
		return r;
	int n = i2d_CMS_ContentInfo(cms, &der);
	if (n > 0)
		buf_append(ret, str_n(der, (size_t)n));
	OPENSSL_free(der);
	return n > 0 ? 0 : failed(err);
}

int pades_cms_make(const struct pades_sign *how, const struct str pieces[2], struct buf *ret, struct err *err)
{
	int r = check_own(how, err);
	if (r < 0)
		return r;
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, how->key->others, NULL, CMS_DETACHED | CMS_BINARY | CMS_PARTIAL);
	r = cms != NULL ? fill(how, cms, pieces, ret, err) : failed(err);
	CMS_ContentInfo_free(cms);
	return r;
}
