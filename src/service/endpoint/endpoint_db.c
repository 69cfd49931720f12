/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Machines, their settings, inventories and timelines. */
#include <stdio.h>

#include "base/text/text.h"
#include "service/endpoint/endpoint_internal.h"

int endpoint_db_setting(struct db_tx *tx, const char *name, struct str value, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO endpoint_setting (name, value) VALUES ($1, $2)"
	                " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE endpoint_setting.value <> excluded.value",
	                DB_CSTR(name), DB_TEXT(value));
	return r < 0 ? r : 0;
}

int endpoint_db_setting_number(struct db_tx *tx, const char *name, int64_t value, struct err *err)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%lld", (long long)value);
	return endpoint_db_setting(tx, name, str_c(text), err);
}

/* Two sets of the same settings: for everybody and for those who try. */
enum bundle_setting { BUNDLE_VERSION, BUNDLE_SIZE, BUNDLE_RELEASED, BUNDLE_SHA256, BUNDLE_MANIFEST, BUNDLE__COUNT };
static const char *const bundle_settings[2][BUNDLE__COUNT] = {
	{"bundle_version", "bundle_size_bytes", "bundle_released_at", "bundle_sha256", "bundle_manifest_sha256"},
	{"trial_version", "trial_size_bytes", "trial_released_at", "trial_sha256", "trial_manifest_sha256"},
};

static int put_bundle(struct db_tx *tx, bool trial, const struct endpoint_bundle *b, struct err *err)
{
	const char *const *names = bundle_settings[trial];
	int r = endpoint_db_setting_number(tx, names[BUNDLE_VERSION], b->version, err);
	if (r >= 0)
		r = endpoint_db_setting_number(tx, names[BUNDLE_SIZE], b->size_bytes, err);
	if (r >= 0)
		r = endpoint_db_setting_number(tx, names[BUNDLE_RELEASED], b->released_at, err);
	if (r >= 0)
		r = endpoint_db_setting(tx, names[BUNDLE_SHA256], b->sha256, err);
	return r < 0 ? r : endpoint_db_setting(tx, names[BUNDLE_MANIFEST], b->manifest_sha256, err);
}

int endpoint_set_bundle(struct db_tx *tx, const struct endpoint_bundle *bundle, struct err *err)
{
	return put_bundle(tx, false, bundle, err);
}

int endpoint_try_bundle(struct db_tx *tx, const struct endpoint_bundle *bundle, int64_t permille, struct err *err)
{
	int r = put_bundle(tx, true, bundle, err);
	return r < 0 ? r : endpoint_db_setting_number(tx, "trial_permille", permille, err);
}

int endpoint_set_bundle_keys(struct db_tx *tx, int64_t number, struct err *err)
{
	return endpoint_db_setting_number(tx, "bundle_keys", number, err);
}

int endpoint_bundle_health(struct db_tx *tx, int64_t version, bool older, struct endpoint_health *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT count(*), coalesce(sum(health_found), 0), coalesce(sum(CASE WHEN health_found > 0 THEN 1 ELSE 0 END), 0),"
	                 " coalesce(sum(health_crashes), 0), coalesce(sum(CASE WHEN health_crashes > 0 THEN 1 ELSE 0 END), 0),"
	                 " coalesce(sum(health_files), 0), coalesce(sum(health_scan_us), 0) FROM endpoint"
	                 " WHERE ((bundle_version = $1 AND $2 = 0) OR (bundle_version > 0 AND bundle_version < $1 AND $2 = 1))"
	                 " AND retired_at IS NULL AND sample = 0",
	                 DB_INT(version), DB_INT(older));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	*ret = (struct endpoint_health){.machines = db_int(rows, 0), .found = db_int(rows, 1), .finders = db_int(rows, 2),
	                                .crashes = db_int(rows, 3), .crashed = db_int(rows, 4), .files = db_int(rows, 5),
	                                .scan_us = db_int(rows, 6)};
	return 0;
}

