/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What belongs together in one transaction: row, claims, audit record, event. */
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/source/source_internal.h"

static void describe(const struct source_row *row, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	api_member_uuid(&w, "id", &row->id);
	api_member_uuid(&w, "unit_id", &row->unit_id);
	json_member_str(&w, "name", row->name);
	json_member_str(&w, "system_name", row->system_name);
	json_member_int(&w, "system_level", row->system_level);
	json_member_str(&w, "addresses", row->addresses);
	json_member_str(&w, "fingerprint", row->fingerprint);
	api_member_uuid(&w, "token_id", &row->token_id);
	json_member_cstr(&w, "format", source_formats[row->format]);
	json_member_str(&w, "time_zone", row->time_zone);
	json_member_str(&w, "retention", row->retention);
	json_member_int(&w, "rate_per_s", row->rate_per_s);
	json_member_int(&w, "silence_s", row->silence_s);
	json_member_bool(&w, "enabled", row->enabled);
	json_object_end(&w);
}

static int tell(struct db_tx *tx, const struct service_context *sc, const struct access *access, const struct source_row *row,
                const char *action, const char *event_name, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(32768);
	describe(row, &json);
	struct audit_entry entry = {.action = action, .object_type = "source", .object_id = row->id, .unit_id = row->unit_id,
	                            .details = buf_str(&json)};
	struct service_event event = {.name = event_name, .unit_id = row->unit_id, .permission = "source.read", .json = buf_str(&json)};
	int r = audit_write(tx, access, sc->now(), &entry, err);
	return r < 0 ? r : outbox_write(tx, &event, err);
}

static int claim(struct db_tx *tx, struct arena *arena, const struct source_row *row, char kind, struct str value, const char *taken,
                 const char *field, struct err *err)
{
	struct str other;
	if (value.n == 0)
		return 0;
	int r = source_db_claim(tx, arena, &row->id, arena_printf(arena, "%c:%.*s", kind, STR_FMT(value)), &other, err);
	if (r <= 0)
		return r;
	r = err_set(err, -EEXIST, taken, ARG_STR("value", value), ARG_STR("name", other));
	/* The form shows it beside its field. */
	return err == NULL ? r : err_at(err, str_c(field));
}

/* Only what is enabled claims. */
static int claim_all(struct db_tx *tx, const struct source_row *row, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	char token[UUID_TEXT_SIZE];
	struct str rest = row->addresses, one;
	int r = source_db_unclaim(tx, &row->id, err);
	if (r < 0 || !row->enabled)
		return r;
	while (r >= 0 && rest.n > 0 && str_split(&rest, '\n', &one))
		r = claim(tx, arena, row, 'a', one, "source.address_taken", "/addresses", err);
	if (r >= 0)
		r = claim(tx, arena, row, 'c', row->fingerprint, "source.fingerprint_taken", "/fingerprint", err);
	if (r >= 0 && !uuid_is_null(&row->token_id))
		r = claim(tx, arena, row, 't', str_c(uuid_text(&row->token_id, token)), "source.token_taken", "/token_id", err);
	return r;
}

static int check_refs(struct db_tx *tx, const struct source_row *row, struct err *err)
{
	struct uuid other;
	int r = source_db_find(tx, row->name, &other, err);
	if (r > 0 && !uuid_eq(&other, &row->id))
		return err_set(err, -EEXIST, "source.name_taken", ARG_STR("name", row->name));
	if (r >= 0 && row->retention.n > 0 && (r = source_db_class_exists(tx, row->retention, err)) == 0)
		return err_set(err, -EINVAL, "source.retention_unknown", ARG_STR("value", row->retention));
	if (r >= 0 && !uuid_is_null(&row->token_id) && (r = source_db_token_exists(tx, &row->token_id, err)) == 0)
		return err_set(err, -EINVAL, "source.token_unknown");
	return r < 0 ? r : 0;
}

int source_create(struct db_tx *tx, const struct service_context *sc, const struct access *access, struct source_row *row,
                  struct err *err)
{
	row->id = uuid_new();
	row->created_at = row->enabled_at = sc->now();
	row->version = 1;
	int r = check_refs(tx, row, err);
	if (r >= 0)
		r = source_db_insert(tx, row, err);
	if (r >= 0)
		r = claim_all(tx, row, err);
	return r < 0 ? r : tell(tx, sc, access, row, "source.create", "source.created", err);
}

int source_change(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct source_row *before, struct source_row *row, struct err *err)
{
	/* What is switched on, or may be silent for another time, has that long from now. */
	if (row->enabled && (!before->enabled || row->silence_s != before->silence_s))
		row->enabled_at = sc->now();
	row->version = before->version + 1;
	int r = check_refs(tx, row, err);
	if (r >= 0)
		r = source_db_update(tx, row, err);
	if (r >= 0)
		r = claim_all(tx, row, err);
	return r < 0 ? r : tell(tx, sc, access, row, "source.change", "source.changed", err);
}

int source_delete(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct source_row *row, struct err *err)
{
	int r = source_db_unclaim(tx, &row->id, err);
	if (r >= 0)
		r = source_db_delete(tx, &row->id, err);
	return r < 0 ? r : tell(tx, sc, access, row, "source.delete", "source.deleted", err);
}
