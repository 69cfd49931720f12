/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * history: the leader's counts of each unit, kept once a day, so that a number
 * can be set beside the one of a month ago. A day that was not kept is not made up.
 *
 * Does not live here: what is counted now (endpoint, alert, incident), and
 * measures against duties. Threads: any; state is in the database.
 */
#pragma once
#include "service/service.h"

extern const struct service history_service;

/* Day number of an instant in Vietnamese time. */
static inline int64_t history_day(usec_t t)
{
	return (t + CLOCK_VN_OFFSET_USEC) / USEC_PER_DAY;
}
