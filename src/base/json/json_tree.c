/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/json/json.h"

const struct json *json_get(const struct json *j, const char *name)
{
	if (j == NULL || j->type != JSON_OBJECT)
		return NULL;
	json_each(member, j)
		if (str_eq_c(member->name, name))
			return member;
	return NULL;
}

struct str json_get_str(const struct json *j, const char *name, struct str fallback)
{
	const struct json *member = json_get(j, name);
	return member != NULL && member->type == JSON_STRING ? member->text : fallback;
}

int64_t json_get_int(const struct json *j, const char *name, int64_t fallback)
{
	const struct json *member = json_get(j, name);
	return member != NULL && member->type == JSON_NUMBER && member->is_integer ? member->integer : fallback;
}

bool json_get_bool(const struct json *j, const char *name, bool fallback)
{
	const struct json *member = json_get(j, name);
	return member != NULL && member->type == JSON_BOOL ? member->boolean : fallback;
}

void json_pointer_append(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '~')
			buf_append_c(out, "~0");
		else if (name.p[i] == '/')
			buf_append_c(out, "~1");
		else
			buf_append_char(out, name.p[i]);
	}
}

/* True when the next part of a pointer ("a~1b") is the escaped form of `name`. */
static bool part_is(struct str part, struct str name)
{
	size_t at = 0;
	for (size_t i = 0; i < name.n; i++) {
		struct str want = name.p[i] == '~' ? STR("~0") : name.p[i] == '/' ? STR("~1") : str_sub(name, i, i + 1);
		if (!str_starts_with(str_sub(part, at, part.n), want))
			return false;
		at += want.n;
	}
	return at == part.n;
}

static const struct json *step(const struct json *j, struct str part)
{
	uint64_t index = 0, want;
	bool is_index = j->type == JSON_ARRAY && str_parse_u64(part, 0, j->count, &want);
	json_each(item, j) {
		if (j->type == JSON_OBJECT ? part_is(part, item->name) : is_index && index == want)
			return item;
		index++;
	}
	return NULL;
}

const struct json *json_pointer_nearest(const struct json *j, struct str pointer)
{
	struct str part;
	(void)str_split(&pointer, '/', &part); /* what is before the first "/" is empty */
	while (str_split(&pointer, '/', &part)) {
		const struct json *next = step(j, part);
		if (next == NULL)
			break;
		j = next;
	}
	return j;
}

/* Merge sort: n log n whatever the names are; a hostile order must not cost more. */
static void sort_by_name(const struct json **items, const struct json **spare, size_t n)
{
	for (size_t width = 1; width < n; width *= 2) {
		for (size_t from = 0; from < n; from += 2 * width) {
			size_t middle = from + width < n ? from + width : n;
			size_t end = middle + width < n ? middle + width : n;
			size_t a = from, b = middle;
			for (size_t i = from; i < end; i++) {
				bool first = b >= end || (a < middle && str_cmp(items[a]->name, items[b]->name) <= 0);
				spare[i] = first ? items[a++] : items[b++];
			}
		}
		(void)memcpy(items, spare, n * sizeof(const struct json *));
	}
}

int json_duplicate_name(const struct json *object, const struct json **ret)
{
	*ret = NULL;
	if (object->count <= 8) {
		json_each(later, object)
			for (const struct json *m = object->child; m != later; m = m->next)
				if (str_eq(m->name, later->name)) {
					*ret = later;
					return 0;
				}
		return 0;
	}
	const struct json **items = mem_try_array(object->count, 2 * sizeof(const struct json *), SIZE_MAX);
	if (items == NULL)
		return -E2BIG;
	size_t n = 0;
	json_each(member, object)
		items[n++] = member;
	sort_by_name(items, items + n, n);
	for (size_t i = 1; i < n && *ret == NULL; i++)
		if (str_eq(items[i - 1]->name, items[i]->name))
			*ret = items[i];
	mem_free(items);
	return 0;
}
