/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/malware/malware_bundle.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection_internal.h"
#include "service/service_test_support.h"

/* Row: state; column: step; -1: refused. Written down a second time on purpose. */
static const int expected_steps[QUARANTINE_STATE__COUNT][QUARANTINE_STEP__COUNT] = {
	{1, 3, -1, 2, 4, -1}, {-1, -1, 0, 2, 4, 0}, {-1, -1, -1, -1, -1, -1}, {-1, -1, 0, 2, 4, 0}, {-1, -1, -1, -1, -1, -1},
};

static void steps(void **state)
{
	(void)state;
	for (int s = 0; s < QUARANTINE_STATE__COUNT; s++) {
		enum quarantine_state same;
		assert_true(protection_quarantine_parse(str_c(protection_quarantine_name((enum quarantine_state)s)), &same));
		assert_int_equal(same, s);
		for (int t = 0; t < QUARANTINE_STEP__COUNT; t++) {
			enum quarantine_state to = QUARANTINE_STATE__COUNT;
			assert_int_equal(protection_quarantine_step((enum quarantine_state)s, (enum quarantine_step)t, &to),
			                 expected_steps[s][t] >= 0);
			if (expected_steps[s][t] >= 0)
				assert_int_equal(to, expected_steps[s][t]);
		}
	}
}

static struct service quiet_protection;
static const struct access self = {.kind = ACCESS_SYSTEM, .name = {"test", 4}};

static void start_world(struct world *w, struct db *db, const char *data_dir)
{
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, NULL};
	world_init(w, db, data_dir, rooms);
}

