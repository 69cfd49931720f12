/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* How a bundle spreads: waves, the automatic halt, and what people decide. */
#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/pack/pack.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection_internal.h"

static const char *const state_names[BUNDLE_STATE__COUNT] = {
	[BUNDLE_STATE_ALL] = "current",
	[BUNDLE_STATE_ROLLING] = "rolling",
	[BUNDLE_STATE_HALTED] = "halted",
	[BUNDLE_STATE_REPLACED] = "replaced",
};

const char *protection_bundle_state_name(enum bundle_state state)
{
	return state_names[state];
}

/* ---- the pack ---- */

struct halt_values {
	int64_t min_machines, finders, crashed, slower;
};
struct wave_values {
	int64_t permille;
	struct str hold;
};
struct pack_values {
	struct str version, confidence;
	int64_t whole_below;
	const struct json *waves, *halt;
};
static const struct json_field pack_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct pack_values, version), true, 1, 40},
	{"confidence", JSON_FIELD_STR, offsetof(struct pack_values, confidence), true, 1, 40},
	{"whole_below", JSON_FIELD_INT, offsetof(struct pack_values, whole_below), true, 0, 1000000},
	{"waves", JSON_FIELD_ANY, offsetof(struct pack_values, waves), true},
	{"halt", JSON_FIELD_ANY, offsetof(struct pack_values, halt), true},
	{.name = NULL},
};
static const struct json_field wave_fields[] = {
	{"permille", JSON_FIELD_INT, offsetof(struct wave_values, permille), true, 1, 999},
	{"hold", JSON_FIELD_STR, offsetof(struct wave_values, hold), true, 1, 20},
	{.name = NULL},
};
static const struct json_field halt_fields[] = {
	{"min_machines", JSON_FIELD_INT, offsetof(struct halt_values, min_machines), true, 1, 1000000},
	{"finders_permille", JSON_FIELD_INT, offsetof(struct halt_values, finders), true, 1, 1000},
	{"crashed_permille", JSON_FIELD_INT, offsetof(struct halt_values, crashed), true, 1, 1000},
	{"slower_percent", JSON_FIELD_INT, offsetof(struct halt_values, slower), true, 1, 100000},
	{.name = NULL},
};

static int read_waves(struct arena *arena, const struct pack_doc *doc, const struct json *list, struct protection_rollout *ret, struct err *err)
{
	if (list->type != JSON_ARRAY || list->count > PROTECTION_WAVES_MOST)
		return err_set(err, -EINVAL, "protection.rollout_waves", ARG_I64("limit", PROTECTION_WAVES_MOST));
	json_each(item, list) {
		struct wave_values v = {.permille = 0};
		size_t n = ret->wave_count;
		int r = pack_decode(arena, doc, item, wave_fields, &v, err);
		if (r >= 0)
			r = clock_parse_duration(v.hold, &ret->waves[n].hold, err);
		if (r < 0)
			return r;
		if (n > 0 && v.permille <= ret->waves[n - 1].permille)
			return err_set(err, -EINVAL, "protection.rollout_waves", ARG_I64("limit", PROTECTION_WAVES_MOST));
		ret->waves[n].permille = v.permille;
		ret->wave_count++;
	}
	return 0;
}

int protection_rollout_load(const struct service_context *sc, struct protection_rollout *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf path = BUF_INIT(4096);
	const struct pack_doc *doc = NULL;
	struct pack_values v = {.whole_below = 0};
	struct halt_values h = {.finders = 0};
	struct protection_rollout rules = {.wave_count = 0};
	file_join(&path, str_c(sc->packs_dir), STR("vn/rollout.yaml"));
	int r = pack_load(arena, path.p, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, pack_fields, &v, err);
	if (r >= 0)
		r = pack_decode(arena, doc, v.halt, halt_fields, &h, err);
	if (r >= 0)
		r = read_waves(arena, doc, v.waves, &rules, err);
	if (r < 0)
		return r;
	rules.whole_below = v.whole_below;
	rules.min_machines = h.min_machines;
	rules.finders_permille = h.finders;
	rules.crashed_permille = h.crashed;
	rules.slower_percent = h.slower;
	*ret = rules;
	return 0;
}

/* ---- the judgement ---- */

static int64_t share(int64_t part, int64_t whole)
{
	return whole > 0 ? part * 1000 / whole : 0;
}

static const char *because(struct buf *args, const char *key, int64_t with, int64_t without)
{
	struct json_writer w = json_writer_init(args);
	json_object(&w);
	json_member_int(&w, "with", with);
	json_member_int(&w, "without", without);
	json_object_end(&w);
	return key;
}

