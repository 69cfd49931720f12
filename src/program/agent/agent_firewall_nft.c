/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The table as text for nft(8). Every value in it is a number or an address that was checked. */
#include "program/agent/agent_firewall.h"

/* "ip" or "ip6"; NULL: no address, and no rule is made of it. */
static const char *family(const char *address)
{
	bool v6;
	return !agent_firewall_is_address(address, &v6) ? NULL : v6 ? "ip6" : "ip";
}

static void write_inward(const struct agent_firewall_rules *rules, struct buf *out)
{
	buf_append_c(out, "\tchain inward {\n\t\ttype filter hook input priority -140; policy drop;\n\t\tiifname \"lo\" accept\n");
	for (size_t i = 0; i < rules->server_count; i++) {
		const struct agent_firewall_peer *p = &rules->servers[i];
		if (family(p->address) != NULL)
			buf_printf(out, "\t\t%s saddr %s tcp sport %u ct state established accept\n", family(p->address), p->address, p->port);
	}
	for (size_t i = 0; i < rules->resolver_count; i++) {
		const char *address = rules->resolvers[i], *f = family(address);
		if (f != NULL)
			buf_printf(out,
			           "\t\t%s saddr %s udp sport 53 ct state established accept\n"
			           "\t\t%s saddr %s tcp sport 53 ct state established accept\n",
			           f, address, f, address);
	}
	/* Path MTU and the like of what is open. */
	buf_append_c(out, "\t\tct state related meta l4proto { icmp, ipv6-icmp } accept\n"
	                  "\t\tudp sport 67 udp dport 68 accept\n"
	                  "\t\tip6 saddr fe80::/10 udp sport 547 udp dport 546 accept\n"
	                  "\t\tip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	                  "\t}\n");
}

static void write_outward(const struct agent_firewall_rules *rules, struct buf *out)
{
	buf_append_c(out, "\tchain outward {\n\t\ttype filter hook output priority -140; policy drop;\n\t\toifname \"lo\" accept\n");
	for (size_t i = 0; i < rules->server_count; i++) {
		const struct agent_firewall_peer *p = &rules->servers[i];
		if (family(p->address) != NULL)
			buf_printf(out, "\t\t%s daddr %s tcp dport %u accept\n", family(p->address), p->address, p->port);
	}
	for (size_t i = 0; i < rules->resolver_count; i++) {
		const char *address = rules->resolvers[i], *f = family(address);
		if (f != NULL)
			buf_printf(out, "\t\t%s daddr %s udp dport 53 accept\n\t\t%s daddr %s tcp dport 53 accept\n", f, address, f, address);
	}
	buf_append_c(out, "\t\tudp sport 68 udp dport 67 accept\n"
	                  "\t\tip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547 accept\n"
	                  "\t\tip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	                  "\t\ticmpv6 type mld2-listener-report accept\n"
	                  "\t}\n");
}

void agent_firewall_write(const struct agent_firewall_rules *rules, struct buf *out)
{
	/* Adding first makes the deletion good where nothing stood; all of it is one transaction. */
	buf_append_c(out, "add table inet luytre_isolation\ndelete table inet luytre_isolation\ntable inet luytre_isolation {\n");
	write_inward(rules, out);
	write_outward(rules, out);
	buf_append_c(out, "\tchain onward {\n\t\ttype filter hook forward priority -140; policy drop;\n\t}\n}\n");
}
