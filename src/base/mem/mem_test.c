/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"

static void arena_keeps_its_limit(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(1000);
	assert_null(arena_try(arena, 1001, 1));
	assert_null(arena_try(arena, SIZE_MAX, 2));
	assert_null(arena_try(arena, SIZE_MAX, 1));
	size_t taken = 0;
	while (arena_try(arena, 1, 100) != NULL)
		taken++;
	assert_in_range(taken, 5, 10);
}

static void arena_memory_is_zeroed_and_aligned(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	for (size_t size = 0; size < 3000; size += 7) {
		unsigned char *p = arena_alloc(arena, size);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++) {
			assert_int_equal(p[i], 0);
			p[i] = 0xEE; /* what follows must not see it */
		}
	}
	/* More than the largest block. */
	char *large = arena_try(arena, 3 << 20, 1);
	assert_non_null(large);
	large[(3 << 20) - 1] = 1;
}

static void arena_clears(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(100000);
	for (int round = 0; round < 20; round++) {
		assert_non_null(arena_try(arena, 9000, 8));
		assert_in_range(arena_used(arena), 72000, 100000);
		arena_clear(arena);
		assert_int_equal(arena_used(arena), 0);
	}
	struct arena *untouched cleanup(arena) = arena_new(0);
	arena_clear(untouched);
	assert_int_equal(arena_used(untouched), 0);
}

static void arena_texts(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	struct str copy = arena_str(arena, str_n("a\0b", 3));
	assert_true(str_eq(copy, str_n("a\0b", 3)));
	assert_int_equal(copy.p[3], '\0');
	assert_string_equal(arena_cstr(arena, STR_EMPTY), "");
	assert_true(str_eq_c(arena_printf(arena, "%s-%d", "x", 5), "x-5"));
	assert_int_equal(arena_printf(arena, "%05000d", 1).n, 5000);
}

static void sizes_from_input(void **state)
{
	(void)state;
	assert_null(mem_try_array(SIZE_MAX / 2, 3, SIZE_MAX));
	assert_null(mem_try_array(11, 10, 100));
	char *p = mem_try_array(10, 10, 100);
	assert_non_null(p);
	mem_free(p);
	p = mem_try_array(0, 10, 100);
	assert_non_null(p);
	mem_free(p);
}

static void wipes(void **state)
{
	(void)state;
	char secret[] = "secret";
	mem_wipe(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], 0);
	mem_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_keeps_its_limit),
		cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
		cmocka_unit_test(arena_clears),
		cmocka_unit_test(arena_texts),
		cmocka_unit_test(sizes_from_input),
		cmocka_unit_test(wipes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
