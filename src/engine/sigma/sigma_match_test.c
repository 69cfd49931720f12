/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Shapes and log sources of events, no allocation in the match loop, swapping under load, the cache, explanations, exclusions. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/sigma/sigma.h"

static struct sigma_ruleset *load(const char *text, const struct sigma_options *options, size_t refused)
{
	struct sigma_loader *loader cleanup(sigma_loader) = sigma_loader_new(options);
	struct sigma_ruleset *set = NULL;
	struct err err = {0};
	assert_int_equal(sigma_loader_add_text(loader, "r.yml", str_c(text), &err), 0);
	if (sigma_loader_compile(loader, &set, &err) < 0)
		fail_msg("%s %s", err.place, err.key);
	assert_int_equal(sigma_loader_refused_count(loader), refused);
	return set;
}

#define RULE(title, source, selection) "title: " title "\nlogsource: {" source "}\ndetection:\n  s: {" selection "}\n  condition: s\n---\n"

static const char source_rules[] =
	RULE("create", "product: windows, category: process_creation", "Image|endswith: \\x.exe") RULE("security", "product: windows, service: security", "EventID: 4688")
	RULE("sysmon", "product: windows, service: sysmon", "EventID: 1") RULE("windows", "product: windows", "Computer: pc1")
	RULE("add", "product: windows, category: registry_add", "EventID: 12") RULE("regdel", "product: windows, category: registry_delete", "EventID: 12")
	RULE("regevent", "product: windows, category: registry_event", "EventID: 12") RULE("av", "category: antivirus", "Signature: eicar")
	RULE("lin", "product: linux, category: process_creation", "Image: /x") RULE("linux", "product: linux", "Image: /x")
	RULE("zeek", "product: zeek, service: conn", "id.orig_h: 1.2.3.4") RULE("aws", "product: aws, service: cloudtrail", "userIdentity.type: Root")
	RULE("m365", "product: m365, service: audit", "Operation: X") RULE("name", "product: windows, service: system", "Provider_Name: P")
	RULE("blank", "product: windows, service: windefend", "ThreatName: T") RULE("data", "product: windows, service: application", "Data|contains: two")
	RULE("web", "category: webserver", "cs-method: GET");

