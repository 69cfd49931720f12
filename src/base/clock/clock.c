/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/clock/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/cursor/cursor.h"

#ifdef _WIN32
#include <windows.h>

usec_t clock_now(void)
{
	/* Windows 7 has no "precise" variant; 100 ns ticks since 1601. */
	const int64_t ticks_1601_to_1970 = 116444736000000000;
	FILETIME ft;
	GetSystemTimeAsFileTime(&ft);
	int64_t ticks = (int64_t)((uint64_t)ft.dwHighDateTime << 32 | ft.dwLowDateTime);
	return (ticks - ticks_1601_to_1970) / 10;
}

usec_t clock_monotonic(void)
{
	LARGE_INTEGER count, per_second;
	(void)QueryPerformanceCounter(&count);
	(void)QueryPerformanceFrequency(&per_second);
	/* Whole seconds apart, so that the product does not overflow after weeks of uptime. */
	return count.QuadPart / per_second.QuadPart * USEC_PER_SEC +
	       count.QuadPart % per_second.QuadPart * USEC_PER_SEC / per_second.QuadPart;
}
#else
static usec_t read_clock(clockid_t id)
{
	struct timespec ts = {0};
	(void)clock_gettime(id, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
#endif

/* 0001-01-01 and 9999-12-31, as days since 1970-01-01. */
#define FIRST_DAY (-719162)
#define LAST_DAY 2932896
#define FIRST_USEC (FIRST_DAY * USEC_PER_DAY)
#define LAST_USEC ((LAST_DAY + 1) * USEC_PER_DAY - 1)

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of a proleptic Gregorian date; the year begins in March so
 * that the leap day comes last (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_from_civil(int year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct clock_date *d)
{
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	d->day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	d->month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	d->year = (int)(yoe + era * 400 + (d->month <= 2));
	int64_t weekday = (days + 3) % 7; /* 1970-01-01 was a Thursday */
	d->weekday = (unsigned)(weekday < 0 ? weekday + 7 : weekday);
}

static unsigned days_in_month(int year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

struct clock_date clock_civil(usec_t t, usec_t offset_usec)
{
	usec_t local;
	if (__builtin_add_overflow(t, offset_usec, &local))
		local = t;
	/* Years have four digits everywhere; what lies outside is shown as the nearest end. */
	if (local < FIRST_USEC)
		local = FIRST_USEC;
	if (local > LAST_USEC)
		local = LAST_USEC;
	int64_t days = floor_div(local, USEC_PER_DAY);
	usec_t rest = local - days * USEC_PER_DAY;
	struct clock_date d = {
		.hour = (unsigned)(rest / USEC_PER_HOUR),
		.minute = (unsigned)(rest / USEC_PER_MINUTE % 60),
		.second = (unsigned)(rest / USEC_PER_SEC % 60),
		.usec = (unsigned)(rest % USEC_PER_SEC),
	};
	civil_from_days(days, &d);
	return d;
}

bool clock_from_civil(const struct clock_date *d, usec_t offset_usec, usec_t *ret)
{
	if (d->year < 1 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
	    d->day > days_in_month(d->year, d->month))
		return false;
	if (d->hour > 23 || d->minute > 59 || d->second > 59 || d->usec > 999999)
		return false;
	*ret = days_from_civil(d->year, d->month, d->day) * USEC_PER_DAY + d->hour * USEC_PER_HOUR +
	       d->minute * USEC_PER_MINUTE + d->second * USEC_PER_SEC + d->usec - offset_usec;
	return true;
}

const char *clock_iso(usec_t t, char buf[CLOCK_ISO_SIZE])
{
	struct clock_date d = clock_civil(t, 0);
	struct buf out = BUF_FIXED(buf, CLOCK_ISO_SIZE);
	buf_printf(&out, "%04d-%02u-%02uT%02u:%02u:%02u", d.year, d.month, d.day, d.hour, d.minute, d.second);
	if (d.usec != 0)
		buf_printf(&out, ".%06u", d.usec);
	buf_append_char(&out, 'Z');
	return buf;
}

const char *clock_vn(usec_t t, char buf[CLOCK_VN_SIZE])
{
	struct clock_date d = clock_civil(t, CLOCK_VN_OFFSET_USEC);
	struct buf out = BUF_FIXED(buf, CLOCK_VN_SIZE);
	buf_printf(&out, "%02u/%02u/%04d %02u:%02u", d.day, d.month, d.year, d.hour, d.minute);
	return buf;
}

/* Exactly `width` digits. */
static bool read_digits(struct cursor *c, size_t width, unsigned *ret)
{
	uint64_t value;
	if (!str_parse_u64(cursor_take(c, width), 0, 9999, &value))
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool read_date(struct cursor *c, struct clock_date *d)
{
	unsigned year;
	if (!read_digits(c, 4, &year) || !cursor_expect(c, '-') || !read_digits(c, 2, &d->month) ||
	    !cursor_expect(c, '-') || !read_digits(c, 2, &d->day))
		return false;
	d->year = (int)year;
	return true;
}

/* Up to nine digits, kept to the microsecond. */
static bool read_fraction(struct cursor *c, struct clock_date *d)
{
	struct str digits = cursor_while(c, "0123456789");
	if (digits.n < 1 || digits.n > 9)
		return false;
	unsigned scale = 100000;
	for (size_t i = 0; i < digits.n && i < 6; i++, scale /= 10)
		d->usec += (unsigned)(digits.p[i] - '0') * scale;
	return true;
}

static bool read_offset(struct cursor *c, usec_t *ret)
{
	if (cursor_accept(c, 'Z') || cursor_accept(c, 'z')) {
		*ret = 0;
		return true;
	}
	bool negative = cursor_accept(c, '-');
	unsigned hours, minutes;
	if ((!negative && !cursor_accept(c, '+')) || !read_digits(c, 2, &hours) || !cursor_expect(c, ':') ||
	    !read_digits(c, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	usec_t offset = hours * USEC_PER_HOUR + minutes * USEC_PER_MINUTE;
	*ret = negative ? -offset : offset;
	return true;
}

static bool read_time(struct cursor *c, struct clock_date *d, usec_t *ret_offset)
{
	if (!cursor_accept(c, 'T') && !cursor_accept(c, 't') && !cursor_accept(c, ' '))
		return false;
	if (!read_digits(c, 2, &d->hour) || !cursor_expect(c, ':') || !read_digits(c, 2, &d->minute) ||
	    !cursor_expect(c, ':') || !read_digits(c, 2, &d->second))
		return false;
	if (cursor_accept(c, '.') && !read_fraction(c, d))
		return false;
	return read_offset(c, ret_offset);
}

static bool parse_iso(struct str s, usec_t *ret)
{
	struct cursor c = cursor_of(s);
	struct clock_date d = {0};
	usec_t offset = 0, t;
	if (!read_date(&c, &d))
		return false;
	if (!cursor_at_end(&c) && !read_time(&c, &d, &offset))
		return false;
	/* RFC 3339 allows a leap second; UTC microseconds have none, so it is the next second. */
	bool leap_second = d.second == 60;
	if (leap_second)
		d.second = 59;
	if (!cursor_at_end(&c) || !clock_from_civil(&d, offset, &t))
		return false;
	t += leap_second ? USEC_PER_SEC : 0;
	if (t < FIRST_USEC || t > LAST_USEC)
		return false;
	*ret = t;
	return true;
}

int clock_parse_iso(struct str s, usec_t *ret, struct err *err)
{
	return parse_iso(s, ret) ? 0 : err_set(err, -EINVAL, "clock.iso", ARG_STR("text", s));
}

static usec_t unit_usec(char letter)
{
	switch (letter) {
	case 's':
		return USEC_PER_SEC;
	case 'm':
		return USEC_PER_MINUTE;
	case 'h':
		return USEC_PER_HOUR;
	case 'd':
		return USEC_PER_DAY;
	case 'w':
		return 7 * USEC_PER_DAY;
	case 'M':
		return 30 * USEC_PER_DAY;
	case 'y':
		return 365 * USEC_PER_DAY;
	default:
		return 0;
	}
}

int clock_parse_duration(struct str s, usec_t *ret, struct err *err)
{
	int64_t count;
	usec_t unit = s.n > 0 ? unit_usec(s.p[s.n - 1]) : 0, value;
	if (unit == 0 || !str_parse_i64(str_sub(s, 0, s.n - 1), 0, INT64_MAX, &count) || s.p[0] == '-' ||
	    __builtin_mul_overflow(count, unit, &value))
		return err_set(err, -EINVAL, "clock.duration", ARG_STR("text", s));
	*ret = value;
	return 0;
}
