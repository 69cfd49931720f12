/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The queue of commands: handed out until answered, answered once. */
#include "service/endpoint/endpoint_internal.h"

int endpoint_command_add(struct db_tx *tx, const struct endpoint_command *command, usec_t now, struct err *err)
{
	int64_t waiting = 0;
	int r = db_query_int(tx, &waiting, err,
	                     "SELECT count(*) FROM endpoint_command WHERE endpoint_id = $1 AND answered_at IS NULL",
	                     DB_UUID(&command->endpoint_id));
	if (r < 0)
		return r;
	if (waiting >= 20 * ENDPOINT_COMMANDS_MAX)
		return err_set(err, -EBUSY, "endpoint.too_many_commands", ARG_I64("count", waiting));
	r = db_exec(tx, err,
	            "INSERT INTO endpoint_command (id, endpoint_id, type, path, quarantine_id, created_by, created_at)"
	            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
	            DB_UUID(&command->id), DB_UUID(&command->endpoint_id), DB_INT(command->type), DB_TEXT(command->path),
	            DB_TEXT(command->quarantine_id), DB_TEXT(command->created_by), DB_INT(now));
	return r < 0 ? r : 0;
}

int endpoint_command_cancel(struct db_tx *tx, const struct uuid *endpoint_id, struct str quarantine_id, struct err *err)
{
	int r = db_exec(tx, err,
	                "DELETE FROM endpoint_command WHERE endpoint_id = $1 AND quarantine_id = $2 AND type <> $3"
	                " AND answered_at IS NULL AND fetched_at IS NULL",
	                DB_UUID(endpoint_id), DB_TEXT(quarantine_id), DB_INT(ENDPOINT_COMMAND_SCAN));
	return r == 0 ? err_set(err, -EBUSY, "endpoint.command_fetched") : r;
}

int endpoint_db_commands_fetched(struct db_tx *tx, const struct uuid *endpoint_id, usec_t now, struct err *err)
{
	/* The same rows that endpoint_db_commands hands out. */
	int r = db_exec(tx, err,
	                "UPDATE endpoint_command SET fetched_at = $2 WHERE fetched_at IS NULL AND id IN (SELECT id FROM"
	                " endpoint_command WHERE endpoint_id = $1 AND answered_at IS NULL ORDER BY created_at, id LIMIT $3)",
	                DB_UUID(endpoint_id), DB_INT(now), DB_INT(ENDPOINT_COMMANDS_MAX));
	return r < 0 ? r : 0;
}

int endpoint_db_commands(struct db_tx *tx, const struct uuid *endpoint_id, struct json_writer *w, unsigned *ret_count,
                         struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, type, path, quarantine_id FROM endpoint_command"
	                 " WHERE endpoint_id = $1 AND answered_at IS NULL ORDER BY created_at, id LIMIT $2",
	                 DB_UUID(endpoint_id), DB_INT(ENDPOINT_COMMANDS_MAX));
	*ret_count = 0;
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		int64_t type = db_int(rows, 1);
		char text[UUID_TEXT_SIZE];
		if (type < 0 || type >= ENDPOINT_COMMAND__COUNT)
			continue;
		json_object(w);
		json_member_cstr(w, "id", uuid_text(&id, text));
		json_member_cstr(w, "type", endpoint_command_name((enum endpoint_command_type)type));
		if (db_text(rows, 2).n > 0)
			json_member_str(w, "path", db_text(rows, 2));
		if (db_text(rows, 3).n > 0)
			json_member_str(w, "quarantine_id", db_text(rows, 3));
		json_object_end(w);
		(*ret_count)++;
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}

int endpoint_db_command_answer(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id,
                               const struct endpoint_answer *answer, usec_t now, int64_t *ret_type,
                               struct str *ret_quarantine_id, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE endpoint_command SET answered_at = $3, ok = $4, result = $5"
	                " WHERE id = $1 AND endpoint_id = $2 AND answered_at IS NULL",
	                DB_UUID(&answer->command_id), DB_UUID(endpoint_id), DB_INT(now), DB_INT(answer->ok),
	                DB_TEXT(answer->result_json));
	if (r <= 0)
		return r;
	cleanup_rows struct db_rows *rows = NULL;
	r = db_query(tx, &rows, err, "SELECT type, quarantine_id FROM endpoint_command WHERE id = $1",
	             DB_UUID(&answer->command_id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	*ret_type = db_int(rows, 0);
	*ret_quarantine_id = arena_str(arena, db_text(rows, 1));
	return 1;
}
