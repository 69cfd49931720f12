/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Keys in PKCS#8 (RFC 5958), SEC 1 (RFC 5915) and SubjectPublicKeyInfo (RFC 5480), signatures, requests (RFC 2986). */
#include "base/mem/mem.h"
#include "platform/crypto/crypto_internal.h"

#define LABEL_PRIVATE "PRIVATE KEY"
#define LABEL_PUBLIC  "PUBLIC KEY"

void crypto_key_free(struct crypto_key *key)
{
	if (key == NULL)
		return;
	crypto_backend_unload(key);
	mem_wipe(key, sizeof(*key));
	mem_free(key);
}

int crypto_key_generate(struct crypto_key **ret, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = MEM_NEW(struct crypto_key);
	key->has_private = true;
	int r = crypto_backend_generate(key, err);
	if (r < 0)
		return r;
	*ret = TAKE(key);
	return 0;
}

static int refuse(struct err *err, const char *reason)
{
	return err_set(err, -EINVAL, "crypto.key_invalid", ARG_CSTR("reason", reason));
}

static bool is_p256_algorithm(struct str algorithm)
{
	struct cursor c = cursor_of(algorithm);
	return str_eq(crypto_der_take(&c, DER_OID), OID_EC_PUBLIC_KEY) &&
	       str_eq(crypto_der_take(&c, DER_OID), OID_P256) && cursor_at_end(&c);
}

/* ECPrivateKey: version 1, 32 bytes, optional curve, and the public point, which we ask for: CNG cannot compute it. */
static bool parse_ec_private(struct str der, struct crypto_key *key)
{
	struct str curve, point_wrap;
	struct cursor outer = cursor_of(der);
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	if (outer.failed || !cursor_at_end(&outer) || !str_eq(crypto_der_take(&c, DER_INTEGER), STR("\x01")))
		return false;
	struct str d = crypto_der_take(&c, DER_OCTET_STRING);
	if (d.n != CRYPTO_P256_SIZE)
		return false;
	(void)crypto_der_accept(&c, DER_CONTEXT_0, &curve);
	if (!crypto_der_accept(&c, DER_CONTEXT_0 + 1, &point_wrap) || !cursor_at_end(&c))
		return false;
	struct cursor pc = cursor_of(point_wrap);
	struct str point = crypto_der_take_bits(&pc);
	if (point.n != CRYPTO_POINT_SIZE || point.p[0] != 4 || !cursor_at_end(&pc))
		return false;
	memcpy(key->d, d.p, d.n);
	memcpy(key->point, point.p, point.n);
	key->has_private = true;
	return true;
}

static int key_from_pkcs8(struct str der, struct crypto_key **ret, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = MEM_NEW(struct crypto_key);
	struct cursor outer = cursor_of(der);
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	struct str version = crypto_der_take(&c, DER_INTEGER);
	struct str algorithm = crypto_der_take(&c, DER_SEQUENCE);
	struct str inner = crypto_der_take(&c, DER_OCTET_STRING);
	if (outer.failed || c.failed || !cursor_at_end(&outer) || version.n != 1)
		return refuse(err, "no PKCS#8");
	if (!is_p256_algorithm(algorithm))
		return refuse(err, "no P-256 key");
	if (!parse_ec_private(inner, key))
		return refuse(err, "no EC private key with its public point");
	int r = crypto_backend_load(key, err);
	if (r < 0)
		return r;
	*ret = TAKE(key);
	return 0;
}

int crypto_key_from_spki(struct str der, struct crypto_key **ret, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = MEM_NEW(struct crypto_key);
	struct cursor outer = cursor_of(der);
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	struct str algorithm = crypto_der_take(&c, DER_SEQUENCE);
	struct str point = crypto_der_take_bits(&c);
	if (outer.failed || c.failed || !cursor_at_end(&outer) || !cursor_at_end(&c))
		return refuse(err, "no SubjectPublicKeyInfo");
	if (!is_p256_algorithm(algorithm) || point.n != CRYPTO_POINT_SIZE || point.p[0] != 4)
		return refuse(err, "no P-256 key");
	memcpy(key->point, point.p, point.n);
	int r = crypto_backend_load(key, err);
	if (r < 0)
		return r;
	*ret = TAKE(key);
	return 0;
}

int crypto_key_from_pem(struct str pem, struct crypto_key **ret, struct err *err)
{
	cleanup_buf_secret struct buf der = BUF_INIT(CRYPTO_PEM_LIMIT);
	size_t at = 0;
	int r = crypto_pem_next(pem, LABEL_PRIVATE, &at, &der, err);
	if (r == 0)
		return key_from_pkcs8(buf_str(&der), ret, err);
	if (r != -ENOENT)
		return r;
	r = crypto_pem_decode(pem, LABEL_PUBLIC, &der, err);
	return r < 0 ? r : crypto_key_from_spki(buf_str(&der), ret, err);
}

static void put_algorithm(struct buf *out)
{
	char array[32];
	struct buf body = BUF_FIXED(array, sizeof(array));
	crypto_der_put(&body, DER_OID, OID_EC_PUBLIC_KEY);
	crypto_der_put(&body, DER_OID, OID_P256);
	crypto_der_put(out, DER_SEQUENCE, buf_str(&body));
}

static void put_bits(struct buf *out, struct str bytes)
{
	char array[160];
	struct buf body = BUF_FIXED(array, sizeof(array));
	buf_append_char(&body, 0);
	buf_append(&body, bytes);
	crypto_der_put(out, DER_BIT_STRING, buf_str(&body));
}

