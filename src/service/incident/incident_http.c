/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's routes and descriptor. */
#include "base/text/text.h"
#include "service/account/account.h"
#include "service/incident/incident_http.h"
#include "service/incident/incident_sql.gen.h"
#include "service/outbox/outbox.h"

static const char *const severity_words[] = {"low", "medium", "high", "critical", NULL};
_Static_assert(sizeof severity_words / sizeof severity_words[0] == ALERT_SEVERITY__COUNT + 1, "a word a severity");

/* ---- reading ---- */

struct one {
	struct api_request *req;
	struct http_response *res;
	struct uuid id;
	struct incident_row row;
	int status;
};

/* Unrestricted over the unit, or a grant for this very case (a guest expert's). */
static int may(struct db_tx *tx, const struct one *o, const char *permission, bool *ret, struct err *err)
{
	const struct access *access = o->req->access;
	usec_t now = api_now(o->req);
	int r = api_may(tx, access, permission, &o->row.unit_id, now, ret, err);
	if (r >= 0 && !*ret)
		r = account_restricted(tx, access, permission, "incident", &o->id, now, ret, err);
	return r;
}

static int get_visible(struct db_tx *tx, struct one *o, const char *permission, struct err *err)
{
	bool reads = false, allowed = false;
	int r = incident_db_get(tx, o->req->arena, &o->id, &o->row, err);
	if (r >= 0)
		r = may(tx, o, "incident.read", &reads, err);
	if (r >= 0)
		r = may(tx, o, permission, &allowed, err);
	if (r < 0)
		return r;
	if (!reads)
		return err_set(err, -ENOENT, "api.not_found");
	return allowed ? 0 : err_set(err, -EACCES, "api.forbidden", ARG_CSTR("permission", permission));
}