int endpoint_db_policy(struct db_tx *tx, struct arena *arena, struct endpoint_policy *ret, struct err *err)
{
	struct endpoint_policy p = {.bundle = {.version = 0}};
	int64_t sharing = 1;
	const struct {
		const char *name;
		int64_t *number;
		struct str *text;
	} fields[] = {
		{"checkin_interval", &p.checkin_interval, NULL},
		{"silent_after", &p.silent_after, NULL},
		{"bundle_grace", &p.bundle_grace, NULL},
		{"inventory_max_age", &p.inventory_max_age, NULL},
		{"seen_granularity", &p.seen_granularity, NULL},
		{"token_days", &p.token_days, NULL},
		{"certificate_days", &p.certificate_days, NULL},
		{bundle_settings[0][BUNDLE_VERSION], &p.bundle.version, NULL},
		{bundle_settings[0][BUNDLE_SIZE], &p.bundle.size_bytes, NULL},
		{bundle_settings[0][BUNDLE_RELEASED], &p.bundle.released_at, NULL},
		{bundle_settings[0][BUNDLE_SHA256], NULL, &p.bundle.sha256},
		{bundle_settings[0][BUNDLE_MANIFEST], NULL, &p.bundle.manifest_sha256},
		{bundle_settings[1][BUNDLE_VERSION], &p.trial.version, NULL},
		{bundle_settings[1][BUNDLE_SIZE], &p.trial.size_bytes, NULL},
		{bundle_settings[1][BUNDLE_RELEASED], &p.trial.released_at, NULL},
		{bundle_settings[1][BUNDLE_SHA256], NULL, &p.trial.sha256},
		{bundle_settings[1][BUNDLE_MANIFEST], NULL, &p.trial.manifest_sha256},
		{"trial_permille", &p.trial_permille, NULL},
		{"bundle_keys", &p.bundle_keys, NULL},
		{"site_sharing", &sharing, NULL},
		{"watch_paths_linux", NULL, &p.watch_paths_json[0]},
		{"watch_paths_windows", NULL, &p.watch_paths_json[1]},
		{"excluded_paths_linux", NULL, &p.excluded_paths_json[0]},
		{"excluded_paths_windows", NULL, &p.excluded_paths_json[1]},
	};
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT name, value FROM endpoint_setting");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
			if (!str_eq_c(db_text(rows, 0), fields[i].name))
				continue;
			if (fields[i].text != NULL)
				*fields[i].text = arena_str(arena, db_text(rows, 1));
			else if (!str_parse_i64(db_text(rows, 1), 0, INT64_MAX, fields[i].number))
				return err_set(err, -EINVAL, "endpoint.bad_setting", ARG_CSTR("name", fields[i].name));
		}
	}
	if (r < 0)
		return r;
	if (p.silent_after == 0)
		return err_set(err, -EAGAIN, "endpoint.no_settings");
	p.site_sharing = sharing != 0;
	*ret = p;
	return 0;
}

#define ROW_COLUMNS                                                                                                    \
	"e.id, e.unit_id, e.hostname, u.name, e.os, e.os_version, e.addresses, e.agent_version, e.boot_id,"            \
	" e.previous_boot_id, e.inventory_hash, e.facts, e.note, e.watch_mode, e.scanner, e.bundle_version, e.state,"  \
	" e.state_reason, e.state_since, e.last_seen_at, e.enrolled_at, e.inventory_at, e.clone_seen_at,"              \
	" e.retired_at, e.sample, e.version, e.isolation FROM endpoint e LEFT JOIN unit u ON u.id = e.unit_id"