/* Told source, event, the titles that match in order. */
static const struct {
	const char *told, *event, *titles;
} shapes[] = {
	{"", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Image\":\"C:\\\\X.EXE\"}", "create sysmon "},
	{"", "{\"EventID\":1,\"Image\":\"C:\\\\x.exe\",\"Channel\":\"MICROSOFT-WINDOWS-SYSMON/OPERATIONAL\",\"Hostname\":\"pc1\"}", "create sysmon windows "},
	{"", "{\"Channel\":\"Security\",\"EventID\":4688,\"NewProcessName\":\"C:\\\\x.exe\"}", "create security "},
	{"", "{\"Channel\":\"security\",\"EventID\":\"4688\",\"NewProcessName\":\"C:\\\\y.exe\"}", "security "},
	{"", "{\"Event\":{\"System\":{\"EventID\":{\"#text\":1,\"#attributes\":{}},\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Computer\":\"pc1\"},\"EventData\":{\"Image\":\"q\\\\x.exe\"}}}", "create sysmon windows "},
	{"", "{\"event_id\":1,\"log_name\":\"Microsoft-Windows-Sysmon/Operational\",\"computer_name\":\"pc1\",\"event_data\":{\"Image\":\"q\\\\x.exe\"}}", "create sysmon windows "},
	{"", "{\"winlog\":{\"event_id\":\"1\",\"channel\":\"Microsoft-Windows-Sysmon/Operational\",\"event_data\":{\"Image\":\"q\\\\x.exe\"}}}", "create sysmon "},
	{"", "{\"winlog\":{\"event_id\":1,\"channel\":\"Microsoft-Windows-Sysmon/Operational\"},\"process\":{\"executable\":\"q\\\\x.exe\"}}", "create sysmon "},
	{"", "{\"winlog.event_id\":1,\"winlog.channel\":\"Microsoft-Windows-Sysmon/Operational\",\"winlog.event_data.Image\":\"q\\\\x.exe\"}", "create sysmon "},
	{"", "{\"winlog\":{\"event_id\":1,\"channel\":\"Microsoft-Windows-Sysmon/Operational\",\"event_data\":{\"Image\":\"no\"}},\"process\":{\"executable\":\"q\\\\x.exe\"}}", "sysmon "},
	{"", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":12,\"EventType\":\"CreateKey\"}", "add regevent "},
	{"", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":12,\"EventType\":\"DELETEVALUE\"}", "regdel regevent "},
	{"", "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":12,\"EventType\":\"INFO\"}", "regevent "},
	{"", "{\"log_name\":\"Microsoft-Windows-Windows Defender/Operational\",\"event_id\":1116,\"event_data\":{\"Threat Name\":\"T\"}}", "blank "},
	{"", "{\"Channel\":\"Microsoft-Windows-Windows Defender/Operational\",\"EventID\":1116,\"ThreatName\":\"eicar\"}", "av "},
	{"", "{\"Event\":{\"System\":{\"EventID\":1116,\"Channel\":\"Microsoft-Windows-Windows Defender/Operational\"},\"EventData\":{\"Threat Name\":\"Eicar\"}}}", "av "},
	{"", "{\"Channel\":\"Other\",\"EventID\":1,\"Image\":\"x\\\\x.exe\",\"Computer\":\"PC1\"}", "windows "},
	{"", "{\"Event\":{\"System\":{\"EventID\":1,\"Channel\":\"System\",\"Provider\":{\"#attributes\":{\"Name\":\"P\"}}}}}", "name "},
	{"", "{\"Event\":{\"System\":{\"EventID\":1,\"Channel\":\"Application\"},\"EventData\":{\"Data\":[\"one\",\"a two\"]}}}", "data "},
	{"", "{\"Event\":{\"System\":{\"EventID\":1,\"Channel\":\"Application\"},\"EventData\":{\"Data\":{\"#text\":[\"one\",\"a two\"]}}}}", "data "},
	{"", "{\"Event\":{\"System\":{\"EventID\":5,\"Channel\":\"Linux-Sysmon/Operational\"},\"EventData\":{\"Image\":\"/x\"}}}", "linux "},
	{"", "{\"Event\":{\"System\":{\"EventID\":1,\"Channel\":\"Linux-Sysmon/Operational\"},\"EventData\":{\"Image\":\"/x\"}}}", "lin linux "},
	{"", "{\"@stream\":\"conn\",\"id_orig_h\":\"1.2.3.4\"}", "zeek "},
	{"", "{\"@stream\":\"dns\",\"id_orig_h\":\"1.2.3.4\"}", ""},
	{"", "{\"uid\":\"C\",\"_path\":\"conn\",\"id.orig_h\":\"1.2.3.4\"}", "zeek "},
	{"", "{\"eventVersion\":\"1\",\"eventSource\":\"s\",\"awsRegion\":\"r\",\"userIdentity\":{\"type\":\"Root\"},\"cs-method\":\"GET\"}", "aws "},
	{"", "{\"Workload\":\"w\",\"RecordType\":1,\"Operation\":\"x\",\"OrganizationId\":\"o\",\"cs-method\":\"GET\"}", "m365 "},
	/* Nothing known: every rule sees it. */
	{"", "{\"Image\":\"/x\",\"cs-method\":\"GET\"}", "lin linux web "},
	{"category=webserver", "{\"Image\":\"/x\",\"cs-method\":\"GET\"}", "web "},
	{"product=linux", "{\"Image\":\"/x\",\"cs-method\":\"GET\"}", "lin linux "},
	{"product=linux,category=file_event", "{\"Image\":\"/x\"}", "linux "},
	{"product=linux,service=auditd", "{\"Image\":\"/x\"}", "lin linux "},
	/* The event's own fields win over what was told. */
	{"product=linux", "{\"Channel\":\"Security\",\"EventID\":4688,\"Image\":\"/x\"}", "security "},
};

