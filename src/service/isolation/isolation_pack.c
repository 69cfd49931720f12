/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reads packs/vn/isolation.yaml at start. */
#include "platform/pack/pack.h"
#include "service/isolation/isolation_internal.h"

struct file {
	struct str version, confidence, longest;
	struct json_str_list durations;
	const struct json *two, *message, *hotline, *causes;
};
struct two {
	int64_t level, machines;
	struct str within;
};
struct node {
	struct str id;
	const struct json *label, *sentence;
};
static const struct json_field file_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file, version), true},
	{"confidence", JSON_FIELD_STR, offsetof(struct file, confidence), true},
	{"durations", JSON_FIELD_STR_LIST, offsetof(struct file, durations), true, 1, ISOLATION_DURATIONS},
	{"longest", JSON_FIELD_STR, offsetof(struct file, longest), true},
	{"two_persons", JSON_FIELD_ANY, offsetof(struct file, two), true},
	{"message", JSON_FIELD_ANY, offsetof(struct file, message), true},
	{"hotline", JSON_FIELD_ANY, offsetof(struct file, hotline), true},
	{"causes", JSON_FIELD_ANY, offsetof(struct file, causes), true},
	{.name = NULL},
};
static const struct json_field two_fields[] = {
	{"system_level", JSON_FIELD_INT, offsetof(struct two, level), true, 1, 6},
	{"machines", JSON_FIELD_INT, offsetof(struct two, machines), true, 1, 100000},
	{"within", JSON_FIELD_STR, offsetof(struct two, within), true},
	{.name = NULL},
};
static const struct json_field node_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct node, id), true, 1, 40},
	{"label", JSON_FIELD_ANY, offsetof(struct node, label), true},
	{"sentence", JSON_FIELD_ANY, offsetof(struct node, sentence), true},
	{.name = NULL},
};
static const struct json_field text_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct isolation_text, vi), true, 1, 600},
	{"en", JSON_FIELD_STR, offsetof(struct isolation_text, en), true, 1, 600},
	{.name = NULL},
};

static int read_causes(struct arena *arena, const struct pack_doc *doc, const struct json *list, struct isolation_policy *p,
                       struct err *err)
{
	json_each(item, list) {
		struct node n = {.label = NULL};
		if (p->cause_count == ISOLATION_CAUSES)
			return pack_error(doc, item, err_set(err, -E2BIG, "isolation.too_many_causes", ARG_I64("most", ISOLATION_CAUSES)), err);
		struct isolation_cause *c = &p->causes[p->cause_count++];
		int r = pack_decode(arena, doc, item, node_fields, &n, err);
		if (r >= 0)
			r = pack_decode(arena, doc, n.label, text_fields, &c->label, err);
		if (r >= 0)
			r = pack_decode(arena, doc, n.sentence, text_fields, &c->sentence, err);
		if (r < 0)
			return r;
		c->id = n.id;
		size_t words = isolation_words(isolation_message(arena, p, c, STR("MAY-01"), "")) + ISOLATION_HOTLINE_WORDS;
		size_t fallback = isolation_words(p->hotline.vi);
		words -= fallback < ISOLATION_HOTLINE_WORDS ? fallback : ISOLATION_HOTLINE_WORDS;
		if (words > ISOLATION_WORDS_MAX)
			return pack_error(doc, item, err_set(err, -E2BIG, "isolation.message_too_long", ARG_U64("words", words),
			                                     ARG_I64("most", ISOLATION_WORDS_MAX)), err);
	}
	return p->cause_count > 0 ? 0 : pack_error(doc, list, err_set(err, -EINVAL, "isolation.no_causes"), err);
}

static int read_durations(const struct file *f, const struct two *two, struct isolation_policy *p, struct err *err)
{
	int r = clock_parse_duration(f->longest, &p->longest, err);
	if (r >= 0)
		r = clock_parse_duration(two->within, &p->many_within, err);
	for (size_t i = 0; r >= 0 && i < f->durations.count; i++) {
		r = clock_parse_duration(f->durations.items[i], &p->durations[p->duration_count++], err);
		if (r >= 0 && p->durations[i] > p->longest)
			return err_set(err, -EINVAL, "isolation.duration_too_long");
	}
	if (r >= 0 && (p->longest < USEC_PER_MINUTE || p->longest > 31 * USEC_PER_DAY))
		return err_set(err, -EINVAL, "isolation.duration_too_long");
	return r;
}

static int store(struct db_tx *tx, void *ctx, struct err *err)
{
	return isolation_db_store(tx, ctx, err);
}

int isolation_pack_load(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *path = arena_printf(arena, "%s/vn/isolation.yaml", sc->packs_dir).p;
	const struct pack_doc *doc = NULL;
	struct file f = {.two = NULL};
	struct two two = {.level = 0};
	struct isolation_policy p = {.cause_count = 0};
	int r = pack_load(arena, path, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, file_fields, &f, err);
	if (r >= 0)
		r = pack_decode(arena, doc, f.two, two_fields, &two, err);
	if (r >= 0)
		r = pack_decode(arena, doc, f.message, text_fields, &p.message, err);
	if (r >= 0)
		r = pack_decode(arena, doc, f.hotline, text_fields, &p.hotline, err);
	p.two_from_level = two.level;
	p.two_from_machines = two.machines;
	if (r >= 0)
		r = read_durations(&f, &two, &p, err);
	if (r >= 0)
		r = read_causes(arena, doc, f.causes, &p, err);
	return r < 0 ? r : db_write(sc->db, store, &p, err);
}
