/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Plans, and a whole folder. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/plan/plan_internal.h"

#define NO_END_YEARS 100

struct file_node {
	struct str version;
	const struct json *plan, *duties;
};
static const struct json_field file_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file_node, version), true, 1, 40},
	{"plan", JSON_FIELD_ANY, offsetof(struct file_node, plan), true},
	{"duties", JSON_FIELD_ANY, offsetof(struct file_node, duties), true},
	{.name = NULL},
};

struct plan_node {
	struct plan p;
	struct json_str_list bases;
};
static const struct json_field plan_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct plan_node, p.id), true, 1, 20},
	{"title", JSON_FIELD_STR, offsetof(struct plan_node, p.title), true, 1, 600},
	{"number", JSON_FIELD_STR, offsetof(struct plan_node, p.number), false, 1, 60},
	{"issued", JSON_FIELD_STR, offsetof(struct plan_node, p.issued), false, 10, 10},
	{"issuer", JSON_FIELD_STR, offsetof(struct plan_node, p.issuer), true, 1, 200},
	{"signer", JSON_FIELD_STR, offsetof(struct plan_node, p.signer), false, 1, 100},
	{"province", JSON_FIELD_STR, offsetof(struct plan_node, p.province), true, 1, 60},
	{"valid_from", JSON_FIELD_STR, offsetof(struct plan_node, p.valid_from), true, 10, 10},
	{"valid_to", JSON_FIELD_STR, offsetof(struct plan_node, p.valid_to), false, 10, 10},
	{"bases", JSON_FIELD_STR_LIST, offsetof(struct plan_node, bases), true, 0, 100},
	{.name = NULL},
};

struct duty_node {
	struct str id, at, text, gloss, event;
	const struct json *lead, *with, *when, *proves;
	struct json_str_list assumed;
};
static const struct json_field duty_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct duty_node, id), true, 1, 40},
	{"at", JSON_FIELD_STR, offsetof(struct duty_node, at), true, 1, 100},
	{"text", JSON_FIELD_STR, offsetof(struct duty_node, text), true, 1, 6000},
	{"gloss", JSON_FIELD_STR, offsetof(struct duty_node, gloss), true, 1, 1000},
	{"lead", JSON_FIELD_ANY, offsetof(struct duty_node, lead), true},
	{"with", JSON_FIELD_ANY, offsetof(struct duty_node, with)},
	{"when", JSON_FIELD_ANY, offsetof(struct duty_node, when), true},
	{"event", JSON_FIELD_STR, offsetof(struct duty_node, event), false, 1, 60},
	{"assumed", JSON_FIELD_STR_LIST, offsetof(struct duty_node, assumed), false, 1, 2},
	{"proves", JSON_FIELD_ANY, offsetof(struct duty_node, proves), true},
	{.name = NULL},
};

static bool read_day(struct str text, usec_t *ret)
{
	bool ok = text.n == 10 && clock_parse_iso(text, ret, NULL) >= 0;
	*ret -= CLOCK_VN_OFFSET_USEC;
	return ok;
}

void plan_validity(const struct plan *plan, usec_t *ret_from, usec_t *ret_to)
{
	*ret_from = *ret_to = 0;
	(void)read_day(plan->valid_from, ret_from);
	if (read_day(plan->valid_to, ret_to))
		*ret_to += USEC_PER_DAY - 1;
	else
		*ret_to = *ret_from + (usec_t)NO_END_YEARS * 366 * USEC_PER_DAY;
}

static int read_proves(struct arena *arena, const struct pack_doc *doc, const struct plan_set *set, const struct json *node,
                       struct plan_duty *duty, struct err *err)
{
	int r = plan_count_items(doc, node, PLAN_LEADS, err);
	if (r <= 0)
		return r < 0 ? r : plan_fail(doc, node, "plan.proves_nothing", "id", duty->id, err);
	const struct plan_proof **proofs = ARENA_ARRAY(arena, (size_t)r, const struct plan_proof *);
	duty->proves = proofs;
	json_each(item, node) {
		proofs[duty->prove_count] = item->type == JSON_STRING ? plan_proof_find(set, item->text) : NULL;
		if (proofs[duty->prove_count++] == NULL)
			return plan_fail(doc, item, "plan.unknown_proof", "proof", item->text, err);
	}
	return 0;
}

