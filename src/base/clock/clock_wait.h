/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * clock_wait: waiting on a condition until an instant of the monotonic clock.
 *
 * pthread_cond_timedwait counts by the wall clock: when that is set back by hours, whoever waits "one second" waits
 * for hours.
 *
 * Threads: any.
 */
#pragma once
#include <pthread.h>

#include "base/clock/clock.h"

/* As pthread_cond_timedwait, with `until` by clock_monotonic. 0: woken (perhaps for nothing), ETIMEDOUT: it is past. */
int clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, usec_t until);
