/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The dictionary's YAML as tables. Everything is checked here, so that applying needs no checks. */
#include <stdlib.h>

#include "engine/event/event_dictionary_internal.h"
#include "platform/pack/pack.h"

#define SLOTS 16384
#define SHAPES_MAX 200
#define GROUPS_MAX 300
#define TABLES_MAX 200
#define CONTAINERS_MAX 40
#define PATTERNS_MAX 400
#define ARENA_LIMIT ((size_t)64 << 20)

struct loader {
	struct event_dictionary *d;
	const struct pack_doc *doc;
	struct err *err;
};

static const char *const transform_names[] = {
#define TRANSFORM(name) #name,
#include "engine/event/event_transform.def"
#undef TRANSFORM
	NULL,
};

static const char *const capture_names[] = {"text", "any", "greedy", "word", "ip", "int", "time", "level", "quoted", "pairs", "syslog", "rest"};
_Static_assert(ARRAY_LEN(capture_names) == EVENT_CAPTURE__COUNT, "one name each");

static int wrong(struct loader *l, const struct json *node, struct str name)
{
	return pack_error(l->doc, node, err_set(l->err, -EINVAL, "event.dictionary", ARG_STR("name", name)), l->err);
}

static struct str kept(struct loader *l, struct str s)
{
	return arena_str(l->d->arena, s);
}

/* The number of a name, a new one if need be; 0: there are too many. */
static uint16_t intern(struct loader *l, struct str s)
{
	struct event_names *t = &l->d->names;
	uint16_t found = event_names_find(t, s);
	if (found != 0 || t->count + 1 >= EVENT_NAMES_MAX)
		return found;
	uint32_t hash = event_name_hash(s);
	size_t at = hash & t->mask;
	while (t->slots[at] != 0)
		at = (at + 1) & t->mask;
	t->slots[at] = (uint16_t)++t->count;
	t->names[t->count] = (struct event_name){kept(l, s), hash};
	return (uint16_t)t->count;
}

static uint16_t intern_joined(struct loader *l, struct str prefix, const char *suffix)
{
	return intern(l, arena_printf(l->d->arena, "%.*s%s", STR_FMT(prefix), suffix));
}

static const struct json *object_of(const struct json *node, const char *name)
{
	const struct json *o = json_get(node, name);
	return o != NULL && o->type == JSON_OBJECT ? o : NULL;
}

/* ---- tables ---- */

static int compare_rows(const void *a, const void *b)
{
	const struct event_table_row *x = a, *y = b;
	return str_cmp(x->key, y->key);
}

static int read_tables(struct loader *l, const struct json *map)
{
	struct event_dictionary *d = l->d;
	json_each(table, map) {
		if (table->type != JSON_OBJECT || d->table_count == TABLES_MAX)
			return wrong(l, table, table->name);
		struct event_table *t = &d->tables[d->table_count++];
		*t = (struct event_table){.name = kept(l, table->name), .rows = arena_alloc(d->arena, (table->count + 1) * sizeof *t->rows)};
		json_each(row, table) {
			if (row->type != JSON_STRING)
				return wrong(l, row, row->name);
			if (str_eq_c(row->name, "*"))
				t->fallback = kept(l, row->text);
			else
				t->rows[t->count++] = (struct event_table_row){kept(l, row->name), kept(l, row->text)};
		}
		qsort(t->rows, t->count, sizeof *t->rows, compare_rows);
	}
	return 0;
}

static const struct event_table *table_of(const struct loader *l, struct str name)
{
	for (size_t i = 0; i < l->d->table_count; i++)
		if (str_eq(l->d->tables[i].name, name))
			return &l->d->tables[i];
	return NULL;
}

/* ---- rows ---- */

static void name_targets(struct loader *l, struct event_row_rule *row, struct str to)
{
	static const struct {
		enum event_transform transform;
		const char *suffixes[3];
	} several[] = {
		{EVENT_TRANSFORM_domain_user, {".name", ".domain", NULL}},
		{EVENT_TRANSFORM_user_domain, {".name", ".domain", NULL}},
		{EVENT_TRANSFORM_ip_port, {".ip", ".port", NULL}},
		{EVENT_TRANSFORM_url, {".path", ".query", NULL}},
		{EVENT_TRANSFORM_hash, {".md5", ".sha1", ".sha256"}},
		{EVENT_TRANSFORM_hashes, {".md5", ".sha1", ".sha256"}},
	};
	for (size_t i = 0; i < ARRAY_LEN(several); i++)
		if (several[i].transform == (enum event_transform)row->transform) {
			for (size_t k = 0; k < 3 && several[i].suffixes[k] != NULL; k++)
				row->to[k] = intern_joined(l, to, several[i].suffixes[k]);
			return;
		}
	row->to[0] = intern(l, to);
}

