/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From the server's URL to addresses and ports. */
#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#endif

#include "program/agent/agent_firewall.h"

bool agent_firewall_is_address(const char *text, bool *ret_v6)
{
	unsigned char bytes[16];
	*ret_v6 = inet_pton(AF_INET6, text, bytes) == 1;
	return *ret_v6 || inet_pton(AF_INET, text, bytes) == 1;
}

static bool split_url(const char *url, char host[256], char port[8])
{
	static const struct str scheme = {"https://", 8};
	struct str rest = str_c(url);
	if (!str_starts_with(rest, scheme))
		return false;
	rest = str_sub(rest, scheme.n, rest.n);
	size_t end = str_find_char(rest, '/');
	rest = end == SIZE_MAX ? rest : str_sub(rest, 0, end);
	bool bracket = rest.n > 0 && rest.p[0] == '[';
	size_t close = bracket ? str_find_char(rest, ']') : str_find_char(rest, ':');
	size_t host_end = close == SIZE_MAX ? rest.n : close, from = bracket ? 1 : 0;
	struct str name = str_sub(rest, from, host_end), number = STR("443");
	struct str after = str_sub(rest, host_end + (bracket ? 1 : 0), rest.n);
	if (after.n > 1 && after.p[0] == ':')
		number = str_sub(after, 1, after.n);
	uint64_t value;
	if (name.n == 0 || name.n > 255 || !str_parse_u64(number, 1, UINT16_MAX, &value))
		return false;
	str_copy_c(name, host, 256);
	str_copy_c(number, port, 8);
	return true;
}

static void add_peer(struct agent_firewall_rules *rules, const struct sockaddr *address, socklen_t size, uint16_t port)
{
	char text[NI_MAXHOST];
	bool v6;
	if (getnameinfo(address, size, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
		return;
	/* A zone is no part of an address in a rule. */
	size_t zone = str_find_char(str_c(text), '%');
	if (zone != SIZE_MAX)
		text[zone] = '\0';
	if (!agent_firewall_is_address(text, &v6))
		return;
	for (size_t i = 0; i < rules->server_count; i++)
		if (strcmp(rules->servers[i].address, text) == 0 && rules->servers[i].port == port)
			return;
	if (rules->server_count == AGENT_FIREWALL_SERVERS)
		return;
	struct agent_firewall_peer *p = &rules->servers[rules->server_count++];
	str_copy_c(str_c(text), p->address, sizeof p->address);
	p->port = port;
}

int agent_firewall_add_server(struct agent_firewall_rules *rules, const char *url, struct err *err)
{
	char host[256], port[8];
	uint64_t number = 0;
	bool v6;
	if (!split_url(url, host, port) || !str_parse_u64(str_c(port), 1, UINT16_MAX, &number))
		return err_set(err, -EINVAL, "agent.isolation_address", ARG_CSTR("url", url));
#ifdef _WIN32
	WSADATA data;
	(void)WSAStartup(MAKEWORD(2, 2), &data); /* counted: again and again is fine */
#endif
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
	if (getaddrinfo(host, port, &hints, &found) != 0 || found == NULL)
		return err_set(err, -EAGAIN, "agent.isolation_unresolved", ARG_CSTR("host", host));
	for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
		add_peer(rules, a->ai_addr, (socklen_t)a->ai_addrlen, (uint16_t)number);
	freeaddrinfo(found);
	if (!agent_firewall_is_address(host, &v6) && rules->resolver_count == 0)
		agent_firewall_add_resolvers(rules);
	return rules->server_count > 0 ? 0 : err_set(err, -EAGAIN, "agent.isolation_unresolved", ARG_CSTR("host", host));
}