static void sources(void **state)
{
	(void)state;
	struct sigma_ruleset *set = load(source_rules, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		struct sigma_source source = {.lenient = false};
		struct str rest = str_c(shapes[i].told), part;
		while (rest.n > 0 && str_split(&rest, ',', &part)) {
			struct str value = str_sub(part, str_find_char(part, '=') + 1, part.n);
			*(part.p[0] == 'p' ? &source.product : part.p[0] == 'c' ? &source.category : &source.service) = value;
		}
		struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, &source);
		struct buf got cleanup_buf = BUF_INIT(10000);
		const struct sigma_match *matches;
		struct err err = {0};
		int n = sigma_matcher_run(m, str_c(shapes[i].event), &matches, &err);
		assert_true(n >= 0);
		for (int k = 0; k < n; k++)
			buf_printf(&got, "%.*s ", STR_FMT(sigma_ruleset_rule(set, matches[k].rule).title));
		if (!str_eq_c(buf_str(&got), shapes[i].titles))
			fail_msg("%s %s: %s, not %s", shapes[i].told, shapes[i].event, got.p, shapes[i].titles);
	}
	(void)sigma_ruleset_unref(set);
}

/* What is absent speaks for no source: of an unknown event only rules that name none hold by absence. */
static void by_presence(void **state)
{
	(void)state;
	static const char rules[] =
		"title: absent\nlogsource: {product: zeek, service: rdp}\ndetection: {s: {a: x}, condition: not s}\n---\n"
		"title: anywhere\nlogsource: {}\ndetection: {s: {a: x}, condition: not s}\n---\n"
		"title: present\nlogsource: {product: zeek, service: rdp}\ndetection: {s: {b: y}, condition: s}\n";
	static const struct {
		bool by_presence;
		const char *event, *titles;
	} cases[] = {
		{false, "{\"b\":\"y\"}", "absent anywhere present "},
		{true, "{\"b\":\"y\"}", "anywhere present "},
		{true, "{\"@stream\":\"rdp\",\"b\":\"z\"}", "absent anywhere "},
	};
	struct sigma_ruleset *set = load(rules, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct sigma_source source = {.by_presence = cases[i].by_presence};
		struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, &source);
		struct buf got cleanup_buf = BUF_INIT(1000);
		const struct sigma_match *matches;
		int n = sigma_matcher_run(m, str_c(cases[i].event), &matches, NULL);
		for (int k = 0; k < n; k++)
			buf_printf(&got, "%.*s ", STR_FMT(sigma_ruleset_rule(set, matches[k].rule).title));
		if (!str_eq_c(buf_str(&got), cases[i].titles))
			fail_msg("case %zu: %.*s", i, STR_FMT(buf_str(&got)));
	}
	(void)sigma_ruleset_unref(set);
}

static void bad_events(void **state)
{
	(void)state;
	static const struct {
		const char *event, *key;
	} cases[] = {
		{"", "sigma.event_syntax"},          {"x", "sigma.event_syntax"},         {"[]", "sigma.event_syntax"},
		{"{", "sigma.event_syntax"},         {"{\"A\"}", "sigma.event_syntax"},   {"{\"A\":}", "sigma.event_syntax"},
		{"{\"A\":\"x}", "sigma.event_syntax"}, {"{\"A\":1,}", "sigma.event_syntax"}, {"{\"A\":1}x", "sigma.event_syntax"},
		{"{\"A\":nul}", "sigma.event_syntax"}, {"{\"A\":[1}", "sigma.event_syntax"}, {"{\"Z\":[{]}", "sigma.event_syntax"},
		{"{\"A\":1 \"B\":2}", "sigma.event_syntax"}, {"{\"A\":'x'}", "sigma.event_syntax"},
	};
	struct sigma_ruleset *set = load(source_rules, NULL, 0);
	struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, NULL);
	const struct sigma_match *matches;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		assert_int_equal(sigma_matcher_run(m, str_c(cases[i].event), &matches, &err), -EINVAL);
		assert_string_equal(err.key, cases[i].key);
	}
	struct buf deep cleanup_buf = BUF_INIT(10000);
	struct err err = {0};
	for (int i = 0; i < 100; i++)
		buf_append_c(&deep, "{\"a\":");
	assert_int_equal(sigma_matcher_run(m, buf_str(&deep), &matches, &err), -E2BIG);
	assert_string_equal(err.key, "sigma.event_too_deep");
	(void)sigma_ruleset_unref(set);
}

