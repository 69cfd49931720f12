/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A rule over a piece of history. Correlations go from piece to piece by the records of their matches. */
#include "base/cursor/cursor.h"
#include "engine/rulebook/rulebook_internal.h"

#define RAW_SHOWN ((size_t)8 << 10)

static struct str take_string(struct cursor *at)
{
	uint64_t n = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		int byte = cursor_next(at);
		if (byte < 0)
			return STR_EMPTY;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return cursor_take(at, (size_t)n);
	}
	at->failed = true;
	return STR_EMPTY;
}

bool rulebook_row_next(struct cursor *at, struct rulebook_row *ret)
{
	if (cursor_at_end(at) || at->failed)
		return false;
	ret->event = take_string(at);
	ret->unit = take_string(at);
	ret->host = take_string(at);
	ret->time_usec = (int64_t)cursor_u64_le(at);
	ret->raw = take_string(at);
	return !at->failed;
}

struct replay {
	struct sigma_ruleset *set;
	struct sigma_matcher *matcher;
	struct sigma_correlator *correlator;
	struct arena *arena; /* of one event */
	struct json_writer w;
	const struct rulebook_row *row;
	struct buf records;
	bool correlates, counting;
	uint64_t events, matched, unreadable, written;
};

static void write_hit(struct replay *x, const uint32_t *rules, size_t count)
{
	const struct rulebook_row *row = x->row;
	if (x->written++ >= RULEBOOK_HITS_MAX)
		return;
	json_object(&x->w);
	json_member_str(&x->w, "event", row->event);
	json_member_str(&x->w, "unit", row->unit);
	json_member_str(&x->w, "host", row->host);
	json_member_int(&x->w, "time", row->time_usec);
	json_name(&x->w, "rules");
	json_array(&x->w);
	for (size_t i = 0; i < count; i++)
		json_str(&x->w, sigma_ruleset_rule(x->set, rules[i]).title);
	json_array_end(&x->w);
	/* The first few are looked at by people. */
	if (x->written <= 40)
		json_member_str(&x->w, "raw", str_sub(row->raw, 0, RAW_SHOWN));
	json_object_end(&x->w);
}

static void on_correlation(void *user, const struct sigma_alert *alert)
{
	struct replay *x = user;
	if (!x->counting)
		return;
	x->matched++;
	write_hit(x, &alert->rule, 1);
}

static void on_matches(struct replay *x, const struct sigma_match *matches, int n)
{
	uint32_t rules[64];
	size_t count = 0, before = x->records.n;
	for (int i = 0; i < n; i++) {
		sigma_matcher_capture(x->matcher, &matches[i], 0, &x->records);
		if (!sigma_ruleset_rule(x->set, matches[i].rule).silent && count < ARRAY_LEN(rules))
			rules[count++] = matches[i].rule;
	}
	if (count > 0) {
		x->matched++;
		write_hit(x, rules, count);
	}
	if (x->correlates)
		sigma_correlator_take(x->correlator, str_sub(buf_str(&x->records), before, x->records.n), on_correlation, x);
}

static void run_row(struct replay *x, const struct rulebook_row *row)
{
	const struct sigma_match *matches;
	struct str json;
	x->row = row;
	x->events++;
	arena_clear(x->arena);
	int n = rulebook_event_json(x->arena, str_trim(row->raw), &json, NULL);
	if (n >= 0)
		n = sigma_matcher_run(x->matcher, json, &matches, NULL);
	if (n < 0)
		x->unreadable++;
	else if (n > 0)
		on_matches(x, matches, n);
}

static void run_rows(struct replay *x, struct cursor *at, struct str carried)
{
	struct rulebook_row row = {.event = STR_EMPTY};
	x->row = &row;
	if (x->correlates)
		sigma_correlator_take(x->correlator, carried, on_correlation, x);
	x->counting = true;
	json_object(&x->w);
	json_name(&x->w, "hits");
	json_array(&x->w);
	while (rulebook_row_next(at, &row))
		run_row(x, &row);
	json_array_end(&x->w);
	json_member_int(&x->w, "events", (int64_t)x->events);
	json_member_int(&x->w, "matched", (int64_t)x->matched);
	json_member_int(&x->w, "unreadable", (int64_t)x->unreadable);
	json_member_bool(&x->w, "carried", !x->records.overflow);
	json_object_end(&x->w);
}

static int compile(struct str text, struct sigma_ruleset **ret, struct err *err)
{
	cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(NULL);
	int r = sigma_loader_add_text(loader, "rule.yml", text, err);
	if (r >= 0)
		r = sigma_loader_compile(loader, ret, err);
	if (r < 0)
		return r;
	if (sigma_loader_refused_count(loader) == 0)
		return 0;
	if (err != NULL)
		*err = sigma_loader_refused(loader, 0)->err;
	*ret = sigma_ruleset_unref(*ret);
	return -EINVAL;
}

int rulebook_replay(const struct rulebook_input *in, struct buf *out, struct err *err)
{
	struct cursor at = cursor_of(in->payload);
	int64_t rule_bytes = json_get_int(in->head, "rule", -1), record_bytes = json_get_int(in->head, "records", 0);
	if (rule_bytes <= 0 || (uint64_t)rule_bytes > RULEBOOK_RULE_MAX || record_bytes < 0)
		return err_set(err, -EINVAL, "rulebook.malformed");
	struct str text = cursor_take(&at, (size_t)rule_bytes), carried = cursor_take(&at, (size_t)record_bytes);
	struct replay x = {.w = json_writer_init(out), .records = BUF_INIT(RULEBOOK_RECORDS_MAX)};
	int r = at.failed ? err_set(err, -EINVAL, "rulebook.malformed") : compile(text, &x.set, err);
	if (r < 0)
		return r;
	x.arena = arena_new((size_t)64 << 20);
	x.matcher = sigma_matcher_new(x.set, &(struct sigma_source){.by_presence = true}); /* as engine/detect */
	x.correlator = sigma_correlator_new(x.set, NULL);
	x.correlates = sigma_ruleset_correlates(x.set);
	buf_append(&x.records, carried);
	run_rows(&x, &at, carried);
	buf_append_char(out, '\n');
	if (!x.records.overflow)
		buf_append(out, buf_str(&x.records));
	if (at.failed)
		r = err_set(err, -EINVAL, "rulebook.malformed");
	else if (out->overflow)
		r = err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", out->max >> 20));
	sigma_correlator_free(x.correlator);
	sigma_matcher_free(x.matcher);
	(void)sigma_ruleset_unref(x.set);
	arena_free(x.arena);
	buf_done(&x.records);
	return r;
}
