/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Units from a spreadsheet: one row. The rest is service/import. */
#include "service/import/import.h"
#include "service/unit/unit_internal.h"

#define ROWS_MAX 20000

enum column { COLUMN_CODE, COLUMN_KIND, COLUMN_NAME, COLUMN_PARENT, COLUMN__COUNT };
static const char *const column_names[] = {"code", "kind", "name", "parent", NULL};

static int create(const struct import_work *w, struct import_row *line, const struct uuid *parent, struct err *err)
{
	struct uuid id;
	const struct unit_new n = {.code = line->cells[COLUMN_CODE], .kind = line->cells[COLUMN_KIND],
	                           .name = line->cells[COLUMN_NAME], .parent_id = *parent};
	line->fate = IMPORT_CREATED;
	if (uuid_is_null(parent))
		return err_set(err, -EINVAL, "unit.parent_missing", ARG_STR("kind", n.kind));
	int r = api_require_unit(w->tx, w->req, "unit.manage", parent, err);
	return r < 0 ? r : unit_create(w->req->service, w->tx, w->req->access, &n, &id, err);
}

static int change(const struct import_work *w, struct import_row *line, const struct uuid *id, const struct uuid *parent,
                  struct err *err)
{
	struct unit_row before;
	struct unit_change c = {.kind = line->cells[COLUMN_KIND], .name = line->cells[COLUMN_NAME]};
	int r = api_require_visible(w->tx, w->req, "unit.read", id, err);
	if (r >= 0)
		r = api_require_unit(w->tx, w->req, "unit.manage", id, err);
	if (r >= 0)
		r = unit_db_get(w->tx, w->arena, id, &before, err);
	if (r < 0)
		return r;
	/* An empty cell leaves the unit where it is. */
	c.has_parent = !uuid_is_null(parent) && !uuid_eq(parent, &before.parent_id);
	c.parent_id = *parent;
	line->fate = IMPORT_UNCHANGED;
	if (!c.has_parent && str_eq(c.kind, before.kind) && str_eq(c.name, before.name))
		return 0;
	line->fate = IMPORT_CHANGED;
	r = c.has_parent ? api_require_unit(w->tx, w->req, "unit.manage", parent, err) : 0;
	return r < 0 ? r : unit_change(w->req->service, w->tx, w->arena, w->req->access, &before, &c, err);
}

static int do_row(const struct import_work *w, struct import_row *line, struct err *err)
{
	struct uuid id = {{0}}, parent = {{0}};
	struct str above = line->cells[COLUMN_PARENT];
	line->at = COLUMN_NAME;
	int r = api_typed_text(w->req, &line->cells[COLUMN_NAME], err);
	if (r < 0)
		return r;
	line->at = COLUMN_PARENT;
	if (above.n > 0 && (r = unit_find(w->tx, above, &parent, err)) < 0)
		return r;
	r = unit_find(w->tx, line->cells[COLUMN_CODE], &id, err);
	if (r == -ENOENT)
		return create(w, line, &parent, err);
	line->at = COLUMN_CODE;
	return r < 0 ? r : change(w, line, &id, &parent, err);
}

static const struct import_blame blame[] = {{"unit.name", COLUMN_NAME},         {"unit.code", COLUMN_CODE},        {"unit.code_taken", COLUMN_CODE},
                                            {"unit.kind_unknown", COLUMN_KIND}, {"unit.parent_kind", COLUMN_KIND}, {.key = NULL}};
static const unsigned shown[] = {COLUMN_CODE, COLUMN_NAME};
static const struct import_kind units = {.room = "unit", .columns = column_names, .needed = COLUMN__COUNT, .rows_max = ROWS_MAX, .blame = blame,
                                         .shown = shown, .shown_count = ARRAY_LEN(shown), .row = do_row};

int unit_post_sheet(struct api_request *req, struct http_response *res, struct err *err)
{
	bool applied;
	return import_sheet(&units, req, res, &applied, err);
}
