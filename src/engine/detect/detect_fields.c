/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/detect/detect_fields.h"

#include <stdlib.h>

#define ENTITY_BYTES 200

/* Where shippers keep a sender's own fields. */
static const struct str homes[] = {
	{"winlog.event_data.", sizeof "winlog.event_data." - 1},
	{"event_data.", sizeof "event_data." - 1},
	{"Event.EventData.", sizeof "Event.EventData." - 1},
	{"Event.System.", sizeof "Event.System." - 1},
	{"winlog.", sizeof "winlog." - 1},
};

static struct str bare(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(homes); i++)
		if (str_starts_with(name, homes[i]))
			return str_sub(name, homes[i].n, name.n);
	return name;
}

static bool says_something(struct str v)
{
	return v.n > 0 && !str_eq_c(v, "-") && !str_eq_c(v, "N/A");
}

/* The best named of `names` (the first is best), under any home. */
static struct str best(const struct event *e, const char *const *names, size_t count)
{
	struct str found = STR_EMPTY;
	size_t rank = count;
	for (size_t i = 0; i < e->count && rank > 0; i++) {
		struct str name = bare(e->fields[i].name);
		for (size_t n = 0; n < rank; n++)
			if (str_eq_c(name, names[n]) && says_something(e->fields[i].value)) {
				found = e->fields[i].value;
				rank = n;
			}
	}
	return found;
}

struct str detect_host_of(const struct event *e)
{
	static const char *const names[] = {"host.name", "host.hostname", "Computer", "computer_name", "Hostname", "ComputerName",
	                                    "hostname", "observer.name"};
	return str_sub(best(e, names, ARRAY_LEN(names)), 0, ENTITY_BYTES);
}

struct str detect_entity_of(struct arena *arena, const struct event *e)
{
	static const char *const users[] = {"user.name", "User", "TargetUserName", "SubjectUserName", "userIdentity.arn",
	                                    "userIdentity.userName", "UserId", "user"};
	static const char *const addresses[] = {"source.ip", "SourceIp", "IpAddress", "sourceIPAddress", "ClientIP", "id.orig_h",
	                                        "id_orig_h", "src_ip"};
	char text[ENTITY_BYTES];
	struct str value = best(e, users, ARRAY_LEN(users));
	const char *kind = "user.name";
	if (value.n == 0) {
		value = best(e, addresses, ARRAY_LEN(addresses));
		kind = "source.ip";
	}
	if (value.n == 0)
		return STR_EMPTY;
	/* str_copy_c never cuts a character in two. */
	str_copy_c(value, text, sizeof text - 16);
	return arena_printf(arena, "%s=%s", kind, text);
}

/* ---- values that indicators may be ---- */

struct value_field {
	const char *name;
	enum indicator_type type;
	bool list; /* "MD5=…,SHA256=…" */
};

