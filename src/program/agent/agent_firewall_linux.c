/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file/file.h"
#include "platform/crypto/crypto.h"
#include "program/agent/agent_child_linux.h"
#include "program/agent/agent_firewall.h"

#define NFT "/usr/sbin/nft"
#define NFT_TIMEOUT (20 * USEC_PER_SEC)
#define TABLE_LIMIT ((size_t)64 << 10)

/* What stands, as nft lists it right after it was applied. Only the isolation's thread and lock come here. */
static unsigned char applied[SHA256_SIZE];
static bool is_applied;

static int able(void *ctx, struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	(void)ctx;
	if (access(NFT, X_OK) < 0)
		return err_set(err, -ENOTSUP, "agent.isolation_no_nft");
	if (syscall(SYS_capget, &header, data) < 0 || (data[0].effective & 1U << CAP_NET_ADMIN) == 0)
		return err_set(err, -ENOTSUP, "agent.isolation_not_allowed");
	return 0;
}

static int nft(char *const *arguments, struct str input, struct buf *out, struct err *err)
{
	int r = agent_child_run(&(struct agent_child){NFT, arguments, NULL, input, NFT_TIMEOUT}, out, err);
	if (r <= 0)
		return r;
	struct str text = str_sub(buf_str(out), 0, 200);
	return err_set(err, -EIO, "agent.isolation_firewall", ARG_STR("text", str_trim(text)));
}

static int run_text(struct str text, struct err *err)
{
	char name[] = "nft", option[] = "-f", file[] = "-";
	char *const arguments[] = {name, option, file, NULL};
	cleanup_buf struct buf out = BUF_INIT(TABLE_LIMIT);
	return nft(arguments, text, &out, err);
}

static int list(unsigned char digest[SHA256_SIZE], struct err *err)
{
	char name[] = "nft", option[] = "-s", verb[] = "list", what[] = "table", family[] = "inet", table[] = "luytre_isolation";
	char *const arguments[] = {name, option, verb, what, family, table, NULL};
	cleanup_buf struct buf out = BUF_INIT(TABLE_LIMIT);
	int r = nft(arguments, STR_EMPTY, &out, err);
	sha256(buf_str(&out), digest);
	return r;
}

static int apply(void *ctx, const struct agent_firewall_rules *rules, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(TABLE_LIMIT);
	(void)ctx;
	agent_firewall_write(rules, &text);
	int r = run_text(buf_str(&text), err);
	if (r >= 0)
		r = list(applied, err);
	is_applied = r >= 0;
	return r;
}

static int lift(void *ctx, struct err *err)
{
	(void)ctx;
	/* A machine without nft was never cut off by it. */
	if (access(NFT, X_OK) < 0)
		return 0;
	is_applied = false;
	return run_text(STR("add table inet luytre_isolation\ndelete table inet luytre_isolation\n"), err);
}

static int check(void *ctx, struct err *err)
{
	unsigned char now[SHA256_SIZE];
	(void)ctx;
	(void)err;
	return is_applied && list(now, NULL) >= 0 && memcmp(now, applied, sizeof now) == 0;
}

const struct agent_firewall agent_firewall_system = {NULL, able, apply, lift, check};

/* ---- name servers ---- */

static void add_resolver(struct agent_firewall_rules *rules, struct str address)
{
	char text[AGENT_FIREWALL_ADDRESS];
	bool v6;
	str_copy_c(address, text, sizeof text);
	if (rules->resolver_count < AGENT_FIREWALL_RESOLVERS && address.n < sizeof text && agent_firewall_is_address(text, &v6))
		str_copy_c(address, rules->resolvers[rules->resolver_count++], AGENT_FIREWALL_ADDRESS);
}

/* true: one of them is on this machine and asks others in its turn. */
static bool read_resolvers(struct agent_firewall_rules *rules, const char *path)
{
	cleanup_buf struct buf text = BUF_INIT((size_t)64 << 10);
	struct str rest, line;
	bool local = false;
	if (file_read(path, (size_t)64 << 10, &text, NULL) < 0)
		return false;
	rest = buf_str(&text);
	while (str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (!str_starts_with(line, STR("nameserver")) || line.n < 12)
			continue;
		struct str address = str_trim(str_sub(line, 10, line.n));
		local |= str_starts_with(address, STR("127.")) || str_eq(address, STR("::1"));
		add_resolver(rules, address);
	}
	return local;
}

void agent_firewall_add_resolvers(struct agent_firewall_rules *rules)
{
	if (read_resolvers(rules, "/etc/resolv.conf"))
		(void)read_resolvers(rules, "/run/systemd/resolve/resolv.conf");
}
