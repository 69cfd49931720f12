/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One entry "field|modifier|…: value(s)" as a node. Private to the parser. */
#pragma once
#include "engine/sigma/sigma_rule.h"

/* `key`: the entry's name; empty for a plain keyword. `value`: a scalar or a list. */
int sigma_entry_parse(const struct sigma_parsed *p, const struct pack_doc *doc, struct str key, const struct json *value,
                      struct sigma_node **ret, struct err *err) WARN_UNUSED;
