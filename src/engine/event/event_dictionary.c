/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Applying the dictionary: the shape by its marker fields, then its rows in their order. One look-up a field of the event. */
#include "engine/event/event_dictionary_internal.h"

#include <pthread.h>

#include "base/file/file.h"

#define FILE_LIMIT ((size_t)4 << 20)

extern const unsigned char event_dictionary_data[];
extern const size_t event_dictionary_data_size;

static bool blank_value(struct str s)
{
	return s.n == 0 || (s.n == 1 && s.p[0] == '-');
}

/* Members of containers are known by their own names: "winlog.event_data.Image" is "Image". */
static struct str own_name(const struct event_dictionary *d, struct str name)
{
	for (size_t i = 0; i < d->container_count; i++) {
		const struct event_container *c = &d->containers[i];
		if (name.n <= c->path.n || name.p[0] != c->path.p[0] || memcmp(name.p, c->path.p, c->path.n) != 0)
			continue;
		struct str rest = str_sub(name, c->path.n, name.n);
		size_t dot = c->any ? str_find_char(rest, '.') : 0;
		if (c->any && dot == SIZE_MAX)
			continue;
		return c->any ? str_sub(rest, dot + 1, rest.n) : rest;
	}
	return name;
}

static void look_up(struct event_apply *a)
{
	const struct event_dictionary *d = a->d;
	(void)memset(a->first, 0, (d->names.count + 1) * sizeof a->first[0]);
	for (size_t i = 0; i < a->b->count; i++) {
		const struct event_field *f = &a->b->fields[i];
		if (f->type == EVENT_TYPE_NULL)
			continue;
		uint16_t id = event_names_find(&d->names, f->name);
		if (id == 0) {
			struct str own = own_name(d, f->name);
			if (own.n == f->name.n || (id = event_names_find(&d->names, own)) == 0)
				continue;
		}
		if (d->alias_of_name[id] != 0)
			id = d->alias_of_name[id];
		if (a->first[id] == 0)
			a->first[id] = (uint16_t)(i + 1);
	}
}

static bool value_fits(struct str value, struct str wanted)
{
	if (wanted.n > 0 && wanted.p[wanted.n - 1] == '*')
		return str_starts_with(value, str_sub(wanted, 0, wanted.n - 1));
	return str_eq(value, wanted);
}

static bool holds(const struct event_apply *a, const struct event_condition *c)
{
	if (a->first[c->name] == 0)
		return false;
	for (size_t i = 0; i < c->value_count; i++)
		if (value_fits(a->b->fields[a->first[c->name] - 1].value, c->values[i]))
			return true;
	return c->value_count == 0;
}

static const struct event_shape *shape_of(const struct event_apply *a, size_t from)
{
	for (size_t s = 0; s < a->d->shape_count; s++) {
		const struct event_shape *shape = &a->d->shapes[s];
		size_t i = 0;
		while (i < shape->condition_count && holds(a, &shape->conditions[i]))
			i++;
		if (i == shape->condition_count && a->first[shape->conditions[0].name] > from)
			return shape;
	}
	return NULL;
}

void event_apply_put(struct event_apply *a, uint16_t name, struct str value, bool replace)
{
	if (name == 0 || blank_value(value))
		return;
	if (a->first[name] != 0) {
		if (replace) {
			struct event_field *f = &a->b->fields[a->first[name] - 1];
			*f = (struct event_field){.name = f->name, .value = value, .type = EVENT_TYPE_STR, .pathless = true};
		}
		return;
	}
	size_t count = a->b->count;
	event_build_add(a->b, a->d->names.names[name].text, value);
	if (a->b->count > count)
		a->first[name] = (uint16_t)a->b->count;
}

/* The values of all its sources that are there, a blank between. */
static void run_joined(struct event_apply *a, const struct event_row_rule *row)
{
	struct str parts[EVENT_ROW_SOURCES];
	size_t n = 0, bytes = 0, used = 0;
	const struct event_field *first = NULL;
	for (size_t i = 0; i < row->from_count; i++) {
		if (a->first[row->from[i]] == 0)
			continue;
		const struct event_field *f = &a->b->fields[a->first[row->from[i]] - 1];
		first = first != NULL ? first : f;
		if (f->value.n > 0) {
			parts[n++] = f->value;
			bytes += f->value.n + 1;
		}
	}
	char *out = n > 0 && a->first[row->from[0]] != 0 ? arena_try(a->b->arena, bytes, 1) : NULL;
	if (out == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			out[used++] = ' ';
		(void)memcpy(out + used, parts[i].p, parts[i].n);
		used += parts[i].n;
	}
	event_transform_run(a, row, first, str_n(out, used));
}

static void run_rules(struct event_apply *a, const struct event_rules *rules)
{
	for (size_t i = 0; i < rules->row_count; i++) {
		const struct event_row_rule *row = &rules->rows[i];
		if (row->from_count > 1) {
			run_joined(a, row);
			continue;
		}
		uint16_t at = a->first[row->from[0]];
		if (at == 0)
			continue;
		const struct event_field *f = &a->b->fields[at - 1];
		if (!blank_value(f->value))
			event_transform_run(a, row, f, f->value);
	}
	for (size_t i = 0; i < rules->constant_count; i++)
		event_apply_put(a, rules->constants[i].name, rules->constants[i].value, false);
}

static const struct event_shape *apply_once(struct event_apply *a, size_t from)
{
	look_up(a);
	const struct event_shape *shape = shape_of(a, from);
	if (shape != NULL)
		run_rules(a, &shape->rules);
	return shape;
}

void event_dictionary_apply(const struct event_dictionary *d, struct event_build *b)
{
	struct event_apply a;
	a.d = d;
	a.b = b;
	const struct event_shape *shape = apply_once(&a, 0);
	if (shape == NULL || !shape->messages)
		return;
	const struct event_field *program = event_build_find(b, STR("process.name")), *message = event_build_find(b, STR("message"));
	size_t count = b->count;
	if (program == NULL || message == NULL)
		return;
	b->program = program->value;
	b->content = message->value;
	b->foreign = false;
	(void)event_message_parse(d, b);
	if (b->foreign)
		(void)apply_once(&a, count);
}

/* ---- the one in use ---- */

static const struct event_dictionary *current;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct str built_in(void)
{
	return str_n(event_dictionary_data, event_dictionary_data_size);
}

/* The built-in text is tested at build time: that it cannot be read is a programmer's error. */
static void load_built_in(void)
{
	struct event_dictionary *d = NULL;
	if (current != NULL)
		return;
	if (event_dictionary_new("dictionary.yaml", built_in(), NULL, STR_EMPTY, &d, NULL) < 0)
		__builtin_trap();
	current = d;
}

const struct event_dictionary *event_dictionary_current(void)
{
	(void)pthread_once(&once, load_built_in);
	return current;
}

void event_dictionary_use(const struct event_dictionary *d)
{
	(void)pthread_once(&once, load_built_in);
	current = d;
}

int event_dictionary_use_file(const char *path, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_LIMIT);
	struct event_dictionary *d = NULL;
	int r = file_read(path, FILE_LIMIT, &text, err);
	if (r == 0)
		r = event_dictionary_new("dictionary.yaml", built_in(), path, buf_str(&text), &d, err);
	if (r == 0)
		event_dictionary_use(d);
	return r;
}
