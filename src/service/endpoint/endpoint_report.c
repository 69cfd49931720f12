/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A check-in: from the wire to the rows, and what follows from it. */
#include "service/endpoint/endpoint_isolation_internal.h"
#include "service/outbox/outbox.h"

#define ANSWERS_MAX 200
#define ANSWER_MAX ((size_t)64 << 10)
#define FACTS_MAX ((size_t)32 << 10)

/* Change at every check-in without saying anything about the machine's state. */
static const char *const restless[] = {"spool_events", "last_scan_at", "clock_offset_s", "health", NULL};

static bool is_restless(struct str name)
{
	for (size_t i = 0; restless[i] != NULL; i++) {
		if (str_eq_c(name, restless[i]))
			return true;
	}
	return false;
}

static struct str tree_text(struct arena *arena, const struct json *tree, size_t limit, bool quiet_only)
{
	struct buf out = BUF_INIT(limit);
	struct json_writer w = json_writer_init(&out);
	if (!quiet_only || tree == NULL || tree->type != JSON_OBJECT) {
		if (tree != NULL)
			json_tree(&w, tree);
	} else {
		json_object(&w);
		json_each(member, tree) {
			if (is_restless(member->name))
				continue;
			json_name_str(&w, member->name);
			json_tree(&w, member);
		}
		json_object_end(&w);
	}
	struct str s = out.overflow || out.n == 0 ? STR("{}") : arena_str(arena, buf_str(&out));
	buf_done(&out);
	return s;
}

/* The version is a number; older agents may send it as text. */
static int64_t version_of(const struct json *v)
{
	int64_t n = 0;
	if (v == NULL)
		return 0;
	if (v->type == JSON_NUMBER && v->is_integer)
		return v->integer > 0 ? v->integer : 0;
	return v->type == JSON_STRING && str_parse_i64(v->text, 0, INT64_MAX, &n) ? n : 0;
}

/* Sums over twenty thousand machines must not overflow because one of them lies. */
static int64_t count_of(const struct json *health, const char *name)
{
	int64_t n = json_get_int(health, name, 0);
	return n < 0 ? 0 : n > INT64_C(1) << 45 ? INT64_C(1) << 45 : n;
}

static int read_answers(struct arena *arena, const struct json *list, struct endpoint_report *ret, struct err *err)
{
	if (list == NULL || list->type != JSON_ARRAY || list->count == 0)
		return 0;
	if (list->count > ANSWERS_MAX)
		return err_set(err, -E2BIG, "endpoint.too_many_answers", ARG_I64("limit", ANSWERS_MAX));
	struct endpoint_answer *answers = ARENA_ARRAY(arena, list->count, struct endpoint_answer);
	if (answers == NULL)
		return err_set(err, -E2BIG, "endpoint.too_many_answers", ARG_I64("limit", ANSWERS_MAX));
	json_each(item, list) {
		struct endpoint_answer *a = &answers[ret->answer_count];
		if (!uuid_parse(json_get_str(item, "command_id", STR_EMPTY), &a->command_id))
			return err_set(err, -EINVAL, "endpoint.bad_answer");
		a->ok = json_get_bool(item, "ok", false);
		a->result_json = tree_text(arena, json_get(item, "result"), ANSWER_MAX, false);
		ret->answer_count++;
	}
	ret->answers = answers;
	return 0;
}

int endpoint_report_read(struct arena *arena, const struct json *body, struct endpoint_report *ret, struct err *err)
{
	const struct json *protection = json_get(body, "protection");
	const struct json *inventory = json_get(body, "inventory"), *health = json_get(protection, "health");
	*ret = (struct endpoint_report){
		.agent_version = str_sub(json_get_str(body, "agent_version", STR_EMPTY), 0, 64),
		.boot_id = str_sub(json_get_str(body, "boot_id", STR_EMPTY), 0, 128),
		.inventory_hash = str_sub(json_get_str(body, "inventory_hash", STR_EMPTY), 0, 128),
		.inventory = inventory != NULL && inventory->type == JSON_OBJECT ? inventory : NULL,
		.protection = {.bundle_version = version_of(json_get(protection, "bundle_version")),
	                       .watch_mode = str_sub(json_get_str(protection, "watch_mode", STR_EMPTY), 0, 32),
	                       .scanner = str_sub(json_get_str(protection, "scanner", STR_EMPTY), 0, 32),
	                       .found = count_of(health, "found"),
	                       .crashes = count_of(health, "crashes"),
	                       .files = count_of(health, "files"),
	                       .scan_us = count_of(health, "scan_us")},
		.facts_json = tree_text(arena, protection, FACTS_MAX, true),
		.sings = json_get_bool(protection, "canary", false),
		.isolation = json_get(protection, "isolation"),
	};
	return read_answers(arena, json_get(body, "answered"), ret, err);
}

