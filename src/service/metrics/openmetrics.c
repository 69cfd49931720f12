/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/metrics/openmetrics.h"

static const char *const type_names[OPENMETRICS__COUNT] = {
	[OPENMETRICS_GAUGE] = "gauge",
	[OPENMETRICS_COUNTER] = "counter",
	[OPENMETRICS_HISTOGRAM] = "histogram",
	[OPENMETRICS_INFO] = "info",
};

void openmetrics_family(struct buf *out, const char *name, enum openmetrics_type type, const char *unit, const char *help)
{
	buf_printf(out, "# TYPE %s %s\n", name, type_names[type]);
	if (unit != NULL)
		buf_printf(out, "# UNIT %s %s\n", name, unit);
	buf_printf(out, "# HELP %s %s\n", name, help);
}

static void append_label(struct buf *out, const struct openmetrics_label *l)
{
	buf_printf(out, "%s=\"", l->name);
	for (size_t i = 0; i < l->value.n; i++) {
		char c = l->value.p[i];
		if (c == '\\' || c == '"' || c == '\n')
			buf_append_char(out, '\\');
		buf_append_char(out, c == '\n' ? 'n' : c);
	}
	buf_append_char(out, '"');
}

void openmetrics_sample(struct buf *out, const char *name, const char *suffix, const struct openmetrics_label *labels,
                        double value)
{
	buf_printf(out, "%s%s", name, suffix);
	for (const struct openmetrics_label *l = labels; l != NULL && l->name != NULL; l++) {
		buf_append_char(out, l == labels ? '{' : ',');
		append_label(out, l);
	}
	buf_printf(out, "%s %.15g\n", labels != NULL && labels->name != NULL ? "}" : "", value);
}

void openmetrics_end(struct buf *out)
{
	buf_append_c(out, "# EOF\n");
}
