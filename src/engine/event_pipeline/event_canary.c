/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_canary.h"

#include "engine/event_pipeline/event_detect.h"
#include "engine/event_store/event_schema.h"

bool event_alert_is_canary(const struct event_alert *a)
{
	return str_eq_c(a->rule_id, EVENT_CANARY_RULE);
}

/* A token's holder cannot sing: only agents by their certificate, and the server. */
static bool may_sing(const struct event_record *r)
{
	return !uuid_is_null(&r->endpoint) || str_eq_c(r->source, EVENT_SERVER_SOURCE);
}

static void examine_canary(const struct event_record *r, const struct event *e, event_detect_emit emit, void *ctx)
{
	if (!str_eq_c(event_get(e, "event.dataset"), EVENT_CANARY_DATASET) || !may_sing(r))
		return;
	char sender[UUID_TEXT_SIZE];
	/* Without the event's identity in the key: the next canary of this sender takes the place of this one. */
	const struct event_alert alert = {
		.rule_id = STR(EVENT_CANARY_RULE),
		.rule_version = 1,
		.group = str_c(uuid_text(&r->sender, sender)),
		.title = STR(EVENT_CANARY_RULE),
		.severity = STR("low"),
		.endpoint = r->endpoint,
		.unit = r->unit,
		.time = event_time(r, e),
		.received = r->received,
		.raw = r->raw,
	};
	emit(ctx, &alert);
}

const struct event_detector event_detector_canary = {"canary", examine_canary};
