/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The note as the record has it now: open alerts, promises, what is blind. */
#include <stdio.h>

#include "service/alert/alert.h"
#include "service/shift/shift_internal.h"
#include "service/status/status.h"

#define ALERTS_SHOWN 20
#define PROMISES_SHOWN 50
#define BLIND_SHOWN 20

struct note {
	struct db_tx *tx;
	struct api_request *req;
	struct uuid unit;
	struct json_writer w;
	struct buf *body;
};

static void say(const struct note *n, const char *key, const struct arg *args)
{
	msg_append(n->req->service->messages, n->req->access->lang, key, args, n->body);
	buf_append_char(n->body, '\n');
}

#define LINE_MAX_BYTES 400
/* One line, and not a long one: what others wrote must not begin another. */
static struct str one_line(struct arena *arena, struct str s)
{
	char line[LINE_MAX_BYTES];
	str_copy_c(s, line, sizeof line);
	for (char *c = line; *c != '\0'; c++) {
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	return arena_str(arena, str_c(line));
}

static const char *severity_word(struct note *n, int64_t severity)
{
	char key[64];
	(void)snprintf(key, sizeof key, "shift.severity_%s", alert_severity_name((enum alert_severity)severity));
	cleanup_buf struct buf out = BUF_INIT(200);
	msg_append(n->req->service->messages, n->req->access->lang, key, NULL, &out);
	return arena_cstr(n->req->arena, buf_str(&out));
}

#define BELOW " JOIN unit top ON top.id = $1 AND substr(u.path, 1, length(top.path)) = top.path"

static int count_alerts(struct note *n, struct err *err)
{
	int64_t counts[ALERT_SEVERITY__COUNT] = {0}, total = 0;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(n->tx, &rows, err,
	                 "SELECT a.severity, count(*) FROM alert a JOIN unit u ON u.id = a.unit_id" BELOW " WHERE a.state <> $2 GROUP BY a.severity",
	                 DB_UUID(&n->unit), DB_INT(ALERT_STATE_CLOSED));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		int64_t severity = db_int(rows, 0);
		if (severity >= 0 && severity < ALERT_SEVERITY__COUNT)
			counts[severity] = db_int(rows, 1);
		total += db_int(rows, 1);
	}
	json_name(&n->w, "open");
	json_object(&n->w);
	for (int i = ALERT_SEVERITY__COUNT - 1; i >= 0; i--)
		json_member_int(&n->w, alert_severity_name((enum alert_severity)i), counts[i]);
	json_object_end(&n->w);
	say(n, "shift.note_open",
	    ARGS(ARG_I64("total", total), ARG_I64("critical", counts[ALERT_SEVERITY_CRITICAL]), ARG_I64("high", counts[ALERT_SEVERITY_HIGH]),
	         ARG_I64("medium", counts[ALERT_SEVERITY_MEDIUM]), ARG_I64("low", counts[ALERT_SEVERITY_LOW])));
	return r;
}

static int list_alerts(struct note *n, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(n->tx, &rows, err,
	                 "SELECT a.id, a.number, a.title, a.threat, a.severity, COALESCE(e.hostname, a.host), u.name, a.assignee_name FROM alert a"
	                 " JOIN unit u ON u.id = a.unit_id" BELOW " LEFT JOIN endpoint e ON e.id = a.endpoint_id WHERE a.state <> $2"
	                 " ORDER BY a.queue_key DESC, a.id LIMIT $3",
	                 DB_UUID(&n->unit), DB_INT(ALERT_STATE_CLOSED), DB_INT(ALERTS_SHOWN));
	json_name(&n->w, "alerts");
	json_array(&n->w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		struct str title = alert_title(n->req->service, n->req->access->lang, n->req->arena, db_text(rows, 2), db_text(rows, 3));
		json_object(&n->w);
		api_member_uuid(&n->w, "id", &id);
		json_member_int(&n->w, "number", db_int(rows, 1));
		json_member_str(&n->w, "title", title);
		json_member_cstr(&n->w, "severity", alert_severity_name((enum alert_severity)db_int(rows, 4)));
		json_object_end(&n->w);
		say(n, db_text(rows, 7).n > 0 ? "shift.note_alert_of" : "shift.note_alert",
		    ARGS(ARG_I64("number", db_int(rows, 1)), ARG_CSTR("severity", severity_word(n, db_int(rows, 4))),
		         ARG_STR("title", one_line(n->req->arena, title)), ARG_STR("host", one_line(n->req->arena, db_text(rows, 5))), ARG_STR("unit", db_text(rows, 6)),
		         ARG_STR("name", db_text(rows, 7))));
	}
	json_array_end(&n->w);
	return r;
}

