/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* How common something is: events, machines and units, added up window by window. */
#include "service/event/event_internal.h"

#define TOLD_APART 16384 /* a power of two */
#define AT_ONCE "4096"
#define AT_ONCE_MOST 4096

/* Hashes of machines or units, each once; linear probing. */
struct hashes {
	uint64_t slots[TOLD_APART]; /* 0: free */
	int64_t count;
	bool more;
};

struct count {
	struct event_commonness *ret;
	struct hashes hosts, units;
};

static void add(struct hashes *h, uint64_t hash)
{
	hash = hash == 0 ? 1 : hash;
	for (size_t i = hash % TOLD_APART;; i = (i + 1) % TOLD_APART) {
		if (h->slots[i] == hash)
			return;
		if (h->slots[i] != 0)
			continue;
		/* Kept three quarters full at most, so that there is always a free one to end at. */
		h->more |= h->count == TOLD_APART / 4 * 3;
		if (!h->more) {
			h->slots[i] = hash;
			h->count++;
		}
		return;
	}
}

static void add_all(struct hashes *h, const struct json *list)
{
	h->more |= list->count >= AT_ONCE_MOST;
	json_each(one, list)
	{
		uint64_t hash;
		if (str_parse_u64(one->text, 0, UINT64_MAX, &hash))
			add(h, hash);
	}
}

static void take_row(struct count *c, const struct json *row)
{
	int64_t numbers[3] = {0};
	const struct json *cell = row->child;
	for (size_t i = 0; i < 3; i++, cell = cell->next)
		(void)str_parse_i64(cell->text, INT64_MIN, INT64_MAX, &numbers[i]);
	struct event_commonness *ret = c->ret;
	if (numbers[0] == 0)
		return;
	ret->events += numbers[0];
	ret->first = numbers[1];
	if (ret->last == 0)
		ret->last = numbers[2];
	add_all(&c->hosts, cell);
	add_all(&c->units, cell->next);
}

static int count_window(struct event_ask *a, void *ctx, struct err *err)
{
	struct count *c = ctx;
	const struct json *row;
	buf_append_c(&a->sql.text, "SELECT count(), toUnixTimestamp64Micro(min(time)), toUnixTimestamp64Micro(max(time)),"
	                           " groupUniqArray(" AT_ONCE ")(if(endpoint_id = toUUID('00000000-0000-0000-0000-000000000000'),"
	                           " cityHash64(host_name), cityHash64(endpoint_id))), groupUniqArray(" AT_ONCE ")(cityHash64(unit_id))");
	int r = event_db_from(a, err);
	if (r < 0)
		return r;
	buf_append_c(&a->sql.text, " FORMAT JSONCompactEachRow");
	r = event_db_run(a, err);
	struct str rest = buf_str(&a->answer);
	if (r < 0 || (r = event_db_next(a, &rest, &row, err)) <= 0)
		return r;
	if (row->count != 5)
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
	take_row(c, row);
	return 0;
}

int event_db_count(struct event_ask *a, usec_t budget, struct event_commonness *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct count *c = ARENA_NEW(arena, struct count);
	*ret = (struct event_commonness){.events = 0};
	c->ret = ret;
	int r = event_walk(a, &(struct event_walk){.budget = budget}, count_window, c, &ret->counted_from, err);
	ret->hosts = c->hosts.count;
	ret->units = c->units.count;
	ret->at_least = ret->counted_from > a->range.from || c->hosts.more || c->units.more;
	return r;
}
