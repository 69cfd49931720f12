/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Windows Filtering Platform: a provider, a sublayer of the highest weight and filters of our own, all persistent, so that they
 * stand before anybody signs in. A veto (FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT) that no other filter can lift blocks
 * everything at the layers where connections are authorised; what stays open weighs more. Connections that stand are
 * judged anew when filters change.
 * Sources: Microsoft, "Management Filtering Layer Identifiers", "Filtering Conditions"; mingw's headers lack these names.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <fwpmu.h>
#include <iphlpapi.h>
#include <stdio.h>

#include "base/mem/mem.h"
#include "program/agent/agent_firewall.h"

#define PERSISTENT 0x1 /* FWPM_PROVIDER_FLAG_, FWPM_SUBLAYER_FLAG_, FWPM_FILTER_FLAG_PERSISTENT */
#define VETO 0x8       /* FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT */
#define FILTERS_MAX 200
#define WEIGHT_BLOCK 0
#define WEIGHT_OPEN 15
#define CONDITIONS_MAX 4

static GUID provider_key = {0x6c757974, 0x7265, 0x4001, {0x8a, 0x10, 0x69, 0x73, 0x6f, 0x6c, 0x00, 0x01}};
static const GUID sublayer_key = {0x6c757974, 0x7265, 0x4002, {0x8a, 0x10, 0x69, 0x73, 0x6f, 0x6c, 0x00, 0x02}};

static const GUID connect_layers[] = {{0xc38d57d1, 0x05a7, 0x4c33, {0x90, 0x4f, 0x7f, 0xbc, 0xee, 0xe6, 0x0e, 0x82}},
                                      {0x4a72393b, 0x319f, 0x44bc, {0x84, 0xc3, 0xba, 0x54, 0xdc, 0xb3, 0xb6, 0xb4}}};
static const GUID accept_layers[] = {{0xe1cd9fe7, 0xf4b5, 0x4273, {0x96, 0xc0, 0x59, 0x2e, 0x48, 0x7b, 0x86, 0x50}},
                                     {0xa3b42c97, 0x9f04, 0x4672, {0xb8, 0x7e, 0xce, 0xe9, 0xc4, 0x83, 0x25, 0x7f}}};
static const GUID forward_layers[] = {{0xa82acc24, 0x4ee1, 0x4ee1, {0xb4, 0x65, 0xfd, 0x1d, 0x25, 0xcb, 0x10, 0xa4}},
                                      {0x7b964818, 0x19c7, 0x493a, {0xb7, 0x1f, 0x83, 0x2c, 0x36, 0x84, 0xd2, 0x8c}}};
static const GUID remote_address = {0xb235ae9a, 0x1d64, 0x49b8, {0xa4, 0x4c, 0x5f, 0xf3, 0xd9, 0x09, 0x50, 0x45}};
static const GUID remote_port = {0xc35a604d, 0xd22b, 0x4e1a, {0x91, 0xb4, 0x68, 0xf6, 0x74, 0xee, 0x67, 0x4b}};
static const GUID local_port = {0x0c1ba1af, 0x5765, 0x453f, {0xaf, 0x22, 0xa8, 0xf7, 0x91, 0xac, 0x77, 0x5b}}; /* also the ICMP type */
static const GUID protocol = {0x3971ef2b, 0x623e, 0x4f9a, {0x8c, 0xb1, 0x6e, 0x79, 0xb8, 0x06, 0xb9, 0xa7}};
static const GUID flags = {0x632ce23b, 0x5167, 0x435c, {0x86, 0xd7, 0xe9, 0x03, 0x68, 0x4a, 0xa8, 0x0c}};

static unsigned applied; /* filters that stand; only the isolation's thread and lock come here */

static GUID filter_key(unsigned number)
{
	return (GUID){0x6c757974, 0x7265, 0x4003, {0x8a, 0x10, 0x69, 0x73, 0x6f, 0x6c, (UCHAR)(number >> 8), (UCHAR)number}};
}

static int refused(struct err *err, const char *call, DWORD code)
{
	char text[128];
	(void)snprintf(text, sizeof text, "%s 0x%08lx", call, (unsigned long)code);
	return err_set(err, -EIO, "agent.isolation_firewall", ARG_CSTR("text", text));
}

static int open_engine(HANDLE *ret, struct err *err)
{
	DWORD code = FwpmEngineOpen0(NULL, RPC_C_AUTHN_WINNT, NULL, NULL, ret);
	return code == ERROR_SUCCESS ? 0 : refused(err, "FwpmEngineOpen0", code);
}

/* ---- filters ---- */

struct making {
	HANDLE engine;
	unsigned count;
	DWORD failed; /* of the first that failed */
};