static int read_assumed(const struct pack_doc *doc, const struct json *item, const struct json_str_list *list, struct plan_duty *duty,
                        struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		unsigned bit = str_eq_c(list->items[i], "lead") ? PLAN_ASSUMED_LEAD : str_eq_c(list->items[i], "when") ? PLAN_ASSUMED_WHEN : 0;
		duty->assumed |= bit;
		if (bit == 0)
			return plan_fail(doc, item, "plan.assumed", "id", duty->id, err);
	}
	return 0;
}

/* It names its event, or falls due at least once while the plan is valid. */
static int check_when(const struct pack_doc *doc, const struct json *item, const struct plan *plan, const struct plan_duty *duty,
                      struct err *err)
{
	usec_t from, to;
	struct recurrence_occurrence first;
	if ((duty->when.kind == RECURRENCE_ON_EVENT) != (duty->event.n > 0))
		return plan_fail(doc, item, "plan.event", "id", duty->id, err);
	if (duty->when.kind == RECURRENCE_ON_EVENT)
		return 0;
	plan_validity(plan, &from, &to);
	struct clock_calendar *calendar = clock_calendar_new();
	size_t count = recurrence_list(&duty->when, calendar, from, to, &first, 1);
	clock_calendar_free(calendar);
	return count > 0 ? 0 : plan_fail(doc, item, "plan.never_due", "id", duty->id, err);
}

static bool has_duty(const struct plan_set *set, const struct plan *plan, struct str id)
{
	for (unsigned i = 0; i < plan->duty_count; i++)
		if (str_eq(plan->duties[i].id, id))
			return true;
	for (unsigned p = 0; p < set->plan_count; p++)
		for (unsigned i = 0; i < set->plans[p].duty_count; i++)
			if (str_eq(set->plans[p].duties[i].id, id))
				return true;
	return false;
}

/* "K4.I.3" in the plan "K4", and nowhere else. */
static int check_id(const struct pack_doc *doc, const struct json *item, const struct plan_set *set, const struct plan *plan, struct str id,
                    struct err *err)
{
	if (!str_starts_with(id, plan->id) || id.n < plan->id.n + 2 || id.p[plan->id.n] != '.')
		return pack_error(doc, item, err_set(err, -EINVAL, "plan.id", ARG_STR("id", id), ARG_STR("plan", plan->id)), err);
	return has_duty(set, plan, id) ? plan_fail(doc, item, "plan.duplicate", "id", id, err) : 0;
}

static int read_duty(struct arena *arena, const struct pack_doc *doc, const struct plan_set *set, const struct plan *plan,
                     const struct json *item, struct plan_duty *duty, struct err *err)
{
	struct duty_node n = {.lead = NULL};
	int r = pack_decode(arena, doc, item, duty_fields, &n, err);
	if (r >= 0)
		r = check_id(doc, item, set, plan, n.id, err);
	if (r < 0)
		return r;
	*duty = (struct plan_duty){.id = n.id, .at = n.at, .text = n.text, .gloss = n.gloss, .event = n.event};
	r = plan_read_names(arena, doc, set, n.lead, &duty->lead, &duty->lead_count, err);
	if (r >= 0 && duty->lead_count == 0)
		r = plan_fail(doc, item, "plan.no_lead", "id", n.id, err);
	if (r >= 0)
		r = plan_read_names(arena, doc, set, n.with, &duty->with, &duty->with_count, err);
	if (r >= 0)
		r = recurrence_read(arena, doc, n.when, &duty->when, err);
	if (r >= 0)
		r = check_when(doc, item, plan, duty, err);
	if (r >= 0)
		r = read_assumed(doc, item, &n.assumed, duty, err);
	return r < 0 ? r : read_proves(arena, doc, set, n.proves, duty, err);
}

