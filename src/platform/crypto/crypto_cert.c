/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Certificates read and checked by hand: the same code on Linux and Windows, and only the profile that we issue
 * (RFC 5280, one level below the CA, ecdsa-with-SHA256). */
#include "base/mem/mem.h"
#include "platform/crypto/crypto_internal.h"

#define LABEL_CERT   "CERTIFICATE"
#define CA_COUNT_MAX 8

struct cert {
	struct str whole, tbs, serial, issuer, subject, spki, signature;
	usec_t not_before, not_after;
	bool is_ca, may_sign_certs, unknown_critical;
	bool for_server, for_client;
};

static int invalid(struct err *err, const char *reason)
{
	return err_set(err, -EINVAL, "crypto.cert_invalid", ARG_CSTR("reason", reason));
}

static bool is_ecdsa_sha256(struct str algorithm)
{
	struct cursor c = cursor_of(algorithm);
	return str_eq(crypto_der_take(&c, DER_OID), OID_ECDSA_SHA256) && cursor_at_end(&c);
}

static unsigned two_digits(struct cursor *c)
{
	struct str s = cursor_take(c, 2);
	uint64_t v = 0;
	if (!str_parse_u64(s, 0, 99, &v))
		c->failed = true;
	return (unsigned)v;
}

/* RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime after, both with seconds and "Z". */
static bool take_time(struct cursor *c, usec_t *ret)
{
	unsigned tag = 0;
	struct str body;
	struct clock_date d = {0};
	if (!crypto_der_next(c, &tag, &body, NULL) || (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME))
		return false;
	struct cursor t = cursor_of(body);
	unsigned century = tag == DER_GENERALIZED_TIME ? two_digits(&t) : 0;
	unsigned year = two_digits(&t);
	if (tag == DER_UTC_TIME)
		century = year < 50 ? 20 : 19;
	d.year = (int)(century * 100 + year);
	d.month = two_digits(&t);
	d.day = two_digits(&t);
	d.hour = two_digits(&t);
	d.minute = two_digits(&t);
	d.second = two_digits(&t);
	return cursor_expect(&t, 'Z') && !t.failed && cursor_at_end(&t) && clock_from_civil(&d, 0, ret);
}

static bool parse_basic_constraints(struct str value, struct cert *cert)
{
	struct str flag, path;
	struct cursor outer = cursor_of(value);
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	if (crypto_der_accept(&c, DER_BOOLEAN, &flag))
		cert->is_ca = str_eq(flag, STR("\xff"));
	(void)crypto_der_accept(&c, DER_INTEGER, &path);
	return !outer.failed && !c.failed && cursor_at_end(&c);
}

static bool parse_key_usage(struct str value, struct cert *cert)
{
	struct cursor c = cursor_of(value);
	struct str bits = crypto_der_take(&c, DER_BIT_STRING);
	/* keyCertSign is bit 5, counted from the most significant. */
	cert->may_sign_certs = bits.n >= 2 && (bits.p[1] & 0x04) != 0;
	return !c.failed && bits.n >= 2;
}

static bool parse_ext_key_usage(struct str value, struct cert *cert)
{
	struct cursor outer = cursor_of(value);
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	cert->for_server = cert->for_client = false;
	while (!outer.failed && !c.failed && !cursor_at_end(&c)) {
		struct str oid = crypto_der_take(&c, DER_OID);
		cert->for_server |= str_eq(oid, OID_SERVER_AUTH);
		cert->for_client |= str_eq(oid, OID_CLIENT_AUTH);
	}
	return !outer.failed && !c.failed;
}

static bool parse_extension(struct cursor *list, struct cert *cert)
{
	struct str critical = STR_EMPTY;
	struct cursor c = cursor_of(crypto_der_take(list, DER_SEQUENCE));
	struct str oid = crypto_der_take(&c, DER_OID);
	(void)crypto_der_accept(&c, DER_BOOLEAN, &critical);
	struct str value = crypto_der_take(&c, DER_OCTET_STRING);
	if (list->failed || c.failed || !cursor_at_end(&c))
		return false;
	if (str_eq(oid, OID_BASIC_CONSTRAINTS))
		return parse_basic_constraints(value, cert);
	if (str_eq(oid, OID_KEY_USAGE))
		return parse_key_usage(value, cert);
	if (str_eq(oid, OID_EXT_KEY_USAGE))
		return parse_ext_key_usage(value, cert);
	/* Names are the TLS library's to compare; anything else critical we do not understand. */
	if (critical.n > 0 && !str_eq(oid, OID_ALT_NAME))
		cert->unknown_critical = true;
	return true;
}

