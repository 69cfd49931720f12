/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The certificates that signed a PE file (Microsoft, "Windows Authenticode Portable Executable Signature Format"; RFC 2315,
 * RFC 5280), as libyara shows them through OpenSSL. Nothing is verified here: rules ask who signed, not whether it holds.
 * The same code everywhere, as Windows agents carry no OpenSSL.
 */
#include "base/cursor/cursor.h"
#include "engine/signature/signature_module_internal.h"

#define WIN_CERTIFICATE_SIZE 8
#define REVISION_1           0x0100
#define REVISION_2           0x0200
#define TYPE_PKCS7           2
#define NESTING_MAX          4
#define SERIAL_MAX           20

enum {
	TAG_INTEGER = 0x02,
	TAG_OID = 0x06,
	TAG_GENERAL_STRING = 0x1b,
	TAG_UTC_TIME = 0x17,
	TAG_GENERALIZED_TIME = 0x18,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31,
	TAG_CONTEXT_0 = 0xa0,
	TAG_CONTEXT_1 = 0xa1,
};

struct element {
	unsigned tag;
	struct str body, whole;
};

/* The next element of X.690 with a definite length; false at the end and when it is broken. */
static bool next(struct cursor *c, struct element *ret)
{
	const size_t start = c->at;

	if (c->failed || cursor_at_end(c))
		return false;
	ret->tag = cursor_u8(c);
	size_t n = cursor_u8(c);
	if ((ret->tag & 0x1f) == 0x1f || n == 0x80 || n > 0x84) {
		c->failed = true;
		return false;
	}
	if (n > 0x80) {
		const size_t bytes = n & 0x7f;
		n = 0;
		for (size_t i = 0; i < bytes; i++)
			n = n << 8 | cursor_u8(c);
	}
	ret->body = cursor_take(c, n);
	ret->whole = str_sub(c->s, start, c->at);
	return !c->failed;
}

static bool take(struct cursor *c, unsigned tag, struct element *ret)
{
	if (next(c, ret) && ret->tag == tag)
		return true;
	c->failed = true;
	return false;
}

/* Skips an element that may be there. */
static bool accept(struct cursor *c, unsigned tag, struct element *ret)
{
	if (c->failed || cursor_peek(c) != (int)tag)
		return false;
	return next(c, ret);
}

struct known_oid {
	const char *der; /* the body, in hexadecimal */
	const char *name;
};

static const char *known_name(const struct known_oid *table, size_t n, struct str oid)
{
	unsigned char bytes[16];

	for (size_t i = 0; i < n; i++) {
		const struct str hex = str_c(table[i].der);
		if (hex.n == 2 * oid.n && oid.n <= sizeof(bytes) && str_parse_hex(hex, bytes, oid.n) &&
		    str_eq(str_n(bytes, oid.n), oid))
			return table[i].name;
	}
	return NULL;
}

/* OpenSSL's short names of what stands in names. */
static const struct known_oid attributes[] = {
	{"550403", "CN"},
	{"550404", "SN"},
	{"550405", "serialNumber"},
	{"550406", "C"},
	{"550407", "L"},
	{"550408", "ST"},
	{"550409", "street"},
	{"55040a", "O"},
	{"55040b", "OU"},
	{"55040c", "title"},
	{"55040d", "description"},
	{"55040f", "businessCategory"},
	{"550410", "postalAddress"},
	{"550411", "postalCode"},
	{"550412", "postOfficeBox"},
	{"550414", "telephoneNumber"},
	{"550429", "name"},
	{"55042a", "GN"},
	{"55042b", "initials"},
	{"55042c", "generationQualifier"},
	{"55042d", "x500UniqueIdentifier"},
	{"55042e", "dnQualifier"},
	{"550441", "pseudonym"},
	{"550461", "organizationIdentifier"},
	{"2a864886f70d010901", "emailAddress"},
	{"2a864886f70d010902", "unstructuredName"},
	{"0992268993f22c640101", "UID"},
	{"0992268993f22c640119", "DC"},
	{"2b0601040182373c020101", "jurisdictionL"},
	{"2b0601040182373c020102", "jurisdictionST"},
	{"2b0601040182373c020103", "jurisdictionC"},
};