static int read_duties(struct arena *arena, const struct pack_doc *doc, const struct plan_set *set, struct plan *plan,
                       const struct json *list, struct err *err)
{
	int r = plan_count_items(doc, list, PLAN_DUTIES, err);
	if (r < 0)
		return r;
	struct plan_duty *duties = ARENA_ARRAY(arena, list->count + 1, struct plan_duty);
	plan->duties = duties;
	json_each(item, list) {
		r = read_duty(arena, doc, set, plan, item, &duties[plan->duty_count], err);
		if (r < 0)
			return r;
		plan->duty_count++;
	}
	return 0;
}

int plan_read_plan(struct arena *arena, const struct pack_doc *doc, struct plan_set *set, struct err *err)
{
	struct file_node f = {.plan = NULL};
	struct plan_node n = {.bases = {.count = 0}};
	usec_t from = 0, to = 0;
	struct plan *plans = (struct plan *)(uintptr_t)set->plans; /* plan_set_new's, and ours to fill */
	int r = pack_decode(arena, doc, doc->root, file_fields, &f, err);
	if (r >= 0)
		r = pack_decode(arena, doc, f.plan, plan_fields, &n, err);
	if (r >= 0 && set->plan_count == PLAN_PLANS)
		r = pack_error(doc, doc->root, err_set(err, -E2BIG, "plan.too_many", ARG_U64("limit", PLAN_PLANS)), err);
	if (r >= 0 && (!read_day(n.p.valid_from, &from) || (n.p.valid_to.n > 0 && (!read_day(n.p.valid_to, &to) || to < from))))
		r = pack_error(doc, f.plan, err_set(err, -EINVAL, "plan.period"), err);
	for (unsigned i = 0; r >= 0 && i < set->plan_count; i++)
		if (str_eq(plans[i].id, n.p.id))
			r = plan_fail(doc, f.plan, "plan.duplicate", "id", n.p.id, err);
	if (r < 0)
		return r;
	n.p.version = f.version;
	n.p.bases = n.bases.items;
	n.p.base_count = (unsigned)n.bases.count;
	r = read_duties(arena, doc, set, &n.p, f.duties, err);
	if (r >= 0)
		plans[set->plan_count++] = n.p;
	return r;
}

struct plan_set *plan_set_new(struct arena *arena)
{
	struct plan_set *set = ARENA_NEW(arena, struct plan_set);
	set->plans = ARENA_ARRAY(arena, PLAN_PLANS, struct plan);
	return set;
}

static int is_plan(const struct dirent *entry)
{
	struct str name = str_c(entry->d_name);
	return str_ends_with(name, STR(".yaml")) && !str_eq_c(name, "directory.yaml") && !str_eq_c(name, "proofs.yaml");
}

static int read_file(struct arena *arena, const char *folder, const char *name, struct plan_set *set,
                     int (*read)(struct arena *, const struct pack_doc *, struct plan_set *, struct err *), struct err *err)
{
	const struct pack_doc *doc = NULL;
	int r = pack_load(arena, arena_printf(arena, "%s/%s", folder, name).p, &doc, err);
	return r < 0 ? r : read(arena, doc, set, err);
}

int plan_set_read(struct arena *arena, const char *folder, const struct plan_set **ret, struct err *err)
{
	struct plan_set *set = plan_set_new(arena);
	struct dirent **names = NULL;
	int r = read_file(arena, folder, "directory.yaml", set, plan_read_directory, err);
	if (r >= 0)
		r = read_file(arena, folder, "proofs.yaml", set, plan_read_proofs, err);
	if (r < 0)
		return r;
	int count = scandir(folder, &names, is_plan, alphasort);
	if (count < 0)
		return err_errno(err, errno, "open", str_c(folder));
	for (int i = 0; i < count; i++) {
		if (r >= 0)
			r = read_file(arena, folder, names[i]->d_name, set, plan_read_plan, err);
		free(names[i]);
	}
	free(names);
	*ret = set;
	return r;
}
