/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_value.h"

#include <assert.h>

#include "engine/sigma/sigma_regex.h"

#define CHAIN_MAX 12
#define ALTERNATIVES_MAX 10000

enum modifier {
#define MODIFIER(name, text) MOD_##name,
#include "engine/sigma/sigma_modifier.def"
#undef MODIFIER
	MOD__COUNT
};

static const char *const modifier_names[] = {
#define MODIFIER(name, text) text,
#include "engine/sigma/sigma_modifier.def"
#undef MODIFIER
	NULL};

enum kind { KIND_TEXT, KIND_NUMBER, KIND_BOOL, KIND_NULL, KIND_REGEX, KIND_CIDR, KIND_COMPARE, KIND_EXISTS, KIND_REF };

/* One value on its way through the chain. */
struct value {
	enum kind kind;
	struct sigma_pattern pattern;
	struct str text; /* as written */
	bool boolean;
	enum sigma_op compare;
	enum sigma_ref ref;
	struct value *next;
};

struct entry {
	const struct sigma_parsed *parsed;
	struct arena *arena;
	const struct pack_doc *doc;
	const struct json *node;
	struct str field;
	enum modifier chain[CHAIN_MAX];
	size_t count;
	bool all, cased, neq, expand, anchored;
	enum sigma_part part;
	unsigned re_flags;
	struct err *err;
};

static int refuse(const struct entry *e, int code)
{
	return pack_error(e->doc, e->node, code, e->err);
}

static int wrong_type(const struct entry *e, enum modifier m)
{
	return refuse(e, err_set(e->err, -EINVAL, "sigma.value_type", ARG_CSTR("modifier", modifier_names[m])));
}

static int parse_chain(struct entry *e, struct str key)
{
	struct str name;
	size_t bar = str_find_char(key, '|');
	e->field = arena_str(e->arena, str_sub(key, 0, bar));
	struct str rest = bar != SIZE_MAX ? str_sub(key, bar + 1, key.n) : STR_EMPTY;
	if (bar != SIZE_MAX && rest.n == 0)
		return refuse(e, err_set(e->err, -EINVAL, "sigma.modifier", ARG_CSTR("name", "")));
	if (e->field.n > SIGMA_NAME_MAX)
		return refuse(e, err_set(e->err, -E2BIG, "sigma.too_long", ARG_U64("limit", SIGMA_NAME_MAX)));
	while (str_split(&rest, '|', &name)) {
		size_t i = 0;
		while (i < MOD__COUNT && !str_eq_c(name, modifier_names[i]))
			i++;
		if (i == MOD__COUNT) {
			const char *near = str_closest(name, modifier_names);
			return refuse(e, near != NULL ? err_set(e->err, -EINVAL, "sigma.modifier_near", ARG_STR("name", name), ARG_CSTR("nearest", near))
			                              : err_set(e->err, -EINVAL, "sigma.modifier", ARG_STR("name", name)));
		}
		if (e->count == CHAIN_MAX)
			return refuse(e, err_set(e->err, -E2BIG, "sigma.too_many", ARG_U64("limit", CHAIN_MAX)));
		e->chain[e->count++] = (enum modifier)i;
	}
	return 0;
}

/* Modifiers that say something of the entry rather than change a value. */
static int note_flags(struct entry *e)
{
	for (size_t i = 0; i < e->count; i++) {
		enum modifier m = e->chain[i];
		e->all |= m == MOD_ALL;
		e->cased |= m == MOD_CASED;
		e->neq |= m == MOD_NEQ;
		e->expand |= m == MOD_EXPAND;
		e->anchored |= m == MOD_STARTSWITH || m == MOD_ENDSWITH;
		if (m >= MOD_MINUTE && m <= MOD_YEAR) {
			if (e->part != SIGMA_PART_NONE)
				return refuse(e, err_set(e->err, -EINVAL, "sigma.modifier_order", ARG_CSTR("name", modifier_names[m])));
			e->part = (enum sigma_part)(m - MOD_MINUTE + SIGMA_PART_MINUTE);
		}
		if (m >= MOD_I && m <= MOD_DOTALL) {
			if (e->chain[0] != MOD_RE)
				return refuse(e, err_set(e->err, -EINVAL, "sigma.modifier_order", ARG_CSTR("name", modifier_names[m])));
			e->re_flags |= m <= MOD_IGNORECASE ? SIGMA_RE_CASELESS : m <= MOD_MULTILINE ? SIGMA_RE_MULTILINE : SIGMA_RE_DOTALL;
		}
	}
	if (e->field.n == 0 && (e->neq || e->part != SIGMA_PART_NONE))
		return refuse(e, err_set(e->err, -EINVAL, "sigma.keyword_modifier"));
	return 0;
}

