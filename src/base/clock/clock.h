/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * clock: instants, their texts, and the working-day calendar. Inside, time is
 * UTC microseconds since 1970 (`usec_t`); people see Asia/Ho_Chi_Minh (UTC+7,
 * no daylight saving since 1975).
 *
 * Does not live here: timers (platform/job).
 * Threads: no shared state; a calendar is immutable after loading.
 */
#pragma once
#include "base/err/err.h"

typedef int64_t usec_t;

#define USEC_PER_MS ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define CLOCK_VN_OFFSET_USEC (7 * USEC_PER_HOUR)

usec_t clock_now(void);       /* wall clock, UTC */
usec_t clock_monotonic(void); /* never goes back; for durations */

struct clock_date {
	int year; /* 1..9999 */
	unsigned month, day;
	unsigned hour, minute, second, usec;
	unsigned weekday; /* 0 Monday … 6 Sunday */
};

/* Civil date of an instant shifted by `offset_usec` (CLOCK_VN_OFFSET_USEC for people). */
struct clock_date clock_civil(usec_t t, usec_t offset_usec);
/* The instant of a civil date at that offset. Fields out of range: false. */
bool clock_from_civil(const struct clock_date *d, usec_t offset_usec, usec_t *ret);

#define CLOCK_ISO_SIZE 28
/* RFC 3339, "2026-11-21T06:56:35.123456Z" (fraction only when not zero). Returns buf. */
const char *clock_iso(usec_t t, char buf[CLOCK_ISO_SIZE]);
/* RFC 3339 with any offset, "T" or blank, 0-9 fractional digits; also a bare date (midnight UTC). */
int clock_parse_iso(struct str s, usec_t *ret, struct err *err) WARN_UNUSED;
#define CLOCK_VN_SIZE 24
/* "21/11/2026 13:56" in Vietnamese time. Returns buf. */
const char *clock_vn(usec_t t, char buf[CLOCK_VN_SIZE]);
/* "90s", "15m", "36h", "7d", "2w" (Sigma's timespan letters, lower case; M = month 30 d, y = 365 d). */
int clock_parse_duration(struct str s, usec_t *ret, struct err *err) WARN_UNUSED;

/* Working days: Monday to Friday less holidays plus make-up days, as data (packs). */
struct clock_calendar;
struct clock_calendar *clock_calendar_new(void);
void clock_calendar_free(struct clock_calendar *c);
/* `day`: "YYYY-MM-DD" in Vietnamese time. */
int clock_calendar_add_holiday(struct clock_calendar *c, struct str day, struct err *err) WARN_UNUSED;
int clock_calendar_add_workday(struct clock_calendar *c, struct str day, struct err *err) WARN_UNUSED;
bool clock_is_workday(const struct clock_calendar *c, usec_t t);
/* The last microsecond of the n-th working day after t's day (t's own day is not counted;
 * Civil Code 2015 Art. 147: the first day of a term is not counted). n in 1..10000. */
usec_t clock_add_workdays(const struct clock_calendar *c, usec_t t, unsigned n);
