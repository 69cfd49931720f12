/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_parse.h"

#include "base/cursor/cursor.h"
#include "base/text/text.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes into the arena. `plus`: "+" is a blank (queries). False: bad escape, control byte or not UTF-8. */
static bool percent_decode(struct arena *arena, struct str in, bool plus, struct str *ret)
{
	char *out = arena_try(arena, in.n + 1, 1);
	if (out == NULL)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == '%') {
			if (in.n - i < 3)
				return false;
			int high = hex_value(in.p[i + 1]), low = hex_value(in.p[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		out[n++] = c;
	}
	out[n] = '\0';
	*ret = str_n(out, n);
	return text_is_utf8(*ret);
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* An escape that would become a separator: "%2f", "%5c". */
static bool has_encoded_separator(struct str raw)
{
	for (size_t i = 0; i + 2 < raw.n; i++) {
		if (raw.p[i] != '%')
			continue;
		int value = hex_value(raw.p[i + 1]) * 16 + hex_value(raw.p[i + 2]);
		if (value == '/' || value == '\\')
			return true;
	}
	return false;
}

static bool has_dot_segment(struct str path)
{
	struct str rest = path, part;
	while (str_split(&rest, '/', &part))
		if (str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return true;
	return false;
}

static bool parse_query(struct arena *arena, struct str query, struct http_pairs *ret)
{
	ret->items = ARENA_ARRAY(arena, HTTP_QUERY_MAX, struct http_pair);
	ret->count = 0;
	if (ret->items == NULL)
		return false;
	struct str rest = query, part;
	while (str_split(&rest, '&', &part)) {
		if (part.n == 0)
			continue;
		if (ret->count == HTTP_QUERY_MAX)
			return false;
		struct http_pair *pair = &ret->items[ret->count];
		size_t eq = str_find_char(part, '=');
		struct str name = eq == SIZE_MAX ? part : str_sub(part, 0, eq);
		struct str value = eq == SIZE_MAX ? STR("") : str_sub(part, eq + 1, part.n);
		if (!percent_decode(arena, name, true, &pair->name) || !percent_decode(arena, value, true, &pair->value))
			return false;
		ret->count++;
	}
	return true;
}

int http_parse_target(struct arena *arena, struct str target, struct str *ret_path, struct http_pairs *ret_query,
                      struct err *err)
{
	size_t mark = str_find_char(target, '?');
	struct str raw = mark == SIZE_MAX ? target : str_sub(target, 0, mark);
	*ret_query = (struct http_pairs){0};
	struct str path = STR_EMPTY;
	if (raw.n == 0 || raw.p[0] != '/' || has_encoded_separator(raw) || !percent_decode(arena, raw, false, &path) ||
	    has_control(path) || str_find_char(path, '\\') != SIZE_MAX || has_dot_segment(path))
		return err_set(err, -EINVAL, "http.bad_path");
	if (mark != SIZE_MAX && !parse_query(arena, str_sub(target, mark + 1, target.n), ret_query))
		return err_set(err, -EINVAL, "http.bad_query");
	*ret_path = path;
	return 0;
}

static bool is_cookie_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == ',')
			return false;
	return s.n > 0;
}

void http_parse_cookies(struct arena *arena, struct str header, struct http_pairs *pairs)
{
	if (pairs->items == NULL)
		pairs->items = ARENA_ARRAY(arena, HTTP_COOKIES_MAX, struct http_pair);
	if (pairs->items == NULL)
		return;
	struct str rest = header, part;
	while (pairs->count < HTTP_COOKIES_MAX && str_split(&rest, ';', &part)) {
		size_t eq = str_find_char(part, '=');
		if (eq == SIZE_MAX)
			continue;
		struct str name = str_trim(str_sub(part, 0, eq)), value = str_trim(str_sub(part, eq + 1, part.n));
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = str_sub(value, 1, value.n - 1);
		if (!is_cookie_name(name) || has_control(value))
			continue;
		pairs->items[pairs->count++] = (struct http_pair){name, value};
	}
}

/* Fills req->params on the way; true when the whole path matches. */
static bool path_matches(struct str pattern, struct http_request *req)
{
	struct str want_rest = pattern, have_rest = req->path, want, have;
	unsigned params = 0;
	for (unsigned i = 0; i < HTTP_PATH_PARAMS; i++)
		req->params[i].name = req->params[i].value = STR_EMPTY;
	while (str_split(&want_rest, '/', &want)) {
		struct str before = have_rest;
		bool is_param = want.n > 2 && want.p[0] == '{' && params < HTTP_PATH_PARAMS;
		if (is_param && want.p[want.n - 2] == '*') {
			req->params[params].name = str_sub(want, 1, want.n - 2);
			req->params[params].value = before.p != NULL ? before : STR("");
			return before.p != NULL;
		}
		if (!str_split(&have_rest, '/', &have))
			return false;
		if (is_param) {
			if (have.n == 0)
				return false;
			req->params[params].name = str_sub(want, 1, want.n - 1);
			req->params[params++].value = have;
		} else if (!str_eq(want, have)) {
			return false;
		}
	}
	return have_rest.p == NULL;
}

static bool method_matches(const char *route, const char *method)
{
	struct str have = str_c(method);
	return str_eq_c(have, route) || (str_eq(have, STR("HEAD")) && str_eq_c(STR("GET"), route));
}

const struct http_route *http_route_find(const struct http_route *routes, struct http_request *req, int *ret_status,
                                         struct buf *allow)
{
	*ret_status = 404;
	for (const struct http_route *r = routes; r != NULL && r->method != NULL; r++) {
		if (!path_matches(str_c(r->path), req))
			continue;
		if (method_matches(r->method, req->method))
			return r;
		/* A catch-all (static files) does not turn an unknown method elsewhere into 405 of its own list. */
		*ret_status = 405;
		if (str_find(buf_str(allow), str_c(r->method)) == SIZE_MAX) {
			buf_append_c(allow, allow->n > 0 ? ", " : "");
			buf_append_c(allow, r->method);
			if (str_eq_c(STR("GET"), r->method))
				buf_append_c(allow, ", HEAD");
		}
	}
	for (unsigned i = 0; i < HTTP_PATH_PARAMS; i++)
		req->params[i].name = req->params[i].value = STR_EMPTY;
	return NULL;
}

static struct str find_pair(const struct http_pairs *pairs, struct str name, bool nocase)
{
	for (size_t i = 0; i < pairs->count; i++) {
		const struct http_pair *pair = &pairs->items[i];
		if (nocase ? str_eq_nocase(pair->name, name) : str_eq(pair->name, name))
			return pair->value;
	}
	return STR_EMPTY;
}

static const struct http_fields *fields_of(const struct http_request *req)
{
	static const struct http_fields none;
	return req->connection != NULL ? req->connection : &none;
}

struct str http_header(const struct http_request *req, const char *name)
{
	return find_pair(&fields_of(req)->headers, str_c(name), true);
}

struct str http_query(const struct http_request *req, const char *name)
{
	return find_pair(&fields_of(req)->query, str_c(name), false);
}

size_t http_query_all(const struct http_request *req, const char *name, struct str *ret, size_t max)
{
	const struct http_pairs *query = &fields_of(req)->query;
	size_t n = 0;
	for (size_t i = 0; i < query->count && n < max; i++)
		if (str_eq_c(query->items[i].name, name))
			ret[n++] = query->items[i].value;
	return n;
}

bool http_query_at(const struct http_request *req, size_t i, struct str *ret_name, struct str *ret_value)
{
	const struct http_pairs *query = &fields_of(req)->query;
	if (i >= query->count)
		return false;
	*ret_name = query->items[i].name;
	*ret_value = query->items[i].value;
	return true;
}

struct str http_cookie(const struct http_request *req, const char *name)
{
	return find_pair(&fields_of(req)->cookies, str_c(name), false);
}

struct str http_param(const struct http_request *req, const char *name)
{
	for (unsigned i = 0; i < HTTP_PATH_PARAMS; i++)
		if (req->params[i].name.n > 0 && str_eq_c(req->params[i].name, name))
			return req->params[i].value;
	return STR_EMPTY;
}

int http_request_replay(struct arena *arena, const struct http_route *routes, const struct http_replay *what,
                        struct http_request *ret, struct err *err)
{
	struct http_fields *fields = ARENA_NEW(arena, struct http_fields);
	struct http_pair *headers = ARENA_ARRAY(arena, 2, struct http_pair);
	char allow_text[256];
	struct buf allow = BUF_FIXED(allow_text, sizeof allow_text);
	int status = 0;
	size_t n = 0;
	*ret = (struct http_request){.arena = arena, .method = what->method, .body = what->body, .peer = what->peer,
	                             .connection = fields};
	headers[n++] = (struct http_pair){STR("Content-Type"), STR("application/json")};
	if (what->if_match.n > 0)
		headers[n++] = (struct http_pair){STR("If-Match"), what->if_match};
	fields->headers = (struct http_pairs){headers, n};
	int r = http_parse_target(arena, what->target, &ret->path, &fields->query, err);
	if (r < 0)
		return r;
	ret->route = http_route_find(routes, ret, &status, &allow);
	return ret->route != NULL ? 0 : err_set(err, -ENOENT, "http.no_route");
}
