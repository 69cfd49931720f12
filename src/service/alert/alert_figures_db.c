/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * How long alerts wait. Time to acknowledge: from when the alert came into the queue to when somebody acknowledged it (or closed
 * it at once). Time to resolve: to when it was closed; alerts closed as test, duplicate or by a suppression are left out of it. By the month in which the
 * alert came (Vietnamese time). The sample's alerts are not counted.
 */
#include <stdio.h>

#include "service/alert/alert_http.h"

/* "+ 0" and COALESCE keep the planner on the index of created_at, which has all that is asked; others would fetch each row. */

struct span {
	int64_t count, acknowledged, closed, acknowledge_us, close_us;
};

#define SPAN_COLUMNS                                                                                                            \
	"count(*), CAST(COALESCE(sum(CASE WHEN COALESCE(a.acknowledged_at, a.closed_at) IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT),"     \
	" CAST(COALESCE(sum(COALESCE(a.acknowledged_at, a.closed_at, a.created_at) - a.created_at), 0) AS BIGINT),"                     \
	" CAST(COALESCE(sum(CASE WHEN a.closed_at IS NULL OR a.resolution IN ('test', 'duplicate', 'suppressed') THEN 0 ELSE 1 END), 0) AS BIGINT),"  \
	" CAST(COALESCE(sum(CASE WHEN a.closed_at IS NULL OR a.resolution IN ('test', 'duplicate', 'suppressed') THEN 0 ELSE a.closed_at - a.created_at END), 0)" \
	" AS BIGINT)"

static struct span span_at(const struct db_rows *rows, unsigned f)
{
	return (struct span){.count = db_int(rows, f), .acknowledged = db_int(rows, f + 1), .acknowledge_us = db_int(rows, f + 2),
	                     .closed = db_int(rows, f + 3), .close_us = db_int(rows, f + 4)};
}

static void add(struct span *to, const struct span *s)
{
	to->count += s->count;
	to->acknowledged += s->acknowledged;
	to->closed += s->closed;
	to->acknowledge_us += s->acknowledge_us;
	to->close_us += s->close_us;
}

static void write_mean(struct json_writer *w, const char *name, int64_t sum_us, int64_t n)
{
	json_name(w, name);
	if (n > 0)
		json_int(w, sum_us / n / USEC_PER_SEC);
	else
		json_null(w);
}

static void write_span(struct json_writer *w, const struct span *s)
{
	json_object(w);
	json_member_int(w, "count", s->count);
	json_member_int(w, "acknowledged", s->acknowledged);
	json_member_int(w, "closed", s->closed);
	write_mean(w, "mtta_s", s->acknowledge_us, s->acknowledged);
	write_mean(w, "mttr_s", s->close_us, s->closed);
	json_object_end(w);
}

static void write_severities(struct json_writer *w, const struct span spans[ALERT_SEVERITY__COUNT])
{
	struct span all = {.count = 0};
	for (int i = 0; i < ALERT_SEVERITY__COUNT; i++)
		add(&all, &spans[i]);
	json_name(w, "all");
	write_span(w, &all);
	json_name(w, "by_severity");
	json_object(w);
	for (int i = ALERT_SEVERITY__COUNT - 1; i >= 0; i--) {
		json_name(w, alert_severity_name((enum alert_severity)i));
		write_span(w, &spans[i]);
	}
	json_object_end(w);
}

/* The first moment of the month that lies `back` months before this one. */
static usec_t month_start(usec_t now, int64_t back, char name[16])
{
	struct clock_date d = clock_civil(now, CLOCK_VN_OFFSET_USEC);
	int64_t months = (int64_t)d.year * 12 + (int64_t)d.month - 1 - back;
	struct clock_date first = {.year = (int)(months / 12), .month = (unsigned)(months % 12) + 1, .day = 1};
	usec_t t = 0;
	(void)clock_from_civil(&first, CLOCK_VN_OFFSET_USEC, &t);
	(void)snprintf(name, 16, "%04d-%02u", first.year, first.month);
	return t;
}

struct figures {
	struct api_request *req;
	struct http_response *res;
	int64_t months;
};