/* Calls for memory by anybody in the process; a sanitizer tells of them, else the C library's own functions stand behind ours. */
static _Atomic size_t asked;

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
/* <sanitizer/allocator_interface.h>, which GCC does not bring. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *p, size_t n)
{
	(void)p;
	(void)n;
	asked++;
}

static void on_free(const volatile void *p)
{
	(void)p;
}

static void count_calls(void)
{
	assert_true(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0);
}
#else
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	asked++;
	return __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
	asked++;
	return __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
	asked++;
	return __libc_realloc(p, n);
}

static void count_calls(void)
{
}
#endif

/* Every way to test a value: Hyperscan, PCRE2 (a look-ahead), keywords, networks, numbers, times, other fields. */
static const char all_ways[] =
	RULE("ways", "category: c", "A|contains: [mm, 'b*d'], B|re: '^x(?=y)', C|cidr: 10.0.0.0/8, D|gt: 5, E|fieldref: A, F|minute: 3, G|re: 'k+z', H|cased: Q")
	"title: words\nlogsource: {category: c}\ndetection: {k: [ammonium, 'q|all'], condition: k}\n---\n"
	"title: never\nlogsource: {category: c}\ndetection: {s: {A|contains: [mm, 'b*d']}, t: {B|re: '^x(?=y)'}, u: {F|minute: 3}, condition: not s or not t or u}\n";
static const char ways_event[] = "{\"A\":\"comma b..d\",\"B\":\"xy\",\"C\":\"10.1.1.1\",\"D\":6,\"E\":\"COMMA b..d\",\"F\":\"2024-01-01T00:03:00Z\","
				 "\"G\":\"\\u006bkz\",\"H\":\"Q\",\"I\":[\"ammonium\",{\"n\":1}]}";

static void no_allocation(void **state)
{
	(void)state;
	struct sigma_ruleset *set = load(source_rules, NULL, 0), *ways = load(all_ways, NULL, 0);
	const struct sigma_match *matches;
	count_calls();
	size_t at_first = asked;
	struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, NULL);
	struct sigma_matcher *w cleanup(sigma_matcher) = sigma_matcher_new(ways, NULL);
	assert_true(asked > at_first);
	assert_int_equal(sigma_matcher_run(w, str_c(ways_event), &matches, NULL), 3);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
			assert_true(sigma_matcher_run(m, str_c(shapes[i].event), &matches, NULL) >= 0);
	size_t before = asked;
	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
			(void)!sigma_matcher_run(m, str_c(shapes[i].event), &matches, NULL);
		(void)!sigma_matcher_run(w, str_c(ways_event), &matches, NULL);
	}
	assert_int_equal(asked, before);
	(void)sigma_ruleset_unref(set);
	(void)sigma_ruleset_unref(ways);
}

struct swapping {
	struct sigma_current *current;
	_Atomic bool stop;
	_Atomic unsigned runs;
};

static void *match_always(void *arg)
{
	struct swapping *s = arg;
	while (!s->stop) {
		struct sigma_ruleset *set = sigma_current_get(s->current);
		struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, NULL);
		const struct sigma_match *matches;
		for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
			if (sigma_matcher_run(m, str_c(shapes[i].event), &matches, NULL) < 0)
				abort();
		(void)sigma_ruleset_unref(set);
		s->runs++;
	}
	return NULL;
}

static void swap_under_load(void **state)
{
	(void)state;
	struct swapping s = {.current = sigma_current_new()};
	pthread_t threads[3];
	assert_null(sigma_current_get(s.current));
	sigma_current_swap(s.current, load(source_rules, NULL, 0));
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, match_always, &s), 0);
	for (int i = 0; i < 8; i++) {
		sigma_current_swap(s.current, load(i % 2 ? source_rules : RULE("one", "product: windows", "A: 1"), NULL, 0));
		while (s.runs < (unsigned)(i + 1) * 3)
			(void)usleep(1000);
	}
	s.stop = true;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		(void)pthread_join(threads[i], NULL);
	sigma_current_free(s.current);
}