int endpoint_emit_changed(struct db_tx *tx, const struct uuid *id, const struct uuid *unit_id, struct str hostname,
                          struct endpoint_judgement judgement, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&json);
	char text[UUID_TEXT_SIZE];
	json_object(&w);
	json_member_cstr(&w, "id", uuid_text(id, text));
	json_member_cstr(&w, "unit_id", uuid_text(unit_id, text));
	json_member_str(&w, "hostname", hostname);
	json_member_cstr(&w, "state", endpoint_state_name(judgement.state));
	json_member_cstr(&w, "state_reason_key", judgement.reason);
	json_object_end(&w);
	struct service_event e = {
		.name = "endpoint.changed", .unit_id = *unit_id, .permission = "endpoint.read", .json = buf_str(&json)};
	return outbox_write(tx, &e, err);
}

static int emit_answered(struct db_tx *tx, const struct endpoint_row *row, const struct endpoint_answer *a, int64_t type,
                         struct str quarantine_id, usec_t now, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(2 * ANSWER_MAX);
	struct json_writer w = json_writer_init(&json);
	char text[UUID_TEXT_SIZE];
	bool known = type >= 0 && type < ENDPOINT_COMMAND__COUNT;
	json_object(&w);
	json_member_cstr(&w, "id", uuid_text(&a->command_id, text));
	json_member_cstr(&w, "endpoint_id", uuid_text(&row->id, text));
	json_member_cstr(&w, "unit_id", uuid_text(&row->unit_id, text));
	json_member_cstr(&w, "type", known ? endpoint_command_name((enum endpoint_command_type)type) : "");
	json_member_str(&w, "quarantine_id", quarantine_id);
	json_member_bool(&w, "ok", a->ok);
	json_name(&w, "result");
	json_raw(&w, a->result_json);
	json_object_end(&w);
	int r = endpoint_db_timeline_add(tx, &row->id, now, "command", buf_str(&json), err);
	struct service_event e = {.name = "endpoint.command_answered", .unit_id = row->unit_id,
	                          .permission = "endpoint.read", .json = buf_str(&json)};
	return r < 0 ? r : outbox_write(tx, &e, err);
}

static int apply_answers(struct db_tx *tx, struct arena *arena, const struct endpoint_row *row,
                         const struct endpoint_report *report, usec_t now, struct err *err)
{
	for (size_t i = 0; i < report->answer_count; i++) {
		int64_t type = -1;
		struct str quarantine_id = STR_EMPTY;
		int r = endpoint_db_command_answer(tx, arena, &row->id, &report->answers[i], now, &type, &quarantine_id, err);
		if (r > 0)
			r = emit_answered(tx, row, &report->answers[i], type, quarantine_id, now, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int apply_inventory(struct db_tx *tx, struct arena *arena, const struct endpoint_row *row,
                           const struct endpoint_report *report, usec_t now, struct err *err)
{
	struct endpoint_description description = {.has_addresses = false};
	struct str json = tree_text(arena, report->inventory, ENDPOINT_INVENTORY_MAX, false);
	int r = endpoint_db_store_inventory(tx, &row->id, report->inventory_hash, json, now, err);
	if (r < 0)
		return r;
	endpoint_describe(arena, report->inventory, &description);
	struct str hostname = str_sub(json_get_str(report->inventory, "hostname", STR_EMPTY), 0, 255);
	return endpoint_db_describe(tx, row, &description, hostname, err);
}

int endpoint_note_state(struct db_tx *tx, const struct endpoint_row *row, struct endpoint_judgement to, usec_t now,
                        struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(1024);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	json_member_cstr(&w, "from", endpoint_state_name(row->state));
	json_member_cstr(&w, "to", endpoint_state_name(to.state));
	json_member_cstr(&w, "reason_key", to.reason);
	json_object_end(&w);
	int r = endpoint_db_timeline_add(tx, &row->id, now, "state", buf_str(&json), err);
	return r < 0 ? r : endpoint_emit_changed(tx, &row->id, &row->unit_id, row->hostname, to, err);
}

int endpoint_report_apply(struct db_tx *tx, struct arena *arena, const struct uuid *id,
                          const struct endpoint_policy *policy, const struct endpoint_report *report, usec_t now,
                          struct endpoint_plan *ret_plan, struct err *err)
{
	struct endpoint_row row;
	int r = endpoint_db_get(tx, arena, id, &row, err);
	if (r < 0)
		return r;
	struct endpoint_plan plan = endpoint_plan_checkin(&row, policy, report, now);
	plan.write |= ret_plan->write; /* what the caller has found besides */
	*ret_plan = plan;
	if (!plan.write)
		return 0;
	r = endpoint_db_checkin(tx, &row, report, &plan, now, err);
	if (r >= 0)
		r = apply_answers(tx, arena, &row, report, now, err);
	if (r >= 0 && plan.store_inventory)
		r = apply_inventory(tx, arena, &row, report, now, err);
	if (r >= 0 && plan.state_changed)
		r = endpoint_note_state(tx, &row, plan.judgement, now, err);
	if (r >= 0 && row.isolation != 0) {
		struct endpoint_isolation_word word;
		endpoint_isolation_read_word(arena, report->isolation, &word);
		r = endpoint_isolation_take_word(tx, arena, &row, &word, now, err);
	}
	if (r >= 0 && plan.clone)
		r = endpoint_db_timeline_add(tx, &row.id, now, "clone", STR("{}"), err);
	return r;
}
