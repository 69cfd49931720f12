/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * metrics: the platform's figures for monitoring systems, as OpenMetrics at
 * /metrics, for tokens that hold metrics.read. Also the counting of HTTP requests.
 *
 * Does not live here: measures of the plan; what the status page shows (service/status).
 * Threads: any.
 */
#pragma once
#include "service/service.h"

extern const struct service metrics_service;

enum metrics_route { METRICS_ROUTE_API, METRICS_ROUTE_AGENT, METRICS_ROUTE_PAGE, METRICS_ROUTE__COUNT };

/* Counts requests; made by the program, in service_context.meter. */
struct metrics_meter;
struct metrics_meter *metrics_meter_new(void);
void metrics_meter_free(struct metrics_meter *m);
void metrics_meter_note(struct metrics_meter *m, enum metrics_route route, int status, usec_t took);
