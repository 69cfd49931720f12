/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reads incident_kinds.yaml and incident_states.yaml at start into the database, where every core process sees them. */
#include "base/file/file.h"
#include "platform/pack/pack.h"
#include "service/incident/incident_internal.h"

struct label {
	struct str vi, en;
};
static const struct json_field label_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct label, vi), true, 1, 500},
	{"en", JSON_FIELD_STR, offsetof(struct label, en), true, 1, 500},
	{.name = NULL},
};

struct reader {
	struct arena *arena;
	struct db_tx *tx;
	const struct pack_doc *doc;
};

static int read_label(const struct reader *r, const struct json *label, struct str ret[MSG_LANG__COUNT], struct err *err)
{
	struct label l = {.vi = STR_EMPTY};
	int e = pack_decode(r->arena, r->doc, label, label_fields, &l, err);
	ret[MSG_LANG_VI] = l.vi;
	ret[MSG_LANG_EN] = l.en;
	return e;
}

struct kind_node {
	struct str id, line, personal_data, signals;
	const struct json *label, *effects, *first_actions;
	bool needs_label;
};
static const struct json_field kind_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct kind_node, id), true, 1, 60},
	{"label", JSON_FIELD_ANY, offsetof(struct kind_node, label), true},
	{"line", JSON_FIELD_STR, offsetof(struct kind_node, line), true, 1, 60},
	{"effects", JSON_FIELD_ANY, offsetof(struct kind_node, effects), true},
	{"personal_data", JSON_FIELD_STR, offsetof(struct kind_node, personal_data), true, 1, 20},
	{"needs_label", JSON_FIELD_BOOL, offsetof(struct kind_node, needs_label)},
	{"signals", JSON_FIELD_STR, offsetof(struct kind_node, signals)},
	{"first_actions", JSON_FIELD_ANY, offsetof(struct kind_node, first_actions), true},
	{.name = NULL},
};

static int put_kind(const struct reader *r, const struct json *node, struct str group, int64_t position, struct err *err)
{
	struct kind_node k = {.needs_label = false};
	struct incident_kind_row row = {.group = group, .position = position};
	int e = pack_decode(r->arena, r->doc, node, kind_fields, &k, err);
	if (e >= 0)
		e = read_label(r, k.label, row.label, err);
	if (e >= 0)
		e = read_label(r, k.first_actions, row.first_actions, err);
	if (e < 0)
		return e;
	cleanup_buf struct buf effects = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&effects);
	json_tree(&w, k.effects);
	row.id = k.id;
	row.line = k.line;
	row.effects_json = buf_str(&effects);
	row.personal_data = k.personal_data;
	row.signals = k.signals;
	row.needs_label = k.needs_label;
	return incident_db_put_kind(r->tx, &row, err);
}

struct group_node {
	struct str id, cause;
	const struct json *label, *kinds;
};
static const struct json_field group_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct group_node, id), true, 1, 60},
	{"label", JSON_FIELD_ANY, offsetof(struct group_node, label), true},
	{"cause", JSON_FIELD_STR, offsetof(struct group_node, cause), true, 1, 60},
	{"kinds", JSON_FIELD_ANY, offsetof(struct group_node, kinds), true},
	{.name = NULL},
};

static int put_group(const struct reader *r, const struct json *node, int64_t position, struct err *err)
{
	struct group_node g = {.kinds = NULL};
	struct incident_group_row row = {.position = position};
	int e = pack_decode(r->arena, r->doc, node, group_fields, &g, err);
	if (e >= 0)
		e = read_label(r, g.label, row.label, err);
	if (e < 0)
		return e;
	row.id = g.id;
	row.cause = g.cause;
	e = incident_db_put_group(r->tx, &row, err);
	int64_t n = 0;
	json_each(kind, g.kinds) {
		if (e >= 0)
			e = put_kind(r, kind, g.id, position * 1000 + n++, err);
	}
	return e;
}

