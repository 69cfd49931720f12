/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/job/job.h"
#include "service/api/api.h"
#include "service/status/status_internal.h"
#include "service/status/status_sql.gen.h"

static void write_processes(struct json_writer *w, const struct status_report *s)
{
	json_name(w, "processes");
	json_array(w);
	for (unsigned i = 0; i < s->process_count && i < STATUS_PROCESSES_MAX; i++) {
		const struct status_process *p = &s->processes[i];
		json_object(w);
		json_member_cstr(w, "name", p->name);
		json_member_cstr(w, "state", p->state);
		api_member_time(w, "since", p->since);
		json_member_int(w, "restarts", p->restarts);
		json_member_cstr(w, "detail", p->detail);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_pipeline(struct json_writer *w, const struct status_report *s)
{
	const struct {
		const char *name;
		int64_t value;
	} members[] = {{"received", s->received},   {"stored", s->stored},   {"detect_lag", s->detect_lag},
	               {"store_lag", s->store_lag}, {"dropped", s->dropped}, {"spool_bytes", s->spool_bytes}};
	json_name(w, "pipeline");
	json_object(w);
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		json_name(w, members[i].name);
		if (members[i].value >= 0)
			json_int(w, members[i].value);
		else
			json_null(w);
	}
	json_object_end(w);
}

/* ---- what is blind, for the one who asks ---- */

struct named_unit {
	struct uuid id;
	struct str name;
};

struct viewer {
	struct api_request *req;
	bool detail; /* holds system.read: the server's own parts by name */
	struct named_unit *units;
	size_t count, capacity;
};

static void add_name(void *ctx, const struct uuid *unit_id, struct str name)
{
	struct viewer *v = ctx;
	if (v->count == v->capacity) {
		struct named_unit *old = v->units;
		v->capacity = v->capacity > 0 ? 2 * v->capacity : 64;
		v->units = ARENA_ARRAY(v->req->arena, v->capacity, struct named_unit);
		if (v->count > 0)
			(void)memcpy(v->units, old, v->count * sizeof(*old));
	}
	v->units[v->count++] = (struct named_unit){*unit_id, arena_str(v->req->arena, name)};
}

static int look_up_viewer(struct db_tx *tx, void *ctx, struct err *err)
{
	struct viewer *v = ctx;
	usec_t now = api_now(v->req);
	v->count = 0;
	int r = api_holds(tx, v->req->access, "system.read", now, &v->detail, err);
	return r < 0 ? r : status_db_names(tx, v->req->access, now, add_name, v, err);
}

/* NULL: not this reader's business. */
static const struct named_unit *visible(const struct viewer *v, const struct uuid *unit_id)
{
	for (size_t i = 0; i < v->count; i++)
		if (uuid_eq(&v->units[i].id, unit_id))
			return &v->units[i];
	return NULL;
}

struct line {
	const char *what;
	usec_t since;
	int64_t lost;
	struct buf sentence, action;
};

static void say(const struct viewer *v, const char *kind, const char *what, const struct arg *args, struct buf *out)
{
	cleanup_buf struct buf key = BUF_INIT(128);
	buf_printf(&key, "status.%s_%s", kind, what);
	msg_append(v->req->service->messages, v->req->access->lang, key.p, args, out);
}

static void write_line(struct json_writer *w, struct line *line)
{
	json_object(w);
	json_member_cstr(w, "what", line->what);
	api_member_time(w, "since", line->since);
	json_member_int(w, "lost", line->lost);
	json_member_str(w, "sentence", buf_str(&line->sentence));
	json_member_str(w, "action", buf_str(&line->action));
	json_object_end(w);
	buf_done(&line->sentence);
	buf_done(&line->action);
}

static struct line line_of(const struct status_blind *b)
{
	return (struct line){b->what, b->since, b->lost, BUF_INIT(8192), BUF_INIT(4096)};
}

/* What interrupts the work of people outside of the centre. */
static bool interrupts(const char *what)
{
	static const char *const quiet[] = {"bundle", "clock", "loss", "udp", "key", "disk"};
	for (size_t i = 0; i < ARRAY_LEN(quiet); i++)
		if (strcmp(what, quiet[i]) == 0)
			return false;
	return true;
}

static void write_server(struct json_writer *w, const struct status_report *s, const struct viewer *v)
{
	const struct status_blind *first = NULL;
	for (unsigned i = 0; i < s->blind_count; i++) {
		const struct status_blind *b = &s->blind[i];
		if (!uuid_is_null(&b->unit_id))
			continue;
		if (interrupts(b->what) && (first == NULL || b->since < first->since))
			first = b;
		if (!v->detail)
			continue;
		struct line line = line_of(b);
		say(v, "blind", b->what, ARGS(ARG_I64("count", b->lost), ARG_I64("number", b->number)), &line.sentence);
		say(v, "do", b->what, ARGS(ARG_I64("count", b->lost), ARG_I64("number", b->number)), &line.action);
		write_line(w, &line);
	}
	if (first == NULL || v->detail)
		return;
	struct line line = line_of(first);
	line.what = "central";
	line.lost = 0;
	say(v, "blind", "central", NULL, &line.sentence);
	say(v, "do", "central", NULL, &line.action);
	write_line(w, &line);
}

#define NAMES_SHOWN 5

/* All that this reader may see of one fault, from the i-th place on, as one line. */
static void write_group(struct json_writer *w, const struct status_report *s, unsigned from, const struct viewer *v)
{
	const struct status_blind *first = &s->blind[from];
	struct line line = line_of(first);
	cleanup_buf struct buf names = BUF_INIT(4096);
	const struct named_unit *unit = visible(v, &first->unit_id), *last = NULL;
	int64_t units = 0;
	line.lost = 0;
	for (unsigned i = from; i < s->blind_count; i++) {
		const struct status_blind *b = &s->blind[i];
		const struct named_unit *u = strcmp(b->what, first->what) == 0 ? visible(v, &b->unit_id) : NULL;
		if (u == NULL)
			continue;
		line.lost += b->lost;
		if (b->since < line.since)
			line.since = b->since;
		if (u == last)
			continue; /* two machines of one unit stand side by side */
		last = u;
		if (++units <= NAMES_SHOWN)
			buf_printf(&names, "%s%.*s", units > 1 ? ", " : "", STR_FMT(u->name));
	}
	if (units > NAMES_SHOWN)
		buf_append_c(&names, ", …");
	const struct arg *args = ARGS(ARG_STR("unit", unit->name), ARG_CSTR("machine", first->machine), ARG_I64("count", units),
	                              ARG_STR("units", buf_str(&names)), ARG_I64("number", first->number));
	say(v, units > 1 ? "many" : "blind", first->what, args, &line.sentence);
	say(v, "do", first->what, args, &line.action);
	write_line(w, &line);
}

#define SOURCES_SHOWN 8

static bool is_of_source(const struct status_blind *b)
{
	return str_starts_with(str_c(b->what), STR("source_"));
}

/* Log sources stand one by one, with their names; past the first few of a fault the rest is one line. */
static void write_source(struct json_writer *w, const struct status_report *s, unsigned at, unsigned rank, const struct viewer *v)
{
	const struct status_blind *b = &s->blind[at];
	struct line line = line_of(b);
	int64_t rest = 1;
	for (unsigned i = at + 1; i < s->blind_count && rank == SOURCES_SHOWN; i++)
		if (strcmp(s->blind[i].what, b->what) == 0 && visible(v, &s->blind[i].unit_id) != NULL) {
			rest++;
			line.lost += s->blind[i].lost;
		}
	const struct arg *args = ARGS(ARG_STR("unit", visible(v, &b->unit_id)->name), ARG_CSTR("machine", b->machine), ARG_I64("count", rest),
	                              ARG_I64("number", b->number));
	say(v, rest > 1 ? "many" : "blind", b->what, args, &line.sentence);
	say(v, "do", b->what, args, &line.action);
	write_line(w, &line);
}

static void write_sources(struct json_writer *w, const struct status_report *s, const struct viewer *v)
{
	for (unsigned i = 0; i < s->blind_count; i++) {
		if (!is_of_source(&s->blind[i]) || visible(v, &s->blind[i].unit_id) == NULL)
			continue;
		unsigned rank = 0;
		for (unsigned k = 0; k < i; k++)
			rank += strcmp(s->blind[k].what, s->blind[i].what) == 0 && visible(v, &s->blind[k].unit_id) != NULL;
		if (rank <= SOURCES_SHOWN)
			write_source(w, s, i, rank, v);
	}
}

static void write_units(struct json_writer *w, const struct status_report *s, const struct viewer *v)
{
	for (unsigned i = 0; i < s->blind_count; i++) {
		bool begins = visible(v, &s->blind[i].unit_id) != NULL && !is_of_source(&s->blind[i]);
		for (unsigned k = 0; k < i && begins; k++)
			begins = strcmp(s->blind[k].what, s->blind[i].what) != 0 || visible(v, &s->blind[k].unit_id) == NULL;
		if (begins)
			write_group(w, s, i, v);
	}
}

static void write_blind(struct json_writer *w, const struct status_report *s, const struct viewer *v)
{
	json_name(w, "blind");
	json_array(w);
	write_server(w, s, v);
	write_sources(w, s, v);
	write_units(w, s, v);
	json_array_end(w);
}

#define UNITS_MAX 4096

static void write_canaries(struct json_writer *w, const struct status_report *s, const struct viewer *v)
{
	struct status_unit *units = ARENA_ARRAY(v->req->arena, UNITS_MAX, struct status_unit);
	size_t n = s->watch != NULL ? status_watch_units(s->watch, units, UNITS_MAX) : 0;
	json_name(w, "canaries");
	json_array(w);
	for (size_t i = 0; i < n; i++) {
		const struct named_unit *u = visible(v, &units[i].unit_id);
		if (u == NULL && !uuid_is_null(&units[i].unit_id))
			continue;
		json_object(w);
		api_member_ref(w, "unit", &units[i].unit_id, u != NULL ? u->name : STR_EMPTY);
		api_member_time(w, "handed_at", units[i].handed_at);
		api_member_time(w, "stored_at", units[i].stored_at);
		api_member_time(w, "scanned_at", units[i].scanned_at);
		json_object_end(w);
	}
	json_array_end(w);
}

static int get_health(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct status_source *source = req->service->status;
	if (source == NULL)
		return err_set(err, -EAGAIN, "status.no_source");
	struct status_report *s = ARENA_NEW(req->arena, struct status_report);
	struct viewer v = {.req = req};
	int r = db_read(req->service->db, look_up_viewer, &v, err);
	if (r < 0)
		return r;
	source->fill(source->ctx, s);
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	write_blind(&w, s, &v);
	api_member_time(&w, "as_of", api_now(req));
	json_object_end(&w);
	return 0;
}

static int get_status(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct status_source *source = req->service->status;
	if (source == NULL)
		return err_set(err, -EAGAIN, "status.no_source");
	struct status_report *s = ARENA_NEW(req->arena, struct status_report);
	struct viewer v = {.req = req};
	int r = db_read(req->service->db, look_up_viewer, &v, err);
	if (r < 0)
		return r;
	source->fill(source->ctx, s);
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_cstr(&w, "version", s->version);
	write_processes(&w, s);
	write_pipeline(&w, s);
	json_name(&w, "eventdb");
	json_object(&w);
	json_member_cstr(&w, "state", s->eventdb_state);
	json_object_end(&w);
	json_name(&w, "database");
	json_object(&w);
	json_member_cstr(&w, "kind", db_kind(req->service->db) == DB_SQLITE ? "sqlite" : "postgresql");
	json_object_end(&w);
	write_blind(&w, s, &v);
	write_canaries(&w, s, &v);
	api_member_time(&w, "as_of", api_now(req));
	json_object_end(&w);
	return 0;
}

static const char *const job_states[JOB_STATE__COUNT] = {
	[JOB_WAITING] = "waiting", [JOB_RUNNING] = "running", [JOB_DONE] = "done",
	[JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled",
};

static int get_job(struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	struct job_status s;
	int r = api_param_uuid(req, "id", &id, err);
	if (r < 0)
		return r;
	if (req->service->jobs == NULL || !job_status(req->service->jobs, &id, &s))
		return err_set(err, -ENOENT, "api.not_found");
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	api_member_uuid(&w, "id", &id);
	json_member_cstr(&w, "name", s.name);
	json_member_cstr(&w, "state", job_states[s.state]);
	json_member_int(&w, "done", (int64_t)s.done);
	json_member_int(&w, "total", (int64_t)s.total);
	api_member_time(&w, "started_at", s.started_at);
	api_member_time(&w, "ended_at", s.ended_at);
	json_name(&w, "error");
	if (s.state == JOB_FAILED) {
		cleanup_buf struct buf text = BUF_INIT(8192);
		msg_append_err(req->service->messages, req->access->lang, &s.err, &text);
		json_object(&w);
		json_member_cstr(&w, "key", s.err.key);
		json_member_str(&w, "detail", buf_str(&text));
		json_object_end(&w);
	} else {
		json_null(&w);
	}
	json_object_end(&w);
	return 0;
}

static const struct service_route routes[] = {
	/* What each person must know of blindness: narrowed by their units, without the inside of the centre. */
	{"GET", "/api/v1/health", SERVICE_SIGNED_IN, get_health, "status.route_health"},
	{"GET", "/api/v1/status", "system.read", get_status, "status.route_status"},
	/* A job's id is known to who started it. */
	{"GET", "/api/v1/jobs/{id}", SERVICE_SIGNED_IN, get_job, "status.route_job"},
	{.method = NULL},
};

static const char *const permissions[] = {"system.read", NULL};

const struct service status_service = {.name = "status", .routes = routes, .permissions = permissions,
                                       .migrations = status_migrations, .migration_count = STATUS_MIGRATION_COUNT};
