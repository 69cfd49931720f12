/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_zone.h"

#include <pthread.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "base/mem/mem.h"

#define FOLDER "/usr/share/zoneinfo/"
#define FILE_LIMIT ((size_t)256 << 10)
#define TIMES_MOST 4000
#define TYPES_MOST 256
#define KEPT_MOST 1024
#define DAY_S 86400
#define OFFSET_MOST (26 * 3600)
/* How far a sender's clock may be ahead before a repeated hour is taken for the first one. */
#define AHEAD (5 * USEC_PER_MINUTE)

/* "M3.2.0/2": week 5 is the last one. */
struct day_rule {
	unsigned month, week, weekday; /* 0 Sunday */
	int64_t at_s;
};

struct event_zone {
	size_t count;
	int64_t *times;   /* seconds since 1970, growing */
	int32_t *offsets; /* from each on */
	int32_t first;
	bool has_rule, has_summer; /* after the last: what the last line says */
	int32_t winter, summer;
	struct day_rule begins, ends; /* of summer, in the local time before it */
};

/* ---- the last line: "EST5EDT,M3.2.0,M11.1.0" (POSIX, as far as tzdata uses it) ---- */

static bool take_name(struct cursor *c)
{
	size_t n = 0;
	if (cursor_accept(c, '<')) {
		while (!cursor_at_end(c) && !cursor_accept(c, '>'))
			(void)cursor_take(c, 1);
		return !c->failed;
	}
	for (int b = cursor_peek(c); (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z'); b = cursor_peek(c), n++)
		(void)cursor_take(c, 1);
	return n >= 3;
}

static bool take_number(struct cursor *c, unsigned most, unsigned *ret)
{
	unsigned v = 0, n = 0;
	for (int b = cursor_peek(c); b >= '0' && b <= '9' && n < 4; b = cursor_peek(c), n++) {
		v = v * 10 + (unsigned)(b - '0');
		(void)cursor_take(c, 1);
	}
	*ret = v;
	return n > 0 && v <= most;
}

/* "[+-]hh[:mm[:ss]]" */
static bool take_time(struct cursor *c, unsigned hours_most, int64_t *ret)
{
	unsigned h = 0, m = 0, s = 0;
	bool minus = cursor_accept(c, '-');
	if (!minus)
		(void)cursor_accept(c, '+');
	bool ok = take_number(c, hours_most, &h) && (!cursor_accept(c, ':') || (take_number(c, 59, &m) && (!cursor_accept(c, ':') || take_number(c, 59, &s))));
	*ret = (int64_t)h * 3600 + m * 60 + s;
	if (minus)
		*ret = -*ret;
	return ok;
}

static bool take_day(struct cursor *c, struct day_rule *ret)
{
	ret->at_s = 2 * 3600;
	bool ok = cursor_accept(c, ',') && cursor_accept(c, 'M') && take_number(c, 12, &ret->month) && cursor_accept(c, '.') &&
	          take_number(c, 5, &ret->week) && cursor_accept(c, '.') && take_number(c, 6, &ret->weekday) && ret->month > 0 && ret->week > 0;
	return ok && (!cursor_accept(c, '/') || take_time(c, 167, &ret->at_s));
}

static bool take_rule(struct cursor *c, struct event_zone *z)
{
	int64_t west = 0;
	if (!take_name(c) || !take_time(c, 24, &west))
		return false;
	z->winter = (int32_t)-west;
	z->has_rule = true;
	if (cursor_at_end(c))
		return true;
	west -= 3600;
	if (!take_name(c) || (cursor_peek(c) != ',' && !take_time(c, 24, &west)))
		return false;
	z->summer = (int32_t)-west;
	z->has_summer = true;
	return take_day(c, &z->begins) && take_day(c, &z->ends) && cursor_at_end(c);
}

static int64_t day_seconds(int year, const struct day_rule *rule)
{
	struct clock_date d = {.year = year, .month = rule->month, .day = 1};
	usec_t first = 0;
	(void)clock_from_civil(&d, 0, &first);
	unsigned weekday = (clock_civil(first, 0).weekday + 1) % 7; /* 0 Sunday */
	unsigned day = 1 + (rule->weekday + 7 - weekday) % 7 + 7 * (rule->week - 1);
	for (d.day = day; d.day > 28; d.day -= 7) {
		usec_t t;
		if (clock_from_civil(&d, 0, &t))
			break;
	}
	return first / USEC_PER_SEC + (int64_t)(d.day - 1) * DAY_S + rule->at_s;
}

static int32_t offset_by_rule(const struct event_zone *z, int64_t t)
{
	if (!z->has_summer)
		return z->winter;
	int year = clock_civil((t + z->winter) * USEC_PER_SEC, 0).year;
	int64_t begins = day_seconds(year, &z->begins) - z->winter, ends = day_seconds(year, &z->ends) - z->summer;
	bool summer = begins < ends ? t >= begins && t < ends : t >= begins || t < ends;
	return summer ? z->summer : z->winter;
}

/* ---- the file ---- */

static uint32_t take_u32(struct cursor *c)
{
	struct str s = cursor_take(c, 4);
	uint32_t v = 0;
	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | (unsigned char)s.p[i];
	return v;
}

static int64_t take_i64(struct cursor *c)
{
	uint64_t high = take_u32(c);
	return (int64_t)(high << 32 | take_u32(c));
}

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
	char version;
};

static bool take_head(struct cursor *c, struct counts *ret)
{
	if (!cursor_accept_str(c, STR("TZif")))
		return false;
	struct str version = cursor_take(c, 16);
	ret->version = version.n == 16 ? version.p[0] : '\0';
	ret->isut = take_u32(c);
	ret->isstd = take_u32(c);
	ret->leap = take_u32(c);
	ret->time = take_u32(c);
	ret->type = take_u32(c);
	ret->chars = take_u32(c);
	/* Files with leap seconds ("right/") count another time than everybody else. */
	return !c->failed && ret->time <= TIMES_MOST && ret->type > 0 && ret->type <= TYPES_MOST && ret->chars <= 4096 && ret->leap == 0 &&
	       ret->isut <= TYPES_MOST && ret->isstd <= TYPES_MOST;
}

static bool take_block(struct cursor *c, const struct counts *n, struct event_zone *z)
{
	int32_t offsets[TYPES_MOST] = {0};
	z->times = mem_alloc_array(n->time + 1, sizeof *z->times);
	z->offsets = mem_alloc_array(n->time + 1, sizeof *z->offsets);
	z->count = n->time;
	for (uint32_t i = 0; i < n->time; i++) {
		z->times[i] = take_i64(c);
		if (i > 0 && z->times[i] <= z->times[i - 1])
			return false;
	}
	struct str types = cursor_take(c, n->time);
	for (uint32_t i = 0; i < n->type; i++) {
		offsets[i] = (int32_t)take_u32(c);
		(void)cursor_take(c, 2);
		if (offsets[i] > OFFSET_MOST || offsets[i] < -OFFSET_MOST)
			return false;
	}
	for (size_t i = 0; i < types.n; i++) {
		if ((unsigned char)types.p[i] >= n->type)
			return false;
		z->offsets[i] = offsets[(unsigned char)types.p[i]];
	}
	z->first = offsets[0];
	(void)cursor_take(c, (size_t)n->chars + n->isstd + n->isut);
	return !c->failed;
}

static bool read_file(struct cursor *c, struct event_zone *z)
{
	struct counts n;
	/* The first block is for readers of 32 bits. */
	if (!take_head(c, &n) || n.version < '2')
		return false;
	(void)cursor_take(c, (size_t)n.time * 5 + (size_t)n.type * 6 + n.chars + n.isstd + n.isut);
	if (!take_head(c, &n) || !take_block(c, &n, z) || !cursor_accept(c, '\n'))
		return false;
	struct str line = cursor_rest(c);
	size_t end = str_find(line, STR("\n"));
	if (end == SIZE_MAX)
		return false;
	struct cursor rule = cursor_of(str_sub(line, 0, end));
	return end == 0 || take_rule(&rule, z);
}

int event_zone_read(struct str file, struct event_zone **ret, struct err *err)
{
	struct cursor c = cursor_of(file);
	struct event_zone *z = MEM_NEW(struct event_zone);
	if (read_file(&c, z)) {
		*ret = z;
		return 0;
	}
	event_zone_free(z);
	return err_set(err, -EINVAL, "event.zone_file", ARG_U64("bytes", file.n));
}

void event_zone_free(struct event_zone *z)
{
	if (z == NULL)
		return;
	mem_free(z->times);
	mem_free(z->offsets);
	mem_free(z);
}

/* ---- by name ---- */

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Only what names a file below the folder. */
static bool is_name(struct str s)
{
	if (s.n == 0 || s.n >= EVENT_ZONE_NAME || !is_letter(s.p[0]) || str_starts_with(s, STR("right/")) || str_starts_with(s, STR("posix/")))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool slash = c == '/' && i + 1 < s.n && s.p[i + 1] != '/';
		if (!is_letter(c) && !(c >= '0' && c <= '9') && (c == '\0' || strchr("_+-", c) == NULL) && !slash)
			return false;
	}
	return true;
}