static int change_text(struct entry *e, struct value *v, bool (*change)(struct entry *e, struct value *v, enum modifier m),
                       enum modifier m)
{
	if (v->kind != KIND_TEXT)
		return wrong_type(e, m);
	if (sigma_text_has_wildcards(&v->pattern))
		return refuse(e, err_set(e->err, -EINVAL, "sigma.wildcard_encoded", ARG_CSTR("modifier", modifier_names[m])));
	return change(e, v, m) ? 0 : refuse(e, err_set(e->err, -E2BIG, "sigma.too_many", ARG_U64("limit", ALTERNATIVES_MAX)));
}

static void set_plain(struct entry *e, struct value *v, struct str text)
{
	struct sigma_piece *piece = ARENA_NEW(e->arena, struct sigma_piece);
	piece->text = text;
	v->pattern.first = text.n > 0 ? piece : NULL;
}

static bool to_utf16(struct entry *e, struct value *v, enum modifier m)
{
	struct str text = sigma_text_plain(e->arena, &v->pattern);
	set_plain(e, v, sigma_text_utf16(e->arena, text, m == MOD_UTF16BE, m == MOD_UTF16));
	v->pattern.is_bytes = true;
	return true;
}

static bool to_base64(struct entry *e, struct value *v, enum modifier m)
{
	struct str text = sigma_text_plain(e->arena, &v->pattern);
	v->pattern.is_bytes = false;
	if (m == MOD_BASE64) {
		set_plain(e, v, sigma_text_base64(e->arena, text, 0, true));
		return true;
	}
	struct value *rest = v->next, *last = v;
	for (unsigned offset = 0; offset < 3; offset++) {
		struct value *to = v;
		if (offset > 0) {
			to = ARENA_NEW(e->arena, struct value);
			*to = *v;
			last->next = to;
			last = to;
		}
		set_plain(e, to, sigma_text_base64(e->arena, text, offset, false));
	}
	last->next = rest;
	return true;
}

static int surround(struct entry *e, struct value *v, enum modifier m)
{
	if (v->kind == KIND_REF) {
		v->ref = m == MOD_CONTAINS ? SIGMA_REF_CONTAINS : m == MOD_STARTSWITH ? SIGMA_REF_STARTSWITH : SIGMA_REF_ENDSWITH;
		return 0;
	}
	/* A regular expression is unanchored already (M "re"). */
	if (v->kind != KIND_TEXT)
		return wrong_type(e, m);
	sigma_text_surround(e->arena, &v->pattern, m != MOD_STARTSWITH, m != MOD_ENDSWITH);
	return 0;
}

static int to_exists(struct entry *e, struct value *v)
{
	if (v->kind != KIND_BOOL || e->count != 1 || e->field.n == 0)
		return wrong_type(e, MOD_EXISTS);
	v->kind = KIND_EXISTS;
	return 0;
}

static int to_compare(struct entry *e, struct value *v, enum modifier m)
{
	long double number;
	if (v->kind != KIND_NUMBER || !sigma_number_parse(v->text, &number) || e->field.n == 0)
		return wrong_type(e, m);
	v->kind = KIND_COMPARE;
	v->compare = m == MOD_LT ? SIGMA_OP_LT : m == MOD_LTE ? SIGMA_OP_LTE : m == MOD_GT ? SIGMA_OP_GT : SIGMA_OP_GTE;
	return 0;
}

static int to_kind(struct entry *e, struct value *v, enum modifier m, bool first)
{
	if (m == MOD_EXISTS)
		return to_exists(e, v);
	if (m >= MOD_LT && m <= MOD_GTE)
		return to_compare(e, v, m);
	if (v->kind != KIND_TEXT)
		return wrong_type(e, m);
	if (!first && m != MOD_FIELDREF)
		return refuse(e, err_set(e->err, -EINVAL, "sigma.modifier_order", ARG_CSTR("name", modifier_names[m])));
	if (m == MOD_RE) {
		v->kind = KIND_REGEX;
		return 0;
	}
	if (e->field.n == 0)
		return refuse(e, err_set(e->err, -EINVAL, "sigma.keyword_modifier"));
	if (m == MOD_FIELDREF && (sigma_text_has_wildcards(&v->pattern) || v->pattern.first == NULL))
		return wrong_type(e, m);
	v->kind = m == MOD_CIDR ? KIND_CIDR : KIND_REF;
	return 0;
}

