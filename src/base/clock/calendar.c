/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/clock/clock.h"
#include "base/mem/mem.h"

/* Also bounds the search for the next working day. */
#define DAYS_MAX 10000
#define TERM_MAX 10000

/* Days since 1970-01-01 in Vietnamese time, ascending. */
struct day_list {
	int64_t *days;
	size_t count;
};

struct clock_calendar {
	struct day_list holidays, workdays;
};

struct clock_calendar *clock_calendar_new(void)
{
	return MEM_NEW(struct clock_calendar);
}

void clock_calendar_free(struct clock_calendar *c)
{
	if (c == NULL)
		return;
	mem_free(c->holidays.days);
	mem_free(c->workdays.days);
	mem_free(c);
}

static int64_t day_of(usec_t t)
{
	usec_t local = t + CLOCK_VN_OFFSET_USEC;
	return local / USEC_PER_DAY - (local % USEC_PER_DAY < 0);
}

/* Where `day` is or belongs. */
static size_t position(const struct day_list *list, int64_t day)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->days[middle] < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool contains(const struct day_list *list, int64_t day)
{
	size_t at = position(list, day);
	return at < list->count && list->days[at] == day;
}

static int add_day(struct day_list *list, const struct day_list *other, struct str text, struct err *err)
{
	usec_t t;
	if (text.n != 10 || clock_parse_iso(text, &t, NULL) < 0)
		return err_set(err, -EINVAL, "clock.day", ARG_STR("text", text));
	int64_t day = t / USEC_PER_DAY; /* a bare date is midnight UTC: no shift */
	if (t < 0)
		return err_set(err, -EINVAL, "clock.day", ARG_STR("text", text));
	if (contains(other, day))
		return err_set(err, -EEXIST, "clock.day_conflict", ARG_STR("text", text));
	if (contains(list, day))
		return 0;
	if (list->count >= DAYS_MAX)
		return err_set(err, -E2BIG, "clock.too_many_days", ARG_I64("limit", DAYS_MAX));
	size_t at = position(list, day);
	list->days = mem_realloc_array(list->days, list->count + 1, sizeof *list->days);
	(void)memmove(list->days + at + 1, list->days + at, (list->count - at) * sizeof *list->days);
	list->days[at] = day;
	list->count++;
	return 0;
}

int clock_calendar_add_holiday(struct clock_calendar *c, struct str day, struct err *err)
{
	return add_day(&c->holidays, &c->workdays, day, err);
}

int clock_calendar_add_workday(struct clock_calendar *c, struct str day, struct err *err)
{
	return add_day(&c->workdays, &c->holidays, day, err);
}

static bool is_workday(const struct clock_calendar *c, int64_t day)
{
	int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 0 Monday */
	if (contains(&c->workdays, day))
		return true;
	return weekday < 5 && !contains(&c->holidays, day);
}

bool clock_is_workday(const struct clock_calendar *c, usec_t t)
{
	return is_workday(c, day_of(t));
}

usec_t clock_add_workdays(const struct clock_calendar *c, usec_t t, unsigned n)
{
	int64_t day = day_of(t);
	if (n < 1)
		n = 1;
	if (n > TERM_MAX)
		n = TERM_MAX;
	while (n > 0)
		n -= is_workday(c, ++day);
	return (day + 1) * USEC_PER_DAY - CLOCK_VN_OFFSET_USEC - 1;
}
