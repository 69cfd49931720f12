/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/history/history.h"

/* A month ago is the newest kept day in this range. */
#define HISTORY_MONTH_LEAST_DAYS 28
#define HISTORY_MONTH_MOST_DAYS 62
#define HISTORY_KEPT_DAYS 800

/* Counts every unit for this day: 1 done, 0 it is counted already. */
int history_db_keep(struct db_tx *tx, int64_t day, usec_t now, struct err *err) WARN_UNUSED;
/* 1 found, 0 nothing is kept between these days (both included). */
int history_db_day(struct db_tx *tx, int64_t first, int64_t last, int64_t *ret_day, struct err *err) WARN_UNUSED;
/* "endpoint.total":…: what this reader may see of the day's counts. */
int history_db_write(struct db_tx *tx, const struct access *access, int64_t day, usec_t now, struct json_writer *w,
                     struct err *err) WARN_UNUSED;
