/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules: states, tokens, clones, what a check-in changes. No SQL, no HTTP. */
#include "platform/crypto/crypto.h"
#include "service/endpoint/endpoint_internal.h"

static const char *const state_names[ENDPOINT_STATE__COUNT] = {
	[ENDPOINT_STATE_PROTECTED] = "protected",
	[ENDPOINT_STATE_OUTDATED] = "outdated",
	[ENDPOINT_STATE_SILENT] = "silent",
	[ENDPOINT_STATE_UNPROTECTED] = "unprotected",
};

static const char *const command_names[ENDPOINT_COMMAND__COUNT] = {
	[ENDPOINT_COMMAND_SCAN] = "scan",
	[ENDPOINT_COMMAND_QUARANTINE_RESTORE] = "quarantine_restore",
	[ENDPOINT_COMMAND_QUARANTINE_DELETE] = "quarantine_delete",
};

const char *endpoint_state_name(enum endpoint_state state)
{
	return state_names[state];
}

bool endpoint_state_parse(struct str name, enum endpoint_state *ret)
{
	for (int i = 0; i < ENDPOINT_STATE__COUNT; i++) {
		if (str_eq_c(name, state_names[i])) {
			*ret = (enum endpoint_state)i;
			return true;
		}
	}
	return false;
}

const char *endpoint_command_name(enum endpoint_command_type type)
{
	return command_names[type];
}

struct endpoint_judgement endpoint_judge(const struct endpoint_facts *facts, const struct endpoint_policy *policy,
                                         usec_t now)
{
	if (now - facts->last_seen_at > policy->silent_after)
		return (struct endpoint_judgement){ENDPOINT_STATE_SILENT, "no_checkin"};
	if (str_eq(facts->scanner, STR("failed")))
		return (struct endpoint_judgement){ENDPOINT_STATE_UNPROTECTED, "scanner_failed"};
	if (facts->watch_mode.n == 0 || str_eq(facts->watch_mode, STR("none")))
		return (struct endpoint_judgement){ENDPOINT_STATE_UNPROTECTED, "no_watch"};
	if (facts->bundle_version == 0)
		return (struct endpoint_judgement){ENDPOINT_STATE_UNPROTECTED, "no_bundle"};
	if (!str_eq(facts->scanner, STR("ready")))
		return (struct endpoint_judgement){ENDPOINT_STATE_UNPROTECTED, "scanner_starting"};
	if (policy->bundle.version > 0 && facts->bundle_version < policy->bundle.version &&
	    now - policy->bundle.released_at > policy->bundle_grace)
		return (struct endpoint_judgement){ENDPOINT_STATE_OUTDATED, "bundle_old"};
	return (struct endpoint_judgement){ENDPOINT_STATE_PROTECTED, ""};
}

int endpoint_token_make(struct str ca_pem, struct buf *ret_token, unsigned char ret_hash[SHA256_SIZE], struct err *err)
{
	struct crypto_cert_info info;
	int r = crypto_cert_info(ca_pem, &info, err);
	if (r < 0)
		return r;
	unsigned char secret[ENDPOINT_SECRET_SIZE], ca[SHA256_SIZE];
	if (!str_parse_hex(str_c(info.sha256_hex), ca, sizeof ca))
		return err_set(err, -EINVAL, "endpoint.bad_ca");
	random_bytes(secret, sizeof secret);
	buf_append_c(ret_token, "lt1.");
	buf_append_base64url(ret_token, secret, sizeof secret);
	buf_append_char(ret_token, '.');
	buf_append_base64url(ret_token, ca, sizeof ca);
	sha256(str_n(secret, sizeof secret), ret_hash);
	mem_wipe(secret, sizeof secret);
	return 0;
}

int endpoint_token_hash(struct str token, unsigned char ret_hash[SHA256_SIZE], struct err *err)
{
	struct str rest = str_trim(token), version, secret_text, ca_text;
	char secret[64], ca[64];
	struct buf secret_bytes = buf_fixed(secret, sizeof secret), ca_bytes = buf_fixed(ca, sizeof ca);
	bool good = rest.n <= ENDPOINT_TOKEN_MAX && str_split(&rest, '.', &version) &&
	            str_split(&rest, '.', &secret_text) && str_split(&rest, '.', &ca_text) && rest.p == NULL &&
	            str_eq(version, STR("lt1")) && buf_append_base64_decoded(&secret_bytes, secret_text) &&
	            buf_append_base64_decoded(&ca_bytes, ca_text) && secret_bytes.n == ENDPOINT_SECRET_SIZE &&
	            ca_bytes.n == SHA256_SIZE;
	if (good)
		sha256(buf_str(&secret_bytes), ret_hash);
	mem_wipe(secret, sizeof secret);
	return good ? 0 : err_set(err, -EINVAL, "endpoint.token_malformed");
}

