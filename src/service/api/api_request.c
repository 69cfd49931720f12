/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "base/text/text.h"
#include "service/api/api.h"

static int bad(const char *name, const char *expected, struct err *err)
{
	return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", name), ARG_CSTR("expected", expected));
}

int api_param_uuid(const struct api_request *req, const char *name, struct uuid *ret, struct err *err)
{
	return uuid_parse(http_param(req->http, name), ret) ? 0 : err_set(err, -ENOENT, "api.not_found");
}

int api_query_uuid(const struct api_request *req, const char *name, struct uuid *ret, struct err *err)
{
	struct str s = http_query(req->http, name);
	if (s.n == 0)
		return 0;
	return uuid_parse(s, ret) ? 1 : bad(name, "uuid", err);
}

int api_query_time(const struct api_request *req, const char *name, usec_t *ret, struct err *err)
{
	struct str s = http_query(req->http, name);
	if (s.n == 0)
		return 0;
	return clock_parse_iso(s, ret, NULL) == 0 ? 1 : bad(name, "RFC 3339", err);
}

int api_query_int(const struct api_request *req, const char *name, int64_t min, int64_t max, int64_t *ret,
                  struct err *err)
{
	struct str s = http_query(req->http, name);
	if (s.n == 0)
		return 0;
	if (str_parse_i64(s, min, max, ret))
		return 1;
	char expected[64];
	(void)snprintf(expected, sizeof expected, "%lld…%lld", (long long)min, (long long)max);
	return bad(name, expected, err);
}

static int enum_index(struct str s, const char *name, const char *const *names, int *ret, struct err *err)
{
	char expected[128];
	struct buf list = BUF_FIXED(expected, sizeof expected);
	for (int i = 0; names[i] != NULL; i++) {
		if (str_eq_c(s, names[i])) {
			*ret = i;
			return 1;
		}
		buf_printf(&list, "%s%s", i > 0 ? "|" : "", names[i]);
	}
	return bad(name, expected, err);
}

int api_query_enum(const struct api_request *req, const char *name, const char *const *names, int *ret,
                   struct err *err)
{
	struct str s = http_query(req->http, name);
	return s.n == 0 ? 0 : enum_index(s, name, names, ret, err);
}

int api_query_enums(const struct api_request *req, const char *name, const char *const *names, uint32_t *ret,
                    struct err *err)
{
	struct str given[32];
	size_t count = http_query_all(req->http, name, given, ARRAY_LEN(given));
	uint32_t set = 0;
	for (size_t g = 0; g < count; g++) {
		int i = 0, r = given[g].n == 0 ? 0 : enum_index(given[g], name, names, &i, err);
		if (r < 0)
			return r;
		if (r > 0)
			set |= (uint32_t)1 << i;
	}
	*ret = set;
	return set != 0;
}

int api_typed_text(const struct api_request *req, struct str *s, struct err *err)
{
	struct str trimmed = str_trim(*s);
	/* NFC may be longer than what came: at most three times in UTF-8 (UAX #15, table "expansion factors"). */
	struct buf out = BUF_INIT(3 * trimmed.n + 16);
	int r = text_nfc(trimmed, &out, err);
	if (r >= 0)
		*s = arena_str(req->arena, buf_str(&out));
	buf_done(&out);
	return r;
}
