/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * level: which security level (cấp độ, 1 to 5) an information system has, by the rules of a decree that stand as data in
 * packs/vn/levels (what the parts of such a file mean is told at its head). Every rule is looked at; the level is the
 * highest of those that hold (Nghị định 331/2026/NĐ-CP Điều 8 khoản 2). An unanswered question is unknown, neither yes
 * nor no (Kleene's three values): as long as a rule of a higher level could still hold, there is no level, and what
 * must be answered is named.
 *
 * Does not live here: dossiers and who approves them, systems and units (services).
 * Ownership: everything lives in the arena it was read or decided with. Threads: a regime is immutable after reading.
 */
#pragma once
#include "base/json/json.h"
#include "platform/pack/pack.h"

#define LEVEL_MOST 5
#define LEVEL_FACTS 64  /* the most a file may have; values of a fact, too */
#define LEVEL_RULES 256 /* of each kind */

struct level_text {
	struct str vi, en;
};

enum level_kind { LEVEL_KIND_YES_NO, LEVEL_KIND_CHOICE, LEVEL_KIND_SET, LEVEL_KIND_COUNT, LEVEL_KIND__COUNT };

struct level_value {
	struct str id;
	struct level_text label;
};

/* An answer. */
struct level_given {
	bool known;
	bool yes;        /* YES_NO */
	unsigned choice; /* CHOICE: index of the value */
	uint64_t set;    /* SET: bit i is value i */
	int64_t count;   /* COUNT: 0 … */
};

struct level_fact {
	struct str id;
	enum level_kind kind;
	const struct level_value *values;
	unsigned value_count;
	struct level_text label, question;
	struct level_text help, because; /* may be empty; because: of the presumed answer */
	struct level_given presumed;     /* known: what is taken when nobody answered */
	struct str source, confidence;
	bool cross_check;                /* asked for comparison only */
};

struct level_condition;

struct level_rule {
	struct str id;
	unsigned level; /* 1 … 5; 0 for flags and contradictions */
	const struct level_condition *condition;
	struct str article, confidence;
	struct level_text text;
};

struct level_rules {
	const struct level_rule *items;
	unsigned count;
};

struct level_regime {
	struct str id, version, source; /* "R2026"; "2026.11.1"; the decree */
	struct str valid_from, valid_to; /* "YYYY-MM-DD"; valid_to may be empty */
	const struct level_fact *facts;  /* in the order of asking */
	unsigned fact_count;
	struct level_rules rules, cross_checks, flags, contradictions;
};

/*
 * Reads one document. Errors have their place: those of pack_decode, and -EINVAL level.unknown_fact (fact), level.unknown_value
 * (fact, value), level.bad_condition, level.wrong_kind (fact), level.bad_kind (kind), level.duplicate (id), level.bad_level,
 * -E2BIG level.too_many (limit).
 */
int level_regime_read(struct arena *arena, const struct pack_doc *doc, const struct level_regime **ret, struct err *err) WARN_UNUSED;

const struct level_fact *level_fact_find(const struct level_regime *regime, struct str id);

/*
 * Answers as {"type": "citizen", "info": ["public"], "subjects_basic": 1200, "national_egov": false}; null and what is absent are
 * unknown. *ret: one a fact, in the regime's order. Errors with the field as place: -EINVAL level.unknown_fact (fact),
 * level.unknown_value (fact, value), level.bad_answer (fact, expected).
 */
int level_answers_read(struct arena *arena, const struct level_regime *regime, const struct json *object,
                       const struct level_given **ret, struct err *err) WARN_UNUSED;

enum level_status {
	LEVEL_STATUS_DECIDED,
	LEVEL_STATUS_INCOMPLETE,    /* asks says what must be answered */
	LEVEL_STATUS_NO_RULE,       /* all is answered, and no rule holds: a person must look */
	LEVEL_STATUS_CONTRADICTORY, /* answers exclude each other: never a level */
	LEVEL_STATUS__COUNT
};
extern const char *const level_status_names[LEVEL_STATUS__COUNT + 1]; /* "decided" …, NULL-terminated */

struct level_rule_list {
	const struct level_rule **items;
	unsigned count;
};

struct level_result {
	enum level_status status;
	unsigned level;                    /* 0 unless decided */
	unsigned at_least;                 /* highest rule that holds already; 0: none */
	const struct level_rule *deciding; /* the first of the highest that hold; NULL: none */
	struct level_rule_list holding;    /* all that hold, in the file's order */
	struct level_rule_list open;       /* unknown, and higher than what holds: they block the level */
	const struct level_fact **asks;    /* facts whose answers those wait for, in the order of asking */
	unsigned ask_count;
	const struct level_fact **presumed; /* facts that nobody answered and the file presumes */
	unsigned presumed_count;
	struct level_rule_list cross_checks, flags, contradictions; /* that hold */
	bool cross_check_higher; /* one of them calls for more than the decided level: a person must look (the own risk assessment's must be proposed, Điều 10 khoản 5) */
};

/* answers: of level_answers_read for this regime. */
void level_decide(struct arena *arena, const struct level_regime *regime, const struct level_given *answers, struct level_result *ret);
/* As one JSON object; labels and texts in both languages. */
void level_result_write(struct json_writer *w, const struct level_regime *regime, const struct level_result *result);
