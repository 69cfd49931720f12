/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Conditions as programs, predicates without duplicates, and the rarest predicates that every match needs. */
#include "engine/sigma/sigma_build.h"

static void put_number(struct buf *out, uint64_t v)
{
	buf_append(out, str_n(&v, sizeof v));
}

static void put_text(struct buf *out, struct str s)
{
	put_number(out, s.n);
	buf_append(out, s);
}

/* Two predicates are the same when these bytes are. */
static void pred_key(const struct sigma_pred *pred, struct buf *out)
{
	put_text(out, pred->field);
	put_number(out, (uint64_t)pred->op << 32 | (uint64_t)pred->part << 24 | (uint64_t)pred->ref << 16 | pred->re_flags << 8 | pred->cased);
	switch (pred->op) {
	case SIGMA_OP_PRESENT:
	case SIGMA_OP_NULL:
	case SIGMA_OP_EXISTS:
		break;
	case SIGMA_OP_PATTERN:
		for (const struct sigma_piece *piece = pred->pattern.first; piece != NULL; piece = piece->next) {
			put_number(out, piece->kind);
			put_text(out, piece->kind == SIGMA_PIECE_TEXT ? piece->text : STR(""));
		}
		break;
	case SIGMA_OP_EXACT:
	case SIGMA_OP_REGEX:
	case SIGMA_OP_CIDR:
	case SIGMA_OP_FIELDREF:
		put_text(out, pred->text);
		break;
	case SIGMA_OP_EQ:
	case SIGMA_OP_LT:
	case SIGMA_OP_LTE:
	case SIGMA_OP_GT:
	case SIGMA_OP_GTE:
		buf_printf(out, "%.21Lg", pred->number);
		break;
	case SIGMA_OP__COUNT:
		break;
	}
}

static struct str explained(struct sg_builder *b, const struct sigma_pred *pred)
{
	static const char *const names[] = {"present", "null", "exists", "=", "~", "re", "cidr", "=", "<", "<=", ">", ">=", "fieldref"};
	static const char *const refs[] = {"", "contains ", "startswith ", "endswith "};
	static const char *const parts[] = {"", "minute", "hour", "day", "week", "month", "year"};
	struct buf out cleanup_buf = BUF_INIT(1 << 16);
	if (pred->part != SIGMA_PART_NONE)
		buf_printf(&out, "%s ", parts[pred->part]);
	buf_append_c(&out, pred->op < ARRAY_LEN(names) ? names[pred->op] : "");
	if (pred->op != SIGMA_OP_PATTERN && pred->text.n > 0) {
		buf_printf(&out, " %s", refs[pred->ref]);
		buf_append(&out, pred->text);
	}
	for (const struct sigma_piece *piece = pred->op == SIGMA_OP_PATTERN ? pred->pattern.first : NULL; piece != NULL; piece = piece->next) {
		if (piece == pred->pattern.first)
			buf_append_char(&out, ' ');
		if (piece->kind == SIGMA_PIECE_TEXT)
			buf_append(&out, piece->text);
		else
			buf_append_c(&out, piece->kind == SIGMA_PIECE_ANY_RUN ? "*" : piece->kind == SIGMA_PIECE_ANY_ONE ? "?" : "[-/]");
	}
	return arena_str(b->arena, buf_str(&out));
}

static uint32_t pred_argument(struct sg_builder *b, const struct sigma_pred *pred)
{
	switch (pred->op) {
	case SIGMA_OP_CIDR:
		return SG_PUSH(b, nets, pred->net);
	case SIGMA_OP_EQ:
	case SIGMA_OP_LT:
	case SIGMA_OP_LTE:
	case SIGMA_OP_GT:
	case SIGMA_OP_GTE:
		return SG_PUSH(b, numbers, (struct sg_number){.value = pred->number});
	case SIGMA_OP_FIELDREF:
		return sg_field_add(b, pred->text);
	case SIGMA_OP_PRESENT:
	case SIGMA_OP_NULL:
	case SIGMA_OP_EXISTS:
	case SIGMA_OP_EXACT:
	case SIGMA_OP_PATTERN:
	case SIGMA_OP_REGEX:
	case SIGMA_OP__COUNT:
		break;
	}
	return SG_NONE;
}

