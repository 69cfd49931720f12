/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Finds in an event what the blanks of a sentence ask for. */
#include "engine/event/event.h"
#include "service/alert/alert_detail.h"

#define NAMES_MAX 8
/* ECS first, then what Windows and Sysmon call it. A name also fits behind a dot: "winlog.event_data.Image". */
static const char *const names[ALERT_BLANK__COUNT][NAMES_MAX] = {
	[ALERT_BLANK_HOST] = {"host.name", "host.hostname", "ComputerName", "Computer", NULL},
	[ALERT_BLANK_USER] = {"user.name", "TargetUserName", "User", "SubjectUserName", "user.target.name", NULL},
	[ALERT_BLANK_PROCESS] = {"process.executable", "process.name", "Image", "NewProcessName", "SourceImage", NULL},
	[ALERT_BLANK_PARENT] = {"process.parent.executable", "process.parent.name", "ParentImage", "ParentProcessName", NULL},
	[ALERT_BLANK_COMMAND] = {"process.command_line", "CommandLine", "ScriptBlockText", NULL},
	[ALERT_BLANK_FILE] = {"file.path", "TargetFilename", "ImageLoaded", "file.name", NULL},
	[ALERT_BLANK_SOURCE] = {"source.ip", "source.address", "IpAddress", "SourceIp", "src_ip", NULL},
	[ALERT_BLANK_DESTINATION] = {"destination.ip", "destination.address", "DestinationIp", "dest_ip", NULL},
	[ALERT_BLANK_DOMAIN] = {"dns.question.name", "destination.domain", "QueryName", "url.domain", "DestinationHostname", NULL},
	[ALERT_BLANK_SERVICE] = {"service.name", "ServiceName", NULL},
	[ALERT_BLANK_REGISTRY] = {"registry.path", "TargetObject", NULL},
};

static bool fits(struct str field, const char *name)
{
	struct str n = str_c(name);
	if (field.n <= n.n)
		return str_eq(field, n);
	return str_ends_with(field, n) && field.p[field.n - n.n - 1] == '.';
}

/* The last part of a path of either kind. */
static struct str file_of(struct str path)
{
	size_t from = 0;
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '\\' || path.p[i] == '/')
			from = i + 1;
	}
	return from < path.n ? str_sub(path, from, path.n) : path;
}

static void put(struct arena *arena, struct str field, struct str value, bool exact, struct str ret[ALERT_BLANK__COUNT])
{
	for (int b = 0; b < ALERT_BLANK__COUNT; b++) {
		for (int i = 0; i < NAMES_MAX && names[b][i] != NULL && ret[b].n == 0; i++) {
			if (exact ? !str_eq_c(field, names[b][i]) : !fits(field, names[b][i]))
				continue;
			bool program = b == ALERT_BLANK_PROCESS || b == ALERT_BLANK_PARENT;
			/* "-" is how Windows writes nothing. */
			if (value.n > 0 && !str_eq(value, STR("-")))
				ret[b] = arena_str(arena, program ? file_of(value) : value);
		}
	}
}

static void from_why(struct arena *arena, struct str why, struct str ret[ALERT_BLANK__COUNT])
{
	const struct json *list = NULL;
	if (why.n == 0 || json_parse(arena, why, NULL, &list, NULL) < 0)
		return;
	json_each(item, list) {
		put(arena, json_get_str(item, "field", STR_EMPTY), json_get_str(item, "value", STR_EMPTY), false, ret);
	}
}

void alert_blank_values(struct arena *arena, const struct alert_facts *facts, struct str ret[ALERT_BLANK__COUNT])
{
	struct event e = {.count = 0};
	for (int b = 0; b < ALERT_BLANK__COUNT; b++)
		ret[b] = STR_EMPTY;
	ret[ALERT_BLANK_HOST] = facts->host;
	ret[ALERT_BLANK_UNIT] = facts->unit;
	ret[ALERT_BLANK_THREAT] = facts->threat;
	ret[ALERT_BLANK_FILE] = facts->path;
	size_t is = str_find_char(facts->entity, '=');
	if (is != SIZE_MAX)
		put(arena, str_sub(facts->entity, 0, is), str_sub(facts->entity, is + 1, facts->entity.n), false, ret);
	from_why(arena, facts->why, ret);
	if (facts->raw.n == 0 || event_flatten(arena, facts->raw, NULL, &e, NULL) < 0)
		return;
	for (int exact = 1; exact >= 0; exact--) {
		for (size_t i = 0; i < e.count; i++)
			put(arena, e.fields[i].name, e.fields[i].value, exact == 1, ret);
	}
}
