/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The file that detection works with: written a second after the last change, told, and compared with what detection says. */
#include "base/file/file.h"
#include "base/log/log.h"
#include "engine/detect/detect_set.h"
#include "service/rule/rule_http.h"

#define JOB_NAME "rules"
#define LOOK_EVERY USEC_PER_SEC
#define SETTLE     USEC_PER_SEC     /* after the last change */
#define SETTLE_MOST (10 * USEC_PER_SEC)
#define PATIENCE   (60 * USEC_PER_SEC) /* then it is told that detection has not taken the set */
#define COMPILING  (10 * USEC_PER_MINUTE) /* as long as it says that it is at it */

static void folder_of(const struct service_context *sc, struct buf *out)
{
	if (sc->detection != NULL && sc->detection->folder != NULL)
		buf_append_c(out, sc->detection->folder);
	else
		buf_printf(out, "%s/rules", sc->data_dir);
}

void rule_set_path(const struct service_context *sc, struct buf *out)
{
	folder_of(sc, out);
	buf_append_c(out, "/" DETECT_SET_FILE);
}

struct writing {
	const struct service_context *sc;
	struct detect_set_writer *w;
	struct rule_set_state state;
	int64_t rules, indicators;
};

static int add_rule(struct str name, struct str text, void *ctx, struct err *err)
{
	struct writing *x = ctx;
	x->rules++;
	return detect_set_add(x->w, DETECT_SET_RULE, name, text, err);
}

static int add_filter(struct str name, struct str text, void *ctx, struct err *err)
{
	struct writing *x = ctx;
	return detect_set_add(x->w, DETECT_SET_RULE, name, text, err);
}

static int collect(struct db_tx *tx, void *ctx, struct err *err)
{
	struct writing *x = ctx;
	cleanup_buf struct buf yaml = BUF_INIT(DETECT_SET_TEXT_MAX);
	usec_t now = x->sc->now();
	int r = rule_db_state(tx, &x->state, err);
	if (r >= 0)
		r = rule_db_each_enabled(tx, add_rule, x, err);
	if (r >= 0)
		r = rule_exclusions_write(tx, now, &yaml, add_filter, x, err);
	if (r >= 0 && yaml.n > 0)
		r = detect_set_add(x->w, DETECT_SET_EXCLUSIONS, STR_EMPTY, buf_str(&yaml), err);
	return r < 0 ? r : rule_indicators_write(x->sc, tx, now, x->w, &x->indicators, err);
}

static int keep_state(struct db_tx *tx, void *ctx, struct err *err)
{
	return rule_db_state_written(tx, ctx, err);
}

static int write_now(const struct service_context *sc, struct err *err)
{
	cleanup_buf struct buf folder = BUF_INIT(4096), path = BUF_INIT(4096);
	struct writing x = {.sc = sc};
	folder_of(sc, &folder);
	rule_set_path(sc, &path);
	int r = file_make_dirs(folder.p, 0750, err);
	if (r >= 0)
		r = detect_set_create(path.p, &x.w, err);
	if (r < 0)
		return r;
	r = db_read(sc->db, collect, &x, err);
	if (r < 0) {
		detect_set_abandon(x.w);
		return r;
	}
	struct rule_set_state done = {.written = x.state.changed, .written_at = sc->now(), .rules = x.rules, .indicators = x.indicators};
	r = detect_set_commit(x.w, done.digest, err);
	if (r >= 0)
		r = db_write(sc->db, keep_state, &done, err);
	if (r < 0)
		return r;
	log_info("rules are written for detection", ARG_I64("rules", done.rules), ARG_I64("indicators", done.indicators),
	         ARG_CSTR("digest", done.digest));
	if (sc->detection != NULL)
		sc->detection->changed(sc->detection->ctx);
	return 0;
}

static int look(struct db_tx *tx, void *ctx, struct err *err)
{
	return rule_db_state(tx, ctx, err);
}

int rule_set_write(const struct service_context *sc, bool *ret_written, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	struct rule_set_state state;
	char digest[DETECT_DIGEST_SIZE];
	*ret_written = false;
	int r = db_read(sc->db, look, &state, err);
	rule_set_path(sc, &path);
	/* Somebody may have taken the file away, or a backup have brought an older one. */
	bool there = r >= 0 && detect_set_peek(path.p, digest) && strcmp(digest, state.digest) == 0;
	if (r < 0 || (state.changed == state.written && there))
		return r;
	r = write_now(sc, err);
	*ret_written = r >= 0;
	return r;
}

/* A change that comes with others waits for them, but not for ever. */
static int run(struct job *job, void *ctx, struct err *err)
{
	const struct service_context *sc = ctx;
	struct rule_set_state state;
	bool written = false;
	(void)job;
	int r = db_read(sc->db, look, &state, err);
	usec_t now = sc->now();
	if (r >= 0 && state.changed != state.written && now - state.changed_at < SETTLE && now - state.written_at < SETTLE_MOST)
		return 0;
	if (r >= 0)
		r = rule_set_write(sc, &written, err);
	if (r < 0)
		log_err(LOG_LEVEL_ERROR, "the rules could not be written for detection", err);
	return r;
}

