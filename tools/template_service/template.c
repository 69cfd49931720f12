/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules and what belongs together in one transaction. No SQL, no HTTP. */
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/template/template_internal.h"

int template_check(struct str text, struct err *err)
{
	return str_trim(text).n > 0 ? 0 : err_set(err, -EINVAL, "template.empty");
}

static void describe(const struct template_row *row, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	api_member_uuid(&w, "id", &row->id);
	api_member_uuid(&w, "unit_id", &row->unit_id);
	json_member_str(&w, "text", row->text);
	json_object_end(&w);
}

/* The row, the audit line and the event stand or fall together. */
int template_add(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                 const struct uuid *unit_id, struct str text, struct uuid *ret_id, struct err *err)
{
	struct template_row row = {.id = uuid_new(), .unit_id = *unit_id, .text = str_trim(text), .at = sc->now()};
	cleanup_buf struct buf json = BUF_INIT(16384);
	int r = template_check(text, err);
	if (r >= 0)
		r = template_db_insert(tx, &row, err);
	if (r < 0)
		return r;
	describe(&row, &json);
	struct audit_entry entry = {.action = "template.create", .object_type = "template", .object_id = row.id,
	                            .unit_id = row.unit_id, .details = buf_str(&json)};
	struct service_event event = {.name = "template.created", .unit_id = row.unit_id, .permission = "template.read",
	                              .json = buf_str(&json)};
	r = audit_write(tx, access, row.at, &entry, err);
	if (r >= 0)
		r = outbox_write(tx, &event, err);
	*ret_id = row.id;
	return r;
}
