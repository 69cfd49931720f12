/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From YAML: recurrences, and the calendar of holidays. */
#include "engine/recurrence/recurrence_internal.h"

static const char *const kind_names[] = {"once", "yearly", "every", "period", "continuous", "on_event", NULL};
static const char *const roll_names[] = {"none", "next_workday", "previous_workday", NULL};

struct node {
	int kind, roll;
	const struct json *by, *before, *within;
	struct str from;
	int64_t months;
};
static const struct json_field fields[] = {
	{"kind", JSON_FIELD_ENUM, offsetof(struct node, kind), true, .names = kind_names},
	{"by", JSON_FIELD_ANY, offsetof(struct node, by)},
	{"before", JSON_FIELD_ANY, offsetof(struct node, before)},
	{"months", JSON_FIELD_INT, offsetof(struct node, months), false, 1, RECURRENCE_MONTHS_MOST},
	{"from", JSON_FIELD_STR, offsetof(struct node, from), false, 10, 10},
	{"within", JSON_FIELD_ANY, offsetof(struct node, within)},
	{"roll", JSON_FIELD_ENUM, offsetof(struct node, roll), .names = roll_names},
	{.name = NULL},
};

struct within_node {
	int64_t hours, days, working_days;
	bool has_hours, has_days, has_working_days;
};
static const struct json_field within_fields[] = {
	{"hours", JSON_FIELD_INT, offsetof(struct within_node, hours), false, 0, RECURRENCE_TERM_MOST, .present_offset = offsetof(struct within_node, has_hours) + 1},
	{"days", JSON_FIELD_INT, offsetof(struct within_node, days), false, 0, RECURRENCE_TERM_MOST, .present_offset = offsetof(struct within_node, has_days) + 1},
	{"working_days", JSON_FIELD_INT, offsetof(struct within_node, working_days), false, 1, RECURRENCE_TERM_MOST, .present_offset = offsetof(struct within_node, has_working_days) + 1},
	{.name = NULL},
};

/* Which members each kind has: needs, or may have. */
static const struct {
	bool dates, months, within_needed, within, from;
} members[RECURRENCE__COUNT] = {
	[RECURRENCE_ONCE] = {.dates = true},
	[RECURRENCE_YEARLY] = {.dates = true},
	[RECURRENCE_EVERY] = {.months = true, .from = true},
	[RECURRENCE_PERIOD] = {.months = true, .within = true},
	[RECURRENCE_ON_EVENT] = {.within = true, .within_needed = true},
};

static bool read_number(struct str text, unsigned most, unsigned *ret)
{
	uint64_t n;
	bool ok = str_parse_u64(text, 1, most, &n);
	*ret = ok ? (unsigned)n : 0;
	return ok;
}

/* "YYYY-MM-DD", or "MM-DD" where every year is meant. */
static int read_day(struct str text, bool with_year, struct recurrence_day *ret, struct err *err)
{
	*ret = (struct recurrence_day){.year = 0};
	unsigned year = 2024; /* 02-29 is a day of a year, though not of each */
	size_t at = with_year ? 5 : 0;
	bool ok = text.n == at + 5 && text.p[at + 2] == '-' && (!with_year || text.p[4] == '-');
	ok = ok && (!with_year || read_number(str_n(text.p, 4), 9999, &year));
	ok = ok && read_number(str_n(text.p + at, 2), 12, &ret->month) && read_number(str_n(text.p + at + 3, 2), 31, &ret->day);
	if (!ok || ret->day > recurrence_month_days((int)year, ret->month))
		return err_set(err, -EINVAL, "recurrence.day", ARG_STR("text", text));
	ret->year = with_year ? (int)year : 0;
	return 0;
}

static int add_date(const struct pack_doc *doc, const struct json *node, struct recurrence *r, struct err *err)
{
	if (r->date_count == RECURRENCE_DATES || node->type != JSON_STRING)
		return pack_error(doc, node, err_set(err, -EINVAL, "recurrence.day", ARG_STR("text", node->text)), err);
	struct recurrence_day *d = &r->dates[r->date_count];
	if (read_day(node->text, r->kind == RECURRENCE_ONCE, d, err) < 0)
		return pack_error(doc, node, -EINVAL, err);
	if (r->date_count > 0 && d->month * 32 + d->day <= d[-1].month * 32 + d[-1].day)
		return pack_error(doc, node, err_set(err, -EINVAL, "recurrence.order"), err);
	r->date_count++;
	return 0;
}

static int read_dates(const struct pack_doc *doc, const struct json *node, struct recurrence *r, struct err *err)
{
	if (node->type != JSON_ARRAY || r->kind == RECURRENCE_ONCE)
		return add_date(doc, node, r, err);
	int result = node->child != NULL ? 0 : add_date(doc, node, r, err);
	for (const struct json *item = node->child; result >= 0 && item != NULL; item = item->next)
		result = add_date(doc, item, r, err);
	return result;
}