/* "lower", "table:outcome", "prefix:zeek.". */
static int read_transform(struct loader *l, const struct json *node, struct event_row_rule *row)
{
	struct str rest = node != NULL ? node->text : STR("copy"), word = STR_EMPTY;
	size_t i = 0;
	(void)str_split(&rest, ':', &word);
	while (transform_names[i] != NULL && !str_eq_c(word, transform_names[i]))
		i++;
	if (transform_names[i] == NULL)
		return wrong(l, node, word);
	row->transform = (uint8_t)i;
	row->argument = kept(l, rest);
	if (i == EVENT_TRANSFORM_table && (row->table = table_of(l, rest)) == NULL)
		return wrong(l, node, rest);
	return 0;
}

/* [from, to], [from, to, transform], [from, to, transform, replace]; from may be a list. */
static int read_row(struct loader *l, const struct json *node, struct event_row_rule *row)
{
	const struct json *from = node->type == JSON_ARRAY ? node->child : NULL, *to = from != NULL ? from->next : NULL;
	if (to == NULL || to->type != JSON_STRING || node->count > 4)
		return wrong(l, node, STR("fields"));
	const struct json *transform = to->next, *replace = transform != NULL ? transform->next : NULL;
	if (from->type == JSON_STRING) {
		row->from[row->from_count++] = intern(l, from->text);
	} else {
		json_each(part, from) {
			if (part->type != JSON_STRING || row->from_count == EVENT_ROW_SOURCES)
				return wrong(l, part, STR("fields"));
			row->from[row->from_count++] = intern(l, part->text);
		}
	}
	int r = read_transform(l, transform, row);
	if (r < 0)
		return r;
	if (row->from_count == 0 || (replace != NULL && !str_eq_c(replace->text, "replace")))
		return wrong(l, node, STR("replace"));
	row->replace = replace != NULL;
	name_targets(l, row, to->text);
	return 0;
}

static int read_constants(struct loader *l, const struct json *map, struct event_constant **ret, size_t *ret_count)
{
	struct event_constant *all = arena_alloc(l->d->arena, ((map != NULL ? map->count : 0) + *ret_count + 1) * sizeof *all);
	size_t n = *ret_count;
	if (n > 0)
		(void)memcpy(all, *ret, n * sizeof *all);
	json_each(member, map) {
		if (member->type != JSON_STRING)
			return wrong(l, member, member->name);
		all[n++] = (struct event_constant){intern(l, member->name), kept(l, member->text)};
	}
	*ret = all;
	*ret_count = n;
	return 0;
}

/* Behind the rules that are there. */
static int read_rules(struct loader *l, const struct json *node, struct event_rules *rules)
{
	const struct json *fields = json_get(node, "fields");
	size_t more = fields != NULL ? fields->count : 0;
	struct event_row_rule *rows = arena_alloc(l->d->arena, (rules->row_count + more + 1) * sizeof *rows);
	if (rules->row_count > 0)
		(void)memcpy(rows, rules->rows, rules->row_count * sizeof *rows);
	rules->rows = rows;
	json_each(row, fields) {
		int r = read_row(l, row, &rows[rules->row_count]);
		if (r < 0)
			return r;
		rules->row_count++;
	}
	return read_constants(l, object_of(node, "set"), &rules->constants, &rules->constant_count);
}

static int read_condition(struct loader *l, const struct json *node, struct event_condition *c)
{
	c->name = intern(l, node->name);
	if (node->type != JSON_ARRAY)
		return wrong(l, node, node->name);
	struct str *values = arena_alloc(l->d->arena, (node->count + 1) * sizeof *values);
	json_each(value, node) {
		if (value->type != JSON_STRING)
			return wrong(l, value, node->name);
		values[c->value_count++] = kept(l, value->text);
	}
	c->values = values;
	return 0;
}

