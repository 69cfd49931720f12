/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_stamp.h"

#include "base/mem/mem.h"

#define ZONE_LIMIT_MINUTES (14 * 60)
#define CLOCK_WRONG_LIMIT (7 * USEC_PER_DAY)
#define YEAR_FIRST 1970
#define YEAR_LAST 2100

struct reader {
	struct str s;
	size_t at;
	struct clock_date d; /* year 0: not told */
	usec_t zone;
	bool zoned;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char peek(const struct reader *r, size_t ahead)
{
	return r->at + ahead < r->s.n ? r->s.p[r->at + ahead] : '\0';
}

static bool accept(struct reader *r, char c)
{
	if (peek(r, 0) != c || c == '\0')
		return false;
	r->at++;
	return true;
}

static size_t digit_run(const struct reader *r)
{
	size_t n = 0;
	while (n < 20 && is_digit(peek(r, n)))
		n++;
	return n;
}

/* Takes exactly n digits. */
static bool number(struct reader *r, size_t n, unsigned *ret)
{
	unsigned v = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(peek(r, i)))
			return false;
		v = v * 10 + (unsigned)(peek(r, i) - '0');
	}
	r->at += n;
	*ret = v;
	return true;
}

/* One or two digits. */
static bool short_number(struct reader *r, unsigned *ret)
{
	return number(r, is_digit(peek(r, 1)) ? 2 : 1, ret);
}

static bool year(struct reader *r)
{
	unsigned v = 0;
	if (!number(r, 4, &v) || v < YEAR_FIRST || v > YEAR_LAST)
		return false;
	r->d.year = (int)v;
	return true;
}

static bool month_name(struct reader *r)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	char c[3] = {(char)(peek(r, 0) | 0x20), (char)(peek(r, 1) | 0x20), (char)(peek(r, 2) | 0x20)};
	for (unsigned m = 0; m < 12; m++)
		if (c[0] == names[3 * m] && c[1] == names[3 * m + 1] && c[2] == names[3 * m + 2]) {
			r->d.month = m + 1;
			r->at += 3;
			return true;
		}
	return false;
}

static void fraction(struct reader *r)
{
	unsigned scale = 100000;
	r->d.usec = 0;
	for (; is_digit(peek(r, 0)); r->at++, scale /= 10)
		r->d.usec += (unsigned)(peek(r, 0) - '0') * scale;
}

/* hh:mm:ss, hh.mm.ss, or hh:mm; with a fraction. */
static bool time_of_day(struct reader *r)
{
	if (!short_number(r, &r->d.hour))
		return false;
	char colon = peek(r, 0);
	if ((colon != ':' && colon != '.') || !is_digit(peek(r, 1)))
		return false;
	r->at++;
	if (!number(r, 2, &r->d.minute))
		return false;
	if (peek(r, 0) != colon || !is_digit(peek(r, 1)))
		return colon == ':';
	r->at++;
	if (!number(r, 2, &r->d.second))
		return false;
	char point = peek(r, 0);
	bool thousandths = point == ':' && is_digit(peek(r, 1)) && is_digit(peek(r, 2)) && is_digit(peek(r, 3)) && !is_digit(peek(r, 4));
	if (((point == '.' || point == ',') && is_digit(peek(r, 1))) || thousandths) {
		r->at++;
		fraction(r);
	}
	return true;
}

static void named_zone(struct reader *r, size_t blank)
{
	static const struct {
		char name[4];
		int minutes;
	} zones[] = {{"UTC", 0}, {"GMT", 0}, {"ICT", 7 * 60}};
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (peek(r, blank) != zones[i].name[0] || peek(r, blank + 1) != zones[i].name[1] || peek(r, blank + 2) != zones[i].name[2])
			continue;
		char after = peek(r, blank + 3);
		if (is_letter(after) || is_digit(after) || after == '-' || after == '_' || after == '.')
			return;
		r->zone = zones[i].minutes * USEC_PER_MINUTE;
		r->zoned = true;
		r->at += blank + 3;
		return;
	}
}

/* "Z", "+07:00", " +0700", "+07", " UTC". */
static void zone(struct reader *r)
{
	size_t blank = peek(r, 0) == ' ';
	char c = peek(r, blank);
	if (c == 'Z' && blank == 0) {
		r->zoned = true;
		r->at++;
		return;
	}
	if (c != '+' && c != '-') {
		named_zone(r, blank);
		return;
	}
	struct reader t = *r;
	unsigned hours = 0, minutes = 0;
	t.at += blank + 1;
	if (!number(&t, 2, &hours) || (accept(&t, ':') && !is_digit(peek(&t, 0))))
		return;
	if (is_digit(peek(&t, 0)) && (!number(&t, 2, &minutes) || is_digit(peek(&t, 0))))
		return;
	int64_t total = hours * 60 + minutes;
	if (total > ZONE_LIMIT_MINUTES || minutes > 59)
		return;
	r->at = t.at;
	r->zone = (c == '-' ? -total : total) * USEC_PER_MINUTE;
	r->zoned = true;
}

