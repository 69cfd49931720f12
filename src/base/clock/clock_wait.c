/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/clock/clock_wait.h"

#include <time.h>

int clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, usec_t until)
{
	struct timespec t;
#ifdef _WIN32
	/* winpthreads has the wall clock only, but turns the instant into a duration at once: a jump while it waits does
	 * no harm, one in between is a wake for nothing. */
	usec_t left = until - clock_monotonic();
	if (left <= 0)
		return ETIMEDOUT;
	usec_t wall = clock_now() + (left < USEC_PER_SEC ? left : USEC_PER_SEC);
	t = (struct timespec){.tv_sec = (time_t)(wall / USEC_PER_SEC), .tv_nsec = (long)(wall % USEC_PER_SEC * 1000)};
	int r = pthread_cond_timedwait(cond, lock, &t);
	return r == ETIMEDOUT && clock_monotonic() < until ? 0 : r;
#else
	t = (struct timespec){.tv_sec = (time_t)(until / USEC_PER_SEC), .tv_nsec = (long)(until % USEC_PER_SEC * 1000)};
	return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &t);
#endif
}