static int read_shape(struct loader *l, const struct json *node, const struct json *groups)
{
	struct event_dictionary *d = l->d;
	struct event_shape *shape = &d->shapes[d->shape_count];
	const struct json *when = object_of(node, "when");
	*shape = (struct event_shape){.name = kept(l, json_get_str(node, "name", STR("")))};
	if (when == NULL || when->count == 0 || when->count > EVENT_SHAPE_CONDITIONS || d->shape_count == SHAPES_MAX)
		return wrong(l, node, shape->name);
	shape->messages = json_get_bool(node, "messages", false);
	json_each(condition, when) {
		int r = read_condition(l, condition, &shape->conditions[shape->condition_count++]);
		if (r < 0)
			return r;
	}
	int r = read_rules(l, node, &shape->rules);
	json_each(use, json_get(node, "use")) {
		const struct json *group = groups;
		json_each(g, groups)
			if (str_eq(g->name, use->text))
				group = g;
		if (r == 0)
			r = group == groups ? wrong(l, use, use->text) : read_rules(l, group, &shape->rules);
	}
	if (r == 0)
		d->shape_count++;
	return r;
}

/* ---- patterns ---- */

static int read_capture(struct loader *l, const struct json *node, struct str text, struct event_piece *piece)
{
	size_t colon = str_find_char(text, ':');
	struct str name = str_sub(text, 0, colon), type = colon == SIZE_MAX ? STR("text") : str_sub(text, colon + 1, text.n);
	size_t i = 0;
	while (i < ARRAY_LEN(capture_names) && !str_eq_c(type, capture_names[i]))
		i++;
	if (i == ARRAY_LEN(capture_names))
		return wrong(l, node, type);
	*piece = (struct event_piece){.name = name.n > 0 ? intern(l, name) : 0, .type = (enum event_capture)i};
	return 0;
}

/* "Failed {method} for {user.name:greedy} from {source.ip:ip}". */
static int read_pattern(struct loader *l, const struct json *node, struct event_pattern *p)
{
	struct str text = json_get_str(node, "like", STR_EMPTY);
	struct event_piece *pieces = arena_alloc(l->d->arena, EVENT_PATTERN_PIECES * sizeof *pieces);
	bool captured = false;
	*p = (struct event_pattern){.pieces = pieces};
	for (size_t i = 0; i < text.n;) {
		bool open = text.p[i] == '{';
		size_t to = str_find_char(str_sub(text, i, text.n), open ? '}' : '{');
		if (p->piece_count == EVENT_PATTERN_PIECES || (open && (to == SIZE_MAX || captured)))
			return wrong(l, node, text);
		to = to == SIZE_MAX ? text.n : i + to;
		struct event_piece *piece = &pieces[p->piece_count++];
		if (open) {
			int r = read_capture(l, node, str_sub(text, i + 1, to), piece);
			if (r < 0)
				return r;
			captured = piece->type <= EVENT_CAPTURE_WORD;
		} else {
			*piece = (struct event_piece){.literal = kept(l, str_sub(text, i, to))};
			captured = false;
		}
		i = to + open;
	}
	if (p->piece_count == 0)
		return wrong(l, node, STR("like"));
	return read_constants(l, object_of(node, "set"), &p->constants, &p->constant_count);
}

/* Behind the patterns that are there. */
static int read_patterns(struct loader *l, const struct json *list, struct event_patterns *g)
{
	size_t more = list != NULL ? list->count : 0;
	if (g->count + more > PATTERNS_MAX)
		return wrong(l, list, STR("patterns"));
	struct event_pattern *items = arena_alloc(l->d->arena, (g->count + more + 1) * sizeof *items);
	if (g->count > 0)
		(void)memcpy(items, g->items, g->count * sizeof *items);
	g->items = items;
	json_each(row, list) {
		int r = read_pattern(l, row, &items[g->count]);
		if (r < 0)
			return r;
		g->count++;
	}
	return 0;
}

/* A program of an earlier file keeps its group; this one's patterns come behind. */
static int read_program(struct loader *l, const struct json *node, const struct json *programs)
{
	struct event_dictionary *d = l->d;
	struct event_patterns own = {.lines = json_get_bool(node, "lines", false)};
	int r = read_patterns(l, json_get(node, "patterns"), &own);
	if (r == 0)
		r = read_constants(l, object_of(node, "set"), &own.constants, &own.constant_count);
	if (r < 0 || d->message_count == GROUPS_MAX)
		return r < 0 ? r : wrong(l, node, STR("messages"));
	d->messages[d->message_count++] = own;
	uint16_t group = (uint16_t)d->message_count;
	json_each(program, programs) {
		if (program->type != JSON_STRING)
			return wrong(l, node, STR("programs"));
		uint16_t id = intern(l, program->text);
		if (str_eq_c(program->text, "*"))
			d->any_program = d->any_program != 0 ? d->any_program : group;
		else if (d->program_of_name[id] == 0)
			d->program_of_name[id] = group;
	}
	return 0;
}