/* A pack of its own, so that no scanner is needed: hashes only. */
static void write_pack(const char *dir)
{
	struct err err = {.code = 0};
	char path[256];
	(void)snprintf(path, sizeof path, "%s/vn/signatures", dir);
	world_must(file_make_dirs(path, 0755, &err), &err);
	(void)snprintf(path, sizeof path, "%s/vn/signatures/signatures.yaml", dir);
	world_must(file_write(path, STR("version: \"1\"\nbundle_valid_days: 90\nhash_lists: [hashes.csv]\nyara: []\n"), 0644, &err), &err);
	(void)snprintf(path, sizeof path, "%s/vn/rollout.yaml", dir);
	world_must(file_write(path, STR("version: \"1\"\nconfidence: design\nwhole_below: 3\nwaves:\n  - {permille: 10, hold: 30m}\n"
	                                "  - {permille: 500, hold: 1h}\nhalt: {min_machines: 2, finders_permille: 50, crashed_permille: 20,"
	                                " slower_percent: 150}\n"), 0644, &err), &err);
	(void)snprintf(path, sizeof path, "%s/vn/signatures/hashes.csv", dir);
	world_must(file_write(path, STR("sha256,size,threat\n275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f,68,EICAR-Test-File\n"),
	                      0644, &err), &err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void remove_dir(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int64_t release(struct world *w, const char *note, const char *hashes, const char *scand, struct err *err)
{
	int64_t version = 0;
	int r = protection_release_bundle(&w->sc, &self, &(struct protection_release){.note = str_c(note), .author = self.name,
	                                                                           .hashes_csv = str_c(hashes), .scand_path = scand},
	                                  &version, err);
	return r < 0 ? r : version;
}

static int64_t hashes_of(struct world *w, int64_t version)
{
	char sql[100];
	(void)snprintf(sql, sizeof sql, "SELECT hash_count FROM bundle WHERE version = %d", (int)version);
	return world_sql_count(w, sql);
}

static int newest_manifest(struct db_tx *tx, void *ctx, struct err *err)
{
	struct protection_bundle b;
	int r = protection_db_bundle_get(tx, 0, &b, err);
	str_copy_c(str_c(b.manifest_sha256), ctx, SHA256_HEX_SIZE);
	return r;
}

static void bundles(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	char dir[] = "/tmp/luytre-protection-XXXXXX";
	assert_non_null(mkdtemp(dir));
	start_world(&w, db, dir);
	write_pack(dir);
	w.sc.packs_dir = dir;
	world_must(quiet_protection.on_tick(&w.sc, &err), &err);
	world_must(quiet_protection.on_tick(&w.sc, &err), &err); /* fresh enough: nothing */
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM bundle"), 1);
	assert_int_equal(hashes_of(&w, 1), 1);
	/* A list that cannot be read releases nothing and is not kept. */
	assert_int_equal(release(&w, "bad", "sha256,threat\nnot-a-hash,X\n", NULL, &err), -EINVAL);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM signature_upload"), 0);
	/* What was uploaded stays in later bundles. */
	assert_int_equal(release(&w, "more", "sha256,threat\n131f95c51cc819465fa1797f6ccacf9d494aaaff46fa3eac73ae63ffbdfd8267,Other\n", NULL, &err), 2);
	assert_int_equal(hashes_of(&w, 2), 2);
	assert_int_equal(release(&w, "same", "", NULL, &err), 3);
	assert_int_equal(hashes_of(&w, 3), 2);
	/* Two thirds of the life gone: a fresh one by itself. */
	world_clock += 61 * USEC_PER_DAY;
	world_must(quiet_protection.on_tick(&w.sc, &err), &err);
	assert_int_equal(world_sql_count(&w, "SELECT max(version) FROM bundle"), 4);
	cleanup_answer struct world_answer list =
		world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/bundles"});
	assert_string_equal(world_text(&list, "items.0.version"), "4");
	assert_string_equal(world_text(&list, "items.0.state"), "current");
	assert_string_equal(world_text(&list, "items.1.state"), "superseded");
	assert_string_equal(world_text(&list, "items.2.note"), "more");
	/* The file is what an agent will accept. */
	cleanup_buf struct buf path = BUF_INIT(4096), container = BUF_INIT(MALWARE_BUNDLE_LIMIT);
	protection_bundle_path(&w.sc, world_text(&list, "items.0.sha256"), &path);
	world_must(file_read(path.p, MALWARE_BUNDLE_LIMIT, &container, &err), &err);
	const struct crypto_key *const keys[] = {w.keys.ca_key};
	const struct malware_bundle_trust trust = {.keys = keys, .key_count = 1, .now = world_clock};
	struct malware_bundle_info info;
	world_must(malware_bundle_verify(buf_str(&container), &trust, &info, &err), &err);
	assert_int_equal(info.version, 4);
	/* And the head and chunks of the same version; a chunk is a plain file that caches may keep. */
	assert_string_equal(world_text(&list, "items.0.chunks"), "true");
	char name[SHA256_HEX_SIZE], target[128];
	cleanup_buf struct buf head = BUF_INIT(MALWARE_BUNDLE_LIMIT), file = BUF_INIT(4096);
	(void)world_sql_count(&w, "SELECT 1");
	world_must(db_read(db, newest_manifest, name, &err), &err);
	buf_printf(&file, "%s/bundles/%s.head", dir, name);
	world_must(file_read(file.p, MALWARE_BUNDLE_LIMIT, &head, &err), &err);
	world_must(malware_bundle_check_head(buf_str(&head), &trust, 4, name, &info, &err), &err);
	size_t page = str_find(buf_str(&head), STR("\"pages\":"));
	size_t at = page + str_find(str_sub(buf_str(&head), page, head.n), STR("\"sha256\":\"")) + 10;
	(void)snprintf(target, sizeof target, "/agent/v1/chunks/%.64s", head.p + at);
	cleanup_answer struct world_answer chunk = world_call(&w, &(struct world_call){.method = "GET", .target = target});
	assert_int_equal(chunk.status, 200);
	target[30] = target[30] == '0' ? '1' : '0';
	cleanup_answer struct world_answer no_chunk = world_call(&w, &(struct world_call){.method = "GET", .target = target});
	assert_int_equal(no_chunk.status, 404);
	cleanup_answer struct world_answer no_name = world_call(&w, &(struct world_call){.method = "GET", .target = "/agent/v1/chunks/passwd"});
	assert_int_equal(no_name.status, 404);
	cleanup_answer struct world_answer no_head =
		world_call(&w, &(struct world_call){.method = "GET", .target = "/agent/v1/bundles/4/head", .certificate_der = STR("xx")});
	assert_int_equal(no_head.status, 401);
	/* Only for enrolled machines. */
	cleanup_answer struct world_answer refused =
		world_call(&w, &(struct world_call){.method = "GET", .target = "/agent/v1/bundles/4", .certificate_der = STR("xx")});
	assert_int_equal(refused.status, 401);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'protection.bundle_release'"), 4);
	world_done(&w);
	remove_dir(dir);
}

/* The real pack, where the scanner has been built. */
static void real_pack(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	struct stat st;
	char dir[] = "/tmp/luytre-protection-XXXXXX", scand[512];
	(void)snprintf(scand, sizeof scand, "%s/src/program/scand/luytre-scand", getenv("LUYTRE_BUILD"));
	if (stat(scand, &st) < 0) {
		(void)fprintf(stderr, "the pack's YARA rules were NOT compiled: %s is missing\n", scand);
		return;
	}
	assert_non_null(mkdtemp(dir));
	start_world(&w, db, dir);
	int64_t version = release(&w, "", "", scand, &err);
	world_must((int)version, &err);
	assert_int_equal(version, 1);
	assert_int_equal(hashes_of(&w, 1), 2);
	/* A clean file: the rule that hits it stays at home and is named, the hash too; the rest goes out. */
	char path[256];
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE], csv[256];
	(void)snprintf(path, sizeof path, "%s/clean/kept", dir);
	world_must(file_make_dirs(path, 0755, &err), &err);
	(void)snprintf(path, sizeof path, "%s/clean/kept/letter.txt", dir);
	world_must(file_write(path, STR("Kính gửi: các đơn vị trực thuộc\n"), 0644, &err), &err);
	(void)snprintf(path, sizeof path, "%s/clean/kept/other.txt", dir);
	world_must(file_write(path, STR("another clean file\n"), 0644, &err), &err);
	sha256(STR("another clean file\n"), digest);
	(void)snprintf(csv, sizeof csv, "sha256,threat\n%s,Wrong.One\n131f95c51cc819465fa1797f6ccacf9d494aaaff46fa3eac73ae63ffbdfd8267,Right.One\n",
	               sha256_hex(digest, hex));
	int64_t second = 0;
	world_must(protection_release_bundle(&w.sc, &self, &(struct protection_release){
		.author = self.name, .scand_path = scand, .hashes_csv = str_c(csv),
		.yara = STR("rule too_wide { strings: $a = \"các đơn vị\" condition: $a }\n")}, &second, &err), &err);
	cleanup_answer struct world_answer list =
		world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/bundles"});
	assert_int_equal(json_get(json_get(list.json, "items")->child, "held")->count, 2);
	bool rule = false, hash = false;
	json_each(held, json_get(json_get(list.json, "items")->child, "held")) {
		rule = rule || str_eq(json_get_str(held, "rule", STR_EMPTY), STR("upload.yar:too_wide"));
		hash = hash || str_find(json_get_str(held, "rule", STR_EMPTY), str_c(hex)) != SIZE_MAX;
	}
	assert_true(rule && hash);
	assert_int_equal(hashes_of(&w, second), 3);
	world_done(&w);
	remove_dir(dir);
}

struct machine_put {
	struct world *w;
	struct uuid id;
};

static int put_findings(struct db_tx *tx, void *ctx, struct err *err)
{
	struct machine_put *m = ctx;
	struct endpoint_sample s = {.unit_id = m->w->east, .hostname = STR("pc-01"), .os = STR("linux"),
	                            .os_version = STR("Debian 12"), .address = STR("10.0.0.1"), .agent_version = STR("1"),
	                            .state = ENDPOINT_STATE_PROTECTED, .reason = "", .last_seen_at = world_clock};
	int r = endpoint_put_sample(tx, &s, world_clock, err);
	if (r >= 0)
		r = endpoint_find_sample(tx, s.hostname, &m->id, err);
	for (int i = 0; r >= 0 && i < 3; i++) {
		char key[16], quarantine[16];
		(void)snprintf(key, sizeof key, "k%d", i / 2); /* the first comes twice */
		(void)snprintf(quarantine, sizeof quarantine, "q%d", i / 2);
		struct protection_detection d = {.key = str_c(key), .endpoint_id = m->id, .unit_id = m->w->east, .at = world_clock + i,
		                                 .threat = STR("Thử.Mã_độc"), .engine = STR("hash"), .rule = STR("r"),
		                                 .path = STR("/srv/Tài liệu/a.exe"), .sha256 = STR("ab"), .action = STR("quarantined"),
		                                 .size_bytes = 68, .quarantine_id = str_c(quarantine)};
		r = protection_detected(tx, &d, err);
		assert_int_equal(r, i == 1 ? 0 : 1);
	}
	return r < 0 ? r : 0;
}

static struct world_answer ask(struct world *w, const struct access *as, struct arena *arena, const char *id, const char *verb)
{
	return world_call(w, &(struct world_call){.as = as, .method = "POST", .body = "{\"reason\":\"nhầm\"}",
	                                          .target = arena_printf(arena, "/api/v1/quarantine/%s/%s", id, verb).p});
}

static void answered(struct world *w, const struct uuid *machine, const char *type, const char *quarantine, bool ok)
{
	struct err err = {.code = 0};
	cleanup(arena) struct arena *arena = arena_new(0);
	char id[UUID_TEXT_SIZE];
	struct service_event e = {.name = "endpoint.command_answered", .at = world_clock, .unit_id = w->east,
	                          .json = arena_printf(arena, "{\"endpoint_id\":\"%s\",\"type\":\"%s\",\"quarantine_id\":\"%s\",\"ok\":%s,"
	                                                      "\"result\":{\"key\":\"agent.no_room\"}}",
	                                               uuid_text(machine, id), type, quarantine, ok ? "true" : "false")};
	world_must(quiet_protection.on_event(&w->sc, &e, &err), &err);
}

static const char *state_of(struct world *w, struct arena *arena, const char *id)
{
	cleanup_answer struct world_answer a =
		world_call(w, &(struct world_call){.as = &w->admin, .method = "GET", .target = "/api/v1/quarantine"});
	json_each(item, json_get(a.json, "items")) {
		if (str_eq_c(json_get_str(item, "id", STR_EMPTY), id))
			return arena_cstr(arena, json_get_str(item, "state", STR_EMPTY));
	}
	return "";
}

static int mark_fetched(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	return db_exec(tx, err, "UPDATE endpoint_command SET fetched_at = 1");
}

static void expect_cancel(struct world *w, const struct access *as, struct arena *arena, const char *id, int status, const char *key)
{
	cleanup_answer struct world_answer a = world_call(w, &(struct world_call){
		.as = as, .method = "POST", .target = arena_printf(arena, "/api/v1/quarantine/%s/cancel", id).p});
	assert_int_equal(a.status, status);
	assert_string_equal(a.key, key);
}

static void quarantine(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	start_world(&w, db, "/nonexistent");
	cleanup(arena) struct arena *arena = arena_new(0);
	struct machine_put m = {.w = &w};
	world_must(db_write(db, put_findings, &m, &err), &err);
	cleanup_answer struct world_answer list =
		world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/quarantine?q=tai+lieu&state=held"});
	assert_string_equal(world_text(&list, "total"), "2");
	const char *id = world_text(&list, "items.0.id"), *other = world_text(&list, "items.1.id");
	const char *agent_id = "q1", *other_agent_id = "q0";
	const struct {
		const struct access *as;
		const char *id, *verb;
		int status;
	} asks[] = {
		{&w.nobody, id, "restore", 403},       {&w.west_officer, id, "restore", 404}, {&w.east_officer, id, "restore", 202},
		{&w.east_officer, id, "restore", 409}, {&w.east_officer, id, "delete", 409},  {&w.east_officer, other, "delete", 202},
	};
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		cleanup_answer struct world_answer a = ask(&w, asks[i].as, arena, asks[i].id, asks[i].verb);
		assert_int_equal(a.status, asks[i].status);
	}
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM endpoint_command"), 2);
	assert_string_equal(state_of(&w, arena, id), "restore_requested");
	/* Taken back before the machine has heard of it, and asked again; what was fetched stays asked. */
	expect_cancel(&w, &w.west_officer, arena, id, 404, "api.not_found");
	expect_cancel(&w, &w.east_officer, arena, id, 204, "");
	expect_cancel(&w, &w.east_officer, arena, id, 409, "protection.not_in_state");
	assert_string_equal(state_of(&w, arena, id), "held");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM endpoint_command"), 1);
	cleanup_answer struct world_answer anew = ask(&w, &w.east_officer, arena, id, "restore");
	assert_int_equal(anew.status, 202);
	world_must(db_write(db, mark_fetched, NULL, &err), &err);
	expect_cancel(&w, &w.east_officer, arena, id, 409, "endpoint.command_fetched");
	assert_string_equal(state_of(&w, arena, id), "restore_requested");
	/* The machine could not; a second try succeeds; repeats change nothing. */
	answered(&w, &m.id, "quarantine_restore", agent_id, false);
	assert_string_equal(state_of(&w, arena, id), "held");
	cleanup_answer struct world_answer again = ask(&w, &w.east_officer, arena, id, "restore");
	assert_int_equal(again.status, 202);
	for (int i = 0; i < 2; i++) {
		answered(&w, &m.id, "quarantine_restore", agent_id, true);
		assert_string_equal(state_of(&w, arena, id), "restored");
	}
	answered(&w, &m.id, "quarantine_delete", other_agent_id, true);
	assert_string_equal(state_of(&w, arena, other), "deleted");
	answered(&w, &m.id, "scan", "", true);
	cleanup_answer struct world_answer detections =
		world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/detections?q=ma_doc"});
	assert_string_equal(world_text(&detections, "total"), "2");
	assert_string_equal(world_text(&detections, "items.0.endpoint.hostname"), "pc-01");
	cleanup_answer struct world_answer hidden =
		world_call(&w, &(struct world_call){.as = &w.west_officer, .method = "GET", .target = "/api/v1/detections"});
	assert_string_equal(world_text(&hidden, "total"), "0");
	cleanup_answer struct world_answer threats =
		world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/threats"});
	assert_string_equal(world_text(&threats, "items.0.detections"), "2");
	assert_string_equal(world_text(&threats, "items.0.endpoints"), "1");
	cleanup_answer struct world_answer none =
		world_call(&w, &(struct world_call){.as = &w.west_officer, .method = "GET", .target = "/api/v1/threats"});
	assert_string_equal(world_text(&none, "total"), "0");
	/* Each request and each fate is on record. */
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'protection.%'"), 8);
	world_done(&w);
}

/* ---- rollout ---- */

struct machines {
	struct world *w;
	int count;
	int64_t version; /* of the first `updated` */
	int updated, finders, crashed;
	int64_t scan_us;
};

static int put_machines(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct machines *m = ctx;
	int r = 0;
	for (int i = 0; r >= 0 && i < m->count; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "pc-%03d", i);
		struct endpoint_sample s = {.unit_id = m->w->east, .hostname = str_c(name), .os = STR("linux"), .os_version = STR(""),
		                            .address = STR(""), .agent_version = STR("1"), .state = ENDPOINT_STATE_PROTECTED, .reason = "",
		                            .last_seen_at = world_clock};
		struct uuid id;
		r = endpoint_put_sample(tx, &s, world_clock, err);
		if (r >= 0)
			r = endpoint_find_sample(tx, s.hostname, &id, err);
		if (r >= 0)
			r = db_exec(tx, err,
			            "UPDATE endpoint SET bundle_version = $2, health_found = $3, health_crashes = $4, health_files = 100,"
			            " health_scan_us = $5 WHERE id = $1",
			            DB_UUID(&id), DB_INT(i < m->updated ? m->version : 1), DB_INT(i < m->finders), DB_INT(i < m->crashed),
			            DB_INT(i < m->updated ? m->scan_us : 100000));
	}
	return r < 0 ? r : 0;
}

