/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Machines of the sample city. */
#include "service/endpoint/endpoint_internal.h"

static struct str sample_key(struct arena *arena, struct str hostname)
{
	return arena_printf(arena, "sample:%.*s", STR_FMT(hostname));
}

int endpoint_find_sample(struct db_tx *tx, struct str hostname, struct uuid *ret_id, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id FROM endpoint WHERE machine_key = $1 AND retired_at IS NULL",
	                 DB_TEXT(sample_key(arena, hostname)));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret_id = db_uuid(rows, 0);
	return r;
}

static int insert(struct db_tx *tx, struct arena *arena, const struct endpoint_sample *s, struct uuid *ret_id, usec_t now,
                  struct err *err)
{
	cleanup_buf struct buf addresses = BUF_INIT(256);
	struct json_writer w = json_writer_init(&addresses);
	json_array(&w);
	json_str(&w, s->address);
	json_array_end(&w);
	struct endpoint_new e = {.id = uuid_new(), .unit_id = s->unit_id, .hostname = s->hostname,
	                         .machine_key = sample_key(arena, s->hostname), .agent_version = s->agent_version,
	                         .description = {.os = s->os, .os_version = s->os_version,
	                                         .addresses_json = buf_str(&addresses), .has_addresses = true},
	                         .sample = true};
	*ret_id = e.id;
	return endpoint_db_insert(tx, &e, now, err);
}

int endpoint_put_sample(struct db_tx *tx, const struct endpoint_sample *s, usec_t now, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct uuid id;
	struct endpoint_policy policy;
	int r = endpoint_db_policy(tx, arena, &policy, err);
	if (r >= 0)
		r = endpoint_find_sample(tx, s->hostname, &id, err);
	if (r == 0)
		r = insert(tx, arena, s, &id, now, err);
	if (r < 0)
		return r;
	bool old = strcmp(s->reason, "bundle_old") == 0;
	bool watches = strcmp(s->reason, "no_watch") != 0;
	bool is_linux = str_eq(s->os, STR("linux"));
	r = db_exec(tx, err,
	            "UPDATE endpoint SET state = $2, state_reason = $3, last_seen_at = $4, watch_mode = $5, scanner = $6,"
	            " bundle_version = $7 WHERE id = $1",
	            DB_UUID(&id), DB_INT(s->state), DB_CSTR(s->reason), DB_INT(s->last_seen_at),
	            DB_CSTR(!watches ? "none" : is_linux ? "fanotify" : "directory"),
	            DB_CSTR(strcmp(s->reason, "scanner_failed") == 0 ? "failed" : "ready"),
	            DB_INT(old ? policy.bundle.version - 1 : policy.bundle.version));
	return r < 0 ? r : 0;
}