/* ---- the file ---- */

static int read_containers(struct loader *l, const struct json *list)
{
	struct event_dictionary *d = l->d;
	json_each(path, list) {
		struct str s = path->text;
		if (path->type != JSON_STRING || s.n == 0 || d->container_count == CONTAINERS_MAX)
			return wrong(l, path, STR("containers"));
		struct event_container *c = &d->containers[d->container_count++];
		c->any = str_ends_with(s, STR(".*"));
		c->path = arena_printf(d->arena, "%.*s.", STR_FMT(c->any ? str_sub(s, 0, s.n - 2) : s));
	}
	return 0;
}

static int read_aliases(struct loader *l, const struct json *map)
{
	json_each(alias, map) {
		if (alias->type != JSON_STRING)
			return wrong(l, alias, alias->name);
		uint16_t name = intern(l, alias->name);
		l->d->alias_of_name[name] = intern(l, alias->text);
	}
	return 0;
}

static int read_document(struct loader *l, const struct json *root)
{
	static const char *const keys[] = {"containers", "aliases", "tables", "groups", "shapes", "messages", "lines"};
	if (root->type == JSON_NULL)
		return 0;
	if (root->type != JSON_OBJECT)
		return wrong(l, root, STR(""));
	json_each(member, root) {
		size_t i = 0;
		while (i < ARRAY_LEN(keys) && !str_eq_c(member->name, keys[i]))
			i++;
		if (i == ARRAY_LEN(keys))
			return wrong(l, member, member->name);
	}
	int r = read_containers(l, json_get(root, "containers"));
	if (r == 0)
		r = read_aliases(l, json_get(root, "aliases"));
	if (r == 0)
		r = read_tables(l, json_get(root, "tables"));
	json_each(shape, json_get(root, "shapes"))
		if (r == 0)
			r = read_shape(l, shape, json_get(root, "groups"));
	json_each(node, json_get(root, "messages"))
		if (r == 0)
			r = read_program(l, node, json_get(node, "programs"));
	return r == 0 ? read_patterns(l, json_get(root, "lines"), &l->d->lines) : r;
}

static int read_text(struct loader *l, struct arena *scratch, const char *file, struct str text)
{
	int r = text.n > 0 ? pack_parse(scratch, file, text, &l->doc, l->err) : 0;
	return r < 0 || text.n == 0 ? r : read_document(l, l->doc->root);
}

int event_dictionary_new(const char *file, struct str text, const char *extra_file, struct str extra,
                         struct event_dictionary **ret, struct err *err)
{
	cleanup(arena) struct arena *scratch = arena_new(ARENA_LIMIT);
	cleanup(event_dictionary) struct event_dictionary *d = MEM_NEW(struct event_dictionary);
	struct loader l = {.d = d, .err = err};
	d->arena = arena_new(ARENA_LIMIT);
	d->names.names = arena_alloc(d->arena, EVENT_NAMES_MAX * sizeof *d->names.names);
	d->names.slots = arena_alloc(d->arena, SLOTS * sizeof *d->names.slots);
	d->names.mask = SLOTS - 1;
	d->containers = arena_alloc(d->arena, CONTAINERS_MAX * sizeof *d->containers);
	d->tables = arena_alloc(d->arena, TABLES_MAX * sizeof *d->tables);
	d->shapes = arena_alloc(d->arena, SHAPES_MAX * sizeof *d->shapes);
	d->messages = arena_alloc(d->arena, GROUPS_MAX * sizeof *d->messages);
	d->alias_of_name = arena_alloc(d->arena, EVENT_NAMES_MAX * sizeof *d->alias_of_name);
	d->program_of_name = arena_alloc(d->arena, EVENT_NAMES_MAX * sizeof *d->program_of_name);
	int r = read_text(&l, scratch, extra_file, extra);
	if (r == 0)
		r = read_text(&l, scratch, file, text);
	if (r == 0 && d->names.count + 2 >= EVENT_NAMES_MAX)
		r = wrong(&l, NULL, STR("names"));
	if (r < 0)
		return r;
	*ret = TAKE(d);
	return 0;
}

void event_dictionary_free(struct event_dictionary *d)
{
	if (d == NULL)
		return;
	arena_free(d->arena);
	mem_free(d);
}
