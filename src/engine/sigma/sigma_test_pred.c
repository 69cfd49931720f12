/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Predicates that are tested only when a condition asks: presence, numbers, networks, times, other fields, PCRE2. */
#include "engine/sigma/sigma_run.h"

static bool is_text(const struct sg_value *v)
{
	return v->type != SG_VALUE_NULL && v->type != SG_VALUE_EMPTY;
}

static bool compare(long double a, enum sigma_op op, long double b)
{
	switch (op) {
	case SIGMA_OP_EQ:
		return a == b;
	case SIGMA_OP_LT:
		return a < b;
	case SIGMA_OP_LTE:
		return a <= b;
	case SIGMA_OP_GT:
		return a > b;
	case SIGMA_OP_GTE:
		return a >= b;
	case SIGMA_OP_PRESENT:
	case SIGMA_OP_NULL:
	case SIGMA_OP_EXISTS:
	case SIGMA_OP_EXACT:
	case SIGMA_OP_PATTERN:
	case SIGMA_OP_REGEX:
	case SIGMA_OP_CIDR:
	case SIGMA_OP_FIELDREF:
	case SIGMA_OP__COUNT:
		break;
	}
	return false;
}

static bool test_number(struct sigma_matcher *m, const struct sg_pred *pred, const struct sg_value *v)
{
	struct str text = sg_decode_raw(m, v, 0);
	long double number;
	int64_t part;
	if (pred->part != SIGMA_PART_NONE) {
		if (!sigma_time_part(text, (enum sigma_part)pred->part, &part))
			return false;
		number = (long double)part;
	} else if (!sigma_number_parse(text, &number)) {
		return false;
	}
	return compare(number, (enum sigma_op)pred->op, m->image->numbers[pred->arg].value);
}

static bool test_net(struct sigma_matcher *m, const struct sg_pred *pred, const struct sg_value *v)
{
	unsigned char address[16];
	bool v6;
	return sigma_net_parse_address(sg_decode_raw(m, v, 0), address, &v6) && sigma_net_has(&m->image->nets[pred->arg], address, v6);
}

static bool regex_finds(struct sigma_matcher *m, const struct sg_pred *pred, const struct sg_value *v)
{
	bool folded = pred->op == SIGMA_OP_PATTERN && !(pred->flags & SG_PRED_CASED);
	struct str text = folded ? sg_decode_folded(m, v, 0) : sg_decode_raw(m, v, 0);
	int r = sigma_regex_match(m->set->regexes[pred->arg], text, m->regex_scratch);
	m->counters.regex_gave_up += r < 0;
	return r > 0;
}

static bool test_ref(struct sigma_matcher *m, const struct sg_pred *pred, const struct sg_value *v)
{
	const struct sg_slot *other = sg_slot_of(m, pred->arg);
	bool cased = pred->flags & SG_PRED_CASED;
	struct str a = cased ? sg_decode_raw(m, v, 0) : sg_decode_folded(m, v, 0);
	for (uint32_t i = other != NULL ? other->first : SG_NONE; i != SG_NONE; i = m->values[i].next) {
		if (!is_text(&m->values[i]))
			continue;
		struct str b = cased ? sg_decode_raw(m, &m->values[i], 1) : sg_decode_folded(m, &m->values[i], 1);
		bool holds = false;
		switch ((enum sigma_ref)pred->ref) {
		case SIGMA_REF_EQUAL:
			holds = str_eq(a, b);
			break;
		case SIGMA_REF_CONTAINS:
			holds = str_find(a, b) != SIZE_MAX;
			break;
		case SIGMA_REF_STARTSWITH:
			holds = str_starts_with(a, b);
			break;
		case SIGMA_REF_ENDSWITH:
			holds = str_ends_with(a, b);
			break;
		}
		if (holds)
			return true;
	}
	return false;
}

struct keyword_regex {
	struct sigma_matcher *m;
	const struct sg_pred *pred;
	bool found;
};

static void try_keyword(void *user, const struct sg_value *v)
{
	struct keyword_regex *k = user;
	k->found = k->found || (is_text(v) && (k->pred->op == SIGMA_OP_PRESENT || regex_finds(k->m, k->pred, v)));
}

static bool test_keyword(struct sigma_matcher *m, const struct sg_pred *pred)
{
	struct keyword_regex k = {.m = m, .pred = pred};
	sg_scan_scalars(m, try_keyword, &k);
	return k.found;
}

static bool test_value(struct sigma_matcher *m, const struct sg_pred *pred, const struct sg_value *v)
{
	switch ((enum sigma_op)pred->op) {
	case SIGMA_OP_PRESENT:
		return is_text(v);
	case SIGMA_OP_NULL:
		return v->type == SG_VALUE_NULL;
	case SIGMA_OP_EXISTS:
		return true;
	case SIGMA_OP_CIDR:
		return is_text(v) && test_net(m, pred, v);
	case SIGMA_OP_EQ:
	case SIGMA_OP_LT:
	case SIGMA_OP_LTE:
	case SIGMA_OP_GT:
	case SIGMA_OP_GTE:
		return is_text(v) && test_number(m, pred, v);
	case SIGMA_OP_FIELDREF:
		return is_text(v) && test_ref(m, pred, v);
	case SIGMA_OP_REGEX:
	case SIGMA_OP_PATTERN:
	case SIGMA_OP_EXACT:
		return is_text(v) && regex_finds(m, pred, v);
	case SIGMA_OP__COUNT:
		break;
	}
	return false;
}

/* Holds when any value of the field makes it hold (docs/sigma.md, "Arrays"). */
bool sg_test(struct sigma_matcher *m, const struct sg_pred *pred)
{
	if (pred->field == SG_NONE)
		return test_keyword(m, pred);
	const struct sg_slot *slot = sg_slot_of(m, pred->field);
	if (slot == NULL)
		return pred->op == SIGMA_OP_NULL;
	for (uint32_t i = slot->first; i != SG_NONE; i = m->values[i].next)
		if (test_value(m, pred, &m->values[i]))
			return true;
	return false;
}
