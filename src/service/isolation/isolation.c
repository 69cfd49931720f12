/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Texts and the question of two persons. No SQL, no HTTP. */
#include "service/isolation/isolation_internal.h"
#include "service/source/source.h"

size_t isolation_words(struct str text)
{
	size_t n = 0;
	bool in = false;
	for (size_t i = 0; i < text.n; i++) {
		bool blank = text.p[i] == ' ' || text.p[i] == '\n' || text.p[i] == '\t';
		n += !blank && !in;
		in = !blank;
	}
	return n;
}

const struct isolation_cause *isolation_cause_of(const struct isolation_policy *policy, struct str id)
{
	for (size_t i = 0; i < policy->cause_count; i++)
		if (str_eq(policy->causes[i].id, id))
			return &policy->causes[i];
	return NULL;
}

struct str isolation_message(struct arena *arena, const struct isolation_policy *policy, const struct isolation_cause *cause,
                             struct str host, const char *hotline)
{
	const struct {
		struct str blank, value;
	} blanks[] = {{STR("{host}"), host},
	              {STR("{cause}"), cause->sentence.vi},
	              {STR("{hotline}"), hotline != NULL && hotline[0] != '\0' ? str_c(hotline) : policy->hotline.vi}};
	cleanup_buf struct buf out = BUF_INIT(8192);
	struct str text = policy->message.vi;
	for (size_t at = 0; at < text.n;) {
		size_t used = 0;
		struct str rest = str_sub(text, at, text.n);
		for (size_t b = 0; b < ARRAY_LEN(blanks) && used == 0; b++) {
			if (!str_starts_with(rest, blanks[b].blank))
				continue;
			buf_append(&out, blanks[b].value);
			used = blanks[b].blank.n;
		}
		if (used == 0)
			buf_append_char(&out, text.p[at]);
		at += used > 0 ? used : 1;
	}
	return arena_str(arena, buf_str(&out));
}

/* ---- the level of what a machine serves ---- */

struct levels {
	struct event_address addresses[64];
	size_t count;
	int64_t highest;
};

static void take_level(const struct event_sender *sender, const struct uuid *token_id, void *ctx)
{
	struct levels *l = ctx;
	(void)token_id;
	for (size_t i = 0; sender->address.set && i < l->count; i++) {
		struct event_address network = event_address_network(&l->addresses[i], sender->address.prefix);
		if (memcmp(network.ip, sender->address.ip, sizeof network.ip) == 0 && sender->system_level > l->highest)
			l->highest = sender->system_level;
	}
}

int isolation_level(struct db_tx *tx, struct arena *arena, struct str addresses_json, int64_t *ret, struct err *err)
{
	struct levels l = {.count = 0};
	const struct json *list = NULL;
	int r = json_parse(arena, addresses_json, NULL, &list, err);
	json_each(item, r >= 0 ? list : NULL) {
		if (l.count < ARRAY_LEN(l.addresses) && item->type == JSON_STRING &&
		    event_address_parse(item->text, &l.addresses[l.count], NULL) >= 0)
			l.count++;
	}
	if (r >= 0)
		r = source_each_sender(tx, take_level, &l, err);
	*ret = l.highest;
	return r < 0 ? r : 0;
}
