/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/csv/csv.h"
#include "base/file/file.h"
#include "base/log/log.h"
#include "base/text/text.h"
#include "platform/pack/pack.h"
#include "service/account/account.h"
#include "service/endpoint/endpoint.h"
#include "service/incident/incident.h"
#include "service/sample/sample.h"
#include "service/unit/unit.h"

#define FILE_MAX ((size_t)8 << 20)

static const struct access loader = {.kind = ACCESS_SYSTEM, .name = {"sample", 6}};

struct load {
	const struct service_context *sc;
	struct arena *arena;
	usec_t now;
	const char *path;
	struct str text;               /* machines.csv */
	unsigned machines;
};

/* ---- machines ---- */

static int put_machine(struct db_tx *tx, const struct load *l, const struct csv *row, struct err *err)
{
	struct endpoint_sample m = {.hostname = csv_field(row, "hostname"), .os = csv_field(row, "os"),
	                            .os_version = csv_field(row, "os_version"), .address = csv_field(row, "address"),
	                            .agent_version = csv_field(row, "agent_version")};
	uint64_t minutes = 0;
	if (m.hostname.n == 0 || !endpoint_state_parse(csv_field(row, "state"), &m.state) ||
	    !str_parse_u64(csv_field(row, "silent_minutes"), 0, 1000000, &minutes))
		return err_set(err, -EINVAL, "sample.bad_machine", ARG_U64("line", row->line));
	m.reason = arena_cstr(l->arena, csv_field(row, "reason"));
	m.last_seen_at = l->now - (usec_t)minutes * USEC_PER_MINUTE;
	int r = unit_find(tx, csv_field(row, "unit"), &m.unit_id, err);
	return r < 0 ? r : endpoint_put_sample(tx, &m, l->now, err);
}

static int put_machines(struct db_tx *tx, void *ctx, struct err *err)
{
	struct load *l = ctx;
	struct csv csv;
	l->machines = 0;
	int r = csv_begin(&csv, l->arena, l->text, err);
	while (r >= 0 && (r = csv_next(&csv, l->arena, err)) > 0) {
		r = put_machine(tx, l, &csv, err);
		l->machines++;
	}
	return r < 0 ? err_at(err, str_c(l->path)) : r;
}

static int load_machines(struct load *l, const char *dir, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_MAX);
	l->path = arena_printf(l->arena, "%s/machines.csv", dir).p;
	int r = file_read(l->path, FILE_MAX, &text, err);
	l->text = buf_str(&text);
	return r < 0 ? r : db_write(l->sc->db, put_machines, l, err);
}

/* ---- alerts and incidents ---- */

struct alert_node {
	struct str key, hostname, threat, title, path, action;
	int64_t hours_ago;
	struct str severity;
};
#define ALERT(member) offsetof(struct alert_node, member)
static const struct json_field alert_fields[] = {
	{"key", JSON_FIELD_STR, ALERT(key), true, 1, 100},
	{"hours_ago", JSON_FIELD_INT, ALERT(hours_ago), true, 0, 100000},
	{"hostname", JSON_FIELD_STR, ALERT(hostname), true, 1, 255},
	{"severity", JSON_FIELD_STR, ALERT(severity), true, 1, 20},
	{"threat", JSON_FIELD_STR, ALERT(threat), true, 1, 200},
	{"title", JSON_FIELD_STR, ALERT(title), true, 1, 300},
	{"path", JSON_FIELD_STR, ALERT(path), true, 1, 1000},
	{"action", JSON_FIELD_STR, ALERT(action), true, 1, 40},
	{.name = NULL},
};

struct incident_node {
	struct str key, alert, kind, title, description, severity;
	int64_t hours_ago;
	struct json_str_list states;
};
#define INCIDENT(member) offsetof(struct incident_node, member)
static const struct json_field incident_fields[] = {
	{"key", JSON_FIELD_STR, INCIDENT(key), true, 1, 100},
	{"hours_ago", JSON_FIELD_INT, INCIDENT(hours_ago), true, 0, 100000},
	{"alert", JSON_FIELD_STR, INCIDENT(alert), true, 1, 100},
	{"kind", JSON_FIELD_STR, INCIDENT(kind), true, 1, 60},
	{"severity", JSON_FIELD_STR, INCIDENT(severity), true, 1, 20},
	{"title", JSON_FIELD_STR, INCIDENT(title), true, 1, 300},
	{"description", JSON_FIELD_STR, INCIDENT(description), false, 0, 4000},
	{"states", JSON_FIELD_STR_LIST, INCIDENT(states), false, 0, 20},
	{.name = NULL},
};

