/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * "Would it have fired?": history in pieces of some ten megabytes, asked of the event store and matched in the worker, so
 * that core only carries bytes. A rule's log source narrows the question where that can lose nothing.
 */
#include <stdio.h>

#include "base/log/log.h"
#include "service/outbox/outbox.h"
#include "service/rule/rule_http.h"
#include "service/rule/rule_tally.h"

#define PIECE_BYTES   ((uint64_t)40 << 20)
#define RANGE_MOST    (366 * USEC_PER_DAY)
#define SLOTS_MOST    4000    /* into which the range is cut for measuring */
#define ENOUGH        200000  /* hits: whatever comes after, it is noisy */
#define SAMPLE        20
#define TOP           50
#define NOISY_PER_DAY 100

struct slot {
	int64_t from_s;
	uint64_t events, bytes;
};

struct replay {
	const struct service_context *sc;
	struct arena *arena; /* of all of it */
	struct rule_replay row;
	struct str text;
	struct rule_history history;
	bool store_result;  /* the text is the stored rule's */
	struct slot *slots;
	size_t slot_count;
	int64_t step_s;
	struct buf records, sample;
	size_t sampled;
	struct rule_tally units, hosts, days;
	uint64_t unreadable;
	bool stopped;
};

/* ---- asking the store ---- */

static int measure(struct replay *x, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)4 << 20);
	int64_t from = x->row.from / USEC_PER_SEC, to = (x->row.to + USEC_PER_SEC - 1) / USEC_PER_SEC;
	x->step_s = (to - from) / SLOTS_MOST + 1;
	int r = rule_history_measure(x->sc->events, &x->history, x->step_s, from, to, &out, err);
	if (r < 0)
		return r;
	struct str rest = buf_str(&out), line;
	x->slots = arena_alloc(x->arena, (SLOTS_MOST + 4) * sizeof *x->slots);
	while (str_split(&rest, '\n', &line) && line.n > 0 && x->slot_count < SLOTS_MOST + 4) {
		struct slot *s = &x->slots[x->slot_count];
		struct str a, b, c;
		if (!str_split(&line, '\t', &a) || !str_split(&line, '\t', &b) || !str_split(&line, '\t', &c) ||
		    !str_parse_i64(a, INT64_MIN, INT64_MAX, &s->from_s) || !str_parse_u64(b, 0, UINT64_MAX, &s->events) ||
		    !str_parse_u64(c, 0, UINT64_MAX, &s->bytes))
			return err_set(err, -EPROTO, "rule.store_answer");
		x->row.total += (int64_t)s->events;
		x->slot_count++;
	}
	return 0;
}

/* ---- what a piece gave ---- */

static void take_hit(struct replay *x, const struct json *hit)
{
	char day[16];
	struct clock_date d = clock_civil(json_get_int(hit, "time", 0), CLOCK_VN_OFFSET_USEC);
	(void)snprintf(day, sizeof day, "%04d-%02u-%02u", d.year, d.month, d.day);
	rule_tally_add(&x->units, x->arena, json_get_str(hit, "unit", STR("")));
	rule_tally_add(&x->hosts, x->arena, json_get_str(hit, "host", STR("")));
	rule_tally_add(&x->days, x->arena, str_c(day));
	if (x->sampled >= SAMPLE || json_get(hit, "raw") == NULL)
		return;
	struct json_writer w = json_writer_init(&x->sample);
	if (x->sampled++ > 0)
		buf_append_char(&x->sample, ',');
	json_object(&w);
	json_member_str(&w, "event_id", json_get_str(hit, "event", STR("")));
	json_member_str(&w, "unit_id", json_get_str(hit, "unit", STR("")));
	json_member_str(&w, "host", json_get_str(hit, "host", STR("")));
	api_member_time(&w, "at", json_get_int(hit, "time", 0));
	json_name(&w, "rules");
	json_tree(&w, json_get(hit, "rules"));
	json_member_str(&w, "raw", json_get_str(hit, "raw", STR("")));
	json_object_end(&w);
}

static int take_answer(struct replay *x, struct str answer, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j = NULL;
	size_t end = str_find_char(answer, '\n');
	if (end == SIZE_MAX || json_parse(arena, str_sub(answer, 0, end), NULL, &j, NULL) < 0 || json_get_int(j, "events", -1) < 0 ||
	    json_get_int(j, "matched", -1) < 0)
		return err_set(err, -EPROTO, "rule.worker");
	x->row.done += json_get_int(j, "events", 0);
	x->row.matched += json_get_int(j, "matched", 0);
	x->unreadable += (uint64_t)json_get_int(j, "unreadable", 0);
	json_each(hit, json_get(j, "hits"))
		take_hit(x, hit);
	buf_clear(&x->records);
	buf_append(&x->records, str_sub(answer, end + 1, answer.n));
	return 0;
}

