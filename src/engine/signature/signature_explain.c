/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Why a rule matches or not. The machine runs as ever; after each instruction the text of what it computed is put together
 * from the texts of its operands, and where a truth came out, it is told.
 */
#include <stdio.h>

#include "engine/signature/signature_scan.h"

#define EXPRESSION_MAX 400
#define LINES_MAX      4000
#define MATCHES_SHOWN  10

struct explainer {
	struct signature_scanner *scanner;
	const struct image_body_view *view;
	struct buf *out;
	unsigned lines;
	char texts[SIGNATURE_STACK_MAX][EXPRESSION_MAX];
};

static void print_text(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n && i < 80; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			buf_printf(out, "\\x%02x", c);
		else
			buf_append_char(out, (char)c);
	}
	if (s.n > 80)
		buf_append_c(out, "…");
}

static void print_value(struct buf *out, const struct signature_value *v)
{
	switch (v->type) {
	case SIGNATURE_TYPE_INTEGER:
		buf_printf(out, "%lld", (long long)v->integer);
		if (v->integer > 9 || v->integer < 0)
			buf_printf(out, " (0x%llx)", (unsigned long long)v->integer);
		break;
	case SIGNATURE_TYPE_FLOAT:
		buf_printf(out, "%g", v->number);
		break;
	case SIGNATURE_TYPE_STRING:
		buf_append_char(out, '"');
		print_text(out, v->text);
		buf_append_char(out, '"');
		break;
	case SIGNATURE_TYPE_REGEX:
		buf_append_c(out, "/…/");
		break;
	case SIGNATURE_TYPE_UNDEFINED:
	case SIGNATURE_TYPE_STRUCT:
	case SIGNATURE_TYPE_ARRAY:
	case SIGNATURE_TYPE_DICTIONARY:
	case SIGNATURE_TYPE_FUNCTION:
	case SIGNATURE_TYPE__COUNT:
		buf_append_c(out, "undefined");
		break;
	}
}

static void string_name(const struct explainer *x, const struct signature_run *run, const struct signature_instruction *in, char *to, size_t size)
{
	uint32_t i = in->c;
	if (i == SIGNATURE_STRING_CURRENT)
		i = x->view->code.members[run->loops[in->a].base + (uint64_t)run->loops[in->a].at];
	const struct image_string *s = &x->view->strings[i];
	(void)snprintf(to, size, "%.*s", (int)s->name_n, x->view->code.texts + s->name_at);
}

static void string_text(const struct explainer *x, const struct signature_run *run, const struct signature_instruction *in, char *to, const char *old)
{
	static const char marks[] = {'$', '$', '$', '#', '#', '@', '!'};
	static const char *const tails[] = {"", " at %s", " in (…)", "", " in (…)", "[%s]", "[%s]"};
	const unsigned which = (unsigned)in->op - SIGNATURE_OP_FOUND;
	char name[160];
	struct buf b = BUF_FIXED(to, EXPRESSION_MAX);
	string_name(x, run, in, name, sizeof name);
	buf_printf(&b, "%c%s", marks[which], name);
	if (which == 1)
		buf_printf(&b, " at %s", old);
	else if (which >= 5)
		buf_printf(&b, "[%s]", old);
	else
		buf_append_c(&b, tails[which]);
}

static const char *field_name(const struct signature_instruction *in)
{
	unsigned keys;
	const struct signature_field *f = signature_field_by_id(in->c >> 16, in->c & 0xffff, &keys);
	return f != NULL ? f->name : "?";
}

static void set_text(const struct explainer *x, const struct signature_run *run, const struct signature_instruction *in, struct buf *b)
{
	const struct signature_code *code = &x->view->code;
	const uint64_t set = code->constants[in->c];
	const uint32_t first = (uint32_t)(set >> 32), n = (uint32_t)set;
	struct signature_rule rule;
	static const char *const quantities[] = {"", "%", "all", "any", "none"};
	if (in->b >= SIGNATURE_QUANTITY_ALL)
		buf_append_c(b, quantities[in->b]);
	buf_append_c(b, in->b == SIGNATURE_QUANTITY_PERCENT ? " % of (" : " of (");
	for (uint32_t i = first; i < first + n && i < first + 20; i++) {
		if (i > first)
			buf_append_c(b, ", ");
		if (in->op == SIGNATURE_OP_OF_RULES) {
			if (signature_image_rule(x->scanner->image, run->rule - code->members[i], &rule))
				buf_append(b, rule.name);
		} else {
			const struct image_string *s = &x->view->strings[code->members[i]];
			const bool found = signature_matches_any(&run->matches, code->patterns[code->members[i]]);
			buf_printf(b, "%s$%.*s", found ? "+" : "-", (int)s->name_n, code->texts + s->name_at);
		}
	}
	buf_append_c(b, n > 20 ? ", …)" : ")");
}

