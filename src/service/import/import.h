/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * import: records from a spreadsheet (XLSX or CSV), for whoever has a list of them: what each row would do, and doing all of it or
 * nothing. The preview is the import itself, rolled back, so that it can promise nothing else; a second time there is nothing to do.
 *
 * A kind of record brings its columns and one function for a row. Headings are the API's names, or what the messages
 * "<room>.column_<name>" say in either language.
 *
 * Does not live here: reading files (engine/table, in the worker), rights (the row's function asks for them).
 * Threads: any.
 */
#pragma once
#include "service/api/api.h"

#define IMPORT_COLUMNS_MAX 24

enum import_fate { IMPORT_CREATED, IMPORT_CHANGED, IMPORT_UNCHANGED, IMPORT_REFUSED, IMPORT_FATE__COUNT };

struct import_row {
	uint32_t number;                      /* as the spreadsheet counts */
	struct str cells[IMPORT_COLUMNS_MAX]; /* by the kind's columns, trimmed; empty when there is no such column */
	enum import_fate fate;                /* set by the row's function */
	unsigned at;                          /* the column that a refusal is about; set as it goes on */
	struct str reason;                    /* in the reader's language */
};

struct import_work {
	struct api_request *req;
	struct db_tx *tx;
	struct arena *arena; /* until the answer is written */
};

/* Which column an error is about, whatever was being done. */
struct import_blame {
	const char *key;
	unsigned column;
};

struct import_kind {
	const char *room;            /* of the messages */
	const char *const *columns;  /* ends with NULL */
	size_t needed;               /* the first so many have to be there; others may be missing */
	size_t rows_max;
	const struct import_blame *blame; /* ends with a NULL key */
	const unsigned *shown;       /* columns that the answer repeats for each row */
	size_t shown_count;
	/* Does what the row says. -EINVAL, -ENOENT, -EEXIST, -EBUSY and -EACCES are the row's fault; others end the import. */
	int (*row)(const struct import_work *w, struct import_row *row, struct err *err);
};

/*
 * A route's work: ?mode=preview (without one, too) or apply. Answers {"applied","counts":{fates},"items":[{"row",shown…,"fate",
 * and of what is refused "column","cell","reason"}]}. *ret_applied: it is done, and the outbox is woken.
 * -EINVAL import.column_missing (column), -E2BIG table.too_many_rows, engine/table's, -EAGAIN api.no_worker.
 */
int import_sheet(const struct import_kind *kind, struct api_request *req, struct http_response *res, bool *ret_applied,
                 struct err *err) WARN_UNUSED;