static FWPM_FILTER_CONDITION0 is_u8(const GUID *field, UINT8 value)
{
	return (FWPM_FILTER_CONDITION0){*field, FWP_MATCH_EQUAL, {.type = FWP_UINT8, .uint8 = value}};
}

static FWPM_FILTER_CONDITION0 is_u16(const GUID *field, UINT16 value)
{
	return (FWPM_FILTER_CONDITION0){*field, FWP_MATCH_EQUAL, {.type = FWP_UINT16, .uint16 = value}};
}

static void add(struct making *m, const GUID *layer, FWPM_FILTER_CONDITION0 *conditions, UINT32 count, bool opens)
{
	wchar_t name[] = L"Luytre isolation";
	FWPM_FILTER0 f = {
		.filterKey = filter_key(m->count),
		.displayData = {.name = name},
		.flags = PERSISTENT | (opens ? 0 : VETO),
		.providerKey = &provider_key,
		.layerKey = *layer,
		.subLayerKey = sublayer_key,
		.weight = {.type = FWP_UINT8, .uint8 = opens ? WEIGHT_OPEN : WEIGHT_BLOCK},
		.numFilterConditions = count,
		.filterCondition = conditions,
		.action = {.type = opens ? FWP_ACTION_PERMIT : FWP_ACTION_BLOCK},
	};
	if (m->failed != ERROR_SUCCESS || m->count == FILTERS_MAX)
		return;
	m->failed = FwpmFilterAdd0(m->engine, &f, NULL, NULL);
	m->count++;
}

static void open_remote(struct making *m, const char *address, UINT16 port, UINT8 number)
{
	unsigned char bytes[16];
	FWP_BYTE_ARRAY16 v6_bytes;
	bool v6;
	FWPM_FILTER_CONDITION0 c[3] = {is_u8(&protocol, number), is_u16(&remote_port, port),
	                               {remote_address, FWP_MATCH_EQUAL, {.type = FWP_UINT32}}};
	if (!agent_firewall_is_address(address, &v6) || inet_pton(v6 ? AF_INET6 : AF_INET, address, bytes) != 1)
		return;
	if (v6) {
		(void)memcpy(v6_bytes.byteArray16, bytes, sizeof v6_bytes.byteArray16);
		c[2].conditionValue = (FWP_CONDITION_VALUE0){.type = FWP_BYTE_ARRAY16_TYPE, .byteArray16 = &v6_bytes};
	} else {
		c[2].conditionValue.uint32 = (UINT32)bytes[0] << 24 | (UINT32)bytes[1] << 16 | (UINT32)bytes[2] << 8 | bytes[3];
	}
	add(m, &connect_layers[v6], c, 3, true);
}

static void open_dhcp(struct making *m, bool v6)
{
	FWPM_FILTER_CONDITION0 c[3] = {is_u8(&protocol, IPPROTO_UDP), is_u16(&local_port, v6 ? 546 : 68),
	                               is_u16(&remote_port, v6 ? 547 : 67)};
	add(m, &connect_layers[v6], c, 3, true);
	add(m, &accept_layers[v6], c, 3, true);
}

/* RFC 4861: router solicitation to neighbour advertisement. */
static void open_neighbours(struct making *m)
{
	for (UINT16 type = 133; type <= 136; type++) {
		FWPM_FILTER_CONDITION0 c[2] = {is_u8(&protocol, IPPROTO_ICMPV6), is_u16(&local_port, type)};
		add(m, &connect_layers[1], c, 2, true);
		add(m, &accept_layers[1], c, 2, true);
	}
}

static void add_all(struct making *m, const struct agent_firewall_rules *rules)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		FWPM_FILTER_CONDITION0 loopback = {
			flags, FWP_MATCH_FLAGS_ALL_SET, {.type = FWP_UINT32, .uint32 = FWP_CONDITION_FLAG_IS_LOOPBACK}};
		add(m, &connect_layers[v6], NULL, 0, false);
		add(m, &accept_layers[v6], NULL, 0, false);
		add(m, &forward_layers[v6], NULL, 0, false);
		add(m, &connect_layers[v6], &loopback, 1, true);
		add(m, &accept_layers[v6], &loopback, 1, true);
		open_dhcp(m, v6 != 0);
	}
	open_neighbours(m);
	for (size_t i = 0; i < rules->server_count; i++)
		open_remote(m, rules->servers[i].address, rules->servers[i].port, IPPROTO_TCP);
	for (size_t i = 0; i < rules->resolver_count; i++) {
		open_remote(m, rules->resolvers[i], 53, IPPROTO_UDP);
		open_remote(m, rules->resolvers[i], 53, IPPROTO_TCP);
	}
}

