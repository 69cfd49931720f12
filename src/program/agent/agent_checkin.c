/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_checkin.h"

#define INTERVAL_MIN_S 5
#define INTERVAL_MAX_S (24 * 3600)
#define CANARY_MAX_S 3600
#define BACK_OFF_MAX (15 * USEC_PER_MINUTE)

static void member_time(struct json_writer *w, const char *name, usec_t t)
{
	char text[CLOCK_ISO_SIZE];
	json_member_cstr(w, name, t != 0 ? clock_iso(t, text) : NULL);
}

static void write_protection(const struct agent_facts *f, struct json_writer *w)
{
	json_name(w, "protection");
	json_object(w);
	json_member_int(w, "bundle_version", (int64_t)f->bundle_version);
	member_time(w, "bundle_created_at", f->bundle_created);
	member_time(w, "bundle_expires_at", f->bundle_expires);
	json_member_bool(w, "bundle_expired", f->bundle_expired);
	json_member_cstr(w, "watch_mode", f->watch_mode);
	json_member_cstr(w, "watch_reason", f->watch_reason);
	json_name(w, "engines");
	json_array(w);
	for (const char *const *e = f->engines; e != NULL && *e != NULL; e++)
		json_cstr(w, *e);
	json_array_end(w);
	json_member_cstr(w, "scanner", f->scanner);
	json_member_cstr(w, "scanner_reason", f->scanner_reason);
	json_member_bool(w, "scanner_sandboxed", f->scanner_sandboxed);
	member_time(w, "last_scan_at", f->last_scan_at);
	json_member_int(w, "spool_events", (int64_t)f->spool_events);
	json_member_int(w, "spool_refused", (int64_t)f->spool_refused);
	json_member_int(w, "spool_damaged_bytes", (int64_t)f->spool_damaged);
	json_member_int(w, "quarantine_count", (int64_t)f->quarantine_count);
	json_member_int(w, "queue_overflows", (int64_t)f->queue_overflows);
	/* In steps of 5 s: a drifting clock is a fact, its noise is not. */
	json_member_int(w, "clock_offset_s", f->clock_offset / USEC_PER_SEC / 5 * 5);
	json_member_bool(w, "canary", true); /* this agent can sing */
	json_name(w, "health");
	json_object(w);
	json_member_int(w, "found", (int64_t)f->health.found);
	json_member_int(w, "crashes", (int64_t)f->health.crashes);
	json_member_int(w, "files", (int64_t)f->health.files);
	json_member_int(w, "scan_us", f->health.scan_us);
	json_object_end(w);
	json_name(w, "isolation");
	agent_isolation_write(f->isolation, w);
	if (f->extra.n > 0) {
		json_name(w, "system");
		json_raw(w, f->extra);
	}
	json_object_end(w);
}

void agent_checkin_write(const struct agent_facts *f, struct agent_commands *commands, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_cstr(&w, "agent_version", f->agent_version);
	json_member_int(&w, "protocol", 1);
	json_member_cstr(&w, "boot_id", f->boot_id);
	json_member_cstr(&w, "inventory_hash", f->inventory_hash);
	json_name(&w, "inventory");
	if (f->inventory.n > 0)
		json_raw(&w, f->inventory);
	else
		json_null(&w);
	write_protection(f, &w);
	json_name(&w, "answered");
	agent_commands_write(commands, &w);
	json_object_end(&w);
}

static int read_paths(struct arena *arena, const struct json *list, struct json_str_list *ret, struct err *err)
{
	*ret = (struct json_str_list){0};
	if (list == NULL || list->type == JSON_NULL)
		return 0;
	if (list->type != JSON_ARRAY || list->count > AGENT_PATHS_MAX)
		return err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "paths"));
	struct str *items = ARENA_ARRAY(arena, list->count + 1, struct str);
	json_each(item, list) {
		/* A NUL would cut the path for the system and not for us. */
		if (item->type != JSON_STRING || item->text.n == 0 || item->text.n > 4000 ||
		    str_find_char(item->text, '\0') != SIZE_MAX)
			return err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "paths"));
		items[ret->count++] = arena_str(arena, item->text);
	}
	ret->items = items;
	return 0;
}

static int read_commands(struct arena *arena, const struct json *list, struct agent_desired *ret, struct err *err)
{
	if (list == NULL || list->type != JSON_ARRAY)
		return 0;
	size_t count = list->count < AGENT_DESIRED_COMMANDS_MAX ? list->count : AGENT_DESIRED_COMMANDS_MAX;
	struct agent_command *commands = ARENA_ARRAY(arena, count + 1, struct agent_command);
	json_each(item, list) {
		if (ret->command_count == count)
			break; /* the rest comes again */
		struct agent_command *c = &commands[ret->command_count];
		if (!uuid_parse(json_get_str(item, "id", STR_EMPTY), &c->id))
			return err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "commands"));
		c->type = arena_str(arena, json_get_str(item, "type", STR("")));
		c->path = arena_str(arena, json_get_str(item, "path", STR("")));
		c->quarantine_id = arena_str(arena, json_get_str(item, "quarantine_id", STR("")));
		ret->command_count++;
	}
	ret->commands = commands;
	return 0;
}