/* Turns a byte of each file around, or removes it. */
static void damage_all(const char *dir, bool remove_it)
{
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct buf path cleanup_buf = BUF_INIT(4096);
		if (e->d_name[0] == '.')
			continue;
		buf_printf(&path, "%s/%s", dir, e->d_name);
		if (remove_it) {
			(void)unlink(path.p);
			continue;
		}
		FILE *f = fopen(path.p, "r+b");
		assert_non_null(f);
		(void)fseek(f, 5000, SEEK_SET);
		int c = fgetc(f);
		(void)fseek(f, 5000, SEEK_SET);
		(void)fputc(c ^ 1, f);
		(void)fclose(f);
	}
	(void)closedir(d);
}

static void cached(void **state)
{
	(void)state;
	char dir[] = "/tmp/luytre-sigma-cache.XXXXXX";
	assert_non_null(mkdtemp(dir));
	const struct sigma_options options = {.cache_dir = dir};
	const struct sigma_match *matches;
	const char *with_bad = "title: bad\nlogsource: {category: c}\ndetection: {s: {A|contain: 1}, condition: s}\n---\n"
	                       RULE("good", "category: c", "A|contains: x, B|re: 'y(?=z)'");
	for (int round = 0; round < 3; round++) {
		struct sigma_ruleset *set = load(with_bad, &options, 1);
		assert_int_equal(sigma_ruleset_counts(set).from_cache, round > 0);
		struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, NULL);
		assert_int_equal(sigma_matcher_run(m, STR("{\"A\":\"axb\",\"B\":\"yz\"}"), &matches, NULL), 1);
		assert_int_equal(sigma_matcher_run(m, STR("{\"A\":\"axb\",\"B\":\"y\"}"), &matches, NULL), 0);
		assert_true(str_eq_c(sigma_ruleset_rule(set, 0).title, "good"));
		(void)sigma_ruleset_unref(set);
	}
	struct sigma_ruleset *other = load(RULE("other", "category: c", "A: 2"), &options, 0);
	assert_false(sigma_ruleset_counts(other).from_cache);
	(void)sigma_ruleset_unref(other);
	/* A damaged file is not used, and is made anew. */
	damage_all(dir, false);
	for (int round = 0; round < 2; round++) {
		struct sigma_ruleset *set = load(with_bad, &options, 1);
		assert_int_equal(sigma_ruleset_counts(set).from_cache, round > 0);
		(void)sigma_ruleset_unref(set);
	}
	damage_all(dir, true);
	(void)rmdir(dir);
}

static void explains(void **state)
{
	(void)state;
	struct sigma_ruleset *set = load(RULE("r", "category: c", "A|contains: xy, B: 5") RULE("s", "category: c", "A: q"), NULL, 0);
	struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, NULL);
	struct buf out cleanup_buf = BUF_INIT(1 << 16);
	struct err err = {0};
	assert_int_equal(sigma_explain(m, 0, STR("{\"A\":\"axyb\",\"B\":6}"), &out, &err), 0);
	assert_string_equal(out.p, "{\"rule\":\"\",\"title\":\"r\",\"logsource\":{\"product\":\"\",\"category\":\"c\",\"service\":\"\",\"applies\":true},"
	                           "\"condition_holds\":false,\"matches\":false,\"condition\":{\"identifier\":\"s\",\"kind\":\"and\",\"holds\":false,\"of\":["
	                           "{\"kind\":\"test\",\"holds\":true,\"field\":\"A\",\"test\":\"~ *xy*\",\"present\":true,\"values\":[\"axyb\"]},"
	                           "{\"kind\":\"test\",\"holds\":false,\"field\":\"B\",\"test\":\"= 5\",\"present\":true,\"values\":[\"6\"]}]}}");
	(void)sigma_ruleset_unref(set);
}