static int make_real(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_exec(tx, err, *(const bool *)ctx ? "UPDATE endpoint SET sample = 0" : "UPDATE endpoint SET sample = 1");
}

static void machines(struct world *w, const struct machines *m)
{
	struct err err = {.code = 0};
	struct machines copy = *m;
	copy.w = w;
	copy.count = 40;
	copy.scan_us = copy.scan_us != 0 ? copy.scan_us : 100000;
	world_must(db_write(w->sc.db, make_real, &(bool){false}, &err), &err); /* or they would not be put again */
	world_must(db_write(w->sc.db, put_machines, &copy, &err), &err);
	world_must(db_write(w->sc.db, make_real, &(bool){true}, &err), &err);
}

static int64_t setting(struct world *w, const char *name)
{
	char sql[160];
	(void)snprintf(sql, sizeof sql, "SELECT CAST(value AS BIGINT) FROM endpoint_setting WHERE name = '%s'", name);
	return world_sql_count(w, sql);
}

static int order_rollout(struct world *w, const struct access *as, int64_t version, const char *verb)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer a = world_call(w, &(struct world_call){
		.as = as, .method = "POST", .body = "{\"reason\":\"xem lại\"}", .target = arena_printf(arena, "/api/v1/bundles/%d/%s", (int)version, verb).p});
	return a.status;
}