uint32_t sg_pred_add(struct sg_builder *b, const struct sigma_pred *pred)
{
	struct buf key cleanup_buf = BUF_INIT(1 << 20);
	bool fresh;
	pred_key(pred, &key);
	uint32_t id = sg_map_put(&b->preds, b->arena, buf_str(&key), (uint32_t)b->image.preds_count, &fresh);
	if (!fresh)
		return id;
	struct sg_pred row = {.field = pred->field.n > 0 ? sg_field_add(b, pred->field) : SG_NONE, .op = (uint8_t)pred->op,
	                      .flags = pred->cased ? SG_PRED_CASED : 0, .part = (uint8_t)pred->part, .ref = (uint8_t)pred->ref,
	                      .text = sg_text_add(b, explained(b, pred))};
	row.arg = pred_argument(b, pred);
	row.engine = sg_engine_for(pred);
	if (row.engine == SG_ENGINE_FOLDED || row.field == SG_NONE)
		row.run = sg_text_add(b, sg_plain_run(pred));
	b->plans = sg_grow(b->plans, &b->plan_capacity, b->image.preds_count, sizeof *b->plans);
	b->plans[b->image.preds_count] = (struct sg_pred_plan){.pred = pred};
	(void)SG_PUSH(b, preds, row);
	return id;
}

struct emit {
	struct sg_builder *b;
	uint32_t start, source;
	struct err *err;
};

static int emit_node(struct emit *e, const struct sigma_node *node)
{
	struct sg_builder *b = e->b;
	uint32_t at = (uint32_t)b->image.program_count;
	if (at - e->start >= SIGMA_PROGRAM_MAX)
		return err_set(e->err, -E2BIG, "sigma.program_size", ARG_U64("limit", SIGMA_PROGRAM_MAX));
	if (node->label.n > 0)
		(void)SG_PUSH(b, labels, (struct sg_label){.at = at - e->start, .name = sg_text_add(b, node->label), .line = node->line});
	if (node->kind == SIGMA_NODE_PRED) {
		uint32_t pred = sg_pred_add(b, node->pred);
		b->plans[pred].rules++;
		if (node->pred->field.n == 0)
			sg_uses_add(&b->keyword_preds[e->source], pred);
		(void)SG_PUSH(b, program, SG_WORD(SIGMA_NODE_PRED, pred));
		return 0;
	}
	(void)SG_PUSH(b, program, 0);
	for (const struct sigma_node *child = node->child; child != NULL; child = child->next) {
		int r = emit_node(e, child);
		if (r < 0)
			return r;
	}
	b->image.program[at] = SG_WORD(node->kind, (uint32_t)b->image.program_count - at);
	return 0;
}

int sg_program_add(struct sg_builder *b, const struct sigma_node *node, uint32_t source, struct sg_rule *rule, struct err *err)
{
	struct emit e = {.b = b, .start = (uint32_t)b->image.program_count, .source = source, .err = err};
	uint32_t labels = (uint32_t)b->image.labels_count;
	int r = emit_node(&e, node);
	if (r < 0) {
		b->image.program_count = e.start;
		b->image.labels_count = labels;
		return r;
	}
	rule->program = (struct sg_range){e.start, (uint32_t)b->image.program_count - e.start};
	rule->labels = (struct sg_range){labels, (uint32_t)b->image.labels_count - labels};
	return 0;
}

/* Bytes that say something: of a piece's text without the words that stand in nearly every path, call or key. */
static size_t telling_bytes(struct str text)
{
	static const char *const common[] = {"\\windows\\", "\\system32\\", "\\syswow64\\", "program files", "kernelbase", "kernel32", "ntdll", "microsoft",
	                                     "currentversion", "software\\", "\\users\\", "powershell", "svchost", ".dll", ".exe", "http"};
	size_t n = text.n;
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (str_find(text, str_c(common[i])) != SIZE_MAX)
			n -= n < strlen(common[i]) ? n : strlen(common[i]);
	return n;
}

/*
 * How often a predicate is expected to hold, only to choose the rarest: long texts are rare, texts that many rules name
 * are the common tools, event numbers and other exact values are common.
 */
static double expected(const struct sg_builder *b, uint32_t id)
{
	const struct sigma_pred *pred = b->plans[id].pred;
	double base = 0.05;
	size_t length = 0;
	if (pred->op == SIGMA_OP_PATTERN) {
		for (const struct sigma_piece *piece = pred->pattern.first; piece != NULL; piece = piece->next)
			length += piece->kind == SIGMA_PIECE_TEXT ? telling_bytes(piece->text) : 0;
		base = 0.4;
		for (size_t i = 0; i < length && i < 20; i++)
			base *= 0.75;
	} else if (pred->op == SIGMA_OP_EXACT) {
		base = pred->text.n > 6 ? 0.005 : 0.03;
	}
	return base * (1 + 0.2 * (double)b->plans[id].rules);
}

/*
 * A field that Hyperscan must read costs every event of the source as much as waking some thirty rules for nothing, unless
 * another rule of the source cannot do without: `paid` holds those.
 */
#define READING_COST 5.0

