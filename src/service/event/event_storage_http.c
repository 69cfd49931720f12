/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The page of the event store: how full it is and for how long, who fills it, and taking dead letters in again. */
#include "service/audit/audit.h"
#include "service/event/event_internal.h"
#include "service/event/event_storage.h"

#define DAYS_SHOWN 60
#define DEAD_KEPT (90 * USEC_PER_DAY) /* the table's own limit */

static void write_u64(struct json_writer *w, const char *name, uint64_t v)
{
	json_name(w, name);
	json_u64(w, v);
}

static void write_forecast(struct json_writer *w, const struct event_storage *s, int64_t warn_days)
{
	json_name(w, "forecast");
	json_object(w);
	json_name(w, "days_left");
	if (s->forecast.days_left >= 0)
		json_int(w, s->forecast.days_left);
	else
		json_null(w);
	write_u64(w, "day_bytes", s->usage.day_bytes);
	json_member_int(w, "days_measured", s->days_measured);
	write_u64(w, "settles_bytes", s->forecast.settles_bytes);
	json_member_int(w, "horizon_days", EVENT_FORECAST_DAYS);
	json_member_int(w, "warn_days", warn_days);
	json_object_end(w);
}

static void write_whole(struct json_writer *w, const struct event_storage *s, const struct service_context *sc)
{
	struct str rest = buf_str(&s->days), line;
	unsigned shown = 0;
	json_name(w, "whole");
	json_object(w);
	write_u64(w, "events", s->usage.rows);
	write_u64(w, "bytes", s->usage.bytes);
	write_u64(w, "plain_bytes", s->usage.plain_bytes);
	write_u64(w, "free_bytes", s->usage.free_bytes);
	write_u64(w, "disk_bytes", s->usage.disk_bytes);
	write_forecast(w, s, sc->disk_warn_days);
	json_name(w, "days");
	json_array(w);
	while (shown < DAYS_SHOWN && str_split(&rest, '\n', &line))
		if (line.n > 0) {
			json_raw(w, line);
			shown++;
		}
	json_array_end(w);
	json_object_end(w);
}

static int begin(struct event_ask *a, const struct api_request *req, const char *permission, struct err *err)
{
	event_ask_init(a, req->service, req->arena);
	a->http = req->http;
	usec_t now = api_now(req);
	a->range = (struct event_range){now - DEAD_KEPT - USEC_PER_DAY, now + USEC_PER_HOUR};
	return event_scope_load(req->service, req->arena, req->access, permission, &a->scope, err);
}

int event_storage(struct api_request *req, struct http_response *res, struct err *err)
{
	struct event_ask a;
	struct event_storage s = {.days = BUF_INIT(1)};
	int64_t dead = 0;
	int r = begin(&a, req, "source.read", err);
	if (r >= 0)
		r = event_db_dead_count(&a, &dead, err);
	/* The disk belongs to nobody's unit: its figures are for those who see all of it. */
	if (r >= 0 && a.scope.all)
		r = event_storage_look(req->service, &s, err);
	if (r >= 0) {
		struct json_writer w = api_reply(res, 200);
		json_object(&w);
		json_member_int(&w, "dead", dead);
		if (a.scope.all) {
			write_whole(&w, &s, req->service);
		} else {
			json_name(&w, "whole");
			json_null(&w);
		}
		json_object_end(&w);
	}
	event_storage_done(&s);
	event_ask_done(&a);
	return r;
}

int event_storage_shares(struct api_request *req, struct http_response *res, struct err *err)
{
	static const char *const by[] = {"source", "retention", NULL};
	struct event_ask a;
	int which = 0;
	int64_t days = 7;
	int r = begin(&a, req, "source.read", err);
	if (r >= 0)
		r = api_query_enum(req, "by", by, &which, err);
	if (r >= 0)
		r = api_query_int(req, "days", 1, 31, &days, err);
	if (r >= 0) {
		a.range.from = api_now(req) - days * USEC_PER_DAY;
		struct json_writer w = api_reply(res, 200);
		json_object(&w);
		json_member_int(&w, "days", days);
		json_name(&w, "items");
		r = event_db_shares(&a, which == 0, &w, err);
		json_object_end(&w);
	}
	event_ask_done(&a);
	return r < 0 ? r : 0;
}

/* ---- dead letters, again ---- */

struct again {
	const struct service_context *sc;
	struct arena *arena;
	struct access access; /* whoever asked; texts in the arena */
	unsigned seen, taken;
	uint64_t total;
};

static void end_again(void *ctx)
{
	struct again *a = ctx;
	arena_free(a->arena);
	mem_free(a);
}

static int record(const struct again *a, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(1024);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_int(&w, "tried", a->seen);
	json_member_int(&w, "taken", a->taken);
	json_object_end(&w);
	struct audit_entry e = {.action = "event.dead_again", .object_type = "event", .details = buf_str(&details)};
	return audit_record(a->sc, &a->access, &e, err);
}

static int take_again(struct job *job, void *ctx, struct err *err)
{
	struct again *a = ctx;
	struct event_dead_place after = {.received = 0};
	unsigned seen = 0, taken = 0;
	int r;
	do {
		r = event_dead_retry(a->sc->events, &after, &seen, &taken, err);
		if (r < 0)
			break;
		a->seen += seen;
		a->taken += taken;
		job_progress(job, a->taken, a->total);
	} while (seen > 0 && !job_cancelled(job));
	int recorded = record(a, err);
	return r < 0 ? event_search_explain(r, err) : recorded;
}

/* As a job: each letter is a block of its own. Progress counts those that were taken in, of those that were there. */
int event_dead_again(struct api_request *req, struct http_response *res, struct err *err)
{
	struct event_ask a;
	int64_t dead = 0;
	int r = begin(&a, req, "source.write", err);
	if (r >= 0 && !a.scope.all)
		r = err_set(err, -EACCES, "event.dead_whole_city");
	if (r >= 0 && (req->service->events == NULL || req->service->jobs == NULL))
		r = err_set(err, -EAGAIN, "event.search_away");
	if (r >= 0)
		r = event_db_dead_count(&a, &dead, err);
	event_ask_done(&a);
	if (r < 0)
		return r;
	struct again *again = MEM_NEW(struct again);
	*again = (struct again){.sc = req->service, .arena = arena_new(0), .access = *req->access, .total = (uint64_t)dead};
	again->access.name = arena_str(again->arena, req->access->name);
	again->access.peer = arena_str(again->arena, req->access->peer);
	again->access.approved_by = arena_str(again->arena, req->access->approved_by);
	struct uuid job = job_start(req->service->jobs, "dead_letters", take_again, again, end_again);
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	api_member_uuid(&w, "job_id", &job);
	json_member_int(&w, "dead", dead);
	json_object_end(&w);
	return 0;
}
