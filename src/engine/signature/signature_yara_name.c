/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Names: loop variables, modules with their fields and functions, external variables, rules; in this order. */
#include "engine/signature/signature_yara_internal.h"

#define KEYS (SIGNATURE_MODULE_KEYS + 1)

/* Where a name has led so far. */
struct reach {
	struct yara_token begin;
	const struct signature_module *module;
	const struct signature_field *fields; /* of a structure */
	const struct signature_field *field;  /* NULL: at a structure, its fields are above */
	struct signature_expr *keys[KEYS];
	uint32_t key_count;
	bool element;                         /* of field: one was chosen */
	struct signature_expr *ready;         /* already a value */
};

static enum signature_class class_of(enum signature_type type)
{
	return type == SIGNATURE_TYPE_FLOAT    ? SIGNATURE_CLASS_FLOAT
	       : type == SIGNATURE_TYPE_STRING ? SIGNATURE_CLASS_STRING
					       : SIGNATURE_CLASS_INTEGER;
}

static struct signature_expr **copy_keys(struct yara_parser *p, struct signature_expr *const *keys, uint32_t n)
{
	struct signature_expr **copy = arena_alloc(p->arena, (n + 1) * sizeof(*copy));
	for (uint32_t i = 0; i < n && i < KEYS; i++)
		copy[i] = keys[i];
	return copy;
}

static struct signature_expr *constant_of(struct yara_parser *p, const struct signature_field *f)
{
	struct signature_expr *n;
	if (f->type == SIGNATURE_TYPE_FLOAT) {
		n = yara_new(p, SIGNATURE_EXPR_FLOAT, SIGNATURE_CLASS_FLOAT);
		n->number = f->constant_float;
		return n;
	}
	n = signature_expr_integer(p->arena, f->constant);
	/* For libyara it is known at run time only: no fault of constants. */
	n->constant = false;
	return n;
}

static struct signature_expr *value_of(struct yara_parser *p, const struct reach *r, enum signature_type type)
{
	if (r->field->is_constant)
		return constant_of(p, r->field);
	struct signature_expr *n = yara_new(p, SIGNATURE_EXPR_FIELD, class_of(type));
	n->module = (uint8_t)r->module->id;
	n->id = r->field->id;
	n->list = copy_keys(p, r->keys, r->key_count);
	n->count = r->key_count;
	return n;
}

static struct signature_expr *loop_value(struct yara_parser *p, const struct yara_variable *v)
{
	struct signature_expr *n = yara_new(p, SIGNATURE_EXPR_LOOP_VALUE, SIGNATURE_CLASS_INTEGER);
	n->slot = v->slot;
	return n;
}

static void begin_at_variable(struct yara_parser *p, const struct yara_variable *v, struct reach *r)
{
	if (v->field == NULL) {
		r->ready = loop_value(p, v);
		return;
	}
	r->module = v->module;
	r->field = v->field;
	r->key_count = v->key_count;
	for (uint32_t i = 0; i < v->key_count; i++)
		r->keys[i] = v->keys[i];
	r->element = true;
	if (v->is_key) {
		r->ready = value_of(p, r, SIGNATURE_TYPE_STRING);
	} else if (v->field->element == SIGNATURE_TYPE_STRUCT) {
		r->fields = v->field->members;
		r->field = NULL;
	} else if (v->field->type == SIGNATURE_TYPE_DICTIONARY) {
		/* The value of the entry that the loop is at: by its key. */
		struct signature_expr *key = value_of(p, r, SIGNATURE_TYPE_STRING);
		r->keys[r->key_count - 1] = key;
		r->ready = value_of(p, r, v->field->element);
	} else {
		r->ready = value_of(p, r, v->field->element);
	}
}

static bool remember_rule(struct yara_parser *p, uint32_t index)
{
	for (size_t i = 0; i < p->rule_count; i++)
		if (p->rules[i] == index)
			return true;
	if (p->rule_count == p->rule_capacity) {
		size_t capacity = p->rule_capacity * 2 + 8;
		uint32_t *more = ARENA_ARRAY(p->arena, capacity, uint32_t);
		if (more == NULL)
			return false;
		for (size_t i = 0; i < p->rule_count; i++)
			more[i] = p->rules[i];
		p->rules = more;
		p->rule_capacity = capacity;
	}
	p->rules[p->rule_count++] = index;
	return true;
}

