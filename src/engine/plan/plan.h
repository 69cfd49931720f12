/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * plan: government plans as data: who does what by when, and what proves it. A folder (packs/vn/plans) holds directory.yaml (who
 * plans name), proofs.yaml (what can show that a duty was done) and one file a plan; the heads of those files tell their parts.
 *
 * Does not live here: units, what they owe, evidence (services); when a duty falls due (engine/recurrence).
 * Ownership: everything lives in the arena it was read into. Threads: immutable after reading.
 */
#pragma once
#include "engine/recurrence/recurrence.h"

#define PLAN_NAMES 256
#define PLAN_PROOFS 1024
#define PLAN_PLANS 64
#define PLAN_DUTIES 2000 /* of one plan */
#define PLAN_LEADS 16    /* names, proofs of one duty */

struct plan_text {
	struct str vi, en;
};

enum plan_name_kind { PLAN_NAME_BODY, PLAN_NAME_GROUP, PLAN_NAME_PART, PLAN_NAME_OUTSIDE, PLAN_NAME__COUNT };

/* Somebody whom plans name. */
struct plan_name {
	struct str id;
	enum plan_name_kind kind;
	struct plan_text label;
	struct str valid_to;                 /* "YYYY-MM-DD", empty: still there */
	const struct plan_name *const *successors; /* of one that is gone */
	unsigned successor_count;
};

struct plan_wait {
	struct str id;
	struct plan_text label;
};

struct plan_proof {
	struct str id; /* "measure:…", "record:…", "register:…", "report:…" */
	struct plan_text label;
	const struct plan_wait *waits_for; /* NULL: it works today */
};

enum plan_assumed { PLAN_ASSUMED_LEAD = 1, PLAN_ASSUMED_WHEN = 2 }; /* bits */

struct plan_duty {
	struct str id, at; /* "K4.I.3"; where it stands in the print */
	struct str text;   /* as printed */
	struct str gloss;
	const struct plan_name *const *lead, *const *with;
	unsigned lead_count, with_count;
	struct recurrence when;
	struct str event; /* of on_event */
	const struct plan_proof *const *proves;
	unsigned prove_count;
	unsigned assumed; /* enum plan_assumed: not in the print, our choice */
};

struct plan {
	struct str id, title, issuer, province;
	struct str number, issued, signer;  /* may be empty: not in the print */
	struct str valid_from, valid_to;    /* "YYYY-MM-DD"; valid_to empty: no end printed */
	const struct str *bases;            /* legal bases, as printed */
	unsigned base_count;
	const struct plan_duty *duties;     /* in the order of the print */
	unsigned duty_count;
	struct str version;
};

struct plan_set {
	const struct plan_name *names;
	const struct plan_wait *waits;
	const struct plan_proof *proofs;
	const struct plan *plans;           /* by file name */
	unsigned name_count, wait_count, proof_count, plan_count;
};

/*
 * Reads a folder: directory.yaml, proofs.yaml, then every other *.yaml. Errors have their place: those of pack_load, pack_decode and
 * recurrence_read; -EINVAL plan.unknown_name (name), plan.unknown_proof (proof), plan.unknown_wait (wait), plan.duplicate (id),
 * plan.id (id, plan), plan.proves_nothing (id), plan.no_lead (id), plan.event (id), plan.never_due (id), plan.period,
 * -E2BIG plan.too_many (limit).
 */
int plan_set_read(struct arena *arena, const char *folder, const struct plan_set **ret, struct err *err) WARN_UNUSED;

/* The three kinds of documents one by one, in this order, into a set of plan_set_new; plan_set_read does just that. */
struct plan_set *plan_set_new(struct arena *arena);
int plan_read_directory(struct arena *arena, const struct pack_doc *doc, struct plan_set *set, struct err *err) WARN_UNUSED;
int plan_read_proofs(struct arena *arena, const struct pack_doc *doc, struct plan_set *set, struct err *err) WARN_UNUSED;
int plan_read_plan(struct arena *arena, const struct pack_doc *doc, struct plan_set *set, struct err *err) WARN_UNUSED;

/* First and last instant of the validity, in Vietnamese time; no end: 100 years. */
void plan_validity(const struct plan *plan, usec_t *ret_from, usec_t *ret_to);
