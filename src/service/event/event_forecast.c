/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/event/event_forecast.h"

static double expires_on(const struct event_forecast_given *g, double weights, int64_t day)
{
	double bytes = 0;
	for (size_t i = 0; i < g->kept_count; i++) {
		/* The day whose events are as old as they may be; from 1 on it is still to come. */
		int64_t of = day - (int64_t)g->kept[i].days;
		double came = of > 0 ? (double)g->day_bytes : (uint64_t)-of < g->past_count ? (double)g->past[-of] : 0;
		bytes += came * ((double)g->kept[i].weight / weights);
	}
	return bytes;
}

void event_forecast(const struct event_forecast_given *g, struct event_forecast *ret)
{
	double weights = 0, settles = 0, added = 0;
	for (size_t i = 0; i < g->kept_count; i++)
		weights += (double)g->kept[i].weight;
	for (size_t i = 0; i < g->kept_count && weights > 0; i++)
		settles += (double)g->day_bytes * g->kept[i].days * ((double)g->kept[i].weight / weights);
	*ret = (struct event_forecast){.days_left = -1, .settles_bytes = (uint64_t)settles};
	if (g->day_bytes == 0)
		return;
	for (int64_t day = 1; day <= EVENT_FORECAST_DAYS; day++) {
		added += (double)g->day_bytes - (weights > 0 ? expires_on(g, weights, day) : 0);
		if (added > (double)g->free_bytes) {
			ret->days_left = day - 1;
			return;
		}
	}
}
