/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The mapped set against a naive one that compares texts, over random lists and questions; expiry; what is normalised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/indicator/indicator.h"

#define NOW (USEC_PER_DAY * 20000)

static char path[256];

static struct indicator_set *set_of(const char *lines, struct indicator_built *built)
{
	struct indicator_builder *b;
	struct indicator_set *s;
	assert_int_equal(indicator_builder_new(path, indicator_count_lines(str_c(lines)), &b, NULL), 0);
	assert_int_equal(indicator_builder_add(b, STR("list"), str_c(lines), NULL), 0);
	assert_int_equal(indicator_builder_commit(b, built, NULL), 0);
	assert_int_equal(indicator_set_open(path, &s, NULL), 0);
	return s;
}

/* ---- cases ---- */

static const char lines[] =
	"# comment\n\n"
	"md5\td41d8cd98f00b204e9800998ecf8427e\n"
	"sha1\tDA39A3EE5E6B4B0D3255BFEF95601890AFD80709\t\t\t90\n"
	"sha256\te3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
	"domain\tXấu.Example.VN.\t\tnguồn\n"
	"domain\told.vn\t2020-01-01T00:00:00Z\n"
	"domain\tlater.vn\t2020-01-01T00:00:00Z\n"
	"domain\tlater.vn\t2100-01-01T00:00:00Z\n"
	"url\tHTTP://User@Evil.vn:80/%7Ea%2fb?q=1#f\r\n"
	"url\thttps://evil.vn\n"
	"ip\t10.1.0.0/16\n"
	"ip\t192.0.2.7\n"
	"ip\t2001:db8::/32\n"
	"file_name\tMimikatz.EXE\n"
	"md5\tnot-a-hash\nip\t300.1.1.1\nip\t10.0.0.0/33\ndomain\t\nnothing\nurl\tno-scheme\ndomain\tx.vn\t\t\t101\n";

static const struct {
	enum indicator_type type;
	const char *value, *matched; /* NULL: not found */
} cases[] = {
	{INDICATOR_MD5, "D41D8CD98F00B204E9800998ECF8427E", "D41D8CD98F00B204E9800998ECF8427E"},
	{INDICATOR_MD5, "d41d8cd98f00b204e9800998ecf8427f", NULL},
	{INDICATOR_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
	{INDICATOR_MD5, "da39a3ee5e6b4b0d3255bfef95601890afd80709", NULL},
	{INDICATOR_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{INDICATOR_DOMAIN, "xấu.example.vn", "xấu.example.vn"},
	{INDICATOR_DOMAIN, "a.b.XẤU.example.vn", "XẤU.example.vn"},
	{INDICATOR_DOMAIN, "example.vn", NULL},
	{INDICATOR_DOMAIN, "yxấu.example.vn", NULL},
	{INDICATOR_DOMAIN, "old.vn", NULL},
	{INDICATOR_DOMAIN, "later.vn.", "later.vn"},
	{INDICATOR_DOMAIN, "x.vn", NULL},
	{INDICATOR_URL, "http://evil.vn/~a%2Fb?q=1", "http://evil.vn/~a%2Fb?q=1"},
	{INDICATOR_URL, "https://EVIL.vn:443/", "https://EVIL.vn:443/"},
	{INDICATOR_URL, "http://evil.vn/", NULL},
	{INDICATOR_IP, "10.1.255.3", "10.1.255.3"},
	{INDICATOR_IP, "10.2.0.0", NULL},
	{INDICATOR_IP, "::ffff:10.1.2.3", "::ffff:10.1.2.3"},
	{INDICATOR_IP, "192.0.2.7", "192.0.2.7"},
	{INDICATOR_IP, "192.0.2.6", NULL},
	{INDICATOR_IP, "2001:db8:1::1", "2001:db8:1::1"},
	{INDICATOR_IP, "2001:db9::1", NULL},
	{INDICATOR_IP, "evil", NULL},
	{INDICATOR_FILE_NAME, "C:\\Temp\\mimikatz.exe", "C:\\Temp\\mimikatz.exe"},
	{INDICATOR_FILE_NAME, "/tmp/mimikatz", NULL},
};

static void test_cases(void **state)
{
	struct indicator_built built;
	struct indicator_hit hit;
	(void)state;
	cleanup(indicator_set) struct indicator_set *s = set_of(lines, &built);
	assert_int_equal(built.entries, 12);
	assert_int_equal(built.repeated, 1);
	assert_int_equal(built.bad, 7);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool found = indicator_find(s, cases[i].type, str_c(cases[i].value), NOW, &hit);
		if (found != (cases[i].matched != NULL) || (found && !str_eq_c(hit.matched, cases[i].matched)))
			fail_msg("%s: %s", cases[i].value, found ? "found" : "not found");
	}
	assert_true(indicator_find(s, INDICATOR_DOMAIN, STR("xấu.example.vn"), NOW, &hit));
	assert_true(str_eq_c(hit.source, "nguồn") && hit.confidence == 50);
	assert_true(indicator_find(s, INDICATOR_SHA1, STR("da39a3ee5e6b4b0d3255bfef95601890afd80709"), NOW, &hit));
	assert_true(str_eq_c(hit.source, "list") && hit.confidence == 90);
	/* To the hour. */
	const usec_t end = clock_from_civil(&(struct clock_date){.year = 2020, .month = 1, .day = 1}, 0, &(usec_t){0}) ? 1577836800 * USEC_PER_SEC : 0;
	assert_true(indicator_find(s, INDICATOR_DOMAIN, STR("old.vn"), end - 1, &hit));
	assert_false(indicator_find(s, INDICATOR_DOMAIN, STR("old.vn"), end, &hit));
}

/* ---- differential ---- */

static uint64_t state_of_random = 4;

static unsigned pick(unsigned n)
{
	state_of_random = state_of_random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state_of_random >> 33) % n;
}