/* " 2005" behind the time, as asctime writes it; a host that begins with four digits is none. */
static void late_year(struct reader *r)
{
	struct reader t = *r;
	if (!accept(&t, ' ') || !year(&t))
		return;
	char after = peek(&t, 0);
	if (after == '\0' || after == ' ' || after == ']' || (after == ':' && (peek(&t, 1) == ' ' || peek(&t, 1) == '\0')))
		*r = t;
}

static void blanks(struct reader *r)
{
	while (peek(r, 0) == ' ')
		r->at++;
}

/* "Nov 21 06:56:35", "Nov 21 2026 06:56:35.123 UTC", "Sun Dec 04 04:47:44 2005". */
static bool named_form(struct reader *r)
{
	static const char days[] = "montuewedthufrisatsun";
	for (size_t i = 0; i < 7; i++)
		if ((peek(r, 0) | 0x20) == days[3 * i] && (peek(r, 1) | 0x20) == days[3 * i + 1] && (peek(r, 2) | 0x20) == days[3 * i + 2]) {
			r->at += 3;
			(void)accept(r, ',');
			blanks(r);
			break;
		}
	if (!month_name(r) || peek(r, 0) != ' ')
		return false;
	blanks(r);
	if (!short_number(r, &r->d.day))
		return false;
	(void)accept(r, ',');
	if (peek(r, 0) != ' ')
		return false;
	blanks(r);
	if (digit_run(r) == 4) {
		if (!year(r))
			return false;
		(void)accept(r, ',');
		blanks(r);
	}
	if (!time_of_day(r))
		return false;
	if (r->d.year == 0)
		late_year(r);
	zone(r);
	if (r->d.year == 0)
		late_year(r);
	return true;
}

/* After the date: one separator, the time, perhaps a zone. */
static bool rest_of_form(struct reader *r, const char *separators)
{
	char c = peek(r, 0);
	if (c == '\0' || strchr(separators, c) == NULL)
		return false;
	r->at++;
	if (c == ' ')
		blanks(r);
	if (!time_of_day(r))
		return false;
	zone(r);
	return true;
}

/* "2026-11-21T06:56:35Z", "2026/11/21 06:56:35", "2005-06-03-15.42.50.675872", "2026.11.21 06:56:35". */
static bool year_first(struct reader *r)
{
	if (!year(r))
		return false;
	char dash = peek(r, 0);
	r->at++;
	return short_number(r, &r->d.month) && accept(r, dash) && short_number(r, &r->d.day) && rest_of_form(r, "T t-_:");
}

/* "21/Nov/2026:06:56:35 +0700"; "21/11/2026 06:56:35" (day first, unless that cannot be); "17/06/09 20:10:40" (year first). */
static bool slashed(struct reader *r)
{
	unsigned first = 0, second = 0, third = 0;
	if (!short_number(r, &first) || !accept(r, '/'))
		return false;
	r->d.day = first;
	if (is_letter(peek(r, 0)))
		return month_name(r) && accept(r, '/') && year(r) && rest_of_form(r, ": ");
	if (!short_number(r, &second) || !accept(r, '/'))
		return false;
	if (digit_run(r) == 4) {
		bool month_before = second > 12;
		r->d.month = month_before ? first : second;
		r->d.day = month_before ? second : first;
		return year(r) && rest_of_form(r, " T,");
	}
	if (!number(r, 2, &third))
		return false;
	r->d.year = 2000 + (int)first;
	r->d.month = second;
	r->d.day = third;
	return rest_of_form(r, " ");
}

/* "081109 203615": yymmdd hhmmss. */
static bool packed_six(struct reader *r)
{
	unsigned v = 0;
	if (!number(r, 2, &v) || !number(r, 2, &r->d.month) || !number(r, 2, &r->d.day) || !accept(r, ' ') || digit_run(r) != 6)
		return false;
	r->d.year = 2000 + (int)v;
	return number(r, 2, &r->d.hour) && number(r, 2, &r->d.minute) && number(r, 2, &r->d.second);
}

/* "03-17 16:13:38.811", "10.30 16:49:06". */
static bool month_first(struct reader *r)
{
	char dash = peek(r, 2);
	return number(r, 2, &r->d.month) && accept(r, dash) && number(r, 2, &r->d.day) && rest_of_form(r, " ");
}

