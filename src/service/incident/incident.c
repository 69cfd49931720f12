/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules: numbers and the process. No SQL, no HTTP. */
#include <stdio.h>

#include "service/incident/incident_internal.h"

const struct incident_state *incident_process_state(const struct incident_process *p, struct str id)
{
	for (size_t i = 0; i < p->state_count; i++) {
		if (str_eq(p->states[i].id, id))
			return &p->states[i];
	}
	return NULL;
}

const struct incident_transition *incident_process_find(const struct incident_process *p, struct str from, struct str to)
{
	for (size_t i = 0; i < p->transition_count; i++) {
		if (str_eq(p->transitions[i].from, from) && str_eq(p->transitions[i].to, to))
			return &p->transitions[i];
	}
	return NULL;
}

static int bad(const char *what, struct str state, struct err *err)
{
	return err_set(err, -EINVAL, what, ARG_STR("state", state));
}

static size_t mark_reachable(const struct incident_process *p, bool *reached)
{
	size_t marked = 0;
	for (size_t i = 0; i < p->transition_count; i++) {
		const struct incident_transition *t = &p->transitions[i];
		size_t from = (size_t)(incident_process_state(p, t->from) - p->states);
		size_t to = (size_t)(incident_process_state(p, t->to) - p->states);
		if (reached[from] && !reached[to]) {
			reached[to] = true;
			marked++;
		}
	}
	return marked;
}

int incident_process_check(const struct incident_process *p, struct err *err)
{
	bool reached[INCIDENT_STATES_MAX] = {false};
	const struct incident_state *initial = incident_process_state(p, p->initial);
	if (initial == NULL || !initial->open)
		return bad("incident.bad_initial", p->initial, err);
	for (size_t i = 0; i < p->transition_count; i++) {
		const struct incident_transition *t = &p->transitions[i];
		if (incident_process_state(p, t->from) == NULL)
			return bad("incident.bad_state", t->from, err);
		if (incident_process_state(p, t->to) == NULL || str_eq(t->from, t->to))
			return bad("incident.bad_state", t->to, err);
		if (!str_starts_with(t->permission, STR("incident.")))
			return bad("incident.bad_permission", t->permission, err);
	}
	reached[initial - p->states] = true;
	while (mark_reachable(p, reached) > 0)
		continue;
	for (size_t i = 0; i < p->state_count; i++) {
		if (!reached[i])
			return bad("incident.unreachable", p->states[i].id, err);
	}
	return 0;
}

int64_t incident_year(usec_t t)
{
	return clock_civil(t, CLOCK_VN_OFFSET_USEC).year;
}

void incident_number_text(int64_t year, int64_t sequence, char buf[INCIDENT_NUMBER_SIZE])
{
	(void)snprintf(buf, INCIDENT_NUMBER_SIZE, "SC-%04d-%04lld", (int)(year % 10000), (long long)sequence);
}