const char *protection_rollout_judge(const struct protection_rollout *rules, const struct endpoint_health *with,
                                     const struct endpoint_health *without, struct buf *ret_args)
{
	if (with->machines < rules->min_machines)
		return NULL;
	int64_t crashed = share(with->crashed, with->machines), crashed_before = share(without->crashed, without->machines);
	if (crashed - crashed_before >= rules->crashed_permille)
		return because(ret_args, "protection.halt_crashes", crashed, crashed_before);
	int64_t finders = share(with->finders, with->machines), finders_before = share(without->finders, without->machines);
	if (finders - finders_before >= rules->finders_permille)
		return because(ret_args, "protection.halt_detections", finders, finders_before);
	if (with->files == 0 || without->files == 0 || without->scan_us / without->files == 0)
		return NULL;
	int64_t us = with->scan_us / with->files, us_before = without->scan_us / without->files;
	if (us >= us_before + us_before * rules->slower_percent / 100)
		return because(ret_args, "protection.halt_slow", us, us_before);
	return NULL;
}

/* ---- what follows ---- */

static struct endpoint_bundle told(const struct protection_bundle *b)
{
	return (struct endpoint_bundle){.version = b->version, .sha256 = str_c(b->sha256), .size_bytes = b->size_bytes,
	                                .manifest_sha256 = str_c(b->manifest_sha256), .released_at = b->created_at};
}

static int tell(struct db_tx *tx, const struct protection_bundle *b, struct err *err)
{
	struct endpoint_bundle e = told(b), none = {.version = 0, .sha256 = STR(""), .manifest_sha256 = STR("")};
	if (b->state != BUNDLE_STATE_ALL)
		return endpoint_try_bundle(tx, &e, b->state == BUNDLE_STATE_ROLLING ? b->permille : 0, err);
	int r = endpoint_set_bundle(tx, &e, err);
	return r < 0 ? r : endpoint_try_bundle(tx, &none, 0, err);
}

int protection_emit_bundle(struct db_tx *tx, int64_t version, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(1024);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	json_member_cstr(&w, "what", "bundle");
	json_member_int(&w, "version", version);
	json_object_end(&w);
	struct service_event e = {.name = "protection.changed", .permission = "protection.read", .json = buf_str(&json)};
	return outbox_write(tx, &e, err);
}

int protection_rollout_begin(struct db_tx *tx, const struct protection_rollout *rules, bool at_once, struct protection_bundle *b, usec_t now, struct err *err)
{
	struct endpoint_health machines;
	int r = endpoint_bundle_health(tx, b->version, true, &machines, err);
	if (r < 0)
		return r;
	bool waves = !at_once && rules->wave_count > 0 && machines.machines >= rules->whole_below && b->version > 1;
	b->state = waves ? BUNDLE_STATE_ROLLING : BUNDLE_STATE_ALL;
	b->wave = 0;
	b->wave_at = now;
	b->permille = waves ? rules->waves[0].permille : 1000;
	r = protection_db_bundle_replace(tx, b->version, err);
	return r < 0 ? r : tell(tx, b, err);
}

static int audit(struct db_tx *tx, const struct access *access, const char *action, const struct protection_bundle *b, struct str reason,
                 usec_t now, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(16384);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_int(&w, "version", b->version);
	json_member_int(&w, "permille", b->permille);
	json_member_str(&w, "reason", reason);
	json_object_end(&w);
	struct audit_entry e = {.action = action, .object_type = "bundle", .details = buf_str(&details)};
	return audit_write(tx, access, now, &e, err);
}

static int change(struct db_tx *tx, const struct access *access, const char *action, const struct protection_bundle *b,
                  enum bundle_state from, const char *halt_key, struct str halt_args, struct str reason, usec_t now, struct err *err)
{
	int r = protection_db_bundle_advance(tx, b, from, halt_key, halt_args, err);
	if (r >= 0)
		r = tell(tx, b, err);
	if (r >= 0)
		r = audit(tx, access, action, b, reason, now, err);
	return r < 0 ? r : protection_emit_bundle(tx, b->version, err);
}

struct ticking {
	const struct service_context *sc;
	const struct protection_rollout *rules;
	bool changed;
};

static int next_wave(struct protection_bundle *b, const struct protection_rollout *rules, usec_t now)
{
	b->wave++;
	b->wave_at = now;
	bool last = b->wave >= (int64_t)rules->wave_count;
	b->state = last ? BUNDLE_STATE_ALL : BUNDLE_STATE_ROLLING;
	b->permille = last ? 1000 : rules->waves[b->wave].permille;
	return 0;
}

