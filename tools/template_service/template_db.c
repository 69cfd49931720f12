/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's rows. Need-to-know is part of each query. */
#include "base/text/text.h"
#include "service/template/template_internal.h"

int template_db_insert(struct db_tx *tx, const struct template_row *row, struct err *err)
{
	cleanup_buf struct buf key = BUF_INIT(16384);
	text_search_key(row->text, &key);
	int r = db_exec(tx, err, "INSERT INTO template (id, unit_id, text, search_key, at) VALUES ($1, $2, $3, $4, $5)",
	                DB_UUID(&row->id), DB_UUID(&row->unit_id), DB_TEXT(row->text), DB_TEXT(buf_str(&key)), DB_INT(row->at));
	return r < 0 ? r : 0;
}

static void write_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	(void)req;
	struct uuid id = db_uuid(rows, 1), unit = db_uuid(rows, API_LIST_FIRST);
	api_member_uuid(w, "id", &id);
	api_member_ref(w, "unit", &unit, db_text(rows, API_LIST_FIRST + 1));
	json_member_str(w, "text", db_text(rows, API_LIST_FIRST + 2));
	api_member_time(w, "at", db_int(rows, API_LIST_FIRST + 3));
}

int template_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"at", "t.at", DB_TYPE_INT, true}, {.name = NULL}};
	static const struct api_list_reply how = {"t.unit_id, u.name, t.text, t.at", "t.id", write_row};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM template t JOIN unit u ON u.id = t.unit_id WHERE 1 = 1");
	api_list_scope(&list, "t.unit_id", req, "template.read");
	api_list_search(&list, req, "t.search_key");
	r = api_list_unit_filter(&list, req, "t.unit_id", err);
	return r < 0 ? r : api_list_answer(req, res, &list, &how, err);
}