static void tick(struct world *w, usec_t later)
{
	struct err err = {.code = 0};
	world_clock += later;
	world_must(quiet_protection.on_tick(&w->sc, &err), &err);
}

static void rollout(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	char dir[] = "/tmp/luytre-protection-XXXXXX";
	assert_non_null(mkdtemp(dir));
	start_world(&w, db, dir);
	write_pack(dir);
	w.sc.packs_dir = dir;
	world_must(quiet_protection.on_tick(&w.sc, &err), &err);
	assert_int_equal(setting(&w, "bundle_version"), 1);
	/* Few machines: at once. */
	assert_int_equal(release(&w, "", "", NULL, &err), 2);
	assert_int_equal(setting(&w, "bundle_version"), 2);
	machines(&w, &(struct machines){.version = 2, .updated = 40});
	/* Many: first wave, and the next ones in their time, but not before machines have it. */
	assert_int_equal(release(&w, "", "", NULL, &err), 3);
	assert_int_equal(setting(&w, "bundle_version"), 2);
	assert_int_equal(setting(&w, "trial_version"), 3);
	assert_int_equal(setting(&w, "trial_permille"), 10);
	tick(&w, 40 * USEC_PER_MINUTE);
	assert_int_equal(setting(&w, "trial_permille"), 10);
	machines(&w, &(struct machines){.version = 3, .updated = 2});
	tick(&w, 0);
	assert_int_equal(setting(&w, "trial_permille"), 500);
	tick(&w, 50 * USEC_PER_MINUTE);
	assert_int_equal(setting(&w, "trial_permille"), 500);
	tick(&w, 11 * USEC_PER_MINUTE);
	assert_int_equal(setting(&w, "bundle_version"), 3);
	assert_int_equal(setting(&w, "trial_version"), 0);
	/* Each reason to halt by itself. */
	static const struct {
		struct machines m;
		const char *key;
	} rows[] = {{{.updated = 10, .finders = 3}, "protection.halt_detections"},
	            {{.updated = 10, .crashed = 1}, "protection.halt_crashes"},
	            {{.updated = 10, .scan_us = 260000}, "protection.halt_slow"}};
	int64_t version = 3;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(release(&w, "", "", NULL, &err), ++version);
		struct machines m = rows[i].m;
		m.version = version;
		machines(&w, &m);
		tick(&w, USEC_PER_MINUTE);
		cleanup_answer struct world_answer list =
			world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/bundles"});
		assert_string_equal(world_text(&list, "items.0.state"), "halted");
		assert_string_equal(world_text(&list, "items.0.halt_key"), rows[i].key);
		assert_int_equal(setting(&w, "trial_permille"), 0);
		assert_int_equal(setting(&w, "bundle_version"), 3);
		tick(&w, 5 * USEC_PER_HOUR);
		assert_int_equal(setting(&w, "trial_permille"), 0);
	}
	/* People: resume, halt, finish; only those who may, only when it can be. */
	machines(&w, &(struct machines){.version = version, .updated = 10});
	assert_int_equal(order_rollout(&w, &w.nobody, version, "resume"), 403);
	assert_int_equal(order_rollout(&w, &w.admin, version, "halt"), 409);
	assert_int_equal(order_rollout(&w, &w.admin, version, "resume"), 204);
	assert_int_equal(setting(&w, "trial_permille"), 10);
	assert_int_equal(order_rollout(&w, &w.admin, version, "halt"), 204);
	assert_int_equal(setting(&w, "trial_permille"), 0);
	assert_int_equal(order_rollout(&w, &w.admin, version, "finish"), 204);
	assert_int_equal(setting(&w, "bundle_version"), version);
	assert_int_equal(order_rollout(&w, &w.admin, version, "finish"), 409);
	assert_int_equal(order_rollout(&w, &w.admin, 99, "halt"), 404);
	/* A newer one replaces what is under way; at once means at once. */
	assert_int_equal(release(&w, "", "", NULL, &err), version + 1);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM bundle WHERE state = 1"), 1);
	int64_t urgent = 0;
	world_must(protection_release_bundle(&w.sc, &self, &(struct protection_release){.author = self.name, .at_once = true}, &urgent, &err), &err);
	assert_int_equal(setting(&w, "bundle_version"), urgent);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM bundle WHERE state = 1"), 0);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'protection.rollout%'"), 8);
	world_done(&w);
	remove_dir(dir);
}

#define ON_EACH(name)                                                                                                  \
	static void name##_each(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
ON_EACH(bundles)
ON_EACH(rollout)
ON_EACH(real_pack)
ON_EACH(quarantine)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(steps), cmocka_unit_test(bundles_each), cmocka_unit_test(rollout_each), cmocka_unit_test(real_pack_each),
	                                   cmocka_unit_test(quarantine_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
