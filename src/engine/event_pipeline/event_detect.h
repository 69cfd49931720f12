/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_detect: looks at events and finds what is worth an alert. A detector is a
 * row of event_detectors.def and a function; it keeps no state between events
 * but what it can rebuild from the spool.
 *
 * Threads: one thread examines.
 */
#pragma once
#include "engine/event/event.h"
#include "engine/event_pipeline/event_alert.h"
#include "engine/event/event_record.h"

/* Called for each finding; the alert borrows from record and event, its group from whom it likes: that is copied. The key
 * is set by the caller of the detector. */
typedef void (*event_detect_emit)(void *ctx, const struct event_alert *alert);

struct event_detector {
	const char *name;
	void (*examine)(const struct event_record *record, const struct event *event, event_detect_emit emit, void *ctx);
};

#define DETECTOR(name) extern const struct event_detector event_detector_##name;
#include "engine/event_pipeline/event_detectors.def"
#undef DETECTOR

/* Runs all detectors over one event; emit sees alerts with their keys. */
void event_detect(const struct event_record *record, const struct event *event, event_detect_emit emit, void *ctx);
