/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The field mapping file (packs/sigma/mapping.yaml) as tables, and the tree of keys that the compiler makes of it. Private. */
#pragma once
#include "engine/sigma/sigma_rule.h"

struct sigma_prefix {
	struct str path, text;
	bool blanks;
	struct sigma_prefix *next;
};

struct sigma_home {
	struct str field, path;
	struct sigma_home *next;
};

struct sigma_channel {
	struct str name, product, service; /* name: folded */
	struct sigma_channel *next;
};

struct sigma_alias_of {
	struct str field, from;
	struct sigma_alias_of *next;
};

struct sigma_category {
	struct str category, product, service, when_field, when_value; /* value: folded */
	int64_t event_id;
	struct sigma_alias_of *aliases;
	struct sigma_category *next;
};

struct sigma_detect {
	struct str product, category, service, service_from;
	struct str also; /* further services whose rules see the events, a blank between */
	struct sigma_names present;
	struct sigma_detect *next;
};

struct sigma_mapping {
	struct sigma_prefix *prefixes;
	struct sigma_home *homes;
	struct sigma_names times;
	struct sigma_channel *channels;
	struct str channel_product;
	struct sigma_category *categories;
	struct sigma_detect *detects;
};

int sigma_mapping_parse(struct arena *arena, const struct pack_doc *doc, struct sigma_mapping *ret, struct err *err) WARN_UNUSED;