/* OpenSSL's long names of signature algorithms. */
static const struct known_oid algorithms[] = {
	{"2a864886f70d010101", "rsaEncryption"},
	{"2a864886f70d010102", "md2WithRSAEncryption"},
	{"2a864886f70d010104", "md5WithRSAEncryption"},
	{"2a864886f70d010105", "sha1WithRSAEncryption"},
	{"2a864886f70d01010a", "rsassaPss"},
	{"2a864886f70d01010b", "sha256WithRSAEncryption"},
	{"2a864886f70d01010c", "sha384WithRSAEncryption"},
	{"2a864886f70d01010d", "sha512WithRSAEncryption"},
	{"2a864886f70d01010e", "sha224WithRSAEncryption"},
	{"2b0e03021d", "sha1WithRSA"},
	{"2b0e030203", "md5WithRSA"},
	{"2b0e03021b", "dsaWithSHA1-old"},
	{"2a8648ce380403", "dsaWithSHA1"},
	{"608648016503040302", "dsa_with_SHA256"},
	{"2a8648ce3d0401", "ecdsa-with-SHA1"},
	{"2a8648ce3d040302", "ecdsa-with-SHA256"},
	{"2a8648ce3d040303", "ecdsa-with-SHA384"},
	{"2a8648ce3d040304", "ecdsa-with-SHA512"},
	{"2b6570", "ED25519"},
};

static void dotted(struct str oid, struct buf *out)
{
	uint64_t arc = 0;
	bool first = true;

	for (size_t i = 0; i < oid.n; i++) {
		arc = arc << 7 | ((uint8_t)oid.p[i] & 0x7f);
		if ((uint8_t)oid.p[i] & 0x80)
			continue;
		if (first) {
			const uint64_t top = arc < 40 ? 0 : arc < 80 ? 1 : 2;
			buf_printf(out, "%u.%llu", (unsigned)top, (unsigned long long)(arc - 40 * top));
		} else {
			buf_printf(out, ".%llu", (unsigned long long)arc);
		}
		first = false;
		arc = 0;
	}
}

/* General strings of four bytes a character are shown by their last byte. */
static void name_value(const struct element *value, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	bool last_only = value->tag == TAG_GENERAL_STRING && value->body.n % 4 == 0;

	for (size_t i = 0; last_only && i < value->body.n; i++)
		last_only = i % 4 == 3 || value->body.p[i] == 0;
	for (size_t i = 0; i < value->body.n; i++) {
		const unsigned char c = (unsigned char)value->body.p[i];
		if (last_only && i % 4 != 3)
			continue;
		if (c >= ' ' && c <= '~') {
			buf_append_char(out, (char)c);
			continue;
		}
		buf_append_c(out, "\\x");
		buf_append_char(out, digits[c >> 4]);
		buf_append_char(out, digits[c & 15]);
	}
}

/* "/C=VN/O=…", whole parts only, as many as the 256 bytes hold. */
static bool one_line(struct str name, char text[PE_NAME_TEXT])
{
	struct cursor parts = cursor_of(name);
	struct element set, pair, oid, value;
	struct buf out = buf_fixed(text, PE_NAME_TEXT);

	text[0] = '\0';
	while (take(&parts, TAG_SET, &set)) {
		struct cursor pairs = cursor_of(set.body);
		while (take(&pairs, TAG_SEQUENCE, &pair)) {
			struct cursor c = cursor_of(pair.body);
			char part_text[4 * PE_NAME_TEXT];
			struct buf part = buf_fixed(part_text, sizeof(part_text));
			if (!take(&c, TAG_OID, &oid) || !next(&c, &value))
				return false;
			buf_append_char(&part, '/');
			const char *known = known_name(attributes, sizeof(attributes) / sizeof(attributes[0]), oid.body);
			if (known != NULL)
				buf_append_c(&part, known);
			else
				dotted(oid.body, &part);
			buf_append_char(&part, '=');
			name_value(&value, &part);
			if (part.overflow || out.n + part.n > PE_NAME_TEXT - 1)
				return true;
			buf_append(&out, buf_str(&part));
		}
	}
	return cursor_at_end(&parts);
}

