/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/endpoint/endpoint_isolation_internal.h"
#include "service/service_test_support.h"

/* ---- rules ---- */

#define NOW ((usec_t)1000 * USEC_PER_DAY)
static const struct {
	usec_t seen_ago;
	int64_t bundle;
	const char *watch, *scanner;
	int64_t desired;
	usec_t released_ago;
	enum endpoint_state state;
	const char *reason;
} judgements[] = {
	{0, 5, "fanotify", "ready", 5, USEC_PER_DAY * 9, ENDPOINT_STATE_PROTECTED, ""},
	{0, 4, "fanotify", "ready", 5, USEC_PER_HOUR, ENDPOINT_STATE_PROTECTED, ""},
	{0, 4, "fanotify", "ready", 5, USEC_PER_HOUR * 25, ENDPOINT_STATE_OUTDATED, "bundle_old"},
	{0, 6, "fanotify", "ready", 5, USEC_PER_HOUR * 25, ENDPOINT_STATE_PROTECTED, ""},
	{0, 4, "inotify", "ready", 0, 0, ENDPOINT_STATE_PROTECTED, ""},
	{0, 0, "fanotify", "ready", 5, 0, ENDPOINT_STATE_UNPROTECTED, "no_bundle"},
	{0, 5, "none", "ready", 5, 0, ENDPOINT_STATE_UNPROTECTED, "no_watch"},
	{0, 5, "", "ready", 5, 0, ENDPOINT_STATE_UNPROTECTED, "no_watch"},
	{0, 5, "fanotify", "failed", 5, 0, ENDPOINT_STATE_UNPROTECTED, "scanner_failed"},
	{0, 5, "fanotify", "starting", 5, 0, ENDPOINT_STATE_UNPROTECTED, "scanner_starting"},
	{0, 5, "fanotify", "", 5, 0, ENDPOINT_STATE_UNPROTECTED, "scanner_starting"},
	{USEC_PER_MINUTE * 10, 5, "fanotify", "ready", 5, 0, ENDPOINT_STATE_PROTECTED, ""},
	{USEC_PER_MINUTE * 10 + 1, 5, "fanotify", "failed", 5, 0, ENDPOINT_STATE_SILENT, "no_checkin"},
};

static void states(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(judgements); i++) {
		struct endpoint_policy policy = {.silent_after = USEC_PER_MINUTE * 10, .bundle_grace = USEC_PER_DAY,
		                                 .bundle = {.version = judgements[i].desired, .released_at = NOW - judgements[i].released_ago},
		                                 };
		struct endpoint_facts facts = {.last_seen_at = NOW - judgements[i].seen_ago,
		                               .bundle_version = judgements[i].bundle, .watch_mode = str_c(judgements[i].watch),
		                               .scanner = str_c(judgements[i].scanner)};
		struct endpoint_judgement j = endpoint_judge(&facts, &policy, NOW);
		assert_int_equal(j.state, judgements[i].state);
		assert_string_equal(j.reason, judgements[i].reason);
	}
}