struct lookup {
	struct str hostname, key;
	struct uuid id;
	int found;
};

static int find_machine(struct db_tx *tx, void *ctx, struct err *err)
{
	struct lookup *l = ctx;
	l->found = endpoint_find_sample(tx, l->hostname, &l->id, err);
	return l->found < 0 ? l->found : 0;
}

static int load_alert(const struct load *l, const struct alert_node *n, struct err *err)
{
	struct lookup machine = {.hostname = n->hostname};
	int r = db_read(l->sc->db, find_machine, &machine, err);
	if (r < 0)
		return r;
	struct alert_record record = {
		.key = n->key, .rule_id = STR("sample"), .title = n->title, .endpoint_id = machine.id,
		.first_event_id = n->key, .at = l->now - n->hours_ago * USEC_PER_HOUR, .threat = n->threat, .path = n->path,
		.engine = STR("sample"), .rule_name = STR("sample"), .action = n->action, .size_bytes = -1,
		.raw = STR("{\"sample\":true}"), .sample = true,
		.quarantine_id = str_eq(n->action, STR("quarantined")) ? n->key : STR_EMPTY};
	if (machine.found == 0 || !alert_severity_parse(n->severity, &record.severity))
		return err_set(err, -EINVAL, "sample.bad_event", ARG_STR("key", n->key));
	r = alert_intake(l->sc, &record, err);
	return r < 0 ? r : 0;
}

struct raise {
	const struct load *load;
	const struct incident_node *node;
};

static int raise_incident(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct raise *c = ctx;
	const struct incident_node *n = c->node;
	const struct service_context *sc = c->load->sc;
	struct alert_brief alert;
	struct uuid alert_id, id;
	int r = alert_find_by_key(tx, n->alert, &alert_id, err);
	if (r == 0)
		return err_set(err, -EINVAL, "sample.bad_event", ARG_STR("key", n->key));
	if (r > 0)
		r = alert_get(tx, c->load->arena, &alert_id, &alert, err);
	/* Raised by an earlier loading. */
	if (r < 0 || !uuid_is_null(&alert.incident_id))
		return r;
	struct incident_new i = {.unit_id = alert.unit_id, .endpoint_id = alert.endpoint_id, .title = n->title,
	                         .kind = n->kind, .description = n->description, .alert_id = alert_id,
	                         .detected_at = c->load->now - n->hours_ago * USEC_PER_HOUR, .sample = true};
	if (!alert_severity_parse(n->severity, &i.severity))
		return err_set(err, -EINVAL, "sample.bad_event", ARG_STR("key", n->key));
	r = incident_open(tx, sc, &loader, &i, &id, err);
	for (size_t s = 0; r >= 0 && s < n->states.count; s++)
		r = incident_move(tx, sc, &loader, &id, n->states.items[s], STR_EMPTY, (int64_t)s + 1, err);
	return r;
}

static int load_events(const struct load *l, const char *dir, struct err *err)
{
	const struct pack_doc *doc = NULL;
	int r = pack_load(l->arena, arena_printf(l->arena, "%s/events.yaml", dir).p, &doc, err);
	if (r < 0)
		return r;
	json_each(node, json_get(doc->root, "alerts")) {
		struct alert_node n = {.hours_ago = 0};
		r = pack_decode(l->arena, doc, node, alert_fields, &n, err);
		if (r >= 0)
			r = load_alert(l, &n, err);
		if (r < 0)
			return r;
	}
	json_each(node, json_get(doc->root, "incidents")) {
		struct incident_node n = {.hours_ago = 0};
		r = pack_decode(l->arena, doc, node, incident_fields, &n, err);
		if (r >= 0)
			r = db_write(l->sc->db, raise_incident, &(struct raise){l, &n}, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int sample_load(const struct service_context *sc, const char *dir, struct str password, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct load l = {.sc = sc, .arena = arena, .now = sc->now()};
	unsigned units = 0, people = 0;
	int r = unit_import_csv(sc, &loader, arena_printf(arena, "%s/units.csv", dir).p, true, &units, err);
	if (r >= 0)
		r = account_import_people(sc, &loader, arena_printf(arena, "%s/people.yaml", dir).p, password, &people, err);
	if (r >= 0)
		r = load_machines(&l, dir, err);
	if (r >= 0)
		r = load_events(&l, dir, err);
	if (r < 0)
		return r;
	if (sc->outbox_wake != NULL)
		sc->outbox_wake(sc->outbox_wake_ctx);
	log_info("sample loaded", ARG_U64("units", units), ARG_U64("people", people), ARG_U64("machines", l.machines));
	return 0;
}
