/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/job/job.h"
#include "service/api/api.h"
#include "service/status/status.h"

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

static void write_blind(struct json_writer *w, const struct status_report *s, const struct api_request *req)
{
	json_name(w, "blind");
	json_array(w);
	for (unsigned i = 0; i < s->blind_count && i < STATUS_BLIND_MAX; i++) {
		const struct status_blind *b = &s->blind[i];
		cleanup_buf struct buf key = BUF_INIT(128), text = BUF_INIT(2048);
		buf_printf(&key, "status.blind_%s", b->what);
		msg_append(req->service->messages, req->access->lang, key.p, ARGS(ARG_I64("count", b->lost)), &text);
		json_object(w);
		json_member_cstr(w, "what", b->what);
		api_member_time(w, "since", b->since);
		json_member_int(w, "lost", b->lost);
		json_member_str(w, "sentence", buf_str(&text));
		json_object_end(w);
	}
	json_array_end(w);
}

static int get_status(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct status_source *source = req->service->status;
	if (source == NULL)
		return err_set(err, -EAGAIN, "status.no_source");
	struct status_report *s = ARENA_NEW(req->arena, struct status_report);
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
	write_blind(&w, s, req);
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
	{"GET", "/api/v1/status", "system.read", get_status, "status.route_status"},
	/* A job's id is known to who started it. */
	{"GET", "/api/v1/jobs/{id}", SERVICE_SIGNED_IN, get_job, "status.route_job"},
	{.method = NULL},
};

static const char *const permissions[] = {"system.read", NULL};

const struct service status_service = {.name = "status", .routes = routes, .permissions = permissions};