static int run_piece(struct replay *x, struct str rows, struct err *err)
{
	cleanup_buf struct buf payload = BUF_INIT((size_t)128 << 20), out = BUF_INIT((size_t)64 << 20);
	char head[96];
	(void)snprintf(head, sizeof head, "{\"rule\":%zu,\"records\":%zu}", x->text.n, x->records.n);
	buf_append(&payload, x->text);
	buf_append(&payload, buf_str(&x->records));
	buf_append(&payload, rows);
	if (payload.overflow)
		return err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", 128));
	int r = rule_worker_run(x->sc, RULEBOOK_REPLAY, str_c(head), buf_str(&payload), &out, err);
	return r < 0 ? r : take_answer(x, buf_str(&out), err);
}

static int write_progress(struct db_tx *tx, void *ctx, struct err *err)
{
	return rule_db_replay_progress(tx, &((struct replay *)ctx)->row, err);
}

/* One range of time, in `parts` by the events' ids where it is too much for one. */
static int run_range(struct replay *x, struct job *job, int64_t from_s, int64_t to_s, uint64_t bytes, struct err *err)
{
	uint64_t parts = bytes / PIECE_BYTES + 1;
	for (uint64_t part = 0; part < parts; part++) {
		cleanup_buf struct buf rows = BUF_INIT((size_t)120 << 20);
		if (job_cancelled(job))
			return err_set(err, -ECANCELED, "rule.replay_cancelled");
		int r = rule_history_piece(x->sc->events, &x->history, from_s, to_s, parts, part, &rows, err);
		if (r >= 0 && rows.n > 0)
			r = run_piece(x, buf_str(&rows), err);
		if (r >= 0)
			r = db_write(x->sc->db, write_progress, x, err);
		if (r == 0)
			return err_set(err, -ECANCELED, "rule.replay_cancelled");
		if (r < 0)
			return r;
		job_progress(job, (uint64_t)x->row.done, (uint64_t)x->row.total);
	}
	return 0;
}

static int run_slots(struct replay *x, struct job *job, struct err *err)
{
	int64_t first = x->row.from / USEC_PER_SEC, last = (x->row.to + USEC_PER_SEC - 1) / USEC_PER_SEC;
	for (size_t i = 0; i < x->slot_count;) {
		uint64_t bytes = x->slots[i].bytes;
		int64_t from = x->slots[i].from_s > first ? x->slots[i].from_s : first, to = x->slots[i].from_s + x->step_s;
		for (i++; i < x->slot_count && bytes + x->slots[i].bytes <= PIECE_BYTES; i++) {
			bytes += x->slots[i].bytes;
			to = x->slots[i].from_s + x->step_s;
		}
		int r = run_range(x, job, from, to < last ? to : last, bytes, err);
		if (r < 0)
			return r;
		if (x->row.matched >= ENOUGH) {
			x->stopped = true;
			return 0;
		}
	}
	return 0;
}

/* ---- the answer ---- */

static int64_t days_of(const struct replay *x)
{
	int64_t days = (x->row.to - x->row.from + USEC_PER_DAY - 1) / USEC_PER_DAY;
	return days > 0 ? days : 1;
}

static int64_t per_day(const struct replay *x)
{
	/* Of what was looked at: a replay that was stopped early has seen a part of the range only. */
	int64_t n = x->row.matched / days_of(x);
	return x->stopped && n <= NOISY_PER_DAY ? NOISY_PER_DAY + 1 : n;
}

static int write_units(struct db_tx *tx, struct replay *x, struct json_writer *w, struct err *err)
{
	struct rule_count top[TOP];
	size_t n = rule_tally_top(&x->units, top, TOP);
	int r = 0;
	json_name(w, "units");
	json_array(w);
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct uuid id;
		struct str name = STR("");
		if (uuid_parse(top[i].name, &id))
			r = rule_db_unit_name(tx, x->arena, &id, &name, err);
		json_object(w);
		json_member_str(w, "id", top[i].name);
		json_member_str(w, "name", name);
		json_member_int(w, "count", top[i].count);
		json_object_end(w);
	}
	json_array_end(w);
	return r;
}

static void write_counts(struct json_writer *w, const char *name, struct rule_tally *t, size_t most)
{
	struct rule_count top[400];
	size_t n = rule_tally_top(t, top, most < ARRAY_LEN(top) ? most : ARRAY_LEN(top));
	json_name(w, name);
	json_array(w);
	for (size_t i = 0; i < n; i++) {
		json_object(w);
		json_member_str(w, "name", top[i].name);
		json_member_int(w, "count", top[i].count);
		json_object_end(w);
	}
	json_array_end(w);
}

