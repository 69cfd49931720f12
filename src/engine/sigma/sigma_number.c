/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Numbers, networks and times as rules compare them. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/clock/clock.h"
#include "base/cursor/cursor.h"
#include "engine/sigma/sigma_rule.h"

#define NUMBER_BYTES_MAX 64

/* [-+]? digits [. digits] [e [-+] digits]: what a log writes as a number; no hexadecimal, no blanks. */
static bool is_number(struct str s, bool *ret_whole)
{
	struct cursor c = cursor_of(s);
	if (!cursor_accept(&c, '-'))
		(void)cursor_accept(&c, '+');
	size_t digits = cursor_while(&c, "0123456789").n;
	*ret_whole = true;
	if (cursor_accept(&c, '.')) {
		*ret_whole = false;
		digits += cursor_while(&c, "0123456789").n;
	}
	if (digits == 0)
		return false;
	if (cursor_accept(&c, 'e') || cursor_accept(&c, 'E')) {
		*ret_whole = false;
		if (!cursor_accept(&c, '-'))
			(void)cursor_accept(&c, '+');
		if (cursor_while(&c, "0123456789").n == 0)
			return false;
	}
	return cursor_at_end(&c);
}

/* A long double has 64 bits of mantissa here: every 64-bit integer is exact, as sigma.md section 4 wants. */
bool sigma_number_parse(struct str s, long double *ret)
{
	bool whole;
	char text[NUMBER_BYTES_MAX];
	if (s.n == 0 || s.n >= sizeof text || (s.p[0] > '9') || !is_number(s, &whole))
		return false;
	if (whole) {
		bool negative = s.p[0] == '-';
		uint64_t v;
		if (str_parse_u64(s.p[0] == '-' || s.p[0] == '+' ? str_sub(s, 1, s.n) : s, 0, UINT64_MAX, &v)) {
			*ret = negative ? -(long double)v : (long double)v;
			return true;
		}
	}
	str_copy_c(s, text, sizeof text);
	*ret = strtold(text, NULL);
	return __builtin_isfinite(*ret);
}

bool sigma_net_parse_address(struct str s, unsigned char ret[16], bool *ret_v6)
{
	char text[64];
	if (s.n < 2 || s.n >= sizeof text || memchr(s.p, '\0', s.n) != NULL)
		return false;
	str_copy_c(s, text, sizeof text);
	(void)memset(ret, 0, 16);
	*ret_v6 = memchr(s.p, ':', s.n) != NULL;
	return inet_pton(*ret_v6 ? AF_INET6 : AF_INET, text, ret) == 1;
}

