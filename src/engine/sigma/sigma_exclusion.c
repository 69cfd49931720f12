/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_exclusion.h"

#include "base/clock/clock.h"

static int wrong(const struct sigma_exclusions *x, const struct json *row, const char *field, struct err *err)
{
	return pack_error(x->doc, row, err_set(err, -EINVAL, "sigma.exclusion", ARG_CSTR("name", field)), err);
}

static int check_row(const struct sigma_exclusions *x, const struct json *row, bool *ret_active, struct err *err)
{
	static const char *const known[] = {"rules", "author", "reason", "expires", "when", NULL};
	int64_t expires;
	json_each(member, row) {
		size_t i = 0;
		while (known[i] != NULL && !str_eq_c(member->name, known[i]))
			i++;
		if (known[i] == NULL)
			return wrong(x, member, "when", err);
	}
	for (size_t i = 1; i < 4; i++)
		if (row->type != JSON_OBJECT || json_get_str(row, known[i], STR_EMPTY).n == 0)
			return wrong(x, row, known[i], err);
	const struct json *rules = json_get(row, "rules");
	if (rules == NULL || (rules->type == JSON_ARRAY && rules->child == NULL))
		return wrong(x, row, "rules", err);
	if (clock_parse_iso(json_get_str(row, "expires", STR_EMPTY), &expires, NULL) < 0)
		return wrong(x, json_get(row, "expires"), "expires", err);
	*ret_active = x->now_usec < expires;
	return 0;
}

int sigma_exclusions_read(struct arena *arena, const char *path, int64_t now_usec, struct sigma_exclusions *x, struct err *err)
{
	struct buf print cleanup_buf = BUF_INIT(PACK_MAX_BYTES * 2);
	*x = (struct sigma_exclusions){.now_usec = now_usec};
	if (path == NULL)
		return 0;
	int r = pack_load(arena, path, &x->doc, err);
	if (r < 0)
		return r;
	if (x->doc->root->type != JSON_ARRAY && x->doc->root->type != JSON_NULL)
		return wrong(x, x->doc->root, "rules", err);
	buf_append(&print, x->doc->text);
	json_each(row, x->doc->root) {
		bool active;
		r = check_row(x, row, &active, err);
		if (r < 0)
			return r;
		x->active += active;
		buf_append_char(&print, active ? '1' : '0');
	}
	x->fingerprint = arena_str(arena, buf_str(&print));
	return 0;
}

static bool names_rule(const struct sigma_names *names, const struct sigma_rule *rule)
{
	for (size_t i = 0; i < names->count; i++)
		if ((rule->meta.id.n > 0 && str_eq_nocase(names->items[i], rule->meta.id)) ||
		    (rule->meta.name.n > 0 && str_eq(names->items[i], rule->meta.name)))
			return true;
	return false;
}

static void take_out(struct sigma_parsed *parsed, const struct sigma_names *names)
{
	struct sigma_rule **at = &parsed->rules;
	while (*at != NULL) {
		if (names_rule(names, *at)) {
			*at = (*at)->next;
			parsed->rule_count--;
		} else {
			at = &(*at)->next;
		}
	}
	parsed->rule_tail = at;
}

static int apply_row(const struct sigma_exclusions *x, const struct json *row, struct sigma_parsed *parsed, struct err *err)
{
	const struct json *when = json_get(row, "when");
	struct sigma_names names = {.count = 0};
	int r = sigma_names_parse(parsed, x->doc, row, "rules", &names, err);
	if (r < 0)
		return r;
	if (when == NULL) {
		take_out(parsed, &names);
		return 0;
	}
	struct sigma_filter *filter = ARENA_NEW(parsed->arena, struct sigma_filter);
	filter->rules = names;
	filter->meta.file = x->doc->file;
	filter->condition = sigma_node_new(parsed->arena, SIGMA_NODE_NOT);
	r = sigma_detection_parse(parsed, x->doc, when, &filter->condition->child, err);
	if (r < 0)
		return r;
	filter->condition->label = STR("exclusion");
	*parsed->filter_tail = filter;
	parsed->filter_tail = &filter->next;
	return 0;
}

int sigma_exclusions_apply(const struct sigma_exclusions *x, struct sigma_parsed *parsed, struct err *err)
{
	if (x->doc == NULL)
		return 0;
	json_each(row, x->doc->root) {
		bool active = false;
		int r = check_row(x, row, &active, err);
		if (r == 0 && active)
			r = apply_row(x, row, parsed, err);
		if (r < 0)
			return r;
	}
	return 0;
}
