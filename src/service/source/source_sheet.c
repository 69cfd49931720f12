/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Sources from a spreadsheet: one row; a source is known by its name. The rest is service/import. */
#include "service/import/import.h"
#include "service/source/source_internal.h"
#include "service/unit/unit.h"

#define ROWS_MAX 5000

enum column { COLUMN_NAME, COLUMN_UNIT, COLUMN_ADDRESSES, COLUMN_SYSTEM, COLUMN_LEVEL, COLUMN_KIND, COLUMN_FORMAT, COLUMN_SILENCE,
              COLUMN_RATE, COLUMN_FINGERPRINT, COLUMN_NOTE, COLUMN_ZONE, COLUMN__COUNT };
#define COLUMNS_NEEDED 3 /* the first ones; others may be missing, and an empty cell leaves what is there */
static const char *const column_names[] = {"name",    "unit",       "addresses",  "system_name", "system_level", "kind",
                                           "format",  "silence_s",  "rate_per_s", "fingerprint", "note", "time_zone", NULL};

static int put_number(struct import_row *line, enum column c, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	if (line->cells[c].n == 0 || str_parse_i64(line->cells[c], min, max, ret))
		return 0;
	line->at = c;
	return err_set(err, -EINVAL, "source.cell_number", ARG_I64("min", min), ARG_I64("max", max));
}

/* Index of a word, 0 when the cell is empty. */
static int put_word(struct import_row *line, enum column c, const char *const *words, int *ret, struct err *err)
{
	if (line->cells[c].n == 0)
		return 0;
	for (int i = 0; words[i] != NULL; i++)
		if (str_eq_nocase(line->cells[c], str_c(words[i]))) {
			*ret = i;
			return 0;
		}
	line->at = c;
	return err_set(err, -EINVAL, "source.cell_word", ARG_STR("value", line->cells[c]));
}

static int put_cells(const struct import_work *w, struct import_row *line, struct source_row *row, struct err *err)
{
	int kind = -1;
	int r = put_number(line, COLUMN_LEVEL, 0, SOURCE_LEVEL_MAX, &row->system_level, err);
	if (r >= 0)
		r = put_number(line, COLUMN_SILENCE, SOURCE_SILENCE_MIN, SOURCE_SILENCE_MAX, &row->silence_s, err);
	if (r >= 0)
		r = put_number(line, COLUMN_RATE, 0, SOURCE_RATE_MAX, &row->rate_per_s, err);
	if (r >= 0)
		r = put_word(line, COLUMN_KIND, source_kinds, &kind, err);
	if (r >= 0)
		r = put_word(line, COLUMN_FORMAT, source_formats, &row->format, err);
	if (r < 0)
		return r;
	const struct {
		enum column c;
		struct str *to;
	} texts[] = {{COLUMN_NAME, &row->name}, {COLUMN_ADDRESSES, &row->addresses}, {COLUMN_SYSTEM, &row->system_name},
	             {COLUMN_FINGERPRINT, &row->fingerprint}, {COLUMN_NOTE, &row->note}, {COLUMN_ZONE, &row->time_zone}};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (line->cells[texts[i].c].n > 0)
			*texts[i].to = line->cells[texts[i].c];
	if (kind >= 0)
		row->kind = str_c(source_kinds[kind]);
	line->at = COLUMN_NAME;
	r = api_typed_text(w->req, &row->note, err);
	return r < 0 ? r : source_check(w->arena, row, err);
}

static int do_row(const struct import_work *w, struct import_row *line, struct err *err)
{
	struct source_row before, row = {.enabled = true, .kind = str_c(source_kinds[0])};
	struct str name = line->cells[COLUMN_NAME];
	struct uuid id, unit;
	line->at = COLUMN_NAME;
	int r = api_typed_text(w->req, &name, err);
	int found = r < 0 ? r : source_db_find(w->tx, name, &id, err);
	if (found > 0 && (r = source_db_get(w->tx, w->arena, &id, &before, err)) >= 0) {
		row = before;
		r = api_require_unit(w->tx, w->req, "source.write", &before.unit_id, err);
	}
	if (found < 0 || r < 0)
		return found < 0 ? found : r;
	line->at = COLUMN_UNIT;
	r = unit_find(w->tx, line->cells[COLUMN_UNIT], &unit, err);
	if (r >= 0)
		r = api_require_unit(w->tx, w->req, "source.write", &unit, err);
	if (r < 0)
		return r;
	row.unit_id = unit;
	r = put_cells(w, line, &row, err);
	if (r < 0)
		return r;
	line->fate = found <= 0 ? IMPORT_CREATED : source_same(&before, &row) ? IMPORT_UNCHANGED : IMPORT_CHANGED;
	if (line->fate == IMPORT_UNCHANGED)
		return 0;
	return found > 0 ? source_change(w->tx, w->req->service, w->req->access, &before, &row, err)
	                 : source_create(w->tx, w->req->service, w->req->access, &row, err);
}

static const struct import_blame blame[] = {{"source.name", COLUMN_NAME},
                                            {"event.bad_address", COLUMN_ADDRESSES},
                                            {"source.everybody", COLUMN_ADDRESSES},
                                            {"source.address_taken", COLUMN_ADDRESSES},
                                            {"source.no_match", COLUMN_ADDRESSES},
                                            {"source.too_many_addresses", COLUMN_ADDRESSES},
                                            {"source.fingerprint", COLUMN_FINGERPRINT},
                                            {"source.fingerprint_taken", COLUMN_FINGERPRINT},
                                            {"source.time_zone", COLUMN_ZONE},
                                            {.key = NULL}};
static const unsigned shown[] = {COLUMN_NAME, COLUMN_ADDRESSES};
static const struct import_kind sources = {.room = "source", .columns = column_names, .needed = COLUMNS_NEEDED, .rows_max = ROWS_MAX,
                                           .blame = blame, .shown = shown, .shown_count = ARRAY_LEN(shown), .row = do_row};

int source_post_sheet(struct api_request *req, struct http_response *res, struct err *err)
{
	bool applied;
	int r = import_sheet(&sources, req, res, &applied, err);
	if (r >= 0 && applied && req->service->snapshot_changed != NULL)
		req->service->snapshot_changed(req->service->snapshot_changed_ctx);
	return r;
}