static int step(struct db_tx *tx, void *ctx, struct err *err)
{
	static const struct access self = {.kind = ACCESS_SYSTEM, .name = {"luytre", 6}};
	struct ticking *t = ctx;
	struct protection_bundle b;
	struct endpoint_health with, without;
	cleanup_buf struct buf args = BUF_INIT(1024);
	usec_t now = t->sc->now();
	t->changed = false;
	int r = protection_db_bundle_under_way(tx, &b, err);
	if (r <= 0 || b.state != BUNDLE_STATE_ROLLING)
		return r < 0 ? r : 0;
	r = endpoint_bundle_health(tx, b.version, false, &with, err);
	if (r >= 0)
		r = endpoint_bundle_health(tx, b.version, true, &without, err);
	if (r < 0)
		return r;
	const char *why = protection_rollout_judge(t->rules, &with, &without, &args);
	usec_t hold = b.wave < (int64_t)t->rules->wave_count ? t->rules->waves[b.wave].hold : 0;
	t->changed = why != NULL || (with.machines >= t->rules->min_machines && now - b.wave_at >= hold);
	if (!t->changed)
		return 0;
	if (why != NULL) {
		b.state = BUNDLE_STATE_HALTED;
		log_warn("the rollout of a signature bundle halts", ARG_I64("version", b.version), ARG_CSTR("because", why));
		return change(tx, &self, "protection.rollout_halt", &b, BUNDLE_STATE_ROLLING, why, buf_str(&args), str_c(why), now, err);
	}
	(void)next_wave(&b, t->rules, now);
	return change(tx, &self, "protection.rollout_wave", &b, BUNDLE_STATE_ROLLING, "", STR_EMPTY, STR_EMPTY, now, err);
}

static int look(struct db_tx *tx, void *ctx, struct err *err)
{
	return protection_db_bundle_under_way(tx, ctx, err);
}

int protection_rollout_tick(const struct service_context *sc, struct err *err)
{
	struct protection_rollout rules;
	struct protection_bundle b;
	int r = db_read(sc->db, look, &b, err);
	if (r <= 0 || b.state != BUNDLE_STATE_ROLLING)
		return r < 0 ? r : 0;
	r = protection_rollout_load(sc, &rules, err);
	struct ticking t = {.sc = sc, .rules = &rules};
	if (r >= 0)
		r = db_write(sc->db, step, &t, err);
	if (r >= 0 && t.changed)
		outbox_wake(sc);
	return r < 0 ? r : 0;
}

int protection_rollout_order(struct db_tx *tx, const struct service_context *sc, const struct access *access, int64_t version, enum rollout_step step_,
                             struct str reason, struct err *err)
{
	static const char *const actions[] = {
		[ROLLOUT_HALT] = "protection.rollout_halt", [ROLLOUT_RESUME] = "protection.rollout_resume", [ROLLOUT_FINISH] = "protection.rollout_finish"};
	struct protection_bundle b;
	usec_t now = sc->now();
	int r = protection_db_bundle_get(tx, version, &b, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "protection.no_such_bundle");
	enum bundle_state from = b.state;
	bool possible = step_ == ROLLOUT_HALT     ? from == BUNDLE_STATE_ROLLING
	                : step_ == ROLLOUT_RESUME ? from == BUNDLE_STATE_HALTED
	                                          : from == BUNDLE_STATE_ROLLING || from == BUNDLE_STATE_HALTED;
	if (!possible)
		return err_set(err, -EBUSY, "protection.rollout_not_now", ARG_CSTR("state", protection_bundle_state_name(from)));
	cleanup_buf struct buf args = BUF_INIT(8192);
	struct json_writer w = json_writer_init(&args);
	json_object(&w);
	json_member_str(&w, "reason", reason);
	json_object_end(&w);
	b.state = step_ == ROLLOUT_HALT ? BUNDLE_STATE_HALTED : step_ == ROLLOUT_RESUME ? BUNDLE_STATE_ROLLING : BUNDLE_STATE_ALL;
	b.permille = step_ == ROLLOUT_FINISH ? 1000 : b.permille;
	b.wave_at = now; /* a resumed wave waits its time again */
	return change(tx, access, actions[step_], &b, from, step_ == ROLLOUT_HALT ? "protection.halt_person" : "", buf_str(&args), reason, now, err);
}
