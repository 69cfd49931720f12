/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Queries of the alert page. */
#include "service/alert/alert_detail.h"

struct found {
	struct str title, happened, matters, steps, incident;
	bool is;
};

static int find_text(struct db_tx *tx, const struct api_request *req, enum alert_text_kind kind, struct str id, struct found *ret,
                     struct err *err)
{
	bool vi = req->access->lang == MSG_LANG_VI;
	cleanup_rows struct db_rows *rows = NULL;
	*ret = (struct found){.is = false};
	if (id.n == 0)
		return 0;
	int r = db_query(tx, &rows, err,
	                 "SELECT title_vi, title_en, happened_vi, happened_en, matters_vi, matters_en, steps_vi, steps_en, incident"
	                 " FROM alert_text WHERE kind = $1 AND id = $2",
	                 DB_INT(kind), DB_TEXT(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	unsigned lang = vi ? 0 : 1;
	*ret = (struct found){arena_str(req->arena, db_text(rows, lang)),     arena_str(req->arena, db_text(rows, 2 + lang)),
	                      arena_str(req->arena, db_text(rows, 4 + lang)), arena_str(req->arena, db_text(rows, 6 + lang)),
	                      arena_str(req->arena, db_text(rows, 8)),        true};
	return 1;
}

/* The technique's entry, or that of the technique it is a part of. */
static int find_technique(struct db_tx *tx, const struct api_request *req, struct str technique, struct found *ret, struct err *err)
{
	int r = find_text(tx, req, ALERT_TEXT_TECHNIQUE, technique, ret, err);
	return r != 0 || technique.n <= 5 ? r : find_text(tx, req, ALERT_TEXT_TECHNIQUE, str_sub(technique, 0, 5), ret, err);
}

static void write_filled(struct json_writer *w, const struct api_request *req, const char *name, struct str text,
                         const struct str values[ALERT_BLANK__COUNT])
{
	cleanup_buf struct buf out = BUF_INIT((size_t)64 << 10);
	alert_text_fill(text, values, req->service->messages, req->access->lang, &out);
	if (name != NULL)
		json_member_str(w, name, buf_str(&out));
	else
		json_str(w, buf_str(&out));
}

static struct str either(struct str first, struct str second)
{
	return first.n > 0 ? first : second;
}

int alert_db_write_text(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct alert_facts *facts,
                        struct err *err)
{
	struct found rule, technique;
	struct str values[ALERT_BLANK__COUNT];
	/* A finding of malware, whoever tells it. */
	struct str rule_id = facts->threat.n > 0 ? STR("malware.agent") : facts->rule_id;
	int r = find_text(tx, req, ALERT_TEXT_RULE, rule_id, &rule, err);
	if (r >= 0)
		r = find_technique(tx, req, facts->technique, &technique, err);
	if (r < 0)
		return r;
	alert_blank_values(req->arena, facts, values);
	struct str steps = either(rule.steps.n > 2 ? rule.steps : STR_EMPTY, technique.steps);
	const struct json *list = NULL;
	if (steps.n > 0 && json_parse(req->arena, steps, NULL, &list, NULL) < 0)
		list = NULL;
	json_name(w, "text");
	json_object(w);
	json_member_cstr(w, "source", rule.is ? "rule" : technique.is ? "technique" : "own");
	json_member_str(w, "technique", facts->technique);
	write_filled(w, req, "title", either(rule.title, technique.title), values);
	/* Of a rule without a text of ours its own words, as they are. */
	if (rule.is || technique.is)
		write_filled(w, req, "happened", either(rule.happened, technique.happened), values);
	else
		json_member_str(w, "happened", either(facts->description, facts->title));
	write_filled(w, req, "matters", either(rule.matters, technique.matters), values);
	json_name(w, "steps");
	json_array(w);
	json_each(step, list) {
		write_filled(w, req, NULL, step->text, values);
	}
	json_array_end(w);
	json_member_str(w, "incident_kind", either(rule.incident, technique.incident));
	json_object_end(w);
	return 0;
}

int alert_db_write_similar(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id,
                           struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	usec_t now = api_now(req);
	int r = db_query(tx, &rows, err,
	                 "SELECT count(*), CAST(COALESCE(sum(a.count), 0) AS BIGINT), count(DISTINCT COALESCE(a.endpoint_id, a.unit_id)),"
	                 " count(DISTINCT a.unit_id) FROM alert a JOIN alert t ON t.id = $4"
	                 " WHERE a.threat = t.threat AND (t.threat <> '' OR a.rule_id = t.rule_id) AND a.last_at >= $5"
	                 " AND a.id <> t.id AND" ACCESS_UNIT_SCOPE("a.unit_id", "$1", "$2", "$3"),
	                 DB_UUID(&req->access->account_id), DB_CSTR("alert.read"), DB_INT(now), DB_UUID(id),
	                 DB_INT(now - 30 * USEC_PER_DAY));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	json_name(w, "similar_30d");
	json_object(w);
	json_member_int(w, "alerts", db_int(rows, 0));
	json_member_int(w, "findings", db_int(rows, 1));
	json_member_int(w, "hosts", db_int(rows, 2));
	json_member_int(w, "units", db_int(rows, 3));
	json_object_end(w);
	return 0;
}

#define CONTACTS "3"
#define PHONE_END 3

int alert_db_write_contacts(struct db_tx *tx, struct json_writer *w, const struct uuid *unit_id,
                            struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	/* Up the tree until somebody is found; unit officers before heads before others. */
	int r = db_query(tx, &rows, err,
	                 "SELECT p.id, p.display_name, p.position, p.phone, wu.name,"
	                 " min(CASE g.role WHEN 'unit_officer' THEN 0 WHEN 'leader' THEN 1 ELSE 2 END) AS rank"
	                 " FROM unit u JOIN unit wu ON substr(u.path, 1, length(wu.path)) = wu.path"
	                 " JOIN account p ON p.unit_id = wu.id LEFT JOIN account_grant g ON g.account_id = p.id"
	                 " WHERE u.id = $1 AND p.disabled = 0 AND p.kind = 'person'"
	                 " GROUP BY p.id, p.display_name, p.position, p.phone, wu.name, wu.path"
	                 " ORDER BY length(wu.path) DESC, rank, p.display_name, p.id LIMIT " CONTACTS,
	                 DB_UUID(unit_id));
	json_name(w, "contacts");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		struct str phone = db_text(rows, 3);
		json_object(w);
		api_member_uuid(w, "id", &id);
		json_member_str(w, "name", db_text(rows, 1));
		json_member_str(w, "position", db_text(rows, 2));
		json_member_str(w, "unit", db_text(rows, 4));
		json_member_str(w, "phone_end", phone.n > 2 * PHONE_END ? str_sub(phone, phone.n - PHONE_END, phone.n) : STR_EMPTY);
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}

int alert_db_get_asked(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret_why, struct str *ret_host, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT why, host FROM alert WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	*ret_why = r > 0 ? arena_str(arena, db_text(rows, 0)) : STR_EMPTY;
	*ret_host = r > 0 ? arena_str(arena, db_text(rows, 1)) : STR_EMPTY;
	return r < 0 ? r : 0;
}
