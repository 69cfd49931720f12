/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The check-in: what the agent says, what the server wants, and when to ask next.
 * No sockets and no clocks of its own. Threads: values.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/json/json.h"
#include "base/uuid/uuid.h"
#include "program/agent/agent_commands.h"
#include "program/agent/agent_isolation.h"
#include "program/agent/agent_protect.h"

#define AGENT_PATHS_MAX 200
#define AGENT_DESIRED_COMMANDS_MAX 100

struct agent_facts {
	const char *agent_version, *boot_id;
	const char *inventory_hash;
	struct str inventory; /* n 0: not sent */
	uint64_t bundle_version;
	usec_t bundle_created, bundle_expires; /* 0: unknown */
	bool bundle_expired;
	const char *watch_mode, *watch_reason;
	const char *const *engines; /* NULL-terminated */
	const char *scanner, *scanner_reason;
	bool scanner_sandboxed;
	usec_t last_scan_at;
	uint64_t spool_events, spool_refused, spool_damaged, quarantine_count;
	uint64_t queue_overflows;
	struct agent_protect_health health;
	struct agent_isolation *isolation;
	struct str extra; /* members of the system, such as Defender's state: {"defender":{…}}; n 0: none */
	usec_t clock_offset; /* ours minus the server's, when it was last told */
};
void agent_checkin_write(const struct agent_facts *f, struct agent_commands *commands, struct buf *out);

struct agent_command {
	struct uuid id;
	struct str type, path, quarantine_id;
};

struct agent_desired {
	int64_t interval_s;
	int64_t canary_s; /* between canaries; 0: none are wanted */
	bool want_inventory;
	uint64_t bundle_version; /* 0: none */
	struct str bundle_sha256;
	struct str bundle_manifest; /* SHA-256 of the signed manifest, hex; n 0: the server knows no chunks */
	uint64_t bundle_size_bytes;
	uint64_t bundle_keys;       /* number of the newest list of keys that the server has */
	bool site_sharing;
	struct json_str_list watch_paths, excluded_paths;
	const struct agent_command *commands;
	size_t command_count;
	struct agent_isolation_order isolation;
	usec_t server_time; /* 0: not told */
};
/* Unknown members are fine (newer servers); limits are not passed. Strings live in the arena. */
int agent_desired_parse(struct arena *arena, struct str text, struct agent_desired *ret, struct err *err) WARN_UNUSED;

/* When to ask again. */
struct agent_pace {
	usec_t interval; /* the server's */
	unsigned failures;
};
/* `random`: any number. Around the interval while all is well; doubling up to 15 minutes when the server is away, so that
 * thousands do not come back at once. */
usec_t agent_pace_next(const struct agent_pace *p, uint64_t random);
/* The first delay after the start. */
usec_t agent_pace_first(const struct agent_pace *p, uint64_t random);