static void exclusions(void **state)
{
	(void)state;
	char path[] = "/tmp/luytre-sigma-exclusions.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	static const char head[] = "- {rules: [r], author: An, reason: known, expires: ";
	static const struct {
		const char *tail, *key;
		int64_t now;
		int with, without;
	} cases[] = {
		{"2027-01-01, when: {User|startswith: adm_}}\n", NULL, 1795000000000000, 0, 1},
		{"2026-01-01, when: {User|startswith: adm_}}\n", NULL, 1795000000000000, 1, 1},
		{"2027-01-01}\n", NULL, 1795000000000000, 0, 0},
		{"soon}\n", "sigma.exclusion", 1, 0, 0},
		{"2027-01-01, where: {A: 1}}\n", "sigma.exclusion", 1, 0, 0},
		{"2027-01-01, when: {A|contain: 1}}\n", "sigma.modifier_near", 1, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf text cleanup_buf = BUF_INIT(1000);
		const struct sigma_match *matches;
		const struct sigma_options options = {.exclusions = path, .now_usec = cases[i].now};
		struct err err = {0};
		buf_printf(&text, "%s%s", head, cases[i].tail);
		assert_int_equal(file_write(path, buf_str(&text), 0600, NULL), 0);
		struct sigma_loader *loader cleanup(sigma_loader) = sigma_loader_new(&options);
		struct sigma_ruleset *set = NULL;
		assert_int_equal(sigma_loader_add_text(loader, "r.yml", STR("name: r\n" RULE("r", "category: c", "A: 1")), NULL), 0);
		int r = sigma_loader_compile(loader, &set, &err);
		assert_string_equal(err.key, cases[i].key != NULL ? cases[i].key : "");
		if (r < 0)
			continue;
		struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, NULL);
		assert_int_equal(sigma_matcher_run(m, STR("{\"A\":1,\"User\":\"adm_x\"}"), &matches, NULL), cases[i].with);
		assert_int_equal(sigma_matcher_run(m, STR("{\"A\":1,\"User\":\"bob\"}"), &matches, NULL), cases[i].without);
		(void)sigma_ruleset_unref(set);
	}
	(void)unlink(path);
}

/* A hostile rule is refused within limits; its neighbour loads. */
static void hostile(void **state)
{
	(void)state;
	struct buf text cleanup_buf = BUF_INIT(1 << 23);
	static const char *const values[] = {"A|re: '((a{1,500}){1,500}){1,500}'", "A|re: '(((((((((((((((((((((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))))))))))))))))))))'"};
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		buf_printf(&text, "title: h\nlogsource: {category: c}\ndetection: {s: {%s}, condition: s}\n---\n", values[i]);
	buf_append_c(&text, "title: w\nlogsource: {category: c}\ndetection:\n  s: {A: '");
	for (int i = 0; i < 1000000; i++)
		buf_append_char(&text, i % 2 ? '?' : '*');
	buf_append_c(&text, "'}\n  condition: s\n---\ntitle: d\nlogsource: {category: c}\ndetection:\n  s: {A: 1}\n  condition: ");
	for (int i = 0; i < 3000; i++)
		buf_append_c(&text, "(");
	buf_append_c(&text, "s\n---\n" RULE("good", "category: c", "A: 1"));
	struct sigma_ruleset *set = load(text.p, NULL, 4);
	assert_int_equal(sigma_ruleset_count(set), 1);
	(void)sigma_ruleset_unref(set);
	/* Backtracking without end is given up and counted. */
	set = load(RULE("slow", "category: c", "A|re: '^(a+)+\\1$'"), NULL, 0);
	struct sigma_matcher *m cleanup(sigma_matcher) = sigma_matcher_new(set, NULL);
	const struct sigma_match *matches;
	assert_int_equal(sigma_matcher_run(m, STR("{\"A\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}"), &matches, NULL), 0);
	assert_int_equal(sigma_matcher_counters(m).regex_gave_up, 1);
	(void)sigma_ruleset_unref(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources),    cmocka_unit_test(by_presence),
		cmocka_unit_test(bad_events), cmocka_unit_test(no_allocation), cmocka_unit_test(swap_under_load),
		cmocka_unit_test(cached),     cmocka_unit_test(explains),   cmocka_unit_test(exclusions),    cmocka_unit_test(hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