static int64_t two_digits(struct cursor *c)
{
	const int64_t tens = cursor_u8(c) - '0', ones = cursor_u8(c) - '0';

	return tens * 10 + ones;
}

/* Days since 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	const int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
	const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool time_value(struct cursor *c, int64_t *ret)
{
	struct element e;
	int64_t year = 0;

	if (!next(c, &e) || (e.tag != TAG_UTC_TIME && e.tag != TAG_GENERALIZED_TIME))
		return false;
	struct cursor t = cursor_of(e.body);
	year = two_digits(&t);
	if (e.tag == TAG_GENERALIZED_TIME)
		year = year * 100 + two_digits(&t);
	else
		year += year < 70 ? 2000 : 1900;
	const int64_t month = two_digits(&t), day = two_digits(&t), hour = two_digits(&t), minute = two_digits(&t);
	const int64_t second = two_digits(&t);
	*ret = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
	return true;
}

struct x509 {
	struct str whole, serial, issuer, subject, algorithm;
	int64_t version, not_before, not_after;
};

static bool x509_parse(struct str whole, struct x509 *ret)
{
	struct cursor outer = cursor_of(whole);
	struct element certificate, tbs, e, algorithm, oid;

	*ret = (struct x509){.whole = whole, .version = 1};
	if (!take(&outer, TAG_SEQUENCE, &certificate))
		return false;
	struct cursor c = cursor_of(certificate.body);
	if (!take(&c, TAG_SEQUENCE, &tbs) || !take(&c, TAG_SEQUENCE, &algorithm))
		return false;
	struct cursor a = cursor_of(algorithm.body);
	if (!take(&a, TAG_OID, &oid))
		return false;
	ret->algorithm = oid.body;
	struct cursor t = cursor_of(tbs.body);
	if (accept(&t, TAG_CONTEXT_0, &e)) {
		struct cursor v = cursor_of(e.body);
		if (!take(&v, TAG_INTEGER, &e) || e.body.n != 1)
			return false;
		ret->version = (uint8_t)e.body.p[0] + 1;
	}
	if (!take(&t, TAG_INTEGER, &e))
		return false;
	ret->serial = e.body;
	if (!take(&t, TAG_SEQUENCE, &e) || !take(&t, TAG_SEQUENCE, &e))
		return false;
	ret->issuer = e.body;
	if (!take(&t, TAG_SEQUENCE, &e))
		return false;
	struct cursor validity = cursor_of(e.body);
	if (!time_value(&validity, &ret->not_before) || !time_value(&validity, &ret->not_after) ||
	    !take(&t, TAG_SEQUENCE, &e))
		return false;
	ret->subject = e.body;
	return true;
}

static void serial_text(struct str serial, char *text, size_t size)
{
	struct buf out = buf_fixed(text, size);

	text[0] = '\0';
	if (serial.n == 0 || serial.n > SERIAL_MAX)
		return;
	for (size_t i = 0; i < serial.n; i++)
		buf_printf(&out, i > 0 ? ":%02x" : "%02x", (uint8_t)serial.p[i]);
}

static void keep(struct signature_pe *pe, const struct x509 *x)
{
	struct pe_certificate *c = &pe->certificates[pe->certificate_count++];
	struct buf oid = buf_fixed(c->algorithm_oid, sizeof(c->algorithm_oid));
	uint8_t thumbprint[SIGNATURE_DIGEST_MAX];

	(void)signature_digest_of(SIGNATURE_DIGEST_SHA1, x->whole, thumbprint);
	memcpy(c->thumbprint, thumbprint, sizeof(c->thumbprint));
	c->version = x->version;
	c->not_before = x->not_before;
	c->not_after = x->not_after;
	(void)one_line(x->issuer, c->issuer);
	(void)one_line(x->subject, c->subject);
	serial_text(x->serial, c->serial, sizeof(c->serial));
	c->algorithm = known_name(algorithms, sizeof(algorithms) / sizeof(algorithms[0]), x->algorithm);
	c->algorithm_oid[0] = '\0';
	if (c->algorithm != NULL)
		dotted(x->algorithm, &oid);
	else
		c->algorithm = "undefined";
}

/* The certificate that a signer names by issuer and serial number. */
static bool find_signer(struct str certificates, struct str signer, struct x509 *ret)
{
	struct cursor s = cursor_of(signer), all = cursor_of(certificates);
	struct element version, names, issuer, serial, e;

	if (!take(&s, TAG_INTEGER, &version) || !take(&s, TAG_SEQUENCE, &names))
		return false;
	struct cursor n = cursor_of(names.body);
	if (!take(&n, TAG_SEQUENCE, &issuer) || !take(&n, TAG_INTEGER, &serial))
		return false;
	while (next(&all, &e))
		if (x509_parse(e.whole, ret) && str_eq(ret->issuer, issuer.body) && str_eq(ret->serial, serial.body))
			return true;
	return false;
}

