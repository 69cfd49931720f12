/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Back in time, window by window, so that no question reads more than it needs: the first window is short, each later one as
 * long as the one before lets hope that it can be read at once. Windows begin at full hours: within an hour the table is in
 * order of units and machines, so that a part of an hour is read like the whole.
 */
#include "service/event/event_internal.h"

#define FIRST (10 * USEC_PER_MINUTE)
#define LEAST USEC_PER_MINUTE
#define LIMIT_LEAST (50 * USEC_PER_MS)
#define LIMIT_FIRST USEC_PER_SEC

struct walk {
	struct event_range all;
	usec_t now, high, width, end;
	usec_t most; /* a window that was too long is not tried again */
	bool must_go_on; /* a page that comes no further would be asked for again and again */
};

static usec_t newest(const struct walk *w)
{
	/* What is dated ahead of the clock comes with the newest. */
	return w->high > w->now ? w->now : w->high;
}

static usec_t longer(usec_t length, usec_t took)
{
	if (took < 150 * USEC_PER_MS)
		return length * 8;
	if (took < 400 * USEC_PER_MS)
		return length * 4;
	if (took < USEC_PER_SEC)
		return length * 2;
	return took < 2 * USEC_PER_SEC || length < 2 * LEAST ? length : length / 2;
}

static void window(const struct walk *w, struct event_ask *a)
{
	usec_t from = newest(w) - w->width;
	if (w->width >= FIRST)
		from -= from % USEC_PER_HOUR;
	a->range = (struct event_range){from > w->all.from ? from : w->all.from, w->high};
	a->sql.text.n = a->sql.count = 0;
	buf_clear(&a->answer);
}

/* How long the next question may take; 0: as long as its lane allows; negative: there is no time for one. */
static usec_t time_left(const struct walk *w)
{
	usec_t left = w->end - clock_monotonic();
	if (w->high < w->all.to)
		return left > LIMIT_LEAST ? left : -1;
	/* Nothing yet: half the time for this window, so that there is some for a shorter one. */
	if (!w->must_go_on)
		return left / 2 > LIMIT_LEAST ? left / 2 : -1;
	return w->width <= LEAST ? 0 : left / 2 > LIMIT_FIRST ? left / 2 : LIMIT_FIRST;
}

int event_walk(struct event_ask *a, const struct event_walk *how, event_window_fn fn, void *ctx, usec_t *ret_reached, struct err *err)
{
	struct arena *arena = a->arena;
	usec_t now = a->sc->now != NULL ? a->sc->now() : clock_now(), began = clock_monotonic();
	struct walk w = {a->range, now, a->range.to, FIRST, began + how->budget, INT64_MAX, how->must_go_on};
	int r = 0;
	while (r == 0 && w.high > w.all.from && (a->limit = time_left(&w)) >= 0) {
		/* Rows of one window are forgotten with it. */
		cleanup(arena) struct arena *scratch = arena_new(0);
		a->arena = a->sql.arena = scratch;
		window(&w, a);
		usec_t start = clock_monotonic();
		r = fn(a, ctx, err);
		if ((r == -ETIMEDOUT || r == -E2BIG) && (a->limit > 0 && (w.width > LEAST || r == -ETIMEDOUT))) {
			w.most = w.width = w.width / 8 > LEAST ? w.width / 8 : LEAST;
			r = 0;
		} else if (r >= 0) {
			usec_t length = newest(&w) - a->range.from;
			w.high = a->range.from;
			w.width = longer(length > w.width ? length : w.width, clock_monotonic() - start);
			w.width = w.width < w.most ? w.width : w.most;
		}
	}
	a->arena = a->sql.arena = arena;
	a->sql.text.n = a->sql.count = 0;
	a->range = w.all;
	a->limit = 0;
	*ret_reached = w.high;
	return r;
}