static void clones(void **state)
{
	(void)state;
	const struct {
		const char *reported, *current, *previous;
		bool conflict;
	} cases[] = {{"b", "a", "", false}, {"a", "a", "b", false}, {"b", "a", "b", true}, {"", "a", "", false}, {"c", "b", "a", false}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(endpoint_boots_conflict(str_c(cases[i].reported), str_c(cases[i].current), str_c(cases[i].previous)),
		                 cases[i].conflict);
}

static const char *const bad_tokens[] = {
	"", "lt1", "lt1.", "lt1..", "lt1.AAAA.AAAA", "lt2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"lt1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.x",
	"lt1.****AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"lt1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

static void tokens(void **state)
{
	(void)state;
	unsigned char hash[SHA256_SIZE];
	for (size_t i = 0; i < ARRAY_LEN(bad_tokens); i++) {
		struct err err = {.code = 0};
		assert_int_equal(endpoint_token_hash(str_c(bad_tokens[i]), hash, &err), -EINVAL);
		assert_string_equal(err.key, "endpoint.token_malformed");
	}
}

/* ---- through the routes ---- */

static const struct service *const rooms[] = {&endpoint_service, NULL};

struct machine {
	struct crypto_key *key;
	struct buf csr, der;
	char id[UUID_TEXT_SIZE];
};

static void machine_init(struct machine *m)
{
	struct err err = {.code = 0};
	*m = (struct machine){.csr = BUF_INIT(8192), .der = BUF_INIT(8192)};
	world_must(crypto_key_generate(&m->key, &err), &err);
	world_must(crypto_csr(m->key, "agent", &m->csr, &err), &err);
}

static void machine_done(struct machine *m)
{
	crypto_key_free(m->key);
	buf_done(&m->csr);
	buf_done(&m->der);
}

/* The base64 between the lines of a PEM. */
static void pem_to_der(struct str pem, struct buf *out)
{
	struct str line;
	buf_clear(out);
	while (str_split(&pem, '\n', &line)) {
		if (line.n > 0 && line.p[0] != '-')
			assert_true(buf_append_base64_decoded(out, str_trim(line)));
	}
}

static const char *make_token(struct world *w, struct arena *arena, const struct uuid *unit, int uses)
{
	char id[UUID_TEXT_SIZE];
	const char *body = arena_printf(arena, "{\"unit_id\":\"%s\",\"uses\":%d}", uuid_text(unit, id), uses).p;
	cleanup_answer struct world_answer a =
		world_call(w, &(struct world_call){.as = &w->admin, .method = "POST", .target = "/api/v1/enrolment-tokens", .body = body});
	assert_int_equal(a.status, 201);
	return arena_cstr(arena, str_c(world_text(&a, "token")));
}

static const char *enrol_body(struct arena *arena, const char *token, const struct machine *m, const char *host,
                              const char *serial)
{
	cleanup_buf struct buf body = BUF_INIT(32768);
	struct json_writer w = json_writer_init(&body);
	json_object(&w);
	json_member_cstr(&w, "token", token);
	json_member_str(&w, "csr", buf_str(&m->csr));
	json_member_cstr(&w, "hostname", host);
	json_name(&w, "machine");
	json_object(&w);
	json_member_cstr(&w, "id", "ghosted-image");
	json_member_cstr(&w, "serial", serial);
	json_member_cstr(&w, "os", "linux");
	json_member_cstr(&w, "os_version", "Debian 12");
	json_name(&w, "addresses");
	json_array(&w);
	json_cstr(&w, "10.1.2.3");
	json_array_end(&w);
	json_object_end(&w);
	json_object_end(&w);
	return arena_cstr(arena, buf_str(&body));
}

static struct world_answer enrol(struct world *w, const char *body, struct machine *m)
{
	struct world_answer a = world_call(w, &(struct world_call){.method = "POST", .target = "/agent/v1/enrol", .body = body});
	if (a.status == 201 && m != NULL) {
		(void)snprintf(m->id, sizeof m->id, "%s", world_text(&a, "endpoint_id"));
		pem_to_der(str_c(world_text(&a, "certificate")), &m->der);
	}
	return a;
}

static void enrol_one(struct world *w, struct machine *m, const struct uuid *unit, const char *host)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	machine_init(m);
	cleanup_answer struct world_answer a = enrol(w, enrol_body(arena, make_token(w, arena, unit, 1), m, host, host), m);
	assert_int_equal(a.status, 201);
}

static struct world_answer checkin(struct world *w, const struct machine *m, const char *boot, int64_t bundle,
                                   const char *extra)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *body = arena_printf(arena, "{\"agent_version\":\"0.1.0\",\"protocol\":1,\"boot_id\":\"%s\",\"inventory_hash\":\"h1\","
	                                       "\"protection\":{\"bundle_version\":%lld,\"watch_mode\":\"fanotify\",\"scanner\":\"ready\","
	                                       "\"spool_events\":0}%s}",
	                                boot, (long long)bundle, extra).p;
	return world_call(w, &(struct world_call){.method = "POST", .target = "/agent/v1/checkin", .body = body,
	                                          .certificate_der = buf_str(&m->der)});
}

static struct world_answer get(struct world *w, const struct access *as, const char *target)
{
	return world_call(w, &(struct world_call){.as = as, .method = "GET", .target = target});
}

