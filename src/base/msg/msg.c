/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/msg/msg.h"

#include <stdlib.h>

static const char *const codes[MSG_LANG__COUNT] = {[MSG_LANG_VI] = "vi", [MSG_LANG_EN] = "en"};

enum msg_lang msg_lang_of_environment(void)
{
	static const char *const names[] = {"LUYTRE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str value = str_c(getenv(names[i]));
		if (value.n >= 2)
			return msg_lang_parse(str_sub(value, 0, 2));
	}
	return MSG_LANG_VI;
}

const char *msg_lang_code(enum msg_lang lang)
{
	return codes[lang];
}

/* One range of an Accept-Language value: "en-US;q=0.8". */
static bool range_matches(struct str range, enum msg_lang *ret)
{
	struct str tag, rest = range, weight;
	if (!str_split(&rest, ';', &tag))
		return false;
	while (str_split(&rest, ';', &weight)) {
		weight = str_trim(weight);
		/* "q=0", "q=0.0" …: not acceptable. */
		if (str_starts_with(weight, STR("q=0")) && str_find(weight, STR("0.")) == SIZE_MAX)
			return false;
	}
	tag = str_trim(tag);
	struct str primary = str_sub(tag, 0, str_find_char(tag, '-'));
	for (int lang = 0; lang < MSG_LANG__COUNT; lang++) {
		if (str_eq_nocase(primary, str_c(codes[lang]))) {
			*ret = (enum msg_lang)lang;
			return true;
		}
	}
	return false;
}

enum msg_lang msg_lang_parse(struct str s)
{
	enum msg_lang lang;
	struct str range;
	while (str_split(&s, ',', &range))
		if (range_matches(range, &lang))
			return lang;
	return MSG_LANG_VI;
}

const struct msg_entry *msg_find(const struct msg_catalogue *c, const char *key)
{
	size_t low = 0, high = c != NULL ? c->count : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(c->entries[middle].key, key);
		if (order == 0)
			return &c->entries[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct arg *find_arg(const struct arg *args, struct str name)
{
	for (; args != NULL && args->name != NULL; args++)
		if (str_eq_c(name, args->name))
			return args;
	return NULL;
}

static bool is_one(const struct arg *count)
{
	if (count == NULL)
		return false;
	switch (count->type) {
	case ARG_TYPE_STR:
		return str_eq_c(count->s, "1");
	case ARG_TYPE_I64:
		return count->i64 == 1;
	case ARG_TYPE_U64:
		return count->u64 == 1;
	case ARG_TYPE_END:
		break;
	}
	return false;
}

static void append_arg(const struct arg *arg, struct buf *out)
{
	char number[32];
	if (arg->type == ARG_TYPE_STR)
		buf_append(out, arg->s);
	else
		buf_append_c(out, arg_text(arg, number, sizeof number));
}

/* What is put in is not looked at again: an argument that holds "{x}" stays as it is. */
static void fill(struct str text, const struct arg *args, struct buf *out)
{
	while (text.n > 0) {
		size_t open = str_find_char(text, '{');
		buf_append(out, str_sub(text, 0, open));
		if (open == SIZE_MAX)
			return;
		text = str_sub(text, open, text.n);
		size_t close = str_find_char(text, '}');
		const struct arg *arg = close != SIZE_MAX ? find_arg(args, str_sub(text, 1, close)) : NULL;
		if (arg != NULL)
			append_arg(arg, out);
		else
			buf_append(out, str_sub(text, 0, close != SIZE_MAX ? close + 1 : text.n));
		text = close != SIZE_MAX ? str_sub(text, close + 1, text.n) : STR_EMPTY;
	}
}

void msg_append(const struct msg_catalogue *c, enum msg_lang lang, const char *key, const struct arg *args,
                struct buf *out)
{
	const struct msg_entry *entry = msg_find(c, key);
	if (entry == NULL) {
		buf_append_c(out, key);
		return;
	}
	const char *one = entry->text_one[lang];
	bool use_one = one != NULL && is_one(find_arg(args, STR("count")));
	fill(str_c(use_one ? one : entry->text[lang]), args, out);
}

void msg_append_err(const struct msg_catalogue *c, enum msg_lang lang, const struct err *err, struct buf *out)
{
	struct arg args[ERR_ARGS + 1] = {0};
	for (unsigned i = 0; i < err->arg_count; i++)
		args[i] = ARG_CSTR(err->args[i].name, err->args[i].value);
	if (err->place[0] != '\0') {
		buf_append_c(out, err->place);
		buf_append_c(out, ": ");
	}
	msg_append(c, lang, err->key, args, out);
}
