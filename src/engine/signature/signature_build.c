/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules one by one: text to tree to code, beside what the image needs to know of each. */
#include <stdio.h>

#include "engine/signature/signature_build_internal.h"

#define SPACES_MAX     100000u
#define RULE_ARENA_MAX ((size_t)512 << 20)
#define NAMES_MAX      ((size_t)2 << 30)

const struct signature_external signature_externals_usual[SIGNATURE_EXTERNALS_USUAL] = {
	{"filename", SIGNATURE_EXTERNAL_STRING},  {"filepath", SIGNATURE_EXTERNAL_STRING}, {"extension", SIGNATURE_EXTERNAL_STRING},
	{"filetype", SIGNATURE_EXTERNAL_STRING}, {"owner", SIGNATURE_EXTERNAL_STRING},
};

struct signature_build *signature_build_new(const struct signature_build_options *options)
{
	struct signature_build *b = MEM_NEW(struct signature_build);
	struct err err = {0};
	b->options = *options;
	b->arena = arena_new(RULE_ARENA_MAX);
	b->names = arena_new(NAMES_MAX);
	b->bodies = BUF_INIT(SIGNATURE_IMAGE_MAX);
	b->numbers = BUF_INIT(SIGNATURE_IMAGE_MAX);
	for (unsigned i = 0; i < SIGNATURE_SECTION__COUNT; i++)
		b->sections[i] = BUF_INIT(SIGNATURE_IMAGE_MAX);
	b->externals = mem_alloc_array(options->external_count + 1, sizeof(*b->externals));
	for (size_t i = 0; i < options->external_count; i++) {
		b->externals[i].name = arena_cstr(b->names, str_c(options->externals[i].name));
		b->externals[i].type = options->externals[i].type;
	}
	if (signature_pattern_set_new(&b->patterns, &err) < 0)
		return signature_build_free(b), NULL;
	return b;
}

void signature_build_free(struct signature_build *b)
{
	if (b == NULL)
		return;
	signature_pattern_set_free(b->patterns);
	for (uint32_t i = 0; i < b->space_count; i++)
		buf_done(&b->spaces[i].imports);
	for (unsigned i = 0; i < SIGNATURE_SECTION__COUNT; i++)
		buf_done(&b->sections[i]);
	buf_done(&b->bodies);
	buf_done(&b->numbers);
	mem_free(b->externals);
	mem_free(b->rules);
	mem_free(b->table);
	mem_free(b->spaces);
	mem_free(b->refused);
	arena_free(b->arena);
	arena_free(b->names);
	mem_free(b);
}

static uint32_t space_number(struct signature_build *b, struct str name)
{
	for (uint32_t i = b->space_count; i > 0; i--)
		if (str_eq(b->spaces[i - 1].name, name))
			return i - 1;
	if (b->space_count == SPACES_MAX)
		return UINT32_MAX;
	if ((b->space_count & (b->space_count - 1)) == 0)
		b->spaces = mem_realloc_array(b->spaces, (size_t)b->space_count * 2 + 1, sizeof(*b->spaces));
	b->spaces[b->space_count] = (struct built_space){.name = arena_str(b->names, name), .imports = BUF_INIT(1 << 16)};
	return b->space_count++;
}

