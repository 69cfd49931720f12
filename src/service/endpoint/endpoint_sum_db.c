/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Sums for the server's own eyes (status, metrics): of no account, so without a scope. The sample's machines do not count. */
#include "service/endpoint/endpoint_internal.h"

int endpoint_each_unit(struct db_tx *tx, endpoint_unit_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT unit_id, count(*), sum(CASE WHEN state = $1 THEN 1 ELSE 0 END), max(last_seen_at)"
	                 " FROM endpoint WHERE retired_at IS NULL AND sample = 0 GROUP BY unit_id",
	                 DB_INT(ENDPOINT_STATE_SILENT));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		const struct endpoint_unit_sum sum = {.unit_id = db_uuid(rows, 0), .machines = db_int(rows, 1),
		                                      .silent = db_int(rows, 2), .last_seen_at = db_int(rows, 3)};
		fn(ctx, &sum);
	}
	return r;
}

int endpoint_count_states(struct db_tx *tx, int64_t ret[ENDPOINT_STATE__COUNT], struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT state, count(*) FROM endpoint WHERE retired_at IS NULL AND sample = 0 GROUP BY state");
	for (size_t i = 0; i < ENDPOINT_STATE__COUNT; i++)
		ret[i] = 0;
	while (r >= 0 && (r = db_next(rows, err)) > 0)
		if (db_int(rows, 0) >= 0 && db_int(rows, 0) < ENDPOINT_STATE__COUNT)
			ret[db_int(rows, 0)] = db_int(rows, 1);
	return r;
}

int endpoint_watched_since(struct db_tx *tx, usec_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT COALESCE((SELECT enrolled_at FROM endpoint WHERE retired_at IS NULL AND sample = 0 ORDER BY enrolled_at LIMIT 1"
	                    " OFFSET (SELECT count(*) / 2 FROM endpoint WHERE retired_at IS NULL AND sample = 0)), 0)");
}

int endpoint_bundle_released(struct db_tx *tx, usec_t *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)1 << 20);
	struct endpoint_policy policy;
	int r = endpoint_db_policy(tx, arena, &policy, err);
	if (r >= 0)
		*ret = policy.bundle.version > 0 ? policy.bundle.released_at : 0;
	return r;
}