static void read_row(const struct db_rows *rows, struct arena *arena, struct endpoint_row *row)
{
	struct str *const texts[] = {&row->hostname, &row->unit_name, &row->os, &row->os_version, &row->addresses_json,
	                             &row->agent_version, &row->boot_id, &row->previous_boot_id, &row->inventory_hash,
	                             &row->facts_json, &row->note, &row->watch_mode, &row->scanner};
	row->id = db_uuid(rows, 0);
	row->unit_id = db_uuid(rows, 1);
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_str(arena, db_text(rows, i + 2));
	row->bundle_version = db_int(rows, 15);
	int64_t state = db_int(rows, 16);
	row->state = state >= 0 && state < ENDPOINT_STATE__COUNT ? (enum endpoint_state)state : ENDPOINT_STATE_UNPROTECTED;
	row->state_reason = arena_str(arena, db_text(rows, 17));
	row->state_since = db_int(rows, 18);
	row->last_seen_at = db_int(rows, 19);
	row->enrolled_at = db_int(rows, 20);
	row->inventory_at = db_int(rows, 21);
	row->clone_seen_at = db_int(rows, 22);
	row->retired_at = db_int(rows, 23);
	row->sample = db_int(rows, 24) != 0;
	row->version = db_int(rows, 25);
	row->isolation = db_int(rows, 26);
}

int endpoint_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct endpoint_row *ret,
                    struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " ROW_COLUMNS " WHERE e.id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -ENOENT, "endpoint.unknown");
	read_row(rows, arena, ret);
	return 0;
}

int endpoint_identify(struct db_tx *tx, const struct uuid *id, struct endpoint_identity *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT unit_id, hostname, retired_at FROM endpoint WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -ENOENT, "endpoint.unknown");
	ret->id = *id;
	ret->unit_id = db_uuid(rows, 0);
	str_copy_c(db_text(rows, 1), ret->hostname, sizeof ret->hostname);
	ret->retired = !db_is_null(rows, 2);
	return 0;
}

static void search_key_of(struct buf *out, struct str hostname, struct str addresses, struct str os_version)
{
	struct buf text = BUF_INIT(8192);
	buf_append(&text, hostname);
	buf_append_char(&text, ' ');
	buf_append(&text, addresses);
	buf_append_char(&text, ' ');
	buf_append(&text, os_version);
	text_search_key(buf_str(&text), out);
	buf_done(&text);
}

int endpoint_db_insert(struct db_tx *tx, const struct endpoint_new *e, usec_t now, struct err *err)
{
	cleanup_buf struct buf key = BUF_INIT(16384), sort = BUF_INIT(16384);
	search_key_of(&key, e->hostname, e->description.addresses_json, e->description.os_version);
	text_sort_key(e->hostname, &sort);
	struct err local = {.code = 0};
	int r = db_exec(tx, &local,
	                "INSERT INTO endpoint (id, unit_id, hostname, search_key, sort_key, machine_key, os, os_version, addresses,"
	                " agent_version, boot_id, previous_boot_id, bundle_version, watch_mode, scanner, facts,"
	                " inventory_hash, inventory_at, state, state_reason, state_since, last_seen_at, enrolled_at,"
	                " note, sample, version) VALUES ($1, $2, $3, $4, $14, $5, $6, $7, $8, $9, '', '', 0, '', '', '{}', '',"
	                " 0, $10, $11, $12, $12, $12, '', $13, 1)",
	                DB_UUID(&e->id), DB_UUID(&e->unit_id), DB_TEXT(e->hostname), DB_TEXT(buf_str(&key)),
	                DB_TEXT_OR_NULL(e->machine_key), DB_TEXT(e->description.os), DB_TEXT(e->description.os_version),
	                DB_TEXT(e->description.addresses_json), DB_TEXT(e->agent_version),
	                DB_INT(ENDPOINT_STATE_UNPROTECTED), DB_CSTR("no_bundle"), DB_INT(now), DB_INT(e->sample),
	                DB_BLOB(buf_str(&sort)));
	if (r == -EEXIST)
		return err_set(err, -EEXIST, "endpoint.already_enrolled", ARG_STR("hostname", e->hostname));
	if (r < 0 && err != NULL)
		*err = local;
	return r < 0 ? r : 0;
}

