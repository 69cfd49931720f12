/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * timeline: what happened on one machine, of every kind together: its own
 * events in the event store, alerts, malware that was found, incidents, and
 * changes of its state; each kind as far as the reader may see it.
 *
 * Does not live here: any of these records. Threads: any; nothing is kept.
 */
#pragma once
#include "service/service.h"

extern const struct service timeline_service;
