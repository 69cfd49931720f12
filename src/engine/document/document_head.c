/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The head of a template: "key: value" lines, "key:" with "- item" lines below it. */
#include "engine/document/document_internal.h"
#include "engine/document/document_template.h"

enum kind { KIND_TEXT, KIND_LIST, KIND_DATE, KIND_ORIENTATION, KIND_NUMBERING, KIND_SIZE };
static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} keys[] = {
#define KEY(name, kind, member) {name, kind, offsetof(struct document_head, member)}
	KEY("superior", KIND_TEXT, superior), KEY("agency", KIND_TEXT, agency), KEY("number", KIND_TEXT, number),
	KEY("place", KIND_TEXT, place), KEY("date", KIND_DATE, date), KEY("type", KIND_TEXT, type), KEY("title", KIND_TEXT, title),
	KEY("authority", KIND_TEXT, authority), KEY("position", KIND_TEXT, position), KEY("signer", KIND_TEXT, signer),
	KEY("to", KIND_LIST, to), KEY("recipients", KIND_LIST, recipients), KEY("secrecy", KIND_TEXT, secrecy),
	KEY("urgency", KIND_TEXT, urgency), KEY("annex", KIND_TEXT, annex), KEY("orientation", KIND_ORIENTATION, landscape),
	KEY("appendix", KIND_ORIENTATION, appendix_landscape), KEY("numbering", KIND_NUMBERING, plain_headings), KEY("size", KIND_SIZE, size),
#undef KEY
};

static int unknown(struct str name, struct err *err)
{
	const char *names[ARRAY_LEN(keys) + 1] = {NULL};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		names[i] = keys[i].name;
	const char *nearest = str_closest(name, names);
	return err_set(err, -EINVAL, "document.head_key", ARG_STR("name", name), ARG_CSTR("nearest", nearest != NULL ? nearest : "agency"));
}

static int bad(struct str name, struct str value, struct err *err)
{
	return err_set(err, -EINVAL, "document.head_value", ARG_STR("name", name), ARG_STR("value", value));
}

static int set(struct arena *arena, struct document_head *h, size_t key, struct str value, struct err *err)
{
	char *at = (char *)h + keys[key].offset;
	struct str *text = (struct str *)(void *)at;
	bool *flag = (bool *)(void *)at;
	struct document_list *list = (struct document_list *)(void *)at;
	uint64_t size = 0;
	switch (keys[key].kind) {
	case KIND_TEXT:
		*text = arena_str(arena, value);
		return 0;
	case KIND_DATE:
		*text = document_long_date(arena, value);
		return 0;
	case KIND_LIST:
		if (value.n == 0)
			return 0;
		if (list->count == DOCUMENT_LIST_MAX)
			return err_set(err, -E2BIG, "document.too_long", ARG_U64("limit", DOCUMENT_LIST_MAX));
		list->items[list->count++] = arena_str(arena, value);
		return 0;
	case KIND_ORIENTATION:
		*flag = str_eq_c(value, "landscape");
		return *flag || str_eq_c(value, "portrait") ? 0 : bad(str_c(keys[key].name), value, err);
	case KIND_NUMBERING:
		*flag = str_eq_c(value, "none");
		return *flag || str_eq_c(value, "auto") ? 0 : bad(str_c(keys[key].name), value, err);
	case KIND_SIZE:
		if (!str_parse_u64(value, 13, 14, &size))
			return bad(str_c(keys[key].name), value, err);
		h->size = (unsigned)size;
		return 0;
	}
	return 0;
}

static size_t find(struct str name)
{
	size_t i = 0;
	while (i < ARRAY_LEN(keys) && !str_eq_c(name, keys[i].name))
		i++;
	return i;
}

int document_read_head(struct arena *arena, struct str lines, struct document_head *ret, struct err *err)
{
	struct str rest = lines, line;
	size_t key = ARRAY_LEN(keys);
	*ret = (struct document_head){.size = 14, .date = document_long_date(arena, STR_EMPTY)};
	while (str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || str_eq_c(line, "---"))
			continue;
		bool item = str_starts_with(line, STR("- "));
		size_t colon = str_find_char(line, ':');
		if (!item) {
			struct str name = str_trim(str_sub(line, 0, colon));
			key = colon == SIZE_MAX ? ARRAY_LEN(keys) : find(name);
			if (key == ARRAY_LEN(keys))
				return unknown(name, err);
		} else if (key == ARRAY_LEN(keys) || keys[key].kind != KIND_LIST) {
			return bad(STR("-"), line, err);
		}
		int r = set(arena, ret, key, str_trim(str_sub(line, item ? 2 : colon + 1, line.n)), err);
		if (r < 0)
			return r;
	}
	return 0;
}