struct wakers {
	const struct sg_builder *b;
	uint32_t source;
	struct sg_map paid;
	struct sg_uses list;
};

static struct str paid_key(uint32_t key[3], uint32_t source, const struct sg_pred *pred)
{
	key[0] = source;
	key[1] = pred->field;
	key[2] = pred->engine;
	return str_n(key, 3 * sizeof *key);
}

static double reading_cost(const struct wakers *w, const struct sg_pred *pred)
{
	uint32_t key[3];
	if (pred->engine == SG_ENGINE_TABLES || pred->field == SG_NONE)
		return 0;
	return sg_map_has(&w->paid, paid_key(key, w->source, pred)) ? 0 : READING_COST;
}

/* The cost of waking a rule by this node: infinite when the node can hold with no predicate of a table having fired. */
static double wake_cost(const struct wakers *w, const uint32_t *word)
{
	if (SG_KIND(*word) == SIGMA_NODE_PRED) {
		const struct sg_pred *pred = &w->b->image.preds[SG_VALUE(*word)];
		return pred->engine != 0 ? expected(w->b, SG_VALUE(*word)) + reading_cost(w, pred) : 1e9;
	}
	if (SG_KIND(*word) == SIGMA_NODE_NOT)
		return 1e9;
	double best = SG_KIND(*word) == SIGMA_NODE_AND ? 1e9 : 0;
	const uint32_t *end = word + sg_size(*word);
	for (const uint32_t *child = word + 1; child < end; child += sg_size(*child)) {
		double cost = wake_cost(w, child);
		if (SG_KIND(*word) == SIGMA_NODE_OR)
			best += cost;
		else if (cost < best)
			best = cost;
	}
	return best;
}

static void collect_wakers(struct wakers *w, const uint32_t *word)
{
	if (SG_KIND(*word) == SIGMA_NODE_PRED) {
		sg_uses_add(&w->list, SG_VALUE(*word));
		return;
	}
	const uint32_t *end = word + sg_size(*word), *best = NULL;
	double best_cost = 0;
	for (const uint32_t *child = word + 1; child < end; child += sg_size(*child)) {
		if (SG_KIND(*word) == SIGMA_NODE_OR) {
			collect_wakers(w, child);
			continue;
		}
		double cost = wake_cost(w, child);
		if (best == NULL || cost < best_cost) {
			best = child;
			best_cost = cost;
		}
	}
	if (best != NULL)
		collect_wakers(w, best);
}

static void choose(struct wakers *w, uint32_t rule)
{
	const struct sg_image *image = &w->b->image;
	const uint32_t *program = image->program + image->rules[rule].program.at;
	w->source = image->rules[rule].source;
	w->list.count = 0;
	image->rules[rule].always = wake_cost(w, program) >= 1e9;
	if (!image->rules[rule].always)
		collect_wakers(w, program);
}

/* First what no rule can do without, then the choice with that for free. */
static void pay(struct wakers *w, struct arena *arena)
{
	struct sg_map paid = {0};
	for (uint32_t rule = 0; rule < w->b->image.known[0].rule_count; rule++) {
		choose(w, rule);
		for (size_t i = 0; i < w->list.count; i++) {
			uint32_t key[3];
			bool fresh;
			const struct sg_pred *pred = &w->b->image.preds[w->list.items[i]];
			if (pred->engine != SG_ENGINE_TABLES)
				(void)sg_map_put(&paid, arena, paid_key(key, w->source, pred), 1, &fresh);
		}
	}
	w->paid = paid;
}

void sg_triggers_make(struct sg_builder *b)
{
	struct sg_image *image = &b->image;
	struct sg_uses *by_pred = mem_alloc_array(image->preds_count, sizeof *by_pred);
	struct wakers w = {.b = b};
	pay(&w, b->arena);
	for (uint32_t rule = 0; rule < image->known[0].rule_count; rule++) {
		choose(&w, rule);
		image->known[0].always_count += image->rules[rule].always;
		for (size_t i = 0; i < w.list.count; i++) {
			struct sg_uses *uses = &by_pred[w.list.items[i]];
			if (uses->count == 0 || uses->items[uses->count - 1] != rule)
				sg_uses_add(uses, rule);
		}
	}
	for (size_t p = 0; p < image->preds_count; p++) {
		(void)SG_PUSH(b, trigger_at, (uint32_t)image->triggers_count);
		for (size_t i = 0; i < by_pred[p].count; i++)
			(void)SG_PUSH(b, triggers, by_pred[p].items[i]);
		mem_free(by_pred[p].items);
	}
	(void)SG_PUSH(b, trigger_at, (uint32_t)image->triggers_count);
	mem_free(by_pred);
	mem_free(w.list.items);
	sg_map_done(&w.paid);
}