static uint32_t hash_of(uint32_t space, struct str name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ space;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

uint32_t built_rule_find(const struct signature_build *b, uint32_t space, struct str name)
{
	if (b->table_size == 0)
		return UINT32_MAX;
	for (uint32_t i = hash_of(space, name);; i++) {
		uint32_t rule = b->table[i & (b->table_size - 1)];
		if (rule == 0)
			return UINT32_MAX;
		if (b->rules[rule - 1].space == space && str_eq(b->rules[rule - 1].name, name))
			return rule - 1;
	}
}

static void table_put(struct signature_build *b, uint32_t rule)
{
	uint32_t i = hash_of(b->rules[rule].space, b->rules[rule].name);
	while (b->table[i & (b->table_size - 1)] != 0)
		i++;
	b->table[i & (b->table_size - 1)] = rule + 1;
}

static struct built_rule *new_rule(struct signature_build *b)
{
	if (b->rule_count == b->rule_capacity) {
		b->rule_capacity = b->rule_capacity * 2 + 256;
		b->rules = mem_realloc_array(b->rules, b->rule_capacity, sizeof(*b->rules));
		b->table_size = 1024;
		while (b->table_size < b->rule_capacity * 2)
			b->table_size *= 2;
		mem_free(b->table);
		b->table = mem_alloc_array(b->table_size, sizeof(*b->table));
		for (uint32_t i = 0; i < b->rule_count; i++)
			table_put(b, i);
	}
	b->rules[b->rule_count] = (struct built_rule){0};
	return &b->rules[b->rule_count];
}

/* How often a string may be expected where nothing is wrong; only compared. */
static uint32_t weight_of(const struct signature_pattern *p)
{
	size_t n = p->kind == SIGNATURE_PATTERN_HEX ? p->text_len / 3 : p->text_len;
	uint32_t w = n < 3 ? 4096 : n < 4 ? 512 : n < 6 ? 64 : n < 10 ? 16 : 10;
	if (p->kind == SIGNATURE_PATTERN_REGEX)
		w += 16;
	if ((p->flags & SIGNATURE_PATTERN_NOCASE) != 0)
		w *= 2;
	return w;
}

struct compiled {
	struct signature_emitted code;
	uint32_t *numbers; /* patterns of strings and regular expressions, of the arena */
	uint32_t pattern_count;
};

static int add_patterns(struct signature_build *b, const struct signature_yara_rule *rule, struct compiled *c, struct err *err)
{
	struct signature_asking *asking = arena_alloc(b->arena, (rule->string_count + 1) * sizeof(*asking));
	int r = 0;
	signature_condition_asked(rule->condition, asking, (uint32_t)rule->string_count);
	c->pattern_count = (uint32_t)rule->string_count + c->code.regex_count;
	c->numbers = arena_alloc(b->arena, ((size_t)c->pattern_count + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < rule->string_count && r == 0; i++) {
		struct signature_pattern p = rule->strings[i].pattern;
		if (!b->options.all_matches && asking[i].asked <= SIGNATURE_ASKED_ONCE)
			p.flags |= SIGNATURE_PATTERN_ONCE;
		if (!b->options.all_matches && asking[i].asked == SIGNATURE_ASKED_FIXED) {
			p.flags |= SIGNATURE_PATTERN_FIXED;
			p.at = (uint64_t)asking[i].at;
		}
		r = signature_pattern_set_add(b->patterns, &p, &c->numbers[i], err);
		if (r < 0 && err != NULL) {
			/* The pattern knows the byte; people want to know which string. */
			err->place[0] = '\0';
			char place[48];
			(void)snprintf(place, sizeof place, "%u:%u", rule->strings[i].line, rule->strings[i].column);
			(void)err_at(err, str_c(place));
		}
	}
	for (uint32_t i = 0; i < c->code.regex_count && r == 0; i++) {
		const struct signature_expr *n = c->code.regexes[i];
		struct signature_pattern p = {.kind = SIGNATURE_PATTERN_REGEX, .text = (const uint8_t *)n->text.p, .text_len = n->text.n};
		p.flags = SIGNATURE_PATTERN_VALUE | (n->nocase ? SIGNATURE_PATTERN_NOCASE : 0u) | (n->dot_all ? SIGNATURE_PATTERN_DOT_ALL : 0u);
		r = signature_pattern_set_add(b->patterns, &p, &c->numbers[rule->string_count + i], err);
	}
	return r;
}

static void pad(struct buf *out)
{
	while (out->n % 8 != 0)
		buf_append_char(out, '\0');
}

static struct image_text body_text(struct buf *texts, struct str s)
{
	struct image_text t = {(uint32_t)texts->n, (uint32_t)s.n};
	buf_append(texts, s);
	return t;
}

/* The texts of the code come first: its places count from there. */
static int write_body(struct signature_build *b, const struct signature_yara_rule *rule, const struct compiled *c, struct err *err)
{
	struct buf texts cleanup_buf = BUF_INIT(BUF_DEFAULT_MAX);
	struct buf tables cleanup_buf = BUF_INIT(BUF_DEFAULT_MAX);
	const struct signature_emitted *code = &c->code;
	buf_append(&texts, buf_str(&code->texts));
	struct image_text name = body_text(&texts, rule->name);
	for (size_t i = 0; i < rule->meta_count; i++) {
		const struct signature_yara_meta *m = &rule->metas[i];
		struct image_text meta_name = body_text(&texts, m->name);
		struct image_meta out = {.name_at = meta_name.at, .name_n = meta_name.n, .kind = m->type, .integer = m->integer};
		if (m->type == SIGNATURE_META_STRING) {
			out.integer = (int64_t)texts.n;
			out.text_n = body_text(&texts, m->text).n;
		}
		buf_append(&tables, str_n(&out, sizeof out));
	}
	for (size_t i = 0; i < rule->string_count; i++) {
		struct image_text string_name = body_text(&texts, rule->strings[i].name);
		struct image_string out = {.name_at = string_name.at, .name_n = string_name.n, .flags = rule->strings[i].is_private ? IMAGE_PRIVATE : 0};
		buf_append(&tables, str_n(&out, sizeof out));
	}
	for (size_t i = 0; i < rule->tag_count; i++) {
		struct image_text tag = body_text(&texts, rule->tags[i]);
		buf_append(&tables, str_n(&tag, sizeof tag));
	}
	struct image_body body = {
		.name_at = name.at, .name_n = name.n,
		.constants = (uint32_t)(code->constants.n / 8), .code = (uint32_t)(code->code.n / 8), .metas = (uint32_t)rule->meta_count,
		.strings = (uint32_t)rule->string_count, .tags = (uint32_t)rule->tag_count, .members = (uint32_t)(code->members.n / 4),
		.texts = (uint32_t)texts.n, .patterns = c->pattern_count};
	buf_append(&b->bodies, str_n(&body, sizeof body));
	buf_append(&b->bodies, buf_str(&code->constants));
	buf_append(&b->bodies, buf_str(&code->code));
	buf_append(&b->bodies, buf_str(&tables));
	buf_append(&b->bodies, buf_str(&code->members));
	buf_append(&b->bodies, buf_str(&texts));
	pad(&b->bodies);
	if (texts.overflow || tables.overflow || b->bodies.overflow)
		return err_set(err, -E2BIG, "signature.image_size", ARG_U64("limit", SIGNATURE_IMAGE_MAX));
	return 0;
}

static bool rule_needs(void *ctx, uint32_t rule)
{
	const struct signature_build *b = ctx;
	return !b->rules[rule].always;
}

/* The patterns any of which makes the rule a candidate: its own, and those of the rules it needs. */
static void set_wants(struct signature_build *b, const struct signature_yara_rule *rule, const struct compiled *c, struct built_rule *out)
{
	uint32_t *weights = arena_alloc(b->arena, (rule->string_count + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < rule->string_count; i++)
		weights[i] = weight_of(&rule->strings[i].pattern);
	const struct signature_need_world world = {.arena = b->arena, .weights = weights, .rule_needs = rule_needs, .ctx = b};
	const struct signature_need need = signature_condition_need(&world, rule->condition);
	out->always = !need.is_needed;
	if (out->always)
		return;
	size_t n = need.string_count;
	for (uint32_t i = 0; i < need.rule_count; i++)
		n += b->rules[need.rules[i]].want_count;
	out->wants = arena_alloc(b->names, (n + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < need.string_count; i++)
		out->wants[out->want_count++] = c->numbers[need.strings[i]];
	for (uint32_t i = 0; i < need.rule_count; i++)
		for (uint32_t k = 0; k < b->rules[need.rules[i]].want_count; k++)
			out->wants[out->want_count++] = b->rules[need.rules[i]].wants[k];
}

static uint32_t *keep_numbers(struct signature_build *b, const uint32_t *numbers, size_t n)
{
	uint32_t *kept = arena_alloc(b->names, (n + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < n; i++)
		kept[i] = numbers[i];
	return kept;
}

static int compile(struct signature_build *b, uint32_t space, const struct signature_yara_rule *rule, struct str text, struct err *err)
{
	struct compiled c;
	if (b->rule_count == SIGNATURE_RULES_MAX)
		return err_set(err, -E2BIG, "signature.too_many", ARG_U64("limit", SIGNATURE_RULES_MAX));
	signature_emitted_init(&c.code, (uint32_t)rule->string_count);
	uint32_t body = (uint32_t)b->bodies.n;
	int r = signature_condition_emit(b->arena, rule->condition, b->rule_count, &c.code, err);
	if (r == 0)
		r = add_patterns(b, rule, &c, err);
	if (r == 0)
		r = write_body(b, rule, &c, err);
	if (r == 0) {
		struct built_rule *out = new_rule(b);
		out->name = arena_str(b->names, rule->name);
		out->space = space;
		out->body = body;
		out->body_size = (uint32_t)b->bodies.n - body;
		out->first = (uint32_t)(b->numbers.n / sizeof(uint32_t));
		out->flags = (rule->is_private ? IMAGE_PRIVATE : 0u) | (rule->is_global ? IMAGE_GLOBAL : 0u);
		out->text = arena_str(b->names, text);
		out->rules = keep_numbers(b, rule->rules, rule->rule_count);
		out->rule_count = (uint32_t)rule->rule_count;
		buf_append(&b->numbers, str_n(c.numbers, c.pattern_count * sizeof(uint32_t)));
		set_wants(b, rule, &c, out);
		table_put(b, b->rule_count++);
	}
	signature_emitted_done(&c.code);
	return r;
}

int signature_build_rule(struct signature_build *b, struct str space, const struct signature_yara_rule *rule, uint32_t *ret_index, struct err *err)
{
	uint32_t number = space_number(b, space);
	if (number == UINT32_MAX)
		return err_set(err, -E2BIG, "signature.too_many", ARG_U64("limit", SPACES_MAX));
	int r = compile(b, number, rule, STR_EMPTY, err);
	if (r == 0 && ret_index != NULL)
		*ret_index = b->rule_count - 1;
	return r;
}

static struct built_refusal *new_refusal(struct signature_build *b, uint32_t space, struct str rule, const struct err *err, struct str text)
{
	if (b->refused_count == b->refused_capacity) {
		b->refused_capacity = b->refused_capacity * 2 + 64;
		b->refused = mem_realloc_array(b->refused, b->refused_capacity, sizeof(*b->refused));
	}
	struct built_refusal *r = &b->refused[b->refused_count++];
	*r = (struct built_refusal){.space = space, .text = arena_str(b->names, text), .rules_then = b->rule_count};
	r->public.space = b->spaces[space].name;
	r->public.rule = arena_str(b->names, rule);
	r->public.err = *err;
	return r;
}

void signature_build_refuse(struct signature_build *b, struct str space, struct str rule, const struct err *err, struct str text)
{
	uint32_t number = space_number(b, space);
	if (number == UINT32_MAX)
		return;
	struct built_refusal *r = new_refusal(b, number, rule, err, text);
	r->for_libyara = text.n > 0;
}

void signature_build_section(struct signature_build *b, enum signature_section_kind kind, struct str bytes)
{
	buf_clear(&b->sections[kind]);
	buf_append(&b->sections[kind], bytes);
}

bool signature_build_external(const struct signature_build *b, struct str name, uint32_t *ret, enum signature_class *ret_class)
{
	static const enum signature_class classes[] = {SIGNATURE_CLASS_STRING, SIGNATURE_CLASS_INTEGER, SIGNATURE_CLASS_INTEGER, SIGNATURE_CLASS_FLOAT};
	for (size_t i = 0; i < b->options.external_count; i++)
		if (str_eq_c(name, b->externals[i].name)) {
			*ret = (uint32_t)i;
			*ret_class = classes[b->externals[i].type];
			return true;
		}
	return false;
}

/* --- the world that a text sees --- */

static bool world_rule(void *ctx, struct str name, uint32_t *ret)
{
	const struct signature_build *b = ctx;
	*ret = built_rule_find(b, b->space, name);
	return *ret != UINT32_MAX;
}

static bool world_rule_beginning(void *ctx, struct str prefix, size_t i, uint32_t *ret)
{
	const struct signature_build *b = ctx;
	for (uint32_t k = 0; k < b->rule_count; k++)
		if (b->rules[k].space == b->space && str_starts_with(b->rules[k].name, prefix) && i-- == 0) {
			*ret = k;
			return true;
		}
	return false;
}

static bool world_refused(void *ctx, struct str name, bool beginning)
{
	const struct signature_build *b = ctx;
	for (size_t i = b->refused_count; i > 0; i--) {
		const struct built_refusal *r = &b->refused[i - 1];
		if (r->space == b->space && r->for_libyara &&
		    (beginning ? str_starts_with(r->public.rule, name) : str_eq(r->public.rule, name)))
			return true;
	}
	return false;
}

static bool world_external(void *ctx, struct str name, uint32_t *ret, enum signature_class *ret_class)
{
	return signature_build_external(ctx, name, ret, ret_class);
}

static bool is_for_libyara(const struct err *err)
{
	return err->code == -ENOTSUP || err->code == -E2BIG;
}

static int world_take(void *ctx, struct signature_yara_rule *rule, struct err *err)
{
	struct signature_build *b = ctx;
	int r = compile(b, b->space, rule, rule->text, err);
	if (r < 0) {
		b->taken_rules = rule->rules;
		b->taken_rule_count = rule->rule_count;
		b->tree_known = true;
	}
	return r;
}

static void world_refuse(void *ctx, struct str name, const struct err *err, struct str text)
{
	struct signature_build *b = ctx;
	struct built_refusal *r = new_refusal(b, b->space, name, err, text);
	r->for_libyara = is_for_libyara(err) && name.n > 0;
	r->all_before = !b->tree_known;
	if (b->tree_known) {
		r->rules = keep_numbers(b, b->taken_rules, b->taken_rule_count);
		r->rule_count = (uint32_t)b->taken_rule_count;
	}
	b->tree_known = false;
}

static void world_imported(void *ctx, struct str name)
{
	struct signature_build *b = ctx;
	struct buf *imports = &b->spaces[b->space].imports;
	struct buf line cleanup_buf = BUF_INIT(512);
	buf_printf(&line, "import \"%.*s\"\n", STR_FMT(name));
	if (imports->n == 0 || str_find(buf_str(imports), buf_str(&line)) == SIZE_MAX)
		buf_append(imports, buf_str(&line));
}

static int world_include(void *ctx, struct str name, struct str *ret_text, struct err *err)
{
	struct signature_build *b = ctx;
	return b->options.include(b->options.ctx, name, ret_text, err);
}

int signature_build_yara(struct signature_build *b, struct str space, const char *file, struct str text, struct err *err)
{
	const struct signature_yara_world world = {
		.ctx = b, .rule = world_rule, .rule_beginning = world_rule_beginning, .refused = world_refused, .external = world_external, .take = world_take,
		.refuse = world_refuse, .include = b->options.include != NULL ? world_include : NULL, .imported = world_imported};
	if (text.n > SIGNATURE_TEXT_MAX)
		return err_set(err, -E2BIG, "signature.too_long", ARG_U64("limit", SIGNATURE_TEXT_MAX));
	b->space = space_number(b, space);
	if (b->space == UINT32_MAX)
		return err_set(err, -E2BIG, "signature.too_many", ARG_U64("limit", SPACES_MAX));
	return signature_yara_parse(b->arena, file, text, &world, err);
}

size_t signature_build_refused_count(const struct signature_build *b)
{
	return b->refused_count;
}

const struct signature_refused *signature_build_refused(const struct signature_build *b, size_t i)
{
	return &b->refused[i].public;
}