struct transition_node {
	struct str from, to, permission;
	bool note;
	const struct json *label;
};
static const struct json_field transition_fields[] = {
	{"from", JSON_FIELD_STR, offsetof(struct transition_node, from), true, 1, 40},
	{"to", JSON_FIELD_STR, offsetof(struct transition_node, to), true, 1, 40},
	{"permission", JSON_FIELD_STR, offsetof(struct transition_node, permission), true, 1, 60},
	{"note", JSON_FIELD_BOOL, offsetof(struct transition_node, note), true},
	{"label", JSON_FIELD_ANY, offsetof(struct transition_node, label), true},
	{.name = NULL},
};

struct state_node {
	struct str id;
	bool open;
	const struct json *label;
};
static const struct json_field state_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct state_node, id), true, 1, 40},
	{"open", JSON_FIELD_BOOL, offsetof(struct state_node, open), true},
	{"label", JSON_FIELD_ANY, offsetof(struct state_node, label), true},
	{.name = NULL},
};

static int read_states(const struct reader *r, const struct json *list, struct incident_process *p, struct err *err)
{
	json_each(node, list) {
		struct state_node n = {.open = false};
		if (p->state_count == INCIDENT_STATES_MAX)
			return pack_error(r->doc, node, err_set(err, -E2BIG, "incident.process_too_big"), err);
		struct incident_state *s = &p->states[p->state_count++];
		int e = pack_decode(r->arena, r->doc, node, state_fields, &n, err);
		if (e >= 0)
			e = read_label(r, n.label, s->label, err);
		if (e < 0)
			return e;
		s->id = n.id;
		s->open = n.open;
	}
	return 0;
}

static int read_transitions(const struct reader *r, const struct json *list, struct incident_process *p, struct err *err)
{
	json_each(node, list) {
		struct transition_node n = {.note = false};
		if (p->transition_count == INCIDENT_TRANSITIONS_MAX)
			return pack_error(r->doc, node, err_set(err, -E2BIG, "incident.process_too_big"), err);
		struct incident_transition *t = &p->transitions[p->transition_count++];
		int e = pack_decode(r->arena, r->doc, node, transition_fields, &n, err);
		if (e >= 0)
			e = read_label(r, n.label, t->label, err);
		if (e < 0)
			return e;
		t->from = n.from;
		t->to = n.to;
		t->permission = n.permission;
		t->note = n.note;
	}
	return 0;
}

static int put_process(const struct reader *r, struct err *err)
{
	struct incident_process *p = ARENA_NEW(r->arena, struct incident_process);
	p->initial = json_get_str(r->doc->root, "initial", STR_EMPTY);
	int e = read_states(r, json_get(r->doc->root, "states"), p, err);
	if (e >= 0)
		e = read_transitions(r, json_get(r->doc->root, "transitions"), p, err);
	if (e >= 0) {
		e = incident_process_check(p, err);
		if (e < 0)
			return pack_error(r->doc, NULL, e, err);
		e = incident_db_put_process(r->tx, p, err);
	}
	return e;
}

struct load {
	struct arena *arena;
	const struct pack_doc *kinds, *states;
};

static int load_all(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct load *l = ctx;
	struct reader r = {.arena = l->arena, .tx = tx, .doc = l->kinds};
	int64_t n = 0;
	json_each(group, json_get(l->kinds->root, "groups")) {
		int e = put_group(&r, group, n++, err);
		if (e < 0)
			return e;
	}
	r.doc = l->states;
	return put_process(&r, err);
}

static int load_doc(const struct service_context *sc, struct arena *arena, const char *name,
                    const struct pack_doc **ret, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(sc->packs_dir), str_c(name));
	/* Messages keep pointing at the path while the document lives. */
	return pack_load(arena, arena_cstr(arena, buf_str(&path)), ret, err);
}

int incident_pack_load(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct load l = {.arena = arena};
	int r = load_doc(sc, arena, "vn/incident_kinds.yaml", &l.kinds, err);
	if (r >= 0)
		r = load_doc(sc, arena, "vn/incident_states.yaml", &l.states, err);
	return r < 0 ? r : db_write(sc->db, load_all, &l, err);
}
