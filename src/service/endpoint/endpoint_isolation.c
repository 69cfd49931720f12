/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules: what a machine's word makes of its order. No SQL, no HTTP. */
#include "service/endpoint/endpoint_isolation_internal.h"

static const char *const names[ENDPOINT_ISOLATION__COUNT] = {
	[ENDPOINT_ISOLATION_NONE] = "none",       [ENDPOINT_ISOLATION_ASKED] = "asked",     [ENDPOINT_ISOLATION_ON] = "on",
	[ENDPOINT_ISOLATION_LIFTING] = "lifting", [ENDPOINT_ISOLATION_LIFTED] = "lifted", [ENDPOINT_ISOLATION_EXPIRED] = "expired",
	[ENDPOINT_ISOLATION_FAILED] = "failed",
};

const char *endpoint_isolation_name(enum endpoint_isolation_state state)
{
	return names[state];
}

bool endpoint_isolation_is_open(enum endpoint_isolation_state state)
{
	return state == ENDPOINT_ISOLATION_ASKED || state == ENDPOINT_ISOLATION_ON || state == ENDPOINT_ISOLATION_LIFTING;
}

static bool is_key(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
			return false;
	}
	return s.n > 0 && s.n < ERR_KEY_SIZE;
}

static struct str args_text(struct arena *arena, const struct json *args)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&out);
	unsigned count = 0;
	json_object(&w);
	json_each(arg, args) {
		if (arg->type != JSON_STRING || !is_key(arg->name) || count++ == ERR_ARGS)
			continue;
		json_name_str(&w, str_sub(arg->name, 0, ERR_ARG_NAME_SIZE - 1));
		json_str(&w, str_sub(arg->text, 0, ERR_ARG_VALUE_SIZE - 1));
	}
	json_object_end(&w);
	return arena_str(arena, buf_str(&out));
}

void endpoint_isolation_read_word(struct arena *arena, const struct json *said, struct endpoint_isolation_word *ret)
{
	static const char *const words[] = {"none", "proving", "on", "lifted", "expired", "failed"};
	*ret = (struct endpoint_isolation_word){.problem_key = STR(""), .problem_args_json = STR("{}"), .why = STR("")};
	if (said == NULL || said->type != JSON_OBJECT)
		return;
	struct str state = json_get_str(said, "state", STR("")), why = json_get_str(said, "why", STR(""));
	const struct json *problem = json_get(said, "problem");
	ret->told = true;
	ret->can = json_get_bool(said, "can", false);
	ret->why = is_key(why) ? arena_str(arena, why) : STR("");
	if (!uuid_parse(json_get_str(said, "id", STR_EMPTY), &ret->id))
		ret->id = (struct uuid){.b = {0}};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq_c(state, words[i]))
			ret->said = (enum endpoint_isolation_said)i;
	ret->repaired = json_get_int(said, "repaired", 0);
	if (is_key(json_get_str(problem, "key", STR_EMPTY))) {
		ret->problem_key = arena_str(arena, json_get_str(problem, "key", STR_EMPTY));
		ret->problem_args_json = args_text(arena, json_get(problem, "args"));
	}
}

/* The machine never had this order, or no longer knows of it. What it says was written after it had our last answer. */
static enum endpoint_isolation_state next_of_another(const struct endpoint_isolation *o, const struct endpoint_isolation_word *w,
                                                     usec_t now)
{
	if (w->said == ENDPOINT_SAID_ON || w->said == ENDPOINT_SAID_PROVING)
		return o->state;
	if (o->state == ENDPOINT_ISOLATION_LIFTING)
		return ENDPOINT_ISOLATION_LIFTED;
	return now >= o->expires_at ? ENDPOINT_ISOLATION_EXPIRED : o->state;
}

enum endpoint_isolation_state endpoint_isolation_next(const struct endpoint_isolation *o, const struct endpoint_isolation_word *w,
                                                      usec_t now)
{
	if (!w->told || !endpoint_isolation_is_open(o->state))
		return o->state;
	if (!uuid_eq(&o->id, &w->id))
		return next_of_another(o, w, now);
	switch (w->said) {
	case ENDPOINT_SAID_NONE:
	case ENDPOINT_SAID_PROVING:
		return o->state;
	case ENDPOINT_SAID_ON:
		return o->state == ENDPOINT_ISOLATION_ASKED ? ENDPOINT_ISOLATION_ON : o->state;
	case ENDPOINT_SAID_EXPIRED:
		return ENDPOINT_ISOLATION_EXPIRED;
	case ENDPOINT_SAID_FAILED:
		return o->state == ENDPOINT_ISOLATION_LIFTING ? ENDPOINT_ISOLATION_LIFTED : ENDPOINT_ISOLATION_FAILED;
	case ENDPOINT_SAID_LIFTED:
		return o->state != ENDPOINT_ISOLATION_LIFTING && now >= o->expires_at ? ENDPOINT_ISOLATION_EXPIRED : ENDPOINT_ISOLATION_LIFTED;
	case ENDPOINT_SAID__COUNT:
		break;
	}
	return o->state;
}

bool endpoint_isolation_has_news(const struct endpoint_isolation *o, const struct endpoint_isolation_word *w, usec_t now)
{
	return endpoint_isolation_next(o, w, now) != o->state ||
	       (w->told && uuid_eq(&o->id, &w->id) && endpoint_isolation_is_open(o->state) &&
	        (w->repaired != o->repaired || !str_eq(w->problem_key, o->problem_key)));
}

void endpoint_isolation_write_desired(struct json_writer *w, const struct endpoint_isolation *o, usec_t now)
{
	bool wanted = (o->state == ENDPOINT_ISOLATION_ASKED || o->state == ENDPOINT_ISOLATION_ON) && now < o->expires_at;
	char id[UUID_TEXT_SIZE];
	json_name(w, "isolation");
	if (!wanted) {
		json_null(w);
		return;
	}
	json_object(w);
	json_member_cstr(w, "id", uuid_text(&o->id, id));
	json_member_int(w, "left_s", (o->expires_at - now + USEC_PER_SEC - 1) / USEC_PER_SEC);
	json_member_str(w, "message", o->message);
	json_object_end(w);
}