struct ending {
	struct replay *x;
	struct buf json;
};

static int write_end(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ending *e = ctx;
	struct replay *x = e->x;
	x->row.result = buf_str(&e->json);
	int r = rule_db_replay_end(tx, &x->row, err);
	if (r > 0 && x->store_result && x->row.state == RULE_REPLAY_DONE)
		r = rule_db_replayed(tx, &x->row.rule_id, per_day(x), x->sc->now(), err);
	return r < 0 ? r : rule_emit(tx, "replay", err);
}

static int build_result(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ending *e = ctx;
	struct replay *x = e->x;
	cleanup_buf struct buf sample = BUF_INIT((size_t)2 << 20);
	struct json_writer w = json_writer_init(&e->json);
	json_object(&w);
	json_member_int(&w, "events", x->row.done);
	json_member_int(&w, "matched", x->row.matched);
	json_member_int(&w, "unreadable", (int64_t)x->unreadable);
	json_member_int(&w, "days", days_of(x));
	json_member_int(&w, "per_day", per_day(x));
	json_member_bool(&w, "noisy", per_day(x) > NOISY_PER_DAY);
	json_member_bool(&w, "stopped", x->stopped);
	json_member_int(&w, "unit_count", (int64_t)x->units.names);
	json_member_int(&w, "host_count", (int64_t)x->hosts.names);
	int r = write_units(tx, x, &w, err);
	write_counts(&w, "hosts", &x->hosts, TOP);
	write_counts(&w, "by_day", &x->days, 400);
	buf_append_char(&sample, '[');
	buf_append(&sample, buf_str(&x->sample));
	buf_append_char(&sample, ']');
	json_name(&w, "sample");
	json_raw(&w, buf_str(&sample));
	json_object_end(&w);
	return r;
}

static void keep_problem(struct replay *x, const struct err *why)
{
	cleanup_buf struct buf json = BUF_INIT(8192);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	json_member_cstr(&w, "key", why->key);
	json_member_cstr(&w, "place", why->place);
	json_name(&w, "args");
	json_object(&w);
	for (unsigned i = 0; i < why->arg_count; i++)
		json_member_cstr(&w, why->args[i].name, why->args[i].value);
	json_object_end(&w);
	json_object_end(&w);
	x->row.problem = arena_str(x->arena, buf_str(&json));
}

static int run_job(struct job *job, void *ctx, struct err *err)
{
	struct replay *x = ctx;
	struct err own = {0};
	struct ending e = {.x = x, .json = BUF_INIT((size_t)4 << 20)};
	int r = measure(x, &own);
	if (r >= 0)
		r = run_slots(x, job, &own);
	if (r >= 0)
		r = db_read(x->sc->db, build_result, &e, &own);
	x->row.state = r >= 0 ? RULE_REPLAY_DONE : r == -ECANCELED ? RULE_REPLAY_CANCELLED : RULE_REPLAY_FAILED;
	x->row.ended_at = x->sc->now();
	x->row.problem = STR("");
	if (r < 0)
		keep_problem(x, &own);
	int end = db_write(x->sc->db, write_end, &e, err);
	buf_done(&e.json);
	outbox_wake(x->sc);
	if (r < 0 && err != NULL)
		*err = own;
	return r < 0 ? r : end < 0 ? end : 0;
}

static void end_job(void *ctx)
{
	struct replay *x = ctx;
	buf_done(&x->records);
	buf_done(&x->sample);
	arena_free(x->arena);
	mem_free(x);
}

/* ---- routes ---- */

const struct json_field rule_replay_fields[] = {
	{"text", JSON_FIELD_STR, offsetof(struct rule_replay_body, text), false, 0, (int64_t)RULEBOOK_RULE_MAX},
	{"rule_id", JSON_FIELD_UUID, offsetof(struct rule_replay_body, rule_id)},
	{"from", JSON_FIELD_TIME, offsetof(struct rule_replay_body, from), true},
	{"to", JSON_FIELD_TIME, offsetof(struct rule_replay_body, to), true},
	{.name = NULL},
};

struct asking {
	struct api_request *req;
	struct rule_row rule;
	struct rule_replay row;
};

static int read_rule(struct db_tx *tx, void *ctx, struct err *err)
{
	struct asking *a = ctx;
	int r = rule_require_write(tx, a->req, err);
	return r < 0 || uuid_is_null(&a->rule.id) ? r : rule_db_get(tx, a->req->arena, &a->rule.id, &a->rule, err);
}

static int insert(struct db_tx *tx, void *ctx, struct err *err)
{
	struct asking *a = ctx;
	int r = rule_require_write(tx, a->req, err);
	return r < 0 ? r : rule_db_replay_insert(tx, &a->row, err);
}

