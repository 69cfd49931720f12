/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/recurrence/recurrence_internal.h"

#define STEPS_MOST 100000 /* a window of centuries ends, too */

unsigned recurrence_month_days(int year, unsigned month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Midnight at the begin of a day; a day past the month's end is its last. */
static usec_t begin_of(int year, unsigned month, unsigned day)
{
	unsigned last = recurrence_month_days(year, month);
	const struct clock_date d = {.year = year, .month = month, .day = day < last ? day : last};
	usec_t t = 0;
	return clock_from_civil(&d, CLOCK_VN_OFFSET_USEC, &t) ? t : INT64_MAX;
}

/* The same day `months` later, or the last of that month. */
static usec_t months_after(const struct recurrence_day *d, unsigned months)
{
	unsigned month = d->month - 1 + months % 12;
	int year = d->year + (int)(months / 12) + (int)(month / 12);
	return year > 9998 ? INT64_MAX : begin_of(year, month % 12 + 1, d->day);
}

static struct recurrence_day day_of(usec_t t)
{
	struct clock_date d = clock_civil(t, CLOCK_VN_OFFSET_USEC);
	return (struct recurrence_day){.year = d.year, .month = d.month, .day = d.day};
}

static usec_t end_of_day(usec_t begin)
{
	return begin == INT64_MAX ? begin : begin + USEC_PER_DAY - 1;
}

/* To a working day, at the same time of day. */
static usec_t rolled(const struct recurrence *r, const struct clock_calendar *cal, usec_t due)
{
	usec_t step = r->roll == RECURRENCE_ROLL_NEXT ? USEC_PER_DAY : -USEC_PER_DAY;
	for (unsigned i = 0; i < 400 && r->roll != RECURRENCE_ROLL_NONE && due != INT64_MAX && !clock_is_workday(cal, due); i++)
		due += step;
	return due;
}

/* A term counted from the day of t, which is not counted itself; hours exactly. */
static usec_t term_after(const struct recurrence *r, const struct clock_calendar *cal, usec_t t)
{
	struct recurrence_day d = day_of(t);
	switch (r->unit) {
	case RECURRENCE_UNIT_HOURS:
		return t + (usec_t)r->term * USEC_PER_HOUR;
	case RECURRENCE_UNIT_WORKING_DAYS:
		return clock_add_workdays(cal, t, r->term);
	case RECURRENCE_UNIT_DAYS:
	case RECURRENCE_UNIT_NONE:
	case RECURRENCE_UNIT__COUNT:
		break;
	}
	return end_of_day(begin_of(d.year, d.month, d.day)) + (usec_t)r->term * USEC_PER_DAY;
}

struct lister {
	usec_t from, to;
	struct recurrence_occurrence *out;
	size_t max, count;
	usec_t last;
};

/* true: the next may be within, too. */
static bool list_add(struct lister *l, usec_t opens, usec_t due)
{
	if (due > l->to)
		return false;
	/* Two may roll onto the same day: that is one. */
	if (due < l->from || (l->count > 0 && due <= l->last))
		return true;
	l->last = due;
	if (l->count < l->max)
		l->out[l->count] = (struct recurrence_occurrence){.opens = opens > l->from ? opens : l->from, .due = due};
	l->count++;
	return true;
}

static void list_dates(const struct recurrence *r, const struct clock_calendar *cal, struct lister *l)
{
	int first = clock_civil(l->from, CLOCK_VN_OFFSET_USEC).year, last = clock_civil(l->to, CLOCK_VN_OFFSET_USEC).year;
	usec_t opens = l->from;
	/* One year more on each side: rolling and "before" cross the turn of the year. */
	for (int year = first > 1 ? first - 1 : first; year <= last + 1 && year < 9999; year++) {
		for (unsigned i = 0; i < r->date_count; i++) {
			const struct recurrence_day *d = &r->dates[i];
			if (d->year != 0 && d->year != year)
				continue;
			usec_t begin = begin_of(year, d->month, d->day), due = rolled(r, cal, r->before ? begin - 1 : end_of_day(begin));
			if (!list_add(l, opens, due))
				return;
			opens = due + 1;
		}
	}
}

static void list_every(const struct recurrence *r, const struct clock_calendar *cal, struct lister *l)
{
	struct recurrence_day anchor = r->date_count > 0 ? r->dates[0] : day_of(l->from);
	usec_t opens = l->from;
	for (unsigned i = 1; i < STEPS_MOST / r->months; i++) {
		usec_t due = rolled(r, cal, end_of_day(months_after(&anchor, i * r->months)));
		if (!list_add(l, opens, due))
			return;
		opens = due + 1;
	}
}

static void list_periods(const struct recurrence *r, const struct clock_calendar *cal, struct lister *l)
{
	/* From the period in which the window begins, not before: what the plan did not cover is not owed. */
	struct recurrence_day begin = day_of(l->from);
	begin.month -= (begin.month - 1) % r->months;
	begin.day = 1;
	for (unsigned i = 0; i < STEPS_MOST / r->months; i++) {
		usec_t opens = months_after(&begin, i * r->months), end = months_after(&begin, (i + 1) * r->months);
		if (end == INT64_MAX || !list_add(l, opens, rolled(r, cal, term_after(r, cal, end - 1))))
			return;
	}
}

size_t recurrence_list(const struct recurrence *r, const struct clock_calendar *cal, usec_t from, usec_t to,
                       struct recurrence_occurrence *out, size_t max)
{
	struct lister l = {.from = from, .to = to, .out = out, .max = max};
	switch (r->kind) {
	case RECURRENCE_ONCE:
	case RECURRENCE_YEARLY:
		list_dates(r, cal, &l);
		break;
	case RECURRENCE_EVERY:
		list_every(r, cal, &l);
		break;
	case RECURRENCE_PERIOD:
		list_periods(r, cal, &l);
		break;
	case RECURRENCE_CONTINUOUS:
		(void)list_add(&l, from, to);
		break;
	case RECURRENCE_ON_EVENT:
	case RECURRENCE__COUNT:
		break;
	}
	return l.count;
}

usec_t recurrence_due_after(const struct recurrence *r, const struct clock_calendar *cal, usec_t event)
{
	struct recurrence_day day = day_of(event);
	if (r->kind == RECURRENCE_EVERY)
		return rolled(r, cal, end_of_day(months_after(&day, r->months)));
	if (r->kind != RECURRENCE_ON_EVENT)
		return 0;
	usec_t due = term_after(r, cal, event);
	return r->unit == RECURRENCE_UNIT_HOURS ? due : rolled(r, cal, due);
}