static void write_transitions(struct json_writer *w, const struct incident_process *p, struct str state, enum msg_lang lang)
{
	json_name(w, "transitions");
	json_array(w);
	for (size_t i = 0; i < p->transition_count; i++) {
		const struct incident_transition *t = &p->transitions[i];
		if (!str_eq(t->from, state))
			continue;
		json_object(w);
		json_member_str(w, "to", t->to);
		json_member_str(w, "label", t->label[lang]);
		json_member_bool(w, "note_required", t->note);
		json_member_str(w, "permission", t->permission);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_row(struct json_writer *w, const struct one *o, const struct incident_process *p)
{
	const struct incident_row *i = &o->row;
	enum msg_lang lang = o->req->access->lang;
	const struct incident_state *state = incident_process_state(p, i->state);
	api_member_uuid(w, "id", &i->id);
	json_member_str(w, "number", i->number);
	json_member_str(w, "title", i->title);
	json_member_str(w, "kind", i->kind);
	json_member_str(w, "kind_label", i->kind_label[lang]);
	json_member_str(w, "other_label", i->other_label);
	json_member_cstr(w, "severity", alert_severity_name(i->severity));
	json_member_str(w, "state", i->state);
	json_member_str(w, "state_label", state != NULL ? state->label[lang] : i->state);
	json_member_bool(w, "open", state == NULL || state->open);
	api_member_ref(w, "unit", &i->unit_id, i->unit_name);
	json_name(w, "endpoint");
	if (uuid_is_null(&i->endpoint_id)) {
		json_null(w);
	} else {
		json_object(w);
		api_member_uuid(w, "id", &i->endpoint_id);
		json_member_str(w, "hostname", i->hostname);
		json_object_end(w);
	}
	api_member_time(w, "opened_at", i->opened_at);
	api_member_time(w, "detected_at", i->detected_at);
	api_member_time(w, "closed_at", i->closed_at);
	api_member_ref(w, "owner", &i->owner_id, i->owner_name);
	json_member_str(w, "description", i->description);
	json_member_bool(w, "sample", i->sample);
	write_transitions(w, p, i->state, lang);
}

static int read_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	struct incident_process *process = ARENA_NEW(o->req->arena, struct incident_process);
	int r = get_visible(tx, o, "incident.read", err);
	if (r >= 0)
		r = incident_db_process(tx, o->req->arena, process, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(o->res, o->status);
	json_object(&w);
	write_row(&w, o, process);
	json_name(&w, "alerts");
	r = alert_write_of_incident(tx, &o->id, &w, err);
	if (r >= 0) {
		json_name(&w, "timeline");
		r = incident_db_write_entries(tx, &o->id, &w, err);
	}
	api_member_etag(&w, o->row.version);
	json_object_end(&w);
	return r;
}

static int answer_one(struct api_request *req, struct http_response *res, const struct uuid *id, int status,
                      struct err *err)
{
	struct one o = {.req = req, .res = res, .id = *id, .status = status};
	int r = db_read(req->service->db, read_one, &o, err);
	if (r >= 0)
		api_reply_etag(req, res, o.row.version);
	return r;
}

static int get_one(struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	int r = api_param_uuid(req, "id", &id, err);
	return r < 0 ? r : answer_one(req, res, &id, 200, err);
}

/* Runs the writing part on the case of the path, then shows it. */
static int write_one(struct api_request *req, struct http_response *res, db_fn fn, int status, struct err *err)
{
	struct one o = {.req = req, .res = res};
	int r = api_param_uuid(req, "id", &o.id, err);
	if (r >= 0)
		r = db_write(req->service->db, fn, &o, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return answer_one(req, res, &o.id, status, err);
}

/* ---- opening ---- */

struct open_body {
	struct str title, kind, other_label, description;
	struct uuid unit_id, endpoint_id;
	usec_t detected_at;
	int severity;
	bool has_severity;
};
#define OPEN(member) offsetof(struct open_body, member)
static const struct json_field open_fields[] = {
	{"title", JSON_FIELD_STR, OPEN(title), true, 1, 300},
	{"kind", JSON_FIELD_STR, OPEN(kind), true, 1, 60},
	{"other_label", JSON_FIELD_STR, OPEN(other_label), false, 0, 300},
	{"unit_id", JSON_FIELD_UUID, OPEN(unit_id), true},
	{"endpoint_id", JSON_FIELD_UUID, OPEN(endpoint_id)},
	{"detected_at", JSON_FIELD_TIME, OPEN(detected_at)},
	{"severity", JSON_FIELD_ENUM, OPEN(severity), .names = severity_words, .present_offset = OPEN(has_severity) + 1},
	{"description", JSON_FIELD_STR, OPEN(description), false, 0, 8000},
	{.name = NULL},
};

static int clean_texts(const struct api_request *req, struct str *const *texts, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = api_typed_text(req, texts[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

struct opening {
	struct api_request *req;
	struct uuid alert_id; /* null: by hand */
	struct uuid id;
};

static int write_opening(struct db_tx *tx, void *ctx, struct err *err)
{
	struct opening *o = ctx;
	const struct open_body *b = o->req->fields;
	usec_t now = api_now(o->req);
	struct incident_new n = {
		.unit_id = b->unit_id, .endpoint_id = b->endpoint_id, .title = b->title, .kind = b->kind,
		.description = b->description, .other_label = b->other_label,
		.severity = b->has_severity ? (enum alert_severity)b->severity : ALERT_SEVERITY_MEDIUM,
		.detected_at = b->detected_at != 0 ? b->detected_at : now};
	if (n.detected_at > now + 5 * USEC_PER_MINUTE)
		return err_set(err, -EINVAL, "incident.detected_in_future");
	int r = api_require_unit(tx, o->req, "incident.write", &n.unit_id, err);
	return r < 0 ? r : incident_open(tx, o->req->service, o->req->access, &n, &o->id, err);
}

static int create(struct api_request *req, struct http_response *res, struct err *err)
{
	struct opening o = {.req = req};
	struct open_body *b = req->fields;
	struct str *const texts[] = {&b->title, &b->other_label, &b->description};
	int r = clean_texts(req, texts, ARRAY_LEN(texts), err);
	if (r >= 0)
		r = db_write(req->service->db, write_opening, &o, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return answer_one(req, res, &o.id, 201, err);
}

struct raise_body {
	struct str title, kind, other_label, description;
};
static const struct json_field raise_fields[] = {
	{"title", JSON_FIELD_STR, offsetof(struct raise_body, title), false, 0, 300},
	{"kind", JSON_FIELD_STR, offsetof(struct raise_body, kind), true, 1, 60},
	{"other_label", JSON_FIELD_STR, offsetof(struct raise_body, other_label), false, 0, 300},
	{"description", JSON_FIELD_STR, offsetof(struct raise_body, description), false, 0, 8000},
	{.name = NULL},
};

static int write_raise(struct db_tx *tx, void *ctx, struct err *err)
{
	struct opening *o = ctx;
	const struct raise_body *b = o->req->fields;
	struct alert_brief alert;
	int r = alert_get(tx, o->req->arena, &o->alert_id, &alert, err);
	if (r >= 0)
		r = api_require_visible(tx, o->req, "alert.read", &alert.unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, o->req, "incident.write", &alert.unit_id, err);
	if (r < 0)
		return r;
	struct str title = alert_title(o->req->service, o->req->access->lang, o->req->arena, alert.title, alert.threat);
	/* The clocks of the law run from the first sign. */
	struct incident_new n = {.unit_id = alert.unit_id, .endpoint_id = alert.endpoint_id,
	                         .title = b->title.n > 0 ? b->title : title, .kind = b->kind,
	                         .description = b->description, .other_label = b->other_label,
	                         .severity = alert.severity, .detected_at = alert.first_at, .alert_id = alert.id};
	return incident_open(tx, o->req->service, o->req->access, &n, &o->id, err);
}

static int raise_alert(struct api_request *req, struct http_response *res, struct err *err)
{
	struct opening o = {.req = req};
	struct raise_body *b = req->fields;
	struct str *const texts[] = {&b->title, &b->other_label, &b->description};
	int r = api_param_uuid(req, "id", &o.alert_id, err);
	if (r >= 0)
		r = clean_texts(req, texts, ARRAY_LEN(texts), err);
	if (r >= 0)
		r = db_write(req->service->db, write_raise, &o, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return answer_one(req, res, &o.id, 201, err);
}

/* ---- changing ---- */

struct patch_body {
	struct str title, kind, other_label, description;
	usec_t detected_at;
	int severity;
	struct uuid owner_id;
	bool has_title, has_kind, has_other_label, has_description, has_detected_at, has_severity, has_owner;
};
#define PATCH(member) offsetof(struct patch_body, member)
static const struct json_field patch_fields[] = {
	{"title", JSON_FIELD_STR, PATCH(title), false, 1, 300, .present_offset = PATCH(has_title) + 1},
	{"kind", JSON_FIELD_STR, PATCH(kind), false, 1, 60, .present_offset = PATCH(has_kind) + 1},
	{"other_label", JSON_FIELD_STR, PATCH(other_label), false, 0, 300, .present_offset = PATCH(has_other_label) + 1},
	{"description", JSON_FIELD_STR, PATCH(description), false, 0, 8000, .present_offset = PATCH(has_description) + 1},
	{"detected_at", JSON_FIELD_TIME, PATCH(detected_at), .present_offset = PATCH(has_detected_at) + 1},
	{"severity", JSON_FIELD_ENUM, PATCH(severity), .names = severity_words, .present_offset = PATCH(has_severity) + 1},
	{"owner_id", JSON_FIELD_UUID, PATCH(owner_id), .present_offset = PATCH(has_owner) + 1},
	{.name = NULL},
};

static int write_patch(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	const struct patch_body *b = o->req->fields;
	int r = get_visible(tx, o, "incident.write", err);
	if (r >= 0)
		r = api_if_match(o->req, o->row.version, err);
	if (r < 0)
		return r;
	const struct incident_row *row = &o->row;
	struct incident_change c = {
		.title = b->has_title ? b->title : row->title,
		.kind = b->has_kind ? b->kind : row->kind,
		.other_label = b->has_other_label ? b->other_label : row->other_label,
		.description = b->has_description ? b->description : row->description,
		.severity = b->has_severity ? (enum alert_severity)b->severity : row->severity,
		.detected_at = b->has_detected_at ? b->detected_at : row->detected_at,
		.owner_id = b->has_owner ? b->owner_id : row->owner_id,
		.owner_name = row->owner_name,
	};
	if (b->has_owner) {
		c.owner_name = STR_EMPTY;
		r = uuid_is_null(&c.owner_id) ? 0 : account_name(tx, o->req->arena, &c.owner_id, &c.owner_name, err);
		if (r >= 0 && !uuid_is_null(&c.owner_id) && c.owner_name.n == 0)
			r = err_set(err, -EINVAL, "incident.no_such_account");
	}
	return r < 0 ? r : incident_apply_change(tx, o->req->service, o->req->access, row, &c, err);
}

static int patch(struct api_request *req, struct http_response *res, struct err *err)
{
	struct patch_body *b = req->fields;
	struct str *const texts[] = {&b->title, &b->other_label, &b->description};
	int r = clean_texts(req, texts, ARRAY_LEN(texts), err);
	return r < 0 ? r : write_one(req, res, write_patch, 200, err);
}

struct move_body {
	struct str to, note;
};
static const struct json_field move_fields[] = {
	{"to", JSON_FIELD_STR, offsetof(struct move_body, to), true, 1, 40},
	{"note", JSON_FIELD_STR, offsetof(struct move_body, note), false, 0, 4000},
	{.name = NULL},
};

static int write_move(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	const struct move_body *b = o->req->fields;
	int r = get_visible(tx, o, "incident.read", err);
	if (r >= 0)
		r = api_if_match(o->req, o->row.version, err);
	return r < 0 ? r
	             : incident_move(tx, o->req->service, o->req->access, &o->id, b->to, b->note, o->row.version, err);
}

static int transition(struct api_request *req, struct http_response *res, struct err *err)
{
	int r = api_typed_text(req, &((struct move_body *)req->fields)->note, err);
	return r < 0 ? r : write_one(req, res, write_move, 200, err);
}

struct comment_body {
	struct str text;
};
static const struct json_field comment_fields[] = {
	{"text", JSON_FIELD_STR, offsetof(struct comment_body, text), true, 1, 8000},
	{.name = NULL},
};

static int write_comment(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	const struct comment_body *b = o->req->fields;
	int r = get_visible(tx, o, "incident.write", err);
	return r < 0 ? r
	             : incident_note(tx, o->req->service, o->req->access, &o->row,
	                             &(struct incident_entry){.type = "comment", .text = b->text}, err);
}

static int comment(struct api_request *req, struct http_response *res, struct err *err)
{
	int r = api_typed_text(req, &((struct comment_body *)req->fields)->text, err);
	return r < 0 ? r : write_one(req, res, write_comment, 201, err);
}

struct link_body {
	struct uuid alert_id;
};
static const struct json_field link_fields[] = {
	{"alert_id", JSON_FIELD_UUID, offsetof(struct link_body, alert_id), true},
	{.name = NULL},
};

static int write_link(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	const struct link_body *b = o->req->fields;
	struct alert_brief alert;
	int r = get_visible(tx, o, "incident.write", err);
	if (r >= 0)
		r = alert_get(tx, o->req->arena, &b->alert_id, &alert, err);
	if (r >= 0)
		r = api_require_visible(tx, o->req, "alert.read", &alert.unit_id, err);
	if (r >= 0 && uuid_eq(&alert.incident_id, &o->id))
		return 0;
	if (r >= 0)
		r = alert_join_incident(tx, &alert, &o->id, o->row.number, api_now(o->req), err);
	if (r < 0)
		return r;
	struct str number = arena_printf(o->req->arena, "%lld", (long long)alert.number);
	return incident_note(tx, o->req->service, o->req->access, &o->row,
	                     &(struct incident_entry){.type = "alert", .text = alert.title, .to = number}, err);
}

static int link_alert(struct api_request *req, struct http_response *res, struct err *err)
{
	return write_one(req, res, write_link, 201, err);
}

/* ---- vocabulary ---- */

static int write_kinds(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	enum msg_lang lang = o->req->access->lang;
	struct incident_process *p = ARENA_NEW(o->req->arena, struct incident_process);
	int r = incident_db_process(tx, o->req->arena, p, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(o->res, 200);
	json_object(&w);
	json_name(&w, "groups");
	r = incident_db_write_kinds(tx, lang, &w, err);
	json_name(&w, "states");
	json_array(&w);
	for (size_t i = 0; i < p->state_count; i++) {
		json_object(&w);
		json_member_str(&w, "id", p->states[i].id);
		json_member_str(&w, "label", p->states[i].label[lang]);
		json_member_bool(&w, "open", p->states[i].open);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return r;
}

static int kinds(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, write_kinds, &(struct one){.req = req, .res = res}, err);
}

/* ---- the room ---- */

#define BODY(fields, type) .body = (fields), .body_size = sizeof(type)
static const struct service_route routes[] = {
	{"GET", "/api/v1/incidents", "incident.read", incident_list, "incident.route_list"},
	{"POST", "/api/v1/incidents", "incident.write", create, "incident.route_open", BODY(open_fields, struct open_body)},
	{"GET", "/api/v1/incidents/{id}", "incident.read", get_one, "incident.route_get", .sensitive_read = true},
	{"PATCH", "/api/v1/incidents/{id}", "incident.write", patch, "incident.route_change",
	 BODY(patch_fields, struct patch_body)},
	{"POST", "/api/v1/incidents/{id}/transition", "incident.read", transition, "incident.route_transition",
	 BODY(move_fields, struct move_body)},
	{"POST", "/api/v1/incidents/{id}/comments", "incident.write", comment, "incident.route_comment",
	 BODY(comment_fields, struct comment_body)},
	{"POST", "/api/v1/incidents/{id}/alerts", "incident.write", link_alert, "incident.route_link",
	 BODY(link_fields, struct link_body)},
	{"POST", "/api/v1/alerts/{id}/incident", "incident.write", raise_alert, "incident.route_raise",
	 BODY(raise_fields, struct raise_body)},
	{"GET", "/api/v1/incident-kinds", SERVICE_SIGNED_IN, kinds, "incident.route_kinds"},
	{.method = NULL},
};

static const char *const permissions[] = {"incident.read", "incident.write", "incident.respond", "incident.close", NULL};

const struct service incident_service = {
	.name = "incident",
	.routes = routes,
	.permissions = permissions,
	.migrations = incident_migrations,
	.migration_count = INCIDENT_MIGRATION_COUNT,
	.start = incident_pack_load,
};