struct kept_zone {
	struct kept_zone *next;
	char name[EVENT_ZONE_NAME];
	struct event_zone *zone; /* NULL: there is none */
};

/* As the dictionary: read once, the same for everybody. */
static struct {
	pthread_mutex_t lock;
	struct kept_zone *first;
	size_t count;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct kept_zone *load(struct str name)
{
	struct kept_zone *k = MEM_NEW(struct kept_zone);
	cleanup_buf struct buf path = BUF_INIT(256), file = BUF_INIT(FILE_LIMIT);
	str_copy_c(name, k->name, sizeof k->name);
	buf_printf(&path, FOLDER "%s", k->name);
	if (file_read(path.p, FILE_LIMIT, &file, NULL) < 0 || event_zone_read(buf_str(&file), &k->zone, NULL) < 0)
		k->zone = NULL;
	k->next = kept.first;
	kept.first = k;
	kept.count++;
	return k;
}

int event_zone_find(struct str name, const struct event_zone **ret, struct err *err)
{
	*ret = NULL;
	if (name.n == 0)
		return 0;
	if (!is_name(name))
		return err_set(err, -EINVAL, "event.zone_unknown", ARG_STR("value", name));
	(void)pthread_mutex_lock(&kept.lock);
	struct kept_zone *k = kept.first;
	while (k != NULL && !str_eq_c(name, k->name))
		k = k->next;
	if (k == NULL && kept.count < KEPT_MOST)
		k = load(name);
	(void)pthread_mutex_unlock(&kept.lock);
	if (k == NULL || k->zone == NULL)
		return err_set(err, -EINVAL, "event.zone_unknown", ARG_STR("value", name));
	*ret = k->zone;
	return 0;
}

/* ---- asking ---- */

static int32_t offset_at(const struct event_zone *z, int64_t t)
{
	if (z->count == 0 || t >= z->times[z->count - 1])
		return z->has_rule ? offset_by_rule(z, t) : z->count > 0 ? z->offsets[z->count - 1] : z->first;
	if (t < z->times[0])
		return z->first;
	size_t low = 0, high = z->count - 1;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (z->times[middle] <= t)
			low = middle;
		else
			high = middle;
	}
	return z->offsets[low];
}

usec_t event_zone_offset(const struct event_zone *z, usec_t t)
{
	return offset_at(z, t / USEC_PER_SEC) * USEC_PER_SEC;
}

usec_t event_zone_instant(const struct event_zone *z, usec_t local, usec_t received)
{
	usec_t before = event_zone_offset(z, local - USEC_PER_DAY), after = event_zone_offset(z, local + USEC_PER_DAY);
	bool early = event_zone_offset(z, local - before) == before, late = event_zone_offset(z, local - after) == after;
	if (before == after || !late)
		return local - before;
	return early && local - after > received + AHEAD ? local - before : local - after;
}
