/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules: severities, the life of an alert, what belongs together. No SQL, no HTTP. */
#include "base/text/text.h"
#include "platform/crypto/crypto.h"
#include "service/alert/alert_internal.h"

static const char *const severity_names[ALERT_SEVERITY__COUNT] = {
	[ALERT_SEVERITY_LOW] = "low",
	[ALERT_SEVERITY_MEDIUM] = "medium",
	[ALERT_SEVERITY_HIGH] = "high",
	[ALERT_SEVERITY_CRITICAL] = "critical",
};

static const char *const state_names[ALERT_STATE__COUNT] = {
	[ALERT_STATE_NEW] = "new",
	[ALERT_STATE_ACKNOWLEDGED] = "acknowledged",
	[ALERT_STATE_CLOSED] = "closed",
};

const char *const alert_resolutions[] = {"true_positive", "false_positive", "duplicate", "test", NULL};

static int index_of(struct str name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		if (str_eq_c(name, names[i]))
			return i;
	}
	return -1;
}

const char *alert_severity_name(enum alert_severity severity)
{
	return severity_names[severity];
}

bool alert_severity_parse(struct str name, enum alert_severity *ret)
{
	int i = index_of(name, severity_names, ALERT_SEVERITY__COUNT);
	if (i >= 0)
		*ret = (enum alert_severity)i;
	return i >= 0;
}

const char *alert_state_name(enum alert_state state)
{
	return state_names[state];
}

bool alert_state_parse(struct str name, enum alert_state *ret)
{
	int i = index_of(name, state_names, ALERT_STATE__COUNT);
	if (i >= 0)
		*ret = (enum alert_state)i;
	return i >= 0;
}

#define NO -1
#define TO(state) ALERT_STATE_##state
static const int steps[ALERT_STATE__COUNT][ALERT_STEP__COUNT] = {
	/*                              ACKNOWLEDGE       ASSIGN            CLOSE       REOPEN            RELEASE */
	[ALERT_STATE_NEW]          = {TO(ACKNOWLEDGED), TO(NEW),          TO(CLOSED), NO,               NO},
	[ALERT_STATE_ACKNOWLEDGED] = {NO,               TO(ACKNOWLEDGED), TO(CLOSED), NO,               TO(NEW)},
	[ALERT_STATE_CLOSED]       = {NO,               NO,               NO,         TO(ACKNOWLEDGED), NO},
};

bool alert_step(enum alert_state from, enum alert_step step, enum alert_state *ret)
{
	int to = steps[from][step];
	if (to == NO)
		return false;
	*ret = (enum alert_state)to;
	return true;
}

struct str alert_title(const struct service_context *sc, enum msg_lang lang, struct arena *arena, struct str title,
                       struct str threat)
{
	if (threat.n == 0 || !str_eq(title, threat))
		return title;
	cleanup_buf struct buf text = BUF_INIT(8192);
	msg_append(sc->messages, lang, "alert.title_malware", ARGS(ARG_STR("threat", threat)), &text);
	return arena_str(arena, buf_str(&text));
}

int alert_record_check(const struct alert_record *record, struct err *err)
{
	const struct {
		const char *name;
		struct str value;
		size_t min, max;
	} fields[] = {
		{"key", record->key, 1, ALERT_KEY_MAX},       {"rule_id", record->rule_id, 1, 200},
		{"title", record->title, 1, 1000},            {"first_event_id", record->first_event_id, 0, 200},
		{"threat", record->threat, 0, 500},           {"path", record->path, 0, 16384},
		{"sha256", record->sha256, 0, 64},            {"engine", record->engine, 0, 64},
		{"rule_name", record->rule_name, 0, 500},     {"action", record->action, 0, 64},
		{"quarantine_id", record->quarantine_id, 0, 128}, {"raw", record->raw, 0, ALERT_RAW_MAX},
		{"kind", record->kind, 0, 40},                {"entity", record->entity, 0, 1000},
		{"tags", record->tags, 0, 4000},              {"why", record->why, 0, ALERT_RAW_MAX},
		{"rule_file", record->rule_file, 0, 500},     {"rule_hash", record->rule_hash, 0, 64},
		{"description", record->description, 0, 8000}, {"source", record->source, 0, 500},
		{"host", record->host, 0, 500},
	};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct str v = fields[i].value;
		if (v.n < fields[i].min || v.n > fields[i].max || !text_is_utf8(v))
			return err_set(err, -EINVAL, "alert.bad_record", ARG_CSTR("field", fields[i].name));
	}
	if (uuid_is_null(&record->endpoint_id) && uuid_is_null(&record->unit_id))
		return err_set(err, -EINVAL, "alert.bad_record", ARG_CSTR("field", "unit_id"));
	if (record->severity < 0 || record->severity >= ALERT_SEVERITY__COUNT)
		return err_set(err, -EINVAL, "alert.bad_record", ARG_CSTR("field", "severity"));
	return 0;
}

struct str alert_group_key(struct arena *arena, const struct alert_record *record)
{
	bool ours = !uuid_is_null(&record->endpoint_id), by_threat = record->threat.n > 0;
	char id[UUID_TEXT_SIZE];
	(void)uuid_text(ours ? &record->endpoint_id : &record->unit_id, id);
	/* Of a threat every file on the machine is one alert; machines that have no agent are told apart by their names. */
	if (by_threat)
		return arena_printf(arena, "%s|%.*s|threat|%.*s", id, ours ? 0 : (int)record->host.n, record->host.p, STR_FMT(record->threat));
	return arena_printf(arena, "%s|%.*s|rule|%.*s|%.*s", id, ours ? 0 : (int)record->host.n, record->host.p, STR_FMT(record->rule_id),
	                    STR_FMT(record->entity));
}

struct str alert_technique(struct arena *arena, struct str tags)
{
	struct str tag;
	while (str_split(&tags, '\n', &tag)) {
		if (!str_starts_with(tag, STR("attack.t")) || (tag.n != 12 && tag.n != 16))
			continue;
		struct str id = str_sub(tag, 7, tag.n);
		bool digits = true;
		for (size_t i = 1; i < id.n; i++)
			digits = digits && (i == 5 ? id.p[i] == '.' : id.p[i] >= '0' && id.p[i] <= '9');
		if (digits)
			return arena_printf(arena, "T%.*s", STR_FMT(str_sub(id, 1, id.n)));
	}
	return STR_EMPTY;
}

int64_t alert_record_events(const struct alert_record *record)
{
	return record->count > 0 ? record->count : 1;
}

void alert_write_why(const struct alert_record *record, struct json_writer *w)
{
	/* Names as in the event, so that they can be searched for. */
	const struct {
		const char *field;
		struct str value;
	} reasons[] = {
		{"rule.name", record->rule_name.n > 0 ? record->rule_name : record->rule_id},
		{"threat.name", record->threat},
		{"threat.engine", record->engine},
		{"file.path", record->path},
		{"file.hash.sha256", record->sha256},
		{"event.action", record->action},
	};
	if (record->why.n > 0) {
		json_raw(w, record->why);
		return;
	}
	json_array(w);
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].value.n == 0)
			continue;
		json_object(w);
		json_member_cstr(w, "field", reasons[i].field);
		json_member_str(w, "value", reasons[i].value);
		json_object_end(w);
	}
	json_array_end(w);
}
