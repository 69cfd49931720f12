/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Back in time, window by window, so that no question reads more than it needs: the first window is short, each later one as
 * long as the one before lets hope that it can be read at once.
 */
#include "service/event/event_internal.h"

#define FIRST (10 * USEC_PER_MINUTE)
#define LEAST USEC_PER_MINUTE
/* No window is waited for longer: half of it may be answered sooner than the whole. */
#define WINDOW_MOST (2 * USEC_PER_SEC)
#define WINDOW_LEAST (100 * USEC_PER_MS)

struct walk {
	struct event_range all;
	usec_t now, high, width, end;
	bool must_go_on; /* a page that comes no further would be asked for again and again */
};

static usec_t longer(usec_t width, usec_t took)
{
	if (took < 60 * USEC_PER_MS)
		return width * 8;
	if (took < 200 * USEC_PER_MS)
		return width * 4;
	if (took < 500 * USEC_PER_MS)
		return width * 2;
	return took > USEC_PER_SEC && width / 2 >= LEAST ? width / 2 : width;
}

static void window(const struct walk *w, struct event_ask *a)
{
	/* What is dated ahead of the clock comes with the newest. */
	usec_t from = (w->high > w->now ? w->now : w->high) - w->width;
	a->range = (struct event_range){from > w->all.from ? from : w->all.from, w->high};
	a->sql.text.n = a->sql.count = 0;
	buf_clear(&a->answer);
}

/* How long the next question may take; 0: as long as its lane allows; negative: there is no time for one. */
static usec_t time_left(const struct walk *w)
{
	usec_t left = w->end - clock_monotonic();
	if (left > WINDOW_LEAST)
		return left < WINDOW_MOST ? left : WINDOW_MOST;
	if (!w->must_go_on || w->high < w->all.to)
		return -1;
	return w->width <= LEAST ? 0 : WINDOW_MOST;
}

int event_walk(struct event_ask *a, const struct event_walk *how, event_window_fn fn, void *ctx, usec_t *ret_reached, struct err *err)
{
	struct arena *arena = a->arena;
	usec_t now = a->sc->now != NULL ? a->sc->now() : clock_now(), began = clock_monotonic();
	struct walk w = {a->range, now, a->range.to, FIRST, began + how->budget, how->must_go_on};
	int r = 0;
	while (r == 0 && w.high > w.all.from && (a->limit = time_left(&w)) >= 0) {
		/* Rows of one window are forgotten with it. */
		cleanup(arena) struct arena *scratch = arena_new(0);
		a->arena = a->sql.arena = scratch;
		window(&w, a);
		usec_t start = clock_monotonic();
		r = fn(a, ctx, err);
		if ((r == -ETIMEDOUT || r == -E2BIG) && a->limit > 0) {
			w.width = w.width / 8 > LEAST ? w.width / 8 : LEAST;
			r = 0;
		} else if (r >= 0) {
			w.high = a->range.from;
			w.width = longer(w.width, clock_monotonic() - start);
		}
	}
	a->arena = a->sql.arena = arena;
	a->sql.text.n = a->sql.count = 0;
	a->range = w.all;
	a->limit = 0;
	*ret_reached = w.high;
	return r;
}
