/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The expected figures are what yara 4.2.3 says of the same bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/signature/signature_digest.h"
#include "engine/signature/signature_module.h"

static const uint8_t sample[] = "The quick brown fox jumps over the lazy dog\xff\x80\x80\x80\x80\x80\x80";
#define SAMPLE_LEN (sizeof(sample) - 1)

static struct signature_value text(const char *c)
{
	return (struct signature_value){.type = SIGNATURE_TYPE_STRING, .text = str_c(c)};
}
static struct signature_value integer(int64_t i)
{
	return (struct signature_value){.type = SIGNATURE_TYPE_INTEGER, .integer = i};
}

/* Looks the overload up by its types, as a compiler does. */
static struct signature_value ask(const char *module, const char *function, const char *types,
				  const struct signature_value *values, unsigned count)
{
	const struct signature_module *m = signature_module_find(str_c(module));
	struct signature_argument arguments[SIGNATURE_MODULE_ARGUMENTS];
	struct signature_value ret;
	unsigned overload = 0, keys = 9;

	assert_non_null(m);
	const struct signature_field *f = signature_field_find(m->fields, str_c(function));
	assert_non_null(f);
	assert_ptr_equal(signature_field_by_id(m->id, f->id, &keys), f);
	assert_int_equal(keys, 0);
	while (overload < signature_field_overloads(f) && strcmp(f->overloads[overload], types) != 0)
		overload++;
	assert_true(overload < signature_field_overloads(f));
	for (unsigned i = 0; i < count; i++)
		arguments[i] = (struct signature_argument){.value = values[i]};
	void *memory = malloc(signature_module_state_size());
	struct signature_module_state *s = signature_module_begin(memory, sample, SAMPLE_LEN);
	signature_module_call(s, m->id, f->id, overload, NULL, 0, arguments, count, &ret);
	if (ret.type == SIGNATURE_TYPE_STRING) {
		static char kept[256];
		str_copy_c(ret.text, kept, sizeof(kept));
		ret.text = str_c(kept);
	}
	free(memory);
	return ret;
}

#define ASK(module, function, types, ...)                                                                              \
	ask((module), (function), (types), (const struct signature_value[]){__VA_ARGS__},                              \
	    sizeof((const struct signature_value[]){__VA_ARGS__}) / sizeof(struct signature_value))

static void hash_of_text_and_of_a_part(void **state)
{
	(void)state;
	struct signature_value v = ASK("hash", "md5", "s:s", text("abc"));
	assert_true(str_eq_c(v.text, "900150983cd24fb0d6963f7d28e17f72"));
	v = ASK("hash", "sha1", "s:s", text("abc"));
	assert_true(str_eq_c(v.text, "a9993e364706816aba3e25717850c26c9cd0d89d"));
	/* A part that passes the end is cut there. */
	v = ASK("hash", "md5", "ii:s", integer(0), integer(43));
	assert_true(str_eq_c(v.text, "9e107d9d372bb6826bd81d3542a419d6"));
	v = ASK("hash", "crc32", "ii:i", integer(0), integer(43));
	assert_int_equal(v.integer, 0x414fa339);
	v = ASK("hash", "checksum32", "s:i", text("\xff\x01"));
	assert_int_equal(v.integer, 0x100);
	v = ASK("hash", "sha256", "ii:s", integer((int64_t)SAMPLE_LEN), integer(1));
	assert_int_equal(v.type, SIGNATURE_TYPE_UNDEFINED);
	v = ASK("hash", "sha256", "ii:s", integer(0), integer(-1));
	assert_int_equal(v.type, SIGNATURE_TYPE_UNDEFINED);
}

static void arguments_that_do_not_fit_are_undefined(void **state)
{
	(void)state;
	struct signature_value v = ASK("hash", "md5", "ii:s", text("abc"), integer(1));
	assert_int_equal(v.type, SIGNATURE_TYPE_UNDEFINED);
	v = ASK("hash", "md5", "ii:s", integer(1));
	assert_int_equal(v.type, SIGNATURE_TYPE_UNDEFINED);
}

static void math_of_bytes(void **state)
{
	(void)state;
	struct signature_value v = ASK("math", "entropy", "s:f", text("AABB"));
	assert_true(fabs(v.number - 1.0) < 1e-12);
	v = ASK("math", "count", "i:i", integer(0x80));
	assert_int_equal(v.integer, 6);
	v = ASK("math", "mode", "ii:i", integer(43), integer(7));
	assert_int_equal(v.integer, 0x80);
	/* Signed in a text, unsigned in a file. */
	v = ASK("math", "mean", "s:f", text("\xff"));
	assert_true(fabs(v.number + 1.0) < 1e-12);
	v = ASK("math", "mean", "ii:f", integer(43), integer(1));
	assert_true(fabs(v.number - 255.0) < 1e-12);
	v = ASK("math", "serial_correlation", "s:f", text("aaaa"));
	assert_true(fabs(v.number + 100000.0) < 1e-6);
	v = ASK("math", "monte_carlo_pi", "s:f", text("abcde"));
	assert_int_equal(v.type, SIGNATURE_TYPE_UNDEFINED);
	/* Without a sign. */
	v = ASK("math", "max", "ii:i", integer(-1), integer(5));
	assert_int_equal(v.integer, -1);
	v = ASK("math", "abs", "i:i", integer(-7));
	assert_int_equal(v.integer, 7);
}

/* Fed byte by byte and in one go, over the lengths where blocks and padding meet. */
static void digests_do_not_depend_on_the_pieces(void **state)
{
	uint8_t bytes[200], whole[SIGNATURE_DIGEST_MAX], pieces[SIGNATURE_DIGEST_MAX];
	struct signature_digest_state d;

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (enum signature_digest kind = 0; kind < SIGNATURE_DIGEST__COUNT; kind++)
		for (size_t n = 0; n <= sizeof(bytes); n++) {
			const size_t size = signature_digest_of(kind, str_n(bytes, n), whole);
			signature_digest_begin(&d, kind);
			for (size_t i = 0; i < n; i++)
				signature_digest_update(&d, str_n(&bytes[i], 1));
			signature_digest_final(&d, pieces);
			assert_memory_equal(whole, pieces, size);
		}
	/* FIPS 180-4's example of a million letters. */
	signature_digest_begin(&d, SIGNATURE_DIGEST_SHA256);
	for (unsigned i = 0; i < 100000; i++)
		signature_digest_update(&d, STR("aaaaaaaaaa"));
	signature_digest_final(&d, whole);
	assert_memory_equal(whole, "\xcd\xc7\x6e\x5c\x99\x14\xfb\x92", 8);
}

static void unknown_names_are_told(void **state)
{
	unsigned keys = 0;

	(void)state;
	assert_null(signature_module_find(STR("cuckoo")));
	assert_null(signature_module_at(SIGNATURE_MODULE__COUNT));
	assert_null(signature_field_by_id(SIGNATURE_MODULE_HASH, 99, &keys));
	assert_null(signature_field_find(signature_module_find(STR("hash"))->fields, STR("sha512")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_of_text_and_of_a_part),
		cmocka_unit_test(arguments_that_do_not_fit_are_undefined),
		cmocka_unit_test(math_of_bytes),
		cmocka_unit_test(digests_do_not_depend_on_the_pieces),
		cmocka_unit_test(unknown_names_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