bool yara_rule_named(struct yara_parser *p, uint32_t index)
{
	return remember_rule(p, index) || yara_fail_args(p, &p->token, -E2BIG, "signature.too_long", ARGS(ARG_U64("limit", 0))) != NULL;
}

bool yara_rule_is_refused(struct yara_parser *p, const struct yara_token *t, bool beginning)
{
	if (p->world->refused == NULL || !p->world->refused(p->world->ctx, t->text, beginning))
		return false;
	(void)yara_fail_args(p, t, -ENOTSUP, "signature.rule_refused", ARGS(ARG_STR("name", t->text)));
	return true;
}

/* A name that leads nowhere: the reason is told. */
static bool unknown(struct yara_parser *p, const struct yara_token *t, const struct signature_module *module)
{
	for (unsigned i = 0; i < p->foreign_count; i++)
		if (str_eq(p->foreign[i], t->text))
			return yara_fail_args(p, t, -ENOTSUP, "signature.module", ARGS(ARG_STR("name", t->text))) != NULL;
	if (yara_rule_is_refused(p, t, false))
		return false;
	return yara_fail(p, t, module != NULL ? "signature.not_imported" : "signature.undefined_identifier", ARG_STR("name", t->text)) != NULL;
}

static bool begin(struct yara_parser *p, struct reach *r)
{
	struct str name = r->begin.text;
	const struct signature_module *module = signature_module_find(name);
	uint32_t index;
	enum signature_class class;
	for (unsigned i = p->variable_count; i > 0; i--)
		if (str_eq(p->variables[i - 1].name, name)) {
			begin_at_variable(p, &p->variables[i - 1], r);
			return true;
		}
	if (module != NULL && (p->imported & (1u << module->id)) != 0) {
		r->module = module;
		r->fields = module->fields;
	} else if (p->world->external != NULL && p->world->external(p->world->ctx, name, &index, &class)) {
		r->ready = yara_new(p, SIGNATURE_EXPR_EXTERNAL, class);
		r->ready->index = index;
	} else if (p->world->rule != NULL && p->world->rule(p->world->ctx, name, &index)) {
		r->ready = yara_new(p, SIGNATURE_EXPR_RULE, SIGNATURE_CLASS_BOOLEAN);
		r->ready->primary = true; /* "rule == 1" is a fault of type for libyara, not of grammar */
		r->ready->index = index;
		return yara_rule_named(p, index);
	} else {
		return unknown(p, &r->begin, module);
	}
	return true;
}

static bool member(struct yara_parser *p, struct reach *r)
{
	struct yara_token t = p->token;
	if (t.kind != YARA_TOKEN_NAME)
		return yara_unexpected(p) != NULL;
	if (r->fields == NULL || r->ready != NULL)
		return yara_fail(p, &t, "signature.not_structure", ARG_STR("name", t.text)) != NULL;
	const struct signature_field *f = signature_field_find(r->fields, t.text);
	if (f == NULL)
		return yara_fail(p, &t, "signature.field", ARG_STR("name", t.text)) != NULL;
	yara_next(p);
	r->element = false;
	if (f->type == SIGNATURE_TYPE_STRUCT) {
		r->fields = f->members;
		r->field = NULL;
	} else {
		r->fields = NULL;
		r->field = f;
	}
	return true;
}

static bool subscript(struct yara_parser *p, struct reach *r)
{
	struct yara_token t = p->previous;
	struct signature_expr *key = yara_primary_expression(p);
	if (key == NULL || !yara_expect_byte(p, ']'))
		return false;
	if (r->ready != NULL || r->field == NULL || r->element ||
	    (r->field->type != SIGNATURE_TYPE_ARRAY && r->field->type != SIGNATURE_TYPE_DICTIONARY) || r->key_count >= SIGNATURE_MODULE_KEYS)
		return yara_fail(p, &t, "signature.not_array") != NULL;
	if (key->class != (r->field->type == SIGNATURE_TYPE_ARRAY ? SIGNATURE_CLASS_INTEGER : SIGNATURE_CLASS_STRING))
		return yara_fail(p, &t, "signature.index_type") != NULL;
	r->keys[r->key_count++] = key;
	r->element = true;
	if (r->field->element == SIGNATURE_TYPE_STRUCT) {
		r->fields = r->field->members;
		r->field = NULL;
	}
	return true;
}

static char letter_of(enum signature_class class)
{
	switch (class) {
	case SIGNATURE_CLASS_BOOLEAN:
		return 'b';
	case SIGNATURE_CLASS_INTEGER:
		return 'i';
	case SIGNATURE_CLASS_FLOAT:
		return 'f';
	case SIGNATURE_CLASS_STRING:
		return 's';
	case SIGNATURE_CLASS_REGEX:
		break;
	}
	return 'r';
}

