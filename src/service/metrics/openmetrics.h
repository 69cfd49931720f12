/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * openmetrics: writes the text format of OpenMetrics 1.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/): families in turn, each
 * once, with type, unit and help; counters end in _total; label values escaped;
 * "# EOF" last. Threads: none of its own.
 */
#pragma once
#include "base/str/str.h"

#define OPENMETRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum openmetrics_type { OPENMETRICS_GAUGE, OPENMETRICS_COUNTER, OPENMETRICS_HISTOGRAM, OPENMETRICS_INFO, OPENMETRICS__COUNT };

struct openmetrics_label {
	const char *name; /* NULL ends the list */
	struct str value;
};

/* `name` without suffix; `unit` is its last part ("bytes", "seconds") or NULL. Static strings. */
void openmetrics_family(struct buf *out, const char *name, enum openmetrics_type type, const char *unit, const char *help);
/* suffix: "", "_total", "_info", "_bucket", "_sum", "_count". */
void openmetrics_sample(struct buf *out, const char *name, const char *suffix, const struct openmetrics_label *labels,
                        double value);
void openmetrics_end(struct buf *out);

#define OPENMETRICS_LABELS(...) (const struct openmetrics_label[]){__VA_ARGS__, {NULL, {NULL, 0}}}
