/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The queue from the alerts that its reader may see. */
#include "service/alert/alert_list.h"
#include "service/alert/alert_queue.h"
#include "service/alert/alert_tactics.h"

/* Beyond so many alerts the least urgent are only counted; of groups, so many are shown; of one group, so many members. */
#define ALERTS_MOST  50000
#define GROUPS_MOST  500
#define MEMBERS_MOST 500

struct queue {
	struct api_request *req;
	struct http_response *res;
	struct arena *arena; /* of its own: a request's is small */
	struct uuid id; /* of one group's alert */
	struct api_list list;
	struct alert_policy policy;
	struct alert_queue_item *items;
	struct alert_queue_group *groups;
	struct alert_queue_line *lines;
	size_t count, group_count, line_count;
};

#define COLUMNS                                                                                                          \
	"a.number, a.severity, a.rule_id, a.threat, a.endpoint_id, a.unit_id, a.host, a.count, a.tactics, a.score, a.version," \
	" a.last_at, a.learning"

static void take_row(struct queue *q, const struct db_rows *rows)
{
	struct arena *arena = q->arena;
	const unsigned f = API_LIST_FIRST;
	struct uuid endpoint = db_uuid(rows, f + 4), unit = db_uuid(rows, f + 5);
	bool ours = !uuid_is_null(&endpoint);
	char id[UUID_TEXT_SIZE];
	(void)uuid_text(ours ? &endpoint : &unit, id);
	struct str host = ours ? STR_EMPTY : db_text(rows, f + 6), threat = db_text(rows, f + 3);
	q->items[q->count++] = (struct alert_queue_item){
		.id = db_uuid(rows, 1),
		.unit_id = unit,
		.number = db_int(rows, f),
		.severity = (enum alert_severity)db_int(rows, f + 1),
		.rule_key = threat.n > 0 ? arena_printf(arena, "|%.*s", STR_FMT(threat)) : arena_str(arena, db_text(rows, f + 2)),
		.machine = arena_printf(arena, "%s|%.*s", id, STR_FMT(host)),
		.findings = db_int(rows, f + 7),
		.tactics = db_int(rows, f + 8),
		.score = db_int(rows, f + 9),
		.version = db_int(rows, f + 10),
		.last_at = db_int(rows, f + 11),
		.learning = db_int(rows, f + 12) != 0,
	};
}

static int load(struct db_tx *tx, struct queue *q, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = alert_policy_get(tx, &q->policy, err);
	q->count = 0;
	arena_clear(q->arena);
	if (r >= 0)
		r = api_list_query(&q->list, tx, COLUMNS, "a.id", &rows, err);
	size_t room = r < 0 ? 0 : (size_t)(q->list.total < ALERTS_MOST ? q->list.total : ALERTS_MOST);
	q->items = arena_alloc(q->arena, (room + 1) * sizeof *q->items);
	q->groups = arena_alloc(q->arena, (room + 1) * sizeof *q->groups);
	while (r >= 0 && q->count < room && (r = api_list_next(&q->list, rows, err)) > 0)
		take_row(q, rows);
	if (r < 0)
		return r;
	q->group_count = alert_queue_gather(q->items, q->count, q->policy.wave_machines, q->groups);
	q->lines = arena_alloc(q->arena, (q->group_count + 1) * sizeof *q->lines);
	q->line_count = alert_queue_learn(q->groups, q->group_count, q->policy.learning_lines, q->lines);
	return 0;
}

static void write_tactic(struct json_writer *w, int tactic)
{
	json_name(w, "tactic");
	if (tactic >= 0)
		json_cstr(w, alert_tactic_names[tactic]);
	else
		json_null(w);
}

/* `line`: what several groups are told as; NULL of one group. */
static void write_group(struct json_writer *w, const struct alert_queue_group *g, const struct alert_queue_line *line)
{
	json_name(w, "group");
	json_object(w);
	if (line != NULL && line->count > 1) {
		json_member_int(w, "lines", (int64_t)line->count);
		write_tactic(w, line->tactic);
	}
	json_member_cstr(w, "kind", alert_group_kind_names[g->kind]);
	json_member_int(w, "alerts", g->alerts);
	json_member_int(w, "machines", g->machines);
	json_member_int(w, "units", g->units);
	json_member_int(w, "rules", g->rules);
	json_member_int(w, "findings", g->findings);
	json_name(w, "tactics");
	alert_tactics_write(w, g->tactics);
	api_member_time(w, "last_at", g->last_at);
	json_object_end(w);
}

/* What is open and not in these groups, for the same reader: the lesser alerts, and what did not fit. */
static int write_outside(struct db_tx *tx, struct json_writer *w, const struct queue *q, size_t lines_written, struct err *err)
{
	int64_t low = 0, hidden = q->list.total - (int64_t)q->count;
	int r = db_query_int(tx, &low, err,
	                     "SELECT count(*) FROM alert a WHERE a.queue_key >= 0 AND a.severity = $4 AND" ACCESS_UNIT_SCOPE(ALERT_ROW_UNIT, "$1", "$2", "$3"),
	                     DB_UUID(&q->req->access->account_id), DB_CSTR("alert.read"), DB_INT(api_now(q->req)), DB_INT(ALERT_SEVERITY_LOW));
	for (size_t i = lines_written; i < q->line_count; i++)
		hidden += q->lines[i].sum.alerts;
	json_name(w, "outside");
	json_object(w);
	json_member_int(w, "low", low);
	json_member_int(w, "beyond", hidden);
	json_object_end(w);
	return r;
}