/* In byte order of names. */
static const struct value_field value_fields[] = {
	{"ClientIP", INDICATOR_IP, false},
	{"DestinationHostname", INDICATOR_DOMAIN, false},
	{"DestinationIp", INDICATOR_IP, false},
	{"Hashes", INDICATOR_SHA256, true},
	{"Image", INDICATOR_FILE_NAME, false},
	{"ImageLoaded", INDICATOR_FILE_NAME, false},
	{"IpAddress", INDICATOR_IP, false},
	{"NewProcessName", INDICATOR_FILE_NAME, false},
	{"QueryName", INDICATOR_DOMAIN, false},
	{"SourceIp", INDICATOR_IP, false},
	{"TargetFilename", INDICATOR_FILE_NAME, false},
	{"client.ip", INDICATOR_IP, false},
	{"dest_ip", INDICATOR_IP, false},
	{"destination.domain", INDICATOR_DOMAIN, false},
	{"destination.ip", INDICATOR_IP, false},
	{"dll.hash.md5", INDICATOR_MD5, false},
	{"dll.hash.sha1", INDICATOR_SHA1, false},
	{"dll.hash.sha256", INDICATOR_SHA256, false},
	{"dns.question.name", INDICATOR_DOMAIN, false},
	{"dns.rrname", INDICATOR_DOMAIN, false},
	{"file.hash.md5", INDICATOR_MD5, false},
	{"file.hash.sha1", INDICATOR_SHA1, false},
	{"file.hash.sha256", INDICATOR_SHA256, false},
	{"file.name", INDICATOR_FILE_NAME, false},
	{"file.path", INDICATOR_FILE_NAME, false},
	{"fileinfo.md5", INDICATOR_MD5, false},
	{"fileinfo.sha1", INDICATOR_SHA1, false},
	{"fileinfo.sha256", INDICATOR_SHA256, false},
	{"http.hostname", INDICATOR_DOMAIN, false},
	{"id.orig_h", INDICATOR_IP, false},
	{"id.resp_h", INDICATOR_IP, false},
	{"id_orig_h", INDICATOR_IP, false},
	{"id_resp_h", INDICATOR_IP, false},
	{"md5", INDICATOR_MD5, false},
	{"process.executable", INDICATOR_FILE_NAME, false},
	{"process.hash.md5", INDICATOR_MD5, false},
	{"process.hash.sha1", INDICATOR_SHA1, false},
	{"process.hash.sha256", INDICATOR_SHA256, false},
	{"process.name", INDICATOR_FILE_NAME, false},
	{"query", INDICATOR_DOMAIN, false},
	{"server.ip", INDICATOR_IP, false},
	{"server_name", INDICATOR_DOMAIN, false},
	{"sha1", INDICATOR_SHA1, false},
	{"sha256", INDICATOR_SHA256, false},
	{"source.ip", INDICATOR_IP, false},
	{"sourceIPAddress", INDICATOR_IP, false},
	{"src_ip", INDICATOR_IP, false},
	{"tls.sni", INDICATOR_DOMAIN, false},
	{"url.domain", INDICATOR_DOMAIN, false},
	{"url.full", INDICATOR_URL, false},
	{"url.original", INDICATOR_URL, false},
};

static int compare_name(const void *key, const void *row)
{
	return str_cmp(*(const struct str *)key, str_c(((const struct value_field *)row)->name));
}

static void each_hash(struct str field, struct str list, detect_value_fn fn, void *ctx)
{
	static const struct {
		const char *name;
		enum indicator_type type;
	} kinds[] = {{"MD5", INDICATOR_MD5}, {"SHA1", INDICATOR_SHA1}, {"SHA256", INDICATOR_SHA256}};
	for (struct str part; str_split(&list, ',', &part);) {
		size_t equals = str_find_char(part, '=');
		struct str name = str_trim(str_sub(part, 0, equals));
		for (size_t i = 0; equals != SIZE_MAX && i < ARRAY_LEN(kinds); i++)
			if (str_eq_nocase(name, str_c(kinds[i].name)))
				fn(ctx, kinds[i].type, field, str_trim(str_sub(part, equals + 1, part.n)));
	}
}

/* The host of a URL is a domain or an address too. */
static void host_of_url(struct str field, struct str url, detect_value_fn fn, void *ctx)
{
	size_t scheme = str_find(url, STR("://"));
	if (scheme == SIZE_MAX)
		return;
	struct str host = str_sub(url, scheme + 3, url.n);
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] == '/' || host.p[i] == '?' || host.p[i] == '#')
			host.n = i;
	size_t at = str_find_char(host, '@');
	if (at != SIZE_MAX)
		host = str_sub(host, at + 1, host.n);
	if (host.n > 0 && host.p[0] == '[')
		host = str_sub(host, 1, str_find_char(host, ']'));
	else
		host = str_sub(host, 0, str_find_char(host, ':'));
	fn(ctx, INDICATOR_DOMAIN, field, host);
	fn(ctx, INDICATOR_IP, field, host);
}

void detect_each_value(const struct event *e, detect_value_fn fn, void *ctx)
{
	for (size_t i = 0; i < e->count; i++) {
		const struct event_field *f = &e->fields[i];
		struct str name = bare(f->name);
		if (f->type != EVENT_TYPE_STR || f->value.n < 3)
			continue;
		const struct value_field *row =
			bsearch(&name, value_fields, ARRAY_LEN(value_fields), sizeof *value_fields, compare_name);
		if (row == NULL)
			continue;
		if (row->list)
			each_hash(f->name, f->value, fn, ctx);
		else
			fn(ctx, row->type, f->name, f->value);
		if (row->type == INDICATOR_URL)
			host_of_url(f->name, f->value, fn, ctx);
	}
}
