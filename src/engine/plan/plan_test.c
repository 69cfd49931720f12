/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/plan/plan.h"

static const struct plan_set *pack(struct arena *arena)
{
	const struct plan_set *set = NULL;
	struct err err = {0};
	if (plan_set_read(arena, arena_printf(arena, "%s/packs/vn/plans", getenv("LUYTRE_SOURCE")).p, &set, &err) < 0)
		fail_msg("%s at %s: %s", err.key, err.place, err.args[0].value);
	return set;
}

static const struct plan *plan_of(const struct plan_set *set, const char *id)
{
	for (unsigned i = 0; i < set->plan_count; i++)
		if (str_eq_c(set->plans[i].id, id))
			return &set->plans[i];
	fail_msg("no plan %s", id);
	return NULL;
}

/* Every obligation of the five plans stands in the packs once. */
static void all_duties(void **state)
{
	(void)state;
	static const struct {
		const char *id, *province;
		unsigned duties;
	} table[] = {{"K0", "cantho", 23}, {"K1", "khanhhoa", 28}, {"K2", "cantho", 35}, {"K3", "cantho", 70}, {"K4", "cantho", 37}};
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct plan_set *set = pack(arena);
	unsigned total = 0;
	assert_int_equal(set->plan_count, 5);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct plan *plan = plan_of(set, table[i].id);
		assert_int_equal(plan->duty_count, table[i].duties);
		assert_true(str_eq_c(plan->province, table[i].province));
		total += plan->duty_count;
	}
	assert_int_equal(total, 193);
}

static const struct plan_duty *duty_of(const struct plan *plan, const char *id)
{
	for (unsigned i = 0; i < plan->duty_count; i++)
		if (str_eq_c(plan->duties[i].id, id))
			return &plan->duties[i];
	fail_msg("no duty %s", id);
	return NULL;
}

/* Deadlines that the prints name. */
static void printed_deadlines(void **state)
{
	(void)state;
	static const struct {
		const char *plan, *duty, *due;
	} table[] = {
		{"K1", "K1.III.2e", "13/12/2019 23:59"},   {"K2", "K2.III.4b-2", "31/05/2025 23:59"}, {"K2", "K2.III.4b-3", "09/10/2025 23:59"},
		{"K2", "K2.II.3b′", "06/04/2025 23:59"},   {"K3", "K3.III.1b", "30/06/2026 23:59"},   {"K4", "K4.I.3", "14/11/2026 23:59"},
		{"K4", "K4.II.12", "31/12/2027 23:59"},    {"K0", "K0.TC.3", "30/06/2019 23:59"},
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct plan_set *set = pack(arena);
	struct clock_calendar *calendar = clock_calendar_new();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct plan *plan = plan_of(set, table[i].plan);
		struct recurrence_occurrence first = {.due = 0};
		char text[CLOCK_VN_SIZE];
		usec_t from, to;
		plan_validity(plan, &from, &to);
		assert_true(recurrence_list(&duty_of(plan, table[i].duty)->when, calendar, from, to, &first, 1) > 0);
		assert_string_equal(clock_vn(first.due, text), table[i].due);
	}
	clock_calendar_free(calendar);
}

#define DIRECTORY "version: \"1\"\nnames:\n  - {id: a, kind: body, label: {vi: v, en: e}}\n  - {id: b, kind: group, label: {vi: v, en: e}, valid_to: \"2025-06-30\", successors: [a]}\n"
#define PROOFS "version: \"1\"\nwaits:\n  - {id: later, label: {vi: v, en: e}}\nproofs:\n  - {id: \"record:x\", label: {vi: v, en: e}}\n  - {id: \"measure:y\", waits_for: later, label: {vi: v, en: e}}\n"
#define PLAN "version: \"1\"\nplan: {id: P, title: t, issuer: i, province: p, valid_from: \"2026-01-01\", valid_to: \"2026-12-31\", bases: []}\nduties:\n"
#define DUTY(rest) "  - {at: I, text: t, gloss: g, " rest "}\n"
#define GOOD "lead: [a], when: {kind: continuous}, proves: [\"record:x\"]"