static int check_range(const struct rule_replay_body *body, struct err *err)
{
	if (body->to <= body->from || body->to - body->from > RANGE_MOST)
		return err_set(err, -EINVAL, "rule.replay_range");
	return 0;
}

int rule_post_replay(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct rule_replay_body *body = req->fields;
	struct asking a = {.req = req, .rule = {.id = body->rule_id}};
	struct rule_file file;
	int r = db_read(req->service->db, read_rule, &a, err);
	if (r >= 0)
		r = check_range(body, err);
	if (r >= 0 && (req->service->events == NULL || req->service->jobs == NULL))
		r = err_set(err, -EAGAIN, "rule.no_store");
	struct str text = body->text.n > 0 ? body->text : a.rule.text;
	if (r >= 0 && text.n == 0)
		r = err_set(err, -EINVAL, "rule.replay_what");
	if (r >= 0)
		r = rule_worker_read_one(req->service, req->arena, text, &file, err);
	if (r < 0)
		return r;
	a.row = (struct rule_replay){.id = uuid_new(), .rule_id = body->rule_id, .account_id = req->access->account_id, .from = body->from,
	                             .to = body->to, .started_at = api_now(req)};
	r = db_write(req->service->db, insert, &a, err);
	if (r < 0)
		return r;
	struct replay *x = MEM_NEW(struct replay);
	x->sc = req->service;
	x->arena = arena_new((size_t)128 << 20);
	x->row = a.row;
	x->text = arena_str(x->arena, text);
	x->history = rule_history_of(file.product, str_eq_c(file.kind, "correlation"));
	x->store_result = !uuid_is_null(&body->rule_id) && body->text.n == 0;
	x->records = BUF_INIT(RULEBOOK_RECORDS_MAX + 1);
	x->sample = BUF_INIT((size_t)1 << 20);
	(void)job_start(req->service->jobs, "rule_replay", run_job, x, end_job);
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	api_member_uuid(&w, "id", &a.row.id);
	json_object_end(&w);
	return 0;
}

static int read_replay(struct db_tx *tx, void *ctx, struct err *err)
{
	struct asking *a = ctx;
	int r = rule_db_replay_get(tx, a->req->arena, &a->row.id, &a->row, err);
	/* Its sample shows events: it is its asker's. */
	if (r >= 0 && !uuid_eq(&a->row.account_id, &a->req->access->account_id))
		r = err_set(err, -ENOENT, "rule.no_replay");
	return r;
}

int rule_get_replay(struct api_request *req, struct http_response *res, struct err *err)
{
	static const char *const states[] = {"running", "done", "failed", "cancelled"};
	struct asking a = {.req = req};
	int r = api_param_uuid(req, "id", &a.row.id, err);
	if (r >= 0)
		r = db_read(req->service->db, read_replay, &a, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	api_member_uuid(&w, "id", &a.row.id);
	api_member_uuid(&w, "rule_id", &a.row.rule_id);
	json_member_cstr(&w, "state", states[a.row.state]);
	json_member_int(&w, "done", a.row.done);
	json_member_int(&w, "total", a.row.total);
	json_member_int(&w, "matched", a.row.matched);
	api_member_time(&w, "from", a.row.from);
	api_member_time(&w, "to", a.row.to);
	api_member_time(&w, "started_at", a.row.started_at);
	api_member_time(&w, "ended_at", a.row.ended_at);
	json_name(&w, "problem");
	if (a.row.problem.n > 0) {
		cleanup_buf struct buf text = BUF_INIT(4096);
		struct err why = {0};
		(void)!rule_refusal(a.row.problem, &why);
		msg_append_err(req->service->messages, req->access->lang, &why, &text);
		json_str(&w, buf_str(&text));
	} else {
		json_null(&w);
	}
	json_name(&w, "result");
	if (a.row.result.n > 0)
		json_raw(&w, a.row.result);
	else
		json_null(&w);
	json_object_end(&w);
	return 0;
}

static int cancel(struct db_tx *tx, void *ctx, struct err *err)
{
	struct asking *a = ctx;
	int r = read_replay(tx, a, err);
	if (r < 0 || a->row.state != RULE_REPLAY_RUNNING)
		return r;
	a->row.state = RULE_REPLAY_CANCELLED;
	a->row.ended_at = api_now(a->req);
	return rule_db_replay_end(tx, &a->row, err);
}

int rule_delete_replay(struct api_request *req, struct http_response *res, struct err *err)
{
	struct asking a = {.req = req};
	int r = api_param_uuid(req, "id", &a.row.id, err);
	if (r >= 0)
		r = db_write(req->service->db, cancel, &a, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}