/* Authenticode's second signatures stand in an unsigned attribute of the first signer. */
static bool nested_values(struct str signer, struct str *ret)
{
	struct cursor s = cursor_of(signer);
	struct element e, attribute, oid, values;

	if (!take(&s, TAG_INTEGER, &e) || !take(&s, TAG_SEQUENCE, &e) || !take(&s, TAG_SEQUENCE, &e))
		return false;
	(void)accept(&s, TAG_CONTEXT_0, &e);
	if (!take(&s, TAG_SEQUENCE, &e) || !next(&s, &e) || !accept(&s, TAG_CONTEXT_1, &e))
		return false;
	struct cursor attrs = cursor_of(e.body);
	while (take(&attrs, TAG_SEQUENCE, &attribute)) {
		struct cursor a = cursor_of(attribute.body);
		if (!take(&a, TAG_OID, &oid) || !take(&a, TAG_SET, &values))
			return false;
		if (str_eq(oid.body, STR("\x2b\x06\x01\x04\x01\x82\x37\x02\x04\x01"))) {
			*ret = values.body;
			return true;
		}
	}
	return false;
}

struct signed_data {
	struct str certificates, signers;
};

static bool signed_data_parse(struct str content, struct signed_data *ret)
{
	struct cursor c = cursor_of(content);
	struct element oid, wrapper, data, e;

	*ret = (struct signed_data){.certificates = STR_EMPTY};
	if (!take(&c, TAG_OID, &oid) || !str_eq(oid.body, STR("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")) ||
	    !take(&c, TAG_CONTEXT_0, &wrapper))
		return false;
	struct cursor w = cursor_of(wrapper.body);
	if (!take(&w, TAG_SEQUENCE, &data))
		return false;
	struct cursor d = cursor_of(data.body);
	if (!take(&d, TAG_INTEGER, &e) || !take(&d, TAG_SET, &e) || !take(&d, TAG_SEQUENCE, &e))
		return false;
	if (accept(&d, TAG_CONTEXT_0, &e))
		ret->certificates = e.body;
	(void)accept(&d, TAG_CONTEXT_1, &e);
	if (!take(&d, TAG_SET, &e))
		return false;
	ret->signers = e.body;
	return true;
}

static void pkcs7(struct signature_pe *pe, struct str content, unsigned depth)
{
	struct signed_data data;
	struct element signer, value;
	struct x509 x;
	struct str nested;
	unsigned count = 0;

	if (depth > NESTING_MAX || pe->certificate_count >= PE_SIGNATURES_MAX || !signed_data_parse(content, &data))
		return;
	/* All signers have their certificate, or none counts. */
	struct cursor c = cursor_of(data.signers);
	for (; take(&c, TAG_SEQUENCE, &signer); count++)
		if (!find_signer(data.certificates, signer.body, &x))
			return;
	if (count == 0)
		return;
	c = cursor_of(data.signers);
	while (take(&c, TAG_SEQUENCE, &signer) && pe->certificate_count < PE_SIGNATURES_MAX)
		if (find_signer(data.certificates, signer.body, &x))
			keep(pe, &x);
	c = cursor_of(data.signers);
	if (!take(&c, TAG_SEQUENCE, &signer) || !nested_values(signer.body, &nested))
		return;
	c = cursor_of(nested);
	for (unsigned i = 0; i < PE_SIGNATURES_MAX && take(&c, TAG_SEQUENCE, &value); i++)
		pkcs7(pe, value.body, depth + 1);
}

