/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>

#include "service/alert/alert_list.h"
#include "service/alert/alert_tune.h"

const char *const alert_tune_op_names[ALERT_TUNE__COUNT + 1] = {
	[ALERT_TUNE_IS] = "is", [ALERT_TUNE_STARTS] = "starts", [ALERT_TUNE_ENDS] = "ends", [ALERT_TUNE_CONTAINS] = "contains",
};

/* ---- the tests ---- */

static bool holds(const struct alert_tune_test *test, struct str value)
{
	const struct str wanted = test->value;
	if (wanted.n > value.n)
		return false;
	const size_t slack = value.n - wanted.n;
	switch (test->op) {
	case ALERT_TUNE_IS:
		return str_eq_nocase(value, wanted);
	case ALERT_TUNE_STARTS:
		return str_eq_nocase(str_sub(value, 0, wanted.n), wanted);
	case ALERT_TUNE_ENDS:
		return str_eq_nocase(str_sub(value, slack, value.n), wanted);
	case ALERT_TUNE_CONTAINS:
		for (size_t at = 0; at <= slack; at++) {
			if (str_eq_nocase(str_sub(value, at, at + wanted.n), wanted))
				return true;
		}
		return false;
	case ALERT_TUNE__COUNT:
		break;
	}
	return false;
}

bool alert_tune_covers(const struct alert_tune_test *tests, size_t count, const struct json *why)
{
	for (size_t i = 0; i < count; i++) {
		bool any = false;
		json_each(one, why)
			any = any || (str_eq(json_get_str(one, "field", STR_EMPTY), tests[i].field) && holds(&tests[i], json_get_str(one, "value", STR_EMPTY)));
		if (!any)
			return false;
	}
	return count > 0;
}

/* ---- the route ---- */

const struct json_field alert_tune_fields[] = {
	{"tests", JSON_FIELD_ANY, offsetof(struct alert_tune_body, tests), true},
	{"unit_id", JSON_FIELD_UUID, offsetof(struct alert_tune_body, unit_id)},
	{.name = NULL},
};
struct given {
	struct str field, value;
	int op;
};
static const struct json_field given_fields[] = {
	{"field", JSON_FIELD_STR, offsetof(struct given, field), true, 1, 200},
	{"op", JSON_FIELD_ENUM, offsetof(struct given, op), true, .names = alert_tune_op_names},
	{"value", JSON_FIELD_STR, offsetof(struct given, value), true, 1, 2000},
	{.name = NULL},
};

#define OPEN_MOST   ALERT_TOGETHER_MOST
#define SAMPLE_MOST 5
struct tuning {
	struct api_request *req;
	struct http_response *res;
	struct arena *arena; /* of its own: a request's is small */
	struct uuid id;
	struct alert_tune_test tests[ALERT_TUNE_TESTS];
	size_t count;
	struct str *machines, *units;
	size_t room;
	struct counted {
		int64_t all, alerts, findings, by_severity[ALERT_SEVERITY__COUNT], incidents, open_total;
		size_t named, opens, samples;
		struct uuid open[OPEN_MOST], sample[SAMPLE_MOST];
		int64_t open_version[OPEN_MOST];
		bool open_new[OPEN_MOST];
	} seen; /* anew each time that the database runs it */
};

static int read_tests(struct tuning *t, const struct json *list, struct err *err)
{
	if (list->type != JSON_ARRAY)
		return err_set(err, -EINVAL, "alert.tune_tests", ARG_U64("limit", ALERT_TUNE_TESTS));
	json_each(item, list) {
		struct given g = {.op = 0};
		if (t->count == ALERT_TUNE_TESTS)
			return err_set(err, -EINVAL, "alert.tune_tests", ARG_U64("limit", ALERT_TUNE_TESTS));
		int r = json_decode(t->req->arena, item, given_fields, &g, err);
		if (r < 0)
			return r;
		t->tests[t->count++] = (struct alert_tune_test){g.field, g.value, (enum alert_tune_op)g.op};
	}
	return t->count > 0 ? 0 : err_set(err, -EINVAL, "alert.tune_tests", ARG_U64("limit", ALERT_TUNE_TESTS));
}

static void name_places(struct tuning *t, const struct alert_tuned *a)
{
	if (t->seen.named == t->room) {
		t->room = t->room == 0 ? 256 : t->room * 2;
		t->machines = mem_realloc_array(t->machines, t->room, sizeof *t->machines);
		t->units = mem_realloc_array(t->units, t->room, sizeof *t->units);
	}
	t->machines[t->seen.named] = arena_str(t->arena, a->machine);
	t->units[t->seen.named++] = arena_str(t->arena, (struct str){(const char *)a->unit_id.b, sizeof a->unit_id.b});
}