static int write_queue(struct db_tx *tx, void *ctx, struct err *err)
{
	struct queue *q = ctx;
	int r = load(tx, q, err);
	struct json_writer w = api_reply(q->res, 200);
	size_t shown = q->line_count < GROUPS_MOST ? q->line_count : GROUPS_MOST;
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; r >= 0 && i < shown; i++) {
		json_object(&w);
		r = alert_db_write_row(tx, &w, q->req, &q->lines[i].sum.lead->id, err);
		write_group(&w, &q->lines[i].sum, &q->lines[i]);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_member_int(&w, "total", (int64_t)q->line_count);
	json_member_int(&w, "alerts", q->list.total);
	json_name(&w, "next");
	json_null(&w);
	if (r >= 0)
		r = write_outside(tx, &w, q, shown, err);
	json_object_end(&w);
	return r;
}

/* Lesser alerts are in the queue only when they are asked for by name. */
static int begin(struct queue *q, bool filters, struct err *err)
{
	int r = alert_list_open(q->req, &q->list, filters, err);
	if (r >= 0 && (!filters || http_query(q->req->http, "severity").n == 0))
		api_list_add(&q->list, " AND a.severity > ?", DB_INT(ALERT_SEVERITY_LOW));
	q->list.limit = ALERTS_MOST;
	return r;
}

int alert_queue(struct api_request *req, struct http_response *res, struct err *err)
{
	struct queue *q = ARENA_NEW(req->arena, struct queue);
	cleanup(arena) struct arena *arena = arena_new(0);
	q->req = req;
	q->res = res;
	q->arena = arena;
	int r = begin(q, true, err);
	return r < 0 ? r : db_read(req->service->db, write_queue, q, err);
}

static const struct alert_queue_group *group_of(const struct queue *q, const struct alert_queue_line **ret_line)
{
	for (size_t l = 0; l < q->line_count; l++) {
		for (size_t g = 0; g < q->lines[l].count; g++) {
			for (int64_t i = 0; i < q->lines[l].groups[g].alerts; i++) {
				if (!uuid_eq(&q->lines[l].groups[g].first[i].id, &q->id))
					continue;
				*ret_line = &q->lines[l];
				return &q->lines[l].groups[g];
			}
		}
	}
	return NULL;
}

/* What else is learned in the same line, each with its own alerts behind it. */
static int write_learning(struct db_tx *tx, struct json_writer *w, const struct queue *q, const struct alert_queue_line *line, struct err *err)
{
	int r = 0;
	json_name(w, "learning");
	json_object(w);
	json_member_int(w, "days", q->policy.learning_days);
	json_member_int(w, "alerts", line->sum.alerts);
	json_member_int(w, "machines", line->sum.machines);
	json_member_int(w, "units", line->sum.units);
	write_tactic(w, line->tactic);
	json_member_int(w, "total", (int64_t)line->count);
	json_name(w, "items");
	json_array(w);
	for (size_t i = 0; r >= 0 && i < line->count && i < GROUPS_MOST; i++) {
		json_object(w);
		r = alert_db_write_row(tx, w, q->req, &line->groups[i].lead->id, err);
		write_group(w, &line->groups[i], NULL);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
	return r;
}

static int write_members(struct db_tx *tx, struct json_writer *w, const struct queue *q, const struct alert_queue_group *g, struct err *err)
{
	int r = 0;
	json_name(w, "items");
	json_array(w);
	for (int64_t i = 0; r >= 0 && g != NULL && i < g->alerts && i < MEMBERS_MOST; i++) {
		json_object(w);
		r = alert_db_write_row(tx, w, q->req, &g->first[i].id, err);
		json_object_end(w);
	}
	json_array_end(w);
	json_member_int(w, "total", g != NULL ? g->alerts : 0);
	json_name(w, "next");
	json_null(w);
	return r;
}

static int read_group(struct db_tx *tx, void *ctx, struct err *err)
{
	struct queue *q = ctx;
	struct alert_brief alert;
	int r = alert_get(tx, q->req->arena, &q->id, &alert, err);
	if (r >= 0)
		r = api_require_visible(tx, q->req, "alert.read", &alert.unit_id, err);
	if (r >= 0)
		r = load(tx, q, err);
	if (r < 0)
		return r;
	const struct alert_queue_line *line = NULL;
	const struct alert_queue_group *g = group_of(q, &line);
	struct json_writer w = api_reply(q->res, 200);
	json_object(&w);
	r = write_members(tx, &w, q, g, err);
	if (g != NULL) {
		api_member_uuid(&w, "lead", &line->sum.lead->id);
		write_group(&w, g, NULL);
	}
	if (r >= 0 && line != NULL && line->count > 1)
		r = write_learning(tx, &w, q, line, err);
	json_object_end(&w);
	return r;
}

/* The line of the queue that an alert is in: nobody in it when it is in none (closed, or of low severity). */
int alert_group(struct api_request *req, struct http_response *res, struct err *err)
{
	struct queue *q = ARENA_NEW(req->arena, struct queue);
	cleanup(arena) struct arena *arena = arena_new(0);
	q->req = req;
	q->res = res;
	q->arena = arena;
	int r = api_param_uuid(req, "id", &q->id, err);
	if (r >= 0)
		r = begin(q, false, err);
	return r < 0 ? r : db_read(req->service->db, read_group, q, err);
}
