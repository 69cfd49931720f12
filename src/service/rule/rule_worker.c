/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the worker makes of rules, read with care: it has seen hostile bytes. */
#include "service/rule/rule_internal.h"

#define OUTPUT_MAX ((size_t)128 << 20)

static struct str list_text(struct arena *arena, const struct json *list)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)64 << 10);
	json_each(item, list) {
		if (out.n > 0)
			buf_append_char(&out, ' ');
		buf_append(&out, item->text);
	}
	return arena_str(arena, buf_str(&out));
}

int rule_file_parse(struct arena *arena, struct str line, struct rule_file *ret, struct err *err)
{
	const struct json *j = NULL;
	if (json_parse(arena, line, NULL, &j, NULL) < 0 || j->type != JSON_OBJECT)
		return err_set(err, -EPROTO, "rule.worker");
	const struct {
		const char *name;
		struct str *to;
	} texts[] = {
		{"key", &ret->key},       {"path", &ret->path},         {"sha256", &ret->sha256},   {"id", &ret->sigma_id},
		{"kind", &ret->kind},     {"title", &ret->title},       {"level", &ret->level},     {"status", &ret->status},
		{"category", &ret->category}, {"product", &ret->product}, {"service", &ret->service}, {"author", &ret->author},
		{"text", &ret->text},
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i].to = json_get_str(j, texts[i].name, STR(""));
	ret->ids = list_text(arena, json_get(j, "ids"));
	ret->tags = list_text(arena, json_get(j, "tags"));
	ret->documents = json_get_int(j, "documents", 0);
	ret->refused = STR("");
	const struct json *refused = json_get(j, "refused");
	if (refused != NULL && refused->type == JSON_OBJECT) {
		cleanup_buf struct buf out = BUF_INIT(8192);
		struct json_writer w = json_writer_init(&out);
		json_tree(&w, refused);
		ret->refused = arena_str(arena, buf_str(&out));
	}
	if (ret->path.n == 0 || ret->key.n == 0 || ret->sha256.n != 64)
		return err_set(err, -EPROTO, "rule.worker");
	if (ret->title.n == 0)
		ret->title = ret->path;
	return 0;
}

int rule_reader_begin(struct rule_reader *r, struct str bytes, struct err *err)
{
	const struct json *head = NULL;
	struct str line;
	r->rest = bytes;
	arena_clear(r->arena);
	if (!str_split(&r->rest, '\n', &line) || json_parse(r->arena, line, NULL, &head, NULL) < 0)
		return err_set(err, -EPROTO, "rule.worker");
	r->files = json_get_int(head, "files", 0);
	r->documents = json_get_int(head, "documents", 0);
	r->refused = json_get_int(head, "refused", 0);
	r->skipped = json_get_int(head, "skipped", 0);
	return 0;
}

int rule_reader_next(struct rule_reader *r, struct rule_file *ret, struct err *err)
{
	struct str line;
	arena_clear(r->arena);
	if (!str_split(&r->rest, '\n', &line) || line.n == 0)
		return 0;
	int e = rule_file_parse(r->arena, line, ret, err);
	return e < 0 ? e : 1;
}

static int run(const struct service_context *sc, enum rulebook_job job, struct str head, struct str bytes, struct buf *ret, struct err *err)
{
	cleanup_buf struct buf input = BUF_INIT((size_t)128 << 20);
	if (sc->worker == NULL || sc->worker->rulebook == NULL)
		return err_set(err, -EAGAIN, "api.no_worker");
	buf_append(&input, head);
	buf_append_char(&input, '\n');
	buf_append(&input, bytes);
	if (input.overflow)
		return err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", RULEBOOK_FILE_MAX >> 20));
	return sc->worker->rulebook(sc->worker->ctx, job, buf_str(&input), ret, err);
}

int rule_worker_run(const struct service_context *sc, enum rulebook_job job, struct str head, struct str bytes, struct buf *ret,
                    struct err *err)
{
	return run(sc, job, head, bytes, ret, err);
}

int rule_worker_read(const struct service_context *sc, struct str name, struct str bytes, struct buf *ret, struct err *err)
{
	cleanup_buf struct buf head = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&head);
	json_object(&w);
	json_member_str(&w, "name", name);
	json_object_end(&w);
	return run(sc, RULEBOOK_READ, buf_str(&head), bytes, ret, err);
}

/* The worker's {"key","place","args"} as an error of ours. */
int rule_refusal(struct str json, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j = NULL;
	char key[ERR_KEY_SIZE];
	if (json_parse(arena, json, NULL, &j, NULL) < 0)
		return err_set(err, -EPROTO, "rule.worker");
	str_copy_c(json_get_str(j, "key", STR("rule.worker")), key, sizeof key);
	struct arg args[ERR_ARGS + 1] = {{.name = NULL}};
	size_t n = 0;
	json_each(member, json_get(j, "args"))
		if (n < ERR_ARGS)
			args[n++] = ARG_STR(arena_cstr(arena, member->name), member->text);
	int r = err_set_args(err, -EINVAL, key, args);
	return err != NULL ? err_at(err, json_get_str(j, "place", STR_EMPTY)) : r;
}

int rule_worker_read_one(const struct service_context *sc, struct arena *arena, struct str text, struct rule_file *ret, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(OUTPUT_MAX);
	int r = rule_worker_read(sc, STR("rule.yml"), text, &out, err);
	if (r < 0)
		return r;
	struct str rest = arena_str(arena, buf_str(&out)), line;
	if (!str_split(&rest, '\n', &line) || !str_split(&rest, '\n', &line))
		return err_set(err, -EPROTO, "rule.worker");
	r = rule_file_parse(arena, line, ret, err);
	if (r >= 0 && ret->refused.n > 0)
		r = rule_refusal(ret->refused, err);
	return r;
}
