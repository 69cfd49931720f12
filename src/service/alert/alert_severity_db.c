/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The figures in the database, where every core process sees them. */
#include <stdio.h>

#include "service/alert/alert_severity.h"
#include "service/endpoint/endpoint.h"
#include "service/rule/rule.h"
#include "service/source/source.h"

/* One row a figure, named by its table and its place there. */
static const struct {
	const char *name;
	size_t count;
} tables[] = {
	{"window", 1}, {"rule", ALERT_SEVERITY__COUNT}, {"system", ALERT_SYSTEM_LEVELS}, {"exposure", ALERT_EXPOSURE__COUNT}, {"from", ALERT_SEVERITY__COUNT},
	{"wave", 1}, {"rarity", ALERT_RARITY__COUNT}, {"rarity_days", ALERT_RARITY__COUNT}, {"rarity_machines", ALERT_RARITY__COUNT}, {"tactics", ALERT_TACTICS},
	{"learning_days", 1}, {"learning_lines", 1}, {"learning_up_to", 1},
};
#define NAME_SIZE 32

static int64_t *figure(struct alert_policy *p, size_t table, size_t i)
{
	int64_t *const all[ARRAY_LEN(tables)] = {&p->window_hours, p->rule_points, p->system_percent, p->exposure_percent, p->severity_from,
	                                           &p->wave_machines, p->rarity_percent, p->rarity_days, p->rarity_machines, p->tactics_percent,
	                                           &p->learning_days, &p->learning_lines, &p->learning_up_to};
	return &all[table][i];
}

int alert_policy_store(struct db_tx *tx, const struct alert_policy *policy, struct err *err)
{
	struct alert_policy copy = *policy;
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		for (size_t i = 0; i < tables[t].count; i++) {
			char name[NAME_SIZE];
			(void)snprintf(name, sizeof name, "%s.%zu", tables[t].name, i);
			int r = db_exec(tx, err,
			                "INSERT INTO alert_policy (name, value) VALUES ($1, $2)"
			                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			                DB_CSTR(name), DB_INT(*figure(&copy, t, i)));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int alert_policy_get(struct db_tx *tx, struct alert_policy *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	struct alert_policy p = {.window_hours = 0};
	int r = db_query(tx, &rows, err, "SELECT name, value FROM alert_policy");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct str rest = db_text(rows, 0), table = STR_EMPTY;
		uint64_t i = 0;
		if (!str_split(&rest, '.', &table))
			continue;
		for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
			if (str_eq_c(table, tables[t].name) && str_parse_u64(rest, 0, tables[t].count - 1, &i))
				*figure(&p, t, (size_t)i) = db_int(rows, 1);
		}
	}
	*ret = p;
	return r;
}

int alert_learning_of(struct db_tx *tx, const struct alert_policy *policy, const struct alert_record *record, usec_t now, bool *ret,
                      struct err *err)
{
	usec_t since[3] = {0};
	*ret = false;
	if (record->sample || record->threat.n > 0 || str_eq(record->kind, STR("indicator")))
		return 0;
	/* What names no file is not from the room of rules. */
	int r = record->rule_file.n == 0 ? 0 : rule_since(tx, record->rule_id, &since[0], err);
	if (r >= 0)
		r = source_since(tx, record->source, &since[1], err);
	if (r >= 0 && !uuid_is_null(&record->endpoint_id))
		r = endpoint_watched_since(tx, &since[2], err);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(since); i++)
		*ret = *ret || now - since[i] < policy->learning_days * USEC_PER_DAY;
	return r < 0 ? r : 0;
}

static bool any_public(struct arena *arena, struct str addresses_json)
{
	const struct json *list = NULL;
	if (addresses_json.n == 0 || json_parse(arena, addresses_json, NULL, &list, NULL) < 0 || list->type != JSON_ARRAY)
		return false;
	json_each(item, list) {
		if (item->type == JSON_STRING && alert_address_is_public(item->text))
			return true;
	}
	return false;
}

static int source_is_public(struct db_tx *tx, struct arena *arena, struct str source, bool *ret, struct err *err)
{
	struct str networks = STR_EMPTY, network;
	*ret = false;
	int r = source_networks(tx, arena, source, &networks, err);
	while (r >= 0 && !*ret && networks.n > 0 && str_split(&networks, '\n', &network))
		*ret = alert_address_is_public(network);
	return r < 0 ? r : 0;
}

int alert_exposure_of(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id, struct str source, enum alert_exposure *ret,
                      struct err *err)
{
	bool open = false;
	*ret = ALERT_EXPOSURE_UNKNOWN;
	int r = source_is_public(tx, arena, source, &open, err);
	if (r >= 0 && open)
		*ret = ALERT_EXPOSURE_INTERNET;
	if (r < 0 || open || uuid_is_null(endpoint_id))
		return r;
	cleanup_rows struct db_rows *rows = NULL;
	r = db_query(tx, &rows, err, "SELECT os, os_version, addresses FROM endpoint WHERE id = $1", DB_UUID(endpoint_id));
	if (r >= 0)
		r = db_next(rows, err);
	/* Only Windows says which it is; of a Linux machine nobody knows. */
	if (r > 0 && str_eq_nocase(str_sub(db_text(rows, 0), 0, 7), STR("windows")))
		*ret = str_find(db_text(rows, 1), STR("Server")) != SIZE_MAX ? ALERT_EXPOSURE_SERVER : ALERT_EXPOSURE_WORKSTATION;
	if (r > 0 && any_public(arena, db_text(rows, 2)))
		*ret = ALERT_EXPOSURE_INTERNET;
	return r < 0 ? r : 0;
}
