/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "platform/proc/proc.h"

static struct proc_message sample(void)
{
	struct proc_message m = proc_message_init(7);
	struct uuid u = {{1, 2, 3}};
	proc_put_u64(&m, UINT64_MAX);
	proc_put_str(&m, STR("xin chào"));
	proc_put_str(&m, STR_EMPTY);
	proc_put_uuid(&m, &u);
	return m;
}

/* True when the message reads as the sample's four fields and nothing else. */
static bool reads(struct proc_message *m)
{
	(void)proc_get_u64(m);
	(void)proc_get_str(m, 64);
	(void)proc_get_str(m, 64);
	(void)proc_get_uuid(m);
	return proc_message_complete(m);
}

static void round_trip(void **state)
{
	struct proc_message m = sample();
	(void)state;
	assert_true(proc_get_u64(&m) == UINT64_MAX);
	assert_true(str_eq(proc_get_str(&m, 64), STR("xin chào")));
	assert_false(proc_message_complete(&m));
	assert_int_equal(proc_get_str(&m, 64).n, 0);
	assert_int_equal(proc_get_uuid(&m).b[2], 3);
	assert_true(proc_message_complete(&m));
	proc_message_done(&m);
}

static void cut_or_longer_is_refused(void **state)
{
	struct proc_message whole = sample();
	(void)state;
	for (size_t n = 0; n <= whole.payload.n + 1; n++) {
		struct proc_message m = proc_message_init(7);
		buf_append(&m.payload, str_sub(buf_str(&whole.payload), 0, n));
		if (n > whole.payload.n)
			buf_append_char(&m.payload, 'u');
		assert_int_equal(reads(&m), n == whole.payload.n);
		proc_message_done(&m);
	}
	proc_message_done(&whole);
}

/* A tag or a length that was changed is found; once failed, every later field is empty. */
static void changed_frames_are_refused(void **state)
{
	static const size_t places[] = {0, 9, 10, 11, 12, 13, 23, 24, 28};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct proc_message m = sample();
		m.payload.p[places[i]] ^= 0x41;
		assert_false(reads(&m));
		assert_true(proc_get_u64(&m) == 0);
		assert_int_equal(proc_get_str(&m, 64).n, 0);
		proc_message_done(&m);
	}
}

static void limit_of_a_field(void **state)
{
	(void)state;
	for (size_t limit = 7; limit < 12; limit++) {
		struct proc_message m = proc_message_init(1);
		proc_put_str(&m, STR("123456789"));
		struct str s = proc_get_str(&m, limit);
		assert_int_equal(s.n, limit >= 9 ? 9 : 0);
		assert_int_equal(m.failed, limit < 9);
		proc_message_done(&m);
	}
}

static void wrong_order(void **state)
{
	struct proc_message m = sample();
	(void)state;
	assert_int_equal(proc_get_str(&m, 64).n, 0);
	assert_true(m.failed);
	proc_message_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(cut_or_longer_is_refused),
	    cmocka_unit_test(changed_frames_are_refused),
	    cmocka_unit_test(limit_of_a_field),
	    cmocka_unit_test(wrong_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
