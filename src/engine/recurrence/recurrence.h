/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * recurrence: when a duty is due. Plans say "trước ngày 15/11 hằng năm", "03 tháng/lần", "quý, 6 tháng, năm", "ngay khi có thay
 * đổi"; a pack says it as a small YAML object, and this room gives the instants.
 *
 *   {kind: once, by: "2025-05-31"}                      until the end of that day
 *   {kind: once, before: "2025-10-10"}                  strictly before: the end of the day before
 *   {kind: yearly, before: "11-15"}                     also a list: ["06-20", "12-20"]; 02-29 is 28 February in common years
 *   {kind: every, months: 3, from: "2025-01-06"}        N months after `from`, and so on; without `from`: after the window's first day
 *   {kind: period, months: 3, within: {working_days: 5}} calendar periods (1, 3, 6 or 12 months), due that long after their end
 *   {kind: continuous}                                  always; nothing falls due
 *   {kind: on_event, within: {hours: 24}}               counted from an event
 * Each but continuous and hours may add roll: next_workday or previous_workday.
 *
 * Terms: hours are exact; days and months do not count the first day and end with the last one, and a month without the day
 * ends with its last day (Bộ luật Dân sự 2015 Điều 147, 148); working days are those of the calendar. All days are those of
 * Viet Nam (UTC+7).
 *
 * Does not live here: duties and who owes them. Threads: no shared state.
 */
#pragma once
#include "base/clock/clock.h"
#include "platform/pack/pack.h"

enum recurrence_kind {
	RECURRENCE_ONCE,
	RECURRENCE_YEARLY,
	RECURRENCE_EVERY,
	RECURRENCE_PERIOD,
	RECURRENCE_CONTINUOUS,
	RECURRENCE_ON_EVENT,
	RECURRENCE__COUNT
};
enum recurrence_unit { RECURRENCE_UNIT_NONE, RECURRENCE_UNIT_HOURS, RECURRENCE_UNIT_DAYS, RECURRENCE_UNIT_WORKING_DAYS, RECURRENCE_UNIT__COUNT };
enum recurrence_roll { RECURRENCE_ROLL_NONE, RECURRENCE_ROLL_NEXT, RECURRENCE_ROLL_PREVIOUS, RECURRENCE_ROLL__COUNT };

#define RECURRENCE_DATES 12
#define RECURRENCE_MONTHS_MOST 120
#define RECURRENCE_TERM_MOST 10000

struct recurrence_day {
	int year; /* 0: every year */
	unsigned month, day;
};

struct recurrence {
	enum recurrence_kind kind;
	struct recurrence_day dates[RECURRENCE_DATES]; /* once, yearly (ascending), every (`from`) */
	unsigned date_count;
	bool before; /* dates: strictly before */
	unsigned months;
	enum recurrence_unit unit;
	unsigned term; /* of `within`; with NONE 0 */
	enum recurrence_roll roll;
};

/* Errors have their place: those of pack_decode and -EINVAL recurrence.day (text), recurrence.months, recurrence.order,
 * recurrence.needs (kind, field), recurrence.not_for (kind, field), recurrence.within. */
int recurrence_read(struct arena *arena, const struct pack_doc *doc, const struct json *node, struct recurrence *ret, struct err *err) WARN_UNUSED;

struct recurrence_occurrence {
	usec_t opens; /* from when it can be done: the window's start, the end of the one before, or the period's start */
	usec_t due;   /* last microsecond */
};

/*
 * Those that fall due within [from, to] (a plan's validity), ascending, into out[max]; returns how many there are (more than max:
 * the rest was left out). A continuous one is a single occurrence that is due at `to`; on_event gives none.
 * cal: borrowed.
 */
size_t recurrence_list(const struct recurrence *r, const struct clock_calendar *cal, usec_t from, usec_t to,
                       struct recurrence_occurrence *out, size_t max);
/* ON_EVENT: when it is due after this event. EVERY: after it was last done (no `from` is looked at). Others: 0. */
usec_t recurrence_due_after(const struct recurrence *r, const struct clock_calendar *cal, usec_t event);

/* The working-day calendar from packs/vn/holidays.yaml. Unconfirmed days are not taken off. *ret: clock_calendar_free. */
int recurrence_calendar_read(struct arena *arena, const struct pack_doc *doc, struct clock_calendar **ret, struct err *err) WARN_UNUSED;