bool endpoint_boots_conflict(struct str reported, struct str current, struct str previous)
{
	/* A boot id is random at each start, so an earlier one never comes back: two machines take turns. */
	return reported.n > 0 && !str_eq(reported, current) && str_eq(reported, previous);
}

/* The first of these members that is a text. */
static struct str first_text(const struct json *object, const char *const *names)
{
	for (; *names != NULL; names++) {
		struct str s = json_get_str(object, *names, STR_EMPTY);
		if (s.n > 0)
			return s;
	}
	return STR_EMPTY;
}

struct str endpoint_machine_key(struct arena *arena, const struct json *machine)
{
	struct str id = json_get_str(machine, "id", STR_EMPTY);
	struct str serial = json_get_str(machine, "serial", STR_EMPTY);
	struct str mac = json_get_str(machine, "mac", STR_EMPTY);
	if (id.n + serial.n + mac.n == 0)
		return STR_EMPTY;
	/* Images copied to many PCs share an id; the serial or network address still tells them apart. */
	struct buf text = BUF_INIT(1024);
	buf_printf(&text, "%.*s\n%.*s\n%.*s", STR_FMT(str_sub(id, 0, 300)), STR_FMT(str_sub(serial, 0, 300)),
	           STR_FMT(str_sub(mac, 0, 300)));
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	sha256(buf_str(&text), digest);
	buf_done(&text);
	return arena_str(arena, str_c(sha256_hex(digest, hex)));
}

void endpoint_describe(struct arena *arena, const struct json *facts, struct endpoint_description *ret)
{
	const struct json *os = json_get(facts, "os");
	if (os != NULL && os->type == JSON_OBJECT) {
		ret->os = first_text(os, (const char *const[]){"family", "platform", "id", "name", NULL});
		ret->os_version = first_text(os, (const char *const[]){"pretty_name", "version", "name", NULL});
	} else {
		ret->os = json_get_str(facts, "os", STR_EMPTY);
		ret->os_version = json_get_str(facts, "os_version", STR_EMPTY);
	}
	const struct json *addresses = json_get(facts, "addresses");
	struct buf out = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&out);
	unsigned count = 0;
	json_array(&w);
	json_each(item, addresses) {
		struct str a = item->type == JSON_STRING ? item->text : json_get_str(item, "address", STR_EMPTY);
		if (a.n > 0 && a.n <= 64 && count++ < ENDPOINT_ADDRESSES_MAX)
			json_str(&w, a);
	}
	json_array_end(&w);
	ret->os = str_sub(ret->os, 0, 64);
	ret->os_version = str_sub(ret->os_version, 0, 128);
	ret->addresses_json = arena_str(arena, buf_str(&out));
	ret->has_addresses = addresses != NULL;
	buf_done(&out);
}

struct endpoint_plan endpoint_plan_checkin(const struct endpoint_row *row, const struct endpoint_policy *policy,
                                           const struct endpoint_report *report, usec_t now)
{
	struct endpoint_facts facts = {.last_seen_at = now,
	                               .bundle_version = report->protection.bundle_version,
	                               .watch_mode = report->protection.watch_mode,
	                               .scanner = report->protection.scanner};
	struct endpoint_plan plan = {.judgement = endpoint_judge(&facts, policy, now)};
	plan.state_changed = plan.judgement.state != row->state || !str_eq_c(row->state_reason, plan.judgement.reason);
	plan.clone = endpoint_boots_conflict(report->boot_id, row->boot_id, row->previous_boot_id);
	plan.booted = report->boot_id.n > 0 && !str_eq(report->boot_id, row->boot_id);
	plan.store_inventory = report->inventory != NULL && report->inventory_hash.n > 0 &&
	                       !str_eq(report->inventory_hash, row->inventory_hash);
	plan.confirm_inventory = report->inventory != NULL && report->inventory_hash.n > 0;
	bool known = plan.confirm_inventory || str_eq(report->inventory_hash, row->inventory_hash);
	plan.want_inventory = !known || report->inventory_hash.n == 0 ||
	                      (!plan.confirm_inventory && now - row->inventory_at > policy->inventory_max_age);
	bool facts_changed = !str_eq(report->agent_version, row->agent_version) ||
	                     !str_eq(report->facts_json, row->facts_json);
	plan.write = plan.state_changed || plan.clone || plan.booted || plan.confirm_inventory || facts_changed ||
	             report->answers != NULL || now - row->last_seen_at >= policy->seen_granularity;
	return plan;
}

bool endpoint_in_trial(const struct uuid *id, int64_t version, int64_t permille)
{
	/* FNV-1a: the same machines are not the first each time. */
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < sizeof id->b; i++)
		h = (h ^ id->b[i]) * UINT64_C(1099511628211);
	for (unsigned i = 0; i < 8; i++)
		h = (h ^ (unsigned char)((uint64_t)version >> (8 * i))) * UINT64_C(1099511628211);
	h ^= h >> 32;
	return (int64_t)(h % 1000) < permille;
}
