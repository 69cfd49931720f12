/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules. No SQL, no HTTP. */
#include "service/shift/shift_internal.h"

const char *const shift_handover_states[SHIFT_HANDOVER__COUNT + 1] = {
	[SHIFT_HANDOVER_DRAFT] = "draft", [SHIFT_HANDOVER_SIGNED] = "signed", [SHIFT_HANDOVER_ACCEPTED] = "accepted",
};

int shift_check(const struct shift_row *shift, struct err *err)
{
	if (shift->ends_at <= shift->starts_at || shift->ends_at - shift->starts_at > SHIFT_LENGTH_MAX)
		return err_set(err, -EINVAL, "shift.times", ARG_I64("hours", SHIFT_LENGTH_MAX / USEC_PER_HOUR));
	return 0;
}

static bool number_at(struct str s, size_t at, size_t n, uint64_t max, unsigned *ret)
{
	uint64_t v = 0;
	bool ok = str_parse_u64(str_sub(s, at, at + n), 0, max, &v);
	*ret = (unsigned)v;
	return ok;
}

/* "21/11/2026 06:00" as spreadsheets of officers have it, or "2026-11-21 06:00". */
static bool parse_local(struct str s, usec_t *ret)
{
	struct clock_date d = {.year = 0};
	unsigned year = 0;
	bool slash = s.n == 16 && s.p[2] == '/' && s.p[5] == '/', dash = s.n == 16 && s.p[4] == '-' && s.p[7] == '-';
	if ((!slash && !dash) || s.p[13] != ':' || (s.p[10] != ' ' && s.p[10] != 'T'))
		return false;
	bool ok = number_at(s, slash ? 6 : 0, 4, 9999, &year) && number_at(s, slash ? 3 : 5, 2, 12, &d.month) &&
	          number_at(s, slash ? 0 : 8, 2, 31, &d.day) && number_at(s, 11, 2, 23, &d.hour) && number_at(s, 14, 2, 59, &d.minute);
	d.year = (int)year;
	return ok && clock_from_civil(&d, CLOCK_VN_OFFSET_USEC, ret);
}

int shift_parse_time(struct str text, usec_t *ret, struct err *err)
{
	return parse_local(text, ret) ? 0 : clock_parse_iso(text, ret, err);
}