/* ---- the transaction ---- */

static DWORD remove_all(HANDLE engine)
{
	for (unsigned i = 0; i < FILTERS_MAX; i++) {
		GUID key = filter_key(i);
		DWORD code = FwpmFilterDeleteByKey0(engine, &key);
		if (code != ERROR_SUCCESS && code != (DWORD)FWP_E_FILTER_NOT_FOUND)
			return code;
	}
	DWORD code = FwpmSubLayerDeleteByKey0(engine, &sublayer_key);
	if (code == ERROR_SUCCESS || code == (DWORD)FWP_E_SUBLAYER_NOT_FOUND)
		code = FwpmProviderDeleteByKey0(engine, &provider_key);
	return code == (DWORD)FWP_E_PROVIDER_NOT_FOUND ? ERROR_SUCCESS : code;
}

static DWORD put_all(HANDLE engine, const struct agent_firewall_rules *rules, unsigned *ret_count)
{
	wchar_t name[] = L"Luytre isolation";
	FWPM_PROVIDER0 provider = {.providerKey = provider_key, .displayData = {.name = name}, .flags = PERSISTENT};
	FWPM_SUBLAYER0 sublayer = {.subLayerKey = sublayer_key, .displayData = {.name = name}, .flags = PERSISTENT,
	                           .providerKey = &provider_key, .weight = 0xffff};
	struct making m = {.engine = engine, .failed = FwpmProviderAdd0(engine, &provider, NULL)};
	if (m.failed == ERROR_SUCCESS)
		m.failed = FwpmSubLayerAdd0(engine, &sublayer, NULL);
	add_all(&m, rules);
	*ret_count = m.count;
	return m.failed;
}

/* rules NULL: only takes away. */
static int replace(const struct agent_firewall_rules *rules, struct err *err)
{
	HANDLE engine = NULL;
	unsigned count = 0;
	int r = open_engine(&engine, err);
	if (r < 0)
		return r;
	DWORD code = FwpmTransactionBegin0(engine, 0);
	if (code == ERROR_SUCCESS) {
		code = remove_all(engine);
		if (code == ERROR_SUCCESS && rules != NULL)
			code = put_all(engine, rules, &count);
		if (code == ERROR_SUCCESS)
			code = FwpmTransactionCommit0(engine);
		else
			(void)FwpmTransactionAbort0(engine);
	}
	(void)FwpmEngineClose0(engine);
	if (code != ERROR_SUCCESS)
		return refused(err, "WFP", code);
	applied = count;
	return 0;
}

static int able(void *ctx, struct err *err)
{
	HANDLE engine = NULL;
	(void)ctx;
	int r = open_engine(&engine, NULL);
	if (r < 0)
		return err_set(err, -ENOTSUP, "agent.isolation_not_allowed");
	(void)FwpmEngineClose0(engine);
	return 0;
}

static int apply(void *ctx, const struct agent_firewall_rules *rules, struct err *err)
{
	(void)ctx;
	return replace(rules, err);
}

static int lift(void *ctx, struct err *err)
{
	(void)ctx;
	return replace(NULL, err);
}

static int check(void *ctx, struct err *err)
{
	HANDLE engine = NULL;
	unsigned there = 0;
	(void)ctx;
	int r = open_engine(&engine, err);
	for (unsigned i = 0; r >= 0 && i < applied; i++) {
		GUID key = filter_key(i);
		FWPM_FILTER0 *found = NULL;
		if (FwpmFilterGetByKey0(engine, &key, &found) != ERROR_SUCCESS)
			break;
		there++;
		FwpmFreeMemory0((void **)&found);
	}
	if (r >= 0)
		(void)FwpmEngineClose0(engine);
	return r < 0 ? r : applied > 0 && there == applied;
}

const struct agent_firewall agent_firewall_system = {NULL, able, apply, lift, check};

void agent_firewall_add_resolvers(struct agent_firewall_rules *rules)
{
	ULONG size = sizeof(FIXED_INFO);
	bool v6;
	if (GetNetworkParams(NULL, &size) != ERROR_BUFFER_OVERFLOW || size > 65536)
		return;
	FIXED_INFO *info = mem_alloc(size);
	if (GetNetworkParams(info, &size) == NO_ERROR) {
		for (const IP_ADDR_STRING *s = &info->DnsServerList; s != NULL && rules->resolver_count < AGENT_FIREWALL_RESOLVERS; s = s->Next)
			if (agent_firewall_is_address(s->IpAddress.String, &v6))
				str_copy_c(str_c(s->IpAddress.String), rules->resolvers[rules->resolver_count++], AGENT_FIREWALL_ADDRESS);
	}
	mem_free(info);
}
