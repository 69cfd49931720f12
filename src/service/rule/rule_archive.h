/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What rule_archive.c does for its routes. Private to the room. */
#pragma once
#include <stdlib.h>

#include "service/rule/rule_http.h"

struct rule_applying {
	const struct service_context *sc;
	struct rule_archive archive;
	struct uuid edition_id;
	struct str bytes; /* of the edition's file, read before the transaction */
	struct str by;
};
/* Every rule of the edition, what is gone, which edition is in force: one transaction. */
int rule_archive_apply(struct db_tx *tx, struct rule_applying *x, struct err *err) WARN_UNUSED;
int rule_edition_read(const struct service_context *sc, const struct uuid *id, struct buf *out, struct err *err) WARN_UNUSED;
/* Notes why, for the page. */
void rule_archive_failed(const struct service_context *sc, const struct uuid *archive_id, const struct err *why);

/* ---- rule_fetch.c ---- */

/* https://… or file:NAME, plain ASCII, no user. -EINVAL rule.url. */
int rule_url_check(struct str url, struct err *err) WARN_UNUSED;
/* Appends the bytes, or *ret_unchanged: the address still gives what `etag` named. */
int rule_fetch(const struct service_context *sc, struct arena *arena, struct str url, struct str etag, struct buf *bytes, struct str *ret_etag,
               bool *ret_unchanged, struct err *err) WARN_UNUSED;
int rule_archive_unchanged(const struct service_context *sc, const struct uuid *archive_id, struct err *err) WARN_UNUSED;
