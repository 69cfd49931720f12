/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Hostile images: cut, of another version, and with any byte changed under a checksum that fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/signature/signature.h"
#include "engine/signature/signature_image.h"

static void build(struct buf *out)
{
	const struct signature_build_options options = {.externals = signature_externals_usual, .external_count = SIGNATURE_EXTERNALS_USUAL};
	struct signature_build *b cleanup(signature_build) = signature_build_new(&options);
	assert_int_equal(signature_build_yara(b, STR("s"), "t.yar", STR(
		"import \"pe\"\nimport \"math\"\n"
		"rule p : tag { meta: m = \"text\" n = 1 strings: $a = \"abc\" $b = { 61 ?? 63 } $c = /x+y/ condition: 2 of them and filename matches /a/ }\n"
		"rule q { strings: $a = \"abc\" condition: p or for any of them : (@ > 1 and for all i in (1, 2, #a) : (@a[i] + 1 == 4294967296)) }\n"
		"rule r { condition: any of (p, q) or for any s in pe.sections : (s.name contains \".t\" and math.entropy(0, filesize) > 1.5) }\n"
		"rule s { condition: nowhere }\nrule t { condition: for 2 i in (0..filesize) : (uint8(i) == 1) and -1 < entrypoint }"), NULL), 0);
	assert_int_equal(signature_build_finish(b, out, NULL), 0);
}

static bool on_hit(void *ctx, const struct signature_hit *hit)
{
	struct signature_found f;
	(void)ctx;
	for (uint32_t i = 0; i < 4; i++)
		(void)signature_hit_string(hit, i, 0, &f);
	return true;
}

/* Opens; where that succeeds, everything is read and run. */
static bool use(const char *bytes, size_t n)
{
	struct signature_image *image cleanup(signature_image) = NULL;
	struct signature_rest rest;
	struct str a, b;
	if (signature_image_open(bytes, n, &image, NULL) < 0)
		return false;
	for (uint32_t i = 0; i < signature_image_rules(image); i++) {
		struct signature_rule rule;
		struct signature_meta meta;
		assert_true(signature_image_rule(image, i, &rule));
		(void)signature_image_meta(image, i, 0, &meta);
		(void)signature_image_tag(image, i, 0);
	}
	(void)signature_image_find(image, STR("s"), STR("zz"));
	for (uint32_t i = 0; signature_image_rest(image, i, &rest); i++)
		;
	for (uint32_t i = 0; signature_image_fallback(image, i, &a, &b); i++)
		;
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	(void)signature_scan(scanner, (const uint8_t *)"zabc xxy a-c", 12, NULL, 0, on_hit, NULL);
	return true;
}

static void seal(char *bytes, size_t n)
{
	struct image_head head;
	memcpy(&head, bytes, sizeof head);
	head.checksum = signature_image_checksum(str_n(bytes + sizeof head, n - sizeof head));
	memcpy(bytes, &head, sizeof head);
}

static void every_change_is_seen(void **state)
{
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	(void)state;
	build(&out);
	assert_true(use(out.p, out.n));
	for (size_t i = 0; i < out.n; i += 13) {
		out.p[i] = (char)(out.p[i] ^ 0x10);
		assert_false(use(out.p, out.n));
		out.p[i] = (char)(out.p[i] ^ 0x10);
	}
}

static void cuts_are_seen(void **state)
{
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	(void)state;
	build(&out);
	for (size_t n = 0; n < out.n; n += n < 600 ? 1 : 997) {
		struct image_head head;
		assert_false(use(out.p, n));
		if (n < sizeof head)
			continue;
		/* Also with a head that owns up to the cut. */
		char *cut = mem_alloc(n);
		memcpy(cut, out.p, n);
		memcpy(&head, cut, sizeof head);
		head.size = n;
		memcpy(cut, &head, sizeof head);
		seal(cut, n);
		(void)use(cut, n);
		mem_free(cut);
	}
}

/* The checksum fits: then opening itself must find what could do harm (the sanitizers watch). */
static void no_change_does_harm(void **state)
{
	static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	unsigned opened = 0, tried = 0;
	(void)state;
	build(&out);
	/* The tables of patterns are most of the bytes, and not this test's matter alone: a part of them will do. */
	for (size_t i = sizeof(struct image_head); i < out.n; i += i < 2600 ? 2 : 1499) {
		const char was = out.p[i];
		out.p[i] = (char)values[(i * 7 + i / 5) % sizeof values];
		seal(out.p, out.n);
		opened += use(out.p, out.n);
		tried++;
		out.p[i] = was;
	}
	assert_true(opened > 0 && opened < tried);
}

static void other_versions_are_named(void **state)
{
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	struct signature_image *image;
	struct err err = {0};
	struct image_head head;
	(void)state;
	build(&out);
	memcpy(&head, out.p, sizeof head);
	head.version++;
	memcpy(out.p, &head, sizeof head);
	assert_int_equal(signature_image_open(out.p, out.n, &image, &err), -ENOTSUP);
	assert_string_equal(err.key, "signature.image_version");
	assert_int_equal(signature_image_open("", 0, &image, &err), -EINVAL);
	assert_true(signature_image_map("/nowhere/image", &image, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_seen),
		cmocka_unit_test(cuts_are_seen),
		cmocka_unit_test(no_change_does_harm),
		cmocka_unit_test(other_versions_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
