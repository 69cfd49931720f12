/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json/json.h"
#include "engine/event/event_parse.h"

#define ROUNDS 20000
#define FIELDS 70

static uint64_t state = 20261121;

static unsigned next(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % below;
}

/* Plain runs of every length about sixteen, and whatever has to be written in another way. */
static struct str make_text(struct arena *arena)
{
	static const struct str odd[] = {STR("\""), STR("\\"), STR("\b\f\n\r\t"), STR("\x01\x1f\x7f"), STR("\0"), STR("ường"), STR("\xff"), STR("\xe1\xba"),
	                                 STR("\xed\xa0\x80"), STR("\xf0\x9f\x90\xbe"), STR("/")};
	cleanup_buf struct buf b = BUF_INIT(4096);
	for (unsigned parts = next(4); parts-- > 0;) {
		for (unsigned n = next(40); n-- > 0;)
			buf_append_char(&b, (char)(' ' + 2 + next(60) % 58));
		if (next(2) == 0)
			buf_append(&b, odd[next(ARRAY_LEN(odd))]);
	}
	return arena_str(arena, buf_str(&b));
}

static void make_event(struct arena *arena, struct event *ret)
{
	struct event_field *fields = ARENA_ARRAY(arena, FIELDS, struct event_field);
	size_t count = next(FIELDS);
	for (size_t i = 0; i < count; i++) {
		struct event_field *f = &fields[i];
		f->type = (enum event_type)next(EVENT_TYPE_STR + 1);
		f->name = next(3) == 0 ? make_text(arena) : arena_printf(arena, "field.%u", next(60));
		f->value = make_text(arena);
		if (f->type == EVENT_TYPE_INT) {
			f->integer = (int64_t)next(3) - 1 + (int64_t)next(2) * INT32_MAX;
			f->value = f->integer == 0 && next(2) == 0 ? STR("-0") : arena_printf(arena, "%lld", (long long)f->integer);
		}
	}
	*ret = (struct event){.raw = STR("text"), .fields = fields, .count = count};
}

static void put(struct json_writer *w, const struct event_field *f)
{
	if (f->type == EVENT_TYPE_INT)
		json_int(w, f->integer);
	else
		json_str(w, f->value);
}

/* The same with the writer of base/json, plainly. */
static struct str plainly(struct arena *arena, const struct event *e)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 20);
	struct json_writer w = json_writer_init(&out);
	bool done[FIELDS] = {false};
	json_object(&w);
	for (size_t i = 0; i < e->count; i++) {
		size_t same = 0;
		for (size_t k = i; k < e->count; k++)
			same += e->fields[k].type != EVENT_TYPE_NULL && str_eq(e->fields[k].name, e->fields[i].name);
		if (done[i] || e->fields[i].type == EVENT_TYPE_NULL)
			continue;
		json_name_str(&w, e->fields[i].name);
		if (same > 1)
			json_array(&w);
		for (size_t k = i; k < e->count; k++)
			if (e->fields[k].type != EVENT_TYPE_NULL && str_eq(e->fields[k].name, e->fields[i].name)) {
				put(&w, &e->fields[k]);
				done[k] = true;
			}
		if (same > 1)
			json_array_end(&w);
	}
	json_object_end(&w);
	return arena_str(arena, buf_str(&out));
}

static void test_as_the_plain_writer(void **ignored)
{
	(void)ignored;
	struct arena *arena = arena_new(0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct event e;
		arena_clear(arena);
		make_event(arena, &e);
		struct str want = plainly(arena, &e), got = event_fields_json(arena, &e);
		if (!str_eq(want, got))
			fail_msg("%.*s\n%.*s", STR_FMT(want), STR_FMT(got));
		struct str for_rules = event_json(arena, EVENT_FORMAT_TEXT, &e);
		assert_true(str_starts_with(for_rules, str_sub(want, 0, want.n - 1)));
		assert_true(str_ends_with(for_rules, STR("\"log.form\":\"text\"}")));
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_the_plain_writer)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
