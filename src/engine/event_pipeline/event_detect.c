/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_detect.h"

#include "engine/event_store/event_schema.h"

static const struct event_detector *const detectors[] = {
#define DETECTOR(name) &event_detector_##name,
#include "engine/event_pipeline/event_detectors.def"
#undef DETECTOR
};

struct keyed {
	event_detect_emit emit;
	void *ctx;
};

static void emit_with_key(void *ctx, const struct event_alert *alert)
{
	const struct keyed *k = ctx;
	struct event_alert a = *alert;
	event_alert_set_key(&a);
	k->emit(k->ctx, &a);
}

void event_detect(const struct event_record *record, const struct event *event, event_detect_emit emit, void *ctx)
{
	struct keyed k = {emit, ctx};
	for (size_t i = 0; i < ARRAY_LEN(detectors); i++)
		detectors[i]->examine(record, event, emit_with_key, &k);
}

/* ---- malware: what an agent's scanner found is an alert as it stands ---- */

static struct str or_empty(struct str s)
{
	return s.p != NULL ? s : STR("");
}

/* A file that is still where it was found is worse than one that was put away. */
static struct str malware_severity(struct str action)
{
	return str_eq_c(action, "quarantined") || str_eq_c(action, "deleted") ? STR("high") : STR("critical");
}

/* What became of a quarantined file, also when somebody decided it at the machine: whoever keeps alerts keeps its state too. */
static bool is_fate(const struct event *e)
{
	struct str action = event_get(e, "event.action");
	return str_eq_c(event_get(e, "event.kind"), "event") && event_get(e, "quarantine.id").n > 0 &&
	       (str_eq_c(action, "restored") || str_eq_c(action, "deleted"));
}

static void examine_malware(const struct event_record *r, const struct event *e, event_detect_emit emit, void *ctx)
{
	if (!str_eq_c(event_get(e, "event.category"), "malware"))
		return;
	bool fate = is_fate(e);
	if (!fate && !str_eq_c(event_get(e, "event.kind"), "alert"))
		return;
	struct str threat = event_get(e, "threat.name");
	if (threat.n == 0)
		threat = event_get(e, "rule.name");
	struct str action = or_empty(event_get(e, "event.action"));
	const struct event_alert alert = {
		.rule_id = fate ? STR("malware.fate") : STR("malware.agent"),
		.rule_version = 1,
		.group = STR(""),
		.title = threat.n > 0 ? threat : STR("malware"),
		.severity = fate ? STR("low") : malware_severity(action),
		.endpoint = r->endpoint,
		.unit = r->unit,
		.first_event = r->id,
		.time = event_time(r, e),
		.received = r->received,
		.threat = or_empty(threat),
		.file_path = or_empty(event_get(e, "file.path")),
		.sha256 = or_empty(event_get(e, "file.hash.sha256")),
		.action = action,
		.engine = or_empty(event_get(e, "threat.engine")),
		.raw = r->raw,
	};
	emit(ctx, &alert);
}

const struct event_detector event_detector_malware = {"malware", examine_malware};