int endpoint_db_checkin(struct db_tx *tx, const struct endpoint_row *row, const struct endpoint_report *report,
                        const struct endpoint_plan *plan, usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE endpoint SET last_seen_at = $2, agent_version = $3, boot_id = $4, previous_boot_id = $5,"
	                " bundle_version = $6, watch_mode = $7, scanner = $8, facts = $9, state = $10, state_reason = $11,"
	                " state_since = $12, clone_seen_at = $13, inventory_hash = $14, inventory_at = $15, health_found = $16,"
	                " health_crashes = $17, health_files = $18, health_scan_us = $19 WHERE id = $1",
	                DB_UUID(&row->id), DB_INT(now), DB_TEXT(report->agent_version),
	                DB_TEXT(plan->booted ? report->boot_id : row->boot_id),
	                DB_TEXT(plan->booted ? row->boot_id : row->previous_boot_id),
	                DB_INT(report->protection.bundle_version), DB_TEXT(report->protection.watch_mode),
	                DB_TEXT(report->protection.scanner), DB_TEXT(report->facts_json), DB_INT(plan->judgement.state),
	                DB_CSTR(plan->judgement.reason), DB_INT(plan->state_changed ? now : row->state_since),
	                plan->clone ? DB_INT(now) : row->clone_seen_at != 0 ? DB_INT(row->clone_seen_at) : DB_NULL,
	                DB_TEXT(plan->confirm_inventory ? report->inventory_hash : row->inventory_hash),
	                DB_INT(plan->confirm_inventory ? now : row->inventory_at), DB_INT(report->protection.found),
	                DB_INT(report->protection.crashes), DB_INT(report->protection.files), DB_INT(report->protection.scan_us));
	return r < 0 ? r : 0;
}

int endpoint_db_describe(struct db_tx *tx, const struct endpoint_row *row, const struct endpoint_description *d,
                         struct str hostname, struct err *err)
{
	struct str name = hostname.n > 0 ? hostname : row->hostname;
	struct str version = d->os_version.n > 0 ? d->os_version : row->os_version;
	struct str addresses = d->has_addresses ? d->addresses_json : row->addresses_json;
	cleanup_buf struct buf key = BUF_INIT(16384), sort = BUF_INIT(16384);
	search_key_of(&key, name, addresses, version);
	text_sort_key(name, &sort);
	int r = db_exec(tx, err,
	                "UPDATE endpoint SET hostname = $2, search_key = $3, os = $4, os_version = $5, addresses = $6,"
	                " sort_key = $7 WHERE id = $1",
	                DB_UUID(&row->id), DB_TEXT(name), DB_TEXT(buf_str(&key)), DB_TEXT(d->os.n > 0 ? d->os : row->os),
	                DB_TEXT(version), DB_TEXT(addresses), DB_BLOB(buf_str(&sort)));
	return r < 0 ? r : 0;
}

int endpoint_db_inventory(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret_json,
                          usec_t *ret_at, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT json, at FROM endpoint_inventory WHERE endpoint_id = $1 ORDER BY at DESC, id DESC LIMIT 1",
	                 DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	*ret_json = r > 0 ? arena_str(arena, db_text(rows, 0)) : STR_EMPTY;
	*ret_at = r > 0 ? db_int(rows, 1) : 0;
	return 0;
}

int endpoint_db_store_inventory(struct db_tx *tx, const struct uuid *id, struct str hash, struct str json, usec_t now,
                                struct err *err)
{
	struct uuid row = uuid_new();
	int r = db_exec(tx, err, "INSERT INTO endpoint_inventory (id, endpoint_id, hash, at, json) VALUES ($1, $2, $3, $4, $5)",
	                DB_UUID(&row), DB_UUID(id), DB_TEXT(hash), DB_INT(now), DB_TEXT(json));
	if (r >= 0)
		r = db_exec(tx, err,
		            "DELETE FROM endpoint_inventory WHERE endpoint_id = $1 AND id NOT IN"
		            " (SELECT id FROM endpoint_inventory WHERE endpoint_id = $1 ORDER BY at DESC, id DESC LIMIT $2)",
		            DB_UUID(id), DB_INT(ENDPOINT_INVENTORY_KEPT));
	return r < 0 ? r : 0;
}

