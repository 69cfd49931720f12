/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* An archive's rules with what Sigma says of each. */
#include <stdlib.h>

#include "engine/rulebook/rulebook_internal.h"
#include "platform/crypto/crypto.h"

#define IDS_MAX 32

/* One file, and what was found in it. */
struct entry {
	struct str path, text;
	struct sigma_info info; /* the first rule's, or the correlation's */
	struct str ids[IDS_MAX];
	size_t id_count, documents, order;
	bool repeats; /* its id is that of an earlier file */
	const struct sigma_refusal *refused; /* the first */
};

struct reading {
	struct entry *entries; /* by path */
	size_t count, documents, refused;
};

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = str_cmp(x->path, y->path);
	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static int same_path(const void *a, const void *b)
{
	return str_cmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static struct entry *find(const struct reading *r, struct str path)
{
	const struct entry key = {.path = path};
	return r->count > 0 ? bsearch(&key, r->entries, r->count, sizeof *r->entries, same_path) : NULL;
}

static void on_rule(void *ctx, const struct sigma_info *info)
{
	struct reading *r = ctx;
	struct entry *e = find(r, info->file);
	if (e == NULL)
		return;
	/* What alerts is the correlation, not the rules below it in the file. */
	if (e->documents == 0 || info->is_correlation) {
		const struct sigma_info below = e->info;
		e->info = *info;
		if (e->documents > 0 && info->product.n + info->category.n + info->service.n == 0) {
			e->info.product = below.product;
			e->info.category = below.category;
			e->info.service = below.service;
		}
	}
	e->documents++;
	r->documents++;
	if (e->id_count < IDS_MAX && info->id.n > 0)
		e->ids[e->id_count++] = info->id;
}

void rulebook_write_error(struct json_writer *w, const struct err *err)
{
	json_object(w);
	json_member_cstr(w, "key", err->key);
	json_member_cstr(w, "place", err->place);
	json_name(w, "args");
	json_object(w);
	for (unsigned i = 0; i < err->arg_count; i++)
		json_member_cstr(w, err->args[i].name, err->args[i].value);
	json_object_end(w);
	json_object_end(w);
}

void rulebook_write_info(struct json_writer *w, const struct sigma_info *info)
{
	struct str tags = info->tags, tag;
	json_member_str(w, "title", info->title);
	json_member_str(w, "level", info->level);
	json_member_str(w, "status", info->status);
	json_member_str(w, "author", info->author);
	json_member_str(w, "description", info->description);
	json_member_str(w, "falsepositives", info->falsepositives);
	json_member_str(w, "category", info->category);
	json_member_str(w, "product", info->product);
	json_member_str(w, "service", info->service);
	json_name(w, "tags");
	json_array(w);
	while (str_split(&tags, '\n', &tag))
		if (tag.n > 0)
			json_str(w, tag);
	json_array_end(w);
}

static void write_entry(const struct entry *e, struct buf *out)
{
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	struct json_writer w = json_writer_init(out);
	struct sigma_info info = e->info;
	if (e->documents == 0 && e->refused != NULL) {
		info.title = e->refused->title;
		info.id = e->refused->id;
	}
	sha256(e->text, digest);
	json_object(&w);
	json_member_str(&w, "path", e->path);
	json_member_cstr(&w, "sha256", sha256_hex(digest, hex));
	json_member_str(&w, "key", info.id.n > 0 && !e->repeats ? info.id : e->path);
	json_member_str(&w, "id", info.id);
	rulebook_write_info(&w, &info);
	json_name(&w, "ids");
	json_array(&w);
	for (size_t i = 0; i < e->id_count; i++)
		json_str(&w, e->ids[i]);
	json_array_end(&w);
	json_member_cstr(&w, "kind", e->documents == 0 && e->refused == NULL ? "filter" : info.is_correlation ? "correlation" : "rule");
	json_member_int(&w, "documents", (int64_t)e->documents);
	json_name(&w, "refused");
	if (e->refused != NULL)
		rulebook_write_error(&w, &e->refused->err);
	else
		json_null(&w);
	json_member_str(&w, "text", e->text);
	json_object_end(&w);
	buf_append_char(out, '\n');
}

/* A path that stands twice counts once, as unpacking would leave the last of them. */
static void index_files(struct reading *r, struct rulebook_files *files)
{
	r->entries = ARENA_ARRAY(files->arena, files->count + 1, struct entry);
	for (size_t i = 0; i < files->count; i++)
		r->entries[i] = (struct entry){.path = str_c(files->items[i].path), .text = files->items[i].text, .order = i};
	if (files->count > 1)
		qsort(r->entries, files->count, sizeof *r->entries, by_path);
	for (size_t i = 0; i < files->count; i++) {
		if (i + 1 < files->count && str_eq(r->entries[i].path, r->entries[i + 1].path)) {
			files->skipped++;
			continue;
		}
		r->entries[r->count++] = r->entries[i];
	}
}

static struct str id_of(const struct entry *e)
{
	return e->documents > 0 || e->refused == NULL ? e->info.id : e->refused->id;
}

static int by_id(const void *a, const void *b)
{
	struct entry *const *x = a, *const *y = b;
	int order = str_cmp(id_of(*x), id_of(*y));
	return order != 0 ? order : str_cmp((*x)->path, (*y)->path);
}

/* A rule is known by its id wherever its file moves; of two with the same id the second is known by its path. */
static void mark_repeated(struct reading *r, struct arena *arena)
{
	struct entry **sorted = ARENA_ARRAY(arena, r->count + 1, struct entry *);
	for (size_t i = 0; i < r->count; i++)
		sorted[i] = &r->entries[i];
	if (r->count > 1)
		qsort(sorted, r->count, sizeof *sorted, by_id); /* NOLINT(bugprone-sizeof-expression): pointers are sorted */
	for (size_t i = 1; i < r->count; i++)
		sorted[i]->repeats = str_eq(id_of(sorted[i]), id_of(sorted[i - 1]));
}

static void take_refusals(struct reading *r, const struct sigma_loader *loader)
{
	for (size_t i = 0; i < sigma_loader_refused_count(loader); i++) {
		const struct sigma_refusal *refusal = sigma_loader_refused(loader, i);
		struct entry *e = find(r, str_c(refusal->file));
		r->refused++;
		if (e != NULL && e->refused == NULL)
			e->refused = refusal;
	}
}

static void write_all(const struct reading *r, const struct rulebook_files *files, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_int(&w, "files", (int64_t)r->count);
	json_member_int(&w, "documents", (int64_t)r->documents);
	json_member_int(&w, "refused", (int64_t)r->refused);
	json_member_int(&w, "skipped", (int64_t)files->skipped);
	json_object_end(&w);
	buf_append_char(out, '\n');
	for (size_t i = 0; i < r->count; i++)
		write_entry(&r->entries[i], out);
}

int rulebook_read(const struct rulebook_input *in, struct buf *out, struct err *err)
{
	struct rulebook_files files = {.arena = in->arena};
	struct reading reading = {.count = 0};
	int r = rulebook_unpack(json_get_str(in->head, "name", STR("rule.yml")), in->payload, &files, err);
	if (r < 0)
		return r;
	if (files.count == 0)
		return err_set(err, -EINVAL, "rulebook.no_rules");
	index_files(&reading, &files);
	cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(NULL);
	for (size_t i = 0; i < reading.count && r >= 0; i++)
		r = sigma_loader_add_text(loader, reading.entries[i].path.p, reading.entries[i].text, err);
	if (r >= 0)
		r = sigma_loader_look(loader, on_rule, &reading, err);
	if (r < 0)
		return r;
	take_refusals(&reading, loader);
	mark_repeated(&reading, in->arena);
	write_all(&reading, &files, out);
	return out->overflow ? err_set(err, -E2BIG, "rulebook.too_big", ARG_U64("limit_mb", out->max >> 20)) : 0;
}