static void name_of(struct explainer *x, const struct signature_run *run, const struct signature_instruction *in, char *to)
{
	static const char *const reads[] = {"int8", "int16", "int32", "uint8", "uint16", "uint32",
					    "int8be", "int16be", "int32be", "uint8be", "uint16be", "uint32be"};
	char old[EXPRESSION_MAX];
	str_copy_c(str_c(to), old, sizeof old);
	struct buf b = BUF_FIXED(to, EXPRESSION_MAX);
	struct signature_rule rule;
	if (in->op >= SIGNATURE_OP_FOUND && in->op <= SIGNATURE_OP_LENGTH)
		string_text(x, run, in, to, old);
	else if (in->op >= SIGNATURE_OP_OF && in->op <= SIGNATURE_OP_OF_RULES) {
		if (in->b <= SIGNATURE_QUANTITY_PERCENT)
			buf_append_c(&b, old);
		set_text(x, run, in, &b);
	} else if (in->op == SIGNATURE_OP_READ)
		buf_printf(&b, "%s(%s)", reads[in->a], old);
	else if (in->op == SIGNATURE_OP_FILESIZE)
		buf_append_c(&b, "filesize");
	else if (in->op == SIGNATURE_OP_ENTRYPOINT)
		buf_append_c(&b, "entrypoint");
	else if (in->op == SIGNATURE_OP_FIELD || in->op == SIGNATURE_OP_CALL)
		buf_printf(&b, "%s.%s%s", signature_module_at(in->c >> 16)->name, field_name(in), in->op == SIGNATURE_OP_CALL ? "(…)" : in->a > 0 ? "[…]" : "");
	else if (in->op == SIGNATURE_OP_RULE) {
		if (signature_image_rule(x->scanner->image, run->rule - in->c, &rule))
			buf_append(&b, rule.name);
	} else if (in->op == SIGNATURE_OP_EXTERNAL)
		buf_append(&b, signature_image_text(x->scanner->image, x->scanner->image->externals[in->c].name));
	else
		print_value(&b, &run->stack[run->depth - 1]);
}

static void tell(struct explainer *x, const char *text, const struct signature_value *v)
{
	if (x->lines++ >= LINES_MAX)
		return;
	buf_printf(x->out, "  %-5s  %s", v->type == SIGNATURE_TYPE_UNDEFINED ? "undef" : signature_value_is_true(v) ? "true" : "false", text);
	buf_append_char(x->out, '\n');
}

static void operated(struct explainer *x, const struct signature_run *run, const struct signature_instruction *in)
{
	char *to = x->texts[run->depth - 1], left[EXPRESSION_MAX];
	str_copy_c(str_c(to), left, sizeof left);
	struct buf b = BUF_FIXED(to, EXPRESSION_MAX);
	if (in->op < SIGNATURE_OP_EQ)
		buf_printf(&b, "%s (%s)", signature_op_text((enum signature_op)in->op), left);
	else
		buf_printf(&b, "%s %s %s", left, signature_op_text((enum signature_op)in->op), x->texts[run->depth]);
	if (in->op == SIGNATURE_OP_NOT || in->op == SIGNATURE_OP_DEFINED || (in->op >= SIGNATURE_OP_EQ && in->op <= SIGNATURE_OP_GE) ||
	    in->op >= SIGNATURE_OP_CONTAINS)
		tell(x, to, &run->stack[run->depth - 1]);
}

/* Values that are looked up are shown with what they were. */
static bool is_looked_up(unsigned op)
{
	return op == SIGNATURE_OP_READ || op == SIGNATURE_OP_FILESIZE || op == SIGNATURE_OP_ENTRYPOINT || op == SIGNATURE_OP_FIELD ||
	       op == SIGNATURE_OP_CALL || op == SIGNATURE_OP_EXTERNAL || (op >= SIGNATURE_OP_COUNT && op <= SIGNATURE_OP_LENGTH);
}