static int look(const struct alert_tuned *a, void *ctx, struct err *err)
{
	struct tuning *t = ctx;
	(void)err;
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *why = NULL;
	t->seen.all++;
	if (json_parse(arena, a->why, NULL, &why, NULL) < 0 || why->type != JSON_ARRAY || !alert_tune_covers(t->tests, t->count, why))
		return 0;
	t->seen.alerts++;
	t->seen.findings += a->findings;
	t->seen.by_severity[a->severity]++;
	t->seen.incidents += a->in_incident;
	const bool open = a->state != ALERT_STATE_CLOSED && !a->in_incident;
	t->seen.open_total += open;
	name_places(t, a);
	if (t->seen.samples < SAMPLE_MOST)
		t->seen.sample[t->seen.samples++] = a->id;
	if (open && t->seen.opens < OPEN_MOST) {
		t->seen.open_new[t->seen.opens] = a->state == ALERT_STATE_NEW;
		t->seen.open_version[t->seen.opens] = a->version;
		t->seen.open[t->seen.opens++] = a->id;
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int64_t different(struct str *list, size_t count)
{
	int64_t n = count > 0;
	if (count > 0)
		qsort(list, count, sizeof *list, by_text);
	for (size_t i = 1; i < count; i++)
		n += !str_eq(list[i - 1], list[i]);
	return n;
}

static void write_hidden(struct json_writer *w, struct tuning *t)
{
	json_name(w, "all");
	json_object(w);
	json_member_int(w, "alerts", t->seen.all);
	json_object_end(w);
	json_name(w, "hidden");
	json_object(w);
	json_member_int(w, "alerts", t->seen.alerts);
	json_member_int(w, "findings", t->seen.findings);
	json_member_int(w, "machines", different(t->machines, t->seen.named));
	json_member_int(w, "units", different(t->units, t->seen.named));
	json_member_int(w, "critical", t->seen.by_severity[ALERT_SEVERITY_CRITICAL]);
	json_member_int(w, "high", t->seen.by_severity[ALERT_SEVERITY_HIGH]);
	json_member_int(w, "incidents", t->seen.incidents);
	json_object_end(w);
	json_member_int(w, "open_total", t->seen.open_total);
	json_name(w, "open");
	json_array(w);
	for (size_t i = 0; i < t->seen.opens; i++) {
		json_object(w);
		api_member_uuid(w, "id", &t->seen.open[i]);
		json_member_cstr(w, "state", alert_state_name(t->seen.open_new[i] ? ALERT_STATE_NEW : ALERT_STATE_ACKNOWLEDGED));
		api_member_etag(w, t->seen.open_version[i]);
		json_object_end(w);
	}
	json_array_end(w);
}

static int write_rule(struct db_tx *tx, struct json_writer *w, struct tuning *t, struct err *err)
{
	struct uuid rule;
	struct str title = STR_EMPTY;
	int r = alert_db_rule_of(tx, t->arena, &t->id, &rule, &title, err);
	json_name(w, "rule");
	if (r <= 0) {
		json_null(w);
		return r;
	}
	json_object(w);
	api_member_uuid(w, "id", &rule);
	json_member_str(w, "title", title);
	json_object_end(w);
	return 0;
}

static int answer(struct db_tx *tx, struct tuning *t, struct err *err)
{
	struct json_writer w = api_reply(t->res, 200);
	json_object(&w);
	json_member_int(&w, "days", ALERT_TUNE_DAYS);
	write_hidden(&w, t);
	int r = write_rule(tx, &w, t, err);
	json_name(&w, "sample");
	json_array(&w);
	for (size_t i = 0; r >= 0 && i < t->seen.samples; i++) {
		json_object(&w);
		r = alert_db_write_row(tx, &w, t->req, &t->seen.sample[i], err);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return r;
}

static int read_tuning(struct db_tx *tx, void *ctx, struct err *err)
{
	struct tuning *t = ctx;
	const struct alert_tune_body *body = t->req->fields;
	const struct uuid whole = {.b = {0}};
	struct alert_brief alert;
	t->seen = (struct counted){.all = 0};
	int r = alert_get(tx, t->req->arena, &t->id, &alert, err);
	if (r >= 0)
		r = api_require_visible(tx, t->req, "alert.read", &alert.unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, t->req, "rule.write", &whole, err);
	if (r >= 0)
		r = alert_db_each_of_rule(tx, t->req, &t->id, &body->unit_id, api_now(t->req) - ALERT_TUNE_DAYS * USEC_PER_DAY, look, t, err);
	return r < 0 ? r : answer(tx, t, err);
}

int alert_tune(struct api_request *req, struct http_response *res, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct tuning *t = ARENA_NEW(arena, struct tuning);
	t->req = req;
	t->res = res;
	t->arena = arena;
	int r = api_param_uuid(req, "id", &t->id, err);
	if (r >= 0)
		r = read_tests(t, ((const struct alert_tune_body *)req->fields)->tests, err);
	if (r >= 0)
		r = db_read(req->service->db, read_tuning, t, err);
	mem_free(t->machines);
	mem_free(t->units);
	return r;
}
