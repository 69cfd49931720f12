/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Issuing certificates: the CA's work, on servers, over OpenSSL's X.509. */
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/mem/mem.h"
#include "base/text/text.h"
#include "platform/crypto/crypto_internal.h"

#define DNS_NAMES_MAX 64

struct issue {
	BIO *csr_bio, *ca_bio, *out_bio;
	X509_REQ *csr;
	X509 *ca, *cert;
	EVP_PKEY *subject_key;
};

static void issue_done(struct issue *i)
{
	EVP_PKEY_free(i->subject_key);
	X509_free(i->cert);
	X509_free(i->ca);
	X509_REQ_free(i->csr);
	BIO_free(i->csr_bio);
	BIO_free(i->ca_bio);
	BIO_free(i->out_bio);
}

static int refuse(struct err *err, const char *reason)
{
	return err_set(err, -EINVAL, "crypto.issue_refused", ARG_CSTR("reason", reason));
}

/* Only P-256 keys get certificates, and only from those who hold them (the request's signature proves it). */
static int read_csr(struct issue *i, struct str pem, struct err *err)
{
	char group[32];
	size_t n = 0;
	if (pem.n > CRYPTO_PEM_LIMIT)
		return err_set(err, -E2BIG, "crypto.pem_too_big", ARG_U64("limit", CRYPTO_PEM_LIMIT));
	i->csr_bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	i->csr = i->csr_bio != NULL ? PEM_read_bio_X509_REQ(i->csr_bio, NULL, NULL, NULL) : NULL;
	if (i->csr == NULL)
		return err_set(err, -EINVAL, "crypto.csr_invalid");
	i->subject_key = X509_REQ_get_pubkey(i->csr);
	if (i->subject_key == NULL || EVP_PKEY_get_group_name(i->subject_key, group, sizeof(group), &n) != 1 ||
	    !str_eq_c(str_n(group, n), "prime256v1"))
		return refuse(err, "the key is not P-256");
	if (X509_REQ_verify(i->csr, i->subject_key) != 1)
		return err_set(err, -EBADMSG, "crypto.bad_signature");
	return 0;
}

