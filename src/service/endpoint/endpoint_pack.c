/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reads endpoint_states.yaml at start and keeps its values in the database, where every core process sees them. */
#include "base/file/file.h"
#include "platform/pack/pack.h"
#include "service/endpoint/endpoint_internal.h"

struct pack_paths {
	struct json_str_list linux_paths, windows_paths;
};

struct pack_values {
	struct str version, confidence;
	struct str checkin_interval, silent_after, bundle_grace, inventory_max_age, seen_granularity;
	int64_t token_days, certificate_days;
	bool site_sharing;
	const struct json *watch_paths, *excluded_paths;
	struct pack_paths watch, excluded;
};

#define FIELD(member, kind, ...) {#member, kind, offsetof(struct pack_values, member), .required = true, __VA_ARGS__}
static const struct json_field pack_fields[] = {
	FIELD(version, JSON_FIELD_STR),
	FIELD(confidence, JSON_FIELD_STR),
	FIELD(checkin_interval, JSON_FIELD_STR),
	FIELD(silent_after, JSON_FIELD_STR),
	FIELD(bundle_grace, JSON_FIELD_STR),
	FIELD(inventory_max_age, JSON_FIELD_STR),
	FIELD(seen_granularity, JSON_FIELD_STR),
	{"enrolment_token_days", JSON_FIELD_INT, offsetof(struct pack_values, token_days), true, 1, 365},
	FIELD(certificate_days, JSON_FIELD_INT, .min = 1, .max = 3650),
	FIELD(site_sharing, JSON_FIELD_BOOL),
	FIELD(watch_paths, JSON_FIELD_ANY),
	FIELD(excluded_paths, JSON_FIELD_ANY),
	{.name = NULL},
};

static const struct json_field path_fields[] = {
	{"linux", JSON_FIELD_STR_LIST, offsetof(struct pack_paths, linux_paths), true, 0, 100},
	{"windows", JSON_FIELD_STR_LIST, offsetof(struct pack_paths, windows_paths), true, 0, 100},
	{.name = NULL},
};

static int put_list(struct db_tx *tx, const char *name, const struct json_str_list *list, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)1 << 20);
	struct json_writer w = json_writer_init(&out);
	json_array(&w);
	for (size_t i = 0; i < list->count; i++)
		json_str(&w, list->items[i]);
	json_array_end(&w);
	return endpoint_db_setting(tx, name, buf_str(&out), err);
}

static int put_all(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct pack_values *v = ctx;
	const struct {
		const char *name;
		struct str text;
	} durations[] = {{"checkin_interval", v->checkin_interval},
	                 {"silent_after", v->silent_after},
	                 {"bundle_grace", v->bundle_grace},
	                 {"inventory_max_age", v->inventory_max_age},
	                 {"seen_granularity", v->seen_granularity}};
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		usec_t t = 0;
		int r = clock_parse_duration(durations[i].text, &t, err);
		if (r < 0)
			return err_at(err, str_c(durations[i].name));
		r = endpoint_db_setting_number(tx, durations[i].name, t, err);
		if (r < 0)
			return r;
	}
	const struct {
		const char *name;
		const struct json_str_list *list;
	} lists[] = {{"watch_paths_linux", &v->watch.linux_paths},
	             {"watch_paths_windows", &v->watch.windows_paths},
	             {"excluded_paths_linux", &v->excluded.linux_paths},
	             {"excluded_paths_windows", &v->excluded.windows_paths}};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		int r = put_list(tx, lists[i].name, lists[i].list, err);
		if (r < 0)
			return r;
	}
	int r = endpoint_db_setting_number(tx, "token_days", v->token_days, err);
	if (r >= 0)
		r = endpoint_db_setting_number(tx, "site_sharing", v->site_sharing, err);
	return r < 0 ? r : endpoint_db_setting_number(tx, "certificate_days", v->certificate_days, err);
}

int endpoint_pack_load(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(sc->packs_dir), STR("vn/endpoint_states.yaml"));
	const struct pack_doc *doc = NULL;
	struct pack_values v = {.token_days = 0};
	int r = pack_load(arena, path.p, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, pack_fields, &v, err);
	if (r >= 0)
		r = pack_decode(arena, doc, v.watch_paths, path_fields, &v.watch, err);
	if (r >= 0)
		r = pack_decode(arena, doc, v.excluded_paths, path_fields, &v.excluded, err);
	if (r < 0)
		return r;
	r = db_write(sc->db, put_all, &v, err);
	return r < 0 && err != NULL && err->place[0] != '\0' ? err_at(err, buf_str(&path)) : r;
}