static bool arguments(struct yara_parser *p, struct signature_expr **list, uint32_t *count)
{
	if (yara_accept_byte(p, ')'))
		return true;
	do {
		if (*count == SIGNATURE_MODULE_ARGUMENTS)
			return yara_fail(p, &p->token, "signature.arguments") != NULL;
		struct signature_expr *n = yara_expression(p);
		if (n == NULL)
			return false;
		list[(*count)++] = n;
	} while (yara_accept_byte(p, ','));
	return yara_expect_byte(p, ')');
}

static bool overload_fits(const char *overload, struct signature_expr *const *list, uint32_t count)
{
	uint32_t i = 0;
	for (; i < count; i++)
		if (overload[i] != letter_of(list[i]->class))
			return false;
	return overload[i] == ':';
}

static bool call(struct yara_parser *p, struct reach *r)
{
	struct signature_expr *list[SIGNATURE_MODULE_ARGUMENTS];
	uint32_t count = 0;
	unsigned overload = 0;
	if (!arguments(p, list, &count))
		return false;
	if (r->ready != NULL || r->field == NULL || r->field->type != SIGNATURE_TYPE_FUNCTION)
		return yara_fail(p, &r->begin, "signature.not_function", ARG_STR("name", r->begin.text)) != NULL;
	const char *const *overloads = r->field->overloads;
	while (overloads[overload] != NULL && !overload_fits(overloads[overload], list, count))
		overload++;
	if (overloads[overload] == NULL)
		return yara_fail(p, &r->begin, "signature.arguments") != NULL;
	char type = overloads[overload][count + 1];
	struct signature_expr *n = yara_new(p, SIGNATURE_EXPR_CALL,
					    type == 's'   ? SIGNATURE_CLASS_STRING
					    : type == 'f' ? SIGNATURE_CLASS_FLOAT
							  : SIGNATURE_CLASS_INTEGER);
	n->module = (uint8_t)r->module->id;
	n->id = r->field->id;
	n->which = (uint8_t)overload;
	n->slot = (uint8_t)r->key_count;
	n->count = r->key_count + count;
	n->list = copy_keys(p, r->keys, n->count);
	for (uint32_t i = 0; i < count; i++)
		n->list[r->key_count + i] = list[i];
	r->ready = n;
	return true;
}

static bool walk(struct yara_parser *p, struct reach *r)
{
	*r = (struct reach){.begin = p->token};
	if (p->token.kind != YARA_TOKEN_NAME)
		return yara_unexpected(p) != NULL;
	yara_next(p);
	bool fine = begin(p, r);
	while (fine && !p->failed) {
		if (yara_accept_byte(p, '.'))
			fine = member(p, r);
		else if (yara_accept_byte(p, '['))
			fine = subscript(p, r);
		else if (yara_accept_byte(p, '('))
			fine = call(p, r);
		else
			break;
	}
	return fine && !p->failed;
}

struct signature_expr *yara_name(struct yara_parser *p)
{
	struct reach r;
	if (!walk(p, &r))
		return NULL;
	if (r.ready != NULL)
		return r.ready;
	enum signature_type type = r.field == NULL ? SIGNATURE_TYPE_STRUCT : r.element ? r.field->element : r.field->type;
	if (type != SIGNATURE_TYPE_INTEGER && type != SIGNATURE_TYPE_FLOAT && type != SIGNATURE_TYPE_STRING)
		return yara_fail(p, &r.begin, "signature.no_value", ARG_STR("name", r.begin.text));
	return value_of(p, &r, type);
}

bool yara_iterated(struct yara_parser *p, struct yara_variable *ret)
{
	struct reach r;
	if (!walk(p, &r))
		return false;
	if (r.ready != NULL || r.field == NULL || r.element ||
	    (r.field->type != SIGNATURE_TYPE_ARRAY && r.field->type != SIGNATURE_TYPE_DICTIONARY) || r.key_count >= SIGNATURE_MODULE_KEYS)
		return yara_fail(p, &r.begin, "signature.not_iterable", ARG_STR("name", r.begin.text)) != NULL;
	*ret = (struct yara_variable){.field = r.field, .module = r.module, .key_count = r.key_count};
	ret->keys = copy_keys(p, r.keys, r.key_count);
	return true;
}
