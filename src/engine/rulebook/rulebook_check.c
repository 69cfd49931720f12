/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One file of rules, compiled for real and tried on events. */
#include "engine/event/event_parse.h"
#include "engine/rulebook/rulebook_internal.h"

static void write_rules(struct json_writer *w, const struct sigma_ruleset *set)
{
	json_name(w, "rules");
	json_array(w);
	for (uint32_t i = 0; i < sigma_ruleset_count(set); i++) {
		const struct sigma_info info = sigma_ruleset_rule(set, i);
		json_object(w);
		json_member_str(w, "id", info.id);
		rulebook_write_info(w, &info);
		json_member_cstr(w, "kind", info.is_correlation ? "correlation" : "rule");
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_refusals(struct json_writer *w, const struct sigma_loader *loader)
{
	json_name(w, "refused");
	json_array(w);
	for (size_t i = 0; i < sigma_loader_refused_count(loader); i++)
		rulebook_write_error(w, &sigma_loader_refused(loader, i)->err);
	json_array_end(w);
}

static enum event_format format_of(struct str raw)
{
	return str_starts_with(raw, STR("{")) ? EVENT_FORMAT_JSON : str_starts_with(raw, STR("<")) ? EVENT_FORMAT_SYSLOG : EVENT_FORMAT_TEXT;
}

int rulebook_event_json(struct arena *arena, struct str raw, struct str *ret, struct err *err)
{
	enum event_format format = format_of(raw);
	struct event event;
	*ret = raw;
	if (format == EVENT_FORMAT_JSON)
		return 0;
	int r = event_parse(arena, format, raw, &event, err);
	if (r >= 0)
		*ret = event_json(arena, format, &event);
	return r;
}

/* The event's own answer; what is wrong with it is part of that. */
static void write_result(struct json_writer *w, struct sigma_matcher *m, const struct sigma_ruleset *set, struct str raw)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	cleanup_buf struct buf why = BUF_INIT((size_t)1 << 20);
	struct err err = {0};
	struct str json;
	const struct sigma_match *matches = NULL;
	int n = rulebook_event_json(arena, str_trim(raw), &json, &err);
	if (n >= 0)
		n = sigma_matcher_run(m, json, &matches, &err);
	json_object(w);
	json_name(w, "matches");
	json_array(w);
	for (int i = 0; i < n; i++)
		json_str(w, sigma_ruleset_rule(set, matches[i].rule).title);
	json_array_end(w);
	json_name(w, "explain");
	/* Of the rule that matched, or of the first. */
	uint32_t rule = n > 0 ? matches[0].rule : 0;
	if (n >= 0 && sigma_ruleset_count(set) > 0 && sigma_explain(m, rule, json, &why, &err) >= 0 && !why.overflow)
		json_raw(w, buf_str(&why));
	else
		json_null(w);
	json_name(w, "error");
	if (n < 0)
		rulebook_write_error(w, &err);
	else
		json_null(w);
	json_object_end(w);
}

static void write_results(struct json_writer *w, struct sigma_ruleset *set, const struct json *events)
{
	cleanup(sigma_matcher) struct sigma_matcher *m = sigma_matcher_new(set, NULL);
	size_t n = 0;
	json_name(w, "results");
	json_array(w);
	json_each(event, events)
		if (n++ < RULEBOOK_EVENTS_MAX)
			write_result(w, m, set, event->text);
	json_array_end(w);
}

int rulebook_check(const struct rulebook_input *in, struct buf *out, struct err *err)
{
	struct sigma_ruleset *set = NULL;
	if (in->payload.n > RULEBOOK_RULE_MAX)
		return err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", RULEBOOK_RULE_MAX >> 20));
	cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(NULL);
	int r = sigma_loader_add_text(loader, "rule.yml", in->payload, err);
	if (r >= 0)
		r = sigma_loader_compile(loader, &set, err);
	if (r < 0)
		return r;
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_bool(&w, "ok", sigma_loader_refused_count(loader) == 0 && sigma_ruleset_count(set) > 0);
	json_member_int(&w, "documents", (int64_t)sigma_ruleset_count(set));
	write_rules(&w, set);
	write_refusals(&w, loader);
	write_results(&w, set, json_get(in->head, "events"));
	json_object_end(&w);
	(void)sigma_ruleset_unref(set);
	return out->overflow ? err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", out->max >> 20)) : 0;
}
