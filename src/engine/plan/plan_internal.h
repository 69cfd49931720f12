/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to engine/plan. */
#pragma once
#include "engine/plan/plan.h"

extern const struct json_field plan_text_fields[];

/* Items of a list, 0 … limit, or the error. */
int plan_count_items(const struct pack_doc *doc, const struct json *list, size_t limit, struct err *err);
int plan_fail(const struct pack_doc *doc, const struct json *node, const char *key, const char *name, struct str value, struct err *err);
const struct plan_name *plan_name_find(const struct plan_set *set, struct str id);
const struct plan_proof *plan_proof_find(const struct plan_set *set, struct str id);
/* node NULL: none. */
int plan_read_names(struct arena *arena, const struct pack_doc *doc, const struct plan_set *set, const struct json *node,
                    const struct plan_name *const **ret, unsigned *ret_count, struct err *err);
