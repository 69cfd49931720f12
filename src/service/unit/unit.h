/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * unit: the organisations of the province as a tree: city, departments, Party
 * bodies, organisations, schools, enterprises, communes, and their parts. A
 * unit is never deleted: it is renamed, moved or closed, and what it was keeps
 * its dates.
 *
 * Does not live here: who may see which unit (service.h, ACCESS_UNIT_SCOPE), people (service/account).
 * Threads: any.
 */
#pragma once
#include "service/service.h"

extern const struct service unit_service;

struct unit_new {
	struct str code, kind, name;
	struct uuid parent_id; /* null: a root */
	bool sample;
};

/* Adds a unit in the caller's transaction (audited, event unit.created). -EINVAL unit.kind_unknown, unit.parent_kind,
 * unit.parent_closed, unit.too_deep; -ENOENT unit.parent_unknown; -EEXIST unit.code_taken. */
int unit_create(const struct service_context *sc, struct db_tx *tx, const struct access *access,
                const struct unit_new *u, struct uuid *ret_id, struct err *err) WARN_UNUSED;

/* By code. -ENOENT unit.code_unknown. */
int unit_find(struct db_tx *tx, struct str code, struct uuid *ret_id, struct err *err) WARN_UNUSED;

/* The first unit of all: what belongs to no other is its. -ENOENT unit.code_unknown: there is none yet. */
int unit_root(struct db_tx *tx, struct uuid *ret_id, struct err *err) WARN_UNUSED;

/* Loads unit kinds from <packs_dir>/vn/unit_kinds.yaml; also done at start. */
int unit_load_kinds(const struct service_context *sc, struct err *err) WARN_UNUSED;

/* Adds the units of a CSV file (code,kind,name,parent) that are not there yet, all or none. Parents stand before
 * their children. Errors are told as file:line. */
int unit_import_csv(const struct service_context *sc, const struct access *access, const char *path, bool sample,
                    unsigned *ret_added, struct err *err) WARN_UNUSED;
