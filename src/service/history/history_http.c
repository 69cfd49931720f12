/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "service/api/api.h"
#include "service/history/history_internal.h"
#include "service/history/history_sql.gen.h"

struct month {
	struct api_request *req;
	struct http_response *res;
};

static int write_month(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct month *m = ctx;
	usec_t now = api_now(m->req);
	int64_t today = history_day(now), day = 0;
	int r = history_db_day(tx, today - HISTORY_MONTH_MOST_DAYS, today - HISTORY_MONTH_LEAST_DAYS, &day, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(m->res, 200);
	json_object(&w);
	json_name(&w, "day");
	if (r == 0) {
		json_null(&w);
	} else {
		struct clock_date d = clock_civil(day * USEC_PER_DAY, 0);
		char text[16];
		(void)snprintf(text, sizeof text, "%04d-%02u-%02u", d.year, d.month, d.day);
		json_cstr(&w, text);
	}
	json_name(&w, "values");
	json_object(&w);
	if (r > 0)
		r = history_db_write(tx, m->req->access, day, now, &w, err);
	json_object_end(&w);
	json_object_end(&w);
	return r;
}

static int get_month(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, write_month, &(struct month){req, res}, err);
}

/* ---- the room ---- */

static int keep_today(struct db_tx *tx, void *ctx, struct err *err)
{
	const usec_t *now = ctx;
	return history_db_keep(tx, history_day(*now), *now, err);
}

struct due {
	int64_t today, found;
};

static int look(struct db_tx *tx, void *ctx, struct err *err)
{
	struct due *d = ctx;
	return history_db_day(tx, d->today, d->today, &d->found, err);
}

/* A look costs nothing; only the first tick of a day writes. */
static int history_tick(const struct service_context *sc, struct err *err)
{
	usec_t now = sc->now != NULL ? sc->now() : clock_now();
	struct due due = {.today = history_day(now), .found = -1};
	int r = db_read(sc->db, look, &due, err);
	if (r < 0 || due.found == due.today)
		return r < 0 ? r : 0;
	r = db_write(sc->db, keep_today, &now, err);
	return r < 0 ? r : 0;
}

static const struct service_route routes[] = {
	{"GET", "/api/v1/history/month", "endpoint.read", get_month, "history.route_month"},
	{.method = NULL},
};

static const char *const permissions[] = {"endpoint.read", "alert.read", "incident.read", NULL};

const struct service history_service = {
	.name = "history",
	.routes = routes,
	.permissions = permissions,
	.migrations = history_migrations,
	.migration_count = HISTORY_MIGRATION_COUNT,
	.on_tick = history_tick,
};