static void enrolment(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct machine m, other;
	world_init(&w, db, "/nonexistent", rooms);
	cleanup(arena) struct arena *arena = arena_new(0);
	machine_init(&m);
	machine_init(&other);
	const char *token = make_token(&w, arena, &w.east, 1);
	assert_true(strncmp(token, "lt1.", 4) == 0);
	const char *body = enrol_body(arena, token, &m, "pc-01", "s1");
	{
		cleanup_answer struct world_answer a = enrol(&w, body, &m);
		assert_int_equal(a.status, 201);
		assert_string_equal(world_text(&a, "interval_s"), "60");
		struct crypto_cert_info info;
		struct err err = {.code = 0};
		world_must(crypto_cert_info(buf_str(&m.der), &info, &err), &err);
		assert_string_equal(info.common_name, m.id);
		assert_true(info.not_after > world_clock + 364 * USEC_PER_DAY);
	}
	{ /* The token is used up; the refusal is on record. */
		cleanup_answer struct world_answer a = enrol(&w, enrol_body(arena, token, &other, "pc-02", "s2"), NULL);
		assert_int_equal(a.status, 409);
		assert_string_equal(a.key, "endpoint.token_used");
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'endpoint.enrol_refused'"), 1);
	}
	{ /* The same machine again, with a good token: refused, and the token keeps its use. */
		const char *fresh = make_token(&w, arena, &w.west, 1);
		cleanup_answer struct world_answer a = enrol(&w, enrol_body(arena, fresh, &other, "pc-01b", "s1"), NULL);
		assert_int_equal(a.status, 409);
		assert_string_equal(a.key, "endpoint.already_enrolled");
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM enrolment_token WHERE used = 1"), 1);
	}
	{ /* Out of date. */
		const char *late = make_token(&w, arena, &w.west, 1);
		world_clock += 8 * USEC_PER_DAY;
		cleanup_answer struct world_answer a = enrol(&w, enrol_body(arena, late, &other, "pc-03", "s3"), NULL);
		assert_int_equal(a.status, 403);
		assert_string_equal(a.key, "endpoint.token_expired");
	}
	{ /* Never made. */
		cleanup_answer struct world_answer a =
			enrol(&w, enrol_body(arena, "lt1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		                            &other, "pc-03", "s3"), NULL);
		assert_string_equal(a.key, "endpoint.token_unknown");
	}
	{ /* A request that is no CSR takes nothing. */
		const char *good = make_token(&w, arena, &w.west, 1);
		buf_clear(&other.csr);
		buf_append_c(&other.csr, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n");
		cleanup_answer struct world_answer a = enrol(&w, enrol_body(arena, good, &other, "pc-04", "s4"), NULL);
		assert_true(a.status >= 400 && a.status < 500);
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM endpoint"), 1);
		assert_int_equal(world_sql_count(&w, "SELECT sum(used) FROM enrolment_token"), 1);
	}
	machine_done(&m);
	machine_done(&other);
	world_done(&w);
}

struct racer {
	struct world *world;
	const char *body;
	int status;
};

static void *race(void *ctx)
{
	struct racer *r = ctx;
	struct world_answer a = enrol(r->world, r->body, NULL);
	r->status = a.status;
	world_answer_done(&a);
	return NULL;
}

#define RACERS 4
/* One token with one use, four machines at once: one gets in. */
static void token_race(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	world_init(&w, db, "/nonexistent", rooms);
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *token = make_token(&w, arena, &w.east, 1);
	struct machine machines[RACERS];
	struct racer racers[RACERS];
	pthread_t threads[RACERS];
	for (size_t i = 0; i < RACERS; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "pc-%zu", i);
		machine_init(&machines[i]);
		racers[i] = (struct racer){.world = &w, .body = enrol_body(arena, token, &machines[i], name, name)};
	}
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	unsigned in = 0, used = 0;
	for (size_t i = 0; i < RACERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		in += racers[i].status == 201;
		used += racers[i].status == 409;
		machine_done(&machines[i]);
	}
	assert_int_equal(in, 1);
	assert_int_equal(used, RACERS - 1);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM endpoint"), 1);
	world_done(&w);
}

static void set_bundle(struct world *w, int64_t version);

static void checkins(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct machine m;
	world_init(&w, db, "/nonexistent", rooms);
	enrol_one(&w, &m, &w.east, "pc-01");
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *target = arena_printf(arena, "/api/v1/endpoints/%s", m.id).p;
	set_bundle(&w, 3);
	{ /* First words: the inventory is wanted, the bundle named. */
		cleanup_answer struct world_answer a = checkin(&w, &m, "boot-a", 0, "");
		assert_int_equal(a.status, 200);
		assert_string_equal(world_text(&a, "want_inventory"), "true");
		assert_string_equal(world_text(&a, "bundle.version"), "3");
		assert_true(json_get(a.json, "watch_paths")->count > 0);
	}
	{
		cleanup_answer struct world_answer a =
			checkin(&w, &m, "boot-a", 3, ",\"inventory\":{\"hostname\":\"pc-01-new\",\"os\":{\"family\":\"linux\",\"pretty_name\":\"Debian 12.9\"},"
			                             "\"addresses\":[\"10.9.9.9\"],\"packages\":[]}");
		assert_string_equal(world_text(&a, "want_inventory"), "false");
		cleanup_answer struct world_answer one = get(&w, &w.admin, target);
		assert_string_equal(world_text(&one, "state"), "protected");
		assert_string_equal(world_text(&one, "hostname"), "pc-01-new");
		assert_string_equal(world_text(&one, "os_version"), "Debian 12.9");
		assert_string_equal(world_text(&one, "addresses.0"), "10.9.9.9");
		assert_string_equal(world_text(&one, "inventory.hostname"), "pc-01-new");
		assert_string_equal(world_text(&one, "unit.name"), "Phường Đông");
	}
	{ /* Nothing new within the granularity writes nothing; later last_seen moves, and no event is made of it. */
		int64_t events = world_sql_count(&w, "SELECT count(*) FROM outbox");
		int64_t seen = world_sql_count(&w, "SELECT max(last_seen_at) FROM endpoint");
		world_clock += 20 * USEC_PER_SEC;
		cleanup_answer struct world_answer a = checkin(&w, &m, "boot-a", 3, "");
		assert_int_equal(world_sql_count(&w, "SELECT max(last_seen_at) FROM endpoint"), seen);
		world_clock += 20 * USEC_PER_SEC;
		cleanup_answer struct world_answer b = checkin(&w, &m, "boot-a", 3, "");
		assert_int_equal(world_sql_count(&w, "SELECT max(last_seen_at) FROM endpoint"), seen + 40 * USEC_PER_SEC);
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM outbox"), events);
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM endpoint_inventory"), 1);
	}
	{ /* A newer bundle is out for longer than the grace. */
		set_bundle(&w, 4);
		world_clock += 25 * USEC_PER_HOUR;
		cleanup_answer struct world_answer a = checkin(&w, &m, "boot-a", 3, "");
		cleanup_answer struct world_answer one = get(&w, &w.admin, target);
		assert_string_equal(world_text(&one, "state"), "outdated");
		assert_string_equal(world_text(&one, "state_reason_key"), "bundle_old");
	}
	{ /* Silence is noticed by the tick, once. */
		struct err err = {.code = 0};
		world_clock += 11 * USEC_PER_MINUTE;
		int64_t events = world_sql_count(&w, "SELECT count(*) FROM outbox WHERE name = 'endpoint.changed'");
		world_must(endpoint_service.on_tick(&w.sc, &err), &err);
		world_must(endpoint_service.on_tick(&w.sc, &err), &err);
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM outbox WHERE name = 'endpoint.changed'"), events + 1);
		cleanup_answer struct world_answer sum = get(&w, &w.admin, "/api/v1/endpoints/summary");
		assert_string_equal(world_text(&sum, "silent"), "1");
		assert_string_equal(world_text(&sum, "total"), "1");
		assert_string_equal(world_text(&sum, "by_unit.0.unit.name"), "Phường Đông");
	}
	{ /* Two machines with one certificate take turns. */
		cleanup_answer struct world_answer a = checkin(&w, &m, "boot-b", 4, "");
		cleanup_answer struct world_answer b = checkin(&w, &m, "boot-a", 4, "");
		cleanup_answer struct world_answer one = get(&w, &w.admin, target);
		assert_true(world_text(&one, "clone_seen_at")[0] == '2');
		assert_string_equal(world_text(&one, "timeline.0.what"), "clone");
	}
	machine_done(&m);
	world_done(&w);
}

static int put_bundle(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct endpoint_bundle b = {*(const int64_t *)ctx, STR("aa"), 100, STR(""), world_clock};
	return endpoint_set_bundle(tx, &b, err);
}

static void set_bundle(struct world *w, int64_t version)
{
	struct err err = {.code = 0};
	world_must(db_write(w->sc.db, put_bundle, &version, &err), &err);
}

static void commands(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct machine m, other;
	world_init(&w, db, "/nonexistent", rooms);
	enrol_one(&w, &m, &w.east, "pc-01");
	enrol_one(&w, &other, &w.west, "pc-02");
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *target = arena_printf(arena, "/api/v1/endpoints/%s/scan", m.id).p;
	struct world_call scan = {.as = &w.east_officer, .method = "POST", .target = target, .body = "{\"path\":\"/srv\"}"};
	cleanup_answer struct world_answer ordered = world_call(&w, &scan);
	assert_int_equal(ordered.status, 202);
	scan.as = &w.west_officer;
	cleanup_answer struct world_answer refused = world_call(&w, &scan);
	assert_int_equal(refused.status, 404);
	const char *id = world_text(&ordered, "command_id");
	for (int i = 0; i < 2; i++) { /* handed out until answered */
		cleanup_answer struct world_answer a = checkin(&w, &m, "boot-a", 0, "");
		assert_string_equal(world_text(&a, "commands.0.id"), id);
		assert_string_equal(world_text(&a, "commands.0.path"), "/srv");
	}
	const char *answer = arena_printf(arena, ",\"answered\":[{\"command_id\":\"%s\",\"ok\":true,\"result\":{\"files\":7}}]", id).p;
	{ /* Another machine cannot answer for it. */
		cleanup_answer struct world_answer a = checkin(&w, &other, "boot-x", 0, answer);
		assert_int_equal(a.status, 200);
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM endpoint_command WHERE answered_at IS NOT NULL"), 0);
	}
	for (int i = 0; i < 2; i++) { /* said twice, taken once */
		cleanup_answer struct world_answer a = checkin(&w, &m, "boot-a", 0, answer);
		assert_int_equal(a.status, 200);
		assert_int_equal(json_get(a.json, "commands")->count, 0);
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM outbox WHERE name = 'endpoint.command_answered'"), 1);
	}
	machine_done(&m);
	machine_done(&other);
	world_done(&w);
}

static int count_snapshot(const struct endpoint_snapshot_row *row, void *ctx, struct err *err)
{
	(void)err;
	assert_int_equal(strlen(row->fingerprint), 64);
	(*(int *)ctx)++;
	return 0;
}

static void change_and_retire(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct machine m;
	struct err err = {.code = 0};
	int certificates = 0;
	world_init(&w, db, "/nonexistent", rooms);
	enrol_one(&w, &m, &w.east, "pc-01");
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *target = arena_printf(arena, "/api/v1/endpoints/%s", m.id).p;
	char west[UUID_TEXT_SIZE];
	const char *move = arena_printf(arena, "{\"unit_id\":\"%s\",\"note\":\"moved\"}", uuid_text(&w.west, west)).p;
	const struct {
		const struct access *as;
		const char *if_match;
		int status;
	} changes[] = {
		{&w.nobody, "\"1\"", 403},
		{&w.west_officer, "\"1\"", 404}, /* may not know of it */
		{&w.east_officer, "\"1\"", 403}, /* may not put it elsewhere */
		{&w.admin, NULL, 428},
		{&w.admin, "\"9\"", 412},
		{&w.admin, "\"1\"", 200},
		{&w.admin, "\"1\"", 412},
		{&w.east_officer, "\"2\"", 404}, /* it has gone */
	};
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){
			.as = changes[i].as, .method = "PATCH", .target = target, .body = move, .if_match = changes[i].if_match});
		assert_int_equal(a.status, changes[i].status);
	}
	world_must(endpoint_snapshot(&w.sc, count_snapshot, &certificates, &err), &err);
	assert_int_equal(certificates, 1);
	{ /* Renewal: both certificates count until the old one ends. */
		cleanup_buf struct buf body = BUF_INIT(16384);
		struct json_writer j = json_writer_init(&body);
		json_object(&j);
		json_member_str(&j, "csr", buf_str(&m.csr));
		json_object_end(&j);
		cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){
			.method = "POST", .target = "/agent/v1/renew", .body = body.p, .certificate_der = buf_str(&m.der)});
		assert_int_equal(a.status, 200);
		certificates = 0;
		world_must(endpoint_snapshot(&w.sc, count_snapshot, &certificates, &err), &err);
		assert_int_equal(certificates, 2);
	}
	unsigned snapshots = w.snapshots;
	cleanup_answer struct world_answer retired = world_call(&w, &(struct world_call){
		.as = &w.west_officer, .method = "DELETE", .target = target, .if_match = "\"2\""});
	assert_int_equal(retired.status, 204);
	assert_int_equal(w.snapshots, snapshots + 1);
	cleanup_answer struct world_answer after = checkin(&w, &m, "boot-a", 0, "");
	assert_int_equal(after.status, 401);
	assert_string_equal(after.key, "endpoint.retired");
	certificates = 0;
	world_must(endpoint_snapshot(&w.sc, count_snapshot, &certificates, &err), &err);
	assert_int_equal(certificates, 0);
	/* Every change is on record. */
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action IN ('endpoint.enrol', 'endpoint.move',"
	                                     " 'endpoint.renew', 'endpoint.retire')"), 4);
	machine_done(&m);
	world_done(&w);
}

