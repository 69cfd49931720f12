/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/detect/detect_set.h"
#include "service/endpoint/endpoint.h"
#include "service/rule/rule_archive.h"
#include "service/service_test_support.h"

static int run_here(void *ctx, enum rulebook_job job, struct str input, struct buf *ret, struct err *err)
{
	(void)ctx;
	return rulebook_run(job, input, ret, err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

struct place {
	struct world w;
	char dir[64];
	struct service_worker worker;
};

static void begin(struct place *p, struct db *db)
{
	const struct service *rooms[] = {&endpoint_service, &rule_service, NULL};
	(void)snprintf(p->dir, sizeof p->dir, "/tmp/luytre-rule-test.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	world_init(&p->w, db, p->dir, rooms);
	p->worker = (struct service_worker){.rulebook = run_here};
	p->w.sc.worker = &p->worker;
	p->w.sc.jobs = job_runner_new(2);
}

static void end(struct place *p)
{
	job_runner_free(p->w.sc.jobs);
	world_done(&p->w);
	(void)nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define RULE(title, id, extra)                                                                                         \
	"title: " title "\nid: 00000000-0000-4000-8000-0000000000" id "\nstatus: test\nlevel: high\n" \
	"tags: [attack.t1059]\nlogsource: {product: windows, category: process_creation}\n"                              \
	"detection:\n  s: {CommandLine|contains: " extra "}\n  condition: s\n"

/* A tar of rules, by hand: 512-byte heads. */
static void put_file(struct buf *out, const char *name, const char *text)
{
	char head[512] = {0};
	unsigned sum = 0;
	(void)snprintf(head, 100, "%s", name);
	(void)snprintf(head + 100, 8, "%07o", 0644u);
	(void)snprintf(head + 108, 8, "%07o", 0u);
	(void)snprintf(head + 116, 8, "%07o", 0u);
	(void)snprintf(head + 124, 12, "%011o", (unsigned)strlen(text));
	(void)snprintf(head + 136, 12, "%011o", 0u);
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof head; i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum);
	buf_append(out, str_n(head, sizeof head));
	buf_append_c(out, text);
	while (out->n % 512 != 0)
		buf_append_char(out, '\0');
}

/* As the route's job does, without waiting for it. */
static void bring(struct place *p, const char *name, struct str bytes, struct uuid *ret_archive)
{
	struct err err = {0};
	struct world_answer a;
	char target[200];
	(void)snprintf(target, sizeof target, "/api/v1/rule-archives/upload?name=%s&file=x.tar", name);
	/* The body may hold NUL: what the test support hands on ends there, so the archive is made by the route with a
	 * small text, and the bytes are imported as its job would. */
	a = world_call(&p->w, &(struct world_call){.as = &p->w.admin, .method = "POST", .target = target, .body = "x"});
	assert_int_equal(a.status, 202);
	assert_true(uuid_parse(str_c(world_text(&a, "archive_id")), ret_archive));
	struct uuid job;
	assert_true(uuid_parse(str_c(world_text(&a, "job_id")), &job));
	world_answer_done(&a);
	struct job_status status = {0};
	while (job_status(p->w.sc.jobs, &job, &status) && status.state < JOB_DONE)
		(void)usleep(2000);
	assert_int_equal(status.state, JOB_FAILED); /* "x" is no rule: noted with the archive */
	assert_string_equal(status.err.key, "rulebook.no_rules");
	const struct rule_import import = {.archive_id = *ret_archive, .file = STR("x.tar"), .label = STR("r1"), .access = p->w.admin};
	world_must(rule_archive_import(&p->w.sc, &import, bytes, &err), &err);
}

static int64_t number(struct place *p, const char *target, const char *path)
{
	cleanup_answer struct world_answer a = world_call(&p->w, &(struct world_call){.as = &p->w.admin, .method = "GET", .target = target});
	assert_int_equal(a.status, 200);
	int64_t n = -1;
	(void)str_parse_i64(str_c(world_text(&a, path)), INT64_MIN, INT64_MAX, &n);
	return n;
}

static int call(struct place *p, const struct access *as, const char *method, const char *target, const char *body, const char *match, char *key)
{
	cleanup_answer struct world_answer a =
	    world_call(&p->w, &(struct world_call){.as = as, .method = method, .target = target, .body = body, .if_match = match});
	if (key != NULL)
		(void)snprintf(key, ERR_KEY_SIZE, "%s", a.key);
	return a.status;
}

static void archives(struct db *db, const char *url)
{
	struct place p;
	struct uuid archive;
	char id[UUID_TEXT_SIZE], target[200], body[200];
	cleanup_buf struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
	(void)url;
	begin(&p, db);
	int64_t own = number(&p, "/api/v1/rules", "total");
	assert_true(own >= 6);
	put_file(&one, "r/a.yml", RULE("A", "01", "'aa'"));
	put_file(&one, "r/b.yml", RULE("B", "02", "'bb'"));
	put_file(&one, "r/bad.yml", "title: Bad\ndetection:\n  s: {A|nomod: 1}\n  condition: s\nlogsource: {product: x}\n");
	put_file(&two, "r/moved.yml", RULE("A", "01", "'aa'"));
	put_file(&two, "r/b.yml", RULE("B", "02", "'b2'"));
	put_file(&two, "r/c.yml", RULE("C", "03", "'cc'"));
	bring(&p, "Test", buf_str(&one), &archive);
	(void)uuid_text(&archive, id);
	/* Nothing counts before somebody has looked at it. */
	assert_int_equal(number(&p, "/api/v1/rules", "total"), own);
	(void)snprintf(target, sizeof target, "/api/v1/rule-archives/%s/difference", id);
	struct world_answer d = world_call(&p.w, &(struct world_call){.as = &p.w.admin, .method = "GET", .target = target});
	assert_string_equal(world_text(&d, "counts.new"), "3");
	assert_string_equal(world_text(&d, "counts.refused"), "1");
	(void)snprintf(body, sizeof body, "{\"edition_id\":\"%s\"}", world_text(&d, "edition_id"));
	world_answer_done(&d);
	(void)snprintf(target, sizeof target, "/api/v1/rule-archives/%s/apply", id);
	assert_int_equal(call(&p, &p.w.east_officer, "POST", target, body, NULL, NULL), 403);
	assert_int_equal(call(&p, &p.w.admin, "POST", target, body, NULL, NULL), 200);
	assert_int_equal(number(&p, "/api/v1/rules", "total"), own + 3);
	assert_int_equal(number(&p, "/api/v1/rules?state=refused", "total"), 1);
	assert_int_equal(number(&p, "/api/v1/rules?product=windows&category=process_creation&tag=attack.t1059", "total"), 2);
	/* Off by hand stays off through editions, moves and the way back. */
	assert_int_equal(call(&p, &p.w.admin, "POST", "/api/v1/rules/switch", "{\"enabled\":false,\"q\":\"r/a.yml\"}", NULL, NULL), 200);
	assert_int_equal(number(&p, "/api/v1/rules?state=off", "total"), 1);
	const struct rule_import import = {.archive_id = archive, .file = STR("x.tar"), .label = STR("r2"), .access = p.w.admin};
	struct err err = {0};
	world_must(rule_archive_import(&p.w.sc, &import, buf_str(&two), &err), &err);
	(void)snprintf(target, sizeof target, "/api/v1/rule-archives/%s/difference", id);
	d = world_call(&p.w, &(struct world_call){.as = &p.w.admin, .method = "GET", .target = target});
	assert_string_equal(world_text(&d, "counts.new"), "1");
	assert_string_equal(world_text(&d, "counts.changed"), "1");
	assert_string_equal(world_text(&d, "counts.gone"), "1");
	assert_string_equal(world_text(&d, "counts.same"), "1");
	assert_string_equal(world_text(&d, "gone.0.title"), "Bad");
	(void)snprintf(body, sizeof body, "{\"edition_id\":\"%s\"}", world_text(&d, "edition_id"));
	world_answer_done(&d);
	(void)snprintf(target, sizeof target, "/api/v1/rule-archives/%s/apply", id);
	assert_int_equal(call(&p, &p.w.admin, "POST", target, body, NULL, NULL), 200);
	assert_int_equal(number(&p, "/api/v1/rules", "total"), own + 3);
	assert_int_equal(number(&p, "/api/v1/rules?state=gone", "total"), 1);
	assert_int_equal(number(&p, "/api/v1/rules?state=off&q=moved", "total"), 1);
	(void)snprintf(target, sizeof target, "/api/v1/rule-archives/%s/back", id);
	assert_int_equal(call(&p, &p.w.admin, "POST", target, NULL, NULL, NULL), 200);
	assert_int_equal(number(&p, "/api/v1/rules?state=off&q=r/a.yml", "total"), 1);
	assert_int_equal(number(&p, "/api/v1/rules?state=gone", "total"), 1); /* C */
	assert_int_equal(number(&p, "/api/v1/rules?state=refused", "total"), 1);
	end(&p);
}

static int ask_since(struct db_tx *tx, void *ctx, struct err *err)
{
	usec_t *told = ctx;
	int r = rule_since(tx, STR("00000000-0000-4000-8000-000000000099"), &told[0], err);
	return r < 0 ? r : rule_since(tx, STR("no such rule"), &told[1], err);
}

static void written(struct db *db, const char *url)
{
	struct place p;
	char target[300], key[ERR_KEY_SIZE], id[UUID_TEXT_SIZE];
	static const char rule[] = "{\"text\":\"title: Mine\\nid: 00000000-0000-4000-8000-000000000099\\nlogsource: {product: windows}\\ndetection:\\n  s: {A: b}\\n  condition: s\\n\"}";
	static const char changed[] = "{\"text\":\"title: Mine too\\nid: 00000000-0000-4000-8000-000000000099\\nlogsource: {product: windows}\\ndetection:\\n  s: {A: c}\\n  condition: s\\n\"}";
	static const char bad[] = "{\"text\":\"title: Mine\\nlogsource: {product: windows}\\ndetection:\\n  s: {A|x: b}\\n  condition: s\\n\"}";
	(void)url;
	begin(&p, db);
	assert_int_equal(call(&p, &p.w.nobody, "POST", "/api/v1/rules", rule, NULL, NULL), 403);
	assert_int_equal(call(&p, &p.w.east_officer, "POST", "/api/v1/rules", rule, NULL, NULL), 403);
	assert_int_equal(call(&p, &p.w.admin, "POST", "/api/v1/rules", bad, NULL, key), 400);
	assert_string_equal(key, "sigma.modifier_near");
	struct world_answer a = world_call(&p.w, &(struct world_call){.as = &p.w.admin, .method = "POST", .target = "/api/v1/rules", .body = rule});
	assert_int_equal(a.status, 201);
	(void)snprintf(id, sizeof id, "%s", world_text(&a, "id"));
	world_answer_done(&a);
	(void)snprintf(target, sizeof target, "/api/v1/rules/%s", id);
	assert_int_equal(call(&p, &p.w.admin, "PATCH", target, changed, "\"7\"", NULL), 412);
	assert_int_equal(call(&p, &p.w.admin, "PATCH", target, changed, "\"1\"", NULL), 200);
	/* Since when it is on: not when it was changed, but when it was switched on again. Ours: since ever. */
	static const char since[] = "SELECT since FROM rule WHERE sigma_id = '00000000-0000-4000-8000-000000000099'";
	assert_int_equal(world_sql_count(&p.w, since), WORLD_START);
	world_clock = WORLD_START + USEC_PER_DAY;
	for (int on = 0; on < 2; on++) {
		char body[100];
		(void)snprintf(body, sizeof body, "{\"enabled\":%s,\"ids\":[\"%s\"]}", on ? "true" : "false", id);
		assert_int_equal(call(&p, &p.w.admin, "POST", "/api/v1/rules/switch", body, NULL, NULL), 200);
		assert_int_equal(world_sql_count(&p.w, since), WORLD_START + (on ? USEC_PER_DAY : 0));
	}
	assert_int_equal(world_sql_count(&p.w, "SELECT count(*) FROM rule WHERE origin = 0 AND since = 0"), 0);
	usec_t told[2] = {-1, -1};
	world_must(db_read(p.w.sc.db, ask_since, told, &(struct err){.code = 0}), &(struct err){.code = 0});
	assert_int_equal(told[0], WORLD_START + USEC_PER_DAY);
	assert_int_equal(told[1], 0);
	world_clock = WORLD_START;
	/* Exclusions: a reason, an end, a condition that Sigma takes. */
	(void)snprintf(target, sizeof target, "/api/v1/rules/%s/exclusions", id);
	assert_int_equal(call(&p, &p.w.admin, "POST", target, "{\"reason\":\"vì sao\",\"expires_at\":\"2020-01-01T00:00:00Z\"}", NULL, key), 400);
	assert_string_equal(key, "rule.exclusion_end");
	assert_int_equal(call(&p, &p.w.admin, "POST", target, "{\"reason\":\"vì sao\",\"expires_at\":\"2027-01-01T00:00:00Z\",\"condition\":\"User|nomod: x\"}", NULL, key), 400);
	assert_string_equal(key, "sigma.modifier");
	assert_int_equal(call(&p, &p.w.admin, "POST", target, "{\"reason\":\"vì sao\",\"expires_at\":\"2027-01-01T00:00:00Z\",\"condition\":\"User: x\\n...\\n- rules: [y]\"}", NULL, key), 400);
	assert_int_equal(call(&p, &p.w.admin, "POST", target, "{\"reason\":\"vì \\\"sao\\\"\",\"expires_at\":\"2027-01-01T00:00:00Z\",\"condition\":\"User|startswith: svc_\"}", NULL, NULL), 201);
	(void)snprintf(target, sizeof target, "/api/v1/rules/%s", id);
	a = world_call(&p.w, &(struct world_call){.as = &p.w.admin, .method = "GET", .target = target});
	assert_string_equal(world_text(&a, "title"), "Mine too");
	assert_string_equal(world_text(&a, "exclusion_list.0.state"), "active");
	char exclusion[UUID_TEXT_SIZE];
	(void)snprintf(exclusion, sizeof exclusion, "%s", world_text(&a, "exclusion_list.0.id"));
	world_answer_done(&a);
	/* What detection gets. */
	bool wrote = false;
	struct err err = {0};
	struct detect_set *set = NULL;
	cleanup_buf struct buf path = BUF_INIT(4096);
	world_must(rule_set_write(&p.w.sc, &wrote, &err), &err);
	assert_true(wrote);
	world_must(rule_set_write(&p.w.sc, &wrote, &err), &err);
	assert_false(wrote);
	rule_set_path(&p.w.sc, &path);
	world_must(detect_set_open(path.p, &set, &err), &err);
	assert_true(detect_set_count_of(set, DETECT_SET_RULE) >= 7);
	assert_int_equal(detect_set_count_of(set, DETECT_SET_EXCLUSIONS), 1);
	for (size_t i = 0; i < detect_set_count(set); i++) {
		struct detect_set_entry e = detect_set_entry(set, i);
		if (e.kind == DETECT_SET_EXCLUSIONS)
			assert_true(str_find(e.body, STR("reason: \"vì \\\"sao\\\"\"\n  expires: \"2027-01-01T00:00:00")) != SIZE_MAX &&
			            str_find(e.body, STR("  when:\n    User|startswith: svc_\n")) != SIZE_MAX);
	}
	detect_set_free(set);
	/* It runs out: the set is written anew without it. */
	world_clock = WORLD_START + 60 * USEC_PER_DAY;
	world_must(rule_tick(&p.w.sc, &err), &err);
	world_must(rule_set_write(&p.w.sc, &wrote, &err), &err);
	assert_true(wrote);
	world_must(detect_set_open(path.p, &set, &err), &err);
	assert_int_equal(detect_set_count_of(set, DETECT_SET_EXCLUSIONS), 0);
	detect_set_free(set);
	(void)snprintf(target, sizeof target, "/api/v1/rules/%s/exclusions/%s", id, exclusion);
	assert_int_equal(call(&p, &p.w.admin, "DELETE", target, NULL, NULL, NULL), 200);
	assert_int_equal(call(&p, &p.w.admin, "DELETE", target, NULL, NULL, NULL), 404);
	(void)snprintf(target, sizeof target, "/api/v1/rules/%s", id);
	assert_int_equal(call(&p, &p.w.admin, "DELETE", target, NULL, "*", NULL), 204);
	assert_int_equal(call(&p, &p.w.admin, "GET", target, NULL, NULL, NULL), 404);
	assert_true(world_sql_count(&p.w, "SELECT count(*) FROM audit WHERE action LIKE 'rule.%'") >= 5);
	end(&p);
}

static void switching(struct db *db, const char *url)
{
	struct place p;
	char target[200], key[ERR_KEY_SIZE];
	(void)url;
	begin(&p, db);
	int64_t on = number(&p, "/api/v1/rules?state=on", "total");
	assert_int_equal(call(&p, &p.w.admin, "POST", "/api/v1/rules/switch", "{\"enabled\":false}", NULL, key), 400);
	assert_string_equal(key, "rule.switch_what");
	struct world_answer a = world_call(&p.w, &(struct world_call){.as = &p.w.admin, .method = "POST", .target = "/api/v1/rules/switch",
	                                                             .body = "{\"enabled\":false,\"product\":\"luytre\"}"});
	assert_int_equal(a.status, 200);
	assert_true(strcmp(world_text(&a, "changed"), "5") == 0);
	(void)snprintf(target, sizeof target, "/api/v1/rules/switch/%s/undo", world_text(&a, "undo"));
	world_answer_done(&a);
	assert_int_equal(number(&p, "/api/v1/rules?state=on", "total"), on - 5);
	assert_int_equal(call(&p, &p.w.admin, "POST", target, NULL, NULL, NULL), 200);
	assert_int_equal(number(&p, "/api/v1/rules?state=on", "total"), on);
	assert_int_equal(call(&p, &p.w.admin, "POST", target, NULL, NULL, NULL), 404);
	/* The own pack is loaded once, and again only when it is another one. */
	struct err err = {0};
	int64_t before = world_sql_count(&p.w, "SELECT changed FROM rule_set_state");
	world_must(rule_own_load(&p.w.sc, &err), &err);
	assert_int_equal(world_sql_count(&p.w, "SELECT changed FROM rule_set_state"), before);
	end(&p);
}

static void checking(struct db *db, const char *url)
{
	struct place p;
	(void)url;
	begin(&p, db);
	struct world_answer a = world_call(
	    &p.w, &(struct world_call){.as = &p.w.admin, .method = "POST", .target = "/api/v1/rules/check",
	                               .body = "{\"text\":\"title: T\\nlogsource: {product: windows}\\ndetection:\\n  s: {A|nomod: 1}\\n  condition: s\\n\"}"});
	assert_int_equal(a.status, 200);
	assert_string_equal(world_text(&a, "ok"), "false");
	assert_string_equal(world_text(&a, "faults.0.key"), "sigma.modifier");
	assert_string_equal(world_text(&a, "faults.0.line"), "4");
	world_answer_done(&a);
	end(&p);
}

static void wait_job(struct place *p, const struct world_answer *a)
{
	struct uuid job;
	struct job_status status = {0};
	assert_true(uuid_parse(str_c(world_text(a, "job_id")), &job));
	while (job_status(p->w.sc.jobs, &job, &status) && status.state < JOB_DONE)
		(void)usleep(2000);
	assert_int_equal(status.state, JOB_DONE);
}

static void indicators(struct db *db, const char *url)
{
	struct place p;
	char target[200];
	static const struct {
		const char *value, *as; /* NULL: in no list */
	} asked[] = {{"evil.example", "evil.example"}, {"www.evil[.]example", "evil.example"}, {"good.example", NULL},
	             {"192.0.2.77", "192.0.2.0/24"}, {"198.51.100.1", NULL}, {"d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"},
	             {"http://evil.example/A", "http://evil.example/A"}};
	(void)url;
	begin(&p, db);
	struct world_answer a = world_call(
	    &p.w, &(struct world_call){.as = &p.w.admin, .method = "POST", .target = "/api/v1/indicators?name=L1&source=ncsc&tlp=amber&expires_at=2027-01-01T00:00:00Z",
	                               .body = "evil[.]example\n192.0.2.0/24\nD41D8CD98F00B204E9800998ECF8427E\nhxxp://evil.example/A\n???\n"});
	assert_int_equal(a.status, 202);
	wait_job(&p, &a);
	world_answer_done(&a);
	a = world_call(&p.w, &(struct world_call){.as = &p.w.admin, .method = "GET", .target = "/api/v1/indicators"});
	assert_string_equal(world_text(&a, "items.0.count"), "4");
	assert_string_equal(world_text(&a, "items.0.read.refused"), "1");
	assert_string_equal(world_text(&a, "items.0.state"), "on");
	(void)snprintf(target, sizeof target, "/api/v1/indicators/%s", world_text(&a, "items.0.id"));
	world_answer_done(&a);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		char find[200];
		(void)snprintf(find, sizeof find, "/api/v1/indicators/find?value=%s", asked[i].value);
		a = world_call(&p.w, &(struct world_call){.as = &p.w.admin, .method = "GET", .target = find});
		assert_int_equal(a.status, 200);
		assert_string_equal(world_text(&a, "items.0.as"), asked[i].as != NULL ? asked[i].as : "");
		world_answer_done(&a);
	}
	bool wrote;
	struct err err = {0};
	struct detect_set *set = NULL;
	cleanup_buf struct buf path = BUF_INIT(4096);
	world_must(rule_set_write(&p.w.sc, &wrote, &err), &err);
	rule_set_path(&p.w.sc, &path);
	world_must(detect_set_open(path.p, &set, &err), &err);
	assert_int_equal(detect_set_count_of(set, DETECT_SET_INDICATORS), 1);
	for (size_t i = 0; i < detect_set_count(set); i++)
		if (detect_set_entry(set, i).kind == DETECT_SET_INDICATORS)
			assert_true(str_find(detect_set_entry(set, i).body, STR("domain\tevil.example\t2027-01-01T00:00:00")) != SIZE_MAX);
	detect_set_free(set);
	assert_int_equal(call(&p, &p.w.admin, "PATCH", target, "{\"enabled\":false}", "*", NULL), 200);
	world_must(rule_set_write(&p.w.sc, &wrote, &err), &err);
	world_must(detect_set_open(path.p, &set, &err), &err);
	assert_int_equal(detect_set_count_of(set, DETECT_SET_INDICATORS), 0);
	detect_set_free(set);
	assert_int_equal(call(&p, &p.w.east_officer, "DELETE", target, NULL, "*", NULL), 403);
	assert_int_equal(call(&p, &p.w.admin, "DELETE", target, NULL, "*", NULL), 204);
	end(&p);
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		int r;
	} table[] = {{"https://github.com/SigmaHQ/sigma/releases/latest/download/sigma_all_rules.zip", 0}, {"http://github.com/x.zip", -EINVAL},
	             {"https://u:p@host/x.zip", -EINVAL}, {"file:sigma.zip", 0}, {"file:../x.zip", -EINVAL}, {"file:/etc/passwd", -EINVAL},
	             {"file:.hidden", -EINVAL}, {"https://h/a b", -EINVAL}, {"", -EINVAL}, {"ftp://h/x", -EINVAL}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(rule_url_check(str_c(table[i].url), NULL), table[i].r);
}

#define ON_BOTH(name)                                                                                                  \
	static void name##_on_both(void **state)                                                                       \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                             \
	}
ON_BOTH(archives)
ON_BOTH(written)
ON_BOTH(switching)
ON_BOTH(checking)
ON_BOTH(indicators)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(archives_on_both), cmocka_unit_test(written_on_both), cmocka_unit_test(switching_on_both),
	                                   cmocka_unit_test(checking_on_both), cmocka_unit_test(indicators_on_both), cmocka_unit_test(addresses)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
