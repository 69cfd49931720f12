/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/clock/clock.h"
#include "base/json/json.h"
#include "base/text/text.h"
#include "base/uuid/uuid.h"

#define DEFAULT_STR_MAX 10000
#define DEFAULT_LIST_MAX 1000

struct decoder {
	struct arena *arena;
	const struct json_field *fields;
	struct err *err;
};

/* Puts "/name" (and "/index" when >= 0) before what the error already says. */
static int place(struct err *err, struct str name, int64_t index)
{
	char text[ERR_PLACE_SIZE];
	struct buf out = BUF_FIXED(text, sizeof text);
	buf_append_char(&out, '/');
	json_pointer_append(&out, name);
	if (index >= 0)
		buf_printf(&out, "/%lld", (long long)index);
	(void)err_at(err, buf_str(&out));
	return -EINVAL;
}

#define refuse(d, field, key, ...)                                                                          \
	(err_set((d)->err, -EINVAL, (key), ARG_CSTR("field", (field)->name) __VA_OPT__(, ) __VA_ARGS__),     \
	 place((d)->err, str_c((field)->name), -1))

static int wrong_type(const struct decoder *d, const struct json_field *field, const char *expected)
{
	return refuse(d, field, "json.type", ARG_CSTR("expected", expected));
}

static void limits(const struct json_field *field, int64_t low, int64_t high, int64_t *ret_min, int64_t *ret_max)
{
	bool given = field->min != 0 || field->max != 0;
	*ret_min = given ? field->min : low;
	*ret_max = given ? field->max : high;
}

static int decode_str(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	int64_t min, max;
	limits(field, 0, DEFAULT_STR_MAX, &min, &max);
	if (j->type != JSON_STRING)
		return wrong_type(d, field, "string");
	if (!text_is_utf8(j->text))
		return refuse(d, field, "json.text");
	if ((int64_t)j->text.n < min || (int64_t)j->text.n > max)
		return refuse(d, field, "json.length", ARG_I64("min", min), ARG_I64("max", max));
	*(struct str *)target = j->text;
	return 0;
}

static int decode_int(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	int64_t min, max;
	limits(field, INT64_MIN, INT64_MAX, &min, &max);
	if (j->type != JSON_NUMBER || !j->is_integer)
		return wrong_type(d, field, "integer");
	if (j->integer < min || j->integer > max)
		return refuse(d, field, "json.range", ARG_I64("min", min), ARG_I64("max", max));
	*(int64_t *)target = j->integer;
	return 0;
}

static int decode_bool(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	if (j->type != JSON_BOOL)
		return wrong_type(d, field, "true/false");
	*(bool *)target = j->boolean;
	return 0;
}

static int decode_uuid(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	if (j->type != JSON_STRING || !uuid_parse(j->text, target))
		return refuse(d, field, "json.uuid");
	return 0;
}

static int decode_time(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	if (j->type != JSON_STRING || clock_parse_iso(j->text, target, NULL) < 0)
		return refuse(d, field, "json.time");
	return 0;
}

/* "a, b, c", cut to the argument's size. */
static void join(const char *const *names, char text[ERR_ARG_VALUE_SIZE])
{
	struct buf out = BUF_FIXED(text, ERR_ARG_VALUE_SIZE);
	for (; *names != NULL; names++) {
		if (out.n > 0)
			buf_append_c(&out, ", ");
		buf_append_c(&out, *names);
	}
}

/* The likely name alone when there is one: "did you mean"; all of them otherwise. */
static void suggest(struct str word, const char *const *names, char text[ERR_ARG_VALUE_SIZE])
{
	const char *nearest = str_closest(word, names);
	if (nearest != NULL)
		str_copy_c(str_c(nearest), text, ERR_ARG_VALUE_SIZE);
	else
		join(names, text);
}

static int decode_enum(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	char allowed[ERR_ARG_VALUE_SIZE];
	if (j->type != JSON_STRING)
		return wrong_type(d, field, "string");
	for (int i = 0; field->names[i] != NULL; i++) {
		if (str_eq_c(j->text, field->names[i])) {
			*(int *)target = i;
			return 0;
		}
	}
	suggest(j->text, field->names, allowed);
	return refuse(d, field, "json.enum", ARG_STR("value", j->text), ARG_CSTR("allowed", allowed));
}