static int read_within(struct arena *arena, const struct pack_doc *doc, const struct json *node, struct recurrence *r, struct err *err)
{
	struct within_node w = {.hours = 0};
	int result = pack_decode(arena, doc, node, within_fields, &w, err);
	if (result < 0)
		return result;
	if (w.has_hours + w.has_days + w.has_working_days != 1 || (w.has_hours && r->kind == RECURRENCE_PERIOD))
		return pack_error(doc, node, err_set(err, -EINVAL, "recurrence.within"), err);
	r->unit = w.has_hours ? RECURRENCE_UNIT_HOURS : w.has_days ? RECURRENCE_UNIT_DAYS : RECURRENCE_UNIT_WORKING_DAYS;
	r->term = (unsigned)(w.has_hours ? w.hours : w.has_days ? w.days : w.working_days);
	return 0;
}

/* What the kind lacks, or does not know. */
static int check_members(const struct pack_doc *doc, const struct json *node, const struct node *n, struct err *err)
{
	const struct {
		const char *name;
		bool there, needed, known;
	} table[] = {
		{"by, before", n->by != NULL || n->before != NULL, members[n->kind].dates, members[n->kind].dates},
		{"before", n->by != NULL && n->before != NULL, false, false},
		{"months", n->months != 0, members[n->kind].months, members[n->kind].months},
		{"from", n->from.n > 0, false, members[n->kind].from},
		{"within", n->within != NULL, members[n->kind].within_needed, members[n->kind].within},
		{"roll", n->roll != 0, false, n->kind != RECURRENCE_CONTINUOUS},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (table[i].needed && !table[i].there)
			return pack_error(doc, node, err_set(err, -EINVAL, "recurrence.needs", ARG_CSTR("kind", kind_names[n->kind]), ARG_CSTR("field", table[i].name)), err);
		if (table[i].there && !table[i].known)
			return pack_error(doc, node, err_set(err, -EINVAL, "recurrence.not_for", ARG_CSTR("kind", kind_names[n->kind]), ARG_CSTR("field", table[i].name)), err);
	}
	return 0;
}

int recurrence_read(struct arena *arena, const struct pack_doc *doc, const struct json *node, struct recurrence *ret, struct err *err)
{
	struct node n = {.by = NULL};
	int r = pack_decode(arena, doc, node, fields, &n, err);
	if (r >= 0)
		r = check_members(doc, node, &n, err);
	if (r < 0)
		return r;
	*ret = (struct recurrence){.kind = (enum recurrence_kind)n.kind, .before = n.before != NULL, .months = (unsigned)n.months, .roll = (enum recurrence_roll)n.roll};
	if (ret->kind == RECURRENCE_PERIOD && (ret->months == 0 || 12 % ret->months != 0))
		return pack_error(doc, node, err_set(err, -EINVAL, "recurrence.months"), err);
	if (n.by != NULL || n.before != NULL)
		r = read_dates(doc, n.by != NULL ? n.by : n.before, ret, err);
	if (r >= 0 && n.from.n > 0) {
		r = read_day(n.from, true, &ret->dates[0], err);
		ret->date_count = 1;
		if (r < 0)
			return pack_error(doc, node, r, err);
	}
	if (r >= 0 && n.within != NULL)
		r = read_within(arena, doc, n.within, ret, err);
	return r;
}

/* ---- the calendar ---- */

struct year_node {
	int64_t year;
	const struct json *days, *workdays, *unconfirmed;
};
static const struct json_field year_fields[] = {
	{"year", JSON_FIELD_INT, offsetof(struct year_node, year), true, 1970, 9999},
	{"days", JSON_FIELD_ANY, offsetof(struct year_node, days), true},
	{"workdays", JSON_FIELD_ANY, offsetof(struct year_node, workdays)},
	{"unconfirmed", JSON_FIELD_ANY, offsetof(struct year_node, unconfirmed)},
	{.name = NULL},
};

static int add_days(const struct pack_doc *doc, const struct json *list, bool work, struct clock_calendar *cal, struct err *err)
{
	json_each(item, list) {
		struct str day = item->type == JSON_STRING ? item->text : json_get_str(item, "day", STR(""));
		int r = work ? clock_calendar_add_workday(cal, day, err) : clock_calendar_add_holiday(cal, day, err);
		if (r < 0)
			return pack_error(doc, item, r, err);
	}
	return 0;
}

int recurrence_calendar_read(struct arena *arena, const struct pack_doc *doc, struct clock_calendar **ret, struct err *err)
{
	struct clock_calendar *cal = clock_calendar_new();
	const struct json *years = json_get(doc->root, "years");
	bool listed = years != NULL && years->type == JSON_ARRAY;
	int r = listed ? 0 : pack_error(doc, doc->root, err_set(err, -EINVAL, "recurrence.no_years"), err);
	for (const struct json *item = listed ? years->child : NULL; r >= 0 && item != NULL; item = item->next) {
		struct year_node n = {.year = 0};
		r = pack_decode(arena, doc, item, year_fields, &n, err);
		if (r >= 0)
			r = add_days(doc, n.days, false, cal, err);
		if (r >= 0)
			r = add_days(doc, n.workdays, true, cal, err);
	}
	if (r < 0) {
		clock_calendar_free(cal);
		return r;
	}
	*ret = cal;
	return 0;
}
