/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_report.h"

#include "base/json/json.h"
#include "engine/inventory/inventory.h"

static void member(struct json_writer *w, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		json_member_cstr(w, name, value);
}

static void write_verdict(struct json_writer *w, const struct malware_verdict *v)
{
	json_member_int(w, "file.size", (int64_t)v->size_bytes);
	member(w, "file.hash.sha256", v->sha256_hex);
	member(w, "threat.name", v->threat);
	json_member_cstr(w, "threat.engine", malware_engine_name(v->engine));
	member(w, "rule.name", v->rule);
	member(w, "luytre.archive_member", v->member);
}

int agent_report_add(struct agent_spool *spool, const struct agent_report *r, struct err *err)
{
	struct buf out = BUF_INIT(AGENT_SPOOL_RECORD_MAX);
	struct json_writer w = json_writer_init(&out);
	char at[CLOCK_ISO_SIZE], id_text[UUID_TEXT_SIZE], hostname[256];
	struct uuid id = uuid_new();
	/* A taking that is told twice (a crash in between) is one event: its id is the item's. */
	if (r->quarantine_id != NULL && strcmp(r->action, "quarantined") == 0)
		(void)uuid_parse(str_c(r->quarantine_id), &id);
	inventory_hostname(hostname, sizeof hostname);
	json_object(&w);
	json_member_cstr(&w, "@timestamp", clock_iso(clock_now(), at));
	json_member_cstr(&w, "event.id", uuid_text(&id, id_text));
	json_member_cstr(&w, "event.kind", r->kind);
	json_member_cstr(&w, "event.category", "malware");
	json_member_cstr(&w, "event.action", r->action);
	json_member_cstr(&w, "event.outcome", r->problem != NULL ? "failure" : "success");
	member(&w, "host.name", hostname);
	if (r->path.n > 0)
		json_member_str(&w, "file.path", str_sub(r->path, 0, 8192));
	member(&w, "file.owner", r->owner);
	if (r->verdict != NULL)
		write_verdict(&w, r->verdict);
	member(&w, "quarantine.id", r->quarantine_id);
	member(&w, "luytre.command_id", r->command_id);
	if (r->problem != NULL)
		member(&w, "error.code", r->problem->key);
	if (r->has_counts) {
		json_member_int(&w, "luytre.files", (int64_t)r->files);
		json_member_int(&w, "luytre.found", (int64_t)r->found);
		json_member_int(&w, "luytre.errors", (int64_t)r->errors);
	}
	json_object_end(&w);
	int code = agent_spool_append(spool, buf_str(&out), NULL, err);
	buf_done(&out);
	return code;
}