static int put_sample(struct db_tx *tx, void *ctx, struct err *err)
{
	struct world *w = ctx;
	for (int i = 0; i < 25; i++) {
		char host[32];
		(void)snprintf(host, sizeof host, "Máy-%d", i);
		struct endpoint_sample s = {.unit_id = i % 5 == 0 ? w->west : w->east, .hostname = str_c(host), .os = STR("linux"),
		                            .os_version = STR("Debian 12"), .address = STR("10.0.0.1"), .agent_version = STR("1"),
		                            .state = i % 2 == 0 ? ENDPOINT_STATE_PROTECTED : ENDPOINT_STATE_SILENT,
		                            .reason = i % 2 == 0 ? "" : "no_checkin", .last_seen_at = world_clock};
		int r = endpoint_put_sample(tx, &s, world_clock, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Scope, search without diacritics, several states, and pages that neither repeat nor skip. */
static void lists(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	world_init(&w, db, "/nonexistent", rooms);
	world_must(db_write(db, put_sample, &w, &err), &err);
	world_must(db_write(db, put_sample, &w, &err), &err); /* again changes nothing */
	const struct {
		const struct access *as;
		const char *target, *total;
	} cases[] = {
		{&w.admin, "/api/v1/endpoints", "25"},
		{&w.east_officer, "/api/v1/endpoints", "20"},
		{&w.west_officer, "/api/v1/endpoints", "5"},
		{&w.admin, "/api/v1/endpoints?q=may-1", "11"},
		{&w.admin, "/api/v1/endpoints?q=MÁY-13", "1"},
		{&w.admin, "/api/v1/endpoints?q=%25", "0"},
		{&w.admin, "/api/v1/endpoints?state=silent", "12"},
		{&w.admin, "/api/v1/endpoints?state=silent&state=protected", "25"},
		{&w.west_officer, "/api/v1/endpoints?state=silent&state=outdated", "2"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_answer struct world_answer a = get(&w, cases[i].as, cases[i].target);
		assert_int_equal(a.status, 200);
		assert_string_equal(world_text(&a, "total"), cases[i].total);
	}
	cleanup_answer struct world_answer wrong = get(&w, &w.admin, "/api/v1/endpoints?state=broken");
	assert_int_equal(wrong.status, 400);
	cleanup_answer struct world_answer denied = get(&w, &w.nobody, "/api/v1/endpoints");
	assert_int_equal(denied.status, 403);
	static const char *const orders[] = {"hostname", "-hostname", "state", "-last_seen_at"};
	for (size_t o = 0; o < ARRAY_LEN(orders); o++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		const char *seen[32], *cursor = "";
		size_t n = 0;
		for (int page = 0; page < 9; page++) {
			cleanup_answer struct world_answer a =
				get(&w, &w.admin, arena_printf(arena, "/api/v1/endpoints?limit=4&sort=%s%s%s", orders[o], cursor[0] != '\0' ? "&cursor=" : "", cursor).p);
			json_each(item, json_get(a.json, "items")) {
				const char *host = arena_cstr(arena, json_get_str(item, "hostname", STR_EMPTY));
				for (size_t k = 0; k < n; k++)
					assert_string_not_equal(seen[k], host);
				assert_true(n < ARRAY_LEN(seen));
				seen[n++] = host;
			}
			cursor = arena_cstr(arena, json_get_str(a.json, "next", STR_EMPTY));
			if (cursor[0] == '\0')
				break;
		}
		assert_int_equal(n, 25);
		if (o == 0) /* numbers by value */
			assert_true(strcmp(seen[0], "Máy-0") == 0 && strcmp(seen[2], "Máy-2") == 0 && strcmp(seen[10], "Máy-10") == 0);
	}
	world_done(&w);
}

#define ON_EACH(name)                                                                                                  \
	static void name##_each(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
ON_EACH(enrolment)
ON_EACH(token_race)
ON_EACH(checkins)
ON_EACH(commands)
ON_EACH(change_and_retire)
ON_EACH(lists)

static void protocols(void **state)
{
	static const struct {
		int64_t given, newest;
		const char *key; /* "": taken */
	} rows[] = {
		{1, 1, ""}, {2, 1, "endpoint.protocol_newer"}, {0, 1, "endpoint.protocol_old"}, {1, 2, ""}, {1, 3, ""}, {2, 4, ""},
		{4, 4, ""}, {1, 4, "endpoint.protocol_old"}, {5, 4, "endpoint.protocol_newer"}, {INT32_MAX, 4, "endpoint.protocol_newer"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		int r = endpoint_protocol_check(rows[i].given, rows[i].newest, &err);
		assert_int_equal(r, rows[i].key[0] == '\0' ? 0 : -EINVAL);
		assert_string_equal(err.key, rows[i].key);
	}
}

/* ---- isolation ---- */

static const struct {
	enum endpoint_isolation_state from;
	enum endpoint_isolation_said said;
	bool own;  /* the machine speaks of this very order */
	bool over; /* its time is over */
	enum endpoint_isolation_state to;
} words[] = {
	{ENDPOINT_ISOLATION_ASKED, ENDPOINT_SAID_NONE, false, false, ENDPOINT_ISOLATION_ASKED},
	{ENDPOINT_ISOLATION_ASKED, ENDPOINT_SAID_PROVING, true, false, ENDPOINT_ISOLATION_ASKED},
	{ENDPOINT_ISOLATION_ASKED, ENDPOINT_SAID_ON, true, false, ENDPOINT_ISOLATION_ON},
	{ENDPOINT_ISOLATION_ASKED, ENDPOINT_SAID_ON, false, false, ENDPOINT_ISOLATION_ASKED},
	{ENDPOINT_ISOLATION_ASKED, ENDPOINT_SAID_FAILED, true, false, ENDPOINT_ISOLATION_FAILED},
	{ENDPOINT_ISOLATION_ASKED, ENDPOINT_SAID_FAILED, false, false, ENDPOINT_ISOLATION_ASKED},
	{ENDPOINT_ISOLATION_ASKED, ENDPOINT_SAID_LIFTED, false, true, ENDPOINT_ISOLATION_EXPIRED},
	{ENDPOINT_ISOLATION_ON, ENDPOINT_SAID_ON, true, true, ENDPOINT_ISOLATION_ON},
	{ENDPOINT_ISOLATION_ON, ENDPOINT_SAID_EXPIRED, true, false, ENDPOINT_ISOLATION_EXPIRED},
	{ENDPOINT_ISOLATION_ON, ENDPOINT_SAID_LIFTED, true, true, ENDPOINT_ISOLATION_EXPIRED},
	{ENDPOINT_ISOLATION_ON, ENDPOINT_SAID_LIFTED, true, false, ENDPOINT_ISOLATION_LIFTED},
	{ENDPOINT_ISOLATION_ON, ENDPOINT_SAID_FAILED, true, false, ENDPOINT_ISOLATION_FAILED},
	{ENDPOINT_ISOLATION_ON, ENDPOINT_SAID_NONE, false, false, ENDPOINT_ISOLATION_ON},
	{ENDPOINT_ISOLATION_LIFTING, ENDPOINT_SAID_ON, true, false, ENDPOINT_ISOLATION_LIFTING},
	{ENDPOINT_ISOLATION_LIFTING, ENDPOINT_SAID_LIFTED, true, true, ENDPOINT_ISOLATION_LIFTED},
	{ENDPOINT_ISOLATION_LIFTING, ENDPOINT_SAID_NONE, false, false, ENDPOINT_ISOLATION_LIFTED},
	{ENDPOINT_ISOLATION_LIFTING, ENDPOINT_SAID_PROVING, false, false, ENDPOINT_ISOLATION_LIFTING},
	{ENDPOINT_ISOLATION_LIFTED, ENDPOINT_SAID_ON, true, false, ENDPOINT_ISOLATION_LIFTED},
	{ENDPOINT_ISOLATION_FAILED, ENDPOINT_SAID_ON, true, false, ENDPOINT_ISOLATION_FAILED},
};

static void isolation_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct endpoint_isolation o = {.id = uuid_new(), .state = words[i].from, .expires_at = NOW};
		struct endpoint_isolation_word w = {.told = true, .said = words[i].said, .id = words[i].own ? o.id : (struct uuid){.b = {0}}};
		usec_t now = words[i].over ? NOW : NOW - 1;
		if (endpoint_isolation_next(&o, &w, now) != words[i].to)
			fail_msg("row %zu: %s", i, endpoint_isolation_name(endpoint_isolation_next(&o, &w, now)));
		/* An agent that knows nothing of isolation changes nothing. */
		w.told = false;
		assert_int_equal(endpoint_isolation_next(&o, &w, now), words[i].from);
	}
}

static struct world_answer checkin_saying(struct world *w, const struct machine *m, const char *isolation)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *body = arena_printf(arena, "{\"agent_version\":\"0.1.0\",\"protocol\":1,\"boot_id\":\"b\",\"inventory_hash\":\"h1\","
	                                       "\"protection\":{\"bundle_version\":1,\"watch_mode\":\"fanotify\",\"scanner\":\"ready\"%s%s}}",
	                                isolation[0] != '\0' ? ",\"isolation\":" : "", isolation).p;
	return world_call(w, &(struct world_call){.method = "POST", .target = "/agent/v1/checkin", .body = body,
	                                          .certificate_der = buf_str(&m->der)});
}

struct ordering {
	struct arena *arena;
	struct uuid endpoint, order;
	bool lift;
	int result;
	const char *why;
};

static int give_order(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ordering *g = ctx;
	struct endpoint_isolation_machine m;
	enum endpoint_isolation_state state;
	world_must(endpoint_isolation_get(tx, g->arena, &g->endpoint, &m, err), err);
	g->why = arena_cstr(g->arena, m.ability.why);
	struct endpoint_isolation o = {.id = uuid_new(), .cause = STR("malware"), .reason = STR("x"), .message = STR("Gọi 113"),
	                               .asked_by = uuid_new(), .asked_by_name = STR("truc"), .expires_at = world_clock + USEC_PER_HOUR};
	g->result = g->lift ? endpoint_isolation_lift(tx, &m, STR("truc"), world_clock, &state, err)
	                    : endpoint_isolation_ask(tx, &m, &o, world_clock, err);
	g->order = o.id;
	return 0;
}

static int order(struct world *w, struct ordering *g, bool lift)
{
	struct err err = {.code = 0};
	g->lift = lift;
	world_must(db_write(w->sc.db, give_order, g, &err), &err);
	return g->result;
}

static void says(struct world *w, const struct machine *m, struct ordering *g, const char *state, const char *expect)
{
	char id[UUID_TEXT_SIZE];
	const char *word = arena_printf(g->arena, "{\"can\":true,\"why\":\"\",\"id\":\"%s\",\"state\":\"%s\",\"problem\":null,\"repaired\":0}",
	                                uuid_text(&g->order, id), state).p;
	cleanup_answer struct world_answer a = checkin_saying(w, m, word);
	assert_int_equal(a.status, 200);
	cleanup_answer struct world_answer one = get(w, &w->admin, arena_printf(g->arena, "/api/v1/endpoints/%s", m->id).p);
	assert_string_equal(world_text(&one, "isolation"), expect);
}

static void isolation(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct machine m;
	world_init(&w, db, "/nonexistent", rooms);
	enrol_one(&w, &m, &w.east, "pc-01");
	cleanup(arena) struct arena *arena = arena_new(0);
	struct ordering g = {.arena = arena};
	assert_true(uuid_parse(str_c(m.id), &g.endpoint));
	{ /* An older agent: nothing is pretended. */
		cleanup_answer struct world_answer a = checkin_saying(&w, &m, "");
		assert_int_equal(json_get(a.json, "isolation")->type, JSON_NULL);
		assert_int_equal(order(&w, &g, true), -EBUSY);
		assert_string_equal(g.why, "endpoint.isolation_agent_old");
	}
	assert_int_equal(order(&w, &g, false), 0);
	assert_int_equal(order(&w, &(struct ordering){.arena = arena, .endpoint = g.endpoint}, false), -EBUSY);
	{ /* It goes out with every check-in, with what is left. */
		world_clock += USEC_PER_MINUTE;
		cleanup_answer struct world_answer a = checkin_saying(&w, &m, "{\"can\":true,\"id\":\"\",\"state\":\"none\"}");
		assert_string_equal(world_text(&a, "isolation.left_s"), "3540");
		assert_string_equal(world_text(&a, "isolation.message"), "Gọi 113");
	}
	says(&w, &m, &g, "proving", "asked");
	says(&w, &m, &g, "on", "on");
	{
		cleanup_answer struct world_answer a = get(&w, &w.admin, "/api/v1/endpoints?isolation=on");
		assert_string_equal(world_text(&a, "total"), "1");
		cleanup_answer struct world_answer sum = get(&w, &w.admin, "/api/v1/endpoints/summary");
		assert_string_equal(world_text(&sum, "isolated"), "1");
		/* A machine that is cut off is not retired: it could not hear of the end. */
		cleanup_answer struct world_answer gone =
			world_call(&w, &(struct world_call){.as = &w.admin, .method = "DELETE", .if_match = "*",
		                                            .target = arena_printf(arena, "/api/v1/endpoints/%s", m.id).p});
		assert_string_equal(gone.key, "endpoint.isolated_first");
	}
	assert_int_equal(order(&w, &(struct ordering){.arena = arena, .endpoint = g.endpoint}, true), 0);
	says(&w, &m, &g, "on", "lifting");
	says(&w, &m, &g, "lifted", "lifted");
	/* Lifted before the machine had heard of it; then time that runs out while it is away. */
	assert_int_equal(order(&w, &g, false), 0);
	assert_int_equal(order(&w, &(struct ordering){.arena = arena, .endpoint = g.endpoint}, true), 0);
	g.order = uuid_new();
	says(&w, &m, &g, "lifted", "lifted");
	assert_int_equal(order(&w, &g, false), 0);
	says(&w, &m, &g, "on", "on");
	world_clock += 2 * USEC_PER_HOUR;
	{
		cleanup_answer struct world_answer a = checkin_saying(&w, &m, "{\"can\":true,\"id\":\"\",\"state\":\"on\"}");
		assert_int_equal(json_get(a.json, "isolation")->type, JSON_NULL);
	}
	says(&w, &m, &g, "lifted", "expired");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'endpoint.isolation_on'"), 2);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'endpoint.isolation_expired'"), 1);
	machine_done(&m);
	world_done(&w);
}

static void isolation_each(void **state)
{
	(void)state;
	db_test_each(isolation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(isolation_states), cmocka_unit_test(isolation_each),
		cmocka_unit_test(protocols),
		cmocka_unit_test(states),          cmocka_unit_test(clones),        cmocka_unit_test(tokens),
		cmocka_unit_test(enrolment_each),  cmocka_unit_test(token_race_each), cmocka_unit_test(checkins_each),
		cmocka_unit_test(commands_each),   cmocka_unit_test(change_and_retire_each), cmocka_unit_test(lists_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