static bool parse_extensions(struct str wrapped, struct cert *cert)
{
	struct cursor outer = cursor_of(wrapped);
	struct cursor list = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	if (outer.failed || !cursor_at_end(&outer))
		return false;
	while (!cursor_at_end(&list))
		if (!parse_extension(&list, cert))
			return false;
	return true;
}

/* TBSCertificate, version 3 (RFC 5280, 4.1). The inner algorithm must be the outer one. */
static bool parse_tbs(struct str tbs, struct cert *cert)
{
	struct str version, skipped, extensions;
	struct cursor outer = cursor_of(tbs);
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	if (!crypto_der_accept(&c, DER_CONTEXT_0, &version))
		return false;
	cert->serial = crypto_der_take(&c, DER_INTEGER);
	if (!is_ecdsa_sha256(crypto_der_take(&c, DER_SEQUENCE)))
		return false;
	cert->issuer = crypto_der_take_whole(&c, DER_SEQUENCE);
	struct cursor validity = cursor_of(crypto_der_take(&c, DER_SEQUENCE));
	if (!take_time(&validity, &cert->not_before) || !take_time(&validity, &cert->not_after) ||
	    !cursor_at_end(&validity))
		return false;
	cert->subject = crypto_der_take_whole(&c, DER_SEQUENCE);
	cert->spki = crypto_der_take_whole(&c, DER_SEQUENCE);
	(void)crypto_der_accept(&c, 0x81, &skipped); /* issuerUniqueID, subjectUniqueID */
	(void)crypto_der_accept(&c, 0x82, &skipped);
	if (crypto_der_accept(&c, DER_CONTEXT_0 + 3, &extensions) && !parse_extensions(extensions, cert))
		return false;
	return !c.failed && cursor_at_end(&c) && cert->serial.n >= 1 && cert->serial.n <= 21;
}

static int parse_cert(struct str der, struct cert *cert, struct err *err)
{
	struct cursor outer = cursor_of(der);
	*cert = (struct cert){.whole = der, .may_sign_certs = true, .for_server = true, .for_client = true};
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	if (outer.failed || !cursor_at_end(&outer))
		return invalid(err, "no DER certificate");
	cert->tbs = crypto_der_take_whole(&c, DER_SEQUENCE);
	if (!is_ecdsa_sha256(crypto_der_take(&c, DER_SEQUENCE)))
		return invalid(err, "signature is not ECDSA with SHA-256");
	cert->signature = crypto_der_take_bits(&c);
	if (c.failed || !cursor_at_end(&c) || !parse_tbs(cert->tbs, cert))
		return invalid(err, "no certificate of version 3");
	return 0;
}

/* The DER itself, or that of the first PEM block, which is kept in `keep`. */
static int cert_der(struct str cert, struct buf *keep, struct str *ret, struct err *err)
{
	if (cert.n > CRYPTO_PEM_LIMIT)
		return err_set(err, -E2BIG, "crypto.pem_too_big", ARG_U64("limit", CRYPTO_PEM_LIMIT));
	if (cert.n > 0 && cert.p[0] == 0x30) {
		*ret = cert;
		return 0;
	}
	int r = crypto_pem_decode(cert, LABEL_CERT, keep, err);
	if (r == 0)
		*ret = buf_str(keep);
	return r;
}

/* The last common name of a Name: SEQUENCE OF SET OF SEQUENCE { OID, string }. */
static struct str common_name(struct str name)
{
	struct str found = STR_EMPTY;
	struct cursor outer = cursor_of(name);
	struct cursor rdns = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	while (!rdns.failed && !cursor_at_end(&rdns)) {
		unsigned tag = 0;
		struct str text;
		struct cursor set = cursor_of(crypto_der_take(&rdns, DER_SET));
		struct cursor pair = cursor_of(crypto_der_take(&set, DER_SEQUENCE));
		struct str oid = crypto_der_take(&pair, DER_OID);
		if (crypto_der_next(&pair, &tag, &text, NULL) && str_eq(oid, OID_COMMON_NAME) &&
		    (tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING))
			found = text;
	}
	return found;
}