/* Notes with a time on alerts that are still open. */
static int list_promises(struct note *n, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int64_t count = 0;
	int r = db_query(n->tx, &rows, err,
	                 "SELECT a.id, a.number, c.due_at, c.author_name, c.text FROM alert_comment c JOIN alert a ON a.id = c.alert_id"
	                 " JOIN unit u ON u.id = a.unit_id" BELOW " WHERE c.due_at IS NOT NULL AND a.state <> $2 ORDER BY c.due_at, c.id LIMIT $3",
	                 DB_UUID(&n->unit), DB_INT(ALERT_STATE_CLOSED), DB_INT(PROMISES_SHOWN));
	say(n, "shift.note_promises", NULL);
	json_name(&n->w, "promises");
	json_array(&n->w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		char due[CLOCK_VN_SIZE];
		json_object(&n->w);
		api_member_uuid(&n->w, "alert_id", &id);
		json_member_int(&n->w, "number", db_int(rows, 1));
		api_member_time(&n->w, "due_at", db_int(rows, 2));
		json_member_str(&n->w, "author", db_text(rows, 3));
		json_member_str(&n->w, "text", db_text(rows, 4));
		json_object_end(&n->w);
		say(n, "shift.note_promise",
		    ARGS(ARG_CSTR("time", clock_vn(db_int(rows, 2), due)), ARG_STR("text", one_line(n->req->arena, db_text(rows, 4))),
		         ARG_I64("number", db_int(rows, 1)), ARG_STR("name", db_text(rows, 3))));
		count++;
	}
	json_array_end(&n->w);
	if (r >= 0 && count == 0)
		say(n, "shift.note_none", NULL);
	return r;
}

static int unit_name(struct note *n, const struct uuid *id, struct str *ret, struct err *err)
{
	*ret = STR_EMPTY;
	if (uuid_is_null(id))
		return 0;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(n->tx, &rows, err, "SELECT name FROM unit WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = arena_str(n->req->arena, db_text(rows, 0));
	return r < 0 ? r : 0;
}

static int write_blind(struct note *n, const struct status_blind *b, struct err *err)
{
	char key[64], since[CLOCK_VN_SIZE];
	struct str unit;
	int r = unit_name(n, &b->unit_id, &unit, err);
	if (r < 0)
		return r;
	(void)snprintf(key, sizeof key, "status.blind_%s", b->what);
	cleanup_buf struct buf sentence = BUF_INIT(4096);
	msg_append(n->req->service->messages, n->req->access->lang, key,
	           ARGS(ARG_STR("unit", unit), ARG_CSTR("machine", b->machine), ARG_I64("count", b->lost), ARG_I64("number", b->number)), &sentence);
	json_object(&n->w);
	json_member_cstr(&n->w, "what", b->what);
	api_member_time(&n->w, "since", b->since);
	json_member_int(&n->w, "lost", b->lost);
	json_member_str(&n->w, "sentence", buf_str(&sentence));
	json_object_end(&n->w);
	say(n, "shift.note_blind_one", ARGS(ARG_STR("sentence", buf_str(&sentence)), ARG_CSTR("time", clock_vn(b->since, since))));
	return 0;
}

static int list_blind(struct note *n, struct err *err)
{
	const struct status_source *source = n->req->service->status;
	struct status_report *report = ARENA_NEW(n->req->arena, struct status_report);
	int r = 0;
	if (source != NULL)
		source->fill(source->ctx, report);
	say(n, "shift.note_blind", NULL);
	json_name(&n->w, "blind");
	json_array(&n->w);
	for (unsigned i = 0; r >= 0 && i < report->blind_count && i < BLIND_SHOWN; i++)
		r = write_blind(n, &report->blind[i], err);
	json_array_end(&n->w);
	if (source == NULL)
		say(n, "shift.note_blind_unknown", NULL);
	else if (report->blind_count == 0)
		say(n, "shift.note_none", NULL);
	else if (report->blind_count > BLIND_SHOWN)
		say(n, "shift.note_more", ARGS(ARG_I64("count", report->blind_count - BLIND_SHOWN)));
	return r;
}

int shift_db_note(struct db_tx *tx, struct api_request *req, const struct uuid *unit_id, struct buf *facts, struct buf *body, struct err *err)
{
	struct note n = {.tx = tx, .req = req, .unit = *unit_id, .w = json_writer_init(facts), .body = body};
	json_object(&n.w);
	api_member_time(&n.w, "as_of", api_now(req));
	int r = count_alerts(&n, err);
	if (r >= 0)
		r = list_alerts(&n, err);
	if (r >= 0)
		r = list_promises(&n, err);
	if (r >= 0)
		r = list_blind(&n, err);
	json_object_end(&n.w);
	return r < 0 ? r : 0;
}