static int decode_str_list(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	int64_t min, max, index = 0;
	limits(field, 0, DEFAULT_LIST_MAX, &min, &max);
	if (j->type != JSON_ARRAY)
		return wrong_type(d, field, "list");
	if ((int64_t)j->count < min || (int64_t)j->count > max)
		return refuse(d, field, "json.count", ARG_I64("min", min), ARG_I64("max", max));
	struct str *items = ARENA_ARRAY(d->arena, j->count, struct str);
	if (items == NULL)
		return err_set(d->err, -E2BIG, "json.too_large", ARG_U64("byte", j->at));
	json_each(item, j) {
		const char *key = item->type != JSON_STRING || !text_is_utf8(item->text) ? "json.text"
		                  : item->text.n > DEFAULT_STR_MAX                       ? "json.length"
		                                                                         : NULL;
		if (key != NULL) {
			(void)err_set(d->err, -EINVAL, key, ARG_CSTR("field", field->name), ARG_I64("min", 0),
			              ARG_I64("max", DEFAULT_STR_MAX));
			return place(d->err, str_c(field->name), index);
		}
		items[index++] = item->text;
	}
	*(struct json_str_list *)target = (struct json_str_list){.items = items, .count = j->count};
	return 0;
}

static int decode_field(const struct decoder *d, const struct json_field *field, const struct json *j, void *target)
{
	switch (field->type) {
	case JSON_FIELD_STR:
		return decode_str(d, field, j, target);
	case JSON_FIELD_INT:
		return decode_int(d, field, j, target);
	case JSON_FIELD_BOOL:
		return decode_bool(d, field, j, target);
	case JSON_FIELD_UUID:
		return decode_uuid(d, field, j, target);
	case JSON_FIELD_TIME:
		return decode_time(d, field, j, target);
	case JSON_FIELD_ENUM:
		return decode_enum(d, field, j, target);
	case JSON_FIELD_STR_LIST:
		return decode_str_list(d, field, j, target);
	case JSON_FIELD_ANY:
		*(const struct json **)target = j;
		return 0;
	}
	return -EINVAL;
}

static int unknown_field(const struct decoder *d, const struct json *member)
{
	char nearest[ERR_ARG_VALUE_SIZE];
	size_t count = 0;
	while (d->fields[count].name != NULL)
		count++;
	const char **names = mem_alloc_array(count + 1, sizeof(const char *));
	for (size_t i = 0; i < count; i++)
		names[i] = d->fields[i].name;
	suggest(member->name, names, nearest);
	mem_free(names);
	(void)err_set(d->err, -EINVAL, "json.unknown_field", ARG_STR("field", member->name), ARG_CSTR("nearest", nearest));
	return place(d->err, member->name, -1);
}

static bool is_known(const struct json_field *fields, struct str name)
{
	for (; fields->name != NULL; fields++)
		if (str_eq_c(name, fields->name))
			return true;
	return false;
}

int json_decode(struct arena *arena, const struct json *object, const struct json_field *fields, void *out,
                struct err *err)
{
	struct decoder d = {.arena = arena, .fields = fields, .err = err};
	if (object == NULL || object->type != JSON_OBJECT)
		return err_set(err, -EINVAL, "json.not_object");
	json_each(member, object)
		if (!is_known(fields, member->name))
			return unknown_field(&d, member);
	for (const struct json_field *field = fields; field->name != NULL; field++) {
		const struct json *member = json_get(object, field->name);
		if (member == NULL || member->type == JSON_NULL) {
			if (field->required)
				return refuse(&d, field, "json.required");
			continue;
		}
		int r = decode_field(&d, field, member, (char *)out + field->offset);
		if (r < 0)
			return r;
		if (field->present_offset > 0)
			*(bool *)((char *)out + field->present_offset - 1) = true;
	}
	return 0;
}
