/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Values in the one form in which they are compared. */
#include <arpa/inet.h>

#include <utf8proc.h>

#include "base/text/text.h"
#include "engine/indicator/indicator_internal.h"

static const char *const type_names[INDICATOR_TYPE__COUNT] = {
	[INDICATOR_MD5] = "md5", [INDICATOR_SHA1] = "sha1", [INDICATOR_SHA256] = "sha256", [INDICATOR_DOMAIN] = "domain",
	[INDICATOR_URL] = "url", [INDICATOR_IP] = "ip", [INDICATOR_FILE_NAME] = "file_name",
};

const char *indicator_type_name(enum indicator_type type)
{
	return type_names[type];
}

bool indicator_type_parse(struct str name, enum indicator_type *ret)
{
	for (int i = 0; i < INDICATOR_TYPE__COUNT; i++)
		if (str_eq_c(name, type_names[i])) {
			*ret = (enum indicator_type)i;
			return true;
		}
	return false;
}

static bool put_hash(struct str value, size_t bytes, struct buf *out)
{
	unsigned char digest[32];
	if (value.n != 2 * bytes || !str_parse_hex(value, digest, bytes))
		return false;
	buf_append(out, str_n(digest, bytes));
	return true;
}

static void put_lower(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++)
		buf_append_char(out, s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i]);
}

/* Most values are ASCII; the rest is folded as people read it. */
static void put_folded(struct str s, struct buf *out)
{
	bool ascii = true;
	for (size_t i = 0; i < s.n && ascii; i++)
		ascii = (unsigned char)s.p[i] < 0x80;
	for (size_t at = 0; !ascii && at < s.n;) {
		int32_t code = text_utf8_next(s, &at);
		text_append_code(out, code > 0 ? utf8proc_tolower(code) : 0xfffd);
	}
	if (ascii)
		put_lower(s, out);
}

static bool put_domain(struct str s, struct buf *out)
{
	s = str_trim(s);
	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0 || s.n > 253 || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '/' || s.p[i] == ':')
			return false;
	put_folded(s, out);
	return true;
}

void indicator_mask(unsigned char address[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > 8 * i ? bits - 8 * i : 0;
		if (keep < 8)
			address[i] = (unsigned char)(address[i] & (0xff00u >> keep));
	}
}

static bool put_address(struct str value, struct buf *out, unsigned *ret_prefix)
{
	char text[64];
	unsigned char a[16] = {[10] = 0xff, [11] = 0xff};
	uint64_t bits = 0;
	size_t slash = str_find_char(value, '/');
	struct str host = str_sub(value, 0, slash);
	if (host.n == 0 || host.n >= sizeof text || str_find_char(host, '\0') != SIZE_MAX)
		return false;
	str_copy_c(host, text, sizeof text);
	bool four = inet_pton(AF_INET, text, a + 12) == 1;
	if (!four && inet_pton(AF_INET6, text, a) != 1)
		return false;
	bits = four ? 32 : 128;
	if (slash != SIZE_MAX && !str_parse_u64(str_sub(value, slash + 1, value.n), 0, bits, &bits))
		return false;
	*ret_prefix = (unsigned)bits + (four ? 96 : 0);
	indicator_mask(a, *ret_prefix);
	buf_append(out, str_n(a, sizeof a));
	return true;
}

static bool put_file_name(struct str s, struct buf *out)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '/' || s.p[i - 1] == '\\') {
			s = str_sub(s, i, s.n);
			break;
		}
	if (s.n == 0 || s.n > 255)
		return false;
	put_folded(s, out);
	return true;
}

/* ---- URLs ---- */

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_path(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c;
		if (s.p[i] != '%' || !str_parse_hex(str_sub(s, i + 1, i + 3), &c, 1)) {
			buf_append_char(out, s.p[i]);
			continue;
		}
		if (is_unreserved(c))
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", (unsigned)c);
		i += 2;
	}
}

static size_t first_of(struct str s, const char *set)
{
	size_t at = 0;
	while (at < s.n && strchr(set, s.p[at]) == NULL)
		at++;
	return at;
}

static bool put_url(struct str url, struct buf *out)
{
	url = str_trim(url);
	size_t colon = str_find(url, STR("://"));
	if (colon == SIZE_MAX || colon == 0 || colon > 20 || str_find_char(url, '\0') != SIZE_MAX)
		return false;
	struct str rest = str_sub(url, colon + 3, url.n);
	size_t end = first_of(rest, "/?#");
	struct str host = str_sub(rest, 0, end), path = str_sub(rest, end, rest.n);
	for (size_t at; (at = str_find_char(host, '@')) != SIZE_MAX;)
		host = str_sub(host, at + 1, host.n);
	size_t from = out->n;
	put_lower(str_sub(url, 0, colon), out);
	bool http = str_eq_c(str_sub(buf_str(out), from, out->n), "http"), https = str_eq_c(str_sub(buf_str(out), from, out->n), "https");
	buf_append_c(out, "://");
	if (host.n > 1 && host.p[host.n - 1] == ':')
		host.n--;
	if (http && str_ends_with(host, STR(":80")))
		host.n -= 3;
	if (https && str_ends_with(host, STR(":443")))
		host.n -= 4;
	if (host.n == 0)
		return false;
	put_folded(host, out);
	path = str_sub(path, 0, first_of(path, "#"));
	if (path.n == 0 || path.p[0] != '/')
		buf_append_char(out, '/');
	put_path(path, out);
	return true;
}

bool indicator_normalise(enum indicator_type type, struct str value, struct buf *out, unsigned *ret_prefix)
{
	bool good = false;
	*ret_prefix = 0;
	if (value.n == 0 || value.n > INDICATOR_VALUE_MAX)
		return false;
	switch (type) {
	case INDICATOR_MD5:
		good = put_hash(value, 16, out);
		break;
	case INDICATOR_SHA1:
		good = put_hash(value, 20, out);
		break;
	case INDICATOR_SHA256:
		good = put_hash(value, 32, out);
		break;
	case INDICATOR_DOMAIN:
		good = put_domain(value, out);
		break;
	case INDICATOR_URL:
		good = put_url(value, out);
		break;
	case INDICATOR_IP:
		good = put_address(value, out, ret_prefix);
		break;
	case INDICATOR_FILE_NAME:
		good = put_file_name(value, out);
		break;
	case INDICATOR_TYPE__COUNT:
		break;
	}
	return good && !out->overflow;
}

bool indicator_line_parse(struct str line, struct indicator_line *ret)
{
	struct str type, value = STR_EMPTY, expiry = STR_EMPTY, source = STR_EMPTY, confidence = STR_EMPTY;
	char text[INDICATOR_VALUE_MAX + 64];
	struct buf out = BUF_FIXED(text, sizeof text);
	unsigned prefix;
	uint64_t sure = 50;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0 || line.p[0] == '#' || !str_split(&line, '\t', &type) || !indicator_type_parse(type, &ret->type))
		return false;
	(void)str_split(&line, '\t', &value);
	(void)str_split(&line, '\t', &expiry);
	(void)str_split(&line, '\t', &source);
	(void)str_split(&line, '\t', &confidence);
	ret->value = str_trim(value);
	ret->source = str_trim(source);
	ret->expires = 0;
	if (expiry.n > 0 && clock_parse_iso(str_trim(expiry), &ret->expires, NULL) < 0)
		return false;
	if (confidence.n > 0 && !str_parse_u64(str_trim(confidence), 0, 100, &sure))
		return false;
	ret->confidence = (unsigned)sure;
	return indicator_normalise(ret->type, ret->value, &out, &prefix);
}
