/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define V4_BITS 96

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct event_address *a)
{
	return memcmp(a->ip, mapped, sizeof(mapped)) == 0 && a->prefix >= V4_BITS;
}

struct event_address event_address_network(const struct event_address *a, unsigned prefix)
{
	struct event_address n = *a;
	n.prefix = (unsigned char)prefix;
	for (unsigned i = 0; i < sizeof(n.ip); i++) {
		unsigned keep = prefix > 8 * i ? prefix - 8 * i : 0;
		if (keep < 8)
			n.ip[i] = (unsigned char)(n.ip[i] & (0xff00u >> keep));
	}
	return n;
}

bool event_address_is_clean(const struct event_address *a)
{
	struct event_address n = event_address_network(a, a->prefix);
	return memcmp(n.ip, a->ip, sizeof(n.ip)) == 0;
}

int event_address_parse(struct str text, struct event_address *ret, struct err *err)
{
	struct event_address a = {.set = true};
	struct str rest = str_trim(text), host;
	char name[INET6_ADDRSTRLEN];
	uint64_t prefix;
	bool whole = str_find_char(rest, '/') == SIZE_MAX;
	bool ok = str_split(&rest, '/', &host) && host.n < sizeof(name);
	if (ok) {
		str_copy_c(host, name, sizeof(name));
		bool v4 = str_find_char(host, ':') == SIZE_MAX;
		if (v4)
			memcpy(a.ip, mapped, sizeof(mapped));
		ok = inet_pton(v4 ? AF_INET : AF_INET6, name, v4 ? a.ip + sizeof(mapped) : a.ip) == 1;
		unsigned most = v4 ? 32 : 128;
		ok = ok && (whole || str_parse_u64(rest, 0, most, &prefix));
		a.prefix = (unsigned char)((v4 ? V4_BITS : 0) + (whole || !ok ? most : (unsigned)prefix));
	}
	if (!ok || !event_address_is_clean(&a))
		return err_set(err, -EINVAL, "event.bad_address", ARG_STR("value", str_sub(text, 0, 100)));
	*ret = a;
	return 0;
}

const char *event_address_text(const struct event_address *a, char buf[EVENT_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";
	bool v4 = is_v4(a);
	if (!a->set || inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + sizeof(mapped) : a->ip, host, sizeof(host)) == NULL)
		host[0] = '\0';
	if (a->prefix == 128 || !a->set)
		(void)snprintf(buf, EVENT_ADDRESS_TEXT, "%s", host);
	else
		(void)snprintf(buf, EVENT_ADDRESS_TEXT, "%s/%u", host, (unsigned)a->prefix - (v4 ? V4_BITS : 0));
	return buf;
}

struct event_address event_address_of_peer(const struct sockaddr *peer)
{
	struct event_address a = {.prefix = 128, .set = true};
	if (peer->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, peer, sizeof(in));
		memcpy(a.ip, &in.sin6_addr, sizeof(a.ip));
		return a;
	}
	if (peer->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, peer, sizeof(in));
		memcpy(a.ip, mapped, sizeof(mapped));
		memcpy(a.ip + sizeof(mapped), &in.sin_addr, 4);
		return a;
	}
	return (struct event_address){0};
}