/* "20171223-22:15:29:606". */
static bool packed_eight(struct reader *r)
{
	return year(r) && number(r, 2, &r->d.month) && number(r, 2, &r->d.day) && rest_of_form(r, "-T ");
}

/* "21 Nov 2026 13:56:35". */
static bool day_and_name(struct reader *r)
{
	return short_number(r, &r->d.day) && accept(r, ' ') && month_name(r) && accept(r, ' ') && year(r) && rest_of_form(r, " ");
}

static bool numbered_form(struct reader *r)
{
	size_t n = digit_run(r);
	char after = peek(r, n);
	bool dash = after == '-' || after == '.';
	switch (n) {
	case 8:
		return packed_eight(r);
	case 6:
		return after == ' ' && packed_six(r);
	case 4:
		return (dash || after == '/') && year_first(r);
	case 2:
		if (dash)
			return month_first(r);
		__attribute__((fallthrough));
	case 1:
		return after == '/' ? slashed(r) : after == ' ' && day_and_name(r);
	}
	return false;
}

/* false: no such date. */
static bool instant(const struct reader *r, const struct event_clock *clock, usec_t *ret)
{
	if (r->zoned || clock->rules == NULL)
		return clock_from_civil(&r->d, r->zoned ? r->zone : clock->zone, ret);
	if (!clock_from_civil(&r->d, 0, ret))
		return false;
	*ret = event_zone_instant(clock->rules, *ret, clock->received);
	return true;
}

/* The latest year with which the time is not in the future, but for a clock that is some days wrong. */
static bool guess_year(struct reader *r, const struct event_clock *clock, usec_t *ret)
{
	int now = clock_civil(clock->received, 0).year;
	for (int y = now + 1; y >= now - 4; y--) {
		r->d.year = y;
		if (instant(r, clock, ret) && *ret <= clock->received + CLOCK_WRONG_LIMIT)
			return true;
	}
	return false;
}

bool event_stamp_read(struct str s, size_t *at, const struct event_clock *clock, usec_t *ret)
{
	struct reader r = {.s = s, .at = *at};
	if (s.n < *at + 11)
		return false;
	if (!(is_digit(peek(&r, 0)) ? numbered_form(&r) : is_letter(peek(&r, 0)) && named_form(&r)))
		return false;
	usec_t t, leap = r.d.second == 60 ? USEC_PER_SEC : 0;
	if (leap > 0)
		r.d.second = 59;
	if (r.d.year == 0 ? !guess_year(&r, clock, &t) : !instant(&r, clock, &t))
		return false;
	*ret = t + leap;
	*at = r.at;
	return true;
}

/* Digits before the point tell the unit: 13 milli-, 16 micro-, 19 nanoseconds, fewer seconds. */
static bool epoch(struct str s, usec_t *ret)
{
	struct reader r = {.s = s};
	uint64_t whole = 0;
	size_t n = digit_run(&r);
	if (n < 8 || n > 19 || !str_parse_u64(str_sub(s, 0, n), 0, INT64_MAX, &whole))
		return false;
	r.at = n;
	if (accept(&r, '.'))
		fraction(&r);
	if (r.at != s.n)
		return false;
	if (n > 17)
		*ret = (usec_t)(whole / 1000);
	else if (n > 14)
		*ret = (usec_t)whole;
	else if (n > 11)
		*ret = (usec_t)whole * USEC_PER_MS + r.d.usec / 1000;
	else
		*ret = (usec_t)whole * USEC_PER_SEC + r.d.usec;
	return *ret < (usec_t)4102444800 * USEC_PER_SEC;
}

bool event_stamp_parse(struct str s, const struct event_clock *clock, usec_t *ret)
{
	size_t at = 0;
	s = str_trim(s);
	if (event_stamp_read(s, &at, clock, ret) && at == s.n)
		return true;
	return epoch(s, ret);
}

static void put(char *out, unsigned v, size_t digits)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + v % 10);
		v /= 10;
	}
}

size_t event_stamp_iso(usec_t t, char out[EVENT_STAMP_SIZE])
{
	struct clock_date d = clock_civil(t, 0);
	(void)memcpy(out, "0000-00-00T00:00:00.000000Z", EVENT_STAMP_SIZE);
	put(out, (unsigned)d.year, 4);
	put(out + 5, d.month, 2);
	put(out + 8, d.day, 2);
	put(out + 11, d.hour, 2);
	put(out + 14, d.minute, 2);
	put(out + 17, d.second, 2);
	if (d.usec == 0) {
		out[19] = 'Z';
		return 20;
	}
	put(out + 20, d.usec, 6);
	return 27;
}