static bool host_bits_are_zero(const struct sigma_net *net)
{
	unsigned bits = net->v6 ? 128 : 32;
	for (unsigned i = net->prefix; i < bits; i++)
		if (net->address[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

bool sigma_net_parse(struct str s, struct sigma_net *ret)
{
	struct sigma_net net = {0};
	uint64_t prefix;
	size_t slash = str_find_char(s, '/');
	if (!sigma_net_parse_address(str_sub(s, 0, slash), net.address, &net.v6))
		return false;
	unsigned bits = net.v6 ? 128 : 32;
	if (slash == SIZE_MAX)
		prefix = bits;
	else if (!str_parse_u64(str_sub(s, slash + 1, s.n), 0, bits, &prefix))
		return false;
	net.prefix = (uint8_t)prefix;
	*ret = net;
	return host_bits_are_zero(&net);
}

bool sigma_net_has(const struct sigma_net *net, const unsigned char address[16], bool v6)
{
	if (net->v6 != v6)
		return false;
	unsigned bytes = net->prefix / 8, bits = net->prefix % 8;
	if (memcmp(net->address, address, bytes) != 0)
		return false;
	return bits == 0 || (net->address[bytes] ^ address[bytes]) >> (8 - bits) == 0;
}

static bool digits(struct cursor *c, size_t n, uint64_t min, uint64_t max, unsigned *ret)
{
	uint64_t v;
	struct str s = cursor_take(c, n);
	if (s.n != n || !str_parse_u64(s, min, max, &v))
		return false;
	*ret = (unsigned)v;
	return true;
}

static bool day_of_text(struct cursor *c, struct clock_date *d)
{
	unsigned year;
	if (!digits(c, 4, 1, 9999, &year) || (!cursor_accept(c, '-') && !cursor_accept(c, '/')) ||
	    !digits(c, 2, 1, 12, &d->month) || (!cursor_accept(c, '-') && !cursor_accept(c, '/')) ||
	    !digits(c, 2, 1, 31, &d->day))
		return false;
	d->year = (int)year;
	return true;
}

/* "2020-09-20[T ]12:16:06[.fraction][zone]", also with slashes; the zone is left in the cursor. */
static bool civil_of_text(struct cursor *c, struct clock_date *d)
{
	if (!day_of_text(c, d))
		return false;
	if (!cursor_accept(c, 'T') && !cursor_accept(c, ' ') && !cursor_accept(c, 't'))
		return cursor_at_end(c);
	if (!digits(c, 2, 0, 23, &d->hour) || !cursor_expect(c, ':') || !digits(c, 2, 0, 59, &d->minute))
		return false;
	if (cursor_accept(c, ':') && !digits(c, 2, 0, 60, &d->second))
		return false;
	if (d->second == 60)
		d->second = 59;
	if (cursor_accept(c, '.') || cursor_accept(c, ',')) {
		struct str fraction = cursor_while(c, "0123456789");
		unsigned scale = 100000;
		for (size_t i = 0; i < fraction.n && scale > 0; i++, scale /= 10)
			d->usec += (unsigned)(fraction.p[i] - '0') * scale;
	}
	return true;
}

static bool zone_of_text(struct cursor *c, usec_t *ret)
{
	unsigned hours, minutes = 0;
	(void)cursor_while(c, " ");
	*ret = 0;
	if (cursor_at_end(c) || cursor_accept(c, 'Z') || cursor_accept(c, 'z') || cursor_accept_str(c, STR("UTC")))
		return cursor_at_end(c);
	bool west = cursor_accept(c, '-');
	if (!west && !cursor_accept(c, '+'))
		return false;
	if (!digits(c, 2, 0, 23, &hours))
		return false;
	(void)cursor_accept(c, ':');
	if (!cursor_at_end(c) && !digits(c, 2, 0, 59, &minutes))
		return false;
	*ret = (west ? -1 : 1) * ((usec_t)hours * USEC_PER_HOUR + (usec_t)minutes * USEC_PER_MINUTE);
	return cursor_at_end(c);
}

/* Seconds, or milli-, micro-, nanoseconds by their size (a time after 1973 and before 5138). */
static bool epoch_of_text(struct str s, usec_t *ret)
{
	long double v;
	if (!sigma_number_parse(s, &v) || v < 0)
		return false;
	if (v < 1e11L)
		v *= 1e6L;
	else if (v < 1e14L)
		v *= 1e3L;
	else if (v >= 1e17L)
		v /= 1e3L;
	if (v >= 2.5e17L) /* the year 9892 */
		return false;
	*ret = (usec_t)v;
	return true;
}

bool sigma_time_parse(struct str s, int64_t *ret_usec)
{
	struct clock_date d = {0};
	struct cursor c = cursor_of(str_trim(s));
	usec_t zone;
	if (epoch_of_text(c.s, ret_usec))
		return true;
	return civil_of_text(&c, &d) && zone_of_text(&c, &zone) && clock_from_civil(&d, zone, ret_usec);
}

/* ISO 8601: week 1 has the year's first Thursday. weekday: 0 Monday. */
static unsigned iso_week(usec_t midnight)
{
	struct clock_date d = clock_civil(midnight, 0);
	struct clock_date thursday = clock_civil(midnight + (3 - (int)d.weekday) * USEC_PER_DAY, 0);
	struct clock_date first = {.year = thursday.year, .month = 1, .day = 1};
	usec_t t = 0, year_begin = 0;
	thursday.hour = thursday.minute = thursday.second = thursday.usec = 0;
	if (!clock_from_civil(&thursday, 0, &t) || !clock_from_civil(&first, 0, &year_begin))
		return 0;
	return (unsigned)((t - year_begin) / USEC_PER_DAY / 7) + 1;
}

bool sigma_time_part(struct str s, enum sigma_part part, int64_t *ret)
{
	struct clock_date d = {0};
	struct cursor c = cursor_of(str_trim(s));
	usec_t t;
	if (epoch_of_text(c.s, &t))
		d = clock_civil(t, 0);
	else if (!civil_of_text(&c, &d) || !clock_from_civil(&d, 0, &t))
		return false;
	switch (part) {
	case SIGMA_PART_MINUTE:
		*ret = d.minute;
		return true;
	case SIGMA_PART_HOUR:
		*ret = d.hour;
		return true;
	case SIGMA_PART_DAY:
		*ret = d.day;
		return true;
	case SIGMA_PART_WEEK:
		*ret = iso_week(t);
		return true;
	case SIGMA_PART_MONTH:
		*ret = d.month;
		return true;
	case SIGMA_PART_YEAR:
		*ret = d.year;
		return true;
	case SIGMA_PART_NONE:
	case SIGMA_PART__COUNT:
		break;
	}
	return false;
}