static bool add_extension(struct issue *i, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, i->ca != NULL ? i->ca : i->cert, i->cert, i->csr, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = e != NULL && X509_add_ext(i->cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static GENERAL_NAME *general_name(const char *name)
{
	unsigned char address[16];
	ASN1_STRING *s = NULL;
	int bytes = inet_pton(AF_INET, name, address) == 1 ? 4 : inet_pton(AF_INET6, name, address) == 1 ? 16 : 0;
	GENERAL_NAME *g = GENERAL_NAME_new();
	s = bytes > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	if (g == NULL || s == NULL ||
	    ASN1_STRING_set(s, bytes > 0 ? (const void *)address : name, bytes > 0 ? bytes : (int)strlen(name)) != 1) {
		GENERAL_NAME_free(g);
		ASN1_STRING_free(s);
		return NULL;
	}
	GENERAL_NAME_set0_value(g, bytes > 0 ? GEN_IPADD : GEN_DNS, s);
	return g;
}

/* Letters, digits, hyphen, dot, one leading "*." : what a name in a certificate may hold. */
static bool is_host_name(const char *name)
{
	struct str s = str_c(name);
	unsigned char address[16];
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return true;
	if (str_starts_with(s, STR("*.")))
		s = str_sub(s, 2, s.n);
	if (s.n == 0 || s.n > 253)
		return false;
	struct cursor c = cursor_of(s);
	return cursor_while(&c, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.").n == s.n;
}

static int add_names(struct issue *i, const char *const *names, struct err *err)
{
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
	int r = 0;
	size_t count = 0;
	for (; r == 0 && names != NULL && names[count] != NULL; count++) {
		GENERAL_NAME *g = NULL;
		if (count >= DNS_NAMES_MAX || !is_host_name(names[count]))
			r = err_set(err, -EINVAL, "crypto.host_name", ARG_CSTR("name", names[count]));
		else if ((g = general_name(names[count])) == NULL || sk_GENERAL_NAME_push(list, g) <= 0)
			r = err_set(err, -EIO, "crypto.library", ARG_CSTR("call", "GENERAL_NAME"));
	}
	if (r == 0 && count == 0)
		r = refuse(err, "a server certificate needs a name");
	if (r == 0 && X509_add1_ext_i2d(i->cert, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) != 1)
		r = err_set(err, -EIO, "crypto.library", ARG_CSTR("call", "X509_add1_ext_i2d"));
	sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
	return r;
}

static const struct {
	const char *basic, *usage, *extended;
} uses[] = {
    [CRYPTO_CERT_CA] = {"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL},
    [CRYPTO_CERT_SERVER] = {"critical,CA:FALSE", "critical,digitalSignature", "serverAuth"},
    [CRYPTO_CERT_CLIENT] = {"critical,CA:FALSE", "critical,digitalSignature", "clientAuth"},
    [CRYPTO_CERT_SIGN] = {"critical,CA:FALSE", "critical,digitalSignature,nonRepudiation", NULL},
};

static int add_extensions(struct issue *i, const struct crypto_cert_request *req, struct err *err)
{
	bool ok = add_extension(i, NID_basic_constraints, uses[req->use].basic) &&
		  add_extension(i, NID_key_usage, uses[req->use].usage) &&
		  (uses[req->use].extended == NULL || add_extension(i, NID_ext_key_usage, uses[req->use].extended)) &&
		  add_extension(i, NID_subject_key_identifier, "hash") &&
		  add_extension(i, NID_authority_key_identifier, "keyid");
	if (!ok)
		return err_set(err, -EIO, "crypto.library", ARG_CSTR("call", "X509V3_EXT_conf_nid"));
	return req->use == CRYPTO_CERT_SERVER ? add_names(i, req->dns_names, err) : 0;
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	random_bytes(bytes, sizeof(bytes));
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, always 16 bytes */
	BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return ok;
}

static bool fill(struct issue *i, const struct crypto_cert_request *req)
{
	X509_NAME *name = X509_get_subject_name(i->cert);
	return X509_set_version(i->cert, X509_VERSION_3) == 1 && set_serial(i->cert) &&
	       ASN1_TIME_set(X509_getm_notBefore(i->cert), (time_t)(req->not_before / USEC_PER_SEC)) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(i->cert), (time_t)(req->not_after / USEC_PER_SEC)) != NULL &&
	       X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)req->common_name,
					  -1, -1, 0) == 1 &&
	       X509_set_issuer_name(i->cert, i->ca != NULL ? X509_get_subject_name(i->ca) : name) == 1 &&
	       X509_set_pubkey(i->cert, i->subject_key) == 1;
}

static int check_request(const struct crypto_cert_request *req, struct str ca_cert_pem, struct err *err)
{
	struct str name = str_c(req->common_name);
	if (name.n == 0 || name.n > 64 || !text_is_utf8(name))
		return err_set(err, -EINVAL, "crypto.common_name", ARG_STR("name", name));
	if (req->not_before < 0 || req->not_after <= req->not_before)
		return refuse(err, "the end is not after the beginning");
	if ((ca_cert_pem.n == 0) != (req->use == CRYPTO_CERT_CA))
		return refuse(err, "CA certificates are self-signed, all others are not");
	return 0;
}

/* The CA's key must be the one of its certificate, or of the request when it signs itself. */
static int read_ca(struct issue *i, struct str ca_cert_pem, const struct crypto_key *ca_key, struct err *err)
{
	EVP_PKEY *expected = i->subject_key;
	if (!ca_key->has_private)
		return refuse(err, "the CA's key has no private part");
	if (ca_cert_pem.n > CRYPTO_PEM_LIMIT)
		return err_set(err, -E2BIG, "crypto.pem_too_big", ARG_U64("limit", CRYPTO_PEM_LIMIT));
	if (ca_cert_pem.n > 0) {
		i->ca_bio = BIO_new_mem_buf(ca_cert_pem.p, (int)ca_cert_pem.n);
		i->ca = i->ca_bio != NULL ? PEM_read_bio_X509(i->ca_bio, NULL, NULL, NULL) : NULL;
		if (i->ca == NULL)
			return err_set(err, -EINVAL, "crypto.cert_invalid", ARG_CSTR("reason", "the CA's certificate"));
		expected = X509_get0_pubkey(i->ca);
	}
	if (EVP_PKEY_eq(expected, ca_key->handle) != 1)
		return refuse(err, "the CA's key does not belong to its certificate");
	return 0;
}

static int write_pem(struct issue *i, struct buf *out, struct err *err)
{
	char *text = NULL;
	i->out_bio = BIO_new(BIO_s_mem());
	if (i->out_bio == NULL || PEM_write_bio_X509(i->out_bio, i->cert) != 1)
		return err_set(err, -EIO, "crypto.library", ARG_CSTR("call", "PEM_write_bio_X509"));
	long n = BIO_get_mem_data(i->out_bio, &text);
	buf_append(out, str_n(text, (size_t)n));
	return 0;
}

int crypto_cert_issue(const struct crypto_cert_request *req, struct str ca_cert_pem, const struct crypto_key *ca_key,
		      struct buf *ret_pem, struct err *err)
{
	__attribute__((__cleanup__(issue_done))) struct issue i = {0};
	int r = check_request(req, ca_cert_pem, err);
	if (r == 0)
		r = read_csr(&i, req->csr_pem, err);
	if (r == 0)
		r = read_ca(&i, ca_cert_pem, ca_key, err);
	if (r < 0)
		return r;
	i.cert = X509_new();
	if (i.cert == NULL || !fill(&i, req))
		return err_set(err, -EIO, "crypto.library", ARG_CSTR("call", "X509"));
	r = add_extensions(&i, req, err);
	if (r < 0)
		return r;
	if (X509_sign(i.cert, ca_key->handle, EVP_sha256()) <= 0)
		return err_set(err, -EIO, "crypto.library", ARG_CSTR("call", "X509_sign"));
	return write_pem(&i, ret_pem, err);
}