static int read_bundle(struct arena *arena, const struct json *bundle, struct agent_desired *ret, struct err *err)
{
	if (bundle == NULL || bundle->type != JSON_OBJECT)
		return 0;
	int64_t version = json_get_int(bundle, "version", 0), size = json_get_int(bundle, "size_bytes", -1);
	struct str digest = json_get_str(bundle, "sha256", STR_EMPTY);
	unsigned char bytes[32];
	if (version <= 0 || size < 0 || !str_parse_hex(digest, bytes, sizeof bytes))
		return err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "bundle"));
	ret->bundle_version = (uint64_t)version;
	ret->bundle_size_bytes = (uint64_t)size;
	ret->bundle_sha256 = arena_str(arena, digest);
	struct str manifest = json_get_str(bundle, "manifest_sha256", STR_EMPTY);
	if (manifest.n > 0 && !str_parse_hex(manifest, bytes, sizeof bytes))
		return err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "bundle"));
	ret->bundle_manifest = arena_str(arena, manifest);
	int64_t keys = json_get_int(bundle, "keys", 0);
	ret->bundle_keys = keys > 0 && keys <= MALWARE_KEYS_LISTS ? (uint64_t)keys : 0;
	return 0;
}

/* Absent: a server that knows nothing of it. null: not cut off. */
static int read_isolation(struct arena *arena, const struct json *order, struct agent_isolation_order *ret, struct err *err)
{
	*ret = (struct agent_isolation_order){.told = order != NULL, .message = STR("")};
	if (order == NULL || order->type == JSON_NULL)
		return 0;
	ret->left_s = json_get_int(order, "left_s", 0);
	if (order->type != JSON_OBJECT || !uuid_parse(json_get_str(order, "id", STR_EMPTY), &ret->id) || ret->left_s <= 0)
		return err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "isolation"));
	if (ret->left_s > AGENT_ISOLATION_LONGEST_S)
		ret->left_s = AGENT_ISOLATION_LONGEST_S;
	ret->message = arena_str(arena, str_sub(json_get_str(order, "message", STR("")), 0, AGENT_ISOLATION_MESSAGE_MAX));
	return 0;
}

int agent_desired_parse(struct arena *arena, struct str text, struct agent_desired *ret, struct err *err)
{
	const struct json *j = NULL;
	*ret = (struct agent_desired){.bundle_sha256 = STR(""), .bundle_manifest = STR("")};
	int r = json_parse(arena, arena_str(arena, text), NULL, &j, err);
	if (r < 0)
		return r;
	if (j->type != JSON_OBJECT)
		return err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "object"));
	ret->interval_s = json_get_int(j, "interval_s", 60);
	if (ret->interval_s < INTERVAL_MIN_S)
		ret->interval_s = INTERVAL_MIN_S;
	if (ret->interval_s > INTERVAL_MAX_S)
		ret->interval_s = INTERVAL_MAX_S;
	ret->canary_s = json_get_int(j, "canary_s", 0);
	if (ret->canary_s < 0 || ret->canary_s > CANARY_MAX_S)
		ret->canary_s = 0;
	if (ret->canary_s > 0 && ret->canary_s < INTERVAL_MIN_S)
		ret->canary_s = INTERVAL_MIN_S;
	ret->site_sharing = json_get_bool(j, "site_sharing", false);
	ret->want_inventory = json_get_bool(j, "want_inventory", false);
	struct str time = json_get_str(j, "time", STR_EMPTY);
	if (time.n > 0 && clock_parse_iso(time, &ret->server_time, NULL) < 0)
		ret->server_time = 0;
	r = read_bundle(arena, json_get(j, "bundle"), ret, err);
	if (r >= 0)
		r = read_paths(arena, json_get(j, "watch_paths"), &ret->watch_paths, err);
	if (r >= 0)
		r = read_paths(arena, json_get(j, "excluded_paths"), &ret->excluded_paths, err);
	if (r >= 0)
		r = read_commands(arena, json_get(j, "commands"), ret, err);
	if (r >= 0)
		r = read_isolation(arena, json_get(j, "isolation"), &ret->isolation, err);
	return r;
}

/* A number in [from, to). */
static usec_t spread(usec_t from, usec_t to, uint64_t random)
{
	return from + (usec_t)(random % (uint64_t)(to - from > 0 ? to - from : 1));
}

usec_t agent_pace_next(const struct agent_pace *p, uint64_t random)
{
	if (p->failures == 0)
		return spread(p->interval * 9 / 10, p->interval * 11 / 10, random);
	usec_t most = p->interval;
	for (unsigned i = 1; i < p->failures && most < BACK_OFF_MAX; i++)
		most *= 2;
	/* A short blip is over soon: the first tries come early. */
	if (p->failures <= 3)
		most = p->interval / 4;
	else if (most > BACK_OFF_MAX && p->interval < BACK_OFF_MAX)
		most = BACK_OFF_MAX;
	return spread(most / 2, most, random);
}

usec_t agent_pace_first(const struct agent_pace *p, uint64_t random)
{
	usec_t most = p->interval < 10 * USEC_PER_SEC ? p->interval : 10 * USEC_PER_SEC;
	return spread(0, most, random);
}