static int changed_one(int changed, struct err *err)
{
	if (changed < 0)
		return changed;
	return changed == 1 ? 0 : err_set(err, -ESTALE, "endpoint.changed_meanwhile");
}

int endpoint_db_change(struct db_tx *tx, const struct endpoint_row *row, const struct uuid *unit_id, struct str note,
                       int64_t version, struct err *err)
{
	return changed_one(db_exec(tx, err,
	                           "UPDATE endpoint SET unit_id = $2, note = $3, version = version + 1"
	                           " WHERE id = $1 AND version = $4 AND retired_at IS NULL",
	                           DB_UUID(&row->id), DB_UUID(unit_id), DB_TEXT(note), DB_INT(version)),
	                   err);
}

int endpoint_db_retire(struct db_tx *tx, const struct uuid *id, int64_t version, usec_t now, struct err *err)
{
	return changed_one(db_exec(tx, err,
	                           "UPDATE endpoint SET retired_at = $2, version = version + 1"
	                           " WHERE id = $1 AND version = $3 AND retired_at IS NULL",
	                           DB_UUID(id), DB_INT(now), DB_INT(version)),
	                   err);
}

int endpoint_db_set_state(struct db_tx *tx, const struct uuid *id, struct endpoint_judgement judgement, usec_t now,
                          struct err *err)
{
	int r = db_exec(tx, err, "UPDATE endpoint SET state = $2, state_reason = $3, state_since = $4 WHERE id = $1",
	                DB_UUID(id), DB_INT(judgement.state), DB_CSTR(judgement.reason), DB_INT(now));
	return r < 0 ? r : 0;
}

int endpoint_db_newly_silent(struct db_tx *tx, struct arena *arena, usec_t seen_before, unsigned limit,
                             const struct endpoint_row **ret, size_t *ret_count, struct err *err)
{
	struct endpoint_row *list = ARENA_ARRAY(arena, limit, struct endpoint_row);
	if (list == NULL)
		return err_set(err, -E2BIG, "endpoint.too_many");
	size_t n = 0;
	cleanup_rows struct db_rows *rows = NULL;
	/* A sample machine never checks in; its state is what the sample says. */
	int r = db_query(tx, &rows, err,
	                 "SELECT " ROW_COLUMNS " WHERE e.last_seen_at < $1 AND e.state <> $2 AND e.retired_at IS NULL"
	                 " AND e.sample = 0 ORDER BY e.last_seen_at LIMIT $3",
	                 DB_INT(seen_before), DB_INT(ENDPOINT_STATE_SILENT), DB_INT(limit));
	while (r >= 0 && n < limit && (r = db_next(rows, err)) > 0)
		read_row(rows, arena, &list[n++]);
	*ret = list;
	*ret_count = n;
	return r < 0 ? r : 0;
}

int endpoint_db_timeline_add(struct db_tx *tx, const struct uuid *id, usec_t at, const char *what, struct str details,
                             struct err *err)
{
	struct uuid row = uuid_new();
	int r = db_exec(tx, err, "INSERT INTO endpoint_timeline (id, endpoint_id, at, what, details) VALUES ($1, $2, $3, $4, $5)",
	                DB_UUID(&row), DB_UUID(id), DB_INT(at), DB_CSTR(what), DB_TEXT(details));
	return r < 0 ? r : 0;
}

int endpoint_db_timeline(struct db_tx *tx, const struct uuid *id, struct json_writer *w, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT at, what, details FROM endpoint_timeline WHERE endpoint_id = $1"
	                 " ORDER BY at DESC, id DESC LIMIT 100",
	                 DB_UUID(id));
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		char iso[CLOCK_ISO_SIZE];
		json_object(w);
		json_member_cstr(w, "at", clock_iso(db_int(rows, 0), iso));
		json_member_str(w, "what", db_text(rows, 1));
		json_name(w, "details");
		json_raw(w, db_text(rows, 2));
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}