static int write_month(struct db_tx *tx, struct json_writer *w, const struct api_request *req, int64_t back, struct err *err)
{
	char name[16], next[16];
	usec_t from = month_start(api_now(req), back, name), to = month_start(api_now(req), back - 1, next);
	struct span spans[ALERT_SEVERITY__COUNT] = {{.count = 0}};
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT a.severity + 0, " SPAN_COLUMNS " FROM alert a WHERE a.created_at >= $4 AND a.created_at < $5 AND a.sample = 0 AND"
	                 ACCESS_UNIT_SCOPE("COALESCE(a.unit_id, a.unit_id)", "$1", "$2", "$3") " GROUP BY a.severity + 0",
	                 DB_UUID(&req->access->account_id), DB_CSTR("alert.read"), DB_INT(api_now(req)), DB_INT(from), DB_INT(to));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		int64_t severity = db_int(rows, 0);
		if (severity >= 0 && severity < ALERT_SEVERITY__COUNT)
			spans[severity] = span_at(rows, 1);
	}
	json_object(w);
	json_member_cstr(w, "month", name);
	write_severities(w, spans);
	json_object_end(w);
	return r;
}

static void write_unit(struct json_writer *w, const struct uuid *id, struct str name, const struct span spans[ALERT_SEVERITY__COUNT])
{
	json_object(w);
	api_member_ref(w, "unit", id, name);
	write_severities(w, spans);
	json_object_end(w);
}

/* This month, unit by unit. */
static int write_units(struct db_tx *tx, struct json_writer *w, const struct api_request *req, struct err *err)
{
	char month[16];
	usec_t from = month_start(api_now(req), 0, month);
	struct span spans[ALERT_SEVERITY__COUNT] = {{.count = 0}};
	struct uuid unit = {.b = {0}};
	struct str name = STR_EMPTY;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT a.unit_id, u.name, a.severity + 0, " SPAN_COLUMNS " FROM alert a JOIN unit u ON u.id = a.unit_id"
	                 " WHERE a.created_at >= $4 AND a.sample = 0 AND" ACCESS_UNIT_SCOPE("COALESCE(a.unit_id, a.unit_id)", "$1", "$2", "$3")
	                 " GROUP BY a.unit_id, u.name, u.sort_key, a.severity + 0 ORDER BY u.sort_key, a.unit_id",
	                 DB_UUID(&req->access->account_id), DB_CSTR("alert.read"), DB_INT(api_now(req)), DB_INT(from));
	json_name(w, "units");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid next = db_uuid(rows, 0);
		int64_t severity = db_int(rows, 2);
		if (!uuid_eq(&next, &unit)) {
			if (!uuid_is_null(&unit))
				write_unit(w, &unit, name, spans);
			(void)memset(spans, 0, sizeof spans);
			unit = next;
			name = arena_str(req->arena, db_text(rows, 1));
		}
		if (severity >= 0 && severity < ALERT_SEVERITY__COUNT)
			spans[severity] = span_at(rows, 3);
	}
	if (!uuid_is_null(&unit))
		write_unit(w, &unit, name, spans);
	json_array_end(w);
	return r;
}

static int write_figures(struct db_tx *tx, void *ctx, struct err *err)
{
	struct figures *f = ctx;
	struct json_writer w = api_reply(f->res, 200);
	int r = 0;
	json_object(&w);
	json_name(&w, "months");
	json_array(&w);
	for (int64_t back = 0; r >= 0 && back < f->months; back++)
		r = write_month(tx, &w, f->req, back, err);
	json_array_end(&w);
	if (r >= 0)
		r = write_units(tx, &w, f->req, err);
	api_member_time(&w, "as_of", api_now(f->req));
	json_object_end(&w);
	return r;
}

#define MONTHS 6
int alert_figures(struct api_request *req, struct http_response *res, struct err *err)
{
	struct figures f = {.req = req, .res = res, .months = MONTHS};
	int r = api_query_int(req, "months", 1, 24, &f.months, err);
	return r < 0 ? r : db_read(req->service->db, write_figures, &f, err);
}

int alert_means(struct db_tx *tx, usec_t since, struct alert_mean ret[ALERT_SEVERITY__COUNT], struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	for (int i = 0; i < ALERT_SEVERITY__COUNT; i++)
		ret[i] = (struct alert_mean){.acknowledge_us = -1, .resolve_us = -1};
	int r = db_query(tx, &rows, err,
	                 "SELECT a.severity + 0, " SPAN_COLUMNS " FROM alert a WHERE a.created_at >= $1 AND a.sample = 0 GROUP BY a.severity + 0",
	                 DB_INT(since));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		int64_t severity = db_int(rows, 0);
		struct span s = span_at(rows, 1);
		if (severity < 0 || severity >= ALERT_SEVERITY__COUNT)
			continue;
		if (s.acknowledged > 0)
			ret[severity].acknowledge_us = s.acknowledge_us / s.acknowledged;
		if (s.closed > 0)
			ret[severity].resolve_us = s.close_us / s.closed;
	}
	return r;
}