/* The directory's entry is a file offset, not an address. */
static bool security_directory(const struct signature_module_state *s, uint64_t *ret_at, uint64_t *ret_end)
{
	uint32_t at = 0, size = 0;

	if (!signature_pe_directory(s, PE_DIRECTORY_SECURITY, &at, &size) || at == 0 || at > s->len || size > s->len ||
	    (uint32_t)(at + size) > s->len)
		return false;
	*ret_at = at;
	*ret_end = (uint64_t)at + size;
	return true;
}

static void collect(struct signature_module_state *s)
{
	struct signature_pe *pe = &s->pe;
	uint64_t at = 0, end = 0;

	pe->has_certificates = true;
	pe->certificate_count = 0;
	if (!security_directory(s, &at, &end))
		return;
	while (signature_fits(s, at, WIN_CERTIFICATE_SIZE) && at + WIN_CERTIFICATE_SIZE < end) {
		const uint64_t length = signature_u32(s, at);
		const uint16_t revision = signature_u16(s, at + 4), type = signature_u16(s, at + 6);
		if (length <= WIN_CERTIFICATE_SIZE || !signature_fits(s, at, length) || at + length > end ||
		    (revision != REVISION_1 && revision != REVISION_2))
			break;
		if (revision == REVISION_2 && type == TYPE_PKCS7) {
			struct cursor c = cursor_of(str_n(s->data + at + 8, length - 8));
			struct element e;
			while (pe->certificate_count < PE_SIGNATURES_MAX && take(&c, TAG_SEQUENCE, &e))
				pkcs7(pe, e.body, 0);
		}
		at = (at + length + 7) & ~(uint64_t)7;
	}
}

static const struct pe_certificate *certificate_at(struct signature_module_state *s, const struct signature_key *keys,
						   unsigned key_count)
{
	if (!s->pe.has_certificates)
		collect(s);
	if (key_count != 1 || keys[0].index < 0 || keys[0].index >= s->pe.certificate_count)
		return NULL;
	return &s->pe.certificates[keys[0].index];
}

void signature_pe_certificate_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
				    unsigned key_count, struct signature_value *ret)
{
	const struct pe_certificate *c = certificate_at(s, keys, key_count);
	uint32_t at = 0, size = 0;

	if (id == PE_NUMBER_OF_SIGNATURES || id == PE_SIGNATURES) {
		if (id == PE_SIGNATURES || signature_pe_directory(s, PE_DIRECTORY_SECURITY, &at, &size))
			signature_value_integer(ret, s->pe.certificate_count);
		return;
	}
	if (c == NULL)
		return;
	switch (id) {
	case PE_SIGNATURE_THUMBPRINT:
		signature_value_hex(s, ret, c->thumbprint, sizeof(c->thumbprint));
		break;
	case PE_SIGNATURE_ISSUER:
		signature_value_text(ret, str_c(c->issuer));
		break;
	case PE_SIGNATURE_SUBJECT:
		signature_value_text(ret, str_c(c->subject));
		break;
	case PE_SIGNATURE_VERSION:
		signature_value_integer(ret, c->version);
		break;
	case PE_SIGNATURE_ALGORITHM:
		signature_value_text(ret, str_c(c->algorithm));
		break;
	case PE_SIGNATURE_ALGORITHM_OID:
		signature_value_text(ret, str_c(c->algorithm_oid));
		break;
	case PE_SIGNATURE_SERIAL:
		if (c->serial[0] != '\0')
			signature_value_text(ret, str_c(c->serial));
		break;
	case PE_SIGNATURE_NOT_BEFORE:
		signature_value_integer(ret, c->not_before);
		break;
	case PE_SIGNATURE_NOT_AFTER:
		signature_value_integer(ret, c->not_after);
		break;
	}
}

void signature_pe_certificate_valid_on(struct signature_module_state *s, const struct signature_key *keys,
				       unsigned key_count, int64_t at, struct signature_value *ret)
{
	const struct pe_certificate *c = certificate_at(s, keys, key_count);

	if (c != NULL)
		signature_value_integer(ret, at >= c->not_before && at <= c->not_after);
}
