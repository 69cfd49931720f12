/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * sighting: which machine has had which program, by SHA-256, where and from when
 * to when, as the agents tell it; and the look back: hashes that a new signature
 * bundle brings are looked up there, and each machine that had such a file is an
 * alert, without a disk being touched.
 *
 * The history is a table of the event store (file_history): of a city's 20,000 machines it has tens of millions of
 * rows that are added to, merged and asked by hash, and never changed; docs/looking-back.md has the figures. What was
 * looked up already is a row of the state database.
 *
 * Does not live here: what agents report of findings (service/alert), signatures (service/protection).
 * Threads: any; each question waits for the store: never ask within a transaction of the state database.
 */
#pragma once
#include "service/service.h"

extern const struct service sighting_service;

/* How many files a report of a machine may have. */
#define SIGHTING_REPORT_MOST 1000
/* Of one hash so many machines are told at once as alerts; the page tells all. */
#define SIGHTING_ALERTS_MOST 500