static bool is_value_modifier(enum modifier m)
{
	return m != MOD_ALL && m != MOD_CASED && m != MOD_NEQ && m != MOD_EXPAND;
}

static int apply_one(struct entry *e, struct value *v, enum modifier m, bool first)
{
	switch (m) {
	case MOD_CONTAINS:
	case MOD_STARTSWITH:
	case MOD_ENDSWITH:
		return surround(e, v, m);
	case MOD_EXISTS:
	case MOD_RE:
	case MOD_CIDR:
	case MOD_LT:
	case MOD_LTE:
	case MOD_GT:
	case MOD_GTE:
	case MOD_FIELDREF:
		return to_kind(e, v, m, first);
	case MOD_BASE64:
	case MOD_BASE64OFFSET:
		return change_text(e, v, to_base64, m);
	case MOD_WIDE:
	case MOD_UTF16LE:
	case MOD_UTF16BE:
	case MOD_UTF16:
		return change_text(e, v, to_utf16, m);
	case MOD_WINDASH:
		if (v->kind != KIND_TEXT)
			return wrong_type(e, m);
		sigma_text_windash(e->arena, &v->pattern);
		return 0;
	case MOD_MINUTE:
	case MOD_HOUR:
	case MOD_DAY:
	case MOD_WEEK:
	case MOD_MONTH:
	case MOD_YEAR:
		return v->kind == KIND_NUMBER || v->kind == KIND_COMPARE ? 0 : wrong_type(e, m);
	case MOD_ALL:
	case MOD_CASED:
	case MOD_NEQ:
	case MOD_I:
	case MOD_IGNORECASE:
	case MOD_M:
	case MOD_MULTILINE:
	case MOD_S:
	case MOD_DOTALL:
	case MOD_EXPAND:
	case MOD__COUNT:
		break;
	}
	return 0;
}

static int apply_chain(struct entry *e, struct value *v)
{
	bool first = true;
	for (size_t i = 0; i < e->count; i++) {
		struct value *stop = NULL;
		if (!is_value_modifier(e->chain[i]))
			continue;
		for (struct value *one = v; one != stop;) {
			struct value *next = one->next;
			int r = apply_one(e, one, e->chain[i], first);
			if (r < 0)
				return r;
			one = next;
		}
		first = false;
	}
	return 0;
}

static struct sigma_pred *new_pred(const struct entry *e, enum sigma_op op, struct str text)
{
	struct sigma_pred *pred = ARENA_NEW(e->arena, struct sigma_pred);
	*pred = (struct sigma_pred){.field = e->field, .op = op, .cased = e->cased, .text = text};
	return pred;
}

static int text_pred(const struct entry *e, struct value *v, struct sigma_pred **ret)
{
	size_t wildcards = sigma_text_wildcards(&v->pattern);
	if (wildcards > SIGMA_WILDCARDS_MAX)
		return refuse(e, err_set(e->err, -E2BIG, "sigma.wildcards", ARG_U64("limit", SIGMA_WILDCARDS_MAX)));
	if (e->field.n == 0 && !e->anchored)
		sigma_text_surround(e->arena, &v->pattern, true, true);
	/* "**" is "*". */
	for (struct sigma_piece *piece = v->pattern.first; piece != NULL; piece = piece->next)
		while (piece->kind == SIGMA_PIECE_ANY_RUN && piece->next != NULL && piece->next->kind == SIGMA_PIECE_ANY_RUN)
			piece->next = piece->next->next;
	struct sigma_piece *first = v->pattern.first;
	if (first != NULL && first->kind == SIGMA_PIECE_ANY_RUN && first->next == NULL) {
		*ret = new_pred(e, SIGMA_OP_PRESENT, STR_EMPTY);
		(*ret)->cased = false;
		return 0;
	}
	if (!e->cased)
		for (struct sigma_piece *piece = first; piece != NULL; piece = piece->next)
			if (piece->kind == SIGMA_PIECE_TEXT)
				piece->text = sigma_fold_arena(e->arena, piece->text, v->pattern.is_bytes);
	bool exact = !sigma_text_has_wildcards(&v->pattern);
	*ret = new_pred(e, exact ? SIGMA_OP_EXACT : SIGMA_OP_PATTERN, exact ? sigma_text_plain(e->arena, &v->pattern) : v->text);
	(*ret)->pattern = v->pattern;
	return 0;
}