static int read_all(struct arena *arena, const char *directory, const char *proofs, const char *plan, struct err *err)
{
	const struct pack_doc *doc = NULL;
	struct plan_set *set = plan_set_new(arena);
	int r = pack_parse(arena, "directory", str_c(directory), &doc, err);
	if (r >= 0)
		r = plan_read_directory(arena, doc, set, err);
	if (r >= 0)
		r = pack_parse(arena, "proofs", str_c(proofs), &doc, err);
	if (r >= 0)
		r = plan_read_proofs(arena, doc, set, err);
	if (r >= 0)
		r = pack_parse(arena, "plan", str_c(plan), &doc, err);
	if (r >= 0)
		r = plan_read_plan(arena, doc, set, err);
	return r;
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *directory, *proofs, *plan, *key, *place;
	} table[] = {
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, " GOOD), NULL, NULL},
		{DIRECTORY, PROOFS, PLAN DUTY("id: Q.1, " GOOD), "plan.id", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P1, " GOOD), "plan.id", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, " GOOD) DUTY("id: P.1, " GOOD), "plan.duplicate", "plan:5:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [c], when: {kind: continuous}, proves: [\"record:x\"]"), "plan.unknown_name", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [], when: {kind: continuous}, proves: [\"record:x\"]"), "plan.no_lead", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [a], with: [c], when: {kind: continuous}, proves: [\"record:x\"]"), "plan.unknown_name", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [a], when: {kind: continuous}, proves: [\"record:z\"]"), "plan.unknown_proof", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [a], when: {kind: continuous}, proves: []"), "plan.proves_nothing", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [a], when: {kind: continuous}"), "json.required", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [a], when: {kind: once, by: \"2027-01-01\"}, proves: [\"record:x\"]"), "plan.never_due", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [a], when: {kind: sometimes}, proves: [\"record:x\"]"), "json.enum", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, lead: [a], when: {kind: on_event, within: {days: 1}}, proves: [\"record:x\"]"), "plan.event", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, event: e, " GOOD), "plan.event", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, assumed: [text], " GOOD), "plan.assumed", "plan:4:"},
		{DIRECTORY, PROOFS, PLAN DUTY("id: P.1, colour: red, " GOOD), "json.unknown_field", "plan:4:"},
		{DIRECTORY, PROOFS, "version: \"1\"\nplan: {id: P, title: t, issuer: i, province: p, valid_from: \"2026-01-02\", valid_to: \"2026-01-01\", bases: []}\nduties: []\n", "plan.period", "plan:2:"},
		{DIRECTORY, PROOFS, "version: \"1\"\nplan: {id: P, title: t, issuer: i, province: p, valid_from: \"2026-13-02\", bases: []}\nduties: []\n", "plan.period", "plan:2:"},
		{DIRECTORY, "version: \"1\"\nwaits: []\nproofs:\n  - {id: x, label: {vi: v, en: e}}\n", PLAN, "plan.proof_id", "proofs:4:"},
		{DIRECTORY, "version: \"1\"\nwaits: []\nproofs:\n  - {id: \"record:x\", waits_for: never, label: {vi: v, en: e}}\n", PLAN, "plan.unknown_wait", "proofs:4:"},
		{"version: \"1\"\nnames:\n  - {id: a, kind: body, label: {vi: v, en: e}, valid_to: \"2025-06-30\"}\n", PROOFS, PLAN, "plan.successors", "directory:3:"},
		{"version: \"1\"\nnames:\n  - {id: a, kind: body, label: {vi: v, en: e}}\n  - {id: a, kind: body, label: {vi: v, en: e}}\n", PROOFS, PLAN, "plan.duplicate", "directory:4:"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct err err = {0};
		int r = read_all(arena, table[i].directory, table[i].proofs, table[i].plan, &err);
		if ((r < 0) != (table[i].key != NULL))
			fail_msg("case %zu: %s at %s", i, err.key, err.place);
		if (r < 0 && (strcmp(err.key, table[i].key) != 0 || strncmp(err.place, table[i].place, strlen(table[i].place)) != 0))
			fail_msg("case %zu: %s at %s", i, err.key, err.place);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_duties),
		cmocka_unit_test(printed_deadlines),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
