/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <arpa/inet.h>

#include "engine/event_query/event_query_internal.h"

bool event_query_is_number(struct str s)
{
	size_t i = s.n > 0 && s.p[0] == '-', digits = 0, points = 0;
	for (; i < s.n; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else if (s.p[i] == '.' && digits > 0)
			points++;
		else
			return false;
	}
	return digits > 0 && digits <= 30 && points <= 1 && s.p[s.n - 1] != '.';
}

/* The address as 16 bytes; *bits: those before an IPv4 address. */
static bool read_address(struct str s, unsigned char ret[16], unsigned *bits)
{
	char text[64];
	if (s.n == 0 || s.n >= sizeof text)
		return false;
	str_copy_c(s, text, sizeof text);
	*bits = 0;
	if (inet_pton(AF_INET6, text, ret) == 1)
		return true;
	(void)memset(ret, 0, 10);
	ret[10] = ret[11] = 0xff;
	*bits = 96;
	return inet_pton(AF_INET, text, ret + 12) == 1;
}

bool event_query_network(struct str s, struct event_query_network *ret)
{
	unsigned char first[16], last[16];
	unsigned before;
	uint64_t prefix;
	size_t slash = str_find_char(s, '/');
	if (slash == SIZE_MAX || !read_address(str_sub(s, 0, slash), first, &before) ||
	    !str_parse_u64(str_sub(s, slash + 1, s.n), 0, 128 - before, &prefix))
		return false;
	(void)memcpy(last, first, sizeof last);
	for (unsigned bit = before + (unsigned)prefix; bit < 128; bit++) {
		unsigned char mask = (unsigned char)(0x80u >> (bit % 8));
		first[bit / 8] &= (unsigned char)~mask;
		last[bit / 8] |= mask;
	}
	return inet_ntop(AF_INET6, first, ret->first, sizeof ret->first) != NULL &&
	       inet_ntop(AF_INET6, last, ret->last, sizeof ret->last) != NULL;
}

/* Fields of ECS that have no column, and are near to one that has. */
static const char *const others[] = {
	"host.id", "host.hostname", "host.mac", "host.os.name", "process.ppid", "process.args", "process.title", "process.parent.name",
	"process.parent.pid", "user.id", "user.email", "user.roles", "user.target.name", "event.type", "event.end", "event.start",
	"event.module", "event.reason", "event.created", "event.original", "event.parsed", "event.risk_score", "source.mac", "source.nat.ip",
	"destination.mac", "destination.nat.ip", "network.type", "network.protocol", "network.direction", "file.size", "file.type",
	"file.extension", "file.hash.md5", "file.hash.sha1", "url.path", "url.query", "url.domain", "url.original", "dns.question.type",
	"rule.id", "rule.category", "registry.value", "registry.key", "log.level", "service.name", "agent.name", "threat.technique.id",
};

const char *event_query_nearest(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_eq_nocase(name, str_c(others[i])))
			return NULL;
	const char *names[128];
	size_t count = 0;
	const struct event_query_field *f;
	/* Names of senders' own making have no dot; two letters of difference would fit too many of them. */
	if (str_find_char(name, '.') == SIZE_MAX && name.n < 6)
		return NULL;
	for (; count < ARRAY_LEN(names) - 1 && (f = event_query_field_at(count)) != NULL; count++)
		names[count] = f->name;
	names[count] = NULL;
	char lower[64];
	if (name.n >= sizeof lower)
		return NULL;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	return str_closest(str_n(lower, name.n), names);
}