static int number_pred(const struct entry *e, const struct value *v, enum sigma_op op, struct sigma_pred **ret)
{
	struct sigma_pred *pred = new_pred(e, op, v->text);
	pred->cased = false;
	pred->part = e->part;
	if (!sigma_number_parse(v->text, &pred->number))
		return refuse(e, err_set(e->err, -EINVAL, "sigma.number", ARG_STR("text", v->text)));
	*ret = pred;
	return 0;
}

static int regex_pred(const struct entry *e, const struct value *v, struct sigma_pred **ret)
{
	struct sigma_pred *pred = new_pred(e, SIGMA_OP_REGEX, v->text);
	pred->cased = true;
	pred->re_flags = e->re_flags;
	*ret = pred;
	int r = sigma_regex_check(v->text, e->re_flags, e->err);
	return r < 0 ? refuse(e, r) : 0;
}

static int cidr_pred(const struct entry *e, const struct value *v, struct sigma_pred **ret)
{
	struct sigma_pred *pred = new_pred(e, SIGMA_OP_CIDR, v->text);
	pred->cased = false;
	*ret = pred;
	if (!sigma_net_parse(v->text, &pred->net))
		return refuse(e, err_set(e->err, -EINVAL, "sigma.cidr", ARG_STR("text", v->text)));
	return 0;
}

static int value_pred(const struct entry *e, struct value *v, struct sigma_pred **ret)
{
	switch (v->kind) {
	case KIND_TEXT:
		return text_pred(e, v, ret);
	case KIND_NUMBER:
		/* A number as a keyword is searched as its text (R "Keywords"). */
		return e->field.n == 0 ? text_pred(e, v, ret) : number_pred(e, v, SIGMA_OP_EQ, ret);
	case KIND_BOOL:
		*ret = new_pred(e, SIGMA_OP_EXACT, v->boolean ? STR("true") : STR("false"));
		(*ret)->cased = false;
		(*ret)->pattern = v->pattern;
		return e->field.n == 0 ? text_pred(e, v, ret) : 0;
	case KIND_NULL:
		*ret = new_pred(e, SIGMA_OP_NULL, STR_EMPTY);
		(*ret)->cased = false;
		return e->field.n > 0 ? 0 : refuse(e, err_set(e->err, -EINVAL, "sigma.definition"));
	case KIND_REGEX:
		return regex_pred(e, v, ret);
	case KIND_CIDR:
		return cidr_pred(e, v, ret);
	case KIND_COMPARE:
		return number_pred(e, v, v->compare, ret);
	case KIND_EXISTS:
		*ret = new_pred(e, SIGMA_OP_EXISTS, STR_EMPTY);
		return 0;
	case KIND_REF:
		*ret = new_pred(e, SIGMA_OP_FIELDREF, sigma_text_plain(e->arena, &v->pattern));
		(*ret)->ref = v->ref;
		return 0;
	}
	return -EINVAL;
}

/* "%name%" replaced by each value of the placeholder; "\%" is a percent sign (M "expand"). */
static int expand(struct entry *e, struct str text, bool regex, struct buf *done, struct value ***tail, unsigned *budget)
{
	size_t mark = done->n;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n && text.p[i + 1] == '%') {
			buf_append_char(done, '%');
			i++;
			continue;
		}
		size_t close = text.p[i] == '%' ? str_find_char(str_sub(text, i + 1, text.n), '%') : SIZE_MAX;
		if (close == SIZE_MAX) {
			buf_append_char(done, text.p[i]);
			continue;
		}
		struct str name = str_sub(text, i + 1, i + 1 + close), rest = str_sub(text, i + 2 + close, text.n);
		const struct sigma_placeholder *holder = e->parsed->placeholders;
		while (holder != NULL && !str_eq(holder->name, name))
			holder = holder->next;
		if (holder == NULL || holder->count == 0)
			return refuse(e, err_set(e->err, -EINVAL, "sigma.placeholder", ARG_STR("name", name)));
		size_t here = done->n;
		for (size_t k = 0; k < holder->count; k++) {
			if (*budget == 0)
				return refuse(e, err_set(e->err, -E2BIG, "sigma.too_many", ARG_U64("limit", ALTERNATIVES_MAX)));
			(*budget)--;
			done->n = here;
			struct str with = holder->values[k];
			for (size_t j = 0; j < with.n; j++) {
				bool special = regex ? strchr("\\^$.|?*+()[]{}", with.p[j]) != NULL : strchr("\\*?", with.p[j]) != NULL;
				if (special)
					buf_append_char(done, '\\');
				buf_append_char(done, with.p[j]);
			}
			int r = expand(e, rest, regex, done, tail, budget);
			if (r < 0)
				return r;
		}
		done->n = mark;
		return 0;
	}
	struct value *v = ARENA_NEW(e->arena, struct value);
	v->text = arena_str(e->arena, buf_str(done));
	v->pattern = sigma_text_parse(e->arena, v->text);
	**tail = v;
	*tail = &v->next;
	done->n = mark;
	return 0;
}

