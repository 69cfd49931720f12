/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What our tests use of cmocka's interface, for the Windows build: Debian has
 * no cmocka for mingw. Same names, same meaning; a failed assertion ends its
 * test, skip() leaves it. One thread asserts at a time.
 */
#pragma once
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*CMFixtureFunction)(void **state);
struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	CMFixtureFunction setup_func, teardown_func;
	void *initial_state;
};

#define cmocka_unit_test(f) {#f, f, NULL, NULL, NULL}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) {#f, f, setup, teardown, NULL}
#define cmocka_unit_test_prestate(f, state) {#f, f, NULL, NULL, state}

enum cmocka_end { CMOCKA_PASSED, CMOCKA_FAILED, CMOCKA_SKIPPED };
/* No longjmp: mingw's unwinds frames, which Wine does not do for threads of its own. */
static void *cmocka_place[5];

__attribute__((noreturn, unused)) static void cmocka_leave(enum cmocka_end how)
{
	if (how == CMOCKA_SKIPPED)
		__builtin_longjmp(cmocka_place, 1);
	(void)fflush(stdout);
	abort();
}

#define cmocka_say(...) ((void)fprintf(stderr, __VA_ARGS__), (void)fflush(stderr))
#define fail_msg(...) \
	do { \
		cmocka_say("%s:%d: ", __FILE__, __LINE__); \
		cmocka_say(__VA_ARGS__); \
		cmocka_say("\n"); \
		cmocka_leave(CMOCKA_FAILED); \
	} while (0)
#define fail() fail_msg("failed")
#define skip() cmocka_leave(CMOCKA_SKIPPED)
#define print_message(...) ((void)printf(__VA_ARGS__))
#define print_error(...) cmocka_say(__VA_ARGS__)
#define assert_true(c) \
	do { \
		if (!(c)) \
			fail_msg("%s", #c); \
	} while (0)
#define assert_false(c) \
	do { \
		if (c) \
			fail_msg("not: %s", #c); \
	} while (0)
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_null(p) assert_true((p) == NULL)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) assert_true((const void *)(a) != (const void *)(b))

__attribute__((unused)) static bool cmocka_differ(long long a, long long b, const char *file, int line)
{
	if (a != b)
		cmocka_say("%s:%d: %lld is not %lld (0x%llx, 0x%llx)\n", file, line, a, b, (unsigned long long)a, (unsigned long long)b);
	return a != b;
}
#define assert_int_equal(a, b) \
	do { \
		if (cmocka_differ((long long)(a), (long long)(b), __FILE__, __LINE__)) \
			cmocka_leave(CMOCKA_FAILED); \
	} while (0)
#define assert_uint_equal(a, b) assert_int_equal(a, b)
#define assert_int_not_equal(a, b) assert_false((long long)(a) == (long long)(b))
#define assert_in_range(v, least, most) \
	assert_true((uintmax_t)(v) >= (uintmax_t)(least) && (uintmax_t)(v) <= (uintmax_t)(most))

__attribute__((unused)) static bool cmocka_texts_differ(const char *a, const char *b, const char *file, int line)
{
	if (a == NULL || b == NULL || strcmp(a, b) != 0) {
		cmocka_say("%s:%d: \"%s\" is not \"%s\"\n", file, line, a != NULL ? a : "(null)", b != NULL ? b : "(null)");
		return true;
	}
	return false;
}
#define assert_string_equal(a, b) \
	do { \
		if (cmocka_texts_differ((const char *)(a), (const char *)(b), __FILE__, __LINE__)) \
			cmocka_leave(CMOCKA_FAILED); \
	} while (0)
#define assert_string_not_equal(a, b) assert_true(strcmp((const char *)(a), (const char *)(b)) != 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp((const void *)(a), (const void *)(b), (n)) == 0)
#define assert_memory_not_equal(a, b, n) assert_true(memcmp((const void *)(a), (const void *)(b), (n)) != 0)

/* A failure ends the program: what follows would run on the state it left. */
__attribute__((unused, noinline)) static enum cmocka_end cmocka_run_one(const struct CMUnitTest *t, void **state)
{
	if (__builtin_setjmp(cmocka_place) != 0)
		return CMOCKA_SKIPPED;
	if (t->setup_func != NULL && t->setup_func(state) != 0)
		fail_msg("setup of %s", t->name);
	t->test_func(state);
	if (t->teardown_func != NULL && t->teardown_func(state) != 0)
		fail_msg("teardown of %s", t->name);
	return CMOCKA_PASSED;
}

__attribute__((unused, noinline)) static int cmocka_run(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
                                                        CMFixtureFunction teardown)
{
	void *group = NULL;
	unsigned passed = 0;
	if (setup != NULL && setup(&group) != 0)
		return 1;
	for (size_t i = 0; i < count; i++) {
		void *state = tests[i].initial_state != NULL ? tests[i].initial_state : group;
		cmocka_say("[ RUN      ] %s\n", tests[i].name);
		bool ok = cmocka_run_one(&tests[i], &state) == CMOCKA_PASSED;
		cmocka_say("[  %s ] %s\n", ok ? "     OK" : "SKIPPED", tests[i].name);
		passed += ok;
	}
	if (teardown != NULL && teardown(&group) != 0)
		return 1;
	cmocka_say("%u of %u tests passed, the others were skipped\n", passed, (unsigned)count);
	return 0;
}
#define cmocka_run_group_tests(tests, setup, teardown) \
	cmocka_run((tests), sizeof(tests) / sizeof((tests)[0]), (setup), (teardown))