void crypto_spki_put(struct buf *out, const struct crypto_key *key)
{
	char array[128];
	struct buf body = BUF_FIXED(array, sizeof(array));
	put_algorithm(&body);
	put_bits(&body, str_n(key->point, sizeof(key->point)));
	crypto_der_put(out, DER_SEQUENCE, buf_str(&body));
}

int crypto_key_private_pem(const struct crypto_key *key, struct buf *out, struct err *err)
{
	cleanup_buf_secret struct buf ec = BUF_INIT(256), point = BUF_INIT(128), inner = BUF_INIT(256);
	cleanup_buf_secret struct buf body = BUF_INIT(512), der = BUF_INIT(512);
	if (!key->has_private)
		return refuse(err, "no private part");
	put_bits(&point, str_n(key->point, sizeof(key->point)));
	crypto_der_put(&ec, DER_INTEGER, STR("\x01"));
	crypto_der_put(&ec, DER_OCTET_STRING, str_n(key->d, sizeof(key->d)));
	crypto_der_put(&ec, DER_CONTEXT_0 + 1, buf_str(&point));
	crypto_der_put(&inner, DER_SEQUENCE, buf_str(&ec));
	crypto_der_put(&body, DER_INTEGER, str_n("", 1));
	put_algorithm(&body);
	crypto_der_put(&body, DER_OCTET_STRING, buf_str(&inner));
	crypto_der_put(&der, DER_SEQUENCE, buf_str(&body));
	crypto_pem_encode(out, LABEL_PRIVATE, buf_str(&der));
	return 0;
}

int crypto_key_raw(const struct crypto_key *key, unsigned char out[96], struct err *err)
{
	if (!key->has_private)
		return refuse(err, "no private part");
	memcpy(out, key->point + 1, sizeof key->point - 1);
	memcpy(out + sizeof key->point - 1, key->d, sizeof key->d);
	return 0;
}

int crypto_key_public_pem(const struct crypto_key *key, struct buf *out, struct err *err)
{
	cleanup_buf struct buf der = BUF_INIT(256);
	(void)err;
	crypto_spki_put(&der, key);
	crypto_pem_encode(out, LABEL_PUBLIC, buf_str(&der));
	return 0;
}

int crypto_sign_digest(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE], struct buf *ret_signature,
		       struct err *err)
{
	unsigned char rs[CRYPTO_RS_SIZE];
	if (!key->has_private)
		return refuse(err, "no private part");
	int r = crypto_backend_sign(key, digest, rs, err);
	if (r < 0)
		return r;
	crypto_signature_put(ret_signature, rs);
	return 0;
}

int crypto_sign(const struct crypto_key *key, struct str bytes, struct buf *ret_signature, struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	sha256(bytes, digest);
	return crypto_sign_digest(key, digest, ret_signature, err);
}

int crypto_verify(const struct crypto_key *key, struct str bytes, struct str signature, struct err *err)
{
	unsigned char digest[SHA256_SIZE], rs[CRYPTO_RS_SIZE];
	if (crypto_signature_parse(signature, rs)) {
		sha256(bytes, digest);
		if (crypto_backend_verify(key, digest, rs))
			return 0;
	}
	return err_set(err, -EBADMSG, "crypto.bad_signature");
}

/* CertificationRequestInfo: version 0, one RDN with the common name, key, no attributes. */
static void put_request_info(struct buf *out, const struct crypto_key *key, struct str common_name)
{
	cleanup_buf struct buf attribute = BUF_INIT(256), rdn = BUF_INIT(256), name = BUF_INIT(256),
			       body = BUF_INIT(1024);
	crypto_der_put(&attribute, DER_OID, OID_COMMON_NAME);
	crypto_der_put(&attribute, DER_UTF8_STRING, common_name);
	crypto_der_put(&rdn, DER_SEQUENCE, buf_str(&attribute));
	crypto_der_put(&name, DER_SET, buf_str(&rdn));
	crypto_der_put(&body, DER_INTEGER, str_n("", 1));
	crypto_der_put(&body, DER_SEQUENCE, buf_str(&name));
	crypto_spki_put(&body, key);
	crypto_der_put(&body, DER_CONTEXT_0, STR_EMPTY);
	crypto_der_put(out, DER_SEQUENCE, buf_str(&body));
}

int crypto_csr(const struct crypto_key *key, const char *common_name, struct buf *ret_pem, struct err *err)
{
	cleanup_buf struct buf body = BUF_INIT(2048), der = BUF_INIT(2048), signature = BUF_INIT(128),
			       oid = BUF_INIT(64);
	struct str name = str_c(common_name);
	/* ub-common-name of RFC 5280 is 64 characters. */
	if (name.n == 0 || name.n > 64)
		return err_set(err, -EINVAL, "crypto.common_name", ARG_STR("name", name));
	put_request_info(&body, key, name);
	int r = crypto_sign(key, buf_str(&body), &signature, err);
	if (r < 0)
		return r;
	crypto_der_put(&oid, DER_OID, OID_ECDSA_SHA256);
	crypto_der_put(&body, DER_SEQUENCE, buf_str(&oid));
	put_bits(&body, buf_str(&signature));
	crypto_der_put(&der, DER_SEQUENCE, buf_str(&body));
	crypto_pem_encode(ret_pem, "CERTIFICATE REQUEST", buf_str(&der));
	return 0;
}