struct naive {
	enum indicator_type type;
	char value[40];
	unsigned bits;
	usec_t expires;
};

static void random_name(char *out, size_t size)
{
	struct buf b = BUF_FIXED(out, size);
	for (unsigned labels = 1 + pick(3), i = 0; i < labels; i++)
		buf_printf(&b, "%s%c%u", i > 0 ? "." : "", "ab"[pick(2)], pick(12));
}

static void random_one(struct naive *n)
{
	struct buf b = BUF_FIXED(n->value, sizeof n->value);
	*n = (struct naive){.type = (enum indicator_type[]){INDICATOR_DOMAIN, INDICATOR_IP, INDICATOR_FILE_NAME}[pick(3)],
	                    .expires = pick(3) == 0 ? NOW + ((int)pick(5) - 2) * USEC_PER_DAY : 0};
	if (n->type == INDICATOR_IP)
		buf_printf(&b, "10.%u.%u.%u", pick(4), pick(4), pick(8));
	else
		random_name(n->value, sizeof n->value);
	n->bits = pick(2) == 0 ? 32 : 8 + pick(25);
}

static uint32_t number_of(const char *address)
{
	uint32_t v = 0;
	struct str rest = str_c(address), part;
	uint64_t n;
	while (str_split(&rest, '.', &part) && str_parse_u64(part, 0, 255, &n))
		v = v << 8 | (uint32_t)n;
	return v;
}

static bool naive_holds(const struct naive *list, size_t count, const struct naive *q)
{
	for (size_t i = 0; i < count; i++) {
		const struct naive *n = &list[i];
		if (n->type != q->type || (n->expires != 0 && n->expires <= NOW))
			continue;
		struct str v = str_c(q->value), w = str_c(n->value);
		if (n->type == INDICATOR_IP) {
			uint32_t mask = (uint32_t)(0xffffffffULL << (32 - n->bits));
			if ((number_of(n->value) & mask) == (number_of(q->value) & mask))
				return true;
		} else if (str_eq(v, w) || (n->type == INDICATOR_DOMAIN && v.n > w.n && str_ends_with(v, w) && v.p[v.n - w.n - 1] == '.')) {
			return true;
		}
	}
	return false;
}

static void test_differential(void **state)
{
	static struct naive list[300];
	size_t found = 0;
	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		cleanup_buf struct buf text = BUF_INIT(1 << 20);
		size_t count = pick(ARRAY_LEN(list));
		for (size_t i = 0; i < count; i++) {
			char at[CLOCK_ISO_SIZE] = "";
			random_one(&list[i]);
			if (list[i].expires != 0)
				(void)clock_iso(list[i].expires, at);
			buf_printf(&text, "%s\t%s", indicator_type_name(list[i].type), list[i].value);
			if (list[i].type == INDICATOR_IP)
				buf_printf(&text, "/%u", list[i].bits);
			buf_printf(&text, "\t%s\n", at);
		}
		cleanup(indicator_set) struct indicator_set *s = set_of(text.n > 0 ? text.p : "", NULL);
		for (unsigned i = 0; i < 2000; i++) {
			struct naive q;
			struct indicator_hit hit;
			random_one(&q);
			bool wanted = naive_holds(list, count, &q);
			found += wanted;
			if (indicator_find(s, q.type, str_c(q.value), NOW, &hit) != wanted)
				fail_msg("round %u: %s", round, q.value);
		}
	}
	assert_true(found > 1000);
}

static void test_full_and_broken(void **state)
{
	struct indicator_builder *b;
	struct indicator_set *s;
	struct err err = {0};
	char name[64];
	(void)state;
	assert_int_equal(indicator_builder_new(path, 100, &b, NULL), 0);
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "domain\td%u.vn\n", i);
		assert_int_equal(indicator_builder_add(b, STR("l"), str_c(name), NULL), 0);
	}
	assert_int_equal(indicator_builder_add(b, STR("l"), STR("domain\tone-more.vn\n"), &err), -E2BIG);
	indicator_builder_abandon(b);
	assert_int_equal(indicator_set_parse(STR("LTINDIC2"), &s, &err), -EBADMSG);
	(void)unlink(path);
	assert_int_equal(indicator_set_open(path, &s, &err), -ENOENT);
}

int main(void)
{
	char dir[] = "/tmp/indicator-XXXXXX";
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_differential),
	                                   cmocka_unit_test(test_full_and_broken)};
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof path, "%s/x.image", dir);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}
