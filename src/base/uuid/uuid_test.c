/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock/clock.h"
#include "base/mem/mem.h"
#include "base/uuid/uuid.h"

#define COUNT 20000

static void made_in_order(void **state)
{
	(void)state;
	struct uuid previous = uuid_new();
	usec_t now = clock_now();
	uint64_t ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | previous.b[i];
	assert_in_range(ms, (uint64_t)(now / USEC_PER_MS) - 1000, (uint64_t)(now / USEC_PER_MS) + 1000);
	for (int i = 0; i < COUNT; i++) {
		struct uuid u = uuid_new();
		assert_true(memcmp(previous.b, u.b, 16) < 0);
		assert_int_equal(u.b[6] >> 4, 7);    /* version */
		assert_int_equal(u.b[8] >> 6, 2);    /* variant */
		previous = u;
	}
}

/* Mixed with the others they are in order, too; the second half is one, and not nothing. */
static void near_each_other(void **state)
{
	(void)state;
	struct uuid first = uuid_new_near(), previous = first;
	for (int i = 0; i < 1000; i++) {
		struct uuid u = i % 3 == 0 ? uuid_new() : uuid_new_near();
		assert_true(memcmp(previous.b, u.b, 8) < 0);
		assert_int_equal(memcmp(first.b + 8, u.b + 8, 8) == 0, i % 3 != 0);
		assert_int_equal(u.b[6] >> 4, 7);
		assert_int_equal(u.b[8] >> 6, 2);
		previous = u;
	}
	assert_int_not_equal(memcmp(first.b + 9, (char[7]){0}, 7), 0);
}

static void *make_many(void *out)
{
	struct uuid *ids = out;
	for (int i = 0; i < COUNT; i++)
		ids[i] = uuid_new();
	return NULL;
}

/* Each thread's ids are increasing and no first 8 bytes (time and counter) are given out twice. */
static void unique_among_threads(void **state)
{
	(void)state;
	struct uuid *ids = mem_alloc_array(2 * COUNT, sizeof *ids);
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_many, ids + (ptrdiff_t)i * COUNT), 0);
	for (int i = 0; i < 2; i++)
		(void)pthread_join(threads[i], NULL);
	size_t a = 0, b = COUNT;
	while (a < COUNT && b < 2 * COUNT) {
		int order = memcmp(ids[a].b, ids[b].b, 8);
		assert_int_not_equal(order, 0);
		if (order < 0)
			a++;
		else
			b++;
	}
	for (size_t i = 1; i < COUNT; i++)
		assert_true(memcmp(ids[i - 1].b, ids[i].b, 8) < 0 && memcmp(ids[COUNT + i - 1].b, ids[COUNT + i].b, 8) < 0);
	mem_free(ids);
}

static void texts(void **state)
{
	(void)state;
	struct uuid u;
	char text[UUID_TEXT_SIZE];
	assert_true(uuid_parse(STR("0193A5B2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"), &u));
	assert_string_equal(uuid_text(&u, text), "0193a5b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b");
	assert_false(uuid_is_null(&u));
	assert_true(uuid_parse(STR("00000000-0000-0000-0000-000000000000"), &u));
	assert_true(uuid_is_null(&u));
	static const char *const bad[] = {
		"", "0193a5b2c3d47e5f8a6b7c8d9e0f1a2b", "0193a5b2-c3d4-7e5f-8a6b-7c8d9e0f1a2", "0193a5b2-c3d4-7e5f-8a6b-7c8d9e0f1a2bb",
		"0193a5b2-c3d4-7e5f-8a6b_7c8d9e0f1a2b", "g193a5b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", "{0193a5b2-c3d4-7e5f-8a6b-7c8d9e0f1a}",
		"0193a5b-2c3d4-7e5f-8a6b-7c8d9e0f1a2b", "----------------------------------- ",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(uuid_parse(str_c(bad[i]), &u));
	assert_true(uuid_is_null(&u));
}

static void random_is_random(void **state)
{
	(void)state;
	unsigned char a[64] = {0}, b[64] = {0};
	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	random_bytes(a, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_in_order),
		cmocka_unit_test(near_each_other),
		cmocka_unit_test(unique_among_threads),
		cmocka_unit_test(texts),
		cmocka_unit_test(random_is_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