int crypto_cert_info(struct str cert, struct crypto_cert_info *ret, struct err *err)
{
	cleanup_buf struct buf keep = BUF_INIT(CRYPTO_PEM_LIMIT);
	struct str der;
	struct cert parsed;
	unsigned char digest[SHA256_SIZE];
	int r = cert_der(cert, &keep, &der, err);
	if (r == 0)
		r = parse_cert(der, &parsed, err);
	if (r != 0)
		return r;
	*ret = (struct crypto_cert_info){
	    .not_before = parsed.not_before,
	    .not_after = parsed.not_after,
	    .is_ca = parsed.is_ca,
	    .for_server = parsed.for_server,
	    .for_client = parsed.for_client,
	};
	str_copy_c(common_name(parsed.subject), ret->common_name, sizeof(ret->common_name));
	struct str serial = parsed.serial;
	if (serial.n > 1 && serial.p[0] == 0)
		serial = str_sub(serial, 1, serial.n);
	struct buf hex = BUF_FIXED(ret->serial_hex, sizeof(ret->serial_hex));
	buf_append_hex(&hex, serial.p, serial.n);
	sha256(der, digest);
	(void)sha256_hex(digest, ret->sha256_hex);
	return 0;
}

int crypto_cert_key(struct str cert, struct crypto_key **ret, struct err *err)
{
	cleanup_buf struct buf keep = BUF_INIT(CRYPTO_PEM_LIMIT);
	struct str der;
	struct cert parsed;
	int r = cert_der(cert, &keep, &der, err);
	if (r == 0)
		r = parse_cert(der, &parsed, err);
	return r != 0 ? r : crypto_key_from_spki(parsed.spki, ret, err);
}

static bool valid_at(const struct cert *cert, usec_t at)
{
	return cert->not_before <= at && at <= cert->not_after;
}

/* 0: issued by this CA; -EBADMSG otherwise, the reason in err. */
static int check_issued(const struct cert *cert, const struct cert *ca, usec_t at, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	if (!ca->is_ca || !ca->may_sign_certs || !str_eq(cert->issuer, ca->subject) ||
	    crypto_key_from_spki(ca->spki, &key, NULL) < 0 || crypto_verify(key, cert->tbs, cert->signature, NULL) < 0)
		return err_set(err, -EBADMSG, "crypto.cert_issuer");
	if (cert->unknown_critical || ca->unknown_critical)
		return err_set(err, -EBADMSG, "crypto.cert_critical");
	if (!valid_at(cert, at) || !valid_at(ca, at)) {
		const struct cert *which = valid_at(cert, at) ? ca : cert;
		char from[CLOCK_ISO_SIZE], to[CLOCK_ISO_SIZE];
		return err_set(err, -EBADMSG, "crypto.cert_time", ARG_CSTR("from", clock_iso(which->not_before, from)),
			       ARG_CSTR("to", clock_iso(which->not_after, to)));
	}
	return 0;
}

int crypto_cert_verify(struct str cert, struct str ca_pem, usec_t at, struct err *err)
{
	cleanup_buf struct buf keep = BUF_INIT(CRYPTO_PEM_LIMIT), ca_der = BUF_INIT(CRYPTO_PEM_LIMIT);
	struct str der;
	struct cert parsed, ca;
	size_t place = 0;
	int r = cert_der(cert, &keep, &der, err);
	if (r == 0)
		r = parse_cert(der, &parsed, err);
	if (r != 0)
		return r;
	int answer = crypto_pem_next(ca_pem, LABEL_CERT, &place, &ca_der, err);
	for (unsigned i = 0; answer == 0 && i < CA_COUNT_MAX; i++) {
		r = parse_cert(buf_str(&ca_der), &ca, err);
		if (r == 0)
			r = check_issued(&parsed, &ca, at, err);
		if (r == 0 || r == -EINVAL)
			return r;
		buf_clear(&ca_der);
		answer = crypto_pem_next(ca_pem, LABEL_CERT, &place, &ca_der, NULL);
		if (answer < 0)
			return r;
	}
	return answer < 0 ? answer : r;
}
