/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reads the room's packs at start. */
#include "service/alert/alert_internal.h"
#include "service/alert/alert_severity.h"
#include "service/alert/alert_text.h"

struct load {
	struct arena *arena;
	const struct alert_text *texts[ALERT_TEXT_KIND__COUNT];
	size_t counts[ALERT_TEXT_KIND__COUNT];
	struct alert_policy policy;
};

static int put_all(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct load *l = ctx;
	int r = alert_db_clear_texts(tx, err);
	for (int k = 0; k < ALERT_TEXT_KIND__COUNT; k++) {
		for (size_t i = 0; r >= 0 && i < l->counts[k]; i++)
			r = alert_db_put_text(tx, l->arena, (enum alert_text_kind)k, &l->texts[k][i], err);
	}
	return r < 0 ? r : alert_policy_store(tx, &l->policy, err);
}

/* Messages point at the path while the document lives. */
static int load_doc(const struct service_context *sc, struct arena *arena, const char *name, const struct pack_doc **ret,
                    struct err *err)
{
	return pack_load(arena, arena_printf(arena, "%s/vn/%s", sc->packs_dir, name).p, ret, err);
}

int alert_pack_load(const struct service_context *sc, struct err *err)
{
	static const char *const files[ALERT_TEXT_KIND__COUNT] = {
		[ALERT_TEXT_TECHNIQUE] = "attack.yaml", [ALERT_TEXT_RULE] = "rule_texts.yaml"};
	cleanup(arena) struct arena *arena = arena_new(0);
	struct load l = {.arena = arena};
	for (int k = 0; k < ALERT_TEXT_KIND__COUNT; k++) {
		const struct pack_doc *doc = NULL;
		int r = load_doc(sc, arena, files[k], &doc, err);
		if (r >= 0)
			r = alert_text_read(arena, doc, (enum alert_text_kind)k, &l.texts[k], &l.counts[k], err);
		if (r < 0)
			return r;
	}
	const struct pack_doc *doc = NULL;
	int r = load_doc(sc, arena, "alert_severity.yaml", &doc, err);
	if (r >= 0)
		r = alert_policy_read(arena, doc, &l.policy, err);
	return r < 0 ? r : db_write(sc->db, put_all, &l, err);
}