void rule_set_start(const struct service_context *sc)
{
	job_every(sc->jobs, JOB_NAME, LOOK_EVERY, run, (void *)(uintptr_t)sc); /* only read; lives as long as the jobs */
}

/* ---- what detection says ---- */

static const struct json *ask_detection(const struct service_context *sc, struct arena *arena)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)2 << 20);
	const struct json *j = NULL;
	if (sc->detection == NULL || sc->detection->report(sc->detection->ctx, &out, NULL) < 0 ||
	    json_parse(arena, arena_str(arena, buf_str(&out)), NULL, &j, NULL) < 0 || j->type != JSON_OBJECT)
		return NULL;
	return j;
}

static void judge(const struct service_context *sc, const struct rule_set_state *state, const struct json *report, struct rule_health *ret)
{
	*ret = (struct rule_health){.changed_at = state->changed_at};
	str_copy_c(str_c(state->digest), ret->digest, sizeof ret->digest);
	str_copy_c(json_get_str(report, "digest", STR_EMPTY), ret->loaded, sizeof ret->loaded);
	bool same = state->changed == state->written && strcmp(ret->digest, ret->loaded) == 0;
	usec_t asked = state->changed == state->written ? state->written_at : state->changed_at;
	usec_t patience = str_eq(json_get_str(report, "state", STR_EMPTY), STR("compiling")) ? COMPILING : PATIENCE;
	if (!same && sc->now() - asked > patience)
		ret->since = asked;
}

int rule_health(const struct service_context *sc, struct rule_health *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct rule_set_state state;
	int r = db_read(sc->db, look, &state, err);
	if (r >= 0)
		judge(sc, &state, ask_detection(sc, arena), ret);
	return r;
}

/* The refusals that detection reports, with their texts. */
static void write_refused(struct json_writer *w, const struct api_request *req, const struct json *list)
{
	json_name(w, "refused");
	json_array(w);
	json_each(row, list) {
		cleanup_buf struct buf text = BUF_INIT(4096);
		char key[ERR_KEY_SIZE];
		struct err why = {0};
		str_copy_c(json_get_str(row, "key", STR("rule.worker")), key, sizeof key);
		(void)err_set_args(&why, -EINVAL, key, NULL);
		msg_append_err(req->service->messages, req->access->lang, &why, &text);
		json_object(w);
		json_member_str(w, "file", json_get_str(row, "file", STR_EMPTY));
		json_member_str(w, "title", json_get_str(row, "title", STR_EMPTY));
		json_member_str(w, "place", json_get_str(row, "place", STR_EMPTY));
		json_member_str(w, "text", buf_str(&text));
		json_object_end(w);
	}
	json_array_end(w);
}

int rule_get_state(struct api_request *req, struct http_response *res, struct err *err)
{
	struct rule_set_state state;
	struct rule_health health;
	int r = db_read(req->service->db, look, &state, err);
	if (r < 0)
		return r;
	const struct json *report = ask_detection(req->service, req->arena);
	judge(req->service, &state, report, &health);
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_int(&w, "rules", state.rules);
	json_member_int(&w, "indicators", state.indicators);
	api_member_time(&w, "changed_at", state.changed_at);
	api_member_time(&w, "written_at", state.written_at);
	json_member_bool(&w, "waiting", state.changed != state.written);
	json_member_cstr(&w, "digest", state.digest);
	json_name(&w, "detection");
	if (report == NULL) {
		json_null(&w);
	} else {
		json_object(&w);
		json_member_str(&w, "state", json_get_str(report, "state", STR_EMPTY));
		json_member_str(&w, "digest", json_get_str(report, "digest", STR_EMPTY));
		json_member_int(&w, "rules", json_get_int(report, "rules", 0));
		json_member_int(&w, "correlations", json_get_int(report, "correlations", 0));
		json_member_int(&w, "indicators", json_get_int(report, "indicators", 0));
		const struct json *at = json_get(report, "loaded_at");
		if (at != NULL) {
			json_name(&w, "loaded_at");
			json_tree(&w, at);
		}
		write_refused(&w, req, json_get(report, "refused"));
		json_object_end(&w);
	}
	json_member_bool(&w, "current", str_eq_c(str_c(health.loaded), state.digest) && state.changed == state.written);
	api_member_time(&w, "behind_since", health.since);
	json_object_end(&w);
	return 0;
}

/* ---- time passes ---- */

struct due {
	const struct service_context *sc;
	struct rule_set_state state;
};

static int touch_due(struct db_tx *tx, void *ctx, struct err *err)
{
	struct due *d = ctx;
	int64_t n = 0;
	usec_t now = d->sc->now();
	int r = rule_db_state(tx, &d->state, err);
	if (r >= 0)
		r = rule_db_count_due(tx, d->state.written_at, now, &n, err);
	return r >= 0 && n > 0 && d->state.changed == d->state.written ? rule_db_touch(tx, now, err) : r;
}

int rule_tick(const struct service_context *sc, struct err *err)
{
	struct due due = {.sc = sc};
	int r = db_write(sc->db, touch_due, &due, err);
	return r < 0 ? r : rule_archives_tick(sc, err);
}