static void on_step(void *ctx, const struct signature_run *run, uint32_t at, const struct signature_instruction *in)
{
	struct explainer *x = ctx;
	(void)at;
	if (run->depth == 0 || in->op == SIGNATURE_OP_AND_SKIP || in->op == SIGNATURE_OP_OR_SKIP || in->op == SIGNATURE_OP_TRUTH)
		return;
	const struct signature_value *v = &run->stack[run->depth - 1];
	char *to = x->texts[run->depth - 1];
	if ((in->op >= SIGNATURE_OP_NOT && in->op <= SIGNATURE_OP_COMPLEMENT) || (in->op >= SIGNATURE_OP_EQ && in->op <= SIGNATURE_OP_MATCHES)) {
		operated(x, run, in);
		return;
	}
	if (in->op >= SIGNATURE_OP_LOOP_STRINGS) {
		(void)snprintf(to, EXPRESSION_MAX, "for");
		if (in->op == SIGNATURE_OP_LOOP_NEXT && run->loops[in->a].rounds > 0 && v->type == SIGNATURE_TYPE_INTEGER)
			(void)snprintf(to, EXPRESSION_MAX, "for … (%lld/%lld)", (long long)run->loops[in->a].sum, (long long)run->loops[in->a].rounds);
		return;
	}
	name_of(x, run, in, to);
	if (is_looked_up(in->op)) {
		const size_t n = strlen(to);
		struct buf b = BUF_FIXED(to + n, EXPRESSION_MAX - n);
		buf_append_c(&b, " ⟨");
		print_value(&b, v);
		buf_append_c(&b, "⟩");
	}
	if ((in->op >= SIGNATURE_OP_FOUND && in->op <= SIGNATURE_OP_FOUND_IN) || (in->op >= SIGNATURE_OP_OF && in->op <= SIGNATURE_OP_RULE))
		tell(x, to, v);
}

static void print_strings(struct explainer *x)
{
	const struct signature_hit hit = {.image = x->scanner->image, .rule = x->scanner->run.rule, .scanner = x->scanner};
	for (uint32_t i = 0; i < x->view->body->strings; i++) {
		const struct image_string *s = &x->view->strings[i];
		struct signature_found f;
		uint32_t n = 0;
		buf_printf(x->out, "  $%.*s:", (int)s->name_n, x->view->code.texts + s->name_at);
		for (; n < MATCHES_SHOWN && signature_hit_string(&hit, i, n, &f); n++)
			buf_printf(x->out, " 0x%llx+%u", (unsigned long long)f.offset, f.length);
		buf_append_c(x->out, n == MATCHES_SHOWN ? " …\n" : n == 0 ? " -\n" : "\n");
	}
}

/* Rules that this one names must have their answer first; they stand before it. */
static void run_named(struct signature_scanner *s, uint32_t rule, uint8_t *seen)
{
	struct image_body_view v;
	signature_image_body(s->image, rule, &v);
	for (uint32_t i = 0; i < v.code.code_count; i++) {
		const struct signature_instruction *in = &v.code.code[i];
		uint32_t first = 0, n = 0;
		if (in->op == SIGNATURE_OP_RULE)
			n = 1;
		else if (in->op == SIGNATURE_OP_OF_RULES) {
			first = (uint32_t)(v.code.constants[in->c] >> 32);
			n = (uint32_t)v.code.constants[in->c];
		}
		for (uint32_t k = 0; k < n; k++) {
			const uint32_t named = rule - (in->op == SIGNATURE_OP_RULE ? in->c : v.code.members[first + k]);
			seen[named] = 1;
		}
	}
}

int signature_explain(struct signature_scanner *s, uint32_t rule, const uint8_t *data, size_t len, const struct signature_given *given,
		      size_t given_count, struct buf *out, struct err *err)
{
	struct image_body_view v;
	struct signature_rule info;
	if (!signature_image_rule(s->image, rule, &info))
		return err_set(err, -ENOENT, "signature.no_rule", ARG_U64("name", rule));
	struct explainer *x = mem_alloc(sizeof(*x));
	uint8_t *needed = mem_alloc((size_t)rule + 1);
	(void)signature_scan_begin(s, data, len, given, given_count);
	needed[rule] = 1;
	for (uint32_t i = rule + 1; i > 0; i--)
		if (needed[i - 1] != 0)
			run_named(s, i - 1, needed);
	for (uint32_t i = 0; i < rule; i++)
		if (needed[i] != 0)
			(void)signature_scan_rule(s, i);
	signature_image_body(s->image, rule, &v);
	*x = (struct explainer){.scanner = s, .view = &v, .out = out};
	s->run.on_step = on_step;
	s->run.step_ctx = x;
	int r = signature_scan_rule(s, rule);
	s->run.on_step = NULL;
	buf_printf(out, "%.*s: %s\n", STR_FMT(info.name), r < 0 ? "undecided" : r > 0 ? "true" : "false");
	print_strings(x);
	mem_free(x);
	mem_free(needed);
	return 0;
}