static int start_value(struct entry *e, const struct json *node, struct value **ret)
{
	struct value *v = ARENA_NEW(e->arena, struct value);
	*ret = v;
	v->text = arena_str(e->arena, node->text);
	if (node->text.n > SIGMA_VALUE_BYTES_MAX)
		return refuse(e, err_set(e->err, -E2BIG, "sigma.too_long", ARG_U64("limit", SIGMA_VALUE_BYTES_MAX)));
	switch (node->type) {
	case JSON_STRING:
		v->kind = KIND_TEXT;
		break;
	case JSON_NUMBER:
		v->kind = KIND_NUMBER;
		break;
	case JSON_BOOL:
		v->kind = KIND_BOOL;
		v->boolean = node->boolean;
		break;
	case JSON_NULL:
		v->kind = KIND_NULL;
		return 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return refuse(e, err_set(e->err, -EINVAL, "sigma.value"));
	}
	if (v->kind == KIND_TEXT && e->expand) {
		unsigned budget = ALTERNATIVES_MAX;
		struct buf done cleanup_buf = BUF_INIT(SIGMA_VALUE_BYTES_MAX);
		return expand(e, v->text, e->chain[0] == MOD_RE, &done, &ret, &budget);
	}
	v->pattern = sigma_text_parse(e->arena, v->text);
	return 0;
}

/* The alternatives of one value: an OR group that stays one inside `all` (M "all"). */
static int value_node(struct entry *e, const struct json *node, struct sigma_node **ret)
{
	struct value *values = NULL;
	struct sigma_node *list = NULL, **tail = &list;
	e->node = node;
	int r = start_value(e, node, &values);
	if (r == 0)
		r = apply_chain(e, values);
	for (struct value *v = values; r == 0 && v != NULL; v = v->next) {
		struct sigma_pred *pred = NULL;
		r = value_pred(e, v, &pred);
		if (r < 0)
			break;
		*tail = sigma_node_new(e->arena, SIGMA_NODE_PRED);
		(*tail)->pred = pred;
		if (v->kind == KIND_EXISTS && !v->boolean) {
			struct sigma_node *not = sigma_node_new(e->arena, SIGMA_NODE_NOT);
			not->child = *tail;
			*tail = not;
		}
		tail = &(*tail)->next;
	}
	if (r == 0)
		*ret = sigma_node_join(e->arena, SIGMA_NODE_OR, list);
	return r;
}

static int list_node(struct entry *e, const struct json *value, struct sigma_node **ret)
{
	struct sigma_node *list = NULL, **tail = &list;
	static const struct json null = {.type = JSON_NULL};
	if (value->type != JSON_ARRAY)
		return value_node(e, value, ret);
	if (value->child == NULL) {
		int r = value_node(e, &null, ret);
		e->node = value;
		return r < 0 ? refuse(e, r) : 0;
	}
	if (value->count > SIGMA_VALUES_MAX)
		return refuse(e, err_set(e->err, -E2BIG, "sigma.too_many", ARG_U64("limit", SIGMA_VALUES_MAX)));
	json_each(item, value) {
		int r = value_node(e, item, tail);
		if (r < 0)
			return r;
		assert(*tail != NULL);
		tail = &(*tail)->next;
	}
	*ret = sigma_node_join(e->arena, e->all ? SIGMA_NODE_AND : SIGMA_NODE_OR, list);
	return 0;
}

int sigma_entry_parse(const struct sigma_parsed *p, const struct pack_doc *doc, struct str key, const struct json *value,
                      struct sigma_node **ret, struct err *err)
{
	struct entry e = {.parsed = p, .arena = p->arena, .doc = doc, .node = value, .err = err};
	struct sigma_node *node = NULL;
	int r = parse_chain(&e, key);
	if (r == 0)
		r = note_flags(&e);
	if (r == 0)
		r = list_node(&e, value, &node);
	if (r < 0)
		return r;
	if (e.neq) {
		struct sigma_node *not = sigma_node_new(e.arena, SIGMA_NODE_NOT);
		not->child = node;
		node = not;
	}
	assert(node != NULL);
	node->line = sigma_line(p, doc, value);
	*ret = node;
	return 0;
}
